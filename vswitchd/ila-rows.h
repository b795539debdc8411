/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_ROWS_H
#define ILA_ROWS_H 1

/* Keeps the ILA mappings of datapaths in accord with the rows of the table
 * ILA_Mapping.
 *
 * What a datapath has of ILA_OWNER_DATABASE is listed once, when the datapath
 * comes up, and remembered; from then on only what differs is changed, one
 * atomic change each.  What is to be added is added before what has to go is
 * deleted, so that no address is without a mapping that has one before and
 * after.
 *
 * For the main thread. */

#include <stdbool.h>

struct ds;
struct ovsdb_idl;

void ila_rows_init(struct ovsdb_idl *);
void ila_rows_exit(void);

/* To be called when the database or something about ports may have changed;
 * finds out by itself whether that concerns mappings. */
void ila_rows_update(void);

/* Does what is due by time.  Returns true if the state of rows changed. */
bool ila_rows_run(void);
void ila_rows_wait(void);

/* Writes what changed to the rows' column 'status', as a part of the open
 * transaction.  Returns true if anything had to be written. */
bool ila_rows_write_status(void);

/* Appends what is known of the mappings of each datapath. */
void ila_rows_show(struct ds *);

#endif /* ila-rows.h */
