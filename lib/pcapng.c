/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "pcapng.h"

#include <string.h>

#include "openvswitch/ofpbuf.h"
#include "util.h"

enum block_type {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
};

enum { LINKTYPE_ETHERNET = 1 };

/* Options; each kind of block has numbers of its own. */
enum {
    OPT_END = 0,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_RESOLUTION = 9,
    PACKET_LOST = 4,
    PACKET_ID = 5,
    STATISTICS_RECEIVED = 4,
    STATISTICS_LOST = 5,
};

static void
put_u16(struct ofpbuf *b, uint16_t value)
{
    ofpbuf_put(b, &value, sizeof value);
}

static void
put_u32(struct ofpbuf *b, uint32_t value)
{
    ofpbuf_put(b, &value, sizeof value);
}

static void
put_ns(struct ofpbuf *b, uint64_t ns)
{
    put_u32(b, ns >> 32);
    put_u32(b, ns);
}

static void
put_padded(struct ofpbuf *b, const void *data, size_t n)
{
    if (n) {
        ofpbuf_put(b, data, n);
    }
    ofpbuf_put_zeros(b, -n % 4);
}

static void
put_option(struct ofpbuf *b, uint16_t type, const void *value, size_t n)
{
    put_u16(b, type);
    put_u16(b, n);
    put_padded(b, value, n);
}

static void
put_string(struct ofpbuf *b, uint16_t type, const char *s)
{
    put_option(b, type, s, strnlen(s, PCAPNG_MAX_STRING));
}

/* Begins a block and returns where. */
static size_t
begin_block(struct ofpbuf *b, uint32_t type)
{
    size_t start = b->size;

    put_u32(b, type);
    put_u32(b, 0);
    return start;
}

/* Ends the block at 'start': its length is in front and at the end. */
static void
end_block(struct ofpbuf *b, size_t start)
{
    uint32_t len = b->size + sizeof len - start;

    put_u32(b, len);
    memcpy((char *) b->data + start + 4, &len, sizeof len);
}

void
pcapng_put_section(struct ofpbuf *b, const char *application)
{
    const uint64_t unknown_length = UINT64_MAX;
    size_t start = begin_block(b, BLOCK_SECTION);

    put_u32(b, 0x1a2b3c4d);     /* Tells the byte order. */
    put_u16(b, 1);              /* Version 1.0. */
    put_u16(b, 0);
    ofpbuf_put(b, &unknown_length, sizeof unknown_length);
    put_string(b, SECTION_APPLICATION, application);
    put_option(b, OPT_END, NULL, 0);
    end_block(b, start);
}

void
pcapng_put_interface(struct ofpbuf *b, const char *name, uint32_t snaplen)
{
    const uint8_t resolution = 9;       /* 10^-9 s. */
    size_t start = begin_block(b, BLOCK_INTERFACE);

    put_u16(b, LINKTYPE_ETHERNET);
    put_u16(b, 0);
    put_u32(b, snaplen);
    if (name) {
        put_string(b, INTERFACE_NAME, name);
    }
    put_option(b, INTERFACE_RESOLUTION, &resolution, sizeof resolution);
    put_option(b, OPT_END, NULL, 0);
    end_block(b, start);
}

void
pcapng_put_packet(struct ofpbuf *b, const struct pcapng_packet *packet)
{
    size_t start = begin_block(b, BLOCK_PACKET);

    put_u32(b, packet->interface);
    put_ns(b, packet->ns);
    put_u32(b, packet->cap_len);
    put_u32(b, packet->len);
    put_padded(b, packet->data, packet->cap_len);
    if (packet->lost || packet->id) {
        if (packet->lost) {
            put_option(b, PACKET_LOST, &packet->lost, sizeof packet->lost);
        }
        if (packet->id) {
            put_option(b, PACKET_ID, &packet->id, sizeof packet->id);
        }
        put_option(b, OPT_END, NULL, 0);
    }
    end_block(b, start);
}

void
pcapng_put_statistics(struct ofpbuf *b, uint32_t interface, uint64_t ns,
                      uint64_t received, uint64_t lost)
{
    size_t start = begin_block(b, BLOCK_STATISTICS);

    put_u32(b, interface);
    put_ns(b, ns);
    put_option(b, STATISTICS_RECEIVED, &received, sizeof received);
    put_option(b, STATISTICS_LOST, &lost, sizeof lost);
    put_option(b, OPT_END, NULL, 0);
    end_block(b, start);
}
