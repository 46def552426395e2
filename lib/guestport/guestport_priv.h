/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the copying and the zero-copy way share.
 */
#ifndef GUESTPORT_PRIV_H
#define GUESTPORT_PRIV_H

#include "pvn_guestport.h"

/* Copies the header before a receive buffer once. The host may still write there. */
static inline void
guest_copy_hdr(struct virtio_net_hdr *hdr, const uint8_t *data)
{
	memcpy(hdr, data - sizeof(*hdr), sizeof(*hdr));
	__asm__ volatile("" : "+m"(*hdr) : : "memory");
}

static inline void
guest_write_hdr(uint8_t *data, const struct virtio_net_hdr *hdr)
{
	memcpy(data - sizeof(*hdr), hdr, sizeof(*hdr));
}

/* How many of the `known` used buffers the first frame fills. 0 and a fault if there are not that
 * many, since a host publishes all buffers of a frame at once, or more than a frame may have.
 */
static inline uint16_t
guest_rx_buffers(struct pvn_vring_drv *ring, const struct virtio_net_hdr *hdr, uint16_t known)
{
	uint16_t buffers = RTE_MAX(pvn_le16_to_cpu(hdr->num_buffers), 1);

	if (likely(buffers <= RTE_MIN(known, PVN_VRING_CHAIN_MAX)))
		return buffers;
	ring->fault = PVN_VRING_FAULT_HDR;
	return 0;
}

/* Descriptors that may be filled. */
static inline uint16_t
guest_tx_free(const struct pvn_guest_txq *q)
{
	return q->ring.mask + 1 - (uint16_t)(q->ring.pos - q->desc_tail);
}

/* Notes that the frame `frames` after the last published one has `descs` descriptors, filled from
 * ring.pos on.
 */
static inline void
guest_tx_lend(struct pvn_guest_txq *q, uint16_t frames, uint16_t descs)
{
	if (descs > 1) {
		q->chain[(uint16_t)(q->ring.avail_idx + frames) & q->ring.mask] = descs;
		q->chained++;
	}
	q->ring.pos += descs;
}

/* Moves desc_tail over what the host has used, when fewer than `want` descriptors are free. The
 * number of descriptors that came back.
 */
static inline uint16_t
guest_tx_reclaim(struct pvn_guest_txq *q, uint16_t want)
{
	const uint16_t before = q->desc_tail;
	uint16_t used;

	if (guest_tx_free(q) >= want && q->chained == 0)
		return 0;
	used = pvn_vring_drv_used(&q->ring, UINT16_MAX);
	q->desc_tail += used;
	for (uint16_t i = 0; unlikely(q->chained > 0) && i < used; i++) {
		uint8_t *descs = &q->chain[(uint16_t)(q->ring.used_idx + i) & q->ring.mask];

		if (*descs > 1) {
			q->desc_tail += *descs - 1;
			q->chained--;
			*descs = 1;
		}
	}
	q->ring.used_idx += used;
	return q->desc_tail - before;
}

/* Whether a frame that needs `descs` descriptors can be sent at all; counted if not. */
static inline bool
guest_tx_len_ok(struct pvn_guest_txq *q, const struct rte_mbuf *m, uint32_t descs)
{
	const uint32_t longest =
		(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? UINT16_MAX : q->max_frame;

	if (likely(m->pkt_len >= RTE_ETHER_HDR_LEN && m->pkt_len <= longest &&
		   descs <= RTE_MIN(PVN_VRING_CHAIN_MAX, q->ring.mask + 1u)))
		return true;
	q->stats.too_long++;
	return false;
}

/* Sends a frame for which pvn_gso_needed() is true as the segments it is to become; only reads it.
 * False if there is no room for all of them now. Otherwise it is done with: *frames counts the
 * segments, or it can never be sent and was counted.
 */
bool guest_tx_cut(struct pvn_guest_txq *q, const struct rte_mbuf *m, uint16_t *frames);

/* Zero-copy: makes mbufs available in the descriptors that have none, as many as the pool gives. */
void guest_rx_post(struct pvn_guest_rxq *q);

#endif /* GUESTPORT_PRIV_H */
