#!/usr/bin/env python3
"""Breaks the database under a run and checks that the run's account of it is true.

A row is a name, the start of one, or a pattern; --all runs the slow ones, too.
"""

import argparse
import contextlib
import fnmatch
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import limits  # registers its rows, as the next seven do
import machine
import pressure
import refusals
import silence
import spooling
import strangers
import stress
import unsent
from databases import Postgres, Skip
from harness import METHODS, ROWS, Bench, row, until
from proxy import Proxy

assert limits and machine and pressure and refusals and spooling and strangers and unsent

# The server goes away.


@row("5 immediate restarts, 0.5 s apart")
def restart_immediate_x5(b):
    """Crashes of the server, however often, lose nothing."""
    pg = b.postgres()
    b.start_under_load("--rps=5000", "--duration=8")
    for _ in range(5):
        pg.stop("immediate")
        pg.start()
        time.sleep(0.5)
    b.judge(limit=45)
    b.retried()


@row("a fast restart")
def restart_fast(b):
    """A clean restart ends sessions with a message, not with silence."""
    pg = b.postgres()
    b.start_under_load("--rps=2000", "--duration=3")
    pg.stop("fast")
    pg.start()
    b.judge(limit=30)
    b.retried()


@row("kill -9 of a backend: all sessions end and the server recovers")
def kill9_backend(b):
    """One killed backend makes the server throw out all."""
    pg = b.postgres()
    b.start_under_load("--rps=2000", "--duration=3")
    os.kill(pg.pids()[0], signal.SIGKILL)
    b.judge(limit=30)
    b.retried()


@row("kill -9 of the postmaster, then a start")
def kill9_postmaster_and_restart(b):
    """Orphaned backends may still commit; nothing is stored twice."""
    pg = b.postgres()
    b.start_under_load("--rps=2000", "--duration=3")
    pg.kill9()
    pg.start()
    b.judge(limit=30)
    b.retried()


@row("all backends terminated each 200 ms for 3 s")
def terminate_backends_every_200ms(b):
    """Sessions that never live long still make progress."""
    pg = b.postgres()
    b.start_under_load("--rps=2000", "--duration=4")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        pg.terminate()
        time.sleep(0.2)
    b.judge(limit=40)
    b.retried()


def down_for(b, seconds, *options):
    pg = b.postgres()
    b.start_under_load("--rps=1000", *options)
    pg.stop("immediate")
    time.sleep(seconds)
    pg.start()
    b.judge(limit=seconds + 40)
    b.retried()


@row("down for 5 s")
def down_for_5s(b):
    """An outage delays messages; none is dead-lettered. No dead connection costs a probe."""
    down_for(b, 5, "--duration=4", "--consumers=16")


@row("down for 60 s", slow=True)
def down_for_60s(b):
    """A long outage, too."""
    down_for(b, 60, "--duration=4", "--drain-timeout=100s")


@row("not there at the start, appears after 3 s")
def absent_at_start_appears_after_3s(b):
    """A run may be started before its database."""
    b.database = Postgres()
    b.start("--rps=1000", "--duration=2")
    time.sleep(3)
    b.database.start()
    b.judge(limit=20)


@row("down for the rest, SIGTERM after 2 s, --drain-timeout=3s")
def down_for_rest_sigterm(b):
    """What cannot be written is counted, not waited for."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=30", "--drain-timeout=3s")
    pg.stop("immediate")
    time.sleep(2)
    b.process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        b.process.wait(15)
    took = time.monotonic() - told
    b.check(took < 5, f"ended {took:.1f} s after SIGTERM")
    pg.start()
    b.judge(exits=(1, 3, 143), audited=False)
    counts = b.result["counts"]
    b.check(counts["unsent"] + counts["in_doubt"] > 0, "nothing is unsent or in doubt")


# A commit without an answer.


def commit_waits_and_dies(b, *options):
    """COMMIT is done, but waits for a standby that never comes, and its backend is ended."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=3", *options)
    pg.psql("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    pg.psql("SELECT pg_reload_conf()")
    waiting = "wait_event = 'SyncRep'"
    until(lambda: pg.pids(waiting), "a COMMIT that waits")
    time.sleep(0.2)
    b.check(pg.terminate(waiting) > 0, "no backend was terminated")
    pg.psql("ALTER SYSTEM RESET synchronous_standby_names")
    pg.psql("SELECT pg_reload_conf()")


@row("backend ended in COMMIT, which took effect")
def in_doubt_committed(b):
    """The ledger knows that the frame is stored."""
    commit_waits_and_dies(b)
    b.judge(limit=30)
    b.check(b.result["counts"]["duplicates_suppressed"] > 0, "no duplicate was suppressed")
    b.check("in_doubt" in b.classes(), "nothing was in doubt")


@row("the same without a ledger: more rows than messages")
def ledger_off_shows_duplicates(b):
    """Proves that the rows in doubt would catch a missing ledger; who asked for that is content."""
    commit_waits_and_dies(b, "--delivery=at-least-once")
    b.judge(limit=30, duplicates=True)
    counts, audit = b.result["counts"], b.result["audit"]
    b.check(b.rows > counts["stored"], "no row is there twice")
    b.check(b.rows - counts["stored"] == audit["duplicated"], "the audit saw others")
    # Each consumer had one frame in doubt at most, and wrote none more than twice.
    b.check(audit["duplicated"] <= 5 * 500, f"{audit['duplicated']} duplicates")
    b.check(audit["passed"] is True, f"audit.passed is {audit['passed']}")
    b.check(counts["duplicates_suppressed"] == 0, "something was suppressed")


@row("backend ended in COMMIT, which did not take effect", variants=METHODS)
def in_doubt_aborted(b, method):
    """The ledger knows that the frame is not stored."""
    pg = b.postgres_with_tables("""
        CREATE TABLE flag (one int);
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF EXISTS (SELECT FROM flag) THEN PERFORM pg_sleep(1); END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON loadgen_ledger
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()""")
    b.start_under_load("--rps=1000", "--duration=3", f"--insert={method}")
    pg.psql("INSERT INTO flag VALUES (1)")
    sleeping = "wait_event = 'PgSleep'"
    for _ in range(3):
        until(lambda: pg.pids(sleeping), "a COMMIT that sleeps")
        pg.terminate(sleeping)
    pg.psql("DELETE FROM flag")
    b.judge(limit=30)
    b.check("in_doubt" in b.classes(), "nothing was in doubt")


# The network.


def through_proxy(b, *options, zombie_s=0.0):
    pg = b.postgres()
    proxy = Proxy(pg.port, zombie_s=zombie_s)
    b.start_under_load(*options, db=pg.address("127.0.0.1", proxy.port))
    return proxy


@row("what is sent vanishes for 4 s, --timeout=1s", variants=METHODS)
def proxy_blackhole_then_heal(b, method):
    """Connections that lived through it stay dead: only the watchdog can end their writes."""
    proxy = through_proxy(b, "--rps=1000", "--duration=4", "--timeout=1s", f"--insert={method}")
    proxy.set_mode("blackhole")
    time.sleep(4)
    proxy.set_mode("pass")
    b.judge(limit=40)
    proxy.close()
    b.retried()
    b.check("timeout" in {error["code"] for error in b.result["errors"]},
            "the watchdog had nothing to do")
    # COPY asks whether it may begin, and hears nothing; an INSERT is its own commit.
    b.check(method == "copy" or "in_doubt" in b.classes(), "nothing was in doubt")


@row("what is sent vanishes for good, new sessions are let in and hear nothing")
def proxy_silent_for_good(b):
    """The run ends by its drain timeout, in a true report, with all that is left in --unsent."""
    proxy = through_proxy(b, "--rps=1000", "--duration=2", "--timeout=1s", "--drain-timeout=4s",
                          f"--unsent={b.dir}/unsent.jsonl")
    proxy.set_mode("blackhole")
    b.judge(exits=(1,), limit=45, audited=False)  # nobody answers the audit either
    proxy.close()
    counts, lines = b.result["counts"], len(b.read("unsent.jsonl").splitlines())
    b.check(lines >= counts["unsent"] > 0, f"{lines} lines for {counts['unsent']} unsent")


@row("answers vanish for 4 s, --timeout=1s, the server learns of it 10 s later", variants=METHODS)
def proxy_mute_zombies(b, method):
    """Transactions of dead connections committed unheard, or live on and hold the ledger."""
    proxy = through_proxy(b, "--rps=1000", "--duration=4", "--timeout=1s", "--drain-timeout=40s",
                          f"--insert={method}", zombie_s=10)
    proxy.set_mode("mute")
    time.sleep(4)
    proxy.set_mode("pass")
    b.judge(limit=60)
    proxy.close()
    b.retried()
    b.check(method == "copy" or b.result["counts"]["duplicates_suppressed"] > 0,
            "no duplicate was suppressed")


@row("all connections reset each 300 ms for 3 s")
def proxy_reset_storm(b):
    """RST at any moment of the protocol."""
    proxy = through_proxy(b, "--rps=2000", "--duration=4")
    for _ in range(10):
        proxy.reset_all()
        time.sleep(0.3)
    b.judge(limit=40)
    proxy.close()
    b.retried()


@row("the answer to COMMIT cut after each of its bytes",
     variants=("copy", "multi", "unnest", "single"))
def commit_answer_cut(b, method):
    """However much of it arrives: what is not known to be stored is in doubt, and is stored."""
    proxy = through_proxy(b, "--rps=1000", "--duration=0", f"--insert={method}")
    cuts, length = 0, 0
    while cuts <= length:
        length = len(proxy.cut_answer(cuts))
        cuts += 1
        time.sleep(0.04)  # others succeed meanwhile, and the breaker stays closed
    b.process.send_signal(signal.SIGTERM)
    b.judge()
    proxy.close()
    doubts = sum(error["count"] for error in b.result["errors"] if error["class"] == "in_doubt")
    # A COPY is over with CommandComplete, before ReadyForQuery.
    b.check(doubts >= length - 6, f"{doubts} commits in doubt, {cuts} cut")
    b.check(b.result["counts"]["duplicates_suppressed"] > 0, "no duplicate was suppressed")


def own_copy(app, folder):
    """Of the program: it may be rebuilt meanwhile."""
    for _ in range(60):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            copy = shutil.copy(app, f"{folder}/app")
            subprocess.run([copy, "--version"], check=True, capture_output=True)
            return copy
        time.sleep(1)
    sys.exit(f"faults.py: {app} cannot be run")


def run_row(app, name):
    """Returns "PASS", "FAIL" or "SKIP"."""
    function, injected, _ = ROWS[name]
    b = Bench(app)
    result = None
    try:
        function(b)
        b.check_secrets()
    except Skip as skip:
        result = f"SKIP {skip}"
    except Exception as error:  # pylint: disable=broad-except # the other rows are to run
        b.problems.append(f"{type(error).__name__}: {error}")
    finally:
        b.close()
    result = result or ("FAIL " + "; ".join(b.problems + [f"see {b.dir}"]) if b.problems
                        else "PASS")
    print(f"{name:<34} {injected} | {b.law} | exit {b.exit} | {b.seconds:.1f} s | {result}",
          flush=True)
    return result[:4]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("app")
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--stress-seconds", type=float, default=stress.PLAN["seconds"])
    parser.add_argument("--stress-seed", type=int, default=stress.PLAN["seed"])
    given = parser.parse_intermixed_args()
    app = given.app
    stress.PLAN.update(seconds=given.stress_seconds, seed=given.stress_seed)
    names = [name for name, (_, _, slow) in ROWS.items() if given.all or not slow]
    if given.rows:
        def is_meant(name, one):
            return name == one if one in ROWS else fnmatch.fnmatch(name, one + "*")

        names = [name for name in ROWS if any(is_meant(name, one) for one in given.rows)]
        if not names:
            sys.exit(f"faults.py: no such row; there are: {' '.join(ROWS)}")
    folder = tempfile.mkdtemp(prefix="lgf-app.", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        copy = own_copy(app, folder)
        ends = {name: run_row(copy, name) for name in names}
    finally:
        for path in (folder, Postgres.template):
            if path is not None:
                shutil.rmtree(path, ignore_errors=True)
    told = [f"{len(names)} rows"]
    for end, word in (("PASS", "passed"), ("FAIL", "FAILED"), ("SKIP", "SKIPPED, not tested")):
        those = [name for name in names if ends[name] == end]
        told.append(f"{len(those)} {word}" + (f": {' '.join(those)}" if end != "PASS" and those
                                              else ""))
    print("; ".join(told))
    sys.exit(1 if "FAIL" in ends.values() else 0)


if __name__ == "__main__":
    main()
