/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-fuzz openflow|match|datapath|way N [SEED]
 *        ovstest test-vrf-fuzz names
 *
 * N random inputs, most of which are nearly right, for what reads actions of
 * VRFs: the text of the action output_vrf(), of the field "vrf" and of the
 * actions vrf() and vrf_way() of the datapath, and their encodings, which have
 * to be refused or come out as they went in.
 *
 * "names" gives as many names to VRFs as there may be. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatal-signal.h"
#include "netlink.h"
#include "nx-match.h"
#include "odp-extension.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpact-extension.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "random.h"
#include "test-vrf-fuzz.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-names.h"
#include "vrf-way.h"
#include "vrf-way-action.h"

static const enum ofp_version versions[] = {
    OFP10_VERSION, OFP11_VERSION, OFP12_VERSION, OFP13_VERSION, OFP14_VERSION,
    OFP15_VERSION,
};

static const char *const options[][3] = {
    { "ttl=dec", "ttl=keep" },
    { "errors=drop", "errors=controller(77)" },
    { "mss=clamp" },
};

static void
put_options(struct ds *s)
{
    size_t first = random_range(ARRAY_SIZE(options));

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        size_t which = (first + i) % ARRAY_SIZE(options);

        if (rarely(2)) {
            ds_put_format(s, ",%s",
                          options[which][which < 2 ? random_range(2) : 0]);
        }
    }
}

/* Puts a name that may be in an action; one of a few if it is to be known. */
static void
put_name(struct ds *s, bool known)
{
    size_t start = s->length;

    if (known) {
        ds_put_format(s, "v%u", random_range(100));
        return;
    }
    for (int i = random_range(14); i >= 0; i--) {
        char c;

        do {
            c = 33 + random_range(94);
        } while (strchr("()[],=\"/#", c));
        ds_put_char(s, c);
    }
    if (!strcmp(ds_cstr(s) + start, "in")) {
        ds_put_char(s, '1');
    }
}

static void
put_field(struct ds *s)
{
    const struct mf_field *mf;
    unsigned int first, last;

    do {
        mf = mf_from_id(random_range(MFF_N_IDS));
    } while (mf->variable_len);
    first = random_range(mf->n_bits);
    last = first + random_range(mf->n_bits - first);
    ds_put_format(s, "%s[%u..%u]", mf->name, first, last);
}

/* Changes characters of 's' from 'from' on, before the last one. */
static void
damage_text(struct ds *s, size_t from)
{
    static const char some[] = "()[],=\"/#:. \t0129abinNXM_-~";

    for (int i = random_range(3); i >= 0; i--) {
        size_t n = s->length - 1 - from;
        size_t at = from + (n ? random_range(n) : 0);
        char c = (rarely(4) ? 1 + random_range(255)
                  : some[random_range(sizeof some - 1)]);

        switch (n ? random_range(3) : 1) {
        case 0:
            s->string[at] = c;
            break;
        case 1:
            ds_put_char(s, 'x');
            memmove(&s->string[at + 1], &s->string[at], s->length - at - 1);
            s->string[at] = c;
            break;
        case 2:
            memmove(&s->string[at], &s->string[at + 1], s->length - at);
            s->length--;
            break;
        }
    }
}

static bool
parse_ofpacts(const char *s, struct ofpbuf *ofpacts)
{
    enum ofputil_protocol protocols;
    const struct ofpact_parse_params pp = {
        .ofpacts = ofpacts,
        .usable_protocols = &protocols,
    };
    char *error = ofpacts_parse_actions(s, &pp);
    bool ok = !error;

    ovs_assert(ok || *error);
    free(error);
    return ok;
}

/* The text of actions comes back as the same ones. */
static void
check_ofpacts_text(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpact_format_params fp = { .s = &s };
    struct ofpbuf b;

    ofpbuf_init(&b, 0);
    ofpacts_format(a->data, a->size, &fp);
    if (!parse_ofpacts(ds_cstr(&s), &b)) {
        ovs_fatal(0, "%s: cannot be read back", ds_cstr(&s));
    } else if (!ofpacts_equal(a->data, a->size, b.data, b.size)) {
        ovs_fatal(0, "%s: reads as other actions", ds_cstr(&s));
    }
    /* Files have comments. */
    ovs_assert(!strchr(ds_cstr(&s), '#'));
    ofpbuf_uninit(&b);
    ds_destroy(&s);
}

/* Decodes a copy of 'wire'. */
static bool
decode(const struct ofpbuf *wire, enum ofp_version version,
       struct ofpbuf *ofpacts)
{
    struct ofpbuf copy = ofpbuf_const_initializer(wire->data, wire->size);

    return !ofpacts_pull_openflow_actions(&copy, copy.size, version, NULL,
                                          NULL, ofpacts);
}

static void
encode(const struct ofpbuf *ofpacts, enum ofp_version version,
       struct ofpbuf *wire)
{
    ofpacts_put_openflow_actions(ofpacts->data, ofpacts->size, wire, version);
}

static bool
is_output_vrf(const struct ofpbuf *ofpacts)
{
    const struct ofpact *a = ofpacts->data;

    return (ofpacts->size && a->type == OFPACT_EXTENSION
            && (ofp_extension_of(ofpact_get_EXTENSION(a))
                == &ofp_output_vrf_class)
            && ofpact_next(a) == ofpact_end(ofpacts->data, ofpacts->size));
}

/* Each encoding of 'a' is decoded as 'a'.  One of them, damaged, is refused or
 * is another action that is encoded so; but a field has several numbers. */
static bool
check_wire(const struct ofpbuf *a)
{
    enum ofp_version version = versions[random_range(ARRAY_SIZE(versions))];
    struct ofpbuf wire, b, again;
    bool accepted;

    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        ofpbuf_init(&wire, 0);
        ofpbuf_init(&b, 0);
        encode(a, versions[i], &wire);
        ovs_assert(decode(&wire, versions[i], &b));
        ovs_assert(ofpacts_equal(a->data, a->size, b.data, b.size));
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&wire);
    }

    ofpbuf_init(&wire, 0);
    ofpbuf_init(&b, 0);
    encode(a, version, &wire);
    for (int i = random_range(3); i >= 0; i--) {
        /* Length of the body, the body, and what fills it up; not what says
         * whose action it is. */
        uint8_t *byte = wire.data;

        byte += 12 + random_range(wire.size - 12);
        *byte = rarely(2) ? random_uint8() : *byte ^ 1 << random_range(8);
    }
    accepted = decode(&wire, version, &b);
    if (accepted) {
        const uint8_t *body = wire.data;

        ovs_assert(is_output_vrf(&b));
        check_ofpacts_text(&b);
        ofpbuf_init(&again, 0);
        encode(&b, version, &again);
        if (body[16] != 1) {
            ovs_assert(ofpbuf_equal(&wire, &again));
        } else {
            struct ofpbuf c;

            ofpbuf_init(&c, 0);
            ovs_assert(decode(&again, version, &c));
            ovs_assert(ofpacts_equal(b.data, b.size, c.data, c.size));
            ofpbuf_uninit(&c);
        }
        ofpbuf_uninit(&again);
    }
    ofpbuf_uninit(&b);
    ofpbuf_uninit(&wire);
    return accepted;
}

static void
fuzz_openflow(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_texts = 0, n_wires = 0, n_refused = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        struct ofpbuf a, b;
        int which = random_range(3);

        ds_put_cstr(&s, "output_vrf(");
        if (!which) {
            put_field(&s);
        } else if (which == 1) {
            put_name(&s, false);
        } else {
            ds_put_cstr(&s, "in");
        }
        put_options(&s);
        if (rarely(3)) {
            ds_put_format(&s, ",table=%"PRIu32, random_uint32() | 1);
        }
        ds_put_char(&s, ')');

        ofpbuf_init(&a, 0);
        ofpbuf_init(&b, 0);
        if (parse_ofpacts(ds_cstr(&s), &a)) {
            ovs_assert(is_output_vrf(&a));
            check_ofpacts_text(&a);
            n_wires += check_wire(&a);
        } else if (!which) {
            n_refused++;        /* OpenFlow cannot name all fields. */
        } else {
            ovs_fatal(0, "%s: refused", ds_cstr(&s));
        }

        damage_text(&s, strlen("output_vrf("));
        if (parse_ofpacts(ds_cstr(&s), &b) && is_output_vrf(&b)) {
            check_ofpacts_text(&b);
            n_wires += check_wire(&b);
            n_texts++;
        }
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&a);
        ds_destroy(&s);
    }
    ovs_assert(n_texts > n / 100 && n_texts < n);
    ovs_assert(n_wires > n / 100 && n_wires < n + n_texts);
    ovs_assert(n_refused < n / 12);
    printf("%u actions\n", n);
}

static char *
parse_match(const struct mf_field *mf, const char *s, struct match *match)
{
    union mf_value value, mask;
    char *error = mf_parse(mf, s, NULL, &value, &mask);

    match_init_catchall(match);
    if (!error) {
        ovs_assert(mf_set(mf, &value, &mask, match, &error)
                   && mf_is_all_wild(mf, &match->wc) == !strcmp(s, "*"));
    }
    ovs_assert(!error || *error);
    return error;
}

/* The text of the match comes back as the same one. */
static void
check_match_text(const struct mf_field *mf, const struct match *a)
{
    char *s = match_to_string(a, NULL, OFP_DEFAULT_PRIORITY);
    size_t len = strlen(mf->name);
    struct match b;

    ovs_assert(!strncmp(s, mf->name, len) && s[len] == '='
               && !strchr(s, '#'));
    s[strcspn(s, ",")] = '\0';
    if (parse_match(mf, s + len + 1, &b) || !match_equal(a, &b)) {
        ovs_fatal(0, "%s: reads as something else", s);
    }
    free(s);
}

static enum ofperr
pull_match(const struct ofpbuf *wire, size_t n, struct match *match)
{
    struct ofpbuf copy = ofpbuf_const_initializer(wire->data, wire->size);

    return nx_pull_match(&copy, n, match, NULL, NULL, false, NULL, NULL);
}

/* The encoding of 'a' is decoded as 'a', and damaged, it is refused or another
 * match that is encoded so. */
static bool
check_match_wire(const struct mf_field *mf, const struct match *a)
{
    struct ofpbuf wire, again;
    struct match b;
    bool accepted;
    uint8_t *p;
    size_t n;

    ofpbuf_init(&wire, 0);
    n = nx_put_match(&wire, a, 0, 0);
    ovs_assert(!pull_match(&wire, n, &b) && match_equal(a, &b));

    /* What is behind the header and the experimenter's number. */
    p = wire.data;
    ovs_assert(n == 8 + VRF_FIELD_SIZE);
    for (int i = random_range(3); i >= 0; i--) {
        size_t at = 8 + random_range(VRF_FIELD_SIZE);

        p[at] = rarely(2) ? random_uint8() : p[at] ^ 1 << random_range(8);
    }
    accepted = !pull_match(&wire, n, &b);
    if (accepted) {
        check_match_text(mf, &b);
        ofpbuf_init(&again, 0);
        nx_put_match(&again, &b, 0, 0);
        ovs_assert(ofpbuf_equal(&wire, &again));
        ofpbuf_uninit(&again);
    }
    ofpbuf_uninit(&wire);
    return accepted;
}

static void
fuzz_match(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_texts = 0, n_wires = 0;

    for (unsigned int i = 0; i < n; i++) {
        const struct mf_field *mf = mf_from_id(i % 2 ? MFF_VRF : MFF_TUN_VRF);
        struct ds s = DS_EMPTY_INITIALIZER;
        struct match a;
        char *error;

        /* There are not numbers for too many. */
        put_name(&s, !rarely(4));
        if (!strcmp(ds_cstr(&s), "*")) {
            ds_put_char(&s, '*');
        }
        error = parse_match(mf, ds_cstr(&s), &a);
        if (error) {
            ovs_fatal(0, "%s: %s", ds_cstr(&s), error);
        }
        check_match_text(mf, &a);
        n_wires += check_match_wire(mf, &a);

        ds_put_char(&s, '.');
        damage_text(&s, 0);
        error = (strcmp(ds_cstr(&s), "*") ? parse_match(mf, ds_cstr(&s), &a)
                 : NULL);
        if (!error && strcmp(ds_cstr(&s), "*")) {
            check_match_text(mf, &a);
            n_texts++;
        }
        free(error);
        ds_destroy(&s);
    }
    ovs_assert(n_texts > n / 100 && n_texts < n);
    ovs_assert(n_wires > n / 100 && n_wires < n);
    printf("%u matches\n", n);
}

/* When there are as many names as may be, another one is refused, in text and
 * on the wire, and does not become the default VRF. */
static void
test_names(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct mf_field *mf = mf_from_id(MFF_VRF);
    union mf_value other = { .b = "other" };
    struct match match;
    char *error;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    for (int i = 1; i <= VRF_MAX_NAMES; i++) {
        char name[VRF_NAME_SIZE];

        snprintf(name, sizeof name, "v%d", i);
        ovs_assert(vrf_id_of_name(name) == i);
        ovs_assert(!strcmp(vrf_id_to_name(i), name));
    }
    ovs_assert(!parse_match(mf, "v65534", &match));
    ovs_assert(match.flow.tunnel.vrf == VRF_MAX_NAMES);
    check_match_text(mf, &match);
    error = parse_match(mf, "other", &match);
    ovs_assert(error && strstr(error, "\"other\""));
    free(error);
    ovs_assert(!mf_is_value_valid(mf, &other));
    ovs_assert(!vrf_id_of_name("other"));
    printf("%d names\n", VRF_MAX_NAMES);
}

/* The attribute of 'a' has a text that is read as the same attribute, or
 * none. */
static bool
check_attribute(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpbuf b;
    bool good;

    ofpbuf_init(&b, 0);
    format_odp_actions(&s, a->data, a->size, NULL);
    good = !strchr(ds_cstr(&s), '<') || !strstr(ds_cstr(&s), "<error");
    if (odp_actions_from_string(ds_cstr(&s), NULL, &b) ? good
        : !good || !ofpbuf_equal(a, &b)) {
        ovs_fatal(0, "%s: reads as something else", ds_cstr(&s));
    }
    ofpbuf_uninit(&b);
    ds_destroy(&s);
    return good;
}

static void
fill_in_action(struct ovs_action_vrf *a)
{
    struct ds name = DS_EMPTY_INITIALIZER;

    a->id = rarely(2) ? random_uint32() : random_range(100);
    a->flags = random_range(rarely(8) ? 9 : 8);
    a->mark = rarely(2) ? 0 : random_uint32();
    if (!rarely(4)) {
        put_name(&name, rarely(2));
        memcpy(a->name, ds_cstr(&name), name.length);
    }
    ds_destroy(&name);
}

/* An action of the datapath: its class, and functions that put a random
 * payload, nearly right, and a text of what there is between parentheses. */
struct datapath_action {
    const struct odp_extension_class *class;
    void (*put)(void *payload);
    void (*put_text)(struct ds *);
};

static void
fuzz_datapath_action(struct ovs_cmdl_context *ctx,
                     const struct datapath_action *action)
{
    const struct odp_extension_class *class = action->class;
    unsigned int n = begin(ctx), n_good = 0, n_texts = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        const void *payload;
        struct ofpbuf a, b;
        struct nlattr *nla;
        uint8_t *bytes;

        ofpbuf_init(&a, 0);
        ofpbuf_init(&b, 0);
        bytes = odp_extension_put(&a, class);
        action->put(bytes);
        if (rarely(4)) {
            bytes[random_range(class->size)] = random_uint8();
        }
        n_good += check_attribute(&a);

        /* Of another size, it is nobody's. */
        nla = (void *) ((char *) a.data + NLA_HDRLEN);
        nla->nla_len = NLA_HDRLEN + random_range(class->size + 8);
        ovs_assert(nla->nla_len == NLA_HDRLEN + class->size
                   || odp_extension_unpack(a.data, &payload) != class);

        ds_put_format(&s, "%s(", class->name);
        action->put_text(&s);
        ds_put_char(&s, ')');
        damage_text(&s, strlen(class->name) + 1);
        if (!odp_actions_from_string(ds_cstr(&s), NULL, &b)
            && b.size == a.size) {
            ovs_assert(check_attribute(&b));
            n_texts++;
        }
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&a);
        ds_destroy(&s);
    }
    ovs_assert(n_good > n / 8 && n_good < n);
    ovs_assert(n_texts > n / 100 && n_texts < n);
    printf("%u actions\n", n);
}

static void
put_vrf(void *payload)
{
    fill_in_action(payload);
}

static void
put_vrf_text(struct ds *s)
{
    ds_put_cstr(s, "name=");
    put_name(s, true);
    ds_put_format(s, ",id=%u", random_range(100));
    put_options(s);
}

static void
fuzz_datapath(struct ovs_cmdl_context *ctx)
{
    fuzz_datapath_action(ctx, &(struct datapath_action) {
        &odp_vrf_class, put_vrf, put_vrf_text
    });
}

/* Returns 'n_bits' random bits, all of one part of an address now and then. */
static struct vrf_addr
some_prefix(enum vrf_family family, unsigned int n_bits)
{
    const struct vrf_addr addr = {
        (uint64_t) random_uint32() << 32 | random_uint32(),
        (uint64_t) random_uint32() << 32 | random_uint32(),
    };

    return vrf_addr_cut(&addr, MIN(n_bits, vrf_family_bits(family)));
}

static void
put_way(void *payload)
{
    struct ovs_action_vrf_way *w = payload;
    enum vrf_family family = rarely(2) ? VRF_IPV6 : VRF_IPV4;
    struct vrf_addr src, dst;

    fill_in_action(&w->vrf);
    w->ipv6 = family == VRF_IPV6;
    w->dst_bits = random_range(vrf_family_bits(family) + (rarely(8) ? 2 : 1));
    w->src_bits = rarely(2) ? 0 : random_range(vrf_family_bits(family) + 1);
    dst = some_prefix(family, w->dst_bits);
    src = some_prefix(family, w->src_bits);
    vrf_way_put_addr(w->dst, family, &dst);
    vrf_way_put_addr(w->src, family, &src);
    w->tos_mask = rarely(2) ? 0 : random_uint8();
    w->tos = random_uint8() & (rarely(8) ? UINT8_MAX : w->tos_mask);
    w->port = UINT32_MAX;
    if (rarely(2)) {
        w->port = random_range(100);
        w->mtu = random_uint32();
        random_bytes(w->eth_dst, sizeof w->eth_dst);
        random_bytes(w->eth_src, sizeof w->eth_src);
    }
    if (rarely(3)) {
        w->table = random_uint32();
    }
    if (rarely(8)) {
        vrf_way_set_unknown(w);
    }
}

static void
put_prefix_text(struct ds *s, enum vrf_family family)
{
    struct vrf_prefix p;

    p.len = random_range(vrf_family_bits(family) + 1);
    p.addr = some_prefix(family, p.len);
    vrf_prefix_format(family, &p, s);
}

static void
put_way_text(struct ds *s)
{
    enum vrf_family family = rarely(2) ? VRF_IPV6 : VRF_IPV4;

    put_vrf_text(s);
    if (rarely(3)) {
        ds_put_cstr(s, ",table=100");
        if (rarely(3)) {
            return;
        }
    }
    ds_put_cstr(s, ",to=");
    put_prefix_text(s, family);
    if (rarely(2)) {
        ds_put_cstr(s, ",from=");
        put_prefix_text(s, rarely(8) ? VRF_IPV4 : family);
    }
    if (rarely(2)) {
        ds_put_cstr(s, ",tos=0x10/0x1c");
    }
    if (!rarely(3)) {
        ds_put_cstr(s, ",port=4,mtu=1500,eth_src=02:00:00:00:00:01,"
                    "eth_dst=02:00:00:00:00:02");
    }
}

static void
fuzz_way(struct ovs_cmdl_context *ctx)
{
    fuzz_datapath_action(ctx, &(struct datapath_action) {
        &odp_vrf_way_class, put_way, put_way_text
    });
}

static void
test_vrf_fuzz_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "openflow", "N [SEED]", 1, 2, fuzz_openflow, OVS_RO },
        { "match", "N [SEED]", 1, 2, fuzz_match, OVS_RO },
        { "names", NULL, 0, 0, test_names, OVS_RO },
        { "datapath", "N [SEED]", 1, 2, fuzz_datapath, OVS_RO },
        { "way", "N [SEED]", 1, 2, fuzz_way, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    fatal_signal_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-fuzz", test_vrf_fuzz_main);
