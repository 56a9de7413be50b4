// What all insert methods share: the connection, and turning an answer into a result.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "sink/postgres_connection.h"
#include "sink/postgres_sink.h"
#include "sink/sink.h"
#include "sink/target_config.h"

namespace loadgen {

class PostgresSink : public Sink {
 public:
  PostgresSink(const PostgresAccess& access, const TargetConfig& config, const RunIdentity& run,
               const std::stop_token& stop);

  void interrupt() noexcept override { connection_.interrupt(); }

 protected:
  void require(const PostgresResult& result) const;

  // The frame's row in the ledger was there already.
  [[nodiscard]] bool is_ledger_conflict(const PostgresResult& answer) const {
    return answer.is_conflict_in(ledger_schema_, "loadgen_ledger");
  }
  // Call it outside a transaction, because it may ask the server for the reason. The same holds for
  // the next two.
  [[nodiscard]] WriteResult not_written(const PostgresResult& answer);
  // The answer to a COMMIT.
  [[nodiscard]] WriteResult committed(const PostgresResult& answer);
  // The answer to a statement that is its own transaction and should store this many rows.
  [[nodiscard]] WriteResult committed(const PostgresResult& answer, std::size_t rows);
  // For a statement that succeeded although a trigger or rule dropped rows.
  static WriteError wrong_count(std::size_t stored, std::size_t rows);
  static WriteError no_ledger_row();

  // The first part of a statement that writes the frame's rows: it inserts the ledger row, with the
  // parameters $first and the next one.
  static std::string ledger_clause(std::string_view run_id, std::size_t first);
  static void add_ledger_parameters(PostgresParameters& parameters, const Frame& frame);

  [[nodiscard]] std::int64_t created_at(const Message& message) const;

  PostgresConnection connection_;
  const std::string table_;
  const std::string ledger_schema_;
  const RunIdentity run_;
  // The ledger row is written first: a conflict with an attempt that is still under way waits for
  // its end before anything else is written.
  const bool has_ledger_;

 private:
  [[nodiscard]] WriteError error_of(const PostgresResult& answer);
  [[nodiscard]] bool is_refused_by_policy();
};

}  // namespace loadgen
