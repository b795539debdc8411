# SPDX-License-Identifier: Apache-2.0
"""Forwarding between AF_XDP ports in userspace: what a packet costs the PMD
thread (afxdp.sh)."""

import json
import os

from harness import runner
from harness.registry import Case, register
from harness.results import compare

GENERATOR = "tests/ovs-xdp-gen"
OUR_OWN = "ours with options:umem=private, same run"


def forward(context, side, n, *options):
    out = context.run(
        ["sh", os.path.join(context.top, "tests", "sandbox"),
         "sh", os.path.join(context.top, "bench", "afxdp.sh"),
         context.tree(side), os.path.join(context.build, side + "-src"),
         context.program("ovs", GENERATOR), str(n),
         str(runner.other_cpu()), str(runner.measuring_cpu()), *options])
    result = json.loads(out.splitlines()[-1])
    if not result["packets"]:
        raise runner.Failed("no packet was forwarded: %s" % result)
    return result


def missing(context):
    if os.getuid():
        return "not root"
    try:
        forward(context, "ovs", 1000)
    except (OSError, runner.Failed, ValueError, IndexError):
        return "the kernel lets us have no AF_XDP port"
    return None


def run(context):
    n = context.count(20000000, 10000)
    sides = {"ours": ("ovs",), "stock": ("stock",),
             "private": ("ovs", "options:umem=private")}
    runs = context.alternate(
        sides, lambda side: forward(context, sides[side][0], n,
                                    *sides[side][1:]))
    values = {(side, key): [run[key] for run in runs[side]]
              for side in sides for key in ("cycles", "cpu_ns")}
    return [
        compare("afxdp/forward", "PMD cycles per packet, wall", "cycles",
                values["ours", "cycles"], values["stock", "cycles"]),
        compare("afxdp/forward", "PMD CPU time per packet", "ns",
                values["ours", "cpu_ns"], values["stock", "cpu_ns"]),
        compare("afxdp/forward", "PMD CPU time per packet, shared memory",
                "ns", values["ours", "cpu_ns"], values["private", "cpu_ns"],
                baseline_is=OUR_OWN),
    ]


register(Case("afxdp/forward", run, missing))
