/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-options.h"

#include <string.h>

#include "csum.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_RECORD_ROUTE = 7,
    OPTION_TIMESTAMP = 68,
};

/* Bytes of an option: its type, its length and the number, from 1, of the byte
 * that is to be written next; then slots for addresses.  That of timestamps
 * has one more in between, with the number of routers that found no room, and
 * what is wanted of them. */
enum { TYPE, LENGTH, NEXT, RECORD, WANTED = RECORD, STAMPS };

enum {
    STAMP_ONLY = 0,
    STAMP_WITH_ADDRESS = 1,
    STAMP_FROM_ADDRESS = 3,     /* From those that the sender chose. */
};

/* Returns the option of 'header' at '*next', which goes to the one behind it,
 * or null if there are no more. */
static uint8_t *
next_option(uint8_t *header, size_t header_len, size_t *next)
{
    uint8_t *option;
    size_t i = *next;

    while (i < header_len && header[i] == OPTION_NOP) {
        i++;
    }
    if (i + NEXT >= header_len || header[i] == OPTION_END) {
        return NULL;
    }
    option = header + i;
    *next = i + option[LENGTH];
    return option[LENGTH] > NEXT && *next <= header_len ? option : NULL;
}

/* Returns where in 'option' there are 'size' bytes to be written, or null;
 * 'first' is where its slots begin. */
static uint8_t *
slot_of(uint8_t *option, size_t first, size_t size)
{
    size_t next = option[NEXT];

    return (next > first && next - 1 + size <= option[LENGTH]
            ? option + next - 1 : NULL);
}

static size_t
stamp_size(const uint8_t *option)
{
    return (option[WANTED] & 15) == STAMP_ONLY ? 4 : 8;
}

static bool
is_stamp(const uint8_t *option)
{
    return option[TYPE] == OPTION_TIMESTAMP && option[LENGTH] >= STAMPS;
}

bool
vrf_options_have_room(const struct ip_header *nh, size_t header_len)
{
    uint8_t *header = CONST_CAST(uint8_t *, (const uint8_t *) nh);
    size_t i = IP_HEADER_LEN;
    uint8_t *option;

    while ((option = next_option(header, header_len, &i))) {
        if (option[TYPE] == OPTION_RECORD_ROUTE
            ? slot_of(option, RECORD, 4) != NULL
            /* One that is full counts those that found no room. */
            : is_stamp(option)) {
            return true;
        }
    }
    return false;
}

static void
record_route(uint8_t *option, ovs_be32 address)
{
    uint8_t *slot = slot_of(option, RECORD, sizeof address);

    if (slot) {
        memcpy(slot, &address, sizeof address);
        option[NEXT] += sizeof address;
    }
}

static void
stamp(uint8_t *option, ovs_be32 address, uint32_t ms)
{
    size_t size = stamp_size(option);
    uint8_t *slot = slot_of(option, STAMPS, size);
    ovs_be32 now = htonl(ms);

    if (!slot) {
        if (option[NEXT] > option[LENGTH] && option[WANTED] >> 4 < 15) {
            option[WANTED] += 1 << 4;
        }
        return;
    }
    switch (option[WANTED] & 15) {
    case STAMP_ONLY:
        break;
    case STAMP_WITH_ADDRESS:
        memcpy(slot, &address, sizeof address);
        break;
    case STAMP_FROM_ADDRESS:
        if (!memcmp(slot, &address, sizeof address)) {
            break;
        }
        return;
    default:
        return;
    }
    memcpy(slot + size - sizeof now, &now, sizeof now);
    option[NEXT] += size;
}

void
vrf_options_record(struct ip_header *nh, size_t header_len, ovs_be32 address,
                   uint32_t ms)
{
    uint8_t *header = (uint8_t *) nh;
    size_t i = IP_HEADER_LEN;
    uint8_t *option;

    while ((option = next_option(header, header_len, &i))) {
        if (option[TYPE] == OPTION_RECORD_ROUTE) {
            record_route(option, address);
        } else if (is_stamp(option)) {
            stamp(option, address, ms);
        }
    }
    nh->ip_csum = 0;
    nh->ip_csum = csum(nh, header_len);
}
