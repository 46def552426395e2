# SPDX-License-Identifier: BSD-3-Clause
"""The rivals: how each kind of port is started on its host's and on its guest's side.

A rival gives EAL arguments for both sides of a wire with one or two links, and may need a process of
its own beside them. All have the same rings and the same kind of memory.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/vm")
sys.path.insert(0, f"{ROOT}/tests/xen")

BUILD = f"{ROOT}/build"
RING = 256


class Rival:
    """One kind of wire; `name` is what the table shows."""

    tx_pool = None  # what a sending guest allocates from, if not from its own

    def __init__(self, name):
        self.name = name

    def prepare(self, folder, links):
        """Whatever must be there before the sides are; undone by finish()."""

    def finish(self):
        """Undo prepare()."""


class Xen(Rival):
    """Ours: net_xenvirt in the guest, net_xenback on the host."""

    def __init__(self, name, zero_copy):
        super().__init__(name)
        self.zero_copy = zero_copy
        self.tx_pool = "xenvirt_0_1" if zero_copy else None

    def prepare(self, folder, links):
        from wire import Local  # only with the build there
        self.local = Local()
        self.local.__enter__()
        self.local.domain(1)
        for handle in range(links):
            self.local.attach(1, handle)

    def finish(self):
        self.local.__exit__(None, None, None)

    def _side(self, driver, links, devargs, domid):
        words = ["-d", f"librte_net_{driver}.so"]
        for i in range(links):
            words += ["--vdev", f"net_{driver}{i},{devargs},handle={i},"
                                f"xen=local:{self.local.socket}:{domid}"]
        return words

    def host(self, links):
        return self._side("xenback", links, "frontend=1", 0)

    def guest(self, links):
        return self._side("xenvirt", links, f"zero_copy={self.zero_copy},pool_size=2048", 1)


class Ivshmem(Rival):
    """Ours: net_ivshmem on both sides, a port of one region for each link."""

    SIZE = 32 << 20
    ROOM = 12 << 20

    def __init__(self, name, zero_copy):
        super().__init__(name)
        self.zero_copy = zero_copy
        self.tx_pool = "ivshmem_0" if zero_copy else None

    def prepare(self, folder, links):
        sys.path.insert(0, f"{ROOT}/tests/ivshmem/net")
        from ivswire import Region  # only with the build there
        self.region = Region(size=self.SIZE)
        self.region.__enter__()

    def finish(self):
        self.region.__exit__(None, None, None)

    def _side(self, links, devargs):
        words = ["-d", "librte_net_ivshmem.so"]
        for i in range(links):
            words += ["--vdev", f"net_ivshmem{i},port=net{i},{devargs}"]
        return words

    def host(self, links):
        return self._side(links, f"host={self.region.socket},mac_check=0,room={self.ROOM}")

    def guest(self, links):
        return self._side(links, f"path={self.region.socket},zero_copy={self.zero_copy},pool_size=2048")


class Vhost(Rival):
    """DPDK's own: net_virtio_user in the guest, net_vhost on the host."""

    def __init__(self, name, devargs):
        super().__init__(name)
        self.devargs = devargs

    def prepare(self, folder, links):
        self.folder = folder

    def host(self, links):
        words = []
        for i in range(links):
            words += ["--vdev", f"net_vhost{i},iface={self.folder}/vhost{i},queues=1"]
        return words

    def guest(self, links):
        words = []
        for i in range(links):
            words += ["--vdev", f"net_virtio_user{i},path={self.folder}/vhost{i},queues=1,"
                                f"queue_size={RING},{self.devargs}"]
        return words


class Memif(Rival):
    """DPDK's shared memory interface."""

    def prepare(self, folder, links):
        self.folder = folder

    def _side(self, links, role):
        words = []
        for i in range(links):
            words += ["--vdev", f"net_memif{i},role={role},id={i},rsize={RING.bit_length() - 1},"
                                f"bsize=2048,socket-abstract=no,socket={self.folder}/memif{i}"]
        return words

    def host(self, links):
        return self._side(links, "server")

    def guest(self, links):
        return self._side(links, "client")


OURS = [Xen("xen, copying guest", 0), Xen("xen, zero-copy guest", 1)]
PEERS = [Vhost("vhost-user, split in-order", "packed_vq=0,in_order=1,mrg_rxbuf=0"),
         Vhost("vhost-user, packed", "packed_vq=1,in_order=1,mrg_rxbuf=0"),
         Memif("memif")]


def versions():
    """What was compared."""
    def said(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip().splitlines()[:1]

    return {"dpdk": said("pkg-config", "--modversion", "libdpdk"),
            "commit": said("git", "-C", ROOT, "describe", "--always", "--dirty"),
            "kernel": said("uname", "-r"), "cc": said("cc", "--version")}
