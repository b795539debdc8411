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

# What ovs-vswitchd's bridges want of the kernel.
taps () {
    # A port of the host answers for the addresses of others otherwise.
    sysctl -q -w net.ipv4.conf.all.arp_ignore=1
    modprobe tun
    mkdir -p /dev/net
    test -e /dev/net/tun || mknod /dev/net/tun c 10 200
}

# The bridges, with the flows that FUNCTION prints for a side.
bridges () {                    # bridges NAME FUNCTION
    local i
    for i in 1 2; do
        ovs-vsctl add-br "$1-i$i" -- set bridge "$1-i$i" \
            datapath_type=netdev fail_mode=secure \
            "other_config:hwaddr=\"02:00:00:00:0$i:01\"" \
            -- add-port "$1-i$i" "$1-p$i"
        "$2" "$1" "$i" | ovs-ofctl add-flows "$1-i$i" -
    done
}

flows_of_vrf () {               # flows_of_vrf NAME SIDE
    local type
    for type in ip ipv6; do
        echo "priority=1,$type,dl_dst=02:00:00:00:0$2:01,actions=output_vrf($1)"
    done
    echo "priority=2,in_port=LOCAL,actions=NORMAL"
    echo "priority=0,actions=NORMAL"
}

bridge_site () {                # bridge_site NAME TABLE
    local i
    make_vrf "$1" "$2"
    hosts "$1"
    bridges "$1" flows_of_vrf
    for i in 1 2; do
        member "$1" "$1-i$i" "$i"
    done
    routes "$1"
    wait_for 20 eval "ovs-appctl vrf/route '$1' | grep '10.7.0.0/16'"
    wait_for 20 eval "ovs-appctl vrf/route '$1' | grep 'fd07::/64'"
}

like_linux () {                 # like_linux MODE
    router
    taps
    linux_site green 30
    reach green-1 fd02::2
    on green-1 python3 /guest/vrf-probe.py eth0 >"$work/linux"
    ovs_start
    ovs-vsctl set open_vswitch . "other_config:output-vrf-mode=$1"
    bridge_site red 10
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

# A router made of rules, as one would write them: port 2 is a cable to the other
# bridge, and who is there is known.
flows_by_hand () {              # flows_by_hand NAME SIDE
    local type to=02:00:00:00:0$((3 - $2))
    for type in ip ipv6; do
        echo "priority=2,$type,in_port=1,dl_dst=02:00:00:00:0$2:01,actions=dec_ttl,mod_dl_src:$to:01,mod_dl_dst:$to:02,output:2"
    done
    echo "priority=2,in_port=2,actions=output:1"
    echo "priority=0,actions=NORMAL"
}

router_by_hand () {             # router_by_hand NAME
    local i
    hosts "$1"
    bridges "$1" flows_by_hand
    for i in 1 2; do
        ovs-vsctl add-port "$1-i$i" "$1-x$i" -- set interface "$1-x$i" \
            type=patch "options:peer=$1-x$((3 - i))" ofport_request=2
        sysctl -q -w "net.ipv6.conf.$1-i$i.disable_ipv6=0"
        ip link set "$1-i$i" up
        ip addr replace "10.1.$i.1/24" dev "$1-i$i"
        ip addr replace "fd0$i::1/64" dev "$1-i$i" nodad
    done
}

# The link to host NAME-2 has less than its ends know.
small_link () {                 # small_link NAME
    local i
    ip link set "$1-p2" mtu 1300
    ovs-vsctl set interface "$1-i2" mtu_request=1300
    for i in 1 2; do
        on "$1-$i" ethtool -K eth0 tx off >/dev/null
        ethtool -K "$1-p$i" tx off >/dev/null
    done
}

retransmits () {                # retransmits HOST: three times or more.
    on "$1" ss -H -t -i -n | grep -E 'retrans:([3-9]/|[0-9]+/[3-9])'
}

# A connection that is made, over which nothing comes.
stands_still () {               # stands_still NAME ADDRESS
    local host
    reach "$1-1" "$2"
    background on "$1-2" nc -l -d "$2" 9000 >"$work/got"
    wait_for 20 listening "$1-2" 9000
    on "$1-1" nc -N "$2" 9000 <"$work/sent" &
    echo "$!" >>"$work/pids"
    wait_for 30 retransmits "$1-1"
    test ! -s "$work/got"
    for host in "$1-1" "$1-2"; do
        ip netns pids "$host" | xargs kill
    done
    wait_for 20 refuses listening "$1-2" 9000
}

stall () {
    local address
    test -x /stock/usr/bin/ovs-vswitchd ||
        skip "there is no stock Open vSwitch in the guest"
    router
    # Not by Linux.
    sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
    taps
    head -c 3000000 /dev/urandom >"$work/sent"
    (
        ovs_start /stock
        tolerate "Message too long|Dropped"
        router_by_hand red
        small_link red
        stands_still red 10.1.2.2
        stands_still red fd02::2
        ovs_stop
    )
    grep 'Message too long' "$work/ovs/ovs-vswitchd.log"
    rm -r "$work/ovs"
    ip link del red-p1
    ip link del red-p2
    ip netns del red-1
    ip netns del red-2

    ovs_start
    bridge_site red 10
    small_link red
    for address in 10.1.2.2 fd02::2; do
        reach red-1 "$address"
        transfer red-1 red-2 "$address" 3000000
        ip -n red-1 route get "$address" | grep 'mtu 1300'
    done
}

for args in "10000 300 1" "10000 300 2" "2000 2000 3" "2000 20 4"; do
    # shellcheck disable=SC2086
    check "the same routes as with Linux's VRFs, ${args// /-}" equivalence $args
done
for mode in flow datapath; do
    check "answers are those of Linux, mode $mode" like_linux "$mode"
done
check "a small link stalls stock Open vSwitch, and output_vrf does not" stall
