/* SPDX-License-Identifier: Apache-2.0 */

/* Mirrors of VRFs (Mirror:vrfs): a part of bridge.c, which includes it
 * once.
 *
 * A mirror selects the ports that are in one of its VRFs when it is
 * configured, and is configured anew when ports come to be in another one. */

#include "seq.h"
#include "vrf-port.h"

/* Is one of the VRFs that 'cfg' selects that of 'port'? */
static bool
mirror_selects_vrf_of(const struct ovsrec_mirror *cfg, const struct port *port)
{
    const struct iface *iface;

    LIST_FOR_EACH (iface, port_elem, &port->ifaces) {
        const char *vrf = vrf_id_to_name(vrf_of_port(iface->name));

        for (size_t i = 0; i < cfg->n_vrfs; i++) {
            if (!strcmp(cfg->vrfs[i], vrf)) {
                return true;
            }
        }
    }
    return false;
}

/* Names the VRFs that cannot be. */
static void
mirror_check_vrfs(const struct mirror *m)
{
    for (size_t i = 0; i < m->cfg->n_vrfs; i++) {
        const char *vrf = m->cfg->vrfs[i];

        if (!vrf_name_is_valid(vrf) && strcmp(vrf, VRF_DEFAULT_NAME)) {
            VLOG_WARN("bridge %s: mirror %s cannot match on \"%s\", which is "
                      "not the name of a VRF, 1 to 15 characters",
                      m->bridge->name, m->name, vrf);
        }
    }
}

/* Adds the ports in VRFs that 'm' selects to 's', where they may be
 * already. */
static void
mirror_add_vrf_ports(const struct mirror *m, struct ofproto_mirror_settings *s)
{
    size_t n = hmap_count(&m->bridge->ports);
    struct port *port;

    if (!m->cfg->n_vrfs) {
        return;
    }
    mirror_check_vrfs(m);
    s->srcs = xrealloc(s->srcs, (s->n_srcs + n) * sizeof *s->srcs);
    s->dsts = xrealloc(s->dsts, (s->n_dsts + n) * sizeof *s->dsts);
    HMAP_FOR_EACH (port, hmap_node, &m->bridge->ports) {
        if (mirror_selects_vrf_of(m->cfg, port)) {
            s->srcs[s->n_srcs++] = port;
            s->dsts[s->n_dsts++] = port;
        }
    }
}

/* Configures the mirrors of VRFs whose ports are others by now. */
static void
bridge_mirrors_follow_vrfs(void)
{
    static uint64_t last;
    uint64_t seqno = seq_read(vrf_ports_get_seq());
    struct bridge *br;

    if (seqno == last) {
        return;
    }
    last = seqno;
    HMAP_FOR_EACH (br, node, &all_bridges) {
        struct mirror *m;

        HMAP_FOR_EACH (m, hmap_node, &br->mirrors) {
            if (m->cfg->n_vrfs) {
                bridge_configure_mirrors(br);
                break;
            }
        }
    }
}
