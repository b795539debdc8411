/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_UPCALL_CONFIG_H
#define RING_UPCALL_CONFIG_H 1

/* What the database says of the rings for upcalls of the kernel. */

#include <stdbool.h>
#include <stdint.h>

struct dpif;
struct smap;

enum ring_enable {
    RING_AUTO,                  /* If there can be some. */
    RING_ON,                    /* Likewise, and warn if there cannot. */
    RING_OFF,
};

struct ring_upcall_config {
    enum ring_enable enable;    /* ring-enable */
    uint32_t upcall_kb;         /* ring-upcall-size: a power of two from
                                 * 128 to 65536. */
};

/* The rings of one kind of datapath. */
struct dpif_ring_class {
    /* Called whenever anything in the database changes. */
    void (*set_config)(struct dpif *, const struct ring_upcall_config *);
};

/* For the door to datapaths. */
extern const struct dpif_extension dpif_ring_extension;

/* Sets '*config' to the default: "auto", 1024 kB. */
void ring_upcall_config_init(struct ring_upcall_config *config);

/* Reads 'other_config' into '*config'.  In place of a bad value the default is
 * taken.  A size that is bad is logged, once until it changes; what is wrong
 * with ring-enable, which is for other rings, too, vswitchd/ring-config.c
 * says.  Any thread may call it. */
void ring_upcall_config_from_smap(const struct smap *other_config,
                                  struct ring_upcall_config *config);

#endif /* ring-upcall-config.h */
