#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The pages and the code say the same: devargs, counters, features, messages, names, blocks of commands."""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import blocks  # noqa: E402 (which knows where the other modules are)
import facts  # noqa: E402

import checks  # noqa: E402
from checks import expect  # noqa: E402

ROOT = facts.ROOT


def docs(*suffixes):
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*"))
            if path.suffix in suffixes]


def none(missing, what):
    if missing:
        raise AssertionError(f"{what}:\n  " + "\n  ".join(missing))


def test_blocks():
    """every block of commands in README, how-tos and pages of drivers is run, read, or left out by name"""
    for page in blocks.pages():
        counts = blocks.try_page(page)
        if sum(counts.values()):
            print(f"  {page}: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n))


def test_devargs():
    """a driver's devargs are those of its parser, and all of them are on its page, with what is accepted"""
    for driver in facts.DRIVERS:
        told = dict(facts.devargs(driver.name))
        expect(sorted(told), facts.devarg_keys(driver.name), f"what {driver.name} tells DPDK it takes")
        page = {key: accepted for key, (accepted, *_) in facts.devargs_told(driver.page).items()}
        expect(page, told, f"devargs on the page of {driver.name}")


def test_counters():
    """every counter is on its driver's page and has a meaning"""
    missing = []
    for driver in facts.DRIVERS:
        text = facts.text_of(f"docs/nics/{driver.page}.rst")
        for _, counters in facts.xstats(driver.name):
            missing += [f"{driver.name}: {c.name}" for c in counters
                        if not re.search(rf"(?:``|_q[nN]_){c.name}``", text)]
            missing += [f"{driver.name}: {c.name}: no comment in the code" for c in counters
                        if not c.meaning and driver.name != "net_pvn_vmxnet3"]
    none(sorted(set(missing)), "counters that are not explained")


def test_features():
    """what a list of features claims can be found in the driver"""
    missing = []
    _, claimed = facts.features()
    for name, folders in facts.STANDS_ON.items():
        code = "".join(facts.text_of(path) for path in facts.sources(*folders))
        missing += [f"{name}: {word}" for word in claimed[name]
                    if word not in facts.EVIDENCE or not re.search(facts.EVIDENCE[word], code)]
    none(missing, "features without evidence")


def test_order():
    """each name of an ordering in the code is in the tables, and the other way round"""
    text = facts.text_of("docs/design/ordering.md")
    code = {place.tag for place in facts.order_places()}
    expect(sorted(set(facts.TAG.findall(text)) - code), [], "names that the code does not have")
    expect(sorted(code - set(facts.TAG.findall(text))), [], "names that are not in the tables")


def test_messages():
    """messages that the troubleshooting quotes are in the code"""
    said = "\n".join(facts.messages())
    missing = []
    for line in facts.text_of("docs/howto/troubleshooting.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 3 or not cells[1].startswith("`"):
            continue
        for message in re.findall(r"`([^`]*)`", cells[1]):
            for part in message.split("..."):
                words = re.sub(r"[%\W]", "", part)
                if " " in part.strip() and len(words) > 6 and part not in said:
                    missing.append(part)
    none(missing, "messages that the code does not have")


def message_parts(message):
    """The words of a quoted message that do not differ from case to case."""
    return [part for part in re.split(r"\.\.\.|'[^']*'|\b[\d.]+\b|\b[A-Z]+\b", message)
            if " " in part.strip() and len(re.sub(r"\W", "", part)) > 6]


def test_messages_elsewhere():
    """likewise those that the pages of Xen, IVSHMEM and VMXNET3 quote"""
    said = "\n".join(facts.messages())
    xen = facts.text_of("docs/howto/xen.md").split("## Messages")[1]
    ivshmem = facts.text_of("docs/howto/ivshmem.md").split("## What is wrong when")[1]
    vmxnet3 = facts.text_of("docs/nics/pvn_vmxnet3.rst").split("Troubleshooting\n---")[1]
    quoted = (re.findall(r"^\| `([^`]*)`", xen, re.M) + re.findall(r"^\*\*`([^`]*)`\*\*", ivshmem, re.M) +
              [text for text in re.findall(r"^``([^`]*)``", vmxnet3, re.M)
               if not text.startswith(("Cannot get", "Expecting"))])  # those are EAL's
    expect(len(quoted) > 15, True, f"messages were found: {len(quoted)}")
    none([f"'{part}' of '{message}'" for message in quoted for part in message_parts(message)
          if part not in said], "messages that the code does not have")


def test_commands():
    """commands of pvnctl and ./run that are named in the text are there"""
    commands = [command.words for command in facts.commands()[0]]
    missing = []
    for page in ["README.md", *docs(".md", ".rst")]:
        text = facts.text_of(page)
        for words in set(re.findall(r"`pvnctl ([a-z]+(?: [a-z]+){0,2})", text)):
            if not any(c == words or words.startswith(c + " ") or c.startswith(words + " ")
                       for c in commands):
                missing.append(f"{page}: pvnctl {words}")
        for word in set(re.findall(r"`\./run ([a-z0-9]+)", text)):
            if not re.search(rf"^  {word}\b", facts.text_of("run"), re.M):
                missing.append(f"{page}: ./run {word}")
    none(missing, "commands that are not there")


def test_names():
    """functions and files that pages name are there"""
    code = "".join(facts.text_of(path) for path in
                   [*facts.sources("lib", "drivers", "app", "examples", "proto", "compat")])
    missing = []
    for page in docs(".md", ".rst"):
        text = facts.text_of(page)
        for name in set(re.findall(r"`([a-z]\w+)\(\)`", text)):
            if not name.startswith("rte_") and not re.search(rf"\b{name}\(", code):
                missing.append(f"{page}: {name}()")
        for path in set(re.findall(r"(?<![\w/.-])((?:tests|lib|drivers|app|proto|scripts|examples|bench|docs)"
                                   r"/[\w./*-]*[\w*])", text)):
            if not any(ROOT.glob(path)):
                missing.append(f"{page}: {path}")
    none(missing, "names that are not there (any more)")


def test_can_fail():
    """blocks that are wrong are found"""
    for kind, text, part in (
            ("parse", "pvnctl xen attach web --vlanx 1\n", "vlanx"),
            ("parse", "pvnctl xen give web\n", "give"),
            ("parse", "dpdk-testpmd --nohuge -- -i\n", "--nohuge"),
            ("parse", "dpdk-testpmd --vdev net_xenvirt0,number=0 -- -i\n", "number"),
            ("parse", "dpdk-testpmd -d build/pmds/librte_net_xen.so -- -i\n", "librte_net_xen.so"),
            ("parse", "pvswitch -- --xen xen --port up,mode=trunc,device=x\n", "trunc"),
            ("parse", "./run demoo\n", "demoo"),
            ("parse", "frobnicate\n", "frobnicate"),
            ("options", "--guests vlan=5000\n", "5000"),
            ("run", "$ pvnctl local domain add\nusage\n", "local domain add"),
            ("run", "$ pvnctl completion bash\nnothing\n", "prints"),
            ("output pvnctl completion bash", "nothing\n", "prints"),
            ("no,", "x\n", "kind"),
            ("walk", "x\n", "kind")):
        session = blocks.Session("none")
        try:
            session = blocks.try_block(blocks.Block("none", 1, kind, text), session)
        except blocks.Wrong as wrong:
            expect(part in str(wrong), True, f"'{part}' in what is said of '{text.strip()}': {wrong}")
        else:
            raise AssertionError(f"nothing was found wrong with {kind}: {text}")
        finally:
            session.end()


if __name__ == "__main__":
    checks.main([test_devargs, test_counters, test_features, test_order, test_messages,
                 test_messages_elsewhere, test_names, test_commands, test_can_fail, test_blocks], timeout=100)
