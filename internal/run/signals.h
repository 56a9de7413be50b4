// Turns SIGINT, SIGTERM and SIGHUP into calls on a thread of their own, where everything is
// allowed.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace loadgen {

// Recognises the echo of a signal: timeout(1), for one, sends a signal to the process and to its
// group, but means it once. Not thread-safe.
class SignalEchoes {
 public:
  // Shorter than the time in which a person presses Ctrl-C again.
  static constexpr std::chrono::milliseconds kEcho{200};

  // True: the same signal was heard less than kEcho ago. An echo does not lengthen that time.
  [[nodiscard]] bool is_echo(int signal, TimePoint now);

 private:
  struct Heard {
    int signal;
    TimePoint at;
  };
  std::optional<Heard> last_;  // without echoes
};

// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process but call `on_signal(signal,
// nth)`, nth = 1, 2, ..., on the watcher's thread; echoes are left out. Construct it before other
// threads are started: they inherit the blocked signals. Afterwards signals act as before. Borrows
// the clock, which must outlive it.
class SignalWatcher {
 public:
  SignalWatcher(Clock& clock, std::function<void(int signal, int nth)> on_signal);
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

 private:
  void watch();

  Clock& clock_;
  const std::function<void(int, int)> on_signal_;
  sigset_t previous_mask_{};
  int signals_ = -1;  // signalfd
  int ending_ = -1;   // eventfd, written by the destructor
  std::jthread thread_;
};

}  // namespace loadgen
