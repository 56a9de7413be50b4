#include "report/publish_report.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/redact.h"
#include "report/output_file.h"

namespace loadgen {
namespace {

constexpr const char* kFlag = "--json";

// Opening /dev/stdout by its name would open stdout a second time and overwrite it.
bool is_stdout(const std::string& path) { return path == "-" || path == "/dev/stdout"; }
bool is_file(const std::string& path) { return !path.empty() && !is_stdout(path); }

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

void publish_json(const std::string& json, const std::string& destination) {
  if (is_file(destination)) write_file(kFlag, destination, json);
  if (is_stdout(destination)) write_stdout(json);
}

void publish_report(const std::string& text, const std::string& json,
                    const std::string& destination) {
  const std::string& shown = is_stdout(destination) ? json : text;
  try {
    if (is_file(destination)) write_file(kFlag, destination, json);
  } catch (const SetupError&) {
    write_stdout(shown);
    throw;
  }
  write_stdout(shown);
}

}  // namespace loadgen
