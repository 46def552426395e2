#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The endpoint for DPDK's exporter (docs/howto/metrics/endpoints/xstats.py), and the dashboard that shows it.

The exporter came with DPDK 24.07. If there is one, or PVN_EXPORTER is its path, it is asked over HTTP;
the endpoint is called as it would call it anyway.
"""

import importlib.util
import json
import os
import re
import socket
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from test_dpdk_tools import COUNT, PREFIX, bench  # noqa: E402 (adds the other folders to the path)
from wire import ROOT, Program  # noqa: E402
import checks  # noqa: E402
from checks import expect  # noqa: E402
from errors import Missing  # noqa: E402
from initramfs import find_program  # noqa: E402

METRICS = f"{ROOT}/docs/howto/metrics"
SAMPLE = re.compile(r'^(\w+)\{port="([^"]*)", name="([^"]*)"\} (\d+)$', re.M)


class Socket:
    """As the exporter's: one command after the other, by dpdk-telemetry.py."""

    def __init__(self, b):
        self.b = b

    def cmd(self, command, argument=None):
        words = command if argument is None else f"{command},{argument}"
        return self.b.telemetry(words)[command]


def endpoint():
    spec = importlib.util.spec_from_file_location("xstats", f"{METRICS}/endpoints/xstats.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_endpoint():
    """the endpoint has every counter of a port"""
    with bench("xenback") as b:
        pmd = b.testpmd("--no-huge")
        b.send()
        there = lambda: b.telemetry("/ethdev/xstats,0")["/ethdev/xstats"]  # noqa: E731
        pmd.wait_until(lambda: there()["rx_q0_packets"] == COUNT, "all frames counted")
        module = endpoint()
        got = module.metrics(Socket(b))
        expect({name for name, _, _ in got} <= set(module.info()), True, "metrics that info() has")
        expect({labels["port"] for _, _, labels in got}, {"net_xenback0"}, "ports")
        expect({labels["name"]: value for _, value, labels in got}, there(), "counters")


def test_exporter():
    """what the exporter serves holds the counters, with their type"""
    exporter = os.environ.get("PVN_EXPORTER") or find_program("dpdk-telemetry-exporter.py")
    if exporter is None:
        raise Missing("dpdk-telemetry-exporter.py is missing: DPDK has it since 24.07, in its usertools; "
                      "put it into PATH, or set PVN_EXPORTER to its path")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with bench("xenback") as b:
        pmd = b.testpmd("--no-huge")
        b.send()
        program = b.wire.add(Program(
            ["/usr/bin/python3", "-u", exporter, "-o", f"openmetrics://127.0.0.1:{port}", "-p", f"{METRICS}/endpoints",
             "-e", "xstats", "-s", f"{b.wire.folder}/dpdk/{PREFIX}/dpdk_telemetry.v2"],
            env=b.wire.environment() | {"PYTHONDONTWRITEBYTECODE": "1"}))
        program.wait(r".*listening on .*")

        def samples():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            expect("# TYPE dpdk_xstats_total counter" in text, True, f"a type in: {text[:300]}")
            return {(port, name): int(value) for _, port, name, value in SAMPLE.findall(text)}

        pmd.wait_until(lambda: samples()[("net_xenback0", "rx_q0_packets")] == COUNT, "all frames")
        expect(samples()[("net_xenback0", "rx_q0_spoofed_errors")], 0, "a counter that is zero")


def test_dashboard():
    """the dashboard asks for what the endpoint has, and for names that the drivers have"""
    with open(f"{METRICS}/dashboard.json", encoding="utf-8") as file:
        board = json.load(file)
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    expect(len(asked) > 3, True, "queries")
    with bench("xenback") as b:
        b.testpmd("--no-huge")
        names = set(b.telemetry("/ethdev/xstats,0")["/ethdev/xstats"])
    for query in asked:
        expect("dpdk_xstats_total{" in query, True, f"the metric in {query}")
        pattern = re.search(r'name=~"([^"]*)"', query)[1].replace("\\\\", "\\")
        expect(any(re.fullmatch(pattern, name) for name in names), True, f"counters for {query}")


if __name__ == "__main__":
    checks.main([test_endpoint, test_exporter, test_dashboard], timeout=60)
