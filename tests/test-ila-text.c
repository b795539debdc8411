/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the text forms in lib/ila.c: what is written can be read, and what
 * is wrong is refused. */

#include <config.h>
#undef NDEBUG
#include "ila.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "byte-order.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static void
check_locator(const char *s, uint64_t expected, const char *canonical)
{
    char text[ILA_LOCATOR_STRLEN];
    ovs_be64 locator;
    char *error = ila_locator_from_string(s, &locator);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    if (ntohll(locator) != expected
        || strcmp(ila_locator_to_string(locator, text), canonical)) {
        ovs_fatal(0, "%s: parsed as %s", s, text);
    }
}

static void
check_identifier(const char *s, uint64_t expected)
{
    ovs_be64 identifier;
    char *error = ila_identifier_from_string(s, &identifier);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    ovs_assert(ntohll(identifier) == expected);
}

static void
check_bad(char *(*parse)(const char *, ovs_be64 *), const char *s)
{
    const ovs_be64 untouched = htonll(0x0123456789abcdef);
    ovs_be64 value = untouched;
    char *error = parse(s, &value);

    if (!error) {
        ovs_fatal(0, "'%s' was accepted", s);
    }
    ovs_assert(strstr(error, s) && value == untouched);
    free(error);
}

#define CHECK_NAME(NAME, VALUE, TEXT)                   \
    do {                                                \
        ovs_assert(!strcmp(NAME##_to_string(VALUE), TEXT)); \
        ovs_assert(NAME##_from_string(TEXT, &NAME));    \
        ovs_assert(NAME == VALUE);                      \
    } while (0)

#define CHECK_BAD_NAMES(NAME, VALUE)                                    \
    do {                                                                \
        NAME = VALUE;                                                   \
        for (size_t i_ = 0; i_ < ARRAY_SIZE(bad_names); i_++) {         \
            ovs_assert(!NAME##_from_string(bad_names[i_], &NAME));      \
        }                                                               \
        ovs_assert(NAME == VALUE);                                      \
    } while (0)

static void
test_names(void)
{
    static const char *bad_names[] = {
        "", " ", "x", "unknown", "0", "1", "IN", "in ", " in", "inn", "i",
        "neutral", "neutral-map-", "neutral_map", "Neutral-map",
        "adj-transport,", "ipv6", "dst", "ipv6_dst[]", "luid ", "use_format",
    };
    enum ila_csum_mode ila_csum_mode;
    enum ila_ident_type ila_ident_type;
    enum ila_field ila_field;
    enum ila_dir ila_dir;

    CHECK_NAME(ila_csum_mode, ILA_CSUM_ADJ_TRANSPORT, "adj-transport");
    CHECK_NAME(ila_csum_mode, ILA_CSUM_NEUTRAL_MAP, "neutral-map");
    CHECK_NAME(ila_csum_mode, ILA_CSUM_NO_ACTION, "no-action");
    CHECK_NAME(ila_csum_mode, ILA_CSUM_NEUTRAL_MAP_AUTO, "neutral-map-auto");
    CHECK_BAD_NAMES(ila_csum_mode, ILA_CSUM_NO_ACTION);

    CHECK_NAME(ila_dir, ILA_DIR_IN, "in");
    CHECK_NAME(ila_dir, ILA_DIR_OUT, "out");
    CHECK_BAD_NAMES(ila_dir, ILA_DIR_OUT);

    CHECK_NAME(ila_field, ILA_FIELD_DST, "ipv6_dst");
    CHECK_NAME(ila_field, ILA_FIELD_SRC, "ipv6_src");
    CHECK_BAD_NAMES(ila_field, ILA_FIELD_SRC);

    CHECK_NAME(ila_ident_type, ILA_IDENT_LUID, "luid");
    CHECK_NAME(ila_ident_type, ILA_IDENT_USE_FORMAT, "use-format");
    CHECK_BAD_NAMES(ila_ident_type, ILA_IDENT_USE_FORMAT);

    /* Numbers that stand for nothing have a name, too. */
    ovs_assert(!strcmp(ila_csum_mode_to_string(4), "unknown"));
    ovs_assert(!strcmp(ila_dir_to_string(0), "unknown"));
    ovs_assert(!strcmp(ila_field_to_string(2), "unknown"));
    ovs_assert(!strcmp(ila_ident_type_to_string(2), "unknown"));
}

static void
test_ila_text_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const char *bad_either[] = {
        "", " ", ":", "::::", "1", "1:2", "1:2:3", "1:2:3:4:5", "1:2:3:",
        ":1:2:3", "1::2:3", "1:2::3:4:5:6:7:8", "00001:2:3:4", "g:1:2:3",
        "1:2:3:4 ", " 1:2:3:4", "1:2:3:4,", "-1:2:3:4", "+1:2:3:4",
        "0x1:2:3:4", "1.2.3.4", "::ffff:1.2.3.4:5", "2001:0:87:0/64",
        "2001:0:87:0/", "2001:0:87::1:2:3:4", "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:9", "fe80::1%lo", "3333:0:0:1\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    static const char *bad_locators[] = {
        "::1", "2001:0:87::1", "::1:0:0:0", "2001:0:87::/63",
        "2001:0:87::/65", "2001:0:87::/064", "2001:0:87::/64/64", "/64",
        "2001:0:87::/", "2001:0:87::/ffff:ffff:ffff:ffff::", "::1/64",
        "1.2.3.4/64", "1:2:3:4:0:0:0:1/64",
    };
    static const char *bad_identifiers[] = {
        "2001::", "1::1:2:3:4", "0:0:0:1::", "::1/128", "::1:2:3:4/64",
    };

    test_names();

    check_locator("2001:0:87:0", 0x2001000000870000, "2001:0:87:0");
    check_locator("2001:0:87::", 0x2001000000870000, "2001:0:87:0");
    check_locator("2001:0:87::/64", 0x2001000000870000, "2001:0:87:0");
    check_locator("2001:0000:0087:0000", 0x2001000000870000, "2001:0:87:0");
    check_locator("2001:DB8:85a3:8D3", 0x20010db885a308d3,
                  "2001:db8:85a3:8d3");
    check_locator("3333:0:0:1:0:0:0:0/64", 0x3333000000000001, "3333:0:0:1");
    check_locator("3333:0:0:1::", 0x3333000000000001, "3333:0:0:1");
    check_locator("::", 0, "0:0:0:0");
    check_locator("::/64", 0, "0:0:0:0");
    check_locator("ffff:ffff:ffff:ffff", UINT64_MAX, "ffff:ffff:ffff:ffff");

    check_identifier("2000:0:1:87", 0x2000000000010087);
    check_identifier("::2000:0:1:87", 0x2000000000010087);
    check_identifier("0:0:0:0:2000:0:1:87", 0x2000000000010087);
    check_identifier("::1", 1);
    check_identifier("::", 0);
    check_identifier("::1.2.3.4", 0x01020304);

    for (size_t i = 0; i < ARRAY_SIZE(bad_either); i++) {
        check_bad(ila_locator_from_string, bad_either[i]);
        check_bad(ila_identifier_from_string, bad_either[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_locators); i++) {
        check_bad(ila_locator_from_string, bad_locators[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_identifiers); i++) {
        check_bad(ila_identifier_from_string, bad_identifiers[i]);
    }

    random_set_seed(1);
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[8];
        ovs_be64 value;
        char text[ILA_LOCATOR_STRLEN];
        char ipv6[ILA_LOCATOR_STRLEN + 2];

        random_bytes(bytes, sizeof bytes);
        memcpy(&value, bytes, sizeof value);
        ila_locator_to_string(value, text);
        check_locator(text, ntohll(value), text);
        check_identifier(text, ntohll(value));
        snprintf(ipv6, sizeof ipv6, "%s::", text);
        check_locator(ipv6, ntohll(value), text);
        snprintf(ipv6, sizeof ipv6, "::%s", text);
        check_identifier(ipv6, ntohll(value));
    }

    ovs_assert(!ila_locator_check(htonll(0x2001000000870000)));
    ovs_assert(!ila_locator_check(htonll(1)));
    ovs_assert(!ila_locator_check(htonll(0xfec0000000000000)));
    ovs_assert(!ila_locator_check(htonll(0xfe7fffffffffffff)));
    ovs_assert(ila_locator_check(htonll(0)));
    ovs_assert(ila_locator_check(htonll(0xff02000000000000)));
    ovs_assert(ila_locator_check(htonll(0xfe80000000000000)));
    ovs_assert(ila_locator_check(htonll(0xfebfffffffffffff)));

    printf("text: ok\n");
}

OVSTEST_REGISTER("test-ila-text", test_ila_text_main);
