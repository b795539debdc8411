# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The match cache of the kernel datapath.  Its tests share what they set up, so
# that they are a script of their own, which prints lines like ours.

# One minute of changes under dumps where the kernel looks for errors.
churn=5
test ! -e /sys/kernel/debug/kmemleak || churn=60

case "match cache" in
*"${selected-}"*)
    echo "@ match cache"
    mkdir -p "$work"
    (PATH=/guest:$PATH CHURN=$churn SCHEMA=$OVS_PKGDATADIR/vswitch.ovsschema \
        STOCK=$(find "/lib/modules/$(uname -r)/kernel" -name 'openvswitch.ko*') \
        bash /guest/match-cache-tests 2>&1) ||
        echo "FAIL match cache: a test above, or the script"
    cleanup ;;
esac
