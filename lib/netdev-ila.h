/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_ILA_H
#define NETDEV_ILA_H 1

/* ILA in a userspace datapath: its mapping table. */

struct dpif;
struct ila_table;

struct netdev_ila {
    struct ila_table *table;
};

struct netdev_ila *netdev_ila_create(void);
void netdev_ila_destroy(struct netdev_ila *);

/* Returns that of 'dpif', which must be a userspace datapath's.  In
 * dpif-netdev.c. */
struct netdev_ila *dpif_netdev_ila(const struct dpif *dpif);

#endif /* netdev-ila.h */
