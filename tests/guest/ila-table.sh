# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The ILA mapping table in the kernel: packets as they come in, the action that
# looks there, the generic netlink family.

tests=$GUEST_OVS_SOURCE/tests

ila () {                        # ila DATAPATH COMMAND...: see ovs_ila.py.
    python3 /guest/ovs_ila.py "$@"
}

# ends PORT FAR: a veth pair without addresses.
ends () {
    ip link add "$1" type veth peer name "$2"
    sysctl -q -w "net.ipv6.conf.$1.disable_ipv6=1" \
        "net.ipv6.conf.$2.disable_ipv6=1"
    ip link set "$1" up
    ip link set "$2" up
}

vectors () {                    # vectors WAY...
    need python3
    modprobe tun
    modprobe openvswitch
    ovs-dpctl add-dp dp0
    sysctl -q -w net.ipv6.conf.dp0.disable_ipv6=1
    ip link set dp0 up
    ends v1 f1
    ends v2 f2
    ends v3 f3
    ends out fo
    python3 /guest/ila-table-packets.py "$tests/ila-vectors.json" "$@"
    ovs-dpctl del-dp dp0
}

check "ila table: vectors, no VLAN tag" vectors veth0
check "ila table: vectors, VLAN tags" vectors veth1 veth2
check "ila table: vectors, local port" vectors local0 local1 local2
check "ila table: vectors, nonlinear packets" vectors frag
check "ila table: vectors, no Ethernet header" vectors l3
check "ila table: vectors, action" vectors action execute

netlink () {                    # netlink [TEST]...
    need python3
    modprobe openvswitch
    ends v1 f1
    python3 -W ignore /guest/ila-table-netlink.py "$@" 2>&1
}

check "ila table: netlink family" netlink
