# SPDX-License-Identifier: Apache-2.0

"""Asks the datapath for flows with ila actions, good ones and ones that it has
to refuse with EINVAL.

usage: ila-refused.py DATAPATH"""

import errno
import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

ACTION_CLONE = 20
ACTION_EXTENSION = 64
EXTENSION_ILA = 1
NESTED = 0x8000
BYTEORDER = 0x4000
IPV6, IPV4, ARP = 0x86dd, 0x800, 0x806


def ila(locator="2001:db8:b:0", mode=1, direction=2, field=0, kind=1,
        flags=0):
    """struct ovs_action_ila; see include/openvswitch/extension-abi.h."""
    return (socket.inet_pton(socket.AF_INET6, locator + "::")[:8]
            + struct.pack("!BBBBI", mode, direction, field, kind, flags))


def action(payload, outer=ACTION_EXTENSION, inner=EXTENSION_ILA):
    return attr(outer, attr(inner, payload))


def with_length(data, offset, length):
    """'data' with another length in the attribute at 'offset'."""
    return (data[:offset] + struct.pack("=H", length) + data[offset + 2:])


def cases():
    """Yields (what, are the actions good, the actions, type of packets)."""
    good = ila()
    whole = action(good)

    def bad(what, actions, eth_type=IPV6):
        return what, False, actions, eth_type

    def fine(what, actions):
        return what, True, actions, IPV6

    yield fine("ila", whole)
    yield fine("nested by flag", action(good, outer=ACTION_EXTENSION | NESTED))
    yield bad("inner nested", action(good, inner=EXTENSION_ILA | NESTED))
    yield bad("inner byte order", action(good, inner=EXTENSION_ILA
                                         | BYTEORDER))
    for number in 0, 31, 32, 63, 16383:
        yield bad(f"extension {number}", action(good, inner=number))
    for number in ACTION_EXTENSION - 1, ACTION_EXTENSION + 1:
        yield bad(f"action {number}", action(good, outer=number))
    for length in range(41):
        if length != len(good):
            yield bad(f"{length} bytes",
                      action(good.ljust(length, b"\0")[:length]))
    yield bad("nothing in it", attr(ACTION_EXTENSION, b""))
    for length in 1, 2, 3:
        yield bad(f"stub of {length}", attr(ACTION_EXTENSION, bytes(length)))
    yield bad("two in one", attr(ACTION_EXTENSION,
                                 attr(EXTENSION_ILA, good) * 2))
    yield bad("inner too long", with_length(whole, 4, 60))
    yield bad("inner too short", with_length(whole, 4, 3))
    yield bad("outer too long", with_length(whole, 0, len(whole) + 8))

    for n in range(256):
        yield f"mode {n}", n < 4, action(ila(mode=n)), IPV6
        yield f"dir {n}", n in (1, 2), action(ila(direction=n)), IPV6
        yield f"field {n}", n < 2, action(ila(field=n)), IPV6
        yield f"type {n}", n in (1, 32), action(ila(kind=n)), IPV6
    for bit in range(32):
        yield bad(f"flag {bit}", action(ila(flags=1 << bit)))
    for locator in "0:0:0:0", "ff02:0:0:0", "fe80:0:0:0", "febf:0:0:0":
        yield bad(f"locator {locator}", action(ila(locator)))
    yield fine("locator fec0", action(ila("fec0:0:0:0")))

    yield fine("in clone", attr(ACTION_CLONE, whole))
    wrong = action(ila(flags=1))
    yield bad("wrong in clone", attr(ACTION_CLONE, wrong))
    yield bad("wrong in clone in clone",
              attr(ACTION_CLONE, attr(ACTION_CLONE, wrong)))
    yield bad("for IPv4", whole, IPV4)
    yield bad("for ARP", whole, ARP)


def main(datapath):
    netlink = ovs_netlink.Netlink()
    index = socket.if_nametoindex(datapath)
    n = n_errors = 0
    for n, (what, good, actions, eth_type) in enumerate(cases(), 1):
        result = netlink.add_flow(index, n, eth_type, actions)
        if result != (0 if good else -errno.EINVAL):
            print(f"{what}: {'refused' if good else 'accepted'}: {result}")
            n_errors += 1
    print(f"{n} actions, {n_errors} errors")
    return n_errors > 0 or n < 1000


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
