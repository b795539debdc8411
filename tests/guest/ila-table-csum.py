# SPDX-License-Identifier: Apache-2.0

"""What the kernel knows about a packet's checksum stays right when the address
changes.

usage: ila-table-csum.py FROM MAC DATAPATH PORT

Sends UDP packets as ILA packets on the device FROM of the host u, from where
they come to PORT of DATAPATH as CHECKSUM_COMPLETE, and on to the host h2,
which has MAC and the SIR address.  Their checksums are right or wrong by what
a mistake in the sum of the packet would make up for; only those that are right
may be accepted there."""

import ctypes
import os
import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402

SIR_LOC, ILA_LOC = "3333:0:0:1", "2001:db8:b:0"
SOURCE = socket.inet_pton(socket.AF_INET6, "2001:db8:5::9")
IDENTIFIER = bytes.fromhex("2000000000010002")
PORT = 7777
PATIENCE = 60                   # Seconds, for the last packet.
CLONE_NEWNET = 0x40000000


def total(data):
    """The one's complement sum of 'data'."""
    data += bytes(len(data) % 2)
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def plus(*numbers):
    return total(b"".join(struct.pack("!H", n) for n in numbers))


def wire_identifier(mode):
    """That of the ILA packet."""
    identifier = bytearray(IDENTIFIER)
    if mode.startswith("neutral"):
        if mode == "neutral-map":
            identifier[0] ^= 0x10
        # The sum of the address stays.
        was = total(ovs_ila.locator(SIR_LOC) + IDENTIFIER)
        rest = total(ovs_ila.locator(ILA_LOC) + bytes(identifier[:6]))
        identifier[6:] = struct.pack("!H", plus(was, rest ^ 0xffff))
    return bytes(identifier)


def packet(mode, compat, payload, error, protocol=socket.IPPROTO_UDP):
    """An IPv6 packet whose checksum, once it is translated, is wrong by
    'error'; of TCP it is one that begins a connection."""
    sir = ovs_ila.locator(SIR_LOC) + IDENTIFIER
    to = ovs_ila.locator(ILA_LOC) + wire_identifier(mode)
    if protocol == socket.IPPROTO_UDP:
        l4 = struct.pack("!HHHH", 1234, PORT, 8 + len(payload), 0) + payload
        at = 6
    else:
        l4 = struct.pack("!HHIIHHHH", 1234, PORT, 1, 0, 0x5002, 1000, 0,
                         0) + payload
        at = 16
    size = len(l4)
    pseudo = SOURCE + sir + struct.pack("!II", size, protocol)
    check = plus(total(pseudo + l4) ^ 0xffff, error)
    if mode == "adj-transport":
        # What the change of the address takes away from the sum.
        diff = plus(total(ovs_ila.locator(SIR_LOC)),
                    total(ovs_ila.locator(ILA_LOC)) ^ 0xffff)
        # The table adds it to, or compatibly subtracts it from, the
        # complement of the field.
        check = plus(check, diff ^ 0xffff if compat else diff)
    if check == 0:
        check = 0xffff
    l4 = l4[:at] + struct.pack("!H", check) + l4[at + 2:]
    return (struct.pack("!IHBB", 6 << 28, size, protocol, 64)
            + SOURCE + to + l4)


def errors():
    diff = plus(total(ovs_ila.locator(SIR_LOC)),
                total(ovs_ila.locator(ILA_LOC)) ^ 0xffff)
    twice = plus(diff, diff)
    return {"right": 0, "diff": diff, "-diff": diff ^ 0xffff,
            "2 diff": twice, "-2 diff": twice ^ 0xffff, "odd": 0x1234}


def in_namespace(name, *args):
    """A socket stays in the namespace that it was made in."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + name, os.O_RDONLY)
    for namespace in there, here:
        if libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        if namespace == there:
            made = socket.socket(*args)
    return made


def main(source, mac_of_destination, datapath, port):
    receiver = in_namespace("h2", socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.settimeout(PATIENCE)
    receiver.bind((socket.inet_ntop(
        socket.AF_INET6, ovs_ila.locator(SIR_LOC) + IDENTIFIER), PORT))
    mac = bytes.fromhex(mac_of_destination.replace(":", ""))
    sender = in_namespace("u", socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((source, 0x86dd))
    table = ovs_ila.Table(datapath)
    table.set_port(table.netlink.port_number(table.index, port), 2)
    n = n_errors = 0
    for mode in ovs_ila.MODES:
        for compat in (False, True) if mode == "adj-transport" else (False,):
            table.flush()
            table.add(ovs_ila.entry(
                ovs_ila.match(ovs_ila.IN, ILA_LOC), SIR_LOC, mode,
                flags=ovs_ila.FLAGS["adj-compat"] if compat else 0))
            for size in 20, 200, 1201:
                wanted, got = set(), set()
                for name, error in errors().items():
                    n += 1
                    payload = f"{n} {mode} {name} ".encode().ljust(size, b"x")
                    if not error:
                        wanted.add(payload)
                    sender.send(mac + bytes(5) + b"\1\x86\xdd" + packet(
                        mode, compat, payload, error))
                # The last one is right, and arrives after all the others.
                last = b"last"
                sender.send(mac + bytes(5) + b"\1\x86\xdd" + packet(
                    mode, compat, last, 0))
                while True:
                    try:
                        data = receiver.recv(4096)
                    except socket.timeout:
                        got.add(b"nothing more")
                        break
                    if data == last:
                        break
                    got.add(data)
                for what in got ^ wanted:
                    print(f"{mode}{' compat' if compat else ''}, {size}:",
                          "accepted" if what in got else "refused",
                          what.rstrip(b"x").decode())
                    n_errors += 1
    print(f"{n} packets, {n_errors} errors")
    return n_errors > 0 or n < 80


if __name__ == "__main__":
    # All packets take the same way, in order.
    os.sched_setaffinity(0, {0})
    sys.exit(main(*sys.argv[1:]))
