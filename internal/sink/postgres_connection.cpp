#include "sink/postgres_connection.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>

#include "base/big_endian.h"
#include "base/redact.h"
#include "sink/postgres_address.h"

namespace loadgen {
namespace {

// connection_failure: stands for libpq's own errors, which carry no code.
constexpr const char* kConnectionGone = "08006";

}  // namespace

void FileDescriptor::reset(int value) {
  if (value_ >= 0) close(value_);
  value_ = value;
}

void PostgresResult::Clear::operator()(pg_result* result) const { PQclear(result); }

bool PostgresResult::ok() const {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

bool PostgresResult::is_copy_in() const { return PQresultStatus(result_.get()) == PGRES_COPY_IN; }

std::string PostgresResult::sqlstate() const { return std::string(field(PG_DIAG_SQLSTATE)); }

std::string_view PostgresResult::field(int code) const {
  const char* value = PQresultErrorField(result_.get(), code);
  return value == nullptr ? "" : value;
}

bool PostgresResult::is_plain_error() const {
  const char* severity = PQresultErrorField(result_.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string code = sqlstate();
  // 40003 and 08007 mean that the outcome is unknown.
  return severity != nullptr && std::string_view(severity) == "ERROR" && code != "40003" &&
         code != "08007";
}

bool PostgresResult::is_conflict_in(std::string_view schema, std::string_view table) const {
  return sqlstate() == "23505" && field(PG_DIAG_SCHEMA_NAME) == schema &&
         field(PG_DIAG_TABLE_NAME) == table;
}

std::string_view PostgresResult::context() const { return field(PG_DIAG_CONTEXT); }

std::string_view PostgresResult::tag() const {
  return result_ == nullptr ? "" : PQcmdStatus(result_.get());
}

std::size_t PostgresResult::rows() const {
  const std::string_view text = result_ == nullptr ? "" : PQcmdTuples(result_.get());
  std::size_t rows = 0;
  std::from_chars(text.data(), text.data() + text.size(), rows);
  return rows;
}

WriteError PostgresResult::error(const std::vector<std::string>& secrets) const {
  // The primary message only: DETAIL and CONTEXT repeat row data.
  const char* message = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
  if (message == nullptr) message = PQresultErrorMessage(result_.get());
  const std::string code = sqlstate().empty() ? kConnectionGone : sqlstate();
  const std::string constraint(field(PG_DIAG_CONSTRAINT_NAME));
  return {.code = code,
          .message = one_line(message, secrets),
          .error_class = classify_sqlstate(code),
          .constraint = constraint};
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
  // Only now, because integers_ may have moved while it grew.
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    if (offsets_[i] != kBorrowed) values_[i] = integers_.data() + offsets_[i];
  }
  return values_.data();
}

const int* PostgresParameters::formats() {
  formats_.resize(lengths_.size(), 1);  // 1 = binary
  return formats_.data();
}

namespace {

// Whether libpq failed before it tried to reach the server, because of impossible options such as
// an unknown service. A missing socket fails as early, but may appear soon.
bool has_bad_options(PGconn* connection, const std::string& conninfo) {
  return has_invalid_port(connection) ||
         PQping((conninfo + " connect_timeout='2'").c_str()) == PQPING_NO_ATTEMPT;
}

// Whether libpq is about to read an answer to its request for TLS. 'E' begins an error of a server
// that is in trouble; anything else is for libpq to accept or to refuse.
bool has_tls_answer(PGconn* connection) {
  char first = 'E';
  return PQstatus(connection) == CONNECTION_SSL_STARTUP &&
         recv(PQsocket(connection), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first != 'E';
}

// Whether the other side has closed the connection, or reset it.
bool has_ended(int socket) {
  char next = 0;
  const ssize_t count = recv(socket, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN);
}

// Like PQconnectdb, but can be stopped. Returns true when libpq refused the server's answer to a
// request for TLS: the server has no TLS, or a certificate that the options do not accept.
bool finish_connecting(PGconn* connection, std::chrono::seconds timeout,
                       const std::stop_token& stop) {
  const FileDescriptor stopped(eventfd(0, EFD_CLOEXEC));
  const std::stop_callback wake(stop, [&] { eventfd_write(stopped.get(), 1); });
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto state = PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    const std::int16_t wanted = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    std::array<pollfd, 2> waiting{pollfd{PQsocket(connection), wanted, 0},
                                  pollfd{stopped.get(), POLLIN, 0}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready =
        left.count() > 0 ? poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || stop.stop_requested()) return false;  // PQstatus() is not CONNECTION_OK then
    // libpq closes its own descriptor when it fails.
    const FileDescriptor answered(has_tls_answer(connection) ? dup(PQsocket(connection)) : -1);
    state = PQconnectPoll(connection);
    if (state == PGRES_POLLING_FAILED && answered.get() >= 0) return !has_ended(answered.get());
  }
  return false;
}

}  // namespace

void PostgresConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

PostgresConnection::PostgresConnection(const std::string& conninfo,
                                       std::vector<std::string> secrets,
                                       const std::stop_token& stop)
    : secrets_(std::move(secrets)), connection_(PQconnectStart(conninfo.c_str())) {
  // Set before the server can send notices, because libpq would print them raw, control characters
  // included.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);  // so that it tells the SQLSTATE
  const bool is_refused =
      PQstatus(connection_.get()) == CONNECTION_BAD
          ? has_bad_options(connection_.get(), conninfo)
          : finish_connecting(connection_.get(), connect_timeout_of(connection_.get()), stop);
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    WriteError error = connect_error();
    // Waiting changes neither the options nor what libpq accepts.
    if (is_refused || PQconnectionNeedsPassword(connection_.get()) != 0) {
      error.error_class = ErrorClass::kFatal;
    }
    throw ConnectError(error.message, error);
  }
  PQsetErrorVerbosity(connection_.get(), PQERRORS_TERSE);  // details and contexts hold row data
  socket_.reset(fcntl(PQsocket(connection_.get()), F_DUPFD_CLOEXEC, 0));
  if (socket_.get() < 0) {
    const WriteError error{.code = kConnectionGone,
                           .message = "there is no file descriptor left for another connection",
                           .error_class = ErrorClass::kOutage};
    throw ConnectError(error.message, error);
  }
  on_stop_.emplace(stop, [this] { interrupt(); });
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

bool PostgresConnection::send(const std::string& sql) {
  return PQsendQuery(connection_.get(), sql.c_str()) == 1;
}

bool PostgresConnection::put_copy_data(std::string_view data) {
  return PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) == 1;
}

bool PostgresConnection::put_copy_end() { return PQputCopyEnd(connection_.get(), nullptr) == 1; }

PostgresResult PostgresConnection::next_result() {
  return PostgresResult(PQgetResult(connection_.get()));
}

// For a failed connection, libpq gives the SQLSTATE only in the text: "FATAL:  28P01: password
// ...".
WriteError PostgresConnection::connect_error() const {
  std::string message = one_line(PQerrorMessage(connection_.get()), secrets_);
  if (message.empty()) message = "timeout expired while connecting";
  // In verbose mode the message is followed by its place in the server's source.
  message = message.substr(0, message.find("; LOCATION:"));
  std::string code = kConnectionGone;
  for (std::size_t at = 0; (at = message.find(":  ", at)) != std::string::npos; at += 3) {
    const std::string candidate = message.substr(at + 3, 7);
    const bool is_code = candidate.size() == 7 && candidate.ends_with(": ") &&
                         candidate.substr(0, 5).find_first_not_of(
                             "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    if (!is_code) continue;
    code = candidate.substr(0, 5);
    message.erase(at + 3, 7);
    break;
  }
  return {.code = code, .message = message, .error_class = classify_sqlstate(code)};
}

WriteError PostgresConnection::error() const {
  return {.code = kConnectionGone,
          .message = one_line(PQerrorMessage(connection_.get()), secrets_),
          .error_class = ErrorClass::kOutage};
}

bool PostgresConnection::is_lost() const { return PQstatus(connection_.get()) != CONNECTION_OK; }

void PostgresConnection::interrupt() const noexcept { shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace loadgen
