# SPDX-License-Identifier: Apache-2.0
"""Tests of build-aux/check-upstream.

Most run the real script on build trees whose test suite is a fake that plays
a plan: what each group says the first time it runs, the second time, ...
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SCRIPT = (pathlib.Path(__file__).resolve().parent.parent
          / "build-aux" / "check-upstream")


def load(path, name):
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader))
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = keep
    return module


cu = load(SCRIPT, "check_upstream")


def statuses(text):
    parser = cu.parse_results(text.splitlines())
    return {number: result.status
            for number, result in parser.results.items()}


class ParserTest(unittest.TestCase):
    def one(self, line):
        results = cu.parse_results([line + "\n"]).results
        self.assertEqual(len(results), 1, line)
        return tuple(next(iter(results.values())))

    def test_short_lines(self):
        for line, expected in (
            ("  1: completion - basic      ok",
             (1, "completion - basic", "ok", None)),
            (" 42: cfm - demand     FAILED (cfm.at:99)",
             (42, "cfm - demand", "FAILED", "cfm.at:99")),
            ("2533: Pytest unit tests - Python3   skipped (pytest.at:6)",
             (2533, "Pytest unit tests - Python3", "skipped",
              "pytest.at:6")),
            ("  7: a: b (c) (d:1) expected failure (x.at:1)",
             (7, "a: b (c) (d:1)", "expected failure", "x.at:1")),
            ("  8: t  UNEXPECTED PASS",
             (8, "t", "UNEXPECTED PASS", None)),
            (" 12: title that is ok  ok", (12, "title that is ok", "ok",
                                           None)),
            ("100: too long to be padded ok",
             (100, "too long to be padded", "ok", None)),
            ("  9: \x1b[0;31mred\x1b[m  \x1b[0;31mFAILED (r.at:3)\x1b[m",
             (9, "red", "FAILED", "r.at:3")),
        ):
            with self.subTest(line=line):
                self.assertEqual(self.one(line), expected)

    def test_lines_of_the_log(self):
        for line, expected in (
            ("1. completion - basic (completion.at:21): ok"
             "     (0m0.456s 0m0.209s)",
             (1, "completion - basic", "ok", None)),
            ("7. vlan (tagged) (a.at:3): skipped (a.at:9)     (0m0s 0m0s)",
             (7, "vlan (tagged)", "skipped", "a.at:9")),
            ("9. t (a.at:3): FAILED (a.at:12)",
             (9, "t", "FAILED", "a.at:12")),
            ("10. a.at:3:  ok", (10, "", "ok", None)),
        ):
            with self.subTest(line=line):
                self.assertEqual(self.one(line), expected)

    def test_what_is_no_result(self):
        for line in ("make: 1: nothing to be done",
                     "  1: completion.at:21   basic",
                     "ok", " 0: t  ok", "a.at:3: ok",
                     "All 60 tests were successful.",
                     "  | 001: i=1 ok"):
            with self.subTest(line=line):
                self.assertEqual(statuses(line), {})

    def test_title_with_a_line_break(self):
        self.assertEqual(
            statuses("741: '\n' is not a valid token - C          ok\n"
                     "742: '\n' is not a valid token - Py  FAILED (j.at:1)"),
            {741: "ok", 742: "FAILED"})

    def test_message_before_the_status(self):
        self.assertEqual(
            statuses("  1: one      \ntestsuite: WARNING: x\n ok\n"
                     "  2: two      \n  3: three    ok\n"),
            {1: "ok", 3: "ok"})

    def test_last_result_counts(self):
        self.assertEqual(statuses("  1: t  FAILED (a.at:1)\n  1: t  ok\n"),
                         {1: "ok"})

    def test_complete(self):
        self.assertFalse(cu.parse_results(["  1: t  ok"]).complete)
        self.assertTrue(cu.parse_results(["## Test results. ##"]).complete)

    def test_listing(self):
        groups = cu.parse_listing(
            "openvswitch 3.1.0 test suite test groups:\n\n"
            " NUM: FILE-NAME:LINE     TEST-GROUP-NAME\n"
            "      KEYWORDS\n\n"
            "   1: a.at:21            first: one\n"
            "      001: i=1 keyword\n"
            "   2: a.at:88            same\n"
            "   3: very-long-name.at:1421 same\n"
            "1004: a.at:99            same\n".splitlines(True))
        self.assertEqual(groups, {1: ("a.at", "first: one", 0),
                                  2: ("a.at", "same", 0),
                                  3: ("very-long-name.at", "same", 0),
                                  1004: ("a.at", "same", 1)})


# A suite that speaks like autotest.  Its plan, "plan.json", is a list of
# [title, results...]; a group's last result repeats.  "crash-after" and
# "no-log" are about the first run only.
FAKE_SUITE = r'''
import json, os, sys, time

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
plan = json.load(open("plan.json"))
state = (json.load(open("state.json")) if os.path.exists("state.json")
         else {"runs": [], "times": {}})
args = sys.argv[1:]
groups = []
for arg in args:
    first, dash, last = arg.partition("-")
    if first.isdigit():
        groups += range(int(first), int(last or first) + 1)
log = "testsuite.log"
if "--recheck" in args:
    text = open(log).read()
    groups += [int(l.split(":")[0]) for l in text.splitlines()
               if l[:1] == " " and l.strip()[:1].isdigit()]
elif not groups:
    groups = range(1, len(plan["groups"]) + 1)
groups = [g for g in sorted(set(groups)) if g <= len(plan["groups"])]


def describe(group):
    return " %3d: fake.at:%-9d %s" % (group, group * 10,
                                      plan["groups"][group - 1][0])


if "-l" in args:
    print("fake 1.0 test suite test groups:\n")
    for group in groups:
        print(describe(group))
    sys.exit(plan.get("list-status", 0))

first = not state["runs"]
state["runs"].append(args)
print("## -- ##\n## fake 1.0 test suite. ##\n## -- ##\n")
failed = []
for done, group in enumerate(groups):
    title, *results = plan["groups"][group - 1]
    nth = state["times"].get(str(group), 0)
    state["times"][str(group)] = nth + 1
    result = results[min(nth, len(results) - 1)]
    if first and done == plan.get("crash-after"):
        json.dump(state, open("state.json", "w"))
        os.kill(os.getpid(), 9)
    if result == "hang":
        print("hanging", flush=True)
        time.sleep(600)
    where = " (fake.at:%d)" % (group * 10 + 1)
    if result in ("FAILED", "skipped", "expected failure"):
        result += where
    print("%3d: %-40s %s" % (group, title, result), flush=True)
    if result.startswith(("FAILED", "UNEXPECTED")):
        failed.append(group)
        os.makedirs("testsuite.dir/%02d" % group, exist_ok=True)
        open("testsuite.dir/%02d/testsuite.log" % group, "w").write(title)
        if not os.path.exists("testsuite.dir/%02d/pipe" % group):
            os.mkfifo("testsuite.dir/%02d/pipe" % group)
print("\n## ------------- ##\n## Test results. ##\n## ------------- ##\n")
print("%d tests were run." % len(groups))
json.dump(state, open("state.json", "w"))
if not (first and plan.get("no-log")):
    with open(log, "w") as file:
        print("Failed tests:", file=file)
        for group in failed:
            print(describe(group), file=file)
sys.exit(plan.get("status", 1 if failed else 0))
'''


class RunTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="check upstream ")
        self.addCleanup(temporary.cleanup)
        self.top = pathlib.Path(temporary.name)

    def tree(self, name, groups, **plan):
        """Make a build tree; groups are (title, results...)."""
        tests = self.top / name / "tests"
        tests.mkdir(parents=True)
        (tests / "plan.json").write_text(
            json.dumps({"groups": groups, **plan}))
        (tests / "fake.py").write_text(FAKE_SUITE)
        (self.top / name / "Makefile").write_text(
            "check check-system-userspace:\n"
            "\t@set %s tests/fake.py; \"$$@\" $(TESTSUITEFLAGS)\n"
            % shlex.quote(sys.executable))

    def command(self, *arguments, stock=True):
        command = [str(SCRIPT), "--ours", str(self.top / "ours")]
        if stock:
            command += ["--stock", str(self.top / "stock"), "--stock-cmd",
                        "touch " + shlex.quote(str(self.top / "stock-made"))]
        return command + list(arguments)

    def run_it(self, *arguments, stock=True):
        done = subprocess.run(
            self.command(*arguments, stock=stock), text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def check(self, last_line, *arguments, **how):
        status, output = self.run_it(*arguments, **how)
        self.assertEqual(output.splitlines()[-1], last_line, output)
        _, failed, _ = [int(word) for word in last_line.split()
                        if word.isdigit()]
        passed = int(last_line.split()[0])
        self.assertEqual(status, 0 if passed and not failed else 1, output)
        return output

    def runs(self, name):
        """The arguments of each run of a tree's suite."""
        path = self.top / name / "tests" / "state.json"
        return json.loads(path.read_text())["runs"] if path.exists() else []

    def log(self, *names):
        return self.top.joinpath("ours", "tests", "check-upstream",
                                 "testsuite", *names)

    def test_all_pass(self):
        self.tree("ours", [("a", "ok"), ("b", "ok")])
        self.check("2 passed, 0 failed, 0 skipped", "--jobs", "3")
        self.assertEqual(self.runs("ours"), [["-j3"]])
        self.assertFalse((self.top / "stock-made").exists())

    def test_flaky_passes_when_checked_again(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED", "ok"),
                           ("c", "FAILED", "FAILED", "ok")])
        output = self.check("3 passed, 0 failed, 0 skipped")
        self.assertEqual(self.runs("ours"),
                         [["-j8"]] + 2 * [["-j1", "--recheck"]])
        self.assertIn("fake.at: b", output)
        self.assertFalse((self.top / "stock-made").exists())
        self.assertTrue(self.log("ours-1.failed", "02",
                                 "testsuite.log").exists())
        self.assertTrue(self.log("ours-1.log").exists())

    def test_lost(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED")])
        self.tree("stock", [("a", "ok"), ("b", "ok")])
        output = self.check("1 passed, 1 failed, 0 skipped")
        self.assertIn("fake.at: b: FAILED (fake.at:21); on stock: ok",
                      output)
        # Looking for a failure there, too.
        self.assertEqual(self.runs("stock"),
                         [["-j8", "2"]] + 12 * [["-j1", "2"]])
        self.assertEqual(len(self.runs("ours")), 3)
        self.assertTrue((self.top / "stock-made").exists())
        for run in "ours-1.failed", "ours-3.failed":
            self.assertEqual(
                self.log(run, "02", "testsuite.log").read_text(), "b")

    def test_also_fails_on_stock(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED"), ("c", "FAILED")])
        self.tree("stock", [("a", "ok"), ("b", "FAILED"),
                            ("c", "skipped")])
        output = self.check("1 passed, 0 failed, 2 skipped")
        tail = output[output.index("Also fails on stock, counted"):]
        self.assertIn("fake.at: b", tail)
        self.assertIn("fake.at: c", tail)

    def test_flaky_on_stock_is_lost(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED")])
        self.tree("stock", [("a", "ok"), ("b", "FAILED", "FAILED", "ok")])
        self.check("1 passed, 1 failed, 0 skipped")

    def test_fails_by_chance_on_both(self):
        self.tree("ours", [("a", "ok"), ("b", *5 * ["FAILED"], "ok")])
        self.tree("stock", [("a", "ok"), ("b", "ok", "ok", "FAILED", "ok")])
        output = self.check("2 passed, 0 failed, 0 skipped")
        self.assertIn("fake.at: b: is it by chance?", output)
        self.assertIn("fake.at: b", output[output.index("Passed only when"):])
        self.assertEqual(len(self.runs("stock")), 3)
        self.assertEqual(len(self.runs("ours")), 6)

    def test_too_many_for_chance(self):
        titles = "abcdefgh"
        self.tree("ours", [(title, "FAILED") for title in titles])
        self.tree("stock", [(title, "ok", "FAILED") for title in titles])
        output = self.check("0 passed, 8 failed, 0 skipped")
        self.assertNotIn("by chance", output)
        self.assertEqual(len(self.runs("stock")), 1)

    def test_matched_by_title_not_number(self):
        self.tree("ours", [("own", "ok"), ("a", "ok"), ("b", "FAILED"),
                           ("c", "ok")])
        self.tree("stock", [("a", "ok"), ("b", "FAILED"), ("c", "ok")])
        output = self.check("3 passed, 0 failed, 1 skipped")
        self.assertEqual(self.runs("stock")[0], ["-j8", "2"])
        self.assertIn("1 groups more", output)

    def test_equal_titles(self):
        self.tree("ours", [("a", "ok"), ("a", "FAILED"), ("a", "ok")])
        self.tree("stock", [("a", "FAILED"), ("a", "ok"), ("a", "FAILED")])
        output = self.check("2 passed, 1 failed, 0 skipped")
        self.assertEqual(self.runs("stock")[0], ["-j8", "2"])
        self.assertIn("fake.at: a (no. 2 of that title): FAILED", output)

    def test_skips(self):
        self.tree("ours", [("a", "ok"), ("b", "skipped"), ("c", "skipped"),
                           ("d", "skipped")])
        self.tree("stock", [("a", "ok"), ("b", "skipped"), ("c", "ok"),
                            ("d", "FAILED")])
        output = self.check("1 passed, 1 failed, 2 skipped")
        self.assertIn("fake.at: c: skipped (fake.at:31); on stock: ok",
                      output)

    def test_expected_failure(self):
        self.tree("ours", [("a", "ok"), ("b", "expected failure"),
                           ("c", "expected failure"),
                           ("d", "UNEXPECTED PASS")])
        self.tree("stock", [("a", "ok"), ("b", "expected failure"),
                            ("c", "ok"), ("d", "UNEXPECTED PASS")])
        self.check("2 passed, 1 failed, 1 skipped")

    def test_group_missing_from_ours(self):
        self.tree("ours", [("a", "ok"), ("b", "skipped")])
        self.tree("stock", [("a", "ok"), ("gone", "ok"), ("b", "skipped")])
        output = self.check("1 passed, 1 failed, 1 skipped")
        self.assertIn("fake.at: gone: not in our suite", output)

    def test_lists_are_compared_if_stock_is_built(self):
        self.tree("ours", [("a", "ok")])
        self.tree("stock", [("a", "ok"), ("gone", "ok")])
        self.check("1 passed, 1 failed, 0 skipped")

    def test_own_group_fails(self):
        self.tree("ours", [("a", "ok"), ("own", "FAILED")])
        self.tree("stock", [("a", "ok")])
        self.check("1 passed, 1 failed, 0 skipped")

    def test_without_stock(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED"), ("c", "skipped")])
        self.check("1 passed, 1 failed, 1 skipped", stock=False)

    def test_selection(self):
        self.tree("ours", [("a", "FAILED"), ("b", "ok"), ("c", "ok")])
        self.check("2 passed, 0 failed, 0 skipped", "2-3")
        self.assertEqual(self.runs("ours"), [["-j8", "2-3"]])

    def test_flags_reach_the_suite_as_they_are(self):
        self.tree("ours", [("a", "ok")])
        self.check("1 passed, 0 failed, 0 skipped", "--", "-k", "'!x y$z'")
        self.assertEqual(self.runs("ours"), [["-j8", "-k", "!x y$z"]])

    def test_none_ran(self):
        self.tree("ours", [("a", "skipped")])
        self.tree("stock", [("a", "skipped")])
        self.check("0 passed, 0 failed, 1 skipped")

    def test_other_suite_and_sandbox(self):
        self.tree("ours", [("a", "ok")])
        # The fake always calls its log testsuite.log.
        status, output = self.run_it("--suite", "system-userspace",
                                     "--sandbox", "env IN_SANDBOX=1")
        self.assertIn("left no", output)
        self.assertEqual(output.splitlines()[-1],
                         "1 passed, 0 failed, 0 skipped")
        self.assertEqual(self.runs("ours"), [["-j1"]])

    def test_log_option(self):
        self.tree("ours", [("a", "ok")])
        log = self.top / "it.log"
        output = self.check("1 passed, 0 failed, 0 skipped",
                            "--log", str(log))
        self.assertEqual(log.read_text(), output)

    def test_crash_is_mended_by_running_the_rest(self):
        self.tree("ours", [("a", "ok"), ("b", "ok"), ("c", "ok")],
                  **{"crash-after": 1})
        output = self.check("3 passed, 0 failed, 0 skipped")
        self.assertIn("ended early", output)
        self.assertEqual(self.runs("ours"), [["-j8"], ["-j8", "2", "3"]])

    def test_no_log(self):
        self.tree("ours", [("a", "ok"), ("b", "FAILED", "ok")],
                  **{"no-log": True})
        output = self.check("2 passed, 0 failed, 0 skipped")
        self.assertIn("left no", output)
        self.assertEqual(self.runs("ours"), [["-j8"], ["-j8", "2"]])

    def test_failure_without_a_failed_group(self):
        self.tree("ours", [("a", "ok")], status=3)
        status, output = self.run_it()
        self.assertEqual(status, 2, output)
        self.assertIn("no group failed", output)

    def test_listing_fails(self):
        self.tree("ours", [("a", "ok")], **{"list-status": 1})
        status, output = self.run_it()
        self.assertEqual(status, 2, output)
        self.assertIn("ours-list.out", output)

    def test_no_build_tree(self):
        status, output = self.run_it()
        self.assertEqual(status, 2, output)
        self.assertIn("is --ours a build tree?", output)

    def test_stock_command_fails(self):
        self.tree("ours", [("a", "FAILED")])
        status, output = self.run_it(
            "--stock", str(self.top / "stock"), "--stock-cmd", "exit 7",
            stock=False)
        self.assertEqual(status, 2, output)
        self.assertIn('"exit 7" ended with status 7', output)

    def test_stall(self):
        self.tree("ours", [("a", "ok"), ("b", "hang", "ok")])
        self.tree("stock", [("a", "ok"), ("b", "ok")])
        self.check("1 passed, 1 failed, 0 skipped", "--stall", "0.01")

    def test_interrupt(self):
        self.tree("ours", [("a", "ok"), ("b", "hang")])
        process = subprocess.Popen(self.command(), text=True,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        output = self.log("ours-1.out")
        deadline = time.monotonic() + 30
        while not (output.exists() and "hanging" in output.read_text()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 128 + signal.SIGINT, said)
        self.assertIn("interrupted by SIGINT", said)
        self.assertNotIn(" passed, ", said)
        self.assertIn("  1: a", output.read_text())

    def test_two_at_once(self):
        self.tree("ours", [("a", "ok")])
        directory = self.top / "ours" / "tests" / "check-upstream"
        directory.mkdir()
        with open(directory / "lock", "w") as lock:
            cu.fcntl.flock(lock, cu.fcntl.LOCK_EX)
            status, output = self.run_it()
        self.assertEqual(status, 2, output)
        self.assertIn("another check-upstream", output)

    def test_logs_of_the_last_run_are_kept(self):
        self.tree("ours", [("a", "ok")])
        self.run_it()
        self.run_it()
        self.assertTrue(self.log("ours-1.out").exists())
        self.assertTrue(self.log("..", "testsuite.old",
                                 "ours-1.out").exists())


if __name__ == "__main__":
    unittest.main()
