# SPDX-License-Identifier: Apache-2.0
#
# What our files add to Open vSwitch's build.  Its Makefile.am includes this
# in the assembled tree.

EXTRA_DIST += extensions.mk
