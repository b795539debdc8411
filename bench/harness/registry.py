# SPDX-License-Identifier: Apache-2.0
"""The list of cases.  Each file in ../cases registers its own."""

import dataclasses
import fnmatch
import importlib
import pkgutil
import typing

_cases = {}


@dataclasses.dataclass(frozen=True)
class Case:
    """'run' takes a runner.Context and returns a list of results.Result, all
    with 'name' as their case.  'missing' takes a Context and returns why the
    case cannot run here, None if it can."""
    name: str
    run: typing.Callable
    missing: typing.Callable = lambda context: None


def register(case):
    if case.name in _cases:
        raise ValueError("%s: two cases of this name" % case.name)
    _cases[case.name] = case


def load(package="cases"):
    """All cases, in the order of their files and within each file."""
    module = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(module.__path__),
                       key=lambda info: info.name):
        importlib.import_module(package + "." + info.name)
    return list(_cases.values())


class UnknownCase(ValueError):
    pass


def select(cases, patterns):
    """Those of 'cases' that one of 'patterns' names: a whole name, one with
    wildcards, or the part of it before a slash.  All if there are none."""
    if not patterns:
        return list(cases)
    chosen = set()
    for pattern in patterns:
        found = {c.name for c in cases
                 if fnmatch.fnmatchcase(c.name, pattern)
                 or c.name.startswith(pattern + "/")}
        if not found:
            raise UnknownCase("%s: no such case" % pattern)
        chosen |= found
    return [c for c in cases if c.name in chosen]
