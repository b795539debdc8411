# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The system tests of ILA, the same as for the userspace datapath.

autotest extension-kernel-testsuite -k '!offload'
