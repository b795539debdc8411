# SPDX-License-Identifier: Apache-2.0
#
# System tests of the extensions: real daemons, namespaces and traffic.
# Part of Open vSwitch's Makefile.am, beside tests/automake.mk.

EXTENSION_SYSTEM_TESTSUITE_AT = \
	tests/extension-macros.at \
	tests/extension-system-testsuite.at \
	tests/system-dpctl.at \
	tests/system-icmp-error.at \
	tests/system-ila.at \
	tests/system-ila-afxdp.at \
	tests/system-ila-ingress.at \
	tests/system-ila-lookup.at \
	tests/system-ila-offload.at \
	tests/system-ring.at \
	tests/system-tls-dns.at \
	tests/system-vrf-tunnel.at \
	tests/system-vrf-tunnel-flow.at \
	tests/system-xdp.at \
	tests/system-xdp-offload.at \
	tests/system-xdp-umem.at \
	tests/system-vrf.at \
	tests/system-vrf-output.at
EXTENSION_SYSTEM_TESTSUITE = $(srcdir)/tests/extension-system-testsuite

EXTENSION_KERNEL_TESTSUITE_AT = \
	tests/extension-kernel-testsuite.at \
	tests/extension-macros.at \
	tests/system-ila.at \
	tests/system-ila-lookup.at \
	tests/system-ila-offload.at
EXTENSION_KERNEL_TESTSUITE = $(srcdir)/tests/extension-kernel-testsuite

EXTRA_DIST += \
	$(EXTENSION_SYSTEM_TESTSUITE_AT) \
	$(EXTENSION_SYSTEM_TESTSUITE) \
	tests/extension-kernel-testsuite.at \
	$(EXTENSION_KERNEL_TESTSUITE) \
	tests/afxdp-zerocopy.c \
	tests/preload.h \
	tests/sandbox

$(EXTENSION_SYSTEM_TESTSUITE): package.m4 $(EXTENSION_SYSTEM_TESTSUITE_AT) $(SYSTEM_USERSPACE_TESTSUITE_AT) tests/system-common-macros.at $(COMMON_MACROS_AT)
	$(AM_V_GEN)$(AUTOTEST) -I '$(srcdir)' -o $@.tmp $@.at
	$(AM_V_at)mv $@.tmp $@

$(EXTENSION_KERNEL_TESTSUITE): package.m4 $(EXTENSION_KERNEL_TESTSUITE_AT) $(SYSTEM_KMOD_TESTSUITE_AT) tests/system-common-macros.at $(COMMON_MACROS_AT)
	$(AM_V_GEN)$(AUTOTEST) -I '$(srcdir)' -o $@.tmp $@.at
	$(AM_V_at)mv $@.tmp $@

# The suites that guests run.
kernel-testsuites: all $(EXTENSION_KERNEL_TESTSUITE) $(SYSTEM_KMOD_TESTSUITE) tests/atconfig tests/atlocal
.PHONY: kernel-testsuites

# What ovs-vswitchd preloads in some tests.
if HAVE_AF_XDP
EXTENSION_PRELOADS = tests/afxdp-zerocopy.so
CLEANFILES += $(EXTENSION_PRELOADS)
endif
tests/afxdp-zerocopy.so: tests/afxdp-zerocopy.c tests/preload.h
	$(AM_V_CCLD)$(COMPILE) -D_GNU_SOURCE -shared -fPIC -o $@ $< -ldl

# Everything happens in tests/sandbox: the host is not touched.
check-extension-system: all $(EXTENSION_PRELOADS) $(EXTENSION_SYSTEM_TESTSUITE)
	set $(SHELL) '$(srcdir)/tests/sandbox' $(SHELL) '$(EXTENSION_SYSTEM_TESTSUITE)' -C tests AUTOTEST_PATH='$(AUTOTEST_PATH)'; \
	"$$@" $(TESTSUITEFLAGS) -j1 || (test X'$(RECHECK)' = Xyes && "$$@" --recheck)
.PHONY: check-extension-system

CLEAN_LOCAL += clean-extension-system
clean-extension-system:
	test ! -f '$(EXTENSION_SYSTEM_TESTSUITE)' || $(SHELL) '$(EXTENSION_SYSTEM_TESTSUITE)' -C tests --clean
