/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * take_plain() of vmxnet3_rx.c, four completions at a time, which are one vector. What is said in
 * vmxnet3_rx_avx2.c holds here too; what this saves is that a mbuf is written by one store, that
 * lengths and all other words are checked together, and that flags of tags and hashes need no
 * second look at a mbuf.
 *
 * A compiler that is told to build for an old CPU, as DPDK tells it, breaks unaligned stores in
 * two, which costs a twentieth here; so it is told for which to arrange things. What is not always
 * inline it then takes for something of another kind and calls: none of that in the loop.
 */
#include "vmxnet3_rx.h"

#ifdef RTE_ARCH_X86_64
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,tune=haswell")))

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "completions are as the device wrote them");

/* Words 0 to 3 of each of four completions. */
#define EACH(w0, w1, w2, w3)                                                                       \
	_mm512_broadcast_i32x4(_mm_setr_epi32((int)(w0), (int)(w1), (int)(w2), (int)(w3)))

/* What is the same for all frames of a call, and what was found out of the last ones. */
struct known {
	__m512i key;	/* the bits that tell, of four completions alike */
	__m512i fields; /* what they mean: the type, in its place, four times */
	__m512i rearm;	/* the rearmed word, and flags, four times */
};

AVX512 static inline void
look_up(const struct vmxnet3_rx_queue *rxq, __m128i key, struct known *k)
{
	const uint32_t word0 = _mm_cvtsi128_si32(key), word3 = _mm_extract_epi32(key, 3);
	const struct vmxnet3_rx_meaning *meaning = &rxq->meanings[VMXNET3_RX_MEANING(word0, word3)];

	k->key = _mm512_broadcast_i32x4(key);
	k->fields = EACH(meaning->ptype, 0, 0, 0);
	k->rearm = _mm512_broadcast_i32x4(_mm_set_epi64x(
		(long long)(rxq->base_flags | meaning->flags), (long long)rxq->rearm));
}

/* Writes two mbufs from the rearmed word on: half a line each. */
AVX512 static inline void
write_mbufs(struct rte_mbuf *const *m, __m512i both)
{
	_mm256_storeu_si256((__m256i *)&m[0]->rearm_data, _mm512_castsi512_si256(both));
	_mm256_storeu_si256((__m256i *)&m[1]->rearm_data, _mm512_extracti64x4_epi64(both, 1));
}

AVX512 uint16_t
vmxnet3_rx_take_avx512(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_rx_ring *ring = &rxq->rings[0];
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];
	struct rte_mbuf *const *slot = &ring->mbufs[ring->next];
	const __m512i checked = EACH(VMXNET3_RXC0_PLAIN, 0, VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN,
				     VMXNET3_RXC3_GEN | VMXNET3_RXC3_LRO);
	const __m512i shortest = EACH(0, 0, RTE_ETHER_HDR_LEN, 0);
	const __m512i longest = EACH(0, 0, rxq->plain_max - RTE_ETHER_HDR_LEN, 0);
	const __m512i telling = EACH(VMXNET3_RXC0_TELLING, 0, 0, VMXNET3_RXC3_TELLING);
	const __m512i to_fields = _mm512_broadcast_i32x4(_mm_setr_epi8(VMXNET3_RX_FIELDS));
	const __m512i of_length =
		EACH(0, VMXNET3_RXC2_LEN, VMXNET3_RXC2_TCI | VMXNET3_RXC2_LEN, ~0u);
	const __m512i tag = EACH(0, 0, VMXNET3_RXC2_TS, 0);
	const __m512i hash = EACH(VMXNET3_RXC0_RSS_TYPE, 0, 0, 0);
	const __m512i tag_flags = _mm512_set1_epi32(rxq->tag_flags);
	const __m512i hash_flags = _mm512_set1_epi32(rxq->hash_flags);
	const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
	const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
	const __m512i step = EACH(4, 0, 0, 0);
	__m512i due =
		_mm512_add_epi32(EACH(rxq->plain_word0 | ring->next, 0, 0, rxq->comp_gen),
				 _mm512_setr_epi32(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
	const uint32_t comp_gen = rxq->comp_gen;
	__m512i sum = _mm512_setzero_si512();
	struct known k = {.key = _mm512_set1_epi32(-1)};
	uint32_t i;

	n = row(rxq, n);
	for (i = 0; i + 4 <= n; i += 4) {
		__m512i e, odd, key, fields, rearm;

		/* ACQ-RXC of the last of four: the device writes them in order. */
		if (((__atomic_load_n(&c[i + 3].word3, __ATOMIC_ACQUIRE) ^ comp_gen) &
		     VMXNET3_RXC3_GEN) != 0)
			break;
		e = _mm512_loadu_si512(&c[i]);
		/* (e ^ due) & checked: all zero, but for the lengths. */
		odd = _mm512_ternarylogic_epi32(e, due, checked, 0x28);
		if (_mm512_cmpgt_epu32_mask(_mm512_sub_epi32(odd, shortest), longest) != 0)
			break;
		key = _mm512_and_si512(e, telling);
		if (_mm512_cmpneq_epi32_mask(key, k.key) != 0) {
			look_up(rxq, _mm512_castsi512_si128(key), &k);
			if (_mm512_cmpneq_epi32_mask(key, k.key) != 0)
				break; /* not alike: one by one */
		}
		/* (e & of_length) | type */
		fields = _mm512_ternarylogic_epi32(_mm512_shuffle_epi8(e, to_fields), of_length,
						   k.fields, 0xEA);
		rearm = _mm512_mask_or_epi32(k.rearm, _mm512_test_epi32_mask(e, tag), k.rearm,
					     tag_flags);
		rearm = _mm512_mask_or_epi32(rearm, _mm512_test_epi32_mask(e, hash) << 2, rearm,
					     hash_flags);
		__builtin_prefetch(slot[i + VMXNET3_PREFETCH_AHEAD]);
		__builtin_prefetch(slot[i + VMXNET3_PREFETCH_AHEAD + 1]);
		__builtin_prefetch(slot[i + VMXNET3_PREFETCH_AHEAD + 2]);
		__builtin_prefetch(slot[i + VMXNET3_PREFETCH_AHEAD + 3]);
		write_mbufs(&slot[i], _mm512_permutex2var_epi64(rearm, first, fields));
		write_mbufs(&slot[i + 2], _mm512_permutex2var_epi64(rearm, second, fields));
		_mm256_storeu_si256((__m256i *)&pkts[i],
				    _mm256_loadu_si256((const __m256i *)&slot[i]));
		sum = _mm512_add_epi32(sum, fields);
		due = _mm512_add_epi32(due, step);
	}
	take_slots(ring, i);
	advance(rxq, i);
	rxq->stats.packets += i;
	rxq->stats.bytes += (uint32_t)_mm512_mask_reduce_add_epi32(0x2222, sum);
	return i;
}
#endif
