#include "sink/error_class.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cerrno>
#include <string>
#include <vector>

using namespace loadgen;

namespace {

struct Row {
  ErrorClass expected;
  std::vector<std::string> codes;
};

}  // namespace

TEST_CASE("error classes: every SQLSTATE a write may end with has its class") {
  const Row rows[] = {
      {ErrorClass::kContention, {"40001", "40P01", "40000", "55P03", "55006", "57014"}},
      {ErrorClass::kOutage,
       {"08000", "08001", "08003", "08004", "08006", "57P01", "57P02", "57P03", "57P05", "25P03",
        "25P04", "53000", "53200", "53300", "53400", "58000", "58030"}},
      {ErrorClass::kCapacity, {"53100", "25006", "55000"}},
      {ErrorClass::kPoison,
       {"22000", "22001", "22003", "22021", "22P02", "23000", "23001", "23502", "23503",
        "23505", "23514", "23P01", "21000", "44000", "54000", "54001", "P0001", "P0002",
        "P0003", "P0004", "09000", "38000", "38001", "39000", "39P01"}},
      {ErrorClass::kFatal,
       {"28000", "28P01", "3D000", "3F000", "42501", "42601", "42703", "42P01", "0A000", "54011",
        "54023", "08P01", "57P04", "XX001", "XX002", "25P02"}},
      {ErrorClass::kUnknown, {"XX000", "99999", "01000", "57000", "55001", ""}},
  };
  for (const Row& row : rows) {
    for (const std::string& code : row.codes) {
      CAPTURE(code);
      CHECK(to_name(classify_sqlstate(code)) == to_name(row.expected));
    }
  }
}

TEST_CASE("error classes: every code of SQLite has its class, extended ones that of their family") {
  struct {
    ErrorClass expected;
    std::vector<int> codes;
  } const rows[] = {
      {ErrorClass::kContention,
       {SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_BUSY_RECOVERY, SQLITE_LOCKED,
        SQLITE_LOCKED_SHAREDCACHE, SQLITE_SCHEMA, SQLITE_ABORT_ROLLBACK}},
      {ErrorClass::kOutage,
       {SQLITE_IOERR, SQLITE_IOERR_FSYNC, SQLITE_IOERR_READ, SQLITE_PROTOCOL, SQLITE_NOMEM,
        SQLITE_INTERRUPT}},
      {ErrorClass::kCapacity, {SQLITE_FULL}},
      {ErrorClass::kPoison,
       {SQLITE_CONSTRAINT, SQLITE_CONSTRAINT_CHECK, SQLITE_CONSTRAINT_NOTNULL,
        SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_TRIGGER,
        SQLITE_TOOBIG, SQLITE_MISMATCH}},
      {ErrorClass::kFatal,
       {SQLITE_READONLY, SQLITE_READONLY_DBMOVED, SQLITE_CORRUPT, SQLITE_CORRUPT_INDEX,
        SQLITE_NOTADB, SQLITE_CANTOPEN, SQLITE_AUTH, SQLITE_PERM, SQLITE_MISUSE, SQLITE_ERROR}},
      {ErrorClass::kUnknown, {SQLITE_INTERNAL, SQLITE_RANGE, SQLITE_ABORT, 77}},
  };
  for (const auto& row : rows) {
    for (const int code : row.codes) {
      CAPTURE(code);
      CHECK(to_name(classify_sqlite(code, 0)) == to_name(row.expected));
    }
  }
}

TEST_CASE("error classes: an I/O error for want of room is a matter of capacity") {
  for (const int no_room : {ENOSPC, EDQUOT, EFBIG}) {
    CHECK(classify_sqlite(SQLITE_IOERR_WRITE, no_room) == ErrorClass::kCapacity);
  }
  CHECK(classify_sqlite(SQLITE_IOERR_WRITE, EIO) == ErrorClass::kOutage);
}
