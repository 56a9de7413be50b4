"""What the program needs from its surroundings runs out in mid-run: memory, and room on stderr."""

import contextlib
import os
import re
import sqlite3
import subprocess
import time

from harness import row, until


@row("no memory beyond what is used and 0 to 8 MiB more, while the queue fills")
def memory_runs_out_in_mid_run(b):
    """It ends the run, and in a true report."""
    felt = 0
    for spare_kib in (0, 64, 256, 1024, 4096, 8192):
        os.mkdir(f"{b.dir}/{spare_kib}")
        b.sqlite(f"{b.dir}/{spare_kib}")
        b.start_under_load("--rps=100k", "--duration=2", "--message-size=256",
                           "--queue-capacity=500k", "--drain-timeout=5")
        with open(f"/proc/{b.process.pid}/status", encoding="ascii") as status:
            used_kib = int(re.search(r"VmData:\s+(\d+)", status.read())[1])
        most = (used_kib + spare_kib) << 10
        subprocess.run(["prlimit", f"--pid={b.process.pid}", f"--data={most}:{most}"], check=True)
        with contextlib.closing(sqlite3.connect(b.database.path, timeout=5)) as locker:
            locker.execute("BEGIN IMMEDIATE")
            time.sleep(1.5)
        b.judge(exits=(0, 1, 3), limit=20, audited=False)
        if b.problems:
            b.problems[-1] += f" ({spare_kib} KiB to spare)"
            return
        felt += b.exit == 1 and b.result["failure"]["code"] == "memory"
    b.check(felt > 0, "no limit was felt")


@row("stderr is a full pipe that nobody reads, and the server restarts")
def stderr_blocked(b):
    """Log lines find no room; the run, its retries and its report do."""
    pg = b.postgres()
    b.start("--rps=2000", "--duration=3", within=(
        "sh", "-c", f'mkfifo {b.dir}/pipe && exec 3<>{b.dir}/pipe && head -c 65536 /dev/zero >&3 '
                    f'&& exec "$@" 2>{b.dir}/pipe', "sh"))
    until(lambda: b.process.poll() is not None or b.database.number(
        "SELECT count(*) FROM messages") > 50, "the first rows")
    pg.stop("immediate")
    time.sleep(0.5)
    pg.start()
    b.judge(limit=20)
    b.retried()
