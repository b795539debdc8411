# SPDX-License-Identifier: Apache-2.0
"""Decoders for the actions of the extensions.

Most often, an extension's action has the same text in OpenFlow and in
datapath flows.  One decoder, registered here under the action's name, serves
both parsers:

    register_action("name", decoder)

A decoder is what it is everywhere in ovs.flow, a callable from the text in
the parentheses to a value.  OFPFlow and ODPFlow read the registry when they
parse their first flow; what is registered later goes unseen.
"""

from ovs.flow.kv import KVDecoders, ParseError, nested_kv_decoder
from ovs.flow.ofp_fields import field_decoders

_actions = {}


def register_action(name, decoder):
    """Make 'decoder' the one for the action 'name'.

    Raises:
        ValueError if the action has one already.
    """
    if name in _actions:
        raise ValueError("action {} is registered already".format(name))
    _actions[name] = decoder


def extension_decoders():
    """Return the decoders of all extension actions, by name."""
    return dict(_actions)


def arguments_decoder(names, flags=()):
    """Return a decoder for "name=value,flag,..." that keeps values as strings.

    Nothing but 'names', with a value, and 'flags', without, is accepted.

    Args:
        names (iterable of str): The arguments that the action knows.
        flags (iterable of str): Those without a value, which become True.
    """
    def no_value(name):
        if name in flags:
            return name, True
        raise ParseError("{} lacks a value".format(name))

    return nested_kv_decoder(
        KVDecoders(dict.fromkeys(names, str), default_free=no_value)
    )


# ila(locator=2001:0:87:0,csum=neutral-map,dir=out[,field=ipv6_src]
#     [,ident-type=luid|use-format])
# ila(table[,dir=in|out][,miss=drop])
register_action(
    "ila",
    arguments_decoder(
        ["locator", "csum", "dir", "field", "ident-type", "miss"], ["table"]
    ),
)

# ila_table(dir=in|out|both,miss=continue|drop), in the datapath.
register_action("ila_table", arguments_decoder(["dir", "miss"]))

# ring(name=ids0[,mode=tap|queue][,max_len=128][,fail=open|closed][,id=0x5]),
# in the datapath also with ring=1 for the name and recirc_id=0x2.
register_action(
    "ring",
    arguments_decoder(
        ["name", "mode", "max_len", "fail", "id", "ring", "recirc_id"]
    ),
)


def output_vrf_decoder(value):
    """Decode what is in output_vrf(NAME|FIELD|in[,ttl=keep][,errors=drop]
    [,mss=clamp][,table=N]); the first one is "vrf"."""
    vrf, _, options = value.partition(",")
    decoded = {"vrf": vrf}
    if options:
        decoded.update(
            arguments_decoder(["ttl", "errors", "mss", "table"])(options))
    return decoded


register_action("output_vrf", output_vrf_decoder)

# vrf([name=red,]id=1[,mark=N][,ttl=keep][,errors=drop][,mss=clamp]), in the
# datapath, and vrf_way() with the way, too, or the table.
VRF_ARGUMENTS = ("name", "id", "mark", "ttl", "errors", "mss")
register_action("vrf", arguments_decoder(VRF_ARGUMENTS))
register_action(
    "vrf_way",
    arguments_decoder(
        VRF_ARGUMENTS
        + ("table", "to", "from", "tos", "port", "mtu", "eth_src", "eth_dst")
    ),
)

# vrf=NAME and tun_vrf=NAME, which stay strings even if they look like numbers.
field_decoders["vrf"] = str
field_decoders["tun_vrf"] = str
