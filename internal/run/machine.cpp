#include "run/machine.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace loadgen {
namespace {

std::string cpu_model() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t value = line.find_first_not_of(" \t:", std::string("model name").size());
    if (value != std::string::npos) return line.substr(value);
  }
  return "unknown";
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

Environment describe_machine() {
  utsname system{};
  uname(&system);
  return {.hostname = system.nodename,
          .os = fmt::format("{} {}", system.sysname, system.release),
          .cpu_model = cpu_model(),
          .cpu_count = std::thread::hardware_concurrency()};
}

ClientUsage client_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {.cpu_user_s = seconds(usage.ru_utime),
          .cpu_system_s = seconds(usage.ru_stime),
          .max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
}

}  // namespace loadgen
