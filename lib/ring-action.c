/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-action.h"

#include <errno.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-ring.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "ring-names.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_action);

/* No packet is longer. */
#define MAX_LEN 65535

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

/* OpenFlow's action: struct ofpact_extension's body. */
struct ofp_ring {
    uint32_t max_len;           /* In bytes, 0 is all. */
    uint32_t id;
    uint8_t mode;               /* OVS_RING_MODE_*. */
    uint8_t fail;               /* OVS_RING_FAIL_*. */
    uint16_t zero;
    char name[];                /* Valid, ends with a null byte. */
};

/* Its form on the wire, without the name. */
struct ofp_ring_wire {
    ovs_be32 max_len;
    ovs_be32 id;
    uint8_t mode;
    uint8_t fail;
    ovs_be16 name_len;
};
BUILD_ASSERT_DECL(sizeof(struct ofp_ring_wire) == 12);

static const char *const mode_names[] = {
    [OVS_RING_MODE_TAP] = "tap",
    [OVS_RING_MODE_QUEUE] = "queue",
};

static const char *const fail_names[] = {
    [OVS_RING_FAIL_OPEN] = "open",
    [OVS_RING_FAIL_CLOSED] = "closed",
};
BUILD_ASSERT_DECL(ARRAY_SIZE(mode_names) == 2 && ARRAY_SIZE(fail_names) == 2);

/* What both forms of the action have in their text. */
struct args {
    char *name;                 /* Null if there is none. */
    uint32_t max_len, id, ring, recirc_id;
    uint8_t mode, fail;
};

static bool
two_from_name(const char *const names[2], const char *name, uint8_t *value)
{
    *value = !strcmp(names[1], name);
    return *value || !strcmp(names[0], name);
}

/* Parses a number from 'min' to 'max'. */
static char * OVS_WARN_UNUSED_RESULT
parse_number(const char *key, const char *s, uint32_t min, uint32_t max,
             uint32_t *value)
{
    unsigned long long int n;

    if (s[0] == '-' || !str_to_ullong(s, 0, &n) || n < min || n > max) {
        return xasprintf("ring: %s \"%s\" is not a number from %"PRIu32
                         " to %"PRIu32, key, s, min, max);
    }
    *value = n;
    return NULL;
}

static char * OVS_WARN_UNUSED_RESULT
parse_arg(const char *key, char *value, bool in_datapath, struct args *a)
{
    if (!strcmp(key, "name")) {
        a->name = value;
        if (!ring_name_is_valid(value, strlen(value))) {
            return xasprintf("ring: \"%s\" is not a name (up to %d letters, "
                             "digits, \"-\", \"_\", \".\", and no mark first)",
                             value, RING_NAME_MAX);
        }
    } else if (!strcmp(key, "mode")) {
        if (!two_from_name(mode_names, value, &a->mode)) {
            return xasprintf("ring: unknown mode \"%s\" (tap or queue)",
                             value);
        }
    } else if (!strcmp(key, "fail")) {
        if (!two_from_name(fail_names, value, &a->fail)) {
            return xasprintf("ring: unknown fail \"%s\" (open or closed)",
                             value);
        }
    } else if (!strcmp(key, "max_len")) {
        return parse_number(key, value, 1, MAX_LEN, &a->max_len);
    } else if (!strcmp(key, "id")) {
        return parse_number(key, value, 0, UINT32_MAX, &a->id);
    } else if (in_datapath && !strcmp(key, "ring")) {
        return parse_number(key, value, 1, RING_NAMES_MAX, &a->ring);
    } else if (in_datapath && !strcmp(key, "recirc_id")) {
        return parse_number(key, value, 1, UINT32_MAX, &a->recirc_id);
    } else {
        return xasprintf("ring: unknown key \"%s\" (keys are name, mode, "
                         "max_len, fail and id)", key);
    }
    return NULL;
}

/* Parses 's' into '*a', which then points into it. */
static char * OVS_WARN_UNUSED_RESULT
parse_args(char *s, bool in_datapath, struct args *a)
{
    static const char *const keys[] = {
        "name", "mode", "fail", "max_len", "id", "ring", "recirc_id",
    };
    unsigned int seen = 0;
    bool has_fail = false;
    char *key, *value;

    memset(a, 0, sizeof *a);
    while (ofputil_parse_key_value(&s, &key, &value)) {
        char *error;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
            if (!strcmp(key, keys[i])) {
                if (seen & 1u << i) {
                    return xasprintf("ring: %s is given twice", key);
                }
                seen |= 1u << i;
            }
        }
        error = parse_arg(key, value, in_datapath, a);
        if (error) {
            return error;
        }
        has_fail |= !strcmp(key, "fail");
    }

    if (!a->name == !a->ring) {
        return xstrdup(a->name ? "ring: name and ring exclude each other"
                       : "ring: name is missing");
    } else if (a->mode != OVS_RING_MODE_QUEUE && (has_fail || a->recirc_id)) {
        return xasprintf("ring: %s is for mode=queue only",
                         has_fail ? "fail" : "recirc_id");
    }
    return NULL;
}

/* Appends the action to 'ofpacts'.  All of it is valid. */
static void
put(struct ofpbuf *ofpacts, const struct ofp_ring *fixed, const char *name,
    size_t name_len)
{
    struct ofp_ring *a;

    a = ofpact_extension_put(ofpacts, &ofp_ring_class,
                             sizeof *a + name_len + 1);
    *a = *fixed;
    memcpy(a->name, name, name_len);
}

static char *
ofp_ring_parse(char *s, const struct ofpact_parse_params *pp)
{
    struct args args;
    char *error;

    error = parse_args(s, false, &args);
    if (!error) {
        put(pp->ofpacts, &(struct ofp_ring) {
                .max_len = args.max_len,
                .id = args.id,
                .mode = args.mode,
                .fail = args.fail,
            }, args.name, strlen(args.name));
    }
    return error;
}

/* Appends what follows the mode in both forms. */
static void
format_rest(uint32_t max_len, uint8_t fail, uint32_t id, struct ds *s)
{
    if (max_len) {
        ds_put_format(s, ",max_len=%"PRIu32, max_len);
    }
    if (fail != OVS_RING_FAIL_OPEN) {
        ds_put_format(s, ",fail=%s", fail_names[fail]);
    }
    if (id) {
        ds_put_format(s, ",id=0x%"PRIx32, id);
    }
}

static void
ofp_ring_format(const void *body, const struct ofpact_format_params *fp)
{
    const struct ofp_ring *a = body;

    ds_put_format(fp->s, "name=%s", a->name);
    if (a->mode != OVS_RING_MODE_TAP) {
        ds_put_format(fp->s, ",mode=%s", mode_names[a->mode]);
    }
    format_rest(a->max_len, a->fail, a->id, fp->s);
}

static void
ofp_ring_encode(const void *body, struct ofpbuf *out)
{
    const struct ofp_ring *a = body;
    const struct ofp_ring_wire wire = {
        .max_len = htonl(a->max_len),
        .id = htonl(a->id),
        .mode = a->mode,
        .fail = a->fail,
        .name_len = htons(strlen(a->name)),
    };

    ofpbuf_put(out, &wire, sizeof wire);
    ofpbuf_put(out, a->name, strlen(a->name));
}

static enum ofperr
ofp_ring_decode(const void *wire_, size_t size, struct ofpbuf *ofpacts)
{
    const char *name = (const char *) wire_ + sizeof(struct ofp_ring_wire);
    struct ofp_ring_wire wire;
    size_t name_len;

    if (size < sizeof wire) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    memcpy(&wire, wire_, sizeof wire);
    name_len = ntohs(wire.name_len);
    if (size != sizeof wire + name_len) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    if (wire.mode >= ARRAY_SIZE(mode_names)
        || wire.fail >= ARRAY_SIZE(fail_names)
        || (wire.fail && wire.mode != OVS_RING_MODE_QUEUE)
        || ntohl(wire.max_len) > MAX_LEN
        || !ring_name_is_valid(name, name_len)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    put(ofpacts, &(struct ofp_ring) {
            .max_len = ntohl(wire.max_len),
            .id = ntohl(wire.id),
            .mode = wire.mode,
            .fail = wire.fail,
        }, name, name_len);
    return 0;
}

static enum ofperr
ofp_ring_check(const void *body,
               const struct ofpact_check_params *cp OVS_UNUSED)
{
    const struct ofp_ring *a = body;

    if (!ring_name_to_id(a->name)) {
        VLOG_WARN_RL(&rl, "ring: no room for the name \"%s\" beside %d others",
                     a->name, RING_NAMES_MAX);
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    return 0;
}

static void
ofp_ring_translate(const void *body, struct ofp_extension_xlate *x)
{
    const struct ofp_ring *a = body;
    struct ovs_action_ring *payload;

    payload = odp_extension_put(x->odp_actions, &odp_ring_class);
    *payload = (struct ovs_action_ring) {
        .ring = ring_name_to_id(a->name),
        .max_len = a->max_len,
        .id = a->id,
        .mode = a->mode,
        .fail = a->fail,
    };
    x->freeze = a->mode == OVS_RING_MODE_QUEUE;
    if (!x->trace) {
        return;
    }
    if (x->freeze) {
        ds_put_format(x->trace, "ring: waits for the verdict of \"%s\", %s "
                      "without one", a->name,
                      a->fail == OVS_RING_FAIL_OPEN ? "goes on" : "dropped");
    } else {
        ds_put_format(x->trace, "ring: copied to \"%s\"", a->name);
    }
}

/* Whoever gets the packet sees what the datapath made of it. */
static bool
ofp_ring_uses_field(const void *body OVS_UNUSED,
                    enum mf_field_id id OVS_UNUSED)
{
    return false;
}

/* Datapath. */

static bool
is_valid(const struct ovs_action_ring *a)
{
    return (a->ring && a->ring <= RING_NAMES_MAX && a->max_len <= MAX_LEN
            && a->mode < ARRAY_SIZE(mode_names)
            && a->fail < ARRAY_SIZE(fail_names) && !a->zero);
}

static void
odp_ring_format(const void *payload, struct ds *s)
{
    const struct ovs_action_ring *a = payload;
    const char *name;

    if (!is_valid(a)) {
        ds_put_cstr(s, "<error: invalid>");
        return;
    }
    name = ring_name_from_id(a->ring);
    if (name) {
        ds_put_format(s, "name=%s", name);
    } else {
        ds_put_format(s, "ring=%"PRIu32, a->ring);
    }
    ds_put_format(s, ",mode=%s", mode_names[a->mode]);
    format_rest(a->max_len, a->fail, a->id, s);
    if (a->recirc_id) {
        ds_put_format(s, ",recirc_id=0x%"PRIx32, a->recirc_id);
    }
}

static char *
odp_ring_parse(char *s, void *payload)
{
    struct ovs_action_ring *a = payload;
    struct args args;
    char *error;

    error = parse_args(s, true, &args);
    if (error) {
        return error;
    }
    if (args.name) {
        args.ring = ring_name_to_id(args.name);
        if (!args.ring) {
            return xasprintf("ring: no room for the name \"%s\" beside %d "
                             "others", args.name, RING_NAMES_MAX);
        }
    }
    *a = (struct ovs_action_ring) {
        .ring = args.ring,
        .max_len = args.max_len,
        .id = args.id,
        .recirc_id = args.recirc_id,
        .mode = args.mode,
        .fail = args.fail,
    };
    return NULL;
}

static void
odp_ring_probe(struct flow *flow, void *payload)
{
    struct ovs_action_ring *a = payload;

    flow->dl_type = htons(0x1234);
    a->ring = 1;
}

static void
odp_ring_set_recirc_id(void *payload, uint32_t recirc_id)
{
    struct ovs_action_ring *a = payload;

    a->recirc_id = recirc_id;
}

#ifndef __linux__
/* There are no rings. */
void
netdev_ring_execute_slow(struct dpif *dpif OVS_UNUSED,
                         struct dp_packet_batch *batch, const void *payload,
                         bool steal)
{
    const struct ovs_action_ring *a = payload;

    if (a->mode == OVS_RING_MODE_QUEUE && a->fail == OVS_RING_FAIL_CLOSED) {
        dp_packet_delete_batch(batch, steal);
        dp_packet_batch_init(batch);
    }
}
#endif

/* Registration. */

const struct ofp_extension_class ofp_ring_class = {
    .name = "ring",
    .type = OFPEXT_RING,
    .odp = &odp_ring_class,
    .parse = ofp_ring_parse,
    .format = ofp_ring_format,
    .encode = ofp_ring_encode,
    .decode = ofp_ring_decode,
    .check = ofp_ring_check,
    .translate = ofp_ring_translate,
    .uses_field = ofp_ring_uses_field,
};

const struct odp_extension_class odp_ring_class = {
    .name = "ring",
    .type = OVS_EXTENSION_ATTR_RING,
    .size = sizeof(struct ovs_action_ring),
    .format = odp_ring_format,
    .parse = odp_ring_parse,
    .execute_slow = netdev_ring_execute_slow,
    .slow_suffices = true,
    .set_recirc_id = odp_ring_set_recirc_id,
    .probe = odp_ring_probe,
};
