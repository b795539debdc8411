/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_CONFIG_H
#define ILA_CONFIG_H 1

/* What the database says about ILA, for bridge.c: the table ILA_Mapping, files
 * of mappings, and whether it is right what it says of interfaces.
 *
 * For the main thread. */

struct ovsdb_idl;
struct ovsrec_interface;
struct ovsrec_open_vswitch;

void ila_config_init(struct ovsdb_idl *);
void ila_config_exit(void);

/* To be called within the transaction of a reconfiguration: for each interface
 * of a bridge with the datapath_type 'type', and at the end. */
void ila_config_check_interface(const struct ovsrec_interface *,
                                const char *type);
void ila_config_reconfigure(const struct ovsrec_open_vswitch *);

/* To be called outside of transactions, in the main loop. */
void ila_config_run(void);
void ila_config_wait(void);

#endif /* ila-config.h */
