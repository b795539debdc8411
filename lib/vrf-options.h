/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_OPTIONS_H
#define VRF_OPTIONS_H 1

/* What a router writes into the options of IPv4 packets that it passes on:
 * where the packet was, and when (RFC 791 section 3.1; RFC 1812 sections
 * 5.3.13.5 and 5.3.13.6).
 *
 * Functions without state, in any thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct ip_header;

/* Does 'nh', 'header_len' bytes of header, have an option with room for what
 * vrf_options_record() writes?  What cannot be understood has not, and
 * nothing behind it. */
bool vrf_options_have_room(const struct ip_header *nh, size_t header_len);

/* Writes 'address', of the device by which the packet leaves, into the record
 * of its route; and 'ms', milliseconds since midnight UT, into its timestamps,
 * if they are to be from anybody or from 'address'.  The checksum is made
 * anew. */
void vrf_options_record(struct ip_header *nh, size_t header_len,
                        ovs_be32 address, uint32_t ms);

#endif /* lib/vrf-options.h */
