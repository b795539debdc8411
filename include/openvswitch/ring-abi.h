/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef OPENVSWITCH_RING_ABI_H
#define OPENVSWITCH_RING_ABI_H 1

/* The ring: memory that a datapath, the producer, shares with one consumer
 * process.  The same layout whether the kernel module or ovs-vswitchd writes
 * it.  This file is the memory; how to come by it is in ring-kernel.h (device)
 * and ring-socket.h (Unix socket).  Documentation/ring-abi.rst specifies both
 * sides in words.
 *
 * There are two regions, each one mapping:
 *
 *     producer region, read-only to the consumer, sealed or VM_MAYWRITE off:
 *         struct ovs_ring_control
 *         per lane: struct ovs_ring_lane, then order[2 * n_segs]
 *         per lane: data, n_segs segments of seg_size bytes
 *
 *     consumer region, writable by the consumer:
 *         per lane: struct ovs_ring_consumer, then released[n_segs],
 *                   struct ovs_ring_tx entries[n_tx], tx_data_size bytes
 *
 * Offsets and sizes are those that the control says; they are multiples of 64,
 * those of the data of 4096.
 *
 * A *lane* has one producer at a time.  It is a set of *segments*, which the
 * producer opens, fills with records and hands over one after the other, in
 * any order of their numbers; order[k mod 2 * n_segs] names the segment that
 * was opened as the k-th, k counted from 0.  The consumer releases a segment
 * by storing the segment's *generation* in released[]: k + 1, or 1 where that
 * is 0, so that 0 is "never".  Generations and k are modulo 2^32.  The
 * producer compares a released word for equality with the generation that it
 * gave, and computes with nothing that the consumer writes: a wrong word keeps
 * or spoils what the writer itself reads, no more.
 *
 * All integers are in host byte order; loads and stores of words that the
 * other side writes are atomic, with the order that is said beside them. */

#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OVS_RING_MAGIC 0x5253564fU      /* "OVSR", first byte first. */
#define OVS_RING_MAJOR 1                /* A consumer refuses another one. */
#define OVS_RING_MINOR 2                /* Later ones only add: 1 FLOW_NEW, 2
                                         * FLOW_EXECUTE. */

/* Limits of the geometry.  Sizes and counts are powers of two. */
#define OVS_RING_MIN_SEG_SIZE 4096U
#define OVS_RING_MAX_SEG_SIZE (1U << 20)
#define OVS_RING_MIN_SEGS 2U
#define OVS_RING_MAX_SEGS 1024U
#define OVS_RING_MAX_TX 65536U          /* Entries of a lane; 0 is none. */
#define OVS_RING_MAX_TX_DATA (1U << 20) /* Bytes of a lane; 0 is none. */

/* What a ring is for; never two in one. */
enum ovs_ring_class {
    OVS_RING_UPCALL = 1,                /* Misses and actions for a handler. */
    OVS_RING_DUMP = 2,                  /* What its consumer asks for. */
    OVS_RING_TAP = 3,                   /* Copies of packets. */
    OVS_RING_QUEUE = 4,                 /* Packets that await verdicts. */
    OVS_RING_FLOWS = 5,                 /* Flows, full and incremental. */
};

/* Bits of 'state' in the control. */
#define OVS_RING_S_DEAD (1U << 0)       /* No record will come any more. */
#define OVS_RING_S_PARKED (1U << 1)     /* The pump of a dump waits for space
                                         * and for a kick. */

/* Bits of 'features' in the control. */
#define OVS_RING_F_TIMESTAMP (1ULL << 0) /* Records carry timestamps. */
#define OVS_RING_F_TX (1ULL << 1)        /* There are TX entries. */

/* At the start of the producer region.  All but 'state' is constant. */
struct ovs_ring_control {
    __u32 magic;                        /* OVS_RING_MAGIC. */
    __u16 major;                        /* OVS_RING_MAJOR. */
    __u16 minor;                        /* OVS_RING_MINOR. */
    __u32 control_len;                  /* Bytes of this structure. */
    __u32 n_lanes;
    __u32 seg_size;                     /* In bytes. */
    __u32 n_segs;                       /* Segments of a lane. */
    __u32 max_record;                   /* Longest payload, in bytes. */
    __u32 state;                        /* OVS_RING_S_*, load-acquire. */
    __u64 features;                     /* OVS_RING_F_*. */
    __u32 lane_off;                     /* Of the first struct ovs_ring_lane
                                         * in the producer region. */
    __u32 lane_stride;                  /* From a lane's to the next one's. */
    __u32 consumer_off;                 /* Of the first consumer structure in
                                         * the consumer region. */
    __u32 consumer_stride;
    __u64 data_off;                     /* Of the first lane's data in the
                                         * producer region. */
    __u64 data_stride;
    __u64 producer_size;                /* Bytes of the producer region. */
    __u64 consumer_size;                /* Bytes of the consumer region. */
    __u32 clock_id;                     /* Clock of timestamps: CLOCK_*. */
    __u32 ring_class;                   /* enum ovs_ring_class. */
    __u32 n_tx;                         /* TX entries of a lane. */
    __u32 tx_off;                       /* Of the TX entries, from the lane's
                                         * consumer structure. */
    __u32 tx_data_off;                  /* Of the TX data, likewise. */
    __u32 tx_data_size;                 /* In bytes. */
};

/* What the producer says of a lane.  Constant or only growing. */
struct ovs_ring_lane {
    /* Where the producer is: segments opened << 32 | bytes reserved in the
     * last of them.  Store-release, load-acquire.  Records, END ones and words
     * of order[] beyond it do not exist. */
    __u64 prod;
    /* How many of the TX entries were taken, modulo 2^32.  Store-release. */
    __u32 tx_head;
    __u32 cpu;                          /* The CPU or core it serves, if one;
                                         * UINT32_MAX else. */
    __u64 pad0[6];

    /* Statistics; each a relaxed 64-bit store.  Offered is 'records' +
     * 'lost_records' + 'copied'. */
    __u64 records;                      /* Committed, COPY markers apart. */
    __u64 bytes;                        /* Their payload. */
    __u64 lost_records;                 /* No space, no record. */
    __u64 lost_bytes;                   /* Their payload. */
    __u64 copied;                       /* COPY markers. */
    __u64 truncated;                    /* Records that are cut short. */
    __u64 discarded;                    /* Reserved, then given up. */
    __u64 skipped_segs;                 /* Held segments walked past. */

    __u64 wakes;                        /* How often the consumer was woken. */
    __u64 tx_taken;                     /* TX entries that had effect. */
    __u64 tx_rejected;                  /* TX entries that were refused. */
    __u64 pad1[5];
    /* __u32 order[2 * n_segs] follows. */
};

/* What the consumer says of a lane. */
struct ovs_ring_consumer {
    /* Nonzero while the consumer sleeps or is about to; a value other than
     * that of the last sleep.  Store, full fence, look again, sleep. */
    __u32 armed;
    /* The producer wakes a sleeper once this many bytes are pending, 0 or 1
     * with each record, or once the oldest of them is 'wake_us' old. */
    __u32 wake_bytes;
    __u32 wake_us;
    /* How many TX entries were written, modulo 2^32.  Store-release. */
    __u32 tx_tail;
    __u32 pad[12];
    /* __u32 released[n_segs] follows: store-release, load-acquire. */
};

/* A record: this header, 8-aligned, then 'ext_len' bytes of extension, then
 * the rest of the payload, padded to 8.  A record never crosses a segment's
 * end, and each segment keeps 16 bytes for an END record.
 *
 * 'seq' counts what was offered to the lane from 0 on.  A number that is
 * missing is a message that was lost. */
struct ovs_ring_record {
    __u32 word;                         /* OVS_RING_R_* | length of payload,
                                         * 'ext_len' included.  Store-release,
                                         * load-acquire. */
    __u8 type;                          /* enum ovs_ring_type. */
    __u8 flags;                         /* OVS_RING_RF_*. */
    __u16 ext_len;                      /* Multiple of 8. */
    __u64 seq;
};

#define OVS_RING_R_BUSY (1U << 31)      /* Reserved; stop here for now. */
#define OVS_RING_R_DISCARD (1U << 30)   /* Nothing; go on behind it. */
#define OVS_RING_R_END (1U << 29)       /* The segment ends; 'seq' is 0. */
#define OVS_RING_R_LEN 0x0fffffffU      /* Length of the payload, in bytes. */

#define OVS_RING_RF_LOST (1U << 0)      /* Losses lie right before it. */
#define OVS_RING_RF_TRUNCATED (1U << 1) /* The message was longer. */
#define OVS_RING_RF_COPY (1U << 2)      /* A marker: the message goes by the
                                         * ordinary way. */
#define OVS_RING_RF_TIMESTAMP (1U << 3) /* The extension begins with a __u64:
                                         * ns of the clock 'clock_id'. */
#define OVS_RING_RF_LAST (1U << 4)      /* The last one of a batch. */

/* Types of records.  A consumer passes over those that it does not know. */
enum ovs_ring_type {
    OVS_RING_T_NLMSG = 1,               /* A netlink message, with header. */
    OVS_RING_T_FLOW = 2,                /* struct ovs_ring_flow. */
    OVS_RING_T_STATS = 3,               /* struct ovs_ring_flow_stats. */
    OVS_RING_T_DEL = 4,                 /* struct ovs_ring_flow_stats. */
    OVS_RING_T_PORT = 5,                /* struct ovs_ring_port. */
    OVS_RING_T_PACKET = 6,              /* struct ovs_ring_packet. */
    OVS_RING_T_DUMP_BEGIN = 7,          /* struct ovs_ring_dump. */
    OVS_RING_T_DUMP_END = 8,            /* struct ovs_ring_dump. */
    OVS_RING_T_COPY = 9,                /* struct ovs_ring_copy. */
    OVS_RING_T_EVENT = 10,              /* Reserved. */
};

/* Statistics of a flow. */
struct ovs_ring_flow_stats {
    __u32 ufid[4];
    __u64 n_packets;
    __u64 n_bytes;
    __u64 used;                         /* ms of the datapath's monotonic
                                         * clock; 0 is never. */
    __u32 pmd_id;                       /* Core; UINT32_MAX: the main thread,
                                         * INT32_MAX: there are none. */
    __u16 tcp_flags;
    __u16 flags;                        /* OVS_RING_FLOW_*. */
};

#define OVS_RING_FLOW_OFFLOADED (1U << 0)
#define OVS_RING_FLOW_PARTIAL (1U << 1) /* Partially offloaded. */
#define OVS_RING_FLOW_NO_UFID (1U << 2) /* The datapath does not know it by its
                                         * UFID. */

/* A flow.  The attributes follow, each padded to 4 bytes, as netlink has
 * them: key (OVS_KEY_ATTR_*), mask, actions (OVS_ACTION_ATTR_*), then two
 * strings without terminator: where it is offloaded ("tc", "dpdk", "ovs"),
 * padded to 4 bytes, and what dump-flows shows as "dp-extra-info". */
struct ovs_ring_flow {
    struct ovs_ring_flow_stats stats;
    __u32 key_len;
    __u32 mask_len;
    __u32 actions_len;
    __u16 layer_len;
    __u16 extra_len;
};

/* A port of the datapath: its name follows, without terminator. */
struct ovs_ring_port {
    __u32 port_no;
    __u32 name_len;
};

/* The start or the end of a dump.  With an 'error' or where the 'generation'
 * differs, flows may be missing or occur twice.  Userspace datapaths have no
 * generation, always 0: there it may be so whenever flows came or went
 * meanwhile, and the next incremental export puts it right. */
struct ovs_ring_dump {
    __u64 id;                           /* As asked for. */
    __u64 n;                            /* Flows; 0 at the start. */
    __u64 now;                          /* ms, as 'used' of flows. */
    __u32 generation;                   /* Of the flow table, counted by the
                                         * kernel's datapath alone; else 0. */
    __u32 error;                        /* errno; 0 at the start. */
};

/* A packet: 'cap_len' bytes of it follow, the Ethernet header first. */
struct ovs_ring_packet {
    __u32 len;                          /* Length of the packet. */
    __u32 cap_len;                      /* Of it, how much is here. */
    __u32 in_port;                      /* Datapath port number. */
    __u32 mark;                         /* pkt_mark. */
    __u32 id;                           /* id= of the action. */
    __u32 hash;                         /* RSS hash; 0 if none. */
    __u32 recirc_id;
    __u32 flags;                        /* OVS_RING_PACKET_*. */
};

#define OVS_RING_PACKET_CSUM_PARTIAL (1U << 0) /* L4 checksum not filled in. */
#define OVS_RING_PACKET_GSO (1U << 1)          /* To be segmented. */

/* A message that went another way: in the kernel, through netlink. */
struct ovs_ring_copy {
    __u64 len;                          /* Length of the message. */
    __u64 cookie;                       /* Equal in both, if not 0. */
};

/* What the consumer asks of the producer.  The producer copies an entry once
 * and looks at the copy alone, and what 'data_off' names likewise. */
struct ovs_ring_tx {
    __u8 op;                            /* enum ovs_ring_op. */
    __u8 flags;                         /* Zero. */
    __u16 seg;                          /* *EXECUTE: segment, */
    __u32 gen;                          /* its generation, */
    __u64 id;                           /* Verdicts: 'seq' of the packet.
                                         * Others: anything. */
    __u32 off;                          /* *EXECUTE: offset of the record in
                                         * the segment.  MARK: value. */
    __u32 mask;                         /* MARK: which bits. */
    __u32 data_off;                     /* In the TX data.  MODIFY: the packet;
                                         * EXECUTE, FLOW_*: attributes. */
    __u32 data_len;
};

enum ovs_ring_op {
    OVS_RING_OP_ACCEPT = 1,             /* The packet goes on. */
    OVS_RING_OP_DROP = 2,
    OVS_RING_OP_MARK = 3,               /* Sets pkt_mark, goes on. */
    OVS_RING_OP_ACCEPT_UPTO = 4,        /* All up to 'id' go on. */
    OVS_RING_OP_DROP_UPTO = 5,
    OVS_RING_OP_MODIFY = 6,             /* Other bytes, goes on. */
    OVS_RING_OP_EXECUTE = 7,            /* Actions on the packet of a record
                                         * that the consumer holds. */
    OVS_RING_OP_FLOW_NEW = 8,           /* Adds a flow to the datapath. */
    OVS_RING_OP_FLOW_EXECUTE = 9,       /* Adds the flow of a record's packet,
                                         * and executes its actions on it. */
};

#ifdef __cplusplus
}
#endif

#endif /* OPENVSWITCH_RING_ABI_H */
