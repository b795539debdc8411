/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_ILA_NAMES_H
#define DPIF_ILA_NAMES_H 1

/* Names of a datapath's ports for the text of ILA mappings.
 *
 * What was asked once is remembered, as a listing or a file asks for the same
 * few ports a million times: an object lives for one command.  One thread at a
 * time may use it. */

#include "ila-mapping.h"
#include "openvswitch/shash.h"

struct dpif;

struct dpif_ila_names {
    struct ila_names names;     /* For functions of ila-mapping.h. */
    struct dpif *dpif;
    struct shash ports;         /* Port numbers by name. */
    char **by_number;           /* Names by port number, or NULL. */
};

/* 'dpif' must stay open until dpif_ila_names_destroy(). */
void dpif_ila_names_init(struct dpif_ila_names *, struct dpif *dpif);
void dpif_ila_names_destroy(struct dpif_ila_names *);

/* Returns the number of the port 'name', which may be the number itself, or -1
 * if there is none. */
int dpif_ila_port_number(struct dpif_ila_names *, const char *name);

/* Returns the name of a port, or its number if there is no such port, for the
 * caller to free. */
char *dpif_ila_port_name(struct dpif_ila_names *, uint32_t port);

#endif /* dpif-ila-names.h */
