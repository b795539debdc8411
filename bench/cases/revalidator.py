# SPDX-License-Identifier: Apache-2.0
"""How many flows one revalidator sustains when dumps are not terse.

Revalidators dump keys and masks if the datapath has no UFIDs, or after
"upcall/disable-ufid" as here.  A round must not take longer than the interval
between two of them, 500 ms.  A real ovs-vswitchd with one revalidator thread
gets more and more flows; the CPU time of that thread is taken from round to
round ("revalidator/wait" returns after each).  Where the line through the
measured points crosses 500 ms is the number of flows.

All flows are known to the revalidator and idle; its work is the dump, finding
its own record of each flow, and looking at the statistics.
"""

from harness import runner, stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import SIDES
from harness.vswitch import Vswitch

INTERVAL_MS = 500
SIZES = (100000, 200000, 400000, 600000)
ROUNDS = 3          # Of the revalidator, per round of ours.
SETTLE = 3          # Rounds after which nothing changes any more.
HOUR_MS = 3600 * 1000
FLOW_LIMIT = 2000000000     # A round that was frozen for long divides it.
# Rounds follow each other faster than usual, just to be done earlier.
CONFIG = {"n-revalidator-threads": 1, "max-idle": HOUR_MS,
          "max-revalidator": 100, "flow-limit": FLOW_LIMIT,
          "flow-match-cache-max-mb": 1024}


class Revalidator:
    """The only revalidator of a running ovs-vswitchd."""

    def __init__(self, vswitch):
        self.vswitch = vswitch
        vswitch.add_openflow("in_port=1,actions=output:2")
        self.set_flow_limit()
        self._tid = vswitch.thread("revalidator")

    def set_flow_limit(self):
        """Rounds that take too long lower it, and flows would go."""
        self.vswitch.call("upcall/set-flow-limit", str(FLOW_LIMIT))

    def settle(self):
        for _ in range(SETTLE):
            self.set_flow_limit()
            self.vswitch.call("revalidator/wait")

    def round_ms(self):
        """CPU time of one round, of some in succession, in ms."""
        self.vswitch.call("revalidator/wait")
        times = []
        for _ in range(ROUNDS):
            self.set_flow_limit()
            before = self.vswitch.cpu_ns(self._tid)
            self.vswitch.call("revalidator/wait")
            times.append((self.vswitch.cpu_ns(self._tid) - before) / 1e6)
        return stats.median(times)

    def n_flows(self):
        reply = self.vswitch.call("upcall/show")
        return int(reply.split("(current ")[1].split(")")[0])


def measure(context, revalidators, n_flows):
    """CPU time of a round with 'n_flows' flows, {side: [ms of each round]}.
    Who is not measured does not run."""
    def one(side):
        revalidators[side].vswitch.thaw()
        try:
            return revalidators[side].round_ms()
        finally:
            revalidators[side].vswitch.freeze()

    times = context.alternate(SIDES, one)
    for revalidator in revalidators.values():
        revalidator.vswitch.thaw()
        if revalidator.n_flows() != n_flows:
            raise runner.Failed("%d flows are left of %d" % (
                revalidator.n_flows(), n_flows))
    return times


def sustained(context, name):
    sizes = (100, 200) if context.quick else SIZES
    full, results = {}, []
    with Vswitch(context, "ovs", CONFIG) as ours, \
            Vswitch(context, "stock", CONFIG) as stock:
        revalidators = {"ovs": Revalidator(ours), "stock": Revalidator(stock)}
        done = 0
        for n_flows in sizes:
            for mode in ("enable", "disable"):
                for r in revalidators.values():
                    r.vswitch.call("upcall/%s-ufid" % mode)
                    if done < n_flows:
                        r.vswitch.add_flows(done, n_flows)
                    r.settle()
                done = n_flows
                times = measure(context, revalidators, n_flows)
                if mode == "disable":
                    full[n_flows] = times
                results.append(compare(
                    name, "a round of %d flows, %s" % (
                        n_flows, "terse" if mode == "enable" else "full"),
                    "ms", times["ovs"], times["stock"]))
    if not context.quick:
        found = {side: [stats.crossing(
            [(n, full[n][side][i]) for n in sizes], INTERVAL_MS)
            for i in range(context.rounds)] for side in SIDES}
        results.append(compare(
            name, "flows in %d ms of CPU time, full dumps" % INTERVAL_MS,
            "flows", found["ovs"], found["stock"], higher_is_better=True))
    return results


register(Case("revalidator/no-ufid",
              lambda context: sustained(context, "revalidator/no-ufid")))
