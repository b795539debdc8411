# SPDX-License-Identifier: Apache-2.0

"""Tests of the generic netlink family "ovs_ila".

usage: ila-table-netlink.py [TEST]...

They make the datapath dp0 with the port v1, a device that is there, and need
nobody else's."""

import errno
import os
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import ovs_ila as ila                                       # noqa: E402

SIR, LOC_A, LOC_B = "3333:0:0:1", "2001:0:87:0", "2001:db8:b:0"
ACTIVE = "/sys/module/openvswitch/parameters/ila_ports"
PATIENCE = 60                   # Seconds until something must have happened.

# Payloads of the right size for each attribute.
PAYLOADS = {
    ila.A_MATCH: ila.match(ila.IN, LOC_A),
    ila.A_ENTRY: ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action"),
    ila.A_ENTRIES: ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action"),
    ila.A_STATS: bytes(24), ila.A_ADD_MODE: b"\0", ila.A_OWNER: b"\0",
    ila.A_FILTER: ila.a_filter(SIR),
    ila.A_LOOKUP: ila.LOOKUP.pack(bytes(16), 0, 2), ila.A_ADDR: bytes(16),
    ila.A_LOCATOR: ila.locator(LOC_B), ila.A_LOAD_FLAGS: b"\1",
    ila.A_CURSOR: bytes(8), ila.A_N: bytes(4), ila.A_PORT: bytes(4),
    ila.A_DIRS: b"\2", ila.A_COUNTS: bytes(104), ila.A_USAGE: bytes(88),
    ila.A_MAX: struct.pack("=I", 1000)}

# What each command needs, and takes besides.
TAKES = {
    ila.ADD: ([ila.A_ENTRY], [ila.A_ADD_MODE]),
    ila.DEL: ([ila.A_MATCH], [ila.A_OWNER]),
    ila.GET: ([ila.A_MATCH], []),
    ila.MOVE: ([ila.A_FILTER, ila.A_LOCATOR], []),
    ila.FLUSH: ([], [ila.A_FILTER]),
    ila.LOAD: ([ila.A_LOAD_FLAGS], [ila.A_ENTRIES]),
    ila.SET_PORT: ([ila.A_PORT, ila.A_DIRS], []),
    ila.GET_PORT: ([ila.A_PORT], []),
    ila.SET: ([ila.A_MAX], []),
    ila.GET_STATS: ([], [])}
FREE = (ila.GET, ila.GET_PORT, ila.GET_STATS)


def run(*words):
    subprocess.run(words, check=True)


def ident(n):
    """A locally unique identifier as 16 hexadecimal digits."""
    return "%016x" % (0x2000000000000001 + n)


def by_ident(n, new=SIR, **more):
    return ila.entry(ila.match(ila.OUT, None, ident(n)), new, "no-action",
                     **more)


def active():
    """How many ports look addresses up."""
    with open(ACTIVE, encoding="ascii") as f:
        return int(f.read())


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(.05)


class Netlink(unittest.TestCase):
    def setUp(self):
        run("ovs-dpctl", "-vwarn", "add-dp", "dp0")
        run("ovs-dpctl", "-vwarn", "add-if", "dp0", "v1")
        self.table = ila.Table("dp0")
        self.port = self.table.netlink.port_number(self.table.index, "v1")

    def tearDown(self):
        self.table.close()
        subprocess.run(("ovs-dpctl", "-vwarn", "del-dp", "dp0"), check=False,
                       stderr=subprocess.DEVNULL)
        self.assertEqual(active(), 0)

    def refused(self, code, function, *args, text=None, **kwargs):
        """The call has to fail with 'code', which may be a tuple."""
        with self.assertRaises(ila.Refused) as caught:
            function(*args, **kwargs)
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(errno.errorcode[caught.exception.errno],
                      [errno.errorcode[c] for c in codes])
        if text is not None:
            self.assertIn(text, caught.exception.text or "")
        return caught.exception

    def entries(self):
        return sorted(e for e, _, _ in self.table.dump())

    # Form.

    def test_attributes(self):
        """A command takes what it takes, in the right size, nothing else."""
        for command, (needs, more) in TAKES.items():
            good = [(a, PAYLOADS[a]) for a in needs]
            for missing in needs:
                if command == ila.LOAD:     # No flags: it goes on.
                    continue
                rest = [pair for pair in good if pair[0] != missing]
                with self.subTest(command=command, missing=missing):
                    error = self.refused(errno.EINVAL, self.table.ask,
                                         command, *rest)
                    self.assertTrue(error.text)
            for other in range(1, 33):
                if other in needs or other in more:
                    continue
                with self.subTest(command=command, other=other):
                    self.refused(errno.EINVAL, self.table.ask, command, *good,
                                 (other, PAYLOADS.get(other, bytes(4)))
                                 if other not in (ila.A_LOOKUP,)
                                 else (other, PAYLOADS[other]))
            for attribute in needs + more:
                if attribute == ila.A_ENTRIES:
                    continue
                payload = PAYLOADS[attribute]
                for wrong in payload[:-1], payload + b"\0", b"":
                    with self.subTest(command=command, attribute=attribute,
                                      size=len(wrong)):
                        self.refused(
                            (errno.EINVAL, errno.ERANGE), self.table.ask,
                            command, *(pair for pair in good
                                       if pair[0] != attribute),
                            (attribute, wrong))
        self.assertEqual(self.table.stats()[1], 0)

    def test_dump_attributes(self):
        for other in set(range(1, 33)) - {ila.A_FILTER, ila.A_CURSOR}:
            with self.subTest(other):
                self.refused(errno.EINVAL, self.table.ask, ila.GET,
                             (other, PAYLOADS.get(other, bytes(4))),
                             dump=True)
        self.refused(errno.EINVAL, self.table.ask, ila.GET,
                     (ila.A_FILTER, ila.FILTER.pack(bytes(8), 5, 0, 0, 0, 0)),
                     dump=True)

    def test_commands(self):
        for command in set(range(256)) - set(TAKES):
            self.refused(errno.EOPNOTSUPP, self.table.ask, command)

    def test_values(self):
        """Each value out of range is refused, with the name of the member."""
        a_match = ila.match(ila.IN, LOC_A)
        good = ila.entry(a_match, SIR, "neutral-map")
        size = ila.MATCH.size

        def changed(at, byte):
            return good[:at] + bytes([byte]) + good[at + 1:]

        cases = [("dir", changed(20, n)) for n in (0, 3, 255)]
        cases += [("fields", changed(21, n)) for n in (0, 2, 8, 9, 128)]
        cases += [("zero", changed(22, 1)), ("zero", changed(23, 1)),
                  ("zero", changed(size + 11, 1)),
                  ("csum_mode", changed(size + 8, 4)),
                  ("ident_type", changed(size + 9, 0)),
                  ("ident_type", changed(size + 9, 6)),
                  ("flags", changed(size + 10, 16)),
                  ("identifier", changed(15, 1)), ("in_port", changed(16, 1)),
                  ("in_port", ila.entry(ila.match(ila.IN, LOC_A, None, 65535),
                                        SIR, "neutral-map"))]
        for bad in "0:0:0:0", "ff02:0:0:0", "fe80:0:0:0", "febf:0:0:1":
            cases.append(("locator", ila.entry(a_match, bad, "no-action")))
        for name, an_entry in cases:
            with self.subTest(name, entry=an_entry.hex()):
                self.refused(errno.EINVAL, self.table.add, an_entry,
                             text=name)
                error = self.refused(errno.EINVAL, self.table.load, ila.BEGIN,
                                     by_ident(1), an_entry, text=name)
                self.assertEqual(error.cookie, struct.pack("=I", 1))
        for kind in range(2, 6):
            self.refused(errno.EOPNOTSUPP, self.table.add,
                         changed(size + 9, kind), text="ident_type")
        self.assertEqual(self.table.stats()[1], 0)

    def test_no_datapath(self):
        """dp_ifindex is that of a datapath of this namespace."""
        for index in 0, 1, 12345678, -1, socket.if_nametoindex("v1"):
            table = ila.Table(index)
            for command, (needs, _) in TAKES.items():
                with self.subTest(index=index, command=command):
                    self.refused(errno.ENODEV, table.ask, command,
                                 *((a, PAYLOADS[a]) for a in needs),
                                 text="dp_ifindex")
            self.refused(errno.ENODEV, table.ask, ila.GET, dump=True)

    def test_permission(self):
        """Who has no capability may look, not change."""
        self.table.add(by_ident(1))
        child = os.fork()
        if not child:
            status = 1
            try:
                os.setuid(65534)
                table = ila.Table(self.table.index)
                table.get(ila.match(ila.OUT, None, ident(1)))
                assert len(list(table.dump())) == 1
                assert table.get_port(self.port)[0] == 0
                assert table.stats()[1] == 1
                for command, (needs, _) in TAKES.items():
                    if command in FREE:
                        continue
                    try:
                        table.ask(command, *((a, PAYLOADS[a]) for a in needs))
                    except ila.Refused as error:
                        assert error.errno == errno.EPERM, error
                    else:
                        raise AssertionError(command)
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.table.stats()[1], 1)

    def test_nothing_yet(self):
        """A datapath that nobody gave anything."""
        a_match = ila.match(ila.IN, LOC_A)
        self.refused(errno.ENOENT, self.table.get, a_match)
        self.refused(errno.ENOENT, self.table.lookup, "2001:0:87::1", 0, 6)
        self.assertEqual(list(self.table.dump()), [])
        counts, n, limit, usage = self.table.stats()
        self.assertEqual((sum(counts.values()), n, limit, sum(usage)),
                         (0, 0, 4 << 20, 0))
        self.assertEqual(self.table.get_port(self.port)[0], 0)
        self.refused(errno.ENODEV, self.table.get_port, 77, text="PORT")
        self.refused(errno.ENOENT, self.table.delete, a_match)
        self.refused(errno.ENOENT, self.table.move, ila.a_filter(SIR), LOC_A)
        self.assertEqual(self.table.flush(), 0)

    # Entries.

    def test_add(self):
        a_match = ila.match(ila.IN, LOC_A)
        one, two = (ila.entry(a_match, locator, "no-action")
                    for locator in (SIR, "3333:0:0:2"))
        self.refused(errno.ENOENT, self.table.add, one, ila.MODIFY)
        self.table.add(one)
        self.refused(errno.EEXIST, self.table.add, one)
        self.table.add(one, ila.MAY_EXIST)
        self.refused(errno.EEXIST, self.table.add, two, ila.MAY_EXIST)
        self.assertEqual(self.table.get(a_match)[0], one)
        self.table.add(two, ila.REPLACE)
        self.assertEqual(self.table.get(a_match)[0], two)
        self.table.add(one, ila.MODIFY)
        self.assertEqual(self.entries(), [one])
        self.refused((errno.EINVAL, errno.ERANGE), self.table.add, one, 4)
        self.table.delete(a_match)
        self.refused(errno.ENOENT, self.table.delete, a_match)
        self.refused(errno.ENOENT, self.table.get, a_match)

    def test_owner(self):
        a_match = ila.match(ila.IN, LOC_A)
        users = ila.entry(a_match, SIR, "no-action")
        database = ila.entry(a_match, SIR, "no-action",
                             flags=ila.FLAGS["database"])
        self.table.add(users)
        for mode in ila.REPLACE, ila.MODIFY:
            self.refused(errno.EPERM, self.table.add, database, mode)
        self.refused(errno.EPERM, self.table.delete, a_match, ila.DATABASE)
        self.assertEqual(self.table.flush(ila.a_filter(owner=ila.DATABASE)),
                         0)
        self.table.delete(a_match, ila.USER)
        self.table.add(database)
        self.refused(errno.EPERM, self.table.delete, a_match, ila.USER)
        self.table.delete(a_match, ila.ANY)

    def test_limit(self):
        self.refused(errno.EINVAL, self.table.set_max, 0, text="MAX")
        self.refused(errno.EINVAL, self.table.set_max, (8 << 20) + 1)
        self.table.set_max(3)
        for i in range(3):
            self.table.add(by_ident(i))
        self.refused(errno.ENOSPC, self.table.add, by_ident(3))
        self.table.set_max(2)
        self.assertEqual(self.table.stats()[1:3], (3, 2))
        self.refused(errno.ENOSPC, self.table.load, ila.BEGIN | ila.COMMIT,
                     by_ident(4))
        self.refused(errno.ENOSPC, self.table.load, ila.BEGIN,
                     *(by_ident(i) for i in range(10, 14)))

    def test_lookup(self):
        self.table.add(ila.entry(ila.match(ila.IN, LOC_A), SIR,
                                 "neutral-map"))
        typed = ila.entry(ila.match(ila.OUT, SIR), LOC_A, "neutral-map",
                          "use-format")
        self.table.add(typed)
        _, address = self.table.lookup("2001:0:87:0:3000:0:1:333", 5, 6)
        self.assertEqual(address, "3333::1:2000:0:1:87")
        entry, address = self.table.lookup("3333::1:2000:0:1:87", 5, 6)
        self.assertEqual((entry, address),
                         (typed, "2001:0:87:0:3000:0:1:333"))
        # The C bit is taken: nothing becomes of it.
        self.assertIsNone(self.table.lookup("3333::1:3000:0:1:87", 5, 6)[1])
        # It passes.
        self.assertEqual(self.table.lookup("3333::1:0:0:1:87", 5, 6)[1],
                         "3333::1:0:0:1:87")
        self.refused(errno.ENOENT, self.table.lookup, "3333::1:2000:0:1:87",
                     5, 2)
        self.refused(errno.ENOENT, self.table.lookup, "ff02::1", 5, 6)
        for bad, text in ((bytes(16) + struct.pack("=IB3x", 0, 0), "dirs"),
                          (bytes(16) + struct.pack("=IB3x", 0, 9), "dirs"),
                          (bytes(16) + struct.pack("=IB3x", 65535, 2),
                           "in_port"),
                          (bytes(16) + struct.pack("=IBBH", 0, 2, 0, 1),
                           "zero")):
            self.refused(errno.EINVAL, self.table.ask, ila.GET,
                         (ila.A_LOOKUP, bad), text=text)
        self.refused(errno.EINVAL, self.table.ask, ila.GET,
                     (ila.A_LOOKUP, PAYLOADS[ila.A_LOOKUP]),
                     (ila.A_MATCH, PAYLOADS[ila.A_MATCH]))

    def test_move_and_flush(self):
        for i in range(100):
            self.table.add(by_ident(i, LOC_A if i % 4 else LOC_B))
        self.refused(errno.ENOENT, self.table.move, ila.a_filter(SIR), LOC_B)
        self.assertEqual(self.table.move(ila.a_filter(LOC_A), LOC_B), 75)
        self.refused(errno.ENOENT, self.table.move, ila.a_filter(LOC_A),
                     LOC_B)
        self.refused(errno.EINVAL, self.table.move, ila.a_filter(LOC_B),
                     "ff02:0:0:0", text="LOCATOR")
        self.refused(errno.EINVAL, self.table.move, ila.a_filter(), LOC_B,
                     text="locator")
        self.assertEqual(len(list(self.table.dump(
            (ila.A_FILTER, ila.a_filter(LOC_B))))), 100)
        self.table.add(ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action"))
        self.assertEqual(self.table.flush(ila.a_filter(direction=ila.OUT)),
                         100)
        self.assertEqual(self.table.flush(), 1)
        self.assertEqual(self.table.flush(), 0)

    def test_dump(self):
        """Everything once, also if it is done in parts or while other entries
        change."""
        stable = [by_ident(i) for i in range(6000)]
        for at in range(0, len(stable), 1000):
            self.table.load(ila.BEGIN | ila.COMMIT, *stable[at:at + 1000])
        self.assertEqual(self.entries(), sorted(stable))
        got = []
        cursor = bytes(8)
        while True:
            part = []
            for entry, _, cursor in ila.Table("dp0").dump((ila.A_CURSOR,
                                                           cursor)):
                part.append(entry)
                if len(part) == 700:
                    break
            if not part:
                break
            got += part
        self.assertEqual(sorted(got), sorted(stable))

        child = os.fork()
        if not child:
            table = ila.Table(self.table.index)
            n = 0
            while True:
                for i in range(200):
                    table.add(by_ident(100000 + n * 200 + i))
                for i in range(200):
                    table.delete(ila.match(ila.OUT, None,
                                           ident(100000 + n * 200 + i)))
                n += 1
        try:
            for _ in range(10):
                got = [entry for entry, _, _ in self.table.dump()]
                self.assertEqual(len(got), len(set(got)))
                self.assertLessEqual(set(stable), set(got))
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)

    def test_dump_replaced(self):
        """A dump says so if all entries were replaced since it began."""
        def dump(cursor):
            got = list(self.table.dump((ila.A_CURSOR, cursor)))
            return len(got), self.table.netlink.interrupted

        entries = [by_ident(i) for i in range(10)]
        self.table.load(ila.BEGIN | ila.COMMIT, *entries)
        cursors = [cursor for _, _, cursor in self.table.dump()]
        self.assertEqual([dump(cursor) for cursor in (cursors[3],
                                                      cursors[9])],
                         [(6, False), (0, False)])
        self.table.add(by_ident(20))
        self.table.delete(ila.match(ila.OUT, None, ident(20)))
        self.assertEqual(dump(cursors[3]), (6, False))
        # The same ones.
        self.table.load(ila.BEGIN | ila.COMMIT | ila.LOAD_REPLACE, *entries)
        self.assertEqual([dump(cursor) for cursor in (cursors[3],
                                                      cursors[9])],
                         [(6, True), (0, True)])
        self.assertEqual(dump(bytes(8)), (10, False))

    # Loads.

    def test_load(self):
        self.assertEqual(self.table.load(ila.BEGIN, by_ident(1), by_ident(2)),
                         2)
        self.assertEqual(self.table.load(0, by_ident(3)), 3)
        self.assertEqual(self.table.stats()[1], 0)
        other = ila.Table("dp0")
        self.refused(errno.EINVAL, other.load, 0, by_ident(4), text="begun")
        self.assertEqual(other.load(ila.BEGIN | ila.COMMIT, by_ident(5)), 1)
        self.assertEqual(self.table.load(ila.COMMIT), 3)
        self.assertEqual(self.table.stats()[1], 4)
        self.refused(errno.EINVAL, self.table.load, ila.COMMIT)
        self.refused(errno.EEXIST, self.table.load, ila.BEGIN | ila.COMMIT,
                     by_ident(6), by_ident(3))
        self.assertEqual(self.table.stats()[1], 4)
        self.assertEqual(self.table.load(
            ila.BEGIN | ila.COMMIT | ila.LOAD_REPLACE, by_ident(7)), 1)
        self.assertEqual(self.entries(), [by_ident(7)])

    def test_load_owners(self):
        database = [by_ident(i, flags=ila.FLAGS["database"])
                    for i in range(3)]
        self.table.load(ila.BEGIN | ila.COMMIT, *database)
        self.table.add(by_ident(10))
        self.table.load(ila.BEGIN | ila.COMMIT | ila.LOAD_REPLACE,
                        database[0])
        self.assertEqual(self.entries(), sorted([database[0], by_ident(10)]))
        self.refused(errno.EPERM, self.table.load,
                     ila.BEGIN | ila.COMMIT | ila.LOAD_REPLACE, by_ident(0))

    def test_load_fails(self):
        """A request that fails drops what is staged, whatever is wrong."""
        failures = [
            lambda: self.table.load(0, by_ident(1)),
            lambda: self.table.load(ila.LOAD_REPLACE),
            lambda: self.table.load(8),
            lambda: self.table.ask(ila.LOAD, (ila.A_ENTRIES, bytes(43))),
            lambda: self.table.ask(ila.LOAD, (ila.A_ENTRIES, b"")),
            lambda: self.table.ask(ila.LOAD, (ila.A_PORT, bytes(4))),
            lambda: self.table.ask(ila.LOAD, (60, bytes(4))),
            lambda: self.table.load(0, ila.entry(ila.match(
                ila.IN, LOC_A, None, 77), SIR, "no-action")),
        ]
        for number, failure in enumerate(failures):
            with self.subTest(number):
                self.table.load(ila.BEGIN, by_ident(1))
                self.refused((errno.EINVAL, errno.ENODEV, errno.EEXIST),
                             failure)
                self.refused(errno.EINVAL, self.table.load, ila.COMMIT,
                             text="begun")
        self.assertEqual(self.table.stats()[1], 0)

    def test_load_index(self):
        error = self.refused(errno.EEXIST, self.table.load, ila.BEGIN,
                             *(by_ident(i % 20) for i in range(30)))
        self.assertEqual(error.cookie, struct.pack("=I", 20))
        port = ila.entry(ila.match(ila.IN, LOC_A, None, 77), SIR, "no-action")
        error = self.refused(errno.ENODEV, self.table.load, ila.BEGIN,
                             *(by_ident(i) for i in range(5)), port,
                             text="in_port")
        self.assertEqual(error.cookie, struct.pack("=I", 5))

    def test_load_is_its_sockets(self):
        """What is staged goes with the socket."""
        self.table.add(by_ident(0))
        before = self.table.stats()[3][-1]
        other = ila.Table("dp0")
        for i in range(20):
            other.load(0 if i else ila.BEGIN,
                       *(by_ident(1000 * i + j) for j in range(1000)))
        self.assertGreater(self.table.stats()[3][-1], before)
        other.netlink.socket.close()

        def freed():
            # Memory goes back when some is wanted after a grace period.
            self.table.add(by_ident(1))
            self.table.delete(ila.match(ila.OUT, None, ident(1)))
            return self.table.stats()[3][-1] <= before + 65536

        wait_for(freed)

    def test_load_and_datapath(self):
        """What is staged for a datapath goes with it."""
        self.table.load(ila.BEGIN, by_ident(1))
        run("ovs-dpctl", "-vwarn", "del-dp", "dp0")
        self.refused(errno.ENODEV, self.table.load, ila.COMMIT)
        run("ovs-dpctl", "-vwarn", "add-dp", "dp0")
        table = ila.Table("dp0")
        table.netlink = self.table.netlink
        self.refused(errno.EINVAL, table.load, ila.COMMIT, text="begun")

    def test_load_for_another_datapath(self):
        run("ovs-dpctl", "-vwarn", "add-dp", "dp1")
        try:
            self.table.load(ila.BEGIN, by_ident(1))
            other = ila.Table("dp1")
            other.netlink = self.table.netlink
            self.refused(errno.EINVAL, other.load, ila.COMMIT)
            self.refused(errno.EINVAL, self.table.load, ila.COMMIT)
        finally:
            run("ovs-dpctl", "-vwarn", "del-dp", "dp1")

    # Ports.

    def test_activity(self):
        """A port looks addresses up only if an entry can match there."""
        for direction, bit in (ila.IN, 2), (ila.OUT, 4):
            self.assertEqual(active(), 0)
            self.table.set_port(self.port, bit)
            self.assertEqual(self.table.get_port(self.port)[0], bit)
            self.assertEqual(active(), 0)
            # One for another direction, one for another port.
            self.table.add(ila.entry(ila.match(3 - direction, LOC_A), SIR,
                                     "no-action"))
            self.table.add(ila.entry(ila.match(direction, LOC_A, None, 0),
                                     SIR, "no-action"))
            self.assertEqual(active(), 0)
            self.table.add(ila.entry(ila.match(direction, LOC_A, None,
                                               self.port), SIR, "no-action"))
            self.assertEqual(active(), 1)
            self.table.set_port(0, 6)
            self.assertEqual(active(), 2)
            self.table.delete(ila.match(direction, LOC_A, None, self.port))
            self.assertEqual(active(), 1)
            self.table.set_port(self.port, 6)
            self.assertEqual(active(), 2)
            self.table.flush()
            self.assertEqual(active(), 0)
            self.table.load(ila.BEGIN | ila.COMMIT, ila.entry(
                ila.match(direction, LOC_A), SIR, "no-action"))
            self.assertEqual(active(), 2)
            self.table.set_port(self.port, 0)
            self.assertEqual(active(), 1)
            self.table.set_port(0, 0)
            self.table.flush()

    def test_bad_port(self):
        for port in 77, 65535, 65536, 1 << 31:
            self.refused(errno.ENODEV, self.table.set_port, port, 2,
                         text="PORT")
            self.refused(errno.ENODEV, self.table.get_port, port, text="PORT")
        for dirs in 1, 8, 255:
            self.refused(errno.EINVAL, self.table.set_port, self.port, dirs)
        self.refused(errno.ENODEV, self.table.add, ila.entry(
            ila.match(ila.IN, LOC_A, None, 77), SIR, "no-action"),
            text="in_port")

    def test_port_removal(self):
        """Its entries and what it was told go before its number is another
        one's; what is staged for it cannot be committed any more."""
        mine = ila.entry(ila.match(ila.IN, LOC_A, None, self.port), SIR,
                         "no-action", flags=ila.FLAGS["database"])
        self.table.add(mine)
        self.table.add(ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action"))
        self.table.set_port(self.port, 2)
        other, third = ila.Table("dp0"), ila.Table("dp0")
        other.load(ila.BEGIN, ila.entry(ila.match(ila.IN, LOC_B, None,
                                                  self.port), SIR,
                                        "no-action"))
        third.load(ila.BEGIN, by_ident(1))
        self.assertEqual(active(), 1)
        run("ovs-dpctl", "-vwarn", "del-if", "dp0", "v1")
        self.assertEqual(active(), 0)
        self.refused(errno.ENODEV, self.table.get_port, self.port)
        run("ovs-dpctl", "-vwarn", "add-if", "dp0", "v1")
        self.assertEqual(self.table.netlink.port_number(self.table.index,
                                                        "v1"), self.port)
        self.assertEqual(self.table.get_port(self.port)[0], 0)
        self.assertEqual(active(), 0)
        self.assertEqual(len(self.entries()), 1)
        self.refused(errno.ENODEV, other.load, ila.COMMIT, text="in_port")
        self.assertEqual(third.load(ila.COMMIT), 1)

    def test_datapath_removal(self):
        self.table.add(ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action",
                                 idle=1000))
        self.table.set_port(self.port, 2)
        self.table.set_port(0, 2)
        self.assertEqual(active(), 2)
        run("ovs-dpctl", "-vwarn", "del-dp", "dp0")
        self.assertEqual(active(), 0)
        self.refused(errno.ENODEV, self.table.stats)

    def test_namespace_removal(self):
        """A datapath goes with its namespace."""
        run("ip", "netns", "add", "gone")
        script = ("import ovs_ila as i; t = i.Table('dpx');"
                  "t.set_port(0, 2); t.load(1, i.entry(i.match(2, '1:0:0:0'),"
                  "'2:0:0:0', 'no-action'));"
                  "t.add(i.entry(i.match(1, '1:0:0:0'), '2:0:0:0',"
                  "'no-action', hard=1000))")
        for words in (("ovs-dpctl", "-vwarn", "add-dp", "dpx"),
                      (sys.executable, "-c", script)):
            subprocess.run(("ip", "netns", "exec", "gone") + words,
                           check=True, cwd=os.path.dirname(__file__))
        self.assertEqual(active(), 1)
        run("ip", "netns", "delete", "gone")
        wait_for(lambda: active() == 0)

    # Time.

    def test_timeouts(self):
        self.table.set_port(self.port, 2)
        self.table.add(ila.entry(ila.match(ila.IN, LOC_A), SIR, "no-action",
                                 hard=1))
        self.table.add(ila.entry(ila.match(ila.IN, LOC_B), SIR, "no-action",
                                 idle=1))
        forever = ila.entry(ila.match(ila.OUT, LOC_B), SIR, "no-action")
        self.table.add(forever)
        self.assertEqual(self.table.stats()[3][2], 2)
        self.assertEqual(active(), 1)
        wait_for(lambda: self.entries() == [forever])
        wait_for(lambda: active() == 0)
        self.assertEqual(self.table.stats()[3][2], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
