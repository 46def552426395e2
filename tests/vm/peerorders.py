# SPDX-License-Identifier: BSD-3-Clause
"""What one says to a portpeer (tests/xen/portpeer.c), wherever it runs."""

import time

from errors import KitError

TIMEOUT = 60


class PeerOrders:
    """Needs order(line), wait(pattern, timeout) for a whole line, and log, all that was said."""

    def ask(self, line, pattern, timeout=TIMEOUT):
        """Tell it something and wait for the answer."""
        self.order(line)
        return self.wait(pattern, timeout)

    def stats(self):
        """What it counted: good, bad, gaps, echoed, sent."""
        words = self.ask("stats", r"stats (.*)")[1].split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def counters(self):
        """All xstats of the port that are not zero."""
        words = self.ask("counters", r"counters ?(.*)")[1].split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def wait_for_link(self):
        """Wait until the last that it said of the link is that it is up."""
        while self.log.rfind("link up") <= self.log.rfind("link down"):
            self.wait("link up")

    def wait_sum(self, names, wanted, timeout=TIMEOUT):
        """Ask for the counters until these add up to `wanted`; all of them."""
        end = time.monotonic() + timeout
        while True:
            counters = self.counters()
            total = sum(counters.get(name, 0) for name in names)
            if total == wanted:
                return counters
            if total > wanted or time.monotonic() > end:
                raise KitError(f"{self}: {'+'.join(names)} is {total}, expected {wanted}")

    def mbufs_out(self):
        """Mbufs that are not in the pool."""
        return int(self.ask("pool", r"pool (\d+)")[1])

    def load(self, low=60, high=9018):
        """Everything at once: send all sizes, receive, check."""
        self.order("rx on")
        self.order(f"flood {low} {high}")

    def rest(self):
        """No load; what the port holds is all that is out of the pools."""
        self.order("idle")
        self.order("rx off")

    def expect_frames(self, count):
        """Have it count frames that nobody sends yet; returns when it does."""
        self.order("rx on")
        self.order("reset")
        self.order(f"expect {count}")
        self.stats()

    def await_frames(self, count, timeout=TIMEOUT):
        """Wait for that many good frames from now on."""
        self.order("reset")
        self.order(f"expect {count}")
        self.wait(rf"received {count}", timeout)

    def stop(self):
        """Stop the port; every mbuf must be back."""
        self.order("idle")
        self.ask("stop", r"stopped")
        out = self.mbufs_out()
        if out != 0:
            raise AssertionError(f"{self}: {out} mbufs did not come back")


def exchange(one, other, count, low, high, queues=1, timeout=60):
    """Frames of each size from one end to the other: all of them, whole and in order."""
    other.expect_frames(count * queues)
    one.order("reset")
    one.ask(f"send {count} {low} {high}", rf"sent {count}", timeout)
    other.wait(rf"received {count * queues}", timeout)
    stats = other.stats()
    wanted = {"good": count * queues, "bad": 0} | ({"gaps": 0} if queues == 1 else {})
    got = {name: stats[name] for name in wanted}
    if got != wanted:
        raise AssertionError(f"{one} to {other}: {got}, expected {wanted}")


def traffic(one, other, count=200):
    """Frames pass both ways, whole, whatever was before."""
    for sender, receiver in ((one, other), (other, one)):
        sender.rest()
        receiver.rest()
        receiver.order("rx on")
        receiver.order("reset")
        receiver.order(f"expect {count}")
        sender.order("flood 60 1514")
        receiver.wait(f"received {count}")
        sender.order("idle")
        if receiver.stats()["bad"] != 0:
            raise AssertionError(f"{receiver}: frames were spoiled")


def echo(peer, count=300):
    """Whole frames come back from a testpmd, which drops some when its processor is slow."""
    peer.load(high=1514)
    peer.await_frames(count)
    peer.order("idle")
    if peer.stats()["bad"] != 0:
        raise AssertionError(f"{peer}: frames came back spoiled")
