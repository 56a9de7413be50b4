// A table of its own in the tests' Postgres, and targets that write to it.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "sink/make_target.h"
#include "support/postgres.h"
#include "support/sql.h"

namespace loadgen {

struct PostgresBench {
  // False: there is no Postgres, and the test is skipped.
  [[nodiscard]] bool is_there() const { return !db.empty(); }

  // From now on all tables are in a new schema: the ledger and the runs' table have fixed names.
  void use_own_schema() {
    sql(db, "CREATE SCHEMA " + table);
    db += "&options=-csearch_path%3D" + table;
  }
  // From now on the table is another, and the run.
  void begin_anew() {
    table = unique_table();
    run = unique_run();
  }

  std::unique_ptr<Target> target(InsertMethod insert = InsertMethod::kAuto,
                                 Durability durability = Durability::kFull) {
    Options options;
    options.db = db;
    options.table = table;
    options.insert = insert;
    options.durability = durability;
    return make_target(options, clock);
  }
  // "" when there is none.
  std::string error_of_open() {
    try {
      target()->open();
      return "";
    } catch (const SetupError& error) {
      return error.what();
    }
  }

  SteadyClock clock;
  std::string db = test_postgres().value_or("");
  std::string table = unique_table();
  std::int64_t run = unique_run();
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace loadgen
