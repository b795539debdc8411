/* SPDX-License-Identifier: Apache-2.0 */

#ifndef MF_ALIAS_H
#define MF_ALIAS_H 1

/* Names for parts of fields.
 *
 * An alias, e.g. "ila_dst_locator", stands for a range of bits of a field,
 * e.g. ipv6_dst[64..127], in matches, set_field, load, move, push and pop, and
 * in the flows that ofproto/trace takes.  It is a matter of parsing alone:
 * OpenFlow and the datapath see the field, and that is how it is printed.
 *
 * Extensions bring their aliases with their class; see lib/ofp-extension.h. */

#include <stddef.h>
#include "openvswitch/compiler.h"
#include "openvswitch/meta-flow.h"

struct flow;
struct flow_wildcards;
struct match;

struct mf_alias {
    const char *name;
    enum mf_field_id field;
    unsigned int ofs;           /* First bit, from the least significant. */
    unsigned int n_bits;        /* Number of bits, at most 64. */

    /* Parses 's' as a value of 'n_bits' bits.  Returns NULL if successful,
     * otherwise a malloc()ed message that names the bad token. */
    char *(*parse)(const char *s, ovs_be64 *value);
};

/* Returns the alias whose name is the first 'len' bytes of 'name', or NULL. */
const struct mf_alias *mf_alias_from_name(const char *name, size_t len);

/* Parses a subfield, an alias alone or followed by "[]", "[BIT]" or
 * "[START..END]" that counts within it, from the beginning of '*sp' into 'sf'
 * and advances '*sp' past it.  '*sp' must begin with the name of an alias.
 * Returns NULL if successful, otherwise a malloc()ed message; '*sp' stays as
 * it is then. */
char *mf_alias_parse_subfield(struct mf_subfield *sf, const char **sp)
    OVS_WARN_UNUSED_RESULT;

/* In each of the following 'name' is that of an alias and 's' what the user
 * gave for it, VALUE or VALUE/MASK.  They return NULL if successful, otherwise
 * a malloc()ed message. */

/* Puts the alias's bits into '*value' and '*mask', which have the format of
 * the field that is stored in '*field'. */
char *mf_alias_parse(const char *name, const char *s,
                     const struct mf_field **field,
                     union mf_value *value, union mf_value *mask)
    OVS_WARN_UNUSED_RESULT;

/* Adds it to 'match'.  '*usable_protocols' loses those that cannot express
 * it. */
char *mf_alias_parse_match(const char *name, const char *s, struct match *,
                           enum ofputil_protocol *usable_protocols)
    OVS_WARN_UNUSED_RESULT;

/* Sets it in 'flow', and makes its bits exact in 'wc' if that is nonnull. */
char *mf_alias_parse_flow(const char *name, const char *s, struct flow *,
                          struct flow_wildcards *wc)
    OVS_WARN_UNUSED_RESULT;

#endif /* mf-alias.h */
