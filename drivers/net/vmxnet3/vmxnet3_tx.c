/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transmit [VMX3 7]: free what is completed -> write descriptors -> hand each packet over by the
 * generation bit of its first descriptor, last of all -> one doorbell for the burst.
 *
 * Most packets are plain: one segment, nothing asked of the device. They are written in a row by
 * put_plain(), a descriptor each; whatever is not plain goes through put_packet(), one by one.
 *
 * Completions come in order; what they say is done is freed at once for all of them. A slot holds
 * the packet whose EOP is in it, or NULL if it is another descriptor of a packet; a pointer in a
 * slot that is not in flight means nothing.
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

/* Alone, in a buffer of its own, with one owner: goes back to its pool as it is. Looks at the first
 * line only. */
static inline bool
is_single(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);
}

/* Packets of any kind; single ones of one pool go back together. */
static void
free_any(struct vmxnet3_tx_queue *txq, struct rte_mbuf *const *mbufs, uint16_t n)
{
	struct rte_mbuf *batch[REAP_CHUNK];
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (m == NULL)
			continue;
		if (unlikely(!is_single(m))) {
			txq->chains -= m->nb_segs > 1;
			rte_pktmbuf_free(m);
			continue;
		}
		if (count == REAP_CHUNK || (count > 0 && m->pool != batch[0]->pool)) {
			rte_mempool_put_bulk(batch[0]->pool, (void **)batch, count);
			count = 0;
		}
		batch[count++] = m;
	}
	if (count > 0)
		rte_mempool_put_bulk(batch[0]->pool, (void **)batch, count);
}

/* Slots from `clean` on, not over the ring's end. */
static inline void
free_slots(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	struct rte_mbuf **mbufs = &txq->mbufs[txq->clean];

	if (likely(txq->fast_free && txq->chains == 0))
		rte_mempool_put_bulk(mbufs[0]->pool, (void **)mbufs, n);
	else
		free_any(txq, mbufs, n);
	txq->in_flight -= n;
	txq->clean += n;
	if (txq->clean == txq->size)
		txq->clean = 0;
}

/* Takes all completions there are; how many descriptors they say are done. Each has to name the EOP
 * of a packet in flight, behind those named before. [VMX3 7.5] */
static inline uint16_t
take_completions(struct vmxnet3_tx_queue *txq)
{
	uint16_t budget = txq->size; /* a device that completes without end gets no further */
	uint16_t next = txq->comp_next, done = 0;
	uint32_t gen = txq->comp_gen;

	for (; budget > 0; budget--) {
		const struct vmxnet3_txc *c = &txq->comp[next];
		/* ACQ-TXC: gen before index. Pairs with the device, which stores word3 last. */
		const uint32_t word3 =
			pvn_le32_to_cpu(__atomic_load_n(&c->word3, __ATOMIC_ACQUIRE));
		const uint32_t word0 =
			pvn_le32_to_cpu(__atomic_load_n(&c->word0, __ATOMIC_RELAXED));
		const uint32_t index = pvn_field_get(VMXNET3_TXC0_INDEX, word0);
		uint32_t distance = index - txq->clean;

		if (((word3 ^ gen) & VMXNET3_TXC3_GEN) != 0)
			break;
		if (index < txq->clean)
			distance += txq->size;
		if (likely(index < txq->size && distance < txq->in_flight && distance >= done &&
			   txq->mbufs[index] != NULL))
			done = distance + 1;
		else
			txq->stats.bad_completion++;
		if (++next == txq->size) {
			next = 0;
			gen ^= VMXNET3_TXC3_GEN;
		}
	}
	txq->comp_next = next;
	txq->comp_gen = gen;
	return done;
}

void
vmxnet3_tx_reap(struct vmxnet3_tx_queue *txq)
{
	const uint16_t done = take_completions(txq);
	const uint16_t to_end = RTE_MIN(done, (uint16_t)(txq->size - txq->clean));

	if (to_end > 0)
		free_slots(txq, to_end);
	if (done > to_end)
		free_slots(txq, done - to_end);
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
	return txq->size - 1 - txq->in_flight;
}

/* Packets of one segment that ask for nothing, until one is something else or the ring ends. Length
 * 0 would mean 16384 to the device. */
static inline uint16_t
put_plain(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_txd *d = &txq->desc[txq->fill];
	struct rte_mbuf **slot = &txq->mbufs[txq->fill];
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
		slot[i] = m;
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
	uint32_t headers; /* bytes that must be in the first buffer; more than a field holds: never
			   */
};

/* [VMX3 7.3] The header checksum of IPv4 is none of the device's business: tx_prepare did it. */
static inline struct wish
wish_of(const struct rte_mbuf *m)
{
	const uint32_t l4 = m->l2_len + m->l3_len;
	struct wish w = {0};

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		w.headers = m->tso_segsz == 0 ? UINT32_MAX : l4 + m->l4_len;
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
 * Writes all descriptors of a packet, and hands it over at the end. Each slot still holds the
 * generation of the last round, which keeps the packet from the device until its first descriptor
 * gets the new one.
 */
static inline void
write_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *pkt, const struct wish *w,
	     unsigned int needed)
{
	struct vmxnet3_txd *first = NULL;
	uint32_t first_word2 = w->word2, first_word3 = w->word3;

	for (struct rte_mbuf *m = pkt; m != NULL; m = m->next) {
		const uint32_t word2 = txq->gen | pvn_field_put(VMXNET3_TXD2_LEN, m->data_len);
		struct vmxnet3_txd *d = &txq->desc[txq->fill];
		uint32_t word3 = 0;

		if (m->data_len == 0)
			continue;
		if (--needed == 0)
			word3 = VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ;
		d->addr = pvn_cpu_to_le64(rte_mbuf_data_iova(m));
		txq->mbufs[txq->fill] = needed == 0 ? pkt : NULL;
		if (first == NULL) {
			first = d;
			first_word2 |= word2;
			first_word3 |= word3;
		} else {
			hand_over(d, word2, word3);
		}
		filled(txq, 1);
	}
	hand_over(first, first_word2, first_word3);
}

/* One packet of any kind; false if it finds no room, or never will. Packets that count towards the
 * doorbell are added to *due. */
static bool
put_packet(struct vmxnet3_tx_queue *txq, struct rte_mbuf *m, uint32_t *due)
{
	const unsigned int needed = descriptors_needed(m);
	const struct wish w = wish_of(m);
	const uint32_t len = m->pkt_len;

	if (needed == 0 || !can_be(&w, m)) {
		txq->stats.unsendable++;
		return false;
	}
	if (needed > room(txq))
		return false;
	*due += (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? 1 + len / m->tso_segsz : 1;
	txq->chains += m->nb_segs > 1;
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
		const uint16_t plain = put_plain(txq, pkts + n, nb_pkts - n);

		n += plain;
		due += plain;
		if (n == nb_pkts || !put_packet(txq, pkts[n], &due))
			break;
		n++;
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
		return -EINVAL;
	if (rte_net_intel_cksum_prepare(m) < 0)
		return -EINVAL;
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
			ret = -fill_checksums(pkts[n]);
		if (ret == 0)
			continue;
		rte_errno = ret;
		return n;
	}
	return nb_pkts;
}
