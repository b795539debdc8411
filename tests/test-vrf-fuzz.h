/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TEST_VRF_FUZZ_H
#define TEST_VRF_FUZZ_H 1

/* What tests with random inputs have in common, whose arguments are N and
 * perhaps SEED. */

#include <stdbool.h>

#include "command-line.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "util.h"

/* Returns N.  Nothing is logged from then on. */
static inline unsigned int
begin(const struct ovs_cmdl_context *ctx)
{
    unsigned int n, seed = 1;

    ovs_assert(str_to_uint(ctx->argv[1], 10, &n));
    ovs_assert(ctx->argc < 3 || str_to_uint(ctx->argv[2], 10, &seed));
    random_set_seed(seed);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return n;
}

/* One in 'n'. */
static inline bool
rarely(unsigned int n)
{
    return !random_range(n);
}

#endif /* tests/test-vrf-fuzz.h */
