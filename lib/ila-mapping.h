/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_MAPPING_H
#define ILA_MAPPING_H 1

/* ILA mappings as text and JSON.
 *
 * A mapping is words of the form KEY=VALUE and flags without a value, in any
 * order.  The words of "ip ila", KEY VALUE, do as well.
 *
 *     dir=in|out               default: in
 *     match-locator=LOCATOR    loc_match
 *     ident=IDENTIFIER
 *     port=PORT                dev
 *     locator=LOCATOR          loc
 *     csum-mode=MODE           default with dir=in: no-action
 *     ident-type=TYPE          default: luid
 *     idle-timeout=SECONDS     timeout
 *     hard-timeout=SECONDS
 *     icmp-inner
 *     restore-zero
 *     adj-transport-compat
 *
 * Ports have names outside and numbers inside; the caller knows them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ila-table.h"

struct ds;
struct json;

struct ila_names {
    /* Returns the number of the port 'name', or a negative number. */
    int (*port_from_name)(const char *name, void *aux);

    /* Returns the name of a port, which the caller frees. */
    char *(*port_to_name)(uint16_t port, void *aux);
    void *aux;
};

/* Parse 'n' words.  Return 0 if successful, otherwise a positive errno value,
 * with a malloc()ed message in '*error' that names the bad word. */
int ila_mapping_parse(const char *const words[], size_t n,
                      const struct ila_names *, struct ila_mapping *,
                      char **error) OVS_WARN_UNUSED_RESULT;
int ila_match_parse(const char *const words[], size_t n,
                    const struct ila_names *, struct ila_match *,
                    char **error) OVS_WARN_UNUSED_RESULT;
int ila_filter_parse(const char *const words[], size_t n,
                     const struct ila_names *, struct ila_filter *,
                     char **error) OVS_WARN_UNUSED_RESULT;

/* Likewise for a line of a file, which may have a comment, from '#' on, and
 * may have nothing else; '*empty' says so. */
int ila_mapping_parse_line(const char *line, const struct ila_names *,
                           struct ila_mapping *, bool *empty, char **error)
    OVS_WARN_UNUSED_RESULT;

/* Appends text that ila_mapping_parse() or ila_match_parse() accepts. */
void ila_mapping_format(const struct ila_mapping *, const struct ila_names *,
                        struct ds *);
void ila_match_format(const struct ila_match *, const struct ila_names *,
                      struct ds *);

/* Returns an object with the same keys. */
struct json *ila_mapping_to_json(const struct ila_mapping *,
                                 const struct ila_names *);

#endif /* lib/ila-mapping.h */
