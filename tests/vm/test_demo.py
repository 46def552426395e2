#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demo (scripts/demo.py): its scenes move traffic; stopped, they leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile

import checks
import children
from checks import case, expect
from kit import BUILD
from netends import ip

SCRIPTS = f"{os.path.dirname(os.path.abspath(__file__))}/../../scripts"
sys.path.insert(0, SCRIPTS)

import demo  # noqa: E402  (found by the line above)

COMMAND = [sys.executable, f"{SCRIPTS}/demo.py", "--quick"]


def figures_of(scene):
    """Run a scene; what it writes to a file."""
    demo.need_all([scene])
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/demo.json"
        done = subprocess.run([*COMMAND, "--scene", scene, "--json", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="")
        expect(done.returncode, 0, "exit code")
        expect(os.listdir(folder), ["demo.json"], "files written")
        with open(path, encoding="utf-8") as file:
            figures = json.load(file)
    expect(list(figures), [scene], "scenes")
    return figures[scene]


def test_vmxnet3():
    """each forwarder moves TCP both ways and answers pings; our driver loses no frame"""
    slots = figures_of("vmxnet3")["slots"]
    expect([slot["forwarder"] for slot in slots], ["paravane", "dpdk", "bridge"], "forwarders")
    for slot in slots:
        check_slot(slot)
    ours = slots[0]
    expect(ours["frames_lost"], 0, "frames our driver lost")
    expect(ours["frames_out"], ours["frames_in"], "frames that came out of the guest")
    padded = ours["bytes_out"] >= ours["bytes_in"]  # QEMU pads frames shorter than 60 bytes
    expect(padded, True, "as many bytes came out of the guest, or a few more")


def check_slot(slot):
    """What must be so for every forwarder; a megabyte in two seconds is not much to ask."""
    for way in ("a>b", "b>a"):
        moved = slot["tcp"][way]["bytes"] > 1e6
        expect(moved, True, f"{slot['forwarder']}: TCP moved {slot['tcp'][way]} {way}: enough")
        expect(slot["ways"][way]["bytes_out"] > slot["tcp"][way]["bytes"], True,
               f"{slot['forwarder']}: the taps saw all TCP data {way}")
    expect(slot["ping"]["lost"], 0, f"{slot['forwarder']}: pings without answer")


def test_switch():
    """each guest reaches its VLAN and the uplink alone; one is killed, the others go on"""
    figures = figures_of("switch")["pvswitch"]
    expect(sorted(figures["guests"]), ["1", "2", "3", "4"], "guests")
    for number, guest in figures["guests"].items():
        for where in ("neighbour", "uplink"):
            # Four programs that poll share two processors with whatever else runs on them.
            expect(guest[where]["bytes"] > 1e5, True,
                   f"guest {number}: TCP moved {guest[where]} to its {where}: enough")
            segments = guest[where]["bytes"] // 1460
            expect(guest["frames"]["in"] > segments, True, f"guest {number}: its TCP was switched")
        expect(guest["ping"]["lost"], 0, f"guest {number}: pings without answer")
    expect(figures["refused"], {"sent": 8, "answered": 0}, "pings across VLANs")
    kill = figures["kill"]
    expect(kill["others_drops"], 0, "frames dropped at the ports of the others")
    expect(kill["others"]["mbit_s"] > 0, True, "the others' TCP went on")
    expect(kill["link_down_ms"] < 5000, True, f"link down after {kill['link_down_ms']} ms")
    expect(figures["guests"]["2"]["drops"].get("tx_down", 0) > 0, True,
           "frames to the dead guest were dropped as such")


def test_ivshmem():
    """frames go round without a change; QEMU is killed and no buffer is missing; traffic resumes"""
    figures = figures_of("ivshmem")
    expect(figures["pcap"]["frames"], 4000, "frames recorded")
    expect({"arp", "http", "icmp", "tcp", "udp"} <= set(figures["pcap"]["protocols"]), True,
           f"protocols: {figures['pcap']['protocols']}")
    kill = figures["kill"]
    expect(kill["rate"]["frames"] > 1000, True, "frames went round")
    expect((kill["had"] > 0, kill["had"] == kill["reclaimed"], kill["lent"], kill["foreign"]),
           (True, True, 0, 0), f"buffers lent and back: {kill}")
    expect(kill["home"] + kill["free"], kill["buffers"], "buffers that are here")
    expect(kill["ms"] < 1000, True, f"they are back after {kill['ms']} ms")
    for way in ("link", "net"):
        expect(figures[way]["frames"] > 1000, True, f"{way}: frames after the death")
        expect((figures[way]["bad"], figures[way]["lost"]), (0, 0), f"{way}: frames changed or lost")
    expect((figures["guest"]["frames"] > 1000, figures["guest"]["bad"]), (True, 0),
           "headers that the guest checked")


def descendants(pid):
    """Process ids of all children of a process, and theirs."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            below = [int(child) for child in file.read().split()]
    except FileNotFoundError:  # it has ended meanwhile
        return []
    return below + [pid for child in below for pid in descendants(child)]


def leftovers(pids):
    """What is still there of these processes: themselves, namespaces, taps, temporary files."""
    found = [f"process {pid}" for pid in pids if os.path.exists(f"/proc/{pid}")]
    files = os.listdir(tempfile.gettempdir()) + (os.listdir(BUILD) if os.path.exists(BUILD) else [])
    found += [name for name in files if name.endswith(tuple(f".{pid}" for pid in pids))]
    marks = tuple(f"pvn{pid}-" for pid in pids) + tuple(f"pv{pid}" for pid in pids)
    names = ip("netns", "list").split() + ip("-br", "link").split()
    return found + [name for name in names if name.startswith(marks)]


def test_stop(number, scene, moment):
    """a signal ends the demo with one line, and no process, namespace, tap or file stays"""
    demo.need_all([scene])
    process = children.start([*COMMAND, "--scene", scene], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if moment in line:
            break
    pids = descendants(process.pid)
    expect(len(pids) > 0, True, "the demo has started processes")
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    print(f"  stopped at: {line.strip()}\n  {errors.strip()}")
    expect(process.returncode, 128 + number, "exit code")
    expect(errors, f"demo: stopped by {number.name}; nothing is left behind\n", "the line about it")
    expect(leftovers(pids), [], "what is left behind")


if __name__ == "__main__":
    checks.main([case(test_stop, number=signal.SIGTERM, scene="vmxnet3", moment="booting"),
                 case(test_stop, number=signal.SIGINT, scene="vmxnet3", moment="Mbit/s"),
                 test_vmxnet3,
                 case(test_stop, number=signal.SIGINT, scene="switch", moment="xen4.0"),
                 test_switch,
                 case(test_stop, number=signal.SIGINT, scene="ivshmem", moment="guest 1:"),
                 test_ivshmem], timeout=120)
