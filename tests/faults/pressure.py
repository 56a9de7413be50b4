"""What the program needs from its surroundings runs out in mid-run: room on stderr."""

import time

from harness import row, until


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
