/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "odp-extension.h"

#include <errno.h>
#include <string.h>

#include "coverage.h"
#include "dp-packet.h"
#include "ila-action.h"
#include "ila-table-action.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ring-action.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-way-action.h"

VLOG_DEFINE_THIS_MODULE(odp_extension);
COVERAGE_DEFINE(datapath_drop_unknown_extension);

/* The registry: one line an extension.  The last place is for a test. */
static const struct odp_extension_class *classes[] = {
    &odp_ila_class,
    &odp_ila_table_class,
    &odp_ring_class,
    &odp_vrf_class,
    &odp_vrf_way_class,
    NULL,
};

const struct odp_extension_class *
odp_extension_next(const struct odp_extension_class *class)
{
    bool found = !class;

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (found) {
            return classes[i];
        }
        found = classes[i] == class;
    }
    return NULL;
}

const struct odp_extension_class *
odp_extension_from_type(uint16_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (classes[i] && classes[i]->type == type) {
            return classes[i];
        }
    }
    return NULL;
}

size_t
odp_extension_n_options(const struct odp_extension_class *class)
{
    size_t n = 0;

    while (n < ODP_EXTENSION_MAX_OPTIONS && class->options[n]) {
        n++;
    }
    return n;
}

void *
odp_extension_put(struct ofpbuf *actions,
                  const struct odp_extension_class *class)
{
    size_t offset = nl_msg_start_nested(actions, OVS_ACTION_ATTR_EXTENSION);
    size_t payload_ofs = actions->size + NLA_HDRLEN;

    nl_msg_put_unspec_zero(actions, class->type, class->size);
    nl_msg_end_nested(actions, offset);
    return ofpbuf_at_assert(actions, payload_ofs, class->size);
}

const struct odp_extension_class *
odp_extension_unpack(const struct nlattr *a, const void **payload)
{
    const struct nlattr *inner = nl_attr_get(a);
    const struct odp_extension_class *class;
    size_t left = nl_attr_get_size(a);

    if (!nl_attr_is_valid(inner, left)
        || left != NLA_ALIGN(inner->nla_len)) {
        return NULL;
    }
    class = odp_extension_from_type(nl_attr_type(inner));
    if (!class || nl_attr_get_size(inner) != class->size) {
        return NULL;
    }
    *payload = nl_attr_get(inner);
    return class;
}

void
odp_extension_format(const struct nlattr *a, struct ds *s)
{
    const struct odp_extension_class *class;
    const void *payload;

    class = odp_extension_unpack(a, &payload);
    if (class) {
        ds_put_format(s, "%s(", class->name);
        class->format(payload, s);
        ds_put_char(s, ')');
    } else {
        const uint8_t *p = nl_attr_get(a);

        ds_put_cstr(s, "unknown_extension(");
        for (size_t i = 0; i < nl_attr_get_size(a); i++) {
            ds_put_format(s, "%02x", p[i]);
        }
        ds_put_char(s, ')');
    }
}

/* Returns the parenthesis that ends the arguments that begin at 's', in which
 * there may be others, by pairs; null if there is none. */
static const char *
end_of_args(const char *s)
{
    unsigned int depth = 0;

    for (; *s; s++) {
        if (*s == '(') {
            depth++;
        } else if (*s == ')' && !depth--) {
            return s;
        }
    }
    return NULL;
}

int
odp_extension_parse(const char *s, struct ofpbuf *actions)
{
    const struct odp_extension_class *class = NULL;
    size_t n = strcspn(s, "(,)");

    if (s[n] != '(') {
        return 0;
    }
    while ((class = odp_extension_next(class))) {
        if (strlen(class->name) == n && !strncmp(s, class->name, n)) {
            break;
        }
    }
    if (!class) {
        return 0;
    }

    const char *begin = s + n + 1;
    const char *end = end_of_args(begin);
    if (!end) {
        return -EINVAL;
    }

    size_t old_size = actions->size;
    char *args = xmemdup0(begin, end - begin);
    char *error = class->parse(args, odp_extension_put(actions, class));
    free(args);
    if (error) {
        VLOG_WARN("%s", error);
        free(error);
        actions->size = old_size;
        return -EINVAL;
    }
    return end + 1 - s;
}

void
odp_extension_drop(struct dp_packet_batch *batch, bool steal)
{
    COVERAGE_ADD(datapath_drop_unknown_extension,
                 dp_packet_batch_size(batch));
    dp_packet_delete_batch(batch, steal);
    dp_packet_batch_init(batch);
}

bool
odp_extension_execute(struct dp_packet_batch *batch, const struct nlattr *a,
                      bool steal, bool last, odp_extension_cb *cb, void *dp)
{
    const struct odp_extension_class *class;
    const void *payload;

    class = odp_extension_unpack(a, &payload);
    if (class && class->takes_packets) {
        steal = steal && last;
    }
    if (OVS_LIKELY(class && class->execute)) {
        class->execute(batch, payload, steal);
    } else if (class && cb) {
        cb(dp, batch, a, steal);
    } else {
        odp_extension_drop(batch, steal);
    }
    return !dp_packet_batch_is_empty(batch);
}

void
odp_extension_execute_slow(struct dpif *dpif, struct dp_packet_batch *batch,
                           const struct nlattr *a, bool steal)
{
    const struct odp_extension_class *class;
    const void *payload;

    class = odp_extension_unpack(a, &payload);
    if (class && class->execute_slow) {
        class->execute_slow(dpif, batch, payload, steal);
    } else {
        odp_extension_drop(batch, steal);
    }
}

void
odp_extension_register_for_test(const struct odp_extension_class *class)
{
    classes[ARRAY_SIZE(classes) - 1] = class;
}
