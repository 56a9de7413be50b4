-- The tables loadgen writes to in SQLite. :"table" stands for the quoted name given by --table.

CREATE TABLE IF NOT EXISTS :"table" (
    id         INTEGER PRIMARY KEY,
    message    VARCHAR(256) NOT NULL,
    created_at INTEGER NOT NULL,  -- microseconds since 1970-01-01 UTC: datetime(created_at / 1e6, 'unixepoch')
    run_id     INTEGER NOT NULL,  -- loadgen_runs.run_id
    sequence   INTEGER NOT NULL,  -- 0, 1, 2, ... within the run
    producer   INTEGER NOT NULL   -- the thread that made the message
);

-- One row for each run: its configuration when it starts, its result when it ends.
CREATE TABLE IF NOT EXISTS loadgen_runs (
    run_id      INTEGER PRIMARY KEY,
    app_version TEXT NOT NULL,
    table_name  TEXT NOT NULL,
    started_at  INTEGER NOT NULL,  -- microseconds since 1970-01-01 UTC
    ended_at    INTEGER,           -- NULL while running, and for ever if the run was killed
    config      TEXT NOT NULL,     -- JSON, the "config" of the result file, and the table's last row before the run
    result      TEXT               -- JSON, the whole result file
);

-- One row for each frame that was committed, in the frame's own transaction: a frame that is written
-- again because its outcome was not known is stored once, also by a later resume or replay. Delete
-- its rows only together with all else of their run: README.md, "Tables".
CREATE TABLE IF NOT EXISTS loadgen_ledger (
    run_id INTEGER NOT NULL,
    frame  INTEGER NOT NULL,  -- sequence of its first message; -1 minus it where replay had to split the frame
    rows   INTEGER NOT NULL,
    PRIMARY KEY (run_id, frame)
) WITHOUT ROWID;
