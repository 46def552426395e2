# SPDX-License-Identifier: BSD-3-Clause
"""The guest's kernel and its file system: an initramfs made from the programs of this machine.

The guest runs the distribution's own kernel (see guest_kernel.sh) and holds copies of the programs
installed here: busybox, dpdk-testpmd with the libraries it needs, iproute2. Nothing in it is
compiled for it, so what works in the guest works with the same packages anywhere else.

    /usr/bin, /usr/sbin       programs; everything else in them is busybox
    /usr/lib/x86_64-.../      libraries, and DPDK's plug-in folder with buses and memory pools only
    /pmds                     our drivers, from build/pmds
    /pmds-dpdk                DPDK's own drivers for the same devices, loaded only when asked for
    /etc                      the files of tests/vm/guest

The archive is uncompressed: unpacking costs the emulated CPU more than loading a few more
megabytes.
"""

import glob
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import subprocess

from errors import KitError, Missing

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIBDIR = "/usr/lib/x86_64-linux-gnu"

NEEDED = ("dash", "dpdk-testpmd", "ip")
WELCOME = ("bash", "bridge", "ethtool", "iperf3", "tcpdump")  # taken along when installed
PLUGINS = ("librte_bus_pci", "librte_bus_vdev", "librte_mempool_ring", "librte_mempool_stack")
RIVALS = ("librte_net_vmxnet3",)
DLOPENED = ("libgcc_s.so.1",)  # no library names it: pthread_cancel() opens it
MODULES = (
    "8021q", "bridge", "tap", "tun", "uio", "uio_pci_generic", "veth", "vfio_iommu_type1",
    "vfio_pci", "vhost_net", "virtio_net", "virtio_pci", "vmxnet3",
)


def find_program(name):
    """Path of a program installed here, or unpacked by guest_kernel.sh; None when there is none."""
    sbin = os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin"
    unpacked = sorted(glob.glob(f"{ROOT}/deps/dpdk-dev/*/usr/bin/{name}"))
    return shutil.which(name, path=sbin) or (unpacked[-1] if unpacked else None)


def need_program(name):
    path = find_program(name)
    if path is None:
        raise Missing(f"the program {name} is not installed: run ./run setup")
    return path


class Kernel:
    """The newest kernel below deps/guest-kernel."""

    def __init__(self):
        trees = glob.glob(f"{ROOT}/deps/guest-kernel/*/boot/vmlinuz-*")
        if not trees:
            raise Missing("there is no guest kernel: run tests/vm/guest_kernel.sh (or ./run setup)")
        self.bzimage = max(trees, key=os.path.getmtime)
        self.release = os.path.basename(self.bzimage).removeprefix("vmlinuz-")
        tree = os.path.dirname(os.path.dirname(self.bzimage))
        self.modules = f"{tree}/lib/modules/{self.release}"

    def image(self, folder):
        """A kernel QEMU can start: the vmlinux inside the bzImage when it is packed with xz.

        Unpacking it takes the emulated CPU seconds, and the host a blink. QEMU starts vmlinux
        through its PVH entry.
        """
        target = f"{folder}/vmlinux-{self.release}"
        if not os.path.exists(target):
            vmlinux = unpack_bzimage(self.bzimage)
            if vmlinux is None:
                return self.bzimage
            write_whole(target, vmlinux)
        return target


def unpack_bzimage(path):
    """The ELF file in a bzImage, or None when it is not packed with xz. (Linux: x86/boot.rst)"""
    with open(path, "rb") as file:
        data = file.read()
    setup_sectors = data[0x1F1] or 4
    payload_offset, payload_length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + payload_offset
    if data[start:start + 6] != b"\xfd7zXZ\0":
        return None
    return lzma.LZMADecompressor().decompress(data[start:start + payload_length])


class Tree:
    """Files of the guest by path: what they hold and their mode. Folders appear by themselves."""

    def __init__(self):
        self.entries = {}

    def folder(self, path, mode=0o755):
        if path not in ("/", ""):
            self.folder(os.path.dirname(path))
            self.entries.setdefault(path, (stat.S_IFDIR | mode, b""))

    def put(self, path, data, mode=0o644):
        self.folder(os.path.dirname(path))
        self.entries[path] = (stat.S_IFREG | mode, data)

    def copy(self, path, source):
        with open(source, "rb") as file:
            self.put(path, file.read(), os.stat(source).st_mode & 0o777)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self.entries[path] = (stat.S_IFLNK | 0o777, target.encode())

    def archive(self):
        """The tree as a cpio archive in the kernel's format (initramfs buffer-format.rst, newc)."""
        out = bytearray()
        for number, (path, (mode, data)) in enumerate(sorted(self.entries.items()), 1):
            add_cpio_entry(out, number, path.lstrip("/"), mode, data)
        add_cpio_entry(out, 0, "TRAILER!!!", 0, b"")
        return bytes(out)


def add_cpio_entry(out, number, name, mode, data):
    """Append one file: a header of hexadecimal numbers, name and data each padded to 4 bytes."""
    name = name.encode() + b"\0"
    #         ino     mode  uid gid links mtime size   device numbers  name length  no checksum
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    out += b"070701" + b"".join(b"%08x" % field for field in fields) + name
    out += bytes(-len(out) % 4)
    out += data
    out += bytes(-len(out) % 4)


def libraries_of(files):
    """{soname: path} of all libraries that the dynamic linker loads for these files."""
    ldd = subprocess.run(["ldd", *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=False)
    lost = re.search(r"^\s*(\S+) => not found", ldd.stdout, re.MULTILINE)
    if lost:
        raise KitError(f"the library {lost[1]} is missing, needed by one of {' '.join(files)}")
    return dict(re.findall(r"^\s*(\S+) => (/\S+) \(", ldd.stdout, re.MULTILINE))


def add_library(tree, path, soname=None):
    """Copy a library once, under its own name; its soname is a link to it.

    EAL refuses to start when a bus library is loaded from two different files, so plug-in folders
    hold links to the copy in the library folder.
    """
    real = os.path.realpath(path)
    name = os.path.basename(real)
    if f"{LIBDIR}/{name}" not in tree.entries:
        tree.copy(f"{LIBDIR}/{name}", real)
    if soname and soname != name:
        tree.link(f"{LIBDIR}/{soname}", name)
    return f"{LIBDIR}/{name}"


def add_system(tree):
    """Folders, busybox, and the files of tests/vm/guest."""
    for name in ("bin", "sbin", "lib", "lib64"):
        tree.folder(f"/usr/{name}")
        tree.link(f"/{name}", f"usr/{name}")
    for name in ("/dev", "/proc", "/sys", "/run", "/root"):
        tree.folder(name)
    tree.folder("/tmp", 0o1777)
    tree.link("/var/run", "/run")
    tree.link("/init", "/usr/bin/init")
    busybox = need_program("busybox")
    tree.copy("/usr/bin/busybox", busybox)
    applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    for applet in applets.stdout.split():
        if applet not in ("busybox", "ip", "sh"):
            tree.link(f"/usr/bin/{applet}", "busybox")
    tree.link("/usr/bin/sh", "dash")
    for name in os.listdir(f"{HERE}/guest"):
        tree.copy(f"/etc/{name}", f"{HERE}/guest/{name}")


def add_programs(tree, files):
    """Programs by name or path with their libraries; DPDK's plug-ins; our own programs and drivers.

    FILES maps more guest paths to files of this machine, which may be programs too.
    """
    programs = {f"/usr/bin/{name}": need_program(name) for name in NEEDED}
    programs |= {f"/usr/bin/{n}": find_program(n) for n in WELCOME if find_program(n)}
    programs |= {f"/usr/bin/{os.path.basename(p)}": p for p in glob.glob(f"{ROOT}/build/bin/*")
                 if os.path.isfile(p)}
    programs |= {f"/pmds/{os.path.basename(p)}": p for p in glob.glob(f"{ROOT}/build/pmds/*.so")}
    programs |= files
    plugins = [plugin_path(name) for name in PLUGINS + RIVALS]
    for guest_path, path in programs.items():
        tree.copy(guest_path, path)
    for soname, path in libraries_of([*programs.values(), *plugins]).items():
        add_library(tree, path, soname)
    for soname in DLOPENED:
        add_library(tree, f"{LIBDIR}/{soname}", soname)
    tree.copy("/usr/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2")
    for path in plugins:
        add_plugin(tree, path)


def plugin_path(name):
    """DPDK's own plug-in: the file EAL would load, <plug-in folder>/<name>.so.<ABI version>."""
    found = sorted(glob.glob(f"{LIBDIR}/dpdk/pmds-*/{name}.so.*"), key=len)
    if not found:
        raise Missing(f"DPDK's plug-in {name} is not installed: run ./run setup")
    return found[-1]


def add_plugin(tree, path):
    """Link a plug-in from the folder EAL searches; a rival of our drivers from /pmds-dpdk."""
    library = add_library(tree, path)
    name = os.path.basename(path).split(".")[0]
    if name in RIVALS:
        tree.link(f"/pmds-dpdk/{name}.so", library)
    else:
        tree.link(path, library)


def add_modules(tree, kernel, names):
    """Kernel modules with those they depend on, unpacked, and indexes that know only these."""
    depends = {}
    with open(f"{kernel.modules}/modules.dep", encoding="ascii") as file:
        for line in file:
            path, _, needs = line.partition(":")
            depends[module_name(path)] = [path, *needs.split()]
    with open(f"{kernel.modules}/modules.builtin", encoding="ascii") as file:
        builtin = {module_name(path.strip()) for path in file}
    index = ""
    home = f"/lib/modules/{kernel.release}".replace("/lib", "/usr/lib", 1)
    wanted = sorted(set(names) - builtin)
    unknown = [name for name in wanted if name not in depends]
    if unknown:
        raise KitError(f"kernel {kernel.release} has no module {', '.join(unknown)}")
    needed = {module_name(path) for name in wanted for path in depends[name]}
    for name in sorted(needed):
        plain = [path.removesuffix(".xz") for path in depends[name]]
        tree.put(f"{home}/{plain[0]}", read_module(f"{kernel.modules}/{depends[name][0]}"))
        index += f"{plain[0]}: {' '.join(plain[1:])}\n"
    tree.put(f"{home}/modules.dep", index.encode())
    tree.copy(f"{home}/modules.builtin", f"{kernel.modules}/modules.builtin")


def module_name(path):
    return os.path.basename(path).split(".")[0].replace("-", "_")


def read_module(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        return file.read()


def build(kernel, folder, files=None, modules=()):
    """Write the archive to FOLDER unless one with the same content is there; returns its path."""
    tree = Tree()
    add_system(tree)
    add_programs(tree, files or {})
    add_modules(tree, kernel, (*MODULES, *modules))
    data = tree.archive()
    path = f"{folder}/initramfs-{hashlib.sha256(data).hexdigest()[:16]}.cpio"
    if not os.path.exists(path):
        write_whole(path, data)
    os.utime(path)
    archives = sorted(glob.glob(f"{folder}/initramfs-*.cpio"), key=os.path.getmtime)
    for old in archives[:-6]:
        os.unlink(old)
    return path


def write_whole(path, data):
    """Write a file that appears only when it is complete, owned as the checkout is."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}"
    with open(part, "wb") as file:
        file.write(data)
    if os.geteuid() == 0 and path.startswith(f"{ROOT}/build/"):
        owner = os.stat(ROOT)
        for name in (part, os.path.dirname(path), f"{ROOT}/build"):
            os.chown(name, owner.st_uid, owner.st_gid)
    os.replace(part, path)
