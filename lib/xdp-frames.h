/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_FRAMES_H
#define XDP_FRAMES_H 1

/* Frames of a packet buffer memory, by number, and who has them.
 *
 * Every frame is at each moment with exactly one of
 *
 *   - the pool, where any thread finds it,
 *   - the cache that a thread has of the pool,
 *   - a holder, a number that means a queue: what the kernel has of this
 *     queue, in whichever ring, and will give back by one of them,
 *   - a caller: a packet, for instance.
 *
 * xdp_frames_get() and xdp_frames_put() move frames between the first two and
 * callers, xdp_frames_lend() and xdp_frames_take_back() between callers and
 * holders.  xdp_frames_reclaim() moves all that a holder has to the pool: what
 * the kernel has never gives back by itself once its socket is closed.
 *
 * What is put is got first, as long as it is in the processor's cache.
 *
 * Thread-safety
 * =============
 *
 * All functions may be called by any thread at any time, with these
 * exceptions: a frame is moved by who has it alone; nobody lends to a holder
 * or takes back from it while its frames are reclaimed; a pool is destroyed
 * when nobody uses it any more.
 *
 * A thread's cache is its own: getting and putting takes no lock, except for
 * one in some dozens of frames.  What is in there is put into the pool when
 * the thread ends; until then other threads do not get it.  Only a few pools,
 * those that are there first, have caches; the others always lock. */

#include <stdbool.h>
#include <stdint.h>

struct xdp_frames;

/* Holders. */
#define XDP_FRAMES_NOBODY 0
#define XDP_FRAMES_MAX_HOLDER UINT8_MAX

/* The most frames that a thread's cache of a pool has. */
#define XDP_FRAMES_CACHED 128

/* Returns a pool of frames number 0 to 'n' - 1, which are all in there. */
struct xdp_frames *xdp_frames_create(uint32_t n);

/* Frees 'frames'; a null pointer is ignored. */
void xdp_frames_destroy(struct xdp_frames *frames);

/* Gets 'n' frames into 'got', or returns false and gets none if there are not
 * so many.  'n' is at most XDP_FRAMES_CACHED / 2. */
bool xdp_frames_get(struct xdp_frames *frames, uint32_t n, uint32_t got[]);

/* Puts the 'n' frames 'put' back. */
void xdp_frames_put(struct xdp_frames *frames, uint32_t n,
                    const uint32_t put[]);

/* Has 'holder', from 1 to XDP_FRAMES_MAX_HOLDER, have 'frame', which the
 * caller had. */
void xdp_frames_lend(struct xdp_frames *frames, uint32_t frame,
                     uint8_t holder);

/* Has the caller have 'frame', which 'holder' had; or does nothing and returns
 * false if that had it not, or if there is no such frame. */
bool xdp_frames_take_back(struct xdp_frames *frames, uint64_t frame,
                          uint8_t holder);

/* Puts all frames of 'holder' into the pool, where they are the last to be
 * got.  Returns how many. */
uint32_t xdp_frames_reclaim(struct xdp_frames *frames, uint8_t holder);

/* Returns how many frames are in the pool or cached, and how many of them are
 * cached in '*cached' unless that is null.  While frames are got meanwhile,
 * that is approximate; if frames are only put, there may be more by then.  If
 * it is all of them, what others did with the frames before they put them has
 * happened before. */
uint32_t xdp_frames_idle(const struct xdp_frames *frames, uint32_t *cached);

/* Returns how many frames holders have, likewise. */
uint32_t xdp_frames_lent(const struct xdp_frames *frames);

#endif /* xdp-frames.h */
