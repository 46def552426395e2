# SPDX-License-Identifier: BSD-3-Clause
"""How far the two processors of a measurement were from each other, before it and after it.

The processors of a virtual machine are moved about by its host: two threads of a core at one moment,
cores of two sockets at the next, and a cache line costs ten times more on its way then. Numbers are
compared only with numbers taken at the same distance.
"""

import subprocess

from ports import BUILD

# Cycles of a line there and back, up to which the processors count as so far apart.
CLASSES = {"one core": 500, "one cache": 1300, "far": float("inf")}
MIXED = "moved meanwhile"
PLACES = [*CLASSES, MIXED]  # columns of a table


def distance():
    """Which of CLASSES processors 0 and 1 are in now."""
    done = subprocess.run([f"{BUILD}/bench/distance", "0", "1"], capture_output=True, text=True,
                          check=True)
    return next(name for name, most in CLASSES.items() if int(done.stdout) <= most)


def at_distance(measure, *args):
    """What measure(*args) gave, and the distance if that was one."""
    before = distance()
    result = measure(*args)
    return result, before if distance() == before else MIXED
