/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Start and stop of the guest's queues.
 */
#include "guestport_priv.h"

static void
post_slots(struct pvn_guest_rxq *q, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		uint64_t offset =
			(uint64_t)i * PVN_GUEST_SLOT_STRIDE + (q->slots - q->shared->base);

		pvn_vring_drv_fill(&q->ring, i, VRING_ADDR(q->shared_index, offset),
				   PVN_GUEST_SLOT_ROOM, VRING_DESC_F_WRITE);
	}
	q->ring.pos = size;
	pvn_vring_drv_publish(&q->ring, size);
}

int
pvn_guest_rxq_start(struct pvn_guest_rxq *q, void *mem, uint32_t size)
{
	pvn_vring_drv_reset(&q->ring, mem, size);
	q->mbuf_room = rte_pktmbuf_data_room_size(q->pool) - RTE_PKTMBUF_HEADROOM;
	if (q->slots != NULL) {
		q->buf_len = PVN_GUEST_SLOT_ROOM;
		post_slots(q, size);
		return 0;
	}
	q->buf_len = q->mbuf_room;
	guest_rx_post(q);
	return q->ring.pos >= size / 2 ? 0 : -ENOMEM;
}

void
pvn_guest_txq_start(struct pvn_guest_txq *q, void *mem, uint32_t size)
{
	pvn_vring_drv_reset(&q->ring, mem, size);
	memset(q->chain, 1, size);
	q->desc_tail = 0;
	q->chained = 0;
	if (q->slots == NULL)
		return;
	for (uint32_t i = 0; i < size; i++) {
		uint64_t offset =
			(uint64_t)i * PVN_GUEST_SLOT_STRIDE + (q->slots - q->shared->base);

		pvn_vring_drv_fill(&q->ring, i, VRING_ADDR(q->shared_index, offset), 0, 0);
	}
}

/* A queue without descriptors is stopped; to stop it again does nothing. */
void
pvn_guest_rxq_stop(struct pvn_guest_rxq *q)
{
	if (q->posted == NULL || q->ring.desc == NULL)
		return;
	for (uint32_t i = 0; i <= q->ring.mask; i++) {
		rte_pktmbuf_free(q->posted[i]);
		q->posted[i] = NULL;
	}
	q->ring.desc = NULL;
}

void
pvn_guest_txq_stop(struct pvn_guest_txq *q)
{
	if (q->ring.desc == NULL)
		return;
	pvn_vring_drv_used(&q->ring, UINT16_MAX);
	q->stats.lost += (uint16_t)(q->ring.avail_idx - q->ring.used_seen);
	for (uint32_t i = 0; q->sent != NULL && i <= q->ring.mask; i++) {
		rte_pktmbuf_free(q->sent[i]);
		q->sent[i] = NULL;
	}
	q->ring.desc = NULL;
}
