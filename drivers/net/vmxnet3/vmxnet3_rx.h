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

/* vmxnet3_rx.c: one for each of these, and one more where there are data rings. */
uint16_t vmxnet3_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_avx2(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_avx512(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_neon(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_data(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_data_avx2(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_data_avx512(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_rx_burst_data_neon(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);

/* For take functions: a mbuf's fields from packet_type on, out of a completion's bytes. Type 0,
 * length, length again, tag, hash. */
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

/* vmxnet3_rx_data.c. take_data: frames in slots of the data ring. name_buffer: of a completion that
 * names such a slot; all others are left alone, and get NULL. */
uint16_t vmxnet3_rx_take_data(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n);
const uint8_t *vmxnet3_rx_name_buffer(const struct vmxnet3_rx_queue *rxq, struct vmxnet3_rxc *c);

/* Writes the descriptors of `n` slots from `fill` on, which hold their mbufs already. */
static inline void
post(const struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring, uint16_t n)
{
	const uint32_t word2 = pvn_cpu_to_le32(ring->gen | ring->kind |
					       pvn_field_put(VMXNET3_RXD2_LEN, rxq->buf_len));
	struct rte_mbuf *const *m = &ring->mbufs[ring->fill];
	struct vmxnet3_rxd *d = &ring->desc[ring->fill];

	for (uint16_t i = 0; i < n; i++) {
		/* A fresh mbuf is not in the cache, so it is not looked at if that can be. */
		const rte_iova_t at = likely(rxq->iova_offset != 0)
					      ? (uintptr_t)m[i] + rxq->iova_offset
					      : rte_mbuf_data_iova_default(m[i]);

		d[i].addr = pvn_cpu_to_le64(at);
		/* REL-RXD: address before gen. Pairs with the device's look at gen. [VMX3 8.1] */
		__atomic_store_n(&d[i].word2, word2, __ATOMIC_RELEASE);
	}
	ring->posted += n;
	ring->fill += n;
	if (ring->fill == ring->size) {
		ring->fill = 0;
		ring->gen ^= VMXNET3_RXD2_GEN;
	}
}

/* A completion's words, each read once, but for the hash. ACQ-RXC: gen before the rest. Pairs with
 * the device, which stores word3 last. */
static __rte_always_inline void
read_words(const struct vmxnet3_rxc *slot, struct vmxnet3_rxc *c)
{
	c->word3 = pvn_le32_to_cpu(__atomic_load_n(&slot->word3, __ATOMIC_ACQUIRE));
	c->word0 = pvn_le32_to_cpu(__atomic_load_n(&slot->word0, __ATOMIC_RELAXED));
	c->word2 = pvn_le32_to_cpu(__atomic_load_n(&slot->word2, __ATOMIC_RELAXED));
}

/*
 * Whether they are those of a whole frame where `word0` says, which is every check a completion
 * needs. Length and error are one comparison: the error bit makes the length too great. `longest`
 * is without an Ethernet header.
 */
static __rte_always_inline bool
is_plain(const struct vmxnet3_rxc *c, uint32_t gen, uint32_t word0, uint32_t longest)
{
	return (c->word3 & (VMXNET3_RXC3_GEN | VMXNET3_RXC3_LRO)) == gen &&
	       (c->word0 & VMXNET3_RXC0_PLAIN) == word0 &&
	       (c->word2 & (VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN)) - RTE_ETHER_HDR_LEN <= longest;
}

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
	const struct vmxnet3_rx_meaning *meaning = &rxq->meanings[VMXNET3_RX_MEANING(
		word0 & VMXNET3_RXC0_TELLING, word3 & VMXNET3_RXC3_TELLING)];

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
