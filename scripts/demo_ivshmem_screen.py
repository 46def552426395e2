# SPDX-License-Identifier: BSD-3-Clause
"""What the demo's third scene shows: picture, live line, table."""

import textwrap

from demo_screen import WIDTH

PICTURE = """\
    this machine                                        one QEMU guest
 +----------------+      +- memory of both --------+      +----------------+
 | trip           | lend |  a pool of 4095 buffers | take | ivshmem_guest  |
 |  a pcap's      |======|  an mbuf's address goes |======|  checks frame, |
 |  frames        | take |  over, its bytes stay   | give |  swaps MACs    |
 +----------------+      +-------------------------+      +----------------+

 The guest is stock QEMU with an ivshmem-doorbell device; `pvnctl ivshmem serve`
 keeps the memory. In the middle the guest is killed. Ctrl-C stops it.
"""


def pcap_line(pcap):
    protocols = ", ".join(f"{name} {count:,}" for name, count in sorted(pcap["protocols"].items()))
    return (f"recorded {pcap['frames']:,} frames, {pcap['bytes'] / 1e6:.1f} MB, by protocol: "
            f"{protocols}")


def live_line(what, rate, now):
    ours = f", home {now['home']:,}, free {now['free']:,}" if "home" in now else ""
    return (f"{what}: {rate['frames_s'] / 1e3:,.0f} thousand frames/s, {rate['mbit_s']:,.0f} Mbit/s"
            f" | {now['frames']:,} back, {now['bad']} changed | lent {now['lent']:,}{ours}")


def rate_line(what, rate):
    return (f"{what}: {rate['frames']:,} frames in {rate['seconds']:.1f} s, "
            f"{rate['frames_s'] / 1e3:,.0f} thousand/s, {rate['mbit_s']:,.0f} Mbit/s, "
            f"{rate['bad']} came back changed")


def kill_line(kill):
    return (f"{rate_line('guest 1, pointer mode', kill['rate'])}\n"
            f"QEMU killed (SIGKILL) with {kill['had']:,} buffers lent: {kill['reclaimed']:,} are "
            f"back after {kill['ms']:.1f} ms; of {kill['buffers']:,} buffers "
            f"{kill['home'] + kill['free']:,} are here, {kill['lent']} lent")


def row(label, cells):
    return f"{label:<26}" + "".join(f"{cell:>18}" for cell in cells)


def table(figures):
    """The ways as columns, and below them what became of the buffers."""
    ways = [way for way in ("link", "net", "vhost") if way in figures]
    heads = {"link": ("Paravane", "pointer mode", "none"), "net": ("Paravane", "net_ivshmem", "2"),
             "vhost": ("DPDK", "vhost-user", "2")}
    rates, kill = [figures[way] for way in ways], figures["kill"]
    lines = [row("", [heads[way][0] for way in ways]), row("", [heads[way][1] for way in ways])]
    rule = "-" * len(lines[0])
    lines += [
        rule,
        row("thousand frames/s", [f"{rate['frames_s'] / 1e3:,.0f}" for rate in rates]),
        row("Mbit/s", [f"{rate['mbit_s']:,.0f}" for rate in rates]),
        row("frames there and back", [f"{rate['frames']:,}" for rate in rates]),
        row("  came back changed", [f"{rate['bad']:,}" for rate in rates]),
        row("  did not come back", [f"{rate['lost']:,}" for rate in rates]),
        row("copies on the way", [heads[way][2] for way in ways]),
        rule,
        f"{'guest 1 killed, had lent':<40}{kill['had']:>7,} buffers",
        f"{'  back in the pool':<40}{kill['reclaimed']:>7,} buffers, after {kill['ms']:.1f} ms",
        f"{'  of all buffers, here':<40}{kill['home'] + kill['free']:>7,} of {kill['buffers']:,}",
        f"{'guest 2 booted, frames move':<40}{figures['again_s']:>7.1f} s later",
        f"{'headers that guest 2 found bad':<40}{figures['guest']['bad']:>7,} of "
        f"{figures['guest']['frames']:,}",
        rule,
    ]
    return "\n".join(lines)


def notes(figures):
    """What one has to know to judge the table."""
    versions = figures["versions"]
    others = "net_ivshmem and vhost-user" if "vhost" in figures else "net_ivshmem"
    paragraphs = [
        f"Measured: one run, {figures['seconds']} s each, one after the other, in the same guest "
        f"(guest 2), at most 192 buffers under way. It took {figures['duration_s']:.0f} s in all. Every frame that comes back is "
        "compared, every byte, with what was sent.",
        "A buffer of pointer mode is filled once and goes round; the guest reads a frame's IPv4 "
        f"header, checks its sum and swaps the addresses. Over {others} the guest is dpdk-testpmd, "
        "which swaps the addresses; a frame is copied once towards the guest and once back, from "
        "buffers that are filled once too. Pointer mode trusts the guest, these do not.",
        "Simulated: the guest's processors, by QEMU's TCG, without KVM: compare the columns, not "
        "with hardware, and only if nothing else runs here: five threads that poll share this "
        "machine's processors, and the ways differ from run to run by several times if others take "
        "part. The device, the memory and the death of the guest are real.",
        f"Versions: DPDK {versions['dpdk']}, QEMU {versions['qemu']}, guest Linux "
        f"{versions['guest']}, this machine's Linux {versions['host']}.",
    ]
    return "\n".join(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False,
                                   break_on_hyphens=False) for text in paragraphs)
