#include "report/result_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/redact.h"
#include "report/result_keys.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

// A run of a day has a result of some MB.
constexpr std::size_t kLargestFile = 64U << 20U;
constexpr std::size_t kMostValues = 4'000'000;
constexpr int kDeepest = 32;
// ordered_json looks for a key among all others of its object.
constexpr int kMostKeys = 1'000;

class File {
 public:
  explicit File(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Why it cannot be read; "" = it was.
std::string read_file(const std::string& path, std::string& content) {
  const File file(path);
  struct stat status {};
  if (file.descriptor() < 0 || fstat(file.descriptor(), &status) != 0) return std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "it is a directory";
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  std::array<char, 1U << 16U> buffer{};
  while (content.size() <= kLargestFile) {
    const ssize_t count = read(file.descriptor(), buffer.data(), buffer.size());
    if (count == 0) return content.empty() ? "it is empty" : "";
    if (count < 0 && errno != EINTR) return std::strerror(errno);
    if (count > 0) content.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return fmt::format("it is larger than {} MiB", kLargestFile >> 20U);
}

// Refuses, while they are read, documents that would take too much memory, time or stack.
class Limits {
 public:
  // For Json::parse: depth counts from 0. Returns whether the value is kept.
  bool operator()(int depth, Json::parse_event_t event, const Json& /*value*/) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kDeepest) throw UsageError("its values are nested too deep");
      keys_.at(static_cast<std::size_t>(depth)) = 0;
    }
    // A key is one deeper than its object.
    if (event == Event::key && ++keys_.at(static_cast<std::size_t>(depth) - 1) > kMostKeys) {
      throw UsageError("one of its objects has too many keys");
    }
    if (++events_ > kMostValues) throw UsageError("it holds too many values");
    return true;
  }

 private:
  std::array<int, kDeepest> keys_{};
  std::size_t events_ = 0;
};

std::size_t line_of(std::string_view content, std::size_t byte) {
  const std::string_view before = content.substr(0, byte);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

}  // namespace

Json parse_result(std::string_view what, const std::string& path, std::string_view content) {
  const auto refuse = [&](std::string_view where, std::string_view why) {
    return UsageError(fmt::format("{}{}{}: {}", what, one_line(path), where, why));
  };
  try {
    Limits limits;
    Json document = Json::parse(content.begin(), content.end(), std::ref(limits));
    if (const std::string problem = problem_of(document); !problem.empty()) {
      throw UsageError(problem);
    }
    return document;
  } catch (const Json::parse_error& error) {
    const bool is_cut = error.byte > content.size();
    throw refuse(fmt::format(":{}", line_of(content, error.byte)),
                 is_cut ? "not JSON: it ends too early" : "not JSON");
  } catch (const Json::exception&) {
    throw refuse("", "holds a number that is too large");
  } catch (const UsageError& error) {
    throw refuse("", error.what());
  }
}

Json read_result(std::string_view what, const std::string& path) {
  std::string content;
  if (const std::string problem = read_file(path, content); !problem.empty()) {
    throw UsageError(fmt::format("{}{}: cannot be read: {}", what, one_line(path), problem));
  }
  return parse_result(what, path, content);
}

}  // namespace loadgen
