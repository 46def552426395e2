# SPDX-License-Identifier: BSD-3-Clause
"""What the documentation takes from the code instead of saying it again: devargs, counters, drop
causes, features, commands, words of the configuration, and which store pairs with which load.

Sources are read as text, and programs are asked; neither Sphinx nor a compiler is needed, so the
tests use it too. Whatever is not found where it should be is an error, never an empty table.
"""

import configparser
import os
import pathlib
import re
import subprocess
from collections import namedtuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PVN_BUILD", ROOT / "build"))

# name of the driver, its folder, its page
Driver = namedtuple("Driver", "name folder page")
DRIVERS = (
    Driver("net_pvn_vmxnet3", "vmxnet3", "pvn_vmxnet3"),
    Driver("net_xenvirt", "xenvirt", "xenvirt"),
    Driver("net_xenback", "xenback", "xenback"),
    Driver("net_ivshmem", "ivshmem", "ivshmem"),
)
DRIVER = {driver.name: driver for driver in DRIVERS}


class Missing(Exception):
    """The code is not as this module believes."""


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def sources(*folders):
    """Every C file below, as a path from the root; in a fixed order."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield str(path.relative_to(ROOT))


# ---- C, as far as it is needed ----

def defines(paths):
    """Simple macros of these files: name to what it stands for."""
    found = {}
    for path in paths:
        for name, value in re.findall(r"^#define (\w+)[ \t]+([^\\\n]+?)[ \t]*(?:/\*.*)?$",
                                      text_of(path), re.M):
            found.setdefault(name, value)
    return found


def string_of(expression, macros):
    """The value of string literals and macros in a row."""
    text = ""
    for literal, name in re.findall(r'"((?:[^"\\]|\\.)*)"|(\w+)', expression):
        if name:
            text += string_of(macros[name], macros)
        else:
            text += literal.replace('\\"', '"')
    return text


Row = namedtuple("Row", "fields comment")


def x_macro(path, name):
    """The rows of an X-macro. A field is the text of its literals, or the word that it is; the
    comment is the one above the row, if there is one."""
    match = re.search(rf"#define {name}\(X\)((?:[^\n]*\\\n)+[^\n]*\n)", text_of(path))
    if not match:
        raise Missing(f"{path}: no X-macro {name}")
    body = match.group(1).replace("\\\n", "\n")
    rows, comment = [], ""
    token = re.compile(r'/\*(.*?)\*/|\bX\(((?:"(?:[^"\\]|\\.)*"|[^"()])*)\)', re.S)
    for note, row in token.findall(body):
        if note:
            comment = " ".join(note.split())
            continue
        fields = re.findall(r'((?:\s*"(?:[^"\\]|\\.)*")+)|(\w+)', row)
        rows.append(Row([string_of(literal, {}) if literal else word for literal, word in fields],
                        comment))
        comment = ""
    return rows


# ---- drivers ----

def devargs(driver):
    """[(key, what is accepted)] of a driver, as its plug-in tells them to DPDK's tools."""
    path = BUILD / "pmds" / f"librte_net_{DRIVER[driver].page}.so"
    if not path.exists():
        raise Missing(f"{path} is not there: ./run build")
    found = {text for text in re.split(rb"\0", path.read_bytes())
             if re.fullmatch(rb"(?:\w+=<[^<>]+> ?)+", text)}
    if len(found) != 1:
        raise Missing(f"{path}: {len(found)} texts that RTE_PMD_REGISTER_PARAM_STRING could have left")
    return re.findall(r"(\w+)=(<[^>]*>)", found.pop().decode())


def devarg_keys(driver):
    """The keys that the driver's parser takes."""
    folder = f"drivers/net/{DRIVER[driver].folder}"
    macros = defines(list(sources(folder)))
    for path in sources(folder):
        match = re.search(r"\*const \w*keys\[\] = \{(.*?)\}", text_of(path), re.S)
        if match:
            words = [word.strip() for word in match.group(1).split(",")]
            return sorted(string_of(word, macros) for word in words if word != "NULL")
    raise Missing(f"{folder}: no table of keys")


GUEST = "lib/guestport/pvn_guestport.h"
HOST = "lib/hostport/pvn_hostport.h"
VMXNET3 = "drivers/net/vmxnet3/vmxnet3_pmd.h"

Counter = namedtuple("Counter", "name meaning")


def xstats(driver):
    """[(heading, [Counter])]: of an rx queue, of a tx queue, of the port. The names are those behind
    rx_q<n>_ and tx_q<n>_."""
    def rows(path, macro):
        return [Counter(row.fields[1], row.comment) for row in x_macro(path, macro)]
    connects = ("the port", [Counter("connects", "connections made since the port was added")])
    ends = {
        "guest": [("an rx queue", rows(GUEST, "PVN_GUEST_RX_STATS")),
                  ("a tx queue", rows(GUEST, "PVN_GUEST_TX_STATS"))],
        "host": [("an rx queue", rows(HOST, "PVN_HOST_RX_STATS")),
                 ("a tx queue", rows(HOST, "PVN_HOST_TX_STATS"))],
    }
    if driver == "net_xenvirt":
        return ends["guest"] + [connects]
    if driver == "net_xenback":
        return ends["host"] + [connects]
    if driver == "net_ivshmem":
        return ([(f"{what}, in the guest", counters) for what, counters in ends["guest"]] +
                [(f"{what}, on the host", counters) for what, counters in ends["host"]] +
                [connects])
    errors = [Counter("errors", "the sum of what went wrong in this queue")]
    return [("an rx queue", errors + rows(VMXNET3, "VMXNET3_RX_STATS") +
             rows(VMXNET3, "VMXNET3_HW_RX_COUNTERS")),
            ("a tx queue", errors + rows(VMXNET3, "VMXNET3_TX_STATS") +
             rows(VMXNET3, "VMXNET3_HW_TX_COUNTERS"))]


def features():
    """([words], {driver: its words}), in the order of DPDK's list."""
    claimed, order = {}, []
    for driver in DRIVERS:
        ini = configparser.ConfigParser(comment_prefixes=(";",))
        ini.optionxform = str
        ini.read_string(text_of(f"docs/nics/features/{driver.page}.ini"))
        claimed[driver.name] = dict(ini["Features"])
        # The lists have one order; a word that only a later one has goes behind its predecessor.
        place = 0
        for word in claimed[driver.name]:
            if word not in order:
                order.insert(place, word)
            place = order.index(word) + 1
    return order, claimed


# What must be there for a claim: any of these texts in the driver or in the library it stands on.
# net_pvn_vmxnet3's claims are compared with the port itself, by tests/device/test_features.c.
EVIDENCE = {
    "Link status": r"\.link_update = ",
    "Link status event": r"RTE_ETH_EVENT_INTR_LSC",
    "Removal event": r"RTE_ETH_EVENT_INTR_RMV",
    "Rx interrupt": r"\.rx_queue_intr_enable = ",
    "Free Tx mbuf on demand": r"\.tx_done_cleanup = ",
    "Burst mode info": r"\.rx_burst_mode_get = .*\n?.*\.tx_burst_mode_get = ",
    "MTU update": r"\.mtu_set = ",
    "Scattered Rx": r"RTE_ETH_RX_OFFLOAD_SCATTER",
    "LRO": r"RTE_ETH_RX_OFFLOAD_TCP_LRO",
    "TSO": r"RTE_ETH_TX_OFFLOAD_TCP_TSO",
    "L3 checksum offload": r"RTE_ETH_TX_OFFLOAD_IPV4_CKSUM",
    "L4 checksum offload": r"RTE_ETH_TX_OFFLOAD_TCP_CKSUM",
    "Basic stats": r"\.stats_get = ",
    "Extended stats": r"\.xstats_get = ",
    "Stats per queue": r"\.xstats_get = ",
    "Multiprocess aware": r"RTE_PROC_SECONDARY|rte_eal_process_type",
    "Linux": r"",
    "x86-64": r"",
    "Usage doc": r"",
}
STANDS_ON = {
    "net_xenvirt": ("drivers/net/xenvirt", "lib/guestport"),
    "net_xenback": ("drivers/net/xenback", "lib/hostport"),
    "net_ivshmem": ("drivers/net/ivshmem", "lib/guestport", "lib/hostport"),
}


# ---- the switch ----

def drop_causes():
    """[(where it is counted, [(key, meaning)])]."""
    path = "lib/switch/pvn_switch.h"
    return [(where, [tuple(row.fields[1:3]) for row in x_macro(path, macro)])
            for where, macro in (("the port that the frame came from", "PVN_SWITCH_RX_CAUSES"),
                                 ("the port that it was for", "PVN_SWITCH_TX_CAUSES"))]


def fdb_counts():
    return [tuple(row.fields[:2]) for row in x_macro("lib/switch/pvn_fdb.h", "PVN_FDB_COUNTS")]


def ring_faults():
    return [tuple(row.fields[:2]) for row in x_macro("lib/vring/pvn_vring.h", "PVN_VRING_FAULTS")]


def refusals():
    return [tuple(row.fields[:2]) for row in x_macro("proto/ivshmem_net.h", "IVSHMEM_NET_REASONS")]


# ---- programs ----

def ask(program, *args):
    """What a program of this build prints."""
    path = BUILD / "bin" / program
    if not path.exists():
        raise Missing(f"{path} is not there: ./run build")
    done = subprocess.run([path, *args], capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout, done.stderr


def help_of(program, *args):
    code, out, err = ask(program, *args)
    if code != 0 or err:
        raise Missing(f"{program} {' '.join(args)}: {err or code}")
    return out


Command = namedtuple("Command", "words usage summary notes options")


def option_rows(text):
    """[(option with its value, what it is)] of an indented list; what a line has no room for begins
    on the next one."""
    rows = []
    for line in text.splitlines():
        row = re.match(r"  (\S.*?)(?:  +(\S.*))?$", line) if not line.startswith("     ") else None
        if row:
            rows.append([row.group(1), row.group(2) or ""])
        elif line.strip() and rows:
            rows[-1][1] = f"{rows[-1][1]} {line.strip()}".strip()
    return [tuple(row) for row in rows]


def commands():
    """Every command of pvnctl, and the options that all have."""
    overview = help_of("pvnctl", "help")
    listed = re.search(r"^Commands.*?:\n(.*?)\n\n", overview, re.M | re.S).group(1)
    every = option_rows(re.search(r"^Options of all.*?:\n(.*?)\n\n", overview, re.M | re.S).group(1))
    found = []
    for line in listed.splitlines():
        words = re.match(r"  ((?:[a-z]+ )+)", line + " ").group(1).strip()
        usage, about, options = re.match(r"usage: (.*?)\n\n(.*?)\n\nOptions:\n(.*)",
                                         help_of("pvnctl", "help", *words.split()), re.S).groups()
        summary, _, notes = about.partition("\n")
        own = [row for row in option_rows(options) if row not in every]
        found.append(Command(words, usage, summary, notes, own))
    return found, every


Word = namedtuple("Word", "name metavar meaning accepted")


def accepted_by(option):
    """What is accepted, as pvswitch says it of a value that is not: an empty one."""
    _, _, err = ask("pvswitch", "--", "--check", option)
    match = re.search(r"'': expected (.*)", err)
    if not match:
        raise Missing(f"pvswitch -- --check {option}: {err}")
    return match.group(1).strip()


def switch_help():
    """pvswitch's (options of the command line, words of [switch], words of ports)."""
    out = help_of("pvswitch", "--", "--help")
    parts = re.match(r"usage: .*?\n\n(.*?)\n\nThe switch;[^\n]*\n(.*?)\n\nPorts;[^\n]*\n(.*?)\n\n",
                     out, re.S)
    line, switch, ports = (option_rows(part) for part in parts.groups())
    switch = [Word(name.lstrip("-").split(" ")[0], name.split(" ")[1], meaning,
                   accepted_by(f"{name.split(' ')[0]}=")) for name, meaning in switch]
    ports = [Word(*name.split("=", 1), meaning, accepted_by(f"--port=p,{name.split('=')[0]}="))
             for name, meaning in ports]
    return line, switch, ports


# ---- order ----

Place = namedtuple("Place", "tag path function comment")
TAG = re.compile(r"\b((?:REL|ACQ|FDB|GATE|WAKE|FENCE)-[A-Z]+)\b")


def function_at(text, match):
    """The function that a comment is in; before which it stands if it is in none."""
    if match.start() == 0 or text[match.start() - 1] == "\n":
        after = re.search(r"^(?:static .*?)?(\w+)\(", text[match.end():], re.M)
        return after.group(1) if after else ""
    return (re.findall(r"^(?:static .*?)?(\w+)\(", text[:match.start()], re.M) or [""])[-1]


def order_places():
    """Where the code says REL-X or ACQ-X of itself: not where it only names its partner."""
    found = []
    for path in sources("lib", "drivers", "app"):
        text = text_of(path)
        for match in re.finditer(r"/\*(.*?)\*/", text, re.S):
            comment = " ".join(re.sub(r"\n\s*\*", "\n", match.group(1)).split())
            own = re.split(r"\b[Pp]airs? with\b", comment)[0]
            for tag in dict.fromkeys(TAG.findall(own)):
                found.append(Place(tag, path, function_at(text, match), comment))
    if not found:
        raise Missing("no comment with REL-... or ACQ-...")
    return found


# ---- what the pages say by hand ----

def devargs_told(page):
    """{key: (what the page says is accepted, default, first sentence about it)} of a driver's page."""
    match = re.search(r"^Devargs\n-+\n(.*?)^\S[^\n]*\n---", text_of(f"docs/nics/{page}.rst"),
                      re.M | re.S)
    if not match:
        raise Missing(f"docs/nics/{page}.rst: no section Devargs")
    told = {}
    for term, about in re.findall(r"^(``\S.*)\n((?:   .*\n)+)", match.group(1), re.M):
        words = " ".join(about.split())
        first = re.match(r"(?:``.*?``|[^.`]|\.(?! |$))*(?:\.|$)", words).group(0)
        for key, accepted in re.findall(r"(\w+)=(<[^>]*>)", term):
            default = re.search(r"\(default:? (.*)\)", term)
            told[key] = (accepted, default.group(1) if default else "", first)
    return told


def messages():
    """Texts in the code, neighbouring literals put together; what differs, a conversion, is a blank
    character that no page has."""
    literal = r'"(?:[^"\\\n]|\\.)*"'
    found = []
    for path in sources("lib", "drivers", "app", "proto"):
        text = re.sub(r"/\*.*?\*/", "", text_of(path), flags=re.S).replace("\\\n", "\n")
        text = re.sub(r'"\s*PRI[a-zA-Z0-9]+(?:\s*")?', 'u', text)
        for row in re.findall(rf"{literal}(?:\s*(?:[A-Z_]+|RTE_STR\(\w+\))?\s*{literal})*", text):
            said = "".join(part[1:-1] for part in re.findall(literal, row)).replace('\\"', '"')
            found.append(re.sub(r"%[-+#0-9.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]", "\0", said))
    return found
