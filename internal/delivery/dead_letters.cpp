#include "delivery/dead_letters.h"

#include <fmt/format.h>

#include <cstring>

#include "base/redact.h"

namespace loadgen {
namespace {

constexpr std::uint64_t kStormRows = 1000;

WriteError file_error(const std::string& path, int code) {
  return {.code = "dead_letter",
          .message = fmt::format("--dead-letter={}: {}", one_line(path), std::strerror(code)),
          .error_class = ErrorClass::kFatal};
}

}  // namespace

std::optional<WriteError> DeadLetterBox::add(std::span<const DeadLetter> letters) {
  if (file_.path().empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);  // held during I/O, because all threads share the file
  last_reason_ = letters.back().error.message;
  int error = file_.add(letters);
  // After a failed sync, the next one may succeed with nothing on the disk, so never write again.
  if (error == 0) error = file_.sync();
  return error == 0 ? std::nullopt : std::optional(file_error(file_.path(), error));
}

std::optional<WriteError> DeadLetterBox::note(std::uint64_t rows, std::uint64_t dead) {
  if (file_.path().empty() || (dead == 0 && !has_letters_.load(std::memory_order_relaxed))) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  has_letters_.store(true, std::memory_order_relaxed);
  total_ += dead;
  recent_.push_back({rows, dead});
  recent_sum_.rows += rows;
  recent_sum_.dead += dead;
  while (recent_sum_.rows - recent_.front().rows >= kStormRows) {
    recent_sum_.rows -= recent_.front().rows;
    recent_sum_.dead -= recent_.front().dead;
    recent_.pop_front();
  }
  const auto storm = [](std::string message) {
    return WriteError{
        .code = "poison_storm", .message = std::move(message), .error_class = ErrorClass::kFatal};
  };
  if (total_ > most_) {
    return storm(
        fmt::format("more than {} messages were refused (--max-dead-letters), the last: {}", most_,
                    last_reason_));
  }
  if (recent_sum_.rows >= kStormRows && recent_sum_.dead * 2 > recent_sum_.rows) {
    return storm(fmt::format(
        "more than half of the last 1000 messages were refused: the schema is wrong: {}",
        last_reason_));
  }
  return std::nullopt;
}

}  // namespace loadgen
