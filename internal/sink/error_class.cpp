#include "sink/error_class.h"

#include <sqlite3.h>

#include <array>
#include <cerrno>

namespace loadgen {
namespace {

// A whole SQLSTATE, or the two characters of its class for all that are not listed whole.
struct SqlstateRule {
  std::string_view prefix;
  ErrorClass error_class;
};

// https://www.postgresql.org/docs/current/errcodes-appendix.html
constexpr std::array kSqlstates{
    // Another session.
    SqlstateRule{"40001", ErrorClass::kContention},  // serialization_failure
    SqlstateRule{"40P01", ErrorClass::kContention},  // deadlock_detected
    SqlstateRule{"40000", ErrorClass::kContention},  // transaction_rollback
    SqlstateRule{"55P03", ErrorClass::kContention},  // lock_not_available
    SqlstateRule{"55006", ErrorClass::kContention},  // object_in_use
    SqlstateRule{"57014", ErrorClass::kContention},  // query_canceled: statement_timeout is ours
    // Down, or going down.
    SqlstateRule{"08P01", ErrorClass::kFatal},   // protocol_violation
    SqlstateRule{"08", ErrorClass::kOutage},     // connection_exception
    SqlstateRule{"57P01", ErrorClass::kOutage},  // admin_shutdown
    SqlstateRule{"57P02", ErrorClass::kOutage},  // crash_shutdown
    SqlstateRule{"57P03", ErrorClass::kOutage},  // cannot_connect_now
    SqlstateRule{"57P05", ErrorClass::kOutage},  // idle_session_timeout
    SqlstateRule{"57P04", ErrorClass::kFatal},   // database_dropped
    SqlstateRule{"25P03", ErrorClass::kOutage},  // idle_in_transaction_session_timeout
    SqlstateRule{"25P04", ErrorClass::kOutage},  // transaction_timeout
    SqlstateRule{"25P02", ErrorClass::kFatal},   // in_failed_sql_transaction
    SqlstateRule{"53000", ErrorClass::kOutage},  // insufficient_resources
    SqlstateRule{"53200", ErrorClass::kOutage},  // out_of_memory
    SqlstateRule{"53300", ErrorClass::kOutage},  // too_many_connections
    SqlstateRule{"53400", ErrorClass::kOutage},  // configuration_limit_exceeded
    SqlstateRule{"58000", ErrorClass::kOutage},  // system_error
    SqlstateRule{"58030", ErrorClass::kOutage},  // io_error
    // No room, or not for writing.
    SqlstateRule{"53100", ErrorClass::kCapacity},  // disk_full
    SqlstateRule{"25006", ErrorClass::kCapacity},  // read_only_sql_transaction
    SqlstateRule{"55000", ErrorClass::kCapacity},  // object_not_in_prerequisite_state
    // A row.
    SqlstateRule{"22", ErrorClass::kPoison},     // data_exception
    SqlstateRule{"23000", ErrorClass::kPoison},  // integrity_constraint_violation
    SqlstateRule{"23001", ErrorClass::kPoison},  // restrict_violation
    SqlstateRule{"23502", ErrorClass::kPoison},  // not_null_violation
    SqlstateRule{"23503", ErrorClass::kPoison},  // foreign_key_violation
    SqlstateRule{"23505", ErrorClass::kPoison},  // unique_violation
    SqlstateRule{"23514", ErrorClass::kPoison},  // check_violation, by a constraint, a trigger or
                                                 // for want of a partition
    SqlstateRule{"23P01", ErrorClass::kPoison},  // exclusion_violation
    SqlstateRule{"21000", ErrorClass::kPoison},  // cardinality_violation
    SqlstateRule{"44000", ErrorClass::kPoison},  // with_check_option_violation
    SqlstateRule{"54000", ErrorClass::kPoison},  // program_limit_exceeded
    SqlstateRule{"54001", ErrorClass::kPoison},  // statement_too_complex
    SqlstateRule{"P0", ErrorClass::kPoison},     // raised by a trigger
    SqlstateRule{"09000", ErrorClass::kPoison},  // triggered_action_exception
    SqlstateRule{"38", ErrorClass::kPoison},     // external_routine_exception
    SqlstateRule{"39", ErrorClass::kPoison},     // external_routine_invocation_exception
    // Set up wrongly.
    SqlstateRule{"28", ErrorClass::kFatal},     // invalid_authorization_specification
    SqlstateRule{"3D000", ErrorClass::kFatal},  // invalid_catalog_name
    SqlstateRule{"3F000", ErrorClass::kFatal},  // invalid_schema_name
    SqlstateRule{"42", ErrorClass::kFatal},     // syntax_error_or_access_rule_violation
    SqlstateRule{"0A000", ErrorClass::kFatal},  // feature_not_supported
    SqlstateRule{"54011", ErrorClass::kFatal},  // too_many_columns
    SqlstateRule{"54023", ErrorClass::kFatal},  // too_many_arguments
    SqlstateRule{"XX001", ErrorClass::kFatal},  // data_corrupted
    SqlstateRule{"XX002", ErrorClass::kFatal},  // index_corrupted
};

struct SqliteRule {
  int code;  // an extended code, or a primary one for all that are not listed
  ErrorClass error_class;
};

// https://www.sqlite.org/rescode.html
constexpr std::array kSqliteCodes{
    SqliteRule{SQLITE_ABORT_ROLLBACK, ErrorClass::kContention},
    SqliteRule{SQLITE_BUSY, ErrorClass::kContention},
    SqliteRule{SQLITE_LOCKED, ErrorClass::kContention},
    SqliteRule{SQLITE_SCHEMA, ErrorClass::kContention},
    SqliteRule{SQLITE_IOERR, ErrorClass::kOutage},
    SqliteRule{SQLITE_PROTOCOL, ErrorClass::kOutage},
    SqliteRule{SQLITE_INTERRUPT, ErrorClass::kOutage},  // by us: the write took too long
    SqliteRule{SQLITE_NOMEM, ErrorClass::kOutage},
    SqliteRule{SQLITE_FULL, ErrorClass::kCapacity},
    SqliteRule{SQLITE_CONSTRAINT, ErrorClass::kPoison},
    SqliteRule{SQLITE_TOOBIG, ErrorClass::kPoison},
    SqliteRule{SQLITE_MISMATCH, ErrorClass::kPoison},
    SqliteRule{SQLITE_READONLY, ErrorClass::kFatal},
    SqliteRule{SQLITE_CORRUPT, ErrorClass::kFatal},
    SqliteRule{SQLITE_NOTADB, ErrorClass::kFatal},
    SqliteRule{SQLITE_CANTOPEN, ErrorClass::kFatal},
    SqliteRule{SQLITE_AUTH, ErrorClass::kFatal},
    SqliteRule{SQLITE_PERM, ErrorClass::kFatal},
    SqliteRule{SQLITE_MISUSE, ErrorClass::kFatal},
    SqliteRule{SQLITE_ERROR, ErrorClass::kFatal},
};

bool means_no_room(int system_errno) {
  return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

}  // namespace

std::string_view to_name(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kContention:
      return "contention";
    case ErrorClass::kOutage:
      return "outage";
    case ErrorClass::kCapacity:
      return "capacity";
    case ErrorClass::kPoison:
      return "poison";
    case ErrorClass::kFatal:
      return "fatal";
    case ErrorClass::kUnknown:
      break;
  }
  return "unknown";
}

bool is_wait_for_lock(std::string_view code) {
  return code == "55P03" || code == "57014" || code.starts_with("SQLITE_BUSY") ||
         code.starts_with("SQLITE_LOCKED");
}

bool is_too_many_connections(std::string_view code) { return code == "53300"; }

ErrorClass classify_sqlstate(std::string_view sqlstate) {
  ErrorClass of_class = ErrorClass::kUnknown;
  for (const SqlstateRule& rule : kSqlstates) {
    if (rule.prefix == sqlstate) return rule.error_class;
    if (rule.prefix.size() == 2 && sqlstate.starts_with(rule.prefix)) of_class = rule.error_class;
  }
  return of_class;
}

ErrorClass classify_sqlite(int code, int system_errno) {
  const int primary = code & 0xff;
  if (primary == SQLITE_IOERR && means_no_room(system_errno)) return ErrorClass::kCapacity;
  ErrorClass of_primary = ErrorClass::kUnknown;
  for (const SqliteRule& rule : kSqliteCodes) {
    if (rule.code == code) return rule.error_class;
    if (rule.code == primary) of_primary = rule.error_class;
  }
  return of_primary;
}

}  // namespace loadgen
