"""Random runs with random faults and shutdowns, for as long as one likes."""

import collections
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import time

from harness import row
from proxy import Proxy

PLAN = {"seconds": 60.0, "seed": random.SystemRandom().randrange(1 << 32)}
NAMES = {signal.SIGINT: "INT", signal.SIGTERM: "TERM", signal.SIGHUP: "HUP"}


def random_options(rng):
    """What a run is asked for; never longer than about 4 s and its drain."""
    options = {
        "producers": rng.choice((1, 2, 10, 100)),
        "consumers": rng.choice((1, 2, 5, 20)),
        "rps": rng.choice((0.5, 50, 500, 500, 5000, 5000, 20000, "max")),
        "duration": rng.choice(("0.2s", "2s", "4s", "4s")),
        "count": rng.choice((1, 2000, 50000, 50000, 50000)),
        "message-size": rng.choice((1, 16, 64, 256)),
        "batch-size": rng.choice((1, 7, 500, 10000)),
        "linger": rng.choice(("0", "5ms", "200ms")),
        "queue-capacity": rng.choice((1, 100, 10000)),
        "on-full": rng.choice(("block", "block", "block", "drop-new", "drop-old", "abort")),
        "delivery": rng.choice(("exactly-once",) * 4 + ("at-least-once",)),
        "durability": rng.choice(("full", "relaxed")),
        "verify": rng.choice(("off", "count", "full")),
        "breaker": rng.choice(("on", "off")),
        "drain-timeout": rng.choice(("0.5s", "5s")),
    }
    if options["rps"] != "max" and rng.random() < 0.3:
        options.update([rng.choice((("burst", 1), ("burst", 100), ("max-lag", "50ms")))])
    return options


class Round:
    """One run, and what is done to it."""

    def __init__(self, b, rng, pg, proxy):
        self._b, self._rng, self._pg, self._proxy = b, rng, pg, proxy
        self.options = random_options(rng)
        self.on_postgres = rng.random() < 0.6
        self.deeds = []
        self._sent = []
        self._sent_at = []
        if self.on_postgres:
            b.database = pg
            # At times with a row in a thousand that is refused.
            pg.table = rng.choice(("messages", "messages", "picky"))
            self.options["table"] = pg.table
            self.options["insert"] = rng.choice(("copy", "multi", "unnest", "single"))
        else:
            self._folder = tempfile.mkdtemp(dir=b.dir)
            self.options["insert"] = rng.choice(("multi", "single"))
            b.sqlite(self._folder)

        if rng.random() < 0.4:
            self.options["spool"] = tempfile.mkdtemp(dir=b.dir)
            self.options["on-full"] = rng.choice(("spill", self.options["on-full"]))

    def __str__(self):
        flags = " ".join(f"--{name}={value}" for name, value in self.options.items())
        where = "postgres" if self.on_postgres else "sqlite"
        return f"{where} {flags}: {', '.join(self.deeds) or 'left alone'}"

    def run(self):
        b, rng = self._b, self._rng
        for name in ("result.json", "dead.jsonl"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(f"{b.dir}/{name}")
        b.start(*(f"--{name}={value}" for name, value in self.options.items()),
                db=self._pg.address("127.0.0.1", self._proxy.port) if self.on_postgres else None)
        # Not the other way round: a server ends with the thread that started it.
        signals = threading.Thread(target=self._signal, args=(random.Random(rng.random()),))
        signals.start()
        self._break_database()
        with contextlib.suppress(Exception):  # end() tells of it
            b.process.wait(40)
        ended = time.monotonic()
        signals.join()
        self._judge(ended)
        if "spool" in self.options and not b.problems:
            shutil.rmtree(self.options["spool"])
        if not self.on_postgres:
            if not b.problems:
                shutil.rmtree(self._folder)
        elif not b.problems:
            self._pg.psql("TRUNCATE messages, picky, loadgen_ledger, loadgen_runs")

    def _signal(self, rng):
        if rng.random() < 0.5:
            for number in rng.sample(list(NAMES), rng.choice((1, 1, 2, 3))):
                self._send(number, rng.random() * rng.choice((0.1, 1, 3)))
        elif rng.random() < 0.2:
            self._send(signal.SIGSTOP, rng.random())
            self._send(signal.SIGCONT, 1.0)

    def _send(self, number, after_s):
        time.sleep(after_s)
        if self._b.process.poll() is None:
            self._b.process.send_signal(number)
            self.deeds.append(f"{number.name} at {time.monotonic() - self._b.began:.3f} s")
            if number in NAMES:
                self._sent.append(number)
                self._sent_at.append(time.monotonic())

    def _break_database(self):
        """Once rows are written, for before that a run may refuse to begin."""
        b, rng = self._b, self._rng
        some = "SELECT count(*) FROM (SELECT 1 FROM messages LIMIT 1) AS one"
        while b.process.poll() is None and b.database.number(
                some.replace("messages", self.options.get("table", "messages"))) == 0:
            time.sleep(0.05)
        time.sleep(rng.random() * 0.5)
        if b.process.poll() is not None or rng.random() < 0.1:
            return
        if not self.on_postgres:
            self.deeds.append("lock")
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(
                    b.database.path, timeout=2, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                time.sleep(rng.random())
                db.execute("ROLLBACK")
            return
        deed = rng.choice(("terminate", "lock", "immediate", "fast", "cut", "reset"))
        if deed == "immediate" and self.options["durability"] == "relaxed":
            deed = "fast"  # a crash may lose what was committed so: that is the bargain
        self.deeds.append(deed)
        if deed == "terminate":
            for _ in range(rng.choice((1, 5))):
                self._pg.terminate()
                time.sleep(0.1)
        elif deed == "cut":
            with contextlib.suppress(TimeoutError):
                for _ in range(5):
                    self._proxy.cut_answer(rng.randrange(20), within_s=1)
        elif deed == "reset":
            self._proxy.reset_all()
        elif deed == "lock":
            self._pg.psql(f"BEGIN; LOCK TABLE {self._pg.table}; SELECT pg_sleep({rng.random()}); "
                          "COMMIT", check=False)
        else:
            self._pg.stop(deed)
            self._pg.start()

    def _judge(self, ended):
        b, sent = self._b, self._sent
        exits = {0, 1, 3} | {128 + number for number in sent}
        if not b.read("result.json"):
            # The third signal, or one before anything was begun.
            b.end({128 + number for number in sent} | {-number for number in sent}, 40)
            early = b.exit < 0 and b.database.unended() == 0
            b.check(len(sent) == 3 or early, "no report")
            return
        # While the result is being written, a signal ends the program as it ends any other.
        exits |= {-number for number in sent}
        b.judge(exits=tuple(exits), limit=40, audited=False,
                duplicates=self.options["delivery"] == "at-least-once")
        b.check(b.result["audit"]["passed"] is not False, "audit.passed is False")
        if len(sent) >= 2:
            took = ended - self._sent_at[1]
            b.check(took < 3, f"ended {took:.1f} s after the second signal")
        told = {error["code"] for error in b.result["errors"]}
        if b.exit == 1:  # the database is never away for longer than its patience
            b.check(bool(told & {"channel_full", "audit"}), f"failed by {told}")
        if b.exit == 3:
            lost = sum(b.result["counts"][key] for key in
                       ("dead_lettered", "dropped", "unsent", "in_doubt"))
            b.check(lost > 0, "exit 3 without a loss")


@row("random flags, signals, locks, restarts", slow=True)
def stress(b):
    """Whatever is done to a run, its account of it is true."""
    pg = b.postgres_with_tables(
        "CREATE TABLE picky (LIKE messages INCLUDING ALL); "
        "ALTER TABLE picky ADD CHECK (sequence % 1000 <> 7)")
    proxy = Proxy(pg.port)
    ends = collections.Counter()
    over = time.monotonic() + PLAN["seconds"]
    while time.monotonic() < over and not b.problems:
        one = Round(b, random.Random(f"{PLAN['seed']} {sum(ends.values())}"), pg, proxy)
        one.run()
        ends[b.exit] += 1
        if b.problems:
            b.problems.append(f"--stress-seed={PLAN['seed']}, {one}")
    proxy.close()
    b.database = pg  # to be removed
    print(f"stress: seed {PLAN['seed']}, {sum(ends.values())} runs, by exit code {dict(ends)}",
          flush=True)
