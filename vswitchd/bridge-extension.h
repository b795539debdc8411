/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BRIDGE_EXTENSION_H
#define BRIDGE_EXTENSION_H 1

/* The door to ovs-vswitchd's main loop and configuration, for bridge.c: it
 * calls the functions below, each of which calls that of every extension.
 *
 * For the main thread.  The registry is constant once main() runs. */

#include <stdbool.h>

struct ovsdb_idl;
struct ovsrec_interface;
struct ovsrec_open_vswitch;
struct simap;
struct smap;

/* What an extension does in ovs-vswitchd.  Each function may be null. */
struct bridge_extension {
    const char *name;

    /* When ovs-vswitchd starts, before there is a configuration: to register
     * commands, and columns that the extension writes.  When it ends, with
     * bridges and ports still there, which are to leave no trace if
     * 'cleanup'. */
    void (*init)(struct ovsdb_idl *);
    void (*exit)(bool cleanup);

    /* Within the transaction of a reconfiguration: for each interface of a
     * bridge with the datapath_type 'type', after that was configured; and at
     * the end, also if there is no row any more, then with an empty one. */
    void (*check_interface)(const struct ovsrec_interface *,
                            const char *type);
    void (*reconfigure)(const struct ovsrec_open_vswitch *);

    /* Returns what bars an interface of a bridge with the datapath_type 'type'
     * from being there at all, as configured, for the caller to free, or
     * null. */
    char *(*bar_interface)(const struct ovsrec_interface *, const char *type);

    /* Adds to what Interface:status says. */
    void (*get_status)(const struct ovsrec_interface *, struct smap *);

    /* In each round of the main loop, outside of transactions.  Not before
     * ovs-vswitchd has the lock on the database, when 'wait' is called
     * nevertheless. */
    void (*run)(void);
    void (*wait)(void);

    /* Adds to what memory/show shows. */
    void (*get_memory_usage)(struct simap *);
};

void bridge_extensions_init(struct ovsdb_idl *);
void bridge_extensions_exit(bool cleanup);
void bridge_extensions_check_interface(const struct ovsrec_interface *,
                                       const char *type);

/* Returns 'error' if that is not 0.  Otherwise 0, or EINVAL if an extension
 * bars the interface; unless 'errp' is null, '*errp' has the reason, and the
 * log, too. */
int bridge_extensions_bar_interface(const struct ovsrec_interface *,
                                    const char *type, int error, char **errp);

/* Returns whether anything was added to 'status'. */
bool bridge_extensions_get_status(const struct ovsrec_interface *,
                                  struct smap *status);
void bridge_extensions_reconfigure(const struct ovsrec_open_vswitch *);
void bridge_extensions_run(void);
void bridge_extensions_wait(void);
void bridge_extensions_get_memory_usage(struct simap *);

/* Adds 'extension' to the registry: for a test, once, before main(). */
void bridge_extension_register_for_test(const struct bridge_extension *);

#endif /* bridge-extension.h */
