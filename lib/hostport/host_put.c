/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames that were looked at, copied to where they go: another guest's buffers, or mbufs.
 */
#include "hostport_priv.h"
#include "pvn_hostframe.h"

/* Where a copy has got to in a frame: the head, then its pieces. */
struct cursor {
	const uint8_t *from;
	uint32_t left;
	const struct pvn_vring_buf *next;
	uint16_t pieces;
};

static inline struct cursor
begin(const struct pvn_host_out *out)
{
	return (struct cursor){
		.from = out->head,
		.left = out->head_len,
		.next = out->frame->piece,
		.pieces = out->frame->pieces,
	};
}

/* Copies the next `len` bytes. */
static void
copy_next(struct cursor *c, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		uint32_t n = RTE_MIN(len, c->left);

		pvn_netbuf_copy(to, c->from, n);
		to += n;
		len -= n;
		c->from += n;
		c->left -= n;
		if (c->left > 0)
			continue;
		if (c->pieces == 0)
			break;
		c->from = c->next->addr;
		c->left = c->next->len;
		c->next++;
		c->pieces--;
	}
}

/* All of a frame to one place. */
static inline void
copy_whole(const struct pvn_host_out *out, uint8_t *to)
{
	const struct pvn_host_frame *f = out->frame;

	host_copy_head(to, out->head, out->head_len);
	to += out->head_len;
	for (uint16_t i = 0; i < f->pieces; i++) {
		pvn_netbuf_copy(to, f->piece[i].addr, f->piece[i].len);
		to += f->piece[i].len;
	}
}

/* The frame's net header for a head of another length. */
static struct virtio_net_hdr
shifted_hdr(const struct pvn_host_out *out, uint16_t buffers)
{
	struct virtio_net_hdr hdr = {0};

	if (out->frame->ol_flags != 0) {
		hdr = out->frame->hdr;
		hdr.csum_start = pvn_cpu_to_le16(pvn_le16_to_cpu(hdr.csum_start) + out->shift);
		if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
			hdr.hdr_len = pvn_cpu_to_le16(pvn_le16_to_cpu(hdr.hdr_len) + out->shift);
	}
	hdr.num_buffers = pvn_cpu_to_le16(buffers);
	return hdr;
}

/* Whether the frame can go to this guest at all; counted if not. */
static bool
can_go(struct pvn_host_txq *q, const struct pvn_host_out *out, struct pvn_host_sent *sent)
{
	const uint32_t longest =
		(out->frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? UINT16_MAX : q->max_frame;
	const uint32_t len = pvn_host_out_len(out);

	if (unlikely(!pvn_host_takes(q->features, out->frame))) {
		q->stats.bad_offload++;
		return false;
	}
	if (likely(len >= RTE_ETHER_HDR_LEN && len <= longest))
		return true;
	q->stats.too_long++;
	sent->too_long++;
	return false;
}

/* A frame into as many buffers as it fills, with a header if it needs one. */
static void
spread(struct pvn_host_txq *q, const struct pvn_host_out *out, uint16_t used,
       const struct pvn_vring_buf *bufs, uint16_t count)
{
	struct cursor c = begin(out);
	uint32_t left = pvn_host_out_len(out);
	const bool header = count > 1 || out->frame->ol_flags != 0;

	for (uint16_t i = 0; i < count; i++) {
		uint32_t n = RTE_MIN(left, bufs[i].len);

		copy_next(&c, bufs[i].addr, n);
		left -= n;
		pvn_vring_dev_fill_used(&q->ring, used + i, q->ring.pos + used + i,
					n | (header && i == 0 ? VRING_USED_LEN_HDR : 0));
	}
	if (header) {
		const struct virtio_net_hdr hdr = shifted_hdr(out, count);

		memcpy(bufs[0].addr - sizeof(hdr), &hdr, sizeof(hdr));
	}
}

/* A frame of any kind. False if it must wait. */
static bool
put_one(struct pvn_host_txq *q, const struct pvn_host_out *out, uint16_t *used, uint16_t *known,
	struct pvn_host_sent *sent)
{
	const uint32_t len = pvn_host_out_len(out);
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];
	uint32_t room = 0;
	uint16_t count;

	if (!can_go(q, out, sent))
		return true;
	*known = pvn_vring_dev_avail(&q->ring, UINT16_MAX);
	count = host_tx_collect(q, *used, *known, len, bufs);
	if (q->ring.fault != PVN_VRING_FAULT_NONE ||
	    (count == 0 && (*known <= q->ring.mask || *used > 0)))
		return false;
	for (uint16_t i = 0; i < count; i++)
		room += RTE_MIN(bufs[i].len, (uint32_t)UINT16_MAX + 1);
	if (room < len || (count > 1 && !q->mergeable)) {
		q->stats.too_long++;
		sent->too_long++;
		return true;
	}
	spread(q, out, *used, bufs, count);
	*used += count;
	sent->sent++;
	sent->bytes += len;
	return true;
}

/* Buffers for frames without hints, as long as each fits into one. Their first lines are asked for
 * here, all of them before the first is written; what comes behind them, in put_plain().
 */
static inline uint16_t
peek_plain(struct pvn_host_txq *q, const struct pvn_host_out *outs, uint16_t used, uint16_t n,
	   struct pvn_vring_buf *bufs)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		const uint32_t len = pvn_host_out_len(&outs[i]);

		if (unlikely(outs[i].frame->ol_flags != 0 || len > q->max_frame ||
			     len < RTE_ETHER_HDR_LEN))
			break;
		if (unlikely(!pvn_vring_dev_buf(&q->ring, q->ring.pos + used + i, true, &bufs[i]) ||
			     len > bufs[i].len))
			break;
		pvn_netbuf_prefetch_write(bufs[i].addr, RTE_CACHE_LINE_SIZE);
		bufs[i].len = len;
	}
	return i;
}

/* As tx_plain() in host_tx.c. */
static inline uint16_t
put_plain(struct pvn_host_txq *q, const struct pvn_host_out *outs, uint16_t used, uint16_t n,
	  struct pvn_host_sent *sent)
{
	struct pvn_vring_buf bufs[PVN_NETBUF_BATCH];

	n = peek_plain(q, outs, used, RTE_MIN(n, PVN_NETBUF_BATCH), bufs);
	for (uint16_t i = 0; i < n; i++) {
		if (i + 1 < n)
			pvn_netbuf_prefetch_write(bufs[i + 1].addr, bufs[i + 1].len);
		copy_whole(&outs[i], bufs[i].addr);
		sent->bytes += bufs[i].len;
	}
	for (uint16_t i = 0; i < n; i++)
		pvn_vring_dev_fill_used(&q->ring, used + i, q->ring.pos + used + i, bufs[i].len);
	sent->sent += n;
	return n;
}

static void
put_burst(struct pvn_host_txq *q, const struct pvn_host_out *outs, uint16_t n,
	  struct pvn_host_sent *sent)
{
	uint16_t known = pvn_vring_dev_avail(&q->ring, n), used = 0, done = 0;

	while (done < n && used < known && q->ring.fault == PVN_VRING_FAULT_NONE) {
		uint16_t plain =
			put_plain(q, outs + done, used,
				  RTE_MIN((uint16_t)(n - done), (uint16_t)(known - used)), sent);

		done += plain;
		used += plain;
		if (likely(plain > 0) || q->ring.fault != PVN_VRING_FAULT_NONE)
			continue;
		if (!put_one(q, &outs[done], &used, &known, sent))
			break;
		done++;
	}
	sent->handled = done;
	q->stats.packets += sent->sent;
	q->stats.bytes += sent->bytes;
	if (likely(used > 0))
		pvn_vring_dev_publish(&q->ring, used, used);
}

void
pvn_host_put(struct pvn_host_txq *queue, const struct pvn_host_out *outs, uint16_t n,
	     struct pvn_host_sent *sent)
{
	struct pvn_host_txq *q;

	*sent = (struct pvn_host_sent){0};
	if (unlikely(!pvn_gate_enter(&queue->gate))) {
		sent->down = true;
		return;
	}
	q = host_tx_lock(queue);
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		put_burst(q, outs, n, sent);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	sent->down = q->ring.fault != PVN_VRING_FAULT_NONE;
	host_tx_unlock(q);
	pvn_gate_leave(&queue->gate);
}

struct rte_mbuf *
pvn_host_frame_mbuf(const struct pvn_host_out *out, struct rte_mempool *pool)
{
	const struct pvn_host_frame *f = out->frame;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;

	if (unlikely(m == NULL))
		return NULL;
	if (!pvn_netbuf_append(m, &last, pool, out->head, out->head_len))
		goto empty;
	for (uint16_t i = 0; i < f->pieces; i++)
		if (!pvn_netbuf_append(m, &last, pool, f->piece[i].addr, f->piece[i].len))
			goto empty;
	if (unlikely(f->ol_flags != 0)) {
		m->ol_flags |= f->ol_flags;
		m->tx_offload = f->tx_offload;
		m->l2_len += out->shift;
	}
	return m;
empty:
	rte_pktmbuf_free(m);
	return NULL;
}
