/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "bench.h"
#include "bench-switch.h"

#include "bench-netdev.h"
#include "dpif.h"
#include "dummy.h"
#include "netdev.h"
#include "odp-execute.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/ofproto.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"

static struct netdev *
add_port(struct ofproto *ofproto, const char *name, int number)
{
    ofp_port_t port = u16_to_ofp(number);
    struct netdev *netdev;

    BENCH_CHECK(netdev_open(name, "bench", &netdev), "opening a port");
    BENCH_CHECK(ofproto_port_add(ofproto, netdev, &port), "adding a port");
    return netdev;
}

void
bench_switch_open(struct bench_switch *s)
{
    struct shash no_hints = SHASH_INITIALIZER(&no_hints);

    ovsthread_id_init();
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    dummy_enable("");
    odp_execute_init();
    bench_netdev_register();
    ofproto_init(&no_hints);
    ofproto_set_max_idle(3600 * 1000);
    ofproto_set_threads(1, 1);
    ofproto_set_flow_restore_wait(false);
    BENCH_CHECK(ofproto_create("br0", "dummy", &s->ofproto),
                "creating the bridge");
    s->rx = add_port(s->ofproto, "rx", 1);
    add_port(s->ofproto, "tx", 2);
    BENCH_CHECK(dpif_open("ovs-dummy", "dummy", &s->dpif),
                "opening the datapath");
    for (int i = 0; i < 10; i++) {
        bench_switch_run(s);
    }
}

void
bench_switch_run(struct bench_switch *s)
{
    ofproto_type_run("dummy");
    ofproto_run(s->ofproto);
    ovsrcu_quiesce();
}

void
bench_switch_add_rule(struct bench_switch *s, const char *rule)
{
    enum ofputil_protocol usable;
    struct ofputil_flow_mod fm;
    char *error;

    error = parse_ofp_flow_mod_str(&fm, rule, NULL, NULL, OFPFC_ADD, &usable);
    if (error) {
        ovs_fatal(0, "%s: %s", rule, error);
    }
    BENCH_CHECK(ofproto_flow_mod(s->ofproto, &fm), rule);
    free(CONST_CAST(struct ofpact *, fm.ofpacts));
    minimatch_destroy(&fm.match);
}
