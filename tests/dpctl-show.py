# SPDX-License-Identifier: Apache-2.0
"""Prints what "dpctl/show --json" said, read from stdin, as "dpctl/show" says
it: Python's parser is the judge of the JSON, upstream's text of the values."""

import json
import sys


def number(value):
    return "?" if value is None else value


def human(value):
    for unit, shift in ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10):
        if value is not None and value >= 1 << shift:
            return f" ({value / (1 << shift):.1f} {unit})"
    return ""


def show_statistics(s):
    rx, tx = s["rx"], s["tx"]

    print("    RX packets:{} errors:{} dropped:{} overruns:{} frame:{}".format(
        *(number(rx.get(k)) for k in ("packets", "errors", "dropped",
                                      "overruns", "frame"))))
    print("    TX packets:{} errors:{} dropped:{} aborted:{} carrier:{}"
          .format(*(number(tx.get(k)) for k in ("packets", "errors", "dropped",
                                                "aborted", "carrier"))))
    print(f"    collisions:{number(s.get('collisions'))}")
    print("    RX bytes:{}{}  TX bytes:{}{}".format(
        number(rx.get("bytes")), human(rx.get("bytes")),
        number(tx.get("bytes")), human(tx.get("bytes"))))


def show_port(port):
    line = f"  port {port['port']}: {port['name']}"

    if port["type"] != "system":
        config = sorted(port["config"].items())
        line += f" ({port['type']}"
        line += ":" if config else ""
        line += ",".join(f" {k}={v}" for k, v in config) + ")"
    print(line)
    if "statistics" in port:
        show_statistics(port["statistics"])


def show(name, dp):
    print(f"{name}:")
    if "lookups" in dp:
        print("  lookups: hit:{hit} missed:{missed} lost:{lost}".format(
            **dp["lookups"]))
        print(f"  flows: {dp['flows']}")
    if "masks" in dp:
        print("  masks: hit:{hit} total:{total}".format(**dp["masks"]))
    if "caches" in dp:
        print("  caches:")
        for cache, value in dp["caches"].items():
            print(f"    {cache}: size:{value['size']}")
    for port in dp["ports"]:
        show_port(port)


for name, dp in sorted(json.load(sys.stdin).items()):
    show(name, dp)
