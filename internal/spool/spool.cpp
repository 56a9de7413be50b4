#include "spool/spool.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "base/background_thread.h"
#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

// The spool leaves this much of its disk free for other programs, or a twentieth of a small disk,
// and this much for its own write-ahead log: twice the size at which SQLite starts the log again.
constexpr std::uint64_t kFreeBytes = 64ULL << 20U;
constexpr std::uint64_t kLogBytes = 8ULL << 20U;
// Removals wait for the next append and share its commit, up to this many messages. A larger
// transaction might find no room on the full disk that it is to empty.
constexpr std::uint64_t kManySettled = 4096;
// The journal is rewritten, merged, when it has this many ranges.
constexpr std::uint64_t kManyRanges = 16'384;
// How often a full disk is checked, because nothing notifies when it has room again.
constexpr std::chrono::milliseconds kLookAgain{100};
// Messages read at a time from a spool that is gone.
constexpr std::size_t kManyRead = 1000;

}  // namespace

std::uint64_t Spool::bytes_of(std::span<const Message> messages) {
  std::uint64_t bytes = 0;
  for (const Message& message : messages) bytes += message.text.size() + kOverhead;
  return bytes;
}

Spool::Spool(std::string directory, Clock& clock, std::uint64_t most_bytes)
    : directory_(std::move(directory)), most_bytes_(most_bytes), clock_(clock) {
  room_.disk_has_room = disk_has_room();
  try {
    writer_ = std::make_unique<SpoolStore>(directory_.file());
    reader_ = std::make_unique<SpoolStore>(directory_.file());
    directory_.remember_file();
    if (!room_.disk_has_room && writer_->is_empty()) {
      throw UsageError(fmt::format("its disk is full: {} MiB have to be free", kLogBytes >> 20U));
    }
    thread_ = start_background_thread([this] { write_groups(); });
  } catch (const UsageError& error) {
    throw UsageError(named(error.what()));
  } catch (const std::exception& error) {
    throw SetupError(named(error.what()));
  }
}

Spool::~Spool() {
  {
    const std::lock_guard lock(mutex_);
    work_.closing = true;
  }
  asked_.notify_one();
  thread_.join();
}

std::string Spool::named(std::string_view what) const {
  return fmt::format("--spool={}: {}", one_line(directory()), what);
}

SpoolStatus Spool::append(const SpooledRun& run, std::span<const Message> messages,
                          WhenFull when_full) {
  if (messages.empty()) return SpoolStatus::kSafe;
  if (!wait_for_room(bytes_of(messages), when_full)) return SpoolStatus::kFull;
  return submit({.task = Task::kAppend, .run = &run, .messages = messages});
}

// Takes room; false = there is none.
bool Spool::wait_for_room(std::uint64_t bytes, WhenFull when_full) {
  std::unique_lock lock(mutex_);
  const TimePoint begin = clock_.now();
  bool has_room = has_room_locked(bytes);
  while (!has_room && when_full == WhenFull::kBlock && !room_.stopped_waiting &&
         damage_.problem.empty()) {
    // settle() notifies, but other programs that free disk space do not.
    clock_.wait_until(freed_, lock, clock_.now() + kLookAgain);
    lock.unlock();
    const bool room = disk_has_room();
    lock.lock();
    room_.disk_has_room = room;
    has_room = has_room_locked(bytes);
  }
  room_.blocked += clock_.now() - begin;
  if (!has_room && damage_.problem.empty()) return false;
  room_.bytes += bytes;
  room_.bytes_max = std::max(room_.bytes_max, room_.bytes);
  return true;
}

SpoolStatus Spool::keep(const SpooledRun& run, std::span<const Message> frame,
                        std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    room_.bytes += bytes;
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
    for (const SequenceRange& range : ranges) work_.settled.push_back({run.run_id, range, end});
    room_.bytes -= std::min(bytes, room_.bytes);
    work_.settled_messages += messages.size();
    many = work_.settled_messages >= kManySettled;
  }
  if (many) asked_.notify_one();
  freed_.notify_all();
}

void Spool::settle(const SpooledRun& run, SequenceRange range, SpoolEnd end) {
  const std::lock_guard lock(mutex_);
  work_.settled.push_back({run.run_id, range, end});
}

SpoolStatus Spool::flush() {
  const SpoolStatus status = submit({.task = Task::kFlush});
  return check_in_place() ? status : SpoolStatus::kFailed;
}

SpoolStatus Spool::add_run(const SpooledRun& run) {
  return submit({.task = Task::kAddRun, .run = &run});
}

SpoolStatus Spool::forget_run(const SpooledRun& run) {
  return submit({.task = Task::kForgetRun, .run = &run});
}

void Spool::stop_waiting() {
  {
    const std::lock_guard lock(mutex_);
    room_.stopped_waiting = true;
  }
  freed_.notify_all();
}

nanoseconds Spool::blocked() const {
  const std::lock_guard lock(mutex_);
  return room_.blocked;
}

std::string Spool::problem() const {
  const std::lock_guard lock(mutex_);
  return damage_.problem;
}

bool Spool::may_hold(const Message& message) const {
  const std::lock_guard lock(mutex_);
  return damage_.doubtful.contains(message.sequence);
}

bool Spool::check_in_place() {
  const std::string what = directory_.what_is_gone();
  const std::lock_guard lock(mutex_);
  if (!what.empty() && !damage_.gone) {
    damage_.gone = true;
    damage_.problem = named(what);
  }
  return !damage_.gone;
}

bool Spool::is_gone() const {
  const std::lock_guard lock(mutex_);
  return damage_.gone;
}

void Spool::salvage(const SpooledRun& run,
                    const std::function<void(std::span<const Message>, bool tried)>& visit) {
  if (submit({.task = Task::kFlush}) != SpoolStatus::kSafe) return;
  SequenceSet tried;
  const auto frames = read([&](SpoolStore& store) { return store.fixed_frames(run.run_id); });
  for (const SpoolStore::FixedFrame& frame : frames.frames) {
    std::vector<Message> whole;
    for (const SequenceRange& range : frame.members) {
      tried.insert(range);
      auto part = read([&](SpoolStore& store) {
        return store.read(run, range, static_cast<std::size_t>(range.end - range.begin));
      });
      std::move(part.messages.begin(), part.messages.end(), std::back_inserter(whole));
    }
    if (!whole.empty()) visit(whole, true);
  }
  for (SequenceRange rest{0, INT64_MAX};;) {
    auto batch = read([&](SpoolStore& store) { return store.read(run, rest, kManyRead); });
    if (batch.messages.empty()) return;
    rest.begin = batch.messages.back().sequence + 1;
    std::erase_if(batch.messages,
                  [&](const Message& message) { return tried.contains(message.sequence); });
    if (!batch.messages.empty()) visit(batch.messages, false);
  }
}

SpoolStatus Spool::submit(Request request) {
  std::unique_lock lock(mutex_);
  if (damage_.gone && request.task != Task::kFlush) return SpoolStatus::kFailed;
  work_.requests.push_back(&request);
  asked_.notify_one();
  committed_.wait(lock, [&] { return request.finished; });
  return request.status;
}

void Spool::write_groups() {
  std::vector<Request*> group;
  std::vector<Settled> settled;
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [&] {
      return work_.closing || !work_.requests.empty() || work_.settled_messages >= kManySettled;
    });
    if (work_.requests.empty() && work_.settled.empty()) return;  // closing
    group.swap(work_.requests);
    settled.swap(work_.settled);
    work_.settled_messages = 0;
    const bool broken = damage_.broken;
    lock.unlock();
    const SpoolStatus status = broken ? SpoolStatus::kFailed : write_group(group, settled);
    const bool room = disk_has_room();
    lock.lock();
    room_.disk_has_room = room;
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
    // Removals came before the current requests.
    for (const auto& [run_id, range, end] : settled) writer_->remove(run_id, range, end);
    for (const Request* request : group) carry_out(*request);
    committing = true;
    writer_->commit();
    return SpoolStatus::kSafe;
  } catch (const std::exception& error) {
    writer_->rollback();
    const bool in_doubt = committing && !writer_->overwrite_undone();
    const std::lock_guard lock(mutex_);
    damage_.broken = true;
    if (damage_.problem.empty()) damage_.problem = named(error.what());
    if (in_doubt) note_doubt_locked(group);
    return SpoolStatus::kFailed;
  }
}

void Spool::note_doubt_locked(std::span<Request* const> group) {
  for (const Request* request : group) {
    for (const SequenceRange& range : ranges_of(request->messages)) damage_.doubtful.insert(range);
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
  const std::uint64_t after = room_.bytes + bytes;
  return (room_.bytes == 0 || after <= most_bytes_) &&
         (room_.disk_has_room || after <= room_.bytes_max);
}

bool Spool::disk_has_room() const {
  struct statvfs disk {};
  if (statvfs(directory().c_str(), &disk) != 0) return true;  // then the write will show it
  const std::uint64_t size = std::uint64_t{disk.f_blocks} * disk.f_frsize;
  const std::uint64_t available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  return available >= std::max(kLogBytes, std::min(kFreeBytes, size / 20));
}

}  // namespace loadgen
