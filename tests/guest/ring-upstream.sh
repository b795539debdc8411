# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Open vSwitch's own system tests of the kernel datapath without the device of
# rings, and with rings that fail at random; topic upstream has them with rings
# that work.  By default a few of them, with UPSTREAM=all all, and those with
# rings that work, too.  RINGS is one of "work", "absent" and "fail", to have
# them in that way only.

if test "${UPSTREAM-}" = all; then
    tests=()
    ways=${RINGS-work absent fail}
else
    tests=(-k 'clone,action' -k 'label,pop' -k 'ping6,cvlan'
        -k 'multiple,bridges')
    ways=${RINGS-absent fail}
fi

rings_work () {
    autotest system-kmod-testsuite "${tests[@]}"
}

# Each group of the suite loads the module anew, and with it comes the device.
rings_absent () {
    VSWITCHD_BEFORE="rm -f /dev/openvswitch-ring" \
        autotest system-kmod-testsuite "${tests[@]}"
}

rings_fail () {
    VSWITCHD_ENV="LD_PRELOAD=/guest/ring-faults.so RING_FAULTS=4" \
        autotest system-kmod-testsuite "${tests[@]}"
}

for way in $ways; do
    echo "@ rings $way"
    "rings_$way"
done
