# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The modules come and go.

modules="openvswitch vport_vxlan vport_geneve vport_gre"

load_and_unload () {
    local n=50
    # Under a kernel that looks for errors each time takes seconds.
    test ! -e /sys/kernel/debug/kmemleak || n=5
    for _ in $(seq $n); do
        # shellcheck disable=SC2086
        modprobe -a $modules
        modules_unload
    done
}

# With a datapath, ports and flows in them: what the module frees when it goes.
unload_after_use () {
    for _ in $(seq 5); do
        modprobe openvswitch
        ovs-dpctl add-dp dp0
        ip link add va type veth peer name vb
        ovs-dpctl add-if dp0 va vb
        ovs-dpctl add-flow dp0 "in_port(1),eth(),eth_type(0x86dd),ipv6()" \
            "ila(locator=2001:db8:b:0,csum=neutral-map,dir=out),2"
        refuses modprobe -r openvswitch 2>/dev/null
        ovs-dpctl del-dp dp0
        ip link delete va
        modules_unload
    done
}

# What the modules vport_* are for; ovs-vswitchd makes ports of other devices.
tunnel_ports () {
    local type
    need python3
    for type in vxlan geneve gre; do
        modules_unload
        modprobe openvswitch
        ovs-dpctl add-dp dp0
        # Loads the module.
        python3 /guest/ovs_netlink.py add-port dp0 "t-$type" "$type"
        grep "^vport_$type " /proc/modules
        modinfo -n "vport_$type" | grep updates
        ovs-dpctl show dp0 | grep "t-$type ($type"
        refuses modprobe -r "vport_$type" 2>/dev/null
        ovs-dpctl del-dp dp0
    done
}

whose () {
    modprobe openvswitch
    modinfo openvswitch
    modinfo -n openvswitch | grep -q updates
    equal "$(cat /sys/module/openvswitch/version)" \
        "$(modinfo -F version openvswitch)" version
    test -n "$(cat /sys/module/openvswitch/version)"
}

check "the modules load and unload, again and again" load_and_unload
check "the module unloads after a datapath with flows" unload_after_use
check "ports of the modules vport_*" tunnel_ports
check "the module says its version" whose
