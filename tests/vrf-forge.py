# SPDX-License-Identifier: Apache-2.0
"""Usage: vrf-forge.py TO [KEY=VALUE]...

Sends an ICMP error, "fragmentation needed", to the IPv4 address TO.  It quotes
a VXLAN packet; keys are src and dst of that, sport, dport, vni, len, the
length that it claims to have, quote, how many bytes behind its IP header are
there, and mtu."""

import socket
import struct
import sys


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


to = sys.argv[1]
args = {"src": to, "dst": "172.31.2.1", "sport": 40000, "dport": 4789,
        "vni": 7, "len": 1500, "quote": 16, "mtu": 1300}
for arg in sys.argv[2:]:
    key, value = arg.split("=")
    args[key] = type(args[key])(value)

ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, args["len"], 1, 0x4000, 63, 17, 0,
                 socket.inet_aton(args["src"]), socket.inet_aton(args["dst"]))
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
vxlan = struct.pack("!HHHHII", args["sport"], args["dport"], args["len"] - 20,
                    0, 8 << 24, args["vni"] << 8)
icmp = struct.pack("!BBHHH", 3, 4, 0, 0, args["mtu"]) + ip
icmp += vxlan[:args["quote"]]
icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
with socket.socket(socket.AF_INET, socket.SOCK_RAW,
                   socket.IPPROTO_ICMP) as sender:
    sender.sendto(icmp, (to, 0))
