# SPDX-License-Identifier: Apache-2.0
#
# The XDP programs, as headers that the programs that load them are compiled
# with ("skeletons").  Part of the top Makefile.
#
# The tarball has the skeletons, too, for machines without clang.

if XDP_OFFLOAD
skeletons = \
	generated/ovs-xdp.skel.h \
	generated/ovs-xdp-gen.skel.h
dist_skeletons = $(MKDIR_P) '$(distdir)/skeletons/$(BPF_TARGET)' && \
	cp -fp $(skeletons) '$(distdir)/skeletons/$(BPF_TARGET)'
endif

if XDP_CLANG
generated/%.skel.h: bpf/%.bpf.c lib/xdp-abi.h
	$(AM_V_GEN)$(MKDIR_P) generated && \
	$(CLANG) -O2 -g -Wall -Wextra -Werror -target $(BPF_TARGET) $(BPF_CPPFLAGS) \
	    -I '$(srcdir)/lib' -c -o generated/$*.bpf.o $< && \
	$(BPFTOOL) gen object generated/$*.linked.o generated/$*.bpf.o && \
	$(BPFTOOL) gen skeleton generated/$*.linked.o name $(subst -,_,$*) >$@.tmp && \
	mv $@.tmp $@
else
generated/%.skel.h: $(srcdir)/skeletons/$(BPF_TARGET)/%.skel.h
	$(AM_V_GEN)$(MKDIR_P) generated && cp -f $< $@
endif
