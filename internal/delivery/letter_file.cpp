#include "delivery/letter_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/redact.h"
#include "base/text_limit.h"
#include "base/units.h"
#include "sink/target_config.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kVersion = 1;
// For letters with a frame: programs that do not know frames must not take such a message for
// unsent.
constexpr std::uint64_t kVersionInDoubt = 2;
constexpr std::size_t kLongestLine = 65'536;
constexpr std::uint64_t kMostRows = 100'000;   // of a frame: the largest --batch-size
constexpr std::size_t kLongestMessage = 1000;  // of a database: a trigger's may fill megabytes
constexpr std::uint64_t kLatestMicroseconds = 7'258'118'400'000'000;  // the year 2200

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

WallTime wall_from_microseconds(std::uint64_t count) {
  return WallTime(std::chrono::microseconds(count));
}

// Without conversion: get() would silently accept a sign, a fraction or a larger number.
std::uint64_t whole_number(const Json& object, const char* key) {
  return object.at(key).get_ref<const Json::number_unsigned_t&>();
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
  std::string& says = letter.error.message;
  hide_text(says, message.text);
  says.resize(std::min(says.size(), kLongestMessage));
  return letter;
}

void hide_text(std::string& says, std::string_view text) {
  if (text.empty() || says.find(text) == std::string::npos) return;
  says = "the database's message repeats the text and is not shown";
}

std::string to_json_line(const DeadLetter& letter) {
  Json json = {{"version", letter.frame ? kVersionInDoubt : kVersion},
               {"run_id", std::to_string(letter.run_id)},
               {"sequence", letter.sequence},
               {"producer", letter.producer},
               {"text_base64", to_base64(letter.text)},
               {"text_fnv1a64", hex(fnv1a64(letter.text))},
               {"due_us", unix_microseconds(letter.due)},
               {"created_us", unix_microseconds(letter.created)},
               {"attempts", letter.attempts},
               {"class", to_name(letter.error.error_class)},
               {"code", letter.error.code},
               {"constraint", letter.error.constraint},
               {"message", letter.error.message},
               {"stage", letter.stage}};
  if (letter.frame) json["frame"] = {{"id", letter.frame->id}, {"rows", letter.frame->rows}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<DeadLetter> from_json_line(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    const std::uint64_t version = whole_number(json, "version");
    if (version != kVersion && version != kVersionInDoubt) return std::nullopt;
    std::optional<DoubtfulFrame> frame;
    if (version == kVersionInDoubt) {
      frame = {.id = whole_number(json.at("frame"), "id"),
               .rows = whole_number(json.at("frame"), "rows")};
      if (frame->id > INT64_MAX || frame->rows == 0 || frame->rows > kMostRows) return std::nullopt;
    }
    const auto run_id = parse_unsigned(json.at("run_id").get<std::string>());
    const auto text = from_base64(json.at("text_base64").get<std::string>());
    const std::uint64_t sequence = whole_number(json, "sequence");
    const std::uint64_t producer = whole_number(json, "producer");
    const std::uint64_t due = whole_number(json, "due_us");
    const std::uint64_t created = whole_number(json, "created_us");
    if (!run_id || *run_id > INT64_MAX || !text || text->size() > kLongestText ||
        json.at("text_fnv1a64").get<std::string>() != hex(fnv1a64(*text)) || sequence > INT64_MAX ||
        producer > INT32_MAX || due > kLatestMicroseconds || created > kLatestMicroseconds) {
      return std::nullopt;
    }
    return DeadLetter{.run_id = static_cast<std::int64_t>(*run_id),
                      .sequence = sequence,
                      .producer = static_cast<std::uint32_t>(producer),
                      .text = *text,
                      .due = wall_from_microseconds(due),
                      .created = wall_from_microseconds(created),
                      .attempts = whole_number(json, "attempts"),
                      .error = {.code = json.at("code").get<std::string>(),
                                .message = json.at("message").get<std::string>(),
                                .constraint = json.at("constraint").get<std::string>()},
                      .frame = frame};
  } catch (const Json::exception&) {
    return std::nullopt;  // a key is missing, or of another type
  }
}

LetterFile::~LetterFile() {
  if (file_ >= 0) close(file_);
}

int LetterFile::check() const {
  struct stat status {};
  if (lstat(path_.c_str(), &status) == 0) {
    if (S_ISLNK(status.st_mode)) return ELOOP;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    // Writing to it might wait for a reader for ever.
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) return EINVAL;
    return access(path_.c_str(), W_OK) == 0 ? 0 : errno;
  }
  if (errno != ENOENT) return errno;
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  return access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

int LetterFile::open_file() {
  file_ = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
               0600);
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

int LetterFile::add(std::span<const DeadLetter> letters) {
  if (file_ < 0) {
    if (const int error = open_file(); error != 0) return error;
  }
  for (const DeadLetter& letter : letters) {
    const std::string line = to_json_line(letter);
    const ssize_t written = write(file_, line.data(), line.size());
    if (written < 0) return errno;
    if (written != static_cast<ssize_t>(line.size())) return ENOSPC;
  }
  return 0;
}

int LetterFile::sync() const { return file_ < 0 || fdatasync(file_) == 0 ? 0 : errno; }

std::uint64_t read_dead_letters(const std::string& path,
                                const std::function<void(const DeadLetter&)>& visit,
                                const std::function<void(std::uint64_t)>& on_skipped) {
  const auto fail = [&](int code) {
    throw UsageError(fmt::format("{}: cannot be read: {}", one_line(path), std::strerror(code)));
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(errno);
  std::uint64_t skipped = 0;
  std::string line;
  bool too_long = false;
  std::uint64_t number = 0;
  const auto end_line = [&] {
    ++number;
    if (const auto letter = too_long ? std::nullopt : from_json_line(line)) {
      visit(*letter);
    } else if (too_long || !line.empty()) {
      ++skipped;
      on_skipped(number);
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
