# SPDX-License-Identifier: Apache-2.0
#
# Benchmarks against the unmodified build.  Part of the top Makefile.
#
#     make bench [CASES="dump forward/emc ..."] [ROUNDS=N]

ROUNDS = 5
bench_programs = $(MAKE) $(jobs) --no-print-directory -f Makefile \
	-f '$(abs_srcdir)/bench/programs/programs.mk' bench-programs

# The kernel cases skip themselves if their module cannot be had; what Kbuild
# said about it is in the log.
bench: bench-packages
	@$(MAKE) --no-print-directory all stock
	@$(MKDIR_P) logs; \
	    $(MAKE) --no-print-directory datapath-guest >logs/bench-datapath.log 2>&1 || \
	    echo "make bench: no module for a guest, see logs/bench-datapath.log"
	@for tree in ovs stock; do (cd $$tree && $(bench_programs)) || exit 1; done
	@$(build_aux)/logged logs/$@.log $(PYTHON3) $(srcdir)/bench/run \
	    --build '$(abs_builddir)' --rounds '$(ROUNDS)' $(foreach c,$(CASES),'$c')

bench-packages:
	@$(build_aux)/install-packages build kernel bench
.PHONY: bench bench-packages
