#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: afxdp.sh TREE SOURCE GENERATOR PACKETS GEN-CPU PMD-CPU [OPTION]...
#
# Forwards what GENERATOR sends from one AF_XDP port on veth to another, in
# tests/sandbox, with the ovs-vswitchd of TREE, which has one PMD thread.
# OPTION is for the ports: options:umem=private, for example.  Who receives at
# the far end does so on GEN-CPU.  Prints a line of JSON:
#
#   packets   that the PMD thread processed,
#   cycles    of its time for each of them,
#   cpu_ns    CPU time of the thread for each of them, of which "busy" is the
#             share that it did not spend on looking for packets,
#   delivered packets that came to the far end.

set -eu
tree=$1 source=$2 generator=$3 packets=$4 gen_cpu=$5 pmd_cpu=$6
shift 6

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

for i in 0 1; do
    ip netns add "far$i"
    ip link add "p$i" type veth peer name "e$i" netns "far$i"
    ip link set "p$i" up
    ip -n "far$i" link set "e$i" up
    # Without segmentation offload at one end, the other receives by NAPI.
    ethtool -K "p$i" tx off >/dev/null
    ip netns exec "far$i" ethtool -K "e$i" tx off gro on >/dev/null
done
# Who receives there is a thread of the kernel, so that it can be kept off the
# processor that is measured.
ip netns exec far1 sh -c 'echo 1 >/sys/class/net/e1/threaded'
for pid in $(pgrep '^napi/e1'); do
    taskset -p -c "$gen_cpu" "$pid" >/dev/null
done

ovsdb-tool create "$dir/conf.db" "$source/vswitchd/vswitch.ovsschema"
ovsdb-server --detach --no-chdir --pidfile --log-file -vconsole:off \
    --remote=punix:"$dir/db.sock" "$dir/conf.db"
ovs-vsctl --no-wait init
ovs-vsctl --no-wait set Open_vSwitch . \
    other_config:pmd-cpu-mask="$(printf %x $((1 << pmd_cpu)))"
ovs-vswitchd --detach --no-chdir --pidfile --log-file -vconsole:off \
    --disable-system
ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev
for i in 0 1; do
    ovs-vsctl add-port br0 "p$i" -- set interface "p$i" type=afxdp \
        ofport_request=$((i + 1)) options:xdp-mode=native options:n_rxq=1 \
        -- ${1:+set interface "p$i" "$@"}
done
ovs-ofctl del-flows br0
ovs-ofctl add-flow br0 in_port=1,actions=2
test "$(ovs-vsctl get interface p0 error)$(ovs-vsctl get interface p1 error)" \
    = '[][]' || fail "no AF_XDP ports"

pid=$(cat "$dir/ovs-vswitchd.pid")
tid=$(grep -l '^pmd-' "/proc/$pid"/task/*/comm | sed 's,/comm$,,')

send () {
    ip netns exec far0 chrt -i 0 taskset -c "$gen_cpu" "$generator" \
        --packets="$1" e0
}
cpu_ns () {
    awk '{ print $1 }' "$tid/schedstat"
}
delivered () {
    ip -n far1 -s -j link show e1 |
        sed 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\),.*/\1/'
}

# The first packet sets up the flow.
send 1000000 >"$dir/sent"
ovs-appctl dpif-netdev/pmd-stats-clear
before=$(cpu_ns) had=$(delivered)
send "$packets" >"$dir/sent"
ovs-appctl dpif-netdev/pmd-stats-show >"$dir/stats"
after=$(cpu_ns)
awk -v cpu=$((after - before)) -v delivered=$(($(delivered) - had)) '
    /^pmd thread/ { pmd = 1 }
    /^main thread/ { pmd = 0 }
    pmd && /packets received:/ { n = $3 }
    pmd && /processing cycles:/ { busy = $3 }
    pmd && /idle cycles:/ { idle = $3 }
    END {
        printf "{\"packets\": %d, \"cycles\": %.1f, \"cpu_ns\": %.1f, " \
               "\"busy\": %.4f, \"delivered\": %d}\n", n, busy / n,
               cpu * busy / (busy + idle) / n, busy / (busy + idle), delivered
    }' "$dir/stats"
ovs-appctl exit --cleanup
