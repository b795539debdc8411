# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# VXLAN tunnels of the kernel datapath that are in VRFs; the other end is
# Linux's own device.
#
# Host NAME-near, 10.3.3.1, is at br-NAME, whose tunnel t-NAME is in VRF NAME.
# The VRF's member u-NAME, 172.31.1.1, leads to host NAME-far, 172.31.1.2, which
# is 10.3.3.2 at the other end of the tunnel.  All VRFs have the same addresses.

work=${work-}
here=${here-}

# shellcheck source=tests/guest/vrf-underlay
. "$here/vrf-underlay"

# What ovs-vswitchd says if Linux refuses a device, and it tries again.
DEVICE_FAILS="(Failed to create|failed to add) t-|$PACKETS_FAIL"

# Puts device $2 of host $1-far, with VNI $3 and address $4, at the other end;
# $5 is the address of ours.
far_device () {
    ip -n "$1-far" link add "$2" address 02:00:00:00:31:02 type vxlan id "$3" \
        remote "${5-172.31.1.1}" dstport 4789
    ip -n "$1-far" link set "$2" mtu 1400 up
    ip -n "$1-far" addr add "$4" dev "$2"
}

# site NAME TABLE VNI [OPTION]...: OPTIONs of t-NAME replace the usual ones.
site () {
    underlay "$1" "$2"
    far_device "$1" tun0 "$3" 10.3.3.2/24
    host "$1-near"
    cable "v-$1" "$1-near" eth0 10.3.3.1/24
    ip -n "$1-near" link set eth0 mtu 1400
    bridge "br-$1" "v-$1"
    ovs-ofctl add-flow "br-$1" actions=NORMAL
    tunnel "$1" "options:key=$3" "${@:4}"
}

tunnel () {                     # tunnel NAME [OPTION]...
    ovs-vsctl add-port "br-$1" "t-$1" -- set interface "t-$1" type=vxlan \
        options:remote_ip=172.31.1.2 options:local_ip=172.31.1.1 \
        "options:vrf=$1" "${@:2}"
}

# Linux's VXLAN devices here, by name, each with the device it is linked to.
devices () {
    ip -o -d link show type vxlan |
        sed -n 's/^[0-9]*: \([^:]*\):.* vxlan .*dev \([^ ]*\) srcport.*/\1 \2/p; t
                s/^[0-9]*: \([^:]*\):.*/\1 -/p' | sort
}

# What the device of a UDP port and a VRF is called.
device () {                     # device PORT VRF [KIND]
    echo "vxlan_$1${3-v}$(cat "/sys/class/net/$2/ifindex")"
}

# The list of VNIs of a device, in a line.
vnis () {                       # vnis DEVICE
    command bridge vni show dev "$1" | tail -n +2 | sed "s/^$1//" | xargs
}

two_sites () {
    ovs_start
    site red 10 10
    site blue 11 11
    equal "$(error_of red)" '[]' "error of t-red"
    equal "$(error_of blue)" '[]' "error of t-blue"
}

same_addresses () {
    local name before
    two_sites
    equal "$(devices)" "$(printf '%s\n' "$(device 4789 red) red" \
        "$(device 4789 blue) blue" | sort)" devices
    equal "$(vnis "$(device 4789 red)")" 10 "VNIs of red"
    equal "$(vnis "$(device 4789 blue)")" 11 "VNIs of blue"
    equal "$(status_of red tunnel_vrf_device)" "$(device 4789 red)" status
    equal "$(status_of red tunnel_egress_vrf)" red status
    apart
    for name in red:a blue:b; do
        reach "${name%:*}-near" 10.3.3.2
        ovs-appctl dpctl/dump-flows |
            grep "tunnel(tun_id=0x${name#*:},src=172.31.1.2"
    done
    ovs-dpctl show | grep "$(device 4789 red) (vxlan"

    # With both keys on both sides, what has the other VRF's reaches no port.
    far_device blue tun1 10 10.4.4.2/24
    ip -n blue-far neigh add 10.4.4.1 lladdr 02:00:00:00:00:01 dev tun1
    background on blue-far tcpdump -l -n -i eth0 -w "$work/sent.pcap" \
        udp dst port 4789
    before="$(received red) $(received blue)"
    # An idle minute may bring a packet by itself: not a hundred.
    on blue-far ping -q -n -c 100 -i 0.02 -W 1 10.4.4.1 || :
    wait_for 20 eval 'on blue-far ip -s link show tun1 | grep -A 1 TX: |
        tail -n 1 | awk "{ exit \$2 < 100 }"'
    set -- $before
    test "$(received red)" -lt $(($1 + 50))
    test "$(received blue)" -lt $(($2 + 50))
    reach red-near 10.3.3.2
    ovs-vsctl del-br br-red
    ovs-vsctl del-br br-blue
    wait_for 20 eval 'test -z "$(devices)"'
}

ipv6_underlay () {
    ovs_start
    underlay red 10
    underlay blue 11
    local name vni=20
    for name in red blue; do
        vni=$((vni + 1))
        far_device "$name" tun0 "$vni" 10.3.3.2/24 fd31::1
        host "$name-near"
        cable "v-$name" "$name-near" eth0 10.3.3.1/24
        ip -n "$name-near" link set eth0 mtu 1400
        bridge "br-$name" "v-$name"
        ovs-ofctl add-flow "br-$name" actions=NORMAL
        ovs-vsctl add-port "br-$name" "t-$name" -- set interface "t-$name" \
            type=vxlan options:remote_ip=fd31::2 options:local_ip=fd31::1 \
            "options:vrf=$name" "options:key=$vni" options:csum=true
    done
    apart
}

conflicts () {
    two_sites
    tolerate "options:vrf=|t-plain: |$PACKETS_FAIL"
    # A VNI in two VRFs; the one that is there stays.
    ovs-vsctl set interface t-blue options:key=10
    barred blue "t-red in VRF red has VNI 10 at UDP port 4789"
    reach red-near 10.3.3.2
    equal "$(vnis "$(device 4789 red)")" 10 "VNIs of red"
    # Not at another port.
    ovs-vsctl set interface t-blue options:dst_port=4790
    works blue
    ovs-vsctl remove interface t-blue options dst_port
    barred blue "t-red in VRF red has VNI 10"
    # Its turn comes once the other one has gone, in one transaction, too.
    ovs-vsctl set interface t-red options:key=12 \
        -- set interface t-blue options:key=11
    works blue
    ovs-vsctl set interface t-red options:key=11 \
        -- set interface t-blue options:key=10
    works red
    works blue
    equal "$(vnis "$(device 4789 red)")" 11 "VNIs of red"
    equal "$(vnis "$(device 4789 blue)")" 10 "VNIs of blue"
    ovs-vsctl del-port t-red
    ovs-vsctl add-port br-red t-red -- set interface t-red type=vxlan \
        options:remote_ip=172.31.1.2 options:vrf=red options:key=10
    barred red "t-blue in VRF blue has VNI 10"
    ovs-vsctl del-port t-blue -- set interface t-red options:key=10
    works red
    reach red-near 10.3.3.2

    # One with any VNI besides; not two, and not with others of its VRF.
    tunnel blue options:key=flow
    works blue
    ovs-vsctl add-port br-blue t-blue2 -- set interface t-blue2 type=vxlan \
        options:remote_ip=172.31.1.3 options:vrf=blue options:key=11
    error_of blue2 | grep -F "t-blue is in VRF blue at UDP port 4789 with key=flow or no key: there, Linux either lists VNIs or takes any"
    ovs-vsctl del-port t-blue2
    ovs-vsctl set interface t-red options:key=flow
    barred red "t-blue is in VRF blue at UDP port 4789 with key=flow or no key, too: Linux has one device for any VNI at a UDP port"

    # One of no VRF is at another port.
    ovs-vsctl add-port br-red t-plain -- set interface t-plain type=vxlan \
        options:remote_ip=172.31.1.2 options:key=99
    error_of plain | grep -F "t-blue is in VRF blue at UDP port 4789: Linux cannot have tunnels of VRFs and of none at one UDP port"
    ovs-vsctl set interface t-plain options:dst_port=4791
    wait_for 20 eval 'test "[]" = "$(error_of plain)"'
    equal "$(devices | grep sys)" "vxlan_sys_4791 -" "device of t-plain"
    ovs-vsctl set interface t-red options:key=1 options:dst_port=4791
    barred red "t-plain is in VRF default at UDP port 4791: Linux cannot"
}

refused () {
    ovs_start
    tolerate 'options:vrf='
    underlay red 10
    bridge br-red
    tunnel red options:key=0x1000000
    barred red "options:vrf=red: key 16777216 is more than the 24 bits of a VNI"
    ovs-vsctl set interface t-red options:key=1 options:vrf=none
    barred red "options:vrf=none: Linux has no VRF device none"
    ovs-vsctl set Open_vSwitch . other_config:vrf-none=table=99
    barred red "Linux has no VRF device none, and for tunnels of the kernel's datapath one that is only configured does not do"
    # What has the name and is no VRF.
    ip link add none type dummy
    barred red "Linux has no VRF device none"
    ip link delete none
    # The tunnel comes with the VRF.
    make_vrf none 12
    works red
    equal "$(devices)" "$(device 4789 none) none" devices
}

# Keys come, change and go, and Linux's list has those that there are.
keys () {
    local i list
    two_sites
    tolerate "$DEVICE_FAILS"
    for i in 1 2 3; do
        ovs-vsctl add-port br-red "t-red$i" -- set interface "t-red$i" \
            type=vxlan "options:remote_ip=172.31.1.1$i" options:vrf=red \
            "options:key=10$i"
    done
    list=$(device 4789 red)
    equal "$(vnis "$list")" "10 101-103" VNIs
    ovs-vsctl set interface t-red2 options:key=202
    wait_for 20 eval 'test "10 101 103 202" = "$(vnis '"$list"')"'
    ovs-vsctl set interface t-red2 options:key=103 -- del-port t-red1
    wait_for 20 eval 'test "10 103" = "$(vnis '"$list"')"'
    # It is that of two; in_key counts.
    ovs-vsctl del-port t-red3
    wait_for 20 eval 'test "10 103" = "$(vnis '"$list"')"'
    ovs-vsctl remove interface t-red2 options key \
        -- set interface t-red2 options:in_key=104 options:out_key=flow
    wait_for 20 eval 'test "10 104" = "$(vnis '"$list"')"'
    ovs-vsctl del-port t-red2
    wait_for 20 eval 'test "10" = "$(vnis '"$list"')"'
    apart
    # A key that both ends change.
    ovs-vsctl set interface t-red options:key=77
    ip -n red-far link delete tun0
    far_device red tun0 77 10.3.3.2/24
    wait_for 20 eval 'test "77" = "$(vnis '"$list"')"'
    reach red-near 10.3.3.2
    # From a list to any VNI and back: another device.
    ovs-vsctl set interface t-red options:key=flow
    ovs-ofctl del-flows br-red
    ovs-ofctl add-flow br-red in_port=v-red,actions=set_tunnel:77,t-red
    ovs-ofctl add-flow br-red in_port=t-red,tun_id=77,actions=v-red
    wait_for 20 eval 'devices | grep "^$(device 4789 red w) red"'
    reach red-near 10.3.3.2
    refuses test -e "/sys/class/net/$list"
    ovs-vsctl set interface t-red options:key=77
    wait_for 20 test -e "/sys/class/net/$list"
    ovs-ofctl del-flows br-red
    ovs-ofctl add-flow br-red actions=NORMAL
    apart
    ovs-vsctl del-port t-blue
    wait_for 20 eval 'test "$(devices)" = "$(device 4789 red) red"'
}

# Tunnels with key=flow have the whole of a UDP port.
any_key () {
    ovs_start
    site red 10 10 options:key=flow
    equal "$(error_of red)" '[]' "error of t-red"
    equal "$(devices)" "$(device 4789 red w) red" devices
    ovs-ofctl del-flows br-red
    ovs-ofctl add-flow br-red in_port=v-red,actions=set_tunnel:10,t-red
    ovs-ofctl add-flow br-red in_port=t-red,tun_id=10,actions=v-red
    reach red-near 10.3.3.2
    transfer red-near red-far 10.3.3.2
}

restart () {                    # restart SIGNAL|exit
    local name pid
    two_sites
    tolerate "$PACKETS_FAIL"
    apart
    pid=$(cat "$work/ovs/ovs-vswitchd.pid")
    if test "$1" = exit; then
        ovs-appctl -t ovs-vswitchd exit
    else
        kill "-$1" "$pid"
    fi
    wait_for 20 eval "! kill -0 $pid"
    # What is configured changes meanwhile.
    ovs-vsctl --no-wait set interface t-red options:key=50
    ip -n red-far link delete tun0
    far_device red tun0 50 10.3.3.2/24
    rm -f "$work/ovs/ovs-vswitchd.pid"
    vswitchd_start
    equal "$(devices)" "$(printf '%s\n' "$(device 4789 red) red" \
        "$(device 4789 blue) blue" | sort)" devices
    for name in red blue; do
        ovs-ofctl add-flow "br-$name" actions=NORMAL
    done
    equal "$(vnis "$(device 4789 red)")" 50 "VNIs of red"
    equal "$(vnis "$(device 4789 blue)")" 11 "VNIs of blue"
    apart
}

# The VRF's device goes and comes back.
vrf_anew () {
    local number old
    two_sites
    # When the name moves, the device of its old VRF may be there for longer
    # than that of the new one needs to ask for the same VNI; it asks again.
    tolerate "$DEVICE_FAILS|cannot be added: File exists"
    apart
    number=$(ovs-vsctl get interface t-red ofport)
    old=$(device 4789 red)
    # The number that the port had in the datapath may be another one's at once.
    ip link add extra type dummy
    ip link delete red
    ovs-vsctl add-port br-blue extra
    wait_for 20 eval "status_of red tunnel_vrf_error |
        grep 'Linux has no VRF device red'"
    equal "$(devices)" "$(device 4789 blue) blue" devices
    equal "$(ovs-vsctl get interface t-red ofport)" "$number" "its number"
    equal "$(error_of red)" '[]' "error of t-red"
    reach blue-near 10.3.3.2
    make_vrf red 10
    member red
    wait_for 20 eval 'devices | grep "^$(device 4789 red) red"'
    test "$(device 4789 red)" != "$old"
    wait_for 20 eval 'status_of red tunnel_vrf_device |
        grep -x "$(device 4789 red)"'
    equal "$(ovs-vsctl get interface t-red ofport)" "$number" "its number"
    equal "$(vnis "$(device 4789 red)")" 10 "VNIs of red"
    ovs-dpctl show | grep extra
    apart
    # Several times, and as fast as possible.
    for _ in 1 2 3 4 5; do
        ip link delete red
        make_vrf red 10
        member red
    done
    wait_for 30 eval 'devices | grep "^$(device 4789 red) red"'
    apart
    # The name moves to another VRF.
    ip link set red down
    ip link set red name green
    make_vrf red 12
    member red
    wait_for 30 eval 'devices | grep "^$(device 4789 red) red"'
    wait_for 30 eval 'test "$(devices | wc -l)" = 2'
    wait_for 30 eval 'test 10 = "$(vnis "$(device 4789 red)")"'
    apart
}

# Another device of Linux has the VNI.
devices_of_others () {
    two_sites
    tolerate "$DEVICE_FAILS|cannot be added: File exists"
    ip link add theirs type vxlan dstport 4789 external vnifilter dev blue \
        udp6zerocsumrx
    command bridge vni add dev theirs vni 60
    ovs-vsctl set interface t-red options:key=60
    wait_for 20 eval "status_of red tunnel_vrf_error | grep 'lacks VNI 60'"
    grep 'VNI 60 cannot be added: File exists, another device of Linux has it' \
        "$work/ovs/ovs-vswitchd.log"
    ip link delete theirs
    wait_for 90 eval 'test 60 = "$(vnis "$(device 4789 red)")"'
    wait_for 20 eval 'status_of red tunnel_vrf_device'
}

# From no VRF to one, and back, at the same UDP port.
moved () {
    ovs_start
    tolerate "$DEVICE_FAILS"
    site red 10 10
    reach red-near 10.3.3.2
    ovs-vsctl remove interface t-red options vrf
    wait_for 90 eval 'test "$(devices)" = "vxlan_sys_4789 -"'
    no_answer red-near 10.3.3.2
    ovs-vsctl set interface t-red options:vrf=red
    wait_for 90 eval 'test "$(devices)" = "$(device 4789 red) red"'
    reach red-near 10.3.3.2
    ovs-vsctl set interface t-red options:dst_port=5000
    wait_for 90 eval 'test "$(devices)" = "$(device 5000 red) red"'
}

# Without options:vrf all is as ever.
no_vrf () {
    ovs_start
    host far
    ip link add under type veth peer name under netns far
    ip addr add 172.31.1.1/24 dev under
    ip link set under up
    ip -n far addr add 172.31.1.2/24 dev under
    ip -n far link set under up
    bridge br0
    ovs-vsctl add-port br0 t0 -- set interface t0 type=vxlan \
        options:remote_ip=172.31.1.2 options:key=flow
    equal "$(ovs-vsctl get interface t0 error)" '[]' "error of t0"
    ovs-dpctl show | grep 'vxlan_sys_4789 (vxlan: packet_type=ptap)'
    ip -o -d link show vxlan_sys_4789 |
        grep -o 'vxlan external.*udp6zerocsumrx' >"$work/attributes"
    equal "$(cat "$work/attributes")" "vxlan external id 0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx udp6zerocsumrx" "attributes"
    refuses eval "ovs-vsctl get interface t0 status | grep vrf"
}

stock_module () {
    stock_module_load
    two_sites
    apart
    ovs_stop
    ovs-dpctl del-dp ovs-system || :
    modules_unload
}

check "the same addresses and UDP port in two VRFs" same_addresses
check "IPv6 as underlay" ipv6_underlay
check "what Linux cannot have together" conflicts
check "what is refused" refused
check "keys come, change and go" keys
check "any key" any_key
check "ovs-vswitchd ends and is started again" restart exit
check "ovs-vswitchd is killed and started again" restart KILL
check "a VRF goes and comes back" vrf_anew
check "a device of others has the VNI" devices_of_others
check "into a VRF and out of it" moved
check "without VRFs" no_vrf
check "the same with Linux's own module" stock_module
