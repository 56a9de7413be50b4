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
    config      TEXT NOT NULL,     -- JSON, the "config" of the result file
    result      TEXT               -- JSON, the whole result file
);
