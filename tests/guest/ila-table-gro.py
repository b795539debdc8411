# SPDX-License-Identifier: Apache-2.0

"""A packet whose checksum was found right before its address changes is not
taken for right after.

usage: ila-table-gro.py MAC DATAPATH

Sends TCP packets to ILA addresses by the tap "gro", a port of DATAPATH, whose
NAPI verifies checksums and makes right ones CHECKSUM_UNNECESSARY, and on to
the host h2, which has MAC and the SIR address: it may accept those only that
are right there."""

import importlib.util
import os
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import ovs_ila                                              # noqa: E402


def load(name):
    spec = importlib.util.spec_from_file_location(
        name.replace("-", "_"), os.path.join(os.path.dirname(__file__),
                                             name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


csum, packets = load("ila-table-csum"), load("ila-table-packets")


def received():
    """How many segments came to h2, and how many had a wrong checksum."""
    lines = subprocess.run(
        ("ip", "netns", "exec", "h2", "grep", "^Tcp:", "/proc/net/snmp"),
        check=True, capture_output=True, text=True).stdout.splitlines()
    names, values = (line.split()[1:] for line in lines)
    counts = dict(zip(names, map(int, values)))
    return counts["InSegs"], counts["InCsumErrors"]


def is_accepted(tap, frame):
    """Sends a packet, and waits until it has come."""
    n, n_wrong = received()
    os.write(tap, packets.vnet_header(None) + frame)
    end = time.monotonic() + csum.PATIENCE
    while time.monotonic() < end:
        n_now, n_wrong_now = received()
        if n_now > n + 1 or n_wrong_now > n_wrong + 1:
            raise AssertionError("h2 received what nobody sent")
        if n_now > n:
            # It is counted before its checksum is looked at.
            n_wrong_now = received()[1]
            return n_wrong_now == n_wrong
        time.sleep(.001)
    raise AssertionError("a packet did not come")


def main(mac_of_destination, datapath):
    tap = packets.open_tun("gro", packets.IFF_TAP | packets.IFF_NAPI)
    packets.run("ovs-dpctl", "add-if", datapath, "gro")
    table = ovs_ila.Table(datapath)
    number = table.netlink.port_number(table.index, "gro")
    out = table.netlink.port_number(table.index, "p2")
    packets.run("ovs-dpctl", "add-flow", datapath,
                f"in_port({number}),eth(),eth_type(0x86dd),ipv6()", str(out))
    table.set_port(number, ovs_ila.DIRS["in"])
    header = (bytes.fromhex(mac_of_destination.replace(":", ""))
              + bytes(5) + b"\1\x86\xdd")
    n = n_errors = 0
    for mode in ovs_ila.MODES:
        for compat in (False, True) if mode == "adj-transport" else (False,):
            table.flush()
            table.add(ovs_ila.entry(
                ovs_ila.match(ovs_ila.IN, csum.ILA_LOC), csum.SIR_LOC, mode,
                flags=ovs_ila.FLAGS["adj-compat"] if compat else 0))
            for size in 0, 201, 1200:
                for name, error in csum.errors().items():
                    n += 1
                    if is_accepted(tap, header + csum.packet(
                            mode, compat, bytes(size), error,
                            socket.IPPROTO_TCP)) != (not error):
                        print(f"{mode}{' compat' if compat else ''}, {size}:",
                              "accepted" if error else "refused", name)
                        n_errors += 1
    print(f"{n} packets, {n_errors} errors")
    return n_errors > 0 or n < 80


if __name__ == "__main__":
    # All packets take the same way, in order.
    os.sched_setaffinity(0, {0})
    sys.exit(main(*sys.argv[1:]))
