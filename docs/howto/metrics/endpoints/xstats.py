# SPDX-License-Identifier: BSD-3-Clause
"""All counters (xstats) of all ports, for DPDK's dpdk-telemetry-exporter.py: its endpoints of its own have
only the sums.

    dpdk_xstats_total{port="net_xenback0", name="rx_q0_spoofed_errors"} 0
"""


def info():
    """What there is, as the exporter asks for it."""
    return {"total": ("A counter of a port, by the name that DPDK shows.", "counter")}


def metrics(sock):
    """Its values now: of ports that may go between two questions, too."""
    out = []
    for port_id in sock.cmd("/ethdev/list") or []:
        port = sock.cmd("/ethdev/info", port_id) or {}
        for name, value in (sock.cmd("/ethdev/xstats", port_id) or {}).items():
            out.append(("total", value, {"port": port.get("name", port_id), "name": name}))
    return out
