/* SPDX-License-Identifier: Apache-2.0 */

/* dpctl/ila-stats: how full the table is, and what became of packets. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dpctl-ila.h"
#include "dpctl.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "util.h"

/* A port that translates, or did. */
struct port {
    char *name;
    uint32_t number;
    struct dpif_ila_port ila;
};

struct ports {
    struct port *ports;
    size_t n, allocated;
};

static int
compare_ports(const void *a_, const void *b_)
{
    const struct port *a = a_;
    const struct port *b = b_;

    return a->number < b->number ? -1 : a->number > b->number;
}

static bool
any_count(const uint64_t counts[ILA_N_COUNTS])
{
    for (enum ila_count i = 0; i < ILA_N_COUNTS; i++) {
        if (counts[i]) {
            return true;
        }
    }
    return false;
}

static void
get_ports(const struct dpctl_ila *c, struct ports *ports)
{
    struct dpif_port_dump dump;
    struct dpif_port p;

    *ports = (struct ports) { NULL, 0, 0 };
    DPIF_PORT_FOR_EACH (&p, &dump, c->dpif) {
        struct dpif_ila_port ila;

        /* One that goes away meanwhile is left out. */
        if (c->class->get_port(c->dpif, p.port_no, &ila)
            || !(ila.dirs || any_count(ila.counts))) {
            continue;
        }
        if (ports->n >= ports->allocated) {
            ports->ports = x2nrealloc(ports->ports, &ports->allocated,
                                      sizeof *ports->ports);
        }
        ports->ports[ports->n++] = (struct port) {
            .name = xstrdup(p.name),
            .number = odp_to_u32(p.port_no),
            .ila = ila,
        };
    }
    if (ports->n) {
        qsort(ports->ports, ports->n, sizeof *ports->ports, compare_ports);
    }
}

static void
ports_destroy(struct ports *ports)
{
    for (size_t i = 0; i < ports->n; i++) {
        free(ports->ports[i].name);
    }
    free(ports->ports);
}

/* What of 100 packets that were looked up an entry matched. */
static double
hit_ratio(const uint64_t counts[ILA_N_COUNTS])
{
    uint64_t hit = counts[ILA_COUNT_HIT];
    uint64_t n = hit + counts[ILA_COUNT_MISS];

    return n ? 100.0 * hit / n : 0.0;
}

/* The fields that entries of a shape look at, e.g. "match-locator,port". */
static void
format_shape(unsigned int fields, struct ds *s)
{
    static const struct {
        unsigned int field;
        const char *name;
    } names[] = {
        { ILA_MATCH_LOCATOR, "match-locator" },
        { ILA_MATCH_IDENTIFIER, "ident" },
        { ILA_MATCH_IN_PORT, "port" },
    };
    const char *separator = "";

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (fields & names[i].field) {
            ds_put_format(s, "%s%s", separator, names[i].name);
            separator = ",";
        }
    }
}

/* Text. */

static void
format_counts(const uint64_t counts[ILA_N_COUNTS], struct ds *s)
{
    ds_put_format(s, "hit:%"PRIu64" miss:%"PRIu64" (%.1f%% hit)",
                  counts[ILA_COUNT_HIT], counts[ILA_COUNT_MISS],
                  hit_ratio(counts));
    for (enum ila_count i = 0; i < ILA_N_COUNTS; i++) {
        if (counts[i] && i != ILA_COUNT_HIT && i != ILA_COUNT_MISS) {
            ds_put_format(s, " %s:%"PRIu64, ila_count_to_string(i),
                          counts[i]);
        }
    }
    ds_put_char(s, '\n');
}

static void
format_stats(const struct dpif_ila_stats *stats, const struct ports *ports,
             struct ds *s)
{
    const struct ila_table_usage *u = &stats->usage;

    ds_put_format(s, "entries:%"PRIuSIZE" max:%"PRIuSIZE" (%.1f%% full)\n",
                  u->n, u->max, u->max ? 100.0 * u->n / u->max : 0.0);
    for (size_t dir = 0; dir < 2; dir++) {
        for (int fields = 7; fields >= 0; fields--) {
            if (u->per_shape[dir][fields]) {
                ds_put_format(s, "  dir=%s ", ila_dir_to_string(dir + 1));
                format_shape(fields, s);
                ds_put_format(s, ":%"PRIuSIZE"\n", u->per_shape[dir][fields]);
            }
        }
    }
    ds_put_format(s, "translations:%"PRIuSIZE"\n", u->n_values);
    ds_put_format(s, "with timeout:%"PRIuSIZE"\n", u->n_timeouts);
    ds_put_format(s, "bytes:%"PRIuSIZE, u->bytes);
    if (u->n) {
        ds_put_format(s, " (%.1f an entry)", (double) u->bytes / u->n);
    }
    ds_put_cstr(s, "\npackets: ");
    format_counts(stats->counts, s);
    for (size_t i = 0; i < ports->n; i++) {
        const struct port *p = &ports->ports[i];

        ds_put_format(s, "  port %s (%s): ", p->name,
                      dpctl_ila_dirs_to_string(p->ila.dirs));
        format_counts(p->ila.counts, s);
    }
}

/* JSON. */

static struct json *
counts_to_json(const uint64_t counts[ILA_N_COUNTS])
{
    struct json *json = json_object_create();

    for (enum ila_count i = 0; i < ILA_N_COUNTS; i++) {
        json_object_put(json, ila_count_to_string(i),
                        json_integer_create(counts[i]));
    }
    return json;
}

static struct json *
shapes_to_json(const struct ila_table_usage *u)
{
    struct json *array = json_array_create_empty();

    for (size_t dir = 0; dir < 2; dir++) {
        for (int fields = 7; fields >= 0; fields--) {
            if (u->per_shape[dir][fields]) {
                struct json *json = json_object_create();
                struct ds s = DS_EMPTY_INITIALIZER;

                format_shape(fields, &s);
                json_object_put_string(json, "dir",
                                       ila_dir_to_string(dir + 1));
                json_object_put_string(json, "match", ds_cstr(&s));
                json_object_put(json, "preference",
                                json_integer_create(fields));
                json_object_put(json, "entries",
                                json_integer_create(
                                    u->per_shape[dir][fields]));
                json_array_add(array, json);
                ds_destroy(&s);
            }
        }
    }
    return array;
}

static void
put_stats(struct json *reply, const struct dpif_ila_stats *stats,
          const struct ports *ports)
{
    const struct ila_table_usage *u = &stats->usage;
    struct json *array = json_array_create_empty();

    json_object_put(reply, "entries", json_integer_create(u->n));
    json_object_put(reply, "max", json_integer_create(u->max));
    json_object_put(reply, "matches", shapes_to_json(u));
    json_object_put(reply, "translations", json_integer_create(u->n_values));
    json_object_put(reply, "timeouts", json_integer_create(u->n_timeouts));
    json_object_put(reply, "bytes", json_integer_create(u->bytes));
    json_object_put(reply, "packets", counts_to_json(stats->counts));
    for (size_t i = 0; i < ports->n; i++) {
        const struct port *p = &ports->ports[i];
        struct json *json = json_object_create();

        json_object_put_string(json, "name", p->name);
        json_object_put(json, "port", json_integer_create(p->number));
        json_object_put_string(json, "ila",
                               dpctl_ila_dirs_to_string(p->ila.dirs));
        json_object_put(json, "packets", counts_to_json(p->ila.counts));
        json_array_add(array, json);
    }
    json_object_put(reply, "ports", array);
}

int
dpctl_ila_stats(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    struct dpif_ila_stats stats;
    struct dpctl_ila c;
    struct ports ports;
    int error;

    error = dpctl_ila_open(argc, argv, dpctl_p, &c);
    if (error) {
        return error;
    }
    if (c.n_words) {
        error = dpctl_ila_error(&c, EINVAL, "\"%s\" is unknown", c.words[0]);
        goto out;
    }
    error = c.class->get_stats(c.dpif, &stats);
    if (error) {
        dpctl_ila_dp_error(&c, error, "asking for statistics");
        goto out;
    }

    get_ports(&c, &ports);
    if (dpctl_p->ext.json) {
        put_stats(dpctl_p->ext.reply, &stats, &ports);
    } else {
        struct ds s = DS_EMPTY_INITIALIZER;

        format_stats(&stats, &ports, &s);
        dpctl_extension_print(dpctl_p, "%s", ds_cstr(&s));
        ds_destroy(&s);
    }
    ports_destroy(&ports);

out:
    dpctl_ila_close(&c);
    return error;
}
