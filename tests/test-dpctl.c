/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#undef NDEBUG

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
OVSTEST_REGISTER("test-dpctl-match-cache", test_dpctl_match_cache_main);
