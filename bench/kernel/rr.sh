#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: rr.sh DESIGN MODE TRANSACTIONS SAMPLES
#
# Runs bench-rr in a guest, between namespaces that it makes the first time.
# A DESIGN that begins with "linux" is Linux's own ILA at the ends, and none in
# the datapath: "linux-xlat" translates by a route on output and by "ip ila" on
# input, "linux-lwt" by routes on both.
#
#        rr.sh user MODE TRANSACTIONS SAMPLES
#
# Likewise by the userspace datapath of an ovs-vswitchd, SAMPLES of each design in
# turn.  Prints {"DESIGN": [NS, ...], ...}.

design=$1 mode=$2
shift 2
declare -A number=([adj-transport]=0 [neutral-map]=1 [no-action]=2
                   [neutral-map-auto]=3)
sir=3333:0:0:1
declare -A locator=([a]=2001:db8:0:a [b]=2001:db8:0:b)
declare -A other=([a]=b [b]=a)
port_name=(- rr-pa rr-u1 rr-u2 rr-pb)

# Prints the options that "ip" wants of a translation to $1.
ila () {
    echo "$1 csum-mode $mode ident-type luid"
}

in_ns () {
    ip -n "rr-$1" "${@:2}"
}

network () {
    ip link add rr-u1 type veth peer name rr-u2 || return
    for end in a b; do
        ip netns add "rr-$end" || return
        ip link add "rr-p$end" type veth peer name rr0 netns "rr-$end"
        ip link set "rr-p$end" up
        in_ns "$end" link set lo up
        in_ns "$end" link set rr0 address "02:00:00:00:00:0$end" up
        in_ns "$end" addr add "$sir:2000:0:0:$end/64" dev rr0 nodad
        in_ns "$end" neigh add "$sir:2000:0:0:${other[$end]}" \
            lladdr "02:00:00:00:00:0${other[$end]}" dev rr0
        in_ns "$end" neigh add fe80::1 \
            lladdr "02:00:00:00:00:0${other[$end]}" dev rr0
    done
    ip link set rr-u1 up
    ip link set rr-u2 up
    for port in "${port_name[@]:1}"; do
        sysctl -q -w "net.ipv6.conf.$port.disable_ipv6=1"
    done
    untracked
}

# Linux's module of Open vSwitch switches connection tracking on in every
# namespace there is.  That of a host which translates itself does not make
# sense of two addresses and gives up early, which is cheaper than what other
# hosts do; so nobody tracks.
untracked () {
    local end
    for end in a b; do
        ip netns exec "rr-$end" nft -f - <<'END' || return
table ip6 raw {
    chain prerouting { type filter hook prerouting priority raw; notrack; }
    chain output { type filter hook output priority raw; notrack; }
}
END
    done
}

# Nobody did, see above.
check_untracked () {
    local end connections
    for end in a b; do
        connections=$(ip netns exec "rr-$end" cat /proc/net/nf_conntrack) ||
            return
        if [ -n "$connections" ]; then
            echo "rr-$end tracks connections: $connections" >&2
            return 1
        fi
    done
}

# Linux's own translation at end $1.
linux_begin () {
    local end=$1 remote=${other[$1]}

    # shellcheck disable=SC2046  # Words.
    in_ns "$end" -6 route add "$sir:2000:0:0:$remote/128" \
        encap ila $(ila "${locator[$remote]}") hook-type output \
        via fe80::1 dev rr0 || return
    case $design in
    linux-xlat)
        # shellcheck disable=SC2046
        in_ns "$end" ila add loc_match "${locator[$end]}" \
            loc $(ila "$sir") ;;
    linux-lwt)
        # shellcheck disable=SC2046
        in_ns "$end" -6 route add local "${locator[$end]}::/64" \
            encap ila $(ila "$sir") hook-type input dev lo ;;
    *)
        false ;;
    esac
}

linux_end () {
    local end=$1 remote=${other[$1]}

    in_ns "$end" -6 route del "$sir:2000:0:0:$remote/128" via fe80::1
    case $design in
    linux-xlat) in_ns "$end" ila del loc_match "${locator[$end]}" ;;
    linux-lwt) in_ns "$end" -6 route del local "${locator[$end]}::/64" ;;
    esac
}

# The userspace datapath.

# Prints the upper half of the destination of packets that come in on port $1,
# as an ILA address if $2 is "ila", else as a SIR address.
destination () {
    case $2,$1 in
    ila,[13]) echo "${locator[b]}" ;;
    ila,[24]) echo "${locator[a]}" ;;
    *) echo "$sir" ;;
    esac
}

# user_port DESIGN NUMBER DIRECTION OUTPUT: its rules, and what it translates.
user_port () {
    local design=$1 port=$2 dir=$3 output=$4
    local before=sir after=sir action='' ingress=off rule
    if [ "$design" != none ]; then
        [ "$dir" = in ] && before=ila || after=ila
    fi
    case $design in
    ingress)
        ingress=$dir before=$after ;;
    action | lookups)
        action="ila(table,dir=$dir)," ;;
    esac
    rule=tcp6,in_port=$port,ipv6_dst
    if [ "$design" = lookups ]; then
        echo "table=1,$rule=$(destination "$port" "$after")::/64,actions=$output"
        output="resubmit(,1)"
    fi
    echo "$rule=$(destination "$port" "$before")::/64,actions=$action$output"
    ovs-vsctl set interface "${port_name[port]}" other_config:ila="$ingress"
}

# Rules and ports of design $1.  What is not meant is counted by cookie 1.
user_design () {
    {
        user_port "$1" 1 out 2 && user_port "$1" 2 in 1 &&
            user_port "$1" 3 in 4 && user_port "$1" 4 out 3 || return
        echo "priority=0,cookie=1,tcp6,actions=drop"
        echo "table=1,priority=0,cookie=1,actions=drop"
    } >/tmp/flows
    ovs-ofctl del-flows br0 && ovs-ofctl add-flows br0 /tmp/flows &&
        ovs-appctl revalidator/purge
}

user_begin () {
    local end i
    export OVS_RUNDIR=/tmp/ovs OVS_LOGDIR=/tmp/ovs OVS_DBDIR=/tmp/ovs
    rm -rf "$OVS_RUNDIR"
    mkdir "$OVS_RUNDIR" || return
    modprobe tun
    for end in a b; do
        # AF_PACKET hands on what a device would have finished as it is.
        ip netns exec "rr-$end" ethtool -K rr0 tx off >/dev/null || return
    done
    ovsdb-tool create "$OVS_DBDIR/conf.db" /guest/vswitch.ovsschema || return
    ovsdb-server -vconsole:off --detach --no-chdir --pidfile \
        --remote=punix:"$OVS_RUNDIR/db.sock" "$OVS_DBDIR/conf.db" || return
    ovs-vsctl --no-wait init
    # What is done now and then would be in some samples and not in others.
    ovs-vsctl --no-wait set Open_vSwitch . other_config:max-revalidator=3600000 \
        other_config:stats-update-interval=3600000
    ovs-vswitchd -vconsole:off --detach --no-chdir --pidfile \
        --disable-system 2>"$OVS_RUNDIR/errors" || return
    ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev \
        fail_mode=secure || return
    # One by one, for the same numbers in the datapath each time: by these it
    # polls them, and how often it does so for a packet depends on the order.
    for i in 1 2 3 4; do
        ovs-vsctl add-port br0 "${port_name[i]}" -- set interface \
            "${port_name[i]}" ofport_request="$i" || return
    done
    for end in a b; do
        ovs-appctl dpctl/ila-add dir=out ident="2000:0:0:$end" \
            match-locator="$sir" locator="${locator[$end]}" \
            csum-mode="$mode" || return
        ovs-appctl dpctl/ila-add dir=in match-locator="${locator[$end]}" \
            locator="$sir" csum-mode="$mode" || return
    done
}

# No packet had a destination that it should not have.
user_check () {
    ovs-appctl revalidator/wait || return
    if ! ovs-ofctl dump-aggregate br0 cookie=1/-1 |
            grep -q ' packet_count=0 '; then
        ovs-ofctl dump-flows br0 >&2
        return 1
    fi
}

user_end () {
    ovs-appctl exit --cleanup
    ovs-appctl -t ovsdb-server exit
    while [ -e "$OVS_RUNDIR/ovs-vswitchd.pid" ] ||
            [ -e "$OVS_RUNDIR/ovsdb-server.pid" ]; do
        sleep 0.1
    done
}

user_samples () {               # user_samples TRANSACTIONS SAMPLES
    local i one line
    local -A ns=()
    for ((i = 0; i < $2; i++)); do
        for one in none ingress action lookups; do
            user_design "$one" >&2 &&
                line=$(/guest/bench-rr given "${number[$mode]}" "$1" 1) &&
                user_check || return
            line=${line#*[} line=${line%]*}
            ns[$one]+=${ns[$one]:+, }$line
        done
    done
    line=
    for one in "${!ns[@]}"; do
        line+="${line:+, }\"$one\": [${ns[$one]}]"
    done
    echo "{$line}"
}

[ -e /run/netns/rr-a ] || network >&2 || exit
case $design in
user)
    user_begin >&2 || exit
    user_samples "$@"
    status=$?
    user_end >&2 ;;
linux-*)
    linux_begin a && linux_begin b || exit
    /guest/bench-rr ends "${number[$mode]}" "$@"
    status=$?
    linux_end a
    linux_end b ;;
*)
    /guest/bench-rr "$design" "${number[$mode]}" "$@"
    status=$? ;;
esac
check_untracked || exit
exit "$status"
