/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_CONFIG_H
#define RING_CONFIG_H 1

/* Rings for other processes in ovs-vswitchd: configuration and commands of
 * the server (ring-server.h). */

struct bridge_extension;

extern const struct bridge_extension ring_bridge_extension;

#endif /* ring-config.h */
