// Starts a thread in which all signals are blocked. Threads that start before the SignalWatcher
// need this: a signal that one of them received would end the process. Throws as std::jthread does.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace loadgen {

template <typename Body>
std::jthread start_background_thread(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // which the new thread inherits
  try {
    std::jthread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace loadgen
