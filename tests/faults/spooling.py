"""A run with a spool is killed, its spool damaged: what was safe stays so, and no row is doubled."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from harness import row, shim, until

SPILL = ("--on-full=spill", "--queue-capacity=200")
POISON = 97  # every so many sequences are refused by a constraint


def result_of(b):
    return json.loads(b.read("result.json"))


def accepted(b):
    """What the spool has promised to deliver, run by run: its journal, read from a copy."""
    with tempfile.TemporaryDirectory(dir=b.dir) as folder:
        for name in ("spool.db", "spool.db-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"{b.dir}/spool/{name}", folder)
        with contextlib.closing(sqlite3.connect(f"{folder}/spool.db")) as db:
            return {run: {sequence for first, past in db.execute(
                "SELECT first, past FROM accepted WHERE run_id = ?", (run,))
                for sequence in range(first, past)}
                for (run,) in db.execute("SELECT run_id FROM runs")}


def kill_and_resume(b, times, *options, rate="5000", seed=1):
    """Kills at random moments, the resuming ones too; then one run that is let end."""
    chance = random.Random(seed)
    promised = {}
    for _ in range(times):
        b.start(f"--spool={b.dir}/spool", f"--rps={rate}", "--duration=60", *options)
        time.sleep(chance.uniform(0.02, 0.5))
        b.process.kill()
        b.check(b.process.wait() == -signal.SIGKILL, f"ended by itself: {b.read('stderr')[-300:]}")
        with contextlib.suppress(sqlite3.OperationalError):  # it was killed before it had a spool
            for run, sequences in accepted(b).items():
                promised.setdefault(run, set()).update(sequences)
    b.start(f"--spool={b.dir}/spool", "--rps=5000", "--count=500", *options)
    return promised


def judge_promises(b, promised, dead=()):
    """Each message that was safe in the spool is in the table once, or among the dead letters."""
    b.check(sum(map(len, promised.values())) > 100, "hardly anything was spooled")
    for resumed in b.result["resumed"]:
        b.check(resumed["audit"]["passed"] is True, f"resumed: {resumed}")
    for run, sequences in promised.items():
        stored = b.database.sequences(run)
        b.check(len(stored) == len(set(stored)), f"run {run}: rows are there twice")
        gone = sequences - set(stored) - {number for of, number in dead if of == run}
        b.check(not gone, f"run {run}: {len(gone)} of {len(sequences)} are lost")


def kills(b, times, *options, rate="5000"):
    promised = kill_and_resume(b, times, *options, rate=rate)
    b.judge(limit=60)
    judge_promises(b, promised)


@row("12 kill -9 at random moments, each resumed")
def spool_killed(b):
    """Everything goes through the disk."""
    b.sqlite()
    kills(b, 12)


@row("60 kill -9 at random moments, each resumed", slow=True)
def spool_killed_60(b):
    """... and on SQLite the table is written by the one that is killed."""
    b.sqlite()
    kills(b, 60)


@row("60 kill -9 at random moments, each resumed", slow=True)
def spool_killed_60_postgres(b):
    """On Postgres sessions of the killed go on for a while."""
    b.postgres()
    kills(b, 60)


@row("60 kill -9, only what the ring has no room for is spooled", slow=True)
def spool_killed_60_spill(b):
    b.postgres()
    kills(b, 60, "--consumers=1", "--batch-size=20", *SPILL, rate="max")


@row("40 kill -9 while rows are refused by a constraint", slow=True)
def spool_killed_40_poison(b):
    """Frames are split when it comes; the pieces are what is resumed."""
    b.postgres_with_tables("ALTER TABLE messages ADD CONSTRAINT odd CHECK (sequence % "
                           f"{POISON} <> 13)")
    promised = kill_and_resume(b, 40, "--consumers=2")
    b.end((3,), 60)
    b.result = result_of(b)
    dead = {(int(letter["run_id"]), letter["sequence"])
            for letter in map(json.loads, b.read("dead.jsonl").splitlines())}
    b.check(len(dead) > 10, "hardly any row was refused")
    b.check(all(number % POISON == 13 for _, number in dead), "a good row is a dead letter")
    judge_promises(b, promised, dead)


@row("the server down to the end, SIGTERM; later up again", variants=("all", "spill"))
def spool_target_down(b, how):
    """Nothing is unsent: the next run sends it, under the first one's id."""
    options = (f"--spool={b.dir}/spool", *(SPILL if how == "spill" else ()))
    pg = b.postgres()
    b.start_under_load("--rps=2000", "--duration=60", "--drain-timeout=1s", *options)
    pg.stop("immediate")
    time.sleep(2)
    b.process.send_signal(signal.SIGTERM)
    b.end((1,), 20)  # the audit needs the server
    pg.start()
    first = result_of(b)
    counts = first["counts"]
    b.check(counts["spooled"] > 1000, f"spooled {counts['spooled']}")
    b.check(counts["unsent"] + counts["in_doubt"] + counts["dropped"] == 0, f"{counts}")
    b.start("--rps=2000", "--count=500", *options)
    b.judge()
    rows, distinct = pg.count_rows(first["run_id"])
    b.check(rows == distinct == counts["produced"],
            f"{rows} rows, {distinct} distinct, {counts['produced']} produced")


@row("the first row of a resumed frame is refused for ever", variants=("40001", "MY001"))
def spool_resumed_poison(b, code):
    """It becomes a dead letter, and the spool is not stuck behind it."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=60", "--drain-timeout=0", "--verify=off",
                       f"--spool={b.dir}/spool")
    locker = pg.psql_beside("BEGIN; LOCK TABLE messages; SELECT pg_sleep(3); COMMIT")
    time.sleep(1)
    b.process.send_signal(signal.SIGTERM)
    b.end((0, 143), 20)
    locker.wait()
    first, produced = result_of(b)["run_id"], result_of(b)["counts"]["produced"]
    missing = pg.number(f"SELECT min(n) FROM generate_series(0, {produced - 1}) AS n WHERE NOT "
                        "EXISTS (SELECT 1 FROM messages WHERE sequence = n)")
    b.check(result_of(b)["counts"]["spooled"] > 100, "hardly any message is in the spool")
    pg.psql("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.sequence = {missing} THEN RAISE 'refused' USING ERRCODE = '{code}'; END IF; "
            "RETURN NEW; END $$; CREATE TRIGGER spoil BEFORE INSERT ON messages "
            "FOR EACH ROW EXECUTE FUNCTION spoil()")
    b.start("--rps=1000", "--count=1", f"--spool={b.dir}/spool")
    b.end((3,), 70)
    resumed = result_of(b)["resumed"]
    b.check(len(resumed) == 1 and resumed[0]["dead_lettered"] == 1, f"resumed {resumed}")
    b.check(pg.count_rows(first) == (produced - 1, produced - 1), f"rows {pg.count_rows(first)}")


@row("a commit in doubt at the end, kept and resumed", variants=("all", "spill"))
def spool_in_doubt(b, how):
    """The frame is sent again as it was, and the ledger knows it."""
    options = (f"--spool={b.dir}/spool", *(SPILL if how == "spill" else ()))
    pg = b.postgres()
    b.start_under_load("--rps=500", "--duration=60", "--drain-timeout=0", "--consumers=2",
                       *options)
    # Commits take effect and are not answered.
    pg.psql("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    pg.psql("SELECT pg_reload_conf()")
    time.sleep(1)
    b.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    pg.terminate()
    pg.psql("ALTER SYSTEM RESET synchronous_standby_names")
    pg.psql("SELECT pg_reload_conf()")
    b.end((0, 143), 30)
    first = result_of(b)
    counts = first["counts"]
    b.check(counts["spooled"] > 0 and counts["in_doubt"] == 0, f"{counts}")
    b.start("--rps=500", "--count=50", *options)
    b.judge()
    b.check(b.result["resumed"][0]["already_present"] > 0, "nothing had been in doubt")
    rows, distinct = pg.count_rows(first["run_id"])
    b.check(rows == distinct == counts["produced"],
            f"{rows} rows, {distinct} distinct, {counts['produced']} produced")


@row("5 immediate restarts, the surplus is spilled")
def spool_spill_restarts(b):
    """The way through the disk and back loses nothing and keeps the law."""
    pg = b.postgres()
    b.start_under_load("--rps=5000", "--duration=6", f"--spool={b.dir}/spool", *SPILL)
    for _ in range(5):
        pg.stop("immediate")
        pg.start()
        time.sleep(0.3)
    b.judge(limit=45)
    b.retried()


def letters(b, name):
    return [json.loads(line)["sequence"] for line in b.read(name).splitlines()]


def spool_fails(b, operation, first, count):
    """One run, whose spool fails from the first-th call on, and one that resumes the spool."""
    folder = f"{operation}{first}"
    spool = f"{b.dir}/{folder}/spool"
    os.mkdir(f"{b.dir}/{folder}")
    b.sqlite(f"{b.dir}/{folder}")
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{b.dir}/result.json")
    b.start("--rps=20k", "--duration=150ms", "--consumers=2", "--producers=3", "--batch-size=30",
            "--linger=1ms", f"--spool={spool}", f"--unsent={b.dir}/{folder}/unsent", *SPILL,
            environment={**shim(b, "fail_io"), "FAIL_IO": f"{operation} {first} {count} "
                         f"{errno.EIO}", "FAIL_IO_FILE": f"{spool}/spool.db",
                         "FAIL_IO_TOLD": f"{b.dir}/{folder}/told"})
    b.judge(exits=(0, 1), limit=10)
    counts, run = b.result["counts"], b.result["run_id"]
    before = set(b.database.sequences(run))
    b.start("--rps=max", "--count=5", f"--spool={spool}")
    b.judge()
    after = set(b.database.sequences(run))
    came = len(after - before)
    b.check(counts["spooled"] <= came <= counts["spooled"] + counts["in_doubt"],
            f"{came} came out of the spool, {counts['spooled']} were spooled")
    unsent = letters(b, f"{folder}/unsent")
    b.check(len(unsent) == len(set(unsent)) == counts["unsent"] + counts["in_doubt"],
            f"{len(unsent)} letters, {counts['unsent']} unsent, {counts['in_doubt']} in doubt")
    b.check(len(after & set(unsent)) <= counts["in_doubt"], "stored, and unsent as well")
    b.check(len(after | set(unsent)) == counts["produced"], "messages are nowhere")
    return counts, os.path.exists(f"{b.dir}/{folder}/told")


@row("writes or syncs of the spool fail, the surplus is spilled", variants=("once", "for_ever"))
def spool_io_fails(b, how):
    """A frame may then be in the spool in part: each message is in one place, and counted there."""
    mixed, failed = 0, 0
    for operation, calls in (("sync", range(8, 48, 4)), ("write", range(40, 640, 60))):
        for first in calls:
            problems = len(b.problems)
            counts, told = spool_fails(b, operation, first, 1 if how == "once" else 0)
            failed += told
            mixed += counts["spooled"] > 0 and counts["unsent"] + counts["in_doubt"] > 0
            # A commit that comes through afterwards makes sure that the failed one does not count.
            b.check(how != "once" or counts["in_doubt"] == 0, f"{counts['in_doubt']} in doubt")
            if len(b.problems) > problems:
                b.problems[-1] += f" ({operation} {first})"
                return
    b.check(failed > 10, f"the spool failed in {failed} runs")
    b.check(mixed > 5, f"in {mixed} runs messages were both spooled and not")


@contextlib.contextmanager
def table_locked(b):
    """The run is under load, and cannot write."""
    with contextlib.closing(sqlite3.connect(b.database.path, isolation_level=None)) as lock:
        until(lambda: locked(lock), "the lock")
        yield


def take_away(b, what):
    spool = f"{b.dir}/spool"
    if what == "directory":
        shutil.rmtree(spool)
    elif what == "moved":
        os.rename(spool, f"{spool}.moved")
    elif what == "file":
        os.remove(f"{spool}/spool.db")
    else:
        with open(f"{spool}/other.db", "wb"):
            pass
        os.replace(f"{spool}/other.db", f"{spool}/spool.db")


@row("the spool's directory or file is deleted or replaced while the table is locked",
     variants=("directory", "moved", "file", "replaced"))
def spool_vanishes(b, what):
    """What it held is safe no longer: the run fails, and --unsent has it from the open file."""
    how = () if what in ("directory", "file") else SPILL
    b.sqlite()
    b.start_under_load("--rps=2000", "--duration=1", "--consumers=2", "--batch-size=20",
                       "--drain-timeout=30s", "--timeout=1s", f"--spool={b.dir}/spool",
                       f"--unsent={b.dir}/unsent", *how)
    with table_locked(b):
        # Every message is made, and nobody writes to the spool any more.
        until(lambda: sum(map(len, accepted(b).values())) > 1000, "messages in the spool")
        time.sleep(1)
        take_away(b, what)
        until(lambda: "Ending the run: --spool=" in b.read("stderr"), "the notice", 5)
        until(lambda: b.process.poll() is not None, "the end", 15)
    b.judge(exits=(1,), limit=20)
    counts = b.result["counts"]
    b.check(b.result["failure"]["code"] == "spool", f"failure: {b.result['failure']}")
    b.check("deleted or replaced" in b.result["failure"]["message"], f"{b.result['failure']}")
    b.check(counts["spooled"] == 0 and counts["unsent"] > 500, f"{counts}")
    unsent = letters(b, "unsent")
    b.check(len(unsent) == counts["unsent"] + counts["in_doubt"],
            f"{len(unsent)} letters, {counts['unsent']} unsent, {counts['in_doubt']} in doubt")
    there = set(unsent) | set(b.database.sequences(b.result["run_id"]))
    b.check(len(there) == counts["produced"], "messages are nowhere")
    if what == "moved":
        run = b.result["run_id"]
        b.start("--rps=max", "--count=5", f"--spool={b.dir}/spool.moved")
        b.judge()
        stored = b.database.sequences(run)
        b.check(len(stored) == len(set(stored)), "rows are there twice")
        b.check(not set(stored) & set(unsent), "what went to the file was in the spool as well")


@row("files of a spool in use are deleted, and a second process comes")
def spool_second_process(b):
    """It is the directory that is locked, and none of them."""
    b.sqlite()
    b.start_under_load("--rps=500", "--duration=60", f"--spool={b.dir}/spool")
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{b.dir}/spool/lock")
    second = b.run_app(f"--spool={b.dir}/spool", f"--db={b.database.address()}", "--count=5")
    b.check(second.returncode == 2, f"the second process ended with {second.returncode}")
    b.check("in use by another process" in second.stderr, f"it said {second.stderr!r}")
    b.process.send_signal(signal.SIGTERM)
    b.judge(exits=(143,))


@row("a spool on a file system without locks")
def spool_without_locks(b):
    """No other process is blamed."""
    b.sqlite()
    b.start("--count=5", f"--spool={b.dir}/spool", environment={
        **shim(b, "fail_io"), "FAIL_IO": f"lock 1 0 {errno.ENOLCK}",
        "FAIL_IO_FILE": f"{b.dir}/spool"})
    b.end((2,), 10)
    b.check("its file system cannot lock it (No locks available)" in b.read("stderr"),
            f"stderr: {b.read('stderr')!r}")


def left_behind(b):
    """A spool with some hundred messages, as a killed run leaves it, in one file."""
    b.sqlite()
    b.start_under_load("--rps=3000", "--duration=60", "--consumers=1", "--producers=2",
                       f"--spool={b.dir}/spool")
    with table_locked(b):
        time.sleep(0.2)
        b.process.kill()
        b.process.wait()
    with contextlib.closing(sqlite3.connect(f"{b.dir}/spool/spool.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(f"{b.dir}/spool/spool.db", "rb") as file:
        sound = file.read()
    return sound, accepted(b)


def locked(db):
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("BEGIN IMMEDIATE")
        return True
    return False


def resume_damaged(b, content, promised, what):
    """No crash, no hang, no doubled row; and what is lost is told."""
    folder, table = f"{b.dir}/damaged", f"{b.dir}/copy.db"
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    with open(f"{folder}/spool.db", "wb") as file:
        file.write(content)
    shutil.copy(b.database.path, table)
    done = subprocess.run([b.app, "--quiet", f"--spool={folder}", f"--db=sqlite:{b.database.path}",
                           "--rps=max", "--count=5", f"--json={b.dir}/result.json"],
                          check=False, capture_output=True, text=True, errors="replace",
                          timeout=60, cwd=b.dir)
    b.check(done.returncode in (0, 1, 2, 3, 4), f"{what}: exit code {done.returncode}")
    if done.returncode in (1, 2):
        b.check(done.stderr.splitlines()[-1].startswith("app: "), f"{what}: {done.stderr!r}")
    for run, sequences in promised.items():
        stored = b.database.sequences(run)
        b.check(len(stored) == len(set(stored)), f"{what}: rows are there twice")
        gone = sequences - set(stored)
        if done.returncode in (0, 3):
            told = sum(one["damaged"] for one in result_of(b)["resumed"])
            b.check(len(gone) <= told, f"{what}: {len(gone)} are lost, {told} told")
    os.replace(table, b.database.path)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(b.database.path + suffix)
    return done.returncode


def damage(b, samples, seed=1):
    chance = random.Random(seed)
    sound, promised = left_behind(b)
    with contextlib.closing(sqlite3.connect(b.database.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    exits = {}
    for _ in range(samples):
        at = chance.randrange(len(sound))
        flipped = bytearray(sound)
        flipped[at] ^= 1 << chance.randrange(8)
        for content, what in ((bytes(flipped), f"bit of byte {at}"), (sound[:at], f"cut at {at}")):
            code = resume_damaged(b, content, promised, what)
            exits[code] = exits.get(code, 0) + 1
    b.law = " ".join(f"exit {code}: {count}" for code, count in sorted(exits.items()))
    b.check(0 in exits and len(exits) > 1, "all damage had the same end")


@row("a spool with a flipped bit, or cut off, at 40 places")
def spool_damaged(b):
    damage(b, 40)


@row("a spool with a flipped bit, or cut off, at 600 places", slow=True)
def spool_damaged_600(b):
    damage(b, 600, seed=2)
