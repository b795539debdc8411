# SPDX-License-Identifier: Apache-2.0

"""Sends broken and random requests to the generic netlink family "ovs_ila".

usage: ila-table-fuzz.py DATAPATH N SEED

Prints how many of N requests were accepted.  Whatever they did, the table is
in order afterwards: as many entries are listed as it says to have, each of
them is found, and all of them can be deleted."""

import random
import socket
import struct
import sys

sys.dont_write_bytecode = True
import ovs_ila as ila                                       # noqa: E402
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

LOCATORS = ("3333:0:0:1", "2001:0:87:0", "2001:db8:b:0", "0:0:0:0",
            "ff02:0:0:0")
HEADER = struct.Struct("=IHHII")


class Fuzzer:
    def __init__(self, datapath, seed):
        self.rng = random.Random(seed)
        self.index = socket.if_nametoindex(datapath)
        self.family = ovs_netlink.Netlink().family("ovs_ila")
        self.sockets = [self.open() for _ in range(3)]
        self.sequence = 0
        self.accepted = 0

    @staticmethod
    def open():
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        netlink.bind((0, 0))
        netlink.settimeout(30)
        return netlink

    def match(self):
        rng = self.rng
        return ila.match(rng.choice((1, 2)),
                         rng.choice(LOCATORS + (None,)),
                         rng.choice((None, "%016x" % (0x2000000000000000
                                                      + rng.randrange(50)))),
                         rng.choice((None, None, 0, 1, 2, 70000)))

    def entry(self):
        rng = self.rng
        return ila.entry(self.match(), rng.choice(LOCATORS),
                         rng.choice(list(ila.MODES)), rng.choice(
                             ("luid", "use-format")),
                         rng.choice((0, 0, 0, 1, 2, 4, 8)),
                         rng.choice((0, 0, 1)), rng.choice((0, 0, 1)))

    def payload(self, kind):
        """One that makes sense for the attribute."""
        rng = self.rng
        if kind == ila.A_MATCH:
            return self.match()
        if kind == ila.A_ENTRY:
            return self.entry()
        if kind == ila.A_ENTRIES:
            return b"".join(self.entry() for _ in range(rng.randrange(5)))
        if kind == ila.A_FILTER:
            return ila.a_filter(rng.choice(LOCATORS), rng.choice((None, 0, 1)),
                                rng.randrange(3), rng.randrange(3))
        if kind == ila.A_LOOKUP:
            return ila.LOOKUP.pack(
                ila.locator(rng.choice(LOCATORS))
                + bytes.fromhex("%016x" % (0x2000000000000000
                                           + rng.randrange(50))),
                rng.randrange(3), rng.randrange(8))
        if kind == ila.A_LOCATOR:
            return ila.locator(rng.choice(LOCATORS))
        if kind == ila.A_CURSOR:
            return rng.randbytes(8)
        if kind in (ila.A_PORT, ila.A_MAX):
            return ila.u32(rng.choice((0, 1, 2, 1000, 1 << 31)))
        return ila.u8(rng.randrange(9))

    def request(self):
        """The bytes of a request, half of the time a mutated one."""
        rng = self.rng
        command = rng.randrange(1, 11)
        kinds = {ila.ADD: (ila.A_ENTRY, ila.A_ADD_MODE),
                 ila.DEL: (ila.A_MATCH, ila.A_OWNER),
                 ila.GET: (ila.A_MATCH, ila.A_LOOKUP, ila.A_FILTER,
                           ila.A_CURSOR),
                 ila.MOVE: (ila.A_FILTER, ila.A_LOCATOR),
                 ila.FLUSH: (ila.A_FILTER,),
                 ila.LOAD: (ila.A_LOAD_FLAGS, ila.A_ENTRIES),
                 ila.SET_PORT: (ila.A_PORT, ila.A_DIRS),
                 ila.GET_PORT: (ila.A_PORT,), ila.SET: (ila.A_MAX,),
                 ila.GET_STATS: ()}[command]
        if command == ila.FLUSH and rng.random() < .9:
            command, kinds = ila.ADD, (ila.A_ENTRY,)
        attributes = b"".join(attr(kind, self.payload(kind)) for kind in kinds
                              if rng.random() < .85)
        flags = rng.choice((5, 5, 5, 0x305))
        index = self.index if rng.random() < .95 else rng.randrange(20)
        body = bytearray(struct.pack("=BBHi", command, 1, 0, index)
                         + attributes)
        if rng.random() < .5:
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(body))
                what = rng.randrange(4)
                if what == 0:
                    body[at] = rng.randrange(256)
                elif what == 1:
                    body[at] ^= 1 << rng.randrange(8)
                elif what == 2:
                    del body[at:at + rng.randrange(1, 9)]
                    body = body or bytearray(1)
                else:
                    body[at:at] = rng.randbytes(rng.randrange(1, 9))
        return flags, bytes(body)

    def step(self):
        i = self.rng.randrange(len(self.sockets))
        if self.rng.random() < .02:
            self.sockets[i].close()
            self.sockets[i] = self.open()
        flags, body = self.request()
        self.sequence += 1
        self.sockets[i].send(HEADER.pack(HEADER.size + len(body), self.family,
                                         flags, self.sequence, 0) + body)
        self.answers(self.sockets[i], flags & 0x300 == 0x300)

    def answers(self, netlink, dump):
        """Reads until the request is concluded."""
        while True:
            data = netlink.recv(1 << 18)
            while data:
                size, kind, _, sequence, _ = HEADER.unpack_from(data)
                error = struct.unpack_from("=i", data, HEADER.size)[0]
                data = data[size + -size % 4:]
                if sequence != self.sequence:
                    continue
                if kind == ovs_netlink.NLMSG_ERROR or (
                        dump and kind == ovs_netlink.NLMSG_DONE):
                    self.accepted += not error
                    return


def main(datapath, n, seed):
    fuzzer = Fuzzer(datapath, int(seed))
    for _ in range(int(n)):
        fuzzer.step()
    print(f"{fuzzer.accepted} of {n} accepted")

    table = ila.Table(datapath)
    for port in 0, 1, 2:
        try:
            table.set_port(port, 0)
        except ila.Refused:
            pass
    # What has a timeout may go while it is listed.
    table.flush(ila.a_filter(direction=0))
    table.set_max(100000)
    for i in range(500):
        try:
            table.add(fuzzer.entry()[:-8] + bytes(8))
        except ila.Refused:
            pass
    listed = [entry for entry, _, _ in table.dump()]
    assert len(listed) == len(set(listed)) == table.stats()[1], "listing"
    for entry in listed:
        assert table.get(entry[:ila.MATCH.size])[0] == entry, entry.hex()
        table.delete(entry[:ila.MATCH.size])
    assert table.stats()[1] == 0
    print(f"{len(listed)} entries")
    return not 100 < fuzzer.accepted < int(n)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
