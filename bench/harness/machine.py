# SPDX-License-Identifier: Apache-2.0
"""Facts about where a measurement was made, kept in machine.json: a list of
runs, each with its facts and the cases whose results are of it."""

import json
import os
import platform
import re
import shutil
import subprocess
import time


def _output(argv, **kwargs):
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, check=True,
                              **kwargs).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _grep(path, pattern):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            m = re.search(pattern, f.read(), re.MULTILINE)
    except OSError:
        return ""
    return m[1].strip() if m else ""


def facts(context):
    """What may matter to whoever compares results, as {name: text}."""
    makefile = os.path.join(context.tree("stock"), "Makefile")
    compiler = (_grep(os.path.join(context.build, "Makefile"),
                      r"^CC = (.*)") or "cc")
    version = _output([*compiler.split(), "--version"]).splitlines()
    memory = _grep("/proc/meminfo", r"^MemTotal: +(\d+) kB")
    found = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _output(["git", "describe", "--always", "--dirty"],
                          cwd=context.top),
        "baseline": "Open vSwitch "
        + _grep(makefile, r"^PACKAGE_VERSION = (.*)"),
        "processor": "%s, %d usable" % (
            _grep("/proc/cpuinfo", r"^model name\s*: (.*)")
            or platform.machine(), len(os.sched_getaffinity(0))),
        "memory": "%.0f GB" % (int(memory) / 1e6) if memory else "",
        "system": _grep("/etc/os-release", r'^PRETTY_NAME="(.*)"'),
        "kernel": platform.release(),
        "compiler": "%s, %s" % (version[0] if version else compiler,
                                _grep(makefile, r"^CFLAGS = (.*)")),
        "load before": "%.2f" % os.getloadavg()[0],
        "rounds": str(context.rounds),
    }
    if shutil.which("valgrind"):
        found["instructions counted by"] = _output(["valgrind", "--version"])
    return {name: text for name, text in found.items() if text}


def read(directory):
    path = os.path.join(directory, "machine.json")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write(directory, new_facts, measured):
    """Notes that the results 'measured' were found under 'new_facts'."""
    cases = list(dict.fromkeys(r.case for r in measured))
    if not cases:
        return
    runs = [{"facts": run["facts"],
             "cases": [c for c in run["cases"] if c not in cases]}
            for run in read(directory)]
    runs = [run for run in runs if run["cases"]]
    runs.append({"facts": new_facts, "cases": cases})
    path = os.path.join(directory, "machine.json")
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(runs, f, indent=1, ensure_ascii=False)
        f.write("\n")
    os.replace(path + ".tmp", path)
