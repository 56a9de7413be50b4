#include "base/redact.h"

#include <algorithm>
#include <cctype>

namespace loadgen {
namespace {

constexpr std::string_view kHidden = "***";

// A half-open range of the address that holds a password.
struct Range {
  std::size_t begin;
  std::size_t end;
};

bool names_password(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("pass") != std::string::npos && lower != "passfile";
}

// scheme://user:SECRET@host/db?password=SECRET. A password may hold '@' and '/' by mistake, so it
// is taken to reach to the last '@' before the query. In a query a '?' cannot be told from one in
// the password: the part after '@' decides.
std::vector<Range> uri_passwords(std::string_view uri) {
  std::vector<Range> ranges;
  const std::size_t authority = uri.find("://") + 3;
  std::size_t query = uri.find('?', authority);
  const std::size_t last_at = uri.rfind('@');
  if (last_at != std::string_view::npos && last_at >= authority) {
    const std::size_t colon = uri.find(':', authority);
    if (colon < last_at && (query == std::string_view::npos || colon < query)) {
      ranges.push_back({colon + 1, last_at});
      query = uri.find('?', last_at);
    }
  }
  for (std::size_t at = query; at != std::string_view::npos && at < uri.size();) {
    const std::size_t key_begin = at + 1;
    const std::size_t end = std::min(uri.find('&', key_begin), uri.size());
    const std::size_t equals = uri.find('=', key_begin);
    if (equals < end && names_password(uri.substr(key_begin, equals - key_begin))) {
      ranges.push_back({equals + 1, end});
    }
    at = end;
  }
  return ranges;
}

// key = value pairs as libpq reads them: blanks around '=', values in single quotes, backslash
// escapes. An unclosed quote reaches to the end.
std::vector<Range> keyword_passwords(std::string_view text) {
  std::vector<Range> ranges;
  const auto skip_blanks = [&](std::size_t at) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
    return at;
  };
  for (std::size_t at = skip_blanks(0); at < text.size(); at = skip_blanks(at)) {
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    const std::string_view key = text.substr(at, equals - at);
    at = skip_blanks(equals + 1);
    const bool quoted = at < text.size() && text[at] == '\'';
    if (quoted) ++at;
    const std::size_t begin = at;
    while (at < text.size()) {
      if (text[at] == '\\') {
        ++at;
      } else if (quoted ? text[at] == '\''
                        : std::isspace(static_cast<unsigned char>(text[at])) != 0) {
        break;
      }
      ++at;
    }
    at = std::min(at, text.size());
    if (names_password(key)) ranges.push_back({begin, at});
    if (quoted) ++at;
  }
  return ranges;
}

std::vector<Range> passwords(std::string_view address) {
  return address.find("://") != std::string_view::npos ? uri_passwords(address)
                                                       : keyword_passwords(address);
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](std::size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && hex(i + 1) && hex(i + 2)) {
      decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string redact(std::string_view address) {
  std::string shown;
  std::size_t copied = 0;
  for (const Range& range : passwords(address)) {
    shown += address.substr(copied, range.begin - copied);
    shown += kHidden;
    copied = range.end;
  }
  shown += address.substr(copied);
  return shown;
}

std::vector<std::string> secrets_in(std::string_view address) {
  std::vector<std::string> secrets;
  for (const Range& range : passwords(address)) {
    const std::string_view raw = address.substr(range.begin, range.end - range.begin);
    if (raw.empty()) continue;
    secrets.emplace_back(raw);
    if (std::string decoded = percent_decode(raw); decoded != raw) {
      secrets.push_back(std::move(decoded));
    }
  }
  return secrets;
}

std::string one_line(std::string_view message, const std::vector<std::string>& secrets) {
  while (!message.empty() && std::isspace(static_cast<unsigned char>(message.back())) != 0) {
    message.remove_suffix(1);
  }
  std::string line(message);
  for (const std::string& secret : secrets) replace_all(line, secret, kHidden);
  for (char& c : line) {
    if (c == '\t') c = ' ';
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') c = '?';
  }
  replace_all(line, "\n", "; ");
  return line;
}

}  // namespace loadgen
