/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transmit [VMX3 7]: free what is completed -> write descriptors -> hand each packet over by the
 * generation bit of its first descriptor, last of all -> one doorbell for the burst.
 *
 * Most packets are plain: nothing asked of the device. They are written in rows, those of one
 * segment by put_plain(), those of several by put_chains(); all others go through put_packet(), one
 * by one.
 *
 * Completions come in order; what they say is done is freed at once for all of them. A slot holds
 * the segment that its descriptor sends, so that chains are freed without walking along them; what
 * is in a slot that is not in flight means nothing.
 */
#include <rte_errno.h>
#include <rte_io.h>
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "vmxnet3_pmd.h"

/* Packets are freed in bulk: from so many descriptors in flight on. */
#define REAP_CHUNK 32u

/* ---- completed packets ---- */

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

/* ---- new packets ---- */

/* The half of a descriptor that hands it over, in one store. REL-TXD: all that was written of the
 * packet before. Pairs with the device's look at gen. */
static inline void
hand_over(struct vmxnet3_txd *d, uint32_t word2, uint32_t word3)
{
	__atomic_store_n(&d->words23, pvn_cpu_to_le64(word2 | (uint64_t)word3 << 32),
			 __ATOMIC_RELEASE);
}

static inline void
filled(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	txq->in_flight += n;
	txq->fill += n;
	if (txq->fill == txq->size) {
		txq->fill = 0;
		txq->gen ^= VMXNET3_TXD2_GEN;
	}
}

/* One slot is always left unfilled. [VMX3 7.2] */
static inline uint16_t
room(const struct vmxnet3_tx_queue *txq)
{
	return txq->usable - txq->in_flight;
}

/* Packets of one segment that ask for nothing, until one is something else or the ring ends. Length
 * 0 would mean 16384 to the device. */
static inline uint16_t
put_plain(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_txd *d = &txq->desc[txq->fill];
	struct rte_mbuf **held = &txq->held[txq->fill];
	const uint32_t gen = txq->gen;
	uint64_t bytes = 0;
	uint16_t i;

	n = RTE_MIN(n, room(txq));
	n = RTE_MIN(n, (uint16_t)(txq->size - txq->fill));
	for (i = 0; i < n; i++) {
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

/* Descriptors a packet needs, or 0 if it can never be sent. Empty segments need none: length 0
 * would mean 16384 bytes to the device. [VMX3 7.2] */
static inline unsigned int
descriptors_needed(const struct rte_mbuf *m)
{
	const unsigned int most = (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0
					  ? VMXNET3_TSO_DESC_PER_PKT
					  : VMXNET3_TX_DESC_PER_PKT;
	unsigned int n = 0;

	for (; m != NULL; m = m->next) {
		if (m->data_len > VMXNET3_TX_BUF_MAX)
			return 0;
		n += m->data_len != 0;
	}
	return n > most ? 0 : n;
}

/* The fields of a packet's first descriptor that tell what is asked for. */
struct wish {
	uint32_t word2;
	uint32_t word3;
	/* Bytes that must be in the first buffer; more than a field holds: it can never be. */
	uint32_t headers;
};

/* [VMX3 7.3] The header checksum of IPv4 is none of the device's business: tx_prepare did it. */
static inline struct wish
wish_of(const struct rte_mbuf *m)
{
	const uint32_t l4 = m->l2_len + m->l3_len;
	struct wish w = {0};

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		w.headers = m->tso_segsz - 1u >= VMXNET3_MSS_MAX ? UINT32_MAX : l4 + m->l4_len;
		w.word2 = pvn_field_put(VMXNET3_TXD2_MSSCOF, m->tso_segsz);
		w.word3 = pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) |
			  pvn_field_put(VMXNET3_TXD3_HLEN, w.headers);
	} else if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0) {
		const bool udp = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
		const uint32_t field = l4 + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
						 : offsetof(struct rte_tcp_hdr, cksum));

		w.headers = field + sizeof(rte_be16_t);
		w.word2 = pvn_field_put(VMXNET3_TXD2_MSSCOF, field);
		w.word3 = pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_CSUM) |
			  pvn_field_put(VMXNET3_TXD3_HLEN, l4);
	}
	if ((m->ol_flags & RTE_MBUF_F_TX_VLAN) != 0)
		w.word3 |= VMXNET3_TXD3_TI | pvn_field_put(VMXNET3_TXD3_TCI, m->vlan_tci);
	return w;
}

/* Whether the device can be told this, and finds all headers in one buffer. */
static inline bool
can_be(const struct wish *w, const struct rte_mbuf *m)
{
	return w->headers <= VMXNET3_TX_HEADERS_MAX && w->headers <= m->data_len;
}

/*
 * Several segments and no wishes, where the ring does not end in between: as write_packet(), in one
 * go. False, and nothing is seen of it, if a segment is not worth a descriptor or more than one.
 */
static inline bool
write_chain(struct vmxnet3_tx_queue *txq, struct rte_mbuf *pkt, uint32_t n)
{
	struct vmxnet3_txd *d = &txq->desc[txq->fill];
	struct rte_mbuf **held = &txq->held[txq->fill];
	uint8_t *tags = &txq->tags[txq->fill];
	uint32_t most = pkt->data_len - 1u, i;
	const uint32_t gen = txq->gen;
	struct rte_mbuf *m = pkt->next;

	d[0].addr = pvn_cpu_to_le64(rte_mbuf_data_iova(pkt));
	held[0] = pkt;
	for (i = 1; i < n && m != NULL; i++, m = m->next) {
		const uint32_t len = m->data_len;

		most = RTE_MAX(most, len - 1);
		d[i].addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		hand_over(&d[i], gen | (len & VMXNET3_TXD2_LEN), 0);
		held[i] = m;
		tags[i - 1] = VMXNET3_TX_MORE;
	}
	if (unlikely(i < n || m != NULL || most >= VMXNET3_TX_BUF_MAX - 1)) {
		while (--i > 0) { /* as before: not the device's */
			d[i].word2 = pvn_cpu_to_le32(gen ^ VMXNET3_TXD2_GEN);
			tags[i - 1] = 0;
		}
		return false;
	}
	d[n - 1].word3 = pvn_cpu_to_le32(VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ);
	hand_over(&d[0], gen | pkt->data_len, 0);
	txq->chained += n - 1;
	filled(txq, n);
	return true;
}

/* Such chains in a row. */
static inline uint16_t
put_chains(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t segs = m->nb_segs;

		if (segs < 2 || segs > VMXNET3_TX_DESC_PER_PKT || segs > room(txq) ||
		    segs > (uint32_t)(txq->size - txq->fill) ||
		    (m->ol_flags & VMXNET3_TX_WISHES) != 0 || !write_chain(txq, m, segs))
			break;
		bytes += m->pkt_len;
	}
	txq->stats.packets += i;
	txq->stats.bytes += bytes;
	return i;
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
	/* With segments that need no descriptor, all hangs on the packet. */
	const uint8_t whole = needed == pkt->nb_segs ? 0 : VMXNET3_TX_WHOLE;
	struct vmxnet3_txd *const first = &txq->desc[txq->fill];
	uint32_t gen = txq->gen, slot = txq->fill, left = needed;
	uint32_t first_word2 = 0, word3 = w->word3;

	for (struct rte_mbuf *m = pkt; left > 0; m = m->next) {
		struct vmxnet3_txd *d = &txq->desc[slot];
		const uint32_t len = m->data_len;

		if (unlikely(len == 0))
			continue;
		left--;
		d->addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		txq->held[slot] = whole != 0 ? pkt : m;
		txq->tags[slot] = whole | (left > 0 ? VMXNET3_TX_MORE : 0);
		if (left == 0)
			word3 |= VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ;
		if (d == first) {
			first_word2 = gen | (len & VMXNET3_TXD2_LEN) | w->word2;
			d->word3 = pvn_cpu_to_le32(word3);
		} else {
			hand_over(d, gen | (len & VMXNET3_TXD2_LEN), word3);
		}
		word3 = 0;
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
	txq->chained += whole != 0 ? needed : needed - 1;
}

/* One packet of any kind; false if it finds no room, or never will. What counts towards the
 * doorbell is added to *due. */
static bool
put_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *m, uint32_t *due)
{
	const unsigned int needed = descriptors_needed(m);
	const uint32_t len = m->pkt_len;
	struct wish w = {0};

	if (unlikely((m->ol_flags & VMXNET3_TX_WISHES) != 0))
		w = wish_of(m);
	if (unlikely(needed == 0 || !can_be(&w, m))) {
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
	uint32_t due = 0;
	uint16_t n = 0;

	if (txq->in_flight >= txq->reap_from || room(txq) < nb_pkts)
		vmxnet3_tx_reap(txq);
	while (n < nb_pkts) {
		uint16_t row = put_plain(txq, pkts + n, nb_pkts - n);

		row += put_chains(txq, pkts + n + row, nb_pkts - n - row);
		n += row;
		due += row;
		if (n == nb_pkts || (row == 0 && !put_packet(txq, pkts[n], &due)))
			break;
		n += row == 0;
	}
	if (n > 0)
		ring_doorbell(txq, due);
	return n;
}

/* ---- tx_prepare ---- */

#define WISHES_KNOWN                                                                               \
	(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_IP_CKSUM |                        \
	 RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_VLAN)

static int
check_packet(const struct rte_mbuf *m)
{
	const uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	const struct wish w = wish_of(m);

	if ((m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~WISHES_KNOWN) != 0 ||
	    l4 == RTE_MBUF_F_TX_SCTP_CKSUM)
		return ENOTSUP;
	return descriptors_needed(m) == 0 || !can_be(&w, m) ? EINVAL : 0;
}

/* The header checksum of IPv4, which the device has no offload for; in a TSO packet it is the
 * device's, and 0 here. [VMX3 7.3] */
static int
fill_checksums(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);

	if ((m->ol_flags &
	     (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_L4_MASK)) == 0)
		return 0;
	if ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 &&
	    m->data_len < (uint32_t)m->l2_len + m->l3_len)
		return EINVAL;
	if (rte_net_intel_cksum_prepare(m) < 0)
		return EINVAL;
	if ((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)) ==
	    RTE_MBUF_F_TX_IP_CKSUM)
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	return 0;
}

/* Stops at the first packet that tx_burst could never send. Writes checksums of IPv4 headers, and
 * of pseudo-headers where the device does the rest. */
uint16_t
vmxnet3_tx_prepare(void *tx_queue __rte_unused, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	for (uint16_t n = 0; n < nb_pkts; n++) {
		int ret = check_packet(pkts[n]);

		if (ret == 0)
			ret = fill_checksums(pkts[n]);
		if (ret == 0)
			continue;
		rte_errno = ret;
		return n;
	}
	return nb_pkts;
}
