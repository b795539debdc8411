/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_TRACE_EXT_H
#define OFPROTO_DPIF_TRACE_EXT_H 1

/* What "ofproto/trace" says of ports on which ILA translates packets before
 * anything else sees them, for ofproto-dpif-trace.c, the only file that
 * includes this. */

#include <errno.h>

#include "dpif-ila-names.h"
#include "dpif-ila.h"
#include "ila-action.h"
#include "ila-packet.h"
#include "ofproto-dpif-type.h"
#include "tunnel-vrf-flow.h"

#define ILA_INGRESS_OPTION "--ila-ingress"

/* Moves the option to the end of the arguments and shortens them by it.
 * Returns true if it was there. */
static bool
trace_take_ila_ingress(int *argc, const char *argv[])
{
    for (int i = 1; i < *argc; i++) {
        const char *arg = argv[i];

        if (!strcmp(arg, ILA_INGRESS_OPTION)) {
            int last = *argc - 1;

            memmove(&argv[i], &argv[i + 1], (last - i) * sizeof *argv);
            argv[last] = arg;
            *argc = last;
            return true;
        }
    }
    return false;
}

/* Does to 'packet' what its mapping says, and so to one that it quotes. */
static void
trace_translate_packet(struct dpif *dpif, unsigned int dirs,
                       odp_port_t in_port, struct dp_packet *packet,
                       struct ds *s)
{
    struct ila_packet p = ila_packet_from_l3(packet);
    struct dpif_ila_outcome outcome;

    if (!dpif_ila_translate(dpif, dirs, odp_to_u32(in_port), &p, &outcome)
        && outcome.inner) {
        ds_put_cstr(s, "    the packet that it quotes is translated, too\n");
    }
}

static void
trace_format_mapping(const struct dpif_ila_result *result, struct dpif *dpif,
                     struct ds *s)
{
    const struct ila_mapping *m = &result->entry.mapping;
    static const struct {
        uint8_t field;
        const char *name;
    } fields[] = {
        { ILA_MATCH_IDENTIFIER, "ident" },
        { ILA_MATCH_IN_PORT, "port" },
        { ILA_MATCH_LOCATOR, "match-locator" },
    };
    struct dpif_ila_names names;
    struct ds text = DS_EMPTY_INITIALIZER;
    const char *sep = "";

    dpif_ila_names_init(&names, dpif);
    ila_mapping_format(m, &names.names, &text);
    dpif_ila_names_destroy(&names);
    ds_put_format(s, "    %s\n    preference %d: ", ds_cstr(&text),
                  m->match.fields);
    ds_destroy(&text);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (m->match.fields & fields[i].field) {
            ds_put_format(s, "%s%s (%d)", sep, fields[i].name,
                          fields[i].field);
            sep = " + ";
        }
    }
    ds_put_char(s, '\n');
}

/* Does to 'flow', and to 'packet' unless it is null, what the table of 'dpif'
 * does to packets of port 'in_port' in the directions 'dirs'.  Returns false
 * if that is to drop them. */
static bool
trace_apply_ila(struct dpif *dpif, unsigned int dirs, odp_port_t in_port,
                struct flow *flow, struct dp_packet *packet, struct ds *s)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct dpif_ila_result result;
    int error;

    if (flow->dl_type != htons(ETH_TYPE_IPV6)) {
        ds_put_cstr(s, "not IPv6, passes untranslated\n");
        return true;
    }
    error = dpif_ila_class(dpif)->lookup(dpif, dirs, odp_to_u32(in_port),
                                         &flow->ipv6_dst, &result);
    if (error == ENOENT) {
        ipv6_format_addr(&flow->ipv6_dst, s);
        ds_put_cstr(s, " has no mapping, passes untranslated\n");
        if (packet) {
            trace_translate_packet(dpif, dirs, in_port, packet, s);
        }
        return true;
    } else if (error) {
        ds_put_format(s, "the datapath cannot tell (%s)\n",
                      ovs_strerror(error));
        return true;
    }

    ila_trace(&result.entry.mapping.xlat, result.verdict, &flow->ipv6_dst,
              &result.addr, &text);
    ds_put_format(s, "%s\n", ds_cstr(&text) + strlen("ila: "));
    ds_destroy(&text);
    trace_format_mapping(&result, dpif, s);
    if (result.verdict == ILA_TRANSLATED) {
        flow->ipv6_dst = result.addr;
    }
    if (packet && result.verdict != ILA_DROP_CBIT) {
        trace_translate_packet(dpif, dirs, in_port, packet, s);
    }
    return result.verdict != ILA_DROP_CBIT;
}

/* Begins a trace: if 'apply', which the option ILA_INGRESS_OPTION asks for,
 * with what becomes of the packet when it comes in, else with a line that says
 * that something would, if so.  Returns false if there is nothing left to
 * trace. */
static bool
trace_ila_ingress(const struct ofproto_dpif *ofproto, struct flow *flow,
                  struct dp_packet *packet, bool apply, struct ds *s)
{
    struct dpif *dpif = ofproto->backer->dpif;
    const struct dpif_ila_class *class = dpif_ila_class(dpif);
    odp_port_t in_port = ofproto_dpif_odp_port(ofproto,
                                               flow->in_port.ofp_port);
    struct dpif_ila_port port;
    bool goes_on = true;

    if (!class || in_port == ODPP_NONE
        || class->get_port(dpif, in_port, &port)) {
        port.dirs = 0;
    }
    if (apply) {
        ds_put_cstr(s, "ila ingress: ");
        if (port.dirs) {
            goes_on = trace_apply_ila(dpif, port.dirs, in_port, flow, packet,
                                      s);
        } else {
            ds_put_cstr(s, "off on this port (other_config:ila)\n");
        }
        ds_put_char(s, '\n');
    } else if (port.dirs && flow->dl_type == htons(ETH_TYPE_IPV6)) {
        ds_put_cstr(s, "ila ingress: this port translates packets that come "
                    "in; with " ILA_INGRESS_OPTION ", so does the trace\n\n");
    }
    return goes_on;
}

#endif /* ofproto-dpif-trace-ext.h */
