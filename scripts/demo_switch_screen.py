# SPDX-License-Identifier: BSD-3-Clause
"""What the demo's second scene shows: picture, live table, lines, and the table at the end."""

import textwrap

from demo_screen import WIDTH

TURN_US = 100
PEER = "  a Linux bridge each"

PICTURE = """\
    VLAN 10                                                         VLAN 20
 {0:<13} -- tap [guest 1] ==+            +== [guest 3] tap -- {2}
                                |  pvswitch  |
 {1:<13} -- tap [guest 2] ==+     |      +== [guest 4] tap -- {3}
                                      | tap, tags 10 and 20
                                      |
                          {4}, an interface in each VLAN

 A guest is an unmodified dpdk-testpmd that forwards between net_xenvirt and a
 tap, which is the interface of a network namespace: its TCP is this machine's.
 `pvnctl local serve` plays Xen, no hypervisor is needed. Ctrl-C stops it.
"""
CAUSES = {"tx_full": "receiver's ring full", "tx_down": "receiver's link down"}


def picture(spaces, uplink):
    names = [spaces[number].name for number in sorted(spaces)]
    return PICTURE.format(*names, uplink.name)


def live_table(sample):
    """Rates of each port in the last second, as pvnctl top has them."""
    lines = [f"{'PORT':<8} LINK {'IN/S':>9} {'MBIT/S':>8} {'OUT/S':>9} {'MBIT/S':>8} "
             f"{'DROPS/S':>8}"]
    for port in sorted(sample["ports"], key=lambda port: port["name"]):
        lines.append(f"{port['name']:<8} {'up' if port['up'] else 'down':<4} {port['in']:>9,.0f} "
                     f"{port['in_bits'] / 1e6:>8,.1f} {port['out']:>9,.0f} "
                     f"{port['out_bits'] / 1e6:>8,.1f} {port['drops']:>8,.0f}")
    busy = ", ".join(f"{worker['busy']:.0f} %" for worker in sample["workers"])
    return "\n".join(["", *lines, f"worker busy: {busy}"])


def guest_line(label, guest, figure):
    """One line about what was measured of a guest."""
    return (f"{label}, VLAN {guest.vlan}: TCP to guest {guest.neighbour} "
            f"{figure['neighbour']['mbit_s']:,.0f} Mbit/s, to the uplink "
            f"{figure['uplink']['mbit_s']:,.0f} Mbit/s, round trip "
            f"{figure['ping']['median_us'] / 1000:.2f} ms")


def ports_line(ports):
    """Which links are up and down."""
    return ", ".join(f"{name} {'up' if port['up'] else 'down'}"
                     for name, port in sorted(ports.items()) if name != "uplink")


def row(label, cells):
    return f"{label:<29}" + "".join(f"{cell:>10}" for cell in cells)


def measured_rows(figures):
    """Each figure of the guests, by pvswitch, and below it by the bridges."""
    for label, pattern, first, second in (
            ("TCP to its neighbour, Mbit/s", "{:,.0f}", "neighbour", "mbit_s"),
            ("TCP to the uplink, Mbit/s", "{:,.0f}", "uplink", "mbit_s"),
            ("round trip, median, ms", "{:.2f}", "ping", "median_us"),
            ("round trip, 99 of 100, ms", "{:.2f}", "ping", "p99_us")):
        for name, title in (("pvswitch", label), ("bridge", PEER)):
            if name not in figures:
                continue
            guests = figures[name]["guests"]
            values = [guests[number][first][second] for number in sorted(guests)]
            if second.endswith("_us"):
                values = [value / 1000 for value in values]
            yield row(title, map(pattern.format, values))


def counted_rows(ours):
    """What pvswitch counted at each port."""
    ports = [*(ours["guests"][number] for number in sorted(ours["guests"])), ours["uplink"]]
    for way in ("in", "out"):
        yield row(f"frames {way}", [f"{port['frames'][way]:,}" for port in ports])
    yield row("dropped", [f"{sum(port['drops'].values()):,}" for port in ports])
    for cause in sorted({cause for port in ports for cause in port["drops"]} | set(CAUSES)):
        yield row(f"  {CAUSES.get(cause, cause)}",
                  [f"{port['drops'].get(cause, 0):,}" for port in ports])


def table(figures):
    """All figures."""
    ours, kill = figures["pvswitch"], figures["pvswitch"]["kill"]
    lines = [row("", ["guest 1", "guest 2", "guest 3", "guest 4", "uplink"]),
             row("", ["VLAN 10", "VLAN 10", "VLAN 20", "VLAN 20", "trunk"]),
             row("", ["copying", "zero-copy", "copying", "zero-copy"])]
    rule = "-" * len(lines[0])
    refused = " and ".join(f"{figures[name]['refused']['answered']} of "
                           f"{figures[name]['refused']['sent']} by {title}" for name, title in
                           (("pvswitch", "pvswitch"), ("bridge", "the bridges")) if name in figures)
    return "\n".join([
        *lines, rule, *measured_rows(figures), rule, *counted_rows(ours), rule,
        f"{'frames through the switch':<29}{ours['frames']:>10,}",
        f"{'answers across VLANs':<33}{refused}",
        f"{'guest 2 killed':<33}its link is down after {kill['link_down_ms']:.0f} ms",
        f"{'guest 2 started':<33}it answers after {kill['back_ms']:.0f} ms, "
        f"its interface was there after {kill['start_ms']:.0f}",
        f"{'guest 3 to 4 in this time':<33}TCP {kill['others']['mbit_s']:,.0f} Mbit/s, slowest "
        f"second {kill['others']['slowest']:,.0f}",
        f"{'':<33}dropped at their ports, but for full rings: {kill['others_drops']}",
        rule])


def notes(figures):
    """What one has to know to judge the table."""
    versions = figures["versions"]
    paragraphs = [
        f"Measured: in one run, one guest after the other: TCP for {figures['seconds']} s to its "
        f"neighbour, the same to the uplink, and 200 pings to its neighbour. Then guest 2 is killed "
        f"(SIGKILL) and started again, while guest 1 pings it and guest 3 sends to guest 4. The run "
        f"took {figures['duration_s']:.0f} s.",
        "All programs of DPDK share processors 0 and 1: four testpmd, which poll without rest, and "
        "pvswitch, which sleeps when idle (--sleep yes). A frame mostly waits for a testpmd to have "
        f"its turn, so the scheduler is asked for turns of {TURN_US} us (Linux 6.12 and later; "
        "before that they take milliseconds). So these are not the rates of the switch: ./run "
        "bench switch has those. TCP: Reno, with a window of at most 1 MiB, which no ring need drop from.",
        *([
            "Linux bridges, one for each VLAN, then had the same namespaces and addresses, over "
            "veth pairs. That needs no DPDK and nothing that polls, has no tags, and the kernel "
            "hands on 64 KiB at a time without a copy: between namespaces, that is what to use."
        ] if "bridge" in figures else []),
        f"Versions: DPDK {versions['dpdk']}, Linux {versions['host']}, {versions['iperf3']}.",
        *(f"{name}: {command}" for name, command in figures["pvswitch"]["commands"].items()),
    ]
    return "\n".join(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False,
                                   break_on_hyphens=False) for text in paragraphs)
