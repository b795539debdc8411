/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-config.h"

#include <errno.h>
#include <stdlib.h>

#include "bridge-extension.h"
#include "connectivity.h"
#include "dpif-ila.h"
#include "ila-file.h"
#include "ila-rows.h"
#include "lib/vswitch-idl.h"
#include "ofproto/ofproto-dpif-type.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "seq.h"
#include "smap.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* After how long it is checked that the database took what was written, and
 * the least time between two looks at ports because one of them changed, in
 * ms. */
#define VERIFY_INTERVAL 1000

static struct ovsdb_idl *idl;
static bool started;            /* Has there been a configuration? */
static bool waiting;            /* Has ila_config_run() been called since
                                 * ila_config_wait()? */
static uint64_t connectivity;   /* Seq of ports, when they were looked at. */
static struct ovsdb_idl_txn *txn;
static long long int verify_time = LLONG_MAX;

static void
ila_config_show(struct unixctl_conn *conn, int argc OVS_UNUSED,
                const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ila_rows_show(&s);
    ila_file_show(&s);
    unixctl_command_reply(conn, ds_cstr(&s));
    ds_destroy(&s);
}

static void
ila_config_init(struct ovsdb_idl *idl_)
{
    idl = idl_;
    ila_rows_init(idl);
    unixctl_command_register("ila/show", "", 0, 0, ila_config_show, NULL);
}

static void
ila_config_exit(bool cleanup OVS_UNUSED)
{
    if (txn) {
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
    }
    ila_file_exit();
    ila_rows_exit();
}

static void
ila_config_check_interface(const struct ovsrec_interface *cfg,
                           const char *type)
{
    const char *s = smap_get(&cfg->other_config, "ila");
    const struct dpif_ila_class *class;
    struct dpif_ila_stats stats;
    unsigned int dirs, generation;
    struct dpif *dpif;
    char *error = NULL;

    if (!s) {
        return;
    }
    dpif = ofproto_dpif_of_type(type, &generation);
    class = dpif ? dpif_ila_class(dpif) : NULL;
    if (!dpif_ila_dirs_from_string(s, &dirs)) {
        error = xasprintf("other_config:ila=\"%s\" is not off, in, out or "
                          "both", s);
    } else if (dirs && dpif
               && (!class
                   || class->get_stats(dpif, &stats) == EOPNOTSUPP)) {
        error = xasprintf("other_config:ila=\"%s\": the datapath has no ILA "
                          "mapping table", s);
    }
    if (error) {
        ovsrec_interface_set_error(cfg, error);
        free(error);
    }
}

static void
ila_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    started = true;
    connectivity = seq_read(connectivity_seq_get());

    /* In this order also when ovs-vswitchd starts, so that a row that is at
     * variance with the file gets an error, and not the whole file. */
    ila_file_reconfigure(&cfg->other_config);
    ila_rows_update();
    if (ila_rows_write_status()) {
        verify_time = time_msec() + VERIFY_INTERVAL;
    }
}

static void
ila_config_run(void)
{
    bool write;

    if (!started) {
        return;
    }
    waiting = true;
    if (connectivity != seq_read(connectivity_seq_get())) {
        connectivity = seq_read(connectivity_seq_get());
        ila_rows_update();
    }
    ila_file_run();
    write = ila_rows_run();

    if (txn) {
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(txn);

        if (status == TXN_INCOMPLETE) {
            return;
        }
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
    }
    if (write || time_msec() >= verify_time) {
        verify_time = LLONG_MAX;
        txn = ovsdb_idl_txn_create(idl);
        if (ila_rows_write_status()) {
            verify_time = time_msec() + VERIFY_INTERVAL;
            ovsdb_idl_txn_commit(txn);
        } else {
            ovsdb_idl_txn_destroy(txn);
            txn = NULL;
        }
    }
}

static void
ila_config_wait(void)
{
    /* Without the lock on the database, ila_config_run() would not come to do
     * what woke it. */
    if (!waiting) {
        return;
    }
    waiting = false;
    seq_wait(connectivity_seq_get(), connectivity);
    ila_file_wait();
    ila_rows_wait();
    poll_timer_wait_until(verify_time);
    if (txn) {
        ovsdb_idl_txn_wait(txn);
    }
}

const struct bridge_extension ila_bridge_extension = {
    .name = "ila",
    .init = ila_config_init,
    .exit = ila_config_exit,
    .check_interface = ila_config_check_interface,
    .reconfigure = ila_config_reconfigure,
    .run = ila_config_run,
    .wait = ila_config_wait,
};
