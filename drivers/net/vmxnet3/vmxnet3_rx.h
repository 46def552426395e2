/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What all ways of taking plain frames share.
 */
#ifndef VMXNET3_RX_H
#define VMXNET3_RX_H

#include "vmxnet3_pmd.h"

/* Mbufs are brought into the cache so many frames before they are written. */
#define VMXNET3_PREFETCH_AHEAD 4

static_assert(VMXNET3_PREFETCH_AHEAD <= VMXNET3_SLOTS_BEHIND, "slots may be read ahead");

/* Fewer frames are not worth the setting up of vectors. */
#define VMXNET3_RX_WIDE 4

/* Takes frames as take_plain() in vmxnet3_rx.c does; fewer than there are, perhaps. */
typedef uint16_t (*vmxnet3_rx_take_fn)(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts,
				       uint16_t n);
uint16_t vmxnet3_rx_take_avx2(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n);
uint16_t vmxnet3_rx_take_avx512(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n);
uint16_t vmxnet3_rx_take_neon(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n);

/* For those: a mbuf's fields from packet_type on, out of a completion's bytes. Type 0, length,
 * length again, tag, hash. */
#define VMXNET3_RX_FIELDS 0x80, 0x80, 0x80, 0x80, 8, 9, 0x80, 0x80, 8, 9, 10, 11, 4, 5, 6, 7

static_assert(offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, rearm_data) + 8,
	      "flags right behind the word that is rearmed");
static_assert(offsetof(struct rte_mbuf, rx_descriptor_fields1) ==
		      offsetof(struct rte_mbuf, ol_flags) + 8,
	      "fields right behind the flags");
static_assert(offsetof(struct rte_mbuf, pkt_len) ==
			      offsetof(struct rte_mbuf, rx_descriptor_fields1) + 4 &&
		      offsetof(struct rte_mbuf, data_len) ==
			      offsetof(struct rte_mbuf, rx_descriptor_fields1) + 8 &&
		      offsetof(struct rte_mbuf, vlan_tci) ==
			      offsetof(struct rte_mbuf, rx_descriptor_fields1) + 10 &&
		      offsetof(struct rte_mbuf, hash) ==
			      offsetof(struct rte_mbuf, rx_descriptor_fields1) + 12,
	      "VMXNET3_RX_FIELDS");

/* Flags of a stripped tag and of a hash, if they were asked for. Of a merged frame word 1 is
 * something else than a hash. [VMX3 8.3] */
static inline uint32_t
asked_flags(const struct vmxnet3_rx_queue *rxq, uint32_t word0, uint32_t word2, uint32_t word3)
{
	uint32_t flags = 0;

	if ((word2 & VMXNET3_RXC2_TS) != 0)
		flags |= rxq->tag_flags;
	if ((word0 & VMXNET3_RXC0_RSS_TYPE) != 0 && (word3 & VMXNET3_RXC3_LRO) == 0)
		flags |= rxq->hash_flags;
	return flags;
}

/* What a frame is, as far as the device found out. [VMX3 8.3] */
static inline void
describe(const struct vmxnet3_rx_queue *rxq, struct rte_mbuf *m, uint32_t word0, uint32_t word1,
	 uint32_t word2, uint32_t word3)
{
	const struct vmxnet3_rx_meaning *meaning = &rxq->meanings[VMXNET3_RX_MEANING(word0, word3)];

	m->ol_flags = rxq->base_flags | meaning->flags | asked_flags(rxq, word0, word2, word3);
	m->packet_type = meaning->ptype;
	m->vlan_tci = pvn_field_get(VMXNET3_RXC2_TCI, word2);
	m->hash.rss = word1;
}

/* The beginning of every mbuf received: where its data is, one owner, one segment, the port. */
static inline void
rearm(const struct vmxnet3_rx_queue *rxq, struct rte_mbuf *m)
{
	memcpy(&m->rearm_data, &rxq->rearm, sizeof(rxq->rearm));
}

static __rte_always_inline void
advance(struct vmxnet3_rx_queue *rxq, uint16_t n)
{
	rxq->comp_next += n;
	if (rxq->comp_next == rxq->comp_size) {
		rxq->comp_next = 0;
		rxq->comp_gen ^= VMXNET3_RXC3_GEN;
	}
}

/* Takes `n` slots, no more than are posted and not over the ring's end. */
static __rte_always_inline void
take_slots(struct vmxnet3_rx_ring *ring, uint16_t n)
{
	ring->posted -= n;
	ring->next += n;
	if (ring->next == ring->size)
		ring->next = 0;
}

/* How many of `n` frames can be taken in a row: neither ring may end, nor buffers. */
static __rte_always_inline uint16_t
row(const struct vmxnet3_rx_queue *rxq, uint16_t n)
{
	const struct vmxnet3_rx_ring *ring = &rxq->rings[0];

	n = RTE_MIN(n, (uint16_t)(rxq->comp_size - rxq->comp_next));
	n = RTE_MIN(n, (uint16_t)(ring->size - ring->next));
	return RTE_MIN(n, ring->posted);
}

#endif
