/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The end of a packet's way out [VMX3 7.5]. Completions come in order; what they say is done is
 * freed at once for all of them. A slot holds the segment that its descriptor sends; chains were
 * taken apart on their way in, so their segments are freed as all others are, and the second line
 * of a mbuf is not touched again. What is in a slot that is not in flight means nothing.
 */
#include "vmxnet3_pmd.h"

/* Two lines of the completion ring. */
#define COMPLETIONS_ROW 8u

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
	if (tag == VMXNET3_TX_WHOLE)
		rte_pktmbuf_free(m);
	else if (tag == 0)
		rte_pktmbuf_free_seg(m);
}

/* Slots from the first on whose mbufs may go back to its pool as they are, in one go. */
static __rte_always_inline uint32_t
plain_run(struct rte_mbuf **held, const uint8_t *tags, uint32_t n)
{
	const struct rte_mempool *pool;
	uint32_t i;

	if (tags != NULL && tags[0] != 0) /* then there may be no mbuf */
		return 0;
	pool = held[0]->pool;
#pragma GCC unroll 4
	for (i = 0; i < n; i++)
		if ((tags != NULL && tags[i] != 0) || unlikely(!is_plain_segment(held[i])) ||
		    unlikely(held[i]->pool != pool))
			break;
	return i;
}

/* Slots of any kind, or (tags is NULL) none with a tag. */
static __rte_always_inline void
free_held(struct rte_mbuf **held, uint8_t *tags, uint32_t n)
{
	for (uint32_t i = 0, run; i < n; i += run) {
		run = plain_run(&held[i], tags == NULL ? NULL : &tags[i], n - i);
		if (likely(run > 0)) {
			rte_mempool_put_bulk(held[i]->pool, (void **)&held[i], run);
			continue;
		}
		free_odd(held[i], tags == NULL ? 0 : tags[i]);
		if (tags != NULL)
			tags[i] = 0;
		run = 1;
	}
}

/* Slots from `clean` on, not over the ring's end. */
static inline void
free_slots(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	struct rte_mbuf **held = &txq->held[txq->clean];

	if (unlikely(txq->tagged != 0))
		free_held(held, &txq->tags[txq->clean], n);
	else if (txq->fast_free)
		rte_mempool_put_bulk(held[0]->pool, (void **)held, n);
	else
		free_held(held, NULL, n);
	txq->tagged -= RTE_MIN(n, txq->tagged);
	txq->chained -= RTE_MIN(n, txq->chained);
	txq->in_flight -= n;
	txq->clean += n;
	if (txq->clean == txq->size)
		txq->clean = 0;
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

/* A completion as it lies in memory. */
typedef uint32_t words_t __attribute__((vector_size(sizeof(struct vmxnet3_txc)), may_alias));

/* Whether a row of completions is there, of packets of one descriptor each, from `index` on. */
static inline bool
is_plain_row(const struct vmxnet3_txc *c, uint32_t index, uint32_t gen)
{
	const words_t next = {1, 0, 0, 0};
	words_t expected = {index, 0, 0, gen};
	words_t differs = {0};

#pragma GCC unroll 8
	for (uint32_t i = 0; i < COMPLETIONS_ROW; i++) {
		differs |= *(const words_t *)&c[i] ^ expected;
		expected += next;
	}
	return ((differs[0] & VMXNET3_TXC0_INDEX) | (differs[3] & VMXNET3_TXC3_GEN)) == 0;
}

/* Completions of the oldest packets, in rows, while no packet of several descriptors is in flight,
 * until a row is not whole or either ring ends. */
static inline uint32_t
take_rows(struct vmxnet3_tx_queue *txq)
{
	const struct vmxnet3_txc *c = &txq->comp[txq->comp_next];
	const uint32_t clean = txq->clean, gen = txq->comp_gen, size = txq->size;
	uint32_t most, n = 0;

	if (RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN || txq->chained != 0)
		return 0;
	most = RTE_MIN(size - clean, size - txq->comp_next);
	most = RTE_MIN(most, (uint32_t)txq->in_flight);
	while (n + COMPLETIONS_ROW <= most && is_plain_row(&c[n], clean + n, gen))
		n += COMPLETIONS_ROW;
	txq->comp_next += n;
	if (txq->comp_next == size) {
		txq->comp_next = 0;
		txq->comp_gen ^= VMXNET3_TXC3_GEN;
	}
	rte_atomic_thread_fence(__ATOMIC_ACQUIRE); /* ACQ-TXC */
	return n;
}

/* Descriptors in flight. */
struct flight {
	const struct vmxnet3_txd *desc;
	uint32_t clean, size, num;
};

/*
 * How many of the oldest ones are done by what a completion names; 0 if it cannot be meant: that
 * has to be the EOP of a packet in flight, behind the `done` ones known. [VMX3 7.5]
 */
static inline uint32_t
done_with(const struct flight *f, uint32_t index, uint32_t done)
{
	const uint32_t distance = vmxnet3_slots_between(f->clean, index, f->size);

	if (unlikely(index >= f->size) || unlikely(distance >= f->num) ||
	    unlikely(distance < done) ||
	    unlikely((pvn_le32_to_cpu(f->desc[index].word3) & VMXNET3_TXD3_EOP) == 0))
		return 0;
	return distance + 1;
}

/* Takes all completions there are; how many descriptors they say are done. */
static __rte_always_inline uint16_t
take_completions(struct vmxnet3_tx_queue *txq)
{
	const struct flight f = {txq->desc, txq->clean, txq->size, txq->in_flight};
	const struct vmxnet3_txc *comp = txq->comp;
	uint32_t budget = f.size; /* a device that completes without end gets no further */
	uint32_t done = take_rows(txq), bad = 0, index, now;
	uint32_t next = txq->comp_next, gen = txq->comp_gen;

	for (; budget > 0 && read_completion(&comp[next], gen, &index); budget--) {
		now = done_with(&f, index, done);
		if (likely(now != 0))
			done = now;
		else
			bad++;
		if (++next == f.size) {
			next = 0;
			gen ^= VMXNET3_TXC3_GEN;
		}
	}
	txq->comp_next = next;
	txq->comp_gen = gen;
	txq->stats.bad_completion += bad;
	return done;
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
	if (txq->in_flight == 0)
		return;
	free_oldest(txq, take_completions(txq));
}

void
vmxnet3_tx_free_all(struct vmxnet3_tx_queue *txq)
{
	free_oldest(txq, txq->in_flight);
}

/* ---- for packets that were copied, so that their slots hold nothing ---- */

/* How many of the oldest descriptors are done; who calls is to pass over their slots. */
uint16_t
vmxnet3_tx_take_copied(struct vmxnet3_tx_queue *txq)
{
	return take_completions(txq);
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
