# SPDX-License-Identifier: Apache-2.0
#
# What our files add to Open vSwitch's build.  Its Makefile.am includes this
# in the assembled tree.

openvswitchinclude_HEADERS += \
	include/openvswitch/extension-abi.h \
	include/openvswitch/ring.h \
	include/openvswitch/ring-abi.h \
	include/openvswitch/ring-client.h \
	include/openvswitch/ring-kernel.h \
	include/openvswitch/ring-socket.h \
	include/openvswitch/ofpact-extension.h \
	include/openvswitch/vrf-field.h

lib_libopenvswitch_la_SOURCES += \
	lib/dpif-extension.c \
	lib/dpif-extension.h \
	lib/dpif-flow-text.c \
	lib/dpif-flow-text.h \
	lib/dpif-ila-action.c \
	lib/dpif-ila.c \
	lib/dpif-ila.h \
	lib/dpif-ila-names.c \
	lib/dpif-ila-names.h \
	lib/dpif-ila-packet.c \
	lib/dpif-netdev-ext.h \
	lib/dpif-netdev-extension.c \
	lib/dpif-netdev-extension.h \
	lib/dpctl-ext.h \
	lib/dpctl-extension.c \
	lib/dpctl-extension.h \
	lib/dpctl-ila-load.c \
	lib/dpctl-ila-stats.c \
	lib/dpctl-ila-trace.c \
	lib/dpctl-ila.c \
	lib/dpctl-ila.h \
	lib/dpctl-remote.c \
	lib/dpctl-remote.h \
	lib/dpctl-show.c \
	lib/dpctl-show.h \
	lib/flow-match-cache.c \
	lib/flow-match-cache.h \
	lib/icmp-error.c \
	lib/icmp-error.h \
	lib/icmp-limit.c \
	lib/icmp-limit.h \
	lib/ila-action.c \
	lib/ila-action.h \
	lib/ila-entry.c \
	lib/ila-entry.h \
	lib/ila-mapping.c \
	lib/ila-mapping.h \
	lib/ila-packet.c \
	lib/ila-packet.h \
	lib/ila-path.c \
	lib/ila-path.h \
	lib/ila-shape.c \
	lib/ila-shape.h \
	lib/ila-table-action.c \
	lib/ila-table-action.h \
	lib/ila-table.c \
	lib/ila-table.h \
	lib/ila-timeouts.c \
	lib/ila-timeouts.h \
	lib/ila-usage.c \
	lib/ila-usage.h \
	lib/ila-value.c \
	lib/ila-value.h \
	lib/ila.c \
	lib/ila.h \
	lib/mf-alias.c \
	lib/mf-alias.h \
	lib/netdev-afxdp-umem.h \
	lib/netdev-ila-action.c \
	lib/netdev-ila-action.h \
	lib/netdev-ila-dpif.c \
	lib/netdev-ila-extension.c \
	lib/netdev-ila.c \
	lib/netdev-ila.h \
	lib/netdev-match-cache.c \
	lib/netdev-match-cache.h \
	lib/odp-extension.c \
	lib/odp-extension.h \
	lib/odp-text-actions.c \
	lib/odp-text-field.c \
	lib/odp-text-key.c \
	lib/odp-text-private.h \
	lib/odp-text-sound.c \
	lib/odp-text-tunnel.c \
	lib/odp-text.h \
	lib/ofp-actions-ext.h \
	lib/ofp-extension.c \
	lib/ofp-extension.h \
	lib/partial-csum.h \
	lib/pcapng.c \
	lib/pcapng.h \
	lib/rcu-ids.c \
	lib/rcu-ids.h \
	lib/ring-action.c \
	lib/ring-action.h \
	lib/ring-flow.c \
	lib/ring-flow.h \
	lib/ring-upcall-config.c \
	lib/ring-upcall-config.h \
	lib/ring-names.c \
	lib/ring-names.h \
	lib/text-writer.c \
	lib/text-writer.h \
	lib/u32-index.c \
	lib/u32-index.h \
	lib/unixctl-view.c \
	lib/unixctl-view.h \
	lib/vrf-action.c \
	lib/vrf-action.h \
	lib/vrf-addr.c \
	lib/vrf-addr.h \
	lib/vrf-allowance.h \
	lib/vrf-arena.c \
	lib/vrf-arena.h \
	lib/vrf-counters.c \
	lib/vrf-counters.h \
	lib/vrf-db.c \
	lib/vrf-db.h \
	lib/vrf-fib.c \
	lib/vrf-fib-batch.c \
	lib/vrf-fib-node.h \
	lib/vrf-fib.h \
	lib/vrf-field.c \
	lib/vrf-forward.c \
	lib/vrf-forward.h \
	lib/vrf-limit.c \
	lib/vrf-limit.h \
	lib/vrf-names.c \
	lib/vrf-names.h \
	lib/vrf-neigh-queue.c \
	lib/vrf-neigh-queue.h \
	lib/vrf-options.c \
	lib/vrf-options.h \
	lib/vrf-packet.c \
	lib/vrf-packet.h \
	lib/vrf-port.c \
	lib/vrf-pmtu.c \
	lib/vrf-pmtu.h \
	lib/vrf-port.h \
	lib/vrf-punt.c \
	lib/vrf-punt.h \
	lib/vrf-quote.c \
	lib/vrf-quote.h \
	lib/vrf-route-event.c \
	lib/vrf-route-event.h \
	lib/vrf-route.c \
	lib/vrf-route.h \
	lib/vrf-rules.c \
	lib/vrf-rules.h \
	lib/vrf-take.h \
	lib/vrf-way-action.c \
	lib/vrf-way-action.h

lib_libopenvswitch_la_SOURCES += \
	lib/vrf-mark.c \
	lib/vrf-mark.h \
	lib/vrf-source.c \
	lib/vrf-source.h \
	lib/vrf-tnl-ports.c \
	lib/vrf-tnl-ports.h \
	lib/vrf-tunnel-cookie.h \
	lib/vrf-tunnel.c \
	lib/vrf-tunnel.h \
	lib/vrf-vxlan.c \
	lib/vrf-vxlan.h \
	lib/vrf-zone.c \
	lib/vrf-zone.h

if LINUX
lib_libopenvswitch_la_SOURCES += \
	lib/dpctl-ring.c \
	lib/dpctl-ring.h \
	lib/dpif-netlink-extension.c \
	lib/dpif-netlink-ila.c \
	lib/dpif-netlink-ila.h \
	lib/dpif-netlink-match-cache.c \
	lib/dpif-netlink-match-cache.h \
	lib/dpif-ring.c \
	lib/dpif-ring.h \
	lib/dpif-netlink-ring.c \
	lib/dpif-netlink-ring.h \
	lib/dpif-netlink-ring-dump.c \
	lib/dpif-netlink-ring-dump.h \
	lib/dpif-netlink-ring-ops.c \
	lib/dpif-netlink-ring-ops.h \
	lib/genl-family.c \
	lib/genl-family.h \
	lib/ila-netlink.c \
	lib/ila-netlink.h \
	lib/netdev-ring.c \
	lib/netdev-ring.h \
	lib/packet-ring.c \
	lib/packet-ring.h \
	lib/ring-atomic.h \
	lib/ring-client.c \
	lib/ring-consumer.c \
	lib/ring-device.c \
	lib/ring-device.h \
	lib/ring-flows.c \
	lib/ring-flows.h \
	lib/ring-kept.c \
	lib/ring-kept.h \
	lib/ring-known.c \
	lib/ring-known.h \
	lib/ring-lane.c \
	lib/ring-lane.h \
	lib/ring-layout.c \
	lib/ring-layout.h \
	lib/ring-memory.c \
	lib/ring-memory.h \
	lib/ring-open.c \
	lib/ring-open.h \
	lib/ring-parked.c \
	lib/ring-parked.h \
	lib/ring-server.c \
	lib/ring-server.h \
	lib/ring-shared-lane.c \
	lib/ring-shared-lane.h \
	lib/ring-tx.c \
	lib/ring-tx.h \
	lib/netdev-afxdp-xdp.c \
	lib/netdev-afxdp-xdp.h \
	lib/netdev-offload-xdp.c \
	lib/netdev-offload-xdp.h \
	lib/xdp-abi.h \
	lib/xdp-blocked.c \
	lib/xdp-blocked.h \
	lib/xdp-capture.c \
	lib/xdp-capture.h \
	lib/xdp-flow.c \
	lib/xdp-flow.h \
	lib/xdp-frames.c \
	lib/xdp-frames.h \
	lib/xdp-loader.c \
	lib/xdp-loader.h \
	lib/xdp-offload-private.h \
	lib/xdp-offload-show.c \
	lib/xdp-offload.c \
	lib/xdp-offload.h \
	lib/xdp-slots.c \
	lib/xdp-slots.h \
	lib/xdp-table.c \
	lib/xdp-table.h \
	lib/dpif-netlink-vrf-mark.c \
	lib/dpif-netlink-vrf-mark.h \
	lib/dpif-netlink-vrf-tunnel.c \
	lib/dpif-netlink-vrf-tunnel.h \
	lib/vrf-kernel.c \
	lib/vrf-kernel.h \
	lib/vrf-monitor.c \
	lib/vrf-monitor.h \
	lib/vrf-netlink.c \
	lib/vrf-netlink.h \
	lib/vrf-route-table.c \
	lib/vrf-route-table.h \
	lib/netdev-vrf.c \
	lib/netdev-vrf-private.h \
	lib/netdev-vrf-route.c \
	lib/netdev-vrf.h \
	lib/vrf-dummy.c \
	lib/vrf-dummy.h \
	lib/vrf-mode.c \
	lib/vrf-mode.h \
	lib/vrf-neigh-ask.c \
	lib/vrf-neigh-ask.h \
	lib/vrf-packets.c \
	lib/vrf-packets.h \
	lib/vrf-path.c \
	lib/vrf-path.h \
	lib/vrf-trace.c \
	lib/vrf-trace.h \
	lib/vrf-way-translate.c \
	lib/vrf-way-translate.h \
	lib/vrf-way.c \
	lib/vrf-way.h \
	lib/vrf.c \
	lib/vrf.h
endif

if HAVE_AF_XDP
lib_libopenvswitch_la_SOURCES += \
	lib/netdev-afxdp-ext.h \
	lib/netdev-afxdp-umem.c
endif

ofproto_libofproto_la_SOURCES += \
	ofproto/extension-state.h \
	ofproto/ofproto-dpif-ext.h \
	ofproto/ofproto-dpif-trace-ext.h \
	ofproto/ofproto-dpif-type.h \
	ofproto/ofproto-dpif-xlate-ext.h \
	ofproto/ofproto-dpif-xlate-vrf-ext.h \
	ofproto/tunnel-vrf-flow.c \
	ofproto/tunnel-vrf-flow.h \
	ofproto/tunnel-vrf.c \
	ofproto/tunnel-vrf.h

if LINUX
tests_ovstest_SOURCES += \
	tests/test-ila-netlink.c \
	tests/test-netdev-ring.c \
	tests/test-netdev-vrf.c \
	tests/test-ports.c \
	tests/test-ports.h \
	tests/test-ring-common.c \
	tests/test-ring-consumer.c \
	tests/test-ring-kill.c \
	tests/test-ring-packets.c \
	tests/test-ring-random.c \
	tests/test-ring-serve.c \
	tests/test-ring-threads.c \
	tests/test-ring-server.c \
	tests/test-ring.c \
	tests/test-ring.h \
	tests/test-xdp-flow.c \
	tests/test-xdp-frames.c \
	tests/test-xdp-loader.c \
	tests/test-xdp-program.c \
	tests/test-xdp-slots.c \
	tests/test-vrf-common.c \
	tests/test-vrf-common.h \
	tests/test-vrf-flap.c \
	tests/test-vrf-way.c \
	tests/test-vrf-fuzz-packet.c \
	tests/test-vrf-fuzz.c \
	tests/test-vrf-fuzz.h \
	tests/test-vrf-isolation.c \
	tests/test-vrf-kernel.c \
	tests/test-vrf-netlink.c

# The example of a consumer, to be tested.
noinst_PROGRAMS += examples/ring-ids
examples_ring_ids_SOURCES = examples/ring-ids.c
examples_ring_ids_LDADD = lib/libopenvswitch.la

# Has the ring's code in it, with other atomics.
noinst_PROGRAMS += tests/ring-model
tests_ring_model_SOURCES = \
	tests/model.c \
	tests/model.h \
	tests/ring-model.c
tests_ring_model_LDADD = lib/libopenvswitch.la

# The packet generator of tests and benchmarks.
noinst_PROGRAMS += tests/ovs-xdp-gen
tests_ovs_xdp_gen_SOURCES = tests/ovs-xdp-gen.c
tests_ovs_xdp_gen_LDADD = lib/libopenvswitch.la
endif
if LINUX
bin_PROGRAMS += utilities/ovs-ring
utilities_ovs_ring_SOURCES = \
	utilities/ovs-ring-flows.c \
	utilities/ovs-ring-queue.c \
	utilities/ovs-ring-stats.c \
	utilities/ovs-ring-tap.c \
	utilities/ovs-ring.c \
	utilities/ovs-ring.h
utilities_ovs_ring_LDADD = lib/libopenvswitch.la
endif

utilities_ovs_vsctl_SOURCES += vswitchd/ctl-tables-ext.h
vswitchd_ovs_vswitchd_SOURCES += \
	vswitchd/bridge-extension.c \
	vswitchd/bridge-extension.h \
	vswitchd/bridge-mirror-ext.h \
	vswitchd/ila-config.c \
	vswitchd/ila-config.h \
	vswitchd/ila-file.c \
	vswitchd/ila-file.h \
	vswitchd/ila-rows.c \
	vswitchd/ila-rows.h

if LINUX
vswitchd_ovs_vswitchd_SOURCES += \
	vswitchd/ring-config.c \
	vswitchd/ring-config.h \
	vswitchd/vrf-config.c \
	vswitchd/vrf-config.h \
	vswitchd/xdp-config.c \
	vswitchd/xdp-config.h
endif

tests_ovstest_SOURCES += \
	tests/test-cpu-cores.c \
	tests/fuzz-actions.c \
	tests/fuzz-actions.h \
	tests/fuzz-flow.c \
	tests/fuzz-flow.h \
	tests/ila-vectors.h \
	tests/test-door.c \
	tests/test-flow-match-cache.c \
	tests/test-flow-text.c \
	tests/test-dpif-dump.c \
	tests/test-dpif-ila.c \
	tests/test-dpctl.c \
	tests/test-icmp-error.c \
	tests/test-ila.c \
	tests/test-ila-ingress.c \
	tests/test-ila-mapping.c \
	tests/test-ila-table.c \
	tests/test-ila-text.c \
	tests/test-netdev-match-cache.c \
	tests/test-pcapng.c \
	tests/test-ring-flow.c \
	tests/test-set-field-csum.c \
	tests/test-tunnel-mask.c \
	tests/test-vrf-arena.c \
	tests/test-vrf-db.c \
	tests/test-vrf-forward.c \
	tests/test-vrf-mark.c \
	tests/test-vrf-options.c \
	tests/test-vrf-tunnel.c \
	tests/test-vrf-vxlan.c \
	tests/test-vrf-fib.c

EXTRA_DIST += extensions.mk

# Programs of the product with one extension more, which proves the door.
noinst_PROGRAMS += \
	tests/extension/ovs-dpctl \
	tests/extension/ovs-ofctl \
	tests/extension/ovs-vswitchd
tests_extension_ovs_dpctl_SOURCES = \
	$(utilities_ovs_dpctl_SOURCES) \
	tests/test-extension.c
tests_extension_ovs_dpctl_LDADD = $(utilities_ovs_dpctl_LDADD)
tests_extension_ovs_ofctl_SOURCES = \
	$(utilities_ovs_ofctl_SOURCES) \
	tests/test-extension.c
tests_extension_ovs_ofctl_LDADD = $(utilities_ovs_ofctl_LDADD)
tests_extension_ovs_vswitchd_SOURCES = \
	$(vswitchd_ovs_vswitchd_SOURCES) \
	tests/test-extension-bridge.c \
	tests/test-extension.c
tests_extension_ovs_vswitchd_LDADD = $(vswitchd_ovs_vswitchd_LDADD)
tests_extension_ovs_vswitchd_LDFLAGS = $(vswitchd_ovs_vswitchd_LDFLAGS)

# ovs-vswitchd that compares each flow in its match cache with the flow, for
# upstream's suite ("make check-match-cache").
EXTRA_PROGRAMS += tests/match-cache/ovs-vswitchd
tests_match_cache_ovs_vswitchd_SOURCES = \
	$(vswitchd_ovs_vswitchd_SOURCES) \
	tests/match-cache-check.c \
	tests/match-cache-check.h
tests_match_cache_ovs_vswitchd_LDADD = $(vswitchd_ovs_vswitchd_LDADD)
tests_match_cache_ovs_vswitchd_LDFLAGS = $(vswitchd_ovs_vswitchd_LDFLAGS)
CLEANFILES += tests/match-cache/ovs-vswitchd

check-match-cache: all tests/match-cache/ovs-vswitchd $(TESTSUITE) tests/atconfig tests/atlocal $(check_DATA)
	set $(SHELL) '$(TESTSUITE)' -C tests AUTOTEST_PATH='tests/match-cache:$(AUTOTEST_PATH)'; \
	"$$@" $(TESTSUITEFLAGS) || (test X'$(RECHECK)' = Xyes && "$$@" --recheck)
.PHONY: check-match-cache

# For a build with a sanitizer, which needs nothing else.
ovstest-alone: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) tests/ovstest
.PHONY: ovstest-alone

# Our tests on the dummy datapath.
EXTENSION_TESTSUITE = $(srcdir)/tests/extension-testsuite
EXTENSION_TESTSUITE_AT = \
	tests/extension-testsuite.at \
	tests/door.at \
	tests/dpctl-remote.at \
	tests/extension-macros.at \
	tests/fixes.at \
	tests/flow-match-cache.at \
	tests/flow-text.at \
	tests/icmp-error.at \
	tests/ring-records.at \
	tests/ila-action.at \
	tests/ila-core.at \
	tests/ila-ingress.at \
	tests/ila-database.at \
	tests/ila-dpctl.at \
	tests/ila-lookup.at \
	tests/ila-megaflow.at \
	tests/ila-table.at \
	tests/ila-trace.at \
	tests/ila-vectors.at \
	tests/ring-server.at \
	tests/ring-action.at \
	tests/ring-kept.at \
	tests/ring-kill.at \
	tests/ring.at \
	tests/unixctl-view.at \
	tests/xdp.at \
	tests/vrf-field.at \
	tests/vrf-output-modes.at \
	tests/vrf-output.at \
	tests/vrf-port.at \
	tests/vrf-tunnel.at \
	tests/xdp-umem.at \
	tests/vrf.at
EXTRA_DIST += \
	$(EXTENSION_TESTSUITE) \
	$(EXTENSION_TESTSUITE_AT) \
	tests/dpctl-show.py \
	tests/icmp-error-linux.py \
	tests/ila-ingress.py \
	tests/ila-megaflow.py \
	tests/ila-trace.py \
	tests/ila-vectors.json \
	tests/ila-vectors.py \
	tests/ring-checksums.py \
	tests/ring-reader.c \
	tests/ring-reader.py \
	tests/ring-server.py \
	tests/vrf-forge.py \
	tests/vrf-tcp.py

$(EXTENSION_TESTSUITE): package.m4 $(EXTENSION_TESTSUITE_AT) $(COMMON_MACROS_AT)
	$(AM_V_GEN)$(AUTOTEST) -I '$(srcdir)' -o $@.tmp $@.at
	$(AM_V_at)mv $@.tmp $@

check-extension: all $(EXTENSION_TESTSUITE) tests/atconfig tests/atlocal $(check_DATA)
	set $(SHELL) '$(EXTENSION_TESTSUITE)' -C tests AUTOTEST_PATH='$(AUTOTEST_PATH)'; \
	"$$@" $(TESTSUITEFLAGS) || (test X'$(RECHECK)' = Xyes && "$$@" --recheck)
.PHONY: check-extension

include tests/extension-system.mk

ovs_pyfiles += \
	python/ovs/flow/extension.py \
	python/ovs/ring.py \
	python/ovs/ring_socket.py

# Examples, where documentation is installed.
exampledir = $(docdir)/examples
dist_example_DATA = \
	examples/ring-ids.c \
	examples/ring-ids.py

man_MANS += \
	lib/ovs-extensions.7 \
	utilities/ovs-ring.8
EXTRA_DIST += \
	lib/dpctl-options.man \
	lib/dpctl-remote.man \
	lib/ovs-extensions.7.xml \
	utilities/ovs-ring.8.xml
CLEANFILES += \
	lib/ovs-extensions.7 \
	utilities/ovs-ring.8
