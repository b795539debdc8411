# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The ILA mapping table in the kernel: packets as they come in, the action that
# looks there, the generic netlink family.

tests=$GUEST_OVS_SOURCE/tests

ila () {                        # ila DATAPATH COMMAND...: see ovs_ila.py.
    python3 /guest/ovs_ila.py "$@"
}

# ends PORT FAR: a veth pair without addresses.
ends () {
    ip link add "$1" type veth peer name "$2"
    sysctl -q -w "net.ipv6.conf.$1.disable_ipv6=1" \
        "net.ipv6.conf.$2.disable_ipv6=1"
    ip link set "$1" up
    ip link set "$2" up
}

vectors () {                    # vectors WAY...
    need python3
    modprobe tun
    modprobe openvswitch
    ovs-dpctl add-dp dp0
    sysctl -q -w net.ipv6.conf.dp0.disable_ipv6=1
    ip link set dp0 up
    ends v1 f1
    ends v2 f2
    ends v3 f3
    ends out fo
    python3 /guest/ila-table-packets.py "$tests/ila-vectors.json" "$@"
    ovs-dpctl del-dp dp0
}

check "ila table: vectors, no VLAN tag" vectors veth0
check "ila table: vectors, VLAN tags" vectors veth1 veth2
check "ila table: vectors, local port" vectors local0 local1 local2
check "ila table: vectors, nonlinear packets" vectors frag
check "ila table: vectors, no Ethernet header" vectors l3
check "ila table: vectors, action" vectors action \
    action-or-drop execute

# Something else than the action has the slow path taken.
slow_path () {
    local i
    need python3
    tolerate 'already has the C bit|\((No such file or directory)\)'
    ovs_start
    for i in 1 2 3; do
        ends v$i f$i
    done
    ends out fo
    bridge br0 v1 v2 v3 out
    sysctl -q -w net.ipv6.conf.br0.disable_ipv6=1
    python3 /guest/ila-table-slow.py "$tests/ila-vectors.json"
}

check "ila table: action, slow path" slow_path

netlink () {                    # netlink [TEST]...
    need python3
    modprobe openvswitch
    ends v1 f1
    python3 -W ignore /guest/ila-table-netlink.py "$@" 2>&1
}

check "ila table: netlink family" netlink

#
# Traffic: h1 and h2 know each other by SIR addresses, da and db translate what
# comes in from them and from the underlay in between, which has ILA addresses
# only.
#

sir=3333:0:0:1 at_a=2001:db8:a:0 at_b=2001:db8:b:0 at_c=2001:db8:c:0
h1=$sir:2000:0:1:1 h2=$sir:2000:0:1:2

# pass DATAPATH PORT OTHER: all IPv6 that comes in on one goes out of the other.
pass () {
    local n1 n2
    n1=$(port_of "$1" "$2")
    n2=$(port_of "$1" "$3")
    ovs-dpctl add-flow "$1" "in_port($n1),eth(),eth_type(0x86dd),ipv6()" "$n2"
    ovs-dpctl add-flow "$1" "in_port($n2),eth(),eth_type(0x86dd),ipv6()" "$n1"
}

port_of () {                    # port_of DATAPATH PORT
    ovs-dpctl show "$1" | sed -n "s/^ *port \([0-9]*\): $2\( .*\)*$/\1/p"
}

# site DATAPATH PORT UPLINK: translates in both directions.
site () {
    ovs-dpctl add-dp "$1"
    ovs-dpctl add-if "$1" "$2" "$3"
    pass "$1" "$2" "$3"
    ila "$1" port "$2" out
    ila "$1" port "$3" in
}

# mappings MODE: of both sites, instead of those that are there.
mappings () {
    local dp
    for dp in da db; do
        ila "$dp" flush
    done
    ila da add dir=out match=$sir ident=2000000000010002 locator=$at_b mode="$1"
    ila da add dir=in match=$at_a locator=$sir mode="$1"
    ila db add dir=out match=$sir ident=2000000000010001 locator=$at_a mode="$1"
    ila db add dir=in match=$at_b locator=$sir mode="$1"
}

# The underlay is a cable, wa to wb.
two_sites () {
    need python3 ethtool nc
    modprobe openvswitch
    host h1
    host h2
    cable p1 h1 eth0 $h1/64
    cable p2 h2 eth0 $h2/64
    ends wa wb
    site da p1 wa
    site db p2 wb
}

no_sites () {
    ovs-dpctl del-dp da
    ovs-dpctl del-dp db
    equal "$(cat /sys/module/openvswitch/parameters/ila_ports)" 0 "ports that translate"
}

counter () {                    # counter DATAPATH NAME [PORT]
    ila "$1" stats ${3:+"$3"} | tr ' ' '\n' | sed -n "s/^$2=//p"
}

# offloads on|off DEVICE...: of checksums and segmentation; a DEVICE is that of
# a host if it is "HOST/DEVICE".
offloads () {
    local on=$1 device ns
    shift
    for device; do
        ns=
        case $device in
        */*) ns="ip netns exec ${device%/*}" device=${device#*/} ;;
        esac
        $ns ethtool -K "$device" tx "$on" sg "$on" tso "$on" gso "$on" gro "$on" >/dev/null
    done
}

bad_checksums () {              # bad_checksums HOST
    on "$1" nstat -a -z -s TcpInCsumErrors Ip6InCsumErrors Udp6InCsumErrors \
        Icmp6InCsumErrors | awk '!/^#/ { n += $2 } END { print n + 0 }'
}

# A transfer each way; what is translated is counted on both sides.
transfers () {
    local dp name
    transfer h1 h2 $h2
    transfer h2 h1 $h1
    for dp in da db; do
        for name in in out; do
            test "$(counter $dp $name)" -gt 10
        done
    done
    equal "$(bad_checksums h1) $(bad_checksums h2)" "0 0" "wrong checksums"
}

# The last one who sends finishes checksums and segments if the host did not,
# so that the other host has something to check.
tcp () {                        # tcp HOSTS UNDERLAY, each on or off
    local mode
    two_sites
    offloads "$1" h1/eth0 h2/eth0
    offloads "$2" wa wb
    offloads off p1 p2
    for mode in neutral-map neutral-map-auto adj-transport no-action; do
        echo "$mode"
        mappings $mode
        transfers
    done
    test "$(counter da l4_adjusted)" -gt 10
    # Only what came with a partial checksum leaves with one.
    if test "$1" = on; then
        test "$(counter da partial)" -gt 10
    else
        equal "$(counter da partial)" 0 "partial checksums"
    fi
    no_sites
}

# same_counters NAME-AT-DB NAME-AT-DA: of what goes from h1 to h2.
same_counters () {
    equal "$(counter db "$1" wb)" "$(counter da "$2" p1)" "packets to db, $1"
}

# The locator of h2 changes every 10 ms while it receives: no packet meets a
# table without its mapping.
moving () {
    local moves mover
    two_sites
    mappings neutral-map
    ila db add dir=in match=$at_c locator=$sir mode=neutral-map
    reach h1 $h2
    background ila da juggle $at_b $at_c 10 >moves
    mover=$!
    wait_for 20 test -s moves
    transfer h1 h2 $h2 20000000
    moves=$(wc -l <moves)
    kill "$mover"
    echo "$moves moves"
    test "$moves" -gt 20
    # What da let pass untranslated is that which is not for h2.  Neighbours
    # have something to say at any time, thus in between, too.
    wait_for 30 same_counters miss miss
    wait_for 30 same_counters in out
    # Both ways were taken.
    ila db list >entries
    cat entries
    test "$(awk '$2 > 0' entries | wc -l)" -ge 3
    no_sites
}

# A UDP tunnel has checked the sum of what it carries, which then is known to be
# CHECKSUM_COMPLETE.
complete () {
    need python3 ethtool
    modprobe openvswitch
    modprobe vxlan
    host u
    host h2
    cable under u eth0 10.1.1.2/24
    ip addr add 10.1.1.1/24 dev under
    offloads off under u/eth0
    ip link add vx type vxlan id 5 remote 10.1.1.2 local 10.1.1.1 \
        dev under dstport 4789 udpcsum
    ip -n u link add vx type vxlan id 5 remote 10.1.1.1 local 10.1.1.2 \
        dev eth0 dstport 4789 udpcsum
    sysctl -q -w net.ipv6.conf.vx.disable_ipv6=1
    on u sysctl -q -w net.ipv6.conf.vx.disable_ipv6=1
    offloads off vx u/vx
    ip link set vx up
    ip -n u link set vx up
    cable p2 h2 eth0 $h2/64
    offloads off p2 h2/eth0
    reach u 10.1.1.1
    ovs-dpctl add-dp db
    ovs-dpctl add-if db vx p2
    pass db vx p2
    python3 /guest/ila-table-csum.py vx \
        "$(on h2 cat /sys/class/net/eth0/address)" db vx
    ovs-dpctl del-dp db
}

# Likewise a device, here NAPI, which makes it CHECKSUM_UNNECESSARY.
unnecessary () {
    need python3 ethtool
    modprobe openvswitch
    modprobe tun
    host h2
    cable p2 h2 eth0 $h2/64
    offloads off p2 h2/eth0
    ovs-dpctl add-dp db
    ovs-dpctl add-if db p2
    python3 /guest/ila-table-gro.py "$(on h2 cat /sys/class/net/eth0/address)" db
    ovs-dpctl del-dp db
}

# has_entry DATAPATH IDENT
has_entry () {
    ila "$1" list | grep -q "$2"
}

# An entry stays as long as packets use it, not longer.
idle () {
    local used=2000000000010002 unused=2000000000010077 pinging round
    two_sites
    mappings neutral-map
    ila da del dir=out match=$sir ident=$used
    ila da add dir=out match=$sir ident=$used locator=$at_b mode=neutral-map idle=5
    background ip netns exec h1 ping -q -n -i 0.2 $h2
    pinging=$!
    # Each time at least as long as it takes without packets.
    for round in 1 2; do
        echo "round $round"
        ila da add dir=out match=$sir ident=$unused locator=$at_b mode=neutral-map idle=5
        wait_for 60 refuses has_entry da $unused
        has_entry da $used
    done
    kill "$pinging"
    wait_for 60 refuses has_entry da $used
    no_sites
}

# h1 knows h2 by another address, which db translates; its locator changes every
# 10 ms.  Connections know nothing of that.
tracked () {
    local h9=$sir:2000:0:1:9 mover
    two_sites
    mappings neutral-map
    ila db add dir=in match=$at_c locator=$sir mode=neutral-map
    ila da add dir=out match=$sir ident=2000000000010009 locator=$at_b mode=neutral-map
    # What is on its way out is tracked before it is translated.
    ila db port p2 off
    ovs-dpctl del-flows db
    ovs-dpctl add-flow db \
        "in_port($(port_of db wb)),eth(),eth_type(0x86dd),ipv6()" \
        "ct(commit,zone=5,nat(dst=$h2)),$(port_of db p2)"
    ovs-dpctl add-flow db \
        "in_port($(port_of db p2)),eth(),eth_type(0x86dd),ipv6()" \
        "ct(zone=5,nat),ila_table(dir=out),$(port_of db wb)"
    on h1 ip neigh add $h9 lladdr "$(on h2 cat /sys/class/net/eth0/address)" dev eth0
    reach h1 $h9
    background python3 /guest/ovs_ila.py da juggle $at_b $at_c 10 >moves
    mover=$!
    wait_for 20 test -s moves
    transfer h1 h2 $h9 20000000 $h2
    kill "$mover"
    test "$(wc -l <moves)" -gt 20
    ovs-dpctl dump-conntrack db zone=5 >connections
    cat connections
    equal "$(grep -c '^tcp' connections)" 1 "connections"
    grep -q '^tcp,orig=(src=3333::1:2000:0:1:1,dst=3333::1:2000:0:1:9,.*reply=(src=3333::1:2000:0:1:2,dst=3333::1:2000:0:1:1,' connections
    # It was at both places.
    ila db list >entries
    cat entries
    test "$(awk '$2 > 0' entries | wc -l)" -ge 3
    equal "$(bad_checksums h1) $(bad_checksums h2)" "0 0" "wrong checksums"
    no_sites
}

out_of_da_into_db () {
    equal "$(counter db in)" "$(counter da out)" "packets to db"
}

# A port goes and comes back while packets come in, and somebody reads: what it
# counted is counted once, and never not at all.
gone () {
    local watcher pinging round
    two_sites
    mappings neutral-map
    reach h1 $h2
    background python3 /guest/ovs_ila.py da watch >totals
    watcher=$!
    background ip netns exec h1 ping -q -n -i 0.02 $h2
    pinging=$!
    for round in $(seq 3); do
        wait_for 20 eval 'test "$(counter da out p1)" -gt 10'
        ovs-dpctl del-if da p1
        ovs-dpctl add-if da p1
        equal "$(counter da out p1)" 0 "port $round"
        ila da port p1 out
    done
    kill "$pinging"
    kill -0 "$watcher"
    kill "$watcher"
    test "$(tail -n 1 totals)" -gt 40
    wait_for 30 out_of_da_into_db
    # They stay with the last port, too.
    ovs-dpctl del-if da p1
    ovs-dpctl del-if da wa
    out_of_da_into_db
    no_sites
}

check "ila table: TCP, hosts and underlay offload" tcp on on
check "ila table: TCP, hosts offload" tcp on off
check "ila table: TCP, nobody offloads" tcp off off
check "ila table: mapping moves under TCP" moving
check "ila table: connections know no moves" tracked
check "ila table: timeouts and packets" idle
check "ila table: counts outlive ports" gone
check "ila table: CHECKSUM_COMPLETE" complete
check "ila table: CHECKSUM_UNNECESSARY" unnecessary

# Between the sites is a router, whose link to db is narrow: 1400 bytes.
router () {
    local mac1 mac2 ra rb
    need python3 nc
    modprobe openvswitch
    host h1
    host h2
    host r
    cable p1 h1 eth0 $h1/128
    cable p2 h2 eth0 $h2/128
    cable wa r ra 2001:db8:f::1/64
    cable wb r rb
    on r sysctl -q -w net.ipv6.conf.all.forwarding=1
    ip -n r link set rb mtu 1400
    mac1=$(on h1 cat /sys/class/net/eth0/address)
    mac2=$(on h2 cat /sys/class/net/eth0/address)
    ra=$(on r cat /sys/class/net/ra/address)
    rb=$(on r cat /sys/class/net/rb/address)
    # Neighbour discovery does not know ILA addresses.
    ip -n r neigh add fe80::1:1 lladdr "$mac1" dev ra nud permanent
    ip -n r neigh add fe80::1:2 lladdr "$mac2" dev rb nud permanent
    ip -n r route add $at_a::/64 via fe80::1:1 dev ra
    ip -n r route add $at_b::/64 via fe80::1:2 dev rb
    ip -n r route add $h1/128 via fe80::1:1 dev ra
    ip -n r route add $h2/128 via fe80::1:2 dev rb
    ip -n h1 neigh add fe80::f lladdr "$ra" dev eth0 nud permanent
    ip -n h2 neigh add fe80::f lladdr "$rb" dev eth0 nud permanent
    ip -n h1 route add default via fe80::f dev eth0
    ip -n h2 route add default via fe80::f dev eth0
    site da p1 wa
    site db p2 wb
}

# path_mtu: what h1 knows of the way to h2 after it sent packets of 1500 bytes.
path_mtu () {
    on h1 python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, 23, 2)    # IPV6_MTU_DISCOVER: do.
s.connect(('$h2', 9))
try:
    s.send(bytes(1452))
except OSError:
    pass
print(s.getsockopt(socket.IPPROTO_IPV6, 24))
"
}

path_mtu_is () {
    equal "$(path_mtu)" "$1" "path MTU"
}

# too_big_came: h1 sent a packet, and heard since "nstat -n" that one is too big.
too_big_came () {
    path_mtu
    test "$(on h1 nstat -a -z -s Icmp6InPktTooBigs | awk '!/^#/ { print $2 }')" -gt 0
}

mtu () {
    local mode
    router
    for mode in neutral-map adj-transport no-action; do
        echo "$mode"
        mappings $mode
        reach h1 $h2
        on h1 nstat -n
        ip -n h1 -6 route flush cache
        # Without the option the error is about an address that nobody has.
        wait_for 30 too_big_came
        path_mtu_is 1500
        ila da add dir=in match=$at_b locator=$sir mode=$mode flags=icmp-inner
        wait_for 30 path_mtu_is 1400
        test "$(counter da icmp_inner wa)" -gt 0
        transfer h1 h2 $h2
    done
    equal "$(bad_checksums h1)" 0 "wrong checksums"
    no_sites
}

fuzz () {
    need python3
    modprobe openvswitch
    ends v1 f1
    ovs-dpctl add-dp dp0
    ovs-dpctl add-if dp0 v1
    python3 /guest/ila-table-fuzz.py dp0 4000 "${1:-1}"
    # Both while there are entries and without.
    ovs-dpctl del-dp dp0
}

check "ila table: path MTU" mtu
check "ila table: random requests" fuzz
