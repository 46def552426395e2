# SPDX-License-Identifier: BSD-3-Clause
"""Blocks of commands in the README and on the pages, and what a test does with each.

In the line before a block stands how it is tested, as a comment: <!-- test: KIND --> or, on a page in
reStructuredText, `.. test: KIND`. The README has none of that: README below has its blocks, by how they
begin.

    run          its commands are run one after the other, in the page's folder and with what the blocks
                 before it have started; what they print must be what the page shows. A line "..." there
                 stands for any number of lines. The exit code is 0, unless a line "pvnctl: ..." or
                 "pvswitch: ..." is shown.
    anew         as run, and nothing of the blocks before is there any more
    like         as run, but for numbers and blanks, which are others each time
    before CMD; CMD   these commands are run first, and no block follows
    file NAME    it is a file in that folder
    output CMD   it is what that command prints
    parse        its command lines are read by the programs they are for, as far as that can be had
                 without doing it: options, devargs, names of plug-ins. What it shows is not looked at.
    options      each line is options of pvswitch, which reads them
    no, REASON   nothing is done

A block without such a line is an error. So is a kind that is none.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
from collections import namedtuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "docs"), str(ROOT / "tests" / "vm"),
                str(ROOT / "tests" / "pvnctl")]

import facts  # noqa: E402
from ctl import Running  # noqa: E402

SHOWN = "shown by a demo that takes minutes; tests/vm/test_demo.py runs that"
README = {
    "sudo ./run demo": "parse",
    "guest  ": "no, a picture",
    "Paravane ": f"no, {SHOWN}",
    "guest 1 ": f"no, {SHOWN}",
    "dpdk-devbind.py": "parse",
    "pvnctl xen attach": "parse",
    "pvswitch --no-huge": "parse",
    "pvnctl ivshmem serve": "parse",
}
# Programs of others, whose command lines are theirs to check.
OTHERS = {"dpdk-devbind.py", "dpdk-telemetry.py", "echo", "ip", "modprobe", "mount", "xl",
          "qemu-system-x86_64", "unshare", "ivshmem_host", "ivshmem_guest"}
PROMPT = re.compile(r"(?:\$|#|testpmd>|-->) ")
# Paths that a page says, and where they are in a test.
PLACES = (("/tmp/xen", "xen"), ("/run/pvn-ivshmem", "ivshmem"))
# What goes on until it is stopped.
LASTING = re.compile(r"pvnctl (local serve|ivshmem serve|xen watch) |switch_stub ")
# pvswitch without its data path.
STUB = ("tests/pvnctl/switch_stub --no-huge --no-pci -m 64 -l 0 --log-level error --no-telemetry "
        "--file-prefix docs --")

Block = namedtuple("Block", "page line kind text")


class Wrong(Exception):
    """A block, or its mark, is not as it should be."""


# ---- finding them ----

def unindent(lines):
    width = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[width:].rstrip() for line in lines).strip("\n") + "\n"


def indented(lines, i, width):
    """The end of the block of indented lines that begins at i."""
    end = i
    while end < len(lines) and (lines[end].startswith(" " * width) or not lines[end].strip()):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end


def markdown_blocks(lines):
    """[(index of its first line, text)], indented or fenced; what belongs to an item of a list is none."""
    found, i, item = [], 0, False
    while i < len(lines):
        line = lines[i]
        if line.startswith("```"):
            end = lines.index("```", i + 1)
            if not line.startswith("```{"):
                found.append((i, unindent(lines[i + 1:end]) if end > i + 1 else ""))
            i = end + 1
            continue
        if line.startswith("    ") and not item and (i == 0 or not lines[i - 1].strip()):
            end = indented(lines, i, 4)
            found.append((i, unindent(lines[i:end])))
            i = end
            continue
        if line.strip() and not line.startswith(" "):
            item = re.match(r"(?:[-*]|\d+\.) ", line) is not None
        i += 1
    return found


def rst_blocks(lines):
    found = []
    for i, line in enumerate(lines):
        if line.startswith(".. code-block::"):
            found.append((i, unindent(lines[i + 1:indented(lines, i + 1, 3)])))
    return found


MARK = re.compile(r"^(?:<!-- |\.\. )test: (.*?)(?: -->)?$")


def mark_before(lines, i):
    """What the last line that is not blank before line i says; None if it is no mark."""
    i -= 1
    while i >= 0 and not lines[i].strip():
        i -= 1
    match = MARK.match(lines[i]) if i >= 0 else None
    return match.group(1) if match else None


def readme_mark(text):
    for begin, kind in README.items():
        if text.lstrip().startswith(begin):
            return kind
    return None


def check_readme(texts):
    """Each line of the table is about a block that is there."""
    unused = [begin for begin in README if not any(t.lstrip().startswith(begin) for t in texts)]
    if unused:
        raise Wrong(f"README.md: no block begins with {unused}: see README in tests/docs/blocks.py")


def blocks_of(page):
    """The blocks of a page, and its marks `before`, in their order."""
    lines = facts.text_of(page).splitlines()
    found = [Block(page, i + 1, MARK.match(line).group(1), "") for i, line in enumerate(lines)
             if MARK.match(line) and MARK.match(line).group(1).startswith("before ")]
    there = (rst_blocks if page.endswith(".rst") else markdown_blocks)(lines)
    if page == "README.md":
        check_readme([text for _, text in there])
    for i, text in there:
        kind = readme_mark(text) if page == "README.md" else mark_before(lines, i)
        if kind is None:
            raise Wrong(f"{page}:{i + 1}: how is this block tested? See tests/docs/blocks.py")
        found.append(Block(page, i + 1, kind, text))
    return sorted(found, key=lambda block: block.line)


def pages():
    yield "README.md"
    for folder in ("docs/howto", "docs/nics", "docs/reference"):
        for path in sorted((ROOT / folder).iterdir()):
            if path.suffix in (".md", ".rst"):
                yield str(path.relative_to(ROOT))


# ---- commands and what they print ----

Command = namedtuple("Command", "line shown")


def commands_of(text):
    """[(command, lines shown)]. If no line has a prompt, all are commands."""
    has_prompts = any(PROMPT.match(line) for line in text.splitlines())
    found, goes_on = [], False
    for line in text.splitlines():
        if goes_on:
            found[-1] = Command(found[-1].line[:-1] + " " + line.strip(), [])
        elif PROMPT.match(line):
            found.append(Command(line if line.startswith(("testpmd>", "-->")) else line[2:], []))
        elif has_prompts and found:
            found[-1].shown.append(line)
            continue
        elif line.strip():
            found.append(Command(line, []))
        goes_on = bool(found) and found[-1].line.endswith("\\")
    return found


def same(shown, printed):
    """Whether lines are as shown, where "..." stands for any number of them."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(same(shown[1:], printed[i:]) for i in range(len(printed) + 1))
    return bool(printed) and shown[0].rstrip() == printed[0].rstrip() and same(shown[1:], printed[1:])


def without_numbers(lines):
    return [" ".join(re.sub(r"\d+", "0", line).split()) for line in lines]


class Session:
    """A folder, and what the blocks of a page have started."""

    def __init__(self, page):
        self.page, self.lasting = page, []
        self.tmp = tempfile.TemporaryDirectory(prefix="docs-")
        self.folder = self.tmp.name

    def end(self):
        for running in self.lasting:
            running.close()
        self.tmp.cleanup()

    def there(self, text):
        """A page's words with the paths of this session."""
        for path, name in PLACES:
            text = text.replace(path, f"{self.folder}/{name}")
        return text

    def back(self, text):
        for path, name in PLACES:
            text = text.replace(f"{self.folder}/{name}", path)
        return text

    def words(self, line):
        """A command as it is run here: programs of this build, this session's places."""
        words = shlex.split(self.there(line), comments=True)
        if words[0] == "switch_stub":
            program, *options = shlex.split(STUB)
            return [str(facts.BUILD / program), *options, "--control", f"{self.folder}/control",
                    *words[1:]]
        if words[0] not in ("pvnctl", "pvswitch"):
            raise Wrong(f"'{line}': only pvnctl and pvswitch are run")
        path = str(facts.BUILD / "bin" / words[0])
        plain = [word for word in words[1:] if not word.startswith("-")]
        if plain[:1] == ["xen"]:
            words[1:1] = ["--xen", f"local:{self.folder}/xen:0"]
        if plain[:1] == ["ivshmem"]:
            words += ["--folder", f"{self.folder}/ivshmem"]
        if plain[:1] == ["switch"]:
            words += ["--socket", f"{self.folder}/control"]
        return [path, *words[1:]]

    def start(self, line, shown):
        running = Running(self.words(line), os.environ | {"RUNTIME_DIRECTORY": self.folder,
                                                          "GUEST_NAME": "web"})
        self.lasting.append(running)
        for wanted in shown or [None]:
            said = self.back(running.line())
            if wanted not in (None, said):
                raise Wrong(f"'{line}' says '{said}', the page '{wanted}'")

    def run(self, command, like=list):
        line, shown = command
        if LASTING.match(line + " "):
            self.start(line, shown)
            return
        done = subprocess.run(self.words(line), capture_output=True, text=True, timeout=30,
                              cwd=self.folder, check=False)
        printed = self.back(done.stdout + done.stderr).splitlines()
        fails = any(re.match(r"(pvnctl|pvswitch): ", text) for text in shown)
        if not same(like(shown), like(printed)):
            raise Wrong("\n".join([f"'{line}' prints", *printed, "the page shows", *shown]))
        if (done.returncode != 0) != fails:
            raise Wrong(f"'{line}' ends with {done.returncode}")


# ---- command lines that are only read ----

def parse_pvnctl(words):
    words = [word for word in words if word != "..."]
    code, _, err = facts.ask("pvnctl", *words, "--help")
    if code != 0:
        raise Wrong(f"pvnctl {' '.join(words)}: {err.strip()}")


def eal_options():
    """What EAL has, by its own help."""
    _, out, err = facts.ask("pvswitch", "-h")
    found = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])\b", out + err, re.I))
    if "--no-huge" not in found:
        raise Wrong("EAL's help was not understood")
    return found


def parse_devargs(text):
    name, *pairs = text.split(",")
    driver = re.match(r"(net_[a-z_]+?[a-z]|[0-9a-f:.]+)\d*$", name)
    known = driver and driver.group(1)
    if re.match(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d$", name):
        known = "net_pvn_vmxnet3"  # what pages name by an address
    if known not in facts.DRIVER and not re.match(r"net_pvn_vmxnet3", name):
        return
    keys = dict(facts.devargs("net_pvn_vmxnet3" if "vmxnet3" in known else known))
    for pair in pairs:
        if pair.partition("=")[0] not in keys:
            raise Wrong(f"{known} has no devarg '{pair}'")


def parse_plugin(path):
    name = path.rsplit("/", 1)[-1]
    if name.endswith(".so") and not (facts.BUILD / "pmds" / name).exists():
        raise Wrong(f"there is no plug-in {name}")


def parse_eal(words, options):
    """EAL's options: each is one of its own, plug-ins are there, devargs are the driver's."""
    words = iter(words)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "..." or not word.startswith("-"):
            continue
        if name not in options:
            raise Wrong(f"EAL has no option '{name}'")
        if name in ("-d", "-a", "--vdev") and not equals:
            value = next(words, "")
        if name in ("-a", "--vdev"):
            parse_devargs(value)
        if name == "-d":
            parse_plugin(value)


def parse_pvswitch(words):
    at = words.index("--") if "--" in words else len(words)
    parse_eal(words[:at], eal_options())
    # A file that is only named is not there.
    rest = [word for word in words[at + 1:] if word != "--help"]
    if "--config" in rest:
        del rest[rest.index("--config"):rest.index("--config") + 2]
    code, _, err = facts.ask("pvswitch", "--", "--check", *rest)
    if code != 0:
        raise Wrong(f"pvswitch -- {' '.join(rest)}: {err.strip()}")


def parse_run(words):
    if words and not re.search(rf"^  {re.escape(words[0])}\b", facts.text_of("run"), re.M):
        raise Wrong(f"./run has no command '{words[0]}'")


def parse_simple(words):
    program = words[0]
    if program == "sudo":
        parse_simple(words[1:])
    elif program == "pvnctl":
        parse_pvnctl(words[1:])
    elif program == "pvswitch":
        parse_pvswitch(words[1:])
    elif program == "dpdk-testpmd":
        parse_eal(words[1:words.index("--") if "--" in words else None], eal_options())
    elif program == "./run":
        parse_run(words[1:])
    elif program not in OTHERS:
        raise Wrong(f"there is no program '{program}', or tests/docs/blocks.py does not know it")


def parse_line(line):
    """All commands of a line of shell, those in $(...) too."""
    if line.startswith(("testpmd>", "-->")):
        return
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        parse_line(inner)
    line = re.sub(r"\$\([^()]*\)", "X", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    command = []
    for word in [*lexer, ";"]:
        if word in ("&&", "||", ";", "|", "&"):
            if command:
                parse_simple(command)
            command = []
        else:
            command.append(word)


# ---- what is done with a block ----

def try_block(block, session):
    """Runs or reads one; the session that goes on."""
    kind, _, rest = block.kind.partition(" ")
    if kind == "anew":
        session.end()
        session = Session(block.page)
    if kind in ("run", "anew", "like"):
        for command in commands_of(block.text):
            session.run(command, without_numbers if kind == "like" else list)
    elif kind == "before":
        for line in rest.split("; "):
            session.run(Command(line, ["..."] if not LASTING.match(line + " ") else []))
    elif kind == "file":
        (pathlib.Path(session.folder) / rest).write_text(block.text, encoding="utf-8")
    elif kind == "output":
        session.run(Command(rest, block.text.splitlines()))
    elif kind == "parse":
        for command in commands_of(block.text):
            parse_line(command.line)
    elif kind == "options":
        for line in block.text.splitlines():
            parse_pvswitch(["--", *shlex.split(line)])
    elif kind != "no," or not rest:
        raise Wrong(f"'{block.kind}' is no kind of test")
    return session


def try_page(page):
    """All blocks of a page; how many were (run, read, left out)."""
    session, counts = Session(page), {"run": 0, "read": 0, "left out": 0}
    try:
        for block in blocks_of(page):
            try:
                session = try_block(block, session)
            except Wrong as wrong:
                raise Wrong(f"{page}:{block.line}: {wrong}") from wrong
            what = ("left out" if block.kind.startswith("no,") else
                    "read" if block.kind in ("parse", "options") else "run")
            counts[what] += block.kind.split(" ")[0] not in ("before", "file")
    finally:
        session.end()
    return counts
