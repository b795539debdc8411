/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-netdev-extension.h"

#include "dp-packet.h"
#include "netdev-ila.h"
#include "netdev-ring.h"
#include "netdev-vrf.h"
#include "odp-extension.h"
#include "util.h"

/* The registry: one line an extension. */
static const struct dp_netdev_extension *extensions[DP_NETDEV_N_EXTENSIONS] = {
    [DP_NETDEV_EXT_ILA] = &netdev_ila_extension,
#ifdef __linux__
    [DP_NETDEV_EXT_RING] = &netdev_ring_extension,
    [DP_NETDEV_EXT_VRF] = &netdev_vrf_extension,
#endif
};

/* Calls FUNCTION of each extension with what it keeps in DATA, unless that is
 * null. */
#define CALL_EACH(FUNCTION, DATA)                                       \
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {               \
        if (extensions[i] && extensions[i]->FUNCTION && (DATA)->of[i]) { \
            extensions[i]->FUNCTION((DATA)->of[i]);                     \
        }                                                               \
    }

void
dp_netdev_extensions_create(struct dp_netdev_extension_data *dp)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->create) {
            dp->of[i] = extensions[i]->create();
        }
    }
}

void
dp_netdev_extensions_destroy(const struct dp_netdev_extension_data *dp)
{
    CALL_EACH(destroy, dp);
}

void
dp_netdev_extensions_run(const struct dp_netdev_extension_data *dp)
{
    CALL_EACH(run, dp);
}

void
dp_netdev_extensions_wait(const struct dp_netdev_extension_data *dp)
{
    CALL_EACH(wait, dp);
}

void
dp_netdev_extensions_add_port(const struct dp_netdev_extension_data *dp,
                              odp_port_t port_no, const struct netdev *netdev,
                              struct dp_netdev_extension_data *port)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->add_port) {
            port->of[i] = extensions[i]->add_port(dp->of[i], port_no, netdev);
        }
    }
}

void
dp_netdev_extensions_remove_port(const struct dp_netdev_extension_data *port)
{
    CALL_EACH(remove_port, port);
}

void
dp_netdev_extensions_add_queue(const struct dp_netdev_extension_data *port,
                               struct dp_netdev_extension_slots *slots)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->add_queue) {
            extensions[i]->add_queue(port->of[i], slots);
        }
    }
}

void
dp_netdev_extensions_clear_queues(const struct dp_netdev_extension_data *port)
{
    CALL_EACH(clear_queues, port);
}

void
dp_netdev_extensions_add_thread(const struct dp_netdev_extension_data *dp,
                                struct dp_netdev_extension_data *thread)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->add_thread) {
            thread->of[i] = extensions[i]->add_thread(dp->of[i]);
        }
    }
}

void
dp_netdev_extensions_remove_thread(
    const struct dp_netdev_extension_data *thread)
{
    CALL_EACH(remove_thread, thread);
}

bool
dp_netdev_extensions_receive(const struct dp_netdev_extension_slots *slots,
                             const struct dp_netdev_extension_data *thread,
                             struct pmd_perf_stats *stats, long long int now,
                             struct dp_packet_batch *batch)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        void *queue = ovsrcu_get(void *, &slots->of[i]);

        if (queue && !dp_packet_batch_is_empty(batch)) {
            extensions[i]->receive(queue, thread->of[i], stats, now, batch);
        }
    }
    return dp_packet_batch_is_empty(batch);
}

void
dp_netdev_extension_set_slot(struct dp_netdev_extension_slots *slots,
                             enum dp_netdev_extension_id id, void *queue)
{
    unsigned int bit = 1u << id;
    unsigned int old;

    /* A thread that has seen one of the two changes and not yet the other
     * looks into an empty slot for nothing, or takes the old value. */
    ovsrcu_set(&slots->of[id], queue);
    if (queue) {
        atomic_or(&slots->set, bit, &old);
    } else {
        atomic_and(&slots->set, ~bit, &old);
    }
}

bool
dp_netdev_extensions_bar_offload(const struct dp_netdev_extension_data *dp,
                                 const struct flow *flow)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->bars_offload
            && extensions[i]->bars_offload(dp->of[i], flow)) {
            return true;
        }
    }
    return false;
}

atomic_uint dp_netdev_extensions_executed = ATOMIC_VAR_INIT(0);

/* Returns what 'e' does by an action of 'class', null if nothing. */
static const struct dp_netdev_extension_action *
find_action(const struct dp_netdev_extension *e,
            const struct odp_extension_class *class)
{
    for (size_t i = 0; i < ARRAY_SIZE(e->actions); i++) {
        if (e->actions[i].class == class) {
            return &e->actions[i];
        }
    }
    return NULL;
}

void
dp_netdev_extensions_execute(const struct dp_netdev_extension_data *dp,
                             const struct dp_netdev_extension_data *thread,
                             long long int now, struct dp_packet_batch *batch,
                             const struct nlattr *a, bool steal,
                             struct dp_netdev_extension_out *out)
{
    const struct odp_extension_class *class;
    const void *payload;

    class = odp_extension_unpack(a, &payload);
    for (size_t i = 0; class && i < ARRAY_SIZE(extensions); i++) {
        const struct dp_netdev_extension *e = extensions[i];
        const struct dp_netdev_extension_action *action;

        action = e ? find_action(e, class) : NULL;
        if (action) {
            if (OVS_UNLIKELY(!(dp_netdev_extensions_have_executed()
                               & 1u << i))) {
                unsigned int orig;

                atomic_or_relaxed(&dp_netdev_extensions_executed, 1u << i,
                                  &orig);
            }
            action->execute(dp->of[i], thread->of[i], now, batch, payload,
                            steal, out);
            return;
        }
    }
    odp_extension_drop(batch, steal);
}

bool
dp_netdev_extensions_may_poll(const struct dp_netdev_extension_data *dp)
{
    unsigned int executed = dp_netdev_extensions_have_executed();

    for (size_t i = 0; executed >> i; i++) {
        const struct dp_netdev_extension *e = extensions[i];

        if (executed & 1u << i && e->poll
            && (!e->may_poll || e->may_poll(dp->of[i]))) {
            return true;
        }
    }
    return false;
}

bool
dp_netdev_extensions_poll(const struct dp_netdev_extension_data *thread,
                          long long int now, struct dp_packet_batch *batch)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->poll
            && extensions[i]->poll(thread->of[i], now, batch)) {
            return true;
        }
    }
    return false;
}

void
dp_netdev_extensions_poll_wait(const struct dp_netdev_extension_data *thread)
{
    CALL_EACH(poll_wait, thread);
}

void
dp_netdev_extensions_format_pmd_stats(struct ds *s,
                                      const uint64_t pmd_stats[])
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->format_pmd_stats) {
            extensions[i]->format_pmd_stats(s, pmd_stats);
        }
    }
}

void
dp_netdev_extensions_format_pmd_perf(struct ds *s, const uint64_t pmd_stats[])
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->format_pmd_perf) {
            extensions[i]->format_pmd_perf(s, pmd_stats);
        }
    }
}

void
dp_netdev_extension_register_for_test(
    const struct dp_netdev_extension *extension)
{
    extensions[DP_NETDEV_EXT_TEST] = extension;
}
