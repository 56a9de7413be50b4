// Ctrl-C and its relatives as calls on a thread of their own, where everything is allowed.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace loadgen {

// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process but call `on_signal(signal,
// nth)`, nth = 1, 2, ..., on the watcher's thread. Construct it before other threads are started:
// they inherit the blocked signals. Afterwards signals act as before.
class SignalWatcher {
 public:
  explicit SignalWatcher(std::function<void(int signal, int nth)> on_signal);
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

 private:
  void watch();

  const std::function<void(int, int)> on_signal_;
  sigset_t previous_mask_{};
  int signals_ = -1;  // signalfd
  int ending_ = -1;   // eventfd, written by the destructor
  std::jthread thread_;
};

}  // namespace loadgen
