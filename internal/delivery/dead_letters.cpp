#include "delivery/dead_letters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/error.h"
#include "base/redact.h"
#include "base/units.h"
#include "sink/target_config.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::size_t kLongestLine = 65'536;
constexpr std::uint64_t kStormRows = 1000;

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): finds damage, not malice.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  return hash;
}

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

WriteError file_error(const std::string& path, int code) {
  return {.code = "dead_letter",
          .message = fmt::format("--dead-letter={}: {}", one_line(path), std::strerror(code)),
          .error_class = ErrorClass::kFatal};
}

WallTime wall_from_microseconds(std::int64_t count) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::microseconds(count)));
}

}  // namespace

DeadLetter make_dead_letter(const RunIdentity& run, const Message& message, std::uint64_t attempts,
                            const WriteError& error) {
  DeadLetter letter{.run_id = run.run_id,
                    .sequence = message.sequence,
                    .producer = message.producer,
                    .text = message.text,
                    .due = run.anchor.wall_at(message.due),
                    .created = run.anchor.wall_at(message.created),
                    .attempts = attempts,
                    .error = error};
  hide_text(letter.error.message, message.text);
  return letter;
}

void hide_text(std::string& says, std::string_view text) {
  if (text.empty() || says.find(text) == std::string::npos) return;
  says = "the database's message repeats the text and is not shown";
}

std::string to_json_line(const DeadLetter& letter) {
  const Json json = {{"version", kVersion},
                     {"run_id", std::to_string(letter.run_id)},
                     {"sequence", letter.sequence},
                     {"producer", letter.producer},
                     {"text_base64", to_base64(letter.text)},
                     {"text_fnv1a64", hex(checksum(letter.text))},
                     {"due_us", unix_microseconds(letter.due)},
                     {"created_us", unix_microseconds(letter.created)},
                     {"attempts", letter.attempts},
                     {"class", to_name(letter.error.error_class)},
                     {"code", letter.error.code},
                     {"constraint", letter.error.constraint},
                     {"message", letter.error.message},
                     {"stage", "write"}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<DeadLetter> from_json_line(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    if (json.at("version").get<int>() != kVersion) return std::nullopt;
    const auto run_id = parse_unsigned(json.at("run_id").get<std::string>());
    const auto text = from_base64(json.at("text_base64").get<std::string>());
    for (const char* number : {"sequence", "producer", "attempts"}) {
      if (!json.at(number).is_number_unsigned()) return std::nullopt;
    }
    if (!run_id || *run_id > INT64_MAX || !text ||
        json.at("text_fnv1a64").get<std::string>() != hex(checksum(*text)) ||
        json.at("sequence").get<std::uint64_t>() > INT64_MAX ||
        json.at("producer").get<std::uint64_t>() > INT32_MAX) {
      return std::nullopt;
    }
    return DeadLetter{.run_id = static_cast<std::int64_t>(*run_id),
                      .sequence = json.at("sequence").get<std::uint64_t>(),
                      .producer = json.at("producer").get<std::uint32_t>(),
                      .text = *text,
                      .due = wall_from_microseconds(json.at("due_us").get<std::int64_t>()),
                      .created = wall_from_microseconds(json.at("created_us").get<std::int64_t>()),
                      .attempts = json.at("attempts").get<std::uint64_t>(),
                      .error = {.code = json.at("code").get<std::string>(),
                                .message = json.at("message").get<std::string>(),
                                .constraint = json.at("constraint").get<std::string>()}};
  } catch (const Json::exception&) {
    return std::nullopt;  // a key is missing, or of another type
  }
}

DeadLetterBox::~DeadLetterBox() {
  if (file_ >= 0) close(file_);
}

// 0 or an errno.
int DeadLetterBox::open_locked() {
  file_ = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) return errno;
  // A line that a crash tore must not swallow the first of ours.
  struct stat status {};
  if (fstat(file_, &status) != 0) return errno;
  char last = '\n';
  const int reader = open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (reader >= 0) {
    if (status.st_size > 0 && pread(reader, &last, 1, status.st_size - 1) != 1) last = '\n';
    close(reader);
  }
  return last == '\n' || write(file_, "\n", 1) == 1 ? 0 : errno;
}

std::optional<WriteError> DeadLetterBox::add(std::span<const DeadLetter> letters) {
  const std::lock_guard lock(mutex_);  // the one lock that is held over I/O: the file is one
  if (path_.empty()) return std::nullopt;
  if (file_ < 0) {
    if (const int error = open_locked(); error != 0) return file_error(path_, error);
  }
  last_reason_ = letters.back().error.message;
  for (const DeadLetter& letter : letters) {
    const std::string line = to_json_line(letter);
    const ssize_t written = write(file_, line.data(), line.size());
    if (written < 0) return file_error(path_, errno);
    if (written != static_cast<ssize_t>(line.size())) return file_error(path_, ENOSPC);
  }
  // A sync that failed once may succeed next time with nothing on the disk: never again.
  if (fdatasync(file_) != 0) return file_error(path_, errno);
  return std::nullopt;
}

std::optional<WriteError> DeadLetterBox::note(std::uint64_t rows, std::uint64_t dead) {
  if (path_.empty() || (dead == 0 && !has_letters_.load(std::memory_order_relaxed))) {
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

std::uint64_t read_dead_letters(const std::string& path,
                                const std::function<void(const DeadLetter&)>& visit) {
  const auto fail = [&](int code) {
    throw UsageError(fmt::format("{}: cannot be read: {}", one_line(path), std::strerror(code)));
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(errno);
  std::uint64_t skipped = 0;
  std::string line;
  bool too_long = false;
  const auto end_line = [&] {
    if (const auto letter = too_long ? std::nullopt : from_json_line(line)) {
      visit(*letter);
    } else if (too_long || !line.empty()) {
      ++skipped;
    }
    line.clear();
    too_long = false;
  };
  std::array<char, 65'536> buffer{};
  for (;;) {
    const ssize_t count = read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int code = errno;
      close(file);
      fail(code);
    }
    if (count == 0) break;
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
      if (c == '\n') {
        end_line();
      } else if (line.size() < kLongestLine) {
        line += c;
      } else {
        too_long = true;
      }
    }
  }
  close(file);
  end_line();  // a last line without its newline: whole, or torn and skipped
  return skipped;
}

}  // namespace loadgen
