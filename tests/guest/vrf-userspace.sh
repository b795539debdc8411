# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# VRFs of Linux and the userspace datapath: the same answers about routes, and
# the same answers to hosts.
#
# Bridge NAME-i1, with NAME-p1 in it, is on one side of VRF NAME, whose member
# its device is, and NAME-i2, with NAME-p2, on the other one.

work=${work-}
here=${here-}

# shellcheck source=tests/guest/vrf-sites
. "$here/vrf-sites"

equivalence () {                # equivalence QUESTIONS ROUTES SEED
    router
    host linux
    on linux ovstest test-vrf-kernel equivalence "$@" vrfs | tee "$work/told"
    if test -e learned.txt; then
        diff learned.txt dumped.txt
    fi
    grep ' 0 wrong$' "$work/told"
}

bridge_site () {                # bridge_site NAME TABLE
    local i
    make_vrf "$1" "$2"
    hosts "$1"
    for i in 1 2; do
        ovs-vsctl add-br "$1-i$i" -- set bridge "$1-i$i" \
            datapath_type=netdev fail_mode=secure \
            "other_config:hwaddr=02\:00\:00\:00\:0$i\:01" \
            -- add-port "$1-i$i" "$1-p$i"
        member "$1" "$1-i$i" "$i"
        {
            echo "priority=2,in_port=LOCAL,actions=NORMAL"
            echo "priority=1,ip,dl_dst=02:00:00:00:0$i:01,actions=output_vrf($1)"
            echo "priority=1,ipv6,dl_dst=02:00:00:00:0$i:01,actions=output_vrf($1)"
            echo "priority=0,actions=NORMAL"
        } | ovs-ofctl add-flows "$1-i$i" -
    done
    routes "$1"
    wait_for 20 eval "ovs-appctl vrf/route '$1' | grep '10.7.0.0/16'"
    wait_for 20 eval "ovs-appctl vrf/route '$1' | grep 'fd07::/64'"
}

like_linux () {                 # like_linux MODE
    router
    modprobe tun
    mkdir -p /dev/net
    test -e /dev/net/tun || mknod /dev/net/tun c 10 200
    linux_site green 30
    # Errors that Linux's router finds in a packet of the VRF's device come from
    # the IPv6 address which that device has itself, if it has one.
    ip addr del fd0a::1/128 dev green
    reach green-1 fd02::2
    on green-1 python3 /guest/vrf-probe.py eth0 >"$work/linux"
    ovs_start
    ovs-vsctl set open_vswitch . "other_config:output-vrf-mode=$1"
    bridge_site red 10
    ip addr del fd0a::1/128 dev red
    # A packet of IPv6 that waits for its next hop is overtaken by the next one.
    reach red-1 fd02::2
    reach red-1 10.1.2.2
    on red-1 python3 /guest/vrf-probe.py eth0 1.1 >"$work/ours"
    ovs-appctl vrf/show red
    ovs-appctl vrf/counters red
    cat "$work/linux"
    diff "$work/linux" "$work/ours"
    # These are no comparison of nothing with nothing.
    test "$(grep -c -v 'nothing$' "$work/ours")" -ge 25
    ovs-appctl vrf/counters red | grep 'ipv4 forwarded: [1-9][0-9]'
}

for args in "10000 300 1" "10000 300 2" "2000 2000 3" "2000 20 4"; do
    # shellcheck disable=SC2086
    check "the same routes as with Linux's VRFs, ${args// /-}" equivalence $args
done
for mode in flow datapath; do
    check "answers are those of Linux, mode $mode" like_linux "$mode"
done
