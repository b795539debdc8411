/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_TABLE_ACTION_H
#define ILA_TABLE_ACTION_H 1

/* The action
 *
 *     ila(table[,dir=in|out|both][,miss=continue|drop])
 *
 * in OpenFlow, and
 *
 *     ila_table(dir=in|out|both,miss=continue|drop)
 *
 * in the datapath, which looks a packet's destination up in its ILA mapping
 * table and translates it accordingly.  Both have "struct
 * ovs_action_ila_table" as their body, on the wire, too. */

#include <stdbool.h>

#include "openvswitch/compiler.h"

struct odp_extension_class;
struct ofp_extension_class;
struct ofpact_parse_params;

/* What becomes of a packet that no entry matches: values of
 * ovs_action_ila_table's 'miss'. */
enum ila_miss {
    ILA_MISS_CONTINUE = 0,
    ILA_MISS_DROP = 1,
};

extern const struct ofp_extension_class ofp_ila_table_class;
extern const struct odp_extension_class odp_ila_table_class;

/* Is 'args', the text between the parentheses of ila(...), this form? */
bool ila_args_are_table(const char *args);

/* Parses it; see ofp_extension_class's 'parse'. */
char *ofp_ila_table_parse(char *args, const struct ofpact_parse_params *)
    OVS_WARN_UNUSED_RESULT;

#endif /* lib/ila-table-action.h */
