/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Bursts, frames and counters for tests of a port.
 */
#include <string.h>

#include "port_frames.h"

uint16_t
port_guest_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	if (p->setup.zero_copy)
		return pvn_guest_rx_zero_copy(&p->grx[0], mbufs, n);
	return pvn_guest_rx_copy(&p->grx[0], mbufs, n);
}

uint16_t
port_guest_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	if (p->setup.zero_copy)
		return pvn_guest_tx_zero_copy(&p->gtx[0], mbufs, n);
	return pvn_guest_tx_copy(&p->gtx[0], mbufs, n);
}

uint16_t
port_host_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	return port_by_frames() ? port_frames_rx(p, mbufs, n) : pvn_host_rx(&p->hrx[0], mbufs, n);
}

uint16_t
port_host_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	return port_by_frames() ? port_frames_tx(p, mbufs, n) : pvn_host_tx(&p->htx[0], mbufs, n);
}

/* Members that are no frames of their own. */
#define TOTAL_ADD(name, text) total += q->stats.name;

uint64_t
port_guest_rx_total(const struct pvn_guest_rxq *q)
{
	uint64_t total = 0;

	PVN_GUEST_RX_STATS(TOTAL_ADD)
	return total - q->stats.bytes - q->stats.nombuf;
}

uint64_t
port_guest_tx_total(const struct pvn_guest_txq *q)
{
	uint64_t total = 0;

	PVN_GUEST_TX_STATS(TOTAL_ADD)
	/* A lost frame was sent before, so it is in packets too. */
	return total - q->stats.bytes - q->stats.copied - q->stats.lost;
}

uint64_t
port_host_rx_total(const struct pvn_host_rxq *q)
{
	uint64_t total = 0;

	PVN_HOST_RX_STATS(TOTAL_ADD)
	return total - q->stats.bytes - q->stats.nombuf;
}

uint64_t
port_host_tx_total(const struct pvn_host_txq *q)
{
	uint64_t total = 0;

	PVN_HOST_TX_STATS(TOTAL_ADD)
	return total - q->stats.bytes;
}

/* Noise to cut frames out of, so that making one is a copy. */
static const uint8_t *
noise(void)
{
	static uint8_t bytes[PORT_LONGEST + 4096];
	uint32_t x = 1;

	for (size_t i = 0; bytes[sizeof(bytes) - 1] == 0 && i < sizeof(bytes); i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)((x >> 24) | (i + 1 == sizeof(bytes)));
	}
	return bytes;
}

void
port_frame(const struct port *p, uint8_t *frame, size_t len, uint32_t seed)
{
	memcpy(frame, noise() + seed * 37 % 4001, len);
	memset(frame, 0x06, 6);
	memcpy(frame + 6, &p->policy.mac, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
}

struct rte_mbuf *
port_chain(struct rte_mempool *pool, const void *data, size_t len, size_t room)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *last = head;
	const uint8_t *from = data;

	while (last != NULL) {
		size_t n = RTE_MIN(RTE_MIN(len, room), rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, void *), from, n);
		last->data_len = n;
		head->pkt_len += n;
		from += n;
		len -= n;
		if (len == 0)
			return head;
		last->next = rte_pktmbuf_alloc(pool);
		head->nb_segs += last->next != NULL;
		last = last->next;
	}
	rte_pktmbuf_free(head);
	return NULL;
}

void
port_assert_content(const struct rte_mbuf *m, const void *data, size_t len)
{
	const uint8_t *expected = data;
	const char *reason;
	size_t done = 0;

	if (rte_mbuf_check(m, 1, &reason) != 0)
		fail_msg("bad mbuf: %s", reason);
	assert_int_equal(m->pkt_len, len);
	for (; m != NULL; m = m->next) {
		assert_true(m->data_len > 0 && done + m->data_len <= len);
		assert_memory_equal(rte_pktmbuf_mtod(m, const void *), expected + done,
				    m->data_len);
		done += m->data_len;
	}
	assert_int_equal(done, len);
}

typedef uint16_t (*burst_fn)(struct port *p, struct rte_mbuf **mbufs, uint16_t n);

/* `n` frames, none longer than a buffer, through one direction. */
static void
pass(struct port *p, struct rte_mempool *pool, burst_fn tx, burst_fn rx, uint32_t seed, uint16_t n)
{
	struct rte_mbuf *mbufs[PORT_BURST];
	uint8_t frame[256];
	uint16_t got = 0;

	for (uint16_t i = 0; i < n; i++) {
		port_frame(p, frame, 60 + (seed + i) % 190, seed + i);
		mbufs[i] = port_chain(pool, frame, 60 + (seed + i) % 190, 2048);
		assert_non_null(mbufs[i]);
	}
	assert_int_equal(tx(p, mbufs, n), n);
	for (int tries = 0; tries < 4 && got < n; tries++)
		got += rx(p, mbufs + got, n - got);
	assert_int_equal(got, n);
	for (uint16_t i = 0; i < n; i++) {
		port_frame(p, frame, 60 + (seed + i) % 190, seed + i);
		port_assert_content(mbufs[i], frame, 60 + (seed + i) % 190);
		rte_pktmbuf_free(mbufs[i]);
	}
}

void
port_assert_works(struct port *p, unsigned int frames)
{
	for (unsigned int done = 0; done < frames; done += PORT_BURST) {
		uint16_t n = RTE_MIN(frames - done, (unsigned int)PORT_BURST);

		pass(p, p->setup.zero_copy ? p->guest_pool : p->private_pool, port_guest_tx,
		     port_host_rx, done, n);
		pass(p, p->private_pool, port_host_tx, port_guest_rx, done, n);
	}
}
