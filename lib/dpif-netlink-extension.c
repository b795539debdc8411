/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "dpif-extension.h"
#include "dpif-netlink-ila.h"
#include "dpif-netlink-match-cache.h"
#include "dpif-netlink-ring.h"

/* What extensions have for the kernel datapath. */
const struct dpif_extension_classes dpif_netlink_extensions = {
    .ila = &dpif_netlink_ila_class,
    .match_cache = &dpif_netlink_match_cache_class,
    .ring = &dpif_netlink_ring_class,
};
