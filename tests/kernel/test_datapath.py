# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the kernel module that need no kernel to load it into.

"make check-datapath" runs them at the top of the source; the environment says
where the modules (MODULES), Linux's checkpatch.pl (CHECKPATCH), the tree for
DKMS (DKMS_TREE) and the kernel to build for (LINUX) are."""

import glob
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

MODES = {"adj-transport": 0, "neutral-map": 1, "no-action": 2,
         "neutral-map-auto": 3}
IN, OUT = 1, 2
DST, SRC = 0, 1
LUID, USE_FORMAT = 1, 32

SIR = "3333000000000001"
ILA = "2001000000870000"
CSUM_AT = {6: 16, 17: 6, 58: 2}

MODULES = "openvswitch", "vport-geneve", "vport-gre", "vport-vxlan"


def locator(text):
    """Four hexadecimal words as 16 digits."""
    return "".join(f"{int(word, 16):04x}" for word in text.split(":"))


def total(data):
    """The one's complement sum of 'data', of even length."""
    result = sum(int.from_bytes(data[i:i + 2], "big")
                 for i in range(0, len(data), 2))
    while result >> 16:
        result = (result & 0xffff) + (result >> 16)
    return result


def pseudo(packet, proto, length):
    return packet[8:40] + length.to_bytes(4, "big") + bytes([0, 0, 0, proto])


def random_packet(rng, prefix, chain=True):
    """A packet from a random source to an identifier of 'prefix', with a
    right checksum, and where its transport header is."""
    proto = rng.choice((6, 17, 58))
    size = rng.randrange(20, 80) * 2
    l4 = bytearray(rng.randbytes(size))
    extra, first = b"", proto
    if chain and rng.random() < .5:
        options = rng.randrange(3)
        first = rng.choice((0, 60, 44))
        extra = (bytes([proto, 0, 0, rng.randrange(2)]) + rng.randbytes(4)
                 if first == 44 else
                 bytes([proto, options, 1, 4 + 8 * options])
                 + bytes(4 + 8 * options))
    packet = (b"\x60\0\0\0" + (len(extra) + size).to_bytes(2, "big")
              + bytes([first, 64]) + b"\x20\x01" + rng.randbytes(14)
              + bytes.fromhex(prefix) + b"\x20" + rng.randbytes(7))
    at = CSUM_AT[proto]
    l4[at:at + 2] = b"\0\0"
    check = 0xffff ^ total(pseudo(packet, proto, size) + l4)
    l4[at:at + 2] = (check or 0xffff).to_bytes(2, "big")
    return packet + extra + bytes(l4), 40 + len(extra), proto


def checksum_is_good(packet, l4, proto):
    return total(pseudo(packet, proto, len(packet) - l4)
                 + packet[l4:]) == 0xffff


class Arithmetic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.program = os.path.join(scratch.name, "test-ila-kernel")
        subprocess.run(
            [*os.environ.get("CC", "cc").split(), "-O1", "-g", "-Wall",
             "-Wextra", "-Werror", "-fsanitize=address,undefined",
             "-fno-sanitize-recover=all",
             "-include", os.path.join(HERE, "kernel-shim.h"),
             "-I", os.path.join(HERE, "shim"),
             "-I", os.path.join(TOP, "include"),
             "-I", os.path.join(TOP, "datapath"), "-o", cls.program,
             os.path.join(HERE, "test-ila-kernel.c"),
             os.path.join(TOP, "datapath", "ila.c")], check=True)

    def run_all(self, cases):
        """'cases' are tuples of what a line of input has; returns the lines of
        output."""
        text = "".join(" ".join(map(str, case)) + "\n" for case in cases)
        result = subprocess.run([self.program], input=text, text=True,
                                stdout=subprocess.PIPE, check=True)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), len(cases))
        return lines

    def test_vectors(self):
        """The vectors that are about one mapping, and their inverses."""
        path = os.path.join(TOP, "tests", "ila-vectors.json")
        with open(path, encoding="utf-8") as f:
            vectors = json.load(f)["vectors"]
        cases, expected = [], []
        for v in vectors:
            if v["match_index"] is None:
                continue
            m = v["table"][v["match_index"]]
            direction = IN if m["direction"] == "ila2sir" else OUT
            partial = int(v["l4_partial"])
            mode = MODES[m["csum_mode"]]
            cases.append((locator(m["locator"]), mode, direction, DST, LUID, 0,
                          partial, v["in"]))
            expected.append((v["id"], "drop" if v["verdict"] == "drop"
                             else v["out"]))
            if v["verdict"] == "translate" and m["match_locator"]:
                cases.append((locator(m["match_locator"]), mode,
                              IN + OUT - direction, DST, LUID, 0, partial,
                              v["out"]))
                expected.append((v["id"] + " inverse", v["inverse"]))
        self.assertGreater(len(cases), 80)
        for output, (name, wanted) in zip(self.run_all(cases), expected):
            with self.subTest(name):
                self.assertEqual(output, wanted)

    def test_multicast_passes(self):
        packet = "60" + "00" * 5 + "3b40" + "20" + "00" * 15 + "ff02" + \
            "00" * 14
        for mode in MODES.values():
            self.assertEqual(self.run_all([(SIR, mode, IN, DST, LUID, 0, 0,
                                            packet)]), ["pass"])

    def test_use_format(self):
        """Only identifiers whose type bits say LUID are translated."""
        cases = [(ILA, 2, OUT, DST, USE_FORMAT, 0, 0,
                  "60" + "00" * 5 + "3b40" + "20" + "00" * 15 + SIR
                  + f"{first:02x}" + "00" * 6 + "01")
                 for first in range(256)]
        for first, output in enumerate(self.run_all(cases)):
            self.assertEqual(output == "pass", first >> 5 != 1, hex(first))

    def test_validation(self):
        packet = "60" + "00" * 39
        good = dict(locator=SIR, csum_mode=0, dir=OUT, field=DST,
                    ident_type=LUID, flags=0)
        bad = [("locator", x) for x in ("0" * 16, "ff02" + "0" * 12,
                                        "fe80" + "0" * 12,
                                        "febf" + "0" * 12)]
        bad += [("csum_mode", x) for x in (4, 255)]
        bad += [("dir", x) for x in (0, 3, 255)]
        bad += [("field", x) for x in (2, 255)]
        bad += [("ident_type", x) for x in (0, 2, 31, 33, 255)]
        bad += [("flags", x) for x in (1, 0x80000000)]
        cases = [(*{**good, name: value}.values(), 0, packet)
                 for name, value in bad]
        self.assertEqual(self.run_all(cases),
                         [f"invalid {name}" for name, _ in bad])
        fine = [("locator", "fec0" + "0" * 12), ("locator", "0" * 15 + "1"),
                ("csum_mode", 3), ("dir", IN), ("field", SRC),
                ("ident_type", USE_FORMAT)]
        cases = [(*{**good, name: value}.values(), 0, packet)
                 for name, value in fine]
        for output in self.run_all(cases):
            self.assertNotIn("invalid", output)

    def test_adjusted_checksums(self):
        """They are what a receiver computes, for both fields."""
        rng = random.Random(1)
        packets = [random_packet(rng, SIR) for _ in range(20000)]
        for field in DST, SRC:
            outputs = self.run_all([(ILA, 0, OUT, field, LUID, 0, 0, p.hex())
                                    for p, _, _ in packets])
            at = 24 if field == DST else 8
            for output, (p, l4, proto) in zip(outputs, packets):
                output = bytes.fromhex(output)
                self.assertEqual(output[at:at + 8].hex(), ILA)
                self.assertTrue(checksum_is_good(output, l4, proto), p.hex())
                at_check = l4 + CSUM_AT[proto]
                self.assertFalse(proto == 17 and
                                 output[at_check:at_check + 2] == b"\0\0")

    def test_partial_checksums(self):
        """When the device has finished them they are right."""
        rng = random.Random(2)
        cases, packets = [], []
        for _ in range(5000):
            packet, l4, proto = random_packet(rng, SIR, chain=False)
            at = l4 + CSUM_AT[proto]
            sum_ = total(pseudo(packet, proto, len(packet) - l4))
            packet = (packet[:at] + sum_.to_bytes(2, "big") + packet[at + 2:])
            packets.append((l4, proto))
            cases.append((ILA, 0, OUT, DST, LUID, 0, 1, packet.hex()))
        for output, (l4, proto) in zip(self.run_all(cases), packets):
            output = bytes.fromhex(output)
            at = l4 + CSUM_AT[proto]
            check = 0xffff ^ total(output[l4:])
            output = output[:at] + check.to_bytes(2, "big") + output[at + 2:]
            self.assertTrue(checksum_is_good(output, l4, proto))

    def test_neutral_modes(self):
        """Nothing but the address changes, its sum does not, and there is a
        way back."""
        rng = random.Random(3)
        for mode in MODES["neutral-map"], MODES["neutral-map-auto"]:
            packets = []
            while len(packets) < 10000:
                packet = random_packet(rng, SIR)[0]
                if packet[38:40] != b"\0\0":    # It would return as ffff.
                    packets.append(packet)
            there = self.run_all([(ILA, mode, OUT, DST, LUID, 0, 0, p.hex())
                                  for p in packets])
            back = self.run_all([(SIR, mode, IN, DST, LUID, 0, 0, out)
                                 for out in there])
            for packet, out, again in zip(packets, there, back):
                out = bytes.fromhex(out)
                self.assertEqual(out[:24] + out[40:],
                                 packet[:24] + packet[40:])
                self.assertEqual(total(out), total(packet))
                self.assertEqual(again, packet.hex())

    def test_cut_off(self):
        """A packet of any length is read within its bounds."""
        rng = random.Random(4)
        cases = []
        for _ in range(300):
            packet = random_packet(rng, SIR)[0]
            cases += [(ILA, 0, OUT, DST, LUID, 0, 0, packet[:n].hex())
                      for n in range(40, min(len(packet), 100))]
        self.run_all(cases)

    def test_any_bytes(self):
        rng = random.Random(5)
        self.run_all([(ILA, 0, rng.choice((IN, OUT)), rng.choice((DST, SRC)),
                       LUID, 0, rng.randrange(2),
                       (b"\x60" + rng.randbytes(5)
                        + rng.choice((b"\0", b"\x2b", b"\x2c", b"\x33",
                                      b"\x3c", b"\x06"))
                        + rng.randbytes(rng.randrange(33, 200))).hex())
                      for _ in range(20000)])


def make_stubs(scratch, names):
    """Empty headers in the directory 'scratch'."""
    for name in names:
        path = os.path.join(scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8"):
            pass


def compile_shimmed(scratch, options, shim, program, *sources):
    """Compiles programs of tests with files of the module, for user space;
    'shim' and the empty headers in 'scratch' stand for the kernel's."""
    subprocess.run(
        [*os.environ.get("CC", "cc").split(), *options, "-g", "-Wall",
         "-Wextra", "-Werror", "-pthread", "-fno-strict-aliasing",
         "-include", os.path.join(HERE, shim), "-I", scratch,
         "-I", os.path.join(HERE, "shim"),
         "-I", os.path.join(TOP, "include"),
         "-I", os.path.join(TOP, "datapath"), "-o", program, *sources],
        check=True)


def run_program(*args):
    """What a program that fails has printed stands with the failure, at the
    end, where it is read; of many reports the first ones."""
    result = subprocess.run(args, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True,
                            errors="replace", check=False)
    if result.returncode:
        raise AssertionError(f"{' '.join(args)}: exit status "
                             f"{result.returncode}\n{result.stdout[:8000]}")
    print(result.stdout, end="", flush=True)


def run_shimmed(options, shim, stubs, test, source, *args):
    """Runs the program 'test', with 'source' of the module."""
    with tempfile.TemporaryDirectory() as scratch:
        make_stubs(scratch, stubs)
        program = os.path.join(scratch, "test")
        compile_shimmed(scratch, options, shim, program,
                        os.path.join(HERE, test),
                        os.path.join(TOP, "datapath", source))
        run_program(program, *args)


class MatchCache(unittest.TestCase):
    """The match cache, in user space."""

    # Headers that match-cache-shim.h stands for.
    STUBS = ("linux/jhash.h", "linux/list.h", "linux/percpu.h",
             "linux/random.h", "linux/rcupdate.h", "linux/slab.h",
             "linux/spinlock.h", "linux/u64_stats_sync.h", "net/netlink.h")

    def run_with(self, sanitizer, *args):
        run_shimmed(("-O1", "-fsanitize=" + sanitizer,
                     "-fno-sanitize-recover=all"),
                    "match-cache-shim.h", self.STUBS,
                    "test-match-cache-kernel.c", "match_cache.c", *args)

    def test_one_thread(self):
        """Policies, sharing, limit, lack of memory, age; no leak."""
        self.run_with("address,undefined")

    def test_threads_memory(self):
        """Dumps, changes and configuration at once: nothing freed is used."""
        self.run_with("address,undefined", "3000")

    def test_threads_races(self):
        """The same without data races."""
        self.run_with("thread", "1000")


class IlaTable(unittest.TestCase):
    """The ILA mapping table, in user space."""

    # Headers that ila-table-shim.h stands for.
    STUBS = ("asm/barrier.h", "linux/atomic.h", "linux/bitops.h",
             "linux/bits.h", "linux/compiler.h", "linux/gfp.h",
             "linux/hash.h", "linux/jhash.h", "linux/jiffies.h",
             "linux/kernel.h", "linux/log2.h", "linux/math64.h",
             "linux/mm.h", "linux/mutex.h", "linux/percpu.h",
             "linux/pgtable.h", "linux/random.h", "linux/rcupdate.h",
             "linux/sched.h", "linux/slab.h")
    SOURCES = ("ila.c", "ila_counts.c", "ila_index.c", "ila_load.c",
               "ila_pool.c", "ila_slot.c", "ila_table.c", "ila_value.c")

    programs = {}

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.addClassCleanup(cls.programs.clear)
        cls.scratch = scratch.name
        make_stubs(cls.scratch, cls.STUBS)

    def program(self, *options):
        if options not in self.programs:
            path = os.path.join(self.scratch, f"test-{len(self.programs)}")
            compile_shimmed(
                self.scratch, options, "ila-table-shim.h", path,
                os.path.join(HERE, "ila-table-shim.c"),
                *glob.glob(os.path.join(HERE, "test-ila-table-*.c")),
                *(os.path.join(TOP, "datapath", source)
                  for source in self.SOURCES))
            self.programs[options] = path
        return self.programs[options]

    def memory_checked(self):
        return self.program("-O1", "-fsanitize=address,undefined",
                            "-fno-sanitize-recover=all")

    def run_script(self, lines):
        """Returns the lines of output."""
        result = subprocess.run([self.memory_checked(), "script"],
                                input="".join(s + "\n" for s in lines),
                                stdout=subprocess.PIPE, text=True, check=True)
        output = result.stdout.splitlines()
        self.assertEqual(len(output), len(lines))
        return output

    @staticmethod
    def match(direction=OUT, loc=None, ident=None, port=None, fields=None):
        """struct ovs_ila_match."""
        if fields is None:
            fields = ((loc is not None) + 2 * (port is not None)
                      + 4 * (ident is not None))
        return struct.pack("=8s8sIBBH", bytes.fromhex(loc or "00" * 8),
                           bytes.fromhex(ident or "00" * 8), port or 0,
                           direction, fields, 0)

    def entry(self, to, mode=2, ident_type=LUID, flags=0, zero=0, **match):
        """struct ovs_ila_entry."""
        return self.match(**match) + struct.pack(
            "=8sBBBBII", bytes.fromhex(to), mode, ident_type, flags, zero, 0,
            0)

    def test_vectors(self):
        """All vectors, whether one entry is there or many."""
        path = os.path.join(TOP, "tests", "ila-vectors.json")
        with open(path, encoding="utf-8") as f:
            vectors = json.load(f)["vectors"]
        lines, expected = [], []
        for v in vectors:
            lines.append("new")
            expected.append("ok")
            for m in v["table"]:
                loc = m["match_locator"]
                entry = self.entry(
                    locator(m["locator"]), mode=MODES[m["csum_mode"]],
                    direction=IN if m["direction"] == "ila2sir" else OUT,
                    loc=locator(loc) if loc else None,
                    ident=m.get("identifier"), port=m.get("in_port"))
                lines.append(f"add 0 {entry.hex()}")
                expected.append("ok")
            lines.append(f"lookup {2 | 4} {v['in_port']} {v['in'][48:80]}")
            if v["match_index"] is None:
                expected.append("miss")
                continue
            m = v["table"][v["match_index"]]
            fields = ((m["match_locator"] is not None)
                      + 2 * (m.get("in_port") is not None)
                      + 4 * (m.get("identifier") is not None))
            verdict = {"pass": 0, "translate": 1, "drop": 2}[v["verdict"]]
            direction = IN if m["direction"] == "ila2sir" else OUT
            to = v["out"][48:80] if verdict == 1 else "0" * 32
            expected.append(f"{verdict} {fields} {direction} "
                            f"{locator(m['locator'])} {to}")
        output = self.run_script(lines)
        self.assertGreater(len(output), 130)
        at = 0
        for v in vectors:
            n = len(v["table"]) + 2
            with self.subTest(v["id"]):
                self.assertEqual(output[at:at + n], expected[at:at + n])
            at += n
        self.assertEqual(at, len(output))

    def test_errors(self):
        """What is no mapping is refused, with the member that is bad."""
        ident, other = "2000000000010087", "3000000000010087"
        good = {"to": ILA, "loc": SIR}
        refused = [
            ({"direction": 0}, "-22 match.dir"),
            ({"direction": 3}, "-22 match.dir"),
            ({"fields": 0, "loc": None}, "-22 match.fields"),
            ({"port": 1, "loc": None}, "-22 match.fields"),
            ({"fields": 9}, "-22 match.fields"),
            ({"loc": "ff02" + "0" * 12}, "-22 match.locator"),
            ({"fields": 4}, "-22 match.locator"),
            ({"fields": 1, "ident": ident}, "-22 match.identifier"),
            ({"port": 65535}, "-22 match.in_port"),
            ({"port": 1, "fields": 1}, "-22 match.in_port"),
            ({"to": "0" * 16}, "-22 locator"),
            ({"to": "ff02" + "0" * 12}, "-22 locator"),
            ({"to": "fe80" + "0" * 12}, "-22 locator"),
            ({"to": "febf" + "f" * 12}, "-22 locator"),
            ({"mode": 4}, "-22 csum_mode"),
            ({"mode": 255}, "-22 csum_mode"),
            ({"zero": 1}, "-22 zero"),
            ({"flags": 16}, "-22 flags"),
            ({"flags": 1}, "-22 flags"),
            ({"flags": 2, "mode": 1}, "-22 flags"),
            ({"flags": 2, "direction": IN}, "-22 flags"),
            ({"flags": 4}, "-22 flags"),
            ({"mode": 1, "ident": other}, "-22 match.identifier"),
            ({"mode": 1, "direction": IN, "ident": other},
             "-22 match.identifier"),
            ({"mode": 1, "direction": IN, "ident": ident, "loc": None},
             "-22 match.fields"),
            ({"mode": 3, "direction": IN, "ident": ident, "loc": None},
             "-22 match.fields"),
        ]
        refused += [({"ident_type": t}, "-95 ident_type" if 2 <= t <= 5
                     else "-22 ident_type")
                    for t in range(256) if t not in (LUID, USE_FORMAT)]
        lines = [f"add 0 {self.entry(**{**good, **bad}).hex()}"
                 for bad, _ in refused]
        lines.append(f"lookup 6 1 {SIR}{ident}")
        for line, output, (bad, wanted) in zip(lines, self.run_script(lines),
                                               [*refused, ({}, "miss")]):
            with self.subTest(bad):
                self.assertEqual(output, wanted, line)

    def test_accepted(self):
        """What is unusual, but a mapping."""
        ident, other = "2000000000010087", "3000000000010087"
        unusual = [
            {"flags": 7 - 4, "mode": 1, "direction": IN},
            {"flags": 4, "mode": 0},
            {"flags": 8, "port": 1},
            {"mode": 3, "ident": other}, {"mode": 1, "ident": ident,
                                          "loc": None},
            {"loc": "0" * 16}, {"port": 65534},
            {"ident": "0" * 16, "loc": None},
            {"ident_type": USE_FORMAT, "ident": "0" * 16},
        ]
        lines = [f"add 2 {self.entry(**{'to': ILA, 'loc': SIR, **e}).hex()}"
                 for e in unusual]
        self.assertEqual(self.run_script(lines), ["ok"] * len(lines))

    def test_two_zeros(self):
        """An entry restores its own identifier, and two identifiers that are
        the same on the wire cannot both be there."""
        for mode in MODES["neutral-map"], MODES["neutral-map-auto"]:
            zero, ones = "2000000000010000", "200000000001ffff"
            first, second = (
                self.entry(SIR, mode=mode, direction=IN, loc=ILA,
                           ident=ident).hex() for ident in (zero, ones))
            out = self.entry(ILA, mode=mode, loc=SIR).hex()
            wire = self.run_script(
                [f"add 0 {out}", f"lookup 4 1 {SIR}{zero}"])[1].split()[-1]
            match = self.match(direction=IN, loc=ILA, ident=zero).hex()
            output = self.run_script(
                [f"add 0 {first}", f"add 0 {second}",
                 f"lookup 2 1 {wire}", f"del 1 {match}", f"add 0 {second}",
                 f"lookup 2 1 {wire}", f"del 1 {match}"])
            self.assertEqual(output[:2], ["ok", "-17 -"])
            self.assertEqual(output[2], f"1 5 1 {SIR} {SIR}{zero}")
            self.assertEqual(output[3:5], ["ok", "ok"])
            self.assertEqual(output[5], f"1 5 1 {SIR} {SIR}{ones}")
            self.assertEqual(output[6], "-2 -")

    def test_restore_zero(self):
        """Where no identifier is stored, the flag says which zero it is."""
        for mode in MODES["neutral-map"], MODES["neutral-map-auto"]:
            zero, ones = "2000000000010000", "200000000001ffff"
            out = self.entry(ILA, mode=mode, loc=SIR).hex()
            wire = self.run_script(
                [f"add 0 {out}", f"lookup 4 1 {SIR}{zero}"])[1].split()[-1]
            for flags, restored in (0, ones), (2, zero):
                back = self.entry(SIR, mode=mode, direction=IN, loc=ILA,
                                  flags=flags).hex()
                output = self.run_script(
                    [f"add 0 {back}", f"lookup 2 1 {wire}",
                     f"lookup 2 1 {ILA}{ones}"])
                self.assertEqual(output[1],
                                 f"1 1 1 {SIR} {SIR}{restored}")
                if mode == MODES["neutral-map"]:    # Nothing was adjusted.
                    self.assertEqual(output[2],
                                     f"1 1 1 {SIR} {SIR}{ones}")

    def test_use_format(self):
        """A packet of another type is a hit that is not translated."""
        lines = [f"add 0 {self.entry(ILA, ident_type=32, loc=SIR).hex()}"]
        lines += [f"lookup 4 1 {SIR}{first:02x}{'0' * 14}"
                  for first in range(256)]
        for first, output in enumerate(self.run_script(lines)[1:]):
            self.assertEqual(output[0], "1" if first >> 5 == 1 else "0")

    def test_model(self):
        """A million operations have the results that a simple table has, with
        a good hash and one that collides."""
        for seed in range(2, 12):
            run_program(self.program("-O2"), "model", "100000", str(seed))

    def test_model_memory(self):
        for seed in 12, 13:
            run_program(self.memory_checked(), "model", "30000", str(seed))

    def test_listing(self):
        """Whatever changes, what was there all the time is listed once."""
        for seed in 1, 2, 3:
            run_program(self.memory_checked(), "listing", "0", str(seed))

    def test_graces(self):
        """What a reader sees at each point of a change, and keeps."""
        run_program(self.memory_checked(), "graces")

    def test_lack_of_memory(self):
        """Whichever allocation fails, nothing has changed, and nothing
        leaks."""
        run_program(self.memory_checked(), "faults")

    def test_threads_memory(self):
        """Packets see what is there before or after a change, never nothing;
        nothing freed is used; no packet is counted twice or never."""
        run_program(self.memory_checked(), "storm", "60")

    def test_threads_races(self):
        """The same without data races."""
        run_program(self.program("-O1", "-fsanitize=thread"), "storm", "40")


class RingLane(unittest.TestCase):
    """Lanes of the ring, in user space."""

    # Headers that ring-shim.h stands for.
    STUBS = ("asm/barrier.h", "linux/align.h", "linux/bitops.h",
             "linux/log2.h", "linux/string.h")

    def run_with(self, options, *args):
        run_shimmed(options, "ring-shim.h", self.STUBS,
                    "test-ring-lane-kernel.c", "ring_lane.c", *args)

    def run_checked(self, *args):
        self.run_with(("-O1", "-fsanitize=address,undefined",
                       "-fno-sanitize-recover=all"), *args)

    def test_numbers(self):
        """R1, R3, R4, R11: geometry, density, held segments, waking."""
        self.run_checked("layout")

    def test_model(self):
        """R2, R7: random steps against a naive model; counters are exact."""
        self.run_checked("model", "1000")

    def test_interleavings(self):
        """R2: all sequences of seven steps, records never finished, too."""
        self.run_with(("-O2", ), "interleavings", "7")

    def test_malicious(self):
        """R2: records do not overlap, whatever the consumer writes."""
        self.run_checked("malicious", "1000")

    def test_threads_memory(self):
        """R6: producer and consumer at once, nobody sleeps for ever."""
        self.run_checked("threads", "1000000")

    def test_threads_races(self):
        """The same without data races."""
        self.run_with(("-O1", "-fsanitize=thread"), "threads", "300000")


class Modules(unittest.TestCase):
    @unittest.skipUnless("MODULES" in os.environ, "run by make check-datapath")
    @unittest.skipUnless(shutil.which("modinfo", path="/sbin:/usr/sbin:"
                                      + os.environ.get("PATH", "")),
                         "no modinfo: install the Debian package kmod")
    def test_version(self):
        """modinfo says which version of the fork it is; DKMS goes by it."""
        modinfo = shutil.which("modinfo", path="/sbin:/usr/sbin:"
                               + os.environ.get("PATH", ""))
        for name in MODULES:
            with self.subTest(name):
                version = subprocess.run(
                    [modinfo, "-F", "version",
                     os.path.join(os.environ["MODULES"], name + ".ko")],
                    stdout=subprocess.PIPE, text=True,
                    check=True).stdout.strip()
                self.assertEqual(version, os.environ["VERSION"])

    @unittest.skipUnless("MODULES" in os.environ, "run by make check-datapath")
    def test_all_there(self):
        for name in MODULES:
            self.assertTrue(os.path.exists(os.path.join(
                os.environ["MODULES"], name + ".ko")), name)


def dkms_program():
    """Debian's dkms, not installed: nothing but this test should use it."""
    program = shutil.which("dkms", path="/usr/sbin:"
                           + os.environ.get("PATH", ""))
    if program:
        return program
    result = subprocess.run(
        [os.path.join(TOP, "build-aux", "fetch-package"), "dkms"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if result.returncode:
        raise unittest.SkipTest("no dkms, and Debian's could not be had")
    return os.path.join(result.stdout.strip(), "usr/sbin/dkms")


@unittest.skipUnless("DKMS_TREE" in os.environ, "run by make check-datapath")
class Dkms(unittest.TestCase):
    """What "make datapath-dkms" makes, in DKMS's hands: but for the headers,
    all that it reads and writes is in a directory of its own."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.at = scratch.name
        self.program = dkms_program()
        # It wants to be root, who it need not really be.
        self.prefix = []
        if os.geteuid():
            self.prefix = ["unshare", "-r"]
            if subprocess.run([*self.prefix, "true"],
                              stderr=subprocess.DEVNULL).returncode:
                raise unittest.SkipTest("dkms wants to be root")
        version = os.environ["VERSION"]
        self.module = f"openvswitch-extended/{version}"
        with open(os.path.join(os.environ["LINUX"],
                               "include/generated/utsrelease.h"),
                  encoding="utf-8") as f:
            self.release = f.read().split('"')[1]
        self.installed = os.path.join(self.at, "installed", self.release)
        own = os.path.join(self.installed, "kernel/net/openvswitch")
        os.makedirs(self.at + "/tree")
        os.makedirs(own)
        # Linux's have no version, nor has an empty file.
        for name in MODULES:
            with open(os.path.join(own, name + ".ko"), "wb"):
                pass

    def dkms(self, action, *options):
        result = subprocess.run(
            [*self.prefix, "bash", self.program, action, *options,
             "--dkmstree", self.at + "/tree",
             "--sourcetree", os.path.dirname(os.environ["DKMS_TREE"]),
             "--installtree", os.path.dirname(self.installed),
             "-k", self.release],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            for path in glob.glob(self.at + "/tree/**/make.log",
                                  recursive=True):
                with open(path, encoding="utf-8") as f:
                    result.stdout += f.read()
            self.fail(result.stdout)
        return result.stdout

    def modules(self):
        """Where which modules are."""
        return sorted((os.path.relpath(at, self.installed), name)
                      for at, _, names in os.walk(self.installed)
                      for name in names)

    def test_dkms(self):
        """All modules are built, come in front of the kernel's, and go."""
        own = self.modules()
        self.dkms("add", self.module)
        self.dkms("build", self.module,
                  "--kernelsourcedir", os.environ["LINUX"])
        self.assertIn(": built", self.dkms("status"))
        self.dkms("install", self.module, "--no-depmod")
        self.assertIn(": installed", self.dkms("status"))
        self.assertEqual(self.modules(), own + [("updates/dkms", name + ".ko")
                                                for name in MODULES])
        self.dkms("remove", self.module, "--no-depmod")
        self.assertEqual(self.modules(), own)
        self.assertEqual(self.dkms("status"), "")


class Style(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(os.environ.get("CHECKPATCH", "")),
                         "run by make check-datapath")
    @unittest.skipUnless(shutil.which("perl"), "no perl")
    def test_checkpatch(self):
        """Kernel coding style, as Linux's own checker sees it."""
        files = sorted(glob.glob(os.path.join(TOP, "datapath", "*.[ch]"))
                       + glob.glob(os.path.join(HERE, "*.c")))
        result = subprocess.run(
            ["perl", os.environ["CHECKPATCH"], "--strict", "--no-tree",
             "--terse", "--no-summary", "-f", *files],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
