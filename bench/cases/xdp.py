# SPDX-License-Identifier: Apache-2.0
"""Dropping in XDP: what our program costs, beside one that does nothing but
drop (programs/bench-xdp.c)."""

import json
import os

from harness import runner
from harness.registry import Case, register
from harness.results import compare

PROGRAM = "bench/bench-xdp"
NOTHING = "return"
BASELINE = "a program that only drops, same run"

PACKET = {
    "off": "offload switched off, to the socket",
    "empty": "no flow, to the socket",
    "miss-1": "1 mask of 1 flow that does not match, to the socket",
    "miss-8": "8 masks of 1 flow each that do not match, to the socket",
    "miss-8-10": "8 masks of 10 flows each that do not match, to the socket",
    "drop-1": "1 mask, dropped",
    "drop-8": "8 masks of 1 flow each, the last of which matches, dropped",
    "drop-8-10": "8 masks of 10 flows each, the last of which matches, "
    "dropped",
    "blocked": "source blocked, dropped",
}
LIVE = ("drop-1", "drop-8", "drop-8-10")
SOURCES = 65536

# A generator in a namespace of its own, and at the other end the program.
SETUP = """\
ip netns add gen && ip link add p0 type veth peer name e0 netns gen &&
    ip link set p0 up && ip -n gen link set e0 up || exit 1
exec "$@"
"""


def missing(context):
    try:
        context.run([context.program("ovs", PROGRAM), "packet", NOTHING, "1"])
    except (OSError, runner.Failed):
        return "the kernel lets us load no XDP program, or there is none"
    return None


def packet(context):
    n = context.count(50000, 100)
    runs = context.alternate(
        (NOTHING, *PACKET), lambda side: context.run_json(
            [context.program("ovs", PROGRAM), "packet", side, str(n)])["ns"])
    return [compare("xdp/packet", title, "ns/packet", runs[side],
                    runs[NOTHING], baseline_is=BASELINE)
            for side, title in PACKET.items()]


def rate(context, side, n):
    """Packets per second of processor time."""
    out = context.run(
        ["sh", os.path.join(context.top, "tests", "sandbox"),
         "sh", "-c", SETUP, "sh",
         context.program("ovs", PROGRAM), "live", "p0", side,
         "ip", "netns", "exec", "gen",
         context.program("ovs", "tests/ovs-xdp-gen"), "--packets=%d" % n,
         "--sources=%d" % SOURCES, "e0"])
    sent, counted = map(json.loads, out.splitlines())
    came = sent["sent"] - sent["refused"]
    if came < 0.99 * n:
        raise runner.Failed("%s: the device did not take all: %s"
                            % (side, sent))
    if side != NOTHING and counted["dropped"] != came:
        raise runner.Failed("%s: %d packets came, %d counted"
                            % (side, came, counted["dropped"]))
    return came / sent["cpu_seconds"] / 1e6


def live(context):
    n = context.count(10000000, 10000)
    runs = context.alternate((NOTHING, *LIVE),
                             lambda side: rate(context, side, n))
    return [compare("xdp/live", "%s, generator included, %d sources"
                    % (PACKET[side], SOURCES), "Mpps/processor", runs[side],
                    runs[NOTHING], True, BASELINE)
            for side in LIVE]


register(Case("xdp/packet", packet, missing))
register(Case("xdp/live", live, missing))
