#include "sink/postgres_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "base/big_endian.h"
#include "base/text_limit.h"
#include "sink/postgres_sink_base.h"

namespace loadgen {
namespace {

constexpr std::string_view kColumns = "(message, created_at, run_id, sequence, producer)";

// The row, from 0, in the context of COPY's error: "COPY messages, line 3". The words may be
// translated, but their order stays.
std::optional<std::size_t> row_named_by(std::string_view context, std::string_view table) {
  const std::string prefix = fmt::format("COPY {},", table);
  const std::size_t at = context.find(prefix);
  if (at == std::string_view::npos) return std::nullopt;
  context.remove_prefix(at + prefix.size());
  const std::size_t digit = context.find_first_of("0123456789");
  if (digit == std::string_view::npos) return std::nullopt;
  std::size_t line = 0;
  std::from_chars(context.data() + digit, context.data() + context.size(), line);
  return line > 0 ? std::optional(line - 1) : std::nullopt;
}

class CopySink final : public PostgresSink {
 public:
  CopySink(const PostgresAccess& access, const TargetConfig& config, const RunIdentity& run,
           const std::stop_token& stop)
      : PostgresSink(access, config, run, stop),
        plain_table_(config.table),
        copy_(fmt::format("COPY {} {} FROM STDIN (FORMAT binary)", table_, kColumns)),
        piece_(kPieceBytes + kRowBytes + kLongestText, '\0') {
    // glibc's malloc gives free memory above 128 KiB back to the system at once, and a COPY of 500
    // rows needs more again and again: without a ledger each made up to 36 calls of brk, which cost
    // 12 % of the rows. With one the heap happens to be laid out so that there are none. The first
    // large block that is freed raises that bound to twice its size; 4 MiB gained no more than
    // this.
    static_cast<void>(connection_.execute(
        "/* keeps malloc from returning memory */ SELECT length(repeat('x', 262144))"));
  }

  // Statements sent in one message are one transaction, so the answer to the end of COPY is the
  // answer to the commit.
  WriteResult write(const Frame& frame) noexcept override {
    if (auto failed = begin_copy(frame)) return *std::move(failed);
    constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    char* begin = piece_.data();
    char* at = std::copy(kHeader.begin(), kHeader.end(), begin);
    for (const Message& message : frame.messages) {
      if (message.text.size() > longest_text_) {  // so that the server refuses it
        const auto used = at - begin;
        longest_text_ = message.text.size();
        piece_.resize(kPieceBytes + kRowBytes + longest_text_);
        begin = piece_.data();
        at = begin + used;
      }
      at = encode(message, at);
      if (at - begin < static_cast<std::ptrdiff_t>(kPieceBytes)) continue;
      if (!send(begin, at)) return copy_failed();
      at = begin;
    }
    at = put_big_endian(at, std::int16_t{-1});
    if (!send(begin, at)) return copy_failed();
    if (!connection_.put_copy_end()) return {WriteOutcome::kInDoubt, connection_.error()};
    const PostgresResult answer = connection_.next_result();
    WriteResult result = committed(answer, frame.messages.size());
    result.error.row = row_named_by(answer.context(), plain_table_);
    drain_results();
    return result;
  }

 private:
  static constexpr std::size_t kPieceBytes = 65'536;
  // Bytes besides the text: the number of columns, their five lengths, and the other values.
  static constexpr std::size_t kRowBytes = sizeof(std::int16_t) + 5 * sizeof(std::int32_t) +
                                           3 * sizeof(std::int64_t) + sizeof(std::int32_t);

  // Returns the error; nullopt: the server expects the rows now.
  std::optional<WriteResult> begin_copy(const Frame& frame) {
    if (!has_ledger_) return copying(connection_.execute(copy_));
    if (!is_prepared_) {
      // Not while connecting, because it waits for locks on the table, and only a write can be
      // interrupted.
      const PostgresResult made = connection_.execute(
          "PREPARE note_frame (bigint, bigint, integer) AS "
          "INSERT INTO loadgen_ledger (run_id, frame, rows) VALUES ($1, $2, $3)");
      if (!made.ok()) return not_written(made);
      is_prepared_ = true;
    }
    if (!connection_.send(fmt::format("EXECUTE note_frame ({}, {}, {}); {}", run_.run_id,
                                      static_cast<std::int64_t>(frame.id()), frame.messages.size(),
                                      copy_))) {
      return not_written(PostgresResult(nullptr));
    }
    const PostgresResult noted = connection_.next_result();
    if (!noted.ok()) {
      drain_results();
      return not_written(noted);
    }
    // Without its ledger row the frame could be stored twice. Closing the connection ends the COPY.
    if (noted.rows() != 1) return {{WriteOutcome::kNotWritten, no_ledger_row()}};
    return copying(connection_.next_result());
  }

  std::optional<WriteResult> copying(const PostgresResult& begun) {
    if (begun.is_copy_in()) return std::nullopt;
    drain_results();
    return not_written(begun);
  }

  char* encode(const Message& message, char* at) const {
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

  // A COPY that is not ended stores nothing.
  WriteResult copy_failed() {
    WriteResult result{WriteOutcome::kNotWritten, connection_.error()};
    const PostgresResult answer =
        connection_.next_result();  // says more than libpq's error, if there is one
    if (!answer.is_null() && !answer.ok() && !answer.sqlstate().empty()) {
      result.error = answer.error(connection_.secrets());
    }
    return result;
  }

  void drain_results() {
    while (!connection_.next_result().is_null()) {
    }
  }

  const std::string plain_table_;
  const std::string copy_;
  // Whether the ledger's statement is prepared. At 500 rows per frame the ledger then costs 2 % of
  // the rows, and 4 % if the statement is parsed and planned each time.
  bool is_prepared_ = false;
  std::string piece_;  // reused; one 64 KiB piece and the row that overruns it
  std::size_t longest_text_ = kLongestText;  // the longest that fits into piece_
};

class UnnestSink final : public PostgresSink {
 public:
  UnnestSink(const PostgresAccess& access, const TargetConfig& config, const RunIdentity& run,
             const std::stop_token& stop)
      : PostgresSink(access, config, run, stop) {
    // Reading from the ledger clause makes it come first.
    require(connection_.prepare(
        kName, fmt::format("{}INSERT INTO {} {} SELECT m, c, $5::bigint, s, p FROM {}unnest("
                           "$1::text[], $2::timestamptz[], $3::bigint[], $4::integer[]) "
                           "AS rows (m, c, s, p)",
                           has_ledger_ ? ledger_clause("$5::bigint", 6) : "", table_, kColumns,
                           has_ledger_ ? "ledger, " : "")));
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
    if (has_ledger_) add_ledger_parameters(parameters_, frame);
    return committed(connection_.execute_prepared(kName, parameters_), frame.messages.size());
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
  InsertSink(const PostgresAccess& access, const TargetConfig& config, const RunIdentity& run,
             const std::stop_token& stop)
      : PostgresSink(access, config, run, stop),
        most_rows_(config.insert == InsertMethod::kSingle ? 1 : kMostRows) {}

  WriteResult write(const Frame& frame) noexcept override {
    const std::span<const Message> messages = frame.messages;
    if (messages.size() <= most_rows_) {  // its own transaction
      return committed(insert(messages, has_ledger_ ? &frame : nullptr), messages.size());
    }
    if (const PostgresResult begun = connection_.execute("BEGIN"); !begun.ok()) {
      return not_written(begun);
    }
    for (std::size_t done = 0; done < messages.size();) {
      const std::size_t rows = std::min(messages.size() - done, most_rows_);
      const PostgresResult answer =
          insert(messages.subspan(done, rows), has_ledger_ && done == 0 ? &frame : nullptr);
      if (!answer.ok()) {
        if (answer.is_plain_error()) static_cast<void>(connection_.execute("ROLLBACK"));
        return not_written(answer);
      }
      if (answer.rows() != rows) {
        static_cast<void>(connection_.execute("ROLLBACK"));
        return {WriteOutcome::kNotWritten, wrong_count(answer.rows(), rows)};
      }
      done += rows;
    }
    return committed(connection_.execute("COMMIT"));
  }

 private:
  static constexpr std::size_t kRowParameters = 4;
  // Besides the rows: the run's id and the two ledger parameters.
  static constexpr std::size_t kMostRows = (65'535 - 3) / kRowParameters;
  static constexpr std::size_t kMostPrepared = 8;

  // What determines the statement.
  struct Shape {
    std::size_t rows = 0;
    bool with_ledger = false;
    bool operator==(const Shape&) const = default;
  };

  // `ledger`: the frame whose row in the ledger is written with these messages, or null.
  PostgresResult insert(std::span<const Message> messages, const Frame* ledger) {
    parameters_.clear();
    parameters_.add_integer(run_.run_id);
    for (const Message& message : messages) {
      parameters_.add_borrowed(message.text);
      parameters_.add_integer(created_at(message));
      parameters_.add_integer(static_cast<std::int64_t>(message.sequence));
      parameters_.add_integer(static_cast<std::int32_t>(message.producer));
    }
    if (ledger != nullptr) add_ledger_parameters(parameters_, *ledger);
    const Shape shape{messages.size(), ledger != nullptr};
    const auto known = std::find(prepared_.begin(), prepared_.end(), shape);
    if (known != prepared_.end()) {
      return connection_.execute_prepared(name_of(known - prepared_.begin()).c_str(), parameters_);
    }
    // Most frames of a run have the same size, so a shape that comes twice in a row is worth
    // preparing.
    if (shape != last_shape_ || prepared_.size() == kMostPrepared) {
      last_shape_ = shape;
      return connection_.execute(sql_for(shape), parameters_);
    }
    const std::string name = name_of(static_cast<std::ptrdiff_t>(prepared_.size()));
    if (PostgresResult made = connection_.prepare(name.c_str(), sql_for(shape)); !made.ok()) {
      return made;
    }
    prepared_.push_back(shape);
    return connection_.execute_prepared(name.c_str(), parameters_);
  }

  static std::string name_of(std::ptrdiff_t slot) { return fmt::format("insert_{}", slot); }

  [[nodiscard]] std::string sql_for(const Shape& shape) const {
    std::string rows;
    for (std::size_t row = 0; row < shape.rows; ++row) {
      const std::size_t first = 2 + row * kRowParameters;
      const char* form = row == 0
                             ? "(${}::varchar,${}::timestamptz,$1::bigint,${}::bigint,${}::int)"
                             : ",(${},${},$1,${},${})";
      rows += fmt::format(fmt::runtime(form), first, first + 1, first + 2, first + 3);
    }
    if (!shape.with_ledger)
      return fmt::format("INSERT INTO {} {} VALUES {}", table_, kColumns, rows);
    // Reading from the ledger clause makes it come first.
    return fmt::format("{}INSERT INTO {} {} SELECT rows.* FROM ledger, (VALUES {}) AS rows",
                       ledger_clause("$1::bigint", 2 + shape.rows * kRowParameters), table_,
                       kColumns, rows);
  }

  const std::size_t most_rows_;
  std::vector<Shape> prepared_;  // as insert_0, insert_1, ...
  Shape last_shape_;
  PostgresParameters parameters_;
};

}  // namespace

std::unique_ptr<Sink> make_postgres_sink(const PostgresAccess& access, const TargetConfig& config,
                                         const RunIdentity& run, const std::stop_token& stop) {
  switch (config.insert) {
    case InsertMethod::kUnnest:
      return std::make_unique<UnnestSink>(access, config, run, stop);
    case InsertMethod::kMulti:
    case InsertMethod::kSingle:
      return std::make_unique<InsertSink>(access, config, run, stop);
    case InsertMethod::kAuto:
    case InsertMethod::kCopy:
      break;
  }
  return std::make_unique<CopySink>(access, config, run, stop);
}

}  // namespace loadgen
