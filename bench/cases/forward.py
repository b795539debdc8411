# SPDX-License-Identifier: Apache-2.0
"""Packets through the userspace datapath, with no extension in use.

A packet comes from memory in batches of 32, takes the path that the case is
named after, and goes back to memory.  Instructions per packet decide whether
the extensions are free when unused; times are beside them.
"""

import dataclasses
import functools
import os
import tempfile

from harness import hooks, stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import SIDES, needs

FORWARD = "bench/bench-forward"
UPCALL = "bench/bench-upcall"
BURST = 32

NO_EMC = "--config=emc-insert-inv-prob=0"
EMC = "--config=emc-insert-inv-prob=1"
SMC = "--config=smc-enable=true"
UDP4 = ("recirc_id(0),in_port(1),eth_type(0x0800),"
        "ipv4(proto=17,frag=no),udp(dst=443)")
TCP4 = ("recirc_id(0),in_port(1),eth_type(0x0800),"
        "ipv4(proto=6,frag=no),tcp(dst=443)")
TCP6 = ("recirc_id(0),in_port(1),eth_type(0x86dd),"
        "ipv6(proto=6,frag=no),tcp(dst=443)")


def flow(match, actions):
    return "--flow=%s;%s" % (match, actions)


def masks(number):
    """Flows that take one subtable each for the sources of the streams."""
    return [flow(UDP4.replace("proto", "src=10.0.0.%d/255.255.255.%d,proto"
                              % (i << 4, 0xf0 | i)), "2")
            for i in range(number)]


# Name: packet, streams, and options of bench-forward.
PATHS = {
    "emc": ("udp4", 1, [EMC, flow(UDP4, "2")]),
    "emc-1k": ("udp4", 1024, [EMC, flow(UDP4, "2")]),
    "smc": ("udp4", 1024, [NO_EMC, SMC, flow(UDP4, "2")]),
    "dpcls": ("udp4", 1024, [NO_EMC, flow(UDP4, "2")]),
    "dpcls-v6": ("tcp6", 1024, [NO_EMC, flow(TCP6, "2")]),
    "dpcls-15-masks": ("udp4", 256, [
        NO_EMC, *masks(15),
        flow(UDP4.replace("dst=443", "src=0/0,dst=443"), "2")]),
    "vlan": ("udp4", 1, [EMC, flow(UDP4, "push_vlan(vid=5,pcp=0),2")]),
    "set-ttl": ("udp4", 1, [EMC, flow(UDP4, "set(ipv4(ttl=63)),2")]),
    "set-eth": ("udp4", 1, [EMC, flow(UDP4, "set(eth(dst=02:00:00:00:00:03))"
                                      ",2")]),
    "set-ipv4": ("tcp4", 1, [EMC, flow(TCP4, "set(ipv4(src=10.9.9.9,"
                                       "dst=10.8.8.8)),2")]),
    "set-ipv6": ("tcp6", 1, [EMC, flow(TCP6, "set(ipv6(src=fd00::9,"
                                       "dst=fd00::8)),2")]),
    "set-tcp": ("tcp4", 1, [EMC, flow(TCP4, "set(tcp(src=1,dst=2)),2")]),
    "set-udp": ("udp4", 1, [EMC, flow(UDP4, "set(udp(src=1,dst=2)),2")]),
    "recirc": ("udp4", 1, [EMC, flow(UDP4, "recirc(1)"),
                           flow(UDP4.replace("recirc_id(0)", "recirc_id(1)"),
                                "2")]),
    "ct": ("udp4", 256, [EMC, flow(UDP4, "ct(commit),recirc(1)"),
                         flow(UDP4.replace("recirc_id(0)", "recirc_id(1)"),
                              "2")]),
    "clone": ("udp4", 1, [EMC, flow(UDP4, "clone(push_vlan(vid=5,pcp=0),2),"
                                    "2")]),
    "drop": ("udp4", 1, [EMC, flow(UDP4, "drop")]),
}
SENT = {"clone": 2, "drop": 0}      # Packets out per packet in, if not 1.


def forward(context, name, path):
    packet, streams, options = PATHS[path]

    def command(side, bursts, samples):
        return [context.program(side, FORWARD), "--packet=" + packet,
                "--streams=%d" % streams, "--bursts=%d" % bursts,
                "--samples=%d" % samples, *options]

    def measure(side):
        run = context.run_json(command(side, context.count(4000, 20), 5))
        wanted = run["offered"] * SENT.get(path, 1)
        if run["sent"] != wanted:
            raise ValueError("%s of %s packets arrived"
                             % (run["sent"], wanted))
        return stats.median(run["ns"])

    bursts = context.count(256, 4)
    n_packets = bursts * BURST
    count = {}
    with tempfile.TemporaryDirectory() as scratch:
        for side in SIDES:
            out = os.path.join(scratch, side)
            count[side] = context.instructions(
                command(side, bursts, 1), "measured_forward", out) / n_packets
        hooks.note(context, name, hooks.executed(
            context, os.path.join(scratch, "ovs"), n_packets))
    times = context.alternate(SIDES, measure)
    return [compare(name, "instructions", "instructions/packet",
                    [count["ovs"]], [count["stock"]]),
            compare(name, "CPU time", "ns/packet", times["ovs"],
                    times["stock"])]


def upcall(context, name):
    """A new flow: the packet, its translation, the revalidator's key and the
    datapath's flow."""
    flows, samples = context.count(2048, 64), context.count(4, 1)

    def command(side, samples):
        return [context.program(side, UPCALL), str(flows), str(samples)]

    # Hashes, and thus collisions, differ a little from run to run.
    few = dataclasses.replace(context, rounds=min(context.rounds, 3))
    count = few.alternate(SIDES, lambda side: context.instructions(
        command(side, 1), "measured_upcall") / flows)
    times = context.alternate(SIDES, lambda side: stats.median(
        context.run_json(command(side, samples))["ns"]))
    rates = {side: [1e9 / ns for ns in times[side]] for side in SIDES}
    return [compare(name, "instructions", "instructions/flow",
                    count["ovs"], count["stock"]),
            compare(name, "new flows per second of CPU time", "flows/s",
                    rates["ovs"], rates["stock"], higher_is_better=True)]


for a_path in PATHS:
    a_name = "forward/" + a_path
    register(Case(a_name, functools.partial(forward, name=a_name,
                                            path=a_path), needs("valgrind")))
register(Case("forward/upcall",
              functools.partial(upcall, name="forward/upcall"),
              needs("valgrind")))
