# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Open vSwitch's own system tests of the kernel datapath: of each kind, a few
# that are fast.

autotest system-kmod-testsuite "" -k ping
