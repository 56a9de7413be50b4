#include <doctest/doctest.h>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

const std::string kCanary = "CANARY";

void check_no_secret(const ProcessResult& result) {
  CHECK_MESSAGE(!contains(result.out, kCanary), result.out);
  CHECK_MESSAGE(!contains(result.err, kCanary), result.err);
}

// Nothing answers at any of these.
struct Unreachable {
  std::string address;
  int exit_code;  // 2: libpq takes a part of the password for the port, which is no number
};
const std::vector<Unreachable> kUnreachable{
    {"postgres://user:CANARY@nosuch.invalid/db", 1},
    {"postgresql://user:CANARY@127.0.0.1:1/db?sslmode=prefer", 1},
    {"postgres://user:CAN%41RY@127.0.0.1:1/db", 1},
    {"postgres://user:x@CANARY@127.0.0.1:1/db", 1},
    {"postgres://user:x/CANARY@127.0.0.1:1/db", 2},
    {"postgres://user:CANARY/x@127.0.0.1:1/db", 2},
    {"postgres://user:CANARY?x@127.0.0.1:1/db", 1},
    {"postgres://user:CANARY@x@127.0.0.1:1/db", 1},
    {"postgres://user@127.0.0.1:1/db?password=CANARY", 1},
    {"postgres://user@127.0.0.1:1/db?connect_timeout=1&password=CANARY&sslmode=disable", 1},
    {"host=127.0.0.1 port=1 user=u password=CANARY dbname=d", 1},
    {"host=127.0.0.1 port=1 password = 'CANARY' user=u", 1},
    {"host=127.0.0.1 port=1 password='it\\'s a CANARY' user=u", 1},
    {"password=CANARY host=/nonexistent", 1}};

// What somebody who mistypes an address gives us.
const std::vector<std::string> kMalformed{"postgres://user:CANARY@127.0.0.1:port/db",
                                          "postgres://user:CANARY@[::1/db",
                                          "postgres:/user:CANARY@127.0.0.1/db",
                                          "postgres:user:CANARY@127.0.0.1/db",
                                          "postgers://user:CANARY@127.0.0.1/db",
                                          "mysql://user:CANARY@127.0.0.1/db",
                                          "user:CANARY@127.0.0.1/db",
                                          "host=127.0.0.1 nonsense=1 password=CANARY",
                                          "host=127.0.0.1 password='CANARY",
                                          "host=127.0.0.1 PASSWORD=CANARY"};

}  // namespace

TEST_CASE("secrets: a password is not shown when nothing answers at the address") {
  const TempDir directory;
  for (const Unreachable& unreachable : kUnreachable) {
    const std::string& address = unreachable.address;
    CAPTURE(address);
    for (const ProcessResult& result :
         {run_app({"--count=1", "--connect-wait=0", "--db=" + address}, directory.path()),
          run_app({"--count=1", "--connect-wait=0"}, directory.path(), {{"APP_DB", address}})}) {
      CHECK(result.exit_code == unreachable.exit_code);
      CHECK(result.out.empty());
      CHECK(contains(result.err, "***"));
      check_no_secret(result);
    }
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("secrets: a password is not shown when the address is mistyped") {
  const TempDir directory;
  for (const std::string& address : kMalformed) {
    CAPTURE(address);
    for (const Arguments& arguments : {Arguments{"--count=1", "--db=" + address},
                                       {address},
                                       {"--count=1", "--rps=" + address},
                                       {"--bd=" + address},
                                       {"--count=1", "--db", address, "--nonsense"}}) {
      const ProcessResult result = run_app(arguments, directory.path());
      CHECK(result.exit_code == 2);
      check_no_secret(result);
    }
    check_no_secret(run_app({"--count=1"}, directory.path(), {{"APP_DB", address}}));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE(
    "secrets: who forgot to encode or to quote a password is helped, and no part of it is shown") {
  for (const std::string address :
       {"postgres://user:CANARY@CANARY@nosuch.invalid/db", "postgres://user:100%zCANARY@h/db",
        "postgres://no.such.user:CANARY/CANARY@127.0.0.1:1/db"}) {
    CAPTURE(address);
    const ProcessResult result = run_app({"--count=1", "--connect-wait=0", "--db=" + address});
    CHECK(contains(result.err, "in a URL, a password's @ : / ? # % are written %40"));
    check_no_secret(result);
  }
  check_no_secret(run_app({"--count=1", "--db=password=top CANARY host=127.0.0.1"}));
}

TEST_CASE("secrets: a password from libpq's environment is not shown") {
  const ProcessResult result = run_app({"--count=1", "--db=host=127.0.0.1 port=1"}, "",
                                       {{"PGPASSWORD", kCanary}, {"PGUSER", "user"}});
  CHECK(result.exit_code == 1);
  check_no_secret(result);
}

TEST_CASE("secrets: a run leaves no password in its output, its result or the database") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string role = database->create_role("SUPERUSER PASSWORD 'CANARY'");
  for (const std::string& address :
       {database->address_as(role, kCanary), database->uri_as(role, kCanary)}) {
    CAPTURE(address);
    AppRun run({"--rps=max", "--count=100", "--log-level=debug", "--progress=10ms"},
               {{"APP_DB", address}});
    const Finished finished = run.finish();
    check_all_stored(finished, 100);
    check_no_secret(finished.process);
    CHECK(!contains(finished.json.dump(), kCanary));
    CHECK(contains(finished.json.at("config").at("db").get<std::string>(), "***"));
    CHECK(contains(finished.json.at("config").at("db").get<std::string>(), role));
    const std::string recorded =
        database->value("SELECT string_agg(config::text || result::text, '') FROM loadgen_runs");
    CHECK(contains(recorded, "***"));
    CHECK(!contains(recorded, kCanary));
  }
}

TEST_CASE("secrets: a password is not shown when the server turns us away") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string role = database->create_role("CONNECTION LIMIT 0 PASSWORD 'CANARY'");
  for (const std::string& user : {role, std::string("nosuchrole")}) {
    for (const std::string& address :
         {database->address_as(user, kCanary), database->uri_as(user, kCanary)}) {
      const ProcessResult result = run_app({"--count=1", "--connect-wait=0", "--db=" + address});
      CHECK(contains(check_refused(result, 1), user));
      check_no_secret(result);
    }
  }
}

}  // namespace loadgen
