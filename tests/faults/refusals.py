"""Faults of a database that is there and says no."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time

from databases import IS_ROOT, MINE, Seat
from harness import METHODS, fill, row, small_disk, until
from strangers import turned_away

BAD_ROW = "sequence % 1000 = 7"  # 5 of 5000


# Locks and contention.


def lock_for(b, seconds, *options):
    pg = b.postgres()
    b.start_under_load("--rps=1000", *options)
    locker = pg.psql_beside("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE; "
                            f"SELECT pg_sleep({seconds}); COMMIT")
    b.judge(limit=seconds + 30)
    locker.wait()
    slowest = b.result["latency_us"]["response"]["max"] / 1e6
    b.check(slowest > seconds - 0.5, f"the slowest response took {slowest:.1f} s")


@row("the table locked for 3 s")
def access_exclusive_lock_3s(b):
    """A lock delays messages; none is dead-lettered."""
    lock_for(b, 3, "--duration=4")


@row("the table locked for 20 s, --timeout=2s", slow=True)
def access_exclusive_lock_20s(b):
    """A lock that outlives the timeout, too."""
    lock_for(b, 20, "--duration=3", "--timeout=2s", "--drain-timeout=60s")


@row("40001 for one statement in five")
def serialization_failures(b):
    """Contention is a matter of trying again."""
    b.postgres_with_tables("""
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF random() < 0.2 THEN RAISE SQLSTATE '40001'; END IF; RETURN NULL; END $$;
        CREATE TRIGGER lose BEFORE INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION lose()
        """)
    b.start("--rps=2000", "--duration=3")
    b.judge(limit=25)
    b.check(b.result["counts"]["retried_frames"] > 0, "no frame was retried")
    b.check(b.classes() == {"contention"}, f"classes {b.classes()}")


@row("a backend stopped for 20 s, --timeout=2s", slow=True)
def backend_sigstop_20s(b):
    """The watchdog cuts it off; when it goes on it finds its work done."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=5", "--timeout=2s", "--drain-timeout=60s")
    stopped = pg.pids()[0]
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(20)
    os.kill(stopped, signal.SIGCONT)
    b.judge(limit=60)
    b.retried()
    slowest = b.result["latency_us"]["write"]["max"] / 1e6
    b.check(slowest > 6.5, f"the watchdog had nothing to do: {slowest:.1f} s")


# No room, or not for writing.


@row("the target is read-only for 2 s", variants=METHODS)
def read_only_and_back(b, method):
    """As on a standby before it is promoted: nothing is lost meanwhile."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=4", f"--insert={method}")
    pg.psql("ALTER SYSTEM SET default_transaction_read_only = on")
    pg.psql("SELECT pg_reload_conf()")
    until(lambda: "25006" in b.read("stderr"), "a write that was refused")
    time.sleep(2)
    pg.psql("ALTER SYSTEM RESET default_transaction_read_only")
    pg.psql("SELECT pg_reload_conf()")
    b.judge(limit=40)
    b.retried()
    b.check(b.classes() == {"capacity"}, f"classes {b.classes()}")


@row("the table's disk full for 2 s", variants=METHODS)
def postgres_table_disk_full(b, method):
    """Somebody makes room; no row is taken for a bad one."""
    with small_disk(b, 24) as folder:
        pg = b.postgres_with_tables("SELECT")
        shutil.chown(folder, "postgres")
        pg.psql(f"CREATE TABLESPACE small LOCATION '{folder}'")
        pg.psql("ALTER TABLE messages SET TABLESPACE small")
        filler = fill(folder, leave_kib=256)
        b.start("--rps=5000", "--duration=4", f"--insert={method}")
        until(lambda: "53100" in b.read("stderr") or b.process.poll() is not None, "a full disk")
        time.sleep(2)
        os.remove(filler)
        b.judge(limit=40)
        b.retried()
        b.check("capacity" in b.classes(), f"classes {b.classes()}")


@row("the log's disk full for 3 s: the server panics")
def postgres_log_disk_full(b):
    """What the server took before it fell is there, once."""
    with small_disk(b, 256) as folder:
        os.chmod(folder, 0o755)
        pg = b.postgres(parent=folder)
        b.start_under_load("--rps=2000", "--duration=5")
        filler = fill(folder, leave_kib=2048)  # a segment of the log takes 16 MiB
        pg.psql("SELECT pg_switch_wal()", check=False)
        # It tries to recover, finds no room, and ends.
        until(lambda: pg.process.poll() is not None, "the server's end")
        time.sleep(3)
        os.remove(filler)
        pg.start()
        b.judge(limit=40)
        b.retried()


# No session to be had.


def occupy(pg):
    """Takes all sessions that are free."""
    seats = []
    while not seats or seats[-1].taken:
        seats.append(Seat(pg))
    seats.pop().leave()
    return seats


def leave(seats):
    for seat in seats:
        seat.leave()


MOST_SESSIONS = ("max_connections=12", "superuser_reserved_connections=0")


@row("all sessions are others' for 2 s, in mid-run")
def max_connections_midrun(b):
    """53300 is an outage: whoever is turned away comes again."""
    pg = b.postgres(*MOST_SESSIONS)
    b.start_under_load("--rps=1000", "--duration=5")
    seats = occupy(pg)
    until(lambda: not take_over(pg, seats), "the program without a session")
    time.sleep(2)
    leave(seats)
    b.judge(limit=40)
    b.retried()
    b.check("53300" in {error["code"] for error in b.result["errors"]}, "nobody was turned away")


def take_over(pg, seats):
    """Ends the program's sessions and takes their places. Returns whether it may have one left."""
    seats[0].query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {MINE}")
    seats += occupy(pg)
    return len(seats) < 12


@row("all sessions are others' for 2 s, at the start")
def max_connections_at_start(b):
    """A run waits for its database to have room for it."""
    pg = b.postgres(*MOST_SESSIONS)
    seats = occupy(pg)
    b.start("--rps=1000", "--duration=2")
    time.sleep(2)
    leave(seats)
    b.judge(limit=20)
    b.check("too many clients" in b.read("stderr"), f"stderr {b.read('stderr')!r}")


# Rows that can never be stored.


def poison(b, method, make, drop):
    pg = b.postgres_with_tables(make)
    b.start("--rps=5000", "--count=5000", f"--insert={method}")
    b.judge(exits=(3,), limit=40)
    if b.result is None:
        return
    expected = [7, 1007, 2007, 3007, 4007]
    b.check(b.dead_sequences() == expected, f"dead letters {b.dead_sequences()[:8]}...")
    b.check(b.result["counts"]["stored"] == 4995, "the others are not all stored")
    # Refused still: the file stays as it is.
    replay(b, 3, "Replayed: 0 | Already present: 0 | Dead again: 5 | Skipped lines: 0")
    pg.psql(drop)
    replay(b, 0, "Replayed: 5 | Already present: 0 | Dead again: 0 | Skipped lines: 0")
    replay(b, 0, "Replayed: 0 | Already present: 5 | Dead again: 0 | Skipped lines: 0")
    rows = pg.count_rows(b.result["run_id"])
    b.check(rows == (5000, 5000), f"{rows} rows after the replay")


def replay(b, code, expected):
    done = b.run_app("replay", b.dead_letters, f"--db={b.database.address()}")
    said = done.stdout.strip()
    b.check(said == expected and done.returncode == code,
            f"replay: exit {done.returncode}, {said!r}, expected {code}, {expected!r}")


def trigger(body, kind="TRIGGER {} BEFORE INSERT ON messages"):
    head = kind.format("spoil")
    return (f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} "
            f"RETURN NEW; END $$; CREATE {head} FOR EACH ROW EXECUTE FUNCTION spoil()")


@row("CHECK refuses 1 row in 1000", variants=METHODS)
def poison_check(b, method):
    """23514"""
    poison(b, method, f"ALTER TABLE messages ADD CONSTRAINT bad CHECK (NOT {BAD_ROW})",
           "ALTER TABLE messages DROP CONSTRAINT bad")


@row("a trigger refuses 1 row in 1000 as a check does, without a constraint's name",
     variants=METHODS)
def poison_check_unnamed(b, method):
    """23514, as of a row that no partition takes"""
    poison(b, method, trigger(
        f"IF NEW.{BAD_ROW} THEN RAISE 'refused' USING ERRCODE = '23514'; END IF;"),
           "DROP TRIGGER spoil ON messages")


@row("a trigger fails for two rows as if by chance, each time", variants=METHODS)
def poison_contention(b, method):
    """40001, which is worth another try: but not for ever, while all others pass"""
    b.postgres_with_tables(trigger("IF NEW.sequence IN (7, 1007) THEN "
                                   "RAISE 'refused' USING ERRCODE = '40001'; END IF;"))
    b.start("--rps=1000", "--duration=10", f"--insert={method}")
    b.judge(exits=(3,), limit=60)
    b.check(b.dead_sequences() == [7, 1007], f"dead letters {b.dead_sequences()[:8]}...")
    b.check(b.result is not None and b.result["counts"]["stored"] == 9998,
            "the others are not all stored")


@row("a row of the only consumer's first frame is refused for ever", variants=("40001", "MY001"))
def poison_without_company(b, code):
    """The other rows of its frame tell that it is the row: by chance, or by a code nobody knows."""
    b.postgres_with_tables(trigger("IF NEW.sequence = 0 THEN "
                                   f"RAISE 'refused' USING ERRCODE = '{code}'; END IF;"))
    b.start("--rps=1000", "--duration=2", "--consumers=1", "--producers=1", "--drain-timeout=60")
    b.judge(exits=(3,), limit=70)
    b.check(b.dead_sequences() == [0], f"dead letters {b.dead_sequences()[:8]}...")


@row("NOT NULL refuses 1 row in 1000", variants=METHODS)
def poison_not_null(b, method):
    """23502, of a row a trigger spoiled"""
    poison(b, method, trigger(f"IF NEW.{BAD_ROW} THEN NEW.message = NULL; END IF;"),
           "DROP TRIGGER spoil ON messages")


@row("a foreign key refuses 1 row in 1000", variants=METHODS)
def poison_fk(b, method):
    """23503, when the statement ends"""
    poison(b, method, "CREATE TABLE other (id bigint PRIMARY KEY); "
           "ALTER TABLE messages ADD COLUMN ref bigint CONSTRAINT bad REFERENCES other; "
           + trigger(f"IF NEW.{BAD_ROW} THEN NEW.ref = -1; END IF;"),
           "ALTER TABLE messages DROP CONSTRAINT bad")


@row("a deferred constraint refuses 1 row in 1000", variants=METHODS)
def poison_deferred(b, method):
    """23514 as the answer to COMMIT"""
    poison(b, method, trigger(
        f"IF NEW.{BAD_ROW} THEN RAISE 'refused' USING ERRCODE = '23514', CONSTRAINT = 'bad'; "
        "END IF;", "CONSTRAINT TRIGGER {} AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED"),
           "DROP TRIGGER spoil ON messages")


@row("a trigger refuses 1 row in 1000 and repeats its text", variants=METHODS)
def poison_echoed(b, method):
    """P0001, whose message proper holds what else only DETAIL does"""
    poison(b, method, trigger(f"IF NEW.{BAD_ROW} THEN RAISE 'bad: %', NEW.message USING DETAIL = "
                              "NEW.message; END IF;"), "DROP TRIGGER spoil ON messages")


@row("a unique index refuses 1 row in 1000", variants=METHODS)
def poison_unique(b, method):
    """23505 that is not the ledger's"""
    poison(b, method, f"CREATE UNIQUE INDEX bad ON messages ((CASE WHEN {BAD_ROW} THEN 1 END)); "
           "INSERT INTO messages (message, created_at, run_id, sequence, producer) "
           "VALUES ('first', now(), 1, 7, 0)", "DROP INDEX bad")


@row("row level security refuses 1 row in 1000", variants=("copy", "unnest", "multi", "single"))
def poison_policy(b, method):
    """42501, as of a right that is missing; COPY is refused before anything starts."""
    pg = b.postgres_with_tables(f"""
        ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
        CREATE POLICY take ON messages FOR INSERT WITH CHECK (NOT ({BAD_ROW}));
        CREATE POLICY show ON messages FOR SELECT USING (true);
        CREATE ROLE tenant LOGIN;
        GRANT SELECT, INSERT ON messages, loadgen_ledger TO tenant;
        GRANT SELECT, INSERT, UPDATE ON loadgen_runs TO tenant
        """)
    tenant = pg.address(user="tenant")
    if method == "copy":
        turned_away(b, tenant, "use --insert=unnest")
        return
    b.start("--rps=5000", "--count=5000", f"--insert={method}", db=tenant)
    b.judge(exits=(3,), limit=40)
    b.check(b.dead_sequences() == [7, 1007, 2007, 3007, 4007], "dead letters")
    b.check(b.result["counts"]["stored"] == 4995, "the others are not all stored")


@row("row level security lets rows in, and shows none")
def policy_hides_rows(b):
    """The audit calls none of them lost: it cannot tell."""
    pg = b.postgres_with_tables("""
        ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
        CREATE POLICY take ON messages FOR INSERT WITH CHECK (true);
        CREATE ROLE tenant LOGIN;
        GRANT SELECT, INSERT ON messages, loadgen_ledger TO tenant;
        GRANT SELECT, INSERT, UPDATE ON loadgen_runs TO tenant
        """)
    b.start("--rps=5000", "--count=500", "--insert=unnest", db=pg.address(user="tenant"))
    b.judge(exits=(1,), limit=20, audited=False)
    b.check("row level security may hide rows" in b.result["failure"]["message"],
            f"failure: {b.result['failure']}")


@row("the right to insert is gone in mid-run")
def right_revoked(b):
    """42501 without a policy: no row is to blame."""
    pg = b.postgres_with_tables("CREATE ROLE tenant LOGIN; "
                                "GRANT SELECT, INSERT ON messages, loadgen_ledger TO tenant; "
                                "GRANT SELECT, INSERT, UPDATE ON loadgen_runs TO tenant")
    b.start_under_load("--rps=1000", "--duration=6", db=pg.address(user="tenant"))
    pg.psql("REVOKE INSERT ON messages FROM tenant")
    b.judge(exits=(1,), limit=20)
    b.check(b.result["counts"]["dead_lettered"] == 0, "rows are blamed")


@row("CHECK (false) added in mid-run")
def poison_storm(b):
    """A wrong schema ends the run, not ten thousand messages."""
    pg = b.postgres()
    b.start_under_load("--rps=5000", "--duration=6")
    pg.psql("ALTER TABLE messages ADD CHECK (false) NOT VALID")
    b.judge(exits=(1,), limit=30)
    b.check(0 < b.result["counts"]["dead_lettered"] <= 10000, "dead letters")


@row("the table dropped in mid-run")
def table_dropped(b):
    """A table that is gone ends the run; the audit says so."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=6")
    pg.psql("ALTER TABLE messages RENAME TO gone")
    until(lambda: b.process.poll() is not None, "the end")
    pg.psql("ALTER TABLE gone RENAME TO messages")
    b.judge(exits=(1,), limit=5, audited=False)


# SQLite.


@row("another process holds the file for 2 s")
def sqlite_locked_2s(b):
    """A lock delays messages."""
    file = b.sqlite()
    b.start("--rps=1000", "--duration=4")
    time.sleep(1)
    with contextlib.closing(sqlite3.connect(file.path, timeout=5, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        time.sleep(2)
        db.execute("ROLLBACK")
    b.judge(limit=25)
    slowest = b.result["latency_us"]["response"]["max"] / 1e6
    b.check(slowest >= 1.5, f"the slowest response took {slowest:.1f} s")


@row("a folder nobody may write to", variants=("new", "old"))
def sqlite_readonly_dir(b, file):
    """No database can be made, or a file that is there cannot be changed."""
    folder = f"{b.dir}/shut"
    os.mkdir(folder)
    if file == "old":
        b.run_app("--count=1", "--quiet", f"--db=sqlite:{folder}/m.db").check_returncode()
        os.chmod(f"{folder}/m.db", 0o444)
    os.chmod(folder, 0o555)
    turned_away(b, f"sqlite:{folder}/m.db", f"{folder}/m.db",
                user="nobody" if IS_ROOT else None)
    os.chmod(folder, 0o755)


@row("the disk full, room after 2 s")
def sqlite_full(b):
    """Somebody makes room; nothing is lost meanwhile."""
    with small_disk(b, 24) as folder:
        b.sqlite(folder)
        filler = fill(folder, leave_kib=1024)
        b.start("--rps=5000", "--duration=4")
        until(lambda: "SQLITE_FULL" in b.read("stderr") or b.process.poll() is not None,
              "a full disk")
        time.sleep(2)
        os.remove(filler)
        b.judge(limit=40)
        b.retried()
