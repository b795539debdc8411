# SPDX-License-Identifier: Apache-2.0

"""What became of packets that came to "vrf" actions.

As a program: "ovs_vrf.py DATAPATH NAME..." prints these counts, in a line."""

import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_netlink                                          # noqa: E402

FAMILY, GET, COUNTS = "ovs_vrf", 1, 2
NAMES = """queued inline no-device not-vrf down tagged malformed not-routable
    backlog no-memory""".split()


def counts(datapath, dump=False):
    """{name: packets} of the datapath with that name."""
    index = socket.if_nametoindex(datapath)
    answer = ovs_netlink.Netlink().transact(FAMILY, GET, index, b"", dump)
    if answer.errno or len(answer.messages) != 1:
        sys.exit(f"{FAMILY}: {answer}")
    values = dict(answer.messages[0])[COUNTS]
    return dict(zip(NAMES, struct.unpack("=%dQ" % len(NAMES), values)))


if __name__ == "__main__":
    found = counts(sys.argv[1])
    if found != counts(sys.argv[1], dump=True):
        # Packets came, or it is wrong: then again.
        found, again = counts(sys.argv[1]), counts(sys.argv[1], dump=True)
        if any(again[name] < found[name] for name in NAMES):
            sys.exit(f"{found} is more than {again}")
    print(*(found[name] for name in sys.argv[2:]))
