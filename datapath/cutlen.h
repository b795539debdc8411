/* SPDX-License-Identifier: GPL-2.0-only */

/* What "cutlen" says of a packet that is output or sent to userspace: in the
 * first releases of Linux 6.1 the bytes to take off its end, in later ones
 * those to leave of it.  Kbuild looks which of them the source is.
 */

#ifndef DATAPATH_CUTLEN_H
#define DATAPATH_CUTLEN_H 1

#include <linux/if_ether.h>
#include <linux/minmax.h>
#include <linux/types.h>

#ifdef OVS_CUTLEN_IS_LEFT
#define OVS_CUTLEN_NONE U32_MAX
#else
#define OVS_CUTLEN_NONE 0
#endif

/* What 'cutlen' leaves of a packet of 'len' bytes. */
static inline u32 ovs_cut(u32 len, u32 cutlen)
{
#ifdef OVS_CUTLEN_IS_LEFT
	return min(len, cutlen);
#else
	/* The packet may have become shorter since it was computed. */
	return cutlen && len <= cutlen + ETH_HLEN ? min_t(u32, len, ETH_HLEN)
						  : len - cutlen;
#endif
}

#endif /* cutlen.h */
