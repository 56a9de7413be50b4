"""Sessions that are let in and hear nothing: each step ends in a true report, in a stated time."""

import json
import signal
import subprocess
import threading
import time

from databases import CANARY, Postgres
from harness import ENVIRONMENT, row
from proxy import Proxy

COPY_DONE = b"c\0\0\0\4"  # the message that asks for the commit


def silent_proxy(b, request=None):
    """Silent from this request on; without one, from the first byte."""
    pg = b.database if isinstance(b.database, Postgres) else b.postgres()
    proxy = Proxy(pg.port)
    if request is None:
        proxy.set_mode("blackhole")
    else:
        proxy.silent_at(request)
    # Without connect_timeout, libpq waits for ever.
    return pg.address("127.0.0.1", proxy.port) + "?connect_timeout=0"


def cannot_start(b, address):
    b.start("--count=1000", "--connect-wait=2s", db=address)
    b.end((1,), 8)  # a set-up has 5 s at least
    b.check("did not answer within 5s (--connect-wait)" in b.read("stderr"),
            f"stderr: {b.read('stderr')!r}")
    result = json.loads(b.read("result.json") or "{}")
    b.check(result.get("failure") is not None, "the result tells no failure")


@row("silence from the first byte")
def silent_connect(b):
    """Not even the start-up packet is answered."""
    cannot_start(b, silent_proxy(b))


@row("silence at the SET of a consumer's session")
def silent_set(b):
    """The set-up went well; the first session that is to write does not come to be."""
    cannot_start(b, silent_proxy(b, b"SET synchronous_commit"))


@row("silence at each write, --timeout=1s")
def silent_write(b):
    """The drain timeout ends it; nothing is stored, and that is said."""
    b.start("--rps=1000", "--duration=1", "--timeout=1s", "--drain-timeout=3s",
            f"--unsent={b.dir}/unsent.jsonl", db=silent_proxy(b, b"note_frame"))
    b.judge(exits=(3,), limit=12)
    b.check(b.result["counts"]["unsent"] == b.result["counts"]["produced"],
            "not everything is unsent")


@row("silence at each commit, --timeout=1s")
def silent_commit(b):
    """The server may have done it, for all that is known."""
    b.start("--rps=1000", "--duration=1", "--timeout=1s", "--drain-timeout=3s",
            f"--unsent={b.dir}/unsent.jsonl", db=silent_proxy(b, COPY_DONE))
    b.judge(exits=(3,), limit=12)
    b.check(b.result["counts"]["in_doubt"] > 0, "nothing is in doubt")


@row("silence at the audit, --timeout=1s")
def silent_audit(b):
    """All is stored, which nobody can confirm."""
    b.start("--rps=1000", "--duration=1", "--timeout=1s", db=silent_proxy(b, b"FETCH"))
    b.judge(exits=(1,), limit=20, audited=False)
    b.check(b.result["counts"]["stored"] == b.result["counts"]["produced"] > 0,
            "not everything is stored")
    b.check("did not answer within 1s (--timeout)" in b.result["failure"]["message"],
            f"failure: {b.result['failure']}")


@row("silence at verify, and a signal", variants=("to_the_end", "SIGTERM"))
def silent_verify(b, end):
    """It ends as soon as a set-up does, and by a signal at once."""
    with subprocess.Popen([b.app, "verify", f"--db={silent_proxy(b)}"], cwd=b.dir, env=ENVIRONMENT,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        began = time.monotonic()
        if end == "SIGTERM":
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
        try:
            said = process.communicate(timeout=60)[1]
        finally:
            process.kill()
        b.seconds, b.exit = time.monotonic() - began, process.returncode
    b.check(b.exit == (-signal.SIGTERM if end == "SIGTERM" else 1), f"exit {b.exit}")
    b.check(b.seconds < (3 if end == "SIGTERM" else 13), f"took {b.seconds:.1f} s")
    b.check(end == "SIGTERM" or "did not answer within 10s (--connect-wait)" in said, f"stderr: {said!r}")
    b.check(CANARY not in said, "the password is shown")


@row("silence at replay, at its first step or at its writes")
def silent_replay(b):
    """It ends as soon as a set-up does; an attempt to write ends, too, and then another succeeds."""
    pg = b.postgres()
    b.start("--rps=1000", "--duration=1", "--timeout=1s", "--drain-timeout=2s",
            "--unsent=unsent.jsonl", db=silent_proxy(b, b"note_frame"))
    b.judge(exits=(3,), limit=12)
    done = b.run_app("replay", f"{b.dir}/unsent.jsonl", f"--db={silent_proxy(b)}",
                     "--connect-wait=2s")
    b.check("did not answer within 5s (--connect-wait)" in done.stderr, f"said {done.stderr!r}")
    proxy = Proxy(pg.port)
    proxy.silent_at(b"note_frame")
    threading.Timer(2.5, proxy.silent_at, (None,)).start()
    done = b.run_app("replay", f"{b.dir}/unsent.jsonl", "--timeout=1s",
                     f"--db={pg.address('127.0.0.1', proxy.port)}")
    b.check(done.returncode == 0, f"replay: exit {done.returncode}: {done.stderr!r}")
    rows, distinct = pg.count_rows(b.result["run_id"])
    b.check(rows == distinct == b.result["counts"]["produced"], f"{rows} rows in the table")


@row("the session reset, once", variants=("set_up", "record_start", "audit", "record_end"))
def lost_session(b, step):
    """It is tried again over another one."""
    pg = b.postgres()
    proxy = Proxy(pg.port)
    proxy.reset_once_at({"set_up": b"pg_advisory_xact_lock", "audit": b"FETCH",
                         "record_start": b"INSERT INTO loadgen_runs",
                         "record_end": b"UPDATE loadgen_runs"}[step])
    b.start("--rps=1000", "--duration=1", db=pg.address("127.0.0.1", proxy.port))
    b.judge(limit=20)
    b.check(proxy.was_reset(), "no session was reset")
    b.check(pg.unended() == 0, "the result is not recorded")


@row("what the server says at login, and to statements")
def server_notices(b):
    """None of it reaches the terminal, nor any control character in it."""
    pg = b.postgres()
    b.start("--count=1000", db=pg.address() + "&options=-cclient_min_messages%3Ddebug5")
    b.judge(limit=20)
    b.check(b.read("stderr") == "", f"stderr: {b.read('stderr')[:200]!r}")
