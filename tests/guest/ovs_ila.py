# SPDX-License-Identifier: Apache-2.0

"""A client of the kernel's generic netlink family "ovs_ila" for tests, which
takes nothing from the one that is under test itself: the numbers are those of
include/openvswitch/extension-abi.h.

As a program:

  ovs_ila.py DATAPATH add KEY=VALUE...    an entry, as "ip ila" would say it:
      dir=in|out match=LOCATOR ident=HEX port=N locator=LOCATOR mode=MODE
      flags=icmp-inner,... type=luid|use-format idle=S hard=S
  ovs_ila.py DATAPATH del KEY=VALUE...
  ovs_ila.py DATAPATH port PORT DIRS      DIRS is off, in, out or in,out
  ovs_ila.py DATAPATH move FROM TO | flush | list
  ovs_ila.py DATAPATH juggle FROM TO MS   moves there and back, for ever
  ovs_ila.py DATAPATH stats [PORT]
  ovs_ila.py DATAPATH watch               reads the totals for ever, prints one
                                          each time; fails if one falls

PORT is a number or the name of a device."""

import errno
import os
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import ovs_netlink                                          # noqa: E402
from ovs_netlink import attr                                # noqa: E402

(ADD, DEL, GET, MOVE, FLUSH, LOAD, SET_PORT, GET_PORT, SET,
 GET_STATS) = range(1, 11)

(A_PAD, A_MATCH, A_ENTRY, A_ENTRIES, A_STATS, A_ADD_MODE, A_OWNER, A_FILTER,
 A_LOOKUP, A_ADDR, A_LOCATOR, A_LOAD_FLAGS, A_CURSOR, A_N, A_PORT, A_DIRS,
 A_COUNTS, A_USAGE, A_MAX) = range(1, 20)

BY_LOCATOR, BY_PORT, BY_IDENTIFIER = 1, 2, 4
IN, OUT = 1, 2
DIRS = {"in": 2, "out": 4}
MODES = {"adj-transport": 0, "neutral-map": 1, "no-action": 2,
         "neutral-map-auto": 3}
TYPES = {"luid": 1, "use-format": 32}
FLAGS = {"icmp-inner": 1, "restore-zero": 2, "adj-compat": 4, "database": 8}
NEW, MAY_EXIST, REPLACE, MODIFY = range(4)
ANY, USER, DATABASE = range(3)
BEGIN, COMMIT, LOAD_REPLACE = 1, 2, 4
COUNTS = ("hit", "miss", "in", "out", "cbit", "type_mismatch", "multicast",
          "malformed", "l4_adjusted", "partial", "l4_unknown", "truncated",
          "icmp_inner")

MATCH = struct.Struct("=8s8sIBBH")
ENTRY = struct.Struct("=24s8sBBBBII")
STATS = struct.Struct("=QQQ")
FILTER = struct.Struct("=8sIBBBB")
LOOKUP = struct.Struct("=16sIB3x")
USAGE = struct.Struct("=IIII16IQ")


def locator(text):
    """Eight bytes of four hexadecimal words."""
    return b"".join(struct.pack("!H", int(word, 16))
                    for word in text.split(":"))


def match(direction, by_locator=None, ident=None, port=None):
    """struct ovs_ila_match; 'ident' is 16 hexadecimal digits."""
    fields = ((BY_LOCATOR if by_locator else 0)
              | (BY_PORT if port is not None else 0)
              | (BY_IDENTIFIER if ident else 0))
    return MATCH.pack(locator(by_locator) if by_locator else bytes(8),
                      bytes.fromhex(ident) if ident else bytes(8),
                      port or 0, direction, fields, 0)


def entry(a_match, new, mode, kind="luid", flags=0, idle=0, hard=0):
    return ENTRY.pack(a_match, locator(new), MODES[mode], TYPES[kind], flags,
                      0, idle, hard)


def a_filter(by_locator=None, port=None, direction=0, owner=ANY):
    return FILTER.pack(locator(by_locator) if by_locator else bytes(8),
                       port or 0, port is not None, direction, owner, 0)


def u8(n):
    return struct.pack("=B", n)


def u32(n):
    return struct.pack("=I", n)


class Refused(Exception):
    """What the kernel answered instead; 'errno' is positive."""
    def __init__(self, answer):
        super().__init__(f"{errno.errorcode.get(answer.errno, answer.errno)}:"
                         f" {answer.text}")
        self.errno = answer.errno
        self.text = answer.text
        self.cookie = answer.cookie


class Table:
    def __init__(self, datapath):
        self.netlink = ovs_netlink.Netlink()
        self.index = (datapath if isinstance(datapath, int)
                      else socket.if_nametoindex(datapath))

    def ask(self, command, *attributes, dump=False):
        """'attributes' are pairs (number, payload).  Returns the attributes
        of each answer as a dictionary."""
        answer = self.netlink.transact(
            "ovs_ila", command, self.index,
            b"".join(attr(kind, payload) for kind, payload in attributes),
            dump)
        if answer.errno:
            raise Refused(answer)
        return [dict(message) for message in answer.messages]

    def close(self):
        self.netlink.socket.close()

    def number(self, command, *attributes):
        return struct.unpack("=I", self.ask(command, *attributes)[0][A_N])[0]

    def add(self, an_entry, mode=None):
        self.ask(ADD, (A_ENTRY, an_entry),
                 *(() if mode is None else ((A_ADD_MODE, u8(mode)),)))

    def delete(self, a_match, owner=None):
        self.ask(DEL, (A_MATCH, a_match),
                 *(() if owner is None else ((A_OWNER, u8(owner)),)))

    def get(self, a_match):
        """Returns the entry and (packets, bytes, ms since the last)."""
        answer = self.ask(GET, (A_MATCH, a_match))[0]
        return answer[A_ENTRY], STATS.unpack(answer[A_STATS])

    def lookup(self, address, port, dirs):
        """Returns the entry that matches, and what becomes of 'address'."""
        answer = self.ask(GET, (A_LOOKUP, LOOKUP.pack(
            socket.inet_pton(socket.AF_INET6, address), port, dirs)))[0]
        return (answer[A_ENTRY],
                socket.inet_ntop(socket.AF_INET6, answer[A_ADDR])
                if A_ADDR in answer else None)

    def dump(self, *attributes):
        """Yields (entry, statistics, cursor of the next)."""
        for answer in self.ask(GET, *attributes, dump=True):
            yield (answer[A_ENTRY], STATS.unpack(answer[A_STATS]),
                   answer[A_CURSOR])

    def move(self, which, new):
        return self.number(MOVE, (A_FILTER, which), (A_LOCATOR, locator(new)))

    def flush(self, which=None):
        return self.number(FLUSH, *(() if which is None
                                    else ((A_FILTER, which),)))

    def load(self, flags, *entries):
        return self.number(LOAD, (A_LOAD_FLAGS, u8(flags)),
                           *(((A_ENTRIES, b"".join(entries)),)
                             if entries else ()))

    def set_port(self, port, dirs):
        self.ask(SET_PORT, (A_PORT, u32(port)), (A_DIRS, u8(dirs)))

    def get_port(self, port):
        """Returns the directions and the counters."""
        answer = self.ask(GET_PORT, (A_PORT, u32(port)))[0]
        return answer[A_DIRS][0], counts(answer[A_COUNTS])

    def set_max(self, n):
        self.ask(SET, (A_MAX, u32(n)))

    def stats(self):
        """Returns the counters, the number of entries, the limit and the
        unpacked struct ovs_ila_usage."""
        answer = self.ask(GET_STATS)[0]
        usage = USAGE.unpack(answer[A_USAGE])
        return (counts(answer[A_COUNTS]), usage[0],
                struct.unpack("=I", answer[A_MAX])[0], usage)


def counts(payload):
    n = struct.unpack(f"={len(payload) // 8}Q", payload)
    return dict(zip(COUNTS, n, strict=True))


def port_number(datapath, name):
    """Of a port of the datapath with this interface index."""
    if name.isdigit():
        return int(name)
    return ovs_netlink.Netlink().port_number(datapath, name)


def parse(datapath, words):
    """Returns the match and the entry, or None, that 'words' describe."""
    values = dict(word.split("=", 1) for word in words)
    direction = {"in": IN, "out": OUT}[values.pop("dir")]
    port = values.pop("port", None)
    if port is not None:
        port = port_number(datapath, port)
    a_match = match(direction, values.pop("match", None),
                    values.pop("ident", None), port)
    if "locator" not in values:
        return a_match, None
    flags = sum(FLAGS[word] for word in values.pop("flags", "").split(",")
                if word)
    an_entry = entry(a_match, values.pop("locator"), values.pop("mode"),
                     values.pop("type", "luid"), flags,
                     int(values.pop("idle", 0)), int(values.pop("hard", 0)))
    if values:
        raise ValueError("unknown: " + " ".join(values))
    return a_match, an_entry


def watch(table):
    before = table.stats()[0]
    while True:
        after = table.stats()[0]
        fallen = [name for name in after if after[name] < before[name]]
        if fallen:
            sys.exit(f"{', '.join(fallen)}: {before}, then {after}")
        print(after["hit"], flush=True)
        before = after
        time.sleep(.01)


def main(datapath, command, *words):
    table = Table(datapath)
    if command == "add":
        table.add(parse(table.index, words)[1])
    elif command == "del":
        table.delete(parse(table.index, words)[0])
    elif command == "port":
        table.set_port(port_number(table.index, words[0]),
                       sum(DIRS[word] for word in words[1].split(",")
                           if word != "off"))
    elif command == "move":
        print(table.move(a_filter(words[0]), words[1]))
    elif command == "juggle":
        here, there, ms = words
        while True:
            print(table.move(a_filter(here), there), flush=True)
            here, there = there, here
            time.sleep(int(ms) / 1000)
    elif command == "flush":
        print(table.flush())
    elif command == "list":
        for an_entry, stats, _ in table.dump():
            print(an_entry.hex(), *stats)
    elif command == "watch":
        watch(table)
    elif command == "stats":
        if words:
            result = table.get_port(port_number(table.index, words[0]))[1]
        else:
            result = table.stats()[0]
        print(" ".join(f"{name}={n}" for name, n in result.items()))
    else:
        sys.exit(f"{command}: unknown")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
