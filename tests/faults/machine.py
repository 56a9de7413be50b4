"""Faults of the machine the program runs on: its disk, its limits, its clock, its time."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from databases import IS_ROOT, Skip
from harness import row, shim, until

BOTH = ("sqlite", "postgres")


def database(b, kind):
    return b.sqlite() if kind == "sqlite" else b.postgres()


def begins_or_refuses(b, what, exits, limit):
    """Ran, and its account is true; or never began: one line says why, and nothing is left."""
    until(lambda: b.process.poll() is not None, f"{what}: the end", limit + 10)
    if b.read("result.json") and json.loads(b.read("result.json"))["counts"]["scheduled"]:
        b.judge(exits=exits, limit=limit)
        return True
    b.end((1,), limit)
    said = b.read("stderr")
    b.check(said.startswith("app: ") and said.count("\n") == 1, f"{what}: stderr {said!r}")
    b.check(b.database.unended() == 0, f"{what}: a run that did not begin is recorded")
    return False


# The disk.


def io_fails(b, operation, error, first, count):
    """One run, whose file fails from the first-th call on. Returns whether it came so far."""
    folder = f"{b.dir}/{operation}{first}"
    os.mkdir(folder)
    file = b.sqlite(folder)
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{b.dir}/result.json")
    b.start("--rps=max", "--count=200", "--batch-size=50", "--retry-delay=1ms,10ms",
            "--drain-timeout=1s", "--consumers=2", "--producers=2", environment={
                **shim(b, "fail_io"), "FAIL_IO": f"{operation} {first} {count} {error}",
                "FAIL_IO_FILE": file.path, "FAIL_IO_TOLD": f"{folder}/told"})
    what = f"{operation} {first}"
    problems = len(b.problems)
    if begins_or_refuses(b, what, (0, 1, 3) if count == 0 else (0,), 10):
        with contextlib.closing(sqlite3.connect(file.path)) as db:
            check = db.execute("PRAGMA integrity_check").fetchone()[0]
            b.check(check == "ok", f"{what}: integrity_check: {check}")
            found = [sequence for (sequence,) in db.execute(
                "SELECT sequence FROM messages ORDER BY sequence")]
            if b.exit == 0:
                b.check(found == list(range(200)), f"{what}: {len(found)} rows")
    if len(b.problems) > problems:
        b.problems[-1] += f" ({what})"
    return os.path.exists(f"{folder}/told")


@row("the file's writes and syncs fail, each once", variants=("EIO", "ENOSPC"))
def sqlite_io_fails_once(b, error):
    """Torn writes and failed syncs anywhere: what is acknowledged is there, once."""
    began, classes = 0, set()
    for operation in ("write", "sync"):
        first = 1
        while not b.problems and io_fails(b, operation, getattr(errno, error), first, 1):
            if b.exit == 0:
                began += 1
                classes |= b.classes()
            first += 1
        b.check(first > 5, f"only {first} calls of {operation} failed")
    b.check(began > 20, f"only {began} runs began")
    # A frame's pages are written when it is committed.
    b.check(classes == {"in_doubt"}, f"classes {classes}")


@row("the file's writes or syncs fail from one on for ever", slow=True, variants=("write", "sync"))
def sqlite_io_fails_for_ever(b, operation):
    """A disk that broke: the account is true all the same."""
    first = 1
    while not b.problems and io_fails(b, operation, errno.EIO, first, 0):
        first += 3
    b.check(first > 5, f"only {first} calls of {operation} failed")


# Limits.


def limited(b, limits, *options, user=None):
    """Runs under each limit. Returns the exit codes."""
    exits = []
    for limit in limits:
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{b.dir}/result.json")
        problems = len(b.problems)
        b.start("--rps=max", "--count=500", "--connect-wait=0", *options, user=user,
                within=("prlimit", limit, "--"))
        begins_or_refuses(b, limit, (0, 1), 10)
        exits.append(b.exit)
        if len(b.problems) > problems:
            b.problems[-1] += f" ({limit})"
            break
    return exits


def both_ends(b, exits):
    b.check(exits[-1] == 0, "the widest limit is too narrow")
    b.check(1 in exits, "no limit was felt")


@row("12 to 40 open files", variants=BOTH)
def few_open_files(b, kind):
    """Too few to begin is said at once; what began ends well."""
    database(b, kind)
    both_ends(b, limited(b, [f"--nofile={most}" for most in range(12, 41)], "--consumers=16"))


def least_address_space(b):
    """In MiB: with less, the program's own libraries do not find room."""
    for size in range(8, 4096, 2):
        done = subprocess.run(["prlimit", f"--as={size << 20}", b.app, "--version"], check=False,
                              capture_output=True)
        if done.returncode == 0:
            return size
    raise Skip("prlimit --as does not let the program run at all")


@row("little address space, in steps of a tenth", variants=BOTH)
def little_memory(b, kind):
    """No memory for threads or buffers: said, not crashed."""
    database(b, kind)
    sizes = [least_address_space(b)]
    while sizes[-1] < 2048:
        sizes.append(int(sizes[-1] * 1.1) + 1)
    both_ends(b, limited(b, [f"--as={size << 20}" for size in sizes]))


@row("1024 producers in little address space")
def many_threads_in_little_memory(b):
    """Hundreds of threads are there when one cannot be started."""
    b.sqlite()
    exits = limited(b, [f"--as={size << 20}" for size in (256, 512, 1024, 2048, 4096, 6144)],
                    "--producers=1024")
    b.check(1 in exits, "no limit was felt")


@row("1 to 24 threads")
def few_threads(b):
    """Each thread in turn is the one that cannot be started."""
    if not IS_ROOT:
        raise Skip("needs root, to run as a user who has no other processes")
    b.sqlite()
    both_ends(b, limited(b, [f"--nproc={most}" for most in range(1, 25)], user="nobody"))


# Time.


@row("the wall clock steps by up to ten years each 0.2 s", variants=BOTH)
def wall_clock_steps(b, kind):
    """Nothing is measured by it, nothing waits for it."""
    database(b, kind)
    b.start("--rps=1000", "--duration=3", environment=shim(b, "step_clock"))
    b.judge(limit=6)
    result = b.result
    ahead_s = result_time(result["started_at"]) - time.time()
    b.check(ahead_s > 300 * 86400, "the wall clock did not step")
    ran_s = result_time(result["ended_at"]) - result_time(result["started_at"])
    b.check(abs(ran_s - 3) < 1, f"from started_at to ended_at: {ran_s:.1f} s")
    b.check(result["counts"]["produced"] == 3000, f"produced {result['counts']['produced']}")
    b.check(abs(result["time_s"]["produce"] - 3) < 0.5, f"time_s {result['time_s']}")
    for part, latency in result["latency_us"].items():
        b.check(0 <= latency["min"] <= latency["max"] < 2e6,
                f"{part}: {latency['min']} to {latency['max']} us")
    spread_s = b.database.created_spread_s()
    b.check(2.5 < spread_s < 3.5, f"created_at spreads over {spread_s:.1f} s")


def result_time(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


@row("the program stopped for 5 s", variants=BOTH)
def process_sigstop_5s(b, kind):
    """It goes on where it was: late, and honest about it."""
    database(b, kind)
    b.start_under_load("--rps=1000", "--duration=4", "--timeout=2s")
    b.process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    b.process.send_signal(signal.SIGCONT)
    b.judge(limit=20)
    b.check(b.result["counts"]["produced"] == 4000, f"{b.result['counts']['produced']} produced")
    slowest = b.result["latency_us"]["response"]["max"] / 1e6
    b.check(4 < slowest < 7, f"the slowest response took {slowest:.1f} s")


# A target that cannot keep up.


@row("a target ten times slower than the rate",
     variants=("block", "drop-new", "drop-old", "abort", "spill"))
def slow_target(b, on_full):
    """Late, dropped or over, as was asked for; and all of it is counted."""
    b.postgres_with_tables("""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION slow()""")
    b.start("--rps=2000", "--duration=1", "--consumers=1", "--batch-size=50",
            "--queue-capacity=100", f"--on-full={on_full}",
            *((f"--spool={b.dir}/spool",) if on_full == "spill" else ()))
    exits, told = {"block": (0, "the database"), "spill": (0, "the database"), "abort": (1, "--on-full=abort")}.get(
        on_full, (3, "messages were dropped"))
    b.judge(exits=(exits,), limit=25)
    counts = b.result["counts"]
    b.check(told in b.result["verdict"], f"verdict: {b.result['verdict']}")
    b.check(b.result["rate"]["sustained"] is False, "the rate counts as sustained")
    if on_full != "abort":
        b.check(counts["scheduled"] == 2000, f"{counts['scheduled']} scheduled")
    b.check((counts["dropped"] > 1000) == on_full.startswith("drop"),
            f"{counts['dropped']} dropped")
    b.check(counts["dead_lettered"] == 0, "slowness is no reason for dead letters")


# The file.


@row("the database's file deleted or replaced, and no audit", variants=("deleted", "replaced"))
def sqlite_file_gone(b, how):
    """Rows that went into a file nobody finds again are no success."""
    file = b.sqlite()
    b.start_under_load("--rps=2000", "--duration=3", "--verify=off")
    os.rename(file.path, f"{b.dir}/old.db")
    if how == "replaced":
        shutil.copy(f"{b.dir}/old.db", file.path)
    b.end((1,), 10)
    result = json.loads(b.read("result.json") or "{}")
    b.check((result.get("failure") or {}).get("code") == "file_gone",
            f"failure: {result.get('failure')}")
    b.check(result["audit"]["passed"] is None, "an audit passed")
