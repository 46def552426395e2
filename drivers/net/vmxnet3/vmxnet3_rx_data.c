/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receive with a data ring [VMX3 8.6]: a small frame comes in slot i of it, in place of the buffer
 * that descriptor i of ring 1 has. It is copied into a mbuf fresh from the pool, which mostly is in
 * the cache still; the buffer is posted again as it is, and the slot is the device's again with it.
 * So it is copied before that.
 *
 * As in vmxnet3_rx.c, a row of plain frames is taken by comparing each completion with what the
 * next must look like. What is in the data ring and not plain is put into the buffer after all, and
 * goes the way of all others: vmxnet3_rx_name_buffer(). So do plain frames when the pool is short.
 */
#include <rte_memcpy.h>

#include "vmxnet3_rx.h"

/* Mbufs taken from the pool at a time. */
#define CHUNK 32

static_assert(VMXNET3_RX_HEAD_MIN % VMXNET3_DATA_SLOT_STEP == 0, "see copy_slot()");

/* Whole steps, since slots are whole steps and there is room for all of one in a buffer. */
static inline void
copy_slot(uint8_t *to, const uint8_t *slot, uint32_t len)
{
	rte_mov64(to, slot);
	for (uint32_t at = VMXNET3_DATA_SLOT_STEP; at < len; at += VMXNET3_DATA_SLOT_STEP)
		rte_mov64(to + at, slot + at);
}

/*
 * Copies frames in the next slots into mbufs that are as a pool has them, until a completion is
 * something else; returns how many.
 */
static inline uint16_t
copy_row(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];
	const uint32_t expected = rxq->data_word0 | rxq->rings[0].next;
	const uint32_t longest = RTE_MIN(rxq->data_slot, rxq->plain_max) - RTE_ETHER_HDR_LEN;
	const uint32_t size = rxq->data_slot, gen = rxq->comp_gen;
	const uint8_t *slot = rxq->data + rxq->rings[0].next * (size_t)size;
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++, slot += size) {
		struct rte_mbuf *m = pkts[i];
		struct vmxnet3_rxc w;
		uint32_t len;

		read_words(&c[i], &w);
		if (!is_plain(&w, gen, expected + i, longest))
			break;
		len = pvn_field_get(VMXNET3_RXC2_LEN, w.word2);
		/* Of a slot behind the last, nothing: a prefetch may point anywhere. */
		rte_prefetch0(slot + VMXNET3_PREFETCH_AHEAD * size);
		rearm(rxq, m);
		describe(rxq, m, w.word0, pvn_le32_to_cpu(c[i].word1), w.word2, w.word3);
		m->pkt_len = len;
		m->data_len = len;
		copy_slot(rte_pktmbuf_mtod(m, uint8_t *), slot, len);
		bytes += len;
	}
	rxq->stats.packets += i;
	rxq->stats.data_ring += i;
	rxq->stats.bytes += bytes;
	return i;
}

/* Takes the buffers of the next `n` slots and posts them again at the ring's other end, where one
 * slot at least is free, and then those they leave. */
static inline void
post_again(const struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring, uint16_t n)
{
	while (n > 0) {
		const uint16_t k = RTE_MIN(n, (uint16_t)(ring->size - ring->fill));

		memmove(&ring->mbufs[ring->fill], &ring->mbufs[ring->next],
			k * sizeof(ring->mbufs[0]));
		take_slots(ring, k);
		post(rxq, ring, k);
		n -= k;
	}
}

/* Is the next completion there, and of the data ring? Then there is use for mbufs. */
static inline bool
is_waiting(const struct vmxnet3_rx_queue *rxq)
{
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];

	return ((pvn_le32_to_cpu(__atomic_load_n(&c->word3, __ATOMIC_ACQUIRE)) ^ rxq->comp_gen) &
		VMXNET3_RXC3_GEN) == 0 &&
	       ((pvn_le32_to_cpu(__atomic_load_n(&c->word0, __ATOMIC_RELAXED)) ^ rxq->data_word0) &
		VMXNET3_RXC0_RQID) == 0;
}

/* Up to CHUNK of what vmxnet3_rx_take_data() takes. */
static inline uint16_t
take_some(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t taken;

	n = row(rxq, RTE_MIN(n, CHUNK));
	if (n == 0 || !is_waiting(rxq) || rte_mempool_get_bulk(rxq->pool, (void **)pkts, n) != 0)
		return 0;
	taken = copy_row(rxq, pkts, n);
	if (taken < n)
		rte_mempool_put_bulk(rxq->pool, (void **)&pkts[taken], n - taken);
	post_again(rxq, &rxq->rings[0], taken);
	advance(rxq, taken);
	return taken;
}

uint16_t
vmxnet3_rx_take_data(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t taken = 0, some;

	do {
		some = take_some(rxq, pkts + taken, n - taken);
		taken += some;
	} while (some > 0 && taken < n);
	rxq->data_posted += taken;
	if (rxq->data_posted >= rxq->rings[0].threshold) {
		vmxnet3_rx_doorbell(rxq, &rxq->rings[0]);
		rxq->data_posted = 0;
	}
	return taken;
}

/*
 * The copy of a completion is changed to that of a frame in the buffer of the slot's descriptor;
 * what cannot be in a slot, to that of a piece without bytes, which nobody takes. Returns the
 * slot's data, of which so much as the completion says may be read, or NULL if there is none.
 */
const uint8_t *
vmxnet3_rx_name_buffer(const struct vmxnet3_rx_queue *rxq, struct vmxnet3_rxc *c)
{
	const uint32_t whole = VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP;
	const uint32_t index = pvn_field_get(VMXNET3_RXC0_INDEX, c->word0);

	if (rxq->data_slot == 0 || ((c->word0 ^ rxq->data_word0) & VMXNET3_RXC0_RQID) != 0)
		return NULL;
	c->word0 = (c->word0 & ~VMXNET3_RXC0_RQID) | (rxq->plain_word0 & VMXNET3_RXC0_RQID);
	if ((c->word0 & whole) == whole &&
	    pvn_field_get(VMXNET3_RXC2_LEN, c->word2) <= rxq->data_slot)
		return index < rxq->ring_size ? rxq->data + index * (size_t)rxq->data_slot : NULL;
	c->word0 = (c->word0 & ~VMXNET3_RXC0_SOP) | VMXNET3_RXC0_EOP;
	c->word2 &= ~VMXNET3_RXC2_LEN;
	return NULL;
}
