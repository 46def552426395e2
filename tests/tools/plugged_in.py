# SPDX-License-Identifier: BSD-3-Clause
"""Programs that find our drivers where DPDK looks for plug-ins by itself, as installed ones are found.

Some of DPDK's tools have no option -d, and a secondary process must load plug-ins in the order of its
primary, since both count mempool handlers in that order. So both run in a mount namespace in which that
folder has DPDK's plug-ins and ours.
"""

import contextlib
import glob
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../xen")

from wire import BUILD  # noqa: E402 (adds tests/vm to the path)
from errors import Missing  # noqa: E402

MOUNT = 'mount -t overlay none -o "lowerdir=$1:$2" "$2"; shift 2; exec "$@"'


@contextlib.contextmanager
def plugged_in(*drivers):
    """Words before a command that make it find these drivers."""
    found = sorted(glob.glob("/usr/lib/*-linux-gnu/dpdk/pmds-*"))
    if not found:
        raise Missing("DPDK's plug-ins are not installed: run ./run setup")
    with tempfile.TemporaryDirectory(prefix="pvn-pmds-") as folder:
        for driver in drivers:
            shutil.copy(f"{BUILD}/pmds/librte_net_{driver}.so", folder)
        yield ["unshare", "--mount", "sh", "-euc", MOUNT, "sh", folder, found[-1]]
