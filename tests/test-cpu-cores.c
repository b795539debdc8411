/* SPDX-License-Identifier: Apache-2.0 */

/* Prints how long the machine has been up, as far as this process can tell,
 * and whether count_cpu_cores() finds a processor then.  Handler threads are
 * started according to it. */

#include <config.h>
#undef NDEBUG

#include <stdio.h>
#include "ovs-thread.h"
#include "ovstest.h"
#include "timeval.h"
#include "util.h"

static void
test_cpu_cores_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    printf("%s 10 s after boot: %s\n",
           time_msec() < 10000 ? "within" : "more than",
           count_cpu_cores() > 0 ? "counted" : "no processor");
}

OVSTEST_REGISTER("test-cpu-cores", test_cpu_cores_main);
