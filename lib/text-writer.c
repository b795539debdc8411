/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "text-writer.h"

#include "byte-order.h"
#include "unaligned.h"

/* Without a null byte at the end. */
const char text_hex_pairs[512] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const char text_decimal_pairs[200] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

static inline char *
put_pair(char *p, unsigned int value)
{
    return text_put(p, &text_decimal_pairs[value * 2], 2);
}

/* Four digits. */
static inline char *
put_quad(char *p, unsigned int value)
{
    return put_pair(put_pair(p, value / 100), value % 100);
}

/* 'value' < 10000, without leading zeros. */
static inline char *
put_small(char *p, unsigned int value)
{
    if (value < 100) {
        if (value >= 10) {
            return put_pair(p, value);
        }
        *p++ = '0' + value;
        return p;
    }
    if (value >= 1000) {
        return put_quad(p, value);
    }
    *p++ = '0' + value / 100;
    return put_pair(p, value % 100);
}

char *
text_u32(char *p, uint32_t value)
{
    if (value < 10000) {
        return put_small(p, value);
    } else if (value < 100000000) {
        return put_quad(put_small(p, value / 10000), value % 10000);
    } else {
        p = put_small(p, value / 100000000);
        value %= 100000000;
        return put_quad(put_quad(p, value / 10000), value % 10000);
    }
}

char *
text_u64(char *p, uint64_t value)
{
    uint32_t low;

    if (value <= UINT32_MAX) {
        return text_u32(p, value);
    }
    low = value % 100000000;
    p = text_u64(p, value / 100000000);
    return put_quad(put_quad(p, low / 10000), low % 10000);
}

char *
text_hex(char *p, uint64_t value)
{
    int n_digits = value ? 16 - raw_clz64(value) / 4 : 1;

    for (int i = n_digits - 1; i >= 0; i--) {
        *p++ = "0123456789abcdef"[value >> (4 * i) & 15];
    }
    return p;
}

char *
text_mac(char *p, const struct eth_addr *mac)
{
    for (int i = 0; i < 5; i++) {
        p = text_hex_pair(p, mac->ea[i]);
        *p++ = ':';
    }
    return text_hex_pair(p, mac->ea[5]);
}

char *
text_ipv4(char *p, ovs_be32 addr)
{
    uint32_t a = ntohl(addr);

    p = text_u8(p, a >> 24);
    *p++ = '.';
    p = text_u8(p, a >> 16);
    *p++ = '.';
    p = text_u8(p, a >> 8);
    *p++ = '.';
    return text_u8(p, a);
}

/* One to four digits. */
static inline char *
put_word(char *p, uint16_t word)
{
    if (word >= 0x100) {
        if (word >= 0x1000) {
            return text_hex_quad(p, word);
        }
        *p++ = text_hex_pairs[(word >> 8) * 2 + 1];
        return text_hex_pair(p, word);
    }
    if (word >= 0x10) {
        return text_hex_pair(p, word);
    }
    *p++ = text_hex_pairs[word * 2 + 1];
    return p;
}

char *
text_ipv6(char *p, const struct in6_addr *addr)
{
    int gap = -1, gap_len = 1;      /* A single zero is no gap. */
    uint16_t words[8];

    for (int i = 0, len = 0; i < 8; i++) {
        words[i] = addr->s6_addr[2 * i] << 8 | addr->s6_addr[2 * i + 1];
        len = words[i] ? 0 : len + 1;
        if (len > gap_len) {
            gap_len = len;
            gap = i + 1 - len;
        }
    }

    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *p++ = ':';
            i += gap_len - 1;
            if (i == 7) {
                *p++ = ':';
            }
            continue;
        }
        if (i) {
            *p++ = ':';
        }
        if (i == 6 && gap == 0
            && (gap_len == 6 || (gap_len == 5 && words[5] == 0xffff))) {
            /* The form of addresses that contain an IPv4 address. */
            return text_ipv4(p, htonl((uint32_t) words[6] << 16 | words[7]));
        }
        p = put_word(p, words[i]);
    }
    return p;
}

char *
text_uuid(char *p, const struct uuid *uuid)
{
    p = text_hex_quad(text_hex_quad(p, uuid->parts[0] >> 16), uuid->parts[0]);
    *p++ = '-';
    p = text_hex_quad(p, uuid->parts[1] >> 16);
    *p++ = '-';
    p = text_hex_quad(p, uuid->parts[1]);
    *p++ = '-';
    p = text_hex_quad(p, uuid->parts[2] >> 16);
    *p++ = '-';
    p = text_hex_quad(p, uuid->parts[2]);
    return text_hex_quad(text_hex_quad(p, uuid->parts[3] >> 16),
                         uuid->parts[3]);
}

char *
text_bytes(char *p, const void *bytes_, size_t n)
{
    const uint8_t *bytes = bytes_;

    for (size_t i = 0; i < n; i++) {
        p = text_hex_pair(p, bytes[i]);
    }
    return p;
}

char *
text_separated(char *p, const void *bytes_, size_t n)
{
    const uint8_t *bytes = bytes_;

    for (size_t i = 0; i < n; i++) {
        if (i) {
            *p++ = ' ';
        }
        p = text_hex_pair(p, bytes[i]);
    }
    return p;
}

char *
text_big_hex(char *p, const void *bytes_, size_t n)
{
    const uint8_t *bytes = bytes_;
    size_t i = 0;

    while (i < n && !bytes[i]) {
        i++;
    }
    if (i == n) {
        *p++ = '0';
        return p;
    }
    return text_bytes(text_0x(p, bytes[i]), bytes + i + 1, n - i - 1);
}
