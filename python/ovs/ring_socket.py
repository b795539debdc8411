# SPDX-License-Identifier: Apache-2.0
"""Rings of ovs-vswitchd for Python: the client's side of the socket that
include/openvswitch/ring-socket.h describes.

    with ovs.ring_socket.Client("/run/openvswitch/ovs-vswitchd.123.ring") as c:
        attached = c.attach(ovs.ring_socket.FLOWS, "netdev@ovs-netdev")
        ring = ovs.ring.Ring(*attached.fds, kick=attached.kick)
        attached.export(1)
        ...

One thread at a time uses a Client.
"""

import array
import os
import socket
import struct
import time

VERSION = 1
MSG_MAX = 4096
MAX_RINGS = 4

(HELLO, ATTACH, DETACH, OK, ERR, KICK, LIST) = range(1, 8)
EXPORT = 64

# Classes of rings.
TAP, QUEUE, FLOWS = 3, 4, 5

# Flags of EXPORT.
INCREMENTAL = 1 << 0

_MSG = struct.Struct("=HHIII")
_HELLO = struct.Struct("=HHI")
_ATTACH = struct.Struct("=7IHH")
_EXPORT = struct.Struct("=QII")
_ERR = struct.Struct("=II")
_N_FDS = 3


class Refused(OSError):
    """ovs-vswitchd said no; the text is what it said."""


class Attached(object):
    """A ring of a client.  'fds' are the producer region, the consumer region
    and what to sleep on; they are the caller's."""

    def __init__(self, client, number, fds):
        self.fds = fds
        self._client = client
        self._number = number

    def export(self, export_id, flags=0):
        """Has a ring of flows filled."""
        self._client.transact(
            EXPORT, _EXPORT.pack(export_id, flags, 0), self._number)

    def kick(self):
        """Tells the server that segments were released."""
        self._client.send(KICK, b"", self._number)

    def detach(self):
        self._client.transact(DETACH, b"", self._number)


class Client(object):
    """A connection, with up to MAX_RINGS rings.  Methods raise Refused, or
    OSError if the server is not there or makes no sense."""

    def __init__(self, name, timeout=30):
        self._id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.settimeout(timeout)
            self._connect(name)
            self.transact(HELLO, _HELLO.pack(VERSION, VERSION, 0))
        except BaseException:
            self._socket.close()
            raise

    def _connect(self, name):
        directory = os.open(os.path.dirname(name) or ".",
                            os.O_PATH | os.O_DIRECTORY)
        try:
            # Names of sockets are short; this one is.
            short = "/proc/self/fd/%d/%s" % (directory, os.path.basename(name))
            deadline = time.monotonic() + (self._socket.gettimeout() or 0)
            while True:
                try:
                    return self._socket.connect(short)
                except BlockingIOError:     # Others are before us.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(.01)
        finally:
            os.close(directory)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, message_type, body, ring=0):
        """Sends a message without waiting for an answer; returns its id."""
        self._id += 1
        self._socket.send(_MSG.pack(message_type, 0, _MSG.size + len(body),
                                    self._id, ring) + body)
        return self._id

    def receive(self):
        """Returns the type, the id, the ring and the body of the next message,
        and the file descriptors that came with it."""
        fds = array.array("i")
        data, ancillary, flags, _ = self._socket.recvmsg(
            MSG_MAX, socket.CMSG_LEN(_N_FDS * fds.itemsize),
            socket.MSG_CMSG_CLOEXEC)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(value[:len(value) - len(value) % fds.itemsize])
        if not data:
            raise ConnectionResetError("ovs-vswitchd hung up")
        message_type, _, length, message_id, ring = _MSG.unpack_from(data)
        if length != len(data) or flags & socket.MSG_TRUNC:
            for fd in fds:
                os.close(fd)
            raise OSError("an answer that makes no sense")
        return message_type, message_id, ring, data[_MSG.size:], list(fds)

    def transact(self, message_type, body, ring=0):
        """Sends a request; returns the ring, the body and the file descriptors
        of the answer."""
        self.send(message_type, body, ring)
        answer, _, ring, body, fds = self.receive()
        if answer == ERR:
            error, _ = _ERR.unpack_from(body)
            raise Refused(error, body[_ERR.size:].decode())
        return ring, body, fds

    def datapaths(self):
        """Returns the datapaths that there are, TYPE@NAME."""
        return self.transact(LIST, b"")[1].decode().split()

    def attach(self, ring_class, name="", options="", lanes=0, seg_size=0,
               segs=0, max_record=0, n_tx=0, tx_data_size=0):
        """Makes a ring; 0 and "" have the server choose."""
        name, options = name.encode(), options.encode()
        ring, _, fds = self.transact(
            ATTACH, _ATTACH.pack(ring_class, lanes, seg_size, segs, max_record,
                                 n_tx, tx_data_size, len(name), len(options))
            + name + options)
        return Attached(self, ring, fds)
