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

#include "ila.h"
#include "openvswitch/ofp-errors.h"

struct ds;
struct odp_extension_class;
struct ofp_extension_class;
struct ofpact_check_params;

extern const struct ofp_extension_class ofp_ila_class;
extern const struct odp_extension_class odp_ila_class;

/* For other actions that translate addresses. */

/* ofp_extension_class's 'check': the flow must match IPv6. */
enum ofperr ofp_ila_check(const void *body,
                          const struct ofpact_check_params *);

/* Says in words what became of an address. */
void ila_trace(const struct ila_xlat *, enum ila_verdict,
               const struct in6_addr *before, const struct in6_addr *after,
               struct ds *);

#endif /* ila-action.h */
