/* SPDX-License-Identifier: Apache-2.0 */

/* Random extension actions through every form that they take: what goes in
 * comes out again.  And random bytes, which must be refused or come out as
 * they went in. */

#include <config.h>
#undef NDEBUG

#include <string.h>
#include "byte-order.h"
#include "ila.h"
#include "ila-table-action.h"
#include "netlink.h"
#include "odp-extension.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static const enum ofp_version versions[] = {
    OFP10_VERSION, OFP11_VERSION, OFP12_VERSION, OFP13_VERSION, OFP14_VERSION,
    OFP15_VERSION,
};

static void
random_ila(struct ila_xlat *xlat)
{
    static const enum ila_ident_type types[] = {
        ILA_IDENT_LUID, ILA_IDENT_USE_FORMAT
    };

    do {
        memset(xlat, 0, sizeof *xlat);
        random_bytes(&xlat->locator, sizeof xlat->locator);
        xlat->csum_mode = random_range(4);
        xlat->dir = random_range(2) ? ILA_DIR_IN : ILA_DIR_OUT;
        xlat->field = random_range(2);
        xlat->ident_type = types[random_range(2)];
    } while (!ila_xlat_is_valid(xlat));
}

/* Text: 'a' formatted and parsed again is 'a'. */
static void
check_ofp_text(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpact_format_params fp = { .s = &s };
    enum ofputil_protocol protocols;
    struct ofpbuf b;

    ofpbuf_init(&b, 0);
    struct ofpact_parse_params pp = {
        .ofpacts = &b,
        .usable_protocols = &protocols,
    };
    ofpacts_format(a->data, a->size, &fp);
    char *error = ofpacts_parse_actions(ds_cstr(&s), &pp);
    if (error) {
        ovs_fatal(0, "%s: %s", ds_cstr(&s), error);
    }
    ovs_assert(ofpacts_equal(a->data, a->size, b.data, b.size));
    ofpbuf_uninit(&b);
    ds_destroy(&s);
}

/* Wire: 'a' encoded for 'version' and decoded again is 'a'. */
static void
check_ofp_wire(const struct ofpbuf *a, enum ofp_version version)
{
    struct ofpbuf wire, b;

    ofpbuf_init(&wire, 0);
    ofpbuf_init(&b, 0);
    ofpacts_put_openflow_actions(a->data, a->size, &wire, version);
    ovs_assert(!ofpacts_pull_openflow_actions(&wire, wire.size, version, NULL,
                                              NULL, &b));
    ovs_assert(ofpacts_equal(a->data, a->size, b.data, b.size));
    ofpbuf_uninit(&b);
    ofpbuf_uninit(&wire);
}

/* Datapath: 'a' formatted and parsed again is 'a'. */
static void
check_odp_text(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpbuf b;

    ofpbuf_init(&b, 0);
    format_odp_actions(&s, a->data, a->size, NULL);
    ovs_assert(!odp_actions_from_string(ds_cstr(&s), NULL, &b));
    ovs_assert(ofpbuf_equal(a, &b));
    ofpbuf_uninit(&b);
    ds_destroy(&s);
}

static void
test_round_trips(unsigned int n)
{
    const struct ofp_extension_class *ofp = ofp_extension_from_name("ila");

    for (unsigned int i = 0; i < n; i++) {
        /* Their text is another one in the datapath. */
        bool tables = i % 2;
        struct ofpbuf ofpacts, odp_actions;

        ofpbuf_init(&ofpacts, 0);
        for (int j = random_range(3); j >= 0; j--) {
            struct ila_xlat xlat;

            if (tables && random_range(2)) {
                const struct ovs_action_ila_table a = {
                    .dirs = 2 << random_range(3),
                    .miss = random_range(2),
                };
                struct ovs_action_ila_table *body;

                body = ofpact_extension_put(&ofpacts, &ofp_ila_table_class,
                                            sizeof *body);
                *body = a;
                body->dirs = a.dirs == 8 ? 6 : a.dirs;
                continue;
            }
            random_ila(&xlat);
            memcpy(ofpact_extension_put(&ofpacts, ofp, sizeof xlat), &xlat,
                   sizeof xlat);
        }
        check_ofp_text(&ofpacts);
        for (size_t v = 0; v < ARRAY_SIZE(versions); v++) {
            check_ofp_wire(&ofpacts, versions[v]);
        }

        if (tables) {
            ofpbuf_uninit(&ofpacts);
            continue;
        }

        /* The datapath's attribute from the same, by way of its text. */
        struct ds s = DS_EMPTY_INITIALIZER;
        struct ofpact_format_params fp = { .s = &s };
        ofpacts_format(ofpacts.data, ofpacts.size, &fp);
        ofpbuf_init(&odp_actions, 0);
        ovs_assert(!odp_actions_from_string(ds_cstr(&s), NULL, &odp_actions));
        check_odp_text(&odp_actions);

        ds_destroy(&s);
        ofpbuf_uninit(&odp_actions);
        ofpbuf_uninit(&ofpacts);
    }
    printf("round trips: %u\n", n);
}

/* Mutates a good action on the wire.  What is accepted nevertheless is
 * something else that is good: encoded, it is the same bytes again. */
static void
test_mutations(unsigned int n)
{
    static const uint8_t good[] = {
        0xff, 0xff, 0, 32, 0, 0, 0x23, 0x20, 0, 200, 0, 1, 0, 16, 0, 0,
        0x20, 0x01, 0, 0, 0, 0x87, 0, 0, 1, 2, 0, 1, 0, 0, 0, 0,
    };
    unsigned int n_accepted = 0;

    for (unsigned int i = 0; i < n; i++) {
        enum ofp_version version = versions[random_range(6)];
        struct ofpbuf wire, copy, ofpacts;

        ofpbuf_init(&wire, 0);
        ofpbuf_init(&ofpacts, 0);
        ofpbuf_put(&wire, good, sizeof good);
        for (int j = random_range(3); j >= 0; j--) {
            /* Leave type, vendor and subtype: others' actions are not our
             * business here. */
            static const uint8_t where[] = { 3, 11, 13, 14, 15 };
            size_t k = random_range(16 + ARRAY_SIZE(where));

            ((uint8_t *) wire.data)[k < 16 ? 16 + k : where[k - 16]]
                = random_range(3) ? random_range(40) : random_range(256);
        }
        ofpbuf_init(&copy, 0);
        ofpbuf_put(&copy, wire.data, wire.size);

        if (!ofpacts_pull_openflow_actions(&wire, wire.size, version, NULL,
                                           NULL, &ofpacts)) {
            struct ofpbuf again;

            ofpbuf_init(&again, 0);
            ofpacts_put_openflow_actions(ofpacts.data, ofpacts.size, &again,
                                         version);
            ovs_assert(ofpbuf_equal(&copy, &again));
            ofpbuf_uninit(&again);
            n_accepted++;
        }
        ofpbuf_uninit(&copy);
        ofpbuf_uninit(&ofpacts);
        ofpbuf_uninit(&wire);
    }
    ovs_assert(n_accepted && n_accepted < n);
    printf("mutations: %u\n", n);
}

/* Formatting whatever is in an attribute neither crashes nor looks like an
 * action that it is not. */
static void
test_garbage_attributes(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        uint8_t garbage[40];
        struct ofpbuf a;

        random_bytes(garbage, sizeof garbage);
        garbage[0] = random_range(sizeof garbage);
        garbage[1] = 0;
        garbage[2] = random_range(3);
        garbage[3] = 0;
        ofpbuf_init(&a, 0);
        nl_msg_put_unspec(&a, OVS_ACTION_ATTR_EXTENSION, garbage,
                          random_range(sizeof garbage));
        format_odp_actions(&s, a.data, a.size, NULL);

        if (strstr(ds_cstr(&s), "ila(locator=")) {
            struct ofpbuf b;

            ofpbuf_init(&b, 0);
            ovs_assert(!odp_actions_from_string(ds_cstr(&s), NULL, &b));
            ofpbuf_uninit(&b);
        }
        ofpbuf_uninit(&a);
        ds_destroy(&s);
    }
    printf("garbage: %u\n", n);
}

static void
test_door_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    random_set_seed(1);
    test_round_trips(20000);
    test_mutations(200000);
    test_garbage_attributes(200000);
}

OVSTEST_REGISTER("test-door", test_door_main);
