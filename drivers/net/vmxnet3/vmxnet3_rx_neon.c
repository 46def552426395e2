/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * take_plain() of vmxnet3_rx.c, four completions at a time, each of them one vector. What is said
 * in vmxnet3_rx_avx2.c holds here too.
 */
#include "vmxnet3_rx.h"

#ifdef RTE_ARCH_ARM64
#include <arm_neon.h>

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "completions are as the device wrote them");

/* Words 0 to 3 of a completion. */
#define WORDS(w0, w1, w2, w3) ((uint32x4_t){(w0), (w1), (w2), (w3)})

/* What is the same for all frames of a call, and what was found out of the last ones. */
struct known {
	uint32x4_t key;	   /* the bits that tell, of completions alike */
	uint32x4_t fields; /* what they mean: the type, in its place */
	uint64x2_t rearm;  /* the rearmed word, and flags */
};

static inline void
look_up(const struct vmxnet3_rx_queue *rxq, uint32x4_t key, struct known *k)
{
	const struct vmxnet3_rx_meaning *meaning =
		&rxq->meanings[VMXNET3_RX_MEANING(vgetq_lane_u32(key, 0), vgetq_lane_u32(key, 3))];

	k->key = key;
	k->fields = WORDS(meaning->ptype, 0, 0, 0);
	k->rearm = (uint64x2_t){rxq->rearm, rxq->base_flags | meaning->flags};
}

/* Of four vectors, the bits that any of them has. */
static inline bool
any(uint32x4_t a, uint32x4_t b, uint32x4_t c, uint32x4_t d)
{
	return vmaxvq_u32(vorrq_u32(vorrq_u32(a, b), vorrq_u32(c, d))) != 0;
}

/* Whether one of four keys is not what is known. */
static inline bool
unlike(const struct known *k, const uint32x4_t key[4])
{
	return any(veorq_u32(key[0], k->key), veorq_u32(key[1], k->key), veorq_u32(key[2], k->key),
		   veorq_u32(key[3], k->key));
}

static inline void
write_mbuf(struct rte_mbuf *m, uint64x2_t rearm, uint32x4_t fields)
{
	vst1q_u64((uint64_t *)&m->rearm_data, rearm);
	vst1q_u32((uint32_t *)&m->rx_descriptor_fields1, fields);
}

uint16_t
vmxnet3_rx_take_neon(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	static const uint8_t from[16] = {VMXNET3_RX_FIELDS};
	struct vmxnet3_rx_ring *ring = &rxq->rings[0];
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];
	struct rte_mbuf *const *slot = &ring->mbufs[ring->next];
	const bool more = (rxq->tag_flags | rxq->hash_flags) != 0;
	const uint32x4_t checked = WORDS(VMXNET3_RXC0_PLAIN, 0, VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN,
					 VMXNET3_RXC3_GEN | VMXNET3_RXC3_LRO);
	const uint32x4_t shortest = WORDS(0, 0, RTE_ETHER_HDR_LEN, 0);
	const uint32x4_t longest = WORDS(0, 0, rxq->plain_max - RTE_ETHER_HDR_LEN, 0);
	const uint32x4_t telling = WORDS(VMXNET3_RXC0_TELLING, 0, 0, VMXNET3_RXC3_TELLING);
	const uint32x4_t of_length =
		WORDS(0, VMXNET3_RXC2_LEN, VMXNET3_RXC2_TCI | VMXNET3_RXC2_LEN, UINT32_MAX);
	const uint8x16_t to_fields = vld1q_u8(from);
	uint32x4_t due = WORDS(rxq->plain_word0 | ring->next, 0, 0, rxq->comp_gen);
	uint32x4_t sum = vdupq_n_u32(0);
	struct known k = {.key = vdupq_n_u32(UINT32_MAX)};
	uint16_t i;

	n = row(rxq, n);
	for (i = 0; i + 4 <= n; i += 4) {
		uint32x4_t e[4], odd[4], key[4], fields;

		/* ACQ-RXC of the last of four: the device writes them in order. */
		if (((pvn_le32_to_cpu(__atomic_load_n(&c[i + 3].word3, __ATOMIC_ACQUIRE)) ^
		      rxq->comp_gen) &
		     VMXNET3_RXC3_GEN) != 0)
			break;
		for (int j = 0; j < 4; j++) {
			e[j] = vld1q_u32((const uint32_t *)&c[i + j]);
			/* All zero, but for the length; too long if there is an error. */
			odd[j] = vandq_u32(veorq_u32(e[j], due), checked);
			odd[j] = vcgtq_u32(vsubq_u32(odd[j], shortest), longest);
			key[j] = vandq_u32(e[j], telling);
			due = vaddq_u32(due, WORDS(1, 0, 0, 0));
		}
		if (any(odd[0], odd[1], odd[2], odd[3]))
			break;
		if (unlike(&k, key)) {
			look_up(rxq, key[0], &k);
			if (unlike(&k, key))
				break; /* not alike: one by one */
		}
		for (int j = 0; j < 4; j++) {
			rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD + j]);
			fields = vreinterpretq_u32_u8(
				vqtbl1q_u8(vreinterpretq_u8_u32(e[j]), to_fields));
			fields = vorrq_u32(vandq_u32(fields, of_length), k.fields);
			sum = vaddq_u32(sum, fields);
			write_mbuf(slot[i + j], k.rearm, fields);
			if (more)
				slot[i + j]->ol_flags |= asked_flags(rxq, vgetq_lane_u32(e[j], 0),
								     vgetq_lane_u32(e[j], 2), 0);
			pkts[i + j] = slot[i + j];
		}
	}
	take_slots(ring, i);
	advance(rxq, i);
	rxq->stats.packets += i;
	rxq->stats.bytes += vgetq_lane_u32(sum, 1);
	return i;
}
#endif
