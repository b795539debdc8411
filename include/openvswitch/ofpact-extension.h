/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OPENVSWITCH_OFPACT_EXTENSION_H
#define OPENVSWITCH_OFPACT_EXTENSION_H 1

/* OFPACT_EXTENSION: an action of one of our extensions.
 *
 * <openvswitch/ofp-actions.h> includes this where its actions are declared;
 * it is of no use alone. */

#ifdef __cplusplus
extern "C" {
#endif

/* Used for NXAST_EXTENSION.
 *
 * 'body' is laid out as the class with the given 'subtype' wants it (see
 * lib/ofp-extension.h) and has no byte that is not initialized, so that two
 * actions may be compared bytewise. */
struct ofpact_extension {
    OFPACT_PADDED_MEMBERS(
        struct ofpact ofpact;
        uint16_t subtype;           /* From enum ofp_extension_type. */
    );
    uint8_t body[];                 /* Aligned to OFPACT_ALIGNTO bytes. */
};

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/ofpact-extension.h */
