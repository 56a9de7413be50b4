#include "sink/postgres_connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include <array>

#include "base/error.h"
#include "base/redact.h"
#include "sink/big_endian.h"

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

}  // namespace

std::string complete_conninfo(const std::string& address) {
  char* problem = nullptr;
  const ConninfoOptions given(PQconninfoParse(address.c_str(), &problem));
  PQfreemem(problem);  // not shown: libpq repeats the address in it, password and all
  if (given == nullptr) {
    throw UsageError(fmt::format(
        "--db={}: not an address libpq can read; expected postgres://USER@HOST/DATABASE "
        "or \"host=... dbname=...\"",
        one_line(redact(address))));
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

void PostgresResult::Clear::operator()(pg_result* result) const { PQclear(result); }

bool PostgresResult::ok() const {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

bool PostgresResult::is_copy_in() const { return PQresultStatus(result_.get()) == PGRES_COPY_IN; }

std::string PostgresResult::sqlstate() const {
  const char* code = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  return code == nullptr ? "" : code;
}

bool PostgresResult::is_plain_error() const {
  const char* severity = PQresultErrorField(result_.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string code = sqlstate();
  // 40003 and 08007 say themselves that the outcome is unknown.
  return severity != nullptr && std::string_view(severity) == "ERROR" && code != "40003" &&
         code != "08007";
}

std::string_view PostgresResult::tag() const {
  return result_ == nullptr ? "" : PQcmdStatus(result_.get());
}

WriteError PostgresResult::error(const std::vector<std::string>& secrets) const {
  // The primary message only: DETAIL and CONTEXT repeat row data.
  const char* message = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
  if (message == nullptr) message = PQresultErrorMessage(result_.get());
  const std::string code = sqlstate();
  return {code.empty() ? "08006" : code, one_line(message, secrets)};
}

void PostgresParameters::clear() {
  integers_.clear();
  offsets_.clear();
  values_.clear();
  lengths_.clear();
}

void PostgresParameters::add_integer(std::int64_t value) {
  offsets_.push_back(integers_.size());
  append_big_endian(integers_, value);
  values_.push_back(nullptr);
  lengths_.push_back(sizeof value);
}

void PostgresParameters::add_integer(std::int32_t value) {
  offsets_.push_back(integers_.size());
  append_big_endian(integers_, value);
  values_.push_back(nullptr);
  lengths_.push_back(sizeof value);
}

void PostgresParameters::add_borrowed(std::string_view bytes) {
  offsets_.push_back(kBorrowed);
  values_.push_back(bytes.data());
  lengths_.push_back(static_cast<int>(bytes.size()));
}

const char* const* PostgresParameters::values() {
  // Only now: integers_ may have moved while it grew.
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    if (offsets_[i] != kBorrowed) values_[i] = integers_.data() + offsets_[i];
  }
  return values_.data();
}

const int* PostgresParameters::formats() {
  formats_.resize(lengths_.size(), 1);  // 1 = binary
  return formats_.data();
}

void PostgresConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

PostgresConnection::PostgresConnection(const std::string& conninfo,
                                       std::vector<std::string> secrets)
    : connection_(PQconnectdb(conninfo.c_str())), secrets_(std::move(secrets)) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw SetupError(one_line(PQerrorMessage(connection_.get()), secrets_));
  }
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  socket_ = PQsocket(connection_.get());
}

PostgresResult PostgresConnection::execute(const std::string& sql) {
  return PostgresResult(PQexec(connection_.get(), sql.c_str()));
}

PostgresResult PostgresConnection::execute(const std::string& sql, PostgresParameters& parameters) {
  return PostgresResult(PQexecParams(connection_.get(), sql.c_str(), parameters.size(), nullptr,
                                     parameters.values(), parameters.lengths(),
                                     parameters.formats(), 0));
}

PostgresResult PostgresConnection::execute_prepared(const char* name,
                                                    PostgresParameters& parameters) {
  return PostgresResult(PQexecPrepared(connection_.get(), name, parameters.size(),
                                       parameters.values(), parameters.lengths(),
                                       parameters.formats(), 0));
}

PostgresResult PostgresConnection::prepare(const char* name, const std::string& sql) {
  return PostgresResult(PQprepare(connection_.get(), name, sql.c_str(), 0, nullptr));
}

bool PostgresConnection::put_copy_data(std::string_view data) {
  return PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) == 1;
}

bool PostgresConnection::put_copy_end() { return PQputCopyEnd(connection_.get(), nullptr) == 1; }

PostgresResult PostgresConnection::next_result() {
  return PostgresResult(PQgetResult(connection_.get()));
}

WriteError PostgresConnection::error() const {
  return {"08006", one_line(PQerrorMessage(connection_.get()), secrets_)};
}

void PostgresConnection::interrupt() const noexcept { shutdown(socket_, SHUT_RDWR); }

}  // namespace loadgen
