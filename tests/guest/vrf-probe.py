# SPDX-License-Identifier: Apache-2.0

"""Sends probes to a router and prints, for each, all that comes back.

usage: vrf-probe.py INTERFACE [PAUSE]

The host is 10.1.1.2 and fd01::2; what it asks for is in vrf-sites.  What
nobody specifies, the identification of IPv4 with the checksum over it and the
flow label, is zeroed.  A probe is followed by an echo request to the other
host, whose answer says that nothing more will come, or nothing after PAUSE, in
seconds: for a router that limits answers, or has others overtake them."""

import ipaddress
import os
import socket
import struct
import sys
import time

HOST_MAC = bytes.fromhex("020000000102")
ROUTER_MAC = bytes.fromhex("020000000101")
IPV4, IPV6 = 0x0800, 0x86dd
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
DF, MORE = 0x4000, 0x2000
HERE = {IPV4: "10.1.1.2", IPV6: "fd01::2"}
THERE = {IPV4: "10.1.2.2", IPV6: "fd02::2"}
MARKER = b"the end"
NOTHING = b"\x01\x01\x01\0"   # Options that have a packet wait with others.
TIMEOUT = 60                    # Seconds, for a marker.


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return ipaddress.ip_address(text).packed


def ipv4(to, proto, payload, ttl=64, fragment=0, options=b"", source=None,
         version=4, broken=0, length=None):
    words = (5 + len(options) // 4, 20 + len(options) + len(payload))
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | words[0], 0,
                         words[1] if length is None else length, 7, fragment,
                         ttl, proto, 0, address(source or HERE[IPV4]),
                         address(to)) + options
    check = checksum(header) ^ broken
    return header[:10] + struct.pack("!H", check) + header[12:] + payload


def ipv6(to, proto, payload, ttl=64, source=None, version=6, length=None):
    return struct.pack("!IHBB16s16s", version << 28,
                       len(payload) if length is None else length, proto, ttl,
                       address(source or HERE[IPV6]), address(to)) + payload


def pseudo(to, proto, size):
    return (address(HERE[IPV6]) + address(to)
            + struct.pack("!IHBB", size, 0, 0, proto))


def echo(to, payload, number=1):
    """An ICMP message of the right version."""
    if ":" not in to:
        body = struct.pack("!HH", 1, number) + payload
        return struct.pack("!BBH", 8, 0, checksum(b"\x08\0\0\0" + body)) + body
    body = struct.pack("!HH", 1, number) + payload
    total = pseudo(to, ICMPV6, 4 + len(body)) + b"\x80\0\0\0" + body
    return struct.pack("!BBH", 128, 0, checksum(total)) + body


def udp(to, payload):
    head = struct.pack("!HHH", 1000, 7, 8 + len(payload))
    if ":" in to:
        check = checksum(pseudo(to, UDP, 8 + len(payload)) + head + b"\0\0"
                         + payload)
        return head + struct.pack("!H", check or 0xffff) + payload
    return head + b"\0\0" + payload


def probes():
    """Yields (name, EtherType, packet)."""
    small, large = b"s" * 56, b"l" * 1400

    def both(name, to4, to6, *args, message=echo, **options):
        yield name + " v4", IPV4, ipv4(
            to4, UDP if message is udp else ICMP, message(to4, *args),
            **options)
        yield name + " v6", IPV6, ipv6(
            to6, UDP if message is udp else ICMPV6, message(to6, *args),
            **options)

    other = (THERE[IPV4], THERE[IPV6])
    yield from both("other host", *other, small)
    yield from both("largest TTL", *other, small, ttl=255)
    yield from both("TTL 2", *other, small, ttl=2)
    yield from both("TTL 1", *other, small, ttl=1)
    yield from both("TTL 0", *other, small, ttl=0)
    yield from both("TTL 1, UDP", *other, large, ttl=1, message=udp)
    yield from both("closed port", *other, small, message=udp)
    yield from both("router", "10.1.1.1", "fd01::1", small, ttl=1)
    yield from both("router's far side", "10.1.2.1", "fd02::1", small)
    yield from both("VRF's own address", "10.1.0.1", "fd0a::1", small)
    yield from both("closed port of the router", "10.1.1.1", "fd01::1", small,
                    message=udp)
    yield from both("no route", "10.9.9.9", "fd09::9", small)
    yield from both("prohibited", "10.8.0.1", "fd08::1", small)
    yield from both("black hole", "10.7.0.1", "fd07::1", small)
    yield from both("back where it came from", "10.1.1.2", "fd01::2", small)
    yield "too big v6", IPV6, ipv6("fd03::2", ICMPV6, echo("fd03::2", large))
    yield "too big v4", IPV4, ipv4("10.3.1.2", ICMP, echo("10.3.1.2", large),
                                   fragment=DF)
    yield "too big, may be cut", IPV4, ipv4("10.3.1.2", ICMP,
                                            echo("10.3.1.2", large))
    piece = echo("10.3.1.2", large)
    yield "first piece", IPV4, ipv4("10.1.2.2", ICMP, piece[:800],
                                    fragment=MORE)
    yield "last piece", IPV4, ipv4("10.1.2.2", ICMP, piece[800:],
                                   fragment=100)
    yield "record route", IPV4, ipv4(
        THERE[IPV4], ICMP, echo(THERE[IPV4], small),
        options=b"\x07\x0b\x04" + bytes(8) + b"\0")
    yield "broken checksum", IPV4, ipv4(
        THERE[IPV4], ICMP, echo(THERE[IPV4], small), broken=1)
    yield "longer than it is v4", IPV4, ipv4(
        THERE[IPV4], ICMP, echo(THERE[IPV4], small), length=600)
    yield "longer than it is v6", IPV6, ipv6(
        THERE[IPV6], ICMPV6, echo(THERE[IPV6], small), length=600)
    yield "bytes behind v4", IPV4, ipv4(
        THERE[IPV4], ICMP, echo(THERE[IPV4], small)) + b"trailer"
    yield "bytes behind v6", IPV6, ipv6(
        THERE[IPV6], ICMPV6, echo(THERE[IPV6], small)) + b"trailer"
    for source in "127.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255":
        yield "from " + source, IPV4, ipv4(
            THERE[IPV4], UDP, udp(THERE[IPV4], small), source=source, ttl=1)
    for source in "::1", "ff02::1", "::", "fe80::1":
        yield "from " + source, IPV6, ipv6(
            THERE[IPV6], UDP, udp(THERE[IPV6], small), source=source, ttl=1)
    yield "nothing in it v6", IPV6, ipv6(THERE[IPV6], 59, b"")
    hop = struct.pack("!BBBBI", ICMPV6, 0, 1, 4, 0)
    yield "hop-by-hop", IPV6, ipv6(
        THERE[IPV6], 0, hop + echo(THERE[IPV6], small))
    yield "unknown option", IPV6, ipv6(
        THERE[IPV6], 60, hop[:2] + b"\x9e\x04\0\0\0\0"
        + echo(THERE[IPV6], small))


def canonical(kind, packet):
    """Without what nobody specifies."""
    if kind == IPV4:
        packet = packet[:struct.unpack_from("!H", packet, 2)[0]]
        return packet[:4] + b"\0\0" + packet[6:10] + b"\0\0" + packet[12:]
    packet = packet[:40 + struct.unpack_from("!H", packet, 4)[0]]
    return packet[:1] + bytes([packet[1] & 0xf0, 0, 0]) + packet[4:]


class Host:
    def __init__(self, interface, pause):
        self.pause = pause
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(3))
        self.socket.bind((interface, 0))
        self.number = 100

    def send(self, kind, packet):
        self.socket.send(ROUTER_MAC + HOST_MAC + struct.pack("!H", kind)
                         + packet)

    def received(self, until):
        """Yields (EtherType, packet), also of what is not for this test."""
        while time.monotonic() < until:
            self.socket.settimeout(max(until - time.monotonic(), 0.001))
            try:
                frame, where = self.socket.recvfrom(65536)
            except socket.timeout:
                return
            kind = struct.unpack_from("!H", frame, 12)[0]
            if where[2] != 4 and kind in (IPV4, IPV6):
                yield kind, frame[14:]

    def collect(self, found, mark, until):
        """Adds what comes to 'found', until the answer to the marker.  Returns
        whether that came."""
        for kind, packet in self.received(until):
            if kind == IPV4 and packet.endswith(mark):
                return True
            # Neither neighbour discovery nor reports of groups.
            if kind == IPV4 or packet[6] != ICMPV6 or packet[40] < 130:
                found.append(canonical(kind, packet))
        return False

    def replies(self, seconds):
        """What comes until the answer to a marker.  None if there is none."""
        self.number += 1
        mark = MARKER + struct.pack("!H", self.number)
        to = THERE[IPV4]
        self.send(IPV4, ipv4(to, ICMP, echo(to, mark, self.number),
                             options=NOTHING))
        found = []
        if not self.collect(found, mark, time.monotonic() + seconds):
            return None
        self.collect(found, mark, time.monotonic() + self.pause)
        return found


def main(interface, pause="0"):
    # On one processor nothing is overtaken.
    os.sched_setaffinity(0, {0})
    host = Host(interface, float(pause))
    deadline = time.monotonic() + TIMEOUT
    while host.replies(1) is None:
        if time.monotonic() > deadline:
            sys.exit("the other host does not answer")
    # What came to markers that were given up.
    list(host.received(time.monotonic() + 2))
    for name, kind, packet in probes():
        host.send(kind, packet)
        found = host.replies(TIMEOUT)
        if found is None:
            sys.exit(f"{name}: the other host does not answer any more")
        print(f"{name}:", " ".join(p.hex() for p in found) or "nothing")


if __name__ == "__main__":
    main(*sys.argv[1:])
