/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "vrf-mark.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "sset.h"
#include "util.h"
#include "vrf-names.h"

static struct vrf_marks *m;

static void
parse_address(const char *s, struct in6_addr *addr)
{
    ovs_be32 ip;

    if (ip_parse(s, &ip)) {
        *addr = in6_addr_mapped_ipv4(ip);
    } else {
        ovs_assert(ipv6_parse(s, addr));
    }
}

/* A tunnel to UDP port 'dst_port', 0 for GRE; addresses and key are any if
 * they are null or below 0. */
static struct vrf_mark_tunnel
tunnel(const char *vrf, uint16_t dst_port, const char *remote,
       const char *local, int key)
{
    struct vrf_mark_tunnel t = {
        .vrf = vrf_id_of_name(vrf),
        .dst_port = dst_port,
        .any_remote = !remote,
        .any_local = !local,
        .any_key = key < 0,
        .key = key < 0 ? 0 : key,
    };

    if (remote) {
        parse_address(remote, &t.remote);
    }
    if (local) {
        parse_address(local, &t.local);
    }
    return t;
}

static void
check_put(const char *name, struct vrf_mark_tunnel t)
{
    char *why = vrf_marks_put(m, name, &t);

    if (why) {
        ovs_fatal(0, "%s: %s", name, why);
    }
    ovs_assert(vrf_marks_find(m, name)->vrf == t.vrf);
}

static void
check_barred(const char *name, struct vrf_mark_tunnel t, const char *text)
{
    char *why = vrf_marks_put(m, name, &t);

    ovs_assert(why);
    if (strncmp(why, text, strlen(text))) {
        ovs_fatal(0, "\"%s\" is not \"%s\"", why, text);
    }
    ovs_assert(!vrf_marks_find(m, name));
    free(why);
}

static void
check_mark(const char *vrf, uint32_t wanted)
{
    uint32_t mark = vrf_marks_get(m, vrf_id_of_name(vrf));

    if (mark != wanted) {
        ovs_fatal(0, "VRF %s has mark %#"PRIx32", not %#"PRIx32, vrf, mark,
                  wanted);
    }
}

static void
test_mask(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const char *const bad[] = {
        "", "0", "0x0", "0x5", "0x7f00007f", "0x100000000", "-1", "red",
        "0xff ", "0x", "80000001", "table=5",
    };
    static const struct {
        const char *s;
        uint32_t mask;
    } good[] = {
        { "0x7f000000", 0x7f000000 },
        { "0xffffffff", UINT32_MAX },
        { "1", 1 },
        { "0x80000000", 0x80000000 },
        { "0xff00", 0xff00 },
        { "6", 6 },
    };
    uint32_t mask = 77;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (vrf_mark_mask_from_string(bad[i], &mask) || mask != 77) {
            ovs_fatal(0, "\"%s\" is taken for a mask", bad[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (!vrf_mark_mask_from_string(good[i].s, &mask)
            || mask != good[i].mask) {
            ovs_fatal(0, "\"%s\" is no mask", good[i].s);
        }
    }
}

static void
test_marks(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct sset names = SSET_INITIALIZER(&names);

    m = vrf_marks_create();
    ovs_assert(vrf_marks_get_mask(m) == VRF_MARK_DEFAULT_MASK);
    check_put("plain", tunnel("default", 6081, "10.0.0.9", NULL, -1));
    ovs_assert(!vrf_marks_any(m));
    check_mark("default", 0);
    check_put("r1", tunnel("red", 6081, "10.0.0.1", NULL, 1));
    check_put("b1", tunnel("blue", 6081, "10.0.0.2", NULL, 1));
    check_put("r2", tunnel("red", 0, "10.0.0.1", NULL, 1));
    ovs_assert(vrf_marks_any(m));
    check_mark("red", 0x1000000);
    check_mark("blue", 0x2000000);

    /* It stays while there is a tunnel, and then for a while. */
    vrf_marks_remove(m, "r1");
    ovs_assert(vrf_marks_expire(m, 1000, 5000) == LLONG_MAX);
    vrf_marks_remove(m, "r2");
    vrf_marks_remove(m, "unknown");
    check_put("g1", tunnel("green", 6081, "10.0.0.3", NULL, 1));
    check_mark("green", 0x3000000);
    ovs_assert(vrf_marks_expire(m, 2000, 5000) == 7000);
    ovs_assert(vrf_marks_expire(m, 6999, 5000) == 7000);
    check_mark("red", 0x1000000);
    check_put("r1", tunnel("red", 6081, "10.0.0.1", NULL, 1));
    ovs_assert(vrf_marks_expire(m, 7000, 5000) == LLONG_MAX);
    check_mark("red", 0x1000000);
    vrf_marks_remove(m, "r1");
    ovs_assert(vrf_marks_expire(m, 8000, 5000) == 13000);
    ovs_assert(vrf_marks_expire(m, 13000, 5000) == LLONG_MAX);
    check_mark("red", 0);
    check_put("w1", tunnel("white", 6081, "10.0.0.4", NULL, 1));
    check_mark("white", 0x1000000);

    /* From one VRF to another one. */
    check_put("w1", tunnel("blue", 6081, "10.0.0.4", NULL, 1));
    check_mark("white", 0x1000000);
    check_mark("blue", 0x2000000);

    sset_add(&names, "g1");
    vrf_marks_retain(m, &names);
    ovs_assert(!vrf_marks_find(m, "w1") && !vrf_marks_find(m, "plain"));
    ovs_assert(vrf_marks_find(m, "g1"));
    sset_destroy(&names);

    /* What it was before. */
    vrf_marks_suggest(m, vrf_id_of_name("old"), 0x5000000);
    check_mark("old", 0x5000000);
    vrf_marks_suggest(m, vrf_id_of_name("old"), 0x6000000);
    check_mark("old", 0x5000000);
    vrf_marks_suggest(m, vrf_id_of_name("other"), 0x3000000);
    vrf_marks_suggest(m, vrf_id_of_name("other"), 0x5000000);
    vrf_marks_suggest(m, vrf_id_of_name("other"), 0x80000000);
    vrf_marks_suggest(m, vrf_id_of_name("other"), 0x4000001);
    vrf_marks_suggest(m, vrf_id_of_name("other"), 0);
    vrf_marks_suggest(m, VRF_DEFAULT_ID, 0x4000000);
    check_mark("other", 0);
    check_mark("default", 0);
    vrf_marks_destroy(m);
}

static void
test_room(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    m = vrf_marks_create();
    vrf_marks_set_mask(m, 0x300);
    check_put("a", tunnel("a", 6081, "10.0.0.1", NULL, 1));
    check_put("b", tunnel("b", 6081, "10.0.0.2", NULL, 1));
    check_put("c", tunnel("c", 6081, "10.0.0.3", NULL, 1));
    check_mark("a", 0x100);
    check_mark("b", 0x200);
    check_mark("c", 0x300);
    check_barred("d", tunnel("d", 6081, "10.0.0.4", NULL, 1),
                 "other_config:vrf-mark-mask 0x300 of Open_vSwitch has room "
                 "for 3 VRFs, and so many have such tunnels already");
    check_put("plain", tunnel("default", 6081, "10.0.0.4", NULL, 1));
    check_put("a2", tunnel("a", 6081, "10.0.0.5", NULL, 1));

    /* If there is no other one, it is that of which nothing is left for
     * longest. */
    vrf_marks_remove(m, "c");
    vrf_marks_expire(m, 1000, 5000);
    vrf_marks_remove(m, "b");
    vrf_marks_expire(m, 1001, 5000);
    check_put("d", tunnel("d", 6081, "10.0.0.6", NULL, 1));
    check_mark("d", 0x300);
    check_mark("c", 0);
    check_mark("b", 0x200);

    /* Other bits, and fewer. */
    vrf_marks_set_mask(m, 0x30000);
    check_mark("d", 0x30000);
    vrf_marks_set_mask(m, 0x80000000);
    check_mark("a", 0x80000000);
    check_mark("d", 0);
    ovs_assert(vrf_marks_find(m, "a2") && vrf_marks_find(m, "plain"));
    ovs_assert(!vrf_marks_find(m, "d"));
    check_barred("d", tunnel("d", 6081, "10.0.0.6", NULL, 1),
                 "other_config:vrf-mark-mask 0x80000000 of Open_vSwitch has "
                 "room for 1 VRFs");
    vrf_marks_set_mask(m, UINT32_MAX);
    check_put("d", tunnel("d", 6081, "10.0.0.6", NULL, 1));
    check_mark("d", 2);
    vrf_marks_destroy(m);
}

static void
test_conflicts(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    m = vrf_marks_create();
    check_put("r", tunnel("red", 6081, "10.0.0.1", "10.0.0.2", 7));
    check_barred("b", tunnel("blue", 6081, "10.0.0.1", "10.0.0.2", 7),
                 "r in VRF red has remote_ip=10.0.0.1, local_ip=10.0.0.2, "
                 "key=7, dst_port=6081: packets that are received could be "
                 "for both, as Linux does not tell from which VRF they are");
    check_barred("p", tunnel("default", 6081, "10.0.0.1", "10.0.0.2", 7),
                 "r in VRF red has remote_ip=10.0.0.1, ");

    /* What one does not look at. */
    check_barred("b", tunnel("blue", 6081, "10.0.0.1", NULL, 7), "r in");
    check_barred("b", tunnel("blue", 6081, NULL, "10.0.0.2", 7), "r in");
    check_barred("b", tunnel("blue", 6081, NULL, NULL, -1), "r in");

    /* One thing that differs will do. */
    check_put("b1", tunnel("blue", 6081, "10.0.0.1", "10.0.0.2", 8));
    check_put("b2", tunnel("blue", 6081, "10.0.0.3", "10.0.0.2", 7));
    check_put("b3", tunnel("blue", 6081, "10.0.0.1", "10.0.0.3", 7));
    check_put("b4", tunnel("blue", 6082, "10.0.0.1", "10.0.0.2", 7));
    check_put("b5", tunnel("blue", 0, "10.0.0.1", "10.0.0.2", 7));
    check_barred("r2", tunnel("red", 0, NULL, NULL, -1),
                 "b5 in VRF blue has remote_ip=10.0.0.1, local_ip=10.0.0.2, "
                 "key=7: packets");

    /* Within a VRF it is upstream that refuses what is the same. */
    check_put("r2", tunnel("red", 6081, "10.0.0.1", "10.0.0.2", 7));
    check_put("r3", tunnel("red", 6083, NULL, NULL, -1));
    check_barred("g", tunnel("green", 6083, "fd00::1", "fd00::2", 1),
                 "r3 in VRF red has remote_ip=any, local_ip=any, key=any, "
                 "dst_port=6083: ");
    check_mark("green", 0);

    /* A tunnel is not in its own way; who is barred is there no more. */
    check_put("r", tunnel("white", 6084, "10.0.0.1", "10.0.0.2", 7));
    check_barred("r", tunnel("white", 6081, "10.0.0.1", "10.0.0.2", 7),
                 "r2 in VRF red");
    vrf_marks_remove(m, "r2");
    check_put("r", tunnel("white", 6081, "10.0.0.1", "10.0.0.2", 7));
    vrf_marks_destroy(m);

    /* Without VRFs there is nothing to say. */
    m = vrf_marks_create();
    check_put("p1", tunnel("default", 6081, NULL, NULL, -1));
    check_put("p2", tunnel("default", 6081, "10.0.0.1", NULL, -1));
    check_put("p3", tunnel("default", 6081, "10.0.0.1", NULL, -1));
    check_barred("r", tunnel("red", 6081, "10.0.0.1", "10.0.0.2", 7),
                 "p");
    ovs_assert(!vrf_marks_any(m));
    vrf_marks_destroy(m);
}

enum { N_NAMES = 20, N_VRFS = 6 };

/* Is there a packet, out of all that there may be, for both? */
static bool
packet_is_for_both(const struct vrf_mark_tunnel *a,
                   const struct vrf_mark_tunnel *b)
{
    for (int i = 0; i < 8; i++) {
        const struct vrf_mark_tunnel *ts[] = { a, b };
        int n = 0;

        for (int j = 0; j < 2; j++) {
            const struct vrf_mark_tunnel *t = ts[j];

            n += ((t->any_remote || t->remote.s6_addr[15] == (i & 1))
                  && (t->any_local || t->local.s6_addr[15] == (i >> 1 & 1))
                  && (t->any_key || t->key == i >> 2));
        }
        if (n == 2) {
            return a->dst_port == b->dst_port;
        }
    }
    return false;
}

/* No packet is for tunnels of two VRFs, and no two VRFs have a mark. */
static void
check_all(uint32_t last[N_VRFS])
{
    uint32_t mask = vrf_marks_get_mask(m);
    char name[8];

    for (int i = 0; i < N_NAMES; i++) {
        const struct vrf_mark_tunnel *a, *b;

        snprintf(name, sizeof name, "t%d", i);
        a = vrf_marks_find(m, name);
        if (!a) {
            continue;
        }
        ovs_assert(!a->vrf == !vrf_marks_get(m, a->vrf));
        for (int j = 0; j < i; j++) {
            snprintf(name, sizeof name, "t%d", j);
            b = vrf_marks_find(m, name);
            ovs_assert(!b || a->vrf == b->vrf || !packet_is_for_both(a, b));
        }
    }
    for (int i = 1; i < N_VRFS; i++) {
        uint32_t mark = vrf_marks_get(m, i);

        ovs_assert(!(mark & ~mask));
        /* It may go, but does not change. */
        ovs_assert(!mark || !last[i] || mark == last[i]);
        last[i] = mark;
        for (int j = 1; j < i; j++) {
            ovs_assert(!mark || mark != vrf_marks_get(m, j));
        }
    }
}

static void
test_random(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    uint32_t last[N_VRFS] = { 0 };
    int n_barred = 0, n_put = 0;
    long long int now = 1;

    m = vrf_marks_create();
    vrf_marks_set_mask(m, 0xc);
    vrf_id_of_name("a");
    vrf_id_of_name("b");
    vrf_id_of_name("c");
    vrf_id_of_name("d");
    vrf_id_of_name("e");
    for (int i = 0; i < 100000; i++) {
        struct vrf_mark_tunnel t = {
            .vrf = random_range(N_VRFS),
            .dst_port = random_range(6),
            .any_remote = !random_range(6),
            .any_local = !random_range(6),
            .any_key = !random_range(6),
            .key = random_range(2),
        };
        char name[8];

        t.remote.s6_addr[15] = random_range(2);
        t.local.s6_addr[15] = random_range(2);
        snprintf(name, sizeof name, "t%d", random_range(N_NAMES));
        if (random_range(3)) {
            char *why = vrf_marks_put(m, name, &t);

            ovs_assert(!why == (vrf_marks_find(m, name) != NULL));
            n_barred += why != NULL;
            n_put += !why;
            free(why);
        } else {
            vrf_marks_remove(m, name);
        }
        check_all(last);
        now += random_range(3);
        if (!random_range(10)) {
            long long int next = vrf_marks_expire(m, now, 20);

            ovs_assert(next > now);
        }
        check_all(last);
    }
    ovs_assert(n_barred > 1000 && n_put > 1000);
    vrf_marks_destroy(m);
}

static void
test_vrf_mark_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "mask", NULL, 0, 0, test_mask, OVS_RO },
        { "marks", NULL, 0, 0, test_marks, OVS_RO },
        { "room", NULL, 0, 0, test_room, OVS_RO },
        { "conflicts", NULL, 0, 0, test_conflicts, OVS_RO },
        { "random", NULL, 0, 0, test_random, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-mark", test_vrf_mark_main);
