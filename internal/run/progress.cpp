#include "run/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/seconds.h"
#include "base/units.h"
#include "run/log.h"

namespace loadgen {
namespace {

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

// Asked each time: windows change their size. 0 = unknown.
std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

std::string progress_line(const ProgressFigures& figures, std::size_t columns) {
  const double elapsed = seconds(figures.elapsed);
  std::string time = fmt::format("{:.0f}s", elapsed);
  if (figures.planned && figures.elapsed > *figures.planned) {
    time += ", draining";
  } else if (figures.planned) {
    time += fmt::format("/{:.0f}s", seconds(*figures.planned));
  }
  std::string line = std::move(time);
  for (const std::string& part : {fmt::format("produced {}", format_count(figures.produced)),
                                  fmt::format("stored {}", format_count(figures.stored)),
                                  fmt::format("({}/s)", format_amount(figures.stored_per_s, 0)),
                                  fmt::format("waiting {}", format_count(figures.waiting))}) {
    const std::string_view gap = part.front() == '(' ? " " : "  ";
    // The last column stays free: in it some terminals wrap at once.
    if (columns > 0 && line.size() + gap.size() + part.size() >= columns) break;
    line.append(gap).append(part);
  }
  return line;
}

ProgressLine::ProgressLine(const ProgressSource& source)
    : source_(source), redraws_(can_redraw()), last_(source.start) {}

ProgressLine::~ProgressLine() {
  if (redraws_) show_progress_line("\r\x1b[K");
}

void ProgressLine::show(TimePoint now) {
  const Sampler::Counted counted = source_.sampler.counted();
  const std::uint64_t stored = counted.ends[Fate::kStored];
  const double rate = static_cast<double>(stored - last_stored_) / seconds(now - last_);
  const std::string line = progress_line({.elapsed = now - source_.start,
                                          .planned = source_.planned,
                                          .produced = counted.produced,
                                          .stored = stored,
                                          .stored_per_s = rate,
                                          .waiting = source_.channel.stats().depth},
                                         redraws_ ? terminal_columns() : 0);
  // The cursor goes back to the first column, so that a log line overwrites the progress.
  show_progress_line(redraws_ ? fmt::format("\r{}\x1b[K\r", line) : fmt::format("{}\n", line));
  last_ = now;
  last_stored_ = stored;
}

}  // namespace loadgen
