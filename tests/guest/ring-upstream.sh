# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Open vSwitch's own system tests of the kernel datapath without the device of
# rings, and with rings that fail at random; topic upstream has them with rings
# that work.  By default a few of them.  With UPSTREAM=all all, and those with
# rings that work, too; another value is one of their keywords.  RINGS is some
# of work,absent,fail, to have them in those ways only.

ways=work,absent,fail
case ${UPSTREAM-} in
'') tests=(-k 'clone,action' -k 'label,pop' -k 'ping6,cvlan'
        -k 'multiple,bridges')
    ways=absent,fail ;;
all) tests=() ;;
*)  tests=(-k "$UPSTREAM") ;;
esac
ways=${RINGS-$ways}

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

for way in ${ways//,/ }; do
    echo "@ rings $way"
    "rings_$way"
done
