/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef OPENVSWITCH_RING_KERNEL_H
#define OPENVSWITCH_RING_KERNEL_H 1

/* The ring of the kernel module: how a process comes by the memory that
 * ring-abi.h describes, and what it may ask for.  Only types of the kernel's
 * user API.
 *
 * The device is OVS_RING_DEVICE.  Who opens it has a file without a ring;
 * ATTACH makes one of it, which belongs to one datapath and serves one class
 * of records.  The memory is there for two mappings, both MAP_SHARED, both of
 * exactly the size that ATTACH tells:
 *
 *     offset OVS_RING_MMAP_PRODUCER   the producer region, PROT_READ.
 *                                     Neither this mapping nor mprotect()
 *                                     can make it writable.
 *     offset OVS_RING_MMAP_CONSUMER   the consumer region.
 *
 * They are not inherited by children.  The memory is there until the file is
 * closed and both are unmapped, and is charged to the RLIMIT_MEMLOCK of the
 * process that attached and to its memory cgroup.
 *
 * poll() tells of POLLIN when a lane that is armed was woken for, or the ring
 * is dead; of POLLHUP and POLLERR as well when it is dead: the datapath is
 * gone, or DETACH.  A dead ring stays readable; nothing comes after what is
 * there.
 *
 * As long as one such file is open the module cannot be unloaded.
 *
 * Requests fail with an errno value, and then nothing has changed:
 *
 *     EPERM    ATTACH, BIND, DETACH, and KICK with entries want CAP_NET_ADMIN
 *              in the user namespace that owns the datapath's network
 *              namespace, both of the caller and of who opened the file.
 *     EINVAL   A value or a flag that is not described here.
 *     EBUSY    ATTACH: the file has a ring.  BIND: the CPU's upcalls go to a
 *              ring already.
 *     ENOBUFS  FILL: no space for the end of a dump that is to be cancelled.
 *     ENODEV   No such datapath in the caller's network namespace; others
 *              than ATTACH: it is gone.
 *     ENXIO    The file has no ring.
 *     ENOMEM   Over RLIMIT_MEMLOCK, or no memory.
 *     E2BIG    ATTACH: a region would be larger than OVS_RING_MAX_REGION.
 *     EFAULT   An address that is none.
 *     ENOTTY   No such request. */

#include <linux/ioctl.h>
#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OVS_RING_DEVICE "/dev/openvswitch-ring"

/* Offsets for mmap(), in bytes, and the most bytes of a region. */
#define OVS_RING_MMAP_PRODUCER 0x00000000U
#define OVS_RING_MMAP_CONSUMER 0x40000000U
#define OVS_RING_MAX_REGION 0x40000000U

/* Makes a ring.  What is not 'out' is for the caller to fill in; sizes and
 * counts are powers of two within the limits of ring-abi.h, but for 'n_lanes',
 * which is from 1 to the number of possible CPUs, and 1 for a dump. */
struct ovs_ring_attach {
    __s32 dp_ifindex;                   /* Of the datapath's local port. */
    __u32 ring_class;                   /* OVS_RING_UPCALL or _DUMP. */
    __u32 flags;                        /* OVS_RING_ATTACH_*. */
    __u32 n_lanes;
    __u32 seg_size;                     /* In bytes. */
    __u32 n_segs;                       /* Segments of a lane. */
    __u32 n_tx;                         /* TX entries of a lane; 0 for none,
                                         * as always in a dump. */
    __u32 tx_data_size;                 /* In bytes, of a lane. */
    __aligned_u64 producer_size;        /* Out: bytes of the region. */
    __aligned_u64 consumer_size;        /* Out: bytes of the region. */
};

/* A message that finds no space is lost for the ring, but goes to the netlink
 * socket that it would go to without it. */
#define OVS_RING_ATTACH_FALLBACK (1U << 0)
/* Records carry timestamps of CLOCK_MONOTONIC. */
#define OVS_RING_ATTACH_TIMESTAMP (1U << 1)

/* Sends the upcalls that arise on a CPU to a lane of a ring of class
 * OVS_RING_UPCALL, until the ring is dead.  A lane that serves several CPUs
 * takes a lock for each record. */
struct ovs_ring_bind {
    __u32 lane;
    __u32 cpu;                          /* A possible one. */
};

/* Dumps flows into a ring of class OVS_RING_DUMP, as long as there is space:
 * DUMP_BEGIN, for each flow a record NLMSG as OVS_FLOW_CMD_GET answers with,
 * DUMP_END.  A flow whose actions do not fit comes without them, with the flag
 * TRUNCATED; the caller can ask for it by its UFID.
 *
 * The first call of a dump has OVS_RING_FILL_START; one that goes on ends with
 * the error ECANCELED then.  Others go on where the one before stopped and
 * change nothing but 'max_records'; they need nothing but that.  With
 * OVS_RING_FILL_POLL poll() makes the dump go on whenever half of the segments
 * are free; with OVS_RING_FILL_AUTO it goes on by itself as soon as one is
 * free.  If that takes too long it sets OVS_RING_S_PARKED and waits for KICK,
 * FILL or poll(). */
struct ovs_ring_fill {
    __u32 flags;                        /* OVS_RING_FILL_*. */
    __u32 ufid_flags;                   /* OVS_UFID_F_OMIT_*. */
    __aligned_u64 id;                   /* Comes back in DUMP_*. */
    __aligned_u64 used_since;           /* Only flows that were used at or
                                         * after this ms of the monotonic
                                         * clock; 0 is all. */
    __u32 in_port;                      /* Only flows that match this port,
                                         * if OVS_RING_FILL_IN_PORT. */
    __u32 max_records;                  /* Of flows, by this call; 0 is no
                                         * limit. */
    __aligned_u64 n;                    /* Out: flows of this dump so far. */
    __u32 done;                         /* Out: 1 if DUMP_END is written. */
    __u32 generation;                   /* Out: of the flow table. */
};

#define OVS_RING_FILL_START (1U << 0)
#define OVS_RING_FILL_POLL (1U << 1)
#define OVS_RING_FILL_AUTO (1U << 2)
#define OVS_RING_FILL_IN_PORT (1U << 3)
#define OVS_RING_FILL_USED (1U << 4)    /* Only flows that had a packet. */

/* Makes a dump that is parked go on; takes TX entries of a lane of a ring of
 * class OVS_RING_UPCALL.
 *
 * OVS_RING_OP_EXECUTE executes on the packet of an NLMSG record, an upcall,
 * what OVS_PACKET_CMD_EXECUTE would: the TX data has netlink attributes
 * OVS_PACKET_ATTR_*, of which ACTIONS is required.  KEY, MRU and HASH may be
 * there, in place of the record's own; nothing else may.
 *
 * OVS_RING_OP_FLOW_NEW adds a flow as OVS_FLOW_CMD_NEW with NLM_F_CREATE
 * would: the TX data has netlink attributes OVS_FLOW_ATTR_*, as those of that
 * message; 'seg', 'gen', 'off' and 'mask' are 0.  Who listens for flows hears
 * of it, as of one that nobody in particular has added.  Only a ring whose
 * 'minor' is 1 or more has it.
 *
 * OVS_RING_OP_FLOW_EXECUTE does both for a packet that missed: it adds a flow
 * whose KEY is the one in an NLMSG record, and executes the flow's actions on
 * the packet there.  The TX data is as for OVS_RING_OP_FLOW_NEW, but UFID is
 * required and KEY must not be there.  The result tells what became of the
 * flow.  If it cannot be added the packet is executed all the same, by
 * ACTIONS; only where the entry or the record is not as it should be (EINVAL,
 * ESTALE), or there is no memory for the packet, nothing is done.  What comes
 * of the execution is not told, as for the packets that meet the flow later.
 * Only a ring whose 'minor' is 2 or more has it.
 *
 * Any other operation is refused.  Entries take effect one after the other, in
 * their order; one that fails does not keep others from it.
 *
 * 'errors' is the address of 'n' __s32, or 0.  Each becomes 0 or a negative
 * errno value: ESTALE if the segment was released or 'gen' is not its
 * generation, EOPNOTSUPP, EINVAL for an entry that is not as it should be, and
 * what the netlink command fails with. */
struct ovs_ring_kick {
    __u32 lane;
    __u32 n;                            /* Entries to take at most; out: those
                                         * that were. */
    __aligned_u64 errors;
};

struct ovs_ring_device_stats {
    __aligned_u64 memory;               /* Bytes that are charged. */
    __aligned_u64 offered;              /* Messages, of all lanes. */
    __aligned_u64 fallbacks;            /* To netlink, for want of space. */
    __aligned_u64 nested;               /* To netlink, since they arose in the
                                         * midst of another one. */
    __aligned_u64 flows;                /* By dumps. */
    __u32 bound;                        /* CPUs. */
    __u32 state;                        /* OVS_RING_S_*. */
};

#define OVS_RING_IOC_ATTACH _IOWR('R', 0x60, struct ovs_ring_attach)
#define OVS_RING_IOC_BIND _IOW('R', 0x61, struct ovs_ring_bind)
#define OVS_RING_IOC_FILL _IOWR('R', 0x62, struct ovs_ring_fill)
#define OVS_RING_IOC_KICK _IOWR('R', 0x63, struct ovs_ring_kick)
#define OVS_RING_IOC_STATS _IOR('R', 0x64, struct ovs_ring_device_stats)
#define OVS_RING_IOC_DETACH _IO('R', 0x65)

#ifdef __cplusplus
}
#endif

#endif /* OPENVSWITCH_RING_KERNEL_H */
