# SPDX-License-Identifier: Apache-2.0
"""usage: ring-checksums.py SOCKET TAP

Reads TCP over IPv4 from a tap until it is terminated, and looks whether the
flags of each packet say what is in it: a partial checksum is the sum of the
pseudo-header, one that is not is complete, and only what is to be segmented is
longer than a frame.  Prints which kinds there were."""

import signal
import struct
import sys

import ovs.ring
import ovs.ring_socket

PACKET = struct.Struct("=8I")           # struct ovs_ring_packet.
CSUM_PARTIAL, GSO = 1, 2
FRAME = 1514


def add(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def look(record):
    """The kind of the packet; raises AssertionError."""
    length, captured, *_, flags = PACKET.unpack_from(record.data)
    packet = record.data[PACKET.size:]
    assert captured == len(packet)
    if packet[12:14] != b"\x08\0" or packet[23] != 6:
        return None
    ip = packet[14:]
    total, = struct.unpack_from("!H", ip, 2)
    header = ip[0] % 16 * 4
    pseudo = ip[12:20] + struct.pack("!HH", 6, total - header)
    field, = struct.unpack_from("!H", ip, header + 16)
    assert bool(flags & GSO) == (length > FRAME), (flags, length)
    assert add(ip[:header]) == 0xffff, "checksum of IP"
    if flags & CSUM_PARTIAL:
        assert field == add(pseudo), (field, add(pseudo))
        return "gso" if flags & GSO else "partial"
    assert not flags & GSO
    assert captured == length
    assert add(pseudo + ip[header:total]) == 0xffff, "checksum of TCP"
    return "complete"


def main():
    kinds = set()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    client = ovs.ring_socket.Client(sys.argv[1])
    attached = client.attach(ovs.ring_socket.TAP, sys.argv[2])
    print("attached", flush=True)
    try:
        for record in ovs.ring.Ring(*attached.fds, kick=attached.kick):
            kinds.add(look(record))
    finally:
        print(*sorted(filter(None, kinds)))


if __name__ == "__main__":
    main()
