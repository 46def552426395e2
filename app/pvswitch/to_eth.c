/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * To a port of DPDK's.
 */
#include <pvn_gso.h>

#include "parcel.h"

/* A frame of another such port, alone on its way: its own mbuf, with the new head. */
static struct rte_mbuf *
own_mbuf(struct pvs_worker *w, const struct pvn_host_out *out, uint8_t frame)
{
	struct rte_mbuf *m = w->mbuf[frame];

	if (out->head != out->frame->head) {
		/* Addresses and tag: what differs. The segment has room, or it is copied. */
		char *start = out->shift < 0   ? rte_pktmbuf_adj(m, -out->shift)
			      : out->shift > 0 ? rte_pktmbuf_prepend(m, out->shift)
					       : rte_pktmbuf_mtod(m, char *);

		if (start == NULL)
			return NULL;
		memcpy(start, out->head, 2 * RTE_ETHER_ADDR_LEN + sizeof(struct rte_vlan_hdr));
	}
	w->kept &= ~RTE_BIT64(frame);
	return m;
}

/* Frames of this burst that no other port gets, and whose mbufs are still here. */
static inline uint64_t
own_frames(const struct pvs_worker *w)
{
	return w->kept & ~w->shared;
}

static inline bool
may_give_away(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && !RTE_MBUF_CLONED(m);
}

static void
send_mbufs(struct pvs_worker *w, struct parcel *p, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvs_eth *eth = p->lane->eth;
	const uint16_t queue = w->id % eth->tx_queues;
	const bool lock = eth->tx_queues < w->sw->workers;
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	if (lock)
		rte_spinlock_lock(&eth->lock[queue]);
	sent = rte_eth_tx_burst(eth->id, queue, mbufs, n);
	if (lock)
		rte_spinlock_unlock(&eth->lock[queue]);
	for (uint16_t i = sent; i < n; i++)
		bytes -= mbufs[i]->pkt_len;
	pvn_switch_add(&p->counts->tx_frames, sent);
	pvn_switch_add(&p->counts->tx_bytes, bytes);
	if (unlikely(sent < n)) {
		drop(p, PVN_SWITCH_CAUSE_TX_FULL, n - sent);
		rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	}
}

/* More of one frame are a guest's way to keep a worker busy: honest ones have 45 or so. */
#define SEGMENTS_MAX 512u

/* A TSO frame as segments. All are sent, or as many as there are mbufs for. */
static void
send_segments(struct pvs_worker *w, struct parcel *p, const struct rte_mbuf *m)
{
	struct pvn_gso g;

	if (!pvn_gso_begin(&g, m, 0) || g.segments > SEGMENTS_MAX) {
		drop(p, PVN_SWITCH_CAUSE_TX_OFFLOAD, 1);
		return;
	}
	while (pvn_gso_next(&g)) {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(w->sw->pool), *last = segment;
		uint8_t part[512];

		for (uint32_t at = 0; segment != NULL && at < g.len; at += sizeof(part)) {
			uint32_t len = RTE_MIN(g.len - at, (uint32_t)sizeof(part));

			pvn_gso_copy_out(&g, at, part, len);
			if (pvn_netbuf_append(segment, &last, w->sw->pool, part, len))
				continue;
			rte_pktmbuf_free(segment);
			segment = NULL;
		}
		if (segment == NULL) {
			drop(p, PVN_SWITCH_CAUSE_TX_NOMBUF, 1);
			return;
		}
		send_mbufs(w, p, &segment, 1);
	}
}

/* Mbufs that are to be sent together. */
struct bunch {
	struct rte_mbuf *mbuf[PVN_HOST_BURST];
	uint16_t count;
};

static void
send_bunch(struct pvs_worker *w, struct parcel *p, struct bunch *b)
{
	if (likely(b->count > 0))
		send_mbufs(w, p, b->mbuf, b->count);
	b->count = 0;
}

/* What a guest left undone is done here: no offload of the port is relied on. */
static void
finish(struct pvs_worker *w, struct parcel *p, struct rte_mbuf *m, struct bunch *b)
{
	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		send_bunch(w, p, b); /* what came before goes before */
		send_segments(w, p, m);
	} else if (pvn_netbuf_checksum(m)) {
		b->mbuf[b->count++] = m;
		return;
	} else {
		drop(p, PVN_SWITCH_CAUSE_TX_OFFLOAD, 1);
	}
	rte_pktmbuf_free(m);
}

void
pvs_to_eth(struct pvs_worker *w, struct parcel *p)
{
	struct bunch b;

	b.count = 0;
	for (uint16_t i = 0; i < p->count; i++) {
		struct rte_mbuf *m = NULL;

		if ((own_frames(w) & RTE_BIT64(p->frame[i])) != 0 &&
		    may_give_away(w->mbuf[p->frame[i]]) &&
		    w->mbuf[p->frame[i]]->data_len >= PVN_SWITCH_HEAD)
			m = own_mbuf(w, &p->out[i], p->frame[i]);
		if (m == NULL)
			m = pvn_host_frame_mbuf(&p->out[i], w->sw->pool);
		if (unlikely(m == NULL))
			drop(p, PVN_SWITCH_CAUSE_TX_NOMBUF, 1);
		else if (likely((m->ol_flags & PVN_NETBUF_TX_HINTS) == 0))
			b.mbuf[b.count++] = m;
		else
			finish(w, p, m, &b);
	}
	send_bunch(w, p, &b);
}

bool
pvs_give_mbufs(struct pvs_worker *w, struct parcel *p, uint64_t frames)
{
	struct rte_mbuf *mbufs[PVN_HOST_BURST];
	uint16_t n = 0, tci;

	if (p->lane->kind != PVS_ETH || (frames & ~own_frames(w)) != 0)
		return false;
	for (uint64_t rest = frames; rest != 0; rest &= rest - 1) {
		const uint32_t i = rte_bsf64(rest);

		if (pvn_switch_tag(w->view->conf, p->port, &w->verdict[i], &tci) !=
			    PVN_SWITCH_TAG_KEEP ||
		    !may_give_away(w->mbuf[i]))
			return false;
		mbufs[n++] = w->mbuf[i];
	}
	w->kept &= ~frames;
	send_mbufs(w, p, mbufs, n);
	return true;
}
