/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * TCP segmentation in software, for whoever is to get a TSO frame and does not take it. The frame
 * becomes segments, one after the other, which are copied straight into buffers of the caller's:
 *
 *	struct pvn_gso g;
 *
 *	if (!pvn_gso_begin(&g, m, features) || pvn_gso_buffers(&g, room) > free)
 *		(nothing has been written yet)
 *	while (pvn_gso_next(&g))
 *		pvn_gso_copy_out(&g, 0, to, g.len);
 *
 * Nothing is allocated, and the frame is only read: it stays the caller's, and must stay as it is
 * until the last segment is copied. A struct pvn_gso belongs to one thread; there is no other
 * state. All lengths are bytes.
 */
#ifndef PVN_GSO_H
#define PVN_GSO_H

#include "pvn_netbuf.h"

/* Headers as long as the bits of a mbuf, and TCP's data offset, can say. */
#define PVN_GSO_HEADERS_MAX                                                                        \
	(RTE_BIT32(RTE_MBUF_L2_LEN_BITS) - 1 + RTE_BIT32(RTE_MBUF_L3_LEN_BITS) - 1 + 60)

struct pvn_gso {
	/* To be read after pvn_gso_begin(). */
	uint32_t segments; /* how many there are, 1 or more */
	uint32_t longest;  /* of one segment, with its headers */
	uint32_t total;	   /* of all segments, with their headers */
	bool hinted; /* the peer computes TCP checksums: `hdr` goes with each segment, but for the
		      * number of buffers, which is the caller's to fill in
		      */
	struct virtio_net_hdr hdr;
	/* To be read after pvn_gso_next(). */
	uint32_t len; /* of this segment, with its headers */
	/* Inside. */
	const struct rte_mbuf *m;
	const struct rte_mbuf *at; /* where this segment's payload begins: in which mbuf, */
	uint32_t at_skip;	   /* and how far behind that one's data */
	uint32_t headers;
	uint32_t segsz;
	uint32_t left; /* payload that is in no segment yet */
	uint8_t tcp_flags;
	bool ipv6;
	uint8_t head[PVN_GSO_HEADERS_MAX]; /* this segment's headers */
};

/* Whether `m` is to be segmented and a peer that takes `features` does not do it: TSO needs its
 * bits for the IP version and for checksums. `features` are those of pvn_netbuf_hints(); 0 is a
 * peer that takes nothing.
 */
static inline bool
pvn_gso_needed(const struct rte_mbuf *m, uint64_t features)
{
	uint64_t needs = RTE_BIT64(VIRTIO_NET_F_CSUM);

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) == 0)
		return false;
	needs |= (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)
							 : RTE_BIT64(VIRTIO_NET_F_HOST_TSO4);
	return (features & needs) != needs;
}

/* Begins to segment `m`, a TSO frame as DPDK describes it: flags, header lengths, tso_segsz. With
 * VIRTIO_NET_F_CSUM in `features` TCP checksums are left to the peer, else computed here. False,
 * and nothing of `g` may be used, if the frame's description makes no sense: lengths that are not
 * those of its headers, segments of 0, no payload, more than 64 KiB.
 *
 * How many segments are too many is the caller's to say, before pvn_gso_next(): each costs a copy
 * of its payload and of at most PVN_GSO_HEADERS_MAX, and a look at both for checksums.
 */
bool pvn_gso_begin(struct pvn_gso *g, const struct rte_mbuf *m, uint64_t features);

/* Buffers for all the segments, where each buffer has `room` bytes and belongs to one segment. */
uint32_t pvn_gso_buffers(const struct pvn_gso *g, uint32_t room);

/* Makes the next segment the current one; false after the last. */
bool pvn_gso_next(struct pvn_gso *g);

/* Copies `len` bytes of the current segment, from `skip` on, which must be there. */
void pvn_gso_copy_out(const struct pvn_gso *g, uint32_t skip, void *to, uint32_t len);

#endif /* PVN_GSO_H */
