# SPDX-License-Identifier: Apache-2.0
#
# Tests and demo, as users call them.  Part of the top Makefile.
#
# Each target leaves what it printed in logs/, and prints how many tests
# passed, failed and were skipped in its last line.

install_packages = $(build_aux)/install-packages
logged = $(build_aux)/logged
count_tests = $(PYTHON3) $(build_aux)/count-tests

# Upstream's tests mostly wait, so that more of them run at once than there
# are processors.
test_jobs = -j8

check_packages:
	@$(install_packages) build check kernel
.PHONY: check_packages

# Everything but upstream's suites.  A part that fails does not keep the next
# one from running.
CHECKS = style unit system install datapath kernel dist
check-local: check_packages
	@rc=0; logs=; \
	for t in $(CHECKS); do \
	    $(MAKE) --no-print-directory check-$$t || rc=1; \
	    logs="$$logs logs/check-$$t.log"; \
	done; \
	echo; echo "make check:"; \
	$(count_tests) $$logs || rc=1; \
	exit $$rc

# The rules of CONTRIBUTING that a program can check.
check-style: ovs-src/.stamp
	@$(logged) logs/$@.log $(PYTHON3) $(build_aux)/check-style '$(srcdir)' ovs-src

# Pure cores, tools, and the switch on a datapath of its own: no privileges.
check-unit: all
	@$(logged) logs/$@.log $(MAKE) --no-print-directory unit-tests
unit-tests:
	cd '$(srcdir)' && PYTHONDONTWRITEBYTECODE=yes \
	    PYTHONPATH='$(abs_builddir)/ovs-src/python:tests' \
	    OVS_SOURCE='$(OVS_SOURCE)' OVS_BUILD='$(abs_builddir)/ovs' \
	    $(PYTHON3) -m unittest tests/test_*.py
	$(MAKE) -C ovs check-extension TESTSUITEFLAGS='$(test_jobs) $(TESTSUITEFLAGS)' RECHECK=yes

# The switch on real interfaces, in namespaces of its own: root.
check-system: all
	@$(logged) logs/$@.log $(MAKE) -C ovs check-extension-system \
	    TESTSUITEFLAGS='$(TESTSUITEFLAGS)' RECHECK=yes

# What is installed works from where it is installed: root.
check-install: all
	@$(logged) logs/$@.log $(sandbox) \
	    $(SHELL) $(srcdir)/tests/check-install '$(MAKE)' '$(prefix)'

# The tarball builds where there is no git.
check-dist: ovs-src/.stamp
	@$(logged) logs/$@.log $(SHELL) $(srcdir)/tests/check-dist '$(MAKE)' \
	    '$(distdir).tar.gz' '$(OVS_SOURCE)'

# Upstream's suite: the fork loses no test of it.  Some groups connect to
# addresses that nobody should have; where a sandbox can be had, they do so in
# a network of their own.
upstream = --ours ovs --stock stock --stock-cmd '$(MAKE) stock'
sandbox = $(SHELL) $(srcdir)/tests/sandbox
check-upstream: check_packages all
	@set -- $(upstream); \
	if $(sandbox) true 2>/dev/null; then \
	    set -- "$$@" --sandbox '$(sandbox)'; \
	fi; \
	$(logged) logs/$@.log $(PYTHON3) $(build_aux)/check-upstream "$$@" \
	    -- $(TESTSUITEFLAGS)

# Likewise upstream's system tests for the userspace datapath.
check-system-upstream: check_packages all
	@$(logged) logs/$@.log $(SHELL) $(build_aux)/check-system-upstream $(upstream) \
	    -- $(TESTSUITEFLAGS)

# Upstream's suite with the match cache on, each flow compared in each dump.
# On demand.
MATCH_CACHE_CHECK_LOG = $(abs_builddir)/logs/match-cache-checks
check-match-cache: check_packages all
	@$(MKDIR_P) logs; rm -f $(MATCH_CACHE_CHECK_LOG)
	@$(logged) logs/$@.log env MATCH_CACHE_CHECK_LOG='$(MATCH_CACHE_CHECK_LOG)' \
	    $(MAKE) -C ovs check-match-cache \
	    TESTSUITEFLAGS='$(test_jobs) $(TESTSUITEFLAGS)' RECHECK=yes
	@awk '{ n += $$1 } END { print n " cached matches compared"; exit !n }' \
	    $(MATCH_CACHE_CHECK_LOG)

# What is most at risk under AddressSanitizer and ThreadSanitizer, or with
# SANITIZERS=thread one of them.  On demand.
SANITIZER_SECONDS = 60
SANITIZERS = address thread
check-sanitizers: check_packages all
	@$(logged) logs/$@.log $(SHELL) $(srcdir)/tests/check-sanitizers \
	    '$(MAKE)' ovs-src ovs $(SANITIZER_SECONDS) $(SANITIZERS)

# Real traffic through the switch, in three minutes.
demo_path = $(abs_builddir)/ovs/utilities:$(abs_builddir)/ovs/vswitchd:$(abs_builddir)/ovs/ovsdb:$(abs_builddir)/ovs/tests
demo:
	@$(install_packages) build demo
	@echo "Building (logs/demo-build.log)..."; $(MKDIR_P) logs; \
	$(MAKE) --no-print-directory all >logs/demo-build.log 2>&1 \
	    || { tail -n 30 logs/demo-build.log; exit 1; }
	@guest=; \
	if options=`$(MAKE) --no-print-directory -s demo-guest 2>>logs/demo-build.log`; then \
	    guest="$(PYTHON3) $(abspath $(build_aux))/check-kernel $$options"; \
	fi; \
	OVS_EXT_GUEST="$$guest" PATH="$(demo_path):$$PATH" OVS_PKGDATADIR='$(abs_builddir)/ovs-src/vswitchd' \
	    $(srcdir)/utilities/ovs-ext-demo

# Prints the options for the guest of act "kernel".
demo-guest:
	@$(MAKE) --no-print-directory datapath-guest >&2
	@linux=`$(guest_linux)` && options=`$(build_aux)/guest-kernel "$$linux"` && \
	    echo "$$options --ours $(abs_builddir)/datapath-guest" \
	        "--ovs $(abs_builddir)/ovs --ovs-source $(abs_builddir)/ovs-src"

.PHONY: check-style check-unit unit-tests check-system check-install check-dist \
	check-upstream check-system-upstream check-match-cache \
	check-sanitizers demo demo-guest

distclean-local: distclean-logs
distclean-logs:
	rm -rf logs address-sanitizer thread-sanitizer
.PHONY: distclean-logs
