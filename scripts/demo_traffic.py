# SPDX-License-Identifier: BSD-3-Clause
"""The two ends of the demo on this machine: a namespace with a tap each, and traffic between them.

    namespace a, 10.77.0.1 --- tap --- the guest --- tap --- 10.77.0.2, namespace b

What goes into the guest and what comes out of it is read from the taps' own counters, which no
driver in the guest can embellish. As seen from a tap, what it "transmits" is what QEMU took from it
for the guest.
"""

import json
import re
import statistics
import subprocess
import time

from errors import KitError
from netends import Namespace, Tap, ip

WAYS = ("a>b", "b>a")
ADDRESSES = {"a": "10.77.0.1", "b": "10.77.0.2"}
PINGS = 200
PING_INTERVAL = "0.005"

# VMXNET3 has no way to hold a sender back: a frame that finds the receive ring full is dropped, and
# TCP tries until something is. What TCP has under way is bounded by the receiver's window, so with
# a window of at most 1 MiB, 725 full frames, a ring of 1024 does not overrun, and a loss would be
# the driver's or the device's fault. This machine's own limit may be anything from 4 to 32 MiB.
MSS = 1448  # bytes of data in a full frame
RING = 1024
WINDOW = 1 << 20
SETTINGS = {
    "net/ipv4/tcp_rmem": f"4096 131072 {WINDOW}",
    # Nobody here speaks IPv6, and its neighbour and router messages would be in the counters.
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
}


class Side:
    """One end: a namespace and its tap, which QEMU makes."""

    def __init__(self, label):
        self.label, self.address = label, ADDRESSES[label]
        self.tap, self.namespace = Tap(label), Namespace(label)

    def __enter__(self):
        self.namespace.__enter__()
        for name, value in SETTINGS.items():
            path = f"/proc/sys/{name}"  # a kernel without IPv6 has none of its settings
            self.namespace.check(f"sh -c '[ ! -e {path} ] || echo {value} >{path}'")
        return self

    def __exit__(self, *exc):
        self.namespace.__exit__(*exc)

    def connect(self):
        """Take the tap, once QEMU has made it."""
        self.namespace.take(self.tap, f"{self.address}/24")

    def counts(self):
        """The tap's counters: {"rx": {"packets": ...}, "tx": ...}."""
        answer = ip("-n", self.namespace.name, "-s", "-j", "link", "show", "dev", self.tap.name)
        return json.loads(answer)[0]["stats64"]


class Counts:
    """What went into the guest and came out of it, each way, since the other counts."""
    FIELDS = ("frames_in", "bytes_in", "frames_out", "bytes_out", "tap_dropped")

    def __init__(self, ways):
        self.ways = ways

    @classmethod
    def read(cls, a, b):
        at = {"a": a.counts(), "b": b.counts()}
        return cls({way: cls._way(at[way[0]], at[way[-1]]) for way in WAYS})

    @staticmethod
    def _way(source, sink):
        return {"frames_in": source["tx"]["packets"], "bytes_in": source["tx"]["bytes"],
                "frames_out": sink["rx"]["packets"], "bytes_out": sink["rx"]["bytes"],
                "tap_dropped": source["tx"]["dropped"] + sink["rx"]["dropped"]}

    def since(self, before):
        return Counts({way: {name: now[name] - before.ways[way][name] for name in self.FIELDS}
                       for way, now in self.ways.items()})

    def total(self, name):
        return sum(way[name] for way in self.ways.values())


def settled(a, b, limit=5):
    """Counts once nothing moves any more: frames may be on their way when a program has ended."""
    deadline = time.monotonic() + limit
    last = Counts.read(a, b)
    while time.monotonic() < deadline:
        time.sleep(0.1)  # there is no event to wait for: this is about the absence of one
        now = Counts.read(a, b)
        if now.ways == last.ways:
            return now
        last = now
    raise KitError(f"frames still move {limit} s after the traffic has ended: {last.ways}")


def finish(process, limit, tick):
    """Wait for a program's end, calling tick() each second; returns exit code and output."""
    deadline = time.monotonic() + limit
    while True:
        try:
            output = process.communicate(timeout=1)[0]
            return process.returncode, output
        except subprocess.TimeoutExpired:
            tick()
        if time.monotonic() > deadline:
            raise KitError(f"{' '.join(process.args)} did not end in {limit} s")


def reach(a, b):
    """Wait until B answers A: the forwarder works, and both know each other's address."""
    code, output = a.namespace.run(f"ping -n -c 1 -w 10 {b.address}")
    if code != 0:
        raise KitError(f"no frame comes through the guest\n{output}")


def tcp(a, b, way, seconds, tick):
    """One TCP stream for SECONDS; returns what both iperf3 say about it.

    The client is always at A; with -R the data flows the other way.
    """
    server = b.namespace.start(f"iperf3 -s -1 --forceflush -B {b.address}")
    while "listening" not in (line := server.stdout.readline()):
        if not line:
            raise KitError("iperf3 -s ended before it listened")
    client = a.namespace.start(f"iperf3 -c {b.address} -t {seconds} -J --connect-timeout 5000"
                               + (" -R" if way == "b>a" else ""))
    _, output = finish(client, seconds + 20, tick)
    try:
        end = json.loads(output)["end"]
        result = {"mbit_s": end["sum_received"]["bits_per_second"] / 1e6,
                  "bytes": end["sum_received"]["bytes"],
                  "retransmits": end["sum_sent"]["retransmits"]}
    except (ValueError, KeyError) as error:
        raise KitError(f"iperf3 failed: {output.strip()}") from error
    finish(server, 10, tick)
    return result


def round_trips(a, b, tick):
    """Ping B from A; returns the figures in microseconds."""
    process = a.namespace.start(f"ping -n -i {PING_INTERVAL} -c {PINGS} -W 2 {b.address}")
    _, output = finish(process, 30, tick)
    times = sorted(float(text) * 1000 for text in re.findall(r"time=([\d.]+) ms", output))
    if not times:
        raise KitError(f"ping failed: {output.strip()}")
    return {"sent": PINGS, "lost": PINGS - len(times), "min_us": times[0],
            "median_us": statistics.median(times), "p99_us": times[len(times) * 99 // 100 - 1],
            "max_us": times[-1]}
