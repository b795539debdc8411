# SPDX-License-Identifier: Apache-2.0

"""A packet keeps its hash when its address is translated: it says which
packets belong together, and these still do.

usage: ila-hash.py DATAPATH PORT

Somebody sends UDP to a SIR address by PORT from one socket, which gives its
packets their hash.  The kernel tells it with what it sends to userspace."""

import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

SIR, LOCATOR = "3333:0:0:1", "2001:db8:b:0"
ACTION_USERSPACE, USERSPACE_PID = 2, 1
ACTION_EXTENSION, EXTENSION_ILA, EXTENSION_ILA_TABLE = 64, 1, 2
PACKET_CMD_ACTION, PACKET_ATTR_PACKET, PACKET_ATTR_HASH = 2, 1, 11
DP_CMD_SET, DP_ATTR_USER_FEATURES = 4, 5
FLOW_CMD_DEL = 2
NLMSG = struct.Struct("=IHHII")
NEXT_HEADER, UDP = 20, 17       # Where Ethernet is followed by IPv6.
PATIENCE = 60                   # Seconds, for a packet.


def extensions():
    """Yields names and payloads of actions that translate."""
    for mode, number in ovs_ila.MODES.items():
        yield mode, attr(EXTENSION_ILA, ovs_ila.locator(LOCATOR)
                         + struct.pack("=BBBBI", number, ovs_ila.OUT, 0, 1, 0))
    yield "table", attr(EXTENSION_ILA_TABLE, struct.pack(
        "=BBH", ovs_ila.DIRS["out"], 0, 0))


def upcalls(listener):
    """Yields (packet, hash) of the UDP that the datapath sends to userspace.
    The host sends other IPv6, too, such as reports of MLD."""
    while True:
        data = listener.recv(65536)
        attributes = dict(ovs_netlink.parse_attrs(data[NLMSG.size + 8:]))
        packet = attributes[PACKET_ATTR_PACKET]
        if packet[NEXT_HEADER] == UDP:
            yield packet, struct.unpack("=Q", attributes[PACKET_ATTR_HASH])[0]


def main(datapath, port):
    table = ovs_ila.Table(datapath)
    table.add(ovs_ila.entry(ovs_ila.match(ovs_ila.OUT, SIR), LOCATOR,
                            "neutral-map"))
    number = table.netlink.port_number(table.index, port)
    sir, ila = map(ovs_ila.locator, (SIR, LOCATOR))
    # To the socket that the action names, whichever processor it is.
    if table.netlink.request("ovs_datapath", DP_CMD_SET, table.index, attr(
            DP_ATTR_USER_FEATURES, struct.pack("=I", 0))):
        raise OSError("features")
    n_errors = 0
    for name, extension in extensions():
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        listener.bind((0, 0))
        listener.settimeout(PATIENCE)
        tell = attr(ACTION_USERSPACE, attr(USERSPACE_PID, struct.pack(
            "=I", listener.getsockname()[0])))
        table.netlink.add_ipv6_flow(
            table.index, number,
            tell + attr(ACTION_EXTENSION, extension) + tell)
        told = upcalls(listener)
        before, after = next(told), next(told)
        if (before[0][38:46], after[0][38:46]) != (sir, ila):
            print(f"{name}: not translated: {before[0].hex()}")
            n_errors += 1
        elif not before[1] & 0xffffffff or before[1] != after[1]:
            print(f"{name}: hash {before[1]:x} became {after[1]:x}")
            n_errors += 1
        table.netlink.request("ovs_flow", FLOW_CMD_DEL, table.index, b"")
        listener.close()
    print(f"{n_errors} errors")
    return n_errors > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
