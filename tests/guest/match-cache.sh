#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The flow match cache of the kernel datapath.  Runs as root in a guest that
# has our openvswitch.ko where modprobe finds it, Open vSwitch's programs and
# match-cache (tests/guest/match-cache.c) in PATH, and nothing else to do.
#
# CHURN is for how many seconds flows come and go under dumps (60); DAEMON=no
# leaves out what needs ovsdb-server and ovs-vswitchd.

set -u
tmp=$(mktemp -d)
failed=0

ok () { echo "ok $*"; }
bad () { echo "FAIL $*"; failed=$((failed + 1)); }
# check NAME COMMAND...
check () {
    name=$1
    shift
    if "$@"; then ok "$name"; else bad "$name"; fi
}
equal () { [ "$1" = "$2" ] || { echo "    '$1' is not '$2'"; false; }; }
same () { cmp "$1" "$2" >/dev/null || { diff "$1" "$2" | head -n 4; false; }; }
# until_true COMMAND...
until_true () {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ $n -lt 300 ] || return 1
        sleep 0.1
    done
}

# counter NAME [DP]
counter () { match-cache "${2:-dp0}" get | tr ' ' '\n' | sed -n "s/^$1=//p"; }
counter_is () { [ "$(counter "$1")" = "$2" ]; }
# set_cache ATTR:LEN:VALUE...; 2 is the policy, 3 the limit.
set_cache () { match-cache dp0 set "$@" >/dev/null; }
off='2:4:0' lazy='2:4:1' eager='2:4:2'
dump () { match-cache dp0 dump | sort; }
# Where unaligned access is expensive, tunnel IDs are padded according to where
# they happen to be in a message; 04000e00 is padding, 0x7b the ID.
stable () {
    if grep -q 04000e00 "$tmp/off"; then grep -v 0000007b; else cat; fi
}

modprobe openvswitch || exit 1
ovs-dpctl add-dp dp0 2>/dev/null || exit 1
dmesg -c >/dev/null

## Flows with all attributes of a key.

eth='eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)'
eth_masked='eth(src=02:00:00:00:07:01/ff:ff:ff:ff:ff:00,dst=00:00:00:00:00:00/01:00:00:00:00:00)'
v4='eth_type(0x0800),ipv4(src=10.0.0.0/255.255.255.0,dst=10.1.2.3'
v6='eth_type(0x86dd),ipv6(src=2001:db8::/ffff:ffff::,dst=2001:db8::1,label=0x1/0xfffff'
tun='tun_id=0x7b,src=192.0.2.1,dst=192.0.2.2,tos=0,ttl=64'
tun6='tun_id=0x7b,ipv6_src=2001:db8::5,ipv6_dst=2001:db8::6,tos=0,ttl=64'

flows () {
    cat <<END
in_port(0),$eth,$v4,proto=6,tos=0/0x3,ttl=64,frag=no),tcp(src=1000/0xff00,dst=80),tcp_flags(0x2/0x7)
in_port(0),$eth,$v4,proto=17,tos=0/0,ttl=0/0,frag=no),udp(src=53,dst=1)
in_port(0),$eth,$v4,proto=132,tos=0/0,ttl=0/0,frag=no),sctp(src=1,dst=2)
in_port(0),$eth,$v4,proto=1,tos=0/0,ttl=0/0,frag=no),icmp(type=8,code=0)
in_port(0),$eth,$v4,proto=17,tos=0/0,ttl=0/0,frag=later)
in_port(0),$eth,$v4,proto=17,tos=0/0,ttl=0/0,frag=first),udp(src=53,dst=2)
in_port(0),$eth_masked,$v4,proto=0/0,tos=0/0,ttl=0/0,frag=no)
in_port(0),$eth,$v6,proto=6,tclass=0/0,hlimit=64,frag=no),tcp(src=1,dst=80),tcp_flags(0x12)
in_port(0),$eth,$v6,proto=17,tclass=0x10,hlimit=64/0,frag=no),udp(src=1,dst=2)
in_port(0),$eth,$v6,proto=58,tclass=0/0,hlimit=255,frag=no),icmpv6(type=128,code=0)
in_port(0),$eth,$v6,proto=58,tclass=0/0,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=2001:db8::2,sll=02:00:00:00:00:03)
in_port(0),$eth,$v6,proto=58,tclass=0/0,hlimit=255,frag=no),icmpv6(type=136,code=0),nd(target=2001:db8::2,tll=02:00:00:00:00:04)
in_port(0),$eth,$v6,proto=17,tclass=0/0,hlimit=1,frag=later)
in_port(0),$eth,eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2/255.255.255.0,op=1,sha=02:00:00:00:00:01,tha=00:00:00:00:00:00)
in_port(0),$eth,eth_type(0x8035),arp(sip=10.0.0.1,tip=10.0.0.2,op=3,sha=02:00:00:00:00:01,tha=00:00:00:00:00:00)
in_port(0),$eth,eth_type(0x8847),mpls(label=100,tc=0,ttl=64,bos=1)
in_port(0),$eth,eth_type(0x8847),mpls(label=101/0xfffff,tc=0/0,ttl=64/0,bos=0)
in_port(0),$eth,eth_type(0x8100),vlan(vid=5,pcp=3),encap($v4,proto=6,tos=0,ttl=1,frag=no),tcp(src=1,dst=2),tcp_flags(0x2))
in_port(0),$eth,eth_type(0x8100),vlan(vid=5,pcp=3),encap($v6,proto=17,tclass=0,hlimit=1,frag=no),udp(src=1,dst=2))
in_port(0),$eth,eth_type(0x88a8),vlan(vid=6,pcp=1),encap(eth_type(0x8100),vlan(vid=7,pcp=0),encap($v4,proto=17,tos=0,ttl=2,frag=no),udp(src=1,dst=2)))
in_port(0),$eth,eth_type(0x88cc)
in_port(0),$eth,eth_type(0x1234)
in_port(0),eth(src=02:00:00:00:08:01,dst=02:00:00:00:00:02)
tunnel($tun,flags(-df+csum+key)),in_port(0),$eth,$v4,proto=6,tos=0,ttl=64,frag=no),tcp(src=1,dst=2),tcp_flags(0)
tunnel($tun6,flags(-df+csum+key)),in_port(0),$eth,$v6,proto=6,tclass=0,hlimit=64,frag=no),tcp(src=1,dst=2),tcp_flags(0)
tunnel($tun,geneve({class=0x102,type=0x80,len=4,0xa/0xff}{class=0x103,type=0x1,len=8,0x0102030405060708}),flags(-df-csum+key)),in_port(0),$eth,$v4,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)
tunnel($tun6,geneve({class=0x102,type=0x80,len=4,0xb}),flags(-df-csum+key)),in_port(0),$eth,eth_type(0x0806),arp(sip=10.9.9.9,tip=10.9.9.8,op=1,sha=02:00:00:00:00:01,tha=00:00:00:00:00:00)
tunnel($tun,vxlan(gbp(id=10,flags=8)),flags(-df-csum+key)),in_port(0),$eth,$v4,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=3)
tunnel($tun,erspan(ver=1,idx=0x1),flags(-df-csum+key)),in_port(0),$eth,$v4,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=4)
tunnel($tun,tp_src=1,tp_dst=4789,flags(+df-csum+key)),in_port(0),$eth,$v4,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=5)
ct_state(+trk+est-new),ct_zone(5),ct_mark(0x1/0xf),ct_label(0x123456789abcdef0/0xffffffffffffffff),in_port(0),$eth,$v4,proto=6,tos=0,ttl=64,frag=no),tcp(src=3,dst=4),tcp_flags(0)
ct_state(+trk+est),ct_zone(5),ct_tuple4(src=10.0.0.7,dst=10.1.2.3,proto=17,tp_src=1/0,tp_dst=2),in_port(0),$eth,$v4,proto=17,tos=0,ttl=64,frag=no),udp(src=3,dst=4)
ct_state(+trk+est),ct_zone(5),ct_tuple6(src=2001:db8::7,dst=2001:db8::1,proto=6,tp_src=1,tp_dst=2),in_port(0),$eth,$v6,proto=6,tclass=0,hlimit=64,frag=no),tcp(src=3,dst=4),tcp_flags(0)
recirc_id(0x5),dp_hash(0x3/0xf),in_port(0),$eth,$v4,proto=6,tos=0,ttl=64,frag=no),tcp(src=5,dst=6),tcp_flags(0)
skb_priority(0x7),skb_mark(0x9/0xff),in_port(0),$eth,$v4,proto=6,tos=0,ttl=64,frag=no),tcp(src=7,dst=8),tcp_flags(0)
packet_type(ns=1,id=0x800),in_port(0),$v4,proto=6,tos=0,ttl=64,frag=no),tcp(src=9,dst=10),tcp_flags(0)
END
}

# Every flow once with a UFID; some, on other keys, without.
i=0
flows > "$tmp/flows"
while read -r flow; do
    i=$((i + 1))
    ufid=$(printf '00000000-0000-0000-0000-%012x' $i)
    if ! ovs-dpctl add-flow dp0 "ufid:$ufid,$flow" 0 2>"$tmp/err"; then
        bad "add $flow: $(cat "$tmp/err")"
    fi
done < "$tmp/flows"
match-cache dp0 add mpls 0 5 >/dev/null || bad "add mpls"
match-cache dp0 add nsh 0 5 >/dev/null || bad "add nsh"
n_ufid=$((i + 10))
n_text=$i
grep -v 'ct_tuple\|packet_type\|skb_mark' "$tmp/flows" |
    sed 's/02:00:00:00:0/02:00:00:01:0/g; s/in_port(0)/skb_mark(0xff),&/' |
while read -r flow; do
    ovs-dpctl add-flow dp0 "$flow" 0 2>"$tmp/err" ||
        echo "without UFID: $(cat "$tmp/err")"
done > "$tmp/no-ufid"
check "flows without UFID" [ ! -s "$tmp/no-ufid" ]
cat "$tmp/no-ufid"
dump > "$tmp/off"
n=$(wc -l < "$tmp/off")
check "$n flows, $n_ufid with UFID" [ "$n" -gt $((n_ufid + 25)) ]
match-cache dp0 no-mask | sort > "$tmp/no-mask-off"
match-cache dp0 terse print | sort > "$tmp/terse-off"
seq 1 $n_text | while read -r i; do printf '%032x\n' "$i"; done > "$tmp/ufids"
match-cache dp0 get-flows < "$tmp/ufids" > "$tmp/get-off"

## Every dump has the same bytes, whatever the policy.

check "policy is off at first" counter_is policy 0
check "nothing is kept when off" counter_is bytes 0
check "nothing is counted when off" counter_is misses 0

set_cache $lazy
for i in 1 2 3; do
    dump > "$tmp/lazy$i"
    check "lazy, dump $i" same "$tmp/off" "$tmp/lazy$i"
    case $i in 1) want=0 ;; *) want=$n_ufid ;; esac
    check "lazy, dump $i: $want entries" equal "$(counter entries)" $want
done
check "lazy: hits of the third dump" equal "$(counter hits)" "$n_ufid"
set_cache $off
check "off drops all" equal "$(counter entries) $(counter bytes)" "0 0"

set_cache $eager
for i in 1 2 3; do
    dump > "$tmp/eager$i"
    check "eager, dump $i" same "$tmp/off" "$tmp/eager$i"
    check "eager, dump $i: entries" equal "$(counter entries)" "$n_ufid"
done
check "eager: hits" equal "$(counter hits)" $((n_ufid * 3))
match-cache dp0 get-flows < "$tmp/ufids" > "$tmp/get-eager"
check "single flows" same "$tmp/get-off" "$tmp/get-eager"
match-cache dp0 no-mask | sort > "$tmp/no-mask-eager"
check "dumps without masks" same "$tmp/no-mask-off" "$tmp/no-mask-eager"
match-cache dp0 terse print | sort > "$tmp/terse-eager"
check "terse dumps" same "$tmp/terse-off" "$tmp/terse-eager"
ovs-dpctl dump-flows -m dp0 2>"$tmp/err" | sort > "$tmp/text-eager"
set_cache $off
ovs-dpctl dump-flows -m dp0 2>"$tmp/err" | sort > "$tmp/text-off"
check "ovs-dpctl dump-flows -m" same "$tmp/text-off" "$tmp/text-eager"

# The front of a key and the mask are shared, so that a flow takes little.
match-cache dp0 add v4 0 200 >/dev/null
match-cache dp0 add v6 0 200 >/dev/null
match-cache dp0 add tunnel6 0 200 >/dev/null
set_cache $eager
dump >/dev/null
bytes=$(counter bytes)
match-cache dp0 del v4 0 200 >/dev/null
until_true counter_is entries $((n_ufid + 400))
v4=$(( (bytes - $(counter bytes)) / 200 ))
check "an IPv4 flow takes $v4 bytes" [ $v4 -gt 0 -a $v4 -le 100 ]
bytes=$(counter bytes)
match-cache dp0 del v6 0 200 >/dev/null
until_true counter_is entries $((n_ufid + 200))
v6=$(( (bytes - $(counter bytes)) / 200 ))
check "an IPv6 flow takes $v6 bytes" [ $v6 -gt 0 -a $v6 -le 200 ]

# A front that no other flow has is the flow's own, thus not twice the size.
bytes=$(counter bytes)
match-cache dp0 del tunnel6 0 200 >/dev/null
until_true counter_is entries "$n_ufid"
tunnel6=$(( (bytes - $(counter bytes)) / 200 ))
check "a flow in a tunnel of its own takes $tunnel6 bytes" [ $tunnel6 -gt 0 -a $tunnel6 -le 256 ]

## Modified flows.

ufid=00000000-0000-0000-0000-000000000001
flow=$(head -n 1 "$tmp/flows")
ovs-dpctl mod-flow dp0 "ufid:$ufid,$flow" 0,0,0 || bad "mod-flow"
dump > "$tmp/modified-cached"
check "a modification shows" [ "$(cat "$tmp/modified-cached")" != "$(cat "$tmp/off")" ]
set_cache $off
dump > "$tmp/modified-off"
check "modified flow" same "$tmp/modified-off" "$tmp/modified-cached"
ovs-dpctl del-flow dp0 "ufid:$ufid" 2>/dev/null || bad "del-flow"
ovs-dpctl add-flow dp0 "ufid:$ufid,$(sed -n 1p "$tmp/flows" | sed s/dst=80/dst=81/)" 0 || bad "add-flow"
set_cache $eager
dump >/dev/null
dump > "$tmp/again-cached"
set_cache $off
dump > "$tmp/again-off"
check "the UFID of a deleted flow with another key" \
    same "$tmp/again-off" "$tmp/again-cached"

## The limit.

set_cache $eager 3:8:3000
dump > "$tmp/capped"
check "same bytes at the limit" same "$tmp/again-off" "$tmp/capped"
check "some entries at the limit" [ "$(counter entries)" -gt 3 ]
check "not all at the limit" [ "$(counter entries)" -lt "$n_ufid" ]
check "limit is kept" [ "$(counter bytes)" -le 3000 ]
set_cache 3:8:1000000
dump >/dev/null
check "all entries below the limit" counter_is entries "$n_ufid"
set_cache 3:8:2000
check "a lower limit drops" [ "$(counter bytes)" -le 2000 ]
check "a lower limit drops no more than it must" [ "$(counter bytes)" -gt 0 ]
set_cache 3:8:0
dump > "$tmp/capped"
check "limit 0 keeps nothing" counter_is bytes 0
check "same bytes at limit 0" same "$tmp/again-off" "$tmp/capped"
check "no allocation failed" counter_is failures 0
set_cache 3:8:67108864

## Age.

dump >/dev/null
evicted=$(counter evictions)
dump >/dev/null
for i in $(seq 16); do match-cache dp0 terse; done
check "16 rounds do not age" counter_is entries "$n_ufid"
match-cache dp0 no-mask >/dev/null
check "17 do" counter_is bytes 0
check "evictions are counted" equal $(($(counter evictions) - evicted)) "$n_ufid"
dump >/dev/null
for i in $(seq 20); do match-cache dp0 terse; dump >/dev/null; done
check "dumps that use entries keep them" counter_is entries "$n_ufid"

## Bad requests.

# refused NAME ERROR ATTR ARGUMENT...
before=$(match-cache dp0 get)
refused () {
    name=$1 error=$2 attr=$3
    shift 3
    out=$(match-cache "$@")
    case $out in
        "error=$error attr=$attr "*) ok "$name: $out" ;;
        *) bad "$name: $out, not error=$error attr=$attr" ;;
    esac
}
refused "policy 3" -34 2 dp0 set 2:4:3 3:8:5
refused "policy -1" -34 2 dp0 set 2:4:-1
refused "policy of 1 byte" -22 2 dp0 set 2:1:1
refused "policy of 8 bytes" -22 2 dp0 set 2:8:1
refused "limit of 4 bytes" -22 3 dp0 set 2:4:0 3:4:1
refused "hits" -22 4 dp0 set 4:8:1
refused "padding" -22 1 dp0 set 1:0:0
refused "unknown attribute" -22 77 dp0 set 77:4:1
refused "get with an attribute" -22 2 dp0 command 2 2:4:1
refused "unknown command" -95 0 dp0 command 9
refused "no such datapath" -19 0 9999 set $off
refused "not a datapath" -19 0 lo set $off
refused "datapath 0" -19 0 0 set $off
check "bad requests change nothing" equal "$before" "$(match-cache dp0 get)"
if unshare -U -r true 2>/dev/null; then
    out=$(unshare -U -r match-cache dp0 set $off)
    case $out in
        "error=-1 "*) ok "SET wants CAP_NET_ADMIN" ;;
        *) bad "SET without CAP_NET_ADMIN: $out" ;;
    esac
    check "GET does not" equal "$before" "$(unshare -U -r match-cache dp0 get)"
else
    echo "skip no user namespaces"
fi

## Several datapaths and namespaces.

ip netns add other
ip netns exec other ovs-dpctl add-dp dp1 2>/dev/null || bad "dp1"
ovs-dpctl add-dp dp2 2>/dev/null || bad "dp2"
check "all datapaths of a namespace" equal "$(match-cache 0 get-all | wc -l)" 2
check "of another" equal \
    "$(ip netns exec other match-cache 0 get-all | wc -l)" 1
check "one of them" equal "$(match-cache dp2 get-all | wc -l)" 1
check "caches are a datapath's own" equal "$(counter policy dp2)" 0
ip netns exec other sh -c '
    match-cache dp1 add v4 0 500; match-cache dp1 set 2:4:2
    match-cache dp1 dump' > /dev/null
check "entries in a namespace" equal "$(ip netns exec other match-cache dp1 get |
    sed 's/.*entries=\([0-9]*\).*/\1/')" 500
ip netns del other
check "namespace deleted with its cache" until_true \
    sh -c '! ip netns list | grep -q other'
match-cache dp2 add v6 0 500 >/dev/null
match-cache dp2 set $eager >/dev/null
match-cache dp2 dump >/dev/null
ovs-dpctl del-dp dp2 2>/dev/null
check "datapath deleted with its cache" [ ! -e /sys/class/net/dp2 ]

## Flows that come and go under dumps.

set_cache $eager
dump | stable > "$tmp/before"
match-cache dp0 get-flows < "$tmp/ufids" > "$tmp/get-before"
for k in v4-churn v6-churn tunnel-churn; do
    match-cache dp0 churn $k 1000000 "${CHURN:-60}" > "$tmp/$k" &
done
{ while [ ! -e "$tmp/stop" ]; do
    for p in $off $lazy $eager; do
        set_cache $p 3:8:$((20000 + 20000 * $(counter entries) % 70000))
        sleep 0.2
    done
done; } &
toggler=$!
{ while [ ! -e "$tmp/stop" ]; do match-cache dp0 terse; done; } &
terse=$!
{ while [ ! -e "$tmp/stop" ]; do
    match-cache dp0 get-flows < "$tmp/ufids" > "$tmp/get-during"
    same "$tmp/get-before" "$tmp/get-during"
done > "$tmp/get-wrong"; } &
getter=$!
# A walk through a table that changes can pass a flow by or see one twice, cache
# or no cache; what it shows of a flow has to be right.
rounds=0 wrong=0 incomplete=0 n_before=$(wc -l < "$tmp/before")
hex=2d636875726e     # "-churn"
while [ "$(jobs -l 2>/dev/null | grep -c churn)" -gt 0 ] || [ $rounds -lt 1 ] ||
      [ ! -s "$tmp/v4-churn" ] || [ ! -s "$tmp/v6-churn" ] ||
      [ ! -s "$tmp/tunnel-churn" ]; do
    dump | grep -v $hex | stable > "$tmp/during"
    awk 'NR == FNR { known[$0] = 1; next } !($0 in known)' \
        "$tmp/before" "$tmp/during" > "$tmp/strange"
    [ ! -s "$tmp/strange" ] || wrong=$((wrong + 1))
    cmp "$tmp/before" "$tmp/during" >/dev/null 2>&1 ||
        incomplete=$((incomplete + 1))
    [ "$(wc -l < "$tmp/during")" -ge $((n_before - 5)) ] ||
        wrong=$((wrong + 1))
    rounds=$((rounds + 1))
done
touch "$tmp/stop"
wait $toggler $terse $getter
check "$rounds dumps ($incomplete with flows missing or twice) while flows changed ($(cat "$tmp"/*-churn | tr '\n' ' '))" \
    [ $wrong = 0 ]
check "single flows meanwhile" [ ! -s "$tmp/get-wrong" ]
head -n 4 "$tmp/get-wrong"
set_cache $off 3:8:67108864
check "off drops all after that" until_true counter_is bytes 0
dump | stable > "$tmp/after"
check "dump after that" same "$tmp/before" "$tmp/after"

## Unloading with a full cache, under requests.

set_cache $eager
match-cache dp0 add v6 0 2000 >/dev/null
dump >/dev/null
rm -f "$tmp/stop"
{ while [ ! -e "$tmp/stop" ]; do match-cache 0 get-all; done; } >/dev/null 2>&1 &
getter=$!
ovs-dpctl del-dp dp0 2>/dev/null
check "rmmod" until_true rmmod openvswitch 2>"$tmp/err"
for i in 1 2 3; do
    modprobe openvswitch
    ovs-dpctl add-dp dp0 2>/dev/null
    match-cache dp0 add v4 0 300 >/dev/null
    set_cache $eager
    dump >/dev/null
    check "entries after reload $i" counter_is entries 300
    ovs-dpctl del-dp dp0 2>/dev/null
    until_true rmmod openvswitch 2>"$tmp/err" || bad "rmmod $i"
done
touch "$tmp/stop"
wait $getter

## ovs-vswitchd.

vswitchd () {
    ovs-vswitchd --detach --no-chdir --pidfile="$OVS_RUNDIR/ovs-vswitchd.pid" \
        --log-file="$OVS_RUNDIR/$1.log" -vconsole:off \
        "unix:$OVS_RUNDIR/db.sock"
}
dp=ovs-system
policy_is () { [ "$(counter policy $dp 2>/dev/null)" = "$1" ]; }
daemon () {
    export OVS_RUNDIR="$tmp/ovs" OVS_LOGDIR="$tmp/ovs" OVS_DBDIR="$tmp/ovs"
    export OVS_SYSCONFDIR="$tmp/ovs"
    mkdir "$tmp/ovs"
    modprobe openvswitch
    ovsdb-tool create "$tmp/ovs/conf.db" \
        "${SCHEMA:-/usr/share/openvswitch/vswitch.ovsschema}"
    ovsdb-server --detach --no-chdir --pidfile="$tmp/ovs/ovsdb-server.pid" \
        --remote="punix:$tmp/ovs/db.sock" --log-file="$tmp/ovs/db.log" \
        -vconsole:off "$tmp/ovs/conf.db"
    ovs-vsctl --no-wait init
    vswitchd first
    ovs-vsctl add-br br0
    check "ovs-vswitchd: lazy unless told otherwise" until_true policy_is 1
    check "64 MB unless told otherwise" \
        equal "$(counter max_bytes $dp)" 67108864
    for p in eager:2 off:0 lazy:1 eager:2 bad:1; do
        ovs-vsctl set Open_vSwitch . "other_config:flow-match-cache=${p%:*}"
        check "ovs-vswitchd: ${p%:*}" until_true policy_is "${p#*:}"
    done
    ovs-vsctl set Open_vSwitch . other_config:flow-match-cache=eager \
        other_config:flow-match-cache-max-mb=3
    check "ovs-vswitchd: 3 MB" until_true sh -c "match-cache $dp get |
        grep -q 'policy=2 max_bytes=3145728 '"
    ovs-vsctl del-br br0
    until_true [ ! -e /sys/class/net/$dp ]
    ovs-vsctl add-br br1
    check "a bridge after the configuration" until_true policy_is 2
    match-cache $dp add v4 0 100 >/dev/null
    ovs-appctl exit
    until_true [ ! -e "$OVS_RUNDIR/ovs-vswitchd.pid" ]
    check "the configuration stays without ovs-vswitchd" policy_is 2
    ovs-vsctl --no-wait set Open_vSwitch . \
        other_config:flow-match-cache=off
    vswitchd second
    check "ovs-vswitchd started anew" until_true policy_is 0
    check "nothing said of no cache" equal \
        "$(cat "$tmp"/ovs/first.log "$tmp"/ovs/second.log |
            grep -c 'no flow match cache')" 0
    ovs-appctl exit --cleanup
    until_true [ ! -e "$OVS_RUNDIR/ovs-vswitchd.pid" ]
    until_true rmmod openvswitch 2>/dev/null || bad "rmmod after daemon"

    # Linux's own module.
    if [ -n "${STOCK:-}" ]; then
        insmod "$STOCK"
        ovs-vsctl --no-wait del-br br1 -- add-br br2
        vswitchd stock
        until_true [ -e /sys/class/net/br2 ]
        ovs-vsctl add-br br3
        ovs-vsctl set Open_vSwitch . other_config:flow-match-cache=eager
        check "Linux's module: said once" equal \
            "$(grep -c 'no flow match cache' "$tmp/ovs/stock.log")" 1
        check "Linux's module: no warning" equal \
            "$(grep 'match.cache' "$tmp/ovs/stock.log" | grep -c WARN)" 0
        ovs-appctl exit --cleanup
        until_true [ ! -e "$OVS_RUNDIR/ovs-vswitchd.pid" ]
        until_true rmmod openvswitch 2>/dev/null || bad "rmmod of Linux's"
    fi
    kill "$(cat "$tmp/ovs/ovsdb-server.pid")"
}
[ "${DAEMON:-yes}" = no ] || daemon

dmesg > "$tmp/dmesg"
check "nothing in the kernel's log" sh -c \
    "! grep -E 'BUG:|WARNING:|Oops|KASAN|UBSAN|list_(add|del)|refcount_t|INFO: |suspicious RCU|circular|unreferenced|ODEBUG|scheduling while' '$tmp/dmesg'"
rm -rf "$tmp"
echo "$failed failed"
[ $failed = 0 ]
