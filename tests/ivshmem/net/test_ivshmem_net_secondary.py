#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Secondary processes: DPDK's own tools read a port's statistics and capture its frames."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import MAC, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case  # noqa: E402
from test_xen_secondary import hugepages, tools_look  # noqa: E402


def ends(region, role, memory):
    """Both ends; that of `role` in memory that can be shared. It, the other, its prefix."""
    plain = ("--no-huge",)
    back = region.host(f"mac={MAC}", memory=memory if role == "host" else plain)
    prefix = region.prefix()
    front = region.guest(memory=memory if role == "guest" else plain)
    front.wait("link up")
    return (back, front, prefix) if role == "host" else (front, back, region.prefix())


def test_secondary(role):
    """dpdk-proc-info shows the counters, dpdk-pdump captures what comes in"""
    with hugepages() as folder, Region() as region:
        tools_look(region, "ivshmem", *ends(region, role, ("--huge-dir", folder)))


if __name__ == "__main__":
    checks.main([case(test_secondary, role="guest"), case(test_secondary, role="host")],
                timeout=90)
