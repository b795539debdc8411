# SPDX-License-Identifier: Apache-2.0

"""Sends the ILA test vectors through the kernel's mapping table.

usage: ila-table-packets.py VECTORS WAY...

The datapath is dp0; its ports are v1, v2, v3 and out, whose other ends are f1,
f2, f3 and fo, the tap "frag" and the tun "l3".  A WAY is how packets come in:

  veth[0-2]   with so many VLAN tags, by the port that the vector names
  local[0-2]  likewise, by the datapath's own port, where no tag is taken out
  frag        in pieces, cut at random
  l3          without an Ethernet header
  action      by v1, v2, v3 into flows with the action that looks in the table
  execute     with a request that executes that action

Each packet is followed by a marker.  What comes out, what is counted, and that
a partial checksum stays one, is compared."""

import fcntl
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

DATAPATH = "dp0"
MACS = bytes.fromhex("50540000000a505400000009")
IPV6, MARKER = 0x86dd, 0x88b5
TAGS = [[], [(0x8100, 100)], [(0x88a8, 200), (0x8100, 100)]]
TIMEOUT = 30                    # Seconds, for the marker.

SOL_PACKET, PACKET_AUXDATA, PACKET_VNET_HDR = 263, 8, 15
PACKET_OUTGOING, VLAN_VALID = 4, 0x10
NEEDS_CSUM, VNET_HDR = 1, struct.Struct("=BBHHHH")
CSUM_OFFSETS = {6: 16, 17: 6, 58: 2}

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_TAP, IFF_NAPI, IFF_NAPI_FRAGS = 1, 2, 0x10, 0x20
IFF_NO_PI, IFF_VNET_HDR = 0x1000, 0x4000

ACTION_OUTPUT, ACTION_PUSH_ETH, ACTION_EXTENSION = 1, 14, 64
EXTENSION_ILA_TABLE = 2

DIRECTIONS = {"sir2ila": ovs_ila.OUT, "ila2sir": ovs_ila.IN}
BOTH = 6
# In a packet that is an ICMPv6 error, and that quotes TCP.
ICMP, QUOTED_TCP = 40, 88


def run(*words):
    subprocess.run(words, check=True)


def frame(eth_type, payload, tags=()):
    return (MACS + b"".join(struct.pack("!HH", *tag) for tag in tags)
            + struct.pack("!H", eth_type) + payload)


def open_device(name):
    """A socket for whole packets of the interface 'name', with the header that
    says what is left to be done to them."""
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    device.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    device.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    device.bind((name, 3))
    return device


def open_tun(name, flags):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                            flags | IFF_NO_PI | IFF_VNET_HDR))
    with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
        f.write("1")
    run("ip", "link", "set", name, "up")
    return tun


def vnet_header(partial):
    if not partial:
        return bytes(VNET_HDR.size)
    return VNET_HDR.pack(NEEDS_CSUM, 0, 0, 0, *partial)


class Way:
    """How packets come in: sends them, and knows the port."""
    n_tags = 0
    by_action = False
    miss_drops = False
    l2 = 14

    def expected(self, packet):
        return frame(IPV6, packet, TAGS[self.n_tags])

    def framed(self, packet):
        return frame(IPV6, packet, TAGS[self.n_tags])


class Devices(Way):
    def __init__(self, bench, names, n_tags, by_action=False,
                 miss_drops=False):
        self.n_tags = n_tags
        self.l2 = 14 + 4 * n_tags
        self.devices = {i: open_device(names[i]) for i in names}
        self.by_action = by_action
        self.miss_drops = miss_drops
        self.bench = bench

    def port(self, vector):
        return self.bench.ports["v%d" % vector["in_port"]]

    def send(self, vector, data, partial):
        self.devices[vector["in_port"]].send(vnet_header(partial) + data)


class Local(Devices):
    def __init__(self, bench, n_tags):
        super().__init__(bench, {0: DATAPATH}, n_tags)

    def port(self, vector):
        return 0

    def send(self, vector, data, partial):
        self.devices[0].send(vnet_header(partial) + data)


class Pieces(Way):
    def __init__(self, bench):
        self.bench = bench
        self.rng = random.Random(1)

    def port(self, vector):
        return self.bench.ports["frag"]

    def send(self, vector, data, partial):
        """The first piece is the linear part."""
        cuts = sorted(self.rng.sample(range(14, len(data)),
                                      min(self.rng.randrange(1, 12),
                                          len(data) - 14)))
        pieces = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
        os.writev(self.bench.tap, [vnet_header(partial)] + pieces)


class Layer3(Way):
    l2 = 0

    def __init__(self, bench):
        self.bench = bench

    def port(self, vector):
        return self.bench.ports["l3"]

    def framed(self, packet):
        return packet

    def send(self, vector, data, partial):
        if data[12:14] == struct.pack("!H", MARKER):
            self.bench.send_marker(data)
        else:
            os.write(self.bench.tun, vnet_header(partial) + data)


class Execute(Way):
    by_action = True

    def __init__(self, bench):
        self.bench = bench

    def port(self, vector):
        return self.bench.ports["v%d" % vector["in_port"]]

    def send(self, vector, data, partial):
        if data[12:14] == struct.pack("!H", MARKER):
            self.bench.send_marker(data)
        else:
            self.bench.netlink.execute(
                self.bench.index, data,
                attr(ovs_netlink.OVS_KEY_ATTR_IN_PORT,
                     struct.pack("=I", self.port(vector))),
                self.bench.actions())


class Bench:
    def __init__(self):
        self.table = ovs_ila.Table(DATAPATH)
        self.netlink = self.table.netlink
        self.index = self.table.index
        self.tap = open_tun("frag", IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS)
        self.tun = open_tun("l3", IFF_TUN)
        for name in "v1", "v2", "v3", "out", "frag", "l3":
            run("ovs-dpctl", "add-if", DATAPATH, name)
        self.ports = {name: self.netlink.port_number(self.index, name)
                      for name in ("v1", "v2", "v3", "out", "frag", "l3")}
        self.ports[DATAPATH] = 0
        self.out = open_device("fo")
        self.markers = open_device("f1")
        self.n_markers = 0

    def actions(self, miss_drops=False):
        return (attr(ACTION_EXTENSION, attr(EXTENSION_ILA_TABLE, struct.pack(
                    "BBH", BOTH, miss_drops, 0)))
                + attr(ACTION_OUTPUT, struct.pack("=I", self.ports["out"])))

    def set_flows(self, way):
        run("ovs-dpctl", "del-flows", DATAPATH)
        out = str(self.ports["out"])
        for name, port in self.ports.items():
            flows = ["eth(),eth_type(0x%x)" % MARKER]
            if name == "l3":
                self.netlink.add_ipv6_flow(
                    self.index, port,
                    attr(ACTION_PUSH_ETH, MACS[6:] + MACS[:6])
                    + attr(ACTION_OUTPUT, struct.pack("=I",
                                                      self.ports["out"])),
                    ethernet=False)
                continue
            if way.by_action:
                self.netlink.add_ipv6_flow(self.index, port,
                                           self.actions(way.miss_drops))
            else:
                ipv6 = "eth_type(0x86dd),ipv6()"
                tagged = f"vlan(vid=100,pcp=0),encap({ipv6})"
                flows += ["eth()," + ipv6, "eth(),eth_type(0x8100)," + tagged,
                          "eth(),eth_type(0x88a8),vlan(vid=200,pcp=0),"
                          f"encap(eth_type(0x8100),{tagged})"]
            for flow in flows:
                run("ovs-dpctl", "add-flow", DATAPATH,
                    f"in_port({port}),{flow}", out)

    def send_marker(self, marker):
        self.markers.send(vnet_header(None) + marker)

    def receive(self, deadline):
        """Returns the next packet and whether its checksum is partial."""
        while True:
            self.out.settimeout(max(.001, deadline - time.monotonic()))
            try:
                data, aux, _, address = self.out.recvmsg(65536, 64)
            except socket.timeout:
                return None, None
            if address[2] == PACKET_OUTGOING:
                continue
            partial = bool(data[0] & NEEDS_CSUM)
            data = data[VNET_HDR.size:]
            # Linux has taken the outer tag out of the packet.
            for _, kind, value in aux:
                if kind == PACKET_AUXDATA:
                    status, = struct.unpack_from("=I", value)
                    if status & VLAN_VALID:
                        tci, tpid = struct.unpack_from("=HH", value, 16)
                        data = (data[:12] + struct.pack("!HH", tpid, tci)
                                + data[12:])
            return data, partial

    def exchange(self, way, vector, data, partial):
        """Sends a packet; returns what came out before the marker."""
        self.n_markers += 1
        marker = frame(MARKER, struct.pack("!I", self.n_markers).ljust(50))
        way.send(vector, data, partial)
        way.send(vector, marker, None)
        packets = []
        deadline = time.monotonic() + TIMEOUT
        while True:
            got, partial = self.receive(deadline)
            if got is None:
                raise AssertionError("the datapath does not forward")
            if got == marker:
                return packets
            packets.append((got, partial))

    def fill(self, vector):
        """The table of the vector.  That of a quoted address is also about
        addresses that are not quoted."""
        self.table.flush()
        flags = (ovs_ila.FLAGS["icmp-inner"] if vector.get("icmp_inner")
                 else 0)
        for row in vector["table"]:
            port = row.get("in_port")
            if port is not None:
                port = self.ports["v%d" % port]
            self.table.add(ovs_ila.entry(
                ovs_ila.match(DIRECTIONS[row["direction"]],
                              row["match_locator"], row.get("identifier"),
                              port),
                row["locator"], row["csum_mode"],
                row.get("ident_type", "luid"),
                flags if row["direction"] == "ila2sir" else 0))

    def counted(self, port):
        return self.table.stats()[0], self.table.get_port(port)[1]


def expected_counts(vector):
    """What one packet counts, apart from its transport header."""
    if vector["verdict"] == "drop":
        return {"hit": 1, "cbit": 1}
    if vector["verdict"] == "translate":
        direction = vector["table"][vector["match_index"]]["direction"]
        return {"hit": 1, {"sir2ila": "out", "ila2sir": "in"}[direction]: 1}
    if vector["in"][48:50] == "ff":
        return {"multicast": 1}
    if vector.get("icmp_inner"):
        return {"miss": 1, "icmp_inner": 1}
    return {"miss": 1}


def check(bench, way, vector):
    packet, wanted = bytes.fromhex(vector["in"]), vector["out"]
    partial = None
    if vector["l4_partial"]:
        partial = way.l2 + 40, CSUM_OFFSETS[packet[6]]
    bench.fill(vector)
    port = way.port(vector)
    bench.table.set_port(port, 0 if way.by_action else BOTH)
    before = bench.counted(port)
    got = bench.exchange(way, vector, way.framed(packet), partial)
    after = bench.counted(port)
    bench.table.set_port(port, 0)

    expected = []
    counts = expected_counts(vector)
    if wanted is not None and not (way.miss_drops and counts == {"miss": 1}):
        expected = [(way.expected(bytes.fromhex(wanted)), bool(partial))]
    if got != expected:
        raise AssertionError("expected %s\n     got %s" % tuple(
            [(p.hex(), bool(c)) for p, c in packets]
            for packets in (expected, got)))
    for i, which in enumerate(("the datapath", "the port")):
        delta = {name: after[i][name] - before[i][name]
                 for name in ovs_ila.COUNTS
                 if after[i][name] != before[i][name]
                 and not name.startswith(("l4_", "truncated", "partial"))}
        if delta != ({} if i and way.by_action else counts):
            raise AssertionError(f"{which} counted {delta}, not {counts}")
    adjusted = after[0]["l4_adjusted"] - before[0]["l4_adjusted"]
    if adjusted and vector["table"][0]["csum_mode"] != "adj-transport":
        raise AssertionError("a checksum was adjusted")
    if partial and after[0]["partial"] == before[0]["partial"]:
        raise AssertionError("the partial checksum was not counted")


def inet_sum(data):
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def same_address(vector):
    """An error, made from 'vector', that quotes an address of a mapping to the
    same locator.  Its checksum, one of one's complement's two zeros, becomes
    the other one as it does in a packet that is not quoted."""
    packet = bytearray.fromhex(vector["in"])
    row = {**vector["table"][0], "csum_mode": "adj-transport",
           "locator": vector["table"][0]["match_locator"]}
    packet[ICMP + 2:ICMP + 4] = bytes(2)
    packet[QUOTED_TCP + 16:QUOTED_TCP + 18] = b"\xff\xff"
    data = bytes(packet[ICMP:])
    packet[ICMP + 2:ICMP + 4] = struct.pack("!H", inet_sum(
        packet[8:ICMP] + struct.pack("!II", len(data), 58)
        + data + bytes(len(data) % 2)) ^ 0xffff)
    wanted = packet[:]
    wanted[QUOTED_TCP + 16:QUOTED_TCP + 18] = bytes(2)
    return {**vector, "id": "q01s", "desc": "the same quoted address",
            "in": packet.hex(), "out": wanted.hex(), "table": [row],
            "icmp_inner": [row]}


def skipped(way, vector):
    if isinstance(way, (Local, Pieces, Layer3)):
        # Vectors about ports need several of the same kind.
        return any("in_port" in row for row in vector["table"])
    # A request has no way to bring a partial checksum.
    return isinstance(way, Execute) and vector["l4_partial"]


def make_way(bench, name):
    far = {1: "f1", 2: "f2", 3: "f3"}
    if name.startswith("veth"):
        return Devices(bench, far, int(name[4:]))
    if name.startswith("local"):
        return Local(bench, int(name[5:]))
    if name == "action":
        return Devices(bench, far, 0, by_action=True)
    if name == "action-or-drop":
        return Devices(bench, far, 0, by_action=True, miss_drops=True)
    return {"frag": Pieces, "l3": Layer3, "execute": Execute}[name](bench)


def main(path, *names):
    # All packets take the same way, so that a marker overtakes nothing.
    os.sched_setaffinity(0, {0})
    with open(path, encoding="utf-8") as f:
        vectors = json.load(f)["vectors"]
    vectors += [same_address(v) for v in vectors if v["id"] == "q01"]
    bench = Bench()
    n_errors = 0
    for name in names:
        way = make_way(bench, name)
        bench.set_flows(way)
        # Cut at random: more than once.
        n = 0
        for _ in range(20 if name == "frag" else 1):
            for vector in vectors:
                if skipped(way, vector):
                    continue
                n += 1
                try:
                    check(bench, way, vector)
                except AssertionError as e:
                    print(f"{name}: {vector['id']} ({vector['desc']}): {e}")
                    n_errors += 1
        print(f"{name}: {n} packets")
        if n < 40:
            print(f"{name}: too few")
            n_errors += 1
    print(f"{n_errors} errors")
    return n_errors > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
