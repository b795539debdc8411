# SPDX-License-Identifier: Apache-2.0
"""Plots of ratios, as SVG, without a library.  Pure functions to text."""

import math
from xml.sax.saxutils import escape

ROW = 22
LEFT = 430
WIDTH = 900
TOP = 46
TICKS = (0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.25, 1.5,
         2, 3, 5, 10, 20, 50, 100)
BETTER, SAME, WORSE = "#2a7f4f", "#777777", "#b03a2e"


def colour(ratio):
    if ratio > 1.02:
        return BETTER
    return WORSE if ratio < 0.98 else SAME


def axis(ratios):
    """The range of the axis: two ticks, around 1 and all 'ratios'."""
    low = max((t for t in TICKS if t < min(ratios) and t < 1),
              default=TICKS[0])
    high = min((t for t in TICKS if t > max(ratios) and t > 1),
               default=TICKS[-1])
    return low, high


def ticks(low, high):
    """Ticks from 'low' to 'high', both and 1 among them, not too close."""
    span = math.log(high / low)
    chosen = []
    for t in sorted((t for t in TICKS if low <= t <= high),
                    key=lambda t: (t != 1, t not in (low, high), t)):
        if all(abs(math.log(t / c)) > 0.07 * span for c in chosen):
            chosen.append(t)
    return sorted(chosen)


def ratios(title, rows):
    """A plot of 'rows', (label, ratio, spread): a bar from 1 to the ratio on a
    logarithmic axis, with a whisker of the spread."""
    # A spread has no bound, and a logarithmic axis has no zero.
    rows = [(label, r, min(s, 1.8)) for label, r, s in rows]
    low, high = axis([r * (1 + e * s / 2)
                      for _, r, s in rows for e in (-1, 1)])
    height = TOP + ROW * len(rows) + 34

    def x(value):
        share = math.log(value / low) / math.log(high / low)
        return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - 70)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="12">' % (WIDTH, height),
           '<!-- SPDX-License-Identifier: Apache-2.0 -->',
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="20" font-size="15" font-weight="bold">%s</text>'
           % escape(title),
           '<text x="%d" y="36" text-anchor="middle" fill="#555">'
           'as good as the baseline</text>' % x(1)]
    for t in ticks(low, high):
        out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>'
                   % (x(t), x(t), TOP - 4, height - 28,
                      "#000" if t == 1 else "#ddd"))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>'
                   % (x(t), height - 12, t))
    for i, (label, ratio, spread) in enumerate(rows):
        y = TOP + i * ROW
        start, end = sorted((x(1), x(ratio)))
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>'
                   % (LEFT - 8, y + 14, escape(label)))
        out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" '
                   'fill="%s"/>' % (start, y + 3, max(end - start, 1.5),
                                    ROW - 8, colour(ratio)))
        whisker = [x(ratio * (1 - spread / 2)), x(ratio * (1 + spread / 2))]
        out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" '
                   'stroke="#000"/>' % (*whisker, y + 10, y + 10))
        out.append('<text x="%.1f" y="%d" fill="#333">%.3g</text>'
                   % (max(end, whisker[1]) + 6, y + 14, ratio))
    return "\n".join(out + ["</svg>", ""])
