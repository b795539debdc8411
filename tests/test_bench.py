# SPDX-License-Identifier: Apache-2.0
"""Tests of the benchmark harness: its arithmetic, its files, and that each
kind of case comes to a result.  No figure is judged here."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "bench"))
from harness import callgrind, hooks, machine, plot         # noqa: E402
from harness import registry, report, results, stats        # noqa: E402
from cases import xdp_switch                                # noqa: E402


class Stats(unittest.TestCase):
    def test_median(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(stats.median([7]), 7)
        self.assertRaises(ValueError, stats.median, [])

    def test_quantile(self):
        self.assertEqual(stats.quantile([5, 1, 3], 0), 1)
        self.assertEqual(stats.quantile([5, 1, 3], 1), 5)
        self.assertEqual(stats.quantile([5, 1, 3], 0.25), 2)
        self.assertEqual(stats.quantile([5], 0.75), 5)

    def test_ratio_above_one_is_better_either_way(self):
        self.assertEqual(stats.ratio(10, 20, False), 2)
        self.assertEqual(stats.ratio(20, 10, False), 0.5)
        self.assertEqual(stats.ratio(20, 10, True), 2)
        self.assertRaises(ValueError, stats.ratio, 0, 1, True)
        self.assertRaises(ValueError, stats.ratio, 1, -1, True)

    def test_spread_ignores_what_both_sides_share(self):
        self.assertEqual(stats.spread([1, 2, 3, 4], [2, 4, 6, 8], False), 0)
        self.assertAlmostEqual(
            stats.spread([1, 1, 1], [1, 2, 3], False), 0.5)
        self.assertRaises(ValueError, stats.spread, [1], [1, 2], False)

    def test_crossing(self):
        line = [(100, 10), (200, 20), (400, 80)]
        self.assertEqual(stats.crossing(line, 15), 150)
        self.assertEqual(stats.crossing(line, 50), 300)
        self.assertEqual(stats.crossing(line, 5), 50)
        self.assertEqual(stats.crossing(line, 110), 500)
        self.assertEqual(stats.crossing(reversed(line), 15), 150)
        self.assertRaises(ValueError, stats.crossing, [(1, 1)], 5)
        self.assertRaises(ValueError, stats.crossing, [(1, 1), (2, 1)], 5)


class Results(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "results.json")

    def test_compare(self):
        r = results.compare("a/b", "time", "ns", [1, 2, 3], [4, 4, 4])
        self.assertEqual((r.ours, r.baseline, r.ratio, r.rounds),
                         (2, 4, 2, 3))
        self.assertFalse(r.higher_is_better)
        self.assertRaises(ValueError, results.compare, "a", "m", "u", [1], [])

    def test_keys_of_the_file(self):
        results.write(self.path, [results.compare("a", "m", "u", [1], [1])])
        with open(self.path, encoding="utf-8") as f:
            items = json.load(f)
        self.assertEqual(list(items[0]), [
            "case", "metric", "unit", "ours", "baseline", "baseline_is",
            "ratio", "higher_is_better", "rounds", "spread"])
        self.assertEqual(len(results.read(self.path)), 1)

    def test_empty(self):
        self.assertEqual(results.read(self.path), [])
        results.write(self.path, [])
        self.assertEqual(results.read(self.path), [])

    def test_merge_replaces_whole_cases_only(self):
        def made(case, metric, value):
            return results.compare(case, metric, "u", [value], [1])

        old = [made("a", "x", 1), made("a", "y", 1), made("b", "x", 1),
               made("gone", "x", 1)]
        new = [made("a", "x", 2)]
        merged = results.merge(old, new, ["b", "a"])
        self.assertEqual([(r.case, r.metric, r.ours) for r in merged],
                         [("b", "x", 1), ("a", "x", 2)])

    def test_facts_follow_their_cases(self):
        a, b = (results.compare(c, "m", "u", [1], [1]) for c in "ab")
        machine.write(self.dir.name, {"n": "1"}, [a, b])
        machine.write(self.dir.name, {"n": "2"}, [b])
        machine.write(self.dir.name, {"n": "3"}, [])
        self.assertEqual(machine.read(self.dir.name), [
            {"facts": {"n": "1"}, "cases": ["a"]},
            {"facts": {"n": "2"}, "cases": ["b"]}])
        machine.write(self.dir.name, {"n": "4"}, [a])
        self.assertEqual([run["facts"]["n"]
                          for run in machine.read(self.dir.name)], ["2", "4"])


class Report(unittest.TestCase):
    ROWS = [results.compare("dump/x", "m <&>", "u", [1, 1], [9, 9]),
            results.compare("dump/y", "m", "u", [2, 2], [1, 1])]

    def test_plot_is_xml(self):
        svg = plot.ratios("a <b>", [(r.metric, r.ratio, r.spread)
                                    for r in self.ROWS])
        root = xml.etree.ElementTree.fromstring(svg)
        self.assertIn("m <&>", [e.text for e in root])

    def test_axis_holds_all(self):
        self.assertEqual(plot.axis([1, 1.001]), (0.98, 1.02))
        self.assertEqual(plot.axis([0.6, 9]), (0.5, 10))
        for low, high in ((0.98, 1.02), (0.1, 100), (0.5, 10)):
            shown = plot.ticks(low, high)
            self.assertEqual((shown[0], shown[-1]), (low, high))
            self.assertIn(1, shown)

    def test_page(self):
        with tempfile.TemporaryDirectory() as directory:
            report.write(directory, self.ROWS, {"kernel/x": "no QEMU"})
            with open(os.path.join(directory, "README.md"),
                      encoding="utf-8") as f:
                text = f.read()
            self.assertIn("| dump/x | m <&> | u | 1 | 9 | **9** |", text)
            self.assertIn("kernel/x: no QEMU", text)
            self.assertTrue(os.path.exists(
                os.path.join(directory, "dump.svg")))


class Registry(unittest.TestCase):
    CASES = [registry.Case(name, None)
             for name in ("dump/v4/10k", "dump/v6/10k", "forward/emc")]

    def names(self, *patterns):
        return [c.name for c in registry.select(self.CASES, patterns)]

    def test_select(self):
        self.assertEqual(len(self.names()), 3)
        self.assertEqual(self.names("dump"), ["dump/v4/10k", "dump/v6/10k"])
        self.assertEqual(self.names("forward/emc", "dump/v4"),
                         ["dump/v4/10k", "forward/emc"])
        self.assertEqual(self.names("*/10k"), ["dump/v4/10k", "dump/v6/10k"])
        with self.assertRaisesRegex(registry.UnknownCase, "dum: no such"):
            self.names("dump", "dum")

    def test_all_cases_have_names_of_a_family(self):
        names = [c.name for c in registry.load()]
        self.assertGreater(len(names), 10)
        for name in names:
            self.assertIn(name.split("/")[0], report.FAMILIES)


PROFILE = """\
# callgrind format
positions: line
events: Ir
fl=(1) ../ovs-src/lib/a.c
fn=(1) f
10 5
+2 7
cfi=(2) ../ovs-src/lib/b.h
cfn=(2) g
calls=3 +40
* 100
-1 1
fi=(2)
7 2
fe=(1)
11 4
fl=(2)
fn=(2)
52 100
"""


class Callgrind(unittest.TestCase):
    def test_lines(self):
        a, b = "../ovs-src/lib/a.c", "../ovs-src/lib/b.h"
        own, inclusive = callgrind.lines(PROFILE)
        self.assertEqual(own, {(a, 10): 5, (a, 12): 7, (a, 11): 5,
                               (b, 7): 2, (b, 52): 100})
        self.assertEqual(inclusive[a, 12], 107)
        self.assertEqual(inclusive[a, 11], 5)

    def test_summary_takes_the_dearest_case(self):
        def hook(text, instructions, patch="p.patch"):
            return {"patch": patch, "file": "f", "text": text,
                    "instructions": instructions}

        rows, idle = hooks.summary({"lines": 5, "cases": {
            "one": [hook("x", 1), hook("y", 3)],
            "two": [hook("x", 2), hook("all", 9, "")]}})
        self.assertEqual([(r["text"], r["instructions"], case)
                          for r, case in rows],
                         [("x", 2, "two"), ("y", 3, "one"),
                          ("all", 9, "two")])
        self.assertEqual(idle, 3)


class XdpSwitch(unittest.TestCase):
    BURST = {"came": 1000, "received": 500, "work": 5e-5, "cpu": 3e-4,
             "alone": 1e-7}

    def test_best_tenth(self):
        self.assertEqual(xdp_switch.best([3]), 3)
        self.assertEqual(xdp_switch.best(range(10, 0, -1)), 1)
        self.assertEqual(xdp_switch.best(range(11, 0, -1)), 2)

    def test_receive_side(self):
        self.assertAlmostEqual(xdp_switch.kernel_ns(self.BURST, 1e-7), 200)
        self.assertAlmostEqual(xdp_switch.pmd_ns(self.BURST), 100)
        self.assertEqual(xdp_switch.pmd_ns(dict(self.BURST, received=0)), 0)
        slow = dict(self.BURST, cpu=4e-4, alone=2e-7)
        self.assertAlmostEqual(xdp_switch.receive_ns(
            [slow, self.BURST]), 300)


@unittest.skipUnless(os.path.exists(os.path.join(
    os.environ.get("OVS_BUILD", ""), "Makefile")), "nothing is built")
class Smoke(unittest.TestCase):
    """Ours against ours, a few flows and packets of each."""

    def test_run(self):
        build = os.environ["OVS_BUILD"]
        subprocess.run(
            ["make", "-C", build, "--no-print-directory", "-f", "Makefile",
             "-f", os.path.join(TOP, "bench/programs/programs.mk"),
             "bench-programs"], check=True, stdout=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"})
        with tempfile.TemporaryDirectory() as scratch:
            for name in ("ovs", "stock"):
                os.symlink(build, os.path.join(scratch, name))
                os.symlink(build + "-src", os.path.join(scratch,
                                                        name + "-src"))
            command = [sys.executable, os.path.join(TOP, "bench/run"),
                       "--quick", "--rounds=2", "--build", scratch,
                       "--report", scratch]
            done = subprocess.run(
                command + ["dump/*/10k", "dpctl/dump-flows/10k", "forward/ct",
                           "forward/upcall", "ring/*", "xdp/*"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            found = results.read(os.path.join(scratch, "results.json"))
            self.assertTrue({"dump/v4/10k", "dump/v6/10k", "dump/tunnel/10k",
                             "dpctl/dump-flows/10k", "ring/channel/128",
                             "ring/hold", "ring/order"}
                            <= {r.case for r in found}, done.stdout)
            self.assertEqual({r.rounds for r in found
                              if "instructions" not in r.unit}, {2})
            again = subprocess.run(command + ["dump/v8"],
                                   stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, check=False)
            self.assertEqual(again.returncode, 2)
            self.assertIn("dump/v8: no such case", again.stdout)


if __name__ == "__main__":
    unittest.main()
