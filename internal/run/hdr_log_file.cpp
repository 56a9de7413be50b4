#include "run/hdr_log_file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/redact.h"
#include "report/hdr_log.h"

namespace loadgen {

void HdrLogFile::begin(WallTime start) {
  file_.write(hdr_log_header(start));
  warn_once();
}

void HdrLogFile::add(const Interval& interval) {
  if (interval.is_warmup || file_.error() != 0) return;
  const SeriesSample& sample = interval.sample;
  try {
    file_.write(hdr_log_lines(sample.begin, sample.end, interval.counted.latency));
  } catch (const std::bad_alloc&) {
    file_.give_up(ENOMEM);
  }
  warn_once();
}

void HdrLogFile::commit() {
  file_.commit();
  warn_once();
}

std::string HdrLogFile::problem() const {
  if (file_.error() == 0) return "";
  return fmt::format("--hdr-log={}: could not be written: {}", one_line(path_),
                     std::strerror(file_.error()));
}

void HdrLogFile::warn_once() {
  if (file_.error() == 0 || has_warned_) return;
  has_warned_ = true;
  spdlog::warn("{}", problem());
}

}  // namespace loadgen
