#include "base/redact.h"
#include "fuzz.h"

using namespace loadgen;

namespace {

constexpr std::string_view kCanary = "cAnArY";

std::string without_canary(std::string_view text) {
  std::string rest(text);
  for (std::size_t at = 0; (at = rest.find(kCanary)) != std::string::npos;) rest.erase(at, 1);
  return rest;
}

// As in a keyword string's quotes.
std::string escaped(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

// As in a URI, the canary left as it is.
std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string coded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      coded += c;
    } else {
      coded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return coded;
}

}  // namespace

// The fields: what stands before the password, what it holds beside the canary, what stands after
// it, and what a driver says before it repeats the password.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto fields = fields_of(as_text(data, size));
  fields.resize(4);
  const std::string before = without_canary(fields[0]);
  const std::string around = without_canary(fields[1]);
  const std::string after = without_canary(fields[2]);
  const std::string says = without_canary(fields[3]);
  const std::string password =
      around.substr(0, around.size() / 2) + std::string(kCanary) + around.substr(around.size() / 2);

  const std::string quoted = "'" + escaped(password) + "'";
  std::vector<std::string> addresses{
      "postgres://" + before + ":" + password + "@" + after,
      "postgres://" + before + "@host/db?user=u&password=" + encoded(password) + "&" + after,
      "user='" + escaped(before) + "' password = " + quoted + " " + after,
  };
  // Malformed as it may be. But "sqlite:" is followed by a path, and a scheme by a URI.
  if (!before.starts_with("sqlite:") && before.find("://") == std::string::npos) {
    addresses.push_back(before + " password=" + quoted + " " + after);
  }
  for (const std::string& address : addresses) {
    require(redact(address).find(kCanary) == std::string::npos, "no password is shown");
    const std::string line = one_line(says + password + after, secrets_in(address));
    require(line.find(kCanary) == std::string::npos, "no password a driver repeats is shown");
    require(is_one_line(line), "a driver's message is one line");
  }
  return 0;
}
