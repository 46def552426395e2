# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet frames with and without a VLAN tag, as bytes."""

import struct

PEER_ETHER_TYPE = 0x88B5  # what portpeer's frames have


def raw(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(dst, src, payload=b"", vlan=None, priority=0, kind=PEER_ETHER_TYPE):
    """A frame's bytes, tagged if `vlan` is given."""
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, priority << 13 | vlan)
    return (raw(dst) + raw(src) + tag + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def tag_of(data):
    """(VLAN, priority) of a frame, or None."""
    if data[12:14] != b"\x81\x00":
        return None
    tci = int.from_bytes(data[14:16], "big")
    return tci & 0xFFF, tci >> 13
