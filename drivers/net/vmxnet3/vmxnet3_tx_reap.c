/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The end of a packet's way out [VMX3 7.5]. Completions come in order; what they say is done is
 * freed at once for all of them. A slot holds the segment that its descriptor sends, so that chains
 * are freed without walking along them; what is in a slot that is not in flight means nothing.
 */
#include "vmxnet3_pmd.h"

/* In a buffer of its own, with one owner. */
static inline bool
is_plain_segment(const struct rte_mbuf *m)
{
	return likely(rte_mbuf_refcnt_read(m) == 1) && likely(RTE_MBUF_DIRECT(m));
}

/* What a descriptor held that is not to go back to its pool as it is. */
static void
free_odd(struct rte_mbuf *m, uint8_t tag)
{
	if ((tag & VMXNET3_TX_WHOLE) == 0)
		rte_pktmbuf_free_seg(m);
	else if ((tag & VMXNET3_TX_MORE) == 0)
		rte_pktmbuf_free(m);
}

/*
 * Slots of any kind, or (tags is NULL) of packets of one segment each: as many as may be back to
 * their pool at once, straight out of the slots. A pool wants mbufs without a next: of a segment
 * that has none it is not read, of one that has it is not needed, so the second line of a mbuf
 * never is. Returns how many had tags, which are gone then.
 */
static __rte_always_inline uint32_t
free_held(struct rte_mbuf **held, uint8_t *tags, uint32_t n)
{
	struct rte_mempool *pool = NULL;
	uint32_t begin = 0, tagged = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = held[i];
		const uint8_t tag = tags == NULL ? 0 : tags[i];
		const bool plain = (tag & VMXNET3_TX_WHOLE) == 0 && is_plain_segment(m);

		if (tag != 0) {
			tags[i] = 0;
			tagged++;
			if (plain) {
				m->next = NULL;
				m->nb_segs = 1;
			}
		}
		if (likely(plain && m->pool == pool))
			continue;
		if (i > begin)
			rte_mempool_put_bulk(pool, (void **)&held[begin], i - begin);
		begin = plain ? i : i + 1;
		pool = plain ? m->pool : NULL;
		if (!plain)
			free_odd(m, tag);
	}
	if (n > begin)
		rte_mempool_put_bulk(pool, (void **)&held[begin], n - begin);
	return tagged;
}

/* Slots from `clean` on, not over the ring's end. */
static inline void
free_slots(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	struct rte_mbuf **held = &txq->held[txq->clean];

	if (unlikely(txq->chained != 0))
		txq->chained -= free_held(held, &txq->tags[txq->clean], n);
	else if (txq->fast_free)
		rte_mempool_put_bulk(held[0]->pool, (void **)held, n);
	else
		free_held(held, NULL, n);
	txq->in_flight -= n;
	txq->clean += n;
	if (txq->clean == txq->size)
		txq->clean = 0;
}

static inline void
skip_completions(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	txq->comp_next += n;
	if (txq->comp_next == txq->size) {
		txq->comp_next = 0;
		txq->comp_gen ^= VMXNET3_TXC3_GEN;
	}
}

/* The EOP that a completion names; false if the device has not written it. ACQ-TXC: gen before
 * index. Pairs with the device, which stores word3 last. */
static inline bool
read_completion(const struct vmxnet3_txc *c, uint32_t gen, uint32_t *index)
{
	const uint32_t word3 = pvn_le32_to_cpu(__atomic_load_n(&c->word3, __ATOMIC_ACQUIRE));

	if ((word3 & VMXNET3_TXC3_GEN) != gen)
		return false;
	*index = pvn_field_get(VMXNET3_TXC0_INDEX,
			       pvn_le32_to_cpu(__atomic_load_n(&c->word0, __ATOMIC_RELAXED)));
	return true;
}

/* Completions of the oldest packets, of one descriptor each, until one is something else or either
 * ring ends. Returns how many. */
static inline uint16_t
take_plain_completions(struct vmxnet3_tx_queue *txq)
{
	const struct vmxnet3_txc *c = &txq->comp[txq->comp_next];
	const uint32_t first = txq->clean;
	uint16_t n = txq->in_flight, i;
	uint32_t index;

	n = RTE_MIN(n, (uint16_t)(txq->size - txq->comp_next));
	n = RTE_MIN(n, (uint16_t)(txq->size - first));
	for (i = 0; i < n; i++)
		if (!read_completion(&c[i], txq->comp_gen, &index) || index != first + i)
			break;
	skip_completions(txq, i);
	return i;
}

/* The same for packets of any length, and for what names nothing: each has to name the EOP of a
 * packet in flight, behind those named before. [VMX3 7.5] */
static inline uint16_t
take_any_completions(struct vmxnet3_tx_queue *txq, uint16_t done)
{
	const uint32_t size = txq->size, clean = txq->clean, in_flight = txq->in_flight;
	uint32_t budget = size; /* a device that completes without end gets no further */
	uint32_t next = txq->comp_next, gen = txq->comp_gen, end = done, bad = 0, index;

	for (; budget > 0 && read_completion(&txq->comp[next], gen, &index); budget--) {
		const uint32_t distance = index - clean + (index < clean ? size : 0);

		if (likely(index < size && distance < in_flight && distance >= end &&
			   (txq->tags[index] & VMXNET3_TX_MORE) == 0))
			end = distance + 1;
		else
			bad++;
		if (++next == size) {
			next = 0;
			gen ^= VMXNET3_TXC3_GEN;
		}
	}
	txq->comp_next = next;
	txq->comp_gen = gen;
	txq->stats.bad_completion += bad;
	return end;
}

/* Takes all completions there are; how many descriptors they say are done. */
static inline uint16_t
take_completions(struct vmxnet3_tx_queue *txq)
{
	uint16_t done = 0;

	if (likely(txq->chained == 0))
		done = take_plain_completions(txq);
	return take_any_completions(txq, done);
}

/* The oldest `n` descriptors in flight. */
static inline void
free_oldest(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	const uint16_t to_end = RTE_MIN(n, (uint16_t)(txq->size - txq->clean));

	if (to_end > 0)
		free_slots(txq, to_end);
	if (n > to_end)
		free_slots(txq, n - to_end);
}

void
vmxnet3_tx_reap(struct vmxnet3_tx_queue *txq)
{
	if (txq->in_flight > 0)
		free_oldest(txq, take_completions(txq));
}

void
vmxnet3_tx_free_all(struct vmxnet3_tx_queue *txq)
{
	free_oldest(txq, txq->in_flight);
}

/* ---- for packets that were copied, so that their slots hold nothing ---- */

/* As take_completions() where nothing else is in flight. */
uint16_t
vmxnet3_tx_take_copied(struct vmxnet3_tx_queue *txq)
{
	return take_any_completions(txq, take_plain_completions(txq));
}

/* Packets of one segment, at once. */
void
vmxnet3_tx_free_copied(const struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	if (txq->fast_free)
		rte_mempool_put_bulk(pkts[0]->pool, (void **)pkts, n);
	else
		free_held(pkts, NULL, n);
}
