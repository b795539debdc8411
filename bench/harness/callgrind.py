# SPDX-License-Identifier: Apache-2.0
"""Reads callgrind's profiles, as written with --dump-line=yes."""

import collections
import re

_NAME = re.compile(r"(fl|fi|fe|cfl|cfi)=(?:\((\d+)\))?(.*)")
_COST = re.compile(r"([+-]?)(\d+|\*) (\d+)")


def lines(text):
    """Returns two dictionaries {(file, line): instructions}: what each line of
    source executes itself, and that with what it calls."""
    own, inclusive = collections.Counter(), collections.Counter()
    names = {}
    at = None               # File of the costs that follow.
    number = 0              # Their last line, which others are relative to.
    call = False            # The next cost is that of a call.
    for line in text.splitlines():
        name, cost = _NAME.match(line), _COST.match(line)
        if name:
            kind, ident, path = name.groups()
            if ident:
                path = names.setdefault(ident, path.strip())
            if not kind.startswith("c"):
                at = path
        elif line.startswith("calls="):
            call = True
        elif cost:
            sign, where, count = cost.groups()
            if sign:
                number += int(sign + where)
            elif where != "*":
                number = int(where)
            inclusive[at, number] += int(count)
            if not call:
                own[at, number] += int(count)
            call = False
    return own, inclusive
