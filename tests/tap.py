# SPDX-License-Identifier: Apache-2.0
"""Imported by test scripts: each case is one line of TAP; finish() prints the plan and exits."""
import sys

_count = 0
_failed = 0


def case(name, problems=()):
    """One case, passed when there is no problem; each problem is a line below it."""
    global _count, _failed
    _count += 1
    problems = list(problems)
    _failed += bool(problems)
    print("%sok %d - %s" % ("not " if problems else "", _count, name))
    for problem in problems:
        print("#   %s" % problem)


def finish():
    print("1..%d" % _count)
    sys.exit(1 if _failed else 0)
