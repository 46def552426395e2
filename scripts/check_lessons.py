# SPDX-License-Identifier: BSD-3-Clause
"""Does docs/design/vmxnet3-lessons.md name tests and faults that exist, and every fault of lessons.py?"""

import pathlib
import re
import sys

import faults
import lessons

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/design/vmxnet3-lessons.md"


def has_case(name):
    """NAME is PROGRAM: FUNCTION, the program below tests/ or, without a folder, tests/device."""
    program, _, function = name.partition(": ")
    if "/" not in program:
        program = f"device/{program}"
    return any(re.search(rf"^(def )?{function}\(", path.read_text(encoding="utf-8"), re.M)
               for ending in (".c", ".py") if (path := ROOT / f"tests/{program}{ending}").exists())


def main():
    known = set(faults.FAULTS) | set(lessons.FAULTS)
    complaints, named = [], set()
    for line in (ROOT / PAGE).read_text(encoding="utf-8").splitlines():
        cells = line.strip("|").split("|")
        if not line.startswith("| ") or cells[1].strip() == "test":
            continue
        cases, breaks = (re.findall("`([^`]+)`", cell) for cell in cells[1:3])
        complaints += [f"no test {name}" for name in cases if not has_case(name)]
        complaints += [f"no fault {name}" for name in breaks if name not in known]
        if not cases:
            complaints.append(f"no test is named: {cells[0].strip()}")
        named.update(breaks)
    complaints += [f"{name} is not named" for name in lessons.FAULTS if name not in named]
    for complaint in complaints:
        print(f"{PAGE}: {complaint}")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
