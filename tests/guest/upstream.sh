# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Open vSwitch's own system tests of the kernel datapath: of each kind, one
# that is fast.

autotest system-kmod-testsuite -k clone,action -k geneve,regression \
    -k vxlan,vlan -k label,pop -k ping6,cvlan -k configure,cache -k later,fragments \
    -k simulated,update -k ct_mark,register -k multiple,bridges
