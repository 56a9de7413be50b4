"""Sessions that are let in and hear nothing: each step ends in a true report, in a stated time."""

import json

from harness import row
from proxy import Proxy

COPY_DONE = b"c\0\0\0\4"  # the message that asks for the commit


def silent_proxy(b, request=None):
    """Silent from this request on; without one, from the first byte."""
    pg = b.postgres()
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


@row("what the server says at login, and to statements")
def server_notices(b):
    """None of it reaches the terminal, nor any control character in it."""
    pg = b.postgres()
    b.start("--count=1000", db=pg.address() + "&options=-cclient_min_messages%3Ddebug5")
    b.judge(limit=20)
    b.check(b.read("stderr") == "", f"stderr: {b.read('stderr')[:200]!r}")
