#include "base/error.h"
#include "fuzz.h"
#include "options/parse_options.h"

using namespace loadgen;

namespace {

constexpr const char* kPassword = "cAnArY";
constexpr const char* kAddress = "postgres://user:cAnArY@host/db";

template <typename Value>
void require_within(Value low, Value value, Value high) {
  require(low <= value && value <= high, "single values are in range");
}

void check(const Options& options) {
  constexpr std::uint64_t kMost = 1'000'000'000'000'000;
  constexpr std::chrono::nanoseconds kNone{0}, kInstant{1}, kYear = std::chrono::hours(24 * 365);
  require_within(1U, options.producers, 1024U);
  require_within(1U, options.consumers, 1024U);
  require_within(options.stages.empty() ? 1e-6 : 0, options.rps.value_or(1), 1e9);
  require_within(kNone, options.warmup, kYear);
  require_within(kNone, options.duration, kYear);
  require_within<std::uint64_t>(1, options.count.value_or(1), kMost);
  require_within<std::uint64_t>(1, options.burst.value_or(1), kMost);
  require_within(kInstant, options.max_lag.value_or(kInstant), kYear);
  require_within(1U, options.message_size, 256U);
  require_within<std::uint64_t>(1, options.queue_capacity, 100'000'000);
  require_within(1U, options.batch_size, 100'000U);
  require_within(kNone, options.linger, kYear);
  require_within(kInstant, options.retry_delay.shortest, options.retry_delay.longest);
  require_within(kInstant, options.retry_delay.longest, kYear);
  require_within(kInstant, options.timeout, kYear);
  require_within(kNone, options.connect_wait, kYear);
  require_within(kNone, options.drain_timeout, kYear);
  require_within<std::uint64_t>(0, options.max_dead_letters, kMost);
  require_within<std::chrono::nanoseconds>(std::chrono::milliseconds(10),
                                           options.progress.value_or(kYear), kYear);
  require(!options.db.empty() && !options.table.empty() && !options.dead_letter.empty(),
          "names are not empty");
  // The name of a value outside its set is empty.
  require(!to_name(options.on_full).empty() && !to_name(options.insert).empty() &&
              !to_name(options.durability).empty() && !to_name(options.delivery).empty() &&
              !to_name(options.breaker).empty() && !to_name(options.verify).empty() &&
              !to_name(options.log_level).empty(),
          "choices are those of their set");
}

void check(const Replay& replay) { check(replay.options); }

void check(const Verify& verify) {
  require(verify.run_id.value_or(0) >= 0, "a run's number is not negative");
  require(verify.options.verify != VerifyMode::kOff, "to verify is not to do nothing");
}

void check(const Report& report) { require(!report.file.empty(), "a result has a name"); }

void check(const ShowText& shown) {
  require(shown.text.ends_with('\n'), "a text that was asked for ends its last line");
  require(shown.text.find(kPassword) == std::string::npos, "no password is in the help");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  unsetenv("APP_DB");
  return 0;
}

// An address with a password comes after one of the arguments, which the first byte chooses: as the
// value of "--option=", or else of --db.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || as_text(data, size).find(kPassword) != std::string_view::npos) return 0;
  std::vector<std::string> arguments{"app"};
  for (const std::string_view field : fields_of(as_text(data + 1, size - 1))) {
    arguments.emplace_back(field);
  }
  const auto before = arguments.begin() + data[0] % static_cast<int>(arguments.size());
  if (before->starts_with("--") && before->find('=') + 1 == before->size()) {
    *before += kAddress;
  } else {
    arguments.insert(before + 1, std::string("--db=") + kAddress);
  }
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  try {
    std::visit([](const auto& command) { check(command); },
               parse_options(static_cast<int>(argv.size()), argv.data()));
  } catch (const UsageError& error) {
    const std::string_view message = error.what();
    require(!message.empty() && is_one_line(message), "what is wrong is said in one line");
    require(message.find(kPassword) == std::string_view::npos, "no password is in a message");
  }
  return 0;
}
