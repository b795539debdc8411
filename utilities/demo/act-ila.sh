# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Variables of ovs-ext-demo.
#
# Act "ila" of ovs-ext-demo: two hosts that know only addresses of identity
# (SIR addresses) talk over an IPv6 network that knows only locations
# (locators); then one of them moves during a transfer.

# shellcheck disable=SC2034  # Read by ovs-ext-demo.
act_ila_title="ILA: addresses that stay when the host moves"
# shellcheck disable=SC2034
act_ila_needs="ping:iputils-ping iperf3:iperf3 tcpdump:tcpdump curl:curl
               ethtool:ethtool python3:python3 sha256sum:coreutils"

ILA_SIR=3333:0:0:1
ILA_H1=$ILA_SIR:2000:0:1:87
ILA_H2=$ILA_SIR:2000:0:1:88
ILA_A=2001:db8:a:0
ILA_B=2001:db8:b:0
ILA_C=2001:db8:c:0

# The underlay: routers that know locators and nothing else.  Both have the
# same link-local address and MAC on the side of the hosts, so that a host
# that moves finds its gateway unchanged.
ila_underlay () {
    local gateway_mac=02:00:5e:00:00:01 ns
    host h1
    host h2
    host r1 1
    host r2 1
    must ip link add core netns r1 type veth peer name core netns r2
    for ns in r1 r2; do
        tx_offload_off "$ns" core
        must ip -n "$ns" link set core addrgenmode none up
    done
    must ip -n r1 addr add fe80::1/64 dev core nodad
    must ip -n r2 addr add fe80::2/64 dev core nodad

    cable h1 h1 eth0
    cable h2 h2 eth0
    cable up1 r1 dn1 "$gateway_mac"
    cable up2 r2 dn2 "$gateway_mac"
    cable up3 r2 dn3 "$gateway_mac"

    ila_host h1 "$ILA_H1" fe80::87
    ila_host h2 "$ILA_H2" fe80::88
    must ip -n r1 addr add fe80::1/64 dev dn1 nodad
    must ip -n r2 addr add fe80::1/64 dev dn2 nodad
    must ip -n r2 addr add fe80::1/64 dev dn3 nodad

    # Locators, and link-local next hops only: no router ever asks for the
    # neighbour of an ILA address.
    must ip -n r1 -6 route add "$ILA_A::/64" via fe80::87 dev dn1
    must ip -n r1 -6 route add "$ILA_B::/64" via fe80::2 dev core
    must ip -n r1 -6 route add "$ILA_C::/64" via fe80::2 dev core
    must ip -n r2 -6 route add "$ILA_A::/64" via fe80::1 dev core
    must ip -n r2 -6 route add "$ILA_B::/64" via fe80::88 dev dn2
    must ip -n r2 -6 route add "$ILA_C::/64" via fe80::88 dev dn3
}

ila_host () {                   # ila_host NS SIR-ADDRESS LINK-LOCAL
    must ip -n "$1" addr add "$2/128" dev eth0 nodad
    must ip -n "$1" addr add "$3/64" dev eth0 nodad
    must ip -n "$1" -6 route add default via fe80::1 dev eth0 src "$2"
}

# No rule knows anything of ILA: ports translate before rules see a packet.
ila_bridges () {
    local br
    run ovs-vsctl add-br br1 -- set bridge br1 datapath_type=netdev \
        -- add-port br1 h1 -- set interface h1 other_config:ila=out other_config:ila-stats=true \
        -- add-port br1 up1 -- set interface up1 other_config:ila=in
    run ovs-vsctl add-br br2 -- set bridge br2 datapath_type=netdev \
        -- add-port br2 h2 -- set interface h2 other_config:ila=out other_config:ila-stats=true \
        -- add-port br2 up2 -- set interface up2 other_config:ila=in
    run ovs-vsctl add-br br3 -- set bridge br3 datapath_type=netdev \
        -- add-port br3 up3 -- set interface up3 other_config:ila=in
    for br in br1 br2 br3; do
        run ovs-ofctl dump-flows "$br" --no-stats
    done
}

# One table for all bridges, because they are one datapath: where each host is,
# and what to make of the locators.
ila_table () {
    local locator
    run ovs-appctl dpctl/ila-add dir=out "ident=${ILA_H1#"$ILA_SIR":}" "match-locator=$ILA_SIR" "locator=$ILA_A" csum-mode=neutral-map
    run ovs-appctl dpctl/ila-add dir=out "ident=${ILA_H2#"$ILA_SIR":}" "match-locator=$ILA_SIR" "locator=$ILA_B" csum-mode=neutral-map
    for locator in "$ILA_A" "$ILA_B" "$ILA_C"; do
        run ovs-appctl dpctl/ila-add dir=in "match-locator=$locator" "locator=$ILA_SIR" csum-mode=neutral-map icmp-inner
    done
}

ila_move () {
    run ovs-vsctl del-port br2 h2 -- add-port br3 h2 -- set interface h2 other_config:ila=out
    run ovs-appctl dpctl/ila-move "from=$ILA_B" "to=$ILA_C" dir=out
}

ila_ping () {                   # ila_ping FROM TO ADDRESS
    local stats
    stats=$(on "$1" ping -6 -q -n -c 5 -i 0.1 -w 10 "$3" |
        sed -n 's/.*, \([0-9]*\) received,.*/\1 of 5/p
                s|^rtt [^=]*= [^/]*/\([^/]*\)/.*|, \1 ms|p' | tr -d '\n')
    check "ping $1 -> $2" "${stats:-no answer}" \
        test "${stats%% *}" = 5
}

# The checksums of the packets in a capture, as tcpdump finds them.
ila_bad_checksums () {
    tcpdump -Z root -n -vv -r "$state/$1.pcap" 2>/dev/null |
        grep -c -E 'incorrect|bad (icmp6|udp) cksum'
}

ila_good_checksums () {
    tcpdump -Z root -n -vv -r "$state/$1.pcap" 2>/dev/null |
        grep -c -E '\(correct\)|sum ok\]'
}

# Destinations in captures, split into locators, SIR and link-local.
ila_check_wire () {             # ila_check_wire WHAT CAPTURE
    local ila sir other
    ila=$(packets "$2" "dst net $ILA_A::/64 or dst net $ILA_B::/64 or dst net $ILA_C::/64")
    sir=$(packets "$2" "dst net $ILA_SIR::/64")
    other=$(packets "$2" "not dst net 2001:db8::/32 and not dst net $ILA_SIR::/64 and not dst net fe80::/10 and not dst net ff02::/16")
    check "on the wire, $1: only locators" \
        "$ila to ILA, $sir to SIR, $other to others" \
        eval "test '$ila' -gt 0 && test '$sir' = 0 && test '$other' = 0"
}

ila_http () {
    local url="http://[$ILA_H1]:8000/blob" got
    must mkdir -p "$state/www"
    must head -c 8M </dev/urandom >"$state/www/blob"
    ila_sum=$(sha256 "$state/www/blob")
    start_on h1 python3 -u -m http.server --bind "$ILA_H1" --directory "$state/www" \
        8000 >"$state/http.out" 2>&1 &
    must wait_for 20 listening h1 8000

    got=$(on h2 curl -g -s -S -m 30 -o "$state/copy" -w '%{time_total}' "$url" 2>&1)
    check "HTTP h1 -> h2, 8 MiB, same SHA-256" "$got s" \
        test "$(sha256 "$state/copy")" = "$ila_sum"
}

ila_iperf () {
    local mbps
    start_on h2 iperf3 -s -1 -B "$ILA_H2" >/dev/null 2>&1 &
    must wait_for 10 listening h2 5201
    mbps=$(on h1 timeout 20 iperf3 -c "$ILA_H2" -t 2 -J 2>"$state/iperf3.out" |
        python3 -c 'import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6))')
    check "TCP throughput h1 -> h2 (iperf3)" "${mbps:-no result} Mbit/s" \
        test "${mbps:-0}" -ge 1
}

ila_copied () {                 # Bytes of the transfer that arrived so far.
    stat -c %s "$state/moved" 2>/dev/null || echo 0
}

ila_copied_more_than () {
    test "$(ila_copied)" -gt "$1"
}

ila_move_during_transfer () {
    local url="http://[$ILA_H1]:8000/blob" size curl at_move after result
    local to_b to_c gap
    size=$(stat -c %s "$state/www/blob")

    # Small receive buffers, or the kernel would hold the rest of the file
    # already when the host moves.
    must on h2 sysctl -q -w net.ipv4.tcp_rmem="4096 65536 65536"
    capture_start move r1 core 128
    start_on h2 curl -g -s -S -m 60 --limit-rate 1M -o "$state/moved" \
        -w '%{http_code} %{size_download} %{num_connects}' "$url" \
        >"$state/curl.out" 2>&1 &
    curl=$!
    must wait_for 20 ila_copied_more_than $((size / 4))

    at_move=$(ila_copied)
    ila_move
    after=$(ila_copied)
    kill -0 "$curl" 2>/dev/null && result=running || result=over
    check "transfer under way when h2 moves to br3" \
        "$((at_move * 100 / size)) % done, then $((after * 100 / size)) %" \
        eval "test $result = running && test $after -lt $size"

    wait "$curl"
    result=$(cat "$state/curl.out")
    check "... completes, same SHA-256, same connection" \
        "HTTP status, bytes, connections: $result" \
        eval "test '$result' = '200 $size 1' &&
              test '$(sha256 "$state/moved")' = '$ila_sum'"
    capture_stop

    to_b=$(packets move "dst net $ILA_B::/64")
    to_c=$(packets move "dst net $ILA_C::/64")
    gap=$(tcpdump -Z root -n -tt -r "$state/move.pcap" \
              "dst net $ILA_B::/64 or dst net $ILA_C::/64" 2>/dev/null |
          awk -v c="> ${ILA_C%:0}:" '
              index($0, c) { printf "%d", ($1 - last) * 1000; exit }
              { last = $1 }')
    check "... its packets go to locator B, then to C" \
        "$to_b, then $to_c; gap ${gap:-?} ms" \
        eval "test '$to_b' -gt 0 && test '$to_c' -gt 1000"
    ila_check_wire "move" move
}

act_ila_run () {
    local n_flows n_wire bad good

    cat <<PICTURE

    h1 ---- br1 ---- r1 ------------- r2 ---- br2 ---- h2
         locator A    (plain IPv6)     |   locator B
                                       +----- br3 -- (h2, later)
                                           locator C
    h1    $ILA_H1        A  $ILA_A::/64
    h2    $ILA_H2        B  $ILA_B::/64
          (SIR addresses, /128 each)         C  $ILA_C::/64

Hosts know SIR addresses only, routers r1 and r2 (Linux) know locators only.
The ports of the bridges (Open vSwitch, userspace datapath) translate in
between, before the bridges look at a packet.
PICTURE
    say "Three bridges in one ovs-vswitchd:"
    ila_underlay
    ovs_start
    ila_bridges
    say "Who is where:"
    ila_table

    say "Traffic between the hosts, captured between r1 and r2:"
    capture_start wire r1 core
    wait_for 10 on h1 ping -6 -q -c 1 -W 1 "$ILA_H2"
    ila_ping h1 h2 "$ILA_H2"
    ila_ping h2 h1 "$ILA_H1"
    ila_http
    n_flows=$(ovs-appctl dpctl/dump-flows | grep -c actions:)
    n_wire=$(ovs-appctl dpctl/dump-flows | grep -c 'dst=2001:db8')
    check "megaflows for all of that" \
        "$n_flows, $n_wire of them for addresses of the wire" \
        eval "test '$n_flows' -gt 0 && test '$n_wire' = 0"
    capture_stop
    ila_check_wire "ping and HTTP" wire
    bad=$(ila_bad_checksums wire)
    good=$(ila_good_checksums wire)
    check "on the wire: checksums valid (tcpdump -vv)" \
        "$good valid, $bad invalid" \
        eval "test '$good' -gt 1000 && test '$bad' = 0"

    capture_start iperf r1 core 128
    ila_iperf
    capture_stop
    ila_check_wire "iperf3" iperf

    say "What the table did:"
    run ovs-appctl dpctl/ila-list -s
    run ovs-appctl dpctl/ila-stats

    say "What happens to a packet from h1 to h2:"
    run ovs-appctl ofproto/trace br1 "in_port=h1,tcp6,dl_dst=02:00:5e:00:00:01,ipv6_src=$ILA_H1,ipv6_dst=$ILA_H2,nw_ttl=64,tcp_dst=80" --ila-ingress

    say "h2 moves from br2 (locator B) to br3 (locator C) during a transfer:"
    ila_move_during_transfer
}
