# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Variables of ovs-ext-demo.
#
# Act "kernel" of ovs-ext-demo: the kernel module in a machine of its own, made
# by QEMU in software.  "make demo" says by OVS_EXT_GUEST how to start it: a
# command that boots and prints what demo/kernel-guest prints there.

# shellcheck disable=SC2034  # Read by ovs-ext-demo.
act_kernel_title="The kernel module, in a virtual machine"
# shellcheck disable=SC2034
act_kernel_needs=""

act_kernel_run () {
    local line what figure status
    if test -z "${OVS_EXT_GUEST-}"; then
        say "Skipped: no guest (\"make demo\" makes one; see logs/demo-build.log)."
        return
    fi
    if ! command -v qemu-system-x86_64 >/dev/null; then
        say "Skipped: no qemu-system-x86_64 (Debian package qemu-system-x86)."
        return
    fi
    say "A machine without network or disk boots Debian's cloud kernel; nothing of this happens on the host:"
    # shellcheck disable=SC2086  # A command and its arguments.
    $OVS_EXT_GUEST --logs "$state/guest" --file "$acts_dir/kernel-guest" \
        --script kernel-guest >"$state/guest.out" 2>&1 </dev/null ||
        echo "CHECK|guest: boots, runs, halts|no|1" >>"$state/guest.out"
    while IFS= read -r line; do
        case $line in
        CHECK\|*)
            IFS='|' read -r _ what figure status <<<"$line"
            check "$what" "$figure" test "$status" = 0 ;;
        *)  printf '%s\n' "$line" ;;
        esac
    done <"$state/guest.out"
}
