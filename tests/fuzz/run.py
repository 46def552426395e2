#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a libFuzzer program for a while, from seeds written as hexadecimal bytes.

    run.py PROGRAM SEEDS [SECONDS]

SECONDS: 15, or 120 with PVN_LONG=1. SEEDS is a folder of *.hex files: bytes as two digits, the rest
of a line after '#' is a comment. What the fuzzer finds is kept beside PROGRAM, in PROGRAM.found, and
is where the next run begins; an input that breaks a rule is printed as such a file.
"""

import pathlib
import subprocess
import sys
import tempfile
import os


def seed_bytes(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return bytes.fromhex(" ".join(line.partition("#")[0] for line in lines))


def as_seed(data):
    digits = data.hex(" ")
    return "\n".join(digits[i:i + 96] for i in range(0, len(digits), 96))


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    seeds = sorted(pathlib.Path(sys.argv[2]).glob("*.hex"))
    usual = 120 if os.environ.get("PVN_LONG") else 15
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else usual
    if not seeds:
        sys.exit(f"run.py: no *.hex in {sys.argv[2]}")
    found = program.with_suffix(".found")
    found.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temp:
        corpus = pathlib.Path(temp) / "seeds"
        corpus.mkdir()
        for path in seeds:
            (corpus / path.stem).write_bytes(seed_bytes(path))
        # Leaks are looked for at the end only: no allocation outlives an input.
        status = subprocess.run(
            [program, f"-max_total_time={seconds}", "-timeout=5", "-max_len=1024",
             "-print_final_stats=1", f"-artifact_prefix={temp}/", found, corpus],
            check=False).returncode
        for path in pathlib.Path(temp).glob("*-*"):
            print(f"\n{path.name}, as a seed for {sys.argv[2]}:\n{as_seed(path.read_bytes())}")
    sys.exit(status)


if __name__ == "__main__":
    main()
