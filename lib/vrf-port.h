/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PORT_H
#define VRF_PORT_H 1

/* Which VRFs there are, which ports and local addresses are in which: a
 * picture that vrf.c makes anew whenever Linux or the configuration changes.
 *
 * A port, which is whatever has a netdev, is in the VRF that its interface is
 * configured for, otherwise in that of its master in Linux, otherwise in none,
 * which is the default VRF, VRF_DEFAULT_ID.  If it is configured for one VRF
 * and Linux has it in another one, with another table, Linux's counts.  A port
 * that is configured for a VRF that does not exist is in it nevertheless, and
 * nothing else is.
 *
 * Thread-safety
 * =============
 *
 * Any thread may call the functions of "Readers"; what they point to is valid
 * until the caller quiesces (ovs-rcu.h).  As long as there is no VRF, they
 * cost reading a pointer.  The others are for the main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "ovs-rcu.h"
#include "vrf.h"

struct in6_addr;
struct seq;
struct vrf_db;

/* Readers. */

struct vrf_ports;
typedef OVSRCU_TYPE(struct vrf_ports *) vrf_ports_pointer;
extern vrf_ports_pointer vrf_ports_live;

/* The picture as it is now; null if there is nothing in it. */
static inline const struct vrf_ports *
vrf_ports_get(void)
{
    return ovsrcu_get(struct vrf_ports *, &vrf_ports_live);
}

uint16_t vrf_ports_find(const struct vrf_ports *, const char *netdev_name);

/* What is known about routing, to which the picture belongs. */
const struct vrf_db *vrf_ports_db(const struct vrf_ports *);

/* The id of the VRF that the port with this netdev is in. */
static inline uint16_t
vrf_of_port(const char *netdev_name)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return OVS_LIKELY(!ports) ? VRF_DEFAULT_ID
           : vrf_ports_find(ports, netdev_name);
}

/* Is the port configured for another VRF than the one that it is in? */
bool vrf_port_has_conflict(const char *netdev_name);

/* Ids of VRFs are less than this. */
uint16_t vrf_id_limit(void);

/* Return null if there is no VRF with this id or name. */
const struct vrf *vrf_by_id(uint16_t id);
const struct vrf *vrf_by_name(const char *name);

/* Is 'addr', an address of IPv6 or a mapped one of IPv4, that of a device in
 * the VRF? */
bool vrf_has_address(uint16_t vrf, const struct in6_addr *addr);

/* Returns the VRF that has the local address 'addr', VRF_DEFAULT_ID if none
 * has it or, with '*ambiguous' set, if there are several, one of which may be
 * the default VRF. */
uint16_t vrf_of_address(const struct in6_addr *addr, bool *ambiguous);

/* Is 'table' that of a VRF, and not one that all have without VRFs? */
bool vrf_has_table(uint32_t table);

/* A number that changes when what vrf_has_table() says does. */
unsigned int vrf_tables_serial(void);

/* Changes with the picture. */
struct seq *vrf_ports_get_seq(void);

/* The main thread. */

/* To make a picture: begin, add VRFs, which must have ids, then ports, then
 * addresses, and publish it.  The last one takes the picture, or frees it if
 * it shows what the one before it showed; then it returns false.  Netdevs that
 * come to be in another VRF count as changed. */
struct vrf_ports *vrf_ports_create(const struct vrf_db *);
void vrf_ports_add_vrf(struct vrf_ports *, const struct vrf *);
void vrf_ports_add_port(struct vrf_ports *, const char *netdev_name,
                        uint16_t vrf, bool conflict);
void vrf_ports_add_address(struct vrf_ports *, const struct in6_addr *,
                           uint16_t vrf);
bool vrf_ports_publish(struct vrf_ports *);

/* Has flows translated again, although the picture is the same. */
void vrf_ports_touch(void);

/* Has nothing in the picture. */
void vrf_ports_clear(void);

#endif /* vrf-port.h */
