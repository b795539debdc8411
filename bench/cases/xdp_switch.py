# SPDX-License-Identifier: Apache-2.0
"""Flows in XDP through the switch itself, driven by OpenFlow rules
(../xdp_switch.py)."""

import functools
import glob
import os

from cases import xdp
from harness import runner
from harness.registry import Case, register
from harness.results import compare

SIDES = {"xdp": ("ovs", "--offload"), "software": ("ovs",),
         "stock": ("stock",)}
SOFTWARE = "ours with hw-offload=false, same run"
QUIET = "ours without an attack, same run"
STOCK_AFXDP = ("unmodified Open vSwitch, the tap device a port of type afxdp, "
               "same run")
ASIDE = "ours beside an attack on another port, same run"


def ksoftirqd(cpu):
    """A file that tells how long the kernel's thread for softirqs of a
    processor has run, None if there is none to be seen."""
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="ascii", errors="replace") as f:
                if f.read() == "ksoftirqd/%d\n" % cpu:
                    return open(os.path.join(os.path.dirname(path),
                                             "schedstat"), "rb")
        except OSError:
            pass                    # The process has ended meanwhile.
    return None


def run(context, part, tree, *options, bursts=6, packets=2000000):
    """What ../xdp_switch.py finds with the ovs-vswitchd of 'tree'."""
    cpu = runner.other_cpu()
    argv = ["sh", os.path.join(context.top, "tests", "sandbox"), "python3",
            os.path.join(context.top, "bench", "xdp_switch.py"),
            "--tree", context.tree(tree),
            "--source", os.path.join(context.build, tree + "-src"),
            "--ours", context.tree("ovs"), "--generator-cpu", str(cpu),
            "--pmd-cpu", str(runner.measuring_cpu()),
            "--bursts", str(context.count(bursts, 1)),
            "--packets", str(context.count(packets, 20000)),
            "--seconds", str(context.count(4, 1)), *options]
    if context.quick:
        argv.append("--quick")
    thread = ksoftirqd(cpu)
    if not thread:
        return context.run_json([*argv, part])
    with thread:
        return context.run_json(
            [*argv, "--ksoftirqd", str(thread.fileno()), part],
            pass_fds=(thread.fileno(),))


def switch(context, part, tree, *options, **kwargs):
    """The bursts of run().  Says so if the machine was too busy for them."""
    found = run(context, part, tree, *options, **kwargs)
    if found["disturbed"]:
        print("NOTE  xdp-switch: %d of %d bursts were disturbed (%s)"
              % (found["disturbed"], len(found["bursts"]),
                 " ".join([part, tree, *options])), flush=True)
    return found["bursts"]


def look_for(context):
    if runner.other_cpu() == runner.measuring_cpu():
        return "the generator and the switch need a processor each"
    try:
        switch(context, "masks", "ovs", "--offload", "--bare", "--quick",
               bursts=1, packets=1000)
        switch(context, "drop", "stock", "--quick", bursts=1, packets=1000)
    except (OSError, runner.Failed, ValueError) as error:
        return ("no AF_XDP ports with flows in XDP: no root, not built, or "
                "another program is missing (%s)"
                % (str(error).strip().splitlines() or ["?"])[-1])
    return None


found_missing = {}      # By directory of builds.


def missing(context):
    if context.build not in found_missing:
        found_missing[context.build] = look_for(context)
    return found_missing[context.build]


def best(values):
    """The best tenth of what is better the smaller it is: whatever else
    happens on the machine makes it larger."""
    ordered = sorted(values)
    return ordered[(len(ordered) + 9) // 10 - 1]


def kernel_ns(burst, alone):
    """Of a packet that came, without what the generator costs alone."""
    return (burst["cpu"] / burst["came"] - alone) * 1e9


def pmd_ns(burst):
    """Of a packet that the PMD thread received."""
    if not burst["received"]:
        return 0
    return burst["work"] / burst["received"] * 1e9


def alone(bursts):
    return best(burst["alone"] for burst in bursts)


def receive_ns(bursts):
    """Time of processors for a packet on the side that receives it."""
    return best(kernel_ns(burst, alone(bursts)) + pmd_ns(burst)
                for burst in bursts)


def drop(context):
    runs = context.alternate(tuple(SIDES), lambda side: receive_ns(
        switch(context, "drop", *SIDES[side])))
    case, unit = "xdp-switch/drop", "ns/packet"
    metric = "receive side, dropped by a rule, %d sources" % xdp.SOURCES
    return [compare(case, metric, unit, runs["xdp"], runs["stock"]),
            compare(case, metric, unit, runs["xdp"], runs["software"],
                    baseline_is=SOFTWARE),
            compare(case, metric + ", hw-offload=false", unit,
                    runs["software"], runs["stock"])]


def rate(context):
    parts = {"drop": "1 mask", "masks": "8 masks of 1 flow each, the last of "
             "which matches"}
    bare = {part: [] for part in parts}

    def measure(part):
        found = switch(context, part, "ovs", "--offload", "--bare", "--sleep")
        bare[part].append(1e-6 / best(burst["bare"] for burst in found))
        return 1e-6 / best(burst["cpu"] / burst["came"] for burst in found)

    runs = context.alternate(tuple(parts), measure)
    return [compare("xdp-switch/rate", "dropped by a rule, generator "
                    "included, %s, %d sources" % (title, xdp.SOURCES),
                    "Mpps/processor", runs[part], bare[part], True,
                    xdp.BASELINE)
            for part, title in parts.items()]


def untouched(context):
    sides = {"xdp": ("ovs", "--offload"),
             "disabled": ("ovs", "--offload", "--disable"),
             "software": ("ovs",), "stock": ("stock",)}
    titles = {"xdp": "no flow in XDP", "disabled": "xdp/disable",
              "software": "hw-offload=false"}
    all_of_it = {side: [] for side in sides}

    def measure(side):
        found = switch(context, "pass", *sides[side])
        all_of_it[side].append(receive_ns(found))
        return best(kernel_ns(burst, alone(found)) for burst in found)

    runs = context.alternate(tuple(sides), measure)
    return [compare("xdp-switch/untouched", "%s, %s" % (metric, title),
                    "ns/packet", values[side], values["stock"])
            for side, title in titles.items()
            for metric, values in (("receive side", all_of_it),
                                   ("kernel's part of it", runs))]


def forward(context):
    by_cpu = {side: [] for side in SIDES}

    def measure(side):
        found = switch(context, "forward", *SIDES[side], bursts=5,
                       packets=8000000)
        by_cpu[side].append(1e-6 / best(
            (burst["cpu"] - burst["came"] * alone(found)
             + burst["work"]) / max(burst["delivered"], 1)
            for burst in found))
        return 1e-6 / best(burst["seconds"] / max(burst["delivered"], 1)
                           for burst in found)

    runs = context.alternate(tuple(SIDES), measure)
    case = "xdp-switch/forward"
    found = []
    for metric, unit, values in (
            ("delivered, wall time, %d sources" % xdp.SOURCES, "Mpps", runs),
            ("delivered, by the receive side's time of processors",
             "Mpps/processor", by_cpu)):
        found += [
            compare(case, metric, unit, values["xdp"], values["stock"], True),
            compare(case, metric, unit, values["xdp"], values["software"],
                    True, SOFTWARE),
            compare(case, metric + ", hw-offload=false", unit,
                    values["software"], values["stock"], True)]
    return found


def tap(context):
    """Of both kinds of ports that a tap device may be in software, the
    figures say which is which; that in XDP is one of AF_XDP."""
    sides = {"xdp": ("ovs", "--offload"),
             "stock": ("stock", "--tap-type=system"),
             "stock afxdp": ("stock",),
             "software": ("ovs", "--tap-type=system")}

    def measure(side):
        found = switch(context, "tap", *sides[side], "--sleep", bursts=5,
                       packets=8000000)
        return 1e-6 / best(burst["seconds"] / max(burst["delivered"], 1)
                           for burst in found)

    runs = context.alternate(tuple(sides), measure)
    case, metric = "xdp-switch/tap", "read from a tap device, wall time"
    return [compare(case, metric, "Mpps", runs["xdp"], runs["stock"], True),
            compare(case, metric, "Mpps", runs["xdp"], runs["stock afxdp"],
                    True, STOCK_AFXDP),
            compare(case, metric + ", hw-offload=false", "Mpps",
                    runs["software"], runs["stock"], True)]


def download(context, case, *options):
    """What is left of a download beside an attack."""
    values = {name: {side: [] for side in SIDES}
              for name in ("quiet", "aside", "share", "attack")}

    def measure(side):
        found = run(context, "download", *SIDES[side], *options)
        attacked = max(found["attacked"], 1)        # Ratios need more than 0.
        values["quiet"][side].append(found["quiet"] * 8e-6)
        values["aside"][side].append(found["aside"] * 8e-6)
        values["share"][side].append(100 * attacked / found["quiet"])
        values["attack"][side].append(found["attack"] / 1e6)
        return attacked * 8e-6

    runs = context.alternate(tuple(SIDES), measure)
    metric = "download beside an attack"
    share = metric + ", of that without one"
    attack = "the attack that the port takes meanwhile"
    return [compare(case, metric, "Mbit/s", runs["xdp"],
                    values["quiet"]["xdp"], True, QUIET),
            compare(case, metric, "Mbit/s", runs["xdp"],
                    values["aside"]["xdp"], True, ASIDE),
            compare(case, metric, "Mbit/s", runs["xdp"], runs["stock"], True),
            compare(case, share, "%", values["share"]["xdp"],
                    values["share"]["stock"], True),
            compare(case, share + ", hw-offload=false", "%",
                    values["share"]["software"], values["share"]["stock"],
                    True),
            compare(case, attack, "Mpps", values["attack"]["xdp"],
                    values["attack"]["stock"], True)]


for name, measure_all in (("drop", drop), ("rate", rate),
                          ("untouched", untouched), ("forward", forward),
                          ("tap", tap)):
    register(Case("xdp-switch/" + name, measure_all, missing))
for name, options in (("xdp-switch/download", ()),
                      ("xdp-switch/download-2-queues", ("--queues=2",))):
    register(Case(name, functools.partial(
        lambda context, name, options: download(context, name, *options),
        name=name, options=options), missing))
