# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The match cache of the kernel datapath.  Its tests share what they set up, so
# that they are a script of their own, which prints lines like ours.

match_cache_tests () {
    local churn=5 stock
    # One minute of changes under dumps where the kernel looks for errors.
    test ! -e /sys/kernel/debug/kmemleak || churn=60
    stock=$(find "/lib/modules/$(uname -r)/kernel" -name 'openvswitch.ko*')
    echo "@ match cache"
    PATH=/guest:$PATH CHURN=$churn STOCK=$stock \
        SCHEMA=$OVS_PKGDATADIR/vswitch.ovsschema \
        bash /guest/match-cache-tests 2>&1 ||
        echo "FAIL a test of the above, or the script"
    cleanup
}

match_cache_tests
