# SPDX-License-Identifier: Apache-2.0

"""Flows with "vrf" actions that Open vSwitch's library would not send: dp0 has
to refuse all of them but the good one."""

import errno
import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

ACTION_EXTENSION, EXTENSION_VRF = 64, 4
GOOD = {"id": 5, "flags": 0, "mark": 0, "recirc_id": 0,
        "name": b"red" + bytes(13)}
BAD = [{"flags": 8}, {"flags": 1 << 31}, {"recirc_id": 1}, {"id": 0},
       {"id": 1 << 31}, {"id": 0xffffffff}, {"name": b"x" * 16},
       {"name": b"red\0" + bytes(11) + b"x"}, {"name": b"\0red" + bytes(12)},
       {"name": b"red" + bytes(12)}, {"name": b"red" + bytes(17)}]


def action(change):
    fields = {**GOOD, **change}
    payload = struct.pack("=IIII", *(fields[name] for name in (
        "id", "flags", "mark", "recirc_id"))) + fields["name"]
    return attr(ACTION_EXTENSION, attr(EXTENSION_VRF, payload))


def main():
    netlink = ovs_netlink.Netlink()
    datapath = socket.if_nametoindex("dp0")
    for number, change in enumerate(BAD):
        error = netlink.add_flow(datapath, number, 0x86dd, action(change))
        if error != -errno.EINVAL:
            sys.exit(f"{change}: {error}")
    for change in {}, {"mark": 0xffffffff}, {"name": bytes(16)}:
        number += 1
        error = netlink.add_flow(datapath, number, 0x86dd, action(change))
        if error:
            sys.exit(f"{change}: {error}")
    print(len(BAD), "refused")
    # They are not in what the test dumps.
    if netlink.request("ovs_flow", 2, datapath, b""):
        sys.exit("flows stay")


if __name__ == "__main__":
    main()
