#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: ring-ids.py SOCKET TAP QUEUE

What ring-ids.c beside this file does, in Python: a small intrusion detection
and prevention system, as an example of a consumer of rings.  It finds hosts
that scan ports or flood with SYNs in copies of packets, and has ovs-vswitchd
drop what they send.  ring-ids.c has the flows that it is for.

It is slower than that, and remembers any number of hosts and connections.  It
needs the module "ovs", which is in python/ovs.
"""

import collections
import itertools
import signal
import struct
import sys
import time

import ovs.ring
import ovs.ring_socket

WINDOW = 60             # Seconds that a host is watched for.
SCAN_PORTS = 20         # So many ports in that time are a scan...
FLOOD_SYNS = 200        # ...so many open handshakes a flood.
BATCH = 256             # Copies looked at while a packet waits.

SYN, RST, ACK = 0x02, 0x04, 0x10
PACKET = struct.Struct("=8I")           # struct ovs_ring_packet.

Segment = collections.namedtuple("Segment", "src dst src_port dst_port flags")


def parse(record):
    """The TCP of the packet in 'record', None if there is none."""
    packet = record.data[PACKET.size:]
    if (len(packet) < 34 or packet[12:14] != b"\x08\0" or packet[23] != 6
            or struct.unpack_from("!H", packet, 20)[0] & 0x1fff):
        return None
    tcp = 14 + packet[14] % 16 * 4
    if len(packet) < tcp + 20:
        return None
    ports = struct.unpack_from("!HH", packet, tcp)
    return Segment(packet[26:30], packet[30:34], *ports, packet[tcp + 13])


class Host:
    def __init__(self):
        self.since = time.monotonic()
        self.ports = set()
        self.handshakes = set()         # That are open.
        self.blocked = False


class Ids:
    def __init__(self, socket, tap, queue):
        self.hosts = {}
        self.seen = self.lost = self.accepted = self.dropped = 0
        self.tap, _ = self.attach(socket, ovs.ring_socket.TAP, tap)
        # How long a packet waits before it goes on without a verdict.
        self.queue, self.kick = self.attach(socket, ovs.ring_socket.QUEUE,
                                            queue, "deadline=1000")

    def attach(self, socket, ring_class, name, options=""):
        attached = ovs.ring_socket.Client(socket).attach(ring_class, name,
                                                         options)
        return (ovs.ring.Ring(*attached.fds, kick=attached.kick),
                attached.kick)

    def host(self, address):
        host = self.hosts.get(address)
        if not host or time.monotonic() - host.since > WINDOW:
            host = self.hosts[address] = Host()
        return host

    def see(self, record):
        """A copy of a packet that goes on anyway."""
        self.seen += 1
        self.lost += record.lost
        s = parse(record)
        if not s:
            return
        host = self.host(s.src)
        if s.flags & (SYN | ACK) == SYN:
            host.ports.add(s.dst_port)
            host.handshakes.add(s[:4])
            if len(host.ports) > SCAN_PORTS:
                self.block(host, s.src, "port scan", len(host.ports))
            elif len(host.handshakes) > FLOOD_SYNS:
                self.block(host, s.src, "SYN flood", len(host.handshakes))
        elif s.flags & (ACK | RST) and not s.flags & SYN:
            host.handshakes.discard(s[:4])

    def block(self, host, address, why, n):
        if not host.blocked:
            host.blocked = True
            print("%d.%d.%d.%d:" % tuple(address),
                  "%s (%d), blocked" % (why, n), flush=True)

    def judge(self, record):
        """Gives the verdict on a packet that waits for one."""
        s = parse(record)
        drop = bool(s) and self.host(s.src).blocked
        while True:
            try:
                if drop:
                    self.queue.drop(record)
                else:
                    self.queue.accept(record)
                break
            except ovs.ring.RingFull:   # The switch is behind.
                self.kick()
                time.sleep(.0001)
        self.accepted += not drop
        self.dropped += drop

    def run(self):
        while True:
            record = self.queue.try_read()
            if not record:
                # The main thread of ovs-vswitchd may be asleep.  What comes by
                # the tap alone, which there is much room for, can wait.
                self.kick()
                record = self.queue.read(.1)
            # First what was seen, then what is to be judged by it.
            for copy in itertools.islice(iter(self.tap.try_read, None), BATCH):
                self.see(copy)
            if record:
                self.judge(record)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n")[0])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ids = Ids(*sys.argv[1:])
    print("attached", flush=True)
    try:
        ids.run()
    except (EOFError, ConnectionError):         # ovs-vswitchd is gone.
        pass
    finally:
        print("%d packets seen, %d lost, %d connections let through, "
              "%d SYNs dropped" % (ids.seen, ids.lost, ids.accepted,
                                   ids.dropped))


if __name__ == "__main__":
    main()
