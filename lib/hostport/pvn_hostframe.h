/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames for a switch: looked at where they are, and copied once to where they go.
 *
 *	if (pvn_host_peek(rxq, &burst, n)) {	// heads in private memory
 *		// decide by the heads, then for each destination
 *		pvn_host_put(txq, outs, count, &sent);	// a guest: head and rest into its buffers
 *		m = pvn_host_frame_mbuf(&out, pool);	// any other port
 *		pvn_host_done(rxq, &burst);	// only now may the source overwrite its frames
 *	}
 *
 * Whatever is decided about a frame is decided by its head, and the head is what is sent: the guest
 * may change the rest meanwhile, which spoils its own frame and nothing else.
 *
 * Threads: as the queues. Between pvn_host_peek() and pvn_host_done() the queue's gate is entered,
 * so whoever shuts it waits for the end of the burst, and the burst waits for nobody.
 */
#ifndef PVN_HOSTFRAME_H
#define PVN_HOSTFRAME_H

#include "pvn_hostport.h"

/* Bytes of a frame that are copied before the decision: all headers that a switch looks at. A frame
 * for which the guest has wishes has its TCP or UDP header in them, or it is dropped (bad_hdr).
 */
#define PVN_HOST_HEAD 128u

/* Room in front of a head for a VLAN tag. */
#define PVN_HOST_HEAD_ROOM 8u

/* Frames in a burst. */
#define PVN_HOST_BURST 32u

/* The first cache line, and those of the head, are all that most frames need. */
struct pvn_host_frame {
	uint32_t len;	   /* of all of it */
	uint16_t head_len; /* of its beginning that is at head */
	uint16_t pieces;
	const struct pvn_vring_buf *piece; /* what follows the head; to be copied from, once */
	struct pvn_vring_buf rest;	   /* the piece of a frame that has one */
	struct rte_mbuf *m;		   /* whose frame it is; NULL: the guest's */
	uint64_t ol_flags;		   /* transmit hints, checked; 0 for most frames */
	const uint8_t *head;		   /* copy, or where the mbuf has it */
	uint8_t room[PVN_HOST_HEAD_ROOM];
	uint8_t copy[PVN_HOST_HEAD]; /* begins a line */
	/* Only with hints: the rest of them, as of a mbuf and, if the frame is a guest's, as of the
	 * wire.
	 */
	uint64_t tx_offload;
	struct virtio_net_hdr hdr;
} __rte_cache_aligned;
static_assert(sizeof(void *) != 8 || offsetof(struct pvn_host_frame, copy) % 64 == 0,
	      "one line for a short frame");

struct pvn_host_burst {
	uint16_t count; /* of frames */
	uint16_t seen;	/* frames that leave the ring, those that policy refused included */
	uint16_t descs; /* descriptors of them */
	uint16_t last;	/* first descriptor of the last */
	uint16_t pieces;
	struct pvn_host_frame frame[PVN_HOST_BURST];
	struct pvn_vring_buf piece[2 * PVN_VRING_CHAIN_MAX];
};

/* Looks at up to `n` frames, at most PVN_HOST_BURST: checks their descriptors, copies their heads,
 * enforces the queue's policy. Hints are kept; pool, scatter and keep_hints of the queue are not
 * looked at. True if pvn_host_done() must follow, even when count is 0.
 */
bool pvn_host_peek(struct pvn_host_rxq *q, struct pvn_host_burst *burst, uint16_t n);

/* Gives the frames of the burst back to the guest. */
void pvn_host_done(struct pvn_host_rxq *q, struct pvn_host_burst *burst);

/* A frame of another port in the same words; the mbuf stays the caller's. `piece` has room for
 * `max`, one for each segment of a frame of several; one of more segments is not taken: false.
 */
bool pvn_host_frame_from_mbuf(struct pvn_host_frame *f, struct rte_mbuf *m,
			      struct pvn_vring_buf *piece, uint16_t max);

/* A frame on its way to one port: its head may be another than the frame's own, with or without a
 * tag; the head pointed to is `shift` bytes longer than the frame's, or shorter.
 */
struct pvn_host_out {
	const struct pvn_host_frame *frame;
	const uint8_t *head;
	uint16_t head_len;
	int16_t shift;
};

static inline uint32_t
pvn_host_out_len(const struct pvn_host_out *out)
{
	return out->frame->len + out->shift;
}

/* Whether a guest that takes `features` (of a txq) takes the frame's hints as they are, which are a
 * guest's then; otherwise the frame has to go as a mbuf through pvn_host_tx(), which does in
 * software what is missing.
 */
static inline bool
pvn_host_takes(uint64_t features, const struct pvn_host_frame *f)
{
	uint64_t needs = RTE_BIT64(VIRTIO_NET_F_CSUM);

	if (likely(f->ol_flags == 0))
		return true;
	if (f->m != NULL)
		return false;
	if ((f->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0)
		needs |= (f->ol_flags & RTE_MBUF_F_TX_IPV6) != 0
				 ? RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)
				 : RTE_BIT64(VIRTIO_NET_F_HOST_TSO4);
	return (features & needs) == needs;
}

/* What became of frames. handled - sent - too_long could not be sent for their hints. */
struct pvn_host_sent {
	uint16_t handled; /* of the first ones; there was no room for the others, or no link */
	uint16_t sent;
	uint16_t too_long; /* or too short */
	bool down;	   /* no link, or the guest broke its ring */
	uint64_t bytes;
};

/* Copies frames into the guest's buffers, in order. */
void pvn_host_put(struct pvn_host_txq *q, const struct pvn_host_out *outs, uint16_t n,
		  struct pvn_host_sent *sent);

/* The same for one frame in mbufs, which stay the caller's: what the guest does not take is done in
 * software. Segments of a TSO frame are one frame here, their bytes are what was written.
 */
void pvn_host_put_mbuf(struct pvn_host_txq *q, struct rte_mbuf *m, struct pvn_host_sent *sent);

/* The frame in mbufs of `pool`, with transmit flags for what is still to be done; NULL if the pool
 * ran empty.
 */
struct rte_mbuf *pvn_host_frame_mbuf(const struct pvn_host_out *out, struct rte_mempool *pool);

#endif /* PVN_HOSTFRAME_H */
