/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_LIMIT_H
#define VRF_LIMIT_H 1

/* How many ICMP errors may be sent in a VRF: one limit for each, as in
 * icmp-limit.h, whoever sends them, output_vrf or tunnels.
 *
 * Any thread may call the function at any time. */

#include <stdbool.h>
#include <stdint.h>

#include "icmp-error.h"

struct in6_addr;

/* Returns whether 'error' may be sent to 'receiver', an address of IPv6 or a
 * mapped one of IPv4, in VRF 'id' at 'now', in milliseconds of time_msec(); if
 * so, there is one less to be sent. */
bool vrf_limit_allows(uint16_t id, enum icmp_error error,
                      const struct in6_addr *receiver, long long int now);

#endif /* lib/vrf-limit.h */
