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

#include "parcel.h"

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

/* ---- the burst ---- */

/* A frame in the words of a guest's. A mbuf of one segment is put into them when it is asked for,
 * because most go on as they are.
 */
static inline const struct pvn_host_frame *
frame_of(struct pvs_worker *w, uint32_t i)
{
	struct pvn_host_frame *f = &w->burst.frame[i];

	if ((w->unframed & RTE_BIT64(i)) != 0) {
		pvn_host_frame_from_mbuf(f, w->mbuf[i], w->burst.piece, 1);
		w->unframed &= ~RTE_BIT64(i);
	}
	return f;
}

/* The head as it is to leave, in the worker's memory if it is another. */
static inline void
add_frame(struct pvs_worker *w, struct parcel *p, uint32_t i)
{
	const struct pvn_host_frame *f = frame_of(w, i);
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
address_parcel(struct pvs_worker *w, struct parcel *p, uint16_t port)
{
	p->port = port;
	p->count = 0;
	p->lane = &w->view->lane[port];
	p->counts = &w->sw->counts[w->id][port];
}

static void
send_parcel(struct pvs_worker *w, struct parcel *p)
{
	if (p->lane->kind == PVS_GUEST)
		to_guest(w, p);
	else if (p->lane->kind == PVS_ETH)
		pvs_to_eth(w, p);
}

/* A copy of what goes through a port, to the port that watches it. */
static void
mirror(struct pvs_worker *w, const struct parcel *seen, uint16_t to)
{
	struct parcel copy;

	address_parcel(w, &copy, to);
	copy.count = seen->count;
	memcpy(copy.frame, seen->frame, seen->count * sizeof(copy.frame[0]));
	memcpy(copy.out, seen->out, seen->count * sizeof(copy.out[0]));
	send_parcel(w, &copy);
}

/* The frames as they came in. */
static void
mirror_in(struct pvs_worker *w, uint16_t to)
{
	struct parcel p;

	address_parcel(w, &p, to);
	for (uint32_t i = 0; i < w->burst.count; i++) {
		const struct pvn_host_frame *f = frame_of(w, i);

		p.frame[p.count] = i;
		p.out[p.count++] =
			(struct pvn_host_out){.frame = f, .head = f->head, .head_len = f->head_len};
	}
	send_parcel(w, &p);
}

/* Frames that more than one port gets, or is to see. */
static uint64_t
shared_frames(const struct pvs_worker *w, const struct pvs_lane *from)
{
	uint64_t seen = 0, shared = 0;

	if (from->mirror != PVS_NO_PORT)
		return UINT64_MAX;
	for (uint32_t i = 0; i < w->groups.count; i++) {
		const uint16_t port = w->groups.port[i];
		const uint64_t frames = w->groups.frames[port];

		shared |= seen & frames;
		seen |= frames;
		if (w->view->lane[port].mirror != PVS_NO_PORT)
			shared |= frames;
	}
	return shared;
}

static void
switch_burst(struct pvs_worker *w, const struct pvs_source *source, struct pvn_switch_in *in)
{
	const struct pvs_lane *from = &w->view->lane[source->port];
	struct parcel p;
	uint64_t frames;
	uint16_t port;

	pvn_switch_decide(in, w->head, w->len, w->burst.count, w->verdict);
	pvn_switch_group(in, w->verdict, w->burst.count, &w->groups);
	if (from->kind == PVS_ETH)
		w->shared = shared_frames(w, from);
	if (unlikely(from->mirror != PVS_NO_PORT))
		mirror_in(w, from->mirror);
	while (pvn_switch_next(&w->groups, &port, &frames)) {
		address_parcel(w, &p, port);
		if (pvs_give_mbufs(w, &p, frames))
			continue;
		for (; frames != 0; frames &= frames - 1)
			add_frame(w, &p, rte_bsf64(frames));
		if (unlikely(p.lane->mirror != PVS_NO_PORT))
			mirror(w, &p, p.lane->mirror);
		send_parcel(w, &p);
	}
}

static inline void
look_at_head(struct pvs_worker *w, uint32_t i)
{
	w->len[i] = w->burst.frame[i].len;
	w->head[i] = w->burst.frame[i].head;
}

/* Frames of an ethdev: as many of them as there are pieces for. How many were taken; 0 if the first
 * has more segments than there are pieces at all.
 */
static uint16_t
take_mbufs(struct pvs_worker *w, struct rte_mbuf **rx, uint16_t n)
{
	struct pvn_host_burst *b = &w->burst;
	uint64_t framed = 0;

	b->pieces = 0;
	for (b->count = 0; b->count < n; b->count++) {
		const uint16_t i = b->count;
		struct rte_mbuf *m = rx[i];

		/* Who strips tags unasked (af_packet does) gets them put back. */
		if (unlikely((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0)) {
			if (rte_vlan_insert(&rx[i]) < 0)
				break;
			m = rx[i];
		}
		if (unlikely((m->ol_flags & PVN_NETBUF_TX_HINTS) != 0))
			m->ol_flags &= ~PVN_NETBUF_TX_HINTS;
		w->mbuf[i] = m;
		w->len[i] = m->data_len;
		w->head[i] = rte_pktmbuf_mtod(m, const uint8_t *);
		if (likely(m->nb_segs == 1))
			continue;
		if (!pvn_host_frame_from_mbuf(&b->frame[i], m, &b->piece[b->pieces],
					      RTE_DIM(b->piece) - b->pieces))
			break;
		b->pieces += m->nb_segs;
		framed |= RTE_BIT64(i);
		look_at_head(w, i);
	}
	w->kept = (UINT64_C(1) << b->count) - 1;
	w->unframed = w->kept & ~framed;
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

/* Those that went nowhere, or as copies. */
static void
free_rest(struct pvs_worker *w)
{
	struct rte_mbuf *left[PVN_HOST_BURST];
	uint16_t n = 0;

	for (; w->kept != 0; w->kept &= w->kept - 1)
		left[n++] = w->mbuf[rte_bsf64(w->kept)];
	if (n > 0)
		rte_pktmbuf_free_bulk(left, n);
}

static uint32_t
forward_guest(struct pvs_worker *w, const struct pvs_source *source, struct pvn_switch_in *in)
{
	struct pvn_host_rxq *rxq = &w->view->lane[source->port].guest->rxq[source->queue];

	if (!pvn_host_peek(rxq, &w->burst, PVN_HOST_BURST))
		return 0;
	w->kept = w->unframed = 0;
	for (uint16_t i = 0; i < w->burst.count; i++)
		look_at_head(w, i);
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
