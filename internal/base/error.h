// The two exceptions of the program. Both carry one finished line for the user, without a newline
// and without any secret. Failed writes during a run are values (sink/sink.h), not exceptions.
#pragma once

#include <stdexcept>
#include <string>

namespace loadgen {

// The command line, or a file it names, cannot be used. Thrown before anything is started.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The run cannot be set up: no connection, a table that does not fit, no threads.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The run was not set up because a signal came first.
class StartInterrupted : public SetupError {
 public:
  StartInterrupted(const std::string& message, int signal) : SetupError(message), signal_(signal) {}
  [[nodiscard]] int signal() const { return signal_; }

 private:
  int signal_;
};

}  // namespace loadgen
