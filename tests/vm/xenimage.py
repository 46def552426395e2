# SPDX-License-Identifier: BSD-3-Clause
"""What Xen and its domains boot from: the hypervisor, and the file systems of dom0 and the others.

Both file systems are an initramfs like that of ordinary guests (see initramfs.py), with the files
of tests/vm/xen instead of tests/vm/guest, and the tools that talk to XenStore. That of dom0 also
holds the toolstack and, below /boot, what xl starts other domains from:

    /boot/vmlinux       the same kernel that dom0 runs, already unpacked
    /boot/domain.cpio   their file system
"""

import contextlib
import glob
import gzip
import hashlib
import os

import initramfs
from errors import KitError, Missing
from initramfs import HERE, LIBDIR, ROOT

PROGRAMS = ("xen_agent", "xen_grant")  # our own, from build/tests/vm
TOOLSTACK = ("xenconsole", "xenconsoled", "xen-init-dom0", "xenstored", "xl")
PLUGINS = ("librte_net_af_packet", "librte_net_null", "librte_net_ring", "librte_net_tap")
MODULES = ("bridge", "pktgen", "tun", "virtio_console", "virtio_pci", "xen_evtchn", "xen_gntalloc",
           "xen_gntdev", "xen_netback", "xen_netfront", "xen_privcmd", "xenfs")


class Xen:
    """The newest Xen below deps/xen."""

    def __init__(self):
        found = glob.glob(f"{ROOT}/deps/xen/*/boot/xen-*-amd64.gz")
        if not found:
            raise Missing("there is no Xen: run tests/vm/xen_packages.sh (or ./run setup)")
        self.packed = max(found, key=os.path.getmtime)
        self.tree = os.path.dirname(os.path.dirname(self.packed))
        self.private = glob.glob(f"{self.tree}/usr/lib/xen-*/bin")[0]

    def image(self, folder):
        """The hypervisor as QEMU starts it: unpacked."""
        with open(self.packed, "rb") as file:
            packed = file.read()
        target = f"{folder}/xen-{hashlib.sha256(packed).hexdigest()[:16]}"
        if not os.path.exists(target):
            initramfs.write_whole(target, gzip.decompress(packed))
        return target

    def store_tools(self):
        """The commands that talk to XenStore, for every domain."""
        return {f"/usr/bin/{os.path.basename(path)}": path
                for path in glob.glob(f"{self.tree}/usr/bin/xenstore-*")
                if os.path.isfile(path)}  # one is a link into a package that nobody needs

    def toolstack(self):
        """Programs of dom0. libxl starts its helper from the folder it was built for."""
        helper = f"{self.private}/libxl-save-helper"
        programs = {f"/usr/bin/{name}": f"{self.private}/{name}" for name in TOOLSTACK}
        return programs | {helper.removeprefix(self.tree): helper}

    @contextlib.contextmanager
    def libraries(self):
        """Let ldd find Xen's libraries, which are not installed."""
        before = os.environ.get("LD_LIBRARY_PATH")
        os.environ["LD_LIBRARY_PATH"] = f"{self.tree}{LIBDIR}"
        try:
            yield
        finally:
            if before is None:
                del os.environ["LD_LIBRARY_PATH"]
            else:
                os.environ["LD_LIBRARY_PATH"] = before


def own_programs():
    """Our own programs for domains: {path in the domain: path here}."""
    folder = f"{ROOT}/build/tests/vm"
    lost = [name for name in PROGRAMS if not os.path.exists(f"{folder}/{name}")]
    if lost:
        raise KitError(f"{folder} lacks {', '.join(lost)}: run ./run build")
    return {f"/usr/bin/{name}": f"{folder}/{name}" for name in PROGRAMS}


def system(xen, kernel, files, modules):
    """The tree of a domain: system, XenStore tools, DPDK and our drivers, FILES and MODULES."""
    tree = initramfs.Tree()
    initramfs.add_system(tree)
    for name in ("agent", "inittab", "rc"):
        tree.copy(f"/etc/{name}", f"{HERE}/xen/{name}")
    tree.link("/usr/sbin/poweroff", "../bin/busybox")  # what the kernel runs for xl shutdown
    plugins = [initramfs.plugin_path(name) for name in PLUGINS]
    with xen.libraries():
        initramfs.add_programs(tree, own_programs() | xen.store_tools() | files)
        for soname, path in initramfs.libraries_of(plugins).items():
            initramfs.add_library(tree, path, soname)
    for path in plugins:
        initramfs.add_plugin(tree, path)
    initramfs.add_modules(tree, kernel, (*MODULES, *modules))
    return tree


def build(xen, kernel, folder, files=None, modules=()):
    """Write the archive of dom0, which holds that of other domains, to FOLDER; returns its path.

    FILES maps paths in every domain to files of this machine; MODULES are more kernel modules.
    """
    domain = system(xen, kernel, files or {}, modules).archive()
    dom0 = system(xen, kernel, xen.toolstack() | (files or {}), modules)
    dom0.copy("/etc/xen/scripts/vif-kit", f"{HERE}/xen/vif-script")
    dom0.copy("/boot/vmlinux", kernel.image(folder))
    dom0.put("/boot/domain.cpio", domain)
    data = dom0.archive()
    path = f"{folder}/xen-dom0-{hashlib.sha256(data).hexdigest()[:16]}.cpio"
    if not os.path.exists(path):
        initramfs.write_whole(path, data)
    os.utime(path)
    archives = sorted(glob.glob(f"{folder}/xen-dom0-*.cpio"), key=os.path.getmtime)
    for old in archives[:-3]:
        os.unlink(old)
    return path
