#include "run/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace loadgen {

void prepare_process() {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));  // a file-size limit is an error like any other
  // open() returns the lowest free number: one of the three until all are taken.
  int descriptor = 0;
  do {
    descriptor = ::open("/dev/null", O_RDONLY);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) close(descriptor);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // SQLite frees its page cache whenever another connection has written: without this the pages go
  // back to the kernel and are faulted in again, 25 times as often.
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  prctl(PR_SET_TIMERSLACK, 1UL);
}

}  // namespace loadgen
