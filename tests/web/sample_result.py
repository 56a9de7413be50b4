#!/usr/bin/python3
"""A result as a run might give it, for tests of the page: sample_result.py [SECONDS] > result.json

A load of 5000/s for that long, with a warm-up, a database that is away for a while, and losses. Only the keys
that the page reads are there, and the figures fit each other only roughly.
"""

import json
import math
import random
import sys

PARTS = ("schedule_lag", "queue_wait", "batch_wait", "write")


def us(value):
    return round(value, 3)


def at(ordered, percent):
    return ordered[min(len(ordered) - 1, max(0, math.ceil(percent / 100 * len(ordered)) - 1))]


def histogram(values, with_curve=False):
    ordered = sorted(values)
    mean = sum(ordered) / len(ordered)
    part = {
        "count": len(ordered), "min": us(ordered[0]), "mean": us(mean),
        "stddev": us(math.sqrt(sum((value - mean) ** 2 for value in ordered) / len(ordered))),
        **{f"p{percent:g}".replace(".", "_"): us(at(ordered, percent)) for percent in (50, 90, 95, 99, 99.9, 99.99)},
        "max": us(ordered[-1]),
    }
    if with_curve:
        part["percentiles"] = [[percent, us(at(ordered, percent))] for percent in ticks(len(ordered))]
    return part


def ticks(count, per_half=5):
    """HdrHistogram's: five to each half of what is left of 100 %."""
    left, found = 100.0, []
    while left * count >= 100:
        found += [round(100 - left + left / 2 * i / per_half, 10) for i in range(per_half)]
        left /= 2
    return found + [100]


def outage(seconds):
    """When the database is away: from, to."""
    return 0.4 * seconds, 0.4 * seconds + min(8, 0.1 * seconds)


def interval(random_, t, seconds, state):
    down, up = outage(seconds)
    wanted = 5000
    produced = wanted
    is_down = down < t <= up
    stored = 0 if is_down else min(state["queue"] + produced, 14000)
    state["queue"] += produced - stored
    dropped = max(0, state["queue"] - 30000)
    state["queue"] -= dropped
    wait = 1e6 * state["queue"] / 9000
    parts = {
        "schedule_lag": random_.lognormvariate(3.9, 0.2), "queue_wait": random_.lognormvariate(2.2, 0.4) + wait,
        "batch_wait": random_.lognormvariate(7.9, 0.1), "write": random_.lognormvariate(6.9, 0.25),
    }
    responses = sorted(sum(parts.values()) * random_.lognormvariate(-0.1, 0.5) for _ in range(200))
    writes = [parts["write"] * random_.lognormvariate(-0.05, 0.3) for _ in range(40)]
    state["responses"] += [] if is_down else responses
    state["writes"] += [] if is_down else writes
    if not is_down:
        for part, mean in parts.items():
            state["parts"][part].append(mean)
    maybe = (lambda _: None) if is_down else us
    return {
        "t_s": t, "scheduled": wanted, "produced": produced, "stored": stored, "skipped": 0, "dropped": dropped,
        "failed": 0, "queue_depth": state["queue"], "in_flight": random_.randint(0, 60) + (2500 if is_down else 0),
        "rate_wanted": wanted,
        "response_us": {"p50": maybe(at(responses, 50)), "p99": maybe(at(responses, 99)), "max": maybe(responses[-1] * 1.6)},
        "parts_mean_us": {part: maybe(mean) for part, mean in parts.items()},
        "cpu_cores": round(random_.uniform(0.31, 0.36), 4), "producers": 10, "consumers": 5,
    }


def sample_result(seconds=600):
    random_ = random.Random(1)
    state = {"queue": 0, "responses": [], "writes": [], "parts": {part: [] for part in PARTS}}
    samples = [interval(random_, t, seconds, state) for t in range(1, seconds + 1)]
    down, up = outage(seconds)
    total = {key: sum(sample[key] for sample in samples) for key in ("scheduled", "produced", "stored", "dropped")}
    return {
        "schema_version": 1, "run_id": "1882526332489140845", "started_at": "2026-03-01T09:12:44.018Z",
        "ended_at": "2026-03-01T09:22:51.930Z", "app_version": "0.1.0", "exit_code": 3, "interrupted": False,
        "config": {
            "producers": 10, "consumers": 5, "rps": 5000, "duration_s": seconds, "count": None, "burst": None,
            "max_lag_ms": None, "message_size": 64, "seed": 15404939911117912063, "seed_text": "15404939911117912063",
            "queue_capacity": 30000, "on_full": "drop-old", "spool": None, "batch_size": 500, "linger_ms": 5,
            "db": "postgres://bench:***@db.example.com/bench", "table": "messages", "insert": "copy",
            "durability": "full", "delivery": "exactly-once", "retries": None, "retry_delay_ms": [50, 10000],
            "timeout_s": 30, "drain_timeout_s": 20, "verify": "full",
        },
        "environment": {
            "hostname": "load-1", "os": "Linux 6.1.0-18-amd64", "cpu_model": "AMD EPYC 7763 64-Core Processor",
            "cpu_count": 8,
            "database": {"kind": "postgres", "version": "15.6", "durability": {"fsync": "on", "synchronous_commit": "on"}},
        },
        "counts": {
            "scheduled": total["scheduled"], "skipped": total["scheduled"] - total["produced"],
            "produced": total["produced"], "stored": total["stored"], "dead_lettered": 0, "dropped": total["dropped"],
            "spooled": 0, "unsent": 0, "in_doubt": 0, "retried_frames": 31, "duplicates_suppressed": 500,
        },
        "rate": {
            "target_per_s": 5000, "produced_per_s": total["produced"] / seconds,
            "stored_per_s": total["stored"] / seconds, "sustained": False, "sustained_reason": None,
        },
        "time_s": {"produce": float(seconds), "drain": 0.0061, "total": seconds + 0.006, "oldest_not_stored": None},
        "warmup": {"duration_s": 0.05 * seconds, "counts": {"scheduled": 150000, "stored": 150000},
                   "latency_us": {"response": histogram(state["responses"][:2000])}},
        "series": {"interval_s": 1.0, "samples": samples},
        "latency_us": {
            "response": histogram(state["responses"], with_curve=True),
            **{part: histogram(means) for part, means in state["parts"].items()},
            "held_back": histogram([0]),
            "uncorrected": histogram(state["writes"], with_curve=True),
        },
        "queue": {"capacity": 30000, "depth_max": 30000, "depth_mean": 412.7, "blocked_s": 0.0},
        "batches": {"count": 81234, "rows_mean": 36.9, "full": 120, "linger": 81109, "drain": 5},
        "client": {
            "cpu_user_s": 0.24 * seconds, "cpu_system_s": 0.09 * seconds, "max_rss_bytes": 37_224_448,
            "threads": [{"role": "producer", "index": i, "cpu_s": 3.1 + i / 10, "busy_share": 0.006} for i in range(10)]
            + [{"role": "consumer", "index": i, "cpu_s": 30.2 - i, "busy_share": 0.31 - i / 50} for i in range(5)],
            "oversleep_us": {"p50": 57.2, "p99": 181.9},
        },
        "bottleneck": {
            "kind": "database",
            "evidence": "It confirmed nothing for 8.0 s while 30,000 messages waited; otherwise consumers spent 31 % of "
                        "their time in writes.",
        },
        "server": {
            "wal_bytes": 812_345_678, "table_bytes": 300_113_920, "index_bytes": 66_240_512, "checkpoints": 3,
            "per_row": {"wal_bytes": 283.4, "table_bytes": 104.7, "index_bytes": 23.1},
            "settings": {"shared_buffers": "128MB", "wal_compression": "off"}, "notes": ["WAL bytes: of the whole server, so other sessions are included"],
        },
        "events": [
            {"t_s": 0.05 * seconds, "kind": "warmup", "text": "The warm-up ended."},
            {"t_s": down + 0.4, "kind": "breaker", "text": "The circuit breaker opened: 57P01 terminating connection due to administrator command."},
            {"t_s": up + 0.2, "kind": "breaker", "text": "The circuit breaker closed."},
        ],
        "thresholds": [
            {"expression": "p50<20ms", "observed": 3412.5, "unit": "us", "passed": True, "aborted": False},
            {"expression": "p99<50ms", "observed": 1931044.62, "unit": "us", "passed": False, "aborted": False},
            {"expression": "achieved>=99%", "observed": 99.6667, "unit": "percent", "passed": True, "aborted": False},
            {"expression": "write.p99<1s", "observed": None, "unit": "us", "passed": False, "aborted": False},
        ],
        "breaker": {"state": "closed", "transitions": 4, "closed_s": seconds - 7.8, "open_s": 7.3, "half_open_s": 0.5},
        "audit": {"mode": "full", "checked": total["stored"], "lost": 0, "duplicated": 0, "unexpected": 0, "corrupted": 0,
                  "recovered": 0, "passed": True},
        "resumed": [],
        "errors": [
            {"code": "57P01", "class": "connection", "count": 5,
             "message": "FATAL:  terminating connection due to administrator command"},
            {"code": "08006", "class": "connection", "count": 26,
             "message": "connection to server at \"db.example.com\" (10.0.0.7), port 5432 failed: Connection refused"},
        ],
        "failure": None,
        "verdict": "The rate of 5,000 messages a second was not sustained: the bottleneck was the database, which confirmed "
                   "nothing for 8.0 s.",
    }


if __name__ == "__main__":
    json.dump(sample_result(int(sys.argv[1]) if len(sys.argv) > 1 else 600), sys.stdout)
