/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_CONFIG_H
#define ILA_CONFIG_H 1

/* What the database says about ILA: the table ILA_Mapping, files of mappings,
 * and whether it is right what it says of interfaces. */

struct bridge_extension;

extern const struct bridge_extension ila_bridge_extension;

#endif /* ila-config.h */
