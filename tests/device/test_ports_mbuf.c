/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What happens to mbufs: clones, indirect and external ones, frames that others hold too, frames
 * of foreign pools. Nothing is freed twice or never, nothing that others read is written to, and
 * RTE_MBUF_F_EXTERNAL stays where it is.
 */
#include <string.h>

#include "port_packet.h"

#define LEN 400

static struct rte_mbuf *
make(struct port *p, struct rte_mempool *pool, uint32_t seed, uint8_t *frame)
{
	struct rte_mbuf *m;

	port_frame(p, frame, LEN, seed);
	m = port_chain(pool, frame, LEN, 150);
	assert_non_null(m);
	return m;
}

static void
submit(struct port *p, struct rte_mbuf *m)
{
	assert_int_equal(port_guest_tx(p, &m, 1), 1);
}

static void
assert_arrives(struct port *p, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m;

	assert_int_equal(port_host_rx(p, &m, 1), 1);
	port_assert_content(m, frame, len);
	rte_pktmbuf_free(m);
}

/* Makes the guest free what the host has used. */
static void
reclaim(struct port *p)
{
	pvn_guest_tx_cleanup(&p->gtx[0]);
}

struct way {
	bool zero_copy;
	bool shared; /* the data is in shared pages */
};

static const struct way ways[] = {{false, false}, {true, false}, {true, true}};

static struct rte_mempool *
pool_of(const struct port *p, const struct way *way)
{
	return way->shared ? p->guest_pool : p->private_pool;
}

static void
open_way(struct port *p, const struct way *way)
{
	struct port_setup setup = {.zero_copy = way->zero_copy,
				   .features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) |
					       RTE_BIT64(VIRTIO_NET_F_CSUM),
				   .guest_scatter = true,
				   .host_scatter = true};

	port_open(p, &setup);
}

/* Original and clones go out, in each order of frees. */
static void
test_clones(void **state)
{
	uint8_t frame[LEN];
	static struct port p;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		open_way(&p, &ways[i]);
		for (uint32_t order = 0; order < 8; order++) {
			struct rte_mbuf *m = make(&p, pool_of(&p, &ways[i]), order, frame);
			struct rte_mbuf *clone = rte_pktmbuf_clone(m, p.private_pool);

			assert_non_null(clone);
			if ((order & 1) != 0) {
				rte_pktmbuf_free(m); /* the clone keeps the data */
				submit(&p, clone);
			} else {
				submit(&p, clone);
				submit(&p, m);
			}
			assert_arrives(&p, frame, LEN);
			if ((order & 2) != 0)
				reclaim(&p);
			if ((order & 1) == 0)
				assert_arrives(&p, frame, LEN);
			reclaim(&p);
			port_assert_works(&p, order);
		}
		assert_int_equal(p.gtx[0].stats.copied,
				 ways[i].zero_copy && !ways[i].shared ? 12 : 0);
		port_close(&p);
	}
}

/* Whoever holds a reference still has the frame after it was sent and used. */
static void
test_references(void **state)
{
	uint8_t frame[LEN];
	static struct port p;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		struct rte_mbuf *m;

		open_way(&p, &ways[i]);
		m = make(&p, pool_of(&p, &ways[i]), 1, frame);
		for (uint32_t round = 0; round < 600; round++) {
			rte_pktmbuf_refcnt_update(m, 1);
			submit(&p, m);
			if (round % 2 != 0)
				assert_arrives(&p, frame, LEN);
			if (round % 2 != 0)
				assert_arrives(&p, frame, LEN);
			port_assert_content(m, frame, LEN);
		}
		reclaim(&p);
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		rte_pktmbuf_free(m);
		port_close(&p);
	}
}

/* An indirect mbuf over private data, cut at the front, among own ones. */
static void
test_indirect(void **state)
{
	uint8_t frame[LEN], all[LEN + 40];
	static struct port p;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		struct rte_mbuf *m, *clone;

		open_way(&p, &ways[i]);
		port_frame(&p, frame, LEN, 9);
		memcpy(all + 40, frame, LEN);
		m = port_chain(pool_of(&p, &ways[i]), all, sizeof(all), 2048);
		clone = rte_pktmbuf_clone(m, p.private_pool);
		assert_non_null(rte_pktmbuf_adj(clone, 40));
		rte_pktmbuf_free(m);
		submit(&p, clone);
		assert_arrives(&p, frame, LEN);
		reclaim(&p);
		port_close(&p);
	}
}

/* A frame whose checksum is left to the host needs a header in front of the data: it may be written
 * only where nobody else looks.
 */
static void
test_header_room(void **state)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 300};
	static struct packet pk;
	static struct port p;

	(void)state;
	packet_make(&pk, &kind);
	for (int shared = 0; shared < 4; shared++) {
		struct rte_mbuf *m, *clone = NULL;
		uint8_t before[RTE_PKTMBUF_HEADROOM];

		open_way(&p, &ways[2]);
		p.hrx[0].keep_hints = true;
		m = port_chain(p.guest_pool, pk.data, pk.len, 2048);
		packet_ask(&pk, m);
		memset(m->buf_addr, 0xee, RTE_PKTMBUF_HEADROOM);
		if (shared == 1)
			rte_mbuf_refcnt_update(m, 1);
		if (shared == 2)
			clone = rte_pktmbuf_clone(m, p.private_pool);
		if (shared == 3)
			assert_non_null(rte_pktmbuf_prepend(m, RTE_PKTMBUF_HEADROOM - 11));
		if (shared == 3)
			assert_non_null(memmove(rte_pktmbuf_mtod(m, void *), pk.data, pk.len));
		if (shared == 3)
			m->pkt_len = m->data_len = pk.len;
		memcpy(before, m->buf_addr, sizeof(before));
		submit(&p, m);
		assert_int_equal(p.gtx[0].stats.copied, shared != 0);
		if (shared == 1 || shared == 2) {
			assert_memory_equal(m->buf_addr, before, sizeof(before));
			port_assert_content(m, pk.data, pk.len);
		}
		if (shared == 1)
			rte_pktmbuf_free(m);
		rte_pktmbuf_free(clone);
		assert_int_equal(port_host_rx(&p, &m, 1), 1);
		assert_true((m->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM) != 0);
		packet_finish(rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len, 34, 16);
		port_assert_content(m, pk.data, pk.len);
		rte_pktmbuf_free(m);
		reclaim(&p);
		port_close(&p);
	}
}

/* A foreign frame is free as soon as it is copied; an own one when the host has used it. */
static void
test_foreign(void **state)
{
	uint8_t frame[LEN];
	static struct port p;

	(void)state;
	open_way(&p, &ways[2]);
	submit(&p, make(&p, p.private_pool, 1, frame));
	assert_int_equal(p.gtx[0].stats.copied, 1);
	assert_int_equal(rte_mempool_in_use_count(p.private_pool), 0);
	assert_arrives(&p, frame, LEN);
	reclaim(&p);
	submit(&p, make(&p, p.guest_pool, 2, frame));
	assert_int_equal(p.gtx[0].stats.copied, 1);
	assert_int_equal(rte_mempool_in_use_count(p.guest_pool), p.setup.rx_ring + 3);
	assert_arrives(&p, frame, LEN);
	reclaim(&p);
	assert_int_equal(rte_mempool_in_use_count(p.guest_pool), p.setup.rx_ring);
	port_close(&p);
}

/* An empty shared pool: foreign frames stay with the application, own ones pass. */
static void
test_foreign_pool_empty(void **state)
{
	struct rte_mbuf *held[1024], *m;
	uint8_t frame[LEN];
	static struct port p;
	uint32_t n;

	(void)state;
	open_way(&p, &ways[2]);
	n = rte_mempool_avail_count(p.guest_pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p.guest_pool, held, n), 0);
	m = make(&p, p.private_pool, 1, frame);
	assert_int_equal(port_guest_tx(&p, &m, 1), 0);
	port_assert_content(m, frame, LEN);
	rte_pktmbuf_free_bulk(held, n);
	submit(&p, m);
	assert_arrives(&p, frame, LEN);
	reclaim(&p);
	port_close(&p);
}

/* More segments than the ring has descriptors, while there is little room: a foreign frame is
 * copied together, but only into descriptors that are free.
 */
static void
test_many_segments(void **state)
{
	struct port_setup setup = {
		.zero_copy = true, .rx_ring = 64, .tx_ring = 64, .mtu = 9000, .host_scatter = true};
	uint8_t small[64], frame[9000];
	struct rte_mbuf *m;
	static struct port p;

	(void)state;
	port_open(&p, &setup);
	for (uint32_t busy = 58; busy < 64; busy++) {
		uint32_t sent;

		for (uint32_t i = 0; i < busy; i++) {
			port_frame(&p, small, sizeof(small), i);
			submit(&p, port_chain(p.guest_pool, small, sizeof(small), 2048));
		}
		port_frame(&p, frame, sizeof(frame), busy);
		m = port_chain(p.private_pool, frame, sizeof(frame), 100);
		assert_int_equal(m->nb_segs, 90);
		sent = port_guest_tx(&p, &m, 1);
		assert_int_equal(sent, busy + 5 <= 64);
		for (uint32_t i = 0; i < busy; i++) {
			port_frame(&p, small, sizeof(small), i);
			assert_arrives(&p, small, sizeof(small));
		}
		if (sent == 0)
			submit(&p, m);
		assert_arrives(&p, frame, sizeof(frame));
		reclaim(&p);
	}
	/* Own segments cannot be put together: refused. */
	m = port_chain(p.guest_pool, frame, 3500, 100);
	submit(&p, m);
	assert_int_equal(p.gtx[0].stats.too_long, 1);
	port_close(&p);
}

static bool
in_pages(const struct port *p, const struct rte_mbuf *m)
{
	const uint8_t *at = m->buf_addr;

	return at >= p->pools[0].guest && at < p->pools[0].guest + p->pools[0].size;
}

/* One frame to a zero-copy guest, of any kind. */
static struct rte_mbuf *
receive(struct port *p, const struct packet *pk, bool ask)
{
	struct rte_mbuf *m = port_chain(p->private_pool, pk->data, pk->len, 2048);

	if (ask)
		packet_ask(pk, m);
	assert_int_equal(port_host_tx(p, &m, 1), 1);
	assert_int_equal(port_guest_rx(p, &m, 1), 1);
	return m;
}

/* Every receive path keeps the flag, so that clones and frees know whose the data is. */
static void
test_external_flag(void **state)
{
	struct port_setup setup = {.zero_copy = true,
				   .mtu = 9000,
				   .features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) |
					       RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM),
				   .guest_scatter = true};
	static struct packet pk;
	static struct port p;

	(void)state;
	port_open(&p, &setup);
	for (uint32_t round = 0; round < 600; round++) {
		struct packet_kind kind = {.payload = round % 3 == 0 ? 100 : 5000};
		struct rte_mbuf *m, *clone;

		packet_make(&pk, &kind);
		m = receive(&p, &pk, false);
		for (const struct rte_mbuf *seg = m; seg != NULL; seg = seg->next)
			assert_true(RTE_MBUF_HAS_EXTBUF(seg) && in_pages(&p, seg) &&
				    RTE_MBUF_HAS_PINNED_EXTBUF(seg));
		clone = rte_pktmbuf_clone(m, p.private_pool);
		assert_non_null(clone);
		if (round % 2 == 0) {
			rte_pktmbuf_free(m);
			port_assert_content(clone, pk.data, pk.len);
			rte_pktmbuf_free(clone);
		} else {
			rte_pktmbuf_free(clone);
			port_assert_content(m, pk.data, pk.len);
			rte_pktmbuf_free(m);
		}
		m = receive(&p, &pk, true);
		assert_true(RTE_MBUF_HAS_EXTBUF(m) && in_pages(&p, m));
		rte_pktmbuf_free(m);
	}
	port_close(&p);
}

/* A page that is lent, cloned and lost track of would be seen by what comes after it. */
static void
test_forward(void **state)
{
	static const struct packet_kind kinds[] = {{.payload = 64}, {.payload = 6000}};
	struct port_setup setup = {.zero_copy = true,
				   .mtu = 9000,
				   .features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF),
				   .guest_scatter = true,
				   .host_scatter = true};
	static struct packet pk;
	static struct port p;

	(void)state;
	port_open(&p, &setup);
	for (uint32_t round = 0; round < 2000; round++) {
		packet_make(&pk, &kinds[round % 2]);
		submit(&p, receive(&p, &pk, false));
		assert_arrives(&p, pk.data, pk.len);
	}
	assert_int_equal(p.gtx[0].stats.copied, 0);
	port_assert_works(&p, 100);
	port_close(&p);
}

/* Stopped while the host has not used them: own, cloned and referenced frames all come back. */
static void
test_stop_shared(void **state)
{
	uint8_t frame[LEN];
	static struct port p;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		struct rte_mbuf *m, *clone;

		open_way(&p, &ways[i]);
		m = make(&p, pool_of(&p, &ways[i]), 1, frame);
		clone = rte_pktmbuf_clone(m, p.private_pool);
		rte_pktmbuf_refcnt_update(m, 1);
		submit(&p, m);
		submit(&p, clone);
		port_stop(&p);
		port_assert_content(m, frame, LEN);
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		rte_pktmbuf_free(m);
		port_assert_all_back(&p);
		port_start(&p);
		port_assert_works(&p, 300);
		port_close(&p);
	}
}

/* Stopped while the application holds what was received, and nothing was posted in its place: those
 * frames stay the application's.
 */
static void
test_stop_received(void **state)
{
	struct port_setup setup = {.zero_copy = true, .rx_ring = 64};
	struct rte_mbuf *held[1024], *m[64];
	uint8_t frame[LEN];
	static struct port p;
	uint32_t n, got = 0;

	(void)state;
	port_open(&p, &setup);
	n = rte_mempool_avail_count(p.guest_pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p.guest_pool, held, n), 0);
	for (uint32_t i = 0; i < 64; i++) {
		port_frame(&p, frame, LEN, i);
		m[i] = port_chain(p.private_pool, frame, LEN, 2048);
	}
	assert_int_equal(port_host_tx(&p, m, 64), 64);
	while (got < 64)
		got += port_guest_rx(&p, m + got, 64 - got);
	port_stop(&p);
	assert_int_equal(rte_mempool_avail_count(p.guest_pool), 0);
	for (uint32_t i = 0; i < 64; i++) {
		port_frame(&p, frame, LEN, i);
		port_assert_content(m[i], frame, LEN);
	}
	rte_pktmbuf_free_bulk(m, 64);
	rte_pktmbuf_free_bulk(held, n);
	port_assert_all_back(&p);
	port_start(&p);
	port_assert_works(&p, 100);
	port_close(&p);
}

/* The ring is full of frames that the host has used, but for a few descriptors: a frame that needs
 * more than those few is sent all the same, and at once.
 */
static void
test_few_free(void **state)
{
	uint8_t small[64], frame[9000];
	struct rte_mbuf *m;
	static struct port p;

	(void)state;
	for (uint32_t zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .rx_ring = 64,
					   .tx_ring = 64,
					   .mtu = 9000,
					   .host_scatter = true};

		port_open(&p, &setup);
		for (uint32_t i = 0; i < 62; i++) {
			port_frame(&p, small, sizeof(small), i);
			submit(&p, port_chain(p.private_pool, small, sizeof(small), 2048));
			assert_arrives(&p, small, sizeof(small));
		}
		port_frame(&p, frame, sizeof(frame), 1);
		m = port_chain(p.private_pool, frame, sizeof(frame), 2000);
		submit(&p, m);
		assert_arrives(&p, frame, sizeof(frame));
		reclaim(&p);
		port_close(&p);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_clones),	       PORT_TEST(test_references),
		PORT_TEST(test_indirect),      PORT_TEST(test_header_room),
		PORT_TEST(test_foreign),       PORT_TEST(test_foreign_pool_empty),
		PORT_TEST(test_many_segments), PORT_TEST(test_few_free),
		PORT_TEST(test_external_flag), PORT_TEST(test_forward),
		PORT_TEST(test_stop_shared),   PORT_TEST(test_stop_received),
	};

	return PORT_RUN(tests);
}
