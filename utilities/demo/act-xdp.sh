# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Variables of ovs-ext-demo.
#
# Act "xdp" of ovs-ext-demo: an attack, and a download beside it by the same port,
# with the rule against the attack in software and in XDP.

# shellcheck disable=SC2034  # Read by ovs-ext-demo.
act_xdp_title="XDP: drop before a buffer is allocated"
# shellcheck disable=SC2034
act_xdp_needs="curl:curl ethtool:ethtool python3:python3 sha256sum:coreutils"

XDP_SERVER=10.1.2.2
XDP_CLIENT=10.1.2.1
XDP_SECONDS=6

# xdp_port PORT NS IFACE ADDRESS
xdp_port () {
    must ip link add "$1" numrxqueues 1 numtxqueues 1 type veth \
        peer name "$3" numrxqueues 1 numtxqueues 1 netns "$2"
    must ip link set "$1" up
    tx_offload_off "$2" "$3"
    must ip -n "$2" link set "$3" up
    must ip -n "$2" addr add "$4/24" dev "$3"
    run ovs-vsctl add-port br0 "$1" -- set interface "$1" type=afxdp options:n_rxq=1
}

# How many flows that drop are in XDP?
xdp_offloaded () {
    ovs-appctl dpctl/dump-flows -m | grep -c 'dp:xdp, actions:drop'
}

# The attack comes from where the client is.
xdp_attack_start () {
    start_on outside ovs-xdp-gen --sources=65536 --source=198.18.0.0 --seconds=120 e0 \
        >"$state/attack.out" 2>&1 &
    attack=$!
}

xdp_attack_stop () {
    kill "$attack" 2>/dev/null
    wait "$attack"
}

# Downloads for some seconds; prints kB/s.
xdp_download () {
    on outside curl -s -m "$XDP_SECONDS" -o /dev/null -w '%{size_download} %{time_total}\n' \
        "http://$XDP_SERVER:8080/huge" |
        awk '{ printf "%d\n", $1 / ($2 > 0 ? $2 : 1) / 1000 }'
}

xdp_received () {               # By the rule against the attack.
    ovs-ofctl dump-flows br0 udp | sed -n 's/.*n_packets=\([0-9]*\),.*/\1/p'
}

act_xdp_run () {
    local attack quiet software xdp before n n_software
    cat <<PICTURE

    outside ---- p0  br0  p1 ---- inside      AF_XDP ports, userspace datapath
    $XDP_CLIENT                    $XDP_SERVER   65,536 sources attack by p0, too
PICTURE
    if ! command -v ovs-xdp-gen >/dev/null; then
        say "This build is without --enable-xdp-offload: nothing to see."
        return
    fi
    ovs_start
    host outside
    host inside
    run ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- set Open_vSwitch . other_config:hw-offload=true
    xdp_port p0 outside e0 "$XDP_CLIENT"
    xdp_port p1 inside e1 "$XDP_SERVER"
    if ! wait_for 10 on outside ovs-xdp-gen --packets=1 e0; then
        say "This kernel, or its user, does not let XDP send: nothing to see."
        return
    fi
    must mkdir -p "$state/www"
    must head -c 1M </dev/urandom >"$state/www/blob"
    must truncate -s 20G "$state/www/huge"
    start_on inside python3 -u -m http.server --bind "$XDP_SERVER" \
        --directory "$state/www" 8080 >"$state/http.xdp.out" 2>&1 &
    must wait_for 20 listening inside 8080
    run ovs-ofctl add-flow br0 "priority=10,udp,in_port=p0,nw_src=198.18.0.0/15,actions=drop"
    quiet=$(xdp_download)

    say "Attack; the rule is in software:"
    run ovs-appctl xdp/disable
    xdp_attack_start
    must wait_for 30 eval "test \$(xdp_received) -ge 1"
    before=$(xdp_received)
    software=$(xdp_download)
    n_software=$(($(xdp_received) - before))
    say "Attack; the rule is in XDP:"
    run ovs-appctl xdp/enable
    must wait_for 30 eval "test \$(xdp_offloaded) -ge 1"
    before=$(xdp_received)
    xdp=$(xdp_download)
    n=$(($(xdp_received) - before))
    on outside curl -s -m 60 -o "$state/got" "http://$XDP_SERVER:8080/blob"
    ovs-appctl dpctl/dump-flows -m | grep -m 1 'dp:xdp, actions:drop' | cut -c 1-200
    run ovs-appctl xdp/show
    xdp_attack_stop
    check "download, no attack" "$quiet kB/s" test "$quiet" -gt 0
    check "... while attacked, drop in software" \
        "$software kB/s, $((n_software / XDP_SECONDS / 1000)) kpps dropped" \
        test "$n_software" -gt 0
    check "... while attacked, drop in XDP" \
        "$xdp kB/s, $((n / XDP_SECONDS / 1000)) kpps dropped" \
        eval "test '$xdp' -gt 0 && test '$n' -gt 100000"
    check "... and a file of 1 MiB" "same SHA-256" \
        test "$(sha256 "$state/got")" = "$(sha256 "$state/www/blob")"
}
