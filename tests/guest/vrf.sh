# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The action that hands packets to Linux's router in a VRF.
#
# Hosts NAME-1, 10.1.1.2, and NAME-2, 10.1.2.2, are on both sides of VRF NAME,
# which is .1 to either: by internal ports NAME-i1 and NAME-i2 of dp0, whose
# ports NAME-p1 and NAME-p2 are the hosts' cables; or, for comparison, by the
# cables themselves.  All VRFs have the same addresses.

work=${work-}
here=${here-}
dp=dp0                          # Whose counts are looked at.
INLINE_PARAMETER=/sys/module/openvswitch/parameters/vrf_inline

# shellcheck source=tests/guest/vrf-sites
. "$here/vrf-sites"

datapath () {                   # datapath INLINE: Y or N.
    router
    modprobe openvswitch
    echo "$1" >"$INLINE_PARAMETER"
    ovs-dpctl add-dp dp0
}

site () {                       # site NAME TABLE
    local i
    make_vrf "$1" "$2"
    hosts "$1"
    for i in 1 2; do
        ovs-dpctl add-if dp0 "$1-p$i" "$1-i$i,type=internal"
        member "$1" "$1-i$i" "$i"
    done
    routes "$1"
    ovs-dpctl show dp0 >"$work/ports"
    for i in 1 2; do
        out_lines "$1-i$i" "$1-p$i"
        in_lines "$1" "$i" "$(action "$1")"
    done | flows add
}

number () {                     # number PORT
    sed -n "s/^  port \([0-9]*\): $1\( .*\)\{0,1\}\$/\1/p" "$work/ports"
}

action () {                     # action VRF [MORE]
    echo "vrf(name=$1,id=$(cat "/sys/class/net/$1/ifindex")${2-})"
}

line () {                       # line PORT MATCH ACTIONS: of a file of flows.
    echo "in_port($(number "$1")),$2 $3"
}

flow () {                       # flow PORT MATCH ACTIONS
    ovs-dpctl --may-create mod-flow dp0 "in_port($(number "$1")),$2" "$3"
}

# flows add|mod: those on standard input.
flows () {
    cat >"$work/flows"
    ovs-dpctl "$1-flows" dp0 "$work/flows" >"$work/complaints" 2>&1
    refuses grep -v INFO "$work/complaints"
}

# What the host sends to port $1 goes out of port $2.
out_lines () {
    local out
    out=$(number "$2")
    line "$1" "eth(),eth_type(0x0806),arp()" "$out"
    line "$1" "eth(),eth_type(0x0800),ipv4()" "$out"
    line "$1" "eth(),eth_type(0x86dd),ipv6()" "$out"
}

# What comes from a host of VRF $1 on side $2 is for the router, by actions $3.
in_lines () {
    local port=$1-p$2 to=$3 v6="eth(),eth_type(0x86dd),ipv6" own
    own=$(number "$1-i$2")
    line "$port" "eth(),eth_type(0x0806),arp()" "$own"
    line "$port" "$v6(proto=58),icmpv6(type=134/0xfe)" "$own"
    line "$port" "$v6(proto=58),icmpv6(type=137/0xfe)" "$own"
    line "$port" "eth(),eth_type(0x0800),ipv4()" "$to"
    line "$port" "$v6(proto=58),icmpv6(type=128/0xfe)" "$to"
    line "$port" "$v6(proto=58),icmpv6(type=0/0x80)" "$to"
    line "$port" "$v6(proto=6),tcp(),tcp_flags(0/0)" "$to"
    line "$port" "$v6(proto=17),udp()" "$to"
}

count () {                      # count NAME: packets.
    python3 /guest/ovs_vrf.py "$dp" "$1"
}

at_least () {                   # at_least NUMBER NAME
    test "$(count "$2")" -ge "$1"
}

# What the way is called that packets take.
declare -A way=([Y]=inline [N]=queued)

# sees INLINE NAME COMMAND...: COMMAND makes the count NAME grow.
grows () {
    local name=$1 before
    shift
    before=$(count "$name")
    "$@"
    at_least $((before + 1)) "$name"
}

# sites_forward INLINE: red and blue, each from its first to its second host.
sites_forward () {
    local address
    for address in 10.1.2.2 fd02::2 10.3.1.2 fd03::2; do
        reach red-1 "$address"
        reach blue-1 "$address"
        grows "${way[$1]}" transfer red-1 red-2 "$address" 200000
        grows "${way[$1]}" transfer blue-1 blue-2 "$address" 200000
    done
}

both_families () {
    local inline=$1
    datapath "$inline"
    site red 10
    site blue 20
    sites_forward "$inline"
    reach red-2 10.1.1.2
    reach red-1 10.1.1.1
    reach red-1 fd02::1
    reach red-1 10.1.0.1
    reach red-1 fd0a::1
    if test "$inline" = N; then
        equal "$(count inline)" 0 "packets routed at once"
    fi
    equal "$(python3 /guest/ovs_vrf.py dp0 no-device not-vrf down tagged \
        malformed not-routable backlog no-memory)" "0 0 0 0 0 0 0 0" drops
}

# A file from a host that all VRFs have is that of the own one.
no_crossing () {
    local name answer
    datapath "$1"
    for name in red blue; do
        site "$name" "$((10 + $(ovs-dpctl show dp0 | wc -l)))"
        reach "$name-1" 10.1.2.2
    done
    for name in red blue; do
        (while sleep 0.05; do
            ip -n "$name-1" neigh flush dev eth0
            ip route replace vrf "$name" 10.4.0.0/24 via 10.1.1.2
            ip route del vrf "$name" 10.4.0.0/24 via 10.1.1.2
        done) >/dev/null 2>&1 &
        echo "$!" >>"$work/pids"
    done
    for name in red blue red blue red blue; do
        echo "I am $name" >"$work/$name"
        background on "$name-2" nc -l -N 10.1.2.2 9000 <"$work/$name"
        wait_for 20 listening "$name-2" 9000
        answer=$(on "$name-1" timeout 20 nc -N 10.1.2.2 9000 </dev/null)
        equal "$answer" "I am $name"
        wait "$!"
    done
}

like_linux () {
    datapath "$1"
    linux_site green 30
    # Errors that Linux's router finds in a packet of the VRF's device come from
    # the IPv6 address which that device has itself, if it has one.
    ip addr del fd0a::1/128 dev green
    on green-1 python3 /guest/vrf-probe.py eth0 >"$work/linux"
    site red 10
    ip addr del fd0a::1/128 dev red
    grows "${way[$1]}" on red-1 python3 /guest/vrf-probe.py eth0 >"$work/ours"
    cat "$work/linux"
    diff "$work/linux" "$work/ours"
    # These are no comparison of nothing with nothing.
    test "$(grep -c -v 'nothing$' "$work/ours")" -ge 25
    grep "^too big v4: 45c002400000.*0304....00000514" "$work/ours"
    grep "^too big v6: .*0200....00000514" "$work/ours"
    grep "^TTL 1 v4: .*0a0101010a0101020b00" "$work/ours"
}

knows_mtu () {                  # knows_mtu HOST ADDRESS MTU
    ip -n "$1" route get "$2" | grep -q "mtu $3"
}

# A path with a link that is smaller than those of the hosts.
stall () {
    datapath "$1"
    site red 10
    site blue 20
    for address in 10.3.1.2 fd03::2; do
        reach red-1 "$address"
        refuses knows_mtu red-1 "$address" 1300
        transfer red-1 red-2 "$address" 3000000
        knows_mtu red-1 "$address" 1300
        refuses knows_mtu blue-1 "$address" 1300
        on red-1 ping -q -n -c 1 -W 5 -M 'do' -s 1250 "$address"
    done
    # The device of the VRF has no say in it.
    ip link set blue mtu 1400
    transfer blue-1 blue-2 10.1.2.2 1000000
    on blue-1 ping -q -n -c 1 -W 5 -M 'do' -s 1472 10.1.2.2
}

# Packets that are larger than any link stay so.
super_packets () {
    local before after
    datapath "$1"
    site red 10
    for address in 10.1.2.2 fd02::2; do
        reach red-1 "$address"
        before=$(($(count inline) + $(count queued)))
        transfer red-1 red-2 "$address" 20000000
        after=$(($(count inline) + $(count queued)))
        # Half of them are acknowledgements.
        test $((after - before)) -lt 8000
        on red-1 ethtool -K eth0 tx off >/dev/null
        transfer red-1 red-2 "$address" 1000000
        on red-1 ethtool -K eth0 tx on tso on >/dev/null
    done
}

# Who watches the device sees the packets, and whether at once is the default
# does not matter.
watched () {
    datapath Y
    site red 10
    reach red-1 10.1.2.2
    reach red-1 fd02::2

    background tcpdump -Z root -n -e -l -i red 'icmp or icmp6' >"$work/seen" \
        2>"$work/errors"
    wait_for 20 grep -q listening "$work/errors"
    grows queued on red-1 ping -q -n -c 2 -W 5 -s 100 10.1.2.2
    grows queued on red-1 ping -q -n -c 2 -W 5 -s 100 fd02::2
    wait_for 20 grep -q "02:00:00:00:01:02 > 02:00:00:00:01:01, ethertype IPv4.*10.1.1.2 > 10.1.2.2: ICMP echo request" "$work/seen"
    wait_for 20 grep -q "10.1.2.2 > 10.1.1.2: ICMP echo reply" "$work/seen"
    wait_for 20 grep -q "fd01::2 > fd02::2: ICMP6, echo request" "$work/seen"
    kill "$!"
    wait "$!" || true

    wait_for 20 grows inline on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    tc qdisc add dev red ingress
    tc filter add dev red ingress protocol ip matchall action drop
    refuses on red-1 ping -q -n -c 2 -W 1 10.1.2.2
    on red-1 ping -q -n -c 2 -W 5 fd02::2
    tc -s filter show dev red ingress | grep -E '(dropped|Sent .*) [1-9]'
    tc qdisc del dev red ingress
    wait_for 20 grows inline on red-1 ping -q -n -c 2 -W 5 10.1.2.2
}

rules_of_netfilter () {
    need nft
    modprobe nf_tables || skip "the kernel has no nf_tables"
    nft add table inet watch || skip "the kernel's nf_tables has no family inet"
    datapath Y
    site red 10
    site blue 20
    reach red-1 10.1.2.2
    reach red-1 fd02::2
    nft -f - <<'EOF'
table inet watch {
    chain prerouting {
        type filter hook prerouting priority -150
        iifname "red" icmp type echo-request counter
        iifname "red" icmpv6 type echo-request drop
    }
    chain forward {
        type filter hook forward priority 0
        oifname "blue-i2" drop
    }
}
EOF
    on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    nft list table inet watch | grep 'counter packets [1-9]'
    refuses on red-1 ping -q -n -c 2 -W 1 fd02::2
    refuses on blue-1 ping -q -n -c 2 -W 1 10.1.2.2
    nft delete table inet watch
    reach red-1 fd02::2
    reach blue-1 10.1.2.2
}

counters_of_device () {
    local before after
    datapath "$1"
    site red 10
    reach red-1 10.1.2.2
    reach red-1 fd02::2
    before=$(cat /sys/class/net/red/statistics/rx_packets)
    on red-1 ping -q -n -c 10 -i 0.05 -W 5 10.1.2.2
    on red-1 ping -q -n -c 10 -i 0.05 -W 5 fd02::2
    after=$(cat /sys/class/net/red/statistics/rx_packets)
    # Requests and answers.
    test $((after - before)) -ge 40
}

places () {
    local mirror to clone
    datapath "$1"
    site red 10
    host mirror
    cable mirror mirror eth0
    ovs-dpctl add-if dp0 mirror
    ovs-dpctl show dp0 >"$work/ports"
    mirror=$(number mirror)
    reach red-1 10.1.2.2
    to=$(action red)
    # shellcheck disable=SC2016
    for clone in "$to,$mirror" "$mirror,$to" "clone($to),$mirror" \
            "clone($mirror),clone($to)" "sample(sample=100%,actions($to)),$mirror" \
            "set(eth(src=02:00:00:00:00:77)),$to,set(eth(src=02:00:00:00:00:78)),$mirror" \
            "trunc(60),$mirror,$to" \
            "clone(clone(clone(clone(clone(clone($to)))))),$mirror" \
            "check_pkt_len(size=200,gt(drop),le($to)),$mirror"; do
        echo "$clone"
        in_lines red 1 "$clone" | flows mod
        tcpdump -Z root -n -v -c 3 -l -i mirror 'icmp[0] == 8' >"$work/seen" \
            2>"$work/errors" &
        echo "$!" >>"$work/pids"
        wait_for 20 grep -q listening "$work/errors"
        on red-1 ping -n -c 3 -i 0.1 -W 5 10.1.2.2 | tee "$work/ping"
        equal "$(grep -c 'ttl=63' "$work/ping")" 3 "answers"
        wait "$!"
        # Not what the router has made of it.
        equal "$(grep -c 'ttl 64' "$work/seen")" 3 "copies"
    done
    equal "$(ovs-dpctl dump-flows dp0 | grep -c "actions:check_pkt_len(.*$to")" 5
}

other_forms () {
    local to tagged="eth(),eth_type(0x8100),vlan(vid=5)"
    datapath "$1"
    site red 10
    reach red-1 10.1.2.2
    to=$(action red)
    # Without an Ethernet header.
    python3 /guest/vrf-l3.py "$(number red-p1)" red
    ovs-dpctl dump-flows dp0 | grep -F "actions:pop_eth,$to"
    background tcpdump -Z root -n -e -l -i red 'icmp' >"$work/seen" 2>"$work/errors"
    wait_for 20 grep -q listening "$work/errors"
    on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    wait_for 20 grep -q "ethertype IPv4.*10.1.1.2 > 10.1.2.2: ICMP" \
        "$work/seen"
    kill "$!"
    wait_for 20 grows "${way[$1]}" on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    # By connection tracking, whose mind it must not change.
    flow red-p1 "eth(),eth_type(0x0800),ipv4()" "ct(commit,zone=7),$to"
    on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    transfer red-1 red-2 10.1.2.2 100000

    # With a tag, which no router takes.
    ip -n red-1 link add link eth0 name tag type vlan id 5
    ip -n red-1 link set tag up
    ip -n red-1 addr add 10.5.0.2/24 dev tag
    ip -n red-1 neigh add 10.5.0.1 lladdr 02:00:00:00:01:01 dev tag
    ip -n red-1 route add 10.3.1.0/24 via 10.5.0.1 dev tag
    ip route add vrf red 10.5.0.0/24 via 10.1.1.2
    flow red-p1 "$tagged,encap(eth_type(0x0800),ipv4())" "$to"
    grows tagged refuses on red-1 ping -q -n -c 1 -W 1 10.3.1.2
    on red-1 sysctl -q -w net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.conf.eth0.rp_filter=0
    flow red-p1 "$tagged,encap(eth_type(0x0800),ipv4())" "pop_vlan,$to"
    on red-1 ping -q -n -c 2 -W 5 10.3.1.2
    # To those on the link.
    grows not-routable refuses on red-1 ping -q -n -c 1 -W 1 -b 255.255.255.255
}

marked () {
    local to
    datapath "$1"
    site red 10
    reach red-1 10.1.2.2
    ip rule add fwmark 7 pref 500 prohibit
    ip -6 rule add fwmark 7 pref 500 prohibit
    to=$(action red ,mark=7)
    in_lines red 1 "$to" | flows mod
    ovs-dpctl dump-flows dp0 | grep -F "actions:$to"
    refuses on red-1 ping -n -c 1 -W 5 10.1.2.2 >"$work/ping"
    grep 'Packet filtered' "$work/ping"
    in_lines red 1 "$(action red)" | flows mod
    on red-1 ping -q -n -c 2 -W 5 10.1.2.2
    # One that it has already stays.
    in_lines red 1 "set(skb_mark(7)),$(action red)" | flows mod
    refuses on red-1 ping -q -n -c 1 -W 5 10.1.2.2
    ip rule del fwmark 7
    ip -6 rule del fwmark 7
}

# A flow of one VRF leads back into it, or into another one.
loops () {
    datapath "$1"
    site red 10
    site blue 20
    reach red-1 10.1.2.2
    flow red-i2 "eth(),eth_type(0x0800),ipv4()" "$(action red)"
    refuses on red-1 ping -n -c 1 -W 5 10.1.2.2 >"$work/ping"
    grep 'Time to live exceeded' "$work/ping"
    at_least 25 queued
    flow red-i2 "eth(),eth_type(0x0800),ipv4()" "$(action blue)"
    flow blue-i2 "eth(),eth_type(0x0800),ipv4()" "$(action red)"
    # With one more it ends in the other VRF, whose host hears of it.
    refuses on red-1 ping -n -c 1 -W 5 -t 63 10.1.2.2 >"$work/ping"
    grep 'Time to live exceeded' "$work/ping"
    out_lines red-i2 red-p2 | flows mod
    reach red-1 10.1.2.2
}

gone () {
    local i
    datapath "$1"
    site red 10
    site blue 20
    reach red-1 10.1.2.2
    reach blue-1 10.1.2.2
    (exec ip netns exec red-1 ping -q -n -i 0.005 10.1.2.2) >/dev/null 2>&1 &
    echo "$!" >>"$work/pids"
    for i in 1 2 3; do
        grows no-device eval "ip link del red; wait_for 20 grows no-device true"
        make_vrf red 10
        member red red-i1 1 2>/dev/null
        member red red-i2 2 2>/dev/null
        routes red
        in_lines red 1 "$(action red)" | flows mod
        in_lines red 2 "$(action red)" | flows mod
        wait_for 20 on red-1 ping -q -n -c 1 -W 1 10.1.2.2
        ip link set red down
        wait_for 20 grows down sleep 0.2
        ip link set red up
        routes red 2>/dev/null || true
        wait_for 20 on red-1 ping -q -n -c 1 -W 1 10.1.2.2
    done
    in_lines red 1 "vrf(name=red,id=$(cat /sys/class/net/lo/ifindex))" | flows mod
    wait_for 20 grows not-vrf sleep 0.2
    # The other one has not noticed.
    on blue-1 ping -q -n -c 3 -i 0.2 -W 5 10.1.2.2
    # A datapath that goes under traffic.
    ovs-dpctl del-dp dp0
}

refused () {
    local v4="eth(),eth_type(0x0800),ipv4()" flag
    datapath Y
    ovs-dpctl add-if dp0 p,type=internal
    ovs-dpctl show dp0 >"$work/ports"
    sysctl -q -w net.core.message_cost=0
    for flag in ttl=keep errors=drop mss=clamp; do
        refuses flow p "$v4" "vrf(name=red,id=5,$flag)" 2>"$work/error"
        grep 'Invalid argument' "$work/error"
        dmesg | grep "vrf action with $flag, which"
    done
    refuses flow p "eth(),eth_type(0x0806),arp()" "vrf(name=red,id=5)"
    dmesg | grep "vrf action in a flow that is not IP"
    refuses flow p "eth()" "vrf(name=red,id=5)"
    refuses flow p "$v4" "vrf(name=red,id=0)"
    dmesg | grep "vrf action has an invalid id"
    refuses flow p "$v4" "vrf(name=red,id=0x80000000)"
    python3 /guest/vrf-refused.py
    # There need be no such device.
    flow p "$v4" "vrf(name=red,id=5)"
    equal "$(ovs-dpctl dump-flows dp0 | sed 's/.*actions://')" \
        "vrf(name=red,id=5)"
}

#
# By ovs-vswitchd: bridge br-NAME has the ports that dp0 has elsewhere.
#

switch () {                     # switch INLINE
    router
    modprobe openvswitch
    echo "$1" >"$INLINE_PARAMETER"
    dp=ovs-system
    ovs_start
}

bridge_site () {                # bridge_site NAME TABLE ACTION
    local i
    make_vrf "$1" "$2"
    hosts "$1"
    bridge "br-$1" "$1-p1" "$1-p2"
    for i in 1 2; do
        ovs-vsctl add-port "br-$1" "$1-i$i" \
            -- set interface "$1-i$i" type=internal
        member "$1" "$1-i$i" "$i"
    done
    routes "$1"
    openflow "$1" "$3"
}

# What comes from a host of VRF NAME is for the router, by ACTION.
openflow () {                   # openflow NAME ACTION
    local i type
    for i in 1 2; do
        echo "priority=1,in_port=$1-i$i,actions=output:$1-p$i"
        echo "priority=1,in_port=$1-p$i,arp,actions=output:$1-i$i"
        for type in 133 134 135 136; do
            echo "priority=2,in_port=$1-p$i,icmp6,icmp_type=$type,actions=output:$1-i$i"
        done
        echo "priority=1,in_port=$1-p$i,ip,actions=$2"
        echo "priority=1,in_port=$1-p$i,ipv6,actions=$2"
    done >"$work/openflow"
    ovs-ofctl add-flows "br-$1" "$work/openflow"
}

trace () {                      # trace NAME: what becomes of a host's packet.
    ovs-appctl ofproto/trace "br-$1" \
        "in_port=$1-p1,icmp,nw_src=10.1.1.2,nw_dst=10.1.2.2,nw_ttl=64"
}

refusals () {
    ovs-appctl coverage/read-counter extension_action_refused
}

more_refusals () {              # more_refusals THAN
    test "$(refusals)" -gt "$1"
}

logged () {                     # logged WORDS: how often.
    grep -c "$1" "$work/ovs/ovs-vswitchd.log" || test $? = 1
}

# The datapath, and not ovs-vswitchd, drops what red-1's host sends.
drops_by_flow () {
    on red-1 ping -q -n -c 1 -W 1 10.1.2.2
    ovs-appctl dpctl/dump-flows |
        grep 'eth_type(0x0800).*packets:[1-9].*actions:drop'
}

by_openflow () {
    local name
    switch "$1"
    bridge_site red 10 "output_vrf(red)"
    bridge_site blue 20 "output_vrf(in)"
    for name in blue-p1 blue-p2; do
        ovs-vsctl set interface "$name" other_config:vrf=blue
    done
    sites_forward "$1"
    trace red | grep -F "output_vrf: handed to Linux, by VRF red, "
    trace red | grep -F "Datapath actions: $(action red)"
    trace blue | grep -F "Datapath actions: $(action blue)"
    for name in red blue; do
        ovs-appctl dpctl/dump-flows | grep -F "actions:$(action "$name")"
        wait_for 20 eval "ovs-ofctl dump-flows br-$name ip |
            grep 'n_packets=[1-9].* actions=output_vrf('"
    done
    # The router's answers.
    refuses on red-1 ping -n -c 1 -W 5 -t 1 10.1.2.2 >"$work/ping"
    grep 'From 10.1.1.1 .*Time to live exceeded' "$work/ping"
    # A field has the VRF's number, as ovs-vswitchd knows it.
    name=$(ovs-appctl vrf/list | sed -n 's/^blue: id \([0-9]*\),.*/\1/p')
    openflow blue "load:$name->NXM_NX_REG0[],output_vrf(NXM_NX_REG0[0..15])"
    reach blue-1 10.1.2.2
    equal "$(python3 /guest/ovs_vrf.py "$dp" no-device not-vrf down tagged \
        malformed backlog no-memory)" "0 0 0 0 0 0 0" drops

    # Nothing of it is left to a VRF that goes, and flows find the one that comes
    # under its name, which has another index.
    ip link del red
    wait_for 20 eval "trace red | grep 'no VRF device of Linux, dropped'"
    refuses on red-1 ping -q -n -c 1 -W 1 10.1.2.2
    make_vrf red 10
    member red red-i1 1
    member red red-i2 2
    routes red
    reach red-1 10.1.2.2
    reach red-1 fd02::2
    reach blue-1 10.1.2.2
}

complaints_of_kernel () {
    dmesg | grep -c 'vrf action with' || test $? = 1
}

options_refused () {
    local option before complaints lacks
    sysctl -q -w net.core.message_cost=0
    complaints=$(complaints_of_kernel)
    switch Y
    tolerate "bridge br-red: the datapath('s action vrf\(\)|) lacks"
    bridge_site red 10 "output_vrf(red,ttl=dec,errors=send)"
    reach red-1 10.1.2.2
    equal "$(refusals)" 0 refusals
    for option in ttl=keep errors=drop mss=clamp errors=controller; do
        ovs-appctl dpif/show-dp-features br-red |
            grep -x "Extension vrf action with $option: No"
        before=$(refusals)
        case $option in
        errors=controller) openflow red "output_vrf(red,$option(7))" ;;
        *) openflow red "output_vrf(red,$option)" ;;
        esac
        wait_for 20 drops_by_flow
        wait_for 20 more_refusals "$before"
        trace red >"$work/trace"
        grep -F ">>>> the datapath's action vrf() lacks $option: dropped" \
            "$work/trace"
        grep -x 'Datapath actions: drop' "$work/trace"
        refuses eval "ovs-appctl dpctl/dump-flows | grep 'vrf('"
        equal "$(logged "lacks $option: packets that come to output_vrf() are")" \
            1 "lines of the log"
    done
    # One table alone: Linux has rules look at tables.
    ovs-appctl dpif/show-dp-features br-red |
        grep -x "Extension vrf_way action: No"
    before=$(refusals)
    openflow red "output_vrf(red,table=10)"
    wait_for 20 drops_by_flow
    wait_for 20 more_refusals "$before"
    lacks="the datapath lacks the action vrf_way(), needed for table=N"
    trace red >"$work/trace"
    grep -F ">>>> $lacks: dropped" "$work/trace"
    grep -x 'Datapath actions: drop' "$work/trace"
    equal "$(logged "$lacks: packets that come to output_vrf() are")" 1 \
        "lines of the log"
    # Neither asked in vain, nor for each packet.
    equal "$(logged 'Invalid argument')" 0 "refused by the kernel"
    equal "$(complaints_of_kernel)" "$complaints" "lines of the kernel"
    # A copy goes on.
    openflow red "output_vrf(red,mss=clamp),output_vrf(red)"
    reach red-1 10.1.2.2
}

stock_module () {
    router
    stock_module_load
    ovs_start
    tolerate "bridge br-red: the datapath lacks the action vrf\(\)"
    bridge_site red 10 "output_vrf(red)"
    wait_for 20 eval "trace red |
        grep '>>>> the datapath lacks the action vrf(): dropped'"
    trace red | grep -x 'Datapath actions: drop'
    wait_for 20 drops_by_flow
    wait_for 20 more_refusals 0
    openflow red "output_vrf(in,errors=drop)"
    ovs-vsctl set interface red-p1 other_config:vrf=red
    wait_for 20 eval "trace red |
        grep '>>>> the datapath lacks the action vrf(): dropped'"
    equal "$(logged 'packets that come to output_vrf() are dropped')" 1 \
        "lines of the log"
    equal "$(logged 'Invalid argument')" 0 "refused by the kernel"
    ovs_stop
    ovs-dpctl del-dp ovs-system || :
    modules_unload
}

# In both bridges, where "resubmit" leads to.
field_flows () {
    echo "table=1,vrf=red,ip,actions=output_vrf(red)"
    echo "table=1,vrf=red,ipv6,actions=output_vrf(in)"
    echo "table=1,vrf=blue,ip,actions=output_vrf(in)"
    echo "table=1,vrf=blue,ipv6,actions=output_vrf(blue)"
    echo "table=1,vrf=default,actions=drop"
}

has_field () {                  # has_field BRIDGE PORT VRF
    ovs-appctl ofproto/trace "$1" "in_port=$2" | grep -- "-> vrf=$3, "
}

# The field "vrf" of the hosts' ports is configured, that of the router's is
# Linux's.
by_field () {
    local name
    switch Y
    bridge_site red 10 "resubmit(,1)"
    bridge_site blue 20 "resubmit(,1)"
    field_flows >"$work/field"
    for name in red blue; do
        ovs-ofctl add-flows "br-$name" "$work/field"
    done
    for name in red blue; do
        wait_for 20 has_field "br-$name" "$name-i1" "$name"
        trace "$name" | grep -x 'Datapath actions: drop'
        refuses on "$name-1" ping -q -n -c 1 -W 1 10.1.2.2
        ovs-vsctl set interface "$name-p1" "other_config:vrf=$name" \
            -- set interface "$name-p2" "other_config:vrf=$name"
        wait_for 20 eval "trace $name |
            grep -F 'Datapath actions: $(action "$name")'"
    done
    sites_forward Y
    for name in red blue; do
        ovs-ofctl dump-flows "br-$name" table=1 >"$work/dumped"
        grep "n_packets=[1-9].* vrf=$name,ip actions=" "$work/dumped"
        grep "n_packets=[1-9].* vrf=$name,ipv6 actions=" "$work/dumped"
    done

    # A member that leaves Linux's VRF, a port that leaves ours.
    ip link set red-i1 nomaster
    wait_for 20 refuses has_field br-red red-i1 red
    ovs-vsctl remove interface blue-p1 other_config vrf
    wait_for 20 eval "trace blue | grep -x 'Datapath actions: drop'"
    refuses on blue-1 ping -q -n -c 1 -W 1 10.1.2.2
}

# Who may begin connections: red's hosts, and blue's may not.  Those of red are
# by addresses and an identifier that blue has, too.
zones () {
    local name
    switch Y
    for name in red:10 blue:20; do
        bridge_site "${name%:*}" "${name#*:}" "ct(table=1,zone=vrf)"
        name=${name%:*}
        ovs-vsctl set interface "$name-p1" "other_config:vrf=$name" \
            -- set interface "$name-p2" "other_config:vrf=$name"
        {
            echo "table=1,ct_state=+trk+est,ip,actions=output_vrf(in)"
            echo "table=1,vrf=red,ct_state=+trk+new,ip,actions=ct(commit,zone=vrf),output_vrf(in)"
        } >"$work/zones"
        ovs-ofctl add-flows "br-$name" "$work/zones"
    done
    ping_77 red
    refuses ping_77 blue
    for name in red:10:1 blue:20:0; do
        ovs-appctl dpctl/dump-conntrack "zone=$(echo "$name" | cut -d: -f2)" \
            >"$work/connections"
        equal "$(grep -c 'icmp,orig=(src=10.1.1.2,dst=10.1.2.2,id=77' \
            "$work/connections" || :)" "${name##*:}" "${name%%:*}'s connections"
    done
    # With the same zone it is red's connection that blue's host goes on with.
    openflow blue "ct(table=1,zone=10)"
    wait_for 20 ping_77 blue
}

ping_77 () {                    # ping_77 NAME: from its first host.
    on "$1-1" ping -q -n -c 1 -W 2 -e 77 10.1.2.2
}

has_error () {                  # has_error INTERFACE: that of options:vrf.
    ovs-vsctl get interface "$1" error |
        grep "options:vrf=red: Linux's tunnels of type ${1#t-} cannot be put into a VRF; those of types vxlan, geneve and gre can"
}

tunnels_refused () {
    switch Y
    tolerate 'options:vrf=red'
    make_vrf red 10
    # Also as the first thing that there is.
    ovs-vsctl add-br br0 -- set bridge br0 datapath_type=system \
        -- add-port br0 t-gtpu -- set interface t-gtpu type=gtpu \
        options:remote_ip=10.1.1.2 options:vrf=red 2>"$work/error"
    cat "$work/error"
    grep 'options:vrf=red: ' "$work/error"
    has_error t-gtpu
    equal "$(ovs-vsctl get interface t-gtpu ofport)" -1 "its number"
    ovs-vsctl show | grep -A 4 "Port t-gtpu" | grep 'error: "options:vrf='
    refuses ovs-ofctl dump-ports-desc br0 t-gtpu
    test "$(logged "options:vrf=red: Linux's tunnels of type")" -ge 1
}

for inline in N Y; do
    check "two VRFs with the same addresses, inline=$inline" both_families "$inline"
    check "nothing crosses, inline=$inline" no_crossing "$inline"
    check "answers are those of Linux, inline=$inline" like_linux "$inline"
    check "a smaller link does not stall TCP, inline=$inline" stall "$inline"
    check "super-packets, inline=$inline" super_packets "$inline"
    check "the VRF device counts, inline=$inline" counters_of_device "$inline"
    check "last, not last, in a clone, inline=$inline" places "$inline"
    check "L3 packets, tags, ct, inline=$inline" other_forms "$inline"
    check "marks, inline=$inline" marked "$inline"
    check "loops, inline=$inline" loops "$inline"
    check "VRFs that go under traffic, inline=$inline" gone "$inline"
    check "OpenFlow's output_vrf, inline=$inline" by_openflow "$inline"
done
check "tcpdump and tc at the VRF device" watched
check "rules of netfilter" rules_of_netfilter
check "what is refused" refused
check "OpenFlow's field vrf" by_field
check "zones of connection tracking" zones
check "OpenFlow's output_vrf, options that are refused" options_refused
check "OpenFlow's output_vrf, with Linux's own module" stock_module
check "tunnels in VRFs that are refused" tunnels_refused
