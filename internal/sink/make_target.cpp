#include "sink/make_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "base/redact.h"
#include "sink/null_target.h"
#include "sink/postgres_target.h"
#include "sink/sqlite_target.h"

namespace loadgen {
namespace {

// The only place that knows all kinds. `methods` lists the values of --insert; auto means the
// first.
struct Kind {
  std::string_view name;
  bool (*recognises)(std::string_view address);
  std::span<const InsertMethod> methods;
  std::unique_ptr<Target> (*make)(const TargetConfig& config, Clock& clock);
};

constexpr std::array kSqliteMethods{InsertMethod::kMulti, InsertMethod::kSingle};
constexpr std::array kPostgresMethods{InsertMethod::kCopy, InsertMethod::kMulti,
                                      InsertMethod::kUnnest, InsertMethod::kSingle};
constexpr std::array kNullMethods{InsertMethod::kAuto};

constexpr std::array kKinds{
    Kind{"sqlite:", is_sqlite_address, kSqliteMethods, make_sqlite_target},
    Kind{"postgres", is_postgres_address, kPostgresMethods, make_postgres_target},
    Kind{"null:", is_null_address, kNullMethods, make_null_target},
};

InsertMethod choose_method(const Kind& kind, InsertMethod wanted) {
  if (wanted == InsertMethod::kAuto) return kind.methods.front();
  if (std::find(kind.methods.begin(), kind.methods.end(), wanted) != kind.methods.end()) {
    return wanted;
  }
  std::string allowed = "auto";
  for (const InsertMethod method : kind.methods) {
    if (method != InsertMethod::kAuto) allowed += fmt::format(", {}", to_name(method));
  }
  throw UsageError(fmt::format("--insert={}: cannot be used with {}; expected one of {}",
                               to_name(wanted), kind.name, allowed));
}

}  // namespace

std::unique_ptr<Target> make_target(const Options& options, Clock& clock) {
  for (const Kind& kind : kKinds) {
    if (!kind.recognises(options.db)) continue;
    const TargetConfig config{.address = options.db,
                              .table = options.table,
                              .insert = choose_method(kind, options.insert),
                              .durability = options.durability,
                              .delivery = options.delivery,
                              .message_size = options.message_size,
                              .write_timeout = options.timeout};
    return kind.make(config, clock);
  }
  throw UsageError(
      fmt::format("--db={}: expected sqlite:PATH, postgres://..., \"host=... dbname=...\" or null:",
                  one_line(redact(options.db))));
}

}  // namespace loadgen
