#include "channel/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/background_thread.h"
#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

// Left on the spool's disk: for others so much, or a twentieth of a small one; for its own
// write-ahead log at least twice what that has before SQLite begins it anew.
constexpr std::uint64_t kFreeBytes = 64ULL << 20U;
constexpr std::uint64_t kLogBytes = 8ULL << 20U;
// Messages whose removal waits for an append to share its commit with. Not more: a transaction
// needs room on the disk, and a full one is to be emptied.
constexpr std::uint64_t kManySettled = 4096;
// Ranges in the journal after which it is written anew.
constexpr std::uint64_t kManyRanges = 16'384;
// A disk says nothing when it has room again.
constexpr std::chrono::milliseconds kLookAgain{100};

[[noreturn]] void refuse(const std::string& directory, std::string_view what) {
  throw UsageError(fmt::format("--spool={}: {}", one_line(directory), what));
}

std::uint64_t bytes_of(const Message& message) { return message.text.size() + Spool::kOverhead; }

std::uint64_t bytes_of(std::span<const Message> messages) {
  std::uint64_t bytes = 0;
  for (const Message& message : messages) bytes += bytes_of(message);
  return bytes;
}

std::uint64_t bytes_to_add(std::span<const Message> messages) {
  std::uint64_t bytes = 0;
  for (const Message& message : messages) bytes += message.spooled ? 0 : bytes_of(message);
  return bytes;
}

void sync_directory(const std::filesystem::path& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // one that may only be passed through: then it is not new
  fsync(file);
  close(file);
}

}  // namespace

DirectoryLock::DirectoryLock(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    refuse(directory, fmt::format("cannot be made: {}", std::strerror(errno)));
  }
  const std::string path = directory + "/lock";
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) refuse(directory, fmt::format("cannot be used: {}", std::strerror(errno)));
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(file_);
    refuse(directory, error == EWOULDBLOCK
                          ? "is in use by another process"
                          : std::string("cannot be locked: ") + std::strerror(error));
  }
}

DirectoryLock::~DirectoryLock() { close(file_); }

Spool::Spool(std::string directory, Clock& clock, std::uint64_t most_bytes)
    : directory_(std::move(directory)),
      most_bytes_(most_bytes),
      clock_(clock),
      lock_(directory_),
      disk_has_room_(disk_has_room()) {
  try {
    // SQLite follows no link to the file, and means every part of its path.
    const auto folder = std::filesystem::canonical(directory_);
    const std::string file = (folder / "spool.db").string();
    writer_ = std::make_unique<SpoolStore>(file);
    reader_ = std::make_unique<SpoolStore>(file);
    // The names are to survive a power cut as well.
    sync_directory(folder);
    sync_directory(folder.parent_path());
    if (!disk_has_room_ && writer_->is_empty()) {
      throw UsageError(fmt::format("its disk is full: {} MiB have to be free", kLogBytes >> 20U));
    }
    thread_ = start_background_thread([this] { write_groups(); });
  } catch (const UsageError& error) {
    throw UsageError(named(error));
  } catch (const std::exception& error) {
    throw SetupError(named(error));
  }
}

Spool::~Spool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_one();
  thread_.join();
}

std::string Spool::named(const std::exception& error) const {
  return fmt::format("--spool={}: {}", one_line(directory_), error.what());
}

SpoolStatus Spool::append(const SpooledRun& run, std::span<const Message> messages,
                          WhenFull when_full) {
  if (messages.empty()) return SpoolStatus::kSafe;
  if (!wait_for_room(bytes_to_add(messages), when_full)) return SpoolStatus::kFull;
  return submit({.task = Task::kAppend, .run = &run, .messages = messages});
}

// Takes the room there is; false = there is none.
bool Spool::wait_for_room(std::uint64_t bytes, WhenFull when_full) {
  std::unique_lock lock(mutex_);
  const TimePoint begin = clock_.now();
  bool has_room = has_room_locked(bytes);
  while (!has_room && when_full == WhenFull::kBlock && !stopped_waiting_ && problem_.empty()) {
    // Somebody who settles says so; others who leave room on the disk do not.
    clock_.wait_until(room_, lock, clock_.now() + kLookAgain);
    lock.unlock();
    const bool room = disk_has_room();
    lock.lock();
    disk_has_room_ = room;
    has_room = has_room_locked(bytes);
  }
  blocked_ += clock_.now() - begin;
  if (!has_room && problem_.empty()) return false;
  bytes_ += bytes;
  bytes_max_ = std::max(bytes_max_, bytes_);
  return true;
}

SpoolStatus Spool::keep(const SpooledRun& run, std::span<const Message> frame) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes_to_add(frame);
  }
  return submit(
      {.task = Task::kKeep, .run = &run, .messages = frame, .frame = frame.front().sequence});
}

SpoolStatus Spool::fix(const SpooledRun& run, std::uint64_t frame,
                       std::span<const Message> messages) {
  return submit({.task = Task::kFix, .run = &run, .messages = messages, .frame = frame});
}

void Spool::settle(const SpooledRun& run, std::span<const Message> messages, SpoolEnd end) {
  const std::uint64_t bytes = bytes_of(messages);
  const std::vector<SequenceRange> ranges = ranges_of(messages);
  bool many = false;
  {
    const std::lock_guard lock(mutex_);
    for (const SequenceRange& range : ranges) settled_.push_back({run.run_id, range, end});
    bytes_ -= std::min(bytes, bytes_);
    settled_messages_ += messages.size();
    many = settled_messages_ >= kManySettled;
  }
  if (many) work_.notify_one();
  room_.notify_all();
}

void Spool::settle(const SpooledRun& run, SequenceRange range, SpoolEnd end) {
  const std::lock_guard lock(mutex_);
  settled_.push_back({run.run_id, range, end});
}

SpoolStatus Spool::flush() { return submit({.task = Task::kFlush}); }

SpoolStatus Spool::add_run(const SpooledRun& run) {
  return submit({.task = Task::kAddRun, .run = &run});
}

SpoolStatus Spool::forget_run(const SpooledRun& run) {
  return submit({.task = Task::kForgetRun, .run = &run});
}

void Spool::stop_waiting() {
  {
    const std::lock_guard lock(mutex_);
    stopped_waiting_ = true;
  }
  room_.notify_all();
}

nanoseconds Spool::blocked() const {
  const std::lock_guard lock(mutex_);
  return blocked_;
}

std::string Spool::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

bool Spool::may_hold(const Message& message) const {
  const std::lock_guard lock(mutex_);
  return doubtful_.contains(message.sequence);
}

SpoolStatus Spool::submit(Request request) {
  std::unique_lock lock(mutex_);
  requests_.push_back(&request);
  work_.notify_one();
  committed_.wait(lock, [&] { return request.finished; });
  return request.status;
}

void Spool::write_groups() {
  std::vector<Request*> group;
  std::vector<Settled> settled;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock,
               [&] { return closing_ || !requests_.empty() || settled_messages_ >= kManySettled; });
    if (requests_.empty() && settled_.empty()) return;  // closing
    group.swap(requests_);
    settled.swap(settled_);
    settled_messages_ = 0;
    const bool broken = !problem_.empty();
    lock.unlock();
    const SpoolStatus status = broken ? SpoolStatus::kFailed : write_group(group, settled);
    const bool room = disk_has_room();
    lock.lock();
    disk_has_room_ = room;
    for (Request* request : group) {
      request->status = status;
      request->finished = true;
    }
    committed_.notify_all();
    group.clear();
    settled.clear();
  }
}

// All of it in one transaction.
SpoolStatus Spool::write_group(std::span<Request* const> group, std::span<const Settled> settled) {
  bool committing = false;
  try {
    writer_->begin();
    // What was settled came earlier than what is asked for now.
    for (const auto& [run_id, range, end] : settled) writer_->remove(run_id, range, end);
    for (const Request* request : group) carry_out(*request);
    committing = true;
    writer_->commit();
    return SpoolStatus::kSafe;
  } catch (const std::exception& error) {
    writer_->rollback();
    const bool in_doubt = committing && !writer_->overwrite_undone();
    const std::lock_guard lock(mutex_);
    problem_ = named(error);
    if (in_doubt) note_doubt_locked(group);
    return SpoolStatus::kFailed;
  }
}

void Spool::note_doubt_locked(std::span<Request* const> group) {
  for (const Request* request : group) {
    for (const SequenceRange& range : ranges_of(request->messages)) doubtful_.insert(range);
  }
}

void Spool::carry_out(const Request& request) {
  switch (request.task) {
    case Task::kAppend:
      writer_->insert(*request.run, request.messages);
      if (++journal_rows_ >= kManyRanges) {
        writer_->compact_journal(request.run->run_id);
        journal_rows_ = 0;
      }
      break;
    case Task::kKeep:
      writer_->insert(*request.run, request.messages);
      [[fallthrough]];
    case Task::kFix:
      writer_->fix(request.run->run_id, request.frame, request.messages);
      break;
    case Task::kAddRun:
      writer_->add_run(*request.run);
      break;
    case Task::kForgetRun:
      writer_->remove_run(request.run->run_id);
      break;
    case Task::kFlush:
      break;
  }
}

bool Spool::has_room_locked(std::uint64_t bytes) const {
  const std::uint64_t after = bytes_ + bytes;
  return (bytes_ == 0 || after <= most_bytes_) && (disk_has_room_ || after <= bytes_max_);
}

bool Spool::disk_has_room() const {
  struct statvfs disk {};
  if (statvfs(directory_.c_str(), &disk) != 0) return true;  // then the write will tell
  const std::uint64_t size = std::uint64_t{disk.f_blocks} * disk.f_frsize;
  const std::uint64_t available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  return available >= std::max(kLogBytes, std::min(kFreeBytes, size / 20));
}

}  // namespace loadgen
