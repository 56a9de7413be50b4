#include "report/deliver.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/redact.h"
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

void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken) {
  if (!is_file(path)) return;
  check_writable(flag, path);
  std::error_code ignored;
  const auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(path), ignored);
  for (const std::string& file : taken) {
    if (place == std::filesystem::weakly_canonical(std::filesystem::absolute(file), ignored)) {
      throw UsageError(
          fmt::format("{}={}: is the database, or another file of this run; name another file",
                      flag, one_line(path)));
    }
  }
}

void deliver_json(const RunReport& report, const std::string& json) {
  if (is_file(json)) write_file(kFlag, json, json_report(report));
  if (is_stdout(json)) write_stdout(json_report(report));
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
