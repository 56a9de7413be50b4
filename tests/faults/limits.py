"""What never returns, or never comes: a run ends in a true report all the same."""

import json
import os
import time

from harness import row, shim, until


def read_result(b):
    """Where the database cannot be asked: the law and the exit code alone."""
    result = json.loads(b.read("result.json") or "{}")
    b.check(result != {}, "there is no result file")
    if result:
        counts = result["counts"]
        b.law = f"{counts['produced']} = " + " + ".join(
            str(counts[key])
            for key in ("stored", "dead_lettered", "dropped", "spooled", "unsent", "in_doubt"))
        b.check(counts["produced"] == sum(
            counts[key]
            for key in ("stored", "dead_lettered", "dropped", "spooled", "unsent", "in_doubt")),
                "the law is broken")
        b.check(result["exit_code"] == b.exit, "the result tells another exit code")
    return result


@row("a sync of the database's file that never returns")
def stuck_sync_sqlite(b):
    """The thread is left behind; what it holds is in doubt, all else is told and kept."""
    file = b.sqlite()
    b.start("--rps=1000", "--duration=2", "--consumers=2", "--drain-timeout=2",
            f"--unsent={b.dir}/unsent.jsonl", environment={
                **shim(b, "fail_io"), "FAIL_IO": "sync 30 0 0", "FAIL_IO_FILE": file.path,
                "FAIL_IO_TOLD": f"{b.dir}/told"})
    b.end((1,), 15)
    b.check(os.path.exists(f"{b.dir}/told"), "no sync was stuck")
    result = read_result(b)
    if result:
        counts = result["counts"]
        b.check(result["failure"]["code"] == "stuck", f"failure: {result['failure']}")
        b.check(counts["in_doubt"] > 0, "nothing is in doubt")
        lines = len(b.read("unsent.jsonl").splitlines())
        b.check(lines >= counts["unsent"], f"{lines} lines for {counts['unsent']} unsent")


@row("the same, and the report finds no room on stdout")
def stuck_sync_full_stdout(b):
    """Even then the process ends."""
    file = b.sqlite()
    b.start("--rps=1000", "--duration=1", "--drain-timeout=1",
            within=("sh", "-c", 'exec "$@" >/dev/full', "sh"), environment={
                **shim(b, "fail_io"), "FAIL_IO": "sync 30 0 0", "FAIL_IO_FILE": file.path,
                "FAIL_IO_TOLD": f"{b.dir}/told"})
    b.end((1,), 15)
    b.check("app: " in b.read("stderr"), "nobody is told that there was no room")


@row("a synchronous standby that is gone before the run")
def standby_lost_at_start(b):
    """--connect-wait bounds what a COMMIT of the set-up waits for."""
    pg = b.postgres()
    pg.psql("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    pg.psql("SELECT pg_reload_conf()")
    time.sleep(0.3)
    b.start("--rps=1000", "--duration=1", "--connect-wait=1")
    b.end((1,), 20)
    b.check("--connect-wait" in b.read("stderr"), f"stderr: {b.read('stderr')!r}")
    result = read_result(b)
    b.check(result.get("failure") is not None, "the result tells no failure")


@row("a synchronous standby that goes away for good")
def standby_lost_for_good(b):
    """Neither the last frames nor the row of loadgen_runs keep the report back for ever."""
    pg = b.postgres()
    b.start_under_load("--rps=1000", "--duration=3", "--drain-timeout=2",
                       f"--unsent={b.dir}/unsent.jsonl")
    pg.psql("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    pg.psql("SELECT pg_reload_conf()")
    until(lambda: pg.pids("wait_event = 'SyncRep'"), "a COMMIT that waits")
    b.end((3,), 25)
    result = read_result(b)
    if result:
        b.check(result["counts"]["in_doubt"] > 0, "nothing is in doubt")
