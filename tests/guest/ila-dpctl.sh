# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Commands for the ILA mapping table of the kernel's datapath.

work=${work-}

datapath () {                   # A datapath with ports v1 and v2.
    modprobe openvswitch
    ovs-dpctl add-dp dp0
    sysctl -q -w net.ipv6.conf.dp0.disable_ipv6=1
    ip link set dp0 up
    for i in 1 2; do
        ip link add "v$i" type veth peer name "f$i"
        sysctl -q -w "net.ipv6.conf.v$i.disable_ipv6=1" \
            "net.ipv6.conf.f$i.disable_ipv6=1"
        ip link set "v$i" up
        ip link set "f$i" up
    done
    ovs-dpctl add-if dp0 v1 v2
}

# Without what depends on packets.
list () {
    ovs-dpctl ila-list "$@"
}

# says TEXT COMMAND...: fails with that text, and changes nothing.
says () {
    local text=$1 before error
    shift
    before=$(list)
    if error=$("$@" 2>&1); then
        echo "should have failed: $*"
        return 1
    fi
    equal "$error" "ovs-dpctl: $text" "error of $*"
    equal "$(list)" "$before" "table after $*"
}

one_by_one () {
    local in="dir=in match-locator=2001:0:87:0"
    datapath
    equal "$(list)" ""
    ovs-dpctl ila-add match-locator=2001:0:87:0 locator=3333:0:0:1 \
        csum-mode=neutral-map icmp-inner
    ovs-dpctl ila-add loc_match 2001:0:88:0 loc 3333:0:0:2 \
        csum-mode adj-transport ident-type use-format dev v1
    ovs-dpctl ila-add dp0 dir=out ident=2000:0:1:87 port=2 \
        locator=2001:0:99:0 csum-mode=neutral-map-auto idle-timeout=1000
    list | sort >"$work/list"
    diff - "$work/list" <<'EOF'
dir=in match-locator=2001:0:87:0 locator=3333:0:0:1 csum-mode=neutral-map ident-type=luid icmp-inner
dir=in match-locator=2001:0:88:0 port=v1 locator=3333:0:0:2 csum-mode=adj-transport ident-type=use-format
dir=out ident=2000:0:1:87 port=v2 locator=2001:0:99:0 csum-mode=neutral-map-auto ident-type=luid idle-timeout=1000
EOF
    equal "$(list port=v2 | cut -d' ' -f2)" ident=2000:0:1:87
    equal "$(list locator=3333:0:0:2 dir=in | cut -d' ' -f3)" port=v1

    says "ila-add: there is \"$in locator=3333:0:0:1 csum-mode=neutral-map ident-type=luid icmp-inner\" (File exists)" \
        ovs-dpctl ila-add match-locator=2001:0:87:0 locator=3333:0:0:9
    says "ila-add: there is \"$in locator=3333:0:0:1 csum-mode=neutral-map ident-type=luid icmp-inner\" (File exists)" \
        ovs-dpctl ila-add --may-exist match-locator=2001:0:87:0 \
        locator=3333:0:0:9
    ovs-dpctl ila-add --may-exist match-locator=2001:0:87:0 \
        locator=3333:0:0:1 csum-mode=neutral-map icmp-inner
    ovs-dpctl ila-add --replace match-locator=2001:0:87:0 \
        locator=3333:0:0:9 csum-mode=no-action
    equal "$(ovs-dpctl ila-get match-locator=2001:0:87:0)" \
        "$in locator=3333:0:0:9 csum-mode=no-action ident-type=luid packets=0 bytes=0 used=never"
    says "ila-add: port \"v9\" does not exist (No such device)" \
        ovs-dpctl ila-add match-locator=2001:0:87:0 port=v9 \
        locator=3333:0:0:9
    says "ila-del: there is no \"$in port=v1\" (No such file or directory)" \
        ovs-dpctl ila-del match-locator=2001:0:87:0 port=v1
    says "ila-get: there is no \"$in port=v1\" (No such file or directory)" \
        ovs-dpctl ila-get match-locator=2001:0:87:0 port=v1
    ovs-dpctl ila-del match-locator=2001:0:87:0
    says "ila-del: there is no \"$in\" (No such file or directory)" \
        ovs-dpctl ila-del match-locator=2001:0:87:0
    equal "$(list | wc -l)" 2

    says "ila-move: from \"3333:0:0:7\": no such entry (No such file or directory)" \
        ovs-dpctl ila-move from=3333:0:0:7 to=3333:0:0:8
    equal "$(ovs-dpctl ila-move --may-exist from=3333:0:0:7 to=3333:0:0:8)" \
        "moved: 0"
    equal "$(ovs-dpctl ila-move from=3333:0:0:2 to=3333:0:0:8)" "moved: 1"
    equal "$(list locator=3333:0:0:8 | wc -l)" 1
    equal "$(ovs-dpctl ila-flush dir=out --json)" '{"database":0,"deleted":1}'
    equal "$(ovs-dpctl ila-flush)" "deleted: 1"
    equal "$(list)" ""
}

lookup () {
    datapath
    ovs-dpctl ila-add match-locator=2001:0:87:0 locator=3333:0:0:1 \
        csum-mode=neutral-map
    ovs-dpctl ila-add match-locator=2001:0:87:0 ident=2000:0:1:88 port=v1 \
        locator=3333:0:0:9 csum-mode=neutral-map
    equal "$(ovs-dpctl ila-get lookup=2001:0:87:0:3000:0:1:333 | tail -n 1)" \
        "2001:0:87:0:3000:0:1:333 -> 3333::1:2000:0:1:87"
    # What the identifier of the exact entry is on the wire.
    equal "$(ovs-dpctl ila-get lookup=2001:0:87:0:3000:0:1:33c port=v1 |
        tail -n 1)" "2001:0:87:0:3000:0:1:33c -> 3333::9:2000:0:1:88"
    equal "$(ovs-dpctl ila-get lookup=2001:0:87:0:3000:0:1:33c port=v1 --json |
        grep -o '"preference":[0-9]*')" '"preference":7'
    says 'ila-get: no entry matches "2001:0:87:0::1" (No such file or directory)' \
        ovs-dpctl ila-get lookup=2001:0:87:0::1 dir=out

    ovs-dpctl ila-add dir=out match-locator=3333:0:0:1 locator=2001:0:99:0 \
        csum-mode=neutral-map
    equal "$(ovs-dpctl ila-get lookup=3333::1:3000:0:1:87 | tail -n 1)" \
        "3333::1:3000:0:1:87 -> dropped: C bit set"

    eth=50540000000a505400000009
    tcp=86dd60000000001d064020010db800050000000000000000000920010000008700003000000000010333c00001bb010203040a0b0c0d501802008228000068656c6c6f20494c41
    ovs-dpctl ila-trace v2 $eth$tcp dir=in | sed 's/ packets=.*//' \
        >"$work/trace"
    diff - "$work/trace" <<'EOF'
port: v2 (in)
before: 2001:db8:5::9 > 2001:0:87:0:3000:0:1:333, checksum right
entry, preference 1:
dir=in match-locator=2001:0:87:0 locator=3333:0:0:1 csum-mode=neutral-map ident-type=luid
verdict: translated, transport checksum untouched
after: 2001:db8:5::9 > 3333::1:2000:0:1:87, checksum right
EOF
    equal "$(ovs-dpctl ila-trace v2 $eth$tcp | tail -n 1)" \
        "verdict: passes: the port does not translate"
}

mappings () {                   # mappings N
    awk -v "n=$1" 'BEGIN {
        for (i = 0; i < n; i++) {
            printf "dir=out ident=2000:%x:%x:1 locator=2001:0:%x:0 csum-mode=neutral-map ident-type=luid\n", i / 65536, i % 65536, i % 100 + 1
        }
    }'
}

load () {
    local n=5000 line next from part
    datapath
    mappings $n | sort >"$work/all"
    ovs-dpctl ila-add match-locator=2001:0:87:0 locator=3333:0:0:1
    for line in 1025 $n; do
        sed "${line}s/neutral/neural/" "$work/all" >"$work/bad"
        says "ila-load: $work/bad:$line: csum-mode \"neural-map\" is unknown (modes are adj-transport, neutral-map, neutral-map-auto and no-action) (Invalid argument)" \
            ovs-dpctl ila-load "$work/bad"
        # What only the kernel notices, in a load and in the table.
        { cat "$work/all"; sed -n "${line}p" "$work/all"; } >"$work/bad"
        says "ila-load: $work/bad:$((n + 1)): \"$(sed -n "${line}s/ locator.*//p" "$work/all")\" is there already (File exists)" \
            ovs-dpctl ila-load "$work/bad"
        sed "${line}s/.*/match-locator=2001:0:87:0 locator=3333:0:0:2/" \
            "$work/all" >"$work/bad"
        says "ila-load: $work/bad:$line: \"dir=in match-locator=2001:0:87:0\" is there already (File exists)" \
            ovs-dpctl ila-load "$work/bad"
    done
    equal "$(ovs-dpctl ila-load "$work/all")" "loaded: $n"
    equal "$(list | wc -l)" $((n + 1))
    equal "$(ovs-dpctl ila-load --replace "$work/all")" "loaded: $n"
    list | sort | cmp - "$work/all"

    # In parts, while others come and go.
    from=
    : >"$work/parts"
    for part in $(seq 100); do
        # shellcheck disable=SC2086
        list --max=777 $from >"$work/part"
        grep -v '^#' "$work/part" >>"$work/parts" || true
        next=$(sed -n 's/^# next: //p' "$work/part")
        test -n "$next" || break
        from=--from=$next
        ovs-dpctl ila-add "match-locator=2002:0:$part:0" locator=3333:0:0:1
        ovs-dpctl ila-del "match-locator=2002:0:$part:0"
    done
    test -z "$next"
    grep -v match-locator=2002 "$work/parts" | sort | cmp - "$work/all"

    # After everything was replaced a listing begins anew and says so, also
    # where it has nothing more to list.
    for part in 600 $n; do
        next=$(list --max="$part" | sed -n 's/^# next: //p')
        equal "$(ovs-dpctl ila-load --replace "$work/all")" "loaded: $n"
        list --from="$next" >"$work/part"
        equal "$(head -n 1 "$work/part")" "# restarted"
        grep -v '^#' "$work/part" | sort | cmp - "$work/all"
        next=$(list --max="$part" | sed -n 's/^# next: //p')
        list --from="$next" >"$work/part"
        refuses grep '^#' "$work/part"
        equal "$(wc -l <"$work/part")" $((n - part))
    done

    ovs-dpctl ila-stats | sed 's/bytes:.*//; s/translations:.*//' \
        >"$work/stats"
    diff - "$work/stats" <<EOF
entries:$n max:4194304 (0.1% full)
  dir=out ident:$n

with timeout:0

packets: hit:0 miss:0 (0.0% hit)
EOF
    equal "$(printf '' | ovs-dpctl ila-load --replace -)" "loaded: 0"
    equal "$(list)" ""
}

ports () {
    ovs_start
    host h1
    cable v1 h1 eth0 2001:0:87:0:3000:0:1:333/64
    bridge br0 v1
    ovs-appctl dpctl/ila-add match-locator=2001:0:87:0 locator=3333:0:0:1 \
        csum-mode=neutral-map
    refuses eval "ovs-dpctl ila-stats | grep 'port v1'"
    ovs-vsctl set interface v1 other_config:ila=both
    wait_for 20 eval "ovs-dpctl ila-stats | grep 'port v1 (both)'"
    on h1 ip -6 route add default dev eth0
    on h1 ip -6 neigh add 2001:0:87:0::1 dev eth0 lladdr 02:00:00:00:00:01
    on h1 ping -q -c 3 -i 0.2 -W 1 2001:0:87:0::1 || true
    wait_for 20 eval "ovs-dpctl ila-stats --json |
        grep '\"ila\":\"both\",\"name\":\"v1\",\"packets\":{[^}]*\"in\":3[^0-9]'"
    equal "$(ovs-dpctl -s ila-list | grep -o 'packets=[0-9]*')" packets=3
    ovs-vsctl remove interface v1 other_config ila
    wait_for 20 eval "ovs-dpctl ila-stats | grep 'port v1 (off)'"
}

# TC sees packets before the datapath does, thus before they are translated.
in_tc () {                      # in_tc PORT: IPv6 flows from that port
    on h1 ping -q -c 1 -W 1 3333:0:0:1:2000::2 &&
        ovs-appctl dpctl/dump-flows --names type=tc |
        grep "in_port($1),.*eth_type(0x86dd)"
}

offload () {
    # Those that were there when the port began to translate.
    tolerate 'failed to flow_del \(No such file or directory\)'
    modprobe openvswitch
    ovs_start
    ovs-vsctl --no-wait set Open_vSwitch . other_config:hw-offload=true \
        other_config:tc-policy=skip_hw
    ovs-appctl -t ovs-vswitchd exit --cleanup
    wait_for 20 eval "! test -e '$work/ovs/ovs-vswitchd.pid'"
    vswitchd_start
    host h1
    host h2
    cable v1 h1 eth0 3333:0:0:1:2000::1/64
    cable v2 h2 eth0 3333:0:0:1:2000::2/64
    bridge br0 v1 v2
    ovs-ofctl add-flow br0 in_port=v1,actions=output:v2
    ovs-ofctl add-flow br0 in_port=v2,actions=output:v1
    wait_for 20 in_tc v1
    wait_for 20 in_tc v2

    ovs-vsctl set interface v1 other_config:ila=in
    wait_for 20 in_tc v2
    refuses in_tc v1
    ovs-appctl dpctl/dump-flows --names type=ovs | tee "$work/flows"
    grep 'in_port(v1),.*eth_type(0x86dd)' "$work/flows"

    # What is not in TC stays there as long as it is used.
    ovs-vsctl remove interface v1 other_config ila
    wait_for 20 eval "! ovs-dpctl ila-stats | grep 'port v1 (in)'"
    ovs-appctl revalidator/purge
    wait_for 20 in_tc v1
}

check "ila commands: one entry after the other" one_by_one
check "ila commands: what becomes of an address" lookup
check "ila commands: loads and listings" load
check "ila commands: ports and counts" ports
check "ila ports: IPv6 flows stay out of TC" offload
