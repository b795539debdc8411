# SPDX-License-Identifier: Apache-2.0
"""The ring as a channel, from one process to another one on the same
processor: what a message costs, beside a socket with one recv() for each; and
several threads that write to one lane (programs/bench-channel.c).

No Open vSwitch takes part; both sides are ours.
"""

import functools
import os
import tempfile

from harness import runner
from harness.registry import Case, register
from harness.results import compare

PROGRAM = "bench/bench-channel"
SIZES = (128, 1500)
# After how many messages the producer looks whether to wake, and what the
# consumer wants to be woken for: bytes or microseconds.
POLICIES = {
    "woken for each": (1, 0, 0),
    "woken once in 32": (32, 0, 0),
    "woken for 128 KiB or 2 ms": (32, 131072, 2000),
}
SOCKETS = ("seqpacket", "dgram")
SEGMENTS = 64
HELD = (32, 48, 56)
PRODUCERS = 4
DESIGNS = {
    "lanes": "a lane for each",
    "shared": "one lane, lock while the position moves",
    "locked": "one lane, lock across the copy",
}


def measure(context, *args):
    return context.run_json([context.program("ovs", PROGRAM), *map(str, args)])


def values(runs, side, key):
    return [run[key] for run in runs[side]]


def channel(context, name, size):
    count = context.count(2000000, 2000)

    def one(side):
        if side in SOCKETS:
            return measure(context, "channel", side, size, count // 4)
        return measure(context, "channel", "ring", *POLICIES[side], size,
                       count)

    runs = context.alternate((*POLICIES, *SOCKETS), one)
    results = []
    for policy in POLICIES:
        for socket in SOCKETS:
            baseline = "AF_UNIX %s, one recv() each, same run" % socket
            for key, title, unit, higher in (
                    ("producer_ns", "producer", "ns/message", False),
                    ("consumer_ns", "consumer, reads all bytes", "ns/message",
                     False),
                    ("messages_per_s", "both on one processor", "messages/s",
                     True)):
                results.append(compare(
                    name, "%s, %s" % (title, policy), unit,
                    values(runs, policy, key), values(runs, socket, key),
                    higher, baseline))
    return results


def hold(context, name):
    """Segments held for ever, beside a ring that is as small as what they
    leave: the difference is what walking past them costs."""
    count = context.count(1000000, 30000)
    segments = {held: SEGMENTS - held for held in HELD}
    sides = [(SEGMENTS, 0)]
    for held, left in segments.items():
        sides += [(SEGMENTS, held), (left, 0)]
    runs = context.alternate(sides, lambda side: measure(
        context, "hold", *side, 1500, count))

    def cost(side):
        return [run["producer_ns"] + run["consumer_ns"] for run in runs[side]]

    results = []
    for held, left in segments.items():
        title = "both sides, %d of %d segments held for ever" % (held,
                                                                 SEGMENTS)
        for side in ((left, 0), (SEGMENTS, 0)):
            results.append(compare(
                name, title, "ns/message", cost((SEGMENTS, held)), cost(side),
                baseline_is="a ring of %d segments, none held, same run"
                % side[0]))
    return results


def order(context, name):
    count = context.count(300000, 1000)
    runs = context.alternate(tuple(DESIGNS), lambda design: measure(
        context, "order", design, PRODUCERS, 1500, count))
    for design in DESIGNS:
        if any(values(runs, design, "violations")):
            raise runner.Failed("%s: messages are out of order" % design)
    baseline = DESIGNS["locked"] + ", same run"
    return [compare(name, "%d producers, %s (none of %d messages out of order)"
                    % (PRODUCERS, DESIGNS[design],
                       sum(values(runs, design, "received"))),
                    "ns/message", values(runs, design, "producer_ns"),
                    values(runs, "locked", "producer_ns"),
                    baseline_is=baseline)
            for design in ("lanes", "shared")]


def datapath(context, name, what, size, batch=()):
    """What the userspace datapath gives to another process by ring(), beside
    a socket (programs/bench-queue.c)."""
    count = context.count(500000, 5000)
    with tempfile.TemporaryDirectory() as rundir:
        runs = context.alternate(
            ("ring", "socket"), lambda side: context.run_json(
                [context.program("ovs", "bench/bench-queue"), what, side,
                 *map(str, (*batch, size, count))],
                env=dict(os.environ, OVS_RUNDIR=rundir)))
    return [compare(name, "%s, %d bytes%s" % (
                what, size, ", a verdict for %d" % batch[0] if batch else ""),
            "packets/s", values(runs, "ring", "packets_per_s"),
            values(runs, "socket", "packets_per_s"), True,
            "AF_UNIX seqpacket, same run")]


for a_size in SIZES:
    a_name = "ring/channel/%d" % a_size
    register(Case(a_name, functools.partial(channel, name=a_name,
                                            size=a_size)))
register(Case("ring/hold", functools.partial(hold, name="ring/hold")))
register(Case("ring/order", functools.partial(order, name="ring/order")))
for a_batch in (1, 25):
    a_name = "ring/queue/%d" % a_batch
    register(Case(a_name, functools.partial(
        datapath, name=a_name, what="queue", size=1500, batch=(a_batch,))))
register(Case("ring/tap", functools.partial(
    datapath, name="ring/tap", what="tap", size=1500)))
