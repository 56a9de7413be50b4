#include "base/redact.h"

#include <algorithm>
#include <cctype>
#include <tuple>
#include <utility>

namespace loadgen {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::size_t kTellingPiece = 4;  // shorter ones would hide ordinary words

// A half-open range of the address that holds a password.
struct Range {
  std::size_t begin;
  std::size_t end;

  friend bool operator==(const Range&, const Range&) = default;
};

// Whether an escape such as %40 begins at this position.
bool is_escape(std::string_view text, std::size_t at) {
  const auto hex = [&](std::size_t digit) {
    return digit < text.size() && std::isxdigit(static_cast<unsigned char>(text[digit])) != 0;
  };
  return text[at] == '%' && hex(at + 1) && hex(at + 2);
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_escape(text, i)) {
      decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

bool names_password(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("pass") != std::string::npos && lower != "passfile";
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '%';
}

// Where a query's value ends: before a '&' that is followed by another key. An unescaped '&' in a
// password is not.
std::size_t query_value_end(std::string_view uri, std::size_t begin) {
  for (std::size_t end = uri.find('&', begin); end != std::string_view::npos;
       end = uri.find('&', end + 1)) {
    std::size_t key_end = end + 1;
    while (key_end < uri.size() && is_key_character(uri[key_end])) ++key_end;
    if (key_end > end + 1 && key_end < uri.size() && uri[key_end] == '=') return end;
  }
  return uri.size();
}

// scheme://user:SECRET@host/db?password=SECRET, and similar texts. A password may hold unescaped
// ":@/?", so the first one is taken to reach to the last '@'.
void find_uri_passwords(std::string_view uri, std::vector<Range>& ranges) {
  std::size_t begin = uri.find(':');
  if (begin != std::string_view::npos && uri.substr(begin + 1).starts_with('/')) {
    begin = std::min(uri.find_first_not_of('/', begin + 1), uri.size());
  } else {
    begin = 0;
  }
  const std::size_t colon = uri.find(':', begin);
  const std::size_t at = uri.rfind('@');
  if (at != std::string_view::npos && colon < at) ranges.push_back({colon + 1, at});
  for (std::size_t equals = uri.find('='); equals != std::string_view::npos;
       equals = uri.find('=', equals + 1)) {
    std::size_t key = equals;
    while (key > 0 && is_key_character(uri[key - 1])) --key;
    if (names_password(percent_decode(uri.substr(key, equals - key)))) {
      ranges.push_back({equals + 1, query_value_end(uri, equals + 1)});
    }
  }
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// The value of a key = value pair as libpq reads it: blanks after '=', single quotes, backslash
// escapes. An unclosed quote reaches to the end.
Range value_after(std::string_view text, std::size_t equals) {
  std::size_t at = skip_blanks(text, equals + 1);
  const bool quoted = at < text.size() && text[at] == '\'';
  if (quoted) ++at;
  const std::size_t begin = at;
  while (at < text.size() && (quoted ? text[at] != '\'' : !is_blank(text[at]))) {
    at += text[at] == '\\' ? 2U : 1U;
  }
  return {begin, std::min(at, text.size())};
}

// Adds a password's value as libpq reads it, and the same with the following words that are not
// keys, because it may hold blanks without quotes. Returns the longer one.
Range add_password_after(std::string_view text, std::size_t equals, std::vector<Range>& ranges) {
  Range value = value_after(text, equals);
  ranges.push_back(value);
  for (;;) {
    std::size_t word = value.end;
    if (word < text.size() && text[word] == '\'') ++word;
    word = skip_blanks(text, word);
    std::size_t end = word;
    while (end < text.size() && !is_blank(text[end]) && text[end] != '=') ++end;
    const std::size_t behind = skip_blanks(text, end);
    if (end == word || (behind < text.size() && text[behind] == '=')) break;
    value.end = end;
  }
  ranges.push_back(value);
  return value;
}

// key = value pairs as libpq reads them.
void find_keyword_passwords(std::string_view text, std::vector<Range>& ranges) {
  for (std::size_t at = skip_blanks(text, 0); at < text.size(); at = skip_blanks(text, at)) {
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    std::string_view key = text.substr(at, equals - at);
    while (!key.empty() && is_blank(key.back())) key.remove_suffix(1);
    const Range value =
        names_password(key) ? add_password_after(text, equals, ranges) : value_after(text, equals);
    at = value.end;
    if (at < text.size() && text[at] == '\'') ++at;
  }
}

// Passwords that libpq reads as part of another value, because that value is missing or its quote
// is not closed: "host= password=SECRET", "host='h password=SECRET".
void find_swallowed_passwords(std::string_view text, std::vector<Range>& ranges) {
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    std::size_t end = equals;
    while (end > 0 && is_blank(text[end - 1])) --end;
    std::size_t key = end;
    while (key > 0 && is_key_character(text[key - 1])) --key;
    if (names_password(text.substr(key, end - key))) add_password_after(text, equals, ranges);
  }
}

// The ranges may overlap.
std::vector<Range> find_passwords(std::string_view address) {
  std::vector<Range> found;
  if (address.starts_with("sqlite:")) return found;  // a path
  const bool keywords = address.find('=') < address.find(':');
  if (keywords) find_keyword_passwords(address, found);
  // An option taken for a value, "--db=postgres://...", looks like both forms.
  const bool mixed = address.starts_with('-') || address.find("://") != std::string_view::npos;
  if (!keywords || mixed) find_uri_passwords(address, found);
  const bool uri = address.find("://") < address.find('=');
  if (!uri) find_swallowed_passwords(address, found);
  return found;
}

// Removes backslash escapes, as libpq does in a keyword string.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The text with each range replaced by "***"; ranges may overlap or repeat.
std::string cover(std::string_view text, std::vector<Range> hidden) {
  std::sort(hidden.begin(), hidden.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  hidden.erase(std::unique(hidden.begin(), hidden.end()), hidden.end());
  std::string shown;
  std::size_t done = 0;
  for (const Range& range : hidden) {
    if (range.begin >= done) {
      shown += text.substr(done, range.begin - done);
      shown += kHidden;
    }
    done = std::max(done, range.end);
  }
  shown += text.substr(done);
  return shown;
}

// The length in bytes of the first character if it controls a terminal instead of being shown:
// ASCII and Unicode controls (U+0080 to U+009F), line separators, and characters that change the
// writing direction (U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069). Otherwise 0.
std::size_t unseen_character(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto within = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  if (std::iscntrl(static_cast<unsigned char>(text.front())) != 0) return 1;
  if (byte(0) == 0xc2 && within(byte(1), 0x80, 0x9f)) return 2;
  if (byte(0) == 0xd8 && byte(1) == 0x9c) return 2;
  if (byte(0) != 0xe2) return 0;
  const bool marks =
      byte(1) == 0x80 && (within(byte(2), 0x8e, 0x8f) || within(byte(2), 0xa8, 0xae));
  const bool isolates = byte(1) == 0x81 && within(byte(2), 0xa6, 0xa9);
  return marks || isolates ? 3 : 0;
}

void add_secret(std::vector<std::string>& secrets, const std::string& secret) {
  const bool known = std::find(secrets.begin(), secrets.end(), secret) != secrets.end();
  if (!secret.empty() && !known) secrets.push_back(secret);
}

}  // namespace

std::string redact(std::string_view address) { return cover(address, find_passwords(address)); }

std::vector<std::string> secrets_in(std::string_view address) {
  std::vector<std::string> secrets;
  for (const Range& range : find_passwords(address)) {
    const std::string_view raw = address.substr(range.begin, range.end - range.begin);
    for (const std::string& form : {std::string(raw), percent_decode(raw), unescape(raw)}) {
      add_secret(secrets, form);
      // A driver that splits an unescaped password may show its pieces in messages, as host or
      // port.
      for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = form.find_first_of("@/:?#&", begin);
        const std::string piece = form.substr(begin, end - begin);
        if (piece.size() >= kTellingPiece) add_secret(secrets, piece);
      }
    }
  }
  return secrets;
}

std::string password_hint(std::string_view address) {
  if (address.find("://") >= address.find('=')) return "";
  std::vector<Range> passwords;
  find_uri_passwords(address, passwords);
  for (const Range& range : passwords) {
    const std::string_view password = address.substr(range.begin, range.end - range.begin);
    for (std::size_t at = 0; at < password.size(); ++at) {
      const bool is_special =
          std::string_view("@:/?#%").find(password[at]) != std::string_view::npos;
      if (is_special && !is_escape(password, at)) {
        return "; in a URL, a password's @ : / ? # % are written %40 %3A %2F %3F %23 %25";
      }
    }
  }
  return "";
}

std::string printable(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t unseen = unseen_character(text);
    if (c == '\n') {
      line += "; ";
    } else if (c == '\t') {
      line += ' ';
    } else {
      line += unseen > 0 ? '?' : c;
    }
    text.remove_prefix(std::max<std::size_t>(unseen, 1));
  }
  return line;
}

std::string one_line(std::string_view message, const std::vector<std::string>& secrets) {
  // Find all before hiding any, because they may overlap or contain each other.
  std::vector<Range> hidden;
  for (const std::string& secret : secrets) {
    for (std::size_t at = message.find(secret); at != std::string_view::npos;
         at = message.find(secret, at + 1)) {
      hidden.push_back({at, at + secret.size()});
    }
  }
  std::string line = cover(message, std::move(hidden));
  while (!line.empty() && is_blank(line.back())) line.pop_back();
  // libpq continues a sentence on the next line, after a tab.
  replace_all(line, "\n\t", " ");
  return printable(line);
}

}  // namespace loadgen
