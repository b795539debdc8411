/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TEST_PORTS_H
#define TEST_PORTS_H 1

/* Ports of the userspace datapath whose packets a test makes and gets.
 *
 * Port N is "tN", with N as its number in the datapath. */

#include <stdint.h>

#include "openvswitch/types.h"

struct dp_packet;
struct dp_packet_batch;
struct dpif;

/* In the thread that receives from the port, and that which sends by it. */
struct test_ports {
    /* Adds to 'batch', which is empty, what port 'n' receives. */
    void (*receive)(unsigned int n, struct dp_packet_batch *batch);

    /* Takes a packet that port 'n' sends. */
    void (*send)(unsigned int n, struct dp_packet *);
};

/* Opens a datapath with ports 1 to 'n_ports', the first 'n_pmd' of which a
 * PMD thread receives from, the others the caller of dpif_run().  To be called
 * once. */
struct dpif *test_ports_open(const struct test_ports *, unsigned int n_ports,
                             unsigned int n_pmd);

/* The index of port 'n' as a device, which is any number, and its Ethernet
 * address. */
uint32_t test_port_ifindex(unsigned int n);
struct eth_addr test_port_mac(unsigned int n);

/* Adds a flow to all threads of the datapath, or has one that is there do
 * other actions. */
void test_add_flow(struct dpif *, const char *match, const char *actions);

#endif /* tests/test-ports.h */
