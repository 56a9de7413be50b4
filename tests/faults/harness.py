"""What a fault row needs: a server or file of its own, a run of the program, and the oracle."""

import contextlib
import glob
import json
import os
import re
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
# A message's text is letters from a to p, and so is any part of it.
ROW_TEXT = re.compile(rb"[a-p]{16}")
LOSSES = ("stored", "dead_lettered", "dropped", "spooled", "unsent", "in_doubt")
MINE = "application_name = 'loadgen'"
IS_ROOT = os.geteuid() == 0
ROWS = {}  # name -> (function, what is injected, is slow)
METHODS = ("copy", "multi")
HERE = os.path.dirname(os.path.abspath(__file__))


class Skip(Exception):
    pass


def row(injected, slow=False, variants=()):
    def register(function):
        for variant in variants or [None]:
            name = function.__name__ + (f"_{variant}" if variant else "")
            call = (lambda b, v=variant: function(b, v)) if variant else function
            ROWS[name] = (call, injected, slow)
        return function

    return register


def until(condition, what, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.03)


@contextlib.contextmanager
def small_disk(b, size_mib):
    """A folder on a disk of its own; the program ends before it goes."""
    if not IS_ROOT:
        raise Skip("needs root, to mount a small disk")
    folder = tempfile.mkdtemp(prefix="lgf-disk.", dir="/tmp")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", folder],
                      check=False, capture_output=True).returncode != 0:
        os.rmdir(folder)
        raise Skip("may not mount a small disk")
    try:
        yield folder
    finally:
        b.stop_all()
        subprocess.run(["umount", "--lazy", folder], check=False)
        os.rmdir(folder)


def fill(folder, leave_kib):
    """Returns the file that takes all room on the folder's disk but a little."""
    disk = os.statvfs(folder)
    filler = f"{folder}/filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0,
                           disk.f_bavail * disk.f_frsize - (leave_kib << 10))
    return filler


def shim(b, name):
    """The environment that puts tests/faults/NAME.c between the program and libc."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skip("no C compiler")
    library = f"{b.dir}/{name}.so"
    if not os.path.exists(library):
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
                        library, f"{HERE}/{name}.c"], check=True)
    return {"LD_PRELOAD": library}


class Postgres:
    """A server of its own. Only the main thread may start it: pdeathsig follows the thread."""

    bin = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [None])[-1]
    template = None  # initdb takes seconds; all rows copy one

    def __init__(self, *settings, parent="/tmp"):
        if self.bin is None:
            raise Skip("no Postgres server is installed")
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
        both = self.psql("SELECT count(*), count(DISTINCT sequence) FROM messages "
                         f"WHERE run_id = {run_id}")
        return tuple(int(number) for number in both.split("|"))

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


class Bench:
    """What one row needs, and what it found wrong."""

    def __init__(self, app):
        self.app = app
        self.dir = tempfile.mkdtemp(prefix="lgf-row.", dir="/tmp")
        os.chmod(self.dir, 0o777)  # one row runs the program as nobody
        self.dead_letters = f"{self.dir}/dead.jsonl"
        self.problems = []
        self.database = self.process = self.result = None
        self.law, self.exit, self.began, self.seconds, self.rows = "-", "-", 0.0, 0.0, 0

    def check(self, holds, problem):
        if not holds and problem not in self.problems:
            self.problems.append(problem)

    def postgres(self, *settings, parent="/tmp"):
        self.database = Postgres(*settings, parent=parent)
        return self.database.start()

    def sqlite(self, folder=None):
        self.database = SqliteFile(f"{folder or self.dir}/messages.db")
        return self.database

    def postgres_with_tables(self, sql):
        """The tables are there, and `sql` was done to them."""
        pg = self.postgres()
        self.run_app("--count=1", "--rps=max", "--quiet", "--verify=off",
                     f"--db={pg.address()}").check_returncode()
        pg.psql(sql)
        return pg

    def start(self, *options, db=None, user=None, within=(), environment=None):
        """within: a command that runs the program in some surroundings."""
        db = db or self.database.address()
        command = [*within, self.app, "--quiet", "--verify=full", f"--json={self.dir}/result.json",
                   f"--dead-letter={self.dead_letters}", f"--db={db}", *options]
        with open(f"{self.dir}/stdout", "wb") as out, open(f"{self.dir}/stderr", "wb") as err:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                command, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=out, stderr=err, user=user,
                env={**os.environ, "PGPASSWORD": f"{CANARY}-env", **(environment or {})})

    def run_app(self, *arguments):
        """Of other commands. What they say is kept, to be searched for secrets."""
        done = subprocess.run([self.app, *arguments], check=False, cwd=self.dir, timeout=60,
                              capture_output=True, text=True)
        with open(f"{self.dir}/said", "a", encoding="utf-8") as said:
            said.write(done.stdout + done.stderr)
        return done

    def start_under_load(self, *options, db=None):
        """Returns when the first rows are stored: a fault injected then hits writes."""
        self.start(*options, db=db)
        # By its own run: rows of the set-up are there before.
        until(lambda: self.process.poll() is not None or self.database.number(
            "SELECT count(*) FROM (SELECT 1 FROM messages WHERE sequence > 50 LIMIT 1) AS one"),
              "the first rows")

    def read(self, name):
        with contextlib.suppress(FileNotFoundError):
            with open(f"{self.dir}/{name}", encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def end(self, exits, limit):
        """Waits for the program; what holds for every end, reported or not."""
        try:
            self.exit = self.process.wait(max(0.1, self.began + limit + 15 - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.exit = self.process.wait()
        self.seconds = time.monotonic() - self.began
        self.check(self.exit in exits, f"exit code {self.exit}, expected {sorted(exits)}")
        self.check(self.seconds <= limit, f"took {self.seconds:.1f} s, at most {limit:g} allowed")
        self.check_secrets()

    def judge(self, exits=(0,), limit=40.0, audited=True, duplicates=False):
        """Waits for the program and applies the oracle; the database must be up."""
        self.end(exits, limit)
        text = self.read("result.json")
        self.check(text != "", "there is no result file")
        if not text:
            return
        self.result = json.loads(text)
        counts, audit = self.result["counts"], self.result["audit"]
        self.law = f"{counts['produced']} = " + " + ".join(str(counts[key]) for key in LOSSES)
        self.check(counts["scheduled"] == counts["produced"] + counts["skipped"],
                   "scheduled != produced + skipped")
        self.check(counts["produced"] == sum(counts[key] for key in LOSSES), "the law is broken")
        self.check(self.result["exit_code"] == self.exit, "the result tells another exit code")
        for key in ("lost", "unexpected", "corrupted") + (() if duplicates else ("duplicated",)):
            self.check(audit[key] == 0, f"audit: {audit[key]} {key}")
        if audited and not duplicates:
            self.check(audit["passed"] is True, f"audit.passed is {audit['passed']}")
        if tuple(exits) == (0,):
            self.check(counts["stored"] == counts["produced"] > 0, "not everything is stored")
        rows, distinct = self.database.count_rows(self.result["run_id"])
        if not duplicates:
            most = counts["stored"] + counts["in_doubt"]
            self.check(counts["stored"] <= rows <= most, f"{rows} rows in the table")
            self.check(rows == distinct, f"{rows - distinct} rows are there twice")
        self.check(len(self.dead_sequences()) == counts["dead_lettered"],
                   f"{len(self.dead_sequences())} lines in the dead-letter file")
        self.rows = rows

    def check_secrets(self):
        """After each run of the program: nothing that it wrote tells a secret."""
        written = {}
        for path in glob.glob(f"{self.dir}/**", recursive=True):
            if os.path.isfile(path) and not path.endswith((".so", ".db-shm")):
                with open(path, "rb") as file:
                    written[os.path.relpath(path, self.dir)] = file.read()
        if self.database is not None:
            written["loadgen_runs"] = self.database.recorded().encode()
        for name, content in written.items():
            self.check(CANARY.encode() not in content, f"the password is in {name}")
            if re.search(r"\.db(-wal|-journal)?$", name) is None:  # the rows' own place
                self.check(ROW_TEXT.search(content) is None, f"a row's text is in {name}")

    def dead_sequences(self):
        return sorted(json.loads(line)["sequence"] for line in self.read("dead.jsonl").splitlines())

    def retried(self):
        counts, breaker = self.result["counts"], self.result["breaker"]
        self.check(counts["retried_frames"] + breaker["transitions"] > 0, "the fault hit nothing")

    def classes(self):
        return {error["class"] for error in self.result["errors"]}

    def stop_all(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if isinstance(self.database, Postgres):
            self.database.remove()

    def close(self):
        self.stop_all()
        if not self.problems:
            shutil.rmtree(self.dir, ignore_errors=True)
