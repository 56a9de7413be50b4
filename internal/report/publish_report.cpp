#include "report/publish_report.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/redact.h"
#include "report/output_file.h"

namespace loadgen {

// Opening /dev/stdout by its name would open stdout a second time and overwrite it.
bool is_stdout(const std::string& destination) {
  return destination == "-" || destination == "/dev/stdout";
}

void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken) {
  if (path.empty() || is_stdout(path)) return;
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

void publish(const std::string& text, const std::vector<Output>& outputs) {
  const std::string* shown = &text;
  std::string failures;
  for (const Output& output : outputs) {
    if (output.destination.empty()) continue;
    if (is_stdout(output.destination)) {
      shown = &output.content;
      continue;
    }
    try {
      write_file(output.flag, output.destination, output.content);
    } catch (const SetupError& error) {
      failures += fmt::format("{}{}", failures.empty() ? "" : "; ", error.what());
    }
  }
  write_stdout(*shown);
  if (!failures.empty()) throw SetupError(failures);
}

}  // namespace loadgen
