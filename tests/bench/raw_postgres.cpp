// Threads with a connection each, binary COPY over libpq and nothing else: what
// ./app --db=postgres://... is measured against.

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/big_endian.h"
#include "feed.h"
#include "model/generator.h"
#include "schema.h"
#include "sink/target_config.h"

namespace {

using namespace loadgen;

constexpr std::uint32_t kTextBytes = 64;
constexpr std::size_t kRowBytes = 2 + 5 * 4 + kTextBytes + 8 + 8 + 8 + 4;
constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::int64_t kPostgresEpoch = 946'684'800'000'000;  // 2000-01-01 in Unix microseconds

// One connection that copies batches. Exits on any error.
class BareCopy {
 public:
  explicit BareCopy(const char* conninfo) : connection_(PQconnectdb(conninfo)) {
    if (PQstatus(connection_) != CONNECTION_OK) fail();
  }
  ~BareCopy() { PQfinish(connection_); }
  BareCopy(const BareCopy&) = delete;
  BareCopy& operator=(const BareCopy&) = delete;

  void execute(const std::string& sql, ExecStatusType expected) {
    PGresult* result = PQexec(connection_, sql.c_str());
    if (PQresultStatus(result) != expected) fail();
    PQclear(result);
  }

  // Makes and commits the rows: without BEGIN a COPY is its own transaction.
  void write(const Rows& rows) {
    execute(
        "COPY messages (message, created_at, run_id, sequence, producer) FROM STDIN (FORMAT "
        "binary)",
        PGRES_COPY_IN);
    constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    const std::int64_t created_at = now_microseconds() - kPostgresEpoch;
    char* const begin = piece_.data();
    char* at = std::copy(kHeader.begin(), kHeader.end(), begin);
    for (std::uint64_t i = 0; i < rows.count; ++i) {
      at = encode(rows.first + i, created_at, at);
      if (static_cast<std::size_t>(at - begin) >= kPieceBytes) {
        send(begin, at);
        at = begin;
      }
    }
    at = put_big_endian(at, std::int16_t{-1});
    send(begin, at);
    if (PQputCopyEnd(connection_, nullptr) != 1) fail();
    while (PGresult* result = PQgetResult(connection_)) {
      if (PQresultStatus(result) != PGRES_COMMAND_OK) fail();
      PQclear(result);
    }
  }

 private:
  char* encode(std::uint64_t sequence, std::int64_t created_at, char* at) {
    generator_.generate(sequence, 0, text_);
    at = put_big_endian(at, std::int16_t{5});  // columns
    at = put_big_endian(at, static_cast<std::int32_t>(kTextBytes));
    std::memcpy(at, text_.data(), kTextBytes);
    at = put_field(at + kTextBytes, created_at);
    at = put_field(at, std::int64_t{1});  // run_id
    at = put_field(at, static_cast<std::int64_t>(sequence));
    return put_field(at, std::int32_t{0});  // producer
  }

  template <typename Integer>
  static char* put_field(char* at, Integer value) {
    at = put_big_endian(at, static_cast<std::int32_t>(sizeof value));
    return put_big_endian(at, value);
  }

  void send(const char* begin, const char* end) {
    if (PQputCopyData(connection_, begin, static_cast<int>(end - begin)) != 1) fail();
  }

  [[noreturn]] void fail() { die(PQerrorMessage(connection_)); }

  PGconn* connection_;
  const Generator generator_{1, kTextBytes};
  std::string text_;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes + kRowBytes + 2);
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) {
    die("usage: raw_postgres CONNINFO CONNECTIONS BATCH_SIZE full|relaxed SECONDS [ROWS_PER_S]\n"
        "prints: rows seconds rows_per_s write_p99_us response_p99_us");
  }
  const std::string_view durability = argv[4];
  if (durability != "full" && durability != "relaxed") die("durability: full or relaxed");
  sleep_precisely();

  BareCopy setup(argv[1]);
  setup.execute("SET client_min_messages = warning", PGRES_COMMAND_OK);
  setup.execute(schema_for_table(schema::kPostgres, "messages"), PGRES_COMMAND_OK);
  std::vector<std::unique_ptr<BareCopy>> connections;
  for (int i = static_cast<int>(number(argv[2])); i > 0; --i) {
    connections.push_back(std::make_unique<BareCopy>(argv[1]));
    connections.back()->execute(
        fmt::format("SET synchronous_commit = {}", durability == "full" ? "on" : "off"),
        PGRES_COMMAND_OK);
  }

  Feed feed(argc == 7 ? number(argv[6]) : 0, static_cast<std::uint64_t>(number(argv[3])),
            number(argv[5]));
  std::vector<std::jthread> threads;
  for (const auto& connection : connections) {
    threads.emplace_back([&feed, &copy = *connection] {
      for (Rows rows = feed.next(); rows.count > 0; rows = feed.next()) {
        copy.write(rows);
        feed.committed(rows);
      }
    });
  }
  threads.clear();  // joins
  std::puts(feed.summary().c_str());
}
