# SPDX-License-Identifier: Apache-2.0
"""Tests of what runs tests in guests, tests/guest/lib, with a suite that only
pretends to be one."""

import os
import pathlib
import subprocess
import tempfile
import unittest

LIB = pathlib.Path(__file__).resolve().parent / "guest" / "lib"

# As suites made by autotest print it.  Group 2 fails the first time, group 3
# each time; called with their numbers, the suite runs these only.
SUITE = """
dir=$2
shift 3
again=no
case "$*" in *[0-9]*) again=yes ;; esac
if test $again = no; then
    echo '  1: first group                  ok'
    echo '  2: second group                 FAILED (x.at:2)'
    echo '  4: fourth group                 skipped (no way)'
else
    echo "$*" >"$dir/again"
    echo '  2: second group                 ok'
fi
mkdir -p "$dir/suite.dir/3"
echo 'what group 3 said' >"$dir/suite.dir/3/suite.log"
%s
"""
HOPELESS = "echo '  3: third group                  FAILED (x.at:3)'"


class Autotest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.tests = pathlib.Path(scratch.name) / "tests"
        self.tests.mkdir()

    def run_suite(self, suite):
        (self.tests / "suite").write_text(suite)
        top = str(self.tests.parent)
        result = subprocess.run(
            ["bash", "-c", '. "$0" && autotest suite -k word', str(LIB)],
            env=dict(os.environ, TMPDIR=top, GUEST_OVS=top,
                     GUEST_OVS_SOURCE=top),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=True)
        return [line for line in result.stdout.splitlines()
                if not line.startswith("@")]

    def test_what_fails_runs_once_more(self):
        self.assertEqual(self.run_suite(SUITE % HOPELESS), [
            "ok first group",
            "    second group: failed, once more at the end",
            "SKIP fourth group: (no way)",
            "    third group: failed, once more at the end",
            "ok second group",
            "FAIL third group (x.at:3)",
            "    what group 3 said"])
        self.assertEqual((self.tests / "again").read_text(), "2 3\n")

    def test_nothing_failed(self):
        self.assertEqual(
            self.run_suite("echo '  1: first group         ok'"),
            ["ok first group"])
        self.assertFalse((self.tests / "again").exists())

    def test_no_test(self):
        self.assertEqual(self.run_suite("echo no such suite"),
                         ["FAIL suite: ran no test", "    no such suite"])


if __name__ == "__main__":
    unittest.main()
