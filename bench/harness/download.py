# SPDX-License-Identifier: Apache-2.0
"""The two ends of a download by TCP.

usage: download.py serve ADDRESS
       download.py fetch ADDRESS

"serve" prints a line when it listens, then sends zeros to whoever connects,
one at a time.  "fetch" prints, for each line of stdin, how many bytes it has
received so far, until stdin ends.
"""

import select
import socket
import sys

PORT = 8080
CHUNK = 1 << 16


def serve(address):
    zeros = bytes(CHUNK)
    with socket.create_server((address, PORT)) as listener:
        print("ready", flush=True)
        while True:
            peer = listener.accept()[0]
            with peer:
                try:
                    while True:
                        peer.sendall(zeros)
                except OSError:
                    pass            # It has enough.


def fetch(address):
    buffer = bytearray(CHUNK)
    total = 0
    with socket.create_connection((address, PORT)) as server:
        print(total, flush=True)
        while True:
            ready = select.select([server, sys.stdin], [], [])[0]
            if sys.stdin in ready:
                if not sys.stdin.readline():
                    return
                print(total, flush=True)
            if server in ready:
                n = server.recv_into(buffer)
                if not n:
                    sys.exit("the server has hung up")
                total += n


if __name__ == "__main__":
    {"serve": serve, "fetch": fetch}[sys.argv[1]](sys.argv[2])
