/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's bursts as a switch makes them: frames looked at and given back, mbufs put. So tests
 * that know bursts only are tests of both; each frame is checked on the way.
 */
#include <stdlib.h>
#include <string.h>

#include "port_frames.h"

#define PIECES PVN_VRING_CHAIN_MAX

bool
port_by_frames(void)
{
	const char *path = getenv("PVN_HOST_PATH");

	return path != NULL && strcmp(path, "frames") == 0;
}

/* In pages that the host may read, as it sees them. */
static bool
in_pools(const struct port *p, const uint8_t *addr, uint32_t len)
{
	for (uint16_t i = 0; i < p->pool_count; i++) {
		const struct port_pages *pages = &p->pools[i];

		if (addr >= pages->host && len <= pages->size &&
		    addr + len <= pages->host + pages->size)
			return true;
	}
	return false;
}

void
port_assert_frame(const struct port *p, const struct pvn_host_frame *f)
{
	uint32_t sum = f->head_len;

	assert_in_range(f->len, 14, f->ol_flags != 0 ? PORT_LONGEST : p->hrx[0].max_frame);
	assert_int_equal(f->head_len, RTE_MIN(f->len, PVN_HOST_HEAD));
	assert_true(f->pieces <= PVN_VRING_CHAIN_MAX);
	for (uint16_t i = 0; i < f->pieces; i++) {
		assert_true(f->piece[i].len > 0);
		assert_true(f->m != NULL || in_pools(p, f->piece[i].addr, f->piece[i].len));
		sum += f->piece[i].len;
	}
	assert_int_equal(sum, f->len);
}

struct pvn_host_out
port_out(const struct pvn_host_frame *f)
{
	return (struct pvn_host_out){.frame = f, .head = f->head, .head_len = f->head_len};
}

/* What pvn_host_rx() does besides, and a switch does not want: the application's settings. NULL if
 * they do not let the frame in, which is counted as it would be there.
 */
static struct rte_mbuf *
finish(struct pvn_host_rxq *q, struct rte_mbuf *m)
{
	const uint64_t hints = m->ol_flags & PVN_NETBUF_TX_HINTS;
	const bool too_long = !q->scatter && m->nb_segs > 1;

	m->port = PORT_HOST_ID;
	if (too_long || (hints != 0 && !q->keep_hints && !pvn_netbuf_checksum(m))) {
		q->stats.too_long += too_long;
		q->stats.bad_hdr += !too_long;
		q->stats.packets--;
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (hints != 0 && q->keep_hints)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	if ((hints & RTE_MBUF_F_TX_TCP_SEG) != 0)
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
	return m;
}

/* Frames of one burst as mbufs, or as many as there is room for. */
static uint16_t
to_mbufs(struct port *p, const struct pvn_host_burst *b, struct rte_mbuf **mbufs)
{
	uint16_t got = 0;

	for (uint16_t i = 0; i < b->count; i++) {
		const struct pvn_host_out out = port_out(&b->frame[i]);
		struct rte_mbuf *m = pvn_host_frame_mbuf(&out, p->host_pool);

		port_assert_frame(p, &b->frame[i]);
		if (m != NULL)
			m = finish(&p->hrx[0], m);
		if (m != NULL)
			mbufs[got++] = m;
	}
	return got;
}

uint16_t
port_frames_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t got = 0, seen = 0;
	struct pvn_host_burst b;

	while (seen < n && pvn_host_peek(&p->hrx[0], &b, n - seen)) {
		assert_in_range(b.seen, RTE_MAX(b.count, 1), n - seen);
		got += to_mbufs(p, &b, mbufs + got);
		seen += b.seen;
		pvn_host_done(&p->hrx[0], &b);
	}
	return got;
}

struct batch {
	struct pvn_host_frame frames[PORT_BURST];
	struct pvn_host_out outs[PORT_BURST];
	struct pvn_vring_buf pieces[PORT_BURST][PIECES];
};

/* Frames of the first mbufs that the guest takes as they are. */
static uint16_t
wrap(const struct pvn_host_txq *q, struct batch *b, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < RTE_MIN(n, PORT_BURST); i++) {
		struct pvn_host_frame *f = &b->frames[i];

		if (!pvn_host_frame_from_mbuf(f, mbufs[i], b->pieces[i], PIECES) ||
		    !pvn_host_takes(q->features, f))
			break;
		assert_int_equal(f->len, mbufs[i]->pkt_len);
		b->outs[i] = port_out(f);
	}
	return i;
}

uint16_t
port_frames_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_host_txq *q = &p->htx[0];
	struct pvn_host_sent sent;
	uint16_t done = 0, count;
	struct batch b;

	if (!pvn_gate_is_open(&q->gate))
		return 0; /* and no mbuf is looked at */
	while (done < n) {
		count = wrap(q, &b, mbufs + done, n - done);
		if (count == 0) {
			if (pvn_host_tx(q, mbufs + done, 1) == 0)
				break;
			done++;
			continue;
		}
		pvn_host_put(q, b.outs, count, &sent);
		assert_true(sent.handled <= count);
		assert_int_equal(sent.handled, sent.sent + sent.too_long);
		rte_pktmbuf_free_bulk(mbufs + done, sent.handled);
		done += sent.handled;
		if (sent.handled < count)
			break;
	}
	return done;
}
