/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_FILE_H
#define ILA_FILE_H 1

/* Files of ILA mappings that datapaths are configured to have.
 *
 * A file is loaded as "dpctl/ila-load --replace" does, when it is configured,
 * when it has changed, and when its datapath comes up: its mappings take the
 * place of all those of ILA_OWNER_USER in one instant, or nothing changes.
 *
 * For the main thread. */

struct ds;
struct smap;

/* Takes the names of the files from 'other_config', and loads what is to be
 * loaded.  A load that failed, but not by what the file says, is tried
 * again. */
void ila_file_reconfigure(const struct smap *other_config);
void ila_file_exit(void);

/* Looks whether files have changed, once a second. */
void ila_file_run(void);
void ila_file_wait(void);

/* Appends the state of each file. */
void ila_file_show(struct ds *);

#endif /* ila-file.h */
