/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_SWITCH_H
#define BENCH_SWITCH_H 1

/* A bridge as ovs-vswitchd sets it up, on the userspace datapath, for programs
 * with one thread: "br0" with the ports 1, "rx", and 2, "tx", of
 * bench-netdev.h. */

struct bench_switch {
    struct ofproto *ofproto;
    struct dpif *dpif;
    struct netdev *rx;
};

/* To be called once.  A failure ends the program.  The end of the process is
 * the end of the bridge. */
void bench_switch_open(struct bench_switch *);

/* Has the bridge do what there is to do, but for packets. */
void bench_switch_run(struct bench_switch *);

/* Adds a rule, in ovs-ofctl's syntax. */
void bench_switch_add_rule(struct bench_switch *, const char *rule);

#endif /* bench-switch.h */
