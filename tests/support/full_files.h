// Every file of this process is full: writes past its first byte fail, as those to a broken disk.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace loadgen {

class FullFiles {
 public:
  FullFiles() {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit full{1, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
  }
  FullFiles(const FullFiles&) = delete;
  FullFiles& operator=(const FullFiles&) = delete;
  ~FullFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*const handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);  // the write is to fail, not we
};

}  // namespace loadgen
