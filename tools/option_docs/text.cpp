#include "parts.h"

namespace loadgen {

std::string wrapped(std::string_view text, std::size_t width, std::string_view indent) {
  std::string lines;
  std::string line;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > width) {
      lines += std::string(indent) + line + "\n";
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  return lines + std::string(indent) + line + "\n";
}

std::vector<std::string> flags_of(const std::vector<const OptionRow*>& rows) {
  std::vector<std::string> flags;
  for (const OptionRow* row : rows) flags.emplace_back(row->text.flag);
  return flags;
}

}  // namespace loadgen
