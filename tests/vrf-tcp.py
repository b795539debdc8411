# SPDX-License-Identifier: Apache-2.0
"""Usage: vrf-tcp.py receive PORT SIZE
       vrf-tcp.py send ADDRESS PORT SIZE

Sends SIZE bytes over a TCP connection, which is complete when the receiver has
acknowledged all of them.  The receiver prints how many it got for each
connection, and serves until it is killed."""

import socket
import sys


def receive(port, size):
    with socket.create_server(("", port), family=socket.AF_INET6,
                              dualstack_ipv6=True) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                got = 0
                while got < size:
                    data = connection.recv(65536)
                    if not data:
                        break
                    got += len(data)
                connection.sendall(b"done")
                print(got, flush=True)


def send(address, port, size):
    with socket.create_connection((address, port)) as connection:
        connection.sendall(bytes(size))
        if connection.recv(4) != b"done":
            sys.exit("closed before all was acknowledged")


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]), int(sys.argv[3]))
else:
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
