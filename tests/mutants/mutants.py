#!/usr/bin/env python3
"""Breaks one conservation term after the other and expects the tests to notice.

    tests/mutants/mutants.py BUILD_DIR [NAME...]

Each mutant counts one message too many, or one too few, in one place. It is written into the
source tree, built, and taken back. A mutant that survives, or a line that is not found any more, is
a failure: then a test is missing, or the table below is out of date."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = "limiter*,producer*,consumer*,leftovers*,lane*,run:*,sampler*"

# name: file, the line as it is, the term in it.
TERMS = {
    "scheduled": ("limiter/token_bucket.cpp", "return {scheduled, skipped_};", "scheduled"),
    "skipped": ("limiter/token_bucket.cpp", "skipped_ += keep_from - next_;", "keep_from - next_"),
    "skipped_at_close": ("limiter/token_bucket.cpp",
                         "if (due > next_) skipped_ += due - std::exchange(next_, due);",
                         "due - std::exchange(next_, due)"),
    "produced": ("producer/producer_account.cpp", "sample.produced += count;", "count"),
    "dropped_by_channel": ("producer/producer_account.cpp",
                           "sample.ends[Fate::kDropped] += result.dropped;", "result.dropped"),
    "lost_by_channel": ("producer/producer_account.cpp",
                        "sample.ends[part.fate] += part.messages.size();",
                        "part.messages.size()"),
    "stored": ("consumer/consumer_account.cpp",
               "sample.ends[Fate::kStored] += messages.size();", "messages.size()"),
    "dead_lettered": ("consumer/consumer_account.cpp",
                      "count(Fate::kDeadLettered, messages.size());", "messages.size()"),
    "dropped_late": ("consumer/consumer_account.cpp", "count(Fate::kDropped, late);", "late"),
    "left_by_courier": ("consumer/consumer_account.cpp", "count(fate, messages.size());",
                        "messages.size()"),
    "left_over": ("lane/leftovers.cpp", "result_.ends[lost.fate] += lost.messages.size();",
                  "lost.messages.size()"),
    "doubtful_frame": ("lane/leftovers.cpp",
                       "for (const LostMessages& part : open) "
                       "result_.ends[Fate::kInDoubt] += part.messages.size();",
                       "part.messages.size()"),
    "spooled": ("lane/leftovers.cpp", "result_.ends[Fate::kSpooled] = custody_.kept();",
                "custody_.kept()"),
    "salvaged_in_doubt": ("lane/leftovers.cpp",
                          "result_.ends[Fate::kInDoubt] += messages.size();", "messages.size()"),
    "merged": ("stats/sample.cpp", "produced += other.produced;", "other.produced"),
}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def survives(build, path, line, broken):
    source = path.read_text(encoding="utf-8")
    if source.count(line) != 1:
        return f"not found exactly once in {path.name}: {line}"
    try:
        path.write_text(source.replace(line, broken), encoding="utf-8")
        built = run("ninja", "-C", build, "loadgen_tests")
        if built.returncode != 0:
            return "does not build:\n" + built.stdout[-2000:]
        tests = run("timeout", "60", f"{build}/tests/loadgen_tests", f"-tc={TESTS}")
        return "SURVIVED" if tests.returncode == 0 else None
    finally:
        path.write_text(source, encoding="utf-8")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build, names = sys.argv[1], sys.argv[2:] or list(TERMS)
    failed = 0
    for name in names:
        file, line, term = TERMS[name]
        for change in ("+ 1", "- 1"):
            broken = line.replace(term, f"({term}) {change}")
            problem = survives(build, ROOT / "internal" / file, line, broken)
            print(f"{name} {change}: {problem or 'killed'}", flush=True)
            failed += problem is not None
    run("ninja", "-C", build, "loadgen_tests")
    sys.exit(f"{failed} mutants were not killed" if failed else None)


if __name__ == "__main__":
    main()
