# SPDX-License-Identifier: BSD-3-Clause
"""Breaks the data paths on purpose, and demands that the tests notice.

    sudo ./run break            every fault of faults.py and lessons.py, one after the other
    sudo ./run break NAME...    only these; a wire's name stands for all of its faults
    ./run break --list          what they are, and which tests must notice

Works on a copy of the sources in build-break/, never on yours. For each fault, every test of its
path must fail: a test that passes on a broken driver tests nothing, and is named here.
"""

import argparse
import concurrent.futures
import filecmp
import os
import pathlib
import re
import shutil
import subprocess
import sys

import faults
import lessons

FAULTS = faults.FAULTS | lessons.FAULTS
PATHS = faults.PATHS | lessons.PATHS

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "build-break"
TIMEOUT, TIMEOUT_C = 600, 60  # a broken driver may hang its test; those in C take seconds


def run(*args, **kwargs):
    return subprocess.run(args, cwd=COPY, capture_output=True, text=True, check=False, **kwargs)


def copy_source(name):
    """As it is here; with a new date, or what was built of a broken one would be newer."""
    to = COPY / name
    if to.exists() and filecmp.cmp(ROOT / name, to, shallow=False):
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, to)
    shutil.copymode(ROOT / name, to)


def copy_sources():
    """All that git knows, or would take; deps is shared."""
    COPY.mkdir(exist_ok=True)
    names = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others",
                            "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in names.stdout.splitlines():
        if (ROOT / name).is_file():
            copy_source(name)
    if not (COPY / "deps").is_symlink():
        (COPY / "deps").symlink_to(ROOT / "deps")


def build(tests):
    """What these tests need: a C test itself and the driver, one that runs programs everything."""
    if not (COPY / "build" / "build.ninja").exists():
        run("meson", "setup", "build").check_returncode()
    targets = {"all" if test.case else f"tests/{test.program}" for test in tests}
    targets.add("pmds/librte_net_pvn_vmxnet3.so")
    done = run("ninja", "-C", "build", *sorted(targets))
    if done.returncode != 0:
        sys.exit(f"the copy does not build:\n{done.stdout[-3000:]}")


def command(test):
    """How a test is run: the C ones are built, the Python ones take their case."""
    if test.program.endswith(".py"):
        return ["/usr/bin/python3", "-B", f"tests/{test.program}", test.case]
    return [str(COPY / "build/tests" / test.program)]


def passes(test):
    """Whether a test passes, or any case of it. One that hangs does not; a skip tells nothing."""
    env = dict(os.environ, PVN_PMD=str(COPY / "build/pmds/librte_net_pvn_vmxnet3.so"),
               PVN_BUILD=str(COPY / "build"), PVN_NICS=str(COPY / "docs/nics"))
    words = command(test)
    try:
        done = run(*words, env=env, timeout=TIMEOUT_C if len(words) == 1 else TIMEOUT)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode == 77:
        sys.exit(f"{test} cannot run here:\n{done.stdout[-1000:]}")
    return done.returncode == 0 or re.search(r"^PASS ", done.stdout, re.M) is not None


def passing(tests):
    """Those that pass, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as two:
        return [test for test, passed in zip(tests, two.map(passes, tests)) if passed]


def broken(name):
    """The source of a fault's file with its line replaced."""
    fault = FAULTS[name]
    source = (ROOT / fault.file).read_text(encoding="utf-8")
    if source.count(fault.line) != 1:
        sys.exit(f"{name}: its line is not found once in {fault.file}: update scripts/faults.py, "
                 "or lessons.py")
    return source.replace(fault.line, fault.replacement)


def try_fault(name):
    """True if every test noticed."""
    fault = FAULTS[name]
    print(f"{name}:", end=" ", flush=True)
    (COPY / fault.file).write_text(broken(name), encoding="utf-8")
    try:
        build(PATHS[fault.path])
        blind = passing(PATHS[fault.path])
    finally:
        copy_source(fault.file)
    print("every test noticed" if not blind else
          f"NOT NOTICED by {', '.join(map(str, blind))}", flush=True)
    return not blind


def check_sound(names):
    """Every test that is to fail passes as long as nothing is broken."""
    tests = list(dict.fromkeys(test for name in names for test in PATHS[FAULTS[name].path]))
    build(tests)
    failing = set(tests) - set(passing(tests))
    if failing:
        sys.exit(f"{', '.join(map(str, failing))}: fails on sound sources already: ./run test")


def choose(words):
    """Names of faults out of names, and of wires, which stand for all of theirs."""
    wires = {path.split()[0] for path in PATHS}
    unknown = set(words) - set(FAULTS) - wires
    if unknown:
        sys.exit(f"no such fault: {' '.join(unknown)}; there are: {' '.join(FAULTS)}; and, for "
                 f"all of a wire: {' '.join(sorted(wires))}")
    return [name for name, fault in FAULTS.items()
            if not words or name in words or fault.path.split()[0] in words]


def can_run(names):
    """Without the faults in code for another processor than this one, which are told."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    for name in names:
        if FAULTS[name].cpu and FAULTS[name].cpu not in cpu:
            print(f"{name}: left out, this processor has no {FAULTS[name].cpu}")
    return [name for name in names if not FAULTS[name].cpu or FAULTS[name].cpu in cpu]


def show(name):
    fault = FAULTS[name]
    print(f"{name}, in {fault.file}:\n  - {fault.line.strip()}\n  + {fault.replacement.strip()}\n"
          f"  noticed by {', '.join(map(str, PATHS[fault.path]))}")


def main():
    parser = argparse.ArgumentParser(prog="./run break")
    parser.add_argument("--list", action="store_true", help="name the faults and their lines")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these faults, or wires")
    args = parser.parse_args()
    names = can_run(choose(args.names))
    for name in names:
        broken(name)  # the table is right, before anything takes its time
    if args.list:
        for name in names:
            show(name)
        return
    copy_sources()
    check_sound(names)
    missed = [name for name in names if not try_fault(name)]
    print(f"{len(names) - len(missed)} faults noticed, {len(missed)} not")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
