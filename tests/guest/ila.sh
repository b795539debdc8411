# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The action ila() in the kernel.

tests=$GUEST_OVS_SOURCE/tests

vectors () {                    # vectors OPTION...
    local i
    need python3
    # Revalidators meet flows that a purge has just deleted.
    tolerate 'already has the C bit|failed to (flow_del|flow_get) \(No such file or directory\)|Failed to acquire udpif_key'
    ovs_start
    ovs-vsctl set Open_vSwitch . other_config:vlan-limit=2
    for i in 1 2; do
        ip link add "p$i" type veth peer name "far$i"
        sysctl -q -w "net.ipv6.conf.p$i.disable_ipv6=1" \
            "net.ipv6.conf.far$i.disable_ipv6=1"
        ip link set "p$i" up
        ip link set "far$i" up
    done
    bridge br0
    ovs-vsctl add-port br0 p1 -- set interface p1 ofport_request=1 \
        -- add-port br0 p2 -- set interface p2 ofport_request=2
    python3 /guest/ila-vectors-kernel.py "$@" "$tests/ila-vectors.py" \
        "$tests/ila-vectors.json" far1 far2 >vectors || { cat vectors; return 1; }
    cat vectors
    grep -qx '41 vectors, 0 errors' vectors
}

refused () {
    need python3
    modprobe openvswitch
    ovs-dpctl add-dp dp0
    python3 /guest/ila-refused.py dp0
    ovs-dpctl del-dp dp0
}

supported () {
    ovs_start
    bridge br0
    wait_for 10 grep -q 'Datapath supports ila action' "$OVS_LOGDIR/ovs-vswitchd.log"
    ovs-appctl dpif/show-dp-features br0 | grep -i 'ila'
    ovs-appctl dpif/show-dp-features br0 | grep -i 'ila.*: *yes'
}

# As ovs-dpctl writes and reads it, alone and in other actions.
text () {
    local key="in_port(1),eth(),eth_type(0x86dd),ipv6()" actions
    local ila="ila(locator=2001:db8:b:0,csum=neutral-map,dir=out)"
    modprobe openvswitch
    ovs-dpctl add-dp dp0
    ip link add va type veth peer name vb
    ovs-dpctl add-if dp0 va vb
    for actions in "$ila,2" "2,$ila,0" "clone($ila,2),2" \
        "sample(sample=50.0%,actions($ila,2)),2" \
        "check_pkt_len(size=200,gt($ila,2),le(2))" \
        "push_vlan(vid=5,pcp=0),$ila,pop_vlan,2"; do
        ovs-dpctl add-flow dp0 "$key" "$actions"
        equal "$(ovs-dpctl dump-flows dp0 | sed 's/.*actions://')" "$actions" actions
        ovs-dpctl del-flows dp0
    done
    refuses ovs-dpctl add-flow dp0 "in_port(1),eth(),eth_type(0x0800),ipv4()" "$ila,2"
    ovs-dpctl del-dp dp0
}

# The host sends from one socket, by which its packets have their hash.
hash () {
    need python3
    modprobe openvswitch
    host h1
    cable v1 h1 eth0 3333:0:0:1:2000:0:1:1/64
    on h1 ip neigh add 3333:0:0:1:2000:0:1:2 lladdr 02:00:00:00:00:02 dev eth0
    ovs-dpctl add-dp dp0
    ovs-dpctl add-if dp0 v1
    background ip netns exec h1 python3 -c "
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(('3333:0:0:1:2000:0:1:2', 9))
while True:
    s.send(b'hash')
    time.sleep(.05)
"
    python3 /guest/ila-hash.py dp0 v1
    ovs-dpctl del-dp dp0
}

check "ila: the module supports it" supported
check "ila: in flows of ovs-dpctl" text
check "ila: bad actions are refused" refused
check "ila: a packet keeps its hash" hash
check "ila: vectors, no VLAN tag" vectors
check "ila: vectors, 2 VLAN tags" vectors --tags=2
check "ila: vectors, slow path" vectors --slow
