/* SPDX-License-Identifier: Apache-2.0 */

#ifndef FUZZ_ACTIONS_H
#define FUZZ_ACTIONS_H 1

/* Random datapath actions of every type, our extensions' included, for tests.
 * They come from random_uint32(), which the test seeds. */

struct nlattr;
struct ofpbuf;

/* Appends up to seven actions to 'actions', nested at most 'depth' deep.
 * Those that set a field take it from the attributes 'key'. */
void fuzz_actions(struct ofpbuf *actions, const struct ofpbuf *key,
                  int depth);

/* Makes the well-formed attributes in 'attrs' something else: other bytes,
 * other types and lengths, some left out, some twice, others among them. */
void fuzz_mutate(struct ofpbuf *attrs);

#endif /* fuzz-actions.h */
