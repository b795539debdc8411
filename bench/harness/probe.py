# SPDX-License-Identifier: Apache-2.0
"""Asks a daemon for its version again and again until stdin ends, then prints
the longest time in ms that an answer took.

usage: probe.py CONTROL-SOCKET
"""

import json
import select
import socket
import sys
import time

REQUEST = json.dumps({"id": 0, "method": "version", "params": []}).encode()
INTERVAL = 0.001                # In s.


def ask(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(name)
        start = time.monotonic()
        s.sendall(REQUEST)
        if not s.recv(4096):
            sys.exit("no answer")
        return time.monotonic() - start


def main(name):
    longest = ask(name)
    print("started", flush=True)
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        longest = max(longest, ask(name))
    print("%.3f" % (longest * 1e3))


if __name__ == "__main__":
    main(sys.argv[1])
