# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Variables of ovs-ext-demo.
#
# Act "ring" of ovs-ext-demo: programs outside ovs-vswitchd get its packets and
# flows through memory that they share with it.

# shellcheck disable=SC2034  # Read by ovs-ext-demo.
act_ring_title="Rings: packets and flows for other programs"
# shellcheck disable=SC2034
act_ring_needs="ping:iputils-ping tcpdump:tcpdump curl:curl ethtool:ethtool
                python3:python3 sha256sum:coreutils od:coreutils awk:mawk
                ovs-ring:openvswitch-switch"

RING_H1=10.0.0.1
RING_H2=10.0.0.2
RING_N_FLOWS=200000

ring_hosts () {
    host h1
    host h2
    cable p1 h1 eth0
    cable p2 h2 eth0
    must ip -n h1 addr add "$RING_H1/24" dev eth0
    must ip -n h2 addr add "$RING_H2/24" dev eth0
    run ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 p1 -- add-port br0 p2
}

ring_serve () {                 # ring_serve PORT
    start_on h1 python3 -u -m http.server --bind "$RING_H1" --directory "$state/www" \
        "$1" >"$state/http.$1.out" 2>&1 &
    must wait_for 20 listening h1 "$1"
}

# Gets a file; prints its checksum, or nothing.
ring_get () {                   # ring_get PORT FILE SECONDS
    rm -f "$state/got"
    on h2 curl -s -m "$3" -o "$state/got" "http://$RING_H1:$1/$2" &&
        sha256 "$state/got"
}

ring_attached () {              # ring_attached NAME
    ovs-appctl ring/list | grep -q "$1"
}

ring_tap () {
    local tap n syn text
    run ovs-ofctl add-flow br0 "priority=1,actions=ring(name=tap0),NORMAL"
    printf '$ %s\n' "ovs-ring tap tap0 -w tap0.pcapng &"
    ovs-ring tap tap0 -w "$state/tap0.pcapng" 2>"$state/tap.out" &
    tap=$!
    must wait_for 10 ring_attached tap0
    check "ping, HTTP of 1 MiB while a tap is there, same SHA-256" \
        "$(on h1 ping -q -c 3 -i 0.1 -w 10 "$RING_H2" | sed -n 's/.*, \([0-9]*\) received.*/\1 of 3/p')" \
        test "$(ring_get 8080 blob 30)" = "$ring_sum"
    run ovs-appctl ring/show tap0
    kill "$tap"
    wait "$tap"
    text=$(cat "$state/tap.out")
    n=$(packets_in tap0.pcapng "")
    syn=$(packets_in tap0.pcapng "tcp[tcpflags] & tcp-syn != 0")
    run tcpdump -Z root -n -c 4 -r "$state/tap0.pcapng" 2>/dev/null
    check "the tap's pcapng file, read by tcpdump" "$n packets; $text" \
        eval "test '$n' -gt 20 && test '$syn' = 2"
    # The stream, as TCP's own sequence numbers have it.
    check "... has all of the file's bytes" \
        "$(packets_in tap0.pcapng "src port 8080") segments from the server" \
        test "$(tcpdump -Z root -q -n -r "$state/tap0.pcapng" 'src port 8080' 2>/dev/null |
            awk '{ n += $NF } END { print (n >= 1048576) }')" = 1
}

packets_in () {                 # packets_in FILE FILTER
    tcpdump -Z root -n --count -r "$state/$1" "$2" 2>/dev/null |
        sed -n 's/^\([0-9]*\) packet.*/\1/p'
}

# The verdict is a shell's: what goes to port 8099 (0x1fa3) is dropped.
ring_queue () {
    local queue verdict got n
    # shellcheck disable=SC2016  # For the shell that judges.
    verdict='exec:test "$(od -An -tx1 -j36 -N2)" != " 1f a3"'
    run ovs-ofctl add-flow br0 "priority=2,tcp,actions=ring(name=ids,mode=queue),NORMAL"
    printf '$ %s &\n' "$(quote ovs-ring queue ids "--verdict=$verdict" --deadline=5000)"
    ovs-ring queue ids "--verdict=$verdict" --deadline=5000 >"$state/queue.out" 2>&1 &
    queue=$!
    must wait_for 10 ring_attached ids
    check "queue: HTTP from port 8080 goes through" "same SHA-256" \
        test "$(ring_get 8080 small 60)" = "$ring_small_sum"
    got=$(ring_get 8099 small 3)
    n=$(ovs-appctl coverage/read-counter datapath_drop_ring_verdict)
    check "queue: HTTP from port 8099 is dropped" "$n packets dropped" \
        eval "test -z '$got' && test '$n' -gt 0"
    run ovs-appctl ring/show ids
    kill -KILL "$queue"
    wait "$queue" 2>/dev/null
    check "... passes again when the consumer is killed" "same SHA-256" \
        test "$(ring_get 8099 small 30)" = "$ring_small_sum"
}

ring_ms () {                    # ring_ms FILE COMMAND...: its wall time, in ms
    local file=$1 start
    shift
    start=$(date +%s%N)
    must "$@" >"$file"
    echo $((($(date +%s%N) - start) / 1000000))
}

# Of the flows that nobody uses while they are dumped.
ring_sorted () {                # ring_sorted FILE
    grep 'dst=20\.' "$state/$1" | sort | sha256sum
}

ring_dumps () {
    local before after n
    run ovs-appctl revalidator/pause
    awk -v n="$RING_N_FLOWS" 'BEGIN {
        for (i = 0; i < n; i++) {
            printf "in_port(1),eth_type(0x0800),ipv4(dst=20.%d.%d.%d,frag=no) 2\n", i / 65536, i / 256 % 256, i % 256
        }
    }' >"$state/flows"
    must ovs-appctl dpctl/add-flows "$state/flows"
    before=$(ring_ms "$state/ordinary" ovs-appctl dpctl/dump-flows)
    after=$(ring_ms "$state/by-ring" ovs-appctl --ring dpctl/dump-flows)
    n=$(grep -c 'dst=20\.' "$state/ordinary")
    check "text of $n flows: dpctl/dump-flows" \
        "$before ms, made by ovs-vswitchd's main thread" \
        test "$n" = "$RING_N_FLOWS"
    check "... the same text by ring" "$after ms, made by ovs-appctl" \
        test "$(ring_sorted by-ring)" = "$(ring_sorted ordinary)"
    run ovs-appctl dpctl/del-flows
    run ovs-appctl revalidator/resume
}

act_ring_run () {
    cat <<PICTURE

    h1 ---- br0 ---- h2        $RING_H1, $RING_H2; userspace datapath
             |
           memory ---- ovs-ring, ovs-appctl, or any program of yours
PICTURE
    must mkdir -p "$state/www"
    must head -c 1M </dev/urandom >"$state/www/blob"
    must head -c 20000 </dev/urandom >"$state/www/small"
    ring_sum=$(sha256 "$state/www/blob")
    ring_small_sum=$(sha256 "$state/www/small")
    ovs_start
    ring_hosts
    ring_serve 8080
    ring_serve 8099
    say "A copy of each packet for a program outside:"
    ring_tap
    say "Packets that wait for what a program outside says:"
    ring_queue
    say "$RING_N_FLOWS datapath flows, the ordinary way and by ring:"
    ring_dumps
}
