#include "run/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "base/error.h"

namespace loadgen {

bool SignalEchoes::is_echo(int signal, TimePoint now) {
  if (last_ && last_->signal == signal && now - last_->at < kEcho) return true;
  last_ = {signal, now};
  return false;
}

SignalWatcher::SignalWatcher(Clock& clock, std::function<void(int, int)> on_signal)
    : clock_(clock), on_signal_(std::move(on_signal)) {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // One that is ignored, as under nohup, stays ignored.
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      sigaddset(&watched, signal);
    }
  }
  signals_ = signalfd(-1, &watched, SFD_CLOEXEC);
  ending_ = eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || ending_ < 0) {
    const std::string why = std::strerror(errno);
    if (signals_ >= 0) close(signals_);
    throw SetupError("cannot watch for signals: " + why);
  }
  pthread_sigmask(SIG_BLOCK, &watched, &previous_mask_);
  try {
    thread_ = std::jthread([this] { watch(); });
  } catch (const std::system_error& error) {
    close(signals_);
    close(ending_);
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
    throw SetupError(std::string("cannot start a thread: ") + error.what());
  }
}

SignalWatcher::~SignalWatcher() {
  const std::uint64_t one = 1;
  while (write(ending_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  close(signals_);
  close(ending_);
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

void SignalWatcher::watch() {
  std::array<pollfd, 2> waiting{pollfd{signals_, POLLIN, 0}, pollfd{ending_, POLLIN, 0}};
  SignalEchoes echoes;
  for (int nth = 0;;) {
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;  // interrupted
    if (waiting[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const auto signal = static_cast<int>(info.ssi_signo);
    if (!echoes.is_echo(signal, clock_.now())) on_signal_(signal, ++nth);
  }
}

}  // namespace loadgen
