// What all methods of inserting share: the connection, and how an answer becomes a result.
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
  // Outside of a transaction, for it may ask the server why. So may the next two.
  [[nodiscard]] WriteResult not_written(const PostgresResult& answer);
  // The answer to a COMMIT.
  [[nodiscard]] WriteResult committed(const PostgresResult& answer);
  // The answer to a statement that is its own transaction and was to store so many rows.
  [[nodiscard]] WriteResult committed(const PostgresResult& answer, std::size_t rows);
  // A table's trigger or rule may drop rows, and the statement succeeds.
  static WriteError wrong_count(std::size_t stored, std::size_t rows);
  static WriteError no_ledger_row();

  // The frame's row in the ledger as the first part of the statement that writes its rows; the
  // parameters are $first and the next.
  static std::string ledger_clause(std::string_view run_id, std::size_t first);
  static void add_ledger_parameters(PostgresParameters& parameters, const Frame& frame);

  [[nodiscard]] std::int64_t created_at(const Message& message) const;

  PostgresConnection connection_;
  const std::string table_;
  const std::string ledger_schema_;
  const RunIdentity run_;
  // The ledger's row comes first: a conflict with an attempt that is still under way waits for its
  // end, before anything else is written.
  const bool has_ledger_;

 private:
  [[nodiscard]] WriteError error_of(const PostgresResult& answer);
  [[nodiscard]] bool is_refused_by_policy();
};

}  // namespace loadgen
