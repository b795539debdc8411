/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#undef NDEBUG

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dpctl-remote.h"
#include "dpctl-show.h"
#include "dpctl.h"
#include "dpif-ila-names.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "dummy.h"
#include "flow-match-cache.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovstest.h"
#include "random.h"
#include "timeval.h"
#include "util.h"

/* ovs-dpctl on a machine whose kernel has the datapaths that one wants:
 *
 *    ovstest test-dpctl [--json] KERNEL-DP... -- COMMAND [ARG]...
 *
 * They are dummies that go by type "system". */

static void
print(void *aux OVS_UNUSED, bool error, const char *s)
{
    fputs(s, error ? stderr : stdout);
}

static void
test_dpctl_main(int argc, char *argv[])
{
    struct dpctl_params params = { .output = print };
    int i;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    time_msec();                /* Dummies' threads need clocks to be there. */
    dummy_enable("system");
    for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strcmp(argv[i], "--json")) {
            params.ext.json = true;
        } else {
            struct dpif *dpif;

            ovs_assert(!dpif_create(argv[i], "system", &dpif));
            dpif_close(dpif);
        }
    }
    i = MIN(i + 1, argc);
    exit(dpctl_remote_run(argc - i, (const char **) argv + i, &params)
         ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Commands for a datapath with ILA mappings that belong to the database:
 *
 *    ovstest test-dpctl-ila MAPPING... [-- COMMAND [ARG]...]...
 *
 * with the words of a mapping in one argument. */
static void
test_dpctl_ila_main(int argc, char *argv[])
{
    struct dpif_ila_names names;
    struct dpif *dpif;
    int status = 0;
    int i;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    time_msec();
    dummy_enable("system");
    ovs_assert(!dpif_create("dp0", "system", &dpif));
    dpif_ila_names_init(&names, dpif);
    for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        struct ila_mapping mapping;
        char *msg;
        bool empty;

        if (ila_mapping_parse_line(argv[i], &names.names, &mapping, &empty,
                                   &msg)) {
            ovs_fatal(0, "%s", msg);
        }
        mapping.flags |= ILA_ENTRY_DATABASE;
        ovs_assert(!dpif_ila_class(dpif)->add(dpif, &mapping, ILA_ADD_NEW));
    }
    dpif_ila_names_destroy(&names);

    while (i < argc) {
        struct dpctl_params params = { .output = print };
        const char **args = (const char **) &argv[++i];
        struct ds s = DS_EMPTY_INITIALIZER;
        int n = 0;

        while (i < argc && strcmp(argv[i], "--")) {
            i++;
            n++;
        }
        ovs_assert(dpctl_extension_take_options(&n, args, &params, &s));
        status = dpctl_run_command(n, args, &params);
        ds_destroy(&s);
    }
    dpif_close(dpif);
    exit(status ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Random words as arguments of the commands for ILA mappings:
 *
 *    ovstest test-dpctl-ila-fuzz N
 *
 * There is never more than an error, and what is listed can be added. */

static void
collect(void *s, bool error, const char *text)
{
    if (!error) {
        ds_put_cstr(s, text);
    }
}

/* Runs a command of at most 'n' words, which may be permuted. */
static int
run_words(int n, const char *words[], struct ds *output)
{
    struct dpctl_params params = { .output = collect, .aux = output };
    struct ds s = DS_EMPTY_INITIALIZER;
    int error = EINVAL;

    if (dpctl_extension_take_options(&n, words, &params, &s)) {
        error = dpctl_run_command(n, words, &params);
    }
    ovs_assert(!s.length || error);
    ds_destroy(&s);
    return error;
}

static void
check_listing(void)
{
    const char *list[] = { "ila-list", "owner=user" };
    struct ds listing = DS_EMPTY_INITIALIZER;
    struct ds sink = DS_EMPTY_INITIALIZER;
    char *save_ptr = NULL;

    ovs_assert(!run_words(2, list, &listing));
    for (char *line = strtok_r(ds_cstr(&listing), "\n", &save_ptr); line;
         line = strtok_r(NULL, "\n", &save_ptr)) {
        const char *words[32] = { "ila-add", "--may-exist" };
        char *save_word = NULL;
        int n = 2;

        for (char *word = strtok_r(line, " ", &save_word); word;
             word = strtok_r(NULL, " ", &save_word)) {
            ovs_assert(n < ARRAY_SIZE(words));
            words[n++] = word;
        }
        ovs_assert(!run_words(n, words, &sink));
    }
    ds_destroy(&listing);
    ds_destroy(&sink);
}

static void
test_dpctl_ila_fuzz_main(int argc, char *argv[])
{
    static const char *const commands[] = {
        "ila-add", "ila-add", "ila-add", "ila-add", "ila-del", "ila-get",
        "ila-list", "ila-move", "ila-flush", "ila-load", "ila-stats",
        "ila-trace",
    };
    static const char *const pieces[] = {
        "dir=in", "dir=out", "dir", "in", "out", "port=dp0", "dev", "dp0", "0",
        "match-locator=2001:0:87:0", "match-locator=2001:0:88:0", "loc_match",
        "2001:0:87:0", "3333:0:0:1", "ident=2000:0:1:87", "ident=0:0:0:1",
        "locator=3333:0:0:1", "locator=3333:0:0:2", "loc", "fe80::", "=", "",
        "csum-mode=neutral-map", "csum-mode=no-action", "ident-type=luid",
        "csum-mode=neutral-map-auto", "icmp-inner", "idle-timeout=9",
        "from=3333:0:0:1", "to=3333:0:0:2", "from", "to", "lookup=::1",
        "lookup=2001:0:87:0:2000:0:1:87", "lookup", "owner=user", "owner=x",
        "--may-exist", "--replace", "--from=0000000100000001", "--from",
        "--max=1", "--max", "--format=json", "--format", "-", "/dev/null",
        "/dev/zero/x", "50540000000a50540000000986dd6000", "x=y", "#",
        "50540000000a50540000000986dd6000000000003b40200100000087000000000000"
        "0000000920010000008700003000000000010333",
    };
    static const char nothing[] = "/dev/null";
    int n = argc > 1 ? atoi(argv[1]) : 1000;
    struct dpif *dpif;
    int n_good = 0;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    time_msec();
    random_set_seed(1);
    dummy_enable("system");
    ovs_assert(!dpif_create("dp0", "system", &dpif));
    ovs_assert(freopen(nothing, "r", stdin));
    for (int i = 0; i < n; i++) {
        const char *words[16] = { commands[random_range(
                                               ARRAY_SIZE(commands))] };
        struct ds output = DS_EMPTY_INITIALIZER;
        int n_words = 1;

        if (!strcmp(words[0], "ila-add") && random_range(4)) {
            words[n_words++] = pieces[9 + random_range(2)];
            words[n_words++] = pieces[16 + random_range(2)];
        }
        for (int j = random_range(6); j > 0; j--) {
            words[n_words++] = pieces[random_range(ARRAY_SIZE(pieces))];
        }
        n_good += !run_words(n_words, words, &output);
        ds_destroy(&output);
        if (i % 100 == 0) {
            check_listing();
        }
    }
    dpif_close(dpif);
    ovs_assert(n_good > n / 20 && n_good < n / 10 * 9);
    printf("commands: ok\n");
}

/* What "show" prints about a match cache:
 *
 *    ovstest test-dpctl-match-cache POLICY HITS MISSES ENTRIES BYTES EVICTIONS
 *
 * with POLICY a number; without arguments, for a datapath without one. */
static void
test_dpctl_match_cache_main(int argc, char *argv[])
{
    struct dpctl_params params = { .output = print };
    struct flow_match_cache_stats s = { .present = argc == 7 };

    if (s.present) {
        s.config.policy = atoi(argv[1]);
        s.n_hits = strtoull(argv[2], NULL, 10);
        s.n_misses = strtoull(argv[3], NULL, 10);
        s.n_entries = strtoull(argv[4], NULL, 10);
        s.n_bytes = strtoull(argv[5], NULL, 10);
        s.n_evictions = strtoull(argv[6], NULL, 10);
    }
    dpctl_show_match_cache(&s, &params);
}

OVSTEST_REGISTER("test-dpctl", test_dpctl_main);
OVSTEST_REGISTER("test-dpctl-ila", test_dpctl_ila_main);
OVSTEST_REGISTER("test-dpctl-ila-fuzz", test_dpctl_ila_fuzz_main);
OVSTEST_REGISTER("test-dpctl-match-cache", test_dpctl_match_cache_main);
