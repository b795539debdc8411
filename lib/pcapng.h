/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PCAPNG_H
#define PCAPNG_H 1

/* Packets in the pcapng format (draft-ietf-opsawg-pcapng), which tcpdump,
 * Wireshark, suricata and scapy read.
 *
 * These functions append blocks to a buffer; the caller writes it where it
 * wants, in whole blocks if somebody may read along.  A file begins with one
 * section, which has its interfaces before their packets.  Integers are in
 * host byte order: the section says which that is.
 *
 * Thread-safe as far as the buffer is not shared. */

#include <stddef.h>
#include <stdint.h>

struct ofpbuf;

/* Longest part of a string that goes into a file. */
#define PCAPNG_MAX_STRING 1024

/* Begins a section.  'application' says who wrote it. */
void pcapng_put_section(struct ofpbuf *, const char *application);

/* Adds an interface, the first one of a section is number 0.  Its packets are
 * Ethernet, of 'snaplen' bytes at most (0: no limit); libpcap wants the same
 * 'snaplen' of all interfaces.  'name' may be NULL. */
void pcapng_put_interface(struct ofpbuf *, const char *name, uint32_t snaplen);

struct pcapng_packet {
    uint32_t interface;         /* Its number in the section. */
    uint32_t len;               /* Bytes on the wire, at least 'cap_len'. */
    uint32_t cap_len;           /* Bytes that are here. */
    const void *data;
    uint64_t ns;                /* Since 1970-01-01 00:00 UTC. */
    uint64_t lost;              /* Packets lost since the one before. */
    uint64_t id;                /* 0: none. */
};
void pcapng_put_packet(struct ofpbuf *, const struct pcapng_packet *);

/* Adds what is known of 'interface' until 'ns': how many packets came, and how
 * many of them are missing. */
void pcapng_put_statistics(struct ofpbuf *, uint32_t interface, uint64_t ns,
                           uint64_t received, uint64_t lost);

#endif /* pcapng.h */
