/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of ILA mappings as text: what is written can be read, and what is
 * wrong is refused with a message that names it. */

#include <config.h>
#undef NDEBUG
#include "ila-mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

/* Ports 0 to 9 are "p0" to "p9". */
static int
port_from_name(const char *name, void *aux OVS_UNUSED)
{
    return (name[0] == 'p' && name[1] >= '0' && name[1] <= '9' && !name[2]
            ? name[1] - '0' : -1);
}

static char *
port_to_name(uint16_t port, void *aux OVS_UNUSED)
{
    return xasprintf("p%"PRIu16, port);
}

static const struct ila_names names = {
    .port_from_name = port_from_name,
    .port_to_name = port_to_name,
};

static void
check_good(const char *line, const char *canonical)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ila_mapping m, again;
    struct json *json;
    char *error;
    bool empty;

    if (ila_mapping_parse_line(line, &names, &m, &empty, &error)) {
        ovs_fatal(0, "%s: %s", line, error);
    }
    ovs_assert(!empty);
    ila_mapping_format(&m, &names, &s);
    if (strcmp(ds_cstr(&s), canonical)) {
        ovs_fatal(0, "%s: is \"%s\"", line, ds_cstr(&s));
    }
    ovs_assert(!ila_mapping_parse_line(ds_cstr(&s), &names, &again, &empty,
                                       &error));
    ovs_assert(!memcmp(&m, &again, sizeof m));

    json = ila_mapping_to_json(&m, &names);
    ds_clear(&s);
    json_to_ds(json, JSSF_SORT, &s);
    printf("%s\n", ds_cstr(&s));
    json_destroy(json);
    ds_destroy(&s);
}

static void
check_bad(const char *line, int errnum, const char *message)
{
    struct ila_mapping m;
    char *error;
    bool empty;
    int retval;

    retval = ila_mapping_parse_line(line, &names, &m, &empty, &error);
    if (!retval) {
        ovs_fatal(0, "\"%s\" was accepted", line);
    }
    if (retval != errnum || strcmp(error, message)) {
        ovs_fatal(0, "\"%s\": %s: %s", line, ovs_strerror(retval), error);
    }
    free(error);
}

/* Whatever the words, there is a mapping or a message. */
static void
fuzz(size_t n)
{
    static const char *const pieces[] = {
        "dir", "=", " ", "in", "out", "match-locator", "locator", "loc",
        "2001:0:87:0", "3333:0:0:1", "::1", "fe80::", "ident", "csum-mode",
        "neutral-map", "no-action", "ident-type", "luid", "use-format",
        "virt-v4", "port", "p1", "p77", "icmp-inner", "restore-zero",
        "idle-timeout", "0", "7", "99999999999", "#", "\n", "\t", "",
        "adj-transport", "loc_match", "dev", "=", "=", " ", " ",
    };
    size_t n_good = 0;

    for (size_t i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        struct ila_mapping m;
        char *error;
        bool empty;
        int retval;

        if (i % 2) {
            ds_put_cstr(&s, "loc 3333:0:0:1 match-locator=2001:0:87:0 ");
        }
        for (size_t j = random_range(12); j > 0; j--) {
            ds_put_cstr(&s, pieces[random_range(ARRAY_SIZE(pieces))]);
        }
        retval = ila_mapping_parse_line(ds_cstr(&s), &names, &m, &empty,
                                        &error);
        ovs_assert(!retval == !error);
        if (!retval && !empty) {
            const char *key, *why;

            ovs_assert(!ila_mapping_check(&m, &key, &why));
            n_good++;
        }
        free(error);
        ds_destroy(&s);
    }
    ovs_assert(n_good > n / 100 && n_good < n);
}

static void
test_ila_mapping_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct ila_match match;
    struct ila_filter f;
    struct ila_mapping m;
    char *error;
    bool empty;

    check_good("match-locator=2001:0:87:0 locator=3333:0:0:1",
               "dir=in match-locator=2001:0:87:0 locator=3333:0:0:1 "
               "csum-mode=no-action ident-type=luid");
    check_good("loc_match 2001:0:87:0 loc 3333:0:0:1 csum-mode neutral-map "
               "ident-type luid dev p3",
               "dir=in match-locator=2001:0:87:0 port=p3 locator=3333:0:0:1 "
               "csum-mode=neutral-map ident-type=luid");
    check_good("dir=out ident=2000:0:1:87 locator=2001:db8:85a3:8d3:: "
               "csum-mode=adj-transport adj-transport-compat timeout=60 "
               "hard-timeout=3600 icmp-inner restore-zero # comment",
               "dir=out ident=2000:0:1:87 locator=2001:db8:85a3:8d3 "
               "csum-mode=adj-transport ident-type=luid idle-timeout=60 "
               "hard-timeout=3600 icmp-inner restore-zero "
               "adj-transport-compat");

    check_bad("locator=3333:0:0:1", EINVAL,
              "match-locator or ident is missing");
    check_bad("match-locator=2001:0:87:0", EINVAL, "locator is missing");
    check_bad("dir=out ident=2000:0:1:87 locator=3333:0:0:1", EINVAL,
              "csum-mode is missing, which dir=out needs");
    check_bad("foo=1", EINVAL, "\"foo=1\" is unknown");
    check_bad("dir=up", EINVAL, "dir \"up\" is neither \"in\" nor \"out\"");
    check_bad("dir", EINVAL, "\"dir\" lacks a value");
    check_bad("dir=", EINVAL, "\"dir=\" lacks a value");
    check_bad("dir=in dir=out", EINVAL, "\"dir=out\": dir is given twice");
    check_bad("loc 3333:0:0:1 locator=3333:0:0:2", EINVAL,
              "\"locator=3333:0:0:2\": locator is given twice");
    check_bad("icmp-inner=yes", EINVAL,
              "\"icmp-inner=yes\": icmp-inner takes no value");
    check_bad("port=eth7", ENODEV, "port \"eth7\" does not exist");
    check_bad("csum-mode=none", EINVAL,
              "csum-mode \"none\" is unknown (modes are adj-transport, "
              "neutral-map, neutral-map-auto and no-action)");
    check_bad("ident-type=virt-v4", EOPNOTSUPP,
              "ident-type \"virt-v4\" is not supported");
    check_bad("ident-type=x", EINVAL, "ident-type \"x\" is unknown (types are "
              "luid and use-format)");
    check_bad("idle-timeout=-1", EINVAL,
              "idle-timeout \"-1\" is not a number of seconds");
    check_bad("hard-timeout=0", EINVAL,
              "hard-timeout \"0\" is not a number of seconds");
    check_bad("match-locator=2001:0:87:0 locator=ff02:0:0:0", EINVAL,
              "locator \"ff02:0:0:0\" is multicast");
    check_bad("match-locator=fe80:0:0:0 locator=3333:0:0:1", EINVAL,
              "match-locator \"fe80:0:0:0\" is link-local");
    check_bad("ident=2000:0:1:87 locator=3333:0:0:1 csum-mode=neutral-map",
              EINVAL, "ident \"2000:0:1:87\" needs match-locator, too, with a "
              "neutral csum-mode");
    check_bad("dir=out ident=3000:0:1:87 locator=3333:0:0:1 "
              "csum-mode=neutral-map", EINVAL,
              "ident \"3000:0:1:87\" has the C bit set, which neutral-map "
              "uses");
    check_bad("ident=0:0:1:87 locator=3333:0:0:1 ident-type=use-format",
              EINVAL, "ident \"0:0:1:87\" is of type IID, which is no "
              "identifier of ILA");
    check_bad("ident=4000:0:1:87 locator=3333:0:0:1 ident-type=use-format",
              EOPNOTSUPP, "ident \"4000:0:1:87\" is of type VIRT_V4, which is "
              "not supported");

    ovs_assert(!ila_mapping_parse_line(" # nothing", &names, &m, &empty,
                                       &error));
    ovs_assert(empty);

    ovs_assert(!ila_match_parse((const char *[]) { "dir=out", "ident=::5" },
                                2, &names, &match, &error));
    ovs_assert(match.dir == ILA_DIR_OUT
               && match.fields == ILA_MATCH_IDENTIFIER);
    ovs_assert(ila_match_parse((const char *[]) { "locator=3333:0:0:1" }, 1,
                               &names, &match, &error) == EINVAL);
    ovs_assert(!strcmp(error, "\"locator=3333:0:0:1\" is not possible here"));
    free(error);

    ovs_assert(!ila_filter_parse(NULL, 0, &names, &f, &error));
    ovs_assert(!f.dir && !f.has_in_port && !f.xlat_locator);
    ovs_assert(!ila_filter_parse((const char *[]) { "port=p0" }, 1, &names,
                                 &f, &error));
    ovs_assert(f.has_in_port && !f.in_port);

    fuzz(100000);
    printf("mappings: ok\n");
}

OVSTEST_REGISTER("test-ila-mapping", test_ila_mapping_main);
