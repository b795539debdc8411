/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "vrf-vxlan.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "ovstest.h"
#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "sset.h"
#include "util.h"
#include "vrf-names.h"

static struct vrf_vxlan *v;

/* What Linux has been told since it was looked at last. */
static struct ds told = DS_EMPTY_INITIALIZER;
static int set_error;

static int
record(uint16_t dst_port, uint16_t vrf, uint32_t vni, bool add,
       void *aux OVS_UNUSED)
{
    ds_put_format(&told, "%c%d/%s/%"PRIu32" ", add ? '+' : '-', dst_port,
                  vrf_id_to_name(vrf), vni);
    return set_error;
}

static void
check_told(const char *wanted)
{
    vrf_vxlan_sync(v, record, NULL);
    if (strcmp(ds_cstr(&told), wanted)) {
        ovs_fatal(0, "told: \"%s\", not \"%s\"", ds_cstr(&told), wanted);
    }
    ds_clear(&told);
}

/* Puts a tunnel; 'vni' below 0 is any. */
static char *
put(const char *name, const char *vrf, uint16_t dst_port, int vni)
{
    const struct vrf_vxlan_tunnel t = {
        .vrf = vrf_id_of_name(vrf),
        .dst_port = dst_port,
        .any_vni = vni < 0,
        .vni = vni < 0 ? 0 : vni,
    };

    return vrf_vxlan_put(v, name, &t);
}

static void
check_put(const char *name, const char *vrf, uint16_t dst_port, int vni)
{
    char *why = put(name, vrf, dst_port, vni);

    if (why) {
        ovs_fatal(0, "%s: %s", name, why);
    }
    ovs_assert(vrf_vxlan_find(v, name)->vrf == vrf_id_of_name(vrf));
}

static void
check_barred(const char *name, const char *vrf, uint16_t dst_port, int vni,
             const char *text)
{
    char *why = put(name, vrf, dst_port, vni);

    ovs_assert(why);
    if (strcmp(why, text)) {
        ovs_fatal(0, "\"%s\" is not \"%s\"", why, text);
    }
    ovs_assert(!vrf_vxlan_find(v, name));
    free(why);
}

static void
begin(void)
{
    v = vrf_vxlan_create();
    set_error = 0;
    ds_clear(&told);
}

static void
end(void)
{
    vrf_vxlan_destroy(v);
}

static void
test_lists(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct sset names = SSET_INITIALIZER(&names);

    begin();
    check_told("");
    check_put("r10", "red", 4789, 10);
    check_put("b11", "blue", 4789, 11);
    check_put("other", "blue", 4790, 10);
    check_told("+4789/red/10 +4789/blue/11 +4790/blue/10 ");
    check_told("");

    /* Two with the same VNI. */
    check_put("r10b", "red", 4789, 10);
    check_told("");
    vrf_vxlan_remove(v, "r10");
    check_told("");
    vrf_vxlan_remove(v, "r10b");
    check_told("-4789/red/10 ");

    /* Another key, and one that moves: no list ever has it twice. */
    check_put("r10", "red", 4789, 10);
    check_told("+4789/red/10 ");
    check_put("r10", "red", 4789, 12);
    check_put("b11", "blue", 4789, 10);
    check_told("-4789/red/10 -4789/blue/11 +4789/red/12 +4789/blue/10 ");

    /* Nothing changes, nothing is told. */
    check_put("r10", "red", 4789, 12);
    vrf_vxlan_remove(v, "unknown");
    check_told("");

    /* There and back before anybody is told. */
    check_put("r10", "red", 4789, 13);
    check_put("r10", "red", 4789, 12);
    check_told("");

    /* What fails is tried again. */
    set_error = ENODEV;
    check_put("r14", "red", 4789, 14);
    check_told("+4789/red/14 ");
    ovs_assert(vrf_vxlan_lacks_vni(v, "r14"));
    ovs_assert(!vrf_vxlan_lacks_vni(v, "r10"));
    ovs_assert(!vrf_vxlan_lacks_vni(v, "unknown"));
    set_error = 0;
    check_told("+4789/red/14 ");
    ovs_assert(!vrf_vxlan_lacks_vni(v, "r14"));
    set_error = ENODEV;
    vrf_vxlan_remove(v, "r14");
    check_told("-4789/red/14 ");
    set_error = 0;
    check_told("");

    /* The device went. */
    vrf_vxlan_forget(v, 4789, vrf_id_of_name("red"));
    check_told("+4789/red/12 ");
    vrf_vxlan_remove(v, "r10");
    vrf_vxlan_forget(v, 4789, vrf_id_of_name("red"));
    check_told("");

    sset_add(&names, "other");
    vrf_vxlan_retain(v, &names);
    ovs_assert(!vrf_vxlan_find(v, "b11"));
    ovs_assert(vrf_vxlan_find(v, "other"));
    check_told("-4789/blue/10 ");
    sset_destroy(&names);
    end();
}

static void
test_conflicts(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    begin();
    check_put("r10", "red", 4789, 10);
    check_barred("b10", "blue", 4789, 10,
                 "r10 in VRF red has VNI 10 at UDP port 4789: Linux has a VNI "
                 "in one VRF only");
    check_barred("rflow", "red", 4789, -1,
                 "r10 is in VRF red at UDP port 4789 with a key: there, Linux "
                 "either lists VNIs or takes any");
    check_barred("r0", "red", 4789, 0,
                 "r10 is in VRF red at UDP port 4789 with a key: there, Linux "
                 "either lists VNIs or takes any");
    check_barred("plain", "default", 4789, 20,
                 "r10 is in VRF red at UDP port 4789: Linux cannot have "
                 "tunnels of VRFs and of none at one UDP port");

    /* One for any VNI, besides those with lists. */
    check_put("bflow", "blue", 4789, -1);
    check_put("b0", "blue", 4789, 0);
    check_barred("b11", "blue", 4789, 11,
                 "bflow is in VRF blue at UDP port 4789 with key=flow or no "
                 "key: there, Linux either lists VNIs or takes any");
    check_barred("gflow", "green", 4789, -1,
                 "bflow is in VRF blue at UDP port 4789 with key=flow or no "
                 "key, too: Linux has one device for any VNI at a UDP port");
    check_put("g11", "green", 4789, 11);

    /* Who is barred is not there any more, even if it was. */
    check_barred("g11", "green", 4789, 10,
                 "r10 in VRF red has VNI 10 at UDP port 4789: Linux has a VNI "
                 "in one VRF only");
    check_told("+4789/red/10 ");

    /* Those of no VRF are no trouble for one another. */
    check_put("p1", "default", 8472, 10);
    check_put("p2", "default", 8472, 10);
    check_put("p3", "default", 8472, -1);
    check_barred("r1", "red", 8472, 1,
                 "p1 is in VRF default at UDP port 8472: Linux cannot have "
                 "tunnels of VRFs and of none at one UDP port");
    check_told("");

    /* A tunnel is not in its own way, nor is one that went. */
    check_put("r10", "blue", 4790, 10);
    vrf_vxlan_remove(v, "b0");
    check_put("bflow", "red", 4789, -1);
    end();

    /* A device may take another kind of VNIs once it has no tunnels. */
    begin();
    check_put("r", "red", 4789, 10);
    check_told("+4789/red/10 ");
    check_put("r", "red", 4789, -1);
    ovs_assert(vrf_vxlan_find(v, "r")->any_vni);
    check_put("b", "blue", 4789, 10);
    check_told("-4789/red/10 +4789/blue/10 ");
    end();
}

static void
test_no_lists(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    begin();
    check_put("r10", "red", 4789, 10);
    check_told("+4789/red/10 ");
    vrf_vxlan_lacks_lists(v);
    vrf_vxlan_forget(v, 4789, vrf_id_of_name("red"));
    ovs_assert(vrf_vxlan_find(v, "r10")->any_vni);
    ovs_assert(!vrf_vxlan_lacks_vni(v, "r10"));
    check_put("r11", "red", 4789, 11);
    check_put("rflow", "red", 4789, -1);
    check_told("");
    check_barred("b12", "blue", 4789, 12,
                 "r10 is in VRF red at UDP port 4789: this Linux has no VNI "
                 "filters (since 5.18), and without them one VRF for each UDP "
                 "port");
    check_put("b12", "blue", 4790, 12);
    end();
}

static void
test_names(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const struct {
        uint16_t dst_port;
        uint32_t ifindex;
        bool any_vni;
        const char *name;
    } names[] = {
        { 4789, 7, false, "vxlan_4789v7" },
        { 4789, 7, true, "vxlan_4789w7" },
        { 4789, 0, false, "vxlan_4789v0" },
        { 4789, 9999, false, "vxlan_4789v9999" },
        { 4789, 10000, false, "vx12b5v00002710" },
        { 65535, 999, true, "vxlan_65535w999" },
        { 65535, INT32_MAX, true, "vxffffw7fffffff" },
        { 1, UINT32_MAX, false, "vx0001vffffffff" },
    };
    static const char *const others[] = {
        "", "vxlan", "vxlan_sys_4789", "vxlan_4789", "vxlan_4789v",
        "vxlan_4789:7", "vxlan_4789x7", "vxlan_04789v7", "vxlan_4789v07",
        "vxlan_4789v7x", "vxlan_ 4789v7", "vxlan_+4789v7", "vxlan_65536v7",
        "vxlan_99999v7", "vxlan_4789v10000", "vx12b5v2710", "vx1v2",
        "vx12B5v00002710", "vx12b5v00000007", "vxlan_0v7", "genev_4789v7",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char name[IFNAMSIZ];

        vrf_vxlan_format_name(names[i].dst_port, names[i].ifindex,
                              names[i].any_vni, name, sizeof name);
        if (strcmp(name, names[i].name)) {
            ovs_fatal(0, "%s is not %s", name, names[i].name);
        }
        ovs_assert(vrf_vxlan_parse_name(name) == names[i].dst_port);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (vrf_vxlan_parse_name(others[i])) {
            ovs_fatal(0, "\"%s\" is taken for one of ours", others[i]);
        }
    }
}

/* Linux, as far as it has a say: the VRF that has each VNI at a UDP port. */
enum { N_NAMES = 24, N_PORTS = 2, N_VRFS = 4, N_VNIS = 6 };
static uint16_t linux_vrf[N_PORTS][N_VNIS + 1];

static int
linux_set(uint16_t dst_port, uint16_t vrf, uint32_t vni, bool add,
          void *aux OVS_UNUSED)
{
    uint16_t *place = &linux_vrf[dst_port - 1][vni];

    ovs_assert(vni && vni <= N_VNIS && vrf);
    ovs_assert(*place == (add ? 0 : vrf));
    if (add && set_error && random_range(2)) {
        return set_error;
    }
    *place = add ? vrf : 0;
    return 0;
}

/* Are all tunnels such as Linux can have them together? */
static void
check_all(void)
{
    char names[N_NAMES][8];

    for (int i = 0; i < N_NAMES; i++) {
        const struct vrf_vxlan_tunnel *a, *b;

        snprintf(names[i], sizeof names[i], "t%d", i);
        a = vrf_vxlan_find(v, names[i]);
        if (!a) {
            continue;
        }
        ovs_assert(set_error || a->any_vni
                   || linux_vrf[a->dst_port - 1][a->vni] == a->vrf);
        for (int j = 0; j < i; j++) {
            b = vrf_vxlan_find(v, names[j]);
            if (!b || a->dst_port != b->dst_port) {
                continue;
            }
            ovs_assert(!a->vrf == !b->vrf);
            ovs_assert(a->vrf != b->vrf || a->any_vni == b->any_vni);
            ovs_assert(a->vrf == b->vrf
                       || (!a->any_vni && !b->any_vni && a->vni != b->vni)
                       || a->any_vni != b->any_vni);
        }
    }
}

/* Random tunnels come, change and go, and the module's lists are Linux's. */
static void
test_random(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    int n_barred = 0, n_put = 0;

    begin();
    vrf_id_of_name("a");
    vrf_id_of_name("b");
    vrf_id_of_name("c");
    for (int i = 0; i < 100000; i++) {
        const struct vrf_vxlan_tunnel t = {
            .vrf = random_range(8) ? 1 + random_range(N_VRFS - 1) : 0,
            .dst_port = 1 + random_range(N_PORTS),
            .any_vni = !random_range(6),
            .vni = random_range(N_VNIS + 1),
        };
        char name[8];

        set_error = i % 1000 < 500 ? ENODEV : 0;
        snprintf(name, sizeof name, "t%d", random_range(N_NAMES));
        if (!random_range(3)) {
            vrf_vxlan_remove(v, name);
        } else {
            char *why = vrf_vxlan_put(v, name, &t);

            n_barred += why != NULL;
            n_put += !why;
            free(why);
        }
        if (!random_range(50)) {
            uint16_t vrf = 1 + random_range(N_VRFS - 1);

            vrf_vxlan_forget(v, t.dst_port, vrf);
            for (int j = 0; j <= N_VNIS; j++) {
                if (linux_vrf[t.dst_port - 1][j] == vrf) {
                    linux_vrf[t.dst_port - 1][j] = 0;
                }
            }
        }
        vrf_vxlan_sync(v, linux_set, NULL);
        check_all();
    }
    ovs_assert(n_barred > 1000 && n_put > 1000);
    end();
}

static void
test_vrf_vxlan_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "lists", NULL, 0, 0, test_lists, OVS_RO },
        { "conflicts", NULL, 0, 0, test_conflicts, OVS_RO },
        { "no-lists", NULL, 0, 0, test_no_lists, OVS_RO },
        { "names", NULL, 0, 0, test_names, OVS_RO },
        { "random", NULL, 0, 0, test_random, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
    ds_destroy(&told);
}

OVSTEST_REGISTER("test-vrf-vxlan", test_vrf_vxlan_main);
