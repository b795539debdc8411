# SPDX-License-Identifier: Apache-2.0
"""Routing tables of VRFs (programs/bench-vrf.c): loading, memory, lookups,
changes.  No Open vSwitch takes part."""

import functools

from harness.registry import Case, register
from harness.results import compare

PROGRAM = "bench/bench-vrf"
SIZES = {"1k": 1000, "100k": 100000, "1M": 1000000}

# Key of the program, what it is, unit, and the limit, for so many routes.
LIMITS = (
    ("load_ms", "load, nobody looks yet", "ms", lambda n: n / 100),
    ("live_load_ms", "load one by one, in use", "ms", lambda n: n / 100),
    ("bytes_per_route", "memory, all told", "bytes/route", lambda n: 120),
    ("change_us", "one route comes or goes", "us", lambda n: 1000),
)


def fib(context, name, family, n):
    n = context.count(n, min(n, 2000))
    lookups = context.count(5000000, 10000)
    runs = context.alternate(("ours",), lambda side: context.run_json(
        [context.program("ovs", PROGRAM), str(family), str(n),
         str(lookups)]))["ours"]
    results = []
    for key, title, unit, limit in LIMITS:
        results.append(compare(name, title, unit, [run[key] for run in runs],
                               [limit(n)] * len(runs),
                               baseline_is="limit"))
    results.append(compare(
        name, "lookup, with the bits that decided", "ns/lookup",
        [run["lookup_ns"] for run in runs],
        [run["longest_ns"] for run in runs],
        baseline_is="without them, same run"))
    return results


for a_family in (4, 6):
    for a_size, a_count in SIZES.items():
        a_name = "vrf/ipv%d/%s" % (a_family, a_size)
        register(Case(a_name, functools.partial(
            fib, name=a_name, family=a_family, n=a_count)))
