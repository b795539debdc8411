/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_EXTENSION_H
#define DPIF_EXTENSION_H 1

/* The door for what extensions can ask a datapath for: a member of "struct
 * dpif_class" that refers to one class an extension, each null if the kind of
 * datapath lacks it. */

struct dpif_ila_class;

struct dpif_extension_classes {
    const struct dpif_ila_class *ila;
};

extern const struct dpif_extension_classes dpif_netdev_extensions;
extern const struct dpif_extension_classes dpif_netlink_extensions;

#endif /* dpif-extension.h */
