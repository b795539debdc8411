# SPDX-License-Identifier: Apache-2.0
"""Forwarding between AF_XDP ports in userspace: what a packet costs the PMD
thread (afxdp.sh)."""

import functools
import json
import os

from harness import runner
from harness.registry import Case, register
from harness.results import compare

GENERATOR = "tests/ovs-xdp-gen"
NIC = "bench/bench-afxdp-nic.so"
ZEROCOPY = "tests/afxdp-zerocopy.so"
LENGTHS = (60, 1500)
# Library to preload beside ZEROCOPY, and what is not measured thereby.
FORMS = {"forward": ("", ""), "switch": (NIC, ", without the kernel's part")}
SIDES = {"ours": ("ovs",), "stock": ("stock",),
         "private": ("ovs", "options:umem=private")}
OUR_OWN = "ours with options:umem=private, same run"


def forward(context, tree, bursts, length=60, preload="", *options):
    if preload:
        preload = " ".join((context.program(tree, preload),
                            context.program("ovs", ZEROCOPY)))
    out = context.run(
        ["sh", os.path.join(context.top, "tests", "sandbox"),
         "sh", os.path.join(context.top, "bench", "afxdp.sh"),
         context.tree(tree), os.path.join(context.build, tree + "-src"),
         context.program("ovs", GENERATOR), str(bursts), str(length),
         str(runner.other_cpu()), str(runner.measuring_cpu()), preload,
         *options])
    return json.loads(out.splitlines()[-1])["cycles"]


def missing(context):
    try:
        forward(context, "ovs", 2)
    except (OSError, runner.Failed, ValueError, IndexError):
        return "no AF_XDP ports here: no root, or not built, or no ifb device"
    return None


def run(context, name):
    preload, without = FORMS[name]
    found = []
    for length in LENGTHS:
        runs = context.alternate(
            tuple(SIDES), lambda side, length=length: forward(
                context, SIDES[side][0], context.count(100, 2), length,
                preload, *SIDES[side][1:]))
        metric = "PMD cycles per packet of %d bytes%s" % (length, without)
        found += [
            compare("afxdp/" + name, metric, "cycles", runs["ours"],
                    runs["stock"]),
            compare("afxdp/" + name, metric + ", memory shared", "cycles",
                    runs["ours"], runs["private"], baseline_is=OUR_OWN)]
    return found


for form in FORMS:
    register(Case("afxdp/" + form, functools.partial(run, name=form),
                  missing))
