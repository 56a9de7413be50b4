#include "sink/postgres_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <span>

#include "base/error.h"
#include "sink/big_endian.h"
#include "sink/postgres_connection.h"

namespace loadgen {
namespace {

constexpr std::string_view kColumns = "(message, created_at, run_id, sequence, producer)";

// timestamptz counts microseconds from 2000-01-01.
std::int64_t postgres_timestamp(WallTime when) {
  constexpr std::int64_t kPostgresEpoch = 946'684'800'000'000;  // in Unix microseconds
  return unix_microseconds(when) - kPostgresEpoch;
}

// What all methods share: the connection, and how an answer becomes a result.
class PostgresSink : public Sink {
 public:
  PostgresSink(const std::string& conninfo, std::vector<std::string> secrets,
               const TargetConfig& config, const RunIdentity& run)
      : connection_(conninfo, std::move(secrets)),
        table_(quote_identifier(config.table)),
        run_(run) {
    require(connection_.execute(config.durability == Durability::kFull
                                    ? "SET synchronous_commit = on"
                                    : "SET synchronous_commit = off"));
  }

  void interrupt() noexcept override { connection_.interrupt(); }

 protected:
  void require(const PostgresResult& result) const {
    if (!result.ok()) throw SetupError(result.error(connection_.secrets()).message);
  }

  [[nodiscard]] WriteResult not_written(const PostgresResult& answer) const {
    return {WriteOutcome::kNotWritten,
            answer.is_null() ? connection_.error() : answer.error(connection_.secrets())};
  }

  // The answer to whatever carried the commit.
  [[nodiscard]] WriteResult committed(const PostgresResult& answer) const {
    if (answer.is_null()) return {WriteOutcome::kInDoubt, connection_.error()};
    if (answer.ok() && answer.tag() != "ROLLBACK") return {};
    if (answer.ok()) return {WriteOutcome::kNotWritten, {"25P02", "COMMIT rolled back"}};
    return {answer.is_plain_error() ? WriteOutcome::kNotWritten : WriteOutcome::kInDoubt,
            answer.error(connection_.secrets())};
  }

  [[nodiscard]] std::int64_t created_at(const Message& message) const {
    return postgres_timestamp(run_.anchor.wall_at(message.created));
  }

  PostgresConnection connection_;
  const std::string table_;
  const RunIdentity run_;
};

class CopySink final : public PostgresSink {
 public:
  CopySink(const std::string& conninfo, std::vector<std::string> secrets,
           const TargetConfig& config, const RunIdentity& run)
      : PostgresSink(conninfo, std::move(secrets), config, run),
        copy_(fmt::format("COPY {} {} FROM STDIN (FORMAT binary)", table_, kColumns)),
        piece_(kPieceBytes + kLargestRow, '\0') {}

  // COPY is its own transaction: the answer to its end is the answer to the commit.
  WriteResult write(const Frame& frame) noexcept override {
    if (const PostgresResult begun = connection_.execute(copy_); !begun.is_copy_in()) {
      return not_written(begun);
    }
    constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    char* const begin = piece_.data();
    char* at = std::copy(kHeader.begin(), kHeader.end(), begin);
    for (const Message& message : frame.messages) {
      at = encode(message, at);
      if (at - begin < static_cast<std::ptrdiff_t>(kPieceBytes)) continue;
      if (!send(begin, at)) return copy_failed();
      at = begin;
    }
    at = put_big_endian(at, std::int16_t{-1});
    if (!send(begin, at)) return copy_failed();
    if (!connection_.put_copy_end()) return {WriteOutcome::kInDoubt, connection_.error()};
    WriteResult result = committed(connection_.next_result());
    drain_results();
    return result;
  }

 private:
  static constexpr std::size_t kPieceBytes = 65'536;
  static constexpr std::size_t kLongestText = 256;  // the width of the table
  // The number of columns, their five lengths, and their values.
  static constexpr std::size_t kLargestRow = sizeof(std::int16_t) + 5 * sizeof(std::int32_t) +
                                             kLongestText + 3 * sizeof(std::int64_t) +
                                             sizeof(std::int32_t);

  char* encode(const Message& message, char* at) const {
    assert(message.text.size() <= kLongestText);
    at = put_big_endian(at, std::int16_t{5});  // columns
    at = put_big_endian(at, static_cast<std::int32_t>(message.text.size()));
    at = std::copy(message.text.begin(), message.text.end(), at);
    at = put_field(at, created_at(message));
    at = put_field(at, run_.run_id);
    at = put_field(at, static_cast<std::int64_t>(message.sequence));
    return put_field(at, static_cast<std::int32_t>(message.producer));
  }

  template <typename Integer>
  static char* put_field(char* at, Integer value) {
    at = put_big_endian(at, static_cast<std::int32_t>(sizeof value));
    return put_big_endian(at, value);
  }

  bool send(const char* begin, const char* end) {
    return connection_.put_copy_data({begin, static_cast<std::size_t>(end - begin)});
  }

  // Without its end a COPY stores nothing.
  WriteResult copy_failed() {
    WriteResult result{WriteOutcome::kNotWritten, connection_.error()};
    const PostgresResult answer = connection_.next_result();  // says more than libpq, if it came
    if (!answer.is_null() && !answer.ok() && !answer.sqlstate().empty()) {
      result.error = answer.error(connection_.secrets());
    }
    return result;
  }

  void drain_results() {
    while (!connection_.next_result().is_null()) {
    }
  }

  const std::string copy_;
  std::string piece_;  // reused; one 64 KiB piece and the row that overruns it
};

class UnnestSink final : public PostgresSink {
 public:
  UnnestSink(const std::string& conninfo, std::vector<std::string> secrets,
             const TargetConfig& config, const RunIdentity& run)
      : PostgresSink(conninfo, std::move(secrets), config, run) {
    require(connection_.prepare(
        kName, fmt::format("INSERT INTO {} {} SELECT m, c, $5::bigint, s, p FROM unnest("
                           "$1::text[], $2::timestamptz[], $3::bigint[], $4::integer[]) "
                           "AS rows (m, c, s, p)",
                           table_, kColumns)));
  }

  WriteResult write(const Frame& frame) noexcept override {
    begin_array(texts_, kTextOid, frame);
    begin_array(times_, kTimestamptzOid, frame);
    begin_array(sequences_, kBigintOid, frame);
    begin_array(producers_, kIntegerOid, frame);
    for (const Message& message : frame.messages) {
      append_big_endian(texts_, static_cast<std::int32_t>(message.text.size()));
      texts_ += message.text;
      append_element(times_, created_at(message));
      append_element(sequences_, static_cast<std::int64_t>(message.sequence));
      append_element(producers_, static_cast<std::int32_t>(message.producer));
    }
    parameters_.clear();
    for (const std::string* array : {&texts_, &times_, &sequences_, &producers_}) {
      parameters_.add_borrowed(*array);
    }
    parameters_.add_integer(run_.run_id);
    return committed(connection_.execute_prepared(kName, parameters_));
  }

 private:
  static constexpr const char* kName = "unnest";
  // From pg_type.dat; part of the wire protocol's contract, they never change.
  static constexpr std::int32_t kTextOid = 25;
  static constexpr std::int32_t kTimestamptzOid = 1184;
  static constexpr std::int32_t kBigintOid = 20;
  static constexpr std::int32_t kIntegerOid = 23;

  static void begin_array(std::string& array, std::int32_t element_oid, const Frame& frame) {
    array.clear();
    for (const std::int32_t field : {1, 0, element_oid,  // dimensions, has no NULL, element type
                                     static_cast<std::int32_t>(frame.messages.size()), 1}) {
      append_big_endian(array, field);  // ... length and lower bound of the one dimension
    }
  }

  template <typename Integer>
  static void append_element(std::string& array, Integer value) {
    append_big_endian(array, static_cast<std::int32_t>(sizeof value));
    append_big_endian(array, value);
  }

  std::string texts_, times_, sequences_, producers_;  // binary arrays, reused
  PostgresParameters parameters_;
};

// multi, and with one row a statement single.
class InsertSink final : public PostgresSink {
 public:
  InsertSink(const std::string& conninfo, std::vector<std::string> secrets,
             const TargetConfig& config, const RunIdentity& run)
      : PostgresSink(conninfo, std::move(secrets), config, run),
        most_rows_(config.insert == InsertMethod::kSingle ? 1 : kMostRows) {}

  WriteResult write(const Frame& frame) noexcept override {
    std::span<const Message> messages = frame.messages;
    if (messages.size() <= most_rows_) return committed(insert(messages));  // its own transaction
    if (const PostgresResult begun = connection_.execute("BEGIN"); !begun.ok()) {
      return not_written(begun);
    }
    while (!messages.empty()) {
      const std::size_t rows = std::min(messages.size(), most_rows_);
      if (const PostgresResult answer = insert(messages.first(rows)); !answer.ok()) {
        return not_written(answer);
      }
      messages = messages.subspan(rows);
    }
    return committed(connection_.execute("COMMIT"));
  }

 private:
  static constexpr const char* kName = "insert";
  static constexpr std::size_t kRowParameters = 4;
  static constexpr std::size_t kMostRows = (65'535 - 1) / kRowParameters;  // run_id is $1

  PostgresResult insert(std::span<const Message> messages) {
    parameters_.clear();
    parameters_.add_integer(run_.run_id);
    for (const Message& message : messages) {
      parameters_.add_borrowed(message.text);
      parameters_.add_integer(created_at(message));
      parameters_.add_integer(static_cast<std::int64_t>(message.sequence));
      parameters_.add_integer(static_cast<std::int32_t>(message.producer));
    }
    if (messages.size() == prepared_rows_) return connection_.execute_prepared(kName, parameters_);
    // Most frames of a run have one size, as a rule the full one: a size seen twice in a row pays
    // for being prepared.
    if (messages.size() == last_rows_) {
      if (prepared_rows_ > 0) {
        if (PostgresResult gone = connection_.execute("DEALLOCATE insert"); !gone.ok()) return gone;
        prepared_rows_ = 0;
      }
      if (PostgresResult made = connection_.prepare(kName, sql_for(messages.size())); !made.ok()) {
        return made;
      }
      prepared_rows_ = messages.size();
      return connection_.execute_prepared(kName, parameters_);
    }
    last_rows_ = messages.size();
    return connection_.execute(sql_for(messages.size()), parameters_);
  }

  [[nodiscard]] std::string sql_for(std::size_t rows) const {
    std::string sql = fmt::format("INSERT INTO {} {} VALUES ", table_, kColumns);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t first = 2 + row * kRowParameters;
      sql += fmt::format("{}(${},${},$1,${},${})", row == 0 ? "" : ",", first, first + 1, first + 2,
                         first + 3);
    }
    return sql;
  }

  const std::size_t most_rows_;
  std::size_t prepared_rows_ = 0;
  std::size_t last_rows_ = 0;
  PostgresParameters parameters_;
};

}  // namespace

std::unique_ptr<Sink> make_postgres_sink(const std::string& conninfo,
                                         std::vector<std::string> secrets,
                                         const TargetConfig& config, const RunIdentity& run) {
  switch (config.insert) {
    case InsertMethod::kUnnest:
      return std::make_unique<UnnestSink>(conninfo, std::move(secrets), config, run);
    case InsertMethod::kMulti:
    case InsertMethod::kSingle:
      return std::make_unique<InsertSink>(conninfo, std::move(secrets), config, run);
    case InsertMethod::kAuto:
    case InsertMethod::kCopy:
      break;
  }
  return std::make_unique<CopySink>(conninfo, std::move(secrets), config, run);
}

}  // namespace loadgen
