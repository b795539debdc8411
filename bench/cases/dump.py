# SPDX-License-Identifier: Apache-2.0
"""Dumps of the userspace datapath, as revalidators do them, and their text.

Sides are the unmodified build and ours under each policy of the match cache.
With "lazy" a flow's match is kept from its second full dump on, thus from the
third on it comes from the cache; with "eager" from the second on.  The limit
of the cache is out of the way (1 GB).
"""

import functools

from harness import stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import needs

PROGRAM = "bench/bench-dump"
SHAPES = ("v4", "v6", "tunnel")
SIZES = {"10k": 10000, "50k": 50000, "200k": 200000}
POLICIES = ("off", "lazy", "eager")
SIDES = ("stock", *POLICIES)


def command(context, side, shape, n_flows, n_full, n_terse, n_text=1):
    tree, policy = ("stock", "off") if side == "stock" else ("ovs", side)
    return [context.program(tree, PROGRAM), shape, str(n_flows), policy,
            str(n_full), str(n_terse), str(n_text)]


def dump(context, name, shape, n_flows):
    """CPU time per flow of full and terse dumps, and the heap per flow."""
    n_flows = context.count(n_flows, 500)
    n_later = min(40, max(4, 400000 // n_flows))
    runs = context.alternate(SIDES, lambda side: context.run_json(
        command(context, side, shape, n_flows, 2 + n_later, n_later)))

    def result(metric, unit, ours, value, baseline=None):
        return compare(name, metric, unit, list(map(value, runs[ours])),
                       list(map(baseline or value, runs["stock"])))

    def later(run):
        return stats.median(run["full"][2:])

    results = []
    for policy in POLICIES:
        results.append(result("first full dump, policy " + policy, "ns/flow",
                              policy, lambda run: run["full"][0]))
    results.append(result("second full dump, policy lazy", "ns/flow",
                          "lazy", lambda run: run["full"][1]))
    for policy in POLICIES:
        results.append(result("later full dumps, policy " + policy,
                              "ns/flow", policy, later))
    results.append(result("terse dump, policy lazy", "ns/flow", "lazy",
                          lambda run: stats.median(run["terse"][1:])))
    results.append(result("heap of a flow", "B/flow", "off",
                          lambda run: run["flow_bytes"]))
    results.append(result(
        "heap of a flow with its cached match", "B/flow", "eager",
        lambda run: run["flow_bytes"] + run["cache_bytes"]))
    return results


def text(context, name, shape):
    """CPU time per flow of the text of dpctl/dump-flows, nothing else."""
    n_flows = context.count(20000, 200)
    n_text = context.count(20, 2)
    runs = context.alternate(
        ("stock", "lazy"), lambda side: context.run_json(
            command(context, side, shape, n_flows, 1, 1, n_text)))
    return [compare(name, metric, "ns/flow",
                    [stats.median(run[key]) for run in runs["lazy"]],
                    [stats.median(run[key]) for run in runs["stock"]])
            for metric, key in (("text", "text"), ("text, -m", "text_m"))]


def instructions(context, name, shape):
    """Instructions per flow of one dump of each kind."""
    n_flows = context.count(5000, 200)
    results = []
    for metric, function, policy in (
            ("first full dump, policy lazy", "measured_first_dump", "lazy"),
            ("first full dump, policy eager", "measured_first_dump", "eager"),
            ("second full dump, policy lazy", "measured_second_dump", "lazy"),
            ("later full dump, policy off", "measured_later_dump", "off"),
            ("later full dump, policy lazy", "measured_later_dump", "lazy"),
            ("terse dump, policy lazy", "measured_terse_dump", "lazy"),
            ("text", "measured_text", "lazy"),
            ("text, -m", "measured_verbose_text", "lazy")):
        count = {side: context.instructions(
            command(context, side, shape, n_flows, 3, 1), function) / n_flows
            for side in ("stock", policy)}
        results.append(compare(name, metric, "instructions/flow",
                               [count[policy]], [count["stock"]]))
    return results


for a_shape in SHAPES:
    for a_size, number in SIZES.items():
        a_name = "dump/%s/%s" % (a_shape, a_size)
        register(Case(a_name, functools.partial(
            dump, name=a_name, shape=a_shape, n_flows=number)))
    a_name = "dump/%s/text" % a_shape
    register(Case(a_name, functools.partial(
        text, name=a_name, shape=a_shape)))
    a_name = "dump/%s/instructions" % a_shape
    register(Case(a_name, functools.partial(
        instructions, name=a_name, shape=a_shape), needs("valgrind")))
