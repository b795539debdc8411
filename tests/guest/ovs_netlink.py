# SPDX-License-Identifier: Apache-2.0

"""The datapath's netlink interface as it is, without Open vSwitch's library,
which would not send what the module has to refuse.

As a program: "ovs_netlink.py add-port DATAPATH NAME TYPE" makes a port of a
type that ovs-vswitchd has no use for any more; "ovs_netlink.py family NAME"
prints the number of a generic netlink family."""

import collections
import socket
import struct
import sys

NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 1, 4, 0x400, 0x200
NLM_F_DUMP, NLM_F_ACK_TLVS = 0x300, 0x200
NLM_F_DUMP_INTR = 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK = 10, 11
NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, NLMSGERR_ATTR_COOKIE = 1, 2, 3
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2

OVS_VPORT_CMD_NEW, OVS_VPORT_CMD_GET = 1, 3
OVS_VPORT_ATTR_PORT_NO = 1
OVS_VPORT_ATTR_TYPE, OVS_VPORT_ATTR_NAME = 2, 3
OVS_VPORT_ATTR_OPTIONS, OVS_VPORT_ATTR_UPCALL_PID = 4, 5
OVS_TUNNEL_ATTR_DST_PORT = 1
# Type, port of UDP.
VPORT_TYPES = {"gre": (3, None), "vxlan": (4, 4789), "geneve": (5, 6081)}

OVS_FLOW_CMD_NEW = 1
OVS_FLOW_ATTR_KEY, OVS_FLOW_ATTR_ACTIONS, OVS_FLOW_ATTR_MASK = 1, 2, 7
OVS_PACKET_CMD_EXECUTE = 3
OVS_PACKET_ATTR_PACKET, OVS_PACKET_ATTR_KEY, OVS_PACKET_ATTR_ACTIONS = 1, 2, 3
OVS_KEY_ATTR_IN_PORT, OVS_KEY_ATTR_ETHERNET = 3, 4
OVS_KEY_ATTR_ETHERTYPE, OVS_KEY_ATTR_IPV6 = 6, 8


def attr(kind, payload):
    """A netlink attribute, padded."""
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def parse_attrs(data):
    """Yields (type, payload) of the attributes in 'data'."""
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3fff, data[at + 4:at + size]
        at += size + -size % 4


# 'errno' is 0 or positive; 'text' is what the kernel says about it, 'offset'
# where in the request, 'cookie' what it adds, or None.  'messages' are lists
# of attributes.
Answer = collections.namedtuple("Answer",
                                "errno text offset cookie messages")


class Netlink:
    """Generic netlink; requests are answered before the next one."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sequence = 0
        self.families = {}
        self.interrupted = False    # The last dump.

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

    def transact(self, family, command, datapath, attributes, dump=False):
        """Sends a command about the datapath with this interface index.
        Returns an Answer."""
        self.sequence += 1
        payload = struct.pack("=BBHi", command, 1, 0, datapath) + attributes
        self.socket.send(struct.pack(
            "=IHHII", 16 + len(payload), self.family(family),
            NLM_F_REQUEST | (NLM_F_DUMP if dump else NLM_F_ACK),
            self.sequence, 0) + payload)
        messages = []
        self.interrupted = False
        while True:
            data = self.socket.recv(1 << 18)
            while data:
                size, kind, flags, sequence, _ = struct.unpack_from("=IHHII",
                                                                    data)
                message, data = data[16:size], data[size + -size % 4:]
                if sequence != self.sequence:
                    continue
                if flags & NLM_F_DUMP_INTR:
                    self.interrupted = True
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    return self._answer(kind, flags, message, messages)
                messages.append(list(parse_attrs(message[8:])))

    @staticmethod
    def _answer(kind, flags, message, messages):
        extra = {}
        if flags & NLM_F_ACK_TLVS:
            extra = dict(parse_attrs(message[4 + 16 * (kind == NLMSG_ERROR):]))
        text = extra.get(NLMSGERR_ATTR_MSG)
        offset = extra.get(NLMSGERR_ATTR_OFFS)
        return Answer(-struct.unpack_from("=i", message)[0],
                      text and text[:-1].decode(),
                      offset and struct.unpack("=I", offset)[0],
                      extra.get(NLMSGERR_ATTR_COOKIE), messages)

    def port_number(self, datapath, name):
        """Of the port of the datapath that is the device 'name'."""
        answer = self.transact("ovs_vport", OVS_VPORT_CMD_GET, datapath, attr(
            OVS_VPORT_ATTR_NAME, name.encode() + b"\0"))
        if answer.errno:
            raise OSError(answer.errno, name)
        return struct.unpack("=I", dict(answer.messages[0])[
            OVS_VPORT_ATTR_PORT_NO])[0]

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

    def add_ipv6_flow(self, datapath, port, actions, ethernet=True):
        """Adds a flow for all IPv6 packets without VLAN tag that come in on
        'port', with an Ethernet header or without."""
        ether = attr(OVS_KEY_ATTR_ETHERNET, bytes(12)) if ethernet else b""
        key = (attr(OVS_KEY_ATTR_IN_PORT, struct.pack("=I", port)) + ether
               + attr(OVS_KEY_ATTR_ETHERTYPE, struct.pack("!H", 0x86dd))
               + attr(OVS_KEY_ATTR_IPV6, bytes(40)))
        mask = (attr(OVS_KEY_ATTR_IN_PORT, b"\xff" * 4) + ether
                + attr(OVS_KEY_ATTR_ETHERTYPE, b"\xff" * 2)
                + attr(OVS_KEY_ATTR_IPV6, bytes(40)))
        error = self.request("ovs_flow", OVS_FLOW_CMD_NEW, datapath,
                             attr(OVS_FLOW_ATTR_KEY, key)
                             + attr(OVS_FLOW_ATTR_MASK, mask)
                             + attr(OVS_FLOW_ATTR_ACTIONS, actions),
                             NLM_F_CREATE | NLM_F_EXCL)
        if error:
            raise OSError(-error, "flow")

    def execute(self, datapath, packet, key, actions):
        """Executes 'actions' on 'packet'; 'key' are attributes."""
        error = self.request("ovs_packet", OVS_PACKET_CMD_EXECUTE, datapath,
                             attr(OVS_PACKET_ATTR_PACKET, packet)
                             + attr(OVS_PACKET_ATTR_KEY, key)
                             + attr(OVS_PACKET_ATTR_ACTIONS, actions))
        if error:
            raise OSError(-error, "execute")

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


def main(command, *args):
    if command == "family":
        print(Netlink().family(*args))
        return 0
    datapath, port, port_type = args
    error = Netlink().add_port(socket.if_nametoindex(datapath), port,
                               port_type)
    return f"{port_type}: error {error}" if error else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
