# SPDX-License-Identifier: Apache-2.0
"""Changes a route, one of many, again and again, and prints as JSON how long
it takes each time until that is effective, in milliseconds.  To be run in
tests/sandbox.

WHAT is one of

    packets     With VRFs: packets that are sent all the time, and that
                output_vrf routes, come out of the other device.

                    in1 ----- in0  br-in   output_vrf(red)
                     a1 ----- a0   br-a    10.2.0.1
                     b1 ----- b0   br-b    10.3.0.1

    lookup      Of an Open vSwitch without VRFs, which has a table of routes
                for its tunnels: ovs/route/lookup tells the other device.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

from harness import runner
from harness.vswitch import Vswitch

TIMEOUT = 120                   # In s.
PERIOD = 0.0002                 # From packet to packet, in s.
DESTINATION = "16.0.0.1"
TABLE = 10
ETH_P_IP = 0x800
# UDP from 10.1.0.2 to DESTINATION, with a TTL of 64.
PACKET = bytes.fromhex(
    "020000000002" "020000000001" "0800"
    "4500001c00004000401120ce" "0a010002" "10000001"
    "0401000900080000") + bytes(18)
GATEWAYS = (("a", "10.2.0"), ("b", "10.3.0"))


def ip(*arguments):
    runner.run_pinned(["ip", *arguments], runner.other_cpu())


def wait_until(what, condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise runner.Failed("waited in vain: " + what)
        time.sleep(0.05)


def cable(name):
    ip("link", "add", name + "0", "type", "veth", "peer", "name", name + "1")
    for end in "0", "1":
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % (name + end),
                  "w", encoding="ascii") as f:
            f.write("1")
        ip("link", "set", name + end, "up")


def address(device, net):
    """Gives the device an address, and a neighbour."""
    ip("addr", "add", net + ".1/24", "dev", device)
    ip("link", "set", device, "up")
    ip("neigh", "replace", net + ".2", "lladdr", "02:00:00:00:00:05", "dev",
       device, "nud", "permanent")


def route(i, device, net, table):
    return ("16.%d.%d.%d/26 via %s.2 dev %s table %s"
            % (i >> 10 & 255, i >> 2 & 255, (i & 3) << 6, net, device, table))


def add_routes(n, device, net, table):
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
        for i in range(n):
            f.write("route add %s\n" % route(i, device, net, table))
        f.flush()
        ip("-batch", f.name)


class Packets:
    """Packets that a VRF routes."""

    def __init__(self, vswitch, n_routes):
        self.sender = self.socket("in1", 0)
        self.receivers = [self.socket(name + "1", ETH_P_IP)
                          for name, _ in GATEWAYS]
        self.devices = ["br-" + name for name, _ in GATEWAYS]
        self.table = TABLE
        for name in "in", "a", "b":
            vswitch.vsctl("add-br", "br-" + name, "--", "set", "bridge",
                          "br-" + name, "datapath_type=netdev",
                          "fail_mode=secure", "--", "add-port", "br-" + name,
                          name + "0", "--", "set", "interface", name + "0",
                          "ofport_request=1")
        vswitch.vsctl("set", "Open_vSwitch", ".",
                      "other_config:vrf-red=table=%d" % TABLE)
        vswitch.add_openflow("in_port=1,ip,actions=output_vrf(red)", "br-in")
        for device, (_, net) in zip(self.devices, GATEWAYS):
            vswitch.add_openflow("in_port=LOCAL,actions=1", device)
            address(device, net)
        add_routes(n_routes, self.devices[0], GATEWAYS[0][1], TABLE)
        wait_until("routes", lambda: " %d IPv4" % n_routes
                   in vswitch.call("vrf/list"))

    @staticmethod
    def socket(device, protocol):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                          socket.htons(protocol))
        s.bind((device, protocol))
        s.setblocking(False)
        return s

    def prepare(self):
        """Forgets what came."""
        for receiver in self.receivers:
            with contextlib.suppress(BlockingIOError):
                while True:
                    receiver.recv(2048)

    def goes_by(self, which):
        """Does a packet?"""
        self.sender.send(PACKET)
        time.sleep(PERIOD)
        try:
            return bool(self.receivers[which].recv(2048))
        except BlockingIOError:
            return False


class Lookup:
    """What an Open vSwitch knows of routes."""

    def __init__(self, vswitch, n_routes):
        self.vswitch = vswitch
        self.devices = [name + "0" for name, _ in GATEWAYS]
        self.table = "main"
        for device, (_, net) in zip(self.devices, GATEWAYS):
            address(device, net)
        add_routes(n_routes, self.devices[0], GATEWAYS[0][1], self.table)
        wait_until("routes", lambda: self.vswitch.call(
            "ovs/route/show").count("16.") >= n_routes)

    def prepare(self):
        pass

    def goes_by(self, which):
        return "dev " + self.devices[which] in self.vswitch.call(
            "ovs/route/lookup", DESTINATION)


def measure(kind, n_changes):
    times = []
    wait_until("the first way", lambda: kind.goes_by(0))
    with subprocess.Popen(["ip", "-batch", "-"], stdin=subprocess.PIPE,
                          text=True) as changer:
        for i in range(1, n_changes + 1):
            which = i % 2
            # Nothing that is left of the change before.
            time.sleep(0.5)
            kind.prepare()
            if kind.goes_by(which):
                raise runner.Failed("the other way before the change")
            start = time.monotonic()
            changer.stdin.write("route replace %s\n" % route(
                0, kind.devices[which], GATEWAYS[which][1], kind.table))
            changer.stdin.flush()
            while not kind.goes_by(which):
                if time.monotonic() > start + TIMEOUT:
                    raise runner.Failed("a change is not effective")
            times.append((time.monotonic() - start) * 1e3)
        changer.stdin.close()
    if changer.returncode:
        raise runner.Failed("ip: exit status %d" % changer.returncode)
    return times


def main():
    parser = argparse.ArgumentParser(description="See the top of the file.")
    parser.add_argument("--build", required=True,
                        help="directory of the builds")
    parser.add_argument("--side", required=True, choices=runner.SIDES)
    parser.add_argument("--cpus", required=True,
                        help="processors that may be used")
    parser.add_argument("--routes", type=int, required=True)
    parser.add_argument("--changes", type=int, required=True)
    parser.add_argument("what", choices=("packets", "lookup"))
    args = parser.parse_args()
    if os.environ.get("OVS_EXT_SANDBOX") != "yes":
        sys.exit("to be run in tests/sandbox")
    os.sched_setaffinity(0, map(int, args.cpus.split(",")))

    context = runner.Context(top="", build=args.build, report="", rounds=1,
                             quick=False)
    for name in "in", "a", "b":
        cable(name)
    with Vswitch(context, args.side) as vswitch:
        kind = (Packets if args.what == "packets" else Lookup)(vswitch,
                                                               args.routes)
        json.dump({"ms": measure(kind, args.changes)}, sys.stdout)


if __name__ == "__main__":
    main()
