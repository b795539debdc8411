# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Tunnels of the kernel datapath; the other end is Linux's own device.

# tunnel TYPE OPTIONS: OPTIONS make Linux's device.
tunnel () {
    local type=$1
    shift
    ovs_start
    host far
    host near
    ip link add under type veth peer name under netns far
    ip addr add 172.31.1.1/24 dev under
    ip link set under up
    ip -n far addr add 172.31.1.2/24 dev under
    ip -n far link set under up
    ip -n far link add tun0 "$@"
    # The device of geneve has no address of its own to send from.
    ip -n far addr add 10.3.3.2/24 dev tun0
    ip -n far addr add fc03::2/64 dev tun0 nodad
    ip -n far link set tun0 mtu 1400 up
    cable v1 near eth0 10.3.3.1/24 fc03::1/64
    ip -n near link set eth0 mtu 1400
    bridge br0 v1
    ovs-vsctl add-port br0 t0 -- set interface t0 "type=$type" \
        options:remote_ip=172.31.1.2 $key
    equal "$(ovs-vsctl get interface t0 error)" '[]' "error of the port"
    ovs-ofctl add-flow br0 actions=NORMAL
    reach near 10.3.3.2
    reach far fc03::1
    transfer near far 10.3.3.2
    transfer far near fc03::1
    ovs-appctl dpctl/dump-flows | grep 'tunnel(' | grep -q 'src=172.31.1.2'
    ovs-dpctl show | grep "$type"
}

vxlan () {
    key=options:key=7
    tunnel vxlan type vxlan id 7 remote 172.31.1.1 dstport 4789
}

geneve () {
    key=options:key=8
    tunnel geneve type geneve id 8 remote 172.31.1.1
}

gre () {
    key=
    tunnel gre type gretap local 172.31.1.2 remote 172.31.1.1
}

check "VXLAN" vxlan
check "Geneve" geneve
check "GRE" gre
