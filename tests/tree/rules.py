#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/RULES.md: for every rule of docs/rules.txt the tests that carry its name, or its entry in docs/DEVIATIONS.md.

A C test carries a rule by its own name (`CLK_2_there_is_one_first_call`, `test_CLK_2_...`, or a row's name in a table of tests), a case of a
script by the string it begins with (`"CLK-2 there is one"`); several may lead one name (`CLK_2_CLK_6_...`). An entry of
DEVIATIONS carries those that it names alone in parentheses: `(PB-20)`, `(NEG-5, RPC-3)`.
"""
import glob
import os
import re

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAMILIES = "CIS PB NEG SRV LVL CLK ACT CAU REF DEL RPC GSS".split()
RULE = r"(?:%s)[-_]\d+" % "|".join(FAMILIES)
C_NAME = re.compile(r'(?:cmocka_unit_test\w*\(\s*|")((?:test_)?(?:%s_)+\w+)' % RULE)
SCRIPT_NAME = re.compile(r"""["']((?:%s[_ ])+[^"'\n]*)""" % RULE)
LEADING = re.compile(r"%s(?=[_ ])" % RULE)
ENTRY = re.compile(r"^(\d+)\. ")
NAMED_ALONE = re.compile(r"\((%s(?:, %s)*)\)" % (RULE, RULE))
NAMES_SHOWN = 3
HEAD = """# Rules

What COM security is held to, rule by rule, and what proves it; `docs/rules.txt` says in a line what each rule is about. Written
by `tests/tree/rules.py` from that list, the names of the tests and `docs/DEVIATIONS.md`; `./dev test tree` checks it. A rule is **tested**; or a numbered **deviation**, which says
what happens instead; or it **waits** for what one machine decides by itself, the OS identity of threads:
tests are named where a part of it holds already.

| rule | test or deviation number | state |
|---|---|---|
"""


def read(path):
    with open(os.path.join(SOURCE, path), errors="replace") as file:
        return file.read()


def rules():
    """{rule: title}, in the order of the list"""
    return dict(line.split(" ", 1) for line in read("docs/rules.txt").splitlines() if re.match(RULE, line))


def waiting():
    return {rule for line in read("docs/rules.txt").splitlines() if line.startswith("waits ") for rule in line.split()[1:]}


def leading(name):
    """The rules that a test's name begins with."""
    found, position = [], len("test_") if name.startswith("test_") else 0
    while match := LEADING.match(name, position):
        found.append(match.group(0).replace("_", "-"))
        position = match.end() + 1
    return found


def test_files():
    for pattern, regular in (("src/*/test-*.c", C_NAME), ("lab/test-*.c", C_NAME), ("tests/*/test-*.c", C_NAME)):
        for path in glob.glob(os.path.join(SOURCE, pattern)):
            yield os.path.relpath(path, SOURCE), regular
    # What is said of rules here and in their check are samples.
    for path in glob.glob(os.path.join(SOURCE, "tests/[!t]*/*")):
        name = os.path.basename(path)
        if os.path.isfile(path) and (name.endswith((".py", ".sh")) or name.startswith("test-") and "." not in name):
            yield os.path.relpath(path, SOURCE), SCRIPT_NAME


def tests():
    """{rule: {file: [names]}}"""
    found = {}
    for path, regular in sorted(test_files()):
        for name in regular.findall(read(path)):
            for rule in leading(name):
                names = found.setdefault(rule, {}).setdefault(path, [])
                if name not in names:
                    names.append(name)
    return found


def deviations():
    """{rule: [numbers]}"""
    found, number = {}, None
    for line in re.sub(r"\n +", " ", read("docs/DEVIATIONS.md")).splitlines():
        entry = ENTRY.match(line)
        number = entry.group(1) if entry else None
        for named in NAMED_ALONE.findall(line) if entry else []:
            for rule in named.split(", "):
                found.setdefault(rule, []).append(number)
    return found


def shown(files):
    cells = []
    for path, names in files.items():
        more = ", …" if len(names) > NAMES_SHOWN else ""
        cells.append("%s: %s%s" % (path, ", ".join("`%s`" % name for name in names[:NAMES_SHOWN]), more))
    return "; ".join(cells)


def table():
    """[(rule, title, numbers, {file: [names]}, state)]"""
    found, entries, later = tests(), deviations(), waiting()
    for rule, title in rules().items():
        numbers, files = entries.get(rule, []), found.get(rule, {})
        state = "deviation" if numbers else "waits" if rule in later else "tested" if files else "missing"
        yield rule, title, numbers, files, state


def main():
    rows = []
    for rule, _, numbers, files, state in table():
        proof = ["DEVIATIONS %s" % ", ".join(numbers)] if numbers else []
        proof += [shown(files)] if files else []
        rows.append("| %s | %s | %s |\n" % (rule, "; ".join(proof).replace("|", "\\|"), state))
    with open(os.path.join(SOURCE, "docs/RULES.md"), "w") as file:
        file.write(HEAD + "".join(rows))


if __name__ == "__main__":
    main()
