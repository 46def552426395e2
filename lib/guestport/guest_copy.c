/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The copying way: slot i belongs to descriptor i, in both directions.
 *
 * Receive: used element -> length, checked -> copy into a mbuf -> the same slot is available again,
 * with no descriptor written. Transmit: take back what is used -> copy into the next slots ->
 * length into the descriptor -> index. The mbufs are free at once, so the application's pool stays
 * in cache.
 */
#include "guestport_priv.h"
#include "pvn_gso.h"

/* ---- receive ---- */

static inline uint8_t *
rx_slot(const struct pvn_guest_rxq *q, uint16_t n)
{
	return q->slots +
	       (size_t)((uint16_t)(q->ring.used_idx + n) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE;
}

/* Copies up to `n` frames of one plain buffer each; stops before the first that is anything else.
 */
static inline uint16_t
rx_plain(struct pvn_guest_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	const uint32_t longest = RTE_MIN(q->buf_len, q->mbuf_room);
	struct pvn_netbuf_long put_off;
	uint64_t bytes = 0;
	uint16_t i;

	put_off.count = 0;
	n = RTE_MIN(n, PVN_NETBUF_BATCH);
	for (i = 0; i < n; i++)
		rte_prefetch0(rx_slot(q, i));
	for (i = 0; i < n; i++) {
		uint32_t len = pvn_vring_drv_used_len(&q->ring, i);

		if (unlikely(len > longest || len < RTE_ETHER_HDR_LEN))
			break;
		pvn_netbuf_init(mbufs[i], &q->rearm, len);
		pvn_netbuf_copy_short(rte_pktmbuf_mtod(mbufs[i], void *), rx_slot(q, i), len,
				      &put_off);
		bytes += len;
	}
	if (put_off.count > 0)
		pvn_netbuf_copy_long(&put_off, false);
	q->stats.packets += i;
	q->stats.bytes += bytes;
	return i;
}

/* Copies one buffer to the end of a frame. A frame for which there is no mbuf takes no buffers. */
static bool
rx_append(struct pvn_guest_rxq *q, struct rte_mbuf *m, struct rte_mbuf **last, uint16_t n,
	  uint32_t len, uint16_t *buffers)
{
	if (!q->scatter && len > rte_pktmbuf_tailroom(m)) {
		q->stats.too_long++;
		return false;
	}
	if (!pvn_netbuf_append(m, last, q->pool, rx_slot(q, n), len)) {
		*buffers = 0;
		return false;
	}
	return true;
}

/* One frame of any kind into `m`. How many buffers it took is in *buffers: 0 means that there are
 * too few mbufs, or that the ring is broken. False if there is no frame in m.
 */
static bool
rx_any(struct pvn_guest_rxq *q, struct rte_mbuf *m, uint16_t known, uint16_t *buffers)
{
	uint32_t word = pvn_vring_drv_used_len(&q->ring, 0);
	uint32_t len = word & ~VRING_USED_LEN_HDR;
	struct virtio_net_hdr hdr = {0};
	struct rte_mbuf *last = m;

	pvn_netbuf_init(m, &q->rearm, 0);
	*buffers = 0;
	if ((word & VRING_USED_LEN_HDR) != 0)
		guest_copy_hdr(&hdr, rx_slot(q, 0));
	*buffers = guest_rx_buffers(&q->ring, &hdr, known);
	for (uint16_t i = 0; i < *buffers; i++) {
		if (i > 0)
			len = pvn_vring_drv_used_len(&q->ring, i);
		if (unlikely(len > q->buf_len || len < (i == 0 ? RTE_ETHER_HDR_LEN : 1))) {
			q->ring.fault = PVN_VRING_FAULT_USED_LEN;
			*buffers = 0;
			return false;
		}
		if (!rx_append(q, m, &last, i, len, buffers))
			return false;
	}
	if (*buffers > 0 && !pvn_netbuf_from_hdr(m, &hdr)) {
		q->stats.bad_hdr++;
		return false;
	}
	return *buffers > 0;
}

/* Takes one frame that rx_plain() stopped at. As rx_any(), and the mbuf is whole in any case. */
static bool
rx_one(struct pvn_guest_rxq *q, struct rte_mbuf *m, uint16_t known, uint16_t *buffers)
{
	if (rx_any(q, m, known, buffers)) {
		q->stats.packets++;
		q->stats.bytes += m->pkt_len;
		return true;
	}
	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	return false;
}

static inline void
rx_give_back(struct pvn_guest_rxq *q, uint16_t buffers)
{
	q->ring.used_idx += buffers;
	pvn_vring_drv_publish(&q->ring, buffers);
}

/* Whether a frame that could not be taken for lack of mbufs can be tried again, with those that the
 * burst holds for the frames after it.
 */
static bool
rx_spare(struct pvn_guest_rxq *q, struct rte_mbuf **mbufs, uint16_t got, uint16_t *n)
{
	if (q->ring.fault != PVN_VRING_FAULT_NONE)
		return false;
	if (*n - got > 1) {
		rte_mempool_put_bulk(q->pool, (void **)(mbufs + got + 1), *n - got - 1);
		*n = got + 1;
		return true;
	}
	q->stats.nombuf++;
	return false;
}

static uint16_t
rx_burst(struct pvn_guest_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t known = pvn_vring_drv_used(&q->ring, n), got = 0, buffers;

	n = RTE_MIN(n, known);
	if (n == 0)
		return 0;
	n = pvn_netbuf_get_raw(q->pool, mbufs, n);
	if (unlikely(n == 0)) {
		q->stats.nombuf++;
		return 0;
	}
	while (got < n && known > 0) {
		buffers = rx_plain(q, mbufs + got, RTE_MIN(n - got, known));
		got += buffers;
		if (unlikely(buffers == 0)) {
			got += rx_one(q, mbufs[got], known, &buffers);
			if (buffers == 0 && !rx_spare(q, mbufs, got, &n))
				break;
		}
		rx_give_back(q, buffers);
		known -= buffers;
	}
	if (unlikely(got < n))
		rte_mempool_put_bulk(q->pool, (void **)(mbufs + got), n - got);
	return got;
}

uint16_t
pvn_guest_rx_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n)
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

static inline uint8_t *
tx_slot(const struct pvn_guest_txq *q, uint16_t n)
{
	return q->slots +
	       (size_t)((uint16_t)(q->ring.pos + n) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE;
}

/* A frame of several buffers, or with hints, into the slots from ring.pos on. The slots it took, or
 * 0 if it cannot be sent and was counted.
 */
static uint16_t
tx_any(struct pvn_guest_txq *q, const struct rte_mbuf *m, uint16_t slots)
{
	enum pvn_netbuf_hints hints;
	struct virtio_net_hdr hdr;
	uint16_t hdr_flag = 0;

	for (uint16_t i = 0; i < slots; i++) {
		uint32_t skip = i * PVN_GUEST_SLOT_ROOM;
		uint32_t len = RTE_MIN(m->pkt_len - skip, PVN_GUEST_SLOT_ROOM);

		pvn_netbuf_copy_out(m, skip, tx_slot(q, i), len);
		pvn_vring_drv_fill_len(&q->ring, q->ring.pos + i, len,
				       i + 1 < slots ? VRING_DESC_F_NEXT : 0);
	}
	hints = pvn_netbuf_hints(m, tx_slot(q, 0), PVN_GUEST_SLOT_ROOM, q->features, &hdr);
	if (hints == PVN_NETBUF_BAD) {
		q->stats.bad_offload++;
		return 0;
	}
	if (hints == PVN_NETBUF_HDR) {
		hdr_flag = VRING_DESC_F_HDR;
		guest_write_hdr(tx_slot(q, 0), &hdr);
	}
	pvn_vring_drv_fill_len(&q->ring, q->ring.pos, RTE_MIN(m->pkt_len, PVN_GUEST_SLOT_ROOM),
			       hdr_flag | (slots > 1 ? VRING_DESC_F_NEXT : 0));
	return slots;
}

/* One frame that is not plain; false if there is no room for it now. */
static bool
tx_one(struct pvn_guest_txq *q, const struct rte_mbuf *m, uint16_t *frames)
{
	uint32_t slots = (m->pkt_len + PVN_GUEST_SLOT_ROOM - 1) / PVN_GUEST_SLOT_ROOM;
	uint16_t taken;

	if (unlikely(pvn_gso_needed(m, q->features)))
		return guest_tx_cut(q, m, frames);
	if (!guest_tx_len_ok(q, m, slots))
		return true;
	guest_tx_reclaim(q, slots);
	if (slots > guest_tx_free(q))
		return false;
	taken = tx_any(q, m, slots);
	if (taken == 0)
		return true;
	guest_tx_lend(q, *frames, taken);
	q->stats.packets++;
	q->stats.bytes += m->pkt_len;
	(*frames)++;
	return true;
}

/* Copies up to `n` frames of one segment that fits into a slot and want nothing; stops before any
 * other. Lengths go into the descriptors after all the data: stores to descriptors between those to
 * slots would each wait for the other's cache line. [RING 2]
 */
static inline uint16_t
tx_plain(struct pvn_guest_txq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	const uint32_t longest = RTE_MIN(q->max_frame, PVN_GUEST_SLOT_ROOM);
	struct pvn_netbuf_long put_off;
	uint16_t lens[PVN_NETBUF_BATCH];
	uint64_t bytes = 0;
	uint16_t i;

	put_off.count = 0;
	n = RTE_MIN(n, PVN_NETBUF_BATCH);
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];
		uint32_t len = m->data_len;

		if (unlikely(m->nb_segs != 1 || len > longest || len < RTE_ETHER_HDR_LEN ||
			     (m->ol_flags & PVN_NETBUF_TX_HINTS) != 0))
			break;
		pvn_netbuf_copy_short(tx_slot(q, i), rte_pktmbuf_mtod(m, const void *), len,
				      &put_off);
		lens[i] = len;
		bytes += len;
	}
	if (put_off.count > 0)
		pvn_netbuf_copy_long(&put_off, true);
	for (uint16_t k = 0; k < i; k++)
		pvn_vring_drv_fill_len(&q->ring, q->ring.pos + k, lens[k], 0);
	q->ring.pos += i;
	q->stats.packets += i;
	q->stats.bytes += bytes;
	return i;
}

static uint16_t
tx_burst(struct pvn_guest_txq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t done = 0, frames = 0, plain;

	guest_tx_reclaim(q, n);
	while (done < n && q->ring.fault == PVN_VRING_FAULT_NONE) {
		plain = tx_plain(q, mbufs + done, RTE_MIN(n - done, guest_tx_free(q)));
		done += plain;
		frames += plain;
		if (likely(done == n) || guest_tx_free(q) == 0)
			break;
		if (plain == PVN_NETBUF_BATCH)
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
pvn_guest_tx_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n)
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
	if (likely(sent > 0))
		pvn_netbuf_free(mbufs, sent);
	return sent;
}
