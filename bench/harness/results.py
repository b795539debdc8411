# SPDX-License-Identifier: Apache-2.0
"""Results and the file they are kept in."""

import dataclasses
import json
import os

from harness import stats

STOCK = "unmodified Open vSwitch of the same source, same run"


@dataclasses.dataclass(frozen=True)
class Result:
    """One comparison.  'ratio' above 1 means that ours is better; 'spread' is
    that of stats.spread()."""
    case: str
    metric: str
    unit: str
    ours: float
    baseline: float
    baseline_is: str
    ratio: float
    higher_is_better: bool
    rounds: int
    spread: float


def digits(value):
    """'value' with as many digits as a measurement deserves."""
    return float("%.5g" % value)


def compare(case, metric, unit, ours, baseline, higher_is_better=False,
            baseline_is=STOCK):
    """Make a Result of the values of each round, in order, of both sides."""
    if len(ours) != len(baseline):
        raise ValueError("%s: rounds differ" % case)
    a, b = stats.median(ours), stats.median(baseline)
    return Result(case, metric, unit, digits(a), digits(b), baseline_is,
                  round(stats.ratio(a, b, higher_is_better), 4),
                  higher_is_better, len(ours),
                  round(stats.spread(ours, baseline, higher_is_better), 4))


def read(path):
    """The results in 'path', none if there is no such file."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [Result(**item) for item in json.load(f)]


def merge(old, new, order):
    """'old' with all results of the cases of 'new' replaced, in the 'order'
    of a list of all cases.  Cases that are not in it no longer exist."""
    measured = {result.case for result in new}
    kept = [r for r in old if r.case not in measured] + list(new)
    place = {case: i for i, case in enumerate(order)}
    return sorted((r for r in kept if r.case in place),
                  key=lambda r: place[r.case])


def write(path, results):
    """Replaces 'path' as a whole or not at all."""
    lines = [json.dumps(dataclasses.asdict(r), ensure_ascii=False)
             for r in results]
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n")
    os.replace(path + ".tmp", path)
