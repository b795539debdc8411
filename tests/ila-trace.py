# SPDX-License-Identifier: Apache-2.0

"""Runs the ILA test vectors through dpctl/ila-trace.

The datapath has the ports p1, p2 and p3.  The mappings of each vector are
added, its packet is traced with 0 to 2 VLAN tags, and what comes out must be
what the vector says, byte by byte, as must be the checksum verdicts.
"""

import json
import subprocess
import sys

MACS = "50540000000a505400000009"
TAGS = ["", "81000064", "88a800c881000064"]
DIRECTIONS = {"sir2ila": "out", "ila2sir": "in"}
VERDICTS = {"translate": "translated", "drop": "dropped", "pass": "passes"}


def dpctl(command, *args):
    return subprocess.run(["ovs-appctl", "dpctl/ila-" + command, *args],
                          check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout


def locator(text):
    return text if text.count(":") == 3 else text + "/64"


def add(mapping, inner):
    words = ["dir=" + DIRECTIONS[mapping["direction"]],
             "locator=" + locator(mapping["locator"]),
             "csum-mode=" + mapping["csum_mode"]]
    if mapping["match_locator"]:
        words.append("match-locator=" + locator(mapping["match_locator"]))
    if mapping.get("identifier"):
        ident = mapping["identifier"]
        words.append("ident=" + ":".join(ident[i:i + 4]
                                         for i in range(0, 16, 4)))
    if mapping.get("in_port"):
        words.append("port=p%d" % mapping["in_port"])
    if inner:
        words.append("icmp-inner")
    dpctl("add", *words)


def check(vector, tags):
    """Returns what is wrong, as a list of strings."""
    header = MACS + tags + "86dd"
    trace = json.loads(dpctl("trace", "p%d" % vector["in_port"],
                             header + vector["in"], "dir=both", "--json"))
    wrong = []

    def expect(what, actual, expected):
        if actual != expected:
            wrong.append("%s is %s, not %s" % (what, actual, expected))

    changed = vector["out"] not in (None, vector["in"])
    if vector["verdict"] == "translate" and vector.get("icmp_inner"):
        expect("verdict", trace["verdict"].split(":")[0], "passes")
    else:
        expect("verdict", trace["verdict"].split(":")[0],
               VERDICTS[vector["verdict"]])
    expect("has packet", "packet" in trace, changed)
    if changed and "packet" in trace:
        expect("packet", trace["packet"], header + vector["out"])
    for key, side in (("l4_ok_in", "before"), ("l4_ok_out", "after")):
        if vector[key] is not None and side in trace:
            expect("checksum " + side, trace[side]["checksum"],
                   "right" if vector[key] else "wrong")
    return wrong


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        vectors = json.load(f)["vectors"]
    n, errors = 0, 0
    for vector in vectors:
        if vector["l4_partial"]:
            continue
        inner = bool(vector.get("icmp_inner"))
        dpctl("flush")
        for mapping in vector["table"]:
            add(mapping, inner)
        for tags in TAGS:
            for wrong in check(vector, tags):
                print("%s: %s" % (vector["id"], wrong))
                errors += 1
        n += 1
    print("%d vectors, %d errors" % (n, errors))
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
