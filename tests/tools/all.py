#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run tools: the tests with tools of others, one after the other; a skip says what is missing.

    all.py [ovs|dpdk_tools|devbind|libvirt_xml|prometheus]...
"""

import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../vm")

import children  # noqa: E402


def run(path):
    """One program; [passed, failed, skipped] of its last line."""
    process = children.start(["/usr/bin/python3", "-B", path], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    last = ""
    try:
        for last in process.stdout:
            print(last, end="", flush=True)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()  # it ends what it has started
            process.wait()
    match = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped\n", last)
    return [int(n) for n in match.groups()] if match and code in (0, 1, 77) else [0, 1, 0]


def main():
    children.leave_with_statements_on_signals()
    there = {os.path.basename(path)[5:-3]: path for path in sorted(glob.glob(f"{HERE}/test_*.py"))}
    names = sys.argv[1:] or list(there)
    unknown = [name for name in names if name not in there]
    if unknown:
        sys.exit(f"there is no test {unknown[0]}; there are: {' '.join(there)}")
    sums = [0, 0, 0]
    for name in names:
        print(f"==== {name}", flush=True)
        sums = [a + b for a, b in zip(sums, run(there[name]))]
    print(f"\nall: {sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    sys.exit(1 if sums[1] else 0)


if __name__ == "__main__":
    main()
