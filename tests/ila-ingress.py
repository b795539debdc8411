# SPDX-License-Identifier: Apache-2.0

"""Sends the ILA test vectors through ports that translate at ingress.

The bridge is br0 with the dummy ports p1, p2 and p3, where packets are
injected; p2's options:tx_pcap says what came out.  p1 and p3 have
other_config:ila=both.  The mappings of each vector become entries of the
datapath's table.  Its packet is sent twice: the first one makes an upcall, the
second one hits the datapath flow that the upcall installed, whose key has to
be the packet as it is translated.
"""

import importlib.util
import ipaddress
import json
import os
import sys

sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location(
    "ila_vectors",
    os.path.join(os.path.dirname(os.path.abspath(__file__)),
                 "ila-vectors.py"))
vectors = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(vectors)

DST = slice(24, 40)


def destination(packet):
    """Returns the destination of 'packet', an IPv6 packet."""
    return str(ipaddress.IPv6Address(packet[DST]))


class Driver(vectors.Driver):
    def check_datapath_flow(self, vector):
        """Checks that the second packet was the datapath flow's, and what that
        has for a key."""
        if vector["out"] is None:
            return
        dst = destination(bytes.fromhex(vector["out"]))
        dump = [line for line
                in vectors.run("ovs-appctl", "dpctl/dump-flows").splitlines()
                if "0x86dd" in line]
        if (len(dump) != 1 or "dst=%s," % dst not in dump[0]
                or "packets:1," not in dump[0]):
            raise vectors.VectorError("expected one datapath flow to %s with "
                                      "one hit:\n%s" % (dst, "\n".join(dump)))

    def configure(self, vector):
        flows = ["delete", "priority=0,actions=output:2"]
        if vector["out"] is not None:
            flows.append("priority=100,ipv6,ipv6_dst=%s,actions=output:2"
                         % destination(bytes.fromhex(vector["out"])))
        vectors.fill_table(vector)
        vectors.run("ovs-ofctl", "add-flows", "br0", "-",
                    stdin="\n".join(flows) + "\n")


def main():
    args = vectors.argument_parser(__doc__).parse_args()
    with open(args.vectors) as f:
        todo = json.load(f)["vectors"]
    # A dummy port has no way to receive a partial checksum.
    return Driver(args).run_vectors([v for v in todo if not v["l4_partial"]])


if __name__ == "__main__":
    sys.exit(main())
