/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receive and transmit: the readable scalar form.
 *
 * Receive [VMX3 8]: take a completion -> check it -> take its buffer out of the ring it names ->
 * add the piece to the frame -> hand finished frames out -> post new buffers, in bulk. Each ring is
 * a FIFO: the device uses slots in order, so whatever lies between the oldest posted slot and the
 * one named was skipped, and its buffer comes back too. Refilling goes on at `fill` whenever there
 * is room, even when nothing was received: a port that ran out of mbufs recovers by itself.
 *
 * Transmit [VMX3 7]: free what is completed -> write descriptors -> hand each packet over by the
 * generation bit of its first descriptor, last of all -> one doorbell for the burst.
 *
 * Every word the device writes is copied once into a local, checked, then used. Nothing here logs.
 */
#include <rte_errno.h>
#include <rte_io.h>

#include "vmxnet3_pmd.h"

/* Buffers are posted in bulk: from so many free slots on, or a quarter of a small ring. */
#define REFILL_CHUNK 32

/* ---- receive ---- */

static inline void
post_one(const struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring, struct rte_mbuf *m)
{
	struct vmxnet3_rxd *d = &ring->desc[ring->fill];
	uint32_t word2 = ring->gen | ring->kind | pvn_field_put(VMXNET3_RXD2_LEN, rxq->buf_len);

	d->addr = pvn_cpu_to_le64(rte_mbuf_data_iova_default(m));
	/* REL-RXD: address before gen. Pairs with the device's look at gen. [VMX3 8.1] */
	__atomic_store_n(&d->word2, pvn_cpu_to_le32(word2), __ATOMIC_RELEASE);
	ring->mbufs[ring->fill] = m;
	ring->posted++;
	ring->fill = vmxnet3_slot_after(ring->fill, ring->size);
	if (ring->fill == 0)
		ring->gen ^= VMXNET3_RXD2_GEN;
}

/*
 * Up to n buffers out of the pool; returns how many. A pool that has fewer serves an empty ring
 * with what it has, so that a starved port recovers; a ring that still holds buffers can wait. A
 * shortage is counted once, however often it is met. The pool may leave pointers behind in an array
 * it could not fill, so that array is never the ring's.
 */
static uint16_t
get_buffers(struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rx_ring *ring, struct rte_mbuf **m,
	    uint16_t n)
{
	while (rte_pktmbuf_alloc_bulk(rxq->pool, m, n) != 0) {
		rxq->stats.nombuf += !rxq->starving;
		rxq->starving = true;
		if (ring->posted != 0 || n == 1)
			return 0;
		n /= 2;
	}
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

/* One slot is always left unposted. [VMX3 8.2] */
void
vmxnet3_rx_refill(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring)
{
	uint16_t room = ring->size == 0 ? 0 : ring->size - 1 - ring->posted;
	struct rte_mbuf *m[REFILL_CHUNK];
	bool posted = false;

	if (room < vmxnet3_rx_refill_threshold(ring->size))
		return;
	while (room > 0) {
		uint16_t n = get_buffers(rxq, ring, m, RTE_MIN(room, REFILL_CHUNK));

		if (n == 0)
			break;
		for (uint16_t i = 0; i < n; i++)
			post_one(rxq, ring, m[i]);
		room -= n;
		posted = true;
		rxq->starving = false;
	}
	if (posted)
		vmxnet3_rx_doorbell(rxq, ring);
}

/* Copies the next completion into c; false if there is none. */
static inline bool
next_completion(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rxc *c)
{
	const struct vmxnet3_rxc *slot = &rxq->comp[rxq->comp_next];

	/* ACQ-RXC: gen before the rest. Pairs with the device, which stores word3 last. */
	c->word3 = pvn_le32_to_cpu(__atomic_load_n(&slot->word3, __ATOMIC_ACQUIRE));
	if ((c->word3 & VMXNET3_RXC3_GEN) != rxq->comp_gen)
		return false;
	c->word0 = pvn_le32_to_cpu(__atomic_load_n(&slot->word0, __ATOMIC_RELAXED));
	c->word2 = pvn_le32_to_cpu(__atomic_load_n(&slot->word2, __ATOMIC_RELAXED));
	rxq->comp_next = vmxnet3_slot_after(rxq->comp_next, rxq->comp_size);
	if (rxq->comp_next == 0)
		rxq->comp_gen ^= VMXNET3_RXC3_GEN;
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
	skipped = index >= ring->next ? index - ring->next : index + ring->size - ring->next;
	if (skipped >= ring->posted)
		return NULL;
	for (; skipped > 0; skipped--)
		rte_pktmbuf_free(vmxnet3_rx_take_slot(ring));
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
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (rxq->head == NULL) {
		m->port = rxq->port_id;
		rxq->head = m;
	} else {
		rxq->tail->next = m;
		rxq->head->nb_segs++;
		rxq->head->pkt_len += len;
	}
	rxq->tail = m;
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
 */
static inline struct rte_mbuf *
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
		rte_pktmbuf_free(m); /* a skipped buffer is no frame either */
		return NULL;
	}
	if (sop && rxq->head != NULL) { /* the open frame never got its end */
		rxq->stats.bad_piece++;
		drop_open_frame(rxq);
	}
	if (!piece_fits(rxq, sop, len)) {
		rxq->stats.bad_piece++;
		rte_pktmbuf_free(m);
		drop_open_frame(rxq);
		rxq->dropping = !eop;
		return NULL;
	}
	append(rxq, m, len);
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
	return frame;
}

uint16_t
vmxnet3_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	struct vmxnet3_rx_queue *rxq = rx_queue;
	uint16_t budget = rxq->comp_size; /* a device that completes without end gets no further */
	struct vmxnet3_rxc c;
	uint16_t n = 0;

	while (n < nb_pkts && budget-- > 0 && next_completion(rxq, &c)) {
		struct rte_mbuf *m = receive_piece(rxq, &c);

		if (m == NULL)
			continue;
		rxq->stats.packets++;
		rxq->stats.bytes += m->pkt_len;
		pkts[n++] = m;
	}
	for (int i = 0; i < VMXNET3_RX_RINGS; i++)
		vmxnet3_rx_refill(rxq, &rxq->rings[i]);
	return n;
}

/* ---- transmit ---- */

/* Everything from the oldest slot in flight up to and including `last` is sent. [VMX3 7.5] */
static inline void
free_up_to(struct vmxnet3_tx_queue *txq, uint32_t last)
{
	bool done;

	do {
		done = txq->clean == last;
		rte_pktmbuf_free(vmxnet3_tx_take_slot(txq));
	} while (!done);
}

/* Does a completion name the EOP of a packet in flight? */
static inline bool
is_in_flight(const struct vmxnet3_tx_queue *txq, uint32_t index)
{
	uint32_t distance;

	if (index >= txq->size || txq->mbufs[index] == NULL)
		return false;
	distance = index >= txq->clean ? index - txq->clean : index + txq->size - txq->clean;
	return distance < txq->in_flight;
}

static void
reap(struct vmxnet3_tx_queue *txq)
{
	for (uint16_t budget = txq->size; budget > 0; budget--) {
		struct vmxnet3_txc *slot = &txq->comp[txq->comp_next];
		uint32_t word3, index;

		/* ACQ-TXC: gen before index. Pairs with the device, which stores word3 last. */
		word3 = pvn_le32_to_cpu(__atomic_load_n(&slot->word3, __ATOMIC_ACQUIRE));
		if ((word3 & VMXNET3_TXC3_GEN) != txq->comp_gen)
			return;
		index = pvn_le32_to_cpu(__atomic_load_n(&slot->word0, __ATOMIC_RELAXED));
		index = pvn_field_get(VMXNET3_TXC0_INDEX, index);
		txq->comp_next = vmxnet3_slot_after(txq->comp_next, txq->size);
		if (txq->comp_next == 0)
			txq->comp_gen ^= VMXNET3_TXC3_GEN;
		if (is_in_flight(txq, index))
			free_up_to(txq, index);
		else
			txq->stats.bad_completion++;
	}
}

/* Descriptors a packet needs, or 0 if it can never be sent. Empty segments need none: length 0
 * would mean 16384 bytes to the device. [VMX3 7.2] */
static inline unsigned int
descriptors_needed(const struct rte_mbuf *m)
{
	unsigned int n = 0;

	for (; m != NULL; m = m->next) {
		if (m->data_len > VMXNET3_TX_BUF_MAX)
			return 0;
		n += m->data_len != 0;
	}
	return n > VMXNET3_TX_DESC_PER_PKT ? 0 : n;
}

/*
 * Writes all descriptors of a packet, and hands it over at the end. Each slot still holds the
 * generation of the last round, which keeps the packet from the device until its first descriptor
 * gets the new one.
 */
static inline void
write_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *pkt)
{
	struct vmxnet3_txd *first = NULL, *d = NULL;
	uint32_t first_word2 = 0;
	uint16_t slot = 0;

	for (struct rte_mbuf *m = pkt; m != NULL; m = m->next) {
		uint32_t word2 = txq->gen | pvn_field_put(VMXNET3_TXD2_LEN, m->data_len);

		if (m->data_len == 0)
			continue;
		slot = txq->fill;
		d = &txq->desc[slot];
		d->addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		d->word3 = 0;
		if (first == NULL) {
			first = d;
			first_word2 = word2;
		} else {
			d->word2 = pvn_cpu_to_le32(word2);
		}
		txq->in_flight++;
		txq->fill = vmxnet3_slot_after(slot, txq->size);
		if (txq->fill == 0)
			txq->gen ^= VMXNET3_TXD2_GEN;
	}
	d->word3 = pvn_cpu_to_le32(VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ);
	txq->mbufs[slot] = pkt;
	/* REL-TXD: the whole packet before its first gen. Pairs with the device's look at gen. */
	__atomic_store_n(&first->word2, pvn_cpu_to_le32(first_word2), __ATOMIC_RELEASE);
}

/* [VMX3 7.4] One doorbell for the burst, if the device wants one by now. The barrier that puts the
 * descriptors before it is part of rte_write32(). */
static inline void
ring_doorbell(struct vmxnet3_tx_queue *txq, uint32_t sent)
{
	uint32_t threshold = __atomic_load_n(&txq->shared->threshold, __ATOMIC_RELAXED);
	bool due;

	txq->deferred += sent;
	due = txq->deferred >= pvn_le32_to_cpu(threshold);
	if (due)
		txq->deferred = 0;
	txq->shared->deferred = pvn_cpu_to_le32(txq->deferred);
	if (due)
		rte_write32(txq->fill, txq->doorbell);
}

uint16_t
vmxnet3_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	struct vmxnet3_tx_queue *txq = tx_queue;
	uint16_t n;

	reap(txq);
	for (n = 0; n < nb_pkts; n++) {
		unsigned int needed = descriptors_needed(pkts[n]);
		uint32_t len = pkts[n]->pkt_len;

		if (needed == 0) {
			txq->stats.unsendable++;
			break;
		}
		/* One slot is always left unfilled. [VMX3 7.2] */
		if (needed > (unsigned int)(txq->size - 1 - txq->in_flight))
			break;
		write_packet(txq, pkts[n]);
		txq->stats.bytes += len;
	}
	txq->stats.packets += n;
	if (n > 0)
		ring_doorbell(txq, n);
	return n;
}

/* Stops at the first packet that tx_burst could never send. */
uint16_t
vmxnet3_tx_prepare(void *tx_queue __rte_unused, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	for (uint16_t n = 0; n < nb_pkts; n++) {
		if ((pkts[n]->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) != 0) {
			rte_errno = ENOTSUP;
			return n;
		}
		if (descriptors_needed(pkts[n]) == 0) {
			rte_errno = EINVAL;
			return n;
		}
	}
	return nb_pkts;
}
