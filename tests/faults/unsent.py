"""What a run must leave behind: --unsent holds all of it, and replay stores each message once."""

import json
import re

from harness import row, until


def letters_of(b):
    return [json.loads(line) for line in b.read("unsent.jsonl").splitlines()]


def replay(b):
    """Returns how many messages were replayed, already present, and dead again."""
    done = b.run_app("replay", f"{b.dir}/unsent.jsonl", f"--db={b.database.address()}")
    told = re.search(r"Replayed: (\d+) \| Already present: (\d+) \| Dead again: (\d+)", done.stdout)
    b.check(told is not None, f"replay: exit {done.returncode}: {done.stdout!r} {done.stderr!r}")
    return tuple(int(number) for number in told.groups()) if told else (0, 0, 0)


def check_letters(b):
    """Each message that is not stored is there, those in doubt by their frames, whole."""
    counts, letters = b.result["counts"], letters_of(b)
    frames = {}
    for letter in letters:
        if "frame" in letter:
            frames.setdefault(letter["frame"]["id"], []).append(letter)
    b.check(counts["in_doubt"] > 0, "nothing is in doubt")
    b.check(len(letters) == counts["unsent"] + counts["in_doubt"],
            f"{len(letters)} lines for {counts['unsent']} unsent, {counts['in_doubt']} in doubt")
    b.check(sum(map(len, frames.values())) == counts["in_doubt"], "not all in doubt are marked")
    for frame, members in frames.items():
        b.check(members[0]["sequence"] == frame, "a frame does not begin with its first message")
        b.check({m["frame"]["rows"] for m in members} == {len(members)}, "a frame is not whole")
    return frames


def check_rows(b, missing=0):
    rows, distinct = b.database.count_rows(b.result["run_id"])
    b.check(rows == distinct, f"{rows - distinct} rows are there twice")
    b.check(rows == b.result["counts"]["produced"] - missing, f"{rows} rows in the table")


@row("a run that ends while its COMMITs wait; they took effect")
def unsent_in_doubt_committed(b):
    """The ledger knows the frames, and their messages are not stored again."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=3", "--drain-timeout=1",
                       f"--unsent={b.dir}/unsent.jsonl")
    pg.psql("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    pg.psql("SELECT pg_reload_conf()")
    until(lambda: pg.pids("wait_event = 'SyncRep'"), "a COMMIT that waits")
    b.judge(exits=(3,), limit=25, audited=False)
    pg.psql("ALTER SYSTEM RESET synchronous_standby_names")
    pg.psql("SELECT pg_reload_conf()")
    check_letters(b)
    counts = b.result["counts"]
    b.check(replay(b) == (counts["unsent"], counts["in_doubt"], 0), "replay tells other figures")
    check_rows(b)
    b.check(replay(b) == (0, counts["unsent"] + counts["in_doubt"], 0), "repeated: other figures")
    check_rows(b)


@row("a run that ends while its COMMITs wait; they did not take effect, and one row is refused")
def unsent_in_doubt_aborted(b):
    """The frames are stored as they were; one with a refused row, message by message."""
    pg = b.postgres_with_tables("""
        CREATE TABLE flag (one int);
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF EXISTS (SELECT FROM flag) THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON loadgen_ledger
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()""")
    b.start_under_load("--rps=1000", "--duration=3", "--drain-timeout=1",
                       f"--unsent={b.dir}/unsent.jsonl")
    pg.psql("INSERT INTO flag VALUES (1)")
    sleeping = "wait_event = 'PgSleep'"
    until(lambda: pg.pids(sleeping), "a COMMIT that sleeps")
    b.judge(exits=(3,), limit=25, audited=False)
    pg.terminate(sleeping)
    until(lambda: not pg.pids(sleeping), "their end")
    pg.psql("DELETE FROM flag")
    frame = max(check_letters(b).values(), key=len)
    # The first one's own id is the frame's; one in the middle has its own.
    bad = sorted({frame[0]["sequence"], frame[len(frame) // 2]["sequence"]})
    listed = ", ".join(map(str, bad))
    pg.psql(f"ALTER TABLE messages ADD CONSTRAINT no CHECK (sequence NOT IN ({listed})) NOT VALID")
    counts = b.result["counts"]
    left = counts["unsent"] + counts["in_doubt"]
    b.check(replay(b) == (left - len(bad), 0, len(bad)), "replay tells other figures")
    check_rows(b, missing=len(bad))
    pg.psql("ALTER TABLE messages DROP CONSTRAINT no")
    b.check(replay(b) == (len(bad), left - len(bad), 0), "repeated: other figures")
    check_rows(b)
    b.check(replay(b) == (0, left, 0), "repeated again: other figures")
    check_rows(b)


@row("the same, and the file is cut within a frame")
def unsent_in_doubt_torn(b):
    """A frame that is not whole is skipped, and told: under its id it would stand for all."""
    unsent_in_doubt_committed(b)
    lines = b.read("unsent.jsonl").splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if "frame" in json.loads(line))
    rows = json.loads(lines[last])["frame"]["rows"]
    with open(f"{b.dir}/unsent.jsonl", "w", encoding="utf-8") as file:
        file.writelines(lines[:last - rows + 1] + lines[last - rows + 2:])  # without its first
    done = b.run_app("replay", f"{b.dir}/unsent.jsonl", f"--db={b.database.address()}")
    b.check(f"Skipped lines: {rows - 1}\n" in done.stdout, f"replay: {done.stdout!r}")
    b.check(rows == 1 or "can only be sent whole" in done.stderr, f"replay: {done.stderr!r}")
    check_rows(b)
