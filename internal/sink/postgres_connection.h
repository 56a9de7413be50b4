// RAII wrappers for libpq. A connection belongs to one thread; interrupt() may be called from any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sink/sink.h"

struct pg_conn;
struct pg_result;

namespace loadgen {

class FileDescriptor {
 public:
  explicit FileDescriptor(int value = -1) : value_(value) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { reset(-1); }
  [[nodiscard]] int get() const { return value_; }
  void reset(int value);

 private:
  int value_;
};

class PostgresResult {
 public:
  explicit PostgresResult(pg_result* result) : result_(result) {}

  [[nodiscard]] bool is_null() const { return result_ == nullptr; }
  // The command or query succeeded.
  [[nodiscard]] bool ok() const;
  [[nodiscard]] bool is_copy_in() const;
  // SQLSTATE, "" when the failure is libpq's own.
  [[nodiscard]] std::string sqlstate() const;
  // True when the server reported a refusal and the session is still alive: the only answer to a
  // COMMIT that proves that nothing was committed.
  [[nodiscard]] bool is_plain_error() const;
  // A unique key of this table was violated.
  [[nodiscard]] bool is_conflict_in(std::string_view schema, std::string_view table) const;
  // Where the error happened, in the server's language. May hold row data: never show it.
  [[nodiscard]] std::string_view context() const;
  // The command tag: "INSERT 0 5", "COPY 5", "COMMIT", "ROLLBACK".
  [[nodiscard]] std::string_view tag() const;
  // How many rows the command wrote, by its tag.
  [[nodiscard]] std::size_t rows() const;
  [[nodiscard]] WriteError error(const std::vector<std::string>& secrets) const;

 private:
  [[nodiscard]] std::string_view field(int code) const;

  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// Parameters of a statement, all sent in binary. Appended pieces are kept until clear().
class PostgresParameters {
 public:
  void clear();
  void add_integer(std::int64_t value);       // bigint
  void add_integer(std::int32_t value);       // integer
  void add_borrowed(std::string_view bytes);  // must outlive the call that sends it

  [[nodiscard]] int size() const { return static_cast<int>(lengths_.size()); }
  // Valid until the next change.
  [[nodiscard]] const char* const* values();
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats();

 private:
  static constexpr std::size_t kBorrowed = static_cast<std::size_t>(-1);

  std::string integers_;              // big-endian, one after the other
  std::vector<std::size_t> offsets_;  // into integers_, or kBorrowed
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

class PostgresConnection {
 public:
  // Connects. A stop requested now, or during its lifetime, acts as interrupt(). Throws
  // ConnectError with one line and no secret.
  PostgresConnection(const std::string& conninfo, std::vector<std::string> secrets,
                     const std::stop_token& stop);

  PostgresResult execute(const std::string& sql);
  PostgresResult execute(const std::string& sql, PostgresParameters& parameters);
  PostgresResult execute_prepared(const char* name, PostgresParameters& parameters);
  PostgresResult prepare(const char* name, const std::string& sql);

  // Sends statements; next_result() returns their results one by one. False: the connection is
  // gone.
  [[nodiscard]] bool send(const std::string& sql);
  // COPY ... FROM STDIN. False: the connection is gone.
  [[nodiscard]] bool put_copy_data(std::string_view data);
  [[nodiscard]] bool put_copy_end();
  // The next result of a command, null when there is no more.
  PostgresResult next_result();

  // The connection's own last error, for failures without a result.
  [[nodiscard]] WriteError error() const;
  [[nodiscard]] const std::vector<std::string>& secrets() const { return secrets_; }
  // Whether the session has ended, for whatever reason.
  [[nodiscard]] bool is_lost() const;
  // Makes the current wait and every later call fail.
  void interrupt() const noexcept;
  // For a library that uses libpq itself. It must not finish the connection.
  [[nodiscard]] pg_conn* handle() const { return connection_.get(); }

 private:
  [[nodiscard]] WriteError connect_error() const;

  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  std::vector<std::string> secrets_;
  // A duplicate of the socket's descriptor, because libpq may close its own and the number may be
  // reused.
  FileDescriptor socket_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  // Last, and so destroyed first: finishing the connection can still be interrupted.
  std::unique_ptr<pg_conn, Finish> connection_;
};

}  // namespace loadgen
