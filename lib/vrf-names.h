/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_NAMES_H
#define VRF_NAMES_H 1

/* Names of VRFs, and numbers for them, which datapath actions have.
 *
 * A name gets its number when it is asked for first, whether there is such a
 * VRF or not, and keeps it for as long as the process lives: a flow, whoever
 * still has it, never means another VRF.
 *
 * Any thread may call any of the functions at any time. */

#include <stdbool.h>
#include <stdint.h>

/* The default VRF. */
#define VRF_DEFAULT_ID 0
#define VRF_DEFAULT_NAME "default"

/* Bytes of the longest name, with the null byte. */
#define VRF_NAME_SIZE 16

/* How many names there may be.  No number is UINT16_MAX, a mask's bits. */
#define VRF_MAX_NAMES (UINT16_MAX - 1)

/* A name is 1 to 15 bytes, as those of devices; VRF_DEFAULT_NAME is none that
 * can be given. */
bool vrf_name_is_valid(const char *name);

/* Can the name, a valid one or VRF_DEFAULT_NAME, be written in flows?  What
 * follows a '#' is a comment in files of flows. */
bool vrf_name_is_writable(const char *name);

/* Returns the number of 'name', which is valid or VRF_DEFAULT_NAME; 0 for the
 * latter, and if it is new and there are VRF_MAX_NAMES others already. */
uint16_t vrf_id_of_name(const char *name);

/* The name that 'id' was given for, whether or not that VRF exists, in
 * VRF_NAME_SIZE bytes, with zeros behind it, which stay for ever; "?" for what
 * is no number. */
const char *vrf_id_to_name(uint16_t id);

#endif /* vrf-names.h */
