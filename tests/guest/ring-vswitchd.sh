# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ovs-vswitchd with the kernel's rings for its handlers, and without.
#
# KILLS is how often ovs-vswitchd is killed under load, 5 by default.

device=/dev/openvswitch-ring

# switched [OTHER-CONFIG]...: two hosts at a bridge, each packet of theirs to
# another port a miss.
switched () {
    local setting
    need python3
    ovs_start
    # Before there are handlers: it ends those that there are, and what they
    # have counted since they last told is lost.
    ovs-appctl upcall/disable-megaflows
    for setting; do
        ovs-vsctl set Open_vSwitch . "other_config:$setting"
    done
    host h1
    host h2
    cable v1 h1 eth0 10.1.1.1/24
    cable v2 h2 eth0 10.1.1.2/24
    # Who does not answer.
    ip -n h1 neigh add 10.1.1.9 lladdr 02:00:00:00:00:99 dev eth0
    bridge br0 v1 v2
    # Forwards without a flow, also when ovs-vswitchd was restarted.
    ovs-vsctl clear bridge br0 fail_mode
}

# works: packets get through, and those of each CPU came to its handler.
works () {
    reach h1 10.1.1.2
    each_cpu flood 20
    transfer h1 h2 10.1.1.2 300000
}

# flood N [CPU]: N packets, each to another port, to nobody.
flood () {
    on h1 taskset -c "${2-0-$(($(nproc) - 1))}" python3 - "$1" <<'END'
import random
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[1])):
    s.sendto(b"x", ("10.1.1.9", random.randrange(1, 60000)))
END
}

# flood_for_ever N: again and again.
flood_for_ever () {
    while :; do
        flood "$1"
    done
}

n_rings () {
    ovs-appctl dpif-netlink/show-rings | grep -c handler || :
}

rings_are () {                  # rings_are N
    test "$(n_rings)" = "$1"
}

# The handlers' rings open when there is something to do for them.
rings_open () {
    works
    wait_for 20 rings_are "$(nproc)"
}

# A thread's counts are told when it sleeps, if that is a second after it last
# did so: what is there to see may be older than what was done.
counter () {                    # counter NAME
    ovs-appctl coverage/read-counter "$1"
}

# counts NAME N: the counter comes to N at least, once all threads have told.
counts () {
    wait_for 30 counted "$@"
}

counted () {
    each_cpu flood 1            # Who sleeps tells nothing.
    sleep 0.1
    test "$(counter "$1")" -ge "$2"
}

shown () {                      # shown missed|lost
    ovs-dpctl show system@ovs-system | sed -n "s/.* $1:\([0-9]*\).*/\1/p"
}

# offered: upcalls that the rings were offered.
offered () {
    ovs-appctl dpif-netlink/show-rings | awk -F , '
        { sum += $4 }           # "N upcalls"
        END { printf "%d\n", sum }'
}

logged () {                     # logged TEXT: how many lines have it
    grep -c "$1" "$OVS_RUNDIR/ovs-vswitchd.log" || :
}

# files [PID]: how many ring files ovs-vswitchd has.
files () {
    find "/proc/$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")/fd" -lname "$device" |
        wc -l
}

files_are () {
    test "$(files)" = "$1"
}

each_cpu () {                   # each_cpu COMMAND...: with its number
    local cpu
    for cpu in $(seq 0 $(($(nproc) - 1))); do
        "$@" "$cpu"
    done
}

# adds_up: what the rings were offered came or was lost, no more and no less.
adds_up () {
    local offered came full copied
    sleep 1.1
    each_cpu flood 1            # So that all have counted.
    offered=$(offered)
    came=$(counter ring_upcall)
    full=$(counter ring_upcall_full)
    copied=$(counter ring_upcall_copy)
    echo "$offered offered, $came received, $full lost, $copied copied" >sums
    test "$offered" = $((came + full + copied))
}

# memory_adds_up: memory/show has the memory of the rings that there are.
memory_adds_up () {
    local shown
    shown=$(ovs-appctl dpif-netlink/show-rings | awk -F , '
        { sum += $3 }           # "N kB"
        END { printf "%d\n", sum }')
    ovs-appctl memory/show | grep -q "ring-kB:$shown\>"
}

by_ring () {
    switched ring-enable=on
    rings_open
    memory_adds_up
    local missed before
    quiet
    missed=$(shown missed)
    before=$(offered)
    flood 1000
    # A packet that has to be segmented is one miss, but more upcalls.
    wait_for 20 eval "test \$((\$(shown missed) - $missed)) = \
        \$((\$(offered) - $before))"
    test "$(shown missed)" -ge $((missed + 900))
    if ! wait_for 60 adds_up; then
        cat sums
        return 1
    fi
    equal "$(shown lost)" 0 lost
    equal "$(counter ring_upcall_full)" 0 ring_upcall_full
    equal "$(counter ring_upcall_fallback)" 0 ring_upcall_fallback
    equal "$(files)" "$(nproc)" files
}

# n_flows: those that misses of flood() have made.
n_flows () {
    ovs-dpctl dump-flows system@ovs-system | grep -c 'dst=10.1.1.9' || :
}

# What handlers make of upcalls goes by ring, too: a flow for each packet, and
# the packet, by one entry.  Netlink is for what is not the packet that came.
answers () {
    switched ring-enable=on max-idle=600000
    rings_open
    all_told
    local before executed by_netlink
    before=$(shown missed)
    # Upcalls that came before there were rings may have been answered since.
    by_netlink=$(counter ring_ops_netlink)
    flood 1000
    quiet
    test "$(n_flows)" -ge 900
    counts ring_flow_execute 900
    equal "$(counter ring_ops_netlink)" "$by_netlink" ring_ops_netlink
    equal "$(logged 'operations go by netlink')" 0 log
    # The kernel knows the flows: their packets are no misses any more.
    test "$(shown missed)" -ge $((before + 900))
    flows_again
    # Without rings they come by netlink.
    ovs-vsctl set Open_vSwitch . other_config:ring-enable=off
    wait_for 20 rings_are 0
    all_told
    executed=$(counter ring_flow_execute)
    before=$(n_flows)
    flood 1000
    quiet
    wait_for 20 eval "test \$(n_flows) -ge $((before + 900))"
    equal "$(counter ring_flow_execute)" "$executed" ring_flow_execute
}

# A packet of a connection that there is a flow for makes no upcall.
flows_again () {
    local before
    on h1 python3 - <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.1.1", 999))
s.sendto(b"x", ("10.1.1.9", 999))
END
    quiet
    before=$(shown missed)
    on h1 python3 - <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.1.1", 999))
for _ in range(100):
    s.sendto(b"x", ("10.1.1.9", 999))
END
    quiet
    test "$(shown missed)" -lt $((before + 50))
}

# The kernel's datapath has no action ring(...): ovs-vswitchd executes it on
# packets of the slow path, which come by the other kind of ring.
action () {
    switched ring-enable=on
    rings_open
    local tap
    ovs-ofctl add-flow br0 priority=9,ip,actions=ring\(name=ids\),normal
    background ovs-ring tap ids -w tap.pcapng -c 40
    tap=$!
    wait_for 20 eval "ovs-appctl ring/list | grep ids"
    on h1 ping -q -c 20 -i 0.05 -W 5 10.1.1.2
    ovs-dpctl dump-flows system@ovs-system | grep 'actions:userspace'
    # Both directions.
    wait_for 20 eval "! kill -0 $tap 2>/dev/null"
    test "$(wc -c <tap.pcapng)" -gt $((40 * 98))
    works
    # Those packets are not by reference, if only since they were executed in
    # parts.
    counts ring_upcall 41
}

# Nothing is under way: two looks at the kernel's and at our count agree.
is_quiet () {
    local before
    before=$(shown missed),$(counter ring_upcall)
    sleep 0.5
    test "$before" = "$(shown missed),$(counter ring_upcall)"
}

quiet () {
    wait_for 30 is_quiet
}

# all_told: all threads have told their counts.
all_told () {
    quiet
    sleep 1.1
    each_cpu flood 1
    quiet
}

off () {
    switched ring-enable=off
    works
    works
    equal "$(n_rings)" 0
    equal "$(files)" 0 files
    equal "$(counter ring_upcall)" 0 ring_upcall
    equal "$(counter ring_execute)" 0 ring_execute
    equal "$(counter ring_flow_new)" 0 ring_flow_new
    equal "$(counter ring_flow_execute)" 0 ring_flow_execute
    equal "$(logged 'by netlink, not by ring')" 0
}

# While packets are under way: none is lost, whatever changes.
reconfigured () {
    switched ring-enable=off
    works
    local setting n=0 lost
    lost=$(shown lost)
    # What comes while the bridge is taken down in the end.
    tolerate 'received packet on unknown port'
    # No more at a time than any ring has room for.
    background flood_for_ever 100
    for setting in ring-enable=on ring-upcall-size=256 ring-enable=off \
        ring-enable=auto ring-upcall-size=4096 ring-enable=off; do
        ovs-vsctl set Open_vSwitch . "other_config:$setting"
        n=$(nproc)
        test $setting != ring-enable=off || n=0
        wait_for 20 rings_are "$n"
        wait_for 20 files_are "$n"
        reach h1 10.1.1.2
    done
    equal "$(shown lost)" "$lost" lost
    # What is no value is named, and taken for the default.
    tolerate '"(maybe|100)" is not'
    ovs-vsctl set Open_vSwitch . other_config:ring-enable=maybe \
        other_config:ring-upcall-size=100
    wait_for 20 rings_are "$(nproc)"
    equal "$(logged '"maybe" is not "auto", "on" or "off"')" 1
    equal "$(logged '"100" is not a power of two')" 1
}

# without_ring REASON: packets get through by netlink, and it is said once.
without_ring () {
    tolerate 'upcalls come by netlink, not by ring'
    works
    ovs-vsctl set Open_vSwitch . other_config:max-idle=9000
    works
    equal "$(n_rings)" 0 rings
    equal "$(files)" 0 files
    equal "$(logged "upcalls come by netlink, not by ring ($1)")" 1 log
    counts ring_upcall_fallback 1
    equal "$(counter ring_upcall)" 0 ring_upcall
}

no_device () {
    modprobe openvswitch
    mv $device $device.away
    switched ring-enable=on
    without_ring "the kernel module has none"
    equal "$(logged 'WARN|.*not by ring')" 1 warnings
    mv $device.away $device
    # The next change of the configuration is another chance.
    ovs-vsctl set Open_vSwitch . other_config:ring-upcall-size=512
    rings_open
}

stock_module () {
    stock_module_load
    switched ring-enable=auto
    without_ring "the kernel module has none"
    equal "$(logged 'WARN|.*not by ring')" 0 warnings
    ovs_stop
    ovs-dpctl del-dp ovs-system || :
    modules_unload
}

no_memory () {
    switched ring-enable=on
    ovs-appctl -t ovs-vswitchd exit
    wait_for 20 eval "! test -e '$OVS_RUNDIR/ovs-vswitchd.pid'"
    need setpriv
    (
        ulimit -l 64
        setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock \
            ovs-vswitchd -vconsole:off --detach --no-chdir --pidfile --log-file
    )
    ovs-appctl upcall/disable-megaflows
    without_ring "Cannot allocate memory"
}

# Whatever fails and ends, whenever it does so.
faults () {
    switched ring-enable=on
    tolerate 'not by ring|do not come by ring|on unknown port|handler . was full'
    ovs-appctl -t ovs-vswitchd exit
    wait_for 20 eval "! test -e '$OVS_RUNDIR/ovs-vswitchd.pid'"
    LD_PRELOAD=/guest/ring-faults.so RING_FAULTS=4 vswitchd_start
    ovs-appctl upcall/disable-megaflows
    local size
    background flood_for_ever 500
    for size in 128 256 512 1024 2048 128 256 512 1024 2048; do
        ovs-vsctl set Open_vSwitch . other_config:ring-upcall-size=$size
        reach h1 10.1.1.2
        transfer h1 h2 10.1.1.2 100000
    done
    counts ring_upcall 1
    counts ring_upcall_fallback 1
    counts ring_flow_execute 1
}

# The handlers wake up, read what is there, and go on without it.
datapath_deleted () {
    switched ring-enable=on
    rings_open
    tolerate .
    ovs-dpctl del-dp system@ovs-system
    wait_for 20 rings_are 0
    wait_for 20 files_are 0
    equal "$(logged 'not by ring (the ring was shut down)')" 1 log
}

losses_agree () {
    each_cpu flood 1
    sleep 0.1
    test "$(counter ring_upcall_full)" = "$(shown lost)"
}

# The ring is small and nobody reads: what is lost is counted by all in the
# same way, and the rest comes.
overload () {
    switched ring-enable=on ring-upcall-size=128
    tolerate 'the ring of handler . was full'
    rings_open
    quiet
    local pid cpu
    pid=$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")
    for cpu in $(seq 0 $(($(nproc) - 1))); do
        kill -STOP "$pid"
        flood 3000 "$cpu"
        kill -CONT "$pid"
    done
    # Losses are told with what comes behind them.
    quiet
    if ! wait_for 60 adds_up; then
        cat sums
        return 1
    fi
    counts ring_upcall_full 1
    wait_for 30 losses_agree
}

# What is too large for a ring leaves a mark there and comes by netlink, and
# what is smaller by ring, between them.
copied () {
    local name
    switched ring-enable=on
    for name in v1 v2; do
        ip link set "$name" mtu 65535
    done
    ip -n h1 link set eth0 mtu 65535
    ip -n h2 link set eth0 mtu 65535
    rings_open
    quiet
    # Who dumps flows while others purge them finds some gone.
    tolerate 'failed to flow_get|Failed to acquire udpif_key'
    for _ in $(seq 10); do
        ovs-appctl revalidator/purge
        flood 5
        # Of each ping both ways are a miss, and the first one is answered.
        on h1 ping -q -n -c 1 -W 20 -s 65480 10.1.1.2
    done
    quiet
    if ! wait_for 60 adds_up; then
        cat sums
        return 1
    fi
    counts ring_upcall_copy 20
    equal "$(shown lost)" 0 lost
    equal "$(counter ring_upcall_full)" 0 ring_upcall_full
}

# cpu1 0|1: takes CPU 1 away or gives it back.
cpu1 () {
    echo "$1" >/sys/devices/system/cpu/cpu1/online
}

needs_cpu1 () {
    test -e /sys/devices/system/cpu/cpu1/online ||
        skip "no CPU that can be taken away"
}

# Whoever has its upcalls then, they come, and by ring again when it is back.
cpu_goes () {
    needs_cpu1
    switched ring-enable=on
    rings_open
    local n
    background flood_for_ever 100
    for _ in $(seq 10); do
        cpu1 0
        reach h1 10.1.1.2
        cpu1 1
        flood 50 1
        reach h1 10.1.1.2
    done
    kill "$!"
    wait_for 60 rings_are 2
    quiet
    n=$(offered)
    flood 50 1
    wait_for 20 eval "test \$(offered) -ge $((n + 50))"
    equal "$(shown lost)" 0 lost
    equal "$(counter ring_upcall_full)" 0 ring_upcall_full
    equal "$(files)" 2 files
    transfer h1 h2 10.1.1.2 100000
}

# One that was not there when the ring was made has a lane, too, and a handler
# of its own as soon as ovs-vswitchd notices.
cpu_comes () {
    needs_cpu1
    modprobe openvswitch
    cpu1 0
    switched ring-enable=on
    works
    wait_for 20 rings_are 1
    ovs-appctl dpif-netlink/show-rings | grep "handler 0: 2 lanes, 2 CPUs"
    quiet
    cpu1 1
    flood 100 1
    wait_for 60 rings_are 2
    works
    quiet
    equal "$(shown lost)" 0 lost
    equal "$(files)" 2 files
    equal "$(logged 'not by ring')" 0
    cpu1 0
    works
    wait_for 60 rings_are 1
    cpu1 1
    wait_for 60 rings_are 2
    works
    equal "$(shown lost)" 0 lost
}

# Who is killed leaves nothing, and who comes after it has rings again.
killed () {
    local pid users
    modprobe openvswitch
    switched ring-enable=on
    rings_open
    background flood_for_ever 2000
    users=
    for _ in $(seq "${KILLS-5}"); do
        pid=$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")
        kill -KILL "$pid"
        wait_for 20 eval "! kill -0 $pid"
        # Ports and datapath are there still, files are not.
        equal "$(cat /sys/module/openvswitch/refcnt)" \
            "${users:=$(cat /sys/module/openvswitch/refcnt)}" users
        rm -f "$OVS_RUNDIR/ovs-vswitchd.pid"
        vswitchd_start
        ovs-appctl upcall/disable-megaflows
        wait_for 20 rings_are "$(nproc)"
        reach h1 10.1.1.2
    done
    tolerate .
}

# The same text either way.
dump () {
    switched ring-enable=auto
    ovs-vsctl set Open_vSwitch . other_config:max-idle=600000
    works
    flood 300
    quiet
    local options
    for options in "" -m --names; do
        # shellcheck disable=SC2086  # Words.
        ovs-dpctl $options dump-flows | sed 's/used:[0-9.]*s/used/' >netlink
        # shellcheck disable=SC2086
        ovs-dpctl --ring $options dump-flows 2>errors |
            sed 's/used:[0-9.]*s/used/' >ring
        # It would say if it were not by ring.
        equal "$(cat errors)" "" errors
        diff netlink ring
    done
    test "$(wc -l <ring)" -gt 300
    ovs-dpctl --ring dump-flows system@ovs-system filter=icmp | grep -q icmp
    refuses ovs-dpctl --ring show 2>errors
    grep "'show' command does not support --ring" errors
    mv $device $device.away
    ovs-dpctl --ring --names dump-flows 2>errors |
        sed 's/used:[0-9.]*s/used/' >ring
    mv $device.away $device
    diff netlink ring
    grep -F "netlink, not by ring (the kernel module has none)" errors
    equal "$(wc -l <errors)" 1 "lines on stderr"
}

check "upcalls come by ring" by_ring
check "flows and packets go back by ring" answers
check "ring(...) in the slow path" action
check "switched off there is no ring" off
check "rings change under traffic" reconfigured
check "ring R9: without the device netlink does it" no_device
check "ring R9: with Linux's own module netlink does it" stock_module
check "ring R9: without memory netlink does it" no_memory
check "ring R9: rings fail and end at random" faults
check "ring R14: the datapath is deleted" datapath_deleted
check "ring R7: losses are counted exactly" overload
check "ring R5: upcalls too large for a ring" copied
check "a CPU goes and comes back" cpu_goes
check "a CPU comes that was not there" cpu_comes
check "ovs-dpctl --ring dump-flows" dump
check "ring R14: ovs-vswitchd is killed under load" killed
