/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receive [VMX3 8]: take completions -> check them -> take their buffers out of the rings -> hand
 * frames out -> post new buffers, in bulk.
 *
 * Most completions are plain: a whole frame in the next buffer of ring 1. They are taken in a row
 * by take_plain(), which compares each with what the next plain one must look like; that is at the
 * same time every check that a completion needs. Whatever is not plain goes through
 * receive_piece(), one by one, and then it is the plain ones' turn again.
 *
 * Each ring is a FIFO: the device uses slots in order, so whatever lies between the oldest posted
 * slot and the one named was skipped, and its buffer comes back too. Refilling goes on at `fill`
 * whenever there is room, even when nothing was received: a port that ran out of mbufs recovers by
 * itself. A pointer in a slot that is not posted means nothing.
 *
 * Every word the device writes is copied once into a local, checked, then used. Nothing here logs.
 */
#include <rte_io.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_tcp.h>

#include "vmxnet3_rx.h"

/* Buffers are posted in bulk: from so many free slots on, or a quarter of a small ring. */
#define REFILL_CHUNK 32

/* ---- posting ---- */

/*
 * Up to n buffers out of the pool into the slots from `fill` on; returns how many. A pool that has
 * fewer serves a ring without enough for a frame with what it has, so that a starved port recovers;
 * one that holds more can wait. A shortage is counted once, however often it is met. Mbufs in a
 * pool have one segment, one owner and no next [rte_mbuf_raw_free()], so nothing of them is to be
 * set.
 */
static uint16_t
get_buffers(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring, uint16_t n)
{
	while (rte_mempool_get_bulk(rxq->pool, (void **)&ring->mbufs[ring->fill], n) != 0) {
		rxq->stats.nombuf += !ring->starving;
		ring->starving = true;
		if (ring->posted >= rxq->max_pieces || n == 1)
			return 0;
		n /= 2;
	}
	ring->starving = false;
	return n;
}

/* Only a device in pass-through mode wants to be told what was posted. [VMX3 8.5] */
void
vmxnet3_rx_doorbell(const struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rx_ring *ring)
{
	if (__atomic_load_n(&rxq->shared->doorbells_wanted, __ATOMIC_RELAXED) != 0)
		rte_write32(ring->fill, rxq->bar0 + ring->doorbell);
}

uint16_t
vmxnet3_rx_refill_threshold(uint16_t ring_size)
{
	return RTE_MIN(REFILL_CHUNK, ring_size / 4);
}

void
vmxnet3_rx_refill(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring)
{
	uint16_t room = ring->most - ring->posted;
	bool posted = false;

	while (room >= ring->threshold) {
		const uint16_t to_end = ring->size - ring->fill;
		const uint16_t most = RTE_MIN(room, REFILL_CHUNK);
		const uint16_t n = get_buffers(rxq, ring, RTE_MIN(most, to_end));

		if (n == 0)
			break;
		post(rxq, ring, n);
		room -= n;
		posted = true;
	}
	if (posted)
		vmxnet3_rx_doorbell(rxq, ring);
}

/* ---- plain frames ---- */

/* Completions of whole frames in the next buffers of ring 1, until one is something else, or either
 * ring ends. */
static inline uint16_t
take_plain(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_rx_ring *ring = &rxq->rings[0];
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];
	struct rte_mbuf *const *slot = &ring->mbufs[ring->next];
	const uint32_t plain = rxq->plain_word0 | ring->next;
	const uint32_t gen = rxq->comp_gen;
	const uint32_t longest = rxq->plain_max - RTE_ETHER_HDR_LEN;
	uint64_t bytes = 0;
	uint16_t i;

	n = row(rxq, n);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = slot[i];
		struct vmxnet3_rxc w;
		uint32_t len;

		read_words(&c[i], &w);
		if (!is_plain(&w, gen, plain + i, longest))
			break;
		len = pvn_field_get(VMXNET3_RXC2_LEN, w.word2);
		rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD]);
		rearm(rxq, m);
		describe(rxq, m, w.word0, pvn_le32_to_cpu(c[i].word1), w.word2,
			 w.word3 & ~VMXNET3_RXC3_LRO); /* which it has not: not to be asked again */
		m->pkt_len = len;
		m->data_len = len;
		bytes += len;
		pkts[i] = m;
	}
	take_slots(ring, i);
	advance(rxq, i);
	rxq->stats.packets += i;
	rxq->stats.bytes += bytes;
	return i;
}

/* ---- frames in several pieces ---- */

/* Whether a completion is that of the next piece of a frame: `word0` as expected but for EOP, not
 * empty, not longer than its buffer. Copies what is needed of it. */
static inline bool
is_next_piece(const struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rxc *slot, uint32_t gen,
	      uint32_t word0, struct vmxnet3_rxc *c)
{
	read_words(slot, c);
	return (c->word3 & (VMXNET3_RXC3_GEN | VMXNET3_RXC3_LRO)) == gen &&
	       ((c->word0 ^ word0) & VMXNET3_RXC0_PLAIN & ~VMXNET3_RXC0_EOP) == 0 &&
	       (c->word2 & (VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN)) - 1 < rxq->buf_len;
}

/*
 * A frame whose head is the next buffer of ring 1 and whose bodies are the next of ring 2, if all
 * of it is there and neither ring ends in between; NULL, and nothing taken, if not so.
 */
static inline struct rte_mbuf *
take_chain(struct vmxnet3_rx_queue *rxq)
{
	struct vmxnet3_rx_ring *heads = &rxq->rings[0], *bodies = &rxq->rings[1];
	const struct vmxnet3_rxc *slot = &rxq->comp[rxq->comp_next];
	struct rte_mbuf *head = heads->mbufs[heads->next], *last = head;
	uint32_t most = RTE_MIN(rxq->max_pieces - 1u, bodies->posted), i = 0, bytes;
	struct vmxnet3_rxc c;

	most = RTE_MIN(most, (uint32_t)(bodies->size - bodies->next));
	most = RTE_MIN(most, rxq->comp_size - rxq->comp_next - 1u);
	if (heads->posted == 0 ||
	    !is_next_piece(rxq, slot, rxq->comp_gen, rxq->plain_word0 | heads->next, &c))
		return NULL;
	bytes = head->data_len = pvn_field_get(VMXNET3_RXC2_LEN, c.word2);
	while ((c.word0 & VMXNET3_RXC0_EOP) == 0) {
		struct rte_mbuf *m = bodies->mbufs[bodies->next + i];

		if (i == most || !is_next_piece(rxq, ++slot, rxq->comp_gen,
						rxq->body_word0 | (bodies->next + i), &c))
			goto not_now;
		i++;
		rearm(rxq, m);
		m->ol_flags = rxq->base_flags;
		m->data_len = pvn_field_get(VMXNET3_RXC2_LEN, c.word2);
		bytes += m->data_len;
		last->next = m;
		last = m;
	}
	if (bytes < RTE_ETHER_HDR_LEN)
		goto not_now;
	rearm(rxq, head);
	head->nb_segs = i + 1;
	head->pkt_len = bytes;
	describe(rxq, head, c.word0, pvn_le32_to_cpu(slot->word1), c.word2,
		 c.word3 & ~VMXNET3_RXC3_LRO); /* as above */
	take_slots(heads, 1);
	take_slots(bodies, i);
	advance(rxq, i + 1);
	return head;
not_now:
	for (struct rte_mbuf *m = head; i > 0; i--) {
		struct rte_mbuf *next = m->next;

		m->next = NULL;
		m = next;
	}
	return NULL;
}

/* Such frames in a row. */
static __rte_noinline uint16_t
take_chains(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = take_chain(rxq);

		if (m == NULL)
			break;
		bytes += m->pkt_len;
		pkts[i] = m;
	}
	rxq->stats.packets += i;
	rxq->stats.bytes += bytes;
	return i;
}

/* ---- all others ---- */

/* Copies the next completion into c; false if there is none. */
static inline bool
next_completion(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rxc *c)
{
	const struct vmxnet3_rxc *slot = &rxq->comp[rxq->comp_next];

	/* ACQ-RXC, as above. */
	c->word3 = pvn_le32_to_cpu(__atomic_load_n(&slot->word3, __ATOMIC_ACQUIRE));
	if ((c->word3 & VMXNET3_RXC3_GEN) != rxq->comp_gen)
		return false;
	c->word0 = pvn_le32_to_cpu(__atomic_load_n(&slot->word0, __ATOMIC_RELAXED));
	c->word1 = pvn_le32_to_cpu(__atomic_load_n(&slot->word1, __ATOMIC_RELAXED));
	c->word2 = pvn_le32_to_cpu(__atomic_load_n(&slot->word2, __ATOMIC_RELAXED));
	advance(rxq, 1);
	return true;
}

/* The buffer a completion names, or NULL if it names none that is posted. [VMX3 8.2, 14] */
static inline struct rte_mbuf *
completed_buffer(struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rxc *c)
{
	uint32_t index = pvn_field_get(VMXNET3_RXC0_INDEX, c->word0);
	uint32_t rqid = pvn_field_get(VMXNET3_RXC0_RQID, c->word0);
	struct vmxnet3_rx_ring *ring = &rxq->rings[rqid == rxq->queue_id ? 0 : 1];
	uint32_t skipped;

	if (rqid != rxq->queue_id && rqid != (uint32_t)rxq->num_rx_queues + rxq->queue_id)
		return NULL;
	if (index >= ring->size)
		return NULL;
	skipped = vmxnet3_slots_between(ring->next, index, ring->size);
	if (skipped >= ring->posted)
		return NULL;
	for (; skipped > 0; skipped--)
		rte_mbuf_raw_free(vmxnet3_rx_take_slot(ring));
	return vmxnet3_rx_take_slot(ring);
}

static inline void
drop_open_frame(struct vmxnet3_rx_queue *rxq)
{
	rte_pktmbuf_free(rxq->head);
	rxq->head = NULL;
}

/* Adds a checked piece to the frame being put together. */
static inline void
append(struct vmxnet3_rx_queue *rxq, struct rte_mbuf *m, uint32_t len)
{
	rearm(rxq, m);
	m->ol_flags = rxq->base_flags;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (rxq->head == NULL) {
		rxq->head = m;
	} else {
		rxq->tail->next = m;
		rxq->head->nb_segs++;
		rxq->head->pkt_len += len;
	}
	rxq->tail = m;
}

/* A frame merged from several: the device said so with the first piece, since version 2; before
 * that, its length does, and the segments are taken to have been as long as they could, except in a
 * tunnel, of whose headers' length nothing is known. [VMX3 8.3] */
static void
describe_merged(struct vmxnet3_rx_queue *rxq, struct rte_mbuf *m)
{
	const uint32_t headers = (m->packet_type & RTE_PTYPE_L3_IPV6) == RTE_PTYPE_L3_IPV6
					 ? sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_tcp_hdr)
					 : sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr);

	if (rxq->merged_mss == 0 && (m->pkt_len <= (uint32_t)rxq->mtu + VMXNET3_FRAME_OVERHEAD ||
				     RTE_ETH_IS_TUNNEL_PKT(m->packet_type) != 0))
		return;
	m->ol_flags |= RTE_MBUF_F_RX_LRO;
	m->tso_segsz = rxq->merged_mss != 0 ? rxq->merged_mss : rxq->mtu - headers;
}

/* SOP opens a frame, and only SOP does; pieces are not empty, stay inside their buffers, and are
 * not too many. */
static inline bool
piece_fits(const struct vmxnet3_rx_queue *rxq, bool sop, uint32_t len)
{
	if (len == 0 || len > rxq->buf_len || sop != (rxq->head == NULL))
		return false;
	return sop || rxq->head->nb_segs < rxq->max_pieces;
}

/* Is this the rest of a frame that was dropped? A new SOP, or the frame's end, ends that. */
static inline bool
belongs_to_dropped(struct vmxnet3_rx_queue *rxq, bool sop, bool eop)
{
	bool dropped = rxq->dropping && !sop;

	if (sop || eop)
		rxq->dropping = false;
	return dropped;
}

/*
 * One completion. Returns a whole frame, or NULL: more pieces to come, or nothing to deliver. A
 * frame that turns out bad is dropped with all its pieces and counted once, where it turned bad.
 * What the device found out about a frame is in its last completion.
 */
static struct rte_mbuf *
receive_piece(struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rxc *c)
{
	bool sop = (c->word0 & VMXNET3_RXC0_SOP) != 0;
	bool eop = (c->word0 & VMXNET3_RXC0_EOP) != 0;
	uint32_t len = pvn_field_get(VMXNET3_RXC2_LEN, c->word2);
	struct rte_mbuf *m = completed_buffer(rxq, c);
	struct rte_mbuf *frame;

	if (m == NULL) { /* it may have been a piece of the frame, which then has a hole */
		rxq->stats.bad_completion++;
		drop_open_frame(rxq);
		rxq->dropping = !eop;
		return NULL;
	}
	if ((sop && eop && len == 0) || belongs_to_dropped(rxq, sop, eop)) {
		rte_mbuf_raw_free(m); /* a skipped buffer is no frame either */
		return NULL;
	}
	if (sop && rxq->head != NULL) { /* the open frame never got its end */
		rxq->stats.bad_piece++;
		drop_open_frame(rxq);
	}
	if (!piece_fits(rxq, sop, len)) {
		rxq->stats.bad_piece++;
		rte_mbuf_raw_free(m);
		drop_open_frame(rxq);
		rxq->dropping = !eop;
		return NULL;
	}
	append(rxq, m, len);
	if (sop)
		rxq->merged_mss = (c->word3 & VMXNET3_RXC3_LRO) != 0
					  ? pvn_field_get(VMXNET3_RXC3_MSS, c->word3)
					  : 0;
	if (!eop)
		return NULL;
	if ((c->word2 & VMXNET3_RXC2_ERR) != 0) {
		rxq->stats.bad_frame++;
		drop_open_frame(rxq);
		return NULL;
	}
	if (rxq->head->pkt_len < RTE_ETHER_HDR_LEN) {
		rxq->stats.bad_piece++;
		drop_open_frame(rxq);
		return NULL;
	}
	frame = rxq->head;
	rxq->head = NULL;
	describe(rxq, frame, c->word0, c->word1, c->word2, c->word3);
	if (rxq->lro)
		describe_merged(rxq, frame);
	return frame;
}

/* The same where it may name a slot of the data ring: then what is there goes into its buffer. */
static inline struct rte_mbuf *
receive_slot(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rxc *c)
{
	const uint8_t *slot = vmxnet3_rx_name_buffer(rxq, c);
	struct rte_mbuf *m = receive_piece(rxq, c);

	if (slot != NULL && m != NULL)
		rte_memcpy(rte_pktmbuf_mtod(m, void *), slot, m->data_len);
	return m;
}

static inline void
refill_if_due(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring)
{
	if (unlikely(ring->most - ring->posted >= ring->threshold))
		vmxnet3_rx_refill(rxq, ring);
}

/* In the middle of a frame no completion is plain. */
static inline bool
between_frames(const struct vmxnet3_rx_queue *rxq)
{
	return rxq->head == NULL && !rxq->dropping;
}

/* What a frame in two buffers will be written to: misses that then come one by one. */
static inline void
fetch_chain(const struct vmxnet3_rx_queue *rxq)
{
	const struct vmxnet3_rx_ring *heads = &rxq->rings[0], *bodies = &rxq->rings[1];
	const struct rte_mbuf *head = heads->mbufs[heads->next];

	rte_prefetch0(bodies->mbufs[bodies->next]);
	rte_prefetch0(head);
	rte_prefetch0(RTE_PTR_ADD(head, offsetof(struct rte_mbuf, next)));
}

static __rte_always_inline uint16_t
rx_burst(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t nb_pkts,
	 vmxnet3_rx_take_fn take_wide, vmxnet3_rx_take_fn take_data)
{
	uint16_t budget = rxq->comp_size; /* a device that completes without end gets no further */
	struct vmxnet3_rxc c;
	uint16_t n = 0;

	if (rxq->has_bodies)
		fetch_chain(rxq);
	while (budget-- > 0) {
		struct rte_mbuf *m;

		if (likely(between_frames(rxq))) {
			if (take_data != NULL)
				n += take_data(rxq, pkts + n, nb_pkts - n);
			if (take_wide != NULL && nb_pkts - n >= VMXNET3_RX_WIDE)
				n += take_wide(rxq, pkts + n, nb_pkts - n);
			n += take_plain(rxq, pkts + n, nb_pkts - n);
			if (rxq->has_bodies && !rxq->lro)
				n += take_chains(rxq, pkts + n, nb_pkts - n);
		}
		if (n == nb_pkts || !next_completion(rxq, &c))
			break;
		m = take_data != NULL ? receive_slot(rxq, &c) : receive_piece(rxq, &c);
		if (m == NULL)
			continue;
		rxq->stats.packets++;
		rxq->stats.bytes += m->pkt_len;
		pkts[n++] = m;
	}
	refill_if_due(rxq, &rxq->rings[0]);
	if (rxq->has_bodies)
		refill_if_due(rxq, &rxq->rings[1]);
	return n;
}

uint16_t
vmxnet3_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, NULL, NULL);
}

uint16_t
vmxnet3_rx_burst_data(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, NULL, vmxnet3_rx_take_data);
}

#ifdef RTE_ARCH_X86_64
uint16_t
vmxnet3_rx_burst_avx2(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_avx2, NULL);
}

uint16_t
vmxnet3_rx_burst_data_avx2(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_avx2, vmxnet3_rx_take_data);
}

uint16_t
vmxnet3_rx_burst_avx512(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_avx512, NULL);
}

uint16_t
vmxnet3_rx_burst_data_avx512(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_avx512, vmxnet3_rx_take_data);
}
#endif

#ifdef RTE_ARCH_ARM64
uint16_t
vmxnet3_rx_burst_neon(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_neon, NULL);
}

uint16_t
vmxnet3_rx_burst_data_neon(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	return rx_burst(rx_queue, pkts, nb_pkts, vmxnet3_rx_take_neon, vmxnet3_rx_take_data);
}
#endif
