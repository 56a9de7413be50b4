"""What a fault row needs: a server or file of its own, a run of the program, and the oracle."""

import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from databases import CANARY, IS_ROOT, Postgres, Skip, SqliteFile

# A message's text is letters from a to p, and so is any part of it.
ROW_TEXT = re.compile(rb"[a-p]{16}")
LOSSES = ("stored", "dead_lettered", "dropped", "spooled", "unsent", "in_doubt")
ROWS = {}  # name -> (function, what is injected, is slow)
METHODS = ("copy", "multi")
ENVIRONMENT = {**os.environ, "PGPASSWORD": f"{CANARY}-env"}
HERE = os.path.dirname(os.path.abspath(__file__))


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
                env={**ENVIRONMENT, **(environment or {})})

    def run_app(self, *arguments):
        """Of other commands. What they say is kept, to be searched for secrets."""
        done = subprocess.run([self.app, *arguments], check=False, cwd=self.dir, timeout=60,
                              env=ENVIRONMENT, capture_output=True, text=True)
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
        self.check(self.exit < 0 or self.result["exit_code"] == self.exit,
                   "the result tells another exit code")
        for key in ("lost", "unexpected", "corrupted") + (() if duplicates else ("duplicated",)):
            self.check(audit[key] == 0, f"audit: {audit[key]} {key}")
        if audited and not duplicates:
            self.check(audit["passed"] is True, f"audit.passed is {audit['passed']}")
        if tuple(exits) == (0,):
            self.check(counts["stored"] == counts["produced"] > 0, "not everything is stored")
        rows, distinct = self.database.count_rows(self.result["run_id"])
        if not duplicates:
            # Of what is in doubt, or is spooled because it is, some may be there.
            most = counts["stored"] + counts["in_doubt"] + counts["spooled"]
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
            # In base64 some texts look like others.
            content = re.sub(rb'"text_base64":"[^"]*"', b"", content)
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
