/* SPDX-License-Identifier: Apache-2.0 */

/* The action ila_table(...) in the slow path of a datapath that says of
 * addresses what it would do to them, and nothing of packets.
 *
 *     test-dpif-ila FILE    the vectors, compared with the table's own path */

#include <config.h>
#undef NDEBUG
#include "dpif-ila.h"

#include <errno.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif-extension.h"
#include "dpif-provider.h"
#include "ila-packet.h"
#include "ila-table-action.h"
#include "ila-vectors.h"
#include "openvswitch/extension-abi.h"
#include "ovstest.h"
#include "packets.h"
#include "util.h"

#define DST_OFS 24

/* The datapath: a table, or an error. */
static struct ila_table *table;
static int lookup_error;

static int
lookup(struct dpif *dpif OVS_UNUSED, unsigned int dirs, uint16_t in_port,
       const struct in6_addr *dst, struct dpif_ila_result *result)
{
    if (lookup_error) {
        return lookup_error;
    }
    for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
        struct ila_hit hit;

        if (dirs & 1u << dir
            && ila_table_lookup(table, dir, in_port, dst, &hit)) {
            ila_hit_get_mapping(&hit, in_port, dst, &result->entry.mapping);
            result->addr = *dst;
            result->verdict = ila_translate_addr(hit.xlat, &result->addr);
            return 0;
        }
    }
    return ENOENT;
}

static const struct dpif_ila_class ila_class = { .lookup = lookup };
static const struct dpif_extension_classes classes = { .ila = &ila_class };
static const struct dpif_class class = {
    .type = "test", .extensions = &classes,
};
static char name[] = "test@test";
static struct dpif dpif = { .dpif_class = &class, .full_name = name };

static struct dp_packet *
make_packet(const uint8_t *ip6, size_t size, uint16_t in_port, bool partial)
{
    struct dp_packet *packet = dp_packet_new(ETH_HEADER_LEN + size);
    struct eth_header *eth = dp_packet_put_zeros(packet, sizeof *eth);

    eth->eth_type = htons(ETH_TYPE_IPV6);
    dp_packet_put(packet, ip6, size);
    dp_packet_reset_offsets(packet);
    dp_packet_set_l3(packet, (uint8_t *) dp_packet_data(packet)
                             + ETH_HEADER_LEN);
    pkt_metadata_init(&packet->md, u32_to_odp(in_port));
    if (partial) {
        dp_packet_hwol_set_csum_tcp(packet);
    }
    return packet;
}

/* Executes the action on such a packet and returns it, or NULL if it was
 * dropped. */
static struct dp_packet *
execute(const uint8_t *ip6, size_t size, uint16_t in_port, bool partial,
        uint8_t miss)
{
    const struct ovs_action_ila_table action = {
        .dirs = ILA_PATH_IN | ILA_PATH_OUT,
        .miss = miss,
    };
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, make_packet(ip6, size, in_port,
                                                    partial));
    dpif_ila_execute(&dpif, &batch, &action, true);
    return dp_packet_batch_is_empty(&batch) ? NULL : batch.packets[0];
}

static void
check_vector(const struct json *v)
{
    const struct json *entries = member(v, "table");
    uint8_t flags = member(v, "icmp_inner") ? ILA_ENTRY_ICMP_INNER : 0;
    bool partial = member(v, "l4_partial")->type == JSON_TRUE;
    uint16_t in_port = json_integer(member(v, "in_port"));
    uint64_t counts[ILA_N_COUNTS] = { 0 };
    uint8_t in[512], expected[512];
    size_t size = from_hex(member_string(v, "in"), in, sizeof in);
    struct ila_outcomes o;
    struct ila_packet p = {
        .ip6 = expected, .size = size, .l4_partial = partial,
    };

    table = ila_table_create();
    for (size_t i = 0; i < entries->array.n; i++) {
        struct ila_mapping m;

        vector_mapping(entries->array.elems[i], flags, &m);
        ovs_assert(!ila_table_add(table, &m, ILA_ADD_NEW));
    }
    memcpy(expected, in, size);
    ila_path_run(table, ILA_PATH_IN | ILA_PATH_OUT, in_port, &p, 1, &o,
                 counts);

    for (uint8_t miss = ILA_MISS_CONTINUE; miss <= ILA_MISS_DROP; miss++) {
        struct dp_packet *packet = execute(in, size, in_port, partial, miss);
        bool dropped = (o.dropped
                        || (miss == ILA_MISS_DROP && o.missed && !o.inner));

        if (!packet != dropped) {
            ovs_fatal(0, "%s: miss=%d: %s", member_string(v, "id"), miss,
                      packet ? "not dropped" : "dropped");
        }
        if (packet && memcmp((uint8_t *) dp_packet_tail(packet) - size,
                             expected, size)) {
            ovs_fatal(0, "%s: wrong packet", member_string(v, "id"));
        }
        dp_packet_delete(packet);
    }

    /* A datapath that cannot tell. */
    if (in[DST_OFS] != 0xff && in[0] >> 4 == 6 && size >= IPV6_HEADER_LEN) {
        lookup_error = ENOMEM;
        ovs_assert(!execute(in, size, in_port, partial, ILA_MISS_CONTINUE));
        lookup_error = 0;
    }
    ila_table_destroy(table);
}

static void
test_dpif_ila_main(int argc, char *argv[])
{
    struct json *file;
    const struct json *vectors;
    size_t n_quoted = 0;

    set_program_name(argv[0]);
    ovs_assert(argc == 2);
    file = json_from_file(argv[1]);
    ovs_assert(file->type == JSON_OBJECT);
    vectors = member(file, "vectors");
    for (size_t i = 0; i < vectors->array.n; i++) {
        check_vector(vectors->array.elems[i]);
        n_quoted += member(vectors->array.elems[i], "icmp_inner") != NULL;
    }
    printf("%"PRIuSIZE" vectors, %"PRIuSIZE" with a quoted packet\n",
           vectors->array.n, n_quoted);
    json_destroy(file);
}

OVSTEST_REGISTER("test-dpif-ila", test_dpif_ila_main);
