/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The zero-copy way: descriptors point to mbufs of the pool over shared pages.
 *
 * What makes it safe is that a mbuf's header, its length and its flags stand in private memory and
 * are never read from the pages; and that a mbuf is ours by the address of its data, which the host
 * cannot change. A foreign frame, or one whose data others may read while a header is to be written
 * in front of it, is copied into mbufs of the pool.
 */
#include <rte_tcp.h>

#include "guestport_priv.h"
#include "pvn_gso.h"

/* ---- receive ---- */

static inline uint64_t
wire_addr(const struct pvn_vring_pool *shared, uint16_t index, const void *data)
{
	return VRING_ADDR(index, (uint64_t)((const uint8_t *)data - shared->base));
}

void
guest_rx_post(struct pvn_guest_rxq *q)
{
	struct rte_mbuf *fresh[PVN_NETBUF_BATCH];
	uint16_t room, n, posted = 0;

	for (;;) {
		room = q->ring.mask + 1 - (uint16_t)(q->ring.pos - q->ring.used_idx);
		n = RTE_MIN(room, PVN_NETBUF_BATCH);
		if (n == 0)
			break;
		n = pvn_netbuf_get_raw(q->pool, fresh, n);
		if (n == 0)
			break;
		for (uint16_t i = 0; i < n; i++) {
			uint16_t pos = q->ring.pos + i;
			uint8_t *data = (uint8_t *)fresh[i]->buf_addr + RTE_PKTMBUF_HEADROOM;

			q->posted[pos & q->ring.mask] = fresh[i];
			pvn_vring_drv_fill(&q->ring, pos,
					   wire_addr(q->shared, q->shared_index, data), q->buf_len,
					   VRING_DESC_F_WRITE);
		}
		q->ring.pos += n;
		posted += n;
	}
	if (posted > 0)
		pvn_vring_drv_publish(&q->ring, posted);
}

/* The mbuf of the n-th used buffer, which is ours again. */
static inline struct rte_mbuf *
take_posted(struct pvn_guest_rxq *q, uint16_t n)
{
	struct rte_mbuf **slot = &q->posted[(uint16_t)(q->ring.used_idx + n) & q->ring.mask];
	struct rte_mbuf *m = *slot;

	*slot = NULL;
	return m;
}

static inline uint16_t
rx_plain(struct pvn_guest_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		uint32_t len = pvn_vring_drv_used_len(&q->ring, i);

		if (unlikely(len > q->buf_len || len < RTE_ETHER_HDR_LEN))
			break;
		mbufs[i] = take_posted(q, i);
		pvn_netbuf_init(mbufs[i], &q->rearm, len);
		bytes += len;
	}
	q->ring.used_idx += i;
	q->stats.packets += i;
	q->stats.bytes += bytes;
	return i;
}

/* Links the used buffers 1..buffers-1 to the frame in `m`. False and a fault if a length is wrong.
 */
static bool
rx_link(struct pvn_guest_rxq *q, struct rte_mbuf *m, uint16_t buffers)
{
	struct rte_mbuf *last = m;
	bool right = true;

	for (uint16_t i = 1; i < buffers; i++) {
		uint32_t len = pvn_vring_drv_used_len(&q->ring, i);
		struct rte_mbuf *seg = take_posted(q, i);

		pvn_netbuf_init(seg, &q->rearm, len);
		right = right && len > 0 && len <= q->buf_len;
		last->next = seg;
		last = seg;
		m->nb_segs++;
		m->pkt_len += len;
	}
	return right;
}

/* A frame that rx_plain() stopped at: with a header, or of several buffers, or wrong. NULL if there
 * is none to hand out; the burst goes on unless the ring has a fault.
 */
static struct rte_mbuf *
rx_any(struct pvn_guest_rxq *q, uint16_t known)
{
	uint32_t word = pvn_vring_drv_used_len(&q->ring, 0);
	uint32_t len = word & ~VRING_USED_LEN_HDR;
	struct virtio_net_hdr hdr = {0};
	struct rte_mbuf *m = q->posted[q->ring.used_idx & q->ring.mask];
	uint16_t buffers;
	bool right;

	if ((word & VRING_USED_LEN_HDR) != 0)
		guest_copy_hdr(&hdr, (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM);
	buffers = guest_rx_buffers(&q->ring, &hdr, known);
	if (buffers == 0)
		return NULL;
	take_posted(q, 0);
	pvn_netbuf_init(m, &q->rearm, len);
	right = rx_link(q, m, buffers) && len <= q->buf_len && len >= RTE_ETHER_HDR_LEN;
	q->ring.used_idx += buffers;
	if (unlikely(!right)) {
		q->ring.fault = PVN_VRING_FAULT_USED_LEN;
	} else if (unlikely(buffers > 1 && !q->scatter)) {
		q->stats.too_long++;
	} else if (unlikely(!pvn_netbuf_from_hdr(m, &hdr))) {
		q->stats.bad_hdr++;
	} else {
		q->stats.packets++;
		q->stats.bytes += m->pkt_len;
		return m;
	}
	rte_pktmbuf_free(m);
	return NULL;
}

static uint16_t
rx_burst(struct pvn_guest_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t known = pvn_vring_drv_used(&q->ring, n);
	uint16_t end = q->ring.used_idx + known, got = 0;

	while (got < n && q->ring.used_idx != end && q->ring.fault == PVN_VRING_FAULT_NONE) {
		uint16_t left = end - q->ring.used_idx;
		uint16_t plain = rx_plain(q, mbufs + got, RTE_MIN((uint16_t)(n - got), left));

		got += plain;
		if (likely(plain > 0))
			continue;
		mbufs[got] = rx_any(q, left);
		got += mbufs[got] != NULL;
	}
	if ((uint16_t)(q->ring.pos - q->ring.used_idx) <= q->ring.mask)
		guest_rx_post(q);
	if (unlikely(q->ring.pos == q->ring.used_idx))
		q->stats.nombuf++;
	return got;
}

uint16_t
pvn_guest_rx_zero_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_guest_rxq *q = queue;
	uint16_t got = 0;

	if (unlikely(!pvn_gate_enter(&q->gate)))
		return 0;
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		got = rx_burst(q, mbufs, n);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	pvn_gate_leave(&q->gate);
	return got;
}

/* ---- transmit ---- */

/* Whether the data of a segment is in the shared pages, with room for a header before it. */
static inline bool
shared_seg(const struct pvn_guest_txq *q, const struct rte_mbuf *m)
{
	uint64_t offset = (uint64_t)(rte_pktmbuf_mtod(m, uint8_t *) - q->shared->base);

	return offset - PVN_VRING_HDR_ROOM < q->shared->size - PVN_VRING_HDR_ROOM &&
	       m->data_len > 0 && m->data_off >= PVN_VRING_HDR_ROOM;
}

/* Whether checksums and a header may be written where the frame is: nobody else has a look at it,
 * and the headers are in one segment.
 */
static bool
writable_frame(const struct rte_mbuf *m)
{
	const uint32_t headers = (uint32_t)m->l2_len + m->l3_len + sizeof(struct rte_tcp_hdr);

	return rte_mbuf_refcnt_read(m) == 1 && !RTE_MBUF_CLONED(m) &&
	       (!RTE_MBUF_HAS_EXTBUF(m) || rte_mbuf_ext_refcnt_read(m->shinfo) == 1) &&
	       (m->nb_segs == 1 || m->data_len >= headers);
}

/* Whether a frame can go as it is. */
static bool
shared_frame(const struct pvn_guest_txq *q, const struct rte_mbuf *m)
{
	if ((m->ol_flags & PVN_NETBUF_TX_HINTS) != 0 && !writable_frame(m))
		return false;
	for (; m != NULL; m = m->next)
		if (!shared_seg(q, m))
			return false;
	return true;
}

/* Frees what the host has used, if fewer than `want` descriptors are free: the index of what it
 * used is a cache line that it writes all the time, and is better looked at seldom. What is freed
 * is likely to be allocated next, for a frame as long as the one before.
 */
static void
tx_free_used(struct pvn_guest_txq *q, uint16_t want)
{
	struct rte_mbuf *done[PVN_NETBUF_BATCH];
	uint16_t pos = q->desc_tail, n = 0;
	uint16_t back = guest_tx_reclaim(q, want);

	for (; back > 0; back--, pos++) {
		struct rte_mbuf **slot = &q->sent[pos & q->ring.mask];

		if (unlikely(*slot == NULL))
			continue;
		pvn_netbuf_prefetch_write(rte_pktmbuf_mtod(*slot, void *), (*slot)->data_len);
		done[n++] = *slot;
		*slot = NULL;
		if (n == PVN_NETBUF_BATCH) {
			pvn_netbuf_free(done, n);
			n = 0;
		}
	}
	if (n > 0)
		pvn_netbuf_free(done, n);
}

/* A copy of a foreign frame in mbufs of the pool, or NULL. */
static struct rte_mbuf *
tx_copy(struct pvn_guest_txq *q, const struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_alloc(q->pool), *last = copy;

	if (copy == NULL)
		return NULL;
	copy->ol_flags |=
		m->ol_flags & (PVN_NETBUF_TX_HINTS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
	copy->tx_offload = m->tx_offload;
	for (; m != NULL; m = m->next)
		if (!pvn_netbuf_append(copy, &last, q->pool, rte_pktmbuf_mtod(m, const uint8_t *),
				       m->data_len)) {
			rte_pktmbuf_free(copy);
			return NULL;
		}
	return copy;
}

/* Fills descriptors for a frame whose segments are all shared; takes the mbuf. */
static void
tx_lend_frame(struct pvn_guest_txq *q, struct rte_mbuf *m, uint16_t hdr_flag, uint16_t frames)
{
	const struct rte_mbuf *seg = m;
	uint16_t pos = q->ring.pos, flags = hdr_flag;

	for (; seg != NULL; seg = seg->next, pos++) {
		if (seg->next != NULL)
			flags |= VRING_DESC_F_NEXT;
		pvn_vring_drv_fill(
			&q->ring, pos,
			wire_addr(q->shared, q->shared_index, rte_pktmbuf_mtod(seg, const void *)),
			seg->data_len, flags);
		flags = 0;
	}
	q->sent[(uint16_t)(pos - 1) & q->ring.mask] = m;
	q->stats.packets++;
	q->stats.bytes += m->pkt_len;
	guest_tx_lend(q, frames, m->nb_segs);
}

/* The descriptors of a frame whose copy is in mbufs of the pool. */
static inline uint32_t
copy_descs(const struct pvn_guest_txq *q, const struct rte_mbuf *m)
{
	uint32_t room = rte_pktmbuf_data_room_size(q->pool) - RTE_PKTMBUF_HEADROOM;

	return (m->pkt_len + room - 1) / room;
}

/* A frame that is foreign, chained or has hints. False if there is no room for it now; `m` is taken
 * otherwise, and *frames counts it if it is sent.
 */
static bool
tx_one(struct pvn_guest_txq *q, struct rte_mbuf *m, uint16_t *frames)
{
	enum pvn_netbuf_hints hints;
	const bool shared = shared_frame(q, m);
	const uint32_t descs = shared ? m->nb_segs : copy_descs(q, m);
	struct virtio_net_hdr hdr;
	struct rte_mbuf *copy;

	if (unlikely(pvn_gso_needed(m, q->features))) {
		tx_free_used(q, UINT16_MAX);
		if (!guest_tx_cut(q, m, frames))
			return false;
		goto done;
	}
	if (!guest_tx_len_ok(q, m, descs))
		goto done;
	tx_free_used(q, descs);
	if (descs > guest_tx_free(q))
		return false;
	if (!shared) {
		copy = tx_copy(q, m);
		if (copy == NULL)
			return false;
		rte_pktmbuf_free(m);
		m = copy;
		q->stats.copied++;
	}
	hints = pvn_netbuf_hints(m, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, q->features, &hdr);
	if (hints == PVN_NETBUF_BAD) {
		q->stats.bad_offload++;
		goto done;
	}
	if (hints == PVN_NETBUF_HDR)
		memcpy(rte_pktmbuf_mtod(m, uint8_t *) - sizeof(hdr), &hdr, sizeof(hdr));
	tx_lend_frame(q, m, hints == PVN_NETBUF_HDR ? VRING_DESC_F_HDR : 0, *frames);
	(*frames)++;
	return true;
done:
	rte_pktmbuf_free(m);
	return true;
}

/* Lends frames of one shared segment that want nothing; stops before any other. */
static inline uint16_t
tx_plain(struct pvn_guest_txq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];

		if (unlikely(m->nb_segs != 1 || m->data_len > q->max_frame ||
			     m->data_len < RTE_ETHER_HDR_LEN || !shared_seg(q, m) ||
			     (m->ol_flags & PVN_NETBUF_TX_HINTS) != 0))
			break;
		bytes += m->data_len;
	}
	for (uint16_t k = 0; k < i; k++) {
		struct rte_mbuf *m = mbufs[k];
		uint16_t pos = q->ring.pos + k;

		q->sent[pos & q->ring.mask] = m;
		pvn_vring_drv_fill(
			&q->ring, pos,
			wire_addr(q->shared, q->shared_index, rte_pktmbuf_mtod(m, const void *)),
			m->data_len, 0);
	}
	q->ring.pos += i;
	q->stats.packets += i;
	q->stats.bytes += bytes;
	return i;
}

static uint16_t
tx_burst(struct pvn_guest_txq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t done = 0, frames = 0;

	tx_free_used(q, RTE_MAX(q->free_thresh, n));
	while (done < n && guest_tx_free(q) > 0 && q->ring.fault == PVN_VRING_FAULT_NONE) {
		uint16_t plain =
			tx_plain(q, mbufs + done, RTE_MIN((uint16_t)(n - done), guest_tx_free(q)));

		done += plain;
		frames += plain;
		if (likely(plain > 0))
			continue;
		if (!tx_one(q, mbufs[done], &frames))
			break;
		done++;
	}
	if (likely(frames > 0)) {
		pvn_vring_drv_publish(&q->ring, frames);
		if (unlikely(q->wake != NULL))
			pvn_wake_other(q->wake);
	}
	return done;
}

uint16_t
pvn_guest_tx_zero_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_guest_txq *q = queue;
	uint16_t sent = 0;

	if (unlikely(!pvn_gate_enter(&q->gate)))
		return 0;
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		sent = tx_burst(q, mbufs, n);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	pvn_gate_leave(&q->gate);
	return sent;
}

uint16_t
pvn_guest_tx_cleanup(struct pvn_guest_txq *q)
{
	const uint16_t before = q->ring.used_idx;

	if (q->sent == NULL || !pvn_gate_enter(&q->gate))
		return 0;
	if (q->ring.fault == PVN_VRING_FAULT_NONE)
		tx_free_used(q, UINT16_MAX);
	pvn_gate_leave(&q->gate);
	return q->ring.used_idx - before;
}
