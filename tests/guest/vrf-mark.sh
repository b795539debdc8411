# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Geneve and GRE tunnels of the kernel datapath that are in VRFs, by marks; the
# other end is Linux's own device.
#
# Host NAME-near, 10.3.3.1, is at br-NAME, whose tunnel t-NAME is in VRF NAME.
# The VRF's member u-NAME, 172.31.1.1, leads to host NAME-far, which is 10.3.3.2
# at the other end of the tunnel.  All VRFs have the same addresses of ours.

work=${work-}
here=${here-}

# shellcheck source=tests/guest/vrf-underlay
. "$here/vrf-underlay"

# far_device TYPE NAME N KEY [OURS]: tun0 of host NAME-far, which is 172.31.1.N.
far_device () {
    local how=(type geneve id "$4")
    test "$1" != gre || how=(type gretap local "172.31.1.$3" key "$4")
    ip -n "$2-far" link add tun0 address 02:00:00:00:31:02 "${how[@]}" \
        remote "${5-172.31.1.1}"
    ip -n "$2-far" link set tun0 mtu 1400 up
    ip -n "$2-far" addr add 10.3.3.2/24 dev tun0
}

# tunnel TYPE NAME N KEY [OPTION]...
tunnel () {
    ovs-vsctl add-port "br-$2" "t-$2" -- set interface "t-$2" "type=$1" \
        "options:remote_ip=172.31.1.$3" options:local_ip=172.31.1.1 \
        "options:vrf=$2" "options:key=$4" "${@:5}"
}

# near NAME: a host and a bridge.
near () {
    host "$1-near"
    cable "v-$1" "$1-near" eth0 10.3.3.1/24
    ip -n "$1-near" link set eth0 mtu 1400
    bridge "br-$1" "v-$1"
    ovs-ofctl add-flow "br-$1" actions=NORMAL
}

site () {                       # site TYPE NAME TABLE N KEY
    underlay "$2" "$3" "$4"
    far_device "$1" "$2" "$4" "$5"
    near "$2"
    tunnel "$1" "$2" "$4" "$5"
}

accept () {                     # accept 0|1: what Geneve needs to receive.
    sysctl -q -w "net.ipv4.udp_l3mdev_accept=$1"
}

begin () {                      # begin 0|1
    ovs_start
    accept "$1"
    tolerate "$PACKETS_FAIL"
}

# Our rules of a family, -4 or -6, each with its mark, what it does and the
# table, in a line.
rules () {
    ip "$1" rule show |
        sed -n 's/^\(99[89]\):.*fwmark \([0-9a-fx/]*\) \(.*\) proto 118 *$/\1 \2 \3/p'
}

mark_of () {                    # mark_of N: that of the N-th VRF.
    echo "0x${1}000000/0x7f000000"
}

# wanted_rules N:TABLE...: those of VRFs with these numbers; TABLE may be
# empty.
wanted_rules () {
    local vrf
    for vrf; do
        test -z "${vrf#*:}" || echo "998 $(mark_of "${vrf%:*}") lookup ${vrf#*:}"
    done | sort
    for vrf; do
        echo "999 $(mark_of "${vrf%:*}") unreachable"
    done | sort
}

have_rules () {                 # The same; are they all that there are?
    local family
    for family in -4 -6; do
        test "$(rules "$family" | sort)" = "$(wanted_rules "$@" | sort)" ||
            return
    done
}

check_rules () {
    wait_for 20 have_rules "$@" && return
    ip -4 rule show
    ip -6 rule show
    wanted_rules "$@"
    return 1
}

two_sites () {                  # two_sites TYPE: they differ in their keys.
    begin 1
    site "$1" red 10 2 10
    site "$1" blue 11 2 11
    equal "$(error_of red)" '[]' "error of t-red"
    equal "$(error_of blue)" '[]' "error of t-blue"
}

same_addresses () {             # same_addresses TYPE
    two_sites "$1"
    check_rules 1:10 2:11
    equal "$(status_of red tunnel_vrf_mark)" "\"$(mark_of 1)\"" "mark of red"
    equal "$(status_of blue tunnel_vrf_mark)" "\"$(mark_of 2)\"" "mark of blue"
    equal "$(status_of red tunnel_egress_vrf)" red status
    wait_for 20 eval 'test u-red = "$(status_of red tunnel_egress_iface)"'
    wait_for 20 eval 'test u-blue = "$(status_of blue tunnel_egress_iface)"'
    apart
    reach red-near 10.3.3.2
    ovs-appctl dpctl/dump-flows | grep "set(skb_mark($(mark_of 1)))"
    ovs-dpctl show | grep -E "(genev_sys_6081|gre_sys) \($1"
    # Nobody else deletes our rules for long.
    ip -4 rule delete pref 998 fwmark "$(mark_of 1)"
    ip -6 rule delete pref 999 fwmark "$(mark_of 2)"
    check_rules 1:10 2:11
    reach red-near 10.3.3.2
    ovs-vsctl del-br br-red
    check_rules 2:11
    ovs-vsctl del-port t-blue
    check_rules
}

other_remotes () {              # other_remotes TYPE: the same keys.
    begin 1
    site "$1" red 10 2 7
    site "$1" blue 11 3 7
    apart
    # Only the key or the address says which one it is for.
    ovs-vsctl set interface t-red options:key=flow
    ovs-ofctl add-flow br-red priority=40000,in_port=v-red,actions=set_tunnel:7,NORMAL
    wait_for 20 eval "test '[]' = \"\$(error_of red)\""
    apart
}

ipv6_underlay () {
    local name n=1
    begin 1
    for name in red blue; do
        n=$((n + 1))
        underlay "$name" "$((n + 8))" "$n"
        far_device geneve "$name" "$n" 5 fd31::1
        near "$name"
        tunnel geneve "$name" 2 5 "options:remote_ip=fd31::$n" \
            options:local_ip=fd31::1 options:csum=true
    done
    apart
}

# What has no way in the VRF goes by no other one.
stays () {                      # stays TYPE
    local before now
    begin 1
    site "$1" red 10 2 10
    reach red-near 10.3.3.2
    host world
    cable w world eth0 172.31.9.2/24
    ip addr add 172.31.9.1/24 dev w
    ip route add default via 172.31.9.2
    reach world 172.31.9.1
    ip link set u-red down
    before=$(cat /sys/class/net/w/statistics/tx_packets)
    no_answer red-near 10.3.3.2
    refuses on red-near ping -q -n -c 30 -i 0.05 -W 1 10.3.3.2
    # The VRF goes, too.
    tolerate "$PACKETS_FAIL|VRF red: Linux has no VRF device red"
    ip link delete red
    check_rules 1:
    refuses on red-near ping -q -n -c 30 -i 0.05 -W 1 10.3.3.2
    now=$(cat /sys/class/net/w/statistics/tx_packets)
    test "$now" -le $((before + 5))
    # That is how one would see it.
    ovs-vsctl remove interface t-red options vrf local_ip
    wait_for 20 eval 'on red-near ping -q -n -c 9 -i 0.05 -W 1 10.3.3.2
        test "$(cat /sys/class/net/w/statistics/tx_packets)" -gt $((now + 5))'
}

# Of the mark our bits change, on the way to the tunnel alone.
other_bits () {
    begin 1
    site geneve red 10 2 10
    ovs-ofctl del-flows br-red
    ovs-ofctl add-flow br-red "in_port=v-red,actions=set_field:0x42->pkt_mark,t-red,LOCAL"
    ovs-ofctl add-flow br-red in_port=t-red,actions=v-red
    ovs-appctl ofproto/trace br-red in_port=v-red,pkt_mark=0x1 |
        tee "$work/trace"
    grep -F 'skb_mark(0x1000042)' "$work/trace"
    grep -E "skb_mark\(0x1000042\)\),[0-9]+,set\(skb_mark\(0x42" "$work/trace"
    ovs-ofctl add-flow br-red "in_port=v-red,actions=t-red,LOCAL"
    ovs-appctl ofproto/trace br-red in_port=v-red,pkt_mark=0x1000009 |
        tee "$work/trace"
    grep 'Megaflow:.*pkt_mark=0x1000000/0x7f000000' "$work/trace"
    refuses grep skb_mark "$work/trace" # It has it already.
    ovs-appctl ofproto/trace br-red in_port=v-red,pkt_mark=0x9 |
        tee "$work/trace"
    grep -F "set(skb_mark($(mark_of 1)))" "$work/trace"
    grep -F "set(skb_mark(0/0x7f000000))" "$work/trace"
    ovs-vsctl set interface t-red options:egress_pkt_mark=51
    ovs-appctl ofproto/trace br-red in_port=v-red | tee "$work/trace"
    grep -F 'skb_mark(0x1000033)' "$work/trace"
    reach red-near 10.3.3.2
}

conflicts () {
    two_sites geneve
    tolerate "$PACKETS_FAIL|options:vrf=|t-plain: "
    ovs-vsctl set interface t-blue options:key=10
    barred blue "options:vrf=blue: t-red in VRF red has remote_ip=172.31.1.2, local_ip=172.31.1.1, key=10, dst_port=6081: packets that are received could be for both, as Linux does not tell from which VRF they are"
    reach red-near 10.3.3.2
    check_rules 1:10
    ovs-vsctl set interface t-blue options:remote_ip=172.31.1.9
    works blue
    ovs-vsctl set interface t-blue options:remote_ip=172.31.1.2
    barred blue "t-red in VRF red has remote_ip=172.31.1.2"
    ovs-vsctl set interface t-blue options:dst_port=6082
    works blue
    ovs-vsctl remove interface t-blue options dst_port
    barred blue "t-red in VRF red has"
    ovs-vsctl set interface t-blue options:key=flow
    barred blue "t-red in VRF red has"
    # Its turn comes.
    ovs-vsctl del-port t-red -- set interface t-blue options:key=11
    works blue
    reach blue-near 10.3.3.2
    tunnel geneve red 2 flow
    barred red "t-blue in VRF blue has remote_ip=172.31.1.2, local_ip=172.31.1.1, key=11"
    ovs-vsctl del-port t-blue
    works red
    # One that is in no VRF.
    ovs-vsctl add-port br-blue t-plain -- set interface t-plain type=geneve \
        options:remote_ip=172.31.1.2 options:key=10
    error_of plain | grep -F "t-red in VRF red has remote_ip=172.31.1.2, local_ip=172.31.1.1, key=any"
    ovs-vsctl del-port t-red
    wait_for 20 eval "test '[]' = \"\$(error_of plain)\""
    tunnel geneve red 2 10
    barred red "t-plain in VRF default has remote_ip=172.31.1.2, local_ip=any, key=10"
    # Another type has nothing to do with it.
    ovs-vsctl set interface t-red type=gre
    works red
}

logged () {                     # logged TEXT
    grep -F "$1" "$work/ovs/ovs-vswitchd.log"
}

refused () {
    begin 1
    tolerate "$PACKETS_FAIL|options:vrf=|vrf-mark-mask"
    underlay red 10
    bridge br-red
    tunnel geneve red 2 1 options:vrf=none
    barred red "options:vrf=none: Linux has no VRF device none"
    ovs-vsctl set interface t-red type=gtpu options:vrf=red
    barred red "options:vrf=red: Linux's tunnels of type gtpu cannot be put into a VRF; those of types vxlan, geneve and gre can"
    ovs-vsctl set interface t-red type=geneve
    works red
    ovs-vsctl set interface t-red options:vrf=flow
    barred red "options:vrf=flow: each of Linux's tunnel devices is in one VRF; a bridge with datapath_type=netdev can have a tunnel in all of them"
    ovs-vsctl set interface t-red options:vrf=red
    works red
    check_rules 1:10
    # Bad masks change nothing.
    ovs-vsctl set open_vswitch . other_config:vrf-mark-mask=0x505
    wait_for 20 logged 'other_config:vrf-mark-mask=0x505: the value must be a mask of adjacent bits'
    check_rules 1:10
    # Good ones do.
    ovs-vsctl set open_vswitch . other_config:vrf-mark-mask=0x80
    wait_for 20 eval "rules -4 | grep '998 0x80/0x80 lookup 10'"
    wait_for 20 eval "test \"\$(rules -4 | wc -l)\" = 2"
    equal "$(status_of red tunnel_vrf_mark)" '"0x80/0x80"' status
    make_vrf blue 11
    bridge br-blue
    tunnel geneve blue 3 1
    barred blue "options:vrf=blue: other_config:vrf-mark-mask 0x80 of Open_vSwitch has room for 1 VRFs, and so many have such tunnels already"
    # In one go.
    ovs-vsctl del-port t-red
    works blue
    wait_for 20 eval "rules -4 | grep '998 0x80/0x80 lookup 11'"
    ovs-vsctl remove open_vswitch . other_config vrf-mark-mask
    check_rules 1:11
}

# Linux drops what comes for a socket that is bound to no VRF.
not_accepted () {
    begin 0
    tolerate "$PACKETS_FAIL|udp_l3mdev_accept"
    site geneve red 10 2 10
    site gre blue 11 2 11
    wait_for 20 eval "status_of red tunnel_vrf_error |
        grep 'net.ipv4.udp_l3mdev_accept is 0: it receives nothing'"
    equal "$(status_of blue tunnel_vrf_error)" "" "error of GRE"
    reach blue-near 10.3.3.2
    refuses on red-near ping -q -n -c 3 -i 0.2 -W 1 10.3.3.2
    accept 1
    wait_for 20 eval "test -z \"\$(status_of red tunnel_vrf_error)\""
    reach red-near 10.3.3.2
    equal "$(logged 'net.ipv4.udp_l3mdev_accept is 0: tunnels of type geneve' |
        wc -l)" 1 "times that it is said"
}

vrf_anew () {                   # vrf_anew TYPE
    two_sites "$1"
    tolerate "$PACKETS_FAIL|Linux has no VRF device red"
    apart
    ip link delete red
    wait_for 20 eval "status_of red tunnel_vrf_error |
        grep 'Linux has no VRF device red'"
    check_rules 1: 2:11
    equal "$(error_of red)" '[]' "error of t-red"
    reach blue-near 10.3.3.2
    # Another table.
    make_vrf red 12
    member red
    check_rules 1:12 2:11
    wait_for 20 eval "test -z \"\$(status_of red tunnel_vrf_error)\""
    apart
    # Several times, and as fast as possible.
    for _ in 1 2 3 4 5; do
        ip link delete red
        make_vrf red 10
        member red
    done
    check_rules 1:10 2:11
    apart
}

restart () {
    local pid
    two_sites geneve
    apart
    check_rules 1:10 2:11
    pid=$(cat "$work/ovs/ovs-vswitchd.pid")
    kill -KILL "$pid"
    wait_for 20 eval "! kill -0 $pid"
    have_rules 1:10 2:11
    rm -f "$work/ovs/ovs-vswitchd.pid"
    vswitchd_start
    ovs-ofctl add-flow br-red actions=NORMAL
    ovs-ofctl add-flow br-blue actions=NORMAL
    check_rules 1:10 2:11
    apart
    # One goes meanwhile: the other one keeps its mark.
    pid=$(cat "$work/ovs/ovs-vswitchd.pid")
    kill -KILL "$pid"
    wait_for 20 eval "! kill -0 $pid"
    rm -f "$work/ovs/ovs-vswitchd.pid"
    ovs-vsctl --no-wait del-port t-red
    vswitchd_start
    check_rules 2:11
    ovs-ofctl add-flow br-blue actions=NORMAL
    reach blue-near 10.3.3.2
    # Without any, too.
    pid=$(cat "$work/ovs/ovs-vswitchd.pid")
    kill -KILL "$pid"
    wait_for 20 eval "! kill -0 $pid"
    rm -f "$work/ovs/ovs-vswitchd.pid"
    ovs-vsctl --no-wait del-port t-blue
    vswitchd_start
    check_rules
    tunnel geneve red 2 10
    check_rules 1:10
    # And none is left.
    ovs_stop
    have_rules
}

# Somebody else has a rule with a mark of ours.
rules_of_others () {
    begin 1
    tolerate "$PACKETS_FAIL|is not ours and has mark"
    ip rule add pref 500 fwmark 0x1000000/0xff000000 lookup 99
    ip rule add pref 501 fwmark 0x5/0xff lookup 99
    site geneve red 10 2 10
    wait_for 20 eval "status_of red tunnel_vrf_error |
        grep -F 'rule \\\"500: from all fwmark 0x1000000/0xff000000 lookup 99\\\" is not ours and has mark 0x1000000/0x7f000000'"
    logged 'VRF red: rule "500: '
    check_rules
    refuses on red-near ping -q -n -c 3 -i 0.2 -W 1 10.3.3.2
    ovs-appctl ofproto/trace br-red in_port=v-red |
        grep 'VRF red has no mark for it now'
    ip rule show | grep '^500:.*fwmark 0x1000000/0xff000000 lookup 99'
    ip rule delete pref 500
    check_rules 1:10
    reach red-near 10.3.3.2
    # It may come later.
    ip -6 rule add pref 5000 fwmark 0x1000000 lookup 99
    wait_for 20 eval "status_of red tunnel_vrf_error | grep '5000: from all'"
    check_rules
    no_answer red-near 10.3.3.2
    ovs-vsctl set open_vswitch . other_config:vrf-mark-mask=0x7f0000
    wait_for 20 eval "rules -6 | grep '998 0x10000/0x7f0000 lookup 10'"
    reach red-near 10.3.3.2
    ip -6 rule delete pref 5000
    ip rule delete pref 501
}

# From no VRF to one, and back.
moved () {
    begin 1
    site geneve red 10 2 10
    reach red-near 10.3.3.2
    ovs-vsctl remove interface t-red options vrf
    no_answer red-near 10.3.3.2
    check_rules
    ovs-vsctl set interface t-red options:vrf=red
    reach red-near 10.3.3.2
    check_rules 1:10
    # The next one has another mark as long as flows may have the old one.
    make_vrf blue 11
    ovs-vsctl set interface t-red options:vrf=blue
    wait_for 20 eval "rules -4 | grep '998 $(mark_of 2) lookup 11'"
    check_rules 2:11
    ovs-vsctl set interface t-red type=vxlan
    works red
    check_rules
    ovs-vsctl set interface t-red type=gre options:vrf=red
    works red
    check_rules 1:10
}

# Without options:vrf all is as ever.
no_vrf () {
    begin 0
    host far
    ip link add under type veth peer name under netns far
    ip addr add 172.31.1.1/24 dev under
    ip link set under up
    ip -n far addr add 172.31.1.2/24 dev under
    ip -n far link set under up
    bridge br0
    ip -4 rule show >"$work/before"
    for type in geneve gre; do
        ovs-vsctl add-port br0 "t-$type" -- set interface "t-$type" \
            "type=$type" options:remote_ip=172.31.1.2 options:key=flow
        equal "$(ovs-vsctl get interface "t-$type" error)" '[]' "error"
        refuses eval "ovs-vsctl get interface t-$type status | grep vrf"
    done
    ovs-ofctl add-flow br0 actions=t-geneve,t-gre
    ovs-appctl ofproto/trace br0 in_port=LOCAL | tee "$work/trace"
    refuses grep mark "$work/trace"
    ip -4 rule show | cmp "$work/before"
}

stock_module () {
    stock_module_load
    two_sites geneve
    apart
    ovs_stop
    ovs-dpctl del-dp ovs-system || :
    modules_unload
}

check "Geneve: the same addresses in two VRFs" same_addresses geneve
check "GRE: the same addresses in two VRFs" same_addresses gre
check "Geneve: the same keys in two VRFs" other_remotes geneve
check "GRE: the same keys in two VRFs" other_remotes gre
check "IPv6 as underlay" ipv6_underlay
check "Geneve: nothing leaves the VRF" stays geneve
check "GRE: nothing leaves the VRF" stays gre
check "other bits of the mark" other_bits
check "what cannot be told apart" conflicts
check "what is refused" refused
check "Linux does not let Geneve receive" not_accepted
check "Geneve: a VRF goes and comes back" vrf_anew geneve
check "GRE: a VRF goes and comes back" vrf_anew gre
check "ovs-vswitchd is killed and started again" restart
check "rules of others have the mark" rules_of_others
check "into a VRF and out of it" moved
check "without VRFs" no_vrf
check "the same with Linux's own module" stock_module
