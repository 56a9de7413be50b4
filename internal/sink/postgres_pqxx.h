// libpqxx on a connection that we make. libpqxx's own connections cannot be interrupted while
// connecting, reconnect silently, and print what the server says. Works with libpqxx 6.4 and 7.
#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <stop_token>
#include <string>
#include <vector>

#include "base/redact.h"
#include "sink/postgres_connection.h"

namespace loadgen {

// A session of one thread.
class PqxxSession {
 public:
  // Connects. A stop requested now, or during its lifetime, makes its current wait fail. Throws
  // ConnectError.
  PqxxSession(const std::string& conninfo, const std::vector<std::string>& secrets,
              const std::stop_token& stop);
  PqxxSession(const PqxxSession&) = delete;
  PqxxSession& operator=(const PqxxSession&) = delete;
  ~PqxxSession() = default;

  // Runs action(pqxx::work&) as one transaction. Throws what the action throws, except when the
  // session was lost: libpqxx reports that in various ways, so it becomes a ConnectError of class
  // outage. The transaction may have been committed even then.
  template <typename Action>
  void transact(Action action) {
    try {
      pqxx::work work(*lent_);
      action(work);
      work.commit();
    } catch (const std::exception& error) {
      if (!session_.is_lost()) throw;
      WriteError lost = session_.error();
      if (lost.message.empty()) lost.message = one_line(error.what(), session_.secrets());
      throw ConnectError(lost.message, lost);
    }
  }

 private:
#if PQXX_VERSION_MAJOR < 7
  using Connection = pqxx::connection_base;
#else
  using Connection = pqxx::connection;
#endif
  struct TakeBack {
    void operator()(Connection* lent) const;
  };
  static std::unique_ptr<Connection, TakeBack> lend(pg_conn* connection);

  PostgresConnection session_;
  std::unique_ptr<Connection, TakeBack> lent_;
};

}  // namespace loadgen
