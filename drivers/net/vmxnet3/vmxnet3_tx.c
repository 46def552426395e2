/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transmit [VMX3 7]: free what is completed -> write descriptors -> hand each packet over by the
 * generation bit of its first descriptor, last of all -> one doorbell for the burst.
 *
 * Most packets are plain: nothing asked of the device. They are written in rows, those of one
 * segment by put_plain(), those of several by put_chains(); all others go through put_packet(), one
 * by one.
 */
#include "vmxnet3_tx.h"

/* So many chains ahead. */
#define FETCH_HEAD 6
#define FETCH_SECOND 3

/* Packets of one segment that ask for nothing, until one is something else or the ring ends. Length
 * 0 would mean 16384 to the device. */
static __rte_noinline uint16_t
put_plain(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_txd *d = &txq->desc[txq->fill];
	struct rte_mbuf **held = &txq->held[txq->fill];
	const uint32_t gen = txq->gen;
	uint64_t bytes = 0;
	uint32_t most, i;

	most = RTE_MIN(n, room(txq));
	most = RTE_MIN(most, (uint32_t)txq->size - txq->fill);
	for (i = 0; i < most; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t len = m->data_len;

		if (unlikely(m->nb_segs != 1 || len - 1 >= VMXNET3_TX_BUF_MAX - 1) ||
		    unlikely((m->ol_flags & VMXNET3_TX_WISHES) != 0))
			break;
		d[i].addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		hand_over(&d[i], gen | len, VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ);
		held[i] = m;
		bytes += len;
	}
	filled(txq, i);
	txq->stats.packets += i;
	txq->stats.bytes += bytes;
	return i;
}

/* A chain is written no further than this segment: all is as it was before, with `m` at its end. */
static __rte_noinline bool
unwrite_chain(struct vmxnet3_txd *d, struct rte_mbuf **held, uint32_t done, struct rte_mbuf *m)
{
	for (; done > 0; done--) {
		struct rte_mbuf *before = held[done - 1];

		d[done - 1].word2 ^= pvn_cpu_to_le32(done > 1 ? VMXNET3_TXD2_GEN : 0);
		before->next = m;
		m = before;
	}
	return false;
}

/*
 * Several segments and no wishes, where the ring does not end in between: as write_packet(), in one
 * go, and taken apart on the way. False, and nothing is seen of it, if a segment is not worth a
 * descriptor or more than one, or has other owners.
 */
static __rte_always_inline bool
write_chain(struct vmxnet3_txd *d, struct rte_mbuf **held, uint32_t gen, struct rte_mbuf *pkt,
	    uint32_t n)
{
	uint32_t word2 = gen ^ VMXNET3_TXD2_GEN, segs = n, i = 0;
	struct rte_mbuf *m = pkt;

	for (; likely(m != NULL); word2 = gen, segs = 1) {
		struct rte_mbuf *next = m->next;
		const uint32_t len = m->data_len;

		if (unlikely(len - 1 >= VMXNET3_TX_BUF_MAX - 1) ||
		    unlikely(rte_mbuf_refcnt_read(m) != 1) || unlikely(m->nb_segs != segs))
			break;
		d[i].addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		hand_over(&d[i], word2 | len, 0);
		held[i] = m;
		m = next;
		if (++i == n)
			break;
		held[i - 1]->next = NULL;
	}
	if (unlikely(i < n || m != NULL))
		return i == 0 ? false : unwrite_chain(d, held, i, m);
	pkt->nb_segs = 1;
	d[n - 1].word3 = pvn_cpu_to_le32(VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ);
	hand_over(&d[0], gen | pkt->data_len, 0);
	return true;
}

static inline void
fetch_mbuf(const struct rte_mbuf *m)
{
	rte_prefetch0(m);
	rte_prefetch0(RTE_PTR_ADD(m, offsetof(struct rte_mbuf, next)));
}

/* Chains are followed from mbuf to mbuf, one cache miss after the other: the first two of those to
 * come are fetched ahead. `n` are left in the burst. */
static inline void
fetch_chains(struct rte_mbuf *const *pkts, uint32_t n)
{
	if (n > FETCH_HEAD)
		fetch_mbuf(pkts[FETCH_HEAD]);
	if (n > FETCH_SECOND)
		fetch_mbuf(pkts[FETCH_SECOND]->next);
}

/* Such chains in a row. */
static __rte_noinline uint16_t
put_chains(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t begin = txq->fill, gen = txq->gen;
	const uint32_t most = RTE_MIN(room(txq), (uint16_t)(txq->size - begin));
	struct vmxnet3_txd *d = &txq->desc[begin];
	struct rte_mbuf **held = &txq->held[begin];
	uint32_t left = most, i;
	uint64_t bytes = 0;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t segs = m->nb_segs;

		fetch_chains(&pkts[i], n - i);
		if (unlikely(segs - 2 > VMXNET3_TX_DESC_PER_PKT - 2) || unlikely(segs > left) ||
		    unlikely((m->ol_flags & VMXNET3_TX_WISHES) != 0) ||
		    unlikely(!write_chain(d, held, gen, m, segs)))
			break;
		d += segs;
		held += segs;
		left -= segs;
		bytes += m->pkt_len;
	}
	if (i == 0)
		return 0;
	filled(txq, most - left);
	txq->chained = txq->in_flight;
	txq->stats.packets += i;
	txq->stats.bytes += bytes;
	return i;
}

/* Whether each segment has a descriptor, and no other owner: then the packet may be taken apart. */
static inline bool
is_separable(const struct rte_mbuf *pkt, uint32_t needed)
{
	if (likely(pkt->nb_segs == 1))
		return true;
	if (needed != pkt->nb_segs)
		return false;
	for (const struct rte_mbuf *m = pkt; m != NULL; m = m->next)
		if (rte_mbuf_refcnt_read(m) != 1)
			return false;
	return true;
}

/* As its pool wants it. */
static inline void
cut_off(struct rte_mbuf *m)
{
	m->next = NULL;
	m->nb_segs = 1;
}

/*
 * Writes all descriptors of a packet, and hands it over at the end. Each slot still holds the
 * generation of the last round, which keeps the packet from the device until its first descriptor
 * gets the new one.
 */
static inline void
write_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *pkt, const struct wish *w,
	     uint32_t needed)
{
	const bool apart = is_separable(pkt, needed);
	struct vmxnet3_txd *const first = &txq->desc[txq->fill];
	uint32_t gen = txq->gen, slot = txq->fill, left = needed;
	uint32_t first_word2 = 0, word3 = w->word3;
	struct rte_mbuf *m = pkt, *next;

	for (; left > 0; m = next) {
		struct vmxnet3_txd *d = &txq->desc[slot];
		const uint32_t len = m->data_len;

		next = m->next;
		if (unlikely(len == 0))
			continue;
		left--;
		d->addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		if (left == 0)
			word3 |= VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ;
		if (d == first) {
			first_word2 = gen | (len & VMXNET3_TXD2_LEN) | w->word2;
			d->word3 = pvn_cpu_to_le32(word3);
		} else {
			hand_over(d, gen | (len & VMXNET3_TXD2_LEN), word3);
		}
		word3 = 0;
		txq->held[slot] = apart ? m : pkt;
		if (unlikely(!apart))
			txq->tags[slot] = left == 0 ? VMXNET3_TX_WHOLE : VMXNET3_TX_NOTHING;
		else if (needed > 1)
			cut_off(m);
		if (++slot == txq->size) {
			slot = 0;
			gen ^= VMXNET3_TXD2_GEN;
		}
	}
	/* REL-TXD, as above. */
	__atomic_store_n(&first->word2, pvn_cpu_to_le32(first_word2), __ATOMIC_RELEASE);
	txq->fill = slot;
	txq->gen = gen;
	txq->in_flight += needed;
	if (!apart)
		txq->tagged = txq->in_flight;
	if (needed > 1)
		txq->chained = txq->in_flight;
}

/* One packet of any kind; false if it finds no room, or never will. What counts towards the
 * doorbell is added to *due. */
static bool
put_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *m, uint32_t *due)
{
	const unsigned int needed = descriptors_needed(m);
	const uint32_t len = m->pkt_len;
	struct wish w = {0};
	bool can_be = needed != 0;

	if ((m->ol_flags & VMXNET3_TX_WISHES) != 0)
		can_be = can_be && find_wish(txq, m, &w) == 0;
	if (unlikely(!can_be)) {
		txq->stats.unsendable++;
		return false;
	}
	if (needed > room(txq))
		return false;
	*due += (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? 1 + len / m->tso_segsz : 1;
	write_packet(txq, m, &w, needed);
	txq->stats.packets++;
	txq->stats.bytes += len;
	return true;
}

/* Packets in a row of the first one's kind, if that asks for nothing. */
static inline uint16_t
put_row(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	if ((pkts[0]->ol_flags & VMXNET3_TX_WISHES) != 0)
		return 0;
	return pkts[0]->nb_segs == 1 ? put_plain(txq, pkts, n) : put_chains(txq, pkts, n);
}

uint16_t
vmxnet3_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	struct vmxnet3_tx_queue *txq = tx_queue;
	uint32_t due = 0;
	uint16_t n = 0;

	if (txq->in_flight >= txq->reap_from || room(txq) < nb_pkts)
		vmxnet3_tx_reap(txq);
	while (n < nb_pkts) {
		const uint16_t row = put_row(txq, pkts + n, nb_pkts - n);

		if (unlikely(row == 0) && !put_packet(txq, pkts[n], &due))
			break;
		due += row;
		n += RTE_MAX(row, 1);
	}
	if (n > 0)
		ring_doorbell(txq, due);
	return n;
}
