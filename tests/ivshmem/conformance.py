#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The conformance list H1..H59: which test shows what, and that none is missing.

    conformance.py [--all]

A test says it by its name, in C or in Python: h19_..., h19_to_25_..., h49_h57_..., test_h38_...; names
that begin otherwise do not count. Requirements that only a virtual machine or the server can show and
that nobody has registered yet are in PENDING; who adds the test takes the line out. Fails if a number has
neither, or both.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

LIST = {
    1: "create without a name fails", 2: "create succeeds",
    3: "add_memzone(NULL, NULL) fails", 4: "add_memzone(NULL, name) fails",
    5: "add_memzone(mz, NULL) fails", 6: "add_memzone(mz, unknown) fails",
    7: "add_ring(NULL, NULL) fails", 8: "add_ring(NULL, name) fails",
    9: "add_ring(ring, NULL) fails", 10: "add_ring(ring, unknown) fails",
    11: "add_mempool(NULL, NULL) fails", 12: "add_mempool(NULL, name) fails",
    13: "add_mempool(pool, NULL) fails", 14: "add_mempool(pool, unknown) fails",
    15: "arguments into no buffer fail", 16: "arguments into 0 bytes fail",
    17: "arguments without a name fail", 18: "arguments for an unknown name fail",
    19: "a memory zone is added", 20: "a ring is added", 21: "a mempool is added",
    22: "then arguments are generated", 23: "and are not empty",
    24: "dump without a name does not crash", 25: "dump works",
    26: "a new region has the magic", 27: "and the name", 28: "and an empty first entry",
    29: "half of the regions can be made", 30: "all can", 31: "one more cannot",
    32: "the name of another process is refused", 33: "a table can be filled",
    34: "one more object cannot be added", 35: "an object cannot be added twice",
    36: "a name cannot be used twice in one process", 37: "sizes are powers of two",
    38: "generated arguments start QEMU", 39: "generated QMP plugs it in",
    40: "a buffer one byte short is left alone", 41: "names are checked",
    42: "what is refused leaves no trace", 43: "a foreign device is skipped",
    44: "two devices", 45: "an address that is taken is a clean error",
    46: "another layout is refused", 47: "a corrupt header is refused, each field",
    48: "ring, pool and zone are found by name", 49: "100 packets there and back by pointer",
    50: "another order of mempool operations is noticed",
    51: "a guest that is killed costs no buffer", 52: "a host that restarts is noticed",
    53: "read-only regions", 54: "unplugged and plugged again", 55: "doorbells both ways",
    56: "two guests cannot read each other's region", 57: "two plain processes, no VM",
    58: "a pool with a cache for each lcore is refused",
    59: "an exported object is not freed",
}

# Number: where its test is going to be.
PENDING = {}

NAME = re.compile(r"\b(?:test_)?(h\d+(?:_to_\d+|_h\d+)*)_[a-z]\w*")
# What registers a test: cmocka's list, a Python function, meson.
LINE = re.compile(r"^\s*(?:TEST\(|cmocka_unit_test|def )")


def numbers(name):
    """h19_to_25 -> 19..25; h49_h57 -> 49, 57"""
    last = 0
    for to, number in re.findall(r"(_to_)?_?h?(\d+)", name):
        yield from range(last + 1 if to else int(number), int(number) + 1)
        last = int(number)


def found():
    where = {n: [] for n in LIST}
    for path in sorted(ROOT.rglob("*")):
        if path.suffix not in (".c", ".py") or path == pathlib.Path(__file__).resolve():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            match = NAME.search(line) if LINE.match(line) else None
            for n in numbers(match[1]) if match else ():
                if n not in where:
                    sys.exit(f"conformance: {path}: there is no H{n}")
                where[n].append(f"{path.relative_to(ROOT)}: {match[0]}")
    return where


def main():
    where = found()
    missing = [n for n in LIST if not where[n] and n not in PENDING]
    both = [n for n in PENDING if where[n]]
    for n, what in LIST.items():
        tests = sorted(set(where[n])) or [f"pending: {PENDING.get(n, 'NOT THERE')}"]
        print(f"H{n:<3} {what:50} {tests[0]}")
        if "--all" in sys.argv[1:]:
            for test in tests[1:]:
                print(f"{'':55} {test}")
    for n in missing:
        print(f"conformance: no test is named for H{n}: {LIST[n]}")
    for n in both:
        print(f"conformance: H{n} has a test, take it out of PENDING")
    print(f"{len(LIST) - len(missing) - len(PENDING)} of {len(LIST)} have tests, "
          f"{len(PENDING)} are pending, {len(missing)} are missing")
    sys.exit(1 if missing or both else 0)


if __name__ == "__main__":
    main()
