/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_FEED_H
#define BENCH_FEED_H 1

/* Sends packets out of a device of Linux's, so that they come in by the one at
 * the other end of its cable.  A failure ends the program. */

struct bench_feed;
struct dp_packet;

/* The packets are 'templates' in turn, which the caller keeps. */
struct bench_feed *bench_feed_open(const char *device,
                                   struct dp_packet **templates,
                                   unsigned int n_templates);
void bench_feed_close(struct bench_feed *);

/* Sends NETDEV_MAX_BURST packets. */
void bench_feed_send(struct bench_feed *);

#endif /* bench-feed.h */
