# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Our translation against Linux's own, packet by packet.

differential () {               # differential SEED PACKETS
    need python3
    modprobe -q ila || skip "no module ila for this kernel"
    modprobe tun
    modules_unload
    host lin
    python3 /guest/ila-differential.py linux "$@"

    tolerate "already has the C bit"
    modprobe openvswitch
    ovs_start
    ovs-dpctl add-dp dp0
    ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev \
        fail_mode=secure
    python3 /guest/ila-differential.py compare "$@"
    ovs-dpctl del-dp dp0
}

check "ila differential: random packets, Linux's ila.ko and both datapaths" \
    differential 1 4000
