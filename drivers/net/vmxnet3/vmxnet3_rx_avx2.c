/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * take_plain() of vmxnet3_rx.c, four completions at a time. Those four are taken if all of them are
 * plain; the first that is not is left to whoever is called next.
 *
 * The bits that tell checksums and protocols are mostly those of the frame before, so what they
 * mean is kept in registers and looked up only when they change.
 */
#include "vmxnet3_rx.h"

#ifdef RTE_ARCH_X86_64
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Words 0 to 3 of a completion, twice. */
#define TWICE(w0, w1, w2, w3)                                                                      \
	_mm256_setr_epi32((int)(w0), (int)(w1), (int)(w2), (int)(w3), (int)(w0), (int)(w1),        \
			  (int)(w2), (int)(w3))

/* What is the same for all frames of a call, and what was found out of the last ones. */
struct known {
	__m256i key;   /* the bits that tell, of two completions alike */
	__m256i ptype; /* what they mean: in the place of the type, twice */
	__m128i rearm; /* the rearmed word, and flags */
};

AVX2 static inline void
look_up(const struct vmxnet3_rx_queue *rxq, __m256i key, struct known *k)
{
	const uint32_t word0 = _mm256_extract_epi32(key, 0), word3 = _mm256_extract_epi32(key, 3);
	const struct vmxnet3_rx_meaning *meaning = &rxq->meanings[VMXNET3_RX_MEANING(word0, word3)];

	k->key = _mm256_permute4x64_epi64(key, 0x44);
	k->ptype = TWICE(meaning->ptype, 0, 0, 0);
	k->rearm = _mm_set_epi64x((long long)(rxq->base_flags | meaning->flags),
				  (long long)rxq->rearm);
}

/* Writes one mbuf: two stores. */
AVX2 static inline void
write_mbuf(struct rte_mbuf *m, __m128i rearm, __m128i fields)
{
	_mm_store_si128((__m128i *)&m->rearm_data, rearm);
	_mm_storeu_si128((__m128i *)&m->rx_descriptor_fields1, fields);
}

AVX2 uint16_t
vmxnet3_rx_take_avx2(struct vmxnet3_rx_queue *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_rx_ring *ring = &rxq->rings[0];
	const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];
	struct rte_mbuf *const *slot = &ring->mbufs[ring->next];
	const uint32_t plain = rxq->plain_word0 | ring->next;
	const bool more = (rxq->tag_flags | rxq->hash_flags) != 0;
	const __m256i checked =
		TWICE(VMXNET3_RXC0_PLAIN, 0, VMXNET3_RXC2_ERR, VMXNET3_RXC3_GEN | VMXNET3_RXC3_LRO);
	const __m256i telling = TWICE(VMXNET3_RXC0_TELLING, 0, 0, VMXNET3_RXC3_TELLING);
	const __m256i no_bits = TWICE(~0u, ~0u, ~(VMXNET3_RXC2_ERR | VMXNET3_RXC2_TS), ~0u);
	const __m256i to_fields = _mm256_setr_epi8(VMXNET3_RX_FIELDS, VMXNET3_RX_FIELDS);
	const __m256i longest = _mm256_set1_epi32(rxq->plain_max);
	const __m256i shortest = _mm256_set1_epi32(RTE_ETHER_HDR_LEN);
	const __m256i step = _mm256_setr_epi32(4, 0, 0, 0, 4, 0, 0, 0);
	__m256i due01 = _mm256_setr_epi32((int)plain, 0, 0, (int)rxq->comp_gen, (int)plain + 1, 0,
					  0, (int)rxq->comp_gen);
	__m256i due23 = _mm256_add_epi32(due01, _mm256_srli_epi32(step, 1));
	__m256i sum = _mm256_setzero_si256();
	struct known k = {.key = _mm256_set1_epi32(-1)};
	uint32_t i;

	n = row(rxq, n);
	for (i = 0; i + 4 <= n; i += 4) {
		__m256i e01, e23, odd, f01, f23, lens, key01, key23;

		/* ACQ-RXC of the last of four: the device writes them in order. */
		if (((pvn_le32_to_cpu(__atomic_load_n(&c[i + 3].word3, __ATOMIC_ACQUIRE)) ^
		      rxq->comp_gen) &
		     VMXNET3_RXC3_GEN) != 0)
			break;
		e01 = _mm256_loadu_si256((const __m256i *)&c[i]);
		e23 = _mm256_loadu_si256((const __m256i *)&c[i + 2]);
		f01 = _mm256_shuffle_epi8(_mm256_and_si256(e01, no_bits), to_fields);
		f23 = _mm256_shuffle_epi8(_mm256_and_si256(e23, no_bits), to_fields);
		/* The four lengths, each twice. */
		lens = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(f01),
							     _mm256_castsi256_ps(f23), 0x55));
		odd = _mm256_or_si256(_mm256_xor_si256(e01, due01), _mm256_xor_si256(e23, due23));
		odd = _mm256_or_si256(_mm256_and_si256(odd, checked),
				      _mm256_or_si256(_mm256_cmpgt_epi32(lens, longest),
						      _mm256_cmpgt_epi32(shortest, lens)));
		if (!_mm256_testz_si256(odd, odd))
			break;
		key01 = _mm256_and_si256(e01, telling);
		key23 = _mm256_and_si256(e23, telling);
		odd = _mm256_or_si256(_mm256_xor_si256(key01, k.key),
				      _mm256_xor_si256(key23, k.key));
		if (!_mm256_testz_si256(odd, odd)) {
			look_up(rxq, key01, &k);
			odd = _mm256_or_si256(_mm256_xor_si256(key01, k.key),
					      _mm256_xor_si256(key23, k.key));
			if (!_mm256_testz_si256(odd, odd))
				break; /* not alike: one by one */
		}
		f01 = _mm256_or_si256(f01, k.ptype);
		f23 = _mm256_or_si256(f23, k.ptype);
		rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD]);
		rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD + 1]);
		rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD + 2]);
		rte_prefetch0(slot[i + VMXNET3_PREFETCH_AHEAD + 3]);
		write_mbuf(slot[i], k.rearm, _mm256_castsi256_si128(f01));
		write_mbuf(slot[i + 1], k.rearm, _mm256_extracti128_si256(f01, 1));
		write_mbuf(slot[i + 2], k.rearm, _mm256_castsi256_si128(f23));
		write_mbuf(slot[i + 3], k.rearm, _mm256_extracti128_si256(f23, 1));
		if (more) {
			slot[i]->ol_flags |= asked_flags(rxq, _mm256_extract_epi32(e01, 0),
							 _mm256_extract_epi32(e01, 2), 0);
			slot[i + 1]->ol_flags |= asked_flags(rxq, _mm256_extract_epi32(e01, 4),
							     _mm256_extract_epi32(e01, 6), 0);
			slot[i + 2]->ol_flags |= asked_flags(rxq, _mm256_extract_epi32(e23, 0),
							     _mm256_extract_epi32(e23, 2), 0);
			slot[i + 3]->ol_flags |= asked_flags(rxq, _mm256_extract_epi32(e23, 4),
							     _mm256_extract_epi32(e23, 6), 0);
		}
		_mm256_storeu_si256((__m256i *)&pkts[i],
				    _mm256_loadu_si256((const __m256i *)&slot[i]));
		sum = _mm256_add_epi32(sum, lens);
		due01 = _mm256_add_epi32(due01, step);
		due23 = _mm256_add_epi32(due23, step);
	}
	take_slots(ring, i);
	advance(rxq, i);
	rxq->stats.packets += i;
	rxq->stats.bytes +=
		(uint32_t)_mm256_extract_epi32(sum, 0) + (uint32_t)_mm256_extract_epi32(sum, 2) +
		(uint32_t)_mm256_extract_epi32(sum, 4) + (uint32_t)_mm256_extract_epi32(sum, 6);
	return i;
}
#endif
