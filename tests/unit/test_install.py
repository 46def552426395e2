#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What meson install puts where, and that a program builds with it."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["PVN_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*args, **more):
    return subprocess.run([str(a) for a in args], check=True, text=True,
                          stdout=subprocess.PIPE, **more).stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dest = tempfile.TemporaryDirectory(prefix="test_install.")
        cls.addClassCleanup(cls.dest.cleanup)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.dest.name)
        options = {o["name"]: o["value"]
                   for o in json.loads(run("meson", "introspect", "--buildoptions", BUILD))}
        cls.root = pathlib.Path(cls.dest.name)
        cls.prefix = cls.root / options["prefix"].lstrip("/")
        cls.lib = cls.prefix / options["libdir"]

    def test_drivers(self):
        """EAL's folder has all but the one that DPDK has another driver for."""
        found = sorted(p.name for p in self.root.rglob("pmds-*/*"))
        self.assertEqual(found, [f"librte_net_{n}.so" for n in ("ivshmem", "xenback", "xenvirt")])
        own = sorted(p.name for p in (self.lib / "paravane/pmds").iterdir())
        self.assertEqual(own, ["librte_net_pvn_vmxnet3.so"])

    def test_files(self):
        for name in ("bin/pvnctl", "bin/pvswitch", "share/man/man8/pvnctl.8",
                     "share/man/man8/pvswitch.8", "share/bash-completion/completions/pvnctl",
                     "share/doc/paravane/LICENSE", "share/doc/paravane/howto/pvswitch.md",
                     "share/doc/paravane/examples/Makefile"):
            self.assertTrue((self.prefix / name).is_file(), name)

    def test_units(self):
        """They start programs, and read files, that are installed."""
        units = list(self.root.rglob("*.service"))
        self.assertEqual(sorted(u.name for u in units), ["pvn-ivshmem.service", "pvswitch.service"])
        for unit in units:
            text = unit.read_text(encoding="utf-8")
            paths = re.findall(r"^Exec\w+=(/\S+/pv\w+)", text, re.M)
            paths += re.findall(r"--config (/\S+)|^EnvironmentFile=-(/\S+)", text, re.M)
            self.assertGreater(len(paths), 0)
            for path in paths:
                path = path if isinstance(path, str) else path[0] or path[1]
                self.assertTrue((self.root / path.lstrip("/")).is_file(), path)

    def test_configuration(self):
        conf, = self.root.rglob("etc/pvswitch/pvswitch.conf")
        run(BUILD / "bin/pvswitch", "--", "--check", "--config", conf)

    def test_symbols(self):
        """The library has what its headers declare, and no more."""
        declared = set()
        for header in (self.prefix / "include/paravane").glob("pvn_ivshmem*.h"):
            text = re.sub(r"/\*.*?\*/|^#.*?$", "", header.read_text(encoding="utf-8"),
                          flags=re.S | re.M)
            declared |= set(re.findall(r"\b(pvn_ivshmem_\w+)\([^;{}]*\)[^;{}()]*;", text))
        lines = run("nm", "-D", "--defined-only", self.lib / "libpvn_ivshmem.so.0").splitlines()
        exported = {line.split()[2].split("@")[0] for line in lines if " T " in line}
        self.assertEqual(exported, declared)
        symbols = (SOURCE / "debian/libpvn-ivshmem0.symbols").read_text(encoding="utf-8")
        self.assertEqual(set(re.findall(r"^ (pvn_\w+)@", symbols, re.M)), exported)

    def test_example(self):
        """The installed pkg-config file and headers are enough to build one."""
        text = (self.lib / "pkgconfig/pvn-ivshmem.pc").read_text(encoding="utf-8")
        moved = re.sub(r"^prefix=.*$", f"prefix={self.prefix}", text, flags=re.M)
        (self.root / "pvn-ivshmem.pc").write_text(moved, encoding="utf-8")
        env = dict(os.environ, PKG_CONFIG_PATH=str(self.root))
        flags = run("pkg-config", "--cflags", "--libs", "pvn-ivshmem", env=env).split()
        exe = self.root / "ivshmem_host"
        run("cc", "-O1", "-Werror", "-o", exe,
            self.prefix / "share/doc/paravane/examples/ivshmem_host.c", *flags)
        needed = run("readelf", "-d", exe)
        self.assertIn("[libpvn_ivshmem.so.0]", needed)


if __name__ == "__main__":
    unittest.main()
