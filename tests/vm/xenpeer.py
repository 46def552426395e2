# SPDX-License-Identifier: BSD-3-Clause
"""What tests of net_xenvirt and net_xenback on real Xen share: devices, portpeers in domains."""

from checks import expect
from initramfs import ROOT
from peerorders import PeerOrders
from xenkit import EAL

FILES = {"/usr/bin/portpeer": f"{ROOT}/build/tests/xen/portpeer"}
BACK = "/pmds/librte_net_xenback.so"
FRONT = "/pmds/librte_net_xenvirt.so"


def mac_of(domain, handle=0):
    return f"02:00:00:00:{domain.domid:02x}:{handle:02x}"


def attach(dom0, domain, handle=0, **options):
    """Have pvnctl give a domain a device; OPTIONS are those of pvnctl xen attach."""
    words = " ".join(f"--{name.replace('_', '-')}={value}" for name, value in options.items())
    dom0.check(f"pvnctl xen attach {domain.domid} --handle={handle} "
               f"--mac={mac_of(domain, handle)} {words}")


class DomainPeer(PeerOrders):
    """A portpeer in a domain."""

    def __init__(self, domain, driver, devargs, args=""):
        self.domain = domain
        self.program = domain.start(
            f"exec portpeer {' '.join(EAL)} --no-telemetry --log-level=5 "
            f"--file-prefix={driver}{id(self)} -d /pmds/librte_net_{driver}.so "
            f"--vdev net_{driver}0,{devargs} -- --mbufs 1023 {args}")
        self.wait("ready .*")

    def order(self, line):
        self.program.send(f"{line}\n")

    def wait(self, pattern, timeout=60):
        found = self.program.match(rf"(?m)^{pattern}\r?\n", timeout)
        return [group and group.decode() for group in (found[0], *found.groups())]

    @property
    def log(self):
        return self.program.channel.text()

    def kill(self):
        self.program.kill()

    def quit(self):
        self.order("quit")
        expect(self.program.ended(), 0, f"exit code of {self}")

    def __str__(self):
        return f"portpeer in domain {self.domain.domid}"


def back_end(host, domain, handle=0, args=""):
    """A portpeer on the back end of a domain's device, in the domain HOST."""
    return DomainPeer(host, "xenback", f"frontend={domain.domid},handle={handle}", args)


def both_ends(dom0, domain, devargs="handle=0", args="", **options):
    """Attach a device and start a portpeer on either end: (front, back), with their links up."""
    attach(dom0, domain, **options)
    back = back_end(dom0, domain, args=args)
    front = DomainPeer(domain, "xenvirt", devargs, args)
    front.wait("link up")
    back.wait("link up")
    return front, back


def load_both(*peers):
    """All send all they can, and check what comes."""
    for peer in peers:
        peer.load(high=1514)
