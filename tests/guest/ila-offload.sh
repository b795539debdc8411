# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The system tests of ILA with partial checksums and segments larger than the
# MTU.

autotest extension-kernel-testsuite -k offload
