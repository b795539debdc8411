/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_NAMES_H
#define RING_NAMES_H 1

/* Names of the rings that actions send packets to, and numbers for them, which
 * datapath actions have.
 *
 * A name gets its number when it is asked for first, and keeps it for as long
 * as the process lives, so that a flow, whoever still has it, never means
 * another ring.  Hence there is a limit to how many there may be.
 *
 * Any thread may call any of the functions at any time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name has up to this many bytes: letters, digits, and "-", "_", "." but not
 * at its beginning. */
#define RING_NAME_MAX 63

/* Numbers are from 1 to this. */
#define RING_NAMES_MAX 4096

/* Is 'name', of 'len' bytes, one that a ring may have? */
bool ring_name_is_valid(const char *name, size_t len);

/* Returns the number of 'name', which is valid, or 0 if that is new and there
 * are RING_NAMES_MAX already. */
uint32_t ring_name_to_id(const char *name);

/* Returns the name with that number, which stays for ever, or NULL. */
const char *ring_name_from_id(uint32_t id);

#endif /* ring-names.h */
