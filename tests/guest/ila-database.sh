# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# ILA mappings of the database, of files and in ofproto/trace, in the kernel.

row () {                        # row COLUMN=VALUE...
    ovs-vsctl create ILA_Mapping "$@" >/dev/null
}

mappings () {
    ovs-dpctl ila-list "$@" | cut -d ' ' -f -3 | sort
}

status () {                     # status ROW
    ovs-vsctl get ILA_Mapping "$1" status
}

has_status () {                 # has_status ROW STATUS
    test "$(status "$1")" = "$2"
}

# What rows have added, replaced and deleted since ovs-vswitchd was started.
changes () {
    local c
    for c in added replaced deleted; do
        ovs-appctl coverage/read-counter "ila_rows_$c"
    done | xargs
}

switch_start () {
    ovs_start
    host h1
    cable v1 h1 eth0
    bridge br0 v1
    row 'match_locator="2001:0:1:0"' 'locator="3333:0:0:1"'
    row 'match_locator="2001:0:2:0"' 'locator="3333:0:0:1"'
    row 'match_locator="2001:0:3:0"' 'locator="3333:0:0:1"' port=v1
}

switch_stop () {
    local pid
    pid=$(cat "$OVS_RUNDIR/ovs-vswitchd.pid")
    ovs-appctl exit
    wait_for 20 eval "! kill -0 $pid"
}

switch_again () {
    ovs-vswitchd -vconsole:off --detach --no-chdir --pidfile --log-file
}

restart () {
    local before
    switch_start
    equal "$(changes)" "3 0 0"
    before=$(mappings)
    switch_stop
    equal "$(mappings)" "$before" "mappings without ovs-vswitchd"

    ovs-vsctl --no-wait set ILA_Mapping 2001:0:1:0 'locator="3333:0:0:9"' \
        -- destroy ILA_Mapping 2001:0:2:0
    ovs-vsctl --no-wait create ILA_Mapping 'match_locator="2001:0:4:0"' \
        'locator="3333:0:0:1"' >/dev/null
    switch_again
    equal "$(changes)" "1 1 1"
    equal "$(mappings)" "dir=in match-locator=2001:0:1:0 locator=3333:0:0:9
dir=in match-locator=2001:0:3:0 port=v1
dir=in match-locator=2001:0:4:0 locator=3333:0:0:1"
    equal "$(status 2001:0:3:0)" "{state=applied}"

    switch_stop
    switch_again
    equal "$(changes)" "0 0 0"
}

ports () {
    local error='{error="port \"v1\" does not exist", state=error}'
    # ofproto may be at it when the device goes.
    tolerate 'network device v1|No such device|on nonexistent port'
    switch_start
    ip link del v1
    wait_for 20 has_status 2001:0:3:0 "$error"
    equal "$(mappings | wc -l)" 2
    cable v1 h1 eth0
    wait_for 20 has_status 2001:0:3:0 "{state=applied}"
    equal "$(mappings port=v1)" "dir=in match-locator=2001:0:3:0 port=v1"
}

conflict () {
    ovs_start
    bridge br0
    ovs-dpctl ila-add match-locator=2001:0:1:0 locator=3333:0:0:5
    row 'match_locator="2001:0:1:0"' 'locator="3333:0:0:1"'
    status 2001:0:1:0 | grep 'not from the database'
    refuses ovs-dpctl ila-add match-locator=2001:0:1:0 locator=3333:0:0:6
    ovs-dpctl ila-del match-locator=2001:0:1:0
    wait_for 20 has_status 2001:0:1:0 "{state=applied}"
    refuses ovs-dpctl ila-del match-locator=2001:0:1:0
}

many () {
    local i words=()
    ovs_start
    bridge br0
    for ((i = 0; i < 200; i++)); do
        words+=(-- create ILA_Mapping
            "match_locator=\"2001:0:$(printf %x "$i"):0\"" 'locator="3333:0:0:1"')
    done
    ovs-vsctl "${words[@]}" >/dev/null
    equal "$(mappings | wc -l)" 200
    equal "$(changes)" "200 0 0"
    switch_stop
    switch_again
    equal "$(changes)" "0 0 0"
    ovs-vsctl -- --all destroy ILA_Mapping
    equal "$(mappings | wc -l)" 0
}

file () {
    tolerate 'stay as they are: .*file:2: port'
    switch_start
    ovs-dpctl ila-add match-locator=2001:0:7:0 locator=3333:0:0:5
    echo 'match-locator=2001:0:8:0 locator=3333:0:0:1' >"$OVS_RUNDIR/file"
    ovs-vsctl set Open_vSwitch . other_config:ila-mappings-file="$OVS_RUNDIR/file"
    ovs-appctl ila/show
    equal "$(mappings owner=user)" "dir=in match-locator=2001:0:8:0 locator=3333:0:0:1"
    equal "$(mappings owner=database | wc -l)" 3
    echo 'match-locator=2001:0:3:0 port=v9 locator=3333:0:0:1' >>"$OVS_RUNDIR/file"
    wait_for 20 eval 'ovs-appctl ila/show | grep "file:2: port .v9. does not exist"'
    equal "$(mappings | wc -l)" 4
}

trace () {
    switch_start
    ovs-vsctl set interface v1 other_config:ila=in
    ovs-appctl ofproto/trace br0 --ila-ingress \
        in_port=v1,udp6,ipv6_dst=2001:0:3:0::87 | tee trace
    grep '^ila ingress: 2001:0:3::87 -> 3333:0:0:1::87 (no-action)$' trace
    grep '^    preference 3: port (2) + match-locator (1)$' trace
    ovs-appctl ofproto/trace br0 in_port=v1,udp6 | grep '^ila ingress: this port'
}

check "ila database: a restart changes only what differs" restart
check "ila database: ports come and go" ports
check "ila database: mappings of ovs-dpctl" conflict
check "ila database: many rows" many
check "ila database: files" file
check "ila database: ofproto/trace" trace
