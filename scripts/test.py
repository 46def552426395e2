# SPDX-License-Identifier: BSD-3-Clause
"""Runs every test and ends with the line "N passed, N failed, N skipped".

Two meson runs side by side, one per core: the unit and device tests in the sanitizer build, and the
VM tests against the plain build. What failed or was skipped is named with its reason.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# build folder, suites, tests at a time
RUNS = (
    ("build-asan", ("unit", "device", "fuzz"), 1),
    ("build", ("unit", "tools", "device", "xen", "xenstore", "ivshmem", "vm"), 2),
)
PASSED = ("OK", "EXPECTEDFAIL")


def start(build, suites, jobs, env):
    """Starts meson's runner on a build folder; its chatter goes to a file."""
    log = open(ROOT / build / "meson-logs" / "run.txt", "w", encoding="utf-8")
    args = ["meson", "test", "-C", str(ROOT / build), "--no-rebuild",
            "--num-processes", str(jobs)]
    for suite in suites:
        args += ["--suite", suite]
    return subprocess.Popen(args, stdout=log, stderr=subprocess.STDOUT, env=env)


def results(build):
    """One record for each test of the last run of a build folder."""
    path = ROOT / build / "meson-logs" / "testlog.json"
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("}\n")]


def show_progress(runs, seen):
    """Prints a line for each test that ended since the last call."""
    for build, _, _ in runs:
        for record in results(build)[seen.get(build, 0):]:
            seen[build] = seen.get(build, 0) + 1
            print(f"{record['result']:7} {record['duration']:6.1f} s  "
                  f"{build}: {record['name']}", flush=True)


def why_skipped(record):
    """The last line a skipped test printed is its reason."""
    lines = (record.get("stdout", "") + record.get("stderr", "")).strip().splitlines()
    return lines[-1] if lines else "no reason given"


def report(records):
    """Tells what went wrong in full, then the line of sums. True if nothing failed."""
    skipped = [r for r in records if r["result"] == "SKIP"]
    failed = [r for r in records if r["result"] not in PASSED and r["result"] != "SKIP"]
    for record in failed:
        print(f"\n==== {record['name']}: {record['result']}")
        print("\n".join((record.get("stdout", "") + record.get("stderr", "")).splitlines()[-80:]))
    for record in skipped:
        print(f"skipped {record['name']}: {why_skipped(record)}")
    passed = len(records) - len(failed) - len(skipped)
    print(f"\n{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return not failed and passed > 0


def leave(number, _frame):
    """A signal ends the tests that run, by the way out of main()."""
    sys.exit(128 + number)


def main():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, leave)
    parser = argparse.ArgumentParser(prog="./run test")
    parser.add_argument("--long", action="store_true", help="the long counts, not a tenth of them")
    args = parser.parse_args()
    env = dict(os.environ, PVN_LONG="1" if args.long else "",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    for build, _, _ in RUNS:
        (ROOT / build / "meson-logs" / "testlog.json").unlink(missing_ok=True)
    running = [start(*run, env) for run in RUNS]
    seen = {}
    try:
        while any(run.poll() is None for run in running):
            show_progress(RUNS, seen)
            time.sleep(0.5)  # only how often progress is shown
    finally:
        for run in running:
            if run.poll() is None:
                run.terminate()
                run.wait()
    show_progress(RUNS, seen)
    sys.exit(0 if report([r for build, _, _ in RUNS for r in results(build)]) else 1)


if __name__ == "__main__":
    main()
