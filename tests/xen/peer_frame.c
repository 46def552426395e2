/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include <string.h>

#include "peer_frame.h"

struct head {
	struct rte_ether_hdr eth;
	uint16_t pad; /* the numbers after it are aligned */
	uint32_t len;
	uint64_t seq;
};

/* A byte that depends on where it is and on which frame it is in, and not on neighbours. */
static inline uint8_t
pattern(uint64_t seq, uint32_t at)
{
	return (uint8_t)((seq * 31 + at * 7 + (at >> 8) * 13) ^ (seq >> 8));
}

static void
fill(uint8_t *frame, const struct rte_ether_addr *dst, const struct rte_ether_addr *src,
     uint64_t seq, uint32_t len)
{
	struct head head = {.len = len, .seq = seq};

	head.eth.dst_addr = *dst;
	head.eth.src_addr = *src;
	head.eth.ether_type = rte_cpu_to_be_16(PEER_ETHER_TYPE);
	memcpy(frame, &head, sizeof(head));
	for (uint32_t i = sizeof(head); i < len; i++)
		frame[i] = pattern(seq, i);
}

struct rte_mbuf *
peer_frame_make(struct rte_mempool *pool, const struct rte_ether_addr *dst,
		const struct rte_ether_addr *src, uint64_t seq, uint32_t len)
{
	uint8_t frame[PEER_FRAME_MAX];
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;
	uint32_t done = 0;

	fill(frame, dst, src, seq, len);
	while (m != NULL && done < len) {
		uint32_t n = RTE_MIN(len - done, (uint32_t)rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), frame + done, n);
		last->data_len += n;
		m->pkt_len += n;
		done += n;
		if (done == len)
			break;
		last->next = rte_pktmbuf_alloc(pool);
		last = last->next;
		if (last == NULL) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		m->nb_segs++;
	}
	return m;
}

bool
peer_frame_check(const struct rte_mbuf *m, uint64_t *seq)
{
	uint8_t copy[PEER_FRAME_MAX];
	const uint8_t *frame;
	struct head head;

	if (m->pkt_len < sizeof(head) || m->pkt_len > sizeof(copy))
		return false;
	frame = rte_pktmbuf_read(m, 0, m->pkt_len, copy);
	if (frame == NULL)
		return false;
	memcpy(&head, frame, sizeof(head));
	if (head.eth.ether_type != rte_cpu_to_be_16(PEER_ETHER_TYPE) || head.len != m->pkt_len)
		return false;
	for (uint32_t i = sizeof(head); i < m->pkt_len; i++)
		if (frame[i] != pattern(head.seq, i))
			return false;
	*seq = head.seq;
	return true;
}
