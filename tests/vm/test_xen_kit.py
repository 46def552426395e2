#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The Xen kit itself: domains boot, talk, share memory and frames, and go, all on real Xen."""

import os
import random
import signal
import subprocess
import sys
import tempfile

import checks
import children
import xenimage
from checks import expect, expect_raises
from errors import CommandFailed, VmDied, VmError, VmTimeout
from test_kit import ended
from xenkit import EAL, Shared

HERE = os.path.dirname(os.path.abspath(__file__))
XEN = Shared("xen")


def test_killed():
    """QEMU ends with the test that started it, by whichever signal"""
    xenimage.Xen()  # without it all of this is skipped
    code = ("import children, xenkit\nchildren.leave_with_statements_on_signals()\n"
            "class Booting(xenkit.XenHost):\n"
            "    def _wait_boot(self):\n"
            "        print(self.process.pid, flush=True); super()._wait_boot()\n"
            "with Booting('child'): pass")
    for number in (signal.SIGKILL, signal.SIGTERM):
        with tempfile.TemporaryDirectory() as folder:
            child = children.start([sys.executable, "-Bc", code], cwd=HERE, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=os.environ | {"TMPDIR": folder})
            qemu = int(child.stdout.readline())
            child.send_signal(number)
            child.wait()
            child.stdout.close()
            expect(ended(qemu), True, f"QEMU ended when the test got signal {number}")
            expect(os.listdir(folder), [], "temporary files")


def test_dom0():
    """toolstack, device nodes and real programs are there in dom0"""
    with XEN as dom0:
        expect(dom0.run("echo out; echo err >&2; exit 3"), (3, "out\nerr\n"), "code and output")
        expect("Domain-0" in dom0.check("xl list"), True, "xl lists dom0")
        expect(dom0.check("xenstore-read domid"), "0\n", "its number in XenStore")
        dom0.check("for n in evtchn gntalloc gntdev privcmd; do [ -c /dev/xen/$n ] || exit 1; done")
        data = random.randbytes(100_000)
        dom0.put("/tmp/with space", data)
        expect(dom0.check("wc -c <'/tmp/with space'").strip(), "100000", "size of a file")
        expect_raises(CommandFailed, dom0.check, "exit 9")
        error = expect_raises(CommandFailed, dom0.create, "bad", extra=["memory = 'none'"])
        expect("memory" in str(error), True, "xl's complaint is in the message")


def test_domains():
    """two domains: commands in both at once, large output, programs, timeouts, destruction"""
    with XEN as dom0:
        one, two = dom0.create("one"), dom0.create("two")
        slow = one.start("read word; echo got $word; exit 5")
        expect(two.check("xenstore-read domid"), f"{two.domid}\n", "number of the second")
        expect(two.check("cat /sys/module/xen_gntalloc/parameters/limit"), "65536\n", "grants")
        two.check("for n in evtchn gntalloc gntdev xenbus; do [ -c /dev/xen/$n ] || exit 1; done")
        numbers = "".join(f"{i}\n" for i in range(1, 20001))
        expect(two.check("seq 1 20000", timeout=60), numbers, "100 KB through the console")
        slow.send("it\n")
        slow.wait("got it\n")
        expect(slow.ended(), 5, "exit code")
        error = expect_raises(VmTimeout, one.run, "sleep 1000", timeout=0.5)
        expect("sleep 1000 in one" in str(error), True, "the message names command and domain")
        expect(one.check("echo still"), "still\n", "a stuck command does not block others")
        sleeper = one.start("exec sleep 1000")
        expect(sleeper.kill(), 128 + 9, "exit code after SIGKILL")
        one.destroy()
        expect(dom0.check("xenstore-list /local/domain").split(), ["0", str(two.domid)], "domains")
        expect_raises(VmError, one.run, "true")
        error = expect_raises(VmDied, two.run, "echo c >/proc/sysrq-trigger")
        expect("Kernel panic" in str(error), True, "the console shows the panic")


def check_store(dom0, one, two):
    """XenStore between two domains obeys permissions."""
    node = f"/local/domain/{one.domid}/data/note"
    one.check("xenstore-write data/note hello")
    expect(two.run(f"xenstore-read {node}")[0], 1, "exit code of a read that is not allowed")
    one.check(f"xenstore-chmod {node} n{one.domid} r{two.domid}")
    expect(two.check(f"xenstore-read {node}"), "hello\n", "a read that is")
    expect(two.run(f"xenstore-write {node} no")[0], 1, "exit code of a write that is not")
    expect(dom0.check(f"xenstore-read {node}"), "hello\n", "what dom0 reads")
    expect(one.run("xenstore-write control/note no")[0], 1, "exit code of a write to control")


def share_and_map(sharer, mapper):
    """Start xen_grant in two domains; returns its two programs, which share a page."""
    there = sharer.start(f"exec xen_grant share {mapper.domid}")
    gref = int(there.match(r"gref (\d+)\n")[1])
    here = mapper.start(f"exec xen_grant map {sharer.domid} {gref}")
    here.wait("mapped\n")
    return there, here


def test_store_and_grants():
    """XenStore permissions; a granted page carries text, either side learns of the other's end"""
    with XEN as dom0:
        one, two = dom0.create("one"), dom0.create("two")
        check_store(dom0, one, two)
        for sharer, mapper in ((one, dom0), (dom0, one), (one, two)):
            there, here = share_and_map(sharer, mapper)
            for writer, reader in ((there, here), (here, there)):
                writer.send(f"write by {writer.pid}\n")
                writer.wait("written\n")
                reader.send("read\n")
                reader.wait(f"text by {writer.pid}\n")
            here.send("watch 0\n")
            there.kill()
            here.wait("cleared 0\n")
            here.kill()
            there, here = share_and_map(sharer, mapper)
            there.send("watch 1\n")
            here.kill()
            there.wait("cleared 1\n")
            there.kill()


def test_kernel_network():
    """ping between a domain and dom0 over the kernel's netfront and netback"""
    with XEN as dom0:
        one = dom0.create("one", vifs=["mac=00:16:3e:00:00:01"])
        one.bring_up("10.9.2.2/24")
        dom0.check(f"ip addr add 10.9.2.1/24 dev {one.vif()}")
        dom0.check("busybox ping -c 3 -i 0.1 -W 5 10.9.2.2")
        one.check("busybox ping -c 3 -i 0.1 -W 5 10.9.2.1")


def test_testpmd():
    """the unmodified testpmd runs in dom0 and in a domain, and answers while it forwards"""
    with XEN as dom0:
        one = dom0.create("one")
        for domain in (dom0, one):
            pmd = domain.testpmd([*EAL, "--vdev=net_null0"], ["--total-num-mbufs=2048"])
            expect("net_null" in pmd.cmd("show port info 0"), True, "driver name")
            pmd.cmd("start")
            expect("RX-packets" in pmd.cmd("show fwd stats all"), True, "statistics")
            expect(domain.check("echo meanwhile"), "meanwhile\n", "a command beside it")
            pmd.cmd("stop")
            expect(pmd.quit(), 0, "exit code of testpmd")


def test_pause_and_save():
    """a paused domain stands still, a saved one goes on where it was, and shuts down"""
    with XEN as dom0:
        one = dom0.create("one", mem_mb=256)
        program = one.start("while read word; do echo got $word; done")
        one.pause()
        program.send("first\n")
        expect_raises(VmTimeout, program.wait, "got first\n", timeout=0.5)
        one.unpause()
        program.wait("got first\n")
        before = one.domid
        one.save("/var/lib/xen/save/one")
        expect("one" in dom0.check("xl list"), False, "a saved domain is there")
        one.restore("/var/lib/xen/save/one")
        expect(one.domid > before, True, "it has a new number")
        program.send("second\n")
        program.wait("got second\n")
        one.shutdown()
        expect(dom0.check("xenstore-list /local/domain"), "0\n", "domains")


if __name__ == "__main__":
    checks.main([test_killed, test_dom0, test_domains, test_store_and_grants,
                 test_kernel_network, test_testpmd, test_pause_and_save], timeout=120)
