#include "sink/postgres_address.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConninfoOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct Default {
  std::string_view keyword;
  std::string_view value;
};
constexpr std::array kDefaults{
    Default{"connect_timeout", "10"},     // seconds
    Default{"keepalives_idle", "10"},     // seconds
    Default{"keepalives_interval", "5"},  // seconds
    Default{"keepalives_count", "3"},
    Default{"tcp_user_timeout", "10000"},  // milliseconds; a partition hangs for ever without it
    Default{"application_name", "loadgen"},
};

const char* value_of(const PQconninfoOption* options, std::string_view keyword) {
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr;
       ++option) {
    if (keyword == option->keyword) return option->val;
  }
  return nullptr;
}

void append_keyword(std::string& conninfo, std::string_view keyword, std::string_view value) {
  conninfo += fmt::format("{}{}='", conninfo.empty() ? "" : " ", keyword);
  for (const char c : value) {
    if (c == '\'' || c == '\\') conninfo += '\\';
    conninfo += c;
  }
  conninfo += '\'';
}

// Reads the ports like libpq: one for each host, or one for all; an empty one means the default.
// Returns the first invalid port, "" when all are valid.
std::string invalid_port_in(const PQconninfoOption* options) {
  const char* ports = value_of(options, "port");
  std::istringstream list(ports == nullptr ? "" : ports);
  for (std::string port; std::getline(list, port, ',');) {
    if (port.empty()) continue;
    char* end = nullptr;
    const auto number = std::strtol(port.c_str(), &end, 10);
    const std::string_view rest(end);
    if (number < 1 || number > 65'535 || rest.find_first_not_of(" \t") != std::string_view::npos) {
      return port;
    }
  }
  return "";
}

}  // namespace

std::string complete_conninfo(const std::string& address) {
  char* problem = nullptr;
  const ConninfoOptions given(PQconninfoParse(address.c_str(), &problem));
  PQfreemem(problem);  // not shown: libpq repeats the address in it, password and all
  if (given == nullptr) {
    throw UsageError(fmt::format(
        "--db={}: not an address libpq can read; expected postgres://USER@HOST/DATABASE "
        "or \"host=... dbname=...\"{}",
        one_line(redact(address)), password_hint(address)));
  }
  if (const std::string port = invalid_port_in(given.get()); !port.empty()) {
    // If the password is not encoded, libpq takes a part of it for the port.
    const std::string hint = password_hint(address);
    throw UsageError(fmt::format("--db={}: port {}: expected 1 to 65535{}",
                                 one_line(redact(address)),
                                 hint.empty() ? one_line(port, secrets_in(address)) : "***", hint));
  }
  const ConninfoOptions ambient(PQconndefaults());
  std::string conninfo;
  for (const PQconninfoOption* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) append_keyword(conninfo, option->keyword, option->val);
  }
  for (const auto& [keyword, value] : kDefaults) {
    const char* from_environment = value_of(ambient.get(), keyword);
    const bool is_set = value_of(given.get(), keyword) != nullptr ||
                        (from_environment != nullptr && *from_environment != '\0');
    if (!is_set) append_keyword(conninfo, keyword, value);
  }
  return conninfo;
}

std::string place_of(const std::string& conninfo) {
  const ConninfoOptions given(PQconninfoParse(conninfo.c_str(), nullptr));
  const ConninfoOptions ambient(PQconndefaults());
  const auto resolved = [&](std::string_view keyword) -> std::string {
    const char* value = value_of(given.get(), keyword);
    if (value == nullptr) value = value_of(ambient.get(), keyword);
    return value == nullptr ? "" : value;
  };
  std::string place = "postgres";
  for (const char* keyword : {"service", "host", "hostaddr", "port", "dbname"}) {
    std::string value = resolved(keyword);
    if (value.empty() && std::string_view(keyword) == "dbname") value = resolved("user");
    if (!value.empty()) append_keyword(place, keyword, value);
  }
  return place;
}

bool host_is_known(const std::string& conninfo) {
  const ConninfoOptions options(PQconninfoParse(conninfo.c_str(), nullptr));
  const char* hosts = value_of(options.get(), "host");
  if (hosts == nullptr || value_of(options.get(), "hostaddr") != nullptr) return true;
  std::istringstream list(hosts);
  for (std::string host; std::getline(list, host, ',');) {
    if (host.empty() || host.front() == '/' || host.front() == '@')
      return true;  // a socket's folder
    addrinfo* addresses = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, nullptr, &addresses) == 0) {
      freeaddrinfo(addresses);
      return true;
    }
  }
  return false;
}

std::chrono::seconds connect_timeout_of(pg_conn* connection) {
  const ConninfoOptions options(PQconninfo(connection));
  const char* value = value_of(options.get(), "connect_timeout");
  const std::string_view text = value == nullptr ? "" : value;
  int seconds = 0;  // libpq has already refused anything but a number
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds > 0 ? std::chrono::seconds(std::max(seconds, 2)) : std::chrono::hours(24);
}

bool has_invalid_port(pg_conn* connection) {
  const ConninfoOptions options(PQconninfo(connection));
  return !invalid_port_in(options.get()).empty();
}

}  // namespace loadgen
