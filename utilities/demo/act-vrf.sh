# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Variables of ovs-ext-demo.
#
# Act "vrf" of ovs-ext-demo: two tenants with the same addresses, each with a VRF,
# one tunnel each to the same remote address, and a link on the way that takes
# less than the tenants think.

# shellcheck disable=SC2034  # Read by ovs-ext-demo.
act_vrf_title="VRFs: two tenants with the same addresses, and a small link"
# shellcheck disable=SC2034
act_vrf_needs="ping:iputils-ping tracepath:iputils-tracepath curl:curl
               ethtool:ethtool python3:python3 sha256sum:coreutils"

VRF_LOCAL=172.31.1.100
VRF_REMOTE=172.31.1.1
VRF_HOST=10.1.1.2
VRF_FAR=10.1.1.1
VRF_MTU=1300

# The table of each tenant.
declare -A VRF_TABLES=([red]=101 [blue]=102)

# vrf_underlay TENANT: its bridge, with an address in its VRF, and the far end of
# the tunnel, which is Linux's own.
vrf_underlay () {
    local t=$1
    host "far-$t"
    cable "ul-$t" "far-$t" eth0
    must ip -n "far-$t" addr add "$VRF_REMOTE/24" dev eth0
    must ip -n "far-$t" link add t0 type vxlan id 7 remote "$VRF_LOCAL" dstport 4789
    must ip -n "far-$t" addr add "$VRF_FAR/24" dev t0
    run ovs-vsctl add-br "u-$t" -- set bridge "u-$t" datapath_type=netdev -- add-port "u-$t" "ul-$t" -- set interface "u-$t" "other_config:vrf=$t" "mtu_request=$VRF_MTU" -- set Open_vSwitch . "other_config:vrf-$t=table=${VRF_TABLES[$t]}"
    must ip link set "u-$t" up
    run ip addr add "$VRF_LOCAL/24" dev "u-$t" noprefixroute
    run ip route add "${VRF_REMOTE%.*}.0/24" dev "u-$t" table "${VRF_TABLES[$t]}"
    must ip link set "ul-$t" mtu "$VRF_MTU"
    # The far end knows nothing of that, and so TCP does not when it begins.
    must ip -n "far-$t" link set t0 up
}

# vrf_host TENANT: its host, and what connects it to the tunnel.
vrf_host () {
    local t=$1
    host "host-$t"
    cable "h-$t" "host-$t" eth0
    must ip -n "host-$t" addr add "$VRF_HOST/24" dev eth0
    run ovs-vsctl add-port br0 "h-$t" -- add-port br0 "tun-$t" -- set interface "tun-$t" type=vxlan "options:remote_ip=$VRF_REMOTE" "options:local_ip=$VRF_LOCAL" options:key=7 "options:vrf=$t"
    must ovs-ofctl add-flow br0 "in_port=h-$t,actions=output:tun-$t"
    must ovs-ofctl add-flow br0 "in_port=tun-$t,actions=output:h-$t"
}

# vrf_serve TENANT: what only this tenant has.
vrf_serve () {
    local t=$1
    must mkdir -p "$state/www-$t"
    must head -c 3M </dev/urandom >"$state/www-$t/blob"
    start_on "host-$t" python3 -u -m http.server --bind "$VRF_HOST" \
        --directory "$state/www-$t" 8080 >"$state/http.$t.out" 2>&1 &
    must wait_for 20 listening "host-$t" 8080
}

vrf_get () {                    # vrf_get TENANT: as far-TENANT
    on "far-$1" curl -s -m 30 -o "$state/got-$1" "http://$VRF_HOST:8080/blob" &&
        sha256 "$state/got-$1"
}

act_vrf_run () {
    local t sum
    cat <<PICTURE

    host-red  ---- br0 ---- u-red  ---- far-red     $VRF_HOST, tunnel from $VRF_LOCAL
    host-blue ---- br0 ---- u-blue ---- far-blue    to $VRF_REMOTE, $VRF_FAR: the same twice

    What is behind u-red and u-blue takes $VRF_MTU bytes; the hosts have 1500.
PICTURE
    ovs_start
    run ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- set bridge br0 fail_mode=secure
    for t in red blue; do
        vrf_underlay "$t"
        vrf_host "$t"
        vrf_serve "$t"
    done
    say "The tunnels differ in nothing but the VRF:"
    for t in red blue; do
        must wait_for 20 on "host-$t" ping -q -c 1 -W 1 "$VRF_FAR"
    done
    run ovs-appctl vrf/list
    run ovs-appctl tnl/ports/show
    for t in red blue; do
        check "$t: ping through its tunnel" \
            "$(on "host-$t" ping -q -c 5 -i 0.1 -w 10 "$VRF_FAR" | sed -n 's/.*, \([0-9]*\) received.*/\1 of 5/p')" \
            on "host-$t" ping -q -c 1 -W 5 "$VRF_FAR"
    done
    say "Each host sends 3 MiB by TCP:"
    for t in red blue; do
        sum=$(vrf_get "$t")
        check "$t: HTTP over the small link, and it is $t's file" \
            "$(on "host-$t" ip route get "$VRF_FAR" | sed -n 's/.*mtu \([0-9]*\).*/the host learned MTU \1/p')" \
            test "$sum" = "$(sha256 "$state/www-$t/blob")"
    done
    run ip netns exec host-red tracepath -n -m 5 "$VRF_FAR"
    check "tracepath names the MTU of the tunnel" "$((VRF_MTU - 50)) bytes" \
        eval "on host-red tracepath -n -m 5 $VRF_FAR | grep -q 'pmtu $((VRF_MTU - 50))'"
    run ovs-appctl ofproto/trace br0 "in_port=h-red,ip,nw_dst=$VRF_FAR,nw_ttl=64"
}
