# SPDX-License-Identifier: Apache-2.0
"""Runs programs of both builds, in turn, on a processor of their own."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import tempfile

SIDES = ("ovs", "stock")        # Trees: ours, and the unmodified one.


class Failed(Exception):
    """A measurement that did not come about."""


@dataclasses.dataclass
class Context:
    top: str                    # Of our source.
    build: str                  # Directory that has the trees.
    report: str                 # Directory for what a case leaves there.
    rounds: int
    quick: bool                 # Only see whether it works at all.

    def tree(self, side):
        return os.path.join(self.build, side)

    def program(self, side, name):
        return os.path.join(self.tree(side), name)

    def count(self, n, quick):
        """'n', or 'quick' if it is only about whether it works."""
        return quick if self.quick else n

    def alternate(self, sides, measure):
        """Calls measure(side) for each of 'sides' in each round, each time in
        another order, and returns {side: [value of each round]}."""
        values = {side: [] for side in sides}
        for i in range(self.rounds):
            turn = i % len(sides)
            for side in (*sides[turn:], *sides[:turn]):
                values[side].append(measure(side))
        return values

    def run(self, argv, timeout=600, **kwargs):
        """Runs 'argv' on the measuring processor; returns what it prints."""
        return run_pinned(argv, measuring_cpu(), timeout, **kwargs)

    def run_json(self, argv, **kwargs):
        return json.loads(self.run(argv, **kwargs))

    def instructions(self, argv, function, out=None, **kwargs):
        """How many instructions 'argv' executes in functions that match
        'function', everything that they call included.  With 'out', leaves
        callgrind's profile there, by line of source."""
        with tempfile.TemporaryDirectory() as scratch:
            result = subprocess.run(
                ["valgrind", "--tool=callgrind", "--dump-line=yes",
                 "--callgrind-out-file="
                 + (out or os.path.join(scratch, "out")),
                 "--toggle-collect=" + function, *argv],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                stdin=subprocess.DEVNULL, timeout=1800, check=False, **kwargs)
        m = re.search(r"Collected : (\d+)", result.stderr)
        if result.returncode or not m or m[1] == "0":
            raise Failed("%s under valgrind: %s"
                         % (" ".join(argv), result.stderr[-2000:]))
        return int(m[1])


def measuring_cpu():
    """The last processor that we may use: interrupts and what else is running
    tend to be on the first."""
    return max(os.sched_getaffinity(0))


def other_cpu():
    return min(os.sched_getaffinity(0))


def run_pinned(argv, cpu, timeout=600, **kwargs):
    result = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=timeout, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), **kwargs)
    if result.returncode:
        raise Failed("%s: exit status %d\n%s" % (
            " ".join(argv), result.returncode, result.stderr[-2000:]))
    return result.stdout


def needs(*programs):
    """A Case's 'missing': one of 'programs' is not installed."""
    def missing(context):
        for program in programs:
            if not shutil.which(program):
                return "%s is not installed" % program
        return None
    return missing
