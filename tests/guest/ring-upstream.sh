# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Open vSwitch's own system tests of the kernel datapath without the device of
# rings, and with rings that fail at random; topic upstream has them with rings
# that work.  By default a few of them, with UPSTREAM=all in the environment of
# the guest all.

if test "${UPSTREAM-}" = all; then
    tests=()
else
    tests=(-k 'clone,action' -k 'label,pop' -k 'ping6,cvlan'
        -k 'multiple,bridges')
fi
modprobe openvswitch
echo "@ without the device"
mv /dev/openvswitch-ring /dev/openvswitch-ring.away
autotest system-kmod-testsuite "${tests[@]}"
test ! -e /dev/openvswitch-ring.away ||
    mv /dev/openvswitch-ring.away /dev/openvswitch-ring
echo "@ with faults"
VSWITCHD_ENV="LD_PRELOAD=/guest/ring-faults.so RING_FAULTS=4" \
    autotest system-kmod-testsuite "${tests[@]}"
