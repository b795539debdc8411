# SPDX-License-Identifier: Apache-2.0

"""Sends the ILA test vectors through a running ovs-vswitchd.

The bridge is br0 with the dummy ports p1, where packets are injected, and p2,
whose options:tx_pcap says what came out.  Every vector that needs one mapping
and no lookup becomes an OpenFlow flow with the action ila().  Its packet is
sent twice: the first one makes an upcall, the second one hits the datapath
flow that the upcall installed, and both must come out alike.
"""

import argparse
import json
import re
import struct
import subprocess
import sys
import time

TIMEOUT = 30                    # Seconds, for the marker.
GRACE = 2                       # For a packet that the marker has overtaken.
MACS = bytes.fromhex("50540000000a505400000009")
ETH_TYPE_IPV6 = 0x86dd
ETH_TYPE_MARKER = 0x88b5        # IEEE 802: local experiments.

# Outermost first: ethertype of the tag, and the tag.
TAGS = {0: [], 1: [(0x8100, 100)], 2: [(0x88a8, 200), (0x8100, 100)]}

DIRECTIONS = {"sir2ila": "out", "ila2sir": "in"}


class VectorError(Exception):
    pass


class Pcap:
    """Reads a pcap file that is still being written."""

    def __init__(self, name):
        self.file = open(name, "rb")
        self.packet_header = None

    def _read(self, n):
        """Returns 'n' bytes, or None if they are not there yet."""
        offset = self.file.tell()
        data = self.file.read(n)
        if len(data) < n:
            self.file.seek(offset)
            return None
        return data

    def read(self):
        """Returns the next packet, or None if there is none yet."""
        if self.packet_header is None:
            header = self._read(24)
            if header is None:
                return None
            order = "<" if header[0] in (0xd4, 0x4d) else ">"
            self.packet_header = order + "4I"

        start = self.file.tell()
        header = self._read(16)
        if header is None:
            return None
        length = struct.unpack(self.packet_header, header)[2]
        packet = self._read(length)
        if packet is None:
            self.file.seek(start)
        return packet


def run(*args, stdin=None):
    result = subprocess.run(args, input=stdin, capture_output=True, text=True)
    if result.returncode:
        raise VectorError("%s: %s" % (" ".join(args), result.stderr.strip()))
    return result.stdout


def frame(eth_type, payload, tags):
    header = MACS
    for tag_type, tci in tags:
        header += struct.pack("!HH", tag_type, tci)
    return header + struct.pack("!H", eth_type) + payload


def skip_reason(vector, lookup):
    """Returns why 'vector' is not for this test, or None if it is."""
    table = vector["table"]
    if not lookup:
        if (len(table) != 1 or "in_port" in table[0]
                or "identifier" in table[0]):
            return "needs a lookup"
        if "icmp_inner" in vector:
            return "needs icmp-inner"
    if vector["l4_partial"]:
        # A dummy port has no way to receive one.
        return "partial checksum"
    return None


def flows(vector):
    """Returns the flow table that does what the mapping of 'vector' says."""
    entry = vector["table"][0]
    action = "ila(locator=%s,csum=%s,dir=%s)" % (
        entry["locator"], entry["csum_mode"], DIRECTIONS[entry["direction"]])
    return "\n".join([
        "delete",
        "table=0,priority=100,ipv6,ipv6_dst=%s::/64,actions=%s,output:2"
        % (entry["match_locator"], action),
        "table=0,priority=0,actions=output:2",
        ""])


def mapping(entry, icmp_inner):
    """Returns the words for dpctl/ila-add."""
    words = ["dir=" + DIRECTIONS[entry["direction"]],
             "locator=" + entry["locator"],
             "csum-mode=" + entry["csum_mode"]]
    if entry["match_locator"]:
        words.append("match-locator=" + entry["match_locator"])
    if "identifier" in entry:
        digits = entry["identifier"]
        words.append("ident=" + ":".join(digits[i:i + 4]
                                         for i in range(0, 16, 4)))
    if "in_port" in entry:
        words.append("port=p%d" % entry["in_port"])
    if icmp_inner:
        words.append("icmp-inner")
    return words


def fill_table(vector):
    run("ovs-appctl", "dpctl/ila-flush")
    for entry in vector["table"]:
        run("ovs-appctl", "dpctl/ila-add",
            *mapping(entry, "icmp_inner" in vector))


class Driver:
    def __init__(self, args):
        self.args = args
        self.pcap = Pcap(args.pcap)
        self.n_markers = 0
        self.port = "p1"

    def exchange(self, packet, n_expected):
        """Injects 'packet' and returns what came out: at least 'n_expected'
        packets unless that takes too long.

        A marker follows the packet, so that a packet which is to be dropped
        needs no waiting for nothing."""
        self.n_markers += 1
        marker = frame(ETH_TYPE_MARKER,
                       struct.pack("!I", self.n_markers).ljust(50, b"\0"), [])
        run("ovs-appctl", "netdev-dummy/receive", self.port,
            packet.hex(), marker.hex())

        packets = []
        marker_seen = False
        deadline = time.monotonic() + TIMEOUT
        while not marker_seen or len(packets) < n_expected:
            out = self.pcap.read()
            if out is not None:
                if out == marker:
                    marker_seen = True
                    deadline = time.monotonic() + GRACE
                else:
                    packets.append(out)
            elif time.monotonic() > deadline:
                break
            else:
                time.sleep(.002)
        if not marker_seen:
            raise VectorError("the datapath does not forward")
        return packets

    def purge(self):
        """Deletes all datapath flows, also one that is just being put."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            run("ovs-appctl", "revalidator/purge")
            if "recirc_id(" not in run("ovs-appctl", "dpctl/dump-flows"):
                return
        raise VectorError("the datapath's flows do not go")

    def check_datapath_flow(self, vector):
        """Checks that the second packet was the datapath flow's, and that the
        slow path was taken when it ought to be, only then."""
        dump = [line for line
                in run("ovs-appctl", "dpctl/dump-flows").splitlines()
                if line.startswith("recirc_id(")
                and "0x%04x" % ETH_TYPE_MARKER not in line]
        if len(dump) != 1 or not re.search(r"\bpackets:1\b", dump[0]):
            raise VectorError("expected one datapath flow with one hit:\n%s"
                              % "\n".join(dump))
        if vector["verdict"] == "drop":
            return              # Decided in either place.
        slow = self.args.slow and (self.args.lookup
                                   or vector["verdict"] == "translate")
        if ("slow_path(" in dump[0]) != slow:
            raise VectorError("expected the %s path:\n%s"
                              % ("slow" if slow else "fast", dump[0]))

    def configure(self, vector):
        if self.args.lookup:
            fill_table(vector)
        else:
            run("ovs-ofctl", "add-flows", "br0", "-", stdin=flows(vector))

    def run_vector(self, vector):
        tags = TAGS[self.args.tags]
        packet = frame(ETH_TYPE_IPV6, bytes.fromhex(vector["in"]), tags)
        expected = []
        if vector["out"] is not None:
            expected = [frame(ETH_TYPE_IPV6, bytes.fromhex(vector["out"]),
                              tags)]

        self.configure(vector)
        self.purge()
        self.port = "p%d" % vector["in_port"]
        for path in "upcall", "datapath flow":
            got = self.exchange(packet, len(expected))
            if got != expected:
                raise VectorError("%s:\nexpected: %s\n     got: %s"
                                  % (path,
                                     " ".join(p.hex() for p in expected),
                                     " ".join(p.hex() for p in got)))
        self.check_datapath_flow(vector)

    def run_vectors(self, vectors):
        """Runs them, prints what went wrong and how many there were, and
        returns the exit status."""
        n_errors = 0
        for vector in vectors:
            try:
                self.run_vector(vector)
            except VectorError as e:
                print("%s (%s): %s" % (vector["id"], vector["desc"], e))
                n_errors += 1
        print("%d vectors, %d errors" % (len(vectors), n_errors))
        return 1 if n_errors else 0


def argument_parser(description):
    """What the tests with these vectors have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("vectors", help="file with the vectors (JSON)")
    parser.add_argument("pcap", help="options:tx_pcap of p2")
    parser.add_argument("--tags", type=int, choices=sorted(TAGS), default=0,
                        help="number of VLAN tags; 2 need vlan-limit=2")
    return parser


def main():
    parser = argument_parser(__doc__)
    parser.add_argument("--slow", action="store_true",
                        help="execute ila() in userspace, as for a datapath "
                             "without it")
    parser.add_argument("--lookup", action="store_true",
                        help="put the mappings into the datapath's table and "
                             "translate by ila(table)")
    args = parser.parse_args()

    with open(args.vectors) as f:
        vectors = json.load(f)["vectors"]
    if args.lookup:
        run("ovs-ofctl", "add-flows", "br0", "-",
            stdin="ipv6,actions=%sila(table),output:2\n"
            "dl_type=0x%04x,actions=output:2\n"
            % ("debug_slow," if args.slow else "", ETH_TYPE_MARKER))
    elif args.slow:
        run("ovs-appctl", "dpif/set-dp-features", "br0", "ila", "false")

    skipped = {}
    todo = []
    for vector in vectors:
        reason = skip_reason(vector, args.lookup)
        if reason:
            skipped[reason] = skipped.get(reason, 0) + 1
        else:
            todo.append(vector)
    for reason in sorted(skipped):
        print("%d skipped: %s" % (skipped[reason], reason))
    return Driver(args).run_vectors(todo)


if __name__ == "__main__":
    sys.exit(main())
