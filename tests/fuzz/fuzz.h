// What the fuzz targets share. libFuzzer calls a target's LLVMFuzzerTestOneInput with bytes it made
// up, again and again, and keeps those that end the process.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace loadgen {

// Says which property does not hold, and ends the process.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "Does not hold: %s\n", property);
  std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The fields of an input, with a NUL between them, as in /proc/PID/cmdline. At least one.
inline std::vector<std::string_view> fields_of(std::string_view input) {
  std::vector<std::string_view> fields;
  for (std::size_t end = 0; end != std::string_view::npos; input.remove_prefix(end + 1)) {
    end = input.find('\0');
    fields.push_back(input.substr(0, end));
    if (end == std::string_view::npos) break;
  }
  return fields;
}

// Whether a terminal shows it as one line, and as nothing else.
inline bool is_one_line(std::string_view text) {
  for (const char c : text) {
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) return false;
  }
  // Some of Unicode's controls and of the marks that turn the direction of writing round.
  for (const std::string_view hidden : {"\u0080", "\u009b", "\u009f", "\u061c", "\u200e", "\u200f",
                                        "\u2028", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    if (text.find(hidden) != std::string_view::npos) return false;
  }
  return true;
}

}  // namespace loadgen
