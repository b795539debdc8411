/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_AFXDP_XDP_H
#define NETDEV_AFXDP_XDP_H 1

/* The XDP program of an AF_XDP port, for lib/netdev-afxdp.c: ours
 * (lib/xdp-offload.h) if flows are offloaded, libxdp's otherwise, and if ours
 * cannot be loaded.
 *
 * While flows are offloaded, what is attached to an interface and not ours is
 * left alone: a port whose interface has another program does not come up.
 * While they are not, everything here does nothing.
 *
 * Thread-safety: the caller has the lock of the device. */

#include <stdbool.h>
#include <stdint.h>

#include "extension-config.h"
#include "openvswitch/vlog.h"

struct netdev;
struct smap;

/* How bad it is that the limit of locked memory cannot be set: not, where
 * there is none for us. */
enum vlog_level netdev_afxdp_memlock_level(void);

#if XDP_OFFLOAD
/* Takes what is ours of 'args'.  Returns 0, or EINVAL and a text to be
 * freed. */
int netdev_afxdp_xdp_set_config(struct netdev *, const struct smap *args,
                                char **errp);
void netdev_afxdp_xdp_get_config(const struct netdev *, struct smap *args);

/* Is what the port has what it should have? */
bool netdev_afxdp_xdp_is_current(const struct netdev *);

/* Before a socket is made: puts our program in place, in generic or native
 * mode.  Returns 0 also if libxdp is to do that; EBUSY if the port must not
 * come up. */
int netdev_afxdp_xdp_open(struct netdev *, int ifindex, bool generic);

/* Flags for libxdp's configuration of a socket. */
uint32_t netdev_afxdp_xdp_libbpf_flags(int ifindex);

/* After it was made. */
void netdev_afxdp_xdp_set_socket(struct netdev *, unsigned int queue, int fd);

/* When all of them were made. */
void netdev_afxdp_xdp_ready(struct netdev *);

/* Takes our program away.  Returns false if there may be one of libxdp's, to
 * be removed by the caller. */
bool netdev_afxdp_xdp_close(struct netdev *);

/* Is what is attached to the interface not the caller's to remove? */
bool netdev_afxdp_xdp_is_ours(const struct netdev *);

void netdev_afxdp_xdp_destruct(struct netdev *);
#else /* !XDP_OFFLOAD */
static inline int
netdev_afxdp_xdp_set_config(struct netdev *netdev OVS_UNUSED,
                            const struct smap *args OVS_UNUSED,
                            char **errp OVS_UNUSED)
{
    return 0;
}

static inline void
netdev_afxdp_xdp_get_config(const struct netdev *netdev OVS_UNUSED,
                            struct smap *args OVS_UNUSED)
{
}

static inline bool
netdev_afxdp_xdp_is_current(const struct netdev *netdev OVS_UNUSED)
{
    return true;
}

static inline int
netdev_afxdp_xdp_open(struct netdev *netdev OVS_UNUSED, int ifindex OVS_UNUSED,
                      bool generic OVS_UNUSED)
{
    return 0;
}

static inline uint32_t
netdev_afxdp_xdp_libbpf_flags(int ifindex OVS_UNUSED)
{
    return 0;
}

static inline void
netdev_afxdp_xdp_set_socket(struct netdev *netdev OVS_UNUSED,
                            unsigned int queue OVS_UNUSED, int fd OVS_UNUSED)
{
}

static inline void
netdev_afxdp_xdp_ready(struct netdev *netdev OVS_UNUSED)
{
}

static inline bool
netdev_afxdp_xdp_close(struct netdev *netdev OVS_UNUSED)
{
    return false;
}

static inline bool
netdev_afxdp_xdp_is_ours(const struct netdev *netdev OVS_UNUSED)
{
    return false;
}

static inline void
netdev_afxdp_xdp_destruct(struct netdev *netdev OVS_UNUSED)
{
}
#endif /* !XDP_OFFLOAD */

#endif /* lib/netdev-afxdp-xdp.h */
