/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-xdp-loader [DAEMON-OPTION]... INTERFACE POLICY
 *
 * A daemon that has the XDP program on INTERFACE with this crash policy, and
 * does to it what it is told by ovs-appctl:
 *
 *     drop FLOW     puts a datapath flow there, "in_port(1),eth_type(...)..."
 *     flows         lists them, with their counts
 *     flush         takes them all away, and lists them with their last counts
 *     enable, disable
 *     lease MS
 *     commit        puts the program in place of one that was found there;
 *                   answers "took over" if there was one
 *
 * With the policy "foreign" it attaches another program, in the old way that
 * knows no owners, and ends.  Exit status 77 if the kernel does not let us. */

#include <config.h>
#undef NDEBUG

#include "extension-config.h"
#include "ovstest.h"

#include <stdio.h>
#include <stdlib.h>

#if XDP_OFFLOAD
#include "xdp-loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "command-line.h"
#include "daemon.h"
#include "flow.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-xdp-gen.skel.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"
#include "xdp-flow.h"
#include "xdp-slots.h"
#include "xdp-table.h"

#define PORT u32_to_odp(1)
#define MAX_RULES 1000

struct state {
    struct xdp_dp *dp;
    struct xdp_port *port;
    struct xdp_table *table;
    struct xdp_table_port *table_port;
    struct ovs_xdp_tables tables;
    struct xdp_rule *rules[MAX_RULES];
    char *names[MAX_RULES];
    unsigned int n_rules;
    bool exiting;
};

static void
publish(struct state *s)
{
    if (xdp_table_port_stale(s->table_port)) {
        xdp_table_port_tables(s->table_port, &s->tables);
        ovs_assert(!xdp_port_publish(s->port, &s->tables));
        xdp_table_port_published(s->table_port);
    }
}

static char *
parse_flow(const char *text, struct xdp_flow *xdp)
{
    struct flow_wildcards wc;
    struct ofpbuf key, mask;
    const char *refusal;
    struct flow flow;
    char *error;

    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    if (!odp_flow_from_string(text, NULL, &key, &mask, &error)
        && odp_flow_key_to_flow(key.data, key.size, &flow, &error)
           != ODP_FIT_ERROR
        && odp_flow_key_to_mask(mask.data, mask.size, &wc, &flow, &error)
           != ODP_FIT_ERROR) {
        wc.masks.in_port.odp_port = u32_to_odp(UINT32_MAX);
        refusal = xdp_flow_from_flow(&flow, &wc, PORT, xdp);
        error = refusal ? xstrdup(refusal) : NULL;
    }
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    return error;
}

static void
cmd_drop(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
         void *s_)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    const struct ovs_xdp_flow value = { .action = OVS_XDP_DROP };
    struct state *s = s_;
    struct xdp_rule *rule;
    struct xdp_flow xdp;
    char *message;
    int error;

    message = parse_flow(argv[1], &xdp);
    if (message) {
        unixctl_command_reply_error(conn, message);
        free(message);
        return;
    }
    error = xdp_table_add(s->table_port, &xdp, &drop, 0, time_msec(), NULL,
                          &rule, &evicted);
    if (error) {
        unixctl_command_reply_error(conn, ovs_strerror(error));
        return;
    }
    publish(s);
    xdp_port_admit(s->port, rule->shape, &rule->key);
    ovs_assert(!xdp_dp_insert(s->dp, rule->shape, &rule->key, &value));
    s->names[s->n_rules] = xstrdup(argv[1]);
    s->rules[s->n_rules++] = rule;
    unixctl_command_reply(conn, NULL);
}

static void
put_flow(struct ds *ds, const char *name, const struct ovs_xdp_flow *flow)
{
    ds_put_format(ds, "%s packets=%"PRIu64" bytes=%"PRIu64"\n", name,
                  (uint64_t) flow->n_packets, (uint64_t) flow->n_bytes);
}

static void
cmd_flows(struct unixctl_conn *conn, int argc OVS_UNUSED,
          const char *argv[] OVS_UNUSED, void *s_)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct state *s = s_;

    for (unsigned int i = 0; i < s->n_rules; i++) {
        struct ovs_xdp_flow flow;

        ovs_assert(!xdp_dp_read(s->dp, s->rules[i]->shape, &s->rules[i]->key,
                                &flow));
        put_flow(&ds, s->names[i], &flow);
    }
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
count_cb(const union ovs_xdp_key *key OVS_UNUSED,
         const struct ovs_xdp_flow *flow OVS_UNUSED, void *n_)
{
    unsigned int *n = n_;

    (*n)++;
}

static void
cmd_flush(struct unixctl_conn *conn, int argc OVS_UNUSED,
          const char *argv[] OVS_UNUSED, void *s_)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct state *s = s_;
    enum ovs_xdp_shape *shapes = xcalloc(s->n_rules, sizeof *shapes);
    union ovs_xdp_key *keys = xcalloc(s->n_rules, sizeof *keys);
    struct ovs_xdp_flow *flows = xcalloc(s->n_rules, sizeof *flows);
    unsigned int n_there = 0, n_left = 0;

    for (unsigned int i = 0; i < s->n_rules; i++) {
        shapes[i] = s->rules[i]->shape;
        keys[i] = s->rules[i]->key;
    }
    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        xdp_slots_for_each(xdp_dp_flows(s->dp, i), count_cb, &n_there);
    }
    ovs_assert(n_there == s->n_rules);
    ovs_assert(!xdp_dp_remove(s->dp, shapes, keys, flows, s->n_rules));
    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        xdp_slots_for_each(xdp_dp_flows(s->dp, i), count_cb, &n_left);
    }
    ovs_assert(!n_left);
    for (unsigned int i = 0; i < s->n_rules; i++) {
        put_flow(&ds, s->names[i], &flows[i]);
        xdp_table_remove(s->table, s->rules[i]);
        xdp_rule_free(s->rules[i]);
        free(s->names[i]);
    }
    s->n_rules = 0;
    publish(s);
    free(shapes);
    free(keys);
    free(flows);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
cmd_enable(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
           void *s_)
{
    struct state *s = s_;

    xdp_port_enable(s->port, argv[0][0] == 'e');
    unixctl_command_reply(conn, NULL);
}

static void
cmd_lease(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
          void *s_)
{
    struct state *s = s_;

    xdp_port_renew(s->port, atoi(argv[1]));
    unixctl_command_reply(conn, NULL);
}

static void
cmd_commit(struct unixctl_conn *conn, int argc OVS_UNUSED,
           const char *argv[] OVS_UNUSED, void *s_)
{
    struct state *s = s_;
    bool took_over = xdp_port_took_over(s->port);

    ovs_assert(!xdp_port_commit(s->port));
    ovs_assert(!xdp_port_took_over(s->port));
    unixctl_command_reply(conn, took_over ? "took over" : NULL);
}

static void
cmd_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
         const char *argv[] OVS_UNUSED, void *s_)
{
    struct state *s = s_;

    s->exiting = true;
    unixctl_command_reply(conn, NULL);
}

static void
attach_foreign(int ifindex)
{
    struct ovs_xdp_gen *skel = ovs_xdp_gen__open_and_load();

    if (!skel) {
        ovs_fatal(errno, "loading the other program");
    }
    if (bpf_xdp_attach(ifindex, bpf_program__fd(skel->progs.ovs_xdp_gen),
                       XDP_FLAGS_UPDATE_IF_NOEXIST, NULL)) {
        ovs_fatal(errno, "attaching the other program");
    }
    ovs_xdp_gen__destroy(skel);
}

static void
open_all(struct state *s, const char *interface, int ifindex,
         enum xdp_crash_policy policy)
{
    struct xdp_dp_config dp_config = {
        .max_flows = MAX_RULES, .max_prefixes = 10, .max_devices = 10,
    };
    struct xdp_port_config port_config = {
        .dp_name = "test", .name = interface, .ifindex = ifindex,
        .n_queues = 1, .policy = policy,
    };
    struct xdp_table_limits limits;
    char *message;
    int error;

    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        limits.max_rules[i] = MAX_RULES;
    }
    error = xdp_dp_create(&dp_config, &s->dp, &message);
    if (!error) {
        error = xdp_port_open(s->dp, &port_config, &s->port, &message);
        if (error) {
            xdp_dp_destroy(s->dp);
        }
    }
    if (error) {
        fprintf(stderr, "%s\n", message);
        exit(error == EPERM || error == EOPNOTSUPP ? 77 : EXIT_FAILURE);
    }
    s->table = xdp_table_create(&limits);
    s->table_port = xdp_table_port_add(s->table, NULL);
}

static void
close_all(struct state *s)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct xdp_rule *rule;

    xdp_port_close(s->port);
    xdp_table_port_remove(s->table_port, &evicted);
    LIST_FOR_EACH_POP (rule, list_node, &evicted) {
        xdp_rule_free(rule);
    }
    for (unsigned int i = 0; i < s->n_rules; i++) {
        free(s->names[i]);
    }
    xdp_table_destroy(s->table);
    xdp_dp_destroy(s->dp);
}

static void
parse_options(int argc, char *argv[])
{
    enum {
        DAEMON_OPTION_ENUMS,
        VLOG_OPTION_ENUMS
    };
    static const struct option long_options[] = {
        DAEMON_LONG_OPTIONS,
        VLOG_LONG_OPTIONS,
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (c) {
        DAEMON_OPTION_HANDLERS
        VLOG_OPTION_HANDLERS
        default:
            exit(EXIT_FAILURE);
        }
    }
}

static void
test_xdp_loader_main(int argc, char *argv[])
{
    static struct state s;
    enum xdp_crash_policy policy;
    struct unixctl_server *server;
    int ifindex, error;

    set_program_name(argv[0]);
    libbpf_set_print(NULL);
    parse_options(argc, argv);
    if (argc - optind != 2 || !(ifindex = if_nametoindex(argv[optind]))) {
        ovs_fatal(0, "an interface and a policy are needed");
    }
    if (!strcmp(argv[optind + 1], "foreign")) {
        attach_foreign(ifindex);
        return;
    }
    if (!xdp_crash_policy_from_string(argv[optind + 1], &policy)) {
        ovs_fatal(0, "%s: no such policy", argv[optind + 1]);
    }

    /* The program is the process's that stays. */
    daemonize_start(true);
    error = unixctl_server_create(NULL, &server);
    if (error) {
        ovs_fatal(error, "failed to create unixctl server");
    }
    open_all(&s, argv[optind], ifindex, policy);
    unixctl_command_register("drop", "FLOW", 1, 1, cmd_drop, &s);
    unixctl_command_register("flows", "", 0, 0, cmd_flows, &s);
    unixctl_command_register("flush", "", 0, 0, cmd_flush, &s);
    unixctl_command_register("enable", "", 0, 0, cmd_enable, &s);
    unixctl_command_register("disable", "", 0, 0, cmd_enable, &s);
    unixctl_command_register("lease", "MS", 1, 1, cmd_lease, &s);
    unixctl_command_register("commit", "", 0, 0, cmd_commit, &s);
    unixctl_command_register("exit", "", 0, 0, cmd_exit, &s);
    daemonize_complete();

    while (!s.exiting) {
        unixctl_server_run(server);
        unixctl_server_wait(server);
        if (s.exiting) {
            poll_immediate_wake();
        }
        poll_block();
    }
    close_all(&s);
    unixctl_server_run(server);
    unixctl_server_destroy(server);
}
#else /* !XDP_OFFLOAD */
static void
test_xdp_loader_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    fprintf(stderr, "built without --enable-xdp-offload\n");
    exit(77);
}
#endif

OVSTEST_REGISTER("test-xdp-loader", test_xdp_loader_main);
