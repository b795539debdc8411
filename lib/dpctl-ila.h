/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_ILA_H
#define DPCTL_ILA_H 1

/* The commands dpctl/ila-*, for datapaths of both kinds. */

#include <stddef.h>

#include "dpctl-extension.h"
#include "dpif-ila-names.h"

struct dpif_ila_class;
struct dpif_ila_entry;
struct ds;
struct json;

extern const struct dpctl_extension_class dpctl_ila_class;

/* What is common to these commands, for those that have files of their own.
 *
 * A command with a datapath open and its other arguments. */
struct dpctl_ila {
    struct dpctl_params *dpctl_p;
    const char *name;           /* Of the command, without "dpctl/". */
    struct dpif *dpif;
    const struct dpif_ila_class *class;
    struct dpif_ila_names names;
    const char *const *words;
    size_t n_words;
};

/* Opens the datapath.  Returns 0, and then dpctl_ila_close() must follow, or
 * an errno value; the user has been told about the error. */
int dpctl_ila_open(int argc, const char *argv[], struct dpctl_params *,
                   struct dpctl_ila *);
void dpctl_ila_close(struct dpctl_ila *);

/* Tells the user about 'error' and returns it. */
int dpctl_ila_error(const struct dpctl_ila *, int error,
                    const char *format, ...) OVS_PRINTF_FORMAT(3, 4);

/* Likewise with the message 'msg', which is freed. */
int dpctl_ila_error_nocopy(const struct dpctl_ila *, int error, char *msg);

/* Likewise for an error that the datapath gave to what 'what' names. */
int dpctl_ila_dp_error(const struct dpctl_ila *, int error, const char *what);

/* Is the command's option given? */
bool dpctl_ila_has_option(const struct dpctl_ila *,
                          enum dpctl_extension_option);

/* "off", "in", "out" or "both" for bits ILA_PATH_*. */
const char *dpctl_ila_dirs_to_string(unsigned int dirs);

/* Takes words "KEY=VALUE" and "KEY VALUE" with the key 'key' out of the 'n'
 * 'words'; there may be one, whose value goes to '*value', which otherwise is
 * NULL.  Returns 0 or, after it told the user, EINVAL. */
int dpctl_ila_take_word(const struct dpctl_ila *, const char *key,
                        const char *words[], size_t *n, const char **value);

/* An entry as text and JSON. */
void dpctl_ila_format_entry(const struct dpctl_ila *,
                            const struct dpif_ila_entry *, bool with_stats,
                            struct ds *);
struct json *dpctl_ila_entry_to_json(const struct dpctl_ila *,
                                     const struct dpif_ila_entry *,
                                     bool with_stats);

/* Commands elsewhere. */
int dpctl_ila_load(int argc, const char *argv[], struct dpctl_params *);
int dpctl_ila_stats(int argc, const char *argv[], struct dpctl_params *);
int dpctl_ila_trace(int argc, const char *argv[], struct dpctl_params *);

#endif /* dpctl-ila.h */
