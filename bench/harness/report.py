# SPDX-License-Identifier: Apache-2.0
"""The report for people: a page of tables, and a plot for each family."""

import json
import os

from harness import hooks, machine, plot

PREAMBLE = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Made by "make bench". -->

# Benchmarks

Ours against a baseline, both measured in the same run, in turn.  **A ratio
above 1 means that ours is better**, whichever way the metric goes.  Values are
medians of the rounds; the spread is the range that holds the middle half of
the rounds' ratios, as a share of their median.  Instructions are counted and
do not depend on what else the machine does; they are not time.  Times of short
loops depend on where the linker put them: two builds of the same code differ
by up to 10 percent.  `README.rst`, one directory up, tells what each case does
and how to run it again.
"""

HOOKS = """\
### Hooks on the path of a packet

Lines that the series adds to the datapath and that packets execute, with the
instructions per packet, what they call included, of the case that executes
most of them.  A line that is only changed counts as a whole.  What is inlined
from a file of ours is counted in that file.
"""

FAMILIES = {
    "dpctl": "`ovs-appctl dpctl/dump-flows`",
    "dump": "Dumps of the userspace datapath",
    "export": "All flows for another process, by the ring",
    "forward": "Forwarding with no extension in use, userspace datapath",
    "ila": "ILA in the userspace datapath",
    "kernel": "Kernel datapath, one boot under QEMU, 1 instruction = 1 ns",
    "revalidator": "Revalidation without UFIDs",
    "ring": "The ring as a channel between two processes",
    "xdp": "Dropping in XDP",
    "xdp-switch": "Flows in XDP, through the switch",
    "afxdp": "Forwarding between AF_XDP ports",
    "vrf": "Routing tables of VRFs",
}


def line(result):
    """One result for a terminal."""
    return ("%-46s %10.6g %10.6g %-18s %7.3f  +-%.1f%%"
            % (result.metric, result.ours, result.baseline, result.unit,
               result.ratio, 50 * result.spread))


def family(result):
    return result.case.split("/")[0]


def table(rows):
    out = ["| case | metric | unit | ours | baseline | ratio | spread "
           "| rounds |", "|---|---|---|--:|--:|--:|--:|--:|"]
    for r in rows:
        out.append("| %s | %s | %s | %g | %g | **%.3g** | %.1f %% | %d |" % (
            r.case, r.metric, r.unit, r.ours, r.baseline, r.ratio,
            100 * r.spread, r.rounds))
    return out


def hook_table(directory):
    """The table of what the forward cases leave in hooks.json."""
    path = os.path.join(directory, "hooks.json")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        rows, idle = hooks.summary(json.load(f))
    out = [HOOKS, "",
           "| patch | file | line | instructions/packet | case |",
           "|---|---|---|--:|---|"]
    for hook, case in rows:
        out.append("| %s | %s | `%s` | %.2f | %s |" % (
            hook["patch"], hook["file"], hook["text"].replace("|", "\\|"),
            hook["instructions"], case))
    if not rows:
        out.append("| none | | | 0 | |")
    return out + ["", "%d more lines of the series in files of the datapath "
                  "have no instruction in any case:" % idle,
                  "declarations, labels, and what unused actions lead to."]


def page(directory, results, skipped):
    out = [PREAMBLE]
    for run in machine.read(directory):
        out.append("| %d cases | measured on |\n|---|---|"
                   % len(run["cases"]))
        out += ["| %s | %s |" % (name, text)
                for name, text in run["facts"].items()]
        out.append("")
    for name in dict.fromkeys(map(family, results)):
        rows = [r for r in results if family(r) == name]
        out += ["## " + FAMILIES.get(name, name), "",
                "![ratios](%s.svg)" % name, ""]
        for baseline in dict.fromkeys(r.baseline_is for r in rows):
            out += ["Baseline: %s." % baseline, ""]
            out += table([r for r in rows if r.baseline_is == baseline])
            out.append("")
        if name == "forward":
            out += hook_table(directory) + [""]
    if skipped:
        out += ["## Not measured in the last run", ""]
        out += ["* %s: %s" % item for item in skipped.items()]
    return "\n".join(out).rstrip() + "\n"


def write(directory, results, skipped):
    """Writes README.md and a plot for each family into 'directory'."""
    for name in dict.fromkeys(map(family, results)):
        rows = [("%s: %s" % (r.case.partition("/")[2], r.metric), r.ratio,
                 r.spread) for r in results if family(r) == name]
        title = FAMILIES.get(name, name).replace("`", "")
        with open(os.path.join(directory, name + ".svg"), "w",
                  encoding="utf-8") as f:
            f.write(plot.ratios(title, rows))
    with open(os.path.join(directory, "README.md"), "w",
              encoding="utf-8") as f:
        f.write(page(directory, results, skipped))
