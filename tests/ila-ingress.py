# SPDX-License-Identifier: Apache-2.0

"""Sends the ILA test vectors through ports that translate at ingress.

The bridge is br0 with the dummy ports p1, p2 and p3, where packets are
injected; p2's options:tx_pcap says what came out.  p1 and p3 have
other_config:ila=both.  The mappings of each vector become entries of the
datapath's table.  Its packet is sent twice: the first one makes an upcall, the
second one hits the datapath flow that the upcall installed, whose key has to
be the packet as it is translated.
"""

import argparse
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


def words(entry, inner):
    """Returns a mapping as dpctl/ila-add wants it."""
    result = ["dir=" + vectors.DIRECTIONS[entry["direction"]],
              "locator=" + entry["locator"],
              "csum-mode=" + entry["csum_mode"]]
    if entry["match_locator"]:
        result.append("match-locator=" + entry["match_locator"])
    if "identifier" in entry:
        ident = entry["identifier"]
        result.append("ident=" + ":".join(ident[i:i + 4]
                                          for i in range(0, 16, 4)))
    if "in_port" in entry:
        result.append("port=p%d" % entry["in_port"])
    if inner:
        result.append("icmp-inner")
    return result


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

    def run_vector(self, vector):
        tags = vectors.TAGS[self.args.tags]
        packet = vectors.frame(vectors.ETH_TYPE_IPV6,
                               bytes.fromhex(vector["in"]), tags)
        expected = []
        flows = ["delete", "priority=0,actions=output:2"]
        if vector["out"] is not None:
            out = bytes.fromhex(vector["out"])
            expected = [vectors.frame(vectors.ETH_TYPE_IPV6, out, tags)]
            flows.append("priority=100,ipv6,ipv6_dst=%s,actions=output:2"
                         % destination(out))

        vectors.run("ovs-appctl", "dpctl/ila-flush")
        for entry in vector["table"]:
            vectors.run("ovs-appctl", "dpctl/ila-add",
                        *words(entry, entry in vector.get("icmp_inner", [])))
        vectors.run("ovs-ofctl", "add-flows", "br0", "-",
                    stdin="\n".join(flows) + "\n")
        self.purge()
        self.port = "p%d" % vector["in_port"]
        for path in "upcall", "datapath flow":
            got = self.exchange(packet, len(expected))
            if got != expected:
                raise vectors.VectorError(
                    "%s:\nexpected: %s\n     got: %s"
                    % (path, " ".join(p.hex() for p in expected),
                       " ".join(p.hex() for p in got)))
        self.check_datapath_flow(vector)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", help="file with the vectors (JSON)")
    parser.add_argument("pcap", help="options:tx_pcap of p2")
    parser.add_argument("--tags", type=int, choices=sorted(vectors.TAGS),
                        default=0,
                        help="number of VLAN tags; 2 need vlan-limit=2")
    args = parser.parse_args()

    with open(args.vectors) as f:
        todo = json.load(f)["vectors"]
    driver = Driver(args)
    n_run = n_errors = 0
    for vector in todo:
        if vector["l4_partial"]:
            continue            # A dummy port has no way to receive one.
        n_run += 1
        try:
            driver.run_vector(vector)
        except vectors.VectorError as e:
            print("%s (%s): %s" % (vector["id"], vector["desc"], e))
            n_errors += 1
    print("%d vectors, %d errors" % (n_run, n_errors))
    return 1 if n_errors else 0


if __name__ == "__main__":
    sys.exit(main())
