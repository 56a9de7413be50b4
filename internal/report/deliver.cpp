#include "report/deliver.h"

#include "base/error.h"
#include "report/json_report.h"
#include "report/output_file.h"
#include "report/text_report.h"

namespace loadgen {
namespace {

constexpr const char* kFlag = "--json";

bool is_file(const std::string& json) { return !json.empty() && json != "-"; }

}  // namespace

void check_destination(const std::string& json) {
  if (is_file(json)) check_writable(kFlag, json);
}

void deliver(const RunReport& report, const std::string& json) {
  const std::string shown = json == "-" ? json_report(report) : text_report(report);
  try {
    if (is_file(json)) write_file(kFlag, json, json_report(report));
  } catch (const SetupError&) {
    write_stdout(shown);
    throw;
  }
  write_stdout(shown);
}

}  // namespace loadgen
