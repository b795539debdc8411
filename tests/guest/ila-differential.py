# SPDX-License-Identifier: Apache-2.0

"""Compares Linux's own ILA with our kernel datapath's and our userspace
datapath's, byte for byte, on random packets and mappings.

usage: ila-differential.py linux|compare SEED PACKETS

"linux" leaves what Linux did in the file "linux.results" for "compare".  A
packet goes in by one of two interfaces, is translated, and comes out of a
third one:

  linux   by tun devices of the namespace "lin", which forwards; "ip ila" has
          the mappings of direction "in", routes with "encap ila" the others
          (while there is no module openvswitch: it has Linux track connections
          and thus reassemble fragments, before they are translated)
  kernel  by tap devices that are ports of the datapath dp0, whose table has
          all mappings
  user    likewise, of the bridge br0 with datapath_type=netdev

Our datapaths must agree on each packet, and Linux with them but for what is in
KNOWN, which says what Linux does instead.  Where that has something to do with
an option of ours, the packet is sent a second time with the tables as Linux
would understand them.  Each line of KNOWN has to be of use, or it is stale.

Packets have their number in the flow label."""

import collections
import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_TAP, IFF_NO_PI = 1, 2, 0x1000
TIMEOUT = 60                    # Seconds, for what was sent to come out.
BATCH = 64                      # Packets that are under way.
BOTH = 6
N_LOCATORS = 300
MAX_REPORTS = 10

SRC = socket.inet_pton(socket.AF_INET6, "2001:db8:5::9")
MACS = bytes.fromhex("50540000000a505400000009")
NOWHERE = "2001:db8:ffff:0"     # No mapping's.
FIRST_MARKER = 0xf0000
HOP_LIMIT = 7                   # Its place in the header.
DST, LOCATOR, IDENT = slice(24, 40), slice(24, 32), slice(32, 40)

HOPOPTS, TCP, UDP, ROUTING, FRAGMENT, ESP, AH, ICMPV6 = (
    0, 6, 17, 43, 44, 50, 51, 58)
NONE, DSTOPTS, DCCP, SCTP, UDPLITE, UNKNOWN = 59, 60, 33, 132, 136, 253
# Length of the header and where the checksum is in it.
L4 = {TCP: (20, 16), UDP: (8, 6), ICMPV6: (8, 2)}
PROTOCOLS = [TCP] * 6 + [UDP] * 6 + [ICMPV6] * 3 + [
    ESP, NONE, DCCP, SCTP, UDPLITE, UNKNOWN]

MODES = ("adj-transport", "neutral-map", "neutral-map-auto", "no-action")

# 'device' is 1 or 2, or None for both.
Mapping = collections.namedtuple("Mapping",
                                 "direction match device locator mode type")

# 'features' are what the header chain has; 'l4' is where a checksum is that
# adj-transport has to update: "direct", after the fixed header, or "behind"
# others, or None.
Case = collections.namedtuple("Case",
                              "number packet device mapping features l4")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


#
# Mappings.
#

def random_word(rng):
    return rng.choice((0, 0xffff, 1, rng.randrange(0x10000),
                       rng.randrange(0x10000)))


def valid(words):
    """Neither zero nor multicast nor link-local."""
    return (any(words) and words[0] >> 8 != 0xff
            and words[0] & 0xffc0 != 0xfe80)


def random_locator(rng):
    first = rng.choice((0x2001, 0x3333, 0xfd00, 0,
                        rng.randrange(0x2000, 0x4000)))
    while True:
        words = [first] + [random_word(rng) for _ in range(3)]
        if valid(words):
            return tuple(words)


def same_sum(rng, words):
    """Another locator with the same sum, or the same, or one that differs in
    the representation of zero only."""
    words = list(words)
    if rng.random() < .5:
        words = [word ^ 0xffff if i and word in (0, 0xffff) else word
                 for i, word in enumerate(words)]
    else:
        rng.shuffle(words)
    return tuple(words) if valid(words) else None


def text(words):
    return ":".join("%x" % word for word in words)


def random_mappings(rng):
    """Returns a dictionary by (match, device).  What "in" leads to is not a
    match of "out", where Linux would translate it again."""
    # Linux translates what goes to a group, too.
    group = Mapping("in", (0xff05, 0, 0, 0x17), None, (0x3333, 0, 0, 1),
                    "no-action", "luid")
    avoid = {ovs_ila.locator(NOWHERE), struct.pack("!4H", *group.locator)}
    mappings = {(struct.pack("!4H", *group.match), None): group}
    outs = set()
    for _ in range(N_LOCATORS):
        match = random_locator(rng)
        packed = struct.pack("!4H", *match)
        if packed in avoid:
            continue
        avoid.add(packed)
        direction = rng.choice(("in", "in", "out"))
        devices = [None]
        if direction == "in":
            devices = rng.choice(([None], [None], [1], [None, 1], [None, 1, 2],
                                  [2, 1]))
        for device in devices:
            new = rng.random() < .15 and same_sum(rng, match)
            while not new or new in outs:
                new = random_locator(rng)
            mappings[packed, device] = Mapping(
                direction, match, device, new, rng.choice(MODES),
                rng.choice(("luid", "luid", "use-format")))
            avoid.add(struct.pack("!4H", *new))
        if direction == "out":
            outs.add(match)
    return mappings


def is_group(mapping):
    return mapping.match[0] >> 8 == 0xff


def ours(mapping, name, like_linux):
    """A line for dpctl/ila-load; ports are 'name' and a digit."""
    words = ["dir=" + mapping.direction,
             "match-locator=" + text(mapping.match),
             "locator=" + text(mapping.locator), "csum-mode=" + mapping.mode]
    if mapping.device:
        words.append(f"port={name}{mapping.device}")
    if not like_linux or mapping.direction == "out":
        words.append("ident-type=" + mapping.type)
    if like_linux and mapping.mode == "adj-transport":
        words.append("adj-transport-compat")
    return " ".join(words)


def linux(mapping):
    """Words for "ip"."""
    ila = (f"{text(mapping.locator)} csum-mode {mapping.mode} "
           f"ident-type {mapping.type}")
    if mapping.direction == "in":
        device = f" dev l{mapping.device}" if mapping.device else ""
        return f"ila add loc_match {text(mapping.match)} loc {ila}{device}"
    # The type of identifiers is a part of the prefix.
    prefix = ":2000::/67" if mapping.type == "use-format" else "::/64"
    return (f"route add {text(mapping.match)}{prefix} encap ila {ila} "
            "hook-type output via fe80::1 dev lout")


#
# Packets.
#

def random_options(rng):
    """The rest of an options header: one option that is skipped by those who
    do not know it."""
    n = rng.choice((8, 16, 40))
    return bytes([n // 8 - 1, 0x1e, n - 4]) + rng.randbytes(n - 4)


def random_headers(rng):
    """Returns [(protocol, rest of the header), ...] and features."""
    headers = []
    features = set()
    if rng.random() < .45:
        return headers, features
    if rng.random() < .2:
        headers.append((HOPOPTS, random_options(rng)))
        features.add("options")
    if rng.random() < .2:
        headers.append((DSTOPTS, random_options(rng)))
        features.add("options")
    if rng.random() < .25:
        left = rng.choice((0, 0, 1))
        headers.append((ROUTING, bytes([2, rng.choice((0, 2, 253)), left])
                        + rng.randbytes(20)))
        features.add("segments left" if left else "routing")
    if rng.random() < .4:
        kind = rng.choice(("first fragment", "later fragment",
                           "atomic fragment"))
        offset = {"first fragment": 1, "atomic fragment": 0,
                  "later fragment": rng.randrange(1, 100) << 3
                  | rng.randrange(2)}[kind]
        headers.append((FRAGMENT, struct.pack("!BH", 0, offset)
                        + rng.randbytes(4)))
        features.add(kind)
    if rng.random() < .15:
        headers.append((AH, bytes([4]) + rng.randbytes(22)))
        features.add("AH")
    if rng.random() < .15:
        headers.append((DSTOPTS, random_options(rng)))
        features.add("options")
    return headers, features


def random_l4(rng, protocol):
    """Returns the transport header with what follows, and whether it has a
    checksum that depends on addresses."""
    data = bytearray(rng.randbytes(rng.randrange(20, 70)))
    if protocol not in L4:
        return bytes(data), False
    length, offset = L4[protocol]
    if protocol == TCP:
        data[12] = 0x50
    elif protocol == UDP:
        data[4:6] = struct.pack("!H", len(data))
    else:
        data[:2] = bytes([rng.choice((1, 3, 128, 129)), 0])
    check = rng.choice((0, 0xffff, rng.randrange(0x10000),
                        rng.randrange(0x10000)))
    data[offset:offset + 2] = struct.pack("!H", check)
    if rng.random() < .08:
        return bytes(data[:rng.randrange(length)]), False
    return bytes(data), protocol != UDP or check != 0


def random_identifier(rng):
    words = [random_word(rng) for _ in range(4)]
    # Mostly a locally unique identifier; the C bit is anything.
    if rng.random() < .7:
        words[0] = words[0] & 0x1fff | 0x2000
    return struct.pack("!4H", *words)


def random_destination(rng, mappings):
    what = rng.random()
    if what < .03:
        return struct.pack("!4H", *random_locator(rng))
    if what < .04:
        # A word less matches.
        words = list(rng.choice(list(mappings.values())).match)
        words[3] ^= 1 << rng.randrange(16)
        if valid(words):
            return struct.pack("!4H", *words)
    if what < .06:
        return next(struct.pack("!4H", *m.match) for m in mappings.values()
                    if is_group(m))
    return struct.pack("!4H", *rng.choice(list(mappings.values())).match)


def ipv6(number, next_header, payload, dst):
    return struct.pack("!IHBB", 6 << 28 | number, len(payload), next_header,
                       64) + SRC + dst + payload


def random_case(rng, number, mappings):
    headers, features = random_headers(rng)
    protocol = rng.choice(PROTOCOLS)
    payload, has_check = random_l4(rng, protocol)
    after = protocol
    for kind, rest in reversed(headers):
        payload = bytes([after]) + rest + payload
        after = kind
    if features & {"segments left", "later fragment"}:
        has_check = False
    locator = random_destination(rng, mappings)
    device = rng.choice((1, 2))
    mapping = mappings.get((locator, device), mappings.get((locator, None)))
    return Case(number,
                ipv6(number, after, payload, locator + random_identifier(rng)),
                device, mapping, features,
                has_check and ("behind" if headers else "direct") or None)


#
# The three ways.
#

class Way:
    """Takes packets by self.inputs[1] and self.inputs[2]."""
    kind, header = IFF_TAP, MACS + b"\x86\xdd"

    def __init__(self, name):
        self.name = name
        self.inputs = {i: self.device(f"{name}{i}") for i in (1, 2)}
        self.output = self.device(name + "out")
        self.n_markers = 0

    def device(self, name):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack(
            "16sH22x", name.encode(), self.kind | IFF_NO_PI))
        self.prepare(name)
        return fd

    def prepare(self, name):
        run("sysctl", "-q", "-w", f"net.ipv6.conf.{name}.disable_ipv6=1")
        run("ip", "link", "set", name, "up")

    def send(self, device, packet):
        os.write(self.inputs[device], self.header + packet)

    def mark(self):
        """Sends a marker after all that was sent; returns their numbers."""
        numbers = set()
        for device in self.inputs:
            self.n_markers = (self.n_markers + 1) % 1000
            number = FIRST_MARKER + self.n_markers
            self.send(device, ipv6(number, NONE, b"",
                                   ovs_ila.locator(NOWHERE) + bytes(8)))
            numbers.add(number)
        return numbers

    def receive(self, numbers, got):
        """Adds what comes out to 'got', by number, until all of 'numbers'
        have come."""
        end = time.monotonic() + TIMEOUT
        while not numbers <= got.keys():
            ready = select.select([self.output], [], [],
                                  max(0, end - time.monotonic()))[0]
            if not ready:
                raise AssertionError(f"{self.name}: packets do not come out")
            packet = os.read(self.output, 65536)
            if not packet.startswith(self.header):
                continue
            packet = packet[len(self.header):]
            if packet[8:24] != SRC:
                continue
            number = struct.unpack_from("!I", packet)[0] & 0xfffff
            if number in got:
                raise AssertionError(f"{self.name}: {number} came twice")
            got[number] = self.as_sent(packet)

    def as_sent(self, packet):
        return packet

    def exchange(self, cases):
        """Sends packets; returns what came out, by number."""
        for case in cases:
            self.send(case.device, case.packet)
        got = {}
        # A batch of packets is sorted by flow: the first marker may overtake
        # those of its batch, the second one is in another batch.
        for _ in range(2):
            self.receive(self.mark(), got)
        return {number: got[number] for number in got
                if number < FIRST_MARKER}


class Linux(Way):
    kind, header = IFF_TUN, b""

    def prepare(self, name):
        run("ip", "link", "set", name, "netns", "lin")
        run("ip", "-n", "lin", "link", "set", name, "up")

    def __init__(self):
        super().__init__("l")
        run("ip", "netns", "exec", "lin", "sysctl", "-q", "-w",
            "net.ipv6.conf.all.forwarding=1")
        run("ip", "-n", "lin", "-6", "route", "add", "default", "dev", "lout")

    def fill(self, mappings):
        with open("linux.mappings", "w", encoding="ascii") as f:
            f.writelines(linux(m) + "\n" for m in mappings)
        run("ip", "-6", "-n", "lin", "-batch", "linux.mappings")

    def as_sent(self, packet):
        """Forwarding takes one off the hop limit."""
        return (packet[:HOP_LIMIT] + bytes([(packet[HOP_LIMIT] + 1) & 0xff])
                + packet[HOP_LIMIT + 1:])


class Ours(Way):
    def fill(self, mappings, like_linux=False):
        # We have no mapping that matches a group.
        with open(self.name + ".mappings", "w", encoding="ascii") as f:
            f.writelines(ours(m, self.name, like_linux) + "\n"
                         for m in mappings if not is_group(m))
        run(*self.load, self.name + ".mappings", "--replace")


class Kernel(Ours):
    load = "ovs-dpctl", "ila-load", "dp0"

    def __init__(self):
        super().__init__("k")
        run("ovs-dpctl", "add-if", "dp0", "k1", "k2", "kout")
        table = ovs_ila.Table("dp0")
        out = table.netlink.port_number(table.index, "kout")
        for name in "k1", "k2":
            port = table.netlink.port_number(table.index, name)
            table.set_port(port, BOTH)
            run("ovs-dpctl", "add-flow", "dp0",
                f"in_port({port}),eth(),eth_type(0x86dd),ipv6()", str(out))


class User(Ours):
    load = "ovs-appctl", "dpctl/ila-load", "netdev@ovs-netdev"

    def __init__(self):
        super().__init__("u")
        for name in "u1", "u2", "uout":
            run("ovs-vsctl", "add-port", "br0", name, "--",
                "set", "interface", name, "other_config:ila=both")
        for name in "u1", "u2":
            run("ovs-ofctl", "add-flow", "br0",
                f"in_port={name},actions=output:uout")

    @staticmethod
    def close():
        """Before the devices go."""
        run("ovs-vsctl", "del-br", "br0")


#
# What differs.
#

# What came out of each way, or None; the last two, of ours with tables as
# Linux would understand them.
Results = collections.namedtuple(
    "Results", "linux kernel user kernel_again user_again")


def is_adjusted(case):
    return (case.mapping and case.mapping.mode == "adj-transport"
            and case.l4 is not None)


def is_behind(case, *features):
    return (is_adjusted(case) and case.l4 == "behind"
            and not case.features.isdisjoint(features))


def collides(case):
    return (case.mapping and case.mapping.direction == "out"
            and case.mapping.mode == "neutral-map"
            and case.packet[32] & 0x10 and not mismatches(case))


def mismatches(case):
    """The type of the identifier is not that which the mapping is for."""
    return (case.mapping and case.mapping.type == "use-format"
            and case.packet[32] & 0xe0 != 0x20)


def address_only(case, results):
    return case.packet[:24] + results.kernel_again[DST] + case.packet[40:]


def locator_only(case, _results):
    return (case.packet[:24] + struct.pack("!4H", *case.mapping.locator)
            + case.packet[32:])


def as_again(_case, results):
    return results.kernel_again


# 'applies' says of a case whether Linux may differ, and 'wanted', of a case
# and its results, what it does then; None if Linux is not asked.
Known = collections.namedtuple("Known", "name reason applies wanted")

CHAIN = ("Linux looks for a transport header after the fixed header only: the "
         "checksum becomes wrong")
KNOWN = (
    # A warning taints the kernel, which the end of all tests looks for.
    Known("C bit collision",
          "Linux warns and sends a wrong identifier; we drop (vector e24)",
          collides, None),
    Known("group",
          "Linux translates what goes to a group; we do not (vector i41)",
          lambda case: case.mapping and is_group(case.mapping), locator_only),
    Known("adj-transport, options", CHAIN + " (vectors e06, e11)",
          lambda case: is_behind(case, "options"), address_only),
    Known("adj-transport, routing header", CHAIN + " (vector e11)",
          lambda case: is_behind(case, "routing"), address_only),
    Known("adj-transport, authentication header", CHAIN,
          lambda case: is_behind(case, "AH"), address_only),
    Known("adj-transport, first fragment", CHAIN + " (vector e07)",
          lambda case: is_behind(case, "first fragment"), address_only),
    Known("adj-transport, atomic fragment", CHAIN + " (vector e09)",
          lambda case: is_behind(case, "atomic fragment"), address_only),
    Known("type of identifier",
          "\"ip ila\" stores the type and never looks at it; we enforce "
          "use-format",
          lambda case: (mismatches(case) and case.mapping.direction == "in"),
          as_again),
    Known("adj-transport, sign",
          "Linux moves the checksum the wrong way, as we do with "
          "adj-transport-compat (vectors e01, i01)",
          lambda case: is_adjusted(case) and case.l4 == "direct", as_again),
)


def is_sent_again(case):
    return case.mapping and not is_group(case.mapping) and (
        case.mapping.mode == "adj-transport" or mismatches(case))


class Report:
    def __init__(self):
        self.known = collections.Counter()
        self.seen = collections.Counter()
        self.n_errors = 0

    def error(self, case, results, why):
        self.n_errors += 1
        if self.n_errors > MAX_REPORTS:
            return
        print(f"packet {case.number}, device {case.device}, "
              f"l4 {case.l4}, {sorted(case.features)}: {why}")
        if case.mapping:
            print("  mapping      " + linux(case.mapping))
        print("  sent         " + case.packet.hex())
        for name, value in zip(Results._fields, results):
            print(f"  {name:<12} " + (value.hex() if value else "-"))

    def judge(self, case, results):
        if (results.kernel != results.user
                or results.kernel_again != results.user_again):
            self.error(case, results, "our datapaths differ")
            return
        if case.mapping:
            self.seen[f"{case.mapping.direction}, {case.mapping.mode}"] += 1
            if results.kernel == case.packet:
                self.seen["mapping, nothing changed"] += 1
        else:
            self.seen["no mapping"] += 1
        known = next((k for k in KNOWN if k.applies(case)), None)
        if known is None:
            if results.linux != results.kernel:
                self.error(case, results, "Linux differs")
        elif known.wanted is None:
            if results.kernel is not None:
                self.error(case, results, f"{known.name}: not dropped")
            self.known[known.name] += 1
        else:
            if results.linux != known.wanted(case, results):
                self.error(case, results,
                           f"{known.name}: Linux does something else")
            self.known[known.name] += results.linux != results.kernel

    def finish(self):
        for name, n in sorted(self.seen.items()):
            print(f"{n:5} {name}")
        for known in KNOWN:
            print(f"{self.known[known.name]:5} differ: {known.name}: "
                  f"{known.reason}")
            if not self.known[known.name]:
                print(f"{known.name}: never happened")
                self.n_errors += 1
        for direction in "in", "out":
            for mode in MODES:
                if self.seen[f"{direction}, {mode}"] < 20:
                    print(f"{direction}, {mode}: too few packets")
                    self.n_errors += 1
        print(f"{self.n_errors} errors")


def exchange(ways, cases):
    """Returns what came out of each way, lists in the order of 'cases'."""
    results = []
    for way in ways:
        got = {}
        for i in range(0, len(cases), BATCH):
            got.update(way.exchange(cases[i:i + BATCH]))
        results.append([got.pop(case.number, None) for case in cases])
        if got:
            raise AssertionError(f"{way.name}: nobody sent {got}")
    return results


def ask_linux(mappings, cases):
    way = Linux()
    way.fill(mappings.values())
    cases = [case for case in cases if not collides(case)]
    with open("linux.results", "w", encoding="ascii") as f:
        for case, packet in zip(cases, exchange([way], cases)[0]):
            if packet:
                f.write(f"{case.number} {packet.hex()}\n")


def ask_us(mappings, cases):
    """Returns a dictionary by number, of pairs."""
    ways = Kernel(), User()
    results = []
    try:
        for like_linux in False, True:
            for way in ways:
                way.fill(mappings.values(), like_linux)
            if like_linux:
                cases = [case for case in cases if is_sent_again(case)]
            results.append(dict(zip((case.number for case in cases),
                                    zip(*exchange(ways, cases)))))
    finally:
        ways[1].close()
    return results


def compare(mappings, cases):
    """Returns the number of errors."""
    with open("linux.results", encoding="ascii") as f:
        linux_did = {int(number): bytes.fromhex(packet)
                     for number, packet in map(str.split, f)}
    first, again = ask_us(mappings, cases)
    report = Report()
    for case in cases:
        report.judge(case, Results(linux_did.get(case.number),
                                   *first[case.number],
                                   *again.get(case.number, (None, None))))
    report.finish()
    return report.n_errors


def main(what, seed, n_packets):
    # All packets take the same way, so that a marker overtakes nothing.
    os.sched_setaffinity(0, {0})
    rng = random.Random(int(seed))
    mappings = random_mappings(rng)
    cases = [random_case(rng, i, mappings) for i in range(int(n_packets))]
    print(f"{what}: seed {seed}, {len(mappings)} mappings, "
          f"{len(cases)} packets")
    if what == "linux":
        ask_linux(mappings, cases)
        return 0
    return compare(mappings, cases) > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
