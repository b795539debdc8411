# SPDX-License-Identifier: Apache-2.0
"""Tests of ./configure: what is missing or wrong is one line that says how to
mend it.  Run at the top of the source, after boot.sh."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("OVS_SOURCE",
                        "/usr/src/openvswitch/openvswitch.tar.gz")


@unittest.skipUnless(os.path.exists("configure"), "no configure script")
@unittest.skipUnless(os.path.exists(SOURCE), "no source of Open vSwitch")
class Configure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Copies what configure reads: beside a build it would refuse to run
        for another one."""
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.top = scratch.name
        for path in ("configure", "Makefile.in", "lib/ofp-extension.h"):
            os.makedirs(os.path.join(cls.top, os.path.dirname(path)),
                        exist_ok=True)
            shutil.copy(path, os.path.join(cls.top, path))
        shutil.copytree("build-aux", os.path.join(cls.top, "build-aux"))

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = scratch.name

    def configure(self, *args):
        return subprocess.run(
            ["sh", os.path.join(self.top, "configure"), *args],
            cwd=self.dir, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def assert_error(self, args, *needles):
        """configure fails, with one line that has all the 'needles'."""
        result = self.configure(*args)
        self.assertNotEqual(result.returncode, 0)
        errors = [line for line in result.stderr.splitlines()
                  if line.startswith("configure: error: ")]
        self.assertEqual(len(errors), 1, result.stderr)
        for needle in needles:
            self.assertIn(needle, errors[0])
        # Nothing that make would take for a configured tree is left.
        self.assertFalse(os.path.exists(os.path.join(self.dir, "Makefile")))

    def make_source(self, version):
        """A directory that looks like a source of that version."""
        tree = os.path.join(self.dir, "source")
        os.mkdir(tree)
        with open(os.path.join(tree, "configure.ac"), "w",
                  encoding="utf-8") as f:
            f.write(f"AC_INIT(openvswitch, {version}, bugs@example.org)\n")
        return tree

    def test_source_missing(self):
        self.assert_error(["--with-ovs-source=/nowhere/ovs.tar.gz"],
                          "/nowhere/ovs.tar.gz", "openvswitch-source",
                          "--with-ovs-source")

    def test_source_without_value(self):
        self.assert_error(["--with-ovs-source"], "needs a directory")

    def test_source_is_no_tarball(self):
        path = os.path.join(self.dir, "ovs.tar.gz")
        with open(path, "w", encoding="utf-8") as f:
            f.write("not a tarball")
        self.assert_error([f"--with-ovs-source={path}"], path,
                          "not a readable tarball", "openvswitch-source")

    def test_source_is_something_else(self):
        self.assert_error([f"--with-ovs-source={self.dir}"], self.dir,
                          "not a source of Open vSwitch")

    def test_source_unsupported(self):
        tree = self.make_source("3.3.0")
        self.assert_error([f"--with-ovs-source={tree}"], "3.3.0",
                          "not supported", "3.1.x")

    def test_source_configured_in_place(self):
        tree = self.make_source("3.1.0")
        with open(os.path.join(tree, "config.status"), "w",
                  encoding="utf-8"):
            pass
        self.assert_error([f"--with-ovs-source={tree}"],
                          "configured in place", "make distclean")

    def test_ssl_missing(self):
        pc = os.path.join(self.dir, "pkg-config")
        with open(pc, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(pc, 0o755)
        self.assert_error([f"PKG_CONFIG={pc}"], "libssl-dev", "--disable-ssl")

    def test_unbound_missing(self):
        self.assert_error(["ac_cv_header_unbound_h=no"], "libunbound-dev",
                          "--disable-unbound")

    def test_afxdp_missing(self):
        for header, package in (("bpf_bpf_h", "libbpf-dev"),
                                ("xdp_xsk_h", "libxdp-dev"),
                                ("numa_h", "libnuma-dev")):
            with self.subTest(header):
                self.assert_error(
                    ["--enable-afxdp", f"ac_cv_header_{header}=no"],
                    package, "--disable-afxdp")

    def test_xdp_compiler_missing(self):
        self.assert_error(["--enable-xdp-offload", "CLANG=/nowhere/clang"],
                          "clang and bpftool", "--disable-xdp-offload")

    def test_xdp_needs_afxdp(self):
        self.assert_error(["--enable-xdp-offload", "--disable-afxdp"],
                          "--enable-afxdp")

    def test_linux(self):
        self.assert_error(["--with-linux=/nowhere"], "/nowhere",
                          "linux-headers", "--with-linux")
        self.assert_error(["--with-linux-source=/nowhere"], "/nowhere",
                          "linux-source-6.1", "--with-linux-source")

    def test_arguments_for_upstream(self):
        """Upstream gets the user's arguments and not ours."""
        result = self.configure(
            f"--with-ovs-source={SOURCE}", "--prefix=/opt/it's here",
            "--disable-unbound", "--disable-ssl", "--disable-afxdp",
            "--disable-xdp-offload", "--enable-Werror", "CFLAGS=-O1 -g")
        self.assertEqual(result.returncode, 0, result.stderr)
        show = os.path.join(self.dir, "show")
        os.mkdir(show)
        with open(os.path.join(show, "configure"), "w",
                  encoding="utf-8") as f:
            f.write('#!/bin/sh\nfor a; do echo "$a"; done\n')
        os.chmod(os.path.join(show, "configure"), 0o755)
        args = subprocess.run(
            ["sh", "configure-ovs", show], cwd=self.dir, check=True,
            stdout=subprocess.PIPE, text=True).stdout.splitlines()
        for wanted in ("--prefix=/opt/it's here", "--enable-Werror",
                       "CFLAGS=-O1 -g", "--disable-ssl",
                       "ac_cv_lib_unbound_ub_ctx_create=no"):
            self.assertIn(wanted, args)
        for ours in ("ovs-source", "--disable-unbound", "afxdp",
                     "xdp-offload"):
            self.assertFalse([a for a in args if re.search(ours, a)], args)


if __name__ == "__main__":
    unittest.main()
