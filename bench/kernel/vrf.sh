#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: vrf.sh DESIGN FAMILY PACKETS SAMPLES
#
# Runs bench-route in a guest: packets come in on bench-p1, Linux routes them in
# a VRF, and they leave by bench-p2.  DESIGN is
#
#   linux    both are members of the VRF, nothing else is there
#   ports    both are ports of a datapath, which takes packets to and from
#            members of the VRF, internal ports, by plain output
#   queued   likewise, but the action for it hands them to the VRF
#   inline   likewise, and they are routed at once

design=$1
shift

addresses () {                  # addresses DEVICE1 DEVICE2
    local i=0 device
    for device; do
        i=$((i + 1))
        sysctl -q -w "net.ipv6.conf.$device.disable_ipv6=0"
        ip link set "$device" address 02:00:00:00:00:02 master bench-vrf up &&
            ip addr add "10.$i.0.1/24" dev "$device" &&
            ip addr add "fd0$i::1/64" dev "$device" nodad &&
            ip neigh add "10.$i.0.2" lladdr 02:00:00:00:00:03 dev "$device" &&
            ip neigh add "fd0$i::2" lladdr 02:00:00:00:00:03 dev "$device" ||
            return
    done
}

number () {                     # number PORT
    ovs-dpctl show bench-dp | sed -n "s/^  port \([0-9]*\): $1\( .*\)\{0,1\}\$/\1/p"
}

flows () {                      # flows FROM ACTIONS
    local type
    for type in "0x0800),ipv4()" "0x86dd),ipv6()"; do
        ovs-dpctl add-flow bench-dp \
            "in_port($(number "$1")),eth(),eth_type($type" "$2" || return
    done
}

begin () {
    local vrf to
    ip link add bench-vrf type vrf table 10 && ip link set bench-vrf up &&
        sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
            net.ipv6.conf.default.accept_dad=0 || return
    if [ "$design" = linux ]; then
        addresses bench-p1 bench-p2
        return
    fi
    ovs-dpctl add-dp bench-dp &&
        ovs-dpctl add-if bench-dp bench-p1 bench-p2 \
            bench-i1,type=internal bench-i2,type=internal &&
        addresses bench-i1 bench-i2 || return
    vrf="vrf(name=bench-vrf,id=$(cat /sys/class/net/bench-vrf/ifindex))"
    case $design in
    ports) to=$(number bench-i1) ;;
    queued) to=$vrf inline=N ;;
    inline) to=$vrf inline=Y ;;
    esac
    [ "$design" = ports ] ||
        echo "$inline" >/sys/module/openvswitch/parameters/vrf_inline || return
    flows bench-p1 "$to" && flows bench-i2 "$(number bench-p2)"
}

end () {
    ovs-dpctl show bench-dp >/dev/null 2>&1 && ovs-dpctl del-dp bench-dp
    ip link del bench-vrf
    for device in bench-p1 bench-p2; do
        ip addr flush dev "$device"
        sysctl -q -w "net.ipv6.conf.$device.disable_ipv6=1"
    done
    true
}

begin >&2 || exit
# What devices say by themselves when they get an address.
sleep 5
/guest/bench-route "$@"
status=$?
end >&2
exit "$status"
