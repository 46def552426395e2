/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the parts of transmit share.
 */
#ifndef VMXNET3_TX_H
#define VMXNET3_TX_H

#include <errno.h>

#include <rte_io.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "vmxnet3_pmd.h"

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

/* [VMX3 7.4] One doorbell for the burst, if the device wants one by now. The barrier that puts the
 * descriptors before it is part of rte_write32(). */
static inline void
ring_doorbell(struct vmxnet3_tx_queue *txq, uint32_t sent)
{
	/* A ring full of packets always is enough. */
	const uint32_t wanted =
		pvn_le32_to_cpu(__atomic_load_n(&txq->shared->threshold, __ATOMIC_RELAXED));
	const uint32_t threshold = RTE_MIN(wanted, (uint32_t)txq->usable) | txq->quiet;
	bool due;

	txq->deferred += sent;
	due = txq->deferred >= threshold;
	if (due)
		txq->deferred = 0;
	txq->shared->deferred = pvn_cpu_to_le32(txq->deferred);
	if (due)
		rte_write32(txq->fill, txq->doorbell);
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

/* What wish_of() understands. All else is for vmxnet3_tx_tunnel.c to grant or to refuse. */
#define WISHES_WITHOUT_TUNNEL                                                                      \
	(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_IP_CKSUM |                        \
	 RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_VLAN)

static inline bool
asks_for_more(const struct rte_mbuf *m)
{
	return (m->ol_flags & VMXNET3_TX_WISHES & ~WISHES_WITHOUT_TUNNEL) != 0 ||
	       (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM;
}

/*
 * vmxnet3_tx_tunnel.c, for packets that ask for more. wish: 0, ENOTSUP for what the device does not
 * do, or EINVAL for what it cannot be told of this packet. fill: writes checksums, if there is a
 * wish.
 */
int vmxnet3_tx_tunnel_wish(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m,
			   struct wish *w);
void vmxnet3_tx_tunnel_fill(struct rte_mbuf *m);

static inline uint32_t
tag_wish(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_TX_VLAN) == 0
		       ? 0
		       : VMXNET3_TXD3_TI | pvn_field_put(VMXNET3_TXD3_TCI, m->vlan_tci);
}

/* For the checksum in this field, of a header that begins at `l4`, over all from there on. */
static inline struct wish
checksum_wish(uint32_t l4, uint32_t field)
{
	return (struct wish){
		.word2 = pvn_field_put(VMXNET3_TXD2_MSSCOF, field),
		.word3 = pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_CSUM) |
			 pvn_field_put(VMXNET3_TXD3_HLEN, l4),
		.headers = field + sizeof(rte_be16_t),
	};
}

/* Of those that ask for no more. [VMX3 7.3] The header checksum of IPv4 is none of the device's
 * business: tx_prepare did it. */
static inline struct wish
wish_of(const struct rte_mbuf *m)
{
	const uint64_t checksum = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	const uint32_t l4 = m->l2_len + m->l3_len;
	struct wish w = {0};

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		w.headers = m->tso_segsz - 1u >= VMXNET3_MSS_MAX ? UINT32_MAX : l4 + m->l4_len;
		w.word2 = pvn_field_put(VMXNET3_TXD2_MSSCOF, m->tso_segsz);
		w.word3 = pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) |
			  pvn_field_put(VMXNET3_TXD3_HLEN, w.headers);
	} else if (checksum != 0) {
		const bool udp = checksum == RTE_MBUF_F_TX_UDP_CKSUM;

		w = checksum_wish(l4, l4 + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
						: offsetof(struct rte_tcp_hdr, cksum)));
	}
	w.word3 |= tag_wish(m);
	return w;
}

/* What a packet asks for; an error, as above, if the device cannot be told it, or would not find
 * all headers in one buffer. */
static inline int
find_wish(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m, struct wish *w)
{
	if (asks_for_more(m)) {
		int ret = vmxnet3_tx_tunnel_wish(txq, m, w);

		if (ret != 0)
			return ret;
	} else {
		*w = wish_of(m);
	}
	return w->headers > VMXNET3_TX_HEADERS_MAX || w->headers > m->data_len ? EINVAL : 0;
}

#endif /* VMXNET3_TX_H */
