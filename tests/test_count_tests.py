# SPDX-License-Identifier: Apache-2.0
"""Tests of build-aux/count-tests."""

import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = (pathlib.Path(__file__).resolve().parent.parent
          / "build-aux" / "count-tests")

SUITE = "## ---- ##\n## openvswitch 3.1.0 test suite. ##\n## ---- ##\n\n"
END = "\n## ------------- ##\n## Test results. ##\n## ------------- ##\n\n"

STDOUT = SUITE + """\
  2: b     skipped (b.at:2)
  1: a     ok
  4: d     expected failure (d.at:2)
  3: c     FAILED (c.at:3)
""" + END + """\
ERROR: 3 tests were run,
2 failed (1 expected failure).
1 test was skipped.
"""

RECHECK = SUITE + "  3: c      ok\n" + END + "1 test was successful.\n"

# What testsuite.log has of the first: no group that failed as expected.
LOG = SUITE + """\
testsuite: starting at: now
1. a (a.at:1): ok     (0m0.1s 0m0.0s)
2. b (b.at:1): skipped (b.at:2)     (0m0.1s 0m0.0s)
""" + END + """\
ERROR: 3 tests were run,
2 failed (1 expected failure).
1 test was skipped.

Failed tests:
   3: c.at:1             c

## ---------------------- ##
## Detailed failed tests. ##
## ---------------------- ##

3. c (c.at:1): FAILED (c.at:3)
"""


def unittest_log(ran, verdict):
    return ("...\n%s\nRan %d tests in 0.123s\n\n%s\n"
            % (70 * "-", ran, verdict))


class CountTest(unittest.TestCase):
    def count(self, *texts):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, text in enumerate(texts):
                path = pathlib.Path(directory, "%d.log" % number)
                if text is not None:
                    path.write_text(text)
                paths.append(str(path))
            done = subprocess.run([str(SCRIPT), *paths], text=True,
                                  capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def expect(self, passed, failed, skipped, *texts, status=None):
        if status is None:
            status = 1 if failed or not passed else 0
        code, out, err = self.count(*texts)
        self.assertEqual(out, "%d passed, %d failed, %d skipped\n"
                         % (passed, failed, skipped), err)
        self.assertEqual(code, status, err)
        return err

    def test_suite_with_title(self):
        titled = STDOUT.replace("test suite.", "test suite: Something.")
        self.expect(2, 1, 1, titled)
        self.expect(8, 0, 1, unittest_log(5, "OK") + titled + RECHECK)

    def test_own_line(self):
        self.expect(3, 0, 2, "x\n3 passed, 0 failed, 2 skipped\n")
        self.expect(3, 1, 0, "3 passed, 1 failed, 0 skipped")
        # A serial console's line end.
        self.expect(3, 0, 0, "3 passed, 0 failed, 0 skipped\r\n")

    def test_several_own_lines(self):
        self.expect(5, 1, 1, "3 passed, 1 failed, 0 skipped\n"
                             "2 passed, 0 failed, 1 skipped\n")
        self.expect(5, 0, 1, "3 passed, 0 failed, 0 skipped\n"
                             "2 passed, 0 failed, 1 skipped\n"
                             "5 passed, 0 failed, 1 skipped\n")

    def test_own_line_sums_up_the_rest(self):
        self.expect(7, 0, 1, STDOUT + unittest_log(4, "OK")
                    + "7 passed, 0 failed, 1 skipped\n")

    def test_what_is_no_own_line(self):
        self.expect(0, 0, 0, "so 3 passed, 0 failed, 2 skipped\n",
                    "3 passed, 0 failed, 2 skipped!\n")

    def test_unittest(self):
        self.expect(9, 0, 0, unittest_log(9, "OK"))
        self.expect(6, 0, 3, unittest_log(9, "OK (skipped=3)"))
        self.expect(4, 3, 2, unittest_log(
            9, "FAILED (failures=1, errors=1, skipped=2, "
               "expected failures=1, unexpected successes=1)"),
            status=1)
        self.expect(1, 0, 0, unittest_log(1, "OK").replace("tests", "test"))

    def test_unittest_without_a_verdict(self):
        err = self.expect(0, 0, 0, "Ran 9 tests in 0.1s\n")
        self.assertIn("did not say", err)

    def test_unittest_of_nothing(self):
        err = self.expect(2, 0, 0, unittest_log(0, "OK"),
                          unittest_log(2, "OK"), status=1)
        self.assertIn("not one test", err)

    def test_autotest(self):
        self.expect(2, 1, 1, STDOUT)
        self.expect(2, 1, 1, LOG)

    def test_recheck_replaces(self):
        self.expect(3, 0, 1, STDOUT + RECHECK)

    def test_two_suites(self):
        self.expect(3, 1, 1, STDOUT + RECHECK.replace("c  ", "x  "))

    def test_truncated_suite(self):
        err = self.expect(0, 0, 0, SUITE + "  1: a   ok\n")
        self.assertIn("did not come to its end", err)
        self.expect(0, 0, 0, SUITE + "  1: a   ok\n" + END)

    def test_only_skips(self):
        self.expect(0, 0, 1, SUITE + "  1: a   skipped (a.at:1)\n" + END
                    + "0 tests were successful.\n1 test was skipped.\n")

    def test_several_logs(self):
        self.expect(3 + 9 + 2, 1, 1, "3 passed, 0 failed, 0 skipped\n",
                    unittest_log(9, "OK"), STDOUT)

    def test_wrong_logs(self):
        good = "3 passed, 0 failed, 0 skipped\n"
        err = self.expect(3, 0, 0, good, None, status=1)
        self.assertIn("1.log: No such file", err)
        err = self.expect(3, 0, 0, "nothing\n", good, status=1)
        self.assertIn("0.log: no results", err)

    def test_usage(self):
        self.assertEqual(self.count()[0], 2)


if __name__ == "__main__":
    unittest.main()
