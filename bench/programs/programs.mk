# SPDX-License-Identifier: Apache-2.0
#
# The benchmark programs, built in a tree of Open vSwitch with that tree's own
# compiler, flags and libraries:
#
#     make -C TREE -f Makefile -f programs.mk bench-programs
#
# The sources are the same for every tree.

bench_source := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
bench_programs = bench/bench-dump bench/bench-forward bench/bench-ila \
	bench/bench-upcall

# What measures ours against something else than the unmodified build.
ifneq ($(wildcard $(srcdir)/lib/ring-lane.h),)
bench_programs += bench/bench-channel bench/bench-export bench/bench-queue \
	bench/bench-tap bench/bench-xdp
endif

ifneq ($(wildcard $(srcdir)/lib/vrf-fib.h),)
bench_programs += bench/bench-output-vrf bench/bench-vrf
endif

# What ovs-vswitchd of either tree preloads.
ifeq ($(HAVE_AF_XDP_TRUE),)
bench_programs += bench/bench-afxdp-nic.so
ifneq ($(wildcard $(srcdir)/tests/afxdp-zerocopy.c),)
bench_programs += tests/afxdp-zerocopy.so
endif
endif

bench-programs: $(bench_programs)
.PHONY: bench-programs
.SECONDARY: $(bench_programs:=.o) bench/bench-netdev.o bench/bench-switch.o \
	bench/bench-dp.o bench/bench-feed.o

# Libraries that changed may have brought other headers.
bench/%.o: $(bench_source)%.c $(wildcard $(bench_source)*.h) \
		lib/libopenvswitch.la
	@$(MKDIR_P) bench
	$(AM_V_CC)$(COMPILE) -c -o $@ $<

bench/bench-forward bench/bench-ila bench/bench-output-vrf \
    bench/bench-upcall: bench/bench-netdev.o
bench/bench-forward bench/bench-output-vrf: bench/bench-dp.o
bench/bench-output-vrf: bench/bench-feed.o
bench/bench-ila bench/bench-upcall: bench/bench-switch.o
bench/bench-%: bench/bench-%.o ofproto/libofproto.la lib/libopenvswitch.la
	$(AM_V_CCLD)$(LINK) $(filter %.o,$^) ofproto/libofproto.la \
	    lib/libsflow.la lib/libopenvswitch.la $(LIBS)
bench/bench-afxdp-nic.so: $(bench_source)bench-afxdp-nic.c \
		$(bench_source)../../tests/preload.h lib/libopenvswitch.la
	@$(MKDIR_P) bench
	$(AM_V_CCLD)$(COMPILE) -D_GNU_SOURCE -shared -fPIC -o $@ $< -ldl
