# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of a dump: ovs-appctl dpctl/dump-flows.

Most of its time goes into text on its way: written, copied, encoded as JSON,
parsed.  A cached match shows little here.
Revalidators sleep meanwhile.  Our cache has its default policy.
"""

import functools
import time

from harness import runner
from harness.registry import Case, register
from harness.results import compare
from harness.runner import SIDES
from harness.vswitch import DATAPATH, Vswitch

HOUR_MS = 3600 * 1000
CONFIG = {"max-idle": HOUR_MS, "max-revalidator": HOUR_MS,
          "flow-match-cache-max-mb": 1024}
SIZES = {"10k": 10000, "50k": 50000, "200k": 200000}


def dump(vswitch, options, n_flows):
    """Wall time of the command and CPU time of the daemon, in ms."""
    tid = vswitch.thread(None)
    cpu = vswitch.cpu_ns(tid)
    start = time.monotonic()
    text = runner.run_pinned(
        vswitch.appctl_argv("dpctl/dump-flows", *options, DATAPATH),
        runner.other_cpu())
    wall = time.monotonic() - start
    if text.count("actions:") != n_flows:
        raise runner.Failed("%d flows of %d were dumped"
                            % (text.count("actions:"), n_flows))
    return {"wall": wall * 1e3, "cpu": (vswitch.cpu_ns(tid) - cpu) / 1e6}


def dpctl(context, name, options, n_flows):
    n_flows = context.count(n_flows, 200)
    with Vswitch(context, "ovs", CONFIG) as ours, \
            Vswitch(context, "stock", CONFIG) as stock:
        vswitches = {"ovs": ours, "stock": stock}
        for vswitch in vswitches.values():
            vswitch.call("upcall/set-flow-limit", str(10 * n_flows))
            vswitch.add_flows(0, n_flows)
            for _ in range(3):          # Fill the cache.
                dump(vswitch, options, n_flows)
        runs = context.alternate(
            SIDES, lambda side: dump(vswitches[side], options, n_flows))
    return [compare(name, metric, "ms", [r[key] for r in runs["ovs"]],
                    [r[key] for r in runs["stock"]])
            for metric, key in (("wall time", "wall"),
                                ("CPU time of ovs-vswitchd", "cpu"))]


for a_size, number in SIZES.items():
    for suffix, some_options in (("", ()), ("-m", ("-m",))):
        a_name = "dpctl/dump-flows%s/%s" % (suffix, a_size)
        register(Case(a_name, functools.partial(
            dpctl, name=a_name, options=some_options, n_flows=number)))
