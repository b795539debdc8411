# SPDX-License-Identifier: Apache-2.0
"""ILA in the userspace datapath: what translation costs, in each design.

TCP over IPv6 whose destinations are identifiers picked at random.  The
baseline of the design with a mapping table is what Open vSwitch has without
extensions: a rule with set_field for each identifier.
"""

import functools

from harness import stats
from harness.registry import Case, register
from harness.results import compare

PROGRAM = "bench/bench-ila"
MODES = ("no-action", "neutral-map", "adj-transport")
SIZES = {"1": 1, "1k": 1000, "1m": 1000000}
OFF = "the same packets with ILA off, same process, in turn"
RULES = "a rule with set_field for each, unmodified Open vSwitch, same run"


def command(context, side, design, entries, bursts, *options):
    return [context.program(side, PROGRAM), design, str(entries),
            "--bursts=%d" % bursts, *options]


def cost(context, name, mode, entries):
    """Nanoseconds per packet with translation at ingress and without; then
    what the difference is, and what it is in the design with two lookups."""
    bursts = context.count(4000, 20)
    runs = {"ingress": [], "lookups": [], "none": []}

    def measure(design):
        run = context.run_json(command(context, "ovs", design, entries, bursts,
                                       "--mode=" + mode))
        runs[design].append(run)
        return stats.median(run["ns"])

    times = context.alternate(tuple(runs), measure)
    without = [stats.median(run["without"]) for run in runs["ingress"]]
    differences = [stats.median([a - b for a, b in zip(run["ns"],
                                                       run["without"])])
                   for run in runs["ingress"]]
    two = [a - b for a, b in zip(times["lookups"], times["none"])]
    return [compare(name, "translation at ingress", "ns/packet",
                    times["ingress"], without, baseline_is=OFF),
            compare(name, "difference that translation makes", "ns/packet",
                    differences, two,
                    baseline_is="action, recirculation and a second lookup, "
                    "ours, same run")]


def identifiers(context, name, entries, *options):
    """A table against rules: packets per second of the forwarding thread's CPU
    time; loading, moving, memory."""
    bursts = context.count(3000, 20)
    entries = context.count(entries, 20000)
    sides = {"ingress": "ovs", "action": "ovs", "lookups": "ovs",
             "rules": "stock"}
    runs = {design: [] for design in sides}

    def measure(design):
        run = context.run_json(command(context, sides[design], design, entries,
                                       bursts, *options))
        runs[design].append(run)
        return 1e9 / stats.median(run["ns"])

    rates = context.alternate(tuple(sides), measure)
    results = [compare(name, "forwarded, " + title, "packets/s", rates[design],
                       rates["rules"], True, RULES)
               for design, title in (("ingress", "table at ingress"),
                                     ("action", "table by action"),
                                     ("lookups", "table by action, second "
                                      "lookup"))]
    # Revalidators have to keep up with the flows, too.
    whole = {design: [1e9 / stats.median(run["all_ns"]) for run in found]
             for design, found in runs.items()}
    results.append(compare(name, "forwarded, table at ingress, by CPU time of "
                           "all threads", "packets/s", whole["ingress"],
                           whole["rules"], True, RULES))
    for key, title, unit, scale in (
            ("load_ms", "loading all", "ms", 1),
            ("move_ms", "moving 100,000 to another locator", "ms", 1),
            ("bytes", "memory", "B/entry", 1 / entries)):
        results.append(compare(
            name, title, unit, [run[key] * scale for run in runs["ingress"]],
            [run[key] * scale for run in runs["rules"]], baseline_is=RULES))
    return results


def scale(context, name, large, small):
    """The table with 'large' entries against one with 'small'."""
    bursts = context.count(4000, 20)
    sizes = {n: context.count(n, n // 100) for n in (large, small)}
    runs = context.alternate(tuple(sizes), lambda n: context.run_json(
        command(context, "ovs", "ingress", sizes[n], bursts)))

    def result(metric, unit, value):
        return compare(name, metric, unit, *(
            [value(run, sizes[n]) for run in runs[n]] for n in sizes),
            baseline_is="a quarter of the entries, same run")

    return [result("loading", "ns/entry",
                   lambda run, n: run["load_ms"] * 1e6 / n),
            result("memory", "B/entry", lambda run, n: run["bytes"] / n),
            result("difference that translation makes", "ns/packet",
                   lambda run, n: stats.median(
                       [a - b for a, b in zip(run["ns"], run["without"])]))]


for a_mode in MODES:
    for a_size, number in SIZES.items():
        a_name = "ila/%s/%s" % (a_mode, a_size)
        register(Case(a_name, functools.partial(
            cost, name=a_name, mode=a_mode, entries=number)))
register(Case("ila/identifiers", functools.partial(
    identifiers, name="ila/identifiers", entries=1000000)))
register(Case("ila/identifiers-no-emc", lambda context: identifiers(
    context, "ila/identifiers-no-emc", 1000000, "--no-emc")))
register(Case("ila/scale", functools.partial(
    scale, name="ila/scale", large=4 << 20, small=1 << 20)))
