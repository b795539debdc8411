# SPDX-License-Identifier: Apache-2.0
"""What the series of hooks costs on the path of a packet, from profiles.

A hook is a line that the series adds to a file of upstream's datapath.  Its
cost is what callgrind counts there, calls included.  What the compiler inlines
from a file of ours it counts in that file, thus each such file is a row, too.
"""

import json
import os
import re
import subprocess

from harness import callgrind

# Where upstream's packets go in userspace.
DATAPATH = ("lib/conntrack.c", "lib/cmap.c", "lib/dp-packet.c",
            "lib/dp-packet.h", "lib/dpif.c", "lib/dpif-netdev.c",
            "lib/dpif-netdev-private-dfc.c", "lib/dpif-netdev-private-dpcls.h",
            "lib/dpif-netdev-private-flow.h",
            "lib/dpif-netdev-private-thread.h", "lib/flow.c", "lib/flow.h",
            "lib/netdev.c", "lib/odp-execute.c", "lib/odp-execute-avx512.c",
            "lib/odp-execute-private.c", "lib/packets.c", "lib/packets.h")
DIFF = ["diff", "--unchanged-line-format=", "--old-line-format=",
        "--new-line-format=%dn %L"]


def added_lines(build):
    """{(file, line): text} of what the series adds to files of DATAPATH."""
    added = {}
    for path in DATAPATH:
        old, new = (os.path.join(build, tree, path)
                    for tree in ("stock-src", "ovs-src"))
        if not os.path.exists(new) or not os.path.exists(old):
            continue
        result = subprocess.run([*DIFF, old, new], stdout=subprocess.PIPE,
                                text=True, check=False)
        for line in result.stdout.splitlines():
            number, _, text = line.partition(" ")
            if text.strip():
                added[path, int(number)] = text.strip()
    return added


def patches(top):
    """{(file, text): patch} of the lines that the series adds."""
    found = {}
    directory = os.path.join(top, "patches", "ovs")
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".patch"):
            continue
        path = None
        with open(os.path.join(directory, name), encoding="utf-8") as f:
            for line in f:
                if line.startswith("+++ "):
                    path = re.sub(r"^[^/]*/", "", line[4:].split()[0])
                elif line.startswith("+") and path:
                    found[path, line[1:].strip()] = name
    return found


def our_files(build):
    """Files of ours in the assembled tree, which has them as links."""
    directory = os.path.join(build, "ovs-src", "lib")
    return {"lib/" + name for name in os.listdir(directory)
            if os.path.islink(os.path.join(directory, name))}


def executed(context, profile, n_packets):
    """The hooks that a profile of 'n_packets' packets has instructions for,
    as a list of {"patch", "file", "text", "instructions"}."""
    with open(profile, encoding="utf-8") as f:
        own, inclusive = callgrind.lines(f.read())

    def short(path):
        return path[path.find("/lib/") + 1:] if path else ""

    found = []
    added, origin = added_lines(context.build), patches(context.top)
    for (path, number), count in inclusive.items():
        text = added.get((short(path), number))
        if text:
            found.append({"patch": origin.get((short(path), text), ""),
                          "file": short(path), "text": text,
                          "instructions": round(count / n_packets, 3)})
    ours = our_files(context.build)
    totals = {}
    for (path, _), count in own.items():
        if short(path) in ours:
            totals[short(path)] = totals.get(short(path), 0) + count
    for path, count in totals.items():
        found.append({"patch": "", "file": path, "text": "all of this file",
                      "instructions": round(count / n_packets, 3)})
    return found


def note(context, case, found):
    """Keeps what executed() found for 'case' in the report."""
    path = os.path.join(context.report, "hooks.json")
    cases = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            cases = json.load(f)["cases"]
    cases[case] = found
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"lines": len(added_lines(context.build)), "cases": cases},
                  f, indent=1)
        f.write("\n")


def summary(found):
    """What note() kept, as a list of (hook, case) with the case in which each
    hook costs most, and the number of hooks that no case executes."""
    most = {}
    for case, hooks in found["cases"].items():
        for hook in hooks:
            key = hook["file"], hook["text"]
            if (key not in most
                    or hook["instructions"] > most[key][0]["instructions"]):
                most[key] = hook, case
    n_upstream = sum(bool(hook["patch"]) for hook, _ in most.values())
    rows = sorted(most.values(),
                  key=lambda row: (row[0]["patch"] or "~", row[0]["file"],
                                   row[0]["text"]))
    return rows, found["lines"] - n_upstream
