#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: rr.sh DESIGN MODE TRANSACTIONS SAMPLES
#
# Runs bench-rr in a guest, between namespaces that it makes the first time.
# A DESIGN that begins with "linux" is Linux's own ILA at the ends, and none in
# the datapath: "linux-xlat" translates by a route on output and by "ip ila" on
# input, "linux-lwt" by routes on both.

design=$1 mode=$2
shift 2
declare -A number=([adj-transport]=0 [neutral-map]=1 [no-action]=2
                   [neutral-map-auto]=3)
sir=3333:0:0:1
declare -A locator=([a]=2001:db8:0:a [b]=2001:db8:0:b)
declare -A other=([a]=b [b]=a)

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

[ -e /run/netns/rr-a ] || network >&2 || exit
case $design in
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
