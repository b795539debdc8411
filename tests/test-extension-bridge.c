/* SPDX-License-Identifier: Apache-2.0 */

/* What the extension in test-extension.c does in ovs-vswitchd: "test/show"
 * prints what the main loop told it. */

#include <config.h>

#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "unixctl.h"
#include "util.h"
#include "vswitchd/bridge-extension.h"

static char *value;             /* other_config:test, or NULL. */
static int n_interfaces;        /* Since the last reconfiguration, */
static int n_checked;           /* and before. */
static bool did_run, did_wait;

static void
show(struct unixctl_conn *conn, int argc OVS_UNUSED,
     const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "test=%s interfaces=%d run=%d wait=%d\n",
                  value ? value : "", n_checked, did_run, did_wait);
    unixctl_command_reply(conn, ds_cstr(&s));
    ds_destroy(&s);
}

static void
init(struct ovsdb_idl *idl OVS_UNUSED)
{
    unixctl_command_register("test/show", "", 0, 0, show, NULL);
}

static void
exit_(bool cleanup OVS_UNUSED)
{
    free(value);
    value = NULL;
}

static void
check_interface(const struct ovsrec_interface *cfg OVS_UNUSED,
                const char *type OVS_UNUSED)
{
    n_interfaces++;
}

static void
reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    free(value);
    value = nullable_xstrdup(smap_get(&cfg->other_config, "test"));
    n_checked = n_interfaces;
    n_interfaces = 0;
}

static void
run(void)
{
    did_run = true;
}

static void
wait_(void)
{
    did_wait = true;
}

static const struct bridge_extension extension = {
    .name = "test",
    .init = init,
    .exit = exit_,
    .check_interface = check_interface,
    .reconfigure = reconfigure,
    .run = run,
    .wait = wait_,
};

OVS_CONSTRUCTOR(register_test_bridge_extension)
{
    bridge_extension_register_for_test(&extension);
}
