# SPDX-License-Identifier: Apache-2.0

"""usage: vrf-l3.py PORT VRF

The flow of dp0 for IPv4 from port number PORT takes the Ethernet header off
and hands the packet to the VRF: ovs-dpctl does not know the former as text."""

import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

OVS_FLOW_CMD_SET = 4
KEY_IPV4 = 7
ACTION_POP_ETH, ACTION_EXTENSION, EXTENSION_VRF = 15, 64, 4


def match(port, exact):
    return (attr(ovs_netlink.OVS_KEY_ATTR_IN_PORT, struct.pack("=I", port))
            + attr(ovs_netlink.OVS_KEY_ATTR_ETHERNET, bytes(12))
            + attr(ovs_netlink.OVS_KEY_ATTR_ETHERTYPE, exact)
            + attr(KEY_IPV4, bytes(12)))


def main(port, vrf):
    payload = struct.pack("=IIII16s", socket.if_nametoindex(vrf), 0, 0, 0,
                          vrf.encode())
    error = ovs_netlink.Netlink().request(
        "ovs_flow", OVS_FLOW_CMD_SET, socket.if_nametoindex("dp0"),
        attr(ovs_netlink.OVS_FLOW_ATTR_KEY, match(int(port), b"\x08\0"))
        + attr(ovs_netlink.OVS_FLOW_ATTR_MASK,
               match(0xffffffff, b"\xff\xff"))
        + attr(ovs_netlink.OVS_FLOW_ATTR_ACTIONS,
               attr(ACTION_POP_ETH, b"")
               + attr(ACTION_EXTENSION, attr(EXTENSION_VRF, payload))))
    if error:
        sys.exit(f"flow: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
