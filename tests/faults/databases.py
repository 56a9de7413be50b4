"""Databases of a row's own: a Postgres server, a SQLite file."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import urllib.parse

CANARY = "CANARY-7f3a"  # a password in addresses and in the environment
MINE = "application_name = 'loadgen'"
IS_ROOT = os.geteuid() == 0


class Skip(Exception):
    pass


class Postgres:
    """A server of its own. Only the main thread may start it: pdeathsig follows the thread."""

    bin = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [None])[-1]
    template = None  # initdb takes seconds; all rows copy one

    def __init__(self, *settings, parent="/tmp"):
        if self.bin is None:
            raise Skip("no Postgres server is installed")
        self.table = "messages"  # what count_rows() looks at
        self.settings = [part for setting in settings for part in ("-c", setting)]
        self.dir = tempfile.mkdtemp(prefix="lgf.", dir=parent)  # short: a socket's path
        self.log = open(f"{self.dir}/log", "wb")  # pylint: disable=consider-using-with
        self.process = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        if Postgres.template is None:
            Postgres.template = tempfile.mkdtemp(prefix="lgf-template.", dir="/tmp")
            self._own(Postgres.template)
            self._run(f"{self.bin}/initdb", "-D", f"{self.template}/data", "-U", "postgres", "-A",
                      "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
            with open(f"{self.template}/data/pg_hba.conf", "w", encoding="ascii") as hba:
                hba.write("local all all trust\nhost all locked 127.0.0.1/32 scram-sha-256\n"
                          "host all all 127.0.0.1/32 trust\n")
        self._own(self.dir)
        self._run("cp", "-a", f"{self.template}/data", self.dir)

    @staticmethod
    def _as_owner(*more):
        who = ("--reuid=postgres", "--regid=postgres", "--init-groups") if IS_ROOT else ()
        return ["setpriv", *who, *more, "--"] if who or more else []

    @staticmethod
    def _own(path):
        if IS_ROOT:
            shutil.chown(path, "postgres")

    def _run(self, *command):
        subprocess.run([*self._as_owner(), *command], cwd="/", check=True, stdout=self.log,
                       stderr=self.log)

    def start(self):
        # After a kill -9 the old backends hold the shared memory for a moment.
        deadline = time.monotonic() + 30
        while True:
            self.process = subprocess.Popen(
                [*self._as_owner("--pdeathsig", "INT"), f"{self.bin}/postgres", "-D",
                 f"{self.dir}/data", "-k", self.dir, "-p", str(self.port), "-c", "fsync=off", "-c",
                 "listen_addresses=127.0.0.1", "-c", "max_connections=60", "-c",
                 "restart_after_crash=on", *self.settings],
                cwd="/", stdout=self.log, stderr=self.log)
            while self.process.poll() is None and time.monotonic() < deadline:
                if subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", self.dir, "-p",
                                   str(self.port)], check=False).returncode == 0:
                    return self
                time.sleep(0.03)
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.1)

    def stop(self, mode):
        self.process.send_signal({"immediate": signal.SIGQUIT, "fast": signal.SIGINT}[mode])
        self.process.wait(timeout=30)

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def _psql(self, sql):
        return [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p",
                str(self.port), "-U", "postgres", "-d", "postgres", "-c", sql]

    def psql(self, sql, check=True):
        done = subprocess.run(self._psql(sql), check=False, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def psql_beside(self, sql):
        return subprocess.Popen(self._psql(sql), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def number(self, sql):
        return int(self.psql(sql, check=False) or 0)

    def pids(self, where="true"):
        found = self.psql(f"SELECT pid FROM pg_stat_activity WHERE {MINE} AND {where}", check=False)
        return [int(pid) for pid in found.split()]

    def terminate(self, where="true"):
        return self.number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                           f"WHERE {MINE} AND {where}")

    def address(self, host=None, port=None, user="postgres", database="postgres"):
        if host is None:
            return f"postgresql://{user}:{CANARY}@/{database}?host={self.dir}&port={self.port}"
        return f"postgresql://{user}:{CANARY}@{host}:{port or self.port}/{database}"

    def recorded(self):
        """What the program wrote about its runs."""
        return self.psql("SELECT runs::text FROM loadgen_runs AS runs", check=False)

    def unended(self):
        """Runs that are on record and have no result."""
        return self.number("SELECT count(*) FROM loadgen_runs WHERE result IS NULL")

    def created_spread_s(self):
        return float(self.psql("SELECT extract(epoch FROM max(created_at) - min(created_at)) "
                               "FROM messages"))

    def count_rows(self, run_id):
        both = self.psql("SELECT count(*), count(DISTINCT sequence) FROM "
                         f"{self.table} WHERE run_id = {run_id}")
        return tuple(int(number) for number in both.split("|"))

    def sequences(self, run_id):
        return [int(one) for one in self.psql(
            f"SELECT sequence FROM {self.table} WHERE run_id = {run_id}").split()]

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.kill9()
        self.log.close()
        for _ in range(50):  # its children need a moment to notice
            shutil.rmtree(self.dir, ignore_errors=True)
            if not os.path.exists(self.dir):
                break
            time.sleep(0.1)


class Seat:
    """A session taken, by a client of few words: faster than any program is started."""

    def __init__(self, pg):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(f"{pg.dir}/.s.PGSQL.{pg.port}")
        packet = struct.pack(">i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self._socket.sendall(struct.pack(">i", len(packet) + 4) + packet)
        self.taken = self._await_ready()

    def query(self, sql):
        text = sql.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack(">i", len(text) + 4) + text)
        self._await_ready()

    def leave(self):
        self._socket.close()

    def _await_ready(self):
        said = b""
        while said[-6:-1] != b"Z\0\0\0\5":
            more = self._socket.recv(65536)
            if not more:
                return False
            said += more
        return True


class SqliteFile:
    def __init__(self, path):
        self.path = path

    def address(self):
        return f"sqlite:{self.path}"

    def _query(self, sql, *values):
        # Never makes the file: the program is to do that.
        address = f"file:{urllib.parse.quote(self.path)}?mode=rw"
        with contextlib.closing(sqlite3.connect(address, timeout=5, uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def number(self, sql):
        with contextlib.suppress(sqlite3.Error):
            return int(self._query(sql)[0][0])
        return 0

    def recorded(self):
        with contextlib.suppress(sqlite3.Error):
            return repr(self._query("SELECT * FROM loadgen_runs"))
        return ""

    def unended(self):
        return self.number("SELECT count(*) FROM loadgen_runs WHERE result IS NULL")

    def created_spread_s(self):
        return self._query("SELECT (max(created_at) - min(created_at)) / 1e6 FROM messages")[0][0]

    def count_rows(self, run_id):
        return self._query("SELECT count(*), count(DISTINCT sequence) FROM messages "
                           "WHERE run_id = ?", run_id)[0]

    def sequences(self, run_id):
        return [one for (one,) in self._query("SELECT sequence FROM messages WHERE run_id = ?",
                                              run_id)]
