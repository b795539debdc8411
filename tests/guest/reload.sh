# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The module is replaced: not while it is in use; after ovs-vswitchd was
# stopped; and under an ovs-vswitchd that runs, which is nobody's plan and must
# not be its end.

hosts () {
    need python3
    ovs_start
    host h1
    host h2
    cable v1 h1 eth0 10.1.1.1/24 3333:0:0:1:2000::1/64
    cable v2 h2 eth0 10.1.1.2/24 3333:0:0:1:2000::2/64
    bridge br0 v1 v2
    # Flows stay until they are looked at.
    ovs-vsctl set Open_vSwitch . other_config:flow-match-cache=eager \
        other_config:max-idle=600000
    works
}

# The flows are gone with the process that had them.
works () {
    local out="ila(locator=2001:db8:b:0,csum=neutral-map,dir=out)"
    ovs-ofctl del-flows br0
    ovs-ofctl add-flow br0 priority=1,actions=NORMAL
    ovs-ofctl add-flow br0 "priority=20,ipv6,in_port=v1,ipv6_dst=3333:0:0:1:2000::2,actions=$out,ila(locator=3333:0:0:1,csum=neutral-map,dir=in),v2"
    reach h1 10.1.1.2
    reach h1 3333:0:0:1:2000::2
    transfer h1 h2 10.1.1.2 100000
    # It is our module that forwards.
    ovs-appctl dpctl/dump-flows | grep 'packets:[1-9].*actions:ila('
    ovs-appctl dpctl/show | grep 'hit:[1-9]'
    ovs-appctl dpctl/show | grep 'match cache.*policy:eager'
}

# The numbers of the module's netlink families.
families () {
    local name
    for name in ovs_datapath ovs_vport ovs_flow ovs_packet ovs_match_cache; do
        python3 /guest/ovs_netlink.py family "$name"
    done
}

while_in_use () {
    local before
    hosts
    before=$(families)
    refuses rmmod openvswitch
    refuses modprobe -r openvswitch
    equal "$(families)" "$before" families
    works
}

after_a_stop () {
    local before
    hosts
    before=$(families)
    # As "ovs-ctl force-reload-kmod" does it.  The datapath outlives the process,
    # and forwards what it knows.
    ovs-appctl -t ovs-vswitchd exit
    wait_for 20 eval "! test -e '$OVS_RUNDIR/ovs-vswitchd.pid'"
    equal "$(ovs-dpctl dump-dps)" system@ovs-system datapaths
    refuses rmmod openvswitch
    ovs-dpctl del-dp ovs-system
    modules_unload
    modprobe openvswitch
    refuses test "$(families)" = "$before"
    vswitchd_start
    works
}

under_it () {
    local before pid
    # It says that its datapath is gone.
    tolerate '.*'
    hosts
    before=$(families)
    pid=$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")
    ovs-dpctl del-dp ovs-system
    wait_for 20 modules_unload  # Once handlers have closed their rings.
    # Without a module, and with another one, it answers and takes orders.
    orders
    modprobe openvswitch
    refuses test "$(families)" = "$before"
    orders
    equal "$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")" "$pid" "process"
    kill -0 "$pid"
    ovs-appctl -t ovs-vswitchd exit --cleanup
    wait_for 20 eval "! kill -0 '$pid'"
    refuses grep -E 'EMER|assertion|died' "$OVS_LOGDIR/ovs-vswitchd.log"
    vswitchd_start
    works
}

orders () {
    local policy
    ovs-appctl -t ovs-vswitchd version
    ovs-vsctl show
    ovs-ofctl dump-flows br0
    ovs-ofctl add-flow br0 priority=2,ip,actions=drop
    ovs-vsctl del-port br0 v2
    ovs-vsctl --timeout=20 add-port br0 v2 || echo "that is all right"
    for policy in lazy eager; do
        ovs-vsctl set Open_vSwitch . other_config:flow-match-cache="$policy"
    done
    ovs-appctl dpctl/show || echo "that is all right"
    ovs-appctl dpctl/dump-flows || echo "that is all right"
    ovs-appctl upcall/show
    ovs-ofctl del-flows br0
}

check "a module in use stays" while_in_use
check "the module is replaced while ovs-vswitchd is down" after_a_stop
check "the module is replaced under ovs-vswitchd" under_it
