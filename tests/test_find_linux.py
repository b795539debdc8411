# SPDX-License-Identifier: Apache-2.0
"""Tests of what "make datapath" says when something is missing: one line that
names the Debian package or the option.  Run at the top of the source."""

import os
import subprocess
import sys
import tempfile
import unittest


class Missing(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = scratch.name

    def assert_error(self, command, *needles):
        result = subprocess.run(command, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for needle in needles:
            self.assertIn(needle, result.stderr)

    def assert_source_error(self, source, *needles):
        self.assert_error(
            [sys.executable, "build-aux/assemble-datapath", "--top", ".",
             "--version", "1", "--cache", os.path.join(self.dir, "cache"),
             "--source", source, os.path.join(self.dir, "out")], *needles)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "out")))

    def make_source(self, version, patchlevel):
        source = os.path.join(self.dir, "source")
        os.makedirs(os.path.join(source, "net", "openvswitch"))
        os.mkdir(os.path.join(source, "scripts"))
        with open(os.path.join(source, "Makefile"), "w",
                  encoding="utf-8") as f:
            f.write(f"VERSION = {version}\nPATCHLEVEL = {patchlevel}\n"
                    "SUBLEVEL = 1\n")
        for name in "datapath.c", "Makefile", "Kconfig", "actions.c", \
                "flow_netlink.c":
            with open(os.path.join(source, "net", "openvswitch", name), "w",
                      encoding="utf-8"):
                pass
        return source

    def test_no_headers(self):
        self.assert_error(["sh", "build-aux/find-linux", self.dir],
                          "linux-headers-amd64", "--with-linux")

    def test_no_source(self):
        self.assert_source_error("/nowhere.tar.xz", "linux-source-6.1",
                                 "--with-linux-source")

    def test_not_a_tarball(self):
        path = os.path.join(self.dir, "x.tar.xz")
        with open(path, "w", encoding="utf-8") as f:
            f.write("x")
        self.assert_source_error(path, path, "linux-source-6.1")

    def test_other_version(self):
        self.assert_source_error(self.make_source(6, 12), "6.12.1", "6.1.x",
                                 "--with-linux-source")


if __name__ == "__main__":
    unittest.main()
