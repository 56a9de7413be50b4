// A thread that no signal finds: for those that are older than whoever waits for signals, on which
// a signal would end the process instead of reaching him. Throws as std::jthread does.
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
