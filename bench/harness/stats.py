# SPDX-License-Identifier: Apache-2.0
"""Statistics of repeated measurements.  Pure functions on numbers."""


def median(values):
    """The middle of 'values', the mean of the two in the middle if they are
    even in number."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def quantile(values, q):
    """The value below which a share of 'q' (0 to 1) of 'values' lies, by
    linear interpolation."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def ratio(ours, baseline, higher_is_better):
    """How many times better 'ours' is: more than 1 is better, whichever way
    the metric goes."""
    if ours <= 0 or baseline <= 0:
        raise ValueError("not positive: %s, %s" % (ours, baseline))
    return ours / baseline if higher_is_better else baseline / ours


def spread(ours, baseline, higher_is_better):
    """How far the rounds disagree: the range that holds the middle half of
    the ratios of the single rounds, as a share of their median.  Both sides
    have one value per round, in the order of the rounds; what disturbs a
    whole round thus does not count twice."""
    if len(ours) != len(baseline):
        raise ValueError("%d rounds against %d" % (len(ours), len(baseline)))
    ratios = [ratio(o, b, higher_is_better) for o, b in zip(ours, baseline)]
    return ((quantile(ratios, 0.75) - quantile(ratios, 0.25))
            / median(ratios))


def crossing(points, level):
    """Where the polyline through 'points', (x, y) with both increasing, has
    the height 'level'.  Beyond its ends the nearest segment goes on."""
    points = sorted(points)
    if len(points) < 2:
        raise ValueError("fewer than two points")
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x1 <= x0 or y1 <= y0:
            raise ValueError("not increasing: %s" % (points,))
    i = 1
    while i < len(points) - 1 and points[i][1] < level:
        i += 1
    (x0, y0), (x1, y1) = points[i - 1], points[i]
    return x0 + (level - y0) * (x1 - x0) / (y1 - y0)
