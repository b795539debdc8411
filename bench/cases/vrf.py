# SPDX-License-Identifier: Apache-2.0
"""Routing tables of VRFs (programs/bench-vrf.c): loading, memory, lookups,
changes; no Open vSwitch takes part.  And packets that the userspace datapath
routes by output_vrf (programs/bench-output-vrf.c), against flows by hand.
And how long it takes until a change of a route is effective."""

import functools
import os

from harness import runner, stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import needs

PROGRAM = "bench/bench-vrf"
OUTPUT = "bench/bench-output-vrf"
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

# Name: options of bench-output-vrf for output_vrf, for what it is compared
# with, and what that is.
OUTPUTS = {
    "1-route": (["--routes=1", "--ways"], ["--by-hand=route"],
                "one route by hand"),
    "1-route-datapath": (["--routes=1"], ["--by-hand=route"],
                         "one route by hand"),
    "1k": (["--routes=1000"], ["--by-hand"], "one route by hand"),
    "1M": (["--routes=1000000", "--streams=65536"],
           ["--by-hand", "--streams=65536"], "one route by hand"),
    "20k-destinations": (["--routes=1000", "--streams=20000"],
                         ["--by-hand=1000", "--streams=20000"],
                         "a flow for each by hand"),
    "50k-destinations": (["--routes=1000", "--streams=50000"],
                         ["--by-hand=1000", "--streams=50000"],
                         "a flow for each by hand"),
}


# Devices of Linux's: what is sent out of one end of a cable comes by the other
# one; an ifb device drops what it has to send.
CABLES = """\
export LIBXDP_SKIP_DISPATCHER=1
ends="v0 v1 w0"
ip link add v0 type veth peer name v1
if test "$sink" = ifb; then
    ip link add w0 type ifb
else
    ip link add w0 type veth peer name w1
    ends="$ends w1"
fi
for end in $ends; do
    echo 1 >/proc/sys/net/ipv6/conf/$end/disable_ipv6
    ip link set $end up
done
exec "$@"
"""
# Type of ports that are such devices, and of the device that sends.
PORTS = {"devices": ("system", "veth"), "afxdp": ("afxdp-nonpmd", "ifb")}
ON_DEVICES = ("1-route", "1-route-datapath", "1k", "1M", "20k-destinations",
              "50k-destinations")


def run_output(context, options, ports, n_bursts):
    argv = [context.program("ovs", OUTPUT), *options,
            "--bursts=%d" % context.count(n_bursts, 20)]
    if ports:
        port_type, sink = PORTS[ports]
        argv = ["sh", os.path.join(context.top, "tests", "sandbox"),
                "env", "sink=" + sink, "sh", "-ec", CABLES, "sh", *argv,
                "--devices=v1,v0,w0", "--type=" + port_type]
    return context.run_json(argv)


def no_ports(context, ports):
    try:
        run_output(context, ["--samples=1"], ports, 20)
    except (OSError, runner.Failed):
        return "no root, or no ports of type %s on such devices" % (
            PORTS[ports][0])
    return None


def output(context, name, which, ports=None):
    ours, by_hand, what = OUTPUTS[which]
    options = {"ours": ours, "by-hand": by_hand}
    flows = {}

    def measure(side):
        run = run_output(context, options[side], ports,
                         1000 if ports else 4000)
        if run["sent"] != run["offered"]:
            raise ValueError("%s of %s packets arrived"
                             % (run["sent"], run["offered"]))
        flows[side] = run["flows"]
        return stats.median(run["ns"])

    times = context.alternate(("ours", "by-hand"), measure)
    return [compare(name, "packets of 64 bytes", "packets/s",
                    [1e9 / ns for ns in times["ours"]],
                    [1e9 / ns for ns in times["by-hand"]],
                    higher_is_better=True, baseline_is=what),
            compare(name, "megaflows", "flows", [flows["ours"]],
                    [flows["by-hand"]], baseline_is=what)]


def instructions(context, name):
    """Of a thread that does nothing else, per packet, for one route."""
    n_bursts = context.count(400, 20)
    sides = {"by hand": ["--by-hand=route"], "flow": ["--ways"],
             "datapath": ["--routes=1"]}
    count = {side: context.instructions(
        [context.program("ovs", OUTPUT), *options,
         "--bursts=%d" % n_bursts, "--samples=1"],
        "measured_forward") / (n_bursts * 32)
        for side, options in sides.items()}
    return [compare(name, "mode " + mode, "instructions/packet",
                    [count[mode]], [count["by hand"]],
                    baseline_is="one route by hand")
            for mode in ("flow", "datapath")]


def ttls(context, name):
    """The first flow, and that of the bridge of the route's device."""
    n = {}
    for side, options in (("ours", ["--routes=1"]),
                          ("by-hand", ["--by-hand"])):
        n[side] = context.run_json(
            [context.program("ovs", OUTPUT), *options, "--ttls=250",
             "--bursts=20", "--samples=1"])["flows"]
    return [compare(name, "megaflows for 250 TTLs", "flows", [n["ours"]],
                    [n["by-hand"]], baseline_is="one route by hand")]


def route_change(context, name):
    """Of one of many, until that is effective (../route_change.py)."""
    n_routes = context.count(100000, 1000)

    def measure(side):
        found = context.run_json([
            "sh", os.path.join(context.top, "tests", "sandbox"), "python3",
            os.path.join(context.top, "bench", "route_change.py"),
            "--build", context.build, "--side", side,
            "--cpus", ",".join(map(str, sorted(os.sched_getaffinity(0)))),
            "--routes", str(n_routes),
            "--changes", str(context.count(10, 2)),
            "packets" if side == "ovs" else "lookup"])
        return stats.median(found["ms"])

    times = context.alternate(runner.SIDES, measure)
    return [compare(name, "one of %d routes changes, until packets go the new "
                    "way" % n_routes, "ms", times["ovs"], times["stock"],
                    baseline_is="unmodified Open vSwitch, until it knows, "
                    "same run")]


for an_output in OUTPUTS:
    a_name = "vrf/output/" + an_output
    register(Case(a_name, functools.partial(output, name=a_name,
                                            which=an_output)))
for some_ports in PORTS:
    no_such_ports = functools.partial(no_ports, ports=some_ports)
    for an_output in ON_DEVICES:
        a_name = "vrf/%s/%s" % (some_ports, an_output)
        register(Case(a_name, functools.partial(
            output, name=a_name, which=an_output, ports=some_ports),
            no_such_ports))
register(Case("vrf/route-change",
              functools.partial(route_change, name="vrf/route-change"),
              functools.partial(no_ports, ports="devices")))
register(Case("vrf/output/instructions",
              functools.partial(instructions, name="vrf/output/instructions"),
              needs("valgrind")))
register(Case("vrf/output/ttls", functools.partial(ttls,
                                                   name="vrf/output/ttls")))
