# SPDX-License-Identifier: BSD-3-Clause
"""Run something that makes processes and network namespaces, and leave nothing of it behind, ever.

    code = demo_guard.run(work, tidy)

Python can be interrupted between any two steps, also after a namespace was made and before anybody
noted it, and in the middle of tidying up. So the work is done by a child process that ignores
signals, and its parent, the guard, does nothing but wait for a signal, synchronously. When one
comes the guard kills the worker on the spot, waits until every process the worker had started has
ended too, and only then calls tidy(), which removes what carries the worker's process id in its
name. Signals that come meanwhile are never taken.

Processes cannot get lost: those of the VM kit are killed by the kernel when the worker dies
(children.py), and the guard is the "subreaper" of all others, so they become its children. If the
guard itself is killed with SIGKILL, worker and QEMU die with it; the namespaces then stay until the
kit is used next.
"""

import os
import signal
import sys
import time
import traceback

import children
from errors import KitError

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCHED = (*STOP, signal.SIGCHLD)
PR_SET_CHILD_SUBREAPER = 36
GRACE = 1  # seconds for a small program to end by itself, since ip(8) killed may do half its work


def run(work, tidy):
    """Call work() in a child process; returns its exit code, or 128 + signal.

    tidy(pid) is called when it has ended, with its process id; it returns what it could not remove.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    children.LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    guard = os.getpid()
    sys.stdout.flush()
    worker = os.fork()
    if worker == 0:
        os._exit(_work(work, guard, mask))
    code, number = _wait(worker)
    _end_children()
    left = tidy(worker)
    if number:
        end = "" if left else "; nothing is left behind"
        _say(f"stopped by {signal.Signals(number).name}{end}")
    for what in left:
        _say(f"could not remove {what}")
    return code


def _say(text):
    """One line on stderr, also in the middle of a line that is being rewritten."""
    erase = "\r\x1b[K" if sys.stderr.isatty() and sys.stdout.isatty() else ""
    try:
        print(f"{erase}demo: {text}", file=sys.stderr, flush=True)
    except OSError:  # the terminal is gone
        pass


def _work(work, guard, mask):
    """The worker's life; returns its exit code."""
    for number in STOP:
        signal.signal(number, signal.SIG_IGN)
    children.LIBC.prctl(children.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:  # it died before the line above
        return 1
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KitError as error:
        _say(error)
    except BrokenPipeError:  # nobody reads what we print any more
        pass
    except BaseException:  # no exception may run on into the guard's part of the program
        traceback.print_exc()
    return 1


def _wait(worker):
    """Wait for the worker's end or a signal; returns (exit code, number of the signal or 0)."""
    while True:
        number = signal.sigwait(WATCHED)
        if number != signal.SIGCHLD:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            return 128 + number, number
        pid, status = os.waitpid(worker, os.WNOHANG)
        if pid and os.WIFSIGNALED(status):
            _say(f"its worker was killed by {signal.Signals(os.WTERMSIG(status)).name}")
            return 1, 0
        if pid:
            return os.waitstatus_to_exitcode(status), 0


def _end_children():
    """Wait until all processes below us have ended; kill those that do not, each by its id."""
    deadline = time.monotonic() + GRACE
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        left = deadline - time.monotonic()
        if left <= 0:
            _kill_children()
        signal.sigtimedwait([signal.SIGCHLD], max(left, 0.2))


def _kill_children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        for pid in file.read().split():
            os.kill(int(pid), signal.SIGKILL)
