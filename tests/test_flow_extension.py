# SPDX-License-Identifier: Apache-2.0
"""Tests of the extensions' actions in Python's flow parsers.

Needs the assembled python directory in PYTHONPATH, and netaddr and pyparsing
(Debian: python3-netaddr, python3-pyparsing).
"""

import json
import unittest
import unittest.mock

try:
    import netaddr      # noqa: F401
    import pyparsing    # noqa: F401
except ImportError as error:
    raise unittest.SkipTest("%s (Debian: python3-netaddr, python3-pyparsing)"
                            % error)

from ovs.flow import extension
from ovs.flow.decoders import FlowEncoder
from ovs.flow.filter import OFFilter
from ovs.flow.kv import ParseError
from ovs.flow.odp import ODPFlow
from ovs.flow.ofp import OFPFlow

ILA = [
    (
        "ila(locator=2001:0:87:0,csum=neutral-map,dir=out)",
        {"locator": "2001:0:87:0", "csum": "neutral-map", "dir": "out"},
    ),
    (
        "ila(locator=2001:0:87:0,csum=adj-transport,dir=in,field=ipv6_src)",
        {
            "locator": "2001:0:87:0",
            "csum": "adj-transport",
            "dir": "in",
            "field": "ipv6_src",
        },
    ),
    # Looks like a number, stays a string.
    (
        "ila(locator=0:0:0:0,csum=no-action,dir=out,ident-type=luid)",
        {
            "locator": "0:0:0:0",
            "csum": "no-action",
            "dir": "out",
            "ident-type": "luid",
        },
    ),
    (
        "ila(locator=fd00:1:2:3,csum=neutral-map-auto,dir=out,"
        "field=ipv6_dst,ident-type=use-format)",
        {
            "locator": "fd00:1:2:3",
            "csum": "neutral-map-auto",
            "dir": "out",
            "field": "ipv6_dst",
            "ident-type": "use-format",
        },
    ),
    ("ila(table)", {"table": True}),
    ("ila(table,miss=drop)", {"table": True, "miss": "drop"}),
]

RING = [
    ("ring(name=ids0)", {"name": "ids0"}),
    (
        "ring(name=q,mode=queue,max_len=96,fail=closed,id=0x5)",
        {"name": "q", "mode": "queue", "max_len": "96", "fail": "closed",
         "id": "0x5"},
    ),
]

OUTPUT_VRF = (
    ("output_vrf(red)", {"vrf": "red"}),
    ("output_vrf(in,mss=clamp)", {"vrf": "in", "mss": "clamp"}),
    ("output_vrf(NXM_NX_REG0[0..15],ttl=keep,errors=drop)",
     {"vrf": "NXM_NX_REG0[0..15]", "ttl": "keep", "errors": "drop"}),
    ("output_vrf(red,errors=controller(77))",
     {"vrf": "red", "errors": "controller(77)"}),
    ("output_vrf(red,errors=drop,table=4294967295)",
     {"vrf": "red", "errors": "drop", "table": "4294967295"}),
)
# In datapath flows.
VRF = (
    ("vrf(id=7,mark=1)", {"id": "7", "mark": "1"}),
    ("vrf(id=7,errors=recirc(0x5))", {"id": "7", "errors": "recirc(0x5)"}),
    ("vrf(name=red,id=1,ttl=keep)",
     {"name": "red", "id": "1", "ttl": "keep"}),
    ("vrf_way(name=red,id=1,to=2001:db8::/32,from=2001:db8:1::/48,"
     "tos=0x10/0x1c,port=4,mtu=1500,eth_src=02:00:00:00:00:02,"
     "eth_dst=02:00:00:00:00:12)",
     {"name": "red", "id": "1", "to": "2001:db8::/32",
      "from": "2001:db8:1::/48", "tos": "0x10/0x1c", "port": "4",
      "mtu": "1500", "eth_src": "02:00:00:00:00:02",
      "eth_dst": "02:00:00:00:00:12"}),
    ("vrf_way(id=1,table=100)", {"id": "1", "table": "100"}),
)

ILA_TABLE = ("ila_table(dir=both,miss=continue)",
             {"dir": "both", "miss": "continue"})

MALFORMED = [
    "ila(locator=1:2:3:4,csum=no-action,dir=out,color=red)",
    "ila(locator=1:2:3:4,out)",
    "ila(tables)",
    "ila_table(table)",
    "ring(colour=red)",
    "ila(locator=1:2:3:4",
]

PARSERS = [
    (OFPFlow, "cookie=0x1, table=0, priority=9,ipv6 actions="),
    (ODPFlow, "recirc_id(0),in_port(1),eth_type(0x86dd), packets:0, bytes:0, "
              "used:never, actions:"),
]


def parse(flow_class, prefix, actions):
    """Return the decoded actions as a list of (name, value)."""
    flow = flow_class(prefix + actions)
    return [(kv.key, kv.value) for kv in flow.actions_kv]


class FlowExtensionTest(unittest.TestCase):
    def each(self, check, cases):
        """Call check(flow_class, prefix, case) for both parsers."""
        for flow_class, prefix in PARSERS:
            for case in cases:
                with self.subTest(parser=flow_class.__name__, case=case):
                    check(flow_class, prefix, case)

    def test_vrf_field(self):
        for name in "red", "default", "10":
            flow = OFPFlow("vrf={},in_port=1 actions=drop".format(name))
            self.assertEqual(flow.match, {"vrf": name, "in_port": 1})
            flow = OFPFlow("vrf={0},tun_vrf={0} actions=drop".format(name))
            self.assertEqual(flow.match, {"vrf": name, "tun_vrf": name})

    def test_vrf_zone(self):
        flow = OFPFlow("ip actions=ct(table=1,zone=vrf)")
        self.assertEqual(flow.actions,
                         [{"ct": {"table": 1, "zone": {"field": "vrf"}}}])

    def test_ila(self):
        def check(flow_class, prefix, case):
            text, value = case
            self.assertEqual(parse(flow_class, prefix, text),
                             [("ila", value)])

        self.each(check, ILA)

    def test_ila_table(self):
        text, value = ILA_TABLE
        self.assertEqual(parse(*PARSERS[1], text), [("ila_table", value)])

    def test_ring(self):
        def check(flow_class, prefix, case):
            text, value = case
            self.assertEqual(parse(flow_class, prefix, text),
                             [("ring", value)])

        self.each(check, RING)

    def test_output_vrf(self):
        for text, value in OUTPUT_VRF:
            with self.subTest(text=text):
                self.assertEqual(parse(*PARSERS[0], text + ",3")[0],
                                 ("output_vrf", value))
        with self.assertRaises(ParseError):
            parse(*PARSERS[0], "output_vrf(red,colour=blue)")

    def test_vrf(self):
        for text, value in VRF:
            with self.subTest(text=text):
                self.assertEqual(parse(*PARSERS[1], text),
                                 [(text.partition("(")[0], value)])

    def test_among_other_actions(self):
        def check(flow_class, prefix, case):
            text, value = case
            actions = parse(flow_class, prefix, "2," + text + ",3")
            self.assertEqual(actions, [("output", {"port": 2}),
                                       ("ila", value),
                                       ("output", {"port": 3})])

        self.each(check, ILA)

    def test_inside_clone(self):
        def check(flow_class, prefix, case):
            text, value = case
            actions = parse(flow_class, prefix, "clone(" + text + ",3)")
            self.assertEqual(actions, [
                ("clone", [{"ila": value}, {"output": {"port": 3}}])])

        self.each(check, ILA)

    def test_inside_openflow_write_actions(self):
        for text, value in ILA:
            actions = parse(*PARSERS[0], "write_actions(" + text + ")")
            self.assertEqual(actions, [("write_actions", [{"ila": value}])])

    def test_inside_datapath_sample_and_check_pkt_len(self):
        for text, value in ILA:
            for outer, expected in (
                ("sample(sample=50%%,actions(%s))",
                 {"sample": 50, "actions": [{"ila": value}]}),
                ("check_pkt_len(size=99,gt(%s),le(drop))",
                 {"size": 99, "gt": {"ila": value}, "le": {"drop": True}}),
            ):
                with self.subTest(outer=outer, text=text):
                    [(_, found)] = parse(*PARSERS[1], outer % text)
                    self.assertEqual(found, expected)

    def test_position_of_the_text(self):
        def check(flow_class, prefix, case):
            text, _ = case
            flow = flow_class(prefix + "2," + text)
            meta = flow.actions_kv[1].meta
            start = len(prefix) + meta.kpos
            self.assertEqual(str(flow)[start:], text)

        self.each(check, ILA)

    def test_json(self):
        def check(flow_class, prefix, case):
            text, value = case
            flow = flow_class(prefix + text)
            self.assertEqual(
                json.loads(json.dumps(flow.dict(), cls=FlowEncoder))
                ["actions"], [{"ila": value}])

        self.each(check, ILA)

    def test_filter(self):
        for flow_class, prefix in PARSERS:
            flow = flow_class(prefix + ILA[0][0])
            for text, found in (("ila.dir=out", True), ("ila.dir=in", False),
                                ("ila", True), ("ila.csum~=map", True)):
                with self.subTest(parser=flow_class.__name__, text=text):
                    self.assertEqual(bool(OFFilter(text).evaluate(flow)),
                                     found)

    def test_malformed(self):
        def check(flow_class, prefix, case):
            self.assertRaises(ParseError, flow_class, prefix + case)

        self.each(check, MALFORMED)

    def test_registry(self):
        self.assertIn("ila", extension.extension_decoders())
        self.assertRaises(ValueError, extension.register_action, "ila", str)
        # The answer is a copy.
        extension.extension_decoders().clear()
        self.assertIn("ila", extension.extension_decoders())

    def test_no_action_of_upstream_is_replaced(self):
        names = set(extension.extension_decoders())
        with unittest.mock.patch.dict(extension._actions, clear=True):
            for flow_class, _ in PARSERS:
                upstream = flow_class._gen_action_decoders()._decoders
                self.assertFalse(names & set(upstream))


if __name__ == "__main__":
    unittest.main()
