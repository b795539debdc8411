# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel module.  Part of the top Makefile.
#
# It is assembled in datapath-src and built there by Kbuild, for the kernel of
# --with-linux from the source of --with-linux-source.  datapath-linux keeps
# what was taken out of the latter.

linux_source = $(or $(LINUX_SOURCE),/usr/src/linux-source-6.1.tar.xz)
find_linux = $(SHELL) $(build_aux)/find-linux '$(LINUX_BUILD)'
assemble_datapath = $(PYTHON3) $(build_aux)/assemble-datapath \
	--top '$(abs_srcdir)' --source '$(linux_source)' \
	--cache datapath-linux --version '$(PACKAGE_VERSION)'
# Without vmlinux, which headers lack, there is nothing to relate BTF to.
kbuild_in = $(MAKE) $(jobs) --no-print-directory -C "$$linux" M='$(abs_builddir)/$(1)' \
	    `test -e "$$linux/vmlinux" || echo CONFIG_DEBUG_INFO_BTF_MODULES=`
kbuild = linux=`$(find_linux)` && $(call kbuild_in,datapath-src)

datapath: datapath-src
	@$(kbuild) modules

# Both the assembly and Kbuild see for themselves what has to be done.
datapath-src:
	@$(find_linux) >/dev/null
	$(AM_V_GEN)$(assemble_datapath) $@

# A tree below DESTDIR from which DKMS, or "make -C BUILDDIR M=TREE" alone,
# builds the modules.
dkms_tree = $(DESTDIR)/usr/src/openvswitch-extended-$(PACKAGE_VERSION)
datapath-dkms:
	$(AM_V_GEN)$(MKDIR_P) '$(DESTDIR)/usr/src' && \
	    $(assemble_datapath) --copy '$(dkms_tree)'

# Ours.
datapath_objects = $(patsubst %.c,%.o,$(notdir $(wildcard $(srcdir)/datapath/*.c)))

# What can be tested without a kernel to load the module into.
check-datapath: check_packages datapath
	@$(logged) logs/$@.log $(MAKE) --no-print-directory datapath-tests
datapath-tests: DESTDIR = $(abs_builddir)/datapath-dkms
datapath-tests: datapath-dkms
	@$(kbuild) W=1 KCFLAGS=-Werror $(datapath_objects)
	LINUX=`$(find_linux)` DKMS_TREE='$(dkms_tree)' \
	    CC='$(CC)' MODULES='$(abs_builddir)/datapath-src' \
	    CHECKPATCH='$(abs_builddir)/datapath-linux/scripts/checkpatch.pl' \
	    VERSION='$(PACKAGE_VERSION)' PYTHONDONTWRITEBYTECODE=yes \
	    $(PYTHON3) -m unittest discover -v -s '$(srcdir)/tests/kernel'

## The kernel module in guests, see tests/guest/harness.

# That of Debian's cloud kernel, which is small and starts fast.
guest_linux = $(SHELL) $(build_aux)/find-linux '$(GUEST_LINUX)' cloud-amd64
datapath-guest:
	@$(guest_linux) >/dev/null
	$(AM_V_GEN)$(assemble_datapath) $@
	@linux=`$(guest_linux)` && $(call kbuild_in,$@) modules

# Programs of tests in guests, which need no library there.
guest_programs = guest-programs/match-cache guest-programs/ring-device \
	guest-programs/ring-dumps guest-programs/ring-faults.so \
	guest-programs/ring-tx guest-programs/ring-upcalls
guest-programs/%: $(srcdir)/tests/guest/%.c $(srcdir)/include/openvswitch/extension-abi.h
	$(AM_V_GEN)$(MKDIR_P) guest-programs && \
	    $(CC) -O2 -static -I$(srcdir)/include -o $@ $<
guest-programs/%.so: $(srcdir)/tests/guest/%.c $(srcdir)/include/openvswitch/ring-kernel.h
	$(AM_V_GEN)$(MKDIR_P) guest-programs && \
	    $(CC) -O2 -Wall -Wextra -shared -fPIC -I$(srcdir)/include -o $@ $<
guest-programs/ring-%: $(srcdir)/tests/guest/ring-%.c \
		$(wildcard $(srcdir)/tests/guest/ring-*.h \
			$(srcdir)/include/openvswitch/ring-*.h \
			$(srcdir)/bench/programs/bench-guest.*)
	$(AM_V_GEN)$(MKDIR_P) guest-programs && \
	    $(CC) -O2 -Wall -Wextra -static -pthread -I$(srcdir)/include \
	        -I$(srcdir)/bench/programs -o $@ $< \
	        $(srcdir)/bench/programs/bench-guest.c

# TOPICS=... names files in tests/guest, TEST=... is a word that the names of
# tests have to contain, SET="NAME=VALUE ..." are variables that tests see,
# TIMEOUT=... is for how many seconds a guest may say nothing.
guest_options = --ovs ovs --ovs-source ovs-src --logs logs/$@ \
	--selftests datapath-linux/tools/testing/selftests/net/openvswitch \
	$(addprefix --file ,$(guest_programs)) --test='$(TEST)' \
	$(addprefix --set ,$(SET)) $(addprefix --timeout ,$(TIMEOUT)) $(TOPICS)
check-kernel: check_packages all datapath-guest guest-suites $(guest_programs)
	@PYTHON3='$(PYTHON3)' $(logged) logs/$@.log $(SHELL) $(srcdir)/tests/check-kernel \
	    '$(GUEST_LINUX)' --ours datapath-guest --once-more $(guest_options)

# The same under a kernel that looks for errors.
check-kernel-debug: check_packages all guest-suites $(guest_programs)
	@$(install_packages) debug
	@debug=`$(build_aux)/debug-kernel '$(linux_source)' '$(srcdir)/tests/guest/debug.config'` && \
	    $(assemble_datapath) datapath-debug && \
	    linux=$$debug/build && $(call kbuild_in,datapath-debug) ARCH=um modules && \
	    $(logged) logs/$@.log $(PYTHON3) $(build_aux)/check-kernel --uml \
	        --kernel="$$linux/linux" --modules="$$debug/modules" \
	        --release="`ls "$$debug/modules/lib/modules"`" \
	        --ours datapath-debug --timeout 1800 \
	        `$(SHELL) $(build_aux)/guest-stock` $(guest_options)

guest-suites: all
	@$(make_ovs) --no-print-directory kernel-testsuites >/dev/null

.PHONY: guest-suites datapath datapath-src datapath-dkms check-datapath datapath-tests \
	datapath-guest check-kernel check-kernel-debug

clean-local: clean-datapath
clean-datapath:
	rm -rf datapath-src datapath-src.new datapath-linux datapath-guest \
	    datapath-guest.new datapath-dkms datapath-debug datapath-debug.new \
	    guest-programs
.PHONY: clean-datapath
