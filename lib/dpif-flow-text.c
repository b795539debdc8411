/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-flow-text.h"

#include <string.h>

#include "dpif.h"
#include "odp-text.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "text-writer.h"
#include "util.h"

/* In the order of packet_format_tcp_flags(). */
static const struct {
    uint16_t bit;
    uint8_t n;
    char name[5];
} tcp_flags[] = {
    { TCP_SYN, 1, "S" }, { TCP_FIN, 1, "F" }, { TCP_PSH, 1, "P" },
    { TCP_RST, 1, "R" }, { TCP_URG, 1, "U" }, { TCP_ACK, 1, "." },
    { TCP_ECE, 1, "E" }, { TCP_CWR, 1, "C" }, { TCP_NS, 1, "N" },
    { 0x200, 5, "[200]" }, { 0x400, 5, "[400]" }, { 0x800, 5, "[800]" },
};

#define STATS_MAX (64 + 2 * TEXT_U64_MAX + ARRAY_SIZE(tcp_flags) * 5)

/* As "%.3fs" of 'ms' / 1000.0, for times that a double has exactly enough. */
static char *
put_seconds(char *p, long long int ms)
{
    unsigned int fraction;

    if (ms < 0) {
        *p++ = '-';
        ms = -ms;
    }
    fraction = ms % 1000;
    p = text_u64(p, ms / 1000);
    *p++ = '.';
    *p++ = '0' + fraction / 100;
    p = text_put(p, &text_decimal_pairs[fraction % 100 * 2], 2);
    *p++ = 's';
    return p;
}

void
dpif_flow_stats_text(struct ds *ds, const struct dpif_flow_stats *stats,
                     long long int now)
{
    const long long int exact = 1000LL * 1000 * 1000 * 1000 * 1000;
    long long int age = (unsigned long long int) now - stats->used;
    char *p = text_begin(ds, STATS_MAX);

    p = text_u64(text_lit(p, "packets:"), stats->n_packets);
    p = text_u64(text_lit(p, ", bytes:"), stats->n_bytes);
    p = text_lit(p, ", used:");
    if (!stats->used) {
        p = text_lit(p, "never");
    } else if (age > -exact && age < exact) {
        p = put_seconds(p, age);
    } else {
        text_end(ds, p);
        ds_put_format(ds, "%.3fs", age / 1000.0);
        p = text_begin(ds, STATS_MAX);
    }
    if (stats->tcp_flags) {
        p = text_lit(p, ", flags:");
        for (size_t i = 0; i < ARRAY_SIZE(tcp_flags); i++) {
            if (stats->tcp_flags & tcp_flags[i].bit) {
                p = text_put(p, tcp_flags[i].name, tcp_flags[i].n);
            }
        }
    }
    text_end(ds, p);
}

void
dpif_flow_text(struct ds *ds, const struct dpif_flow *flow,
               const struct hmap *ports, bool verbose, long long int now)
{
    const char *layer = verbose ? flow->attrs.dp_layer : NULL;
    const char *extra = verbose ? flow->attrs.dp_extra_info : NULL;
    char *p;

    if (verbose && flow->ufid_present) {
        struct uuid uuid;

        memcpy(&uuid, &flow->ufid, sizeof uuid);
        p = text_lit(text_begin(ds, 16 + TEXT_UUID_MAX), "ufid:");
        text_end(ds, text_lit(text_uuid(p, &uuid), ", "));
    }
    odp_text_flow(ds, flow->key, flow->key_len, flow->mask, flow->mask_len,
                  ports, verbose);
    p = text_begin(ds, 2);
    text_end(ds, text_lit(p, ", "));
    dpif_flow_stats_text(ds, &flow->stats, now);
    if (verbose && flow->attrs.offloaded) {
        ds_put_cstr(ds, layer && !strcmp(layer, "ovs")
                    ? ", offloaded:partial" : ", offloaded:yes");
    }
    if (layer) {
        ds_put_cstr(ds, ", dp:");
        ds_put_cstr(ds, layer);
    }
    p = text_begin(ds, 16);
    text_end(ds, text_lit(p, ", actions:"));
    odp_text_actions(ds, flow->actions, flow->actions_len, ports);
    if (extra) {
        ds_put_cstr(ds, ", dp-extra-info:");
        ds_put_cstr(ds, extra);
    }
}
