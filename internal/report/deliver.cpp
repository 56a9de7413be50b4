#include "report/deliver.h"

#include "base/error.h"
#include "report/json_report.h"
#include "report/output_file.h"
#include "report/text_report.h"

namespace loadgen {
namespace {

constexpr const char* kFlag = "--json";

// By its name in the file system, stdout would be opened twice and written over.
bool is_stdout(const std::string& json) { return json == "-" || json == "/dev/stdout"; }
bool is_file(const std::string& json) { return !json.empty() && !is_stdout(json); }

}  // namespace

void check_destination(const std::string& json) {
  if (is_file(json)) check_writable(kFlag, json);
}

void deliver(const RunReport& report, const std::string& json) {
  const std::string shown = is_stdout(json) ? json_report(report) : text_report(report);
  try {
    if (is_file(json)) write_file(kFlag, json, json_report(report));
  } catch (const SetupError&) {
    write_stdout(shown);
    throw;
  }
  write_stdout(shown);
}

}  // namespace loadgen
