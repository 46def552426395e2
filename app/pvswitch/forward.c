/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A burst from its port to its ports.
 *
 * Frames of guests stay in the guests' pages: their heads are copied, decided on and sent, and the
 * rest is copied once for each port that it goes to. The source's buffers are given back at the
 * end. Frames of DPDK's ports are looked at in the same words; one that goes to a single port of
 * that kind goes as the mbuf that it is. Whoever does not keep up loses frames: nobody waits.
 */
#include <rte_cycles.h>

#include <pvn_gso.h>

#include "view.h"

/* The frames of a burst on their way to one port. */
struct parcel {
	uint16_t port;
	uint16_t count;
	uint64_t bytes;
	const struct pvs_lane *lane;
	struct pvn_switch_counts *counts;
	struct pvn_host_out out[PVN_HOST_BURST];
	uint8_t frame[PVN_HOST_BURST]; /* which of the burst */
};

static void
drop(struct parcel *p, enum pvn_switch_cause cause, uint64_t n)
{
	if (n > 0)
		pvn_switch_add(&p->counts->drop[cause], n);
}

/* ---- to a guest ---- */

static void
count_sent(struct parcel *p, const struct pvn_host_sent *sent, uint16_t n)
{
	pvn_switch_add(&p->counts->tx_frames, sent->sent);
	pvn_switch_add(&p->counts->tx_bytes, sent->bytes);
	if (likely(sent->sent == n))
		return;
	drop(p, sent->down ? PVN_SWITCH_CAUSE_TX_DOWN : PVN_SWITCH_CAUSE_TX_FULL,
	     n - sent->handled);
	drop(p, PVN_SWITCH_CAUSE_TX_LONG, sent->too_long);
	drop(p, PVN_SWITCH_CAUSE_TX_OFFLOAD, sent->handled - sent->sent - sent->too_long);
}

/* A frame whose hints the guest does not take, done in software. */
static void
put_in_software(struct pvs_worker *w, struct parcel *p, const struct pvn_host_out *out,
		struct pvn_host_txq *q)
{
	struct rte_mbuf *m = pvn_host_frame_mbuf(out, w->sw->pool);

	struct pvn_host_sent sent;

	if (m == NULL) {
		drop(p, PVN_SWITCH_CAUSE_TX_NOMBUF, 1);
		return;
	}
	pvn_host_put_mbuf(q, m, &sent);
	count_sent(p, &sent, 1);
	rte_pktmbuf_free(m);
}

/* Frames that the guest takes as they are. */
static void
put_run(struct parcel *p, const struct pvn_host_out *outs, uint16_t n, struct pvn_host_txq *q)
{
	struct pvn_host_sent sent;

	pvn_host_put(q, outs, n, &sent);
	count_sent(p, &sent, n);
}

static void
to_guest(struct pvs_worker *w, struct parcel *p)
{
	struct pvn_host_txq *q = &p->lane->guest->txq[w->id];
	const uint64_t features = (q->lead != NULL ? q->lead : q)->features;
	uint16_t begin = 0;

	for (uint16_t i = 0; i < p->count; i++) {
		if (likely(pvn_host_takes(features, p->out[i].frame)))
			continue;
		if (i > begin)
			put_run(p, &p->out[begin], i - begin, q);
		put_in_software(w, p, &p->out[i], q);
		begin = i + 1;
	}
	if (likely(begin < p->count))
		put_run(p, &p->out[begin], p->count - begin, q);
}

/* ---- to a port of DPDK's ---- */

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
	w->mbuf[frame] = NULL;
	return m;
}

static bool
may_give_away(const struct pvs_worker *w, uint8_t frame)
{
	const struct rte_mbuf *m = w->burst.frame[frame].m;

	return m != NULL && w->mbuf[frame] != NULL && (w->shared_frames & RTE_BIT64(frame)) == 0 &&
	       rte_mbuf_refcnt_read(m) == 1 && !RTE_MBUF_CLONED(m) && m->data_len >= 18;
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

static void
to_eth(struct pvs_worker *w, struct parcel *p)
{
	struct bunch b;

	b.count = 0;
	for (uint16_t i = 0; i < p->count; i++) {
		struct rte_mbuf *m = NULL;

		if (may_give_away(w, p->frame[i]))
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

/* ---- the burst ---- */

/* The head as it is to leave, in the worker's memory if it is another. */
static inline void
add_frame(struct pvs_worker *w, struct parcel *p, uint32_t i)
{
	const struct pvn_host_frame *f = &w->burst.frame[i];
	struct pvn_host_out *out = &p->out[p->count];
	enum pvn_switch_tag_op op;
	uint8_t *head;
	uint16_t tci;

	*out = (struct pvn_host_out){.frame = f, .head = f->head, .head_len = f->head_len};
	p->frame[p->count] = i;
	op = pvn_switch_tag(w->view->conf, p->port, &w->verdict[i], &tci);
	if (unlikely(op != PVN_SWITCH_TAG_KEEP)) {
		head = &w->scratch[p->count][PVN_HOST_HEAD_ROOM];
		memcpy(head, f->head, f->head_len);
		out->head = pvn_switch_retag(head, op, tci);
		out->shift = head - out->head;
		out->head_len += out->shift;
	}
	p->count++;
}

static void
send_parcel(struct pvs_worker *w, struct parcel *p)
{
	p->lane = &w->view->lane[p->port];
	p->counts = &w->sw->counts[w->id][p->port];
	if (p->lane->kind == PVS_GUEST)
		to_guest(w, p);
	else if (p->lane->kind == PVS_ETH)
		to_eth(w, p);
}

/* A copy of what goes through a port, to the port that watches it. */
static void
mirror(struct pvs_worker *w, const struct parcel *seen, uint16_t to)
{
	struct parcel copy = *seen;

	copy.port = to;
	send_parcel(w, &copy);
}

/* The frames as they came in. */
static void
mirror_in(struct pvs_worker *w, uint16_t to)
{
	struct parcel p;

	p.count = 0;
	for (uint32_t i = 0; i < w->burst.count; i++) {
		const struct pvn_host_frame *f = &w->burst.frame[i];

		p.frame[p.count] = i;
		p.out[p.count++] =
			(struct pvn_host_out){.frame = f, .head = f->head, .head_len = f->head_len};
	}
	p.port = to;
	send_parcel(w, &p);
}

/* Frames that more than one port gets, or is to see. */
static uint64_t
shared_frames(const struct pvs_worker *w, const struct pvs_lane *from)
{
	uint64_t mask = 0;

	if (from->mirror != PVS_NO_PORT)
		return UINT64_MAX;
	for (uint32_t i = 0; i < w->burst.count; i++) {
		const uint16_t port = w->verdict[i].port;

		if (port == PVN_SWITCH_FLOOD ||
		    (port < PVS_PORTS_MAX && w->view->lane[port].mirror != PVS_NO_PORT))
			mask |= RTE_BIT64(i);
	}
	return mask;
}

static void
switch_burst(struct pvs_worker *w, const struct pvs_source *source, struct pvn_switch_in *in)
{
	const struct pvs_lane *from = &w->view->lane[source->port];
	struct parcel p;
	uint64_t frames;
	uint16_t to;

	pvn_switch_decide(in, w->head, w->len, w->burst.count, w->verdict);
	if (from->kind == PVS_ETH)
		w->shared_frames = shared_frames(w, from);
	if (unlikely(from->mirror != PVS_NO_PORT))
		mirror_in(w, from->mirror);
	pvn_switch_group(in, w->verdict, w->burst.count, &w->groups);
	while (pvn_switch_next(&w->groups, &p.port, &frames)) {
		p.count = 0;
		for (; frames != 0; frames &= frames - 1)
			add_frame(w, &p, rte_bsf64(frames));
		to = w->view->lane[p.port].mirror;
		if (unlikely(to != PVS_NO_PORT))
			mirror(w, &p, to);
		send_parcel(w, &p);
	}
}

/* Frames of an ethdev in the words of a guest's: as many of them as there are pieces for. How many
 * were taken; 0 if the first has more segments than there are pieces at all.
 */
static uint16_t
take_mbufs(struct pvs_worker *w, struct rte_mbuf **rx, uint16_t n)
{
	struct pvn_host_burst *b = &w->burst;

	b->pieces = 0;
	for (b->count = 0; b->count < n; b->count++) {
		struct rte_mbuf *m = rx[b->count];
		const uint16_t left = RTE_DIM(b->piece) - b->pieces;

		/* Who strips tags unasked (af_packet does) gets them put back. */
		if (unlikely((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0)) {
			if (rte_vlan_insert(&rx[b->count]) < 0)
				break;
			m = rx[b->count];
		}
		m->ol_flags &= ~PVN_NETBUF_TX_HINTS;
		if (unlikely(!pvn_host_frame_from_mbuf(&b->frame[b->count], m, &b->piece[b->pieces],
						       left)))
			break;
		if (m->nb_segs > 1)
			b->pieces += m->nb_segs;
		w->mbuf[b->count] = m;
	}
	return b->count;
}

/* In more pieces than any frame of a guest's may have: counted as those are. */
static void
drop_mbuf(struct pvn_switch_in *in, struct rte_mbuf *m)
{
	pvn_switch_add(&in->counts->frames, 1);
	pvn_switch_add(&in->counts->bytes, m->pkt_len);
	pvn_switch_add(&in->counts->drop[PVN_SWITCH_CAUSE_RUNT], 1);
	rte_pktmbuf_free(m);
}

static void
free_rest(struct pvs_worker *w)
{
	struct rte_mbuf *left[PVN_HOST_BURST];
	uint16_t n = 0;

	for (uint16_t i = 0; i < w->burst.count; i++)
		if (w->mbuf[i] != NULL)
			left[n++] = w->mbuf[i];
	if (n > 0)
		rte_pktmbuf_free_bulk(left, n);
}

static void
look_at_heads(struct pvs_worker *w)
{
	for (uint16_t i = 0; i < w->burst.count; i++) {
		w->len[i] = w->burst.frame[i].len;
		w->head[i] = w->burst.frame[i].head;
	}
}

static uint32_t
forward_guest(struct pvs_worker *w, const struct pvs_source *source, struct pvn_switch_in *in)
{
	struct pvn_host_rxq *rxq = &w->view->lane[source->port].guest->rxq[source->queue];

	if (!pvn_host_peek(rxq, &w->burst, PVN_HOST_BURST))
		return 0;
	look_at_heads(w);
	if (likely(w->burst.count > 0))
		switch_burst(w, source, in);
	pvn_host_done(rxq, &w->burst);
	return w->burst.seen;
}

static uint32_t
forward_eth(struct pvs_worker *w, const struct pvs_source *source, struct pvn_switch_in *in)
{
	struct pvs_eth *eth = w->view->lane[source->port].eth;
	struct rte_mbuf *rx[PVN_HOST_BURST];
	const uint16_t n = rte_eth_rx_burst(eth->id, source->queue, rx, PVN_HOST_BURST);

	for (uint16_t done = 0, taken; done < n; done += taken) {
		taken = take_mbufs(w, rx + done, n - done);
		if (unlikely(taken == 0)) {
			drop_mbuf(in, rx[done]);
			taken = 1;
			continue;
		}
		look_at_heads(w);
		in->refused = 0;
		if (unlikely(eth->policy.limit_rate))
			in->refused = ~pvn_host_within_rate(&eth->policy, w->len, taken);
		switch_burst(w, source, in);
		free_rest(w);
	}
	return n;
}

uint32_t
pvs_forward(struct pvs_worker *w, struct pvs_source *source, uint64_t now)
{
	struct pvn_switch_in in = {
		.conf = w->view->conf,
		.fdb = w->sw->fdb,
		.fdb_counts = &w->sw->fdb_counts[w->id],
		.counts = &w->sw->counts[w->id][source->port],
		.storm = &source->storm,
		.now = now,
		.now_s = w->now_s,
		.port = source->port,
	};

	return w->view->lane[source->port].kind == PVS_GUEST ? forward_guest(w, source, &in)
							     : forward_eth(w, source, &in);
}
