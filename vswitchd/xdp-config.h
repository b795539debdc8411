/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_CONFIG_H
#define XDP_CONFIG_H 1

/* XDP in ovs-vswitchd: its commands, and what is blocked, by the database. */

struct bridge_extension;

extern const struct bridge_extension xdp_bridge_extension;

#endif /* xdp-config.h */
