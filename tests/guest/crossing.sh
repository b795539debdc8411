# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Our userspace on Linux's module, and Debian's on ours: all that is not an
# extension works, and an action that the module lacks takes the slow path.

hosts_and_flows () {
    host h1
    host h2
    cable v1 h1 eth0 10.1.1.1/24 3333:0:0:1:2000::1/64
    cable v2 h2 eth0 10.1.1.2/24 3333:0:0:1:2000::2/64
    bridge br0 v1 v2
    bridge br1
    ovs-ofctl add-flow br0 priority=1,actions=NORMAL
    ovs-ofctl add-flow br0 "priority=10,ip,in_port=v1,actions=ct(commit,zone=1),v2"
}

traffic () {
    reach h1 10.1.1.2
    reach h1 3333:0:0:1:2000::2
    transfer h1 h2 10.1.1.2
    transfer h2 h1 3333:0:0:1:2000::1
    ovs-appctl dpctl/dump-flows | grep 'packets:[1-9]'
    ovs-dpctl show | grep 'hit:[1-9]'
    ovs-appctl dpctl/dump-conntrack zone=1 | grep tcp
}

# The address that arrives is the one that was called, after a journey.
ila_traffic () {
    local out="ila(locator=2001:db8:b:0,csum=neutral-map,dir=out)"
    ovs-ofctl add-flow br0 "priority=20,ipv6,in_port=v1,ipv6_dst=3333:0:0:1:2000::2,actions=$out,ila(locator=3333:0:0:1,csum=neutral-map,dir=in),v2"
    reach h1 3333:0:0:1:2000::2
    transfer h1 h2 3333:0:0:1:2000::2 100000
    ovs-ofctl dump-flows br0 | grep 'priority=20.*ila(' | grep 'n_packets=[1-9]'
}

debians_switch () {
    test -x /stock/usr/bin/ovs-vswitchd ||
        skip "Debian's Open vSwitch could not be had"
    modprobe openvswitch
    test -n "$(cat /sys/module/openvswitch/version)"
    # Open vSwitch 3.1 makes no threads for upcalls in the first ten seconds
    # of a machine (see patches/ovs/fix-count-cpu-cores.patch).
    wait_for 20 eval 'test "$(cut -d . -f 1 /proc/uptime)" -ge 12'
    ovs_start /stock
    refuses grep -a -q 'OVS_ACTION_ATTR_EXTENSION\|ofp_extension' "$(command -v ovs-vswitchd)"
    hosts_and_flows
    traffic
}

linuxs_module () {
    modules_unload
    rm -r "/lib/modules/$(uname -r)/updates"
    depmod -a
    modprobe openvswitch
    # Only ours has a version.
    refuses cat /sys/module/openvswitch/version 2>/dev/null
    ovs_start
    hosts_and_flows
    traffic
    ila_traffic
    ovs-appctl dpctl/dump-flows | grep 'slow_path(action)'
    refuses grep 'ila(' <(ovs-appctl dpctl/dump-flows)
    # It says so, for both bridges once.
    said "Datapath does not support ila action: it takes the slow path"
    said "Datapath does not support ila_table action: packets that come to it are dropped"
    equal "$(grep -i '[^a]ila' "$OVS_LOGDIR/ovs-vswitchd.log" |
             cut -d'|' -f3- | sort | uniq -d)" ""
}

said () {                       # said TEXT: in the log, once
    equal "$(grep -c -F "$1" "$OVS_LOGDIR/ovs-vswitchd.log")" 1 "$1"
}

check "Debian's Open vSwitch on our module" debians_switch
check "our Open vSwitch on Linux's module" linuxs_module
