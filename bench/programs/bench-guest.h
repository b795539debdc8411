/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H 1

/* For programs that measure the kernel module that is loaded, as root, where
 * nobody else uses it: a datapath, by bare netlink messages.  Needs nothing of
 * Open vSwitch's library.
 *
 * Time is that of the clock, so the machine should count instructions instead
 * (QEMU's -icount). */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DP_NAME "bench-dp"

/* A netlink message under construction, or many that arrived. */
struct msg {
    size_t len;
    union {
        struct nlmsghdr nlh;
        char bytes[65536];
    };
};

/* Says what is wrong, and the reason unless 'error' is 0, and exits. */
void fatal(int error, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

uint64_t now_ns(void);

/* Returns the number in 's', from 1 to 'max'. */
unsigned int number(const char *s, unsigned int max);

/* Messages. */
void begin(struct msg *m, int family, int cmd, int version, int flags);
void put(struct msg *m, uint16_t type, const void *data, size_t len);
void put_u32(struct msg *m, uint16_t type, uint32_t value);

/* Returns what to give to nest_end(). */
size_t nest_begin(struct msg *m, uint16_t type);
void nest_end(struct msg *m, size_t start);

void send_msg(struct msg *m);
void receive(struct msg *m);

/* Sends 'm' and waits for the reply, which replaces it, or for the
 * acknowledgement.  Returns 0 or an errno value. */
int transact(struct msg *m);

/* Returns the attribute 'type' of the reply 'm', after 'header' bytes, or
 * NULL. */
const void *find(const struct msg *m, size_t header, int type);

/* Returns the number of a generic netlink family, 0 if there is none. */
int family(const char *name);

/* The datapath, of which there is one at a time.  'flow_family' is known as
 * long as it exists. */
extern int flow_family;
void make_datapath(void);
void delete_datapath(void);
void add_port(const char *device, uint32_t port_no);

/* Returns how many packets no flow matched so far. */
uint64_t datapath_missed(void);

/* A message that adds a flow, with the UFID; match and actions go in
 * between. */
void begin_flow(struct msg *m);
void end_flow(struct msg *m);

#endif /* bench-guest.h */
