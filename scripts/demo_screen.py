# SPDX-License-Identifier: BSD-3-Clause
"""What the demo shows: the picture at the start, the line of counters, the table at the end."""

import functools
import operator
import shutil
import statistics
import sys
import textwrap
import time

from demo_traffic import MSS, PINGS, WAYS

PLAIN_INTERVAL = 3  # seconds between lines of counters where none can be rewritten
WIDTH = 80

PICTURE = """\
    this machine                 one QEMU guest                this machine
 +-----------------+      +--------------------------+      +-----------------+
 | {a:<16}|      |        forwarder         |      | {b:<16}|
 | iperf3    +-----+      +------+            +------+      +-----+           |
 | ping      | tap |======|VMXNET|            |VMXNET|======| tap | iperf3 -s |
 | 10.77.0.1 +-----+      +------+            +------+      +-----+ 10.77.0.2 |
 +-----------------+      +--------------------------+      +-----------------+

{forwarders}
 {rounds} with {seconds} s of TCP each way and {pings} pings: about {minutes:.1f} minutes.
 Ctrl-C stops it.
"""


class Screen:
    """Lines that stay, and below them some that are rewritten when stdout is a terminal."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.shown = 0
        self.above = 0  # how many rewritten lines are above the cursor's

    def _erase(self):
        up, self.above = self.above, 0
        return "\r\x1b[K" + "\x1b[A\x1b[K" * up if self.terminal else ""

    def say(self, text=""):
        print(self._erase() + text, flush=True)

    def live(self, text):
        """Show counters: on a terminal at once, else only when the last ones are old enough."""
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            erase, lines = self._erase(), [line[:width] for line in text.splitlines()]
            self.above = len(lines) - 1
            print(erase + "\n".join(lines), end="", flush=True)
        elif time.monotonic() - self.shown >= PLAIN_INTERVAL:
            self.shown = time.monotonic()
            print(text, flush=True)


def picture(a, b, forwarders, rounds, seconds):
    """What is wired to what, and what will happen."""
    names = ", ".join(f"{f.unit} on {f.title}'s {f.driver}" for f in forwarders)
    names = textwrap.fill(f" Forwarders, in turn: {names}.", WIDTH, subsequent_indent="   ")
    minutes = (6 + rounds * len(forwarders) * (2 * seconds + 4.5)) / 60
    return PICTURE.format(a=a.namespace.name, b=b.namespace.name, forwarders=names,
                          rounds=plural(rounds, "round"), seconds=seconds, pings=PINGS,
                          minutes=minutes)


def plural(count, word):
    return f"{count} {word}" + ("" if count == 1 else "s")


def counters(label, counts, rate):
    """The live line: how fast the stream is so far, and what came out of the guest in this turn."""
    out = " ".join(f"{way} {ways['frames_out']:,} ({ways['bytes_out'] / 1e6:,.0f} MB)"
                   for way, ways in counts.ways.items())
    return f"{label} " + (f"{rate:.0f} Mbit/s " if rate else "") + f"| frames {out}"


def slot_line(label, slot):
    """One line about a forwarder's turn."""
    rates = " and ".join(f"{slot['tcp'][way]['mbit_s']:.0f}" for way in WAYS)
    return (f"{label} TCP {rates} Mbit/s, round trip {slot['ping']['median_us']:.0f} us, "
            f"{slot['frames_in']:,} frames, {slot['frames_lost']} lost")


def pick(slots, path):
    """A figure of each slot, by the names that lead to it."""
    return [functools.reduce(operator.getitem, path, slot) for slot in slots]


def spread(values, pattern="{:.0f}"):
    """Median, and lowest and highest if there are more values."""
    text = pattern.format(statistics.median(values))
    if len(values) > 1:
        text += f" ({pattern.format(min(values))}..{pattern.format(max(values))})"
    return text


def median_cell(slots, _ours, *path):
    return spread(pick(slots, path))


def sum_cell(slots, _ours, *path):
    return f"{sum(pick(slots, path)):,}"


def megabytes_cell(slots, _ours, *path):
    return f"{sum(pick(slots, path)) / 1e6:,.0f}"


def compared_cell(slots, ours):
    """Both directions compared with ours, by round: the machine may be busier in the next one."""
    def rates(of):
        return [sum(slot["tcp"][way]["mbit_s"] for way in WAYS) for slot in of]

    return spread([rate / base for rate, base in zip(rates(slots), rates(ours))], "{:.2f}")


ROWS = (
    ("TCP a>b, Mbit/s", median_cell, "tcp", "a>b", "mbit_s"),
    ("TCP b>a, Mbit/s", median_cell, "tcp", "b>a", "mbit_s"),
    ("TCP both ways, ours = 1", compared_cell),
    ("round trip, lowest, us", median_cell, "ping", "min_us"),
    ("round trip, median, us", median_cell, "ping", "median_us"),
    ("round trip, 99 of 100, us", median_cell, "ping", "p99_us"),
    None,
    ("frames into the guest", sum_cell, "frames_in"),
    ("frames out of the guest", sum_cell, "frames_out"),
    ("MB into the guest", megabytes_cell, "bytes_in"),
    ("MB out of the guest", megabytes_cell, "bytes_out"),
    None,
    ("frames lost in the guest", sum_cell, "frames_lost"),
    ("  receive ring was full", sum_cell, "losses", "no_buffer"),
    ("  other receive errors", sum_cell, "losses", "receive"),
    ("  not forwarded", sum_cell, "losses", "forward"),
    ("  not sent", sum_cell, "losses", "send"),
    ("frames lost by the taps", sum_cell, "tap_dropped"),
    ("TCP segments sent again", sum_cell, "retransmits"),
    ("pings without answer", sum_cell, "ping", "lost"),
)


def table(forwarders, slots):
    """The comparison, a column for each forwarder."""
    columns = [[slot for slot in slots if slot["forwarder"] == f.name] for f in forwarders]
    lines = [row("", [getattr(forwarder, name) for forwarder in forwarders])
             for name in ("title", "driver", "unit")]
    for entry in (None, *ROWS, None):
        if entry is None:
            lines.append("-" * len(lines[0]))
        else:
            label, cell, *path = entry
            lines.append(row(label, [cell(column, columns[0], *path) for column in columns]))
    return "\n".join(lines)


def row(label, cells):
    return f"{label:<26}" + "".join(f"{cell:>18}" for cell in cells)


def notes(result, forwarders):
    """What one has to know to judge the table."""
    versions, settings = result["versions"], result["settings"]
    window, rounds = settings["tcp_window"], plural(settings["rounds"], "round")
    paragraphs = [
        f"Measured: in one run of one guest, {rounds} in changing order; in each round each "
        f"forwarder had one TCP stream a>b for {settings['seconds']} s, one b>a, and "
        f"{settings['pings']} pings. Rates and round trips: median of the rounds "
        f"(lowest..highest). Counts: sums. The run took {result['duration_s']:.0f} s.",
        "Simulated: the guest's processors, by QEMU's TCG, without KVM. All rates are those of "
        "emulated code that shares this machine's processors with QEMU and iperf3: compare the "
        "columns with each other, not with hardware. The devices are QEMU's. Real: the guest's "
        "kernel, DPDK, this machine's TCP.",
        f"Equal for all: newly plugged devices in each turn, MTU 1500, rings of {settings['ring']} "
        "(the guest kernel's own choice, but for 512 to transmit), a TCP window of at most "
        f"{window >> 20} MiB, {window // MSS + 1} frames, so that no ring need overrun, congestion "
        f"control {settings['congestion']}, no IPv6.",
        "Lost in the guest: for dpdk-testpmd what went into the guest less what came out, by the "
        "counters of this machine's taps; the causes below are testpmd's counters. For the bridge "
        "the sum of the causes: by Linux' defaults it merges frames (GRO, TSO), so fewer and "
        "larger ones come out. QEMU pads frames shorter than 60 bytes. TCP sends a segment again "
        "also when an answer is only late.",
        f"Versions: {versions['dpdk']}, QEMU {versions['qemu']}, guest Linux {versions['guest']}, "
        f"this machine's Linux {versions['host']}, {versions['iperf3']}.",
        *(f"{forwarder.driver}: {forwarder.command}" for forwarder in forwarders),
    ]
    return "\n".join(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False,
                                   break_on_hyphens=False) for text in paragraphs)
