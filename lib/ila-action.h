/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_ACTION_H
#define ILA_ACTION_H 1

/* The action
 *
 *     ila(locator=LOC,csum=MODE,dir=in|out[,field=FIELD][,ident-type=TYPE])
 *
 * in OpenFlow and in the datapath, and the names ila_dst_locator,
 * ila_dst_identifier, ila_src_locator and ila_src_identifier for the halves of
 * ipv6_dst and ipv6_src.  Documentation/ila.rst tells users about them. */

struct odp_extension_class;
struct ofp_extension_class;

extern const struct ofp_extension_class ofp_ila_class;
extern const struct odp_extension_class odp_ila_class;

#endif /* ila-action.h */
