# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Linux's own tests of the module.

selftests () {
    local status=0
    need python3
    test -e "$GUEST_SELFTESTS/openvswitch.sh" ||
        skip "this Linux has no tests of openvswitch"
    cp "$GUEST_SELFTESTS"/* .
    modprobe openvswitch
    bash ./openvswitch.sh -v >log 2>&1 || status=$?
    cat log
    if grep -q PYLIB log; then
        skip "Python's pyroute2 is not installed, Debian package python3-pyroute2"
    fi
    equal "$status" 0 "exit status"
    grep -q '\[ OK \]' log
    refuses grep 'FAIL\|NOMOD\|SKIP' log
}

check "Linux's selftests" selftests
