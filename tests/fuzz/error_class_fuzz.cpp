#include <fuzzer/FuzzedDataProvider.h>
#include <sqlite3.h>

#include <cerrno>

#include "fuzz.h"
#include "sink/error_class.h"

using namespace loadgen;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);

  const int code = input.ConsumeIntegral<int>();
  const int system_errno = input.ConsumeIntegral<int>();
  const bool no_room = system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
  const ErrorClass of_code = classify_sqlite(code, 0);
  require(code == SQLITE_ABORT_ROLLBACK || of_code == classify_sqlite(code & 0xff, 0),
          "an extended code has its family's class");
  require(classify_sqlite(code, system_errno) ==
              ((code & 0xff) == SQLITE_IOERR && no_room ? ErrorClass::kCapacity : of_code),
          "the system's error tells only whether an I/O error is one of room");

  const std::string sqlstate = input.ConsumeRemainingBytesAsString();
  const ErrorClass of_state = classify_sqlstate(sqlstate);
  require(of_state == ErrorClass::kUnknown || sqlstate.size() >= 2, "no class without a code");
  const std::string family = sqlstate.substr(0, 2);
  require(of_state != ErrorClass::kUnknown || classify_sqlstate(family) == ErrorClass::kUnknown,
          "a code has a class if its family has one");
  return 0;
}
