# SPDX-License-Identifier: BSD-3-Clause
"""A pcap file of real traffic: what two namespaces of this machine say to each other while they
load files by HTTP, stream TCP and UDP, and ping, over IPv4 and IPv6."""

import os
import subprocess
import sys

from demo_traffic import finish
from errors import KitError
from netends import Namespace, ip

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
A, B = "10.77.9.1", "10.77.9.2"
PORT = 8000
FRAMES = 4000
FETCH = ("import glob, sys, urllib.request; "
         "[urllib.request.urlopen(f'http://{sys.argv[1]}/{path}').read() for path in sys.argv[2:]]")


def connect(a, b):
    """A cable between the two; what is on it is as a network would have it, no larger frames."""
    whole = ("gso_max_segs", "1")
    ip("-n", a.name, "link", "add", "eth0", *whole, "type", "veth", "peer", "name", "eth0",
       "netns", b.name)
    for space, address in ((a, A), (b, B)):
        ip("-n", space.name, "link", "set", "eth0", *whole, "up")
        ip("-n", space.name, "address", "add", f"{address}/24", "dev", "eth0")


def waited(process, words):
    """Wait for a line with these words."""
    while words not in (line := process.stdout.readline()):
        if not line:
            raise KitError(f"{' '.join(process.args)} ended too early")


def talk(a, b):
    """Everything that is recorded, the longest last: it is more than FRAMES."""
    web = a.start(f"{sys.executable} -u -m http.server {PORT} --bind {A} --directory {ROOT}/docs")
    waited(web, "Serving")
    pages = [f"{folder}/{name}" for folder in ("design", "howto", "nics")
             for name in sorted(os.listdir(f"{ROOT}/docs/{folder}"))]
    b.check(f'{sys.executable} -c "{FETCH}" {A}:{PORT} {" ".join(pages)}')
    b.check(f"ping -n -c 20 -i 0.005 -s 1000 {A}")
    b.run("ping -n -6 -c 3 -i 0.2 ff02::1%eth0")  # answered or not, it is on the cable
    for options in ("-u -b 50M -n 500K", f"-n {2 * FRAMES}K"):
        server = a.start("iperf3 -s -1 --forceflush")
        waited(server, "listening")
        b.check(f"iperf3 -c {A} {options}")
        finish(server, 10, lambda: None)


def record(path):
    """Write the file; what is in it: {"frames": n, "bytes": n, "protocols": {name: frames}}."""
    with Namespace("wire-a") as a, Namespace("wire-b") as b:
        connect(a, b)
        dump = b.start(f"dumpcap -q -P -c {FRAMES} -i eth0 -f 'less 1514' -w {path}")
        waited(dump, "File: ")
        talk(a, b)
        finish(dump, 10, lambda: None)
    return summary(path)


def summary(path):
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.len",
                           "-e", "frame.protocols"], capture_output=True, text=True, check=False)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    if not lines:
        raise KitError(f"tshark finds no frame in what was recorded: {done.stderr}")
    protocols = {}
    for _, names in lines:
        for name in set(names.split(":")) & {"arp", "icmp", "icmpv6", "http", "tcp", "udp"}:
            protocols[name] = protocols.get(name, 0) + 1
    return {"frames": len(lines), "bytes": sum(int(size) for size, _ in lines),
            "protocols": protocols}
