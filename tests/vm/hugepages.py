# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages of 2 MiB of this machine, for as long as a test needs them."""

import contextlib
import fcntl

from errors import Missing

RESERVED = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def change(count):
    """So many more, or fewer; how many more there are. Tests run side by side: each adds and takes
    away its own, and none goes back to what it once saw."""
    with open(RESERVED, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = int(file.read())
        file.seek(0)
        file.write(str(max(0, before + count)))
        file.flush()
        file.seek(0)
        return int(file.read()) - before


@contextlib.contextmanager
def huge_pages(count):
    """So many more of them; root."""
    try:
        got = change(count)
    except PermissionError as error:
        raise Missing("huge pages are reserved as root") from error
    try:
        if got < count:
            raise Missing(f"{count} huge pages of 2 MiB cannot be had: memory is short")
        yield
    finally:
        change(-got)
