# SPDX-License-Identifier: Apache-2.0

"""Sends the ILA test vectors through the kernel datapath (see
tests/ila-vectors.py, which this builds on): into one veth pair, out of
another.  A vector with a partial checksum enters as the packet of a host
that leaves checksums to its device, and has to come out as such."""

import argparse
import importlib.util
import json
import os
import socket
import struct
import sys
import time

SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_VNET_HDR = 15
VLAN_VALID = 0x10
VNET_HDR_NEEDS_CSUM = 1
VNET_HDR_LEN = 10
PACKET_OUTGOING = 4

# Where a protocol has its checksum.
CSUM_OFFSETS = {6: 16, 17: 6, 58: 2}


def load(path):
    spec = importlib.util.spec_from_file_location("ila_vectors", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def open_port(name):
    """A socket for whole packets of the interface 'name', with the header
    that says what is left to be done to them."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    port.bind((name, 3))
    return port


def make_driver(vectors):
    class Driver(vectors.Driver):
        def __init__(self, args):
            self.args = args
            self.n_markers = 0
            self.into = open_port(args.into)
            self.out = open_port(args.out)
            self.partial = None

        def send(self, packet, partial):
            header = bytes(VNET_HDR_LEN)
            if partial:
                start, offset = partial
                header = struct.pack("=BBHHHH", VNET_HDR_NEEDS_CSUM, 0, 0, 0,
                                     start, offset)
            self.into.send(header + packet)

        def receive(self, deadline):
            """Returns the next packet, after its header; None if there is
            none in time."""
            while True:
                self.out.settimeout(max(.001, deadline - time.monotonic()))
                try:
                    data, aux, _, address = self.out.recvmsg(65536, 64)
                except socket.timeout:
                    return None
                if address[2] == PACKET_OUTGOING:
                    continue
                # Linux has taken the outer tag out of the packet.
                for _, kind, value in aux:
                    if kind == PACKET_AUXDATA:
                        status, = struct.unpack_from("=I", value)
                        if status & VLAN_VALID:
                            tci, tpid = struct.unpack_from("=HH", value, 16)
                            at = VNET_HDR_LEN + 12
                            data = (data[:at] + struct.pack("!HH", tpid, tci)
                                    + data[at:])
                return data

        def exchange(self, packet, n_expected):
            self.n_markers += 1
            marker = vectors.frame(
                vectors.ETH_TYPE_MARKER,
                struct.pack("!I", self.n_markers).ljust(50, b"\0"), [])
            self.send(packet, self.partial)
            self.send(marker, None)
            packets = []
            marker_seen = False
            deadline = time.monotonic() + vectors.TIMEOUT
            while not marker_seen or len(packets) < n_expected:
                data = self.receive(deadline)
                if data is None:
                    break
                got = data[VNET_HDR_LEN:]
                if got == marker:
                    marker_seen = True
                    deadline = time.monotonic() + vectors.GRACE
                elif (got[:12] == packet[:12]
                      and got[12:14] != marker[12:14]):
                    if bool(self.partial) != (data[0] == VNET_HDR_NEEDS_CSUM):
                        raise vectors.VectorError(
                            "partial checksum: header %s"
                            % data[:VNET_HDR_LEN].hex())
                    packets.append(got)
            if not marker_seen:
                raise vectors.VectorError("the datapath does not forward")
            return packets

        def run_vector(self, vector):
            self.partial = None
            if not vector["l4_partial"]:
                super().run_vector(vector)
                return
            # On its way to userspace a packet's checksum is finished, so
            # another packet has to set up the flow.
            if self.args.slow:
                return
            tags = vectors.TAGS[self.args.tags]
            packet, expected = (vectors.frame(vectors.ETH_TYPE_IPV6,
                                              bytes.fromhex(vector[side]),
                                              tags) for side in ("in", "out"))
            vectors.run("ovs-ofctl", "add-flows", "br0", "-",
                        stdin=vectors.flows(vector))
            vectors.run("ovs-appctl", "revalidator/purge")
            self.exchange(packet, 1)
            l4 = 14 + 4 * len(tags) + 40
            self.partial = l4, CSUM_OFFSETS[packet[l4 - 40 + 6]]
            got = self.exchange(packet, 1)
            if got != [expected]:
                raise vectors.VectorError(
                    "partial checksum:\nexpected: %s\n     got: %s"
                    % (expected.hex(), " ".join(p.hex() for p in got)))

    return Driver


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", help="tests/ila-vectors.py")
    parser.add_argument("vectors", help="file with the vectors (JSON)")
    parser.add_argument("into", help="far end of the port p1 of br0")
    parser.add_argument("out", help="far end of the port p2")
    parser.add_argument("--tags", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument("--slow", action="store_true")
    # The table has tests of its own.
    parser.set_defaults(lookup=False)
    args = parser.parse_args()
    library = load(args.library)

    # All packets take the same way, so that a marker overtakes nothing.
    os.sched_setaffinity(0, {0})
    if args.slow:
        library.run("ovs-appctl", "dpif/set-dp-features", "br0", "ila",
                    "false")
    with open(args.vectors) as f:
        vectors = json.load(f)["vectors"]
    driver = make_driver(library)(args)
    skipped = {}
    n_run = n_errors = 0
    for vector in vectors:
        reason = library.skip_reason({**vector, "l4_partial": False},
                                     args.lookup)
        if reason:
            skipped[reason] = skipped.get(reason, 0) + 1
            continue
        n_run += 1
        try:
            driver.run_vector(vector)
        except library.VectorError as e:
            print("%s (%s): %s" % (vector["id"], vector["desc"], e))
            n_errors += 1
    for reason in sorted(skipped):
        print("%d skipped: %s" % (skipped[reason], reason))
    print("%d vectors, %d errors" % (n_run, n_errors))
    return 1 if n_errors else 0


if __name__ == "__main__":
    sys.exit(main())
