# SPDX-License-Identifier: Apache-2.0
"""All flows of a datapath for another process: by the ring, as records and as
text, against the text of ovs-appctl dpctl/dump-flows of the unmodified build.

Beside the time that the reader takes: how long the main thread of ovs-vswitchd
answers nobody, and what memory the two processes need.  Our cache has its
default policy.
"""

import functools
import json
import subprocess
import sys
import time

from harness import probe, runner
from harness.registry import Case, register
from harness.results import compare
from harness.vswitch import DATAPATH, Vswitch

HOUR_MS = 3600 * 1000
CONFIG = {"max-idle": HOUR_MS, "max-revalidator": HOUR_MS,
          "flow-match-cache-max-mb": 1024}
PROGRAM = "bench/bench-export"
SIZES = {"10k": 10000, "200k": 200000}


def stopped(vswitch, argv):
    """Runs 'argv'; returns what it prints, how long it took, and the longest
    time that the daemon's main thread answered nobody meanwhile, in ms."""
    with subprocess.Popen([sys.executable, probe.__file__, vswitch.control()],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as asking:
        asking.stdout.readline()
        start = time.monotonic()
        text = runner.run_pinned(argv, runner.other_cpu())
        wall = (time.monotonic() - start) * 1e3
        longest = asking.communicate("")[0]
    if asking.returncode:
        raise runner.Failed("nobody answers")
    return text, wall, float(longest)


def check(found, n_flows):
    if found != n_flows:
        raise runner.Failed("%d flows of %d" % (found, n_flows))


def dump(vswitch, options, n_flows, ring=False):
    """Text, as users get it."""
    argv = vswitch.appctl_argv("dpctl/dump-flows", *options, DATAPATH)
    if ring:
        argv[1:3] = ["--ring", "-t", vswitch.ring()]
    text, wall, stop = stopped(vswitch, argv)
    check(text.count("actions:"), n_flows)
    return {"wall": wall, "stop": stop}


def export(context, vswitch, n_exports, n_flows):
    """Records, all of which are read."""
    text, _, stop = stopped(
        vswitch, [context.program("ovs", PROGRAM), vswitch.ring(), DATAPATH,
                  str(n_exports)])
    run = json.loads(text)
    check(run["flows"], n_flows)
    return {"wall": run["wall"], "stop": stop}


def memory(vswitch, run):
    """What 'run' returns, and what memory the daemon needs for it, in MiB."""
    vswitch.reset_peak()
    before = vswitch.peak_mib()
    value = run()
    return value, max(vswitch.peak_mib() - before, 1 / 16)


def case(context, name, n_flows):
    n_flows = context.count(n_flows, 200)
    with Vswitch(context, "ovs", CONFIG) as ours, \
            Vswitch(context, "stock", CONFIG) as stock:
        for vswitch in ours, stock:
            vswitch.call("upcall/set-flow-limit", str(10 * n_flows))
            vswitch.call("revalidator/pause")
            vswitch.add_flows(0, n_flows)
        # Before anything was dumped: no flow has its match cached.
        first, our_mib = memory(
            ours, lambda: export(context, ours, 1, n_flows))
        _, stock_mib = memory(stock, lambda: dump(stock, (), n_flows))
        for _ in range(2):
            export(context, ours, 1, n_flows)
        sides = {
            "stock": lambda: dump(stock, (), n_flows),
            "stock -m": lambda: dump(stock, ("-m",), n_flows),
            "text": lambda: dump(ours, (), n_flows, ring=True),
            "text -m": lambda: dump(ours, ("-m",), n_flows, ring=True),
            "records": lambda: export(context, ours, 1, n_flows),
            "changes": lambda: export(context, ours, 2, n_flows),
        }
        runs = context.alternate(tuple(sides), lambda side: sides[side]())

    def result(metric, unit, side, key, baseline="stock"):
        return compare(name, metric, unit, [r[key] for r in runs[side]],
                       [r[key] for r in runs[baseline]])

    walls = [r["wall"] for r in runs["stock"]]
    return [
        result("all flows, matches cached", "ms", "records", "wall"),
        compare(name, "all flows, the first time", "ms",
                [first["wall"]] * len(walls), walls),
        result("what has changed, nothing", "ms", "changes", "wall"),
        result("text", "ms", "text", "wall"),
        result("text -m", "ms", "text -m", "wall", "stock -m"),
        result("main thread stopped, records", "ms", "records", "stop"),
        result("main thread stopped, text", "ms", "text", "stop"),
        compare(name, "memory of ovs-vswitchd, first export", "MiB",
                [our_mib] * len(walls), [stock_mib] * len(walls)),
    ]


for a_size, number in SIZES.items():
    a_name = "export/" + a_size
    register(Case(a_name, functools.partial(
        case, name=a_name, n_flows=number)))
