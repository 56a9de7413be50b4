#include "run/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace loadgen {
namespace {

// O_NONBLOCK belongs to the open file description, which we share with the shell and its other
// children, so only our own may have it.
int open_again(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return -1;
  if (!S_ISFIFO(status.st_mode) && isatty(descriptor) == 0) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

}  // namespace

LineWriter::LineWriter(int descriptor)
    : own_(open_again(descriptor)), descriptor_(own_ >= 0 ? own_ : descriptor) {}

LineWriter::~LineWriter() {
  if (own_ >= 0) close(own_);
}

bool LineWriter::write(std::string_view line, std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  if (!push_rest_locked(patience)) return false;
  rest_ = line;
  if (push_rest_locked(patience) || rest_.size() < line.size()) return true;
  rest_.clear();
  return false;
}

// Without a descriptor of our own (for a socket, or another user's pipe) poll() keeps us from
// blocking: a writable pipe has room for PIPE_BUF bytes.
bool LineWriter::push_rest_locked(std::chrono::milliseconds patience) {
  while (!rest_.empty()) {
    pollfd reader{descriptor_, POLLOUT, 0};
    if (poll(&reader, 1, static_cast<int>(patience.count())) == 0) return false;
    const std::size_t size = std::min<std::size_t>(rest_.size(), PIPE_BUF);
    const ssize_t written = ::write(descriptor_, rest_.data(), size);
    if (written > 0) {
      rest_.erase(0, static_cast<std::size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      return false;
    } else if (written == 0 || errno != EINTR) {
      rest_.clear();
    }
  }
  return true;
}

}  // namespace loadgen
