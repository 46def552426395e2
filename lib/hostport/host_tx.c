/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames to the guest: into the buffers it has posted, one after the other, each with its used
 * element. A frame that is longer than a buffer fills several, and the header before the first says
 * how many. [RING 4]
 */
#include "hostport_priv.h"
#include "pvn_gso.h"
#include "pvn_hostframe.h"

uint16_t
host_tx_collect(struct pvn_host_txq *q, uint16_t used, uint16_t known, uint32_t len,
		struct pvn_vring_buf *bufs)
{
	uint16_t count = 0;
	uint32_t room = 0;

	while (room < len && count < PVN_VRING_CHAIN_MAX) {
		if (used + count >= known)
			return 0;
		if (!pvn_vring_dev_buf(&q->ring, q->ring.pos + used + count, true, &bufs[count]))
			return 0;
		room += RTE_MIN(bufs[count].len, (uint32_t)UINT16_MAX + 1);
		count++;
	}
	return count;
}

/* Copies a frame over several buffers. The length words' flag says if there is a header. */
static bool
spread(struct pvn_host_txq *q, const struct rte_mbuf *m, uint16_t used,
       const struct pvn_vring_buf *bufs, uint16_t count)
{
	struct virtio_net_hdr hdr = {0};
	enum pvn_netbuf_hints hints;
	uint32_t skip = 0;

	for (uint16_t i = 0; i < count; i++) {
		uint32_t len = RTE_MIN(m->pkt_len - skip, bufs[i].len);

		pvn_netbuf_copy_out(m, skip, bufs[i].addr, len);
		pvn_vring_dev_fill_used(&q->ring, used + i, q->ring.pos + used + i, len);
		skip += len;
	}
	if (skip < m->pkt_len) {
		q->stats.too_long++;
		return false;
	}
	hints = pvn_netbuf_hints(m, bufs[0].addr, bufs[0].len, q->features, &hdr);
	if (hints == PVN_NETBUF_BAD) {
		q->stats.bad_offload++;
		return false;
	}
	if (hints == PVN_NETBUF_HDR || count > 1) {
		hdr.num_buffers = pvn_cpu_to_le16(count);
		memcpy(bufs[0].addr - sizeof(hdr), &hdr, sizeof(hdr));
		pvn_vring_dev_fill_used(&q->ring, used, q->ring.pos + used,
					RTE_MIN(m->pkt_len, bufs[0].len) | VRING_USED_LEN_HDR);
	}
	return true;
}

static bool
len_ok(struct pvn_host_txq *q, const struct rte_mbuf *m)
{
	const uint32_t longest =
		(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? UINT16_MAX : q->max_frame;

	if (likely(m->pkt_len >= RTE_ETHER_HDR_LEN && m->pkt_len <= longest))
		return true;
	q->stats.too_long++;
	return false;
}

/* A frame of any kind. False if it must wait; *used counts the buffers it took. */
static bool
tx_one(struct pvn_host_txq *q, const struct rte_mbuf *m, uint16_t *used, uint16_t *known)
{
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];
	uint16_t count;

	if (!len_ok(q, m))
		return true;
	if (unlikely(pvn_gso_needed(m, q->features)))
		return host_tx_cut(q, m, used, known);
	*known = pvn_vring_dev_avail(&q->ring, UINT16_MAX); /* all there are now */
	count = host_tx_collect(q, *used, *known, m->pkt_len, bufs);
	if (q->ring.fault != PVN_VRING_FAULT_NONE ||
	    (count == 0 && (*known <= q->ring.mask || *used > 0)))
		return false;
	if (count == 0 || (count > 1 && !q->mergeable)) {
		q->stats.too_long++;
		return true;
	}
	if (spread(q, m, *used, bufs, count)) {
		*used += count;
		q->stats.packets++;
		q->stats.bytes += m->pkt_len;
	}
	return true;
}

/* Checks frames and buffers as long as they are frames of one segment that want nothing, each with
 * one buffer that holds it.
 */
static inline uint16_t
peek_plain(struct pvn_host_txq *q, struct rte_mbuf **mbufs, uint16_t used, uint16_t n,
	   struct pvn_vring_buf *bufs)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];
		uint32_t len = m->data_len;

		if (unlikely(m->nb_segs != 1 || len > q->max_frame || len < RTE_ETHER_HDR_LEN ||
			     (m->ol_flags & PVN_NETBUF_TX_HINTS) != 0))
			break;
		if (unlikely(!pvn_vring_dev_buf(&q->ring, q->ring.pos + used + i, true, &bufs[i]) ||
			     len > bufs[i].len))
			break;
		bufs[i].len = len;
	}
	return i;
}

/* Such frames into their buffers; stops before any other. Used elements are written after all the
 * data, as in tx_plain() of the guest.
 */
static inline uint16_t
tx_plain(struct pvn_host_txq *q, struct rte_mbuf **mbufs, uint16_t used, uint16_t n)
{
	struct pvn_vring_buf bufs[PVN_NETBUF_BATCH];
	struct pvn_netbuf_long put_off;
	uint64_t bytes = 0;

	put_off.count = 0;
	n = peek_plain(q, mbufs, used, RTE_MIN(n, PVN_NETBUF_BATCH), bufs);
	for (uint16_t i = 0; i < n; i++) {
		pvn_netbuf_copy_short(bufs[i].addr, rte_pktmbuf_mtod(mbufs[i], const void *),
				      bufs[i].len, &put_off);
		bytes += bufs[i].len;
	}
	if (put_off.count > 0)
		pvn_netbuf_copy_long(&put_off, true);
	for (uint16_t i = 0; i < n; i++)
		pvn_vring_dev_fill_used(&q->ring, used + i, q->ring.pos + used + i, bufs[i].len);
	q->stats.packets += n;
	q->stats.bytes += bytes;
	return n;
}

static uint16_t
tx_burst(struct pvn_host_txq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t known = pvn_vring_dev_avail(&q->ring, n), used = 0, done = 0;

	while (done < n && used < known && q->ring.fault == PVN_VRING_FAULT_NONE) {
		uint16_t plain = tx_plain(q, mbufs + done, used,
					  RTE_MIN((uint16_t)(n - done), (uint16_t)(known - used)));

		done += plain;
		used += plain;
		if (likely(plain > 0) || q->ring.fault != PVN_VRING_FAULT_NONE)
			continue;
		if (!tx_one(q, mbufs[done], &used, &known))
			break;
		done++;
	}
	if (likely(used > 0))
		pvn_vring_dev_publish(&q->ring, used, used);
	return done;
}

void
pvn_host_put_mbuf(struct pvn_host_txq *own, struct rte_mbuf *m, struct pvn_host_sent *sent)
{
	struct pvn_host_txq *q;
	uint64_t packets, bytes, too_long;

	*sent = (struct pvn_host_sent){0};
	if (unlikely(!pvn_gate_enter(&own->gate))) {
		sent->down = true;
		return;
	}
	q = host_tx_lock(own);
	packets = q->stats.packets;
	bytes = q->stats.bytes;
	too_long = q->stats.too_long;
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		sent->handled = tx_burst(q, &m, 1);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	sent->sent = q->stats.packets != packets;
	sent->bytes = q->stats.bytes - bytes;
	sent->too_long = q->stats.too_long != too_long;
	sent->down = q->ring.fault != PVN_VRING_FAULT_NONE;
	host_tx_unlock(q);
	pvn_gate_leave(&own->gate);
}

uint16_t
pvn_host_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_host_txq *own = queue, *q;
	uint16_t sent = 0;

	if (unlikely(!pvn_gate_enter(&own->gate)))
		return 0;
	q = host_tx_lock(own);
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		sent = tx_burst(q, mbufs, n);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	host_tx_unlock(q);
	pvn_gate_leave(&own->gate);
	if (likely(sent > 0))
		pvn_netbuf_free(mbufs, sent);
	return sent;
}
