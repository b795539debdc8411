# SPDX-License-Identifier: Apache-2.0
"""Consumer of a ring (include/openvswitch/ring-abi.h), in Python alone.

    with ovs.ring.Ring(producer_fd, consumer_fd, wake_fd) as ring:
        for record in ring:
            if record.type == ovs.ring.PACKET:
                ...

Only for CPython on x86-64.  There a load or store of an aligned word by
memoryview is one instruction, loads are not reordered with loads, nor stores
with stores, and taking a lock is a full fence.  Elsewhere Python has no means
to order what it does to memory that others use at the same time, and Ring()
refuses; use the C library there.

Records are copied, so that nothing is ever held.  One thread at a time uses a
Ring.
"""

import collections
import mmap
import os
import platform
import select
import struct
import sys
import threading

MAGIC = 0x5253564f
MAJOR = 1

# Types of records, and operations of TX entries.
(NLMSG, FLOW, STATS, DEL, PORT, PACKET, DUMP_BEGIN, DUMP_END, COPY,
 EVENT) = range(1, 11)
(OP_ACCEPT, OP_DROP, OP_MARK, OP_ACCEPT_UPTO, OP_DROP_UPTO) = range(1, 6)

# Flags of records.
FLAG_LOST = 1 << 0
FLAG_TRUNCATED = 1 << 1
FLAG_COPY = 1 << 2
FLAG_TIMESTAMP = 1 << 3
FLAG_LAST = 1 << 4

STATE_DEAD = 1 << 0
STATE_PARKED = 1 << 1

_BUSY = 1 << 31
_DISCARD = 1 << 30
_END = 1 << 29
_LEN = 0x0fffffff

_CONTROL = struct.Struct("=IHH6IQ4I4Q6I")
_Control = collections.namedtuple("_Control", (
    "magic", "major", "minor", "control_len", "n_lanes", "seg_size", "n_segs",
    "max_record", "state", "features", "lane_off", "lane_stride",
    "consumer_off", "consumer_stride", "data_off", "data_stride",
    "producer_size", "consumer_size", "clock_id", "ring_class", "n_tx",
    "tx_off", "tx_data_off", "tx_data_size"))
_STATE_WORD = 7         # Index of 'state', in words of 4 bytes.
_LANE_SIZE = 192
_HEADER = struct.Struct("=BBHQ")        # Behind the word.
_HEADER_SIZE = 16
_TX = struct.Struct("=BBHIQ4I")

# 'seq' and 'lane' identify a record, 'lost' is how many messages were lost
# right before it, 'timestamp' is in ns of the ring's clock or None, 'ext' and
# 'data' are bytes.
Record = collections.namedtuple(
    "Record", "type flags seq lost lane timestamp ext data")


class RingError(Exception):
    """The ring cannot be used, or makes no sense."""


class RingFull(Exception):
    """There is no room for a TX entry until the producer has taken some."""


def _is_size(x, low, high):
    return low <= x <= high and not x & (x - 1)


def _check_control(c, producer_size, consumer_size):
    if c.magic != MAGIC:
        raise RingError("this is no ring")
    if c.major != MAJOR:
        raise RingError("version %d of the ring is not %d" % (c.major, MAJOR))
    lane_size = _LANE_SIZE + 8 * c.n_segs
    consumer_end = 64 + 4 * c.n_segs
    if c.n_tx:
        if c.tx_off % 64 or c.tx_off < consumer_end:
            raise RingError("bad offset of TX entries")
        consumer_end = c.tx_off + _TX.size * c.n_tx
    parts = (
        (c.lane_off, c.lane_stride, lane_size, c.data_off, 64),
        (c.data_off, c.data_stride, c.n_segs * c.seg_size, producer_size,
         4096),
        (c.consumer_off, c.consumer_stride, consumer_end, consumer_size, 64))
    if (c.control_len < _CONTROL.size or not c.n_lanes
            or c.producer_size != producer_size
            or c.consumer_size != consumer_size
            or not _is_size(c.seg_size, 4096, 1 << 20)
            or not _is_size(c.n_segs, 2, 1024)
            or c.n_tx and not _is_size(c.n_tx, 1, 65536)
            or any(off % align or stride % align or stride < size
                   or off + stride * c.n_lanes > end
                   for off, stride, size, end, align in parts)):
        raise RingError("bad layout of the ring")


class _Lane:
    """Positions in a lane; indexes are those of words of 4 or 8 bytes."""

    def __init__(self, c, index):
        lane = c.lane_off + index * c.lane_stride
        consumer = c.consumer_off + index * c.consumer_stride
        self.index = index
        self.prod = lane // 8
        self.tx_head = (lane + 8) // 4
        self.order = (lane + _LANE_SIZE) // 4
        self.data = c.data_off + index * c.data_stride
        self.armed = consumer // 4
        self.wake_bytes = consumer // 4 + 1
        self.wake_us = consumer // 4 + 2
        self.tx_tail = consumer // 4 + 3
        self.released = (consumer + 64) // 4
        self.tx = consumer + c.tx_off

        self.k = 0              # Number of the segment.
        self.seg = None         # Which one it is, once it was looked up.
        self.off = 0            # Offset in it.
        self.seq = 0
        self.lost = 0
        self.n_tx = 0           # Entries written, modulo 2^32.


class Ring:
    def __init__(self, producer_fd, consumer_fd, wake_fd=None, kick=None):
        """Opens the ring in the two files, which may be closed afterwards.
        'wake_fd' is to sleep on; without it, read() never waits.  'kick' is
        called when the producer is to go on that had nowhere to go.

        Raises:
            RingError if this is no ring, or this Python cannot read one.
        """
        if (platform.machine() not in ("x86_64", "AMD64")
                or sys.maxsize <= 1 << 32
                or sys.implementation.name != "cpython"):
            raise RingError("a ring can be read by CPython on x86-64 only")
        self._wake_fd = wake_fd
        self._kick = kick
        self._fence_lock = threading.Lock()
        self._n_armed = 0
        self._hung_up = False
        self._current = 0
        self._views = []
        self._maps = []
        try:
            self._open(producer_fd, consumer_fd)
        except BaseException:
            self.close()
            raise

    def _map(self, fd, prot):
        m = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, prot)
        self._maps.append(m)
        view = memoryview(m)
        self._views += [view]
        return view

    def _cast(self, view, code):
        self._views.append(view.cast(code))
        return self._views[-1]

    def _open(self, producer_fd, consumer_fd):
        self._producer = self._map(producer_fd, mmap.PROT_READ)
        consumer = self._map(consumer_fd, mmap.PROT_READ | mmap.PROT_WRITE)
        if len(self._producer) < _CONTROL.size:
            raise RingError("this is no ring")
        self.control = _Control(*_CONTROL.unpack_from(self._producer))
        _check_control(self.control, len(self._producer), len(consumer))
        self._p32 = self._cast(self._producer, "I")
        self._p64 = self._cast(self._producer, "Q")
        self._c8 = consumer
        self._c32 = self._cast(consumer, "I")
        self._lanes = [_Lane(self.control, i)
                       for i in range(self.control.n_lanes)]

    def close(self):
        """The caller closes the files."""
        for view in reversed(self._views):
            view.release()
        for m in self._maps:
            m.close()
        self._views = []
        self._maps = []

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __iter__(self):
        """Waits for records and yields them until there will be no more; needs
        'wake_fd'."""
        while True:
            try:
                yield self.read()
            except EOFError:
                return

    # Reading.

    def _has_header(self, lane):
        prod = self._p64[lane.prod]
        opened = prod >> 32
        if (lane.k + 1) & 0xffffffff == opened:
            return lane.off < prod & 0xffffffff
        return lane.k != opened

    def _next_of_lane(self, lane):
        """The next record of 'lane', None if there is none now."""
        c = self.control
        while self._has_header(lane):
            if lane.seg is None:
                lane.seg = self._p32[lane.order
                                     + lane.k % (2 * c.n_segs)]
                if lane.seg >= c.n_segs:
                    raise RingError("bad segment")
            if lane.off > c.seg_size - _HEADER_SIZE:
                raise RingError("bad offset")
            at = lane.data + lane.seg * c.seg_size + lane.off
            word = self._p32[at // 4]
            if word & _BUSY:
                return None
            if word & _END:
                self._c32[lane.released + lane.seg] = (
                    (lane.k + 1) & 0xffffffff or 1)
                lane.k = (lane.k + 1) & 0xffffffff
                lane.seg = None
                lane.off = 0
                continue
            record = self._parse(lane, at, word & _LEN)
            if not word & _DISCARD:
                lane.lost = 0
                return record
        return None

    def _parse(self, lane, at, length):
        type_, flags, ext_len, seq = _HEADER.unpack_from(self._producer,
                                                         at + 4)
        at += _HEADER_SIZE
        if (lane.off + _HEADER_SIZE + length > self.control.seg_size
                or ext_len > length or seq < lane.seq):
            raise RingError("bad record")
        lane.off += _HEADER_SIZE + (length + 7 & ~7)
        lane.lost += seq - lane.seq
        lane.seq = seq + 1
        ext = bytes(self._producer[at:at + ext_len])
        timestamp = None
        if flags & FLAG_TIMESTAMP and ext_len >= 8:
            timestamp, = struct.unpack_from("=Q", ext)
        return Record(type_, flags, seq, lane.lost, lane.index, timestamp,
                      ext, bytes(self._producer[at + ext_len:at + length]))

    def _next(self):
        for i in range(len(self._lanes)):
            lane = self._lanes[self._current]
            record = self._next_of_lane(lane)
            if record:
                return record
            self._current = (self._current + 1) % len(self._lanes)
        return None

    def _is_dead(self):
        return self._hung_up or self._p32[_STATE_WORD] & STATE_DEAD

    def try_read(self):
        """Returns the next Record, or None if there is none now.

        Raises:
            EOFError if there will be no more.
            RingError if what is in the ring makes no sense.
        """
        record = self._next()
        if not record and self._is_dead():
            # It may have written something before it died.
            record = self._next()
            if not record:
                raise EOFError
        return record

    def read(self, timeout=None):
        """As try_read(), but waits, for at most 'timeout' seconds."""
        while True:
            record = self.try_read()
            if record or self._wake_fd is None or timeout == 0:
                return record
            if not self._sleep(timeout):
                timeout = 0

    # Sleeping.

    def set_wake(self, wake_bytes, wake_us):
        """Be woken when that many bytes are pending, or the oldest of them is
        that many microseconds old."""
        for lane in self._lanes:
            self._c32[lane.wake_bytes] = wake_bytes
            self._c32[lane.wake_us] = wake_us

    def _store_armed(self, value):
        for lane in self._lanes:
            self._c32[lane.armed] = value

    def _fence(self):
        with self._fence_lock:
            pass

    def _has_work(self, lane):
        if not self._has_header(lane):
            return False
        if lane.seg is None:
            return True
        at = lane.data + lane.seg * self.control.seg_size + lane.off
        return not self._p32[at // 4] & _BUSY

    def _sleep(self, timeout):
        """Returns whether it was woken before 'timeout'."""
        self._n_armed = self._n_armed % 0xffffffff + 1
        self._store_armed(self._n_armed)
        self._fence()
        if self._kick and self._p32[_STATE_WORD] & STATE_PARKED:
            self._kick()
        try:
            if (any(self._has_work(lane) for lane in self._lanes)
                    or self._is_dead()):
                return True
            poll = select.poll()
            poll.register(self._wake_fd, select.POLLIN)
            events = poll.poll(None if timeout is None else timeout * 1000)
        finally:
            self._store_armed(0)
        for _, event in events:
            if not event & select.POLLIN:
                self._hung_up = True
            elif not os.read(self._wake_fd, 64):
                self._hung_up = True
        return bool(events)

    # Answering.

    def submit(self, lane_index, op, id_, off=0, mask=0):
        """Appends a TX entry.

        Raises:
            RingFull
        """
        lane = self._lanes[lane_index]
        n_tx = self.control.n_tx
        pending = (lane.n_tx - self._p32[lane.tx_head]) & 0xffffffff
        if pending >= n_tx:
            raise RingFull if n_tx else RingError("no TX entries")
        _TX.pack_into(self._c8, lane.tx + lane.n_tx % n_tx * _TX.size,
                      op, 0, 0, 0, id_, off, mask, 0, 0)
        lane.n_tx = (lane.n_tx + 1) & 0xffffffff
        self._c32[lane.tx_tail] = lane.n_tx

    def accept(self, record):
        self.submit(record.lane, OP_ACCEPT, record.seq)

    def drop(self, record):
        self.submit(record.lane, OP_DROP, record.seq)

    def accept_upto(self, record):
        self.submit(record.lane, OP_ACCEPT_UPTO, record.seq)

    def drop_upto(self, record):
        self.submit(record.lane, OP_DROP_UPTO, record.seq)

    def mark(self, record, value, mask=0xffffffff):
        self.submit(record.lane, OP_MARK, record.seq, value, mask)
