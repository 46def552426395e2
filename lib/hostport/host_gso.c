/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A TSO frame for a guest that does not take it: cut straight into the buffers it has posted. Those
 * differ in length, so that all segments fit shows only at the last one. Until then nothing is
 * given back: a frame that must wait, or is dropped, leaves only bytes in buffers that are ours to
 * write, and used elements behind the index.
 */
#include "hostport_priv.h"
#include "pvn_gso.h"

enum fit { FITS, TOO_FEW, TOO_LONG };

/* The current segment into buffers that have room for it. */
static void
put_segment(struct pvn_host_txq *q, const struct pvn_gso *g, uint16_t used,
	    const struct pvn_vring_buf *bufs, uint16_t count)
{
	uint32_t word = g->hinted || count > 1 ? VRING_USED_LEN_HDR : 0, skip = 0;
	struct virtio_net_hdr hdr = g->hdr;

	hdr.num_buffers = pvn_cpu_to_le16(count);
	if (word != 0)
		memcpy(bufs[0].addr - sizeof(hdr), &hdr, sizeof(hdr));
	for (uint16_t i = 0; i < count; i++) {
		const uint32_t len = RTE_MIN(g->len - skip, bufs[i].len);

		pvn_gso_copy_out(g, skip, bufs[i].addr, len);
		pvn_vring_dev_fill_used(&q->ring, used + i, q->ring.pos + used + i, word | len);
		skip += len;
		word = 0;
	}
}

/* The current segment into the buffers after the first *used, which counts them too. */
static enum fit
fit_segment(struct pvn_host_txq *q, const struct pvn_gso *g, uint16_t *used, uint16_t known)
{
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];
	uint16_t count = host_tx_collect(q, *used, known, g->len, bufs);
	uint64_t room = 0;

	if (count == 0)
		return TOO_FEW;
	for (uint16_t i = 0; i < count; i++)
		room += bufs[i].len;
	if (room < g->len || (count > 1 && !q->mergeable))
		return TOO_LONG;
	put_segment(q, g, *used, bufs, count);
	*used += count;
	return FITS;
}

/* Whether the frame can be sent at all; counted if not. */
static bool
can_be_cut(struct pvn_host_txq *q, struct pvn_gso *g, const struct rte_mbuf *m)
{
	if (!pvn_gso_begin(g, m, q->features) || g->segments > q->ring.mask + 1u) {
		q->stats.bad_offload++;
		return false;
	}
	if (g->longest > q->max_frame) {
		q->stats.too_long++;
		return false;
	}
	return true;
}

bool
host_tx_cut(struct pvn_host_txq *q, const struct rte_mbuf *m, uint16_t *used, uint16_t *known)
{
	enum fit fit = FITS;
	uint16_t taken = *used;
	struct pvn_gso g;

	if (!can_be_cut(q, &g, m))
		return true;
	*known = pvn_vring_dev_avail(&q->ring, UINT16_MAX); /* all there are now */
	if (g.segments > (uint16_t)(*known - *used))
		return false;
	while (fit == FITS && pvn_gso_next(&g))
		fit = fit_segment(q, &g, &taken, *known);
	if (q->ring.fault != PVN_VRING_FAULT_NONE ||
	    (fit == TOO_FEW && (*known <= q->ring.mask || *used > 0)))
		return false;
	if (fit == FITS) {
		*used = taken;
		q->stats.packets += g.segments;
		q->stats.bytes += g.total;
	} else if (fit == TOO_FEW) {
		q->stats.bad_offload++;
	} else {
		q->stats.too_long++;
	}
	return true;
}
