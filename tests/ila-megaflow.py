# SPDX-License-Identifier: Apache-2.0

"""Looks for megaflows that are too wide, with random pipelines around ila().

A megaflow is too wide if a packet that hits it would have been translated to
other datapath actions than the packet that made it.  Each round generates a
pipeline and a sequence of packets, which is sent into port p1 of bridge br0

    mega     with megaflows, so that packets share datapath flows,
    exact    with a datapath flow for each packet that differs in any field,
    slow     with ila() executed in userspace, packet by packet.

With --lookup, pipelines also have ila(table...), which looks in the datapath's
mapping table, and there is one run more,

    model    in which resubmit() to a flow table with an ila(locator=...) for
             each mapping takes the place of ila(table...), so that translation
             always knows the address.

What every port sends, as its options:tx_pcap has it, must be the same bytes in
the same order.  Ports p2 to p4 belong to br0, p5 to br1, which is behind the
patch port 10.

A round depends on --seed and its number alone: the command that a report
begins with runs it again.  The report has the pipeline and the packets after
what does not matter for the difference was taken out.
"""

import argparse
import copy
import glob
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time

TIMEOUT = 30                    # Seconds, for a marker.
GRACE = 2                       # Seconds, for counters.
MAX_QUEUE = 90                  # Packets: netdev-dummy holds 100.
PORTS = ["p2", "p3", "p4", "p5"]
PATCH = 10                      # Port of br0.
N_TABLES = 3

ETH_TYPE_IPV6 = 0x86dd
ETH_TYPE_MARKER = 0x88b5        # IEEE 802: local experiments.
MACS = bytes.fromhex("50540000000a505400000009")
TCP, UDP, ICMPV6, FRAGMENT = 6, 17, 58, 44

WORD = 0xffff
C_BIT = 1 << 60
LAST64 = (1 << 64) - 1

LOCATORS = ["2001:0:87:0", "3333:0:0:1", "2001:db8:ffff:ffff", "fd00:0:0:fffe"]
MODES = ["neutral-map", "neutral-map-auto", "adj-transport", "no-action"]

MODEL_TABLE = 100               # The first one.
DIRS = ["in", "out", "both"]
MISSES = ["continue", "drop"]


class TestError(Exception):
    pass


def run(*args, stdin=None):
    result = subprocess.run(args, input=stdin, capture_output=True, text=True)
    if result.returncode:
        raise TestError("%s: %s\n%s" % (" ".join(args), result.stderr.strip(),
                                        stdin or ""))
    return result.stdout


class Appctl:
    """What ovs-appctl does, without a process for each command."""

    def __init__(self):
        rundir = os.environ.get("OVS_RUNDIR", ".")
        names = glob.glob(os.path.join(rundir, "ovs-vswitchd.*.ctl"))
        if len(names) != 1:
            raise TestError("%s: no control socket of ovs-vswitchd" % rundir)
        # The path may be longer than a socket's name may be.
        fd = os.open(os.path.dirname(names[0]) or ".", os.O_PATH)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect("/proc/self/fd/%d/%s"
                            % (fd, os.path.basename(names[0])))
        os.close(fd)

    def __call__(self, *args):
        request = {"method": args[0], "params": args[1:], "id": 0}
        self.socket.sendall(json.dumps(request).encode())
        reply = b""
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise TestError("%s: ovs-vswitchd is gone" % args[0])
            reply += data
            try:
                reply = json.loads(reply)
                break
            except ValueError:
                continue        # Not complete.
        if reply.get("error"):
            raise TestError("%s: %s" % (args[0], reply["error"]))
        return reply["result"]


class Pcap:
    """Reads a pcap file that is still being written."""

    def __init__(self, name):
        self.file = open(name, "rb")
        self.buffer = b""
        self.header = None

    def read(self):
        """Returns the packets that came since the last call."""
        self.buffer += self.file.read()
        if self.header is None:
            if len(self.buffer) < 24:
                return []
            order = "<" if self.buffer[0] in (0xd4, 0x4d) else ">"
            self.header = struct.Struct(order + "4I")
            self.buffer = self.buffer[24:]

        packets = []
        at = 0
        while len(self.buffer) - at >= 16:
            length = self.header.unpack_from(self.buffer, at)[2]
            if len(self.buffer) - at - 16 < length:
                break
            packets.append(self.buffer[at + 16:at + 16 + length])
            at += 16 + length
        self.buffer = self.buffer[at:]
        return packets


# Addresses are integers.

def ipv6(address):
    return socket.inet_ntop(socket.AF_INET6, address.to_bytes(16, "big"))


def words(half):
    return ":".join("%x" % (half >> shift & WORD) for shift in (48, 32, 16, 0))


def locator(text):
    value = 0
    for word in text.split(":"):
        value = value << 16 | int(word, 16)
    return value


def fold(total):
    while total >> 16:
        total = (total & WORD) + (total >> 16)
    return total


def neutral(address, new, out):
    """Returns 'address' after neutral-map to locator 'new'.  It serves to find
    matches that packets hit; nothing is compared with it."""
    total = address & WORD
    for shift in (48, 32, 16, 0):
        total += (address >> 64 + shift & WORD) + (~new >> shift & WORD)
    total += WORD ^ 0x1000 if out else 0x1000
    return new << 64 | (address & LAST64 & ~WORD ^ C_BIT) | fold(total)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = fold(sum(struct.unpack("!%dH" % (len(data) // 2), data)))
    return total ^ WORD


def preference(mapping):
    return (4 * ("ident" in mapping) + 2 * ("port" in mapping)
            + ("match-locator" in mapping))


def model(mappings):
    """Returns flows of tables that do what ila(table...) does, one table for
    each form of it."""
    result = []
    for i, dirs in enumerate(DIRS):
        for j, miss in enumerate(MISSES):
            def flow(priority, rest):
                result.append("table=%d,priority=%d,%s" % (
                    MODEL_TABLE + 2 * i + j, priority, rest))

            # Nothing happens to multicast.
            flow(9999, "ipv6,ipv6_dst=ff00::/8,actions=drop")
            for m in mappings:
                if dirs not in (m["dir"], "both") or m.get("port") == "p2":
                    continue
                match = "ipv6"
                if "match-locator" in m:
                    match += ",ila_dst_locator=" + m["match-locator"]
                if "ident" in m:
                    match += ",ila_dst_identifier=" + m["ident"]
                flow(100 * (m["dir"] == "in") + 10 + preference(m),
                     "%s,actions=ila(locator=%s,csum=%s,dir=%s,ident-type=%s)"
                     % (match, m["locator"], m["csum-mode"], m["dir"],
                        m.get("ident-type", "luid")))
            if miss == "drop":
                # What drops a packet, and nothing but it: a collision.
                flow(1, "ipv6,actions="
                     "set_field:::1000:0:0:0/::1000:0:0:0->ipv6_dst,"
                     "ila(locator=1:2:3:4,csum=neutral-map,dir=out)")
    return result


def modelled(actions):
    """Returns 'actions', text, with ila(table...) replaced by its model."""
    def resubmit(found):
        words = found.group(1).split(",")
        dirs = miss = 0
        for word in words:
            if word.startswith("dir="):
                dirs = DIRS.index(word[4:])
            elif word.startswith("miss="):
                miss = MISSES.index(word[5:])
        return "resubmit(,%d)" % (MODEL_TABLE + 2 * dirs + miss)

    return re.sub(r"ila\(table,([^)]*)\)", resubmit, actions)


class Generator:
    """Everything random in one round."""

    def __init__(self, seed, number, lookup):
        # A string: its hash for the generator is the same everywhere.
        self.random = random.Random("%d/%d" % (seed, number))
        self.lookup = lookup
        self.addresses = self.make_addresses()
        self.targets = self.make_targets()
        self.ports = self.random.sample([53, 80, 1024, 5001, 5002, 65535], 3)
        # A match anywhere in a table narrows the megaflows of all packets
        # that are looked up there.  Thus most often the tables before the
        # last one leave the identifier to the megaflow.
        self.wide = self.chance(75)
        # A select group recirculates unless told to use a hash of fields.
        # Open vSwitch 3.1 then aborts if the action set is longer than the
        # rest of the actions (an assertion in recirc_alloc_id__(), ila() or
        # not), thus one pipeline has either.
        self.recirculates = self.chance(40)
        self.mappings = self.make_mappings() if lookup else []

    def chance(self, percent):
        return self.random.randrange(100) < percent

    # Packets.

    def make_addresses(self):
        """Returns a few addresses that differ in little."""
        r = self.random
        locators = [locator(s) for s in r.sample(LOCATORS, 2)]
        last = [0, 1, WORD, 0xfffe, 0x8000, 0x7fff, 0x87, 0x333]
        last += [r.randrange(1 << 16) for _ in range(4)]
        middle = [0x20000000, 0x20000000, 0x20000001, 0x30000000, 0x40000000,
                  0x00000000, 0x10000000, 0xe0000000]

        result = []
        for _ in range(10):
            address = r.choice(locators) << 64
            address |= (r.choice(middle) if self.chance(60)
                        else 0x20000000) << 32
            address |= r.choice([0, 0, 1, WORD]) << 16
            address |= r.choice(last)
            result.append(address)
            if self.chance(40):
                result.append(address ^ 1 << r.randrange(128))
            if self.chance(40):
                result.append(address ^ 1 << r.randrange(16))
            if self.chance(20):
                result.append(address ^ C_BIT)
        if self.chance(50):
            result.append(0xff02 << 112 | r.choice(last))
        return result

    def make_targets(self):
        """Returns addresses that matches may look for: those of packets, some
        of them translated."""
        r = self.random
        result = list(self.addresses)
        for address in self.addresses:
            new = locator(r.choice(LOCATORS))
            result.append(new << 64 | address & LAST64)
            if address & C_BIT:
                result.append(neutral(address, new, False))
            else:
                result.append(neutral(address, new, True))
        return result

    def payload(self, pseudo):
        """Returns a protocol and the bytes of a packet of it; 'pseudo' makes
        the pseudo-header from both."""
        r = self.random
        data = bytes(r.randrange(256) for _ in range(r.choice([0, 1, 8])))
        sport, dport = r.choice(self.ports), r.choice(self.ports)
        proto = r.choice([UDP, UDP, UDP, UDP, TCP, ICMPV6])
        if proto == UDP:
            at = 6
            data = struct.pack("!4H", sport, dport, 8 + len(data), 0) + data
        elif proto == TCP:
            at = 16
            data = struct.pack("!HHIIHHHH", sport, dport, 1, 2, 0x5010, 3, 0,
                               0) + data
        else:
            at = 2
            data = struct.pack("!BBHI", r.choice([128, 129]), 0, 0, 7) + data

        csum = checksum(pseudo(proto, len(data)) + data)
        if proto == UDP:
            csum = csum or WORD
        return proto, data[:at] + struct.pack("!H", csum) + data[at + 2:]

    def make_packet(self):
        r = self.random
        addresses = (r.choice(self.addresses).to_bytes(16, "big")
                     + r.choice(self.addresses).to_bytes(16, "big"))
        proto, data = self.payload(
            lambda proto, size: addresses + struct.pack("!II", size, proto))

        if self.chance(12):
            kind = r.choice(["first", "later", "atomic"])
            offset = {"first": 1, "later": 8 << 3, "atomic": 0}[kind]
            data = struct.pack("!BBHI", proto, 0, offset, 5) + data
            proto = FRAGMENT
        ttl = r.choice([1, 2, 64, 64, 64, 64])
        if self.lookup:
            # dec_ttl that finds nothing to decrement ends the list of actions
            # it is in.  What is frozen is one list: there, that is the end of
            # all of them.
            ttl = 64
        return (MACS + struct.pack("!HIHBB", ETH_TYPE_IPV6, 0x60000000,
                                   len(data), proto, ttl) + addresses + data)

    def make_sequence(self):
        """Returns packets, each two or three times in any order."""
        packets = [self.make_packet() for _ in range(36)]
        sequence = packets * 2 + self.random.sample(packets, 16)
        self.random.shuffle(sequence)
        return sequence

    # Mappings.

    def make_mappings(self):
        """Returns mappings, dictionaries with the words of dpctl/ila-add,
        those that are preferred first."""
        r = self.random
        result = {}
        for _ in range(r.choice([1, 2, 3, 4, 6])):
            address = r.choice(self.addresses)
            if address >> 120 == 0xff:
                continue
            m = {"dir": r.choice(DIRS[:2])}
            kind = r.randrange(4)
            if kind != 1:
                m["match-locator"] = words(address >> 64)
            if kind != 0:
                m["ident"] = words(address & LAST64)
            if self.chance(20):
                m["port"] = r.choice(["p1", "p1", "p2"])
            m["locator"] = r.choice(LOCATORS)
            # In a neutral mode, what identifies an entry is not in the
            # packet as it is; other tests have that.  Neither can an
            # identifier with the C bit be translated.
            exact = "ident" in m
            m["csum-mode"] = r.choice(MODES[2:] if exact else MODES)
            if self.chance(20) and not exact:
                m["ident-type"] = "use-format"
            result[tuple(m.get(key) for key in ("dir", "match-locator",
                                                "ident", "port"))] = m
        return sorted(result.values(), key=preference, reverse=True)

    # Pipelines.

    def bits(self, n):
        """Returns a mask of 'n' bits, most often an odd one."""
        r = self.random
        low = r.randrange(n)
        high = r.randrange(low, n)
        return r.choice([
            lambda: 1 << low,
            lambda: (1 << high + 1) - (1 << low),
            lambda: (1 << n) - (1 << low),
            lambda: r.getrandbits(n) & r.getrandbits(n),
            lambda: r.getrandbits(n),
            lambda: (1 << n) - 1,
        ])()

    def address_mask(self, wide=False):
        r = self.random
        full = (1 << 128) - 1
        if wide and self.chance(90):
            return r.choice([full ^ LAST64, full ^ LAST64, full ^ LAST64,
                             C_BIT, 7 << 61, 0])
        mask = r.choice([
            lambda: full ^ LAST64,
            lambda: full ^ (1 << r.randrange(128)) - 1,
            lambda: full ^ (1 << r.randrange(17)) - 1,
            lambda: WORD,
            lambda: self.bits(16),
            lambda: self.bits(16),
            lambda: C_BIT,
            lambda: 7 << 61,
            lambda: self.bits(64),
            lambda: self.bits(128),
            lambda: full,
        ])()
        # Open vSwitch reads a mask that begins with a digit as the length of
        # a prefix.
        if ipv6(mask)[0].isdigit():
            mask |= 0xf << 124
        return mask

    def match(self, table):
        r = self.random
        fields = []
        proto = "ipv6"
        wide = self.wide and table + 1 < N_TABLES
        if self.chance(5 if wide else 15):
            proto = r.choice(["udp6", "tcp6"])
            fields.append("%s=%d" % (r.choice(["tp_src", "tp_dst"]),
                                     r.choice(self.ports)))
        for field in "ipv6_dst", "ipv6_src":
            if self.chance(70 if field == "ipv6_dst" else 25):
                mask = self.address_mask(wide)
                fields.append("%s=%s/%s"
                              % (field, ipv6(r.choice(self.targets) & mask),
                                 ipv6(mask)))
        if self.chance(10):
            fields.append("nw_ttl=%d" % r.choice([63, 64]))
        if self.chance(15):
            fields.append("reg0=%d/%d" % self.masked_value(8))
        if proto == "ipv6" and self.chance(4):
            fields.append("nw_frag=%s" % r.choice(["no", "yes", "first",
                                                   "later", "not_later"]))
        return ",".join([proto] + fields)

    def masked_value(self, n):
        mask = self.bits(n)
        return self.random.getrandbits(n) & mask, mask

    def ila(self):
        r = self.random
        action = "ila(locator=%s,csum=%s,dir=%s" % (
            r.choice(LOCATORS),
            r.choice(MODES[:2]) if self.chance(70) else r.choice(MODES),
            r.choice(["in", "out"]))
        if self.chance(25):
            action += ",field=ipv6_src"
        if self.chance(20):
            action += ",ident-type=use-format"
        return action + ")"

    def ila_table(self):
        """Returns the lookup form, or the other one in pipelines that have
        none."""
        if not self.lookup:
            return self.ila()
        r = self.random
        action = "ila(table,dir=%s" % r.choice(DIRS)
        if self.chance(25):
            action += ",miss=drop"
        return action + ")"

    def subfields(self):
        """Returns two subfields of the same width."""
        r = self.random
        ends = ["NXM_NX_IPV6_DST[%d..%d]", "NXM_NX_IPV6_SRC[%d..%d]",
                "ila_dst_identifier[%d..%d]", "ila_src_identifier[%d..%d]",
                "ila_dst_locator[%d..%d]", "NXM_NX_REG0[%d..%d]"]
        n = r.choice([1, 4, 8])
        result = []
        for end in r.sample(ends, 2):
            width = 8 if "REG" in end else 128 if "NXM" in end else 64
            # The last word is where it happens.
            low = r.randrange((16 if self.chance(70) and width > 16
                               else width) - n + 1)
            result.append(end % (low, low + n - 1))
        return result

    def set_field(self):
        r = self.random
        field = r.choice(["ipv6_dst", "ipv6_dst", "ipv6_src"])
        kind = r.randrange(4)
        if kind == 0:
            mask = self.address_mask() or 1
            return "set_field:%s/%s->%s" % (
                ipv6(r.choice(self.targets) & mask), ipv6(mask), field)
        elif kind == 1:
            half = r.choice(["locator", "identifier"])
            value = r.choice(self.targets)
            value = value >> 64 if half == "locator" else value & LAST64
            return "set_field:%s->ila_%s_%s" % (words(value), field[5:], half)
        elif kind == 2:
            source, target = self.subfields()
            return "move:%s->%s" % (source, target)
        else:
            _, target = self.subfields()
            return "load:%d->%s" % (r.randrange(2), target)

    def output(self):
        return "output:%d" % self.random.choice([2, 3, 4])

    def action(self, table, nesting):
        """Returns one action, text or, with actions inside, a list of text
        before, actions, and text after.  'table' is that of the flow."""
        r = self.random
        choices = (([self.ila_table] * 4 + [self.ila] * 2 if self.lookup
                    else [self.ila] * 6)
                   + [self.output] * 6 + [self.set_field] * 5
                   + [lambda: "dec_ttl"]
                   + [lambda: "load:%d->NXM_NX_REG0[0..3]" % r.randrange(16)])
        if table + 1 < N_TABLES:
            choices += [lambda: "resubmit(,%d)"
                        % r.randrange(table + 1, N_TABLES)] * 6
        if nesting:
            choices += [lambda: ["clone(", self.actions(table, 0), ")"]] * 3
            # What is frozen in a bucket takes the action set of the group's
            # packet along, so that is executed twice (ila() or not).
            if table + 1 < N_TABLES and (not self.lookup
                                         or self.recirculates):
                choices += [lambda: "group:%d" % r.randrange(1, 4)] * 3
        if nesting and table >= 0:
            choices += [lambda: "output:%d" % PATCH] * 2
        # Recirculated packets must have no more tags than vlan-limit says.
        if nesting and (table == 0 if self.lookup else table >= 0):
            # pop_vlan alone is not right in a flow that matches no VLAN.
            choices += [lambda: ["push_vlan:0x8100,", self.actions(table, 0),
                                 ",pop_vlan"]]
        if nesting and table == 0 and (not self.lookup or self.recirculates):
            # It executes an action set twice if nothing recirculates.
            #
            # Each one doubles the datapath actions, and Open vSwitch 3.1
            # aborts when they come to more than 64 kB (an assertion in
            # nl_msg_end_nested(), ila() or not).
            choices += [lambda: "check_pkt_larger(%d)->NXM_NX_REG0[1]"
                        % r.choice([62, 70, 74, 78])]
        return r.choice(choices)()

    def actions(self, table, nesting=1):
        result = [self.action(table, nesting)
                  for _ in range(self.random.choice([1, 2, 2, 3, 3, 4, 5]))]
        if nesting and table + 1 < N_TABLES and self.chance(50):
            result += [self.ila_table(), "resubmit(,%d)" % (table + 1)]
        return result + [self.output()]

    def write_actions(self, table):
        r = self.random
        result = []
        for _ in range(r.choice([0, 1, 1, 2])):
            result.append(r.choice([self.ila, self.set_field,
                                    lambda: "dec_ttl"])())
        # Groups resubmit to the last table: no recursion.
        result.append("group:%d" % r.randrange(1, 4)
                      if table + 1 < N_TABLES and self.chance(50)
                      else self.output())
        return ["write_actions(", result, ")"]

    def make_flows(self, bridge):
        result = []
        for table in range(N_TABLES):
            for i in range(self.random.choice([1, 2, 2, 3])):
                actions = self.actions(table)
                if bridge == "br1":
                    # br1 has neither groups nor the patch port's peer.
                    actions = self.only_br1(actions)
                elif (not self.recirculates and self.chance(15)
                      and (not self.lookup or table + 1 < N_TABLES)):
                    # A bucket that resubmits to a flow that writes to the
                    # action set writes to that of the group's packet, unless
                    # it recirculates meanwhile.
                    actions.append(self.write_actions(table))
                result.append([bridge, "table=%d,priority=%d,%s"
                               % (table, 10 + i, self.match(table)), actions])
            if self.chance(80):
                output = self.output() if bridge == "br0" else "output:5"
                result.append([bridge, "table=%d,priority=1,ipv6" % table,
                               [output]])
        return result

    def only_br1(self, actions):
        result = []
        for action in actions:
            if isinstance(action, list):
                action = [action[0], self.only_br1(action[1]), action[2]]
            elif action.startswith("output:"):
                action = "output:5"
            elif action.startswith("group:"):
                action = self.ila()
            result.append(action)
        return result

    def make_groups(self):
        """Returns groups as flows whose actions are their buckets."""
        r = self.random
        result = []
        for group in range(1, 4):
            kind = r.choice(["all", "all", "select", "indirect"])
            match = "group_id=%d,type=%s" % (group, kind)
            if kind == "select":
                match += r.choice(["", ",selection_method=dp_hash"]
                                  if self.recirculates else
                                  [",selection_method=hash",
                                   ",selection_method=hash,fields=ipv6_dst",
                                   ",selection_method=hash,"
                                   "fields(ipv6_dst=::1,ipv6_src)"])
            buckets = []
            for _ in range(1 if kind == "indirect" else r.choice([1, 2, 3])):
                # An action set: one output, and a resubmit may stand for it.
                bucket = [self.random.choice([self.ila, self.ila,
                                              self.set_field,
                                              lambda: "dec_ttl"])()
                          for _ in range(r.choice([0, 1, 1, 2]))]
                bucket.append(self.output() if self.chance(75) else
                              "resubmit(,%d)" % (N_TABLES - 1))
                buckets.append(["bucket=", bucket, ""])
            result.append(["group", match, buckets])
        return result

    def make_pipeline(self):
        return (self.make_groups() + self.make_flows("br0")
                + self.make_flows("br1"))


def text(actions):
    return ",".join(a if isinstance(a, str) else a[0] + text(a[1]) + a[2]
                    for a in actions)


def commands(pipeline, bridge, mappings=None):
    """Returns what "ovs-ofctl bundle" needs for 'bridge'; the model of
    'mappings' unless that is None."""
    def final(actions):
        actions = text(actions)
        return actions if mappings is None else modelled(actions)

    lines = ["flow delete"]
    if bridge == "br0":
        lines.append("group delete")
        # A packet through a group that is not there ends its action list.
        lines += ["group add %s,%s" % (match, final(buckets))
                  for kind, match, buckets in pipeline if kind == "group"]
        lines.append("flow add priority=65535,dl_type=0x%04x,"
                     "actions=output:2,output:3,output:4,output:%d"
                     % (ETH_TYPE_MARKER, PATCH))
    else:
        lines.append("flow add priority=65535,dl_type=0x%04x,actions=output:5"
                     % ETH_TYPE_MARKER)
    lines += ["flow add %s,actions=%s" % (match, final(actions) or "drop")
              for kind, match, actions in pipeline if kind == bridge]
    if mappings is not None:
        lines += ["flow add " + flow for flow in model(mappings)]
    return "\n".join(lines) + "\n"


def smaller(items):
    """Yields copies of 'items', lists of text and of lists, that lack
    something."""
    size = len(items)
    while size > 1:
        size = (size + 1) // 2
        for i in range(0, len(items), size):
            if size < len(items):
                yield items[:i] + items[i + size:]
    for i, item in enumerate(items):
        if isinstance(item, list):
            inside = len(item) - 1 if isinstance(item[-1], list) else 1
            for less in smaller(item[inside]):
                if less:
                    yield (items[:i] + [item[:inside] + [less]
                                        + item[inside + 1:]] + items[i + 1:])


class Tester:
    def __init__(self, args):
        self.args = args
        self.appctl = Appctl()
        self.pcaps = [Pcap(os.path.join(args.dir, p + ".pcap"))
                      for p in PORTS]
        for pcap in self.pcaps:
            pcap.read()         # Of an earlier run.
        self.n_markers = 0
        self.n_outputs = 0
        self.n_sent = 0
        self.n_flows = 0
        self.n_too_deep = 0
        self.mappings = []

    def install(self, pipeline, mappings=None):
        for bridge in "br1", "br0":
            run("ovs-ofctl", "-O", "OpenFlow15", "bundle", bridge, "-",
                stdin=commands(pipeline, bridge, mappings))

    def fill_table(self, mappings):
        self.mappings = mappings
        self.appctl("dpctl/ila-flush")
        for mapping in mappings:
            self.appctl("dpctl/ila-add",
                        *["%s=%s" % item for item in mapping.items()])

    def too_deep(self):
        """Returns how many packets the datapath dropped because it gave up
        recirculating them."""
        for line in self.appctl("coverage/show").splitlines():
            if line.startswith("datapath_drop_recirc_error "):
                return int(line.split()[-1])
        return 0

    def send(self, packets):
        """Sends 'packets' and returns what each port sent."""
        result = [[] for _ in PORTS]
        for i in range(0, len(packets), MAX_QUEUE):
            self.n_markers += 1
            marker = MACS + struct.pack("!HI", ETH_TYPE_MARKER,
                                        self.n_markers).ljust(48, b"\0")
            self.appctl("netdev-dummy/receive", "p1",
                        *[p.hex() for p in packets[i:i + MAX_QUEUE]],
                        marker.hex())
            deadline = time.monotonic() + TIMEOUT
            waiting = set(range(len(PORTS)))
            while waiting:
                for port in list(waiting):
                    result[port] += self.pcaps[port].read()
                    if result[port] and result[port][-1] == marker:
                        result[port].pop()
                        waiting.remove(port)
                if waiting:
                    if time.monotonic() > deadline:
                        raise TestError("the datapath does not forward")
                    time.sleep(.0005)
        return result

    def try_all(self, pipeline, packets):
        """Returns what the ports sent by the name of the run."""
        self.install(pipeline)
        results = {}

        self.appctl("revalidator/purge")
        results["mega"] = self.send(packets)
        if self.args.flows:
            self.n_flows += self.appctl("dpctl/dump-flows").count("recirc_id")

        self.appctl("upcall/disable-megaflows")
        self.appctl("revalidator/purge")
        results["exact"] = self.send(packets)
        self.appctl("upcall/enable-megaflows")

        self.appctl("dpif/set-dp-features", "br0", "ila", "false")
        self.appctl("revalidator/purge")
        results["slow"] = self.send(packets)
        self.appctl("dpif/set-dp-features", "br0", "ila", "true")

        if self.args.lookup:
            self.install(pipeline, self.mappings)
            self.appctl("revalidator/purge")
            results["model"] = self.send(packets)
        return results

    def gives_up(self, pipeline, packets):
        """Does any packet recirculate more often than the datapath allows?
        The model does not do so, and what else is forwarded differs."""
        self.install(pipeline)
        self.appctl("revalidator/purge")
        before = self.too_deep()
        self.send(packets)
        # Counters of other threads are collected once in a while.
        time.sleep(GRACE)
        return self.too_deep() != before

    def differs(self, pipeline, packets):
        """A deleted flow narrows megaflows for a while yet, thus a difference
        may come and go; only one that stays counts."""
        for delay in 0, .05:
            time.sleep(delay)
            results = self.try_all(pipeline, packets)
            if all(results[name] == results["exact"] for name in results):
                return False
        return True

    def shrink(self, pipeline, packets):
        """Returns a pipeline and packets that are still not the same in all
        runs, with as little as possible in them."""
        deadline = time.monotonic() + self.args.shrink
        progress = True
        while progress:
            progress = False
            for is_pipeline, items in (False, packets), (True, pipeline):
                found = True
                while found and time.monotonic() < deadline:
                    found = False
                    for less in smaller(copy.deepcopy(items)):
                        if time.monotonic() > deadline:
                            break
                        try:
                            bad = (self.differs(less, packets) if is_pipeline
                                   else self.differs(pipeline, less))
                        except TestError:
                            continue    # No valid pipeline any more.
                        if bad:
                            items = less
                            found = progress = True
                            break
                    if is_pipeline:
                        pipeline = items
                    else:
                        packets = items
            if time.monotonic() > deadline:
                break
        return pipeline, packets

    def report(self, number, pipeline, packets):
        print("DIFFERENCE: ila-megaflow.py%s --seed=%d --first=%d --rounds=1"
              % (" --lookup" if self.args.lookup else "", self.args.seed,
                 number))
        pipeline, packets = self.shrink(pipeline, packets)
        for mapping in self.mappings:
            print("  ila-add %s" % " ".join("%s=%s" % item
                                            for item in mapping.items()))
        for bridge in "br0", "br1":
            for line in commands(pipeline, bridge).splitlines():
                if "priority=65535" not in line and "delete" not in line:
                    print("  %s: %s" % (bridge, line))
        for packet in packets:
            print("  p1 receives %s" % packet.hex())
        results = self.try_all(pipeline, packets)
        for i, port in enumerate(PORTS):
            if all(results[name][i] == results["exact"][i]
                   for name in results):
                continue
            for name in results:
                print("  %s, %s:" % (port, name))
                for packet in results[name][i]:
                    print("    %s" % packet.hex())
        self.install(pipeline)
        self.appctl("revalidator/purge")
        self.send(packets)
        for line in self.appctl("dpctl/dump-flows").splitlines():
            if "0x%04x" % ETH_TYPE_MARKER not in line:
                print("  datapath: %s" % line)
        sys.stdout.flush()

    def round(self, number):
        generator = Generator(self.args.seed, number, self.args.lookup)
        pipeline = generator.make_pipeline()
        packets = generator.make_sequence()
        if self.args.lookup:
            self.fill_table(generator.mappings)
        results = self.try_all(pipeline, packets)
        self.n_sent += len(packets)
        self.n_outputs += sum(len(port) for port in results["exact"])
        if any(results[name] != results["exact"] for name in results):
            if self.args.lookup and self.gives_up(pipeline, packets):
                self.n_too_deep += 1
                return True
            self.report(number, pipeline, packets)
            return False
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", help="directory with p2.pcap, p3.pcap, ...")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="N",
                        help="number of the first round")
    parser.add_argument("--rounds", type=int, default=100, metavar="N")
    parser.add_argument("--seconds", type=float, metavar="S",
                        help="start no round after that time")
    parser.add_argument("--shrink", type=float, default=20, metavar="S",
                        help="seconds for taking out of a pipeline what does "
                             "not matter")
    parser.add_argument("--errors", type=int, default=3, metavar="N",
                        help="stop after that many differences")
    parser.add_argument("--lookup", action="store_true",
                        help="with ila(table), too")
    parser.add_argument("--flows", action="store_true",
                        help="say how many packets share a datapath flow")
    args = parser.parse_args()

    tester = Tester(args)
    start = time.monotonic()
    n_errors = number = 0
    for number in range(args.rounds):
        if (n_errors >= args.errors or args.seconds is not None
                and time.monotonic() - start > args.seconds):
            break
        try:
            if not tester.round(args.first + number):
                n_errors += 1
        except (TestError, OSError) as e:
            # ovs-vswitchd is gone, or the generator made nonsense.
            print("ila-megaflow.py --seed=%d --first=%d --rounds=1: %s"
                  % (args.seed, args.first + number, e))
            return 1
    else:
        number = args.rounds

    print("%d packets sent, %d received, %.1f s"
          % (tester.n_sent, tester.n_outputs, time.monotonic() - start),
          file=sys.stderr)
    if args.flows:
        print("%d datapath flows" % tester.n_flows, file=sys.stderr)
    if args.lookup:
        print("%d rounds with too many recirculations" % tester.n_too_deep,
              file=sys.stderr)
    if tester.n_outputs < tester.n_sent / 4:
        print("hardly any packet was forwarded: nothing is proved")
        n_errors += 1
    print("%d differences" % n_errors)
    return 1 if n_errors else 0


if __name__ == "__main__":
    sys.exit(main())
