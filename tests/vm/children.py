# SPDX-License-Identifier: BSD-3-Clause
"""Processes that never outlive the test that started them, however it ends."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def start(args, **options):
    """subprocess.Popen, killed by the kernel when we die, even by SIGKILL; in its own group.

    The kernel watches the thread that called this, so call it from one that lives as long as the
    test.
    """
    parent = os.getpid()

    def end_with_parent():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(args, process_group=0, preexec_fn=end_with_parent, **options)


def end(process):
    """Kill a process and wait for it; one that has ended already is fine."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def leave_with_statements_on_signals():
    """Make SIGTERM and SIGHUP end the program as SIGINT does: by an exception, tidying up."""
    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
