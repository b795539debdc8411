# SPDX-License-Identifier: Apache-2.0

"""The action that looks in the kernel's mapping table does in the slow path
what it does in the kernel.

usage: ila-table-slow.py VECTORS

Packets go through the bridge br0 of ovs-vswitchd, whose ports are v1, v2, v3
and out, with the other ends f1, f2, f3 and fo, and the action; what comes out
is compared byte for byte.  Markers take the slow path always: upcalls of one
processor stay in order."""

import importlib.util
import json
import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402


def load(name):
    spec = importlib.util.spec_from_file_location(
        name.replace("-", "_"), os.path.join(os.path.dirname(__file__),
                                             name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packets = load("ila-table-packets")
PORTS = "v1", "v2", "v3", "out"
# An action that the switch was told the datapath lacks.
SLOW = "check_pkt_larger(2000)->reg0[0],"


class Switch(packets.Bench):
    def __init__(self):     # pylint: disable=super-init-not-called
        self.table = ovs_ila.Table("ovs-system")
        self.netlink = self.table.netlink
        self.index = self.table.index
        self.ports = {name: self.netlink.port_number(self.index, name)
                      for name in PORTS}
        self.out = packets.open_device("fo")
        self.n_markers = 0

    @staticmethod
    def set_rules(miss, slow):
        rules = ["delete"] + [
            f"in_port={name},{match},actions={action}output:out"
            for name in PORTS[:3] for match, action in (
                ("ipv6", f"{SLOW if slow else ''}ila(table,miss={miss}),"),
                ("dl_type=0x%x" % packets.MARKER, SLOW))]
        subprocess.run(("ovs-ofctl", "add-flows", "br0", "-"),
                       input="\n".join(rules) + "\n", text=True, check=True)
        packets.run("ovs-appctl", "revalidator/purge")

    @staticmethod
    def is_slow():
        """Are the flows of IPv6 for the slow path?  All are, or none."""
        dump = subprocess.run(("ovs-appctl", "dpctl/dump-flows"), check=True,
                              capture_output=True, text=True).stdout
        slow = {"slow_path(" in line for line in dump.splitlines()
                if "eth_type(0x86dd)" in line}
        return slow == {True} if len(slow) == 1 else None


def with_quoted(vector, name, identifier, **row):
    """'vector', an ICMPv6 error, with another identifier in the address that
    it quotes, and members of its mapping."""
    packet = bytearray.fromhex(vector["in"])
    packet[80:88] = bytes.fromhex(identifier)
    packet[packets.ICMP + 2:packets.ICMP + 4] = bytes(2)
    data = bytes(packet[packets.ICMP:])
    packet[packets.ICMP + 2:packets.ICMP + 4] = struct.pack(
        "!H", packets.inet_sum(
            packet[8:packets.ICMP] + struct.pack("!II", len(data), 58)
            + data + bytes(len(data) % 2)) ^ 0xffff)
    return {"id": vector["id"] + name, "in": packet.hex(),
            "table": [{**vector["table"][0], **row}], "icmp_inner": True,
            "in_port": vector["in_port"]}


def more_errors(vector):
    """What else can be the matter with an ICMPv6 error that quotes an ILA
    address: 'vector'."""
    ident = "3000000000010333"
    for mode in ovs_ila.MODES:
        yield with_quoted(vector, ", " + mode, ident, csum_mode=mode)
    yield with_quoted(vector, ", another type", "5000000000010333",
                      ident_type="use-format")
    yield with_quoted(vector, ", no C bit", "2000000000010333")
    yield {**with_quoted(vector, ", not asked for", ident),
           "icmp_inner": None}
    sender = {"match_locator": "3333:0:0:1", "locator": "2001:db8:b:0",
              "direction": "sir2ila"}
    for mode in ovs_ila.MODES:
        both = with_quoted(vector, ", translated itself, " + mode, ident,
                           csum_mode=mode)
        both["table"].append({**sender, "csum_mode": mode})
        yield both
    # Its own address has the C bit.
    packet = bytearray.fromhex(vector["in"])
    packet[32] |= 0x10
    yield {**vector, "id": vector["id"] + ", collision", "in": packet.hex(),
           "out": None, "table": vector["table"]
           + [{**sender, "csum_mode": "neutral-map"}]}


def results(switch, way, vectors, miss, slow):
    """Returns what comes out for each packet."""
    switch.set_rules(miss, slow)
    got = []
    for vector in vectors:
        switch.fill(vector)
        data = way.framed(bytes.fromhex(vector["in"]))
        # The first one may be the one that sets the flow up.
        first, second = (switch.exchange(way, vector, data, None)
                         for _ in range(2))
        if first != second:
            raise AssertionError(f"{vector['id']}: {first}, then {second}")
        got.append([packet.hex() for packet, _ in second])
    if switch.is_slow() != slow:
        raise AssertionError("not the path that was meant")
    return got


def main(path):
    # Upcalls are in the order of packets.
    os.sched_setaffinity(0, {0})
    with open(path, encoding="utf-8") as f:
        vectors = [v for v in json.load(f)["vectors"] if not v["l4_partial"]]
    quoting = next(v for v in vectors if v["id"] == "q01")
    vectors += [packets.same_address(quoting), *more_errors(quoting)]
    packets.run("ovs-appctl", "dpif/set-dp-features", "br0", "check_pkt_len",
                "false")
    switch = Switch()
    way = packets.Devices(switch, {1: "f1", 2: "f2", 3: "f3"}, 0)
    n_errors = 0
    for miss in "continue", "drop":
        kernel, slow = (results(switch, way, vectors, miss, is_slow)
                        for is_slow in (False, True))
        for vector, wanted, got in zip(vectors, kernel, slow):
            if wanted != got:
                print(f"miss={miss}, {vector['id']}: the kernel sends\n"
                      f"  {wanted}, the slow path\n  {got}")
                n_errors += 1
        print(f"miss={miss}: {len(vectors)} packets,",
              sum(not got for got in kernel), "dropped")
    print(f"{n_errors} errors")
    return n_errors > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
