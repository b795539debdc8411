# SPDX-License-Identifier: Apache-2.0
"""Tests of build-aux/install-packages, with programs that only pretend to be
Debian's."""

import os
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parent / "build-aux" / "install-packages"


class InstallPackages(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.calls = self.dir / "calls"
        self.calls.write_text("")

    def program(self, name, body):
        path = self.dir / name
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(0o755)

    def run_script(self, groups, installed, root, apt="exit 0"):
        self.program("dpkg-query", f"""
for last; do :; done
case " {' '.join(installed)} " in
*" $last "*) printf installed ;;
*) exit 1 ;;
esac
""")
        self.program("id", f"echo {0 if root else 1000}\n")
        self.program("apt-get", f'echo "apt-get $*" >>{self.calls}\n{apt}\n')
        env = dict(os.environ, PATH=f"{self.dir}:{os.environ['PATH']}")
        return subprocess.run([str(SCRIPT), *groups], text=True, env=env,
                              capture_output=True)

    @staticmethod
    def packages(group):
        lines = (SCRIPT.parent / "packages").read_text().splitlines()
        return [line.split()[1] for line in lines
                if line and line[0] != "#"
                and group in line.split()[0].split(",")]

    def test_list_is_sorted_and_unique(self):
        for group in "build", "check", "demo":
            found = self.packages(group)
            self.assertTrue(found)
            self.assertEqual(len(found), len(set(found)))

    def test_nothing_missing(self):
        done = self.run_script(["build"], self.packages("build"), True)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "", ""))
        self.assertEqual(self.calls.read_text(), "")

    def test_not_root(self):
        have = [p for p in self.packages("build") if p != "libssl-dev"]
        done = self.run_script(["build"], have, False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not installed: libssl-dev\n", done.stdout)
        self.assertIn("sudo apt-get install -y --no-install-recommends "
                      "libssl-dev\n", done.stderr)
        self.assertEqual(self.calls.read_text(), "")

    def test_root(self):
        have = [p for p in self.packages("build") + self.packages("demo")
                if p not in ("libssl-dev", "iperf3")]
        done = self.run_script(["build", "demo"], have, True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libssl-dev iperf3", done.stdout)
        self.assertEqual(self.calls.read_text(),
                         "apt-get install -y --no-install-recommends "
                         "libssl-dev iperf3 -o DPkg::Lock::Timeout=300\n")

    def test_lists_are_fetched_if_needed(self):
        """The first install fails as on a machine without package lists."""
        done = self.run_script(
            ["demo"], [], True,
            f"grep -q update {self.calls} || exit 100")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split()[1] for line
                          in self.calls.read_text().splitlines()],
                         ["install", "update", "install"])

    def test_failure_is_told(self):
        done = self.run_script(["demo"], [], True,
                               'echo "E: no network" >&2; exit 100')
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: no network", done.stderr)
        self.assertIn("failed", done.stderr)


if __name__ == "__main__":
    unittest.main()
