/* SPDX-License-Identifier: Apache-2.0 */

/* The fast text of flows is upstream's, byte for byte. */

#include <config.h>
#undef NDEBUG

#include "dpif-flow-text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dpif.h"
#include "fuzz-actions.h"
#include "fuzz-flow.h"
#include "netlink.h"
#include "odp-text-private.h"
#include "odp-text.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovstest.h"
#include "random.h"
#include "text-writer.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

/* Some ports have names, and some have not. */
static struct hmap ports = HMAP_INITIALIZER(&ports);

static bool
one_in(int n)
{
    return !random_range(n);
}

/* The writers of numbers and addresses. */

/* Compares what was written from 'text' to 'end' with what 'format' makes, and
 * that nothing follows it. */
static void OVS_PRINTF_FORMAT(3, 4)
check_text(const char *text, const char *end, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    if (strlen(s) != end - text || memcmp(s, text, end - text)) {
        ovs_fatal(0, "\"%.*s\" is not \"%s\"", (int) (end - text), text, s);
    }
    ovs_assert(*end == '#');
    free(s);
}

static void
check_numbers(uint64_t x)
{
    char s[64];

    memset(s, '#', sizeof s);
    check_text(s, text_u64(s, x), "%"PRIu64, x);
    memset(s, '#', sizeof s);
    check_text(s, text_u32(s, x), "%"PRIu32, (uint32_t) x);
    memset(s, '#', sizeof s);
    check_text(s, text_u8(s, x), "%"PRIu8, (uint8_t) x);
    memset(s, '#', sizeof s);
    check_text(s, text_hex(s, x), "%"PRIx64, x);
    memset(s, '#', sizeof s);
    check_text(s, text_0x(s, x), "0x%"PRIx64, x);
    memset(s, '#', sizeof s);
    check_text(s, text_alt_hex(s, x), "%#"PRIx64, x);
    memset(s, '#', sizeof s);
    check_text(s, text_hex_pair(s, x), "%02"PRIx8, (uint8_t) x);
    memset(s, '#', sizeof s);
    check_text(s, text_hex_quad(s, x), "%04"PRIx16, (uint16_t) x);
    memset(s, '#', sizeof s);
    check_text(s, text_ipv4(s, htonl(x)), IP_FMT, IP_ARGS(htonl(x)));
}

static void
check_ipv6(const struct in6_addr *addr)
{
    char expected[INET6_ADDRSTRLEN];
    char s[64];

    memset(s, '#', sizeof s);
    inet_ntop(AF_INET6, addr, expected, sizeof expected);
    check_text(s, text_ipv6(s, addr), "%s", expected);
}

/* Addresses with zeros in each place, and what is special. */
static void
check_addresses(void)
{
    static const uint16_t words[] = { 1, 0x23, 0x456, 0x789a, 0xffff };

    for (int zeros = 0; zeros < 256; zeros++) {
        for (int i = 0; i < 50; i++) {
            struct in6_addr addr;

            for (int j = 0; j < 8; j++) {
                uint16_t word = (zeros & 1 << j ? 0
                                 : words[random_range(ARRAY_SIZE(words))]);

                addr.s6_addr[2 * j] = word >> 8;
                addr.s6_addr[2 * j + 1] = word;
            }
            check_ipv6(&addr);
        }
    }
}

static void
check_bytes(size_t n, bool zeros)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    uint8_t bytes[24];
    struct uuid uuid;
    struct eth_addr mac;
    char s[96];

    random_bytes(bytes, sizeof bytes);
    if (zeros) {
        memset(bytes, 0, random_range(n + 1));
    }
    memset(s, '#', sizeof s);
    ds_put_hex(&ds, bytes, n);
    check_text(s, text_big_hex(s, bytes, n), "%s", ds_cstr(&ds));

    ds_clear(&ds);
    for (size_t i = 0; i < n; i++) {
        ds_put_format(&ds, "%s%02x", i ? " " : "", bytes[i]);
    }
    memset(s, '#', sizeof s);
    check_text(s, text_separated(s, bytes, n), "%s", ds_cstr(&ds));
    ds_destroy(&ds);

    memcpy(&uuid, bytes, sizeof uuid);
    memset(s, '#', sizeof s);
    check_text(s, text_uuid(s, &uuid), UUID_FMT, UUID_ARGS(&uuid));
    memcpy(&mac, bytes, sizeof mac);
    memset(s, '#', sizeof s);
    check_text(s, text_mac(s, &mac), ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
}

static void
run_writer(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    random_set_seed(1);
    for (uint64_t x = 0; x < 100100; x++) {
        check_numbers(x);
    }
    for (uint64_t power = 1; ; power *= 10) {
        check_numbers(power - 1);
        check_numbers(power);
        check_numbers(power + 1);
        if (power > UINT64_MAX / 10) {
            break;
        }
    }
    for (int bit = 0; bit < 64; bit++) {
        for (int i = 0; i < 100; i++) {
            check_numbers(random_uint64() >> bit);
        }
        check_numbers(UINT64_C(1) << bit);
        check_numbers((UINT64_C(1) << bit) - 1);
    }
    check_numbers(UINT64_MAX);
    printf("numbers: ok\n");
    check_addresses();
    printf("addresses: ok\n");
    for (size_t n = 0; n <= 24; n++) {
        for (int i = 0; i < 100; i++) {
            check_bytes(n, i & 1);
        }
    }
    printf("bytes: ok\n");
}

/* Whole flows. */

/* What dpctl has always written. */
static void
format_by_upstream(struct ds *ds, const struct dpif_flow *f,
                   const struct hmap *names, bool verbose)
{
    if (verbose && f->ufid_present) {
        odp_format_ufid(&f->ufid, ds);
        ds_put_cstr(ds, ", ");
    }
    odp_flow_format(f->key, f->key_len, f->mask, f->mask_len, names, ds,
                    verbose);
    ds_put_cstr(ds, ", ");
    dpif_flow_stats_format(&f->stats, ds);
    if (verbose && f->attrs.offloaded) {
        bool partial = f->attrs.dp_layer && !strcmp(f->attrs.dp_layer, "ovs");

        ds_put_format(ds, ", offloaded:%s", partial ? "partial" : "yes");
    }
    if (verbose && f->attrs.dp_layer) {
        ds_put_format(ds, ", dp:%s", f->attrs.dp_layer);
    }
    ds_put_cstr(ds, ", actions:");
    format_odp_actions(ds, f->actions, f->actions_len, names);
    if (verbose && f->attrs.dp_extra_info) {
        ds_put_format(ds, ", dp-extra-info:%s", f->attrs.dp_extra_info);
    }
}

/* Can upstream's functions have it?  Of an Ethernet type that is in the mask
 * only they rely on the length. */
static bool
is_sound(const struct dpif_flow *f)
{
    return (odp_text_key_is_sound(OVS_KEY_ATTR_ENCAP, f->key, f->key_len, 0)
            && odp_text_key_is_sound(OVS_KEY_ATTR_ENCAP, f->mask, f->mask_len,
                                     0)
            && odp_text_actions_are_sound(f->actions, f->actions_len, 0));
}

static long long int
compare(const struct dpif_flow *f, struct ds *expected, struct ds *actual,
        const struct hmap *names, bool verbose)
{
    long long int now;

    do {
        now = time_msec();
        ds_clear(expected);
        format_by_upstream(expected, f, names, verbose);
    } while (now != time_msec());
    ds_clear(actual);
    dpif_flow_text(actual, f, names, verbose, now);
    if (strcmp(ds_cstr(expected), ds_cstr(actual))
        || actual->length != expected->length) {
        size_t i = 0;

        while (ds_cstr(expected)[i] == ds_cstr(actual)[i]) {
            i++;
        }
        ovs_fatal(0, "differs at \"%.40s\":\n%s\nis not\n%s",
                  ds_cstr(actual) + i, ds_cstr(actual), ds_cstr(expected));
    }
    return now;
}

struct counts {
    unsigned int compared, unsound;
};

/* Compares the text of 'f' with upstream's, with each set of options. */
static void
check_flow(const struct dpif_flow *f, struct counts *counts)
{
    struct ds expected = DS_EMPTY_INITIALIZER;
    struct ds actual = DS_EMPTY_INITIALIZER;
    bool sound = is_sound(f);

    for (int options = 0; options < 4; options++) {
        const struct hmap *names = options & 1 ? &ports : NULL;
        bool verbose = options & 2;

        if (sound) {
            compare(f, &expected, &actual, names, verbose);
        } else {
            dpif_flow_text(&actual, f, names, verbose, 0);
        }
    }
    if (sound) {
        counts->compared++;
    } else {
        counts->unsound++;
    }
    ds_destroy(&expected);
    ds_destroy(&actual);
}

static void
fuzz_stats(struct dpif_flow *f)
{
    static const char *const layers[] = { NULL, "ovs", "tc", "dpdk" };

    f->stats.n_packets = random_uint64() >> random_range(64);
    f->stats.n_bytes = random_uint64() >> random_range(64);
    f->stats.used = (one_in(4) ? 0 : one_in(16)
                     ? (long long int) (random_uint64() >> 1
                                        >> random_range(63))
                     : time_msec() - (random_uint32() >> random_range(32)));
    f->stats.tcp_flags = one_in(2) ? 0 : random_uint32();
    f->attrs.offloaded = one_in(2);
    f->attrs.dp_layer = layers[random_range(ARRAY_SIZE(layers))];
    f->attrs.dp_extra_info = one_in(2) ? NULL : "miniflow_bits(5,1)";
    f->ufid_present = !one_in(4);
    random_bytes(&f->ufid, sizeof f->ufid);
}

/* A copy that is just as large, so that AddressSanitizer sees who reads beyond
 * it. */
static void *
exact_copy(const struct ofpbuf *b)
{
    return b->size ? xmemdup(b->data, b->size) : NULL;
}

static void
check_buffers(struct ofpbuf *key, struct ofpbuf *mask, struct ofpbuf *actions,
              struct counts *counts)
{
    struct dpif_flow f;
    void *k = exact_copy(key), *m = exact_copy(mask), *a = exact_copy(actions);

    memset(&f, 0, sizeof f);
    f.key = k;
    f.key_len = key->size;
    f.mask = m;
    f.mask_len = mask->size;
    f.actions = a;
    f.actions_len = actions->size;
    fuzz_stats(&f);
    check_flow(&f, counts);
    free(k);
    free(m);
    free(a);
}

/* A mask of any shape: of the same attributes as 'key', with any bytes. */
static void
fuzz_mask(const struct ofpbuf *key, struct ofpbuf *mask)
{
    const struct nlattr *a;
    size_t left;

    ofpbuf_clear(mask);
    NL_ATTR_FOR_EACH (a, left, key->data, key->size) {
        size_t n = nl_attr_get_size(a);
        uint8_t *p = nl_msg_put_unspec_zero(mask, nl_attr_type(a), n);

        if (nl_attr_type(a) == OVS_KEY_ATTR_TUNNEL
            || nl_attr_type(a) == OVS_KEY_ATTR_ENCAP
            || nl_attr_type(a) == OVS_KEY_ATTR_NSH) {
            struct ofpbuf inner, inner_mask;

            ofpbuf_use_const(&inner, nl_attr_get(a), n);
            ofpbuf_init(&inner_mask, n);
            fuzz_mask(&inner, &inner_mask);
            if (inner_mask.size) {
                memcpy(p, inner_mask.data, MIN(n, inner_mask.size));
            }
            ofpbuf_uninit(&inner_mask);
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            p[i] = one_in(3) ? 0 : one_in(2) ? 0xff : random_uint32();
        }
        if (one_in(4)) {
            memset(p, one_in(2) ? 0 : 0xff, n);
        } else if (n && one_in(4)) {
            /* Hardly anything: perhaps only padding. */
            memset(p, 0, n);
            p[random_range(n)] = random_uint32();
        }
    }
}

static void
run_same(struct ovs_cmdl_context *ctx)
{
    unsigned int n = atoi(ctx->argv[1]);
    struct counts whole = { 0, 0 }, broken = { 0, 0 };
    struct ofpbuf key, mask, actions;

    random_set_seed(ctx->argc > 2 ? atoi(ctx->argv[2]) : 1);
    for (int i = 0; i < 4; i++) {
        odp_portno_names_set(&ports, u32_to_odp(i), (char *) "a-port-name");
    }
    ofpbuf_init(&key, 1024);
    ofpbuf_init(&mask, 1024);
    ofpbuf_init(&actions, 1024);
    flow_limit_vlans(0);
    for (unsigned int i = 0; whole.compared + broken.compared < n; i++) {
        struct flow_wildcards wc;
        struct flow flow;
        struct odp_flow_key_parms parms = {
            .flow = &flow,
            .mask = &wc.masks,
            .support = fuzz_support,
            .probe = one_in(2),
        };

        fuzz_flow(&flow, i % FUZZ_N_KINDS, random_range(FUZZ_N_TUNNELS),
                  random_range(3));
        fuzz_wildcards(&flow, &wc);
        ofpbuf_clear(&key);
        ofpbuf_clear(&mask);
        ofpbuf_clear(&actions);
        fuzz_encode(&parms, &key, &mask);
        fuzz_actions(&actions, &key, 3);
        check_buffers(&key, &mask, &actions, &whole);
        if (one_in(2)) {
            fuzz_mask(&key, &mask);
            check_buffers(&key, &mask, &actions, &whole);
        }
        if (one_in(8)) {
            ofpbuf_clear(&mask);
            check_buffers(&key, &mask, &actions, &whole);
        }
        ovs_assert(!whole.unsound);

        if (one_in(4)) {
            uint16_t type = random_range(40);

            nl_msg_put_unspec_zero(&key, type, 0);
            nl_msg_put_unspec_zero(&mask, type, 0);
        }
        if (one_in(3)) {
            fuzz_mutate(&key);
        }
        if (one_in(3)) {
            fuzz_mutate(&mask);
        }
        fuzz_mutate(&actions);
        check_buffers(&key, &mask, &actions, &broken);
    }
    /* Most of what is broken can be compared, too. */
    ovs_assert(broken.compared > 4 * broken.unsound);
    fprintf(stderr, "%u flows, %u broken ones, %u not compared\n",
            whole.compared, broken.compared, broken.unsound);
    printf("same: ok\n");
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
    odp_portno_names_destroy(&ports);
}

static void
test_flow_text_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "writer", NULL, 0, 0, run_writer, OVS_RO },
        { "same", "FLOWS [SEED]", 1, 2, run_same, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-flow-text", test_flow_text_main);
