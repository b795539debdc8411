# SPDX-License-Identifier: Apache-2.0
"""How many flows one revalidator sustains when dumps are not terse.

Revalidators dump keys and masks if the datapath has no UFIDs, or after
"upcall/disable-ufid" as here.  A round must not take longer than the interval
between two of them, 500 ms.  A real ovs-vswitchd with one revalidator thread
gets more and more flows; the CPU time of that thread is taken from round to
round ("revalidator/wait" returns after each).  Where the line through the
measured points crosses 500 ms is the number of flows.

All flows are known to the revalidator and idle; its work is the dump, finding
its own record of each flow, and looking at the statistics.  Terse rounds tell
what of that is there anyhow.
"""

import dataclasses

from harness import runner, stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import SIDES
from harness.vswitch import Vswitch

INTERVAL_MS = 500
SIZES = (200000, 400000, 800000)
ROUNDS = 3          # Of the revalidator, per size.
SETTLE = 3          # Rounds after which nothing changes any more.
HOUR_MS = 3600 * 1000
FLOW_LIMIT = 2000000000     # Long rounds divide it.
# Rounds follow each other faster than usual, just to be done earlier.
CONFIG = {"n-revalidator-threads": 1, "max-idle": HOUR_MS,
          "max-revalidator": 100, "flow-limit": FLOW_LIMIT,
          "flow-match-cache-max-mb": 1024}
MODES = {"terse": "upcall/enable-ufid", "full": "upcall/disable-ufid"}


def round_ms(vswitch):
    """CPU time of one round of the only revalidator, the median of some."""
    tid = vswitch.thread("revalidator")
    times = []
    for i in range(SETTLE + ROUNDS):
        vswitch.call("upcall/set-flow-limit", str(FLOW_LIMIT))
        before = vswitch.cpu_ns(tid)
        vswitch.call("revalidator/wait")
        if i >= SETTLE:
            times.append((vswitch.cpu_ns(tid) - before) / 1e6)
    return stats.median(times)


def n_flows(vswitch):
    reply = vswitch.call("upcall/show")
    return int(reply.split("(current ")[1].split(")")[0])


def measure(context, side, sizes):
    """{(number of flows, mode): ms of CPU time per round}."""
    found = {}
    with Vswitch(context, side, CONFIG) as vswitch:
        vswitch.add_openflow("in_port=1,actions=output:2")
        vswitch.call("upcall/set-flow-limit", str(FLOW_LIMIT))
        for first, last in zip((0, *sizes), sizes):
            vswitch.add_flows(first, last)
            for mode, command in MODES.items():
                vswitch.call(command)
                found[last, mode] = round_ms(vswitch)
            if n_flows(vswitch) != last:
                raise runner.Failed("%d flows are left of %d"
                                    % (n_flows(vswitch), last))
    return found


def sustained(context, name):
    sizes = (100, 200) if context.quick else SIZES
    few = dataclasses.replace(context, rounds=min(context.rounds, 3))
    runs = few.alternate(SIDES, lambda side: measure(context, side, sizes))
    results = []
    for key in runs["stock"][0]:
        results.append(compare(
            name, "a round of %d flows, %s" % key, "ms",
            [run[key] for run in runs["ovs"]],
            [run[key] for run in runs["stock"]]))
    if not context.quick:
        found = {side: [stats.crossing([(n, run[n, "full"]) for n in sizes],
                                       INTERVAL_MS) for run in runs[side]]
                 for side in SIDES}
        results.append(compare(
            name, "flows in %d ms of CPU time, full dumps" % INTERVAL_MS,
            "flows", found["ovs"], found["stock"], higher_is_better=True))
    return results


register(Case("revalidator/no-ufid",
              lambda context: sustained(context, "revalidator/no-ufid")))
