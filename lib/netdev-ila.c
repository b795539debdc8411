/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-ila.h"

#include <stdlib.h>

#include "ila-table.h"
#include "util.h"

struct netdev_ila *
netdev_ila_create(void)
{
    struct netdev_ila *ila = xzalloc(sizeof *ila);

    ila->table = ila_table_create();
    return ila;
}

void
netdev_ila_destroy(struct netdev_ila *ila)
{
    if (ila) {
        ila_table_destroy(ila->table);
        free(ila);
    }
}
