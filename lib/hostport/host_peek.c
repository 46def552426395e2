/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames of the guest, looked at before they are taken.
 *
 * As in host_rx.c, descriptors of a burst are copied and checked first, while the first lines of
 * their data are on the way; then heads are copied, and policy looks at those copies.
 */
#include <rte_cycles.h>

#include "hostport_priv.h"
#include "pvn_hostframe.h"

/* Of a mbuf, in a frame. */
#define FRAME_FLAGS (PVN_NETBUF_TX_HINTS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)

/* A frame in the ring: its buffers, the first of them apart. */
struct spot {
	struct pvn_vring_buf first;
	const struct pvn_vring_buf *more;
	uint16_t count; /* of buffers */
};

/* Copies and checks descriptors; at most `n` frames. Ends before a chain for which the burst has no
 * pieces left; the next burst begins with it.
 */
static uint16_t
find(struct pvn_host_rxq *q, struct pvn_host_burst *b, struct spot *spots, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct spot *s = &spots[i];
		struct pvn_vring_buf *chain = &b->piece[b->pieces];
		uint16_t pos = q->ring.pos + b->descs;

		s->count = 1;
		if (unlikely(!pvn_vring_dev_buf(&q->ring, pos, false, &s->first)))
			break;
		if (unlikely((s->first.flags & VRING_DESC_F_NEXT) != 0)) {
			if (b->pieces + PVN_VRING_CHAIN_MAX > RTE_DIM(b->piece))
				break;
			chain[0] = s->first;
			s->count = pvn_vring_dev_chain(&q->ring, pos, chain);
			if (s->count == 0)
				break;
			s->more = chain + 1;
			b->pieces += s->count;
		}
		rte_prefetch0(s->first.addr);
		b->last = pos;
		b->descs += s->count;
	}
	return i;
}

/* The head of a frame whose first buffer is shorter than a head: from as many as it takes. */
static void
gather_head(struct pvn_host_frame *f, const struct spot *s, struct pvn_vring_buf *more)
{
	f->head = f->copy;
	f->head_len = s->first.len;
	memcpy(f->copy, s->first.addr, s->first.len);
	f->piece = more;
	f->pieces = s->count - 1;
	while (f->pieces > 0 && f->head_len < PVN_HOST_HEAD) {
		uint32_t n = RTE_MIN(PVN_HOST_HEAD - f->head_len, more->len);

		memcpy(f->copy + f->head_len, more->addr, n);
		f->head_len += n;
		more->addr += n;
		more->len -= n;
		if (more->len > 0)
			break;
		f->piece = ++more;
		f->pieces--;
	}
}

/* A guest may change what it has sent, so its head is copied; a mbuf is ours. */
static inline void
take_head(struct pvn_host_frame *f, const struct spot *s)
{
	f->head = s->first.addr;
	f->head_len = RTE_MIN(s->first.len, PVN_HOST_HEAD);
	if (f->m == NULL) {
		f->head = f->copy;
		host_copy_head(f->copy, s->first.addr, f->head_len);
	}
	f->rest.addr = s->first.addr + f->head_len;
	f->rest.len = s->first.len - f->head_len;
	f->piece = &f->rest;
	f->pieces = f->rest.len > 0;
}

/* A frame in several buffers: length and pieces. The first buffer's rest becomes a piece too. A
 * length that is not the pieces' sum is too long for any frame.
 */
static void
take_chain(struct pvn_host_frame *f, const struct spot *s)
{
	/* The entries are this burst's; the first was copied into spot.first. */
	struct pvn_vring_buf *more = (struct pvn_vring_buf *)(uintptr_t)s->more;

	f->len = RTE_MIN(f->len, (uint32_t)UINT16_MAX + 1);
	for (uint16_t i = 0; i + 1 < s->count; i++)
		f->len += RTE_MIN(more[i].len, (uint32_t)UINT16_MAX + 1);
	if (s->first.len < PVN_HOST_HEAD) {
		gather_head(f, s, more);
		return;
	}
	take_head(f, s);
	more[-1] = f->rest;
	f->piece = f->pieces > 0 ? more - 1 : more;
	f->pieces += s->count - 1;
}

/* What goes on to others: not the guest's own words, of which only these were checked. */
static struct virtio_net_hdr
checked_hdr(const struct rte_mbuf *m, const struct virtio_net_hdr *told)
{
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = told->csum_start,
		.csum_offset = told->csum_offset,
	};

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		hdr.gso_type = told->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
		hdr.gso_size = told->gso_size;
		hdr.hdr_len = pvn_cpu_to_le16(m->l2_len + m->l3_len + m->l4_len);
	}
	return hdr;
}

/* Interprets the net header by the copy of the frame's head, as if there were no more of it: what
 * the rest says may change.
 */
static bool
take_hints(struct pvn_host_rxq *q, struct pvn_host_frame *f, const struct virtio_net_hdr *told)
{
	struct rte_mbuf m = {
		.buf_addr = f->copy,
		.data_len = f->head_len,
		.pkt_len = f->head_len,
		.nb_segs = 1,
	};

	if (!host_hdr_taken(q->features, told) || !pvn_netbuf_from_hdr(&m, told)) {
		q->stats.bad_hdr++;
		return false;
	}
	if ((m.ol_flags & PVN_NETBUF_TX_HINTS) == 0)
		return true;
	f->ol_flags = m.ol_flags & FRAME_FLAGS;
	f->tx_offload = m.tx_offload;
	f->hdr = checked_hdr(&m, told);
	return true;
}

static bool
len_ok(struct pvn_host_rxq *q, const struct pvn_host_frame *f, uint32_t longest)
{
	if (likely(f->len >= RTE_ETHER_HDR_LEN && f->len <= longest))
		return true;
	if (f->len < RTE_ETHER_HDR_LEN)
		q->stats.runt++;
	else
		q->stats.too_long++;
	return false;
}

/* Makes `f` of the frame at a spot. False if it is dropped, and counted. */
static inline bool
take(struct pvn_host_rxq *q, struct pvn_host_frame *f, const struct spot *s)
{
	const struct pvn_host_policy *policy = q->policy;
	const bool has_hdr = (s->first.flags & VRING_DESC_F_HDR) != 0;
	struct virtio_net_hdr told = {0};

	f->len = s->first.len;
	f->m = NULL;
	f->ol_flags = 0;
	if (likely(s->count == 1))
		take_head(f, s);
	else
		take_chain(f, s);
	rte_compiler_barrier(); /* from here on the copy is read, never the guest's pages again */
	if (unlikely(has_hdr))
		pvn_vring_dev_read_hdr(&s->first, &told);
	if (unlikely(!len_ok(q, f, has_hdr ? host_longest(q, &told) : q->max_frame)))
		return false;
	if (unlikely(has_hdr) && !take_hints(q, f, &told))
		return false;
	if (policy->check_mac &&
	    unlikely(!rte_is_same_ether_addr(
		    &((const struct rte_ether_hdr *)(const void *)f->head)->src_addr,
		    &policy->mac))) {
		q->stats.spoofed++;
		return false;
	}
	return true;
}

/* Takes out of the burst what is over the rate. */
static void
limit_rate(struct pvn_host_rxq *q, struct pvn_host_burst *b)
{
	uint32_t lens[PVN_HOST_BURST];
	uint16_t kept = 0;
	uint64_t pass;

	for (uint16_t i = 0; i < b->count; i++)
		lens[i] = b->frame[i].len;
	pass = pvn_host_within_rate(q->policy, lens, b->count);
	for (uint16_t i = 0; i < b->count; i++) {
		if ((pass & RTE_BIT64(i)) == 0) {
			q->stats.over_rate++;
			continue;
		}
		if (kept != i) {
			b->frame[kept] = b->frame[i];
			b->frame[kept].head = b->frame[kept].copy;
			if (b->frame[i].piece == &b->frame[i].rest)
				b->frame[kept].piece = &b->frame[kept].rest;
		}
		kept++;
	}
	b->count = kept;
}

static void
look(struct pvn_host_rxq *q, struct pvn_host_burst *b, uint16_t n)
{
	struct spot spots[PVN_HOST_BURST];
	uint64_t bytes = 0;

	b->seen = find(q, b, spots, n);
	for (uint16_t i = 0; i < b->seen; i++)
		b->count += take(q, &b->frame[b->count], &spots[i]);
	if (unlikely(q->policy->limit_rate))
		limit_rate(q, b);
	for (uint16_t i = 0; i < b->count; i++)
		bytes += b->frame[i].len;
	q->stats.packets += b->count;
	q->stats.bytes += bytes;
}

bool
pvn_host_peek(struct pvn_host_rxq *q, struct pvn_host_burst *b, uint16_t n)
{
	uint16_t known;

	b->count = b->seen = b->descs = b->pieces = 0;
	if (unlikely(!pvn_gate_enter(&q->gate)))
		return false;
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		known = pvn_vring_dev_avail(&q->ring, 1);
		if (known > 0)
			look(q, b, RTE_MIN(RTE_MIN(n, known), (uint16_t)PVN_HOST_BURST));
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	if (b->seen > 0)
		return true;
	pvn_gate_leave(&q->gate);
	return false;
}

void
pvn_host_done(struct pvn_host_rxq *q, struct pvn_host_burst *b)
{
	/* One element, in the place of the first frame, stands for all. [virtio 2.7.9] */
	pvn_vring_dev_fill_used(&q->ring, 0, b->last, 0);
	pvn_vring_dev_publish(&q->ring, b->seen, b->descs);
	pvn_gate_leave(&q->gate);
}

bool
pvn_host_frame_from_mbuf(struct pvn_host_frame *f, struct rte_mbuf *m, struct pvn_vring_buf *piece,
			 uint16_t max)
{
	const struct spot s = {
		.first = {.addr = rte_pktmbuf_mtod(m, uint8_t *), .len = m->data_len},
		.more = piece + 1,
		.count = m->nb_segs,
	};

	f->len = m->data_len;
	f->m = m; /* before take_head() */
	f->ol_flags = 0;
	if (unlikely((m->ol_flags & PVN_NETBUF_TX_HINTS) != 0)) {
		f->ol_flags = m->ol_flags & FRAME_FLAGS;
		f->tx_offload = m->tx_offload;
		f->hdr = (struct virtio_net_hdr){0};
	}
	if (likely(m->nb_segs == 1)) {
		take_head(f, &s);
		return true;
	}
	if (m->nb_segs > max)
		return false;
	for (const struct rte_mbuf *seg = m->next; seg != NULL; seg = seg->next)
		*++piece = (struct pvn_vring_buf){.addr = rte_pktmbuf_mtod(seg, uint8_t *),
						  .len = seg->data_len};
	take_chain(f, &s);
	return true;
}
