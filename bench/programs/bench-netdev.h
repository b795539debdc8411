/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_NETDEV_H
#define BENCH_NETDEV_H 1

/* Ports of type "bench", which cost next to nothing: what is received comes in
 * full batches from memory, what is sent is taken back for reuse.
 *
 * One thread may use them; the datapath polls them in dpif_run(). */

#include <stdint.h>

struct dp_packet;
struct netdev;

/* To be called once, before a port is opened. */
void bench_netdev_register(void);

/* What every port that receives will receive: copies of 'templates', in turn.
 * They remain the caller's and must outlive the ports. */
void bench_netdev_set_templates(struct dp_packet **templates,
                                unsigned int n_templates);

/* Has 'finish' change each packet that is received, after it was copied from
 * its template. */
void bench_netdev_set_finish(void (*finish)(struct dp_packet *));

/* Lets 'netdev', of type "bench", receive one batch of 'n_packets' packets, at
 * most NETDEV_MAX_BURST, the next time that it is polled. */
void bench_netdev_offer(struct netdev *netdev, unsigned int n_packets);

/* How many packets have been sent through all ports. */
uint64_t bench_netdev_n_sent(void);

#endif /* bench-netdev.h */
