/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A TSO frame for a host that does not take it: cut straight into the buffers of the next
 * descriptors. Copying, these are their slots; zero-copy, one mbuf of the pool for each, so that a
 * segment of several descriptors is freed like as many frames. Room and mbufs for all segments are
 * there before the first is written: nothing is sent by half.
 */
#include "guestport_priv.h"
#include "pvn_gso.h"

static uint8_t *
buffer_at(const struct pvn_guest_txq *q, uint16_t pos)
{
	pos &= q->ring.mask;
	if (q->slots != NULL)
		return q->slots + (size_t)pos * PVN_GUEST_SLOT_STRIDE;
	return rte_pktmbuf_mtod(q->sent[pos], uint8_t *);
}

static uint32_t
buffer_room(const struct pvn_guest_txq *q)
{
	if (q->slots != NULL)
		return PVN_GUEST_SLOT_ROOM;
	return rte_pktmbuf_data_room_size(q->pool) - RTE_PKTMBUF_HEADROOM;
}

/* The most buffers that a frame may ever have. Of a pool half, since the other half may stand in
 * receive rings for ever.
 */
static uint32_t
buffers_max(const struct pvn_guest_txq *q)
{
	const uint32_t size = q->ring.mask + 1u;

	return q->slots != NULL ? size : RTE_MIN(size, q->pool->size / 2);
}

/* Zero-copy: puts a mbuf into sent[] for each of the next `n` descriptors, or none. */
static bool
take_mbufs(struct pvn_guest_txq *q, uint32_t n)
{
	struct rte_mbuf *m;
	uint32_t taken;

	for (taken = 0; taken < n; taken++) {
		m = rte_pktmbuf_alloc(q->pool);
		if (unlikely(m == NULL))
			break;
		q->sent[(q->ring.pos + taken) & q->ring.mask] = m;
	}
	if (likely(taken == n))
		return true;
	for (uint32_t i = 0; i < taken; i++) {
		struct rte_mbuf **sent = &q->sent[(q->ring.pos + i) & q->ring.mask];

		rte_pktmbuf_free(*sent);
		*sent = NULL;
	}
	return false;
}

/* Room for `n` buffers now, or no change. What the host has used is taken back before: by the
 * zero-copy caller, who has mbufs to free for it, copying here.
 */
static bool
make_room(struct pvn_guest_txq *q, uint32_t n)
{
	if (q->slots != NULL)
		guest_tx_reclaim(q, UINT16_MAX);
	return n <= guest_tx_free(q) && (q->slots != NULL || take_mbufs(q, n));
}

/* The current segment into the buffers from ring.pos on. How many it took. */
static uint16_t
put_segment(struct pvn_guest_txq *q, const struct pvn_gso *g, uint32_t room)
{
	uint16_t flags = g->hinted ? VRING_DESC_F_HDR : 0, count = 0;

	for (uint32_t skip = 0; skip < g->len; skip += room, count++) {
		const uint32_t len = RTE_MIN(g->len - skip, room);
		const uint16_t pos = q->ring.pos + count;
		uint8_t *data = buffer_at(q, pos);

		pvn_gso_copy_out(g, skip, data, len);
		if ((flags & VRING_DESC_F_HDR) != 0)
			guest_write_hdr(data, &g->hdr);
		if (skip + len < g->len)
			flags |= VRING_DESC_F_NEXT;
		pvn_vring_drv_fill(&q->ring, pos,
				   VRING_ADDR(q->shared_index, (uint64_t)(data - q->shared->base)),
				   len, flags);
		flags = 0;
	}
	return count;
}

/* Whether the frame can be sent at all; counted if not. */
static bool
can_be_cut(struct pvn_guest_txq *q, struct pvn_gso *g, const struct rte_mbuf *m, uint32_t room)
{
	if (!guest_tx_len_ok(q, m, 1))
		return false;
	if (!pvn_gso_begin(g, m, q->features)) {
		q->stats.bad_offload++;
		return false;
	}
	if (g->longest > q->max_frame || g->longest > PVN_VRING_CHAIN_MAX * room) {
		q->stats.too_long++;
		return false;
	}
	if (pvn_gso_buffers(g, room) > buffers_max(q)) {
		q->stats.bad_offload++;
		return false;
	}
	return true;
}

bool
guest_tx_cut(struct pvn_guest_txq *q, const struct rte_mbuf *m, uint16_t *frames)
{
	const uint32_t room = buffer_room(q);
	struct pvn_gso g;

	if (!can_be_cut(q, &g, m, room))
		return true;
	if (!make_room(q, pvn_gso_buffers(&g, room)))
		return false;
	while (pvn_gso_next(&g)) {
		guest_tx_lend(q, *frames, put_segment(q, &g, room));
		(*frames)++;
	}
	q->stats.packets += g.segments;
	q->stats.bytes += g.total;
	if (q->slots == NULL)
		q->stats.copied += g.segments;
	return true;
}
