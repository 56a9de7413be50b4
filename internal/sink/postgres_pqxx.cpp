#include "sink/postgres_pqxx.h"

#include <utility>

namespace loadgen {

PqxxSession::PqxxSession(const std::string& conninfo, const std::vector<std::string>& secrets,
                         const std::stop_token& stop)
    : session_(conninfo, secrets, stop), lent_(lend(session_.handle())) {}

#if PQXX_VERSION_MAJOR < 7

namespace {

// Gives libpqxx 6 our connection, once, so that it cannot reconnect, and never lets it finish the
// connection.
class LentOnce : public pqxx::connectionpolicy {
 public:
  explicit LentOnce(handle connection) : connectionpolicy(""), connection_(connection) {}
  handle do_startconnect(handle connected) override {
    return connected != nullptr ? connected : std::exchange(connection_, nullptr);
  }
  handle do_completeconnect(handle connection) override { return connection; }
  handle do_dropconnect(handle /*ours*/) noexcept override { return nullptr; }
  handle do_disconnect(handle /*ours*/) noexcept override { return nullptr; }

 private:
  handle connection_;
};

class LentConnection final : private LentOnce, public pqxx::connection_base {
 public:
  explicit LentConnection(handle connection)
      : LentOnce(connection), connection_base(static_cast<connectionpolicy&>(*this)) {
    init();
  }
  LentConnection(const LentConnection&) = delete;
  LentConnection& operator=(const LentConnection&) = delete;
  ~LentConnection() override { close(); }
};

}  // namespace

std::unique_ptr<PqxxSession::Connection, PqxxSession::TakeBack> PqxxSession::lend(
    pg_conn* connection) {
  return std::unique_ptr<Connection, TakeBack>(new LentConnection(connection));
}

void PqxxSession::TakeBack::operator()(Connection* lent) const {
  delete static_cast<LentConnection*>(lent);
}

#else

std::unique_ptr<PqxxSession::Connection, PqxxSession::TakeBack> PqxxSession::lend(
    pg_conn* connection) {
  return std::unique_ptr<Connection, TakeBack>(
      new pqxx::connection(pqxx::connection::seize_raw_connection(connection)));
}

void PqxxSession::TakeBack::operator()(Connection* lent) const {
  static_cast<void>(std::move(*lent).release_raw_connection());
  delete lent;
}

#endif

}  // namespace loadgen
