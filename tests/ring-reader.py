# SPDX-License-Identifier: Apache-2.0
"""usage: ring-reader.py PRODUCER-FD CONSUMER-FD WAKE-FD

The consumer of "ovstest test-ring-serve", by ovs.ring."""

import struct
import sys

from ovs import ring


def check(record, number):
    assert record.seq == number and not record.lost, record
    if record.flags & ring.FLAG_COPY:
        assert struct.unpack("=QQ", record.data) == (5000, number), record
    else:
        assert record.type == ring.PACKET
        assert record.data == struct.pack("=Q", number) + bytes(
            (number + i) & 255 for i in range(8, 8 + number % 1400)), record


def answer(r, record):
    while True:
        try:
            if record.seq % 2:
                r.drop(record)
            else:
                r.accept(record)
            return
        except ring.RingFull:
            pass


def main(argv):
    fds = [int(arg) for arg in argv[1:4]]
    n = 0
    with ring.Ring(*fds) as r:
        for record in r:
            check(record, n)
            answer(r, record)
            n += 1
    print("%d records" % n)


main(sys.argv)
