# SPDX-License-Identifier: BSD-3-Clause
"""What can go wrong in the VM kit; the message of each is meant for the person who ran the test."""


class KitError(Exception):
    """A guest, a device or a command did not do what was asked."""


class Missing(KitError):
    """This machine lacks a program, a package or a right; tests that need it are skipped."""


class VmError(KitError):
    """Something went wrong with a running guest; the message shows its console."""


class VmTimeout(VmError):
    """The guest did not do something in time."""


class VmDied(VmError):
    """QEMU ended: the guest panicked or powered off, or QEMU crashed or refused its arguments."""


class CommandFailed(VmError):
    """A command in the guest ended with a code other than 0."""
