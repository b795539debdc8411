# SPDX-License-Identifier: Apache-2.0

"""Compares lib/icmp-error.c with Linux.

usage: icmp-error-linux.py OVSTEST INTERFACE

INTERFACE leads to a router whose addresses on the link are 10.1.0.1 and
fd01::1, and which knows 10.1.0.10 to 10.1.0.199 at our MAC address.  Packets
that it cannot forward are sent to it.  What it answers has to be what "ovstest
test-icmp-error compose" composes: all bytes but the identification of IPv4 and
the flow label of IPv6, which Linux chooses at random, and their checksum.
OVSTEST is the command to run."""

import select
import socket
import struct
import subprocess
import sys
import time

MAC = bytes.fromhex("020000000002")
ROUTER_MAC = bytes.fromhex("020000000001")
ETH_P_ALL = 3
PATIENCE = 10                   # Seconds.
QUIET = 1

# What the namespace's routes do to destinations; see system-icmp-error.at.
CASES = (("ttl", "10.2.0.9", "fd02::9", 1, 0),
         ("no-route", "10.9.0.9", "fd09::9", 64, 0),
         ("unreachable", "10.3.0.9", "fd03::9", 64, 0),
         ("prohibited", "10.4.0.9", "fd04::9", 64, 0),
         ("neighbour", "10.2.0.77", "fd02::77", 64, 0),
         ("too-big", "10.2.0.9", "fd02::9", 64, 1300))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(dst, ttl, payload, tos=0, proto=17, frag=0, src="10.1.0.2"):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 7,
                         frag, ttl, proto, 0, socket.inet_aton(src),
                         socket.inet_aton(dst))
    return (struct.pack("!6s6sH", ROUTER_MAC, MAC, 0x800) + header[:10]
            + struct.pack("!H", checksum(header)) + header[12:] + payload)


def ipv6(dst, hop_limit, payload, proto=17, src="fd01::2"):
    return (struct.pack("!6s6sHIHBB16s16s", ROUTER_MAC, MAC, 0x86dd, 6 << 28,
                        len(payload), proto, hop_limit,
                        socket.inet_pton(socket.AF_INET6, src),
                        socket.inet_pton(socket.AF_INET6, dst)) + payload)


def sent_on(packet):
    """PACKET as it is when its next hop turns out not to answer."""
    sent = bytearray(packet)
    if packet[12:14] == b"\x08\0":
        sent[22] -= 1
        sent[24:26] = b"\0\0"
        sent[24:26] = struct.pack("!H", checksum(sent[14:34]))
    else:
        sent[21] -= 1
    return bytes(sent)


def udp(length):
    # No checksum: no matter to who forwards it.
    return struct.pack("!HHHH", 1234, 5678, 8 + length, 0) + bytes(
        i & 0xff for i in range(length))


def is_error(frame):
    if frame[:6] != MAC or len(frame) < 54:
        return False
    if frame[12:14] == b"\x08\0":
        return frame[23] == 1 and frame[34] in (3, 11)
    return (frame[12:14] == b"\x86\xdd" and frame[20] == 58
            and frame[54] in (1, 2, 3))


def comparable(frame):
    """The frame without what Linux chooses at random."""
    frame = bytearray(frame)
    if frame[12:14] == b"\x08\0":
        if checksum(frame[14:34]):
            raise ValueError("checksum of IPv4")
        frame[18:20] = frame[24:26] = b"\0\0"
    else:
        frame[15:18] = bytes([frame[15] & 0xf0, 0, 0])
    return bytes(frame)


class Link:
    def __init__(self, interface, ovstest):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ETH_P_ALL))
        self.socket.bind((interface, 0))
        self.ovstest = ovstest
        self.n_errors = 0

    def answer(self, packet, patience):
        """The error that Linux answers PACKET with, or None."""
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(65536)
        self.socket.send(packet)
        until = time.monotonic() + patience
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            frame = self.socket.recv(65536)
            if is_error(frame):
                return frame

    def compose(self, error, mtu, packet):
        source = "10.1.0.1" if packet[12:14] == b"\x08\0" else "fd01::1"
        return subprocess.run(
            self.ovstest + ["test-icmp-error", "compose", error, str(mtu),
                            source, packet.hex()],
            check=True, text=True, capture_output=True).stdout.strip()

    def check(self, name, error, mtu, packet):
        ours = self.compose(error, mtu, sent_on(packet)
                            if error == "neighbour" else packet)
        linux = self.answer(packet, PATIENCE)
        if not linux:
            print(f"{name}: Linux does not answer, we do: {ours}")
            self.n_errors += 1
        elif " " in ours or comparable(linux) != comparable(
                bytes.fromhex(ours)):
            print(f"{name}:\nLinux {linux.hex()}\nours  {ours}")
            self.n_errors += 1

    def check_barred(self, name, error, mtu, packet, reason):
        ours = self.compose(error, mtu, packet)
        linux = self.answer(packet, QUIET)
        if linux or ours != reason:
            print(f"{name}: Linux {linux and linux.hex()}, ours {ours}")
            self.n_errors += 1


def main(ovstest, interface):
    link = Link(interface, ovstest.split())
    senders = (f"10.1.0.{i}" for i in range(10, 200))
    for error, dst4, dst6, ttl, mtu in CASES:
        for length in (0, 1, 8, 519, 520, 521, 600, 1203, 1205, 1400):
            if error == "too-big" and length < 1280:
                continue
            if error == "neighbour" and length not in (1, 600):
                continue        # Each takes Linux some seconds.
            for tos in (0, 0x10, 0xb8) if length == 8 else (0,):
                # Linux limits what it answers one sender.
                sender = next(senders)
                link.check(f"{error}, IPv4, {length} bytes, TOS {tos:#x}",
                           error, mtu,
                           ipv4(dst4, ttl, udp(length), tos, src=sender,
                                frag=0x4000 if mtu else 0))
            link.check(f"{error}, IPv6, {length} bytes", error, mtu,
                       ipv6(dst6, ttl, udp(length)))
    # What must not be answered.
    echo = struct.pack("!BBHI", 8, 0, 0xf7ff, 0)
    link.check("echo request", "ttl", 0, ipv4("10.2.0.9", 1, echo, proto=1))
    unreachable = struct.pack("!BBHI", 3, 0, 0xfcff, 0) + bytes(28)
    for name, packet, reason in (
            ("ICMP error", ipv4("10.2.0.9", 1, unreachable, proto=1),
             "is an ICMP error"),
            ("ICMPv6 error", ipv6("fd02::9", 1, bytes([1, 0]) + bytes(50),
                                  proto=58), "is an ICMP error"),
            ("later fragment", ipv4("10.2.0.9", 1, udp(8), frag=3),
             "is a later fragment"),
            ("multicast", ipv4("239.1.1.1", 1, udp(8)), "is for many"),
            ("multicast, IPv6", ipv6("ff0e::9", 1, udp(8)), "is for many"),
            ("loopback", ipv4("10.2.0.9", 1, udp(8), src="127.0.0.5"),
             "source is not one host"),
            ("unspecified", ipv4("10.2.0.9", 1, udp(8), src="0.0.0.0"),
             "source is not one host"),
            ("unspecified, IPv6", ipv6("fd02::9", 1, udp(8), src="::"),
             "source is not one host"),
            ("broadcast frame", b"\xff" * 6
             + ipv4("10.2.0.9", 1, udp(8))[6:], "is for many")):
        link.check_barred(name, "ttl", 0, packet, reason)
    print(f"{link.n_errors} differences")
    return link.n_errors > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
