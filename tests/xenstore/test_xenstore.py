#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""What a real xenstored allows a domain, refuses it, and tells it.

Drivers and tools rely on these answers. Skipped when xenstored was not fetched.
"""

import concurrent.futures
import os
import select
import signal
import subprocess
import sys
import tempfile

from store import KitError, Missing, Store, StoreError, denied, find_daemon, read_line

import checks  # these are in tests/vm, which store knows
import children
from checks import expect, expect_raises

HERE = os.path.dirname(os.path.abspath(__file__))
WATCHES = 129  # the quota is "more than 128", and likewise below
TRANSACTIONS = 11
NODES = 1000
TRANSACTION_NODES = 1024
NODE_SIZE = 2047
NODE_HEAD, PERM_SIZE = 24, 8  # in a node, beside value and names of children


def repeat_until_refused(function, limit=5000):
    """Call function(0), function(1), ...; returns how many were good and the error then."""
    for number in range(limit):
        try:
            function(number)
        except StoreError as error:
            return number, error.name
    raise AssertionError(f"{limit} calls were not refused")


def owned(client, path, domid):
    """How many nodes from PATH on belong to a domain."""
    own = client.perms(path)[0][1:] == str(domid)
    return own + sum(owned(client, f"{path}/{name}", domid) for name in client.ls(path))


def has(client, path, t):
    try:
        client.read(path, t)
    except StoreError as error:
        if error.name != "ENOENT":
            raise
        return False
    return True


def no_event(client):
    expect(client.event(0.1), None, "an event")


def test_home():
    """a guest reads its home, and writes only where libxl made it the owner"""
    with Store() as store:
        store.domain(7)
        guest = store.domain(1).client()
        expect(guest.read("domid"), "1", "domid")
        expect("data" in guest.ls("/local/domain/1"), True, "home lists data")
        for path in ("name", "new", "control/dpdk", "control/dpdk/event_type_start_0", "device/new",
                     "device/pvn/0/state", "backend/pvn", "memory/target"):
            denied("EACCES", guest.write, path, "1")
        denied("EACCES", guest.rm, "control")
        denied("EACCES", guest.mkdir, "libxl")
        for path in ("data/key", "data/dpdk/0/ring-ref", "control/shutdown", "feature/x", "attr/x"):
            guest.write(path, "value")
            expect(guest.read(path), "value", path)
            expect(guest.perms(path), ["n1"], f"permissions of {path}")
        driver = store.domain(2, driver_domain=True).client()
        driver.write("libxl/x", "1")


def test_data_lost():
    """a guest may remove its data directory, and cannot make it again"""
    with Store() as store:
        guest = store.domain(1).client()
        guest.rm("data/none")
        denied("ENOENT", guest.rm, "data/none/none")
        guest.write("data/a/b", "1")
        guest.rm("data")
        denied("EACCES", guest.write, "data/a/b", "1")
        store.make_node("/local/domain/1/data", "n1")
        guest.write("data/a/b", "1")


def test_strangers():
    """nothing of another domain can be read, written or listed, nor is it told what exists"""
    with Store() as store:
        one, two = store.domain(1).client(), store.domain(2).client()
        one.write("data/key", "secret")
        for path in ("/", "/local", "/local/domain", "/local/domain/0", "/local/domain/1",
                     "/local/domain/1/data"):
            denied("EACCES", two.ls, path)
        for path in ("/local/domain/1/data/key", "/local/domain/1/data/none", "/none",
                     "/local/domain/99/domid", "/local/domain/0/domid"):
            denied("EACCES", two.read, path)
            denied("EACCES", two.write, path, "1")
            denied("EACCES", two.rm, path)
        denied("ENOENT", two.read, "data/none")
        expect(one.read("data/key"), "secret", "value")


def test_permissions():
    """an owner lets others in, node by node; it cannot give a node away"""
    with Store() as store:
        one, two = store.domain(1).client(), store.domain(2).client()
        home = "/local/domain/1"
        one.write("data/deep/key", "1")
        one.chmod("data/deep/key", "n1", "r2")
        expect(two.read(f"{home}/data/deep/key"), "1", "below directories it cannot read")
        denied("EACCES", two.write, f"{home}/data/deep/key", "2")
        denied("EACCES", two.chmod, f"{home}/data/deep/key", "n1", "b2")
        denied("EACCES", two.ls, f"{home}/data/deep")
        one.chmod("data/deep/key", "n1", "w2")
        two.write(f"{home}/data/deep/key", "2")
        denied("EACCES", two.read, f"{home}/data/deep/key")
        one.chmod("data/deep", "n1", "b2")
        two.write(f"{home}/data/deep/theirs", "2")
        expect(store.dom0.perms(f"{home}/data/deep/theirs"), ["n2", "b2"], "owned by who made it")
        denied("EACCES", one.read, "data/deep/theirs")
        denied("EPERM", one.chmod, "data/deep/key", "n2")
        one.chmod("data/deep/key", "r1")
        expect(two.read(f"{home}/data/deep/key"), "2", "readable for all")


def check_device(store, front, back):
    """BACK is None for domain 0."""
    guest, stranger = front.client(), store.domain(9).client()
    driver = back.client() if back else store.dom0
    domid = back.domid if back else 0
    ours, theirs = store.device("pvn", 0, front, back, back_kind="pvnb", mac="02:00:00:00:00:01")
    expect(guest.read("device/pvn/0/backend"), theirs, "key backend")
    expect(guest.read(f"{theirs}/mac"), "02:00:00:00:00:01", "the back end's key mac")
    expect(driver.read(f"{theirs}/frontend"), ours, "key frontend")
    guest.write("device/pvn/0/ring-ref", "8")
    driver.write(f"{theirs}/state", "2")
    expect(driver.read(f"{ours}/ring-ref"), "8", "a new key inherits permissions")
    expect(guest.perms("device/pvn/0/ring-ref"), ["n1", f"r{domid}"], "permissions")
    expect(guest.read(f"{theirs}/state"), "2", "the back end's state")
    denied("EACCES", guest.write, f"{theirs}/state", "4")
    denied("EACCES", guest.write, f"{theirs}/new", "4")
    denied("EACCES", guest.rm, theirs)
    denied("EACCES", guest.ls, os.path.dirname(theirs))
    denied("EACCES", guest.write, "device/pvn/1/state", "1")
    for path in (ours, theirs):
        denied("EACCES", stranger.read, f"{path}/state")
        denied("EACCES", stranger.ls, path)
    if back:
        denied("EACCES", driver.write, f"{ours}/state", "6")
        denied("EACCES", driver.rm, ours)
    guest.rm("device/pvn/0")  # which it may
    denied("EACCES" if back else "ENOENT", driver.read, f"{ours}/state")


def test_device():
    """each end of a device writes its own directory and reads the other's; nobody else does"""
    with Store() as store:
        check_device(store, store.domain(1), None)
    with Store() as store:
        check_device(store, store.domain(1), store.domain(2, driver_domain=True))


def test_paths():
    """relative paths start at the domain's home; what a path may be made of"""
    with Store() as store:
        guest = store.domain(1).client()
        expect(store.dom0.read("domid"), "0", "home of domain 0")
        for path in ("data//x", "data/x/", "data/a b", "data/a.b", "data/a:", "data/\xe9"):
            denied("EINVAL", guest.write, path, "1")
        guest.write("data/Az09-_@", "1")
        longest = f"data/{'x' * 1000}/{'y' * 900}/"
        longest += "z" * (2048 - len(longest))
        guest.write(longest, "1")
        expect(guest.read(f"/local/domain/1/{longest}"), "1", "path of 2048 bytes below the home")
        denied("EINVAL", guest.write, f"{longest}z", "1")


def test_watches():
    """a watch fires once when set, for the node and all below, only where it may be read"""
    with Store() as store:
        guest, driver = store.domain(1), store.domain(2)
        one, two = guest.client(), driver.client()
        ours, _ = store.device("pvn", 0, guest, driver)
        two.watch(f"{ours}/state", "a state")
        expect(two.event(), (f"{ours}/state", "a state"), "when set")
        one.write("device/pvn/0/state", "3")
        expect(two.event(), (f"{ours}/state", "a state"), "when written")
        one.write("device/pvn/0/state", "3")
        expect(two.event(), (f"{ours}/state", "a state"), "when the same is written")
        one.write("device/pvn/0/other", "3")
        no_event(two)
        one.rm("device/pvn/0")
        expect(two.event(), (f"{ours}/state", "a state"), "when its parent is removed")
        two.watch("/local/domain/1/data", "secret")
        expect(two.event()[1], "secret", "a watch on what may not be read is set")
        one.write("data/x", "1")
        no_event(two)
        two.unwatch("/local/domain/1/data", "secret")
        denied("ENOENT", two.unwatch, "/local/domain/1/data", "secret")
        one.watch("data", "relative")
        one.watch("/local/domain/1/data", "absolute")
        events = {one.event(), one.event()}
        store.dom0.write("/local/domain/1/data/y/z", "1")
        expect(events | {one.event(), one.event()},
               {("data", "relative"), ("/local/domain/1/data", "absolute"),
                ("data/y/z", "relative"), ("/local/domain/1/data/y/z", "absolute")}, "paths")


def test_programs():
    """programs of one domain have their own watches, and share what the domain may do"""
    with Store() as store:
        guest = store.domain(1)
        one, two = guest.client(), guest.client()
        one.watch("data/x", "one:1")
        two.watch("data/x", "one:1")
        expect([one.event(), two.event()], [("data/x", "one:1")] * 2, "events when set")
        one.unwatch("data/x", "one:1")
        two.write("data/x", "1")
        expect(two.event(), ("data/x", "one:1"), "event of the other program")
        no_event(one)
        repeat_until_refused(lambda n: one.watch("data/w", n))
        denied("E2BIG", two.watch, "data/y")
        repeat_until_refused(lambda n: one.begin())
        denied("ENOSPC", two.begin)
        one.close()  # as the kernel does, its watches and transactions are ended
        expect(repeat_until_refused(lambda n: two.watch("data/w", n)), (WATCHES - 1, "E2BIG"),
               "watches after a crash")
        expect(repeat_until_refused(lambda n: two.begin()), (TRANSACTIONS, "ENOSPC"),
               "transactions after a crash")


def test_transactions():
    """a transaction is all or nothing, and unseen before; a conflict is EAGAIN"""
    with Store() as store:
        guest = store.domain(1)
        one, two = guest.client(), guest.client()
        t = one.begin()
        one.write("data/a", "1", t)
        one.write("data/b", "1", t)
        denied("ENOENT", two.read, "data/a")
        expect(one.read("data/a", t), "1", "own change")
        one.commit(t)
        expect((two.read("data/a"), two.read("data/b")), ("1", "1"), "values")
        t = one.begin()
        one.write("data/a", "2", t)
        one.abort(t)
        expect(two.read("data/a"), "1", "value after abort")
        t = one.begin()
        one.write("data/b", one.read("data/a", t), t)
        two.write("data/a", "3")
        denied("EAGAIN", one.commit, t)
        expect(two.read("data/b"), "1", "value after a conflict")
        denied("ENOENT", one.commit, t)
        t = one.begin()
        denied("EACCES", one.write, "control/dpdk", "1", t)
        one.abort(t)


def test_quota_nodes():
    """a domain may own so many nodes; those that others make in its directories count"""
    with Store() as store:
        guest = store.domain(1).client()
        home = "/local/domain/1"
        make = lambda n: guest.write(f"data/{n % 20}/{n}", "")
        count, error = repeat_until_refused(make)
        expect((error, owned(store.dom0, home, 1)), ("ENOSPC", NODES), "error and nodes")
        print(f"  {count} nodes below data")
        guest.write("data/0/0", "existing ones can be written")
        store.dom0.write(f"{home}/data/more", "1")
        expect(store.dom0.perms(f"{home}/data/more"), ["n1"], "domain 0's node, but the guest's")
        guest.rm("data/0/0")
        denied("ENOSPC", make, 0)
        guest.rm("data/0/20")
        make(0)


def test_quota_size():
    """value, names of children and permissions of a node are at most 2047 bytes"""
    with Store() as store:
        guest = store.domain(1).client()
        most = NODE_SIZE - NODE_HEAD - PERM_SIZE
        guest.write("data/key", "x" * most)
        denied("ENOSPC", guest.write, "data/key", "x" * (most + 1))
        expect(len(guest.read("data/key")), most, "length")
        count, error = repeat_until_refused(lambda n: guest.write(f"data/dir/{n:09d}", ""))
        expect((count, error), (most // 10, "ENOSPC"), "names of 9 bytes in a directory")
        store.dom0.write("/local/domain/1/data/big", "x" * 3000)
        expect(len(guest.read("data/big")), 3000, "domain 0 may write more")
        denied("ENOSPC", guest.write, "data/big", "x" * 2999)
        denied("E2BIG", guest.write, "data/key", "x" * 4096)
        denied("E2BIG", store.dom0.write, "/local/domain/1/data/key", "x" * 4096)
        readers = [f"r{n}" for n in range(2, 7)]
        guest.write("data/four", "")
        denied("ENOSPC", guest.chmod, "data/four", "n1", *readers)
        guest.chmod("data/four", "n1", *readers[:4])


def test_quota_others():
    """watches, transactions, and nodes in one; domain 0 has no limits"""
    with Store() as store:
        guest = store.domain(1).client()
        expect(repeat_until_refused(lambda n: guest.watch("data", n)), (WATCHES, "E2BIG"),
               "watches")
        guest.unwatch("data", 0)
        guest.watch("data", 0)
        denied("EEXIST", guest.watch, "data", 0)
        expect(repeat_until_refused(lambda n: guest.begin()), (TRANSACTIONS, "ENOSPC"),
               "transactions")
        for n in range(WATCHES + 10):
            store.dom0.watch("/local/domain/1", n)
        for _ in range(TRANSACTIONS + 10):
            store.dom0.begin()
        other = store.domain(2).client()
        t = other.begin()
        expect(repeat_until_refused(lambda n: has(other, f"data/{n}", t)),
               (TRANSACTION_NODES - 1, "ENOSPC"), "nodes looked at, and data")
        denied("ENOMEM", other.commit, t)


def test_quota_options():
    """the daemon's options change quotas"""
    with Store(["--watch-nb=4"]) as store:
        guest = store.domain(1).client()
        expect(repeat_until_refused(lambda n: guest.watch("data", n)), (5, "E2BIG"), "watches")
    error = expect_raises(KitError, Store(["--no-such-option", "x"]).__enter__)
    expect("ended with" in str(error), True, "message")


def test_release():
    """who is told that domains come and go, and what becomes of their nodes"""
    with Store() as store:
        one, two = store.domain(1), store.domain(2)
        driver = two.client()
        driver.watch("@introduceDomain", "may not")  # is set, and fires never again
        expect(driver.event(), ("@introduceDomain", "may not"), "when set")
        store.dom0.chmod("@releaseDomain", "n0", "r2")
        for name in ("@releaseDomain", "@introduceDomain"):
            store.dom0.watch(name)
            expect(store.dom0.event(), (name, "token"), "when set")
        driver.watch("@releaseDomain")
        expect(driver.event(), ("@releaseDomain", "token"), "when set")

        def both_told():
            for client in (store.dom0, driver):
                expect(client.event(), ("@releaseDomain", "token"), "event")

        one.client().write("data/x", "1")
        one.shut_down()
        both_told()
        expect(store.introduced(1), True, "a domain that has shut down is introduced")
        one.destroy()
        both_told()
        expect(store.introduced(1), False, "a destroyed domain is introduced")
        denied("ENOENT", store.dom0.read, "/local/domain/1/data/x")
        expect(store.dom0.read("/local/domain/1/name"), "domain1", "node of domain 0")
        store.domain(3)
        expect(store.dom0.event(), ("@introduceDomain", "token"), "event")
        no_event(driver)
        store.release(store.domains[3])
        both_told()
        expect(store.introduced(3), False, "a released domain is introduced")


def test_reused_domid():
    """a new domain with an old one's number has none of its rights"""
    with Store() as store:
        one, two = store.domain(1), store.domain(2)
        one.client().write("data/x", "1")
        one.clients[0].chmod("data/x", "n1", "r2")
        expect(two.client().read("/local/domain/1/data/x"), "1", "value")
        two.destroy()
        other = store.domain(2).client()
        denied("EACCES", other.read, "/local/domain/1/data/x")
        expect(one.clients[0].perms("data/x"), ["n1", "r2"], "permissions shown, not in force")
        expect(other.read("domid"), "2", "domid")


def test_load():
    """four programs of a guest at once, values longer than the ring"""
    with Store() as store:
        guest = store.domain(1)

        def write_and_read(number, client):
            for turn in range(50):
                value = f"{number}.{turn:02}." * 400
                client.write(f"data/{number}", value)
                expect(client.read(f"data/{number}") == value, True, f"value {turn} came back")

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(write_and_read, n, guest.client()) for n in range(4)]
        for job in jobs:
            job.result()
        store.dom0.watch("/local/domain/1/data")
        for n in range(200):
            guest.clients[0].write("data/n", n)
        expect(store.dom0.event(), ("/local/domain/1/data", "token"), "when set")
        events = list(iter(lambda: store.dom0.event(0.2), None))
        expect(set(events), {("/local/domain/1/data/n", "token")}, "events")
        print(f"  {len(events)} events for 200 writes")  # fewer if one was still to be sent
        expect(len(events) <= 200, True, "no more events than writes")


def ended(process_id, timeout=10):
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    gone = bool(select.select([handle], [], [], timeout)[0])
    os.close(handle)
    return gone


def test_killed():
    """all processes end with the test, by whichever signal; their folder goes too"""
    code = ("import time, store\nstore.children.leave_with_statements_on_signals()\n"
            "with store.Store() as s:\n"
            "    d = s.domain(1)\n"
            "    print(s.daemon.pid, d.bridge.pid, d.client().pid(), flush=True)\n"
            "    while True:  # a signal just before a long sleep would not shorten it\n"
            "        time.sleep(0.1)\n")
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"TMPDIR": folder}
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            child = children.start([sys.executable, "-Bc", code], cwd=HERE, env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            pids = [int(word) for word in read_line(child).split()]
            child.send_signal(number)
            child.wait()
            child.stdout.close()
            expect([pid for pid in pids if not ended(pid)], [], f"left after signal {number}")
            expect(len(os.listdir(folder)), int(number == signal.SIGKILL), "folders")
        left = f"{folder}/{os.listdir(folder)[0]}"
        os.utime(left, (0, 0))
        tempfile.tempdir = folder
        try:
            with Store():
                expect(os.path.exists(left), False, "the folder of the killed test is there")
        finally:
            tempfile.tempdir = None


def need_daemon():
    """Without it, one reason for all is the last line."""
    try:
        find_daemon()
    except Missing as missing:
        print(missing)
        sys.exit(77)


if __name__ == "__main__":
    need_daemon()
    checks.main([test_home, test_data_lost, test_strangers, test_permissions, test_device,
                 test_paths, test_watches, test_programs, test_transactions, test_quota_nodes,
                 test_quota_size, test_quota_others, test_quota_options, test_release,
                 test_reused_domid, test_load, test_killed], timeout=30)
