#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""What guests do to their ports on real Xen: they reboot, are saved and restored, and lie.

    domain "one"                       dom0
    portpeer or testpmd             == portpeer or testpmd; pvnctl xen watch
    domain "bad": a shell that
    writes what it likes            == the same testpmd
"""

import os
import re
import time

import checks
from checks import expect
from peerorders import echo, traffic
from xenkit import EAL, Shared
from xenpeer import BACK, FILES, FRONT, DomainPeer, attach, back_end, load_both

XEN = Shared("xenguests", files=FILES)
LONG = bool(os.environ.get("PVN_LONG"))
POOL = "--total-num-mbufs=2048"
DEVICES = """\
[one]
domain = one
mac = 02:00:00:00:00:01
"""


# pvnctl xen watch


def watch_devices(dom0):
    """Start pvnctl xen watch with a device for domain "one"."""
    dom0.put("/run/devices", DEVICES.encode())
    return dom0.start("exec pvnctl xen watch /run/devices")


def wait_attached(watcher, domain):
    watcher.match(rf"one: attached to domain {domain.domid} as device 0\n")


def serve(dom0, domain):
    """A back end for the domain's device, and a front end: both with their link up."""
    back = back_end(dom0, domain)
    front = DomainPeer(domain, "xenvirt", "handle=0")
    front.wait("link up")
    back.wait("link up")
    return front, back


def test_reboot():
    """a domain that reboots under load gets its device again, by its name, and traffic goes on"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one")
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        load_both(front, back)
        back.await_frames(100)
        before = one.domid
        one.reboot()
        back.wait("link down")
        back.rest()
        expect(back.mbufs_out(), 0, "mbufs of dom0")
        back.quit()
        watcher.match(rf"domain {before}: removed device 0, which was left")
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        traffic(front, back)
        back.quit()
        expect("(null)" in dom0.check("xl list"), False, "a domain that cannot die")
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


# Save and restore


def guest_testpmd(domain):
    return domain.testpmd([*EAL, "-d", FRONT, "--vdev=net_xenvirt0,handle=0"],
                          [POOL, "--port-topology=loop"])


def test_save():
    """save and restore: the port is closed before, the same testpmd makes it anew afterwards"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one", mem_mb=256)
        wait_attached(watcher, one)
        back = back_end(dom0, one)
        pmd = guest_testpmd(one)
        back.wait("link up")
        for line in ("set fwd mac", "start"):
            pmd.cmd(line)
        echo(back)
        for line in ("stop", "port stop 0", "port close 0"):
            pmd.cmd(line)
        back.wait("link down")
        pmd.cmd("device detach net_xenvirt0")
        back.quit()
        one.save("/var/lib/xen/save/one")
        one.restore("/var/lib/xen/save/one")
        wait_attached(watcher, one)
        back = back_end(dom0, one)
        for line in ("port attach net_xenvirt0,handle=0", "port start 0"):
            pmd.cmd(line)
        back.wait("link up")
        pmd.cmd("start")
        echo(back)
        pmd.cmd("stop")
        expect(pmd.quit(), 0, "exit code of testpmd")
        back.quit()
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


def test_save_running():
    """saved with its port open: the port is down afterwards, until the guest is rebooted"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one", mem_mb=256)
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        traffic(front, back)
        one.save("/var/lib/xen/save/one")
        back.wait("link down")
        back.quit()
        one.restore("/var/lib/xen/save/one")
        wait_attached(watcher, one)
        front.wait("link down")
        front.rest()
        expect(front.mbufs_out(), 0, "mbufs of the guest")
        one.reboot()  # Linux 6.1 has a bug: it dies with the program, whose events it lost
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        traffic(front, back)
        back.quit()
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


# A guest that lies


LIE = """\
begin() {  # until there is a new offer
	xenstore-write $F/state 1
	while set -- $(xenstore-read $B/state $B/connection); [ "$1" != 2 ]; do :; done
	connection=$2
}
answer() {  # NODE VALUE...: answer it; prints the back end's next state and its error
	xenstore-write -- "$@" $F/connection $connection $F/state 3
	while state=$(xenstore-read $B/state); [ "$state" = 2 ]; do :; done
	echo $state
	[ $state = 4 ] || xenstore-read $B/error
}
"""


class Liar:
    """A front end whose nodes are written by the test.

    A portpeer connects as it should and is then stopped, so that its grants and its event channel
    stay. From then on a shell in the guest is the front end.
    """

    def __init__(self, domain):
        self.domain = domain
        self.peer = DomainPeer(domain, "xenvirt", "handle=0")
        self.peer.wait("link up")
        self.pid = self.peer.program.pid
        domain.check(f"kill -STOP {self.pid}")
        self.front = f"/local/domain/{domain.domid}/device/xenvirt/0"
        self.back = domain.check(f"xenstore-read {self.front}/backend").strip()
        listed = domain.check(f"xenstore-ls -f {self.front}")
        self.nodes = dict(re.findall(rf'(?m)^{self.front}/(\S+) *= "(.+)"$', listed))
        for name in ("backend", "backend-id", "handle", "state", "connection"):
            del self.nodes[name]
        domain.put("/run/lie", f"F={self.front} B={self.back}\n{LIE}".encode())

    def with_ref(self, name, number, ref):
        """A node that lists grants, with one of them replaced."""
        refs = self.nodes[name].split(",")
        refs[number] = str(ref)
        return {name: ",".join(refs)}

    def say(self, changes):
        """Answer the back end's next offer, with some nodes changed, or missing if they are None.
        Returns the state the back end goes to, and its error."""
        nodes = self.nodes | changes
        words = " ".join(f"$F/{name} '{value}'" for name, value in nodes.items()
                         if value is not None)
        lost = " ".join(f"$F/{name}" for name, value in nodes.items() if value is None)
        out = self.domain.check(f". /run/lie; begin; {f'xenstore-rm {lost};' if lost else ''}"
                                f"answer {words}")
        state, _, error = out.partition("\n")
        return state, error.strip()

    def directory(self):
        """Page number of the first pool's list of grants in the stopped process."""
        maps = self.domain.check(f"grep gntalloc /proc/{self.pid}/maps")
        areas = re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+)", maps)
        areas.sort(key=lambda area: int(area[2], 16))  # as shared: control, 2 rings, pool, list
        start, end = (int(word, 16) for word in areas[4][:2])
        expect(end - start, 4096, "size of the list")
        return start // 4096


def number_lies():
    """What no number is, or none that is accepted: ({node: value}, part of the error)."""
    limits = {"version": ("2", "0"), "queues": ("999", "0", "2"), "pools": ("3", "0"),
              "queue-0/rx-ring-size": ("100", "0", "8192"), "pool-0/pages": ("65537", "0"),
              "event-channel": ("99999", "4294967296"), "control-ref": ("30000", "4294967296")}
    bad = ("-1", "0x1", "1\\x00", "9" * 1900, "", " 1", "1 ", "1,", "\\n1", "\\x1b[2J", "%s%n")
    for node, values in limits.items():
        for value in values if LONG else values[:1]:
            yield {node: value}, f"{node}: "
    for node in limits if LONG else ("queues", "control-ref"):
        yield {node: None}, f"{node}: expected a number in "
    for value in bad if LONG else bad[:4]:
        yield {"queues": value}, "queues: expected a number in 1..1"


def other_lies(liar, foreign):
    """The same for other nodes; FOREIGN is a grant to another domain than the back end's."""
    ring = "queue-0/tx-ring-ref"
    yield {"features": "-1"}, "features: expected a subset of "
    yield {"features": "ffffffffffffffff"}, "features: expected a subset of "
    yield {"pool-0/access": "execute"}, "pool-0/access: expected read or write"
    yield {"pool-0/access": "write"}, "pool-0/directory-ref: cannot map "  # it grants to read
    for value in (None, "1;2", "8," * 900, "4294967296") if LONG else ("8," * 900,):
        yield {ring: value}, f"{ring}: expected "
    for node in (ring, "pool-1/directory-ref", "control-ref") if LONG else (ring,):
        for ref in (30000, 4000000000, foreign):
            yield liar.with_ref(node, 0, ref), f"{node}: cannot map "
    yield {"pool-0/directory-ref": liar.nodes["control-ref"]}, "pool-0/directory-ref: "


def check_lies(dom0, liar, foreign):
    """Each lie is refused with a reason, and the truth is believed afterwards."""
    count = 0
    for changes, words in (*number_lies(), *other_lies(liar, foreign)):
        state, error = liar.say(changes)
        expect((state, words in error), ("6", True), f"{changes}: state, reason ({error!r})")
        count += 1
    expect(error in dom0.check("pvnctl xen list"), True, "the reason is in pvnctl xen list")
    nodes = liar.nodes
    rings = {f"queue-0/{way}-ring-ref": nodes[f"queue-0/{way}-ring-ref"] for way in ("rx", "tx")}
    one_page = {name: re.sub(r"\d+", refs.split(",")[0], refs) for name, refs in rings.items()}
    for changes in (one_page, {"pool-0/directory-ref": nodes["pool-1/directory-ref"]}):
        expect(liar.say(changes)[0] in ("4", "6"), True, "an end to what harms the liar alone")
    expect(liar.say({})[0], "4", "state of the back end after an honest answer")
    return count


def change_directory(liar):
    """Answers while the list of grants changes: each is taken, or refused for what was read."""
    page, pid = liar.directory(), liar.pid
    copy = f"dd bs=4096 count=1 if=/run/list of=/proc/{pid}/mem seek={page} conv=notrunc"
    writer = liar.domain.start(
        f"exec 2>/dev/null; dd bs=4096 count=1 if=/proc/{pid}/mem of=/run/list skip={page}; "
        f"while :; do {copy.replace('/run/list', '/dev/urandom')}; {copy}; done")
    states = set()
    for _ in range(50 if LONG else 4):
        state, error = liar.say({})
        states.add(state)
        expect(state == "4" or "pool-0/directory-ref: " in error, True, f"reason ({error!r})")
    writer.kill()
    liar.domain.check(copy)
    expect(liar.say({})[0], "4", "state after the list is right again")
    return states


def pace(peer, count=300):
    """Frames a second that come back to an honest guest."""
    start = time.monotonic()
    peer.await_frames(count)
    return count / (time.monotonic() - start)


def flap(liar, peer):
    """The neighbour's pace while the liar writes states as fast as it can."""
    flapping = liar.domain.start(". /run/lie; while :; do for s in 1 3 x 6 5 4 '' 2; do "
                                 "xenstore-write -- $F/state \"$s\"; done; done")
    result = pace(peer)
    flapping.kill()
    return result


def serve_both(dom0, good, bad):
    """testpmd in dom0 that sends each guest's frames back to it."""
    ports = []
    for number, domain in enumerate((good, bad)):
        attach(dom0, domain)
        ports.append(f"--vdev=net_xenback{number},frontend={domain.domid},handle=0")
    pmd = dom0.testpmd([*EAL, "-d", BACK, *ports], [POOL, "--port-topology=loop"])
    pmd.cmd("start")
    return pmd


def test_liar():
    """a guest writes what is not true: refused with the reason, its neighbour's frames pass"""
    with XEN as dom0:
        good, bad = dom0.create("good"), dom0.create("bad")
        pmd = serve_both(dom0, good, bad)
        peer, liar = DomainPeer(good, "xenvirt", "handle=0"), Liar(bad)
        peer.wait("link up")
        peer.load(high=1514)
        alone = pace(peer)
        share = bad.start(f"exec xen_grant share {good.domid}")
        count = check_lies(dom0, liar, int(share.match(r"gref (\d+)\n")[1]))
        states = change_directory(liar)
        beside = flap(liar, peer)
        print(f"  {count} lies; a list that changes led to {sorted(states)}; frames/s of the "
              f"neighbour: {alone:.0f} alone, {beside:.0f} beside a state that flaps")
        liar.peer.kill()
        honest = DomainPeer(bad, "xenvirt", "handle=0")
        honest.wait("link up")
        honest.load(high=1514)
        honest.await_frames(100)
        expect((peer.stats()["bad"], "link down" in peer.log), (0, False), "what the neighbour saw")
        pmd.cmd("stop")
        expect(pmd.quit(), 0, "exit code of testpmd")


if __name__ == "__main__":
    checks.main([test_liar, test_reboot, test_save, test_save_running],
                timeout=900 if LONG else 200)
