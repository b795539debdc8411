/* SPDX-License-Identifier: Apache-2.0 */

/* How ovs-vsctl finds rows of extensions' tables by name: a part of the
 * initializer of tables[] in ovs-vsctl.c, which includes this in its
 * middle. */

[OVSREC_TABLE_ILA_MAPPING].row_ids = {
    { &ovsrec_ila_mapping_col_identifier, NULL, NULL },
    { &ovsrec_ila_mapping_col_match_locator, NULL, NULL },
},
