#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: afxdp.sh TREE SOURCE GENERATOR BURSTS LENGTH GEN-CPU PMD-CPU PRELOAD
#                 [OPTION]...
#
# Forwards what GENERATOR sends, frames of LENGTH bytes, from an AF_XDP port on
# veth to one on an ifb device, which drops it all, in tests/sandbox, with the
# ovs-vswitchd of TREE, which has one PMD thread.  So as little as possible of
# what is measured is the receiver's.  PRELOAD are libraries for ovs-vswitchd
# that have ports on veth, as both are then, send without copies and without
# the kernel; or it is empty.  OPTION is for the ports, options:umem=private for
# example.
#
# A burst has as many packets as fit into the rings, so that none is lost, and
# is short enough to be over before the thread is interrupted on a busy machine,
# in some cases at least.  Prints a line of JSON:
#
#   packets   that were forwarded in all,
#   cycles    of the thread for each packet, in the best tenth of the bursts.

set -eu
tree=$1 source=$2 generator=$3 bursts=$4 length=$5 gen_cpu=$6 pmd_cpu=$7
preload=$8
shift 8
burst=1500

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir LIBXDP_SKIP_DISPATCHER=1
export OVS_RUNDIR OVS_LOGDIR OVS_DBDIR LIBXDP_SKIP_DISPATCHER
PATH=$tree/ovsdb:$tree/vswitchd:$tree/utilities:$PATH

fail () {
    echo "$0: $1" >&2
    tail -n 20 "$dir/ovs-vswitchd.log" >&2
    exit 1
}

ip netns add far
ip link add p0 type veth peer name e0 netns far
ip -n far link set e0 up
ip netns exec far ethtool -K e0 tx off >/dev/null
if test -n "$preload"; then
    ip link add p1 type veth peer name e1
else
    ip link add p1 type ifb
fi
for i in 0 1; do
    ip link set "p$i" up
done

ovsdb-tool create "$dir/conf.db" "$source/vswitchd/vswitch.ovsschema"
ovsdb-server --detach --no-chdir --pidfile --log-file -vconsole:off \
    --remote=punix:"$dir/db.sock" "$dir/conf.db"
ovs-vsctl --no-wait init
ovs-vsctl --no-wait set Open_vSwitch . \
    other_config:pmd-cpu-mask="$(printf %x $((1 << pmd_cpu)))"
LD_PRELOAD=$preload ovs-vswitchd --detach --no-chdir --pidfile --log-file \
    -vconsole:off --disable-system
ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev
for i in 0 1; do
    if test -n "$preload"; then
        mode=native-with-zerocopy
    elif test $i = 0; then
        mode=native
    else
        mode=generic
    fi
    ovs-vsctl add-port br0 "p$i" -- set interface "p$i" type=afxdp \
        ofport_request=$((i + 1)) options:xdp-mode=$mode options:n_rxq=1 \
        -- ${1:+set interface "p$i" "$@"}
done
ovs-ofctl del-flows br0
ovs-ofctl add-flow br0 in_port=1,actions=2
test "$(ovs-vsctl get interface p0 error)$(ovs-vsctl get interface p1 error)" \
    = '[][]' || fail "no AF_XDP ports"

send () {
    ip netns exec far taskset -c "$gen_cpu" \
        "$generator" --packets=$burst --length="$length" e0 >"$dir/sent"
}
stats () {
    ovs-appctl dpif-netdev/pmd-stats-show |
        awk '/^pmd thread/ { pmd = 1 }
             /^main thread/ { pmd = 0 }
             pmd && /packets received:/ { n = $3 }
             pmd && /processing cycles:/ { cycles = $3 }
             END { print n, cycles }'
}
sent () {
    cat /sys/class/net/p1/statistics/rx_packets
}

# The first packet sets up the flow.
send
for _ in $(seq "$bursts"); do
    before=$(sent)
    ovs-appctl dpif-netdev/pmd-stats-clear
    send
    # Counters are told late, and what is preloaded sends nothing.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        stats >"$dir/stats"
        read -r n cycles <"$dir/stats"
        test "$n" -lt $burst || break
        sleep 0.1
    done
    if test "$n" -ge $burst && { test -n "$preload" ||
        test $(($(sent) - before)) -ge $burst; }; then
        awk -v n="$n" -v cycles="$cycles" 'BEGIN { print cycles / n, n }'
    fi
done | sort -n >"$dir/bursts"
test "$(wc -l <"$dir/bursts")" -gt $((bursts / 2)) || fail "packets were lost"
awk '{ cycles[NR] = $1; n += $2 }
     END { printf "{\"packets\": %d, \"cycles\": %.1f}\n", n,
                  cycles[int((NR + 9) / 10)] }' "$dir/bursts"
ovs-appctl exit --cleanup
