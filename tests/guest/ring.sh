# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The ring of the kernel datapath.  Names say which of its requirements they are
# about.
#
# KILLS is how often consumers are killed, 100 by default; RING_RUNS, 100 by
# default, how many randomized overloads have to add up.

# devices TEST: by tests/guest/ring-device.c.
devices () {
    run_program ring-device "$1"
}

# upcalls TEST: by tests/guest/ring-upcalls.c.
upcalls () {
    run_program ring-upcalls "$1"
}

# dumps TEST: by tests/guest/ring-dumps.c.
dumps () {
    run_program ring-dumps "$1"
}

# tx TEST: by tests/guest/ring-tx.c.
tx () {
    run_program ring-tx "$1"
}

run_program () {
    local status=0
    modprobe openvswitch
    ip link add ring-in type veth peer name ring-p1
    ip link add ring-p2 type veth peer name ring-out
    for device in ring-in ring-p1 ring-p2 ring-out; do
        sysctl -q -w "net.ipv6.conf.$device.disable_ipv6=1"
        ip link set "$device" mtu 9000 up
    done
    "/guest/$1" "$2" || status=$?
    test $status != 77 || skip "this kernel lacks what it needs"
    return $status
}

device () {
    modprobe openvswitch
    test -c /dev/openvswitch-ring
    modules_unload
    test ! -e /dev/openvswitch-ring
}

# Whoever has a file open keeps the module.
unload_refused () {
    modprobe openvswitch
    exec 9</dev/openvswitch-ring
    refuses modprobe -r openvswitch 2>/dev/null
    exec 9<&-
    modules_unload
}

# All packets of a connection, those to be segmented, too.
tcp () {
    local hub
    modprobe openvswitch
    host h1
    host h2
    cable ring-p1 h1 eth0 10.1.1.1/24 fd01::1/64
    cable ring-p2 h2 eth0 10.1.1.2/24 fd01::2/64
    background /guest/ring-tx hub
    hub=$!
    wait_for 20 on h1 ping -q -n -c 1 -W 1 10.1.1.2
    on h1 ping -q -n -c 1 -W 5 fd01::2
    transfer h1 h2 10.1.1.2 1000000
    transfer h2 h1 fd01::1 1000000
    kill -0 "$hub"
}

check "ring R9: the device comes and goes with the module" device
check "ring R14: a file that is open keeps the module" unload_refused
check "ring R1: geometry" devices geometry
check "ring R1: requests that are refused" devices requests
check "ring R13: what may be mapped, and how" devices mappings
check "ring R13: capabilities" devices capabilities
check "ring R12: memory is charged" devices memory
check "ring R12: memory is charged to the control group" devices cgroup
check "ring R3: upcalls, checksums and segments are those of netlink" \
    upcalls identical
check "ring R3: upcalls of actions are those of netlink" \
    upcalls identical-actions
check "ring R4: segments are held for ever" upcalls hold
check "ring R5: messages that are too large" upcalls copy
check "ring R6: order with several producers" upcalls order
check "ring R7: losses are counted exactly" upcalls overload
check "ring R9: fallback to netlink when there is no space" upcalls fallback
check "ring R11: waking" upcalls wake
check "ring R2: a consumer that writes anything anywhere" upcalls malicious
check "ring: nothing is allocated for an upcall" upcalls allocations
check "ring R14: kill -9 of consumers" upcalls kill
check "ring R14: the datapath or its namespace goes" upcalls datapath-gone
check "ring R8: dumps are those of netlink, byte by byte" dumps identical
check "ring R8: dumps go on by request" dumps fill
check "ring R8: dumps go on by poll()" dumps poll
check "ring R8: dumps go on by themselves" dumps auto
check "ring R8: dumps that are cancelled, tables that grow" dumps cancel
check "ring R8: dumps of some flows" dumps filters
check "ring R8: flows that are too large" dumps truncated
check "ring R14: kill -9 of those who dump" dumps kill
check "ring R10: execution on a record" tx execute
check "ring R10: TCP, each packet by an upcall and an execution" tcp
check "ring R10: entries that change while they are taken" tx flipper
check "ring R10: new flows are those of netlink" tx flows
check "ring R10: flow and packet in one" tx flow-execute
check "ring R10: packets that are kept are not copied" tx kept
check "ring R10: flows that change while they are taken" tx flow-flipper
