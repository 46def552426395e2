/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Honest traffic between both ends of a port: every size, every place of the rings, full rings,
 * empty pools, stops in the middle. What goes in comes out, or is counted, or is still where it
 * was.
 */
#include <string.h>

#include "port_frames.h"

#define MRG RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)

static void
send_one(struct port *p, struct rte_mbuf *m)
{
	assert_non_null(m);
	assert_int_equal(port_guest_tx(p, &m, 1), 1);
}

static struct rte_mempool *
own_pool(const struct port *p)
{
	return p->setup.zero_copy ? p->guest_pool : p->private_pool;
}

/* One frame to the host, in segments of at most `room`. */
static void
assert_to_host(struct port *p, struct rte_mempool *pool, size_t len, size_t room, uint32_t seed)
{
	uint8_t frame[PORT_FRAME_MAX];
	struct rte_mbuf *m;

	port_frame(p, frame, len, seed);
	send_one(p, port_chain(pool, frame, len, room));
	assert_int_equal(port_host_rx(p, &m, 1), 1);
	assert_int_equal(m->port, PORT_HOST_ID);
	port_assert_content(m, frame, len);
	rte_pktmbuf_free(m);
}

static void
assert_to_guest(struct port *p, size_t len, size_t room, uint32_t seed)
{
	uint8_t frame[PORT_FRAME_MAX];
	struct rte_mbuf *m;

	port_frame(p, frame, len, seed);
	m = port_chain(p->private_pool, frame, len, room);
	assert_non_null(m);
	assert_int_equal(port_host_tx(p, &m, 1), 1);
	assert_int_equal(port_guest_rx(p, &m, 1), 1);
	assert_int_equal(m->port, 7);
	port_assert_content(m, frame, len);
	rte_pktmbuf_free(m);
}

/* Each size, in segments of changing length, of pools that are shared and that are not. */
static void
test_sizes(void **state)
{
	static const size_t rooms[] = {2048, 1000, 611};
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .mtu = 9000,
					   .features = MRG,
					   .guest_scatter = true,
					   .host_scatter = true};

		port_open(&p, &setup);
		for (size_t len = RTE_ETHER_HDR_LEN; len <= PORT_FRAME_MAX; len++) {
			size_t room = rooms[len % RTE_DIM(rooms)];

			assert_to_host(&p, len % 5 == 0 ? p.private_pool : own_pool(&p), len, room,
				       len);
			assert_to_guest(&p, len, room, len);
		}
		assert_int_equal(p.hrx[0].stats.packets, PORT_FRAME_MAX - 13);
		assert_int_equal(p.grx[0].stats.packets, PORT_FRAME_MAX - 13);
		assert_int_equal(p.hrx[0].stats.bytes, p.gtx[0].stats.bytes);
		assert_int_equal(p.grx[0].stats.bytes, p.htx[0].stats.bytes);
		port_close(&p);
	}
}

/* Several slots into one large mbuf, where the application wants no chains. */
static void
test_large_mbufs(void **state)
{
	struct port_setup setup = {.mtu = 9000,
				   .features = MRG,
				   .guest_room = 9216,
				   .host_room = 9216,
				   .guest_mbufs = 64,
				   .host_mbufs = 64};
	static struct port p;

	(void)state;
	port_open(&p, &setup);
	for (size_t len = 60; len <= PORT_FRAME_MAX; len += 7) {
		assert_to_host(&p, p.private_pool, len, 2048, len);
		assert_to_guest(&p, len, 2048, len);
	}
	port_close(&p);
}

/* What does not fit is refused where that is seen first, and the next frame passes. */
static void
test_too_long(void **state)
{
	uint8_t frame[PORT_FRAME_MAX];
	struct rte_mbuf *m;
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy, .mtu = 4000, .features = MRG};

		port_open(&p, &setup);
		port_frame(&p, frame, sizeof(frame), 1);
		send_one(&p, port_chain(p.private_pool, frame, 4019, 2048));
		assert_int_equal(p.gtx[0].stats.too_long, 1);
		send_one(&p, port_chain(p.private_pool, frame, 13, 2048));
		assert_int_equal(p.gtx[0].stats.too_long, 2);
		send_one(&p, port_chain(p.private_pool, frame, 4018, 2048));
		assert_int_equal(port_host_rx(&p, &m, 1), 0); /* no scatter */
		assert_int_equal(p.hrx[0].stats.too_long, 1);

		m = port_chain(p.private_pool, frame, 4019, 2048);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		m = port_chain(p.private_pool, frame, 13, 2048);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		assert_int_equal(p.htx[0].stats.too_long, 2);
		m = port_chain(p.private_pool, frame, 4018, 2048);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		assert_int_equal(port_guest_rx(&p, &m, 1), 0);
		assert_int_equal(p.grx[0].stats.too_long, 1);

		p.htx[0].mergeable = false;
		m = port_chain(p.private_pool, frame, 4018, 2048);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		assert_int_equal(p.htx[0].stats.too_long, 3);
		port_assert_works(&p, 100);
		assert_int_equal(port_guest_tx_total(&p.gtx[0]), 103);
		assert_int_equal(port_host_rx_total(&p.hrx[0]), 101);
		assert_int_equal(port_host_tx_total(&p.htx[0]), 104);
		assert_int_equal(port_guest_rx_total(&p.grx[0]), 101);
		port_close(&p);
	}
}

static void
test_ring_sizes(void **state)
{
	static struct port p;

	(void)state;
	for (uint32_t size = 64; size <= 4096; size *= 2) {
		for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
			struct port_setup setup = {
				.zero_copy = zero_copy, .rx_ring = size, .tx_ring = size};

			port_open(&p, &setup);
			port_assert_works(&p, 2 * size + 50);
			port_close(&p);
		}
	}
}

/* Past 65535 and back to 0, twice. */
static void
test_index_wrap(void **state)
{
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy, .rx_ring = 64, .tx_ring = 64};

		port_open(&p, &setup);
		port_assert_works(&p, 2 * 65536 + 100);
		port_close(&p);
	}
}

/* A frame of 1..5 buffers at each place of a ring. */
static void
test_chain_wrap(void **state)
{
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .rx_ring = 64,
					   .tx_ring = 64,
					   .mtu = 9000,
					   .features = MRG,
					   .guest_scatter = true,
					   .host_scatter = true};

		port_open(&p, &setup);
		for (uint32_t i = 0; i < 64 * 5; i++) {
			size_t len = (i % 5) * 1900 + 1000;

			assert_to_host(&p, own_pool(&p), len, 2048, i);
			assert_to_guest(&p, len, 2048, i);
			if (i % 5 == 4)
				port_assert_works(&p, 1);
		}
		port_close(&p);
	}
}

static uint16_t
fill(struct port *p, bool to_host, size_t len)
{
	uint16_t sent = 0;
	uint8_t frame[PORT_FRAME_MAX];

	for (;;) {
		struct rte_mbuf *m;

		port_frame(p, frame, len, sent);
		m = port_chain(to_host ? own_pool(p) : p->private_pool, frame, len, 2048);
		assert_non_null(m);
		if ((to_host ? port_guest_tx : port_host_tx)(p, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			return sent;
		}
		sent++;
	}
}

static void
drain(struct port *p, bool to_host, size_t len, uint16_t sent)
{
	struct rte_mbuf *m[PORT_BURST];
	uint8_t frame[PORT_FRAME_MAX];
	uint16_t got = 0, n;

	while ((n = (to_host ? port_host_rx : port_guest_rx)(p, m, PORT_BURST)) > 0)
		for (uint16_t i = 0; i < n; i++) {
			port_frame(p, frame, len, got++);
			port_assert_content(m[i], frame, len);
			rte_pktmbuf_free(m[i]);
		}
	assert_int_equal(got, sent);
}

/* Chains and single frames in one burst, taken in bursts of all sizes. As many in a round as make
 * each kind come to each place of the ring; and then the ring still holds what it should.
 */
#define COUNT 7

static void
test_mixed_bursts(void **state)
{
	static const size_t lens[] = {60, 3000, 1500, 9018, 61, 5000, 14};
	uint8_t frame[PORT_FRAME_MAX];
	struct rte_mbuf *m[COUNT];
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .rx_ring = 64,
					   .tx_ring = 64,
					   .mtu = 9000,
					   .features = MRG,
					   .guest_scatter = true,
					   .host_scatter = true};

		port_open(&p, &setup);
		for (unsigned int round = 0; round < 200; round++) {
			const bool to_host = round % 2 == 0;
			struct rte_mempool *pool = to_host ? own_pool(&p) : p.private_pool;
			uint16_t got = 0, step = 1 + round % 9;

			for (size_t i = 0; i < COUNT; i++) {
				port_frame(&p, frame, lens[i], round + i);
				m[i] = port_chain(pool, frame, lens[i], 2048);
			}
			assert_int_equal((to_host ? port_guest_tx : port_host_tx)(&p, m, COUNT),
					 COUNT);
			while (got < COUNT)
				got += (to_host ? port_host_rx : port_guest_rx)(
					&p, m + got, RTE_MIN(step, COUNT - got));
			for (size_t i = 0; i < COUNT; i++) {
				port_frame(&p, frame, lens[i], round + i);
				port_assert_content(m[i], frame, lens[i]);
				rte_pktmbuf_free(m[i]);
			}
		}
		assert_int_equal(fill(&p, true, 100), 64);
		drain(&p, true, 100, 64);
		port_close(&p);
	}
}

/* A full ring takes no more, loses nothing, and goes on when it is drained. */
static void
test_full_rings(void **state)
{
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .rx_ring = 64,
					   .tx_ring = 64,
					   .mtu = 9000,
					   .features = MRG,
					   .guest_mbufs = 1024,
					   .guest_scatter = true,
					   .host_scatter = true};

		port_open(&p, &setup);
		for (int to_host = 0; to_host < 2; to_host++)
			for (uint16_t i = 0; i < 70; i++) {
				assert_int_equal(fill(&p, to_host, 100), 64);
				drain(&p, to_host, 100, 64);
				assert_int_equal(fill(&p, to_host, 4100), 64 / 3);
				drain(&p, to_host, 4100, 64 / 3);
				assert_to_host(&p, own_pool(&p), 200, 2048, i);
			}
		port_close(&p);
	}
}

/* All but `leave` mbufs of a pool. */
static uint32_t
seize(struct rte_mempool *pool, struct rte_mbuf **held, uint32_t leave)
{
	uint32_t n = rte_mempool_avail_count(pool) - leave;

	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, held, n), 0);
	return n;
}

/* With too few mbufs, frames wait in the ring; with one, single frames pass; none is lost. */
static void
test_host_pool_empty(void **state)
{
	struct port_setup setup = {.mtu = 9000, .host_scatter = true, .host_mbufs = 64};
	struct rte_mbuf *held[64], *m[PORT_BURST];
	uint8_t frame[5000];
	uint32_t n;
	static struct port p;

	(void)state;
	if (port_by_frames())
		skip(); /* it is the application's matter then */
	port_open(&p, &setup);
	for (uint32_t leave = 0; leave < 4; leave++) {
		n = seize(p.host_pool, held, leave);
		port_frame(&p, frame, sizeof(frame), leave);
		send_one(&p, port_chain(p.private_pool, frame, 60, 2048));
		send_one(&p, port_chain(p.private_pool, frame, sizeof(frame), 2048));
		send_one(&p, port_chain(p.private_pool, frame, 60, 2048));
		for (int tries = 0; leave == 0 && tries < 3; tries++)
			assert_int_equal(port_host_rx(&p, m, PORT_BURST), 0);
		if (leave > 0) {
			assert_int_equal(port_host_rx(&p, m, PORT_BURST), 1);
			port_assert_content(m[0], frame, 60);
			rte_pktmbuf_free(m[0]);
			/* The long one needs three. */
			assert_int_equal(port_host_rx(&p, m, 1), leave >= 3);
			if (leave >= 3)
				rte_pktmbuf_free(m[0]);
		}
		assert_true(p.hrx[0].stats.nombuf > 0);
		rte_pktmbuf_free_bulk(held, n);
		n = port_host_rx(&p, m, PORT_BURST);
		assert_int_equal(n, leave == 0 ? 3 : leave < 3 ? 2 : 1);
		port_assert_content(m[n - 1], frame, 60);
		if (n > 1)
			port_assert_content(m[n - 2], frame, sizeof(frame));
		rte_pktmbuf_free_bulk(m, n);
	}
	assert_int_equal(port_host_rx_total(&p.hrx[0]), 12);
	assert_int_equal(p.hrx[0].stats.packets, 12);
	port_close(&p);
}

/* Few mbufs, and a ring full of long frames: a burst may not take the mbufs that one frame needs.
 */
static void
test_few_mbufs(void **state)
{
	struct rte_mbuf *m;
	uint8_t frame[PORT_FRAME_MAX];
	static struct port p;

	(void)state;
	for (int to_host = 0; to_host < (port_by_frames() ? 1 : 2); to_host++) {
		struct port_setup setup = {.mtu = 9000,
					   .features = MRG,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_mbufs = 5,
					   .guest_mbufs = 5};
		uint16_t sent;

		port_open(&p, &setup);
		sent = fill(&p, to_host, PORT_FRAME_MAX);
		assert_int_equal(sent, 256 / 5);
		for (uint16_t i = 0; i < sent; i++) {
			struct rte_mbuf *burst[PORT_BURST];

			assert_int_equal(
				(to_host ? port_host_rx : port_guest_rx)(&p, burst, PORT_BURST), 1);
			m = burst[0];
			port_frame(&p, frame, PORT_FRAME_MAX, i);
			port_assert_content(m, frame, PORT_FRAME_MAX);
			rte_pktmbuf_free(m);
		}
		port_close(&p);
	}
}

/* A guest whose pool is empty gets its frames later. Zero-copy: the host waits for buffers. */
static void
test_guest_pool_empty(void **state)
{
	struct rte_mbuf *held[1024], *m[64];
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy, .rx_ring = 64, .tx_ring = 64};
		uint16_t got = 0;
		uint32_t n;

		port_open(&p, &setup);
		n = seize(p.guest_pool, held, 0);
		assert_int_equal(fill(&p, false, 100), 64);
		if (zero_copy) {
			/* The posted ones come out, and nothing replaces them. */
			while (got < 64)
				got += port_guest_rx(&p, m + got, 10);
			assert_int_equal(fill(&p, false, 100), 0);
		}
		assert_int_equal(port_guest_rx(&p, m + got, 10), 0);
		assert_true(p.grx[0].stats.nombuf > 0);
		if (zero_copy) {
			rte_pktmbuf_free_bulk(m, got);
			assert_int_equal(port_guest_rx(&p, m, 10), 0); /* posts */
			assert_int_equal(fill(&p, false, 100), 64);
		}
		rte_pktmbuf_free_bulk(held, n);
		drain(&p, false, 100, 64);
		port_assert_works(&p, 200);
		assert_int_equal(port_guest_rx_total(&p.grx[0]), p.htx[0].stats.packets);
		port_close(&p);
	}
}

/* Ends in the middle of traffic both ways: every mbuf is back, every lost frame counted, once. */
static void
test_restart(void **state)
{
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy, .rx_ring = 64, .tx_ring = 64};
		struct rte_mbuf *m[10];
		uint64_t lost = 0;

		port_open(&p, &setup);
		for (uint16_t round = 0; round < 50; round++) {
			uint16_t in_ring;

			port_assert_works(&p, 33 + round);
			in_ring = fill(&p, true, 100);
			in_ring -= port_host_rx(&p, m, round % 10);
			rte_pktmbuf_free_bulk(m, round % 10);
			fill(&p, false, 100);
			port_stop(&p);
			port_assert_all_back(&p);
			port_stop(&p);
			lost += in_ring;
			assert_int_equal(p.gtx[0].stats.lost, lost);
			assert_int_equal(port_guest_tx(&p, m, 1), 0);
			assert_int_equal(port_guest_rx(&p, m, 1), 0);
			assert_int_equal(port_host_tx(&p, m, 1), 0);
			assert_int_equal(port_host_rx(&p, m, 1), 0);
			port_start(&p);
		}
		assert_int_equal(p.gtx[0].stats.packets,
				 port_host_rx_total(&p.hrx[0]) + p.gtx[0].stats.lost);
		port_close(&p);
	}
}

#define LONG_BURST 512

/* More frames at a time than are worked on at a time, long ones and short ones. */
static void
assert_long_bursts(struct port *p, struct rte_mempool *pool, bool to_host, uint16_t n)
{
	static struct rte_mbuf *mbufs[LONG_BURST];
	uint8_t frame[1514];

	for (uint16_t i = 0; i < n; i++) {
		port_frame(p, frame, 60 + i * 977 % 1455, i);
		mbufs[i] = port_chain(pool, frame, 60 + i * 977 % 1455, 2048);
		assert_non_null(mbufs[i]);
	}
	assert_int_equal(to_host ? port_guest_tx(p, mbufs, n) : port_host_tx(p, mbufs, n), n);
	assert_int_equal(to_host ? port_host_rx(p, mbufs, n) : port_guest_rx(p, mbufs, n), n);
	for (uint16_t i = 0; i < n; i++) {
		port_frame(p, frame, 60 + i * 977 % 1455, i);
		port_assert_content(mbufs[i], frame, 60 + i * 977 % 1455);
		rte_pktmbuf_free(mbufs[i]);
	}
}

static void
test_long_bursts(void **state)
{
	static const uint16_t bursts[] = {1, 63, 64, 65, 128, 300, LONG_BURST};
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .rx_ring = LONG_BURST,
					   .tx_ring = LONG_BURST,
					   .guest_mbufs = 4 * LONG_BURST,
					   .host_mbufs = 2 * LONG_BURST,
					   .features = MRG};

		port_open(&p, &setup);
		for (size_t i = 0; i < RTE_DIM(bursts); i++) {
			assert_long_bursts(&p, own_pool(&p), true, bursts[i]);
			assert_long_bursts(&p, p.private_pool, false, bursts[i]);
		}
		port_close(&p);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_sizes),
		PORT_TEST(test_large_mbufs),
		PORT_TEST(test_too_long),
		PORT_TEST(test_ring_sizes),
		PORT_TEST(test_index_wrap),
		PORT_TEST(test_chain_wrap),
		PORT_TEST(test_mixed_bursts),
		PORT_TEST(test_full_rings),
		PORT_TEST(test_host_pool_empty),
		PORT_TEST(test_few_mbufs),
		PORT_TEST(test_guest_pool_empty),
		PORT_TEST(test_restart),
		PORT_TEST(test_long_bursts),
	};

	return PORT_RUN(tests);
}
