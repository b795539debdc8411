# SPDX-License-Identifier: Apache-2.0
"""Clients of the ring socket that do what they should not.

usage: ring-server.py TEST SOCKET
"""

import array
import errno
import mmap
import os
import socket
import struct
import sys
import time

import ovs.ring
import ovs.ring_socket as rs

MIB = 1 << 20


def control(fd):
    """Members of the control structure at the start of a producer region."""
    names = ("magic major minor control_len n_lanes seg_size n_segs "
             "max_record state features lane_off lane_stride consumer_off "
             "consumer_stride data_off data_stride producer_size "
             "consumer_size clock_id ring_class n_tx tx_off tx_data_off "
             "tx_data_size").split()
    layout = struct.Struct("=IHH6IQ4I4Q6I")
    return dict(zip(names, layout.unpack(os.pread(fd, layout.size, 0))))


def close_all(fds):
    for fd in fds:
        os.close(fd)


def refused(error, word, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except rs.Refused as e:
        assert e.errno == error, (args, kwargs, e)
        assert word in e.strerror, (word, e.strerror)
        return
    raise AssertionError("%s %s was not refused" % (args, kwargs))


def geometry(name):
    """R1: what is allowed is what one gets, everything else is refused by
    name, and the connection goes on."""
    good = (
        dict(),
        dict(seg_size=4096, segs=2),
        dict(seg_size=4096, segs=1024),
        dict(seg_size=MIB, segs=2),
        dict(lanes=1, seg_size=65536, segs=16, max_record=2048),
        dict(n_tx=16, tx_data_size=64),
    )
    bad = (
        ("lanes", dict(lanes=2)),
        ("lanes", dict(lanes=0xffffffff)),
        ("segment size", dict(seg_size=4095)),
        ("segment size", dict(seg_size=2048)),
        ("segment size", dict(seg_size=2 * MIB)),
        ("segment size", dict(seg_size=0xffffffff)),
        ("segments", dict(segs=1)),
        ("segments", dict(segs=3)),
        ("segments", dict(segs=2048)),
        ("longest record", dict(max_record=8)),
        ("longest record", dict(max_record=1024)),
        ("longest record", dict(seg_size=4096, max_record=4096)),
        ("TX entries", dict(n_tx=3)),
        ("TX entries", dict(n_tx=1 << 17)),
        ("TX data size", dict(tx_data_size=64)),
        ("TX data size", dict(n_tx=16, tx_data_size=65)),
        ("TX data size", dict(n_tx=16, tx_data_size=2 * MIB)),
        ("in-port=x", dict(options="in-port=x")),
        ("colour=red", dict(options="colour=red")),
        ("colour", dict(options="colour")),
        ("twice", dict(options="pmd=1,pmd=2")),
    )
    for numbers in good:
        with rs.Client(name) as client:
            ring = client.attach(rs.FLOWS, **numbers)
            c = control(ring.fds[0])
            assert c["producer_size"] == os.fstat(ring.fds[0]).st_size
            assert c["consumer_size"] == os.fstat(ring.fds[1]).st_size
            for ours, theirs in (("lanes", "n_lanes"),
                                 ("seg_size", "seg_size"),
                                 ("segs", "n_segs"),
                                 ("max_record", "max_record"),
                                 ("n_tx", "n_tx"),
                                 ("tx_data_size", "tx_data_size")):
                if ours in numbers:
                    assert c[theirs] == numbers[ours], (numbers, c)
            assert c["ring_class"] == rs.FLOWS
            ring.detach()
            close_all(ring.fds)
    with rs.Client(name) as client:
        for word, numbers in bad:
            refused(errno.EINVAL, word, client.attach, rs.FLOWS, **numbers)
        refused(errno.EINVAL, "class 77", client.attach, 77)
        refused(errno.ENODEV, "nix@da", client.attach, rs.FLOWS, "nix@da")
        close_all(client.attach(rs.FLOWS).fds)


def attach_when_free(client, **numbers):
    """Attaches when what was detached before has been freed."""
    while True:
        try:
            return client.attach(rs.FLOWS, **numbers)
        except rs.Refused as e:
            assert e.errno == errno.ENOMEM, e
            time.sleep(.01)


def quotas(name):
    """R12: rings of a connection, memory of all, connections.  Memory is
    limited to 8 MiB.  What is given back can be had again."""
    small = dict(seg_size=4096, segs=2)
    with rs.Client(name) as client:
        rings = [client.attach(rs.FLOWS, **small)
                 for _ in range(rs.MAX_RINGS)]
        refused(errno.EDQUOT, "4 rings", client.attach, rs.FLOWS, **small)
        rings[1].detach()
        rings.append(client.attach(rs.FLOWS, **small))
        refused(errno.EDQUOT, "4 rings", client.attach, rs.FLOWS, **small)
        for ring in rings:
            close_all(ring.fds)

    with rs.Client(name) as one, rs.Client(name) as two:
        refused(errno.ENOMEM, "ring-max-mb", one.attach, rs.FLOWS,
                seg_size=MIB, segs=8)
        ring = attach_when_free(one, seg_size=MIB, segs=4)
        refused(errno.ENOMEM, "ring-max-mb", two.attach, rs.FLOWS,
                seg_size=MIB, segs=4)
        close_all(ring.fds)
        one.close()
        close_all(attach_when_free(two, seg_size=MIB, segs=4).fds)

    clients = []
    try:
        while len(clients) < 65:
            clients.append(rs.Client(name))
        raise AssertionError("65 connections")
    except rs.Refused as e:
        assert e.errno == errno.EUSERS and len(clients) == 64, (e, clients)
    finally:
        for client in clients:
            client.close()
    with rs.Client(name) as client:
        close_all(client.attach(rs.FLOWS, **small).fds)


def denied(function, *args):
    try:
        function(*args)
    except OSError as e:
        assert e.errno in (errno.EPERM, errno.EACCES), e
        return
    raise AssertionError("%s%s was not denied" % (function, args))


def sealed(name):
    """R13: no way to write the producer region or to resize one."""
    with rs.Client(name) as client:
        producer, consumer, wake = client.attach(rs.FLOWS).fds
        for fd in producer, consumer:
            denied(os.ftruncate, fd, 0)
            denied(os.ftruncate, fd, 1 << 30)
        again = os.open("/proc/self/fd/%d" % producer, os.O_RDWR)
        for fd in producer, again:
            denied(mmap.mmap, fd, 4096)
            denied(os.pwrite, fd, b"x", 0)
            denied(os.posix_fallocate, fd, 0, 1 << 30)
        writable = mmap.mmap(consumer, 4096)
        writable[0:4] = b"\xff" * 4
        close_all((producer, consumer, wake, again))


def raw(name):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(30)
    directory = os.open(os.path.dirname(name), os.O_PATH)
    while True:
        try:
            s.connect("/proc/self/fd/%d/%s"
                      % (directory, os.path.basename(name)))
            break
        except BlockingIOError:
            time.sleep(.001)
    os.close(directory)
    return s


def message(kind, body=b"", length=None, zero=0, ring=0):
    if length is None:
        length = 16 + len(body)
    return struct.pack("=HHIII", kind, zero, length, 1, ring) + body


HELLO = message(rs.HELLO, struct.pack("=HHI", 1, 1, 0))


def hung_up(s):
    """Does the server say ERR and hang up?"""
    try:
        kind = struct.unpack_from("=H", s.recv(4096))[0]
        assert kind == rs.ERR, kind
        assert s.recv(4096) == b""
    except ConnectionResetError:
        pass                    # There was more to read for the server.
    s.close()


def malice(name):
    """Nothing that a client sends holds the others up."""
    attach = struct.pack("=7IHH", rs.FLOWS, 0, 0, 0, 0, 0, 0, 0, 0)
    for first in (b"x", b"x" * 15, b"\0" * 16, b"\xff" * 4096,
                  message(rs.HELLO), message(rs.LIST),
                  message(rs.HELLO, struct.pack("=HHI", 2, 9, 0)),
                  message(rs.HELLO, struct.pack("=HHI", 1, 1, 0), zero=1),
                  message(rs.HELLO, struct.pack("=HHI", 1, 1, 0), length=9)):
        s = raw(name)
        s.send(first)
        hung_up(s)
    for second in (HELLO, b"x", message(rs.ATTACH), message(rs.ATTACH,
                   attach[:-1]), message(rs.ATTACH, attach + b"x"),
                   message(rs.OK), message(9), message(rs.LIST, b"x"),
                   message(rs.DETACH, b"x"), b"y" * 5000):
        s = raw(name)
        s.send(HELLO)
        assert struct.unpack_from("=H", s.recv(4096))[0] == rs.HELLO
        s.send(second)
        hung_up(s)

    # Messages to rings that are none, and of lengths that are none.
    with rs.Client(name) as client:
        refused(errno.ENXIO, "ring 7", client.transact, rs.DETACH, b"", 7)
        refused(errno.ENXIO, "ring 0", client.transact, rs.EXPORT, b"", 0)
        ring = client.attach(rs.FLOWS)
        refused(errno.EINVAL, "length", client.transact, rs.EXPORT, b"", 1)
        refused(errno.EINVAL, "flags", ring.export, 1, 8)
        refused(errno.EOPNOTSUPP, "message 99", client.transact, 99, b"", 1)
        client.send(rs.KICK, b"", 99)
        close_all(ring.fds)

    # Descriptors that nobody wants, and answers that nobody reads.
    flood = [raw(name) for _ in range(8)]
    null = os.open("/dev/null", os.O_RDONLY)
    for s in flood:
        s.setblocking(False)
        s.send(HELLO)
        try:
            for _ in range(100000):
                s.sendmsg([message(rs.LIST)],
                          [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [null] * 100))])
        except BlockingIOError:
            pass
    os.close(null)
    with rs.Client(name) as client:
        assert client.datapaths(), "an honest client"

    # Rings that nobody takes.
    for _ in range(2):
        s = raw(name)
        s.send(HELLO)
        for _ in range(20):
            s.send(message(rs.ATTACH, attach))
        s.close()

    # A storm of connections.
    for _ in range(2000):
        raw(name).close()
    for s in flood:
        s.close()
    with rs.Client(name) as client:
        close_all(attach_when_free(client).fds)


def reader(name):
    """ovs.ring and ovs.ring_socket: all flows through a ring that is far too
    small for them."""
    with rs.Client(name) as client:
        flows = client.attach(rs.FLOWS, client.datapaths()[0], seg_size=4096,
                              segs=4)
        with ovs.ring.Ring(*flows.fds, kick=flows.kick) as ring:
            flows.export(7)
            records = []
            while not records or records[-1].type != ovs.ring.DUMP_END:
                records.append(ring.read())
            assert not any(r.lost for r in records)
            n_flows = sum(r.type == ovs.ring.FLOW for r in records)
            end = struct.unpack("=QQQII", records[-1].data)
            assert end[0] == 7 and end[1] == n_flows == 300, (end, n_flows)
        close_all(flows.fds)


TESTS = {f.__name__: f for f in (geometry, quotas, sealed, malice, reader)}

if __name__ == "__main__":
    TESTS[sys.argv[1]](sys.argv[2])
    print(sys.argv[1] + ": ok")
