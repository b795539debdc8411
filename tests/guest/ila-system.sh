# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The system tests of ILA, the same as for the userspace datapath, and with
# offload: partial checksums and segments larger than the MTU.

autotest extension-kernel-testsuite
