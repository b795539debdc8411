/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-ila-names.h"

#include <stdlib.h>
#include <string.h>

#include "dpif.h"
#include "util.h"

/* Entries may be for ports below this. */
#define N_PORTS UINT16_MAX

static int
names_port_from_name(const char *name, void *names)
{
    return dpif_ila_port_number(names, name);
}

static char *
names_port_to_name(uint16_t port, void *names)
{
    return dpif_ila_port_name(names, port);
}

void
dpif_ila_names_init(struct dpif_ila_names *names, struct dpif *dpif)
{
    names->names.port_from_name = names_port_from_name;
    names->names.port_to_name = names_port_to_name;
    names->names.aux = names;
    names->dpif = dpif;
    names->by_number = NULL;
    shash_init(&names->ports);
}

void
dpif_ila_names_destroy(struct dpif_ila_names *names)
{
    shash_destroy(&names->ports);
    for (size_t i = 0; names->by_number && i < N_PORTS; i++) {
        free(names->by_number[i]);
    }
    free(names->by_number);
}

/* Asks for all ports at once: a query for one that is not there would be
 * logged. */
static const char *
find_name(struct dpif_ila_names *names, uint32_t number)
{
    if (!names->by_number) {
        struct dpif_port_dump dump;
        struct dpif_port port;

        names->by_number = xcalloc(N_PORTS, sizeof *names->by_number);
        DPIF_PORT_FOR_EACH (&port, &dump, names->dpif) {
            uint32_t i = odp_to_u32(port.port_no);

            if (i < N_PORTS && !names->by_number[i]) {
                names->by_number[i] = xstrdup(port.name);
            }
        }
    }
    return number < N_PORTS ? names->by_number[number] : NULL;
}

static int
find_number(struct dpif_ila_names *names, const char *name)
{
    struct dpif_port port;
    unsigned int number;

    if (!dpif_port_query_by_name(names->dpif, name, &port)) {
        number = odp_to_u32(port.port_no);
        dpif_port_destroy(&port);
        return number < N_PORTS ? number : -1;
    } else if (!name[strspn(name, "0123456789")]
               && str_to_uint(name, 10, &number)
               && find_name(names, number)) {
        return number;
    }
    return -1;
}

int
dpif_ila_port_number(struct dpif_ila_names *names, const char *name)
{
    const struct shash_node *node = shash_find(&names->ports, name);
    int number;

    if (node) {
        return (uintptr_t) node->data;
    }
    number = find_number(names, name);
    if (number >= 0) {
        shash_add(&names->ports, name, (void *) (uintptr_t) number);
    }
    return number;
}

char *
dpif_ila_port_name(struct dpif_ila_names *names, uint32_t port)
{
    const char *name = find_name(names, port);

    return name ? xstrdup(name) : xasprintf("%"PRIu32, port);
}
