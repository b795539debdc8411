#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs in a guest whose clock counts instructions (see cases/kernel.py).  Each
# line of /guest/plan is "ovs" or "stock", whose module is to be loaded, and
# arguments for bench-kernel.  Each prints "= " and what bench-kernel prints,
# or "! " and why not.

release=$(uname -r)
room=/lib/modules/$release
declare -A module=(
    [ovs]=$room/updates/openvswitch.ko
    [stock]=$room/kernel/net/openvswitch/openvswitch.ko
)

# Anew each time, and when what the one before left behind has been freed.
load () {
    [ ! -d /sys/module/openvswitch ] || rmmod openvswitch || return
    [ "$1" = - ] || { sleep 2 && insmod "${module[$1]}"; }
}

# What both modules need stays.
modprobe openvswitch
modprobe veth
modprobe ila
for end in in:bench-p1 p2:bench-out; do
    ip link add "bench-${end%:*}" type veth peer name "${end#*:}"
done
for device in bench-in bench-p1 bench-p2 bench-out; do
    sysctl -q -w "net.ipv6.conf.$device.disable_ipv6=1"
    ip link set "$device" up
done

while read -r side arguments; do
    # shellcheck disable=SC2086  # A list of words.
    if load "$side" 2>/tmp/error &&
            /guest/$arguments >/tmp/out 2>/tmp/error; then
        echo "= $(cat /tmp/out)"
    else
        echo "! $side $arguments: $(cat /tmp/error)"
    fi
done </guest/plan
dmesg | grep -E 'BUG:|WARNING:|Oops|general protection' | sed 's/^/! /'
