/* SPDX-License-Identifier: Apache-2.0 */

/* What a router writes into the options of IPv4. */

#include <config.h>
#undef NDEBUG
#include "vrf-options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "csum.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

enum { MAX_HEADER = 60, ADDRESS = 0x0a000001, MS = 0x01020304 };

/* A header with options, and how long it is. */
struct header {
    union {
        struct ip_header nh;
        uint8_t bytes[MAX_HEADER];
    };
    size_t len;
};

static void
finish(struct header *h)
{
    h->nh.ip_ihl_ver = IP_IHL_VER(h->len / 4, 4);
    h->nh.ip_csum = 0;
    h->nh.ip_csum = csum(h->bytes, h->len);
}

static void
make(struct header *h, const char *options)
{
    size_t n = strlen(options) / 2;
    uint8_t bytes[MAX_HEADER - IP_HEADER_LEN];
    struct ofpbuf buf = OFPBUF_STUB_INITIALIZER(bytes);

    memset(h, 0, sizeof *h);
    h->len = IP_HEADER_LEN + n;
    ofpbuf_put_hex(&buf, options, NULL);
    ovs_assert(buf.size == n && n % 4 == 0);
    memcpy(h->bytes + IP_HEADER_LEN, buf.data, n);
    finish(h);
}

/* 'before' becomes 'after', null if it stays as it is. */
static void
check(const char *before, const char *after)
{
    struct header h, wanted;

    make(&h, before);
    make(&wanted, after ? after : before);
    ovs_assert(vrf_options_have_room(&h.nh, h.len) == (after != NULL));
    vrf_options_record(&h.nh, h.len, htonl(ADDRESS), MS);
    ovs_assert(!memcmp(h.bytes, wanted.bytes, MAX_HEADER));
}

static void
test_record(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    /* Of the route: the first slot, the last one, none left. */
    check("070b04000000000000000000", "070b080a0000010000000000");
    check("070b08c000020100000000" "00", "070b0cc00002010a000001" "00");
    check("070b0cc00002010a00000100", NULL);
    check("01070b080a00000900000000", "01070b0c0a0000090a000001");

    /* Timestamps. */
    check("440c0500" "0000000000000000", "440c0900" "0102030400000000");
    check("440c0501" "0000000000000000", "440c0d01" "0a00000101020304");
    check("440c0503" "0a00000100000000", "440c0d03" "0a00000101020304");
    check("440c0503" "0a00000200000000", "440c0503" "0a00000200000000");
    check("440c0d01" "0a00000201020304", "440c0d11" "0a00000201020304");
    check("440c0df1" "0a00000201020304", "440c0df1" "0a00000201020304");
    check("440c0502" "0000000000000000", "440c0502" "0000000000000000");

    /* One behind the other, and behind what is not ours. */
    check("94040000" "0707040000000000" "44080500" "00000000",
          "94040000" "0707080a00000100" "44080500" "00000000");
    check("94040000" "0707040000000001" "44080500" "00000000",
          "94040000" "0707080a00000101" "44080900" "01020304");

    /* Source routes are the business of those that they name; what is behind
     * the end, or what cannot be understood, is not looked at. */
    check("830b04c00002010a00000100", NULL);
    check("00070704" "00000000", NULL);
    check("07070300" "00000000", NULL);
    check("0702040000000000", NULL);
    check("0700040000000000", NULL);
    check("07ff040000000000", NULL);
    check("44030500" "00000000", NULL);
    check("01010107", NULL);
    check("01010744", NULL);
}

/* usage: random N: any bytes.  Nothing beyond the header is read or written,
 * and the checksum is right afterwards. */
static void
test_random(struct ovs_cmdl_context *ctx)
{
    for (int i = atoi(ctx->argv[1]); i; i--) {
        size_t len = IP_HEADER_LEN + random_range(11) * 4;
        uint8_t *copy = xmalloc(len);
        struct header h;
        bool room;

        memset(&h, 0, sizeof h);
        h.len = len;
        for (size_t j = IP_HEADER_LEN; j < len; j++) {
            static const uint8_t likely[] = { 7, 68, 1, 4, 5, 8, 11, 12, 16 };

            h.bytes[j] = (random_range(3)
                          ? likely[random_range(sizeof likely)]
                          : random_uint8());
        }
        finish(&h);
        memcpy(copy, h.bytes, len);
        room = vrf_options_have_room(ALIGNED_CAST(struct ip_header *, copy),
                                     len);
        vrf_options_record(ALIGNED_CAST(struct ip_header *, copy), len,
                           htonl(ADDRESS), MS);
        ovs_assert(!csum(copy, len));
        ovs_assert(room || !memcmp(copy, h.bytes, len));
        free(copy);
    }
}

static void
test_vrf_options_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"record", NULL, 0, 0, test_record, OVS_RO},
        {"random", "N", 1, 1, test_random, OVS_RO},
        {NULL, NULL, 0, 0, NULL, OVS_RO},
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - optind,
        .argv = argv + optind,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-options", test_vrf_options_main);
