#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""libvirt's own check takes the XML that pvnctl ivshmem prints.

virt-xml-validate compares a domain with libvirt's schema by xmllint. Its schemas are looked for in
/usr/share/libvirt, where these here appear in a mount namespace of its own.
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../ivshmem"]

from keeper import TIMEOUT, Keeper  # noqa: E402 (adds tests/vm to the path)
from packages import package  # noqa: E402
import checks  # noqa: E402
from checks import expect  # noqa: E402
from initramfs import find_program  # noqa: E402

DOMAIN = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web</name>
  <memory unit='GiB'>1</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
{devices}
  </devices>
{more}
</domain>
"""


def validate(xml):
    """virt-xml-validate on a domain; its exit code and what it said."""
    xmllint = find_program("xmllint") or package("libxml2-utils", "usr/bin/xmllint")
    with tempfile.TemporaryDirectory(prefix="pvn-xml-") as folder:
        path = f"{folder}/web.xml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-euc",
             'mount -t tmpfs none /usr/share; mkdir -p /usr/share/libvirt/schemas; '
             'mount --bind "$1" /usr/share/libvirt/schemas; PATH="$2:$PATH" exec sh "$3" "$4"', "sh",
             package("libvirt0", "usr/share/libvirt/schemas"), os.path.dirname(xmllint),
             package("libvirt-clients", "usr/bin/virt-xml-validate"), path],
            capture_output=True, text=True, timeout=TIMEOUT, check=False)
    return done.returncode, done.stdout + done.stderr


def expect_valid(devices="", more=""):
    code, said = validate(DOMAIN.format(devices=devices, more=more))
    expect(code, 0, f"exit code of virt-xml-validate, which said: {said}")


def test_xml():
    """a domain with what pvnctl prints, for a doorbell device and for plain ones"""
    with Keeper(["r0,size=64M,vectors=4", "r1,size=1M"]) as keeper:
        expect_valid(devices=keeper.ctl("xml r0"))
        expect_valid(devices=keeper.ctl("xml r0") + keeper.ctl("xml r1"))
        expect_valid(more=keeper.ctl("xml r0 --plain"))
        expect_valid(more=keeper.ctl("xml r0 --plain --read-only"))


def test_can_fail():
    """what the schema does not know is refused"""
    with Keeper(["r0,size=64M,vectors=4"]) as keeper:
        xml = keeper.ctl("xml r0")
        for good, bad in (("ivshmem-doorbell", "ivshmem-bell"), ("server path", "server file"),
                          ("vectors='4'", "vectors='four'")):
            expect(good in xml, True, f"{good} in {xml}")
            code, said = validate(DOMAIN.format(devices=xml.replace(good, bad), more=""))
            expect((code != 0, "fails to validate" in said), (True, True), f"{bad}: {said}")


if __name__ == "__main__":
    checks.main([test_xml, test_can_fail], timeout=60)
