# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's real xenstored, with domains, on a machine without Xen.

    with Store() as store:
        guest, driver = store.domain(1), store.domain(2)
        front, back = store.device("pvn", 0, front=guest, back=driver)
        program = subprocess.Popen(..., env=os.environ | guest.environment())
        client = guest.client()
        client.write("data/key", "value")       # relative to /local/domain/1
        denied("EACCES", client.write, "key", "value")
        store.dom0.write(f"{front}/state", "1")

How it works. xenstored runs with a library (shim.c) that stands for Xen: domains, shared pages and
event channels are files and sockets in a temporary folder. Each domain is a process (bridge.c) with
that domain's end of the rings, and a socket for libxenstore. So permissions, ownership, quotas,
relative paths, watches and transactions are the daemon's own, and so are its errors. A program
becomes one of domain 1 by having that domain's socket in XENSTORED_PATH.

Not there: grants and event channels between domains, and domains that are dying. Everything ends
with the process that started it, even if that is killed with SIGKILL; a later Store removes its
folder then. Use a Store in the thread that made it, which must live as long (see children.py).
"""

import contextlib
import fcntl
import glob
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{ROOT}/tests/vm")

import children  # noqa: E402
from errors import KitError, Missing  # noqa: E402

BUILD = os.environ.get("PVN_XENSTORE_BUILD", f"{ROOT}/build/tests/xenstore")
PREFIX = "pvn-xenstore-"
PORT_VIRQ = 1  # as in fake_xen.h
TIMEOUT = 20  # for anything that takes milliseconds

# What libxl makes in a guest's home: readable for the guest, or its own.
READ_ONLY = ("", "cpu", "memory", "device", "control")
OWN = ("device/suspend/event-channel", "control/shutdown", "control/feature-poweroff",
       "control/feature-reboot", "control/feature-suspend", "control/sysrq", "data", "drivers",
       "feature", "attr", "error")
OWN_OF_DRIVER_DOMAIN = ("libxl", "device-model")


class StoreError(KitError):
    """XenStore refused; .name is the error it gave, like EACCES."""

    def __init__(self, name, what):
        super().__init__(f"{name} from {what}")
        self.name = name


def denied(name, function, *args):
    """Check that a call ends with this error of XenStore."""
    try:
        result = function(*args)
    except StoreError as error:
        if error.name != name:
            raise AssertionError(f"{error}, expected {name}") from error
        return
    raise AssertionError(f"{function.__name__}{args} returned {result!r}, expected {name}")


def read_line(process, timeout=TIMEOUT):
    """A line of a process's output, without its end; KitError when none comes."""
    line = bytearray()
    end = time.monotonic() + timeout
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        if left < 0 or not select.select([process.stdout], [], [], left)[0]:
            raise KitError(f"{process.args[0]} has said nothing for {timeout} s")
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            raise KitError(f"{process.args[0]} has ended with {process.wait()}")
        line += data
    return line[:-1].decode()


class Client:
    """A program in a domain, that does with XenStore as it is told.

    Paths without a leading slash are relative to the domain's home. T is a transaction, from
    begin(). What XenStore refuses raises StoreError.
    """

    def __init__(self, environment):
        # Not children.start: it ends when its input does, so with us.
        self.process = subprocess.Popen([f"{BUILD}/xs_client"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, process_group=0,
                                        env=os.environ | environment)

    def close(self):
        """End the program as if it crashed."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def pid(self):
        return self.process.pid

    def do(self, command, *args, timeout=TIMEOUT):
        """A command of xs_client; returns the fields of its answer, as bytes."""
        words = [urllib.parse.quote(word if isinstance(word, bytes) else str(word)) or "%"
                 for word in args]
        what = f"{command} {' '.join(words)[:200]}"
        try:
            self.process.stdin.write(f"{' '.join([command, *words])}\n".encode())
        except BrokenPipeError:
            pass  # its last words are read below
        status, *fields = read_line(self.process, timeout).split(" ")
        if status == "error":
            raise StoreError(fields[0], what)
        if status != "ok":
            raise KitError(f"{what}: {status} {' '.join(fields)}")
        return [b"" if field == "%" else urllib.parse.unquote_to_bytes(field) for field in fields]

    def read(self, path, t=0):
        """The value; those that are no text must be read by read_bytes()."""
        return self.read_bytes(path, t).decode()

    def read_bytes(self, path, t=0):
        return self.do("read", t, path)[0]

    def write(self, path, value, t=0):
        self.do("write", t, path, value)

    def mkdir(self, path, t=0):
        self.do("mkdir", t, path)

    def rm(self, path, t=0):
        self.do("rm", t, path)

    def ls(self, path, t=0):
        return [name.decode() for name in self.do("ls", t, path)]

    def perms(self, path, t=0):
        """Like ["n1", "r2"]: owned by 1, nothing for others, but 2 may read."""
        return [perm.decode() for perm in self.do("perms", t, path)]

    def chmod(self, path, *perms, t=0):
        self.do("chmod", t, path, *perms)

    def begin(self):
        return int(self.do("begin")[0])

    def commit(self, t):
        self.do("commit", t)

    def abort(self, t):
        self.do("abort", t)

    def watch(self, path, token="token"):
        self.do("watch", path, token)

    def unwatch(self, path, token="token"):
        self.do("unwatch", path, token)

    def event(self, timeout=TIMEOUT):
        """The next (path, token) of a watch, or None if none comes for so many seconds."""
        try:
            path, token = self.do("event", int(timeout * 1000), timeout=timeout + TIMEOUT)
        except StoreError as error:
            if error.name == "ETIMEDOUT":
                return None
            raise
        return path.decode(), token.decode()


class Domain:
    """A domain, made by Store.domain(). .path is its home, .socket is for XENSTORED_PATH."""

    def __init__(self, store, domid):
        self.store = store
        self.domid = domid
        self.path = f"/local/domain/{domid}"
        self.socket = f"{store.folder}/xs.{domid}" if domid else f"{store.folder}/socket"
        self.clients = []
        self.bridge = None

    def environment(self):
        """What a program needs to be one of this domain."""
        return {"XENSTORED_PATH": self.socket}

    def client(self):
        """A new program in this domain, see Client; ends with the Store at the latest."""
        client = Client(self.environment())
        self.clients.append(client)
        return client

    def start(self):
        """From here on Xen knows it; xenstored does not."""
        self.bridge = children.start([f"{BUILD}/xenstore_bridge", str(self.domid)],
                                     cwd=self.store.folder, stdout=subprocess.PIPE)
        if read_line(self.bridge) != "ready":
            raise KitError("the bridge is not ready")

    def end(self):
        """End the domain's processes, and remove what stood for it."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        if self.bridge is None:
            return
        children.end(self.bridge)
        self.bridge = None
        for what in ("page", "down", "event", "xs"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.store.folder}/{what}.{self.domid}")

    def shut_down(self):
        """The guest has powered off: the domain is there still, and xenstored is told."""
        with open(f"{self.store.folder}/down.{self.domid}", "xb"):
            pass
        self.store.tell_daemon()

    def destroy(self):
        """Xen has removed the domain, with all programs in it, and tells xenstored.

        Its nodes that domain 0 owns stay, as with libxl until that removes them.
        """
        self.end()
        self.store.domains.pop(self.domid)
        self.store.tell_daemon()
        end = time.monotonic() + TIMEOUT
        while self.store.introduced(self.domid):
            if time.monotonic() > end:
                raise KitError(f"xenstored has not noticed the end of domain {self.domid}")


class Store:
    """A running xenstored. .dom0 is a client in domain 0, which may do everything.

    OPTIONS are the daemon's, to change its quotas: ["--watch-nb=4"].
    """

    def __init__(self, options=()):
        self.options = options
        self.stack = contextlib.ExitStack()
        self.domains = {}
        self.folder = self.daemon = self.dom0 = None

    def __enter__(self):
        daemon = find_daemon()
        with self.stack:
            self.folder = self.stack.enter_context(temporary_folder())
            self.stack.callback(self.end)
            self.start_daemon(daemon)
            self.start_domain_0()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_exc):
        self.stack.close()

    def end(self):
        for domain in self.domains.values():
            domain.end()
        if self.daemon is not None:
            children.end(self.daemon)

    def start_daemon(self, program):
        """It prints its process id when it is ready."""
        libraries = f"{program[:program.index('/usr/lib/')]}/usr/lib/x86_64-linux-gnu"
        environment = {"LD_PRELOAD": f"{BUILD}/xenstored_shim.so", "LD_LIBRARY_PATH": libraries,
                       "XENSTORED_RUNDIR": ".", "XENSTORED_ROOTDIR": "."}
        with open(f"{self.folder}/log", "wb") as log:
            self.daemon = children.start(
                [program, "--no-fork", "--output-pid", *self.options], cwd=self.folder,
                env=environment, stdout=subprocess.PIPE, stderr=log)
        try:
            read_line(self.daemon)
        except KitError as error:
            raise KitError(f"{error}\n{self.log()}") from error

    def start_domain_0(self):
        """What xen-init-dom0 does."""
        self.domains[0] = Domain(self, 0)
        self.dom0 = self.domains[0].client()
        self.dom0.write("domid", 0)
        self.dom0.write("name", "Domain-0")

    def log(self):
        """What the daemon has to complain about."""
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def tell_daemon(self):
        """Xen's event "some domain has changed"."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(TIMEOUT)
            sock.sendto(struct.pack("=I", PORT_VIRQ), f"{self.folder}/event")

    def domain(self, domid, driver_domain=False):
        """Make a domain with its home as libxl makes it, and introduce it to xenstored."""
        domain = Domain(self, domid)
        self.domains[domid] = domain
        domain.start()
        self.make_home(domain, driver_domain)
        self.dom0.do("introduce", domid, 1)
        return domain

    def make_home(self, domain, driver_domain):
        t = self.dom0.begin()
        self.dom0.rm(domain.path, t)
        for name in READ_ONLY:
            self.make_node(f"{domain.path}/{name}".rstrip("/"), "n0", f"r{domain.domid}", t=t)
        for name in OWN + (OWN_OF_DRIVER_DOMAIN if driver_domain else ()):
            self.make_node(f"{domain.path}/{name}", f"n{domain.domid}", t=t)
        self.dom0.write(f"{domain.path}/domid", domain.domid, t)
        self.dom0.write(f"{domain.path}/name", f"domain{domain.domid}", t)
        self.dom0.commit(t)

    def make_node(self, path, *perms, t=0):
        """An empty node with these permissions."""
        self.dom0.write(path, "", t)
        self.dom0.chmod(path, *perms, t=t)

    def device(self, kind, number, front, back=None, back_kind=None, **keys):
        """Make the two directories of a device as libxl does; returns their paths.

        The back end is in domain 0 if BACK is None. KEYS are more keys for the back end.
        """
        home, domid = (back.path, back.domid) if back else ("/local/domain/0", 0)
        ours = f"{front.path}/device/{kind}/{number}"
        theirs = f"{home}/backend/{back_kind or kind}/{front.domid}/{number}"
        self.make_node(ours, f"n{front.domid}", f"r{domid}")
        self.make_node(theirs, f"n{domid}", f"r{front.domid}")
        for path, values in ((ours, {"backend": theirs, "backend-id": domid}),
                             (theirs, {"frontend": ours, "frontend-id": front.domid,
                                       "online": 1, **keys})):
            for key, value in {**values, "state": 1}.items():
                self.dom0.write(f"{path}/{key}", value)
        return ours, theirs

    def release(self, domain):
        """Have xenstored forget a domain that still runs; its requests wait for ever then."""
        self.dom0.do("release", domain.domid)

    def introduced(self, domid):
        return self.dom0.do("introduced", domid) == [b"1"]


def find_daemon():
    """The path of xenstored; Missing if something is not there."""
    if not os.path.exists(f"{BUILD}/xs_client"):
        raise Missing(f"{BUILD}/xs_client is not built: run ./run build")
    found = sorted(glob.glob(f"{ROOT}/deps/xen/*/usr/lib/xen-*/bin/xenstored"))
    if not found:
        raise Missing("deps/xen holds no xenstored: run tests/vm/xen_packages.sh")
    return found[-1]


@contextlib.contextmanager
def temporary_folder():
    """A folder that goes at the end; those of killed tests go too. Ours has a lock on it."""
    remove_left_folders()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        if len(f"{folder}/event.65535") > 107:
            raise KitError(f"{folder} is too long a name for sockets in it: set TMPDIR")
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield folder
        finally:
            os.close(handle)


def remove_left_folders():
    """Those nobody holds a lock on. One may be new and not locked yet: it has a minute."""
    for folder in glob.glob(f"{tempfile.gettempdir()}/{PREFIX}*"):
        with contextlib.suppress(OSError):
            if os.stat(folder).st_mtime > time.time() - 60:
                continue
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
