#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: handler.sh WAY BURST SIZE PACKETS SAMPLES
#
# Runs bench-handler in a guest, with an ovs-vswitchd whose upcalls come by
# WAY, netlink or ring.

declare -A enable=([netlink]=off [ring]=on)
way=$1
shift

begin () {
    export OVS_RUNDIR=/tmp/ovs OVS_LOGDIR=/tmp/ovs OVS_DBDIR=/tmp/ovs
    rm -rf "$OVS_RUNDIR"
    mkdir "$OVS_RUNDIR" || return
    ovsdb-tool create "$OVS_DBDIR/conf.db" /guest/vswitch.ovsschema || return
    ovsdb-server -vconsole:off --detach --no-chdir --pidfile \
        --remote=punix:"$OVS_RUNDIR/db.sock" "$OVS_DBDIR/conf.db" || return
    ovs-vsctl --no-wait init
    # What is done now and then would be in some samples and not in others.
    ovs-vsctl --no-wait set Open_vSwitch . other_config:max-idle=3600000 \
        other_config:max-revalidator=3600000 \
        other_config:stats-update-interval=3600000 \
        other_config:ring-enable="${enable[$way]}"
    ovs-vswitchd -vconsole:off --detach --no-chdir --pidfile \
        2>"$OVS_RUNDIR/errors" || return
    ovs-vsctl add-br br0 -- set bridge br0 datapath_type=system \
        fail_mode=secure -- add-port br0 bench-p1 -- add-port br0 bench-p2 ||
        return
    ovs-ofctl add-flow br0 in_port=bench-p1,actions=bench-p2 || return
    ovs-appctl upcall/disable-megaflows
}

# They came the way that they should.
check () {
    local rings came
    rings=$(ovs-appctl dpif-netlink/show-rings) || return
    came=$(sed 's/.* \([0-9]*\) upcalls.*/\1/' <<<"$rings")
    case $way in
    netlink) [ -z "$rings" ] ;;
    ring) [ "$came" -gt 100 ] ;;
    esac
}

end () {
    ovs-appctl exit --cleanup
    ovs-appctl -t ovsdb-server exit
    while [ -e "$OVS_RUNDIR/ovs-vswitchd.pid" ] ||
            [ -e "$OVS_RUNDIR/ovsdb-server.pid" ]; do
        sleep 0.1
    done
}

begin >&2 || exit
/guest/bench-handler "$@" && check >&2
status=$?
end >&2
exit "$status"
