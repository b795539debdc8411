# SPDX-License-Identifier: Apache-2.0

"""The datapath's netlink interface as it is, without Open vSwitch's library,
which would not send what the module has to refuse.

As a program: "ovs_netlink.py add-port DATAPATH NAME TYPE" makes a port of a
type that ovs-vswitchd has no use for any more."""

import socket
import struct
import sys

NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 1, 4, 0x400, 0x200
NLMSG_ERROR = 2
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2

OVS_VPORT_CMD_NEW = 1
OVS_VPORT_ATTR_TYPE, OVS_VPORT_ATTR_NAME = 2, 3
OVS_VPORT_ATTR_OPTIONS, OVS_VPORT_ATTR_UPCALL_PID = 4, 5
OVS_TUNNEL_ATTR_DST_PORT = 1
# Type, port of UDP.
VPORT_TYPES = {"gre": (3, None), "vxlan": (4, 4789), "geneve": (5, 6081)}

OVS_FLOW_CMD_NEW = 1
OVS_FLOW_ATTR_KEY, OVS_FLOW_ATTR_ACTIONS = 1, 2
OVS_KEY_ATTR_IN_PORT, OVS_KEY_ATTR_ETHERNET = 3, 4
OVS_KEY_ATTR_ETHERTYPE, OVS_KEY_ATTR_IPV6 = 6, 8


def attr(kind, payload):
    """A netlink attribute, padded."""
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


class Netlink:
    """Generic netlink; requests are answered before the next one."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        self.sequence = 0
        self.families = {}

    def _exchange(self, kind, flags, payload):
        """Returns (type, payload) of the first answer to a request."""
        self.sequence += 1
        self.socket.send(struct.pack("=IHHII", 16 + len(payload), kind, flags,
                                     self.sequence, 0) + payload)
        while True:
            data = self.socket.recv(65536)
            size, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
            if sequence == self.sequence:
                return kind, data[16:size]

    def family(self, name):
        if name not in self.families:
            kind, data = self._exchange(
                GENL_ID_CTRL, NLM_F_REQUEST,
                struct.pack("=BBH", CTRL_CMD_GETFAMILY, 1, 0)
                + attr(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0"))
            if kind == NLMSG_ERROR:
                raise OSError("no generic netlink family " + name)
            at = 4
            while at < len(data):
                size, kind = struct.unpack_from("=HH", data, at)
                if kind == CTRL_ATTR_FAMILY_ID:
                    self.families[name] = struct.unpack_from("=H", data,
                                                             at + 4)[0]
                at += size + -size % 4
        return self.families[name]

    def request(self, family, command, datapath, attributes, flags=0):
        """Sends a command about the datapath with this interface index.
        Returns 0 or the negative error number that the kernel answered."""
        kind, data = self._exchange(
            self.family(family), NLM_F_REQUEST | NLM_F_ACK | flags,
            struct.pack("=BBHi", command, 1, 0, datapath) + attributes)
        if kind == NLMSG_ERROR:
            return struct.unpack_from("=i", data)[0]
        # The command echoes what it did; the acknowledgement follows.
        return 0

    def add_flow(self, datapath, number, eth_type, actions):
        """Adds a flow of exact match, 'number' is its source address, with
        'actions' as the bytes of attributes."""
        key = (attr(OVS_KEY_ATTR_IN_PORT, struct.pack("=I", 0))
               + attr(OVS_KEY_ATTR_ETHERNET, struct.pack(
                   "!HI6s", 0x0200, number, bytes.fromhex("020000000002")))
               + attr(OVS_KEY_ATTR_ETHERTYPE, struct.pack("!H", eth_type)))
        if eth_type == 0x86dd:
            key += attr(OVS_KEY_ATTR_IPV6,
                        bytes(36) + struct.pack("BBBB", 59, 0, 64, 0))
        return self.request("ovs_flow", OVS_FLOW_CMD_NEW, datapath,
                            attr(OVS_FLOW_ATTR_KEY, key)
                            + attr(OVS_FLOW_ATTR_ACTIONS, actions),
                            NLM_F_CREATE | NLM_F_EXCL)

    def add_port(self, datapath, name, kind):
        number, udp = VPORT_TYPES[kind]
        attributes = (attr(OVS_VPORT_ATTR_TYPE, struct.pack("=I", number))
                      + attr(OVS_VPORT_ATTR_NAME, name.encode() + b"\0")
                      + attr(OVS_VPORT_ATTR_UPCALL_PID, struct.pack("=I", 0)))
        if udp:
            attributes += attr(OVS_VPORT_ATTR_OPTIONS,
                               attr(OVS_TUNNEL_ATTR_DST_PORT,
                                    struct.pack("=H", udp)))
        return self.request("ovs_vport", OVS_VPORT_CMD_NEW, datapath,
                            attributes)


if __name__ == "__main__":
    _, _, dp, port, port_type = sys.argv
    error = Netlink().add_port(socket.if_nametoindex(dp), port, port_type)
    sys.exit(f"{port_type}: error {error}" if error else 0)
