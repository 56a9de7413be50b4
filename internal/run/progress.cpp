#include "run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/units.h"
#include "run/log.h"

namespace loadgen {
namespace {

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

double seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void show_progress(const ProgressSource& source, nanoseconds interval,
                   const std::stop_token& stop) {
  const bool redraw = can_redraw();
  TimePoint last = source.start;
  std::uint64_t last_stored = 0;
  TimePoint next = source.start + interval;
  while (source.clock.sleep_until(next, stop)) {
    const TimePoint now = source.clock.now();
    while (next <= now) next += interval;  // a stall leaves lines out, it does not heap them up
    const std::uint64_t stored = source.live.stored.load(std::memory_order_relaxed);
    const std::uint64_t produced = source.live.produced.load(std::memory_order_relaxed);
    const double rate = static_cast<double>(stored - last_stored) / seconds(now - last);
    const std::string planned =
        source.planned ? fmt::format("/{:.0f}s", seconds(*source.planned)) : "";
    std::string line =
        fmt::format("{:.0f}s{}  produced {}  stored {} ({:.0f}/s)  waiting {}",
                    seconds(now - source.start), planned, format_count(produced),
                    format_count(stored), rate, format_count(source.channel.stats().depth));
    // The cursor goes back to the first column, so that a log line overwrites the progress.
    line = redraw ? fmt::format("\r{}\x1b[K\r", line) : fmt::format("{}\n", line);
    show_progress_line(line);
    last = now;
    last_stored = stored;
  }
  if (redraw) show_progress_line("\r\x1b[K");
}

}  // namespace loadgen
