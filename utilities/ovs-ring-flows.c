/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ring.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-flow-text.h"
#include "dpif.h"
#include "fatal-signal.h"
#include "odp-text.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/ring-client.h"
#include "ring-flow.h"
#include "timeval.h"
#include "util.h"

/* How long nothing may come of an export, in ms. */
#define TIMEOUT 30000

enum format { TEXT, JSON, CSV };

/* What has come about a flow.  ADD is new or has new actions. */
enum event { ADD, CHANGE, DELETE };
static const char *const event_names[] = { "add", "change", "delete" };

struct reader {
    struct ovs_ring_client *client;
    struct ovs_ring *ring;
    enum format format;
    bool verbose;               /* -m */
    bool names;                 /* --names */
    unsigned int watch;         /* --watch, in s; 0 is once. */

    struct hmap port_names;     /* If 'names'. */
    long long int time_offset;  /* Of our monotonic time to theirs, in ms. */
    bool first;                 /* Has nothing been printed of the list? */
    struct ds line;
};

/* Appends 's' to 'ds' as a field of CSV. */
static void
put_csv_string(struct ds *ds, const char *s)
{
    ds_put_char(ds, '"');
    for (; *s; s++) {
        if (*s == '"') {
            ds_put_char(ds, '"');
        }
        ds_put_char(ds, *s);
    }
    ds_put_char(ds, '"');
}

static const struct hmap *
ports_of(const struct reader *r)
{
    return r->names ? &r->port_names : NULL;
}

/* A field of a flow in JSON and CSV. */
static void
put_string_field(const struct reader *r, struct ds *ds, const char *name,
                 const char *value)
{
    if (r->format == JSON) {
        ds_put_format(ds, "\"%s\":", name);
        json_string_escape(value, ds);
    } else {
        put_csv_string(ds, value);
    }
    ds_put_char(ds, ',');
}

static void
put_number_field(const struct reader *r, struct ds *ds, const char *name,
                 uint64_t value)
{
    if (r->format == JSON) {
        ds_put_format(ds, "\"%s\":", name);
    }
    ds_put_format(ds, "%"PRIu64",", value);
}

/* Milliseconds since the flow was used; nothing if it never was. */
static void
put_idle_field(const struct reader *r, struct ds *ds,
               const struct dpif_flow *f, long long int now)
{
    if (f->stats.used) {
        put_number_field(r, ds, "idle_ms", MAX(now - f->stats.used, 0));
    } else if (r->format == JSON) {
        ds_put_cstr(ds, "\"idle_ms\":null,");
    } else {
        ds_put_char(ds, ',');
    }
}

static void
put_pmd_field(const struct reader *r, struct ds *ds,
              const struct dpif_flow *f)
{
    if (f->pmd_id == PMD_ID_NULL) {
        if (r->format == CSV) {
            ds_put_char(ds, ',');
        }
    } else if (f->pmd_id == NON_PMD_CORE_ID) {
        put_string_field(r, ds, "pmd", "main");
    } else {
        put_number_field(r, ds, "pmd", f->pmd_id);
    }
}

static void
put_texts(const struct reader *r, struct ds *ds, const struct dpif_flow *f)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    odp_text_flow(&text, f->key, f->key_len, f->mask, f->mask_len,
                  ports_of(r), r->verbose);
    put_string_field(r, ds, "flow", ds_cstr(&text));
    ds_clear(&text);
    odp_text_actions(&text, f->actions, f->actions_len, ports_of(r));
    put_string_field(r, ds, "actions", ds_cstr(&text));
    ds_destroy(&text);
}

static void
put_fields(struct reader *r, const struct dpif_flow *f, enum event event,
           long long int now)
{
    struct ds ufid = DS_EMPTY_INITIALIZER;
    struct ds *ds = &r->line;

    odp_format_ufid(&f->ufid, &ufid);
    if (r->format == JSON) {
        ds_put_char(ds, '{');
    }
    put_string_field(r, ds, "event", event_names[event]);
    put_string_field(r, ds, "ufid", ds_cstr(&ufid) + strlen("ufid:"));
    ds_destroy(&ufid);
    put_pmd_field(r, ds, f);
    put_number_field(r, ds, "packets", f->stats.n_packets);
    put_number_field(r, ds, "bytes", f->stats.n_bytes);
    put_idle_field(r, ds, f, now);
    put_number_field(r, ds, "tcp_flags", f->stats.tcp_flags);
    if (event == ADD) {
        put_texts(r, ds, f);
    } else if (r->format == CSV) {
        ds_put_cstr(ds, ",,");
    }
    ds_chomp(ds, ',');
    if (r->format == JSON) {
        ds_put_char(ds, '}');
    }
}

static void
put_text(struct reader *r, const struct dpif_flow *f, enum event event,
         long long int now)
{
    struct ds *ds = &r->line;

    if (r->watch) {
        ds_put_format(ds, "%s ", event_names[event]);
        if (!r->verbose || event != ADD) {
            odp_format_ufid(&f->ufid, ds);
            ds_put_cstr(ds, ", ");
        }
    }
    if (event == ADD) {
        dpif_flow_text(ds, f, ports_of(r), r->verbose, now);
    } else {
        dpif_flow_stats_text(ds, &f->stats, now);
    }
}

static void
print_flow(struct reader *r, const struct dpif_flow *f, enum event event)
{
    long long int now = time_msec();

    ds_clear(&r->line);
    if (r->format == TEXT) {
        put_text(r, f, event, now);
    } else {
        if (r->format == JSON && !r->watch) {
            ds_put_cstr(&r->line, r->first ? "[" : ",\n ");
        }
        put_fields(r, f, event, now);
    }
    r->first = false;
    if (r->format != JSON || r->watch) {
        ds_put_char(&r->line, '\n');
    }
    fwrite(r->line.string, r->line.length, 1, stdout);
}

static void
read_port(struct reader *r, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_port *port = rec->data;
    char *name;

    if (rec->len < sizeof *port || port->name_len > rec->len - sizeof *port) {
        ovs_fatal(0, "a port that makes no sense");
    }
    if (r->names) {
        name = xmemdup0((const char *) (port + 1), port->name_len);
        odp_portno_names_set(&r->port_names, u32_to_odp(port->port_no), name);
        free(name);
    }
}

static void
read_flow(struct reader *r, const struct ovs_ring_rec *rec, enum event event)
{
    struct ring_flow flow;
    struct dpif_flow *f = &flow.flow;
    int error;

    error = event == ADD ? ring_flow_decode(&flow, rec->data, rec->len)
                         : ring_flow_stats_decode(f, rec->data, rec->len);
    if (error) {
        ovs_fatal(0, "a flow that makes no sense");
    }
    if (f->stats.used) {
        f->stats.used += r->time_offset;
    }
    print_flow(r, f, event);
}

/* Returns whether 'rec' ends the export. */
static bool
read_record(struct reader *r, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_dump *dump = rec->data;

    if (rec->lost) {
        ovs_error(0, "%"PRIu64" flows are too long for the ring", rec->lost);
    }
    switch (rec->type) {
    case OVS_RING_T_DUMP_BEGIN:
        if (rec->len < sizeof *dump) {
            ovs_fatal(0, "an export that makes no sense");
        }
        r->time_offset = time_msec() - (long long int) dump->now;
        odp_portno_names_destroy(&r->port_names);
        return false;
    case OVS_RING_T_PORT:
        read_port(r, rec);
        return false;
    case OVS_RING_T_FLOW:
        read_flow(r, rec, ADD);
        return false;
    case OVS_RING_T_STATS:
        read_flow(r, rec, CHANGE);
        return false;
    case OVS_RING_T_DEL:
        read_flow(r, rec, DELETE);
        return false;
    case OVS_RING_T_DUMP_END:
        if (rec->len < sizeof *dump) {
            ovs_fatal(0, "an export that makes no sense");
        }
        if (dump->error == ENOSPC) {
            ovs_error(0, "ovs-vswitchd has no memory to remember all flows; "
                      "see other_config:ring-max-mb");
        } else if (dump->error) {
            ovs_fatal(dump->error, "the export ended early");
        }
        return true;
    default:
        return false;
    }
}

static void
export(struct reader *r, uint64_t id)
{
    struct ovs_ring_rec rec;
    char *why;
    int error;

    if (ovs_ring_export(r->client, id,
                        r->watch ? OVS_RING_EXPORT_INCREMENTAL : 0, &why)) {
        ovs_fatal(0, "%s", why ? why : "no memory");
    }
    do {
        while ((error = ovs_ring_next(r->ring, &rec)) == EAGAIN) {
            error = ovs_ring_wait(r->ring, TIMEOUT);
            if (error && error != EINTR) {
                break;
            }
            fatal_signal_run();
        }
        if (error) {
            ovs_fatal(error == ESHUTDOWN ? 0 : error, "ovs-vswitchd ended "
                      "the ring");
        }
    } while (!read_record(r, &rec));
    if (fflush(stdout)) {
        ovs_fatal(errno, "cannot write");
    }
}

static void
run_reader(struct reader *r)
{
    hmap_init(&r->port_names);
    ds_init(&r->line);
    if (r->format == CSV) {
        puts("event,ufid,pmd,packets,bytes,idle_ms,tcp_flags,flow,actions");
    }
    r->first = true;
    export(r, 1);
    if (r->format == JSON && !r->watch) {
        puts(r->first ? "[]" : "]");
    }
    for (uint64_t id = 2; r->watch; id++) {
        poll_timer_wait(r->watch * 1000LL);
        poll_block();
        export(r, id);
    }
    ds_destroy(&r->line);
    odp_portno_names_destroy(&r->port_names);
    hmap_destroy(&r->port_names);
}

static void
parse_options(int argc, char *argv[], struct reader *r)
{
    enum { OPT_JSON = UCHAR_MAX + 1, OPT_CSV, OPT_NAMES, OPT_NO_NAMES,
           OPT_WATCH };
    static const struct option long_options[] = {
        {"more", no_argument, NULL, 'm'},
        {"names", no_argument, NULL, OPT_NAMES},
        {"no-names", no_argument, NULL, OPT_NO_NAMES},
        {"json", no_argument, NULL, OPT_JSON},
        {"csv", no_argument, NULL, OPT_CSV},
        {"watch", required_argument, NULL, OPT_WATCH},
        {NULL, 0, NULL, 0},
    };
    bool set_names = false;
    int c;

    while ((c = getopt_long(argc, argv, "m", long_options, NULL)) != -1) {
        switch (c) {
        case 'm':
            r->verbose = true;
            break;
        case OPT_NAMES:
        case OPT_NO_NAMES:
            r->names = c == OPT_NAMES;
            set_names = true;
            break;
        case OPT_JSON:
        case OPT_CSV:
            r->format = c == OPT_JSON ? JSON : CSV;
            break;
        case OPT_WATCH:
            if (!str_to_uint(optarg, 10, &r->watch) || !r->watch) {
                ovs_fatal(0, "--watch=%s is no number of seconds", optarg);
            }
            break;
        default:
            exit(EXIT_FAILURE);
        }
    }
    if (!set_names) {
        r->names = r->verbose;
    }
}

static int
run(int argc, char *argv[], const struct ring_options *options)
{
    struct reader r = { .format = TEXT };
    char *socket, *why;

    parse_options(argc, argv, &r);
    if (argc - optind > 1) {
        ring_usage_error(&ring_flows_command, "flows: \"%s\" is too much",
                         argv[optind + 1]);
    }
    socket = ring_socket_name(options->target);
    if (ovs_ring_open_flows(socket, argv[optind], NULL, &r.client, &why)) {
        ovs_fatal(0, "%s", why ? why : "no memory");
    }
    r.ring = ovs_ring_client_ring(r.client);
    run_reader(&r);
    ovs_ring_disconnect(r.client);
    free(socket);
    return EXIT_SUCCESS;
}

const struct ring_command ring_flows_command = {
    .name = "flows",
    .usage = "[-m] [--names] [--json | --csv] [--watch=SEC] [DP]",
    .help = "flows of a datapath, once or what changes every SEC seconds",
    .run = run,
};
