/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * TSO frames for a side that does not take them, both ways, copying and zero-copy.
 */
#include <string.h>

#include "port_hostile.h"
#include "port_tso.h"

#define BIT(name) RTE_BIT64(VIRTIO_NET_F_##name)
#define MRG BIT(MRG_RXBUF)
#define CSUMS (BIT(CSUM) | BIT(GUEST_CSUM))
#define TSO4 (BIT(HOST_TSO4) | BIT(GUEST_TSO4))
#define TSO6 (BIT(HOST_TSO6) | BIT(GUEST_TSO6))

static uint64_t
total(const struct port *p, const struct tso_way *w)
{
	return w->to_host ? port_guest_tx_total(&p->gtx[0]) : port_host_tx_total(&p->htx[0]);
}

static const struct tso_shape shapes[] = {
	{.payload = 1, .segsz = 1448, .flags = 0x18},
	{.payload = 1000, .segsz = 1000, .flags = 0xd9},
	{.payload = 1001, .segsz = 1000, .flags = 0xd9},
	{.payload = 65481, .segsz = 1448, .flags = 0xff},
	{.payload = 255, .segsz = 1, .flags = 0x10},
	{.payload = 4096, .segsz = 16, .flags = 0x99},
	{.vlan = true, .payload = 9999, .segsz = 333, .flags = 0xd9},
	{.ip_options = 8, .tcp_options = 40, .payload = 3000, .segsz = 61, .flags = 0xd9},
	{.ip_options = 40, .tcp_options = 12, .payload = 5003, .segsz = 1400, .flags = 0x91},
	{.ipv6 = true, .payload = 65461, .segsz = 1428, .flags = 0xd9},
	{.ipv6 = true, .payload = 2, .segsz = 1, .flags = 0xd9},
	{.ipv6 = true, .vlan = true, .payload = 4001, .segsz = 667, .flags = 0x19},
	{.ipv6 = true, .ip_options = 16, .tcp_options = 12, .payload = 7001, .segsz = 777},
};

static void
pass_shapes(struct port *p, const struct tso_way *w, bool hinted, int ipv6)
{
	static const size_t rooms[] = {2048, 333, 61, 7};

	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		if (ipv6 >= 0 && shapes[i].ipv6 != ipv6)
			continue;
		tso_make(&shapes[i]);
		for (size_t r = 0; r < RTE_DIM(rooms); r++)
			if (tso.len / rooms[r] < 900)
				tso_pass(p, w, rooms[r], hinted);
	}
}

/* Every shape x both ways x what the peer takes x how the frame is cut into mbufs. */
static void
test_shapes(void **state)
{
	static const struct {
		uint64_t features;
		bool keeps;
		int ipv6; /* only these frames; -1: all */
	} peers[] = {
		{MRG, true, -1},
		{MRG | TSO4 | TSO6, true, -1}, /* which is void without checksums */
		{MRG | CSUMS, true, -1},
		{MRG | CSUMS, false, -1},
		{MRG | CSUMS | TSO4, true, 1},
		{MRG | CSUMS | TSO6, true, 0},
	};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS * RTE_DIM(peers); bits++) {
		const struct tso_way w = tso_way(bits % TSO_WAYS);
		const uint32_t peer = bits / TSO_WAYS;
		const bool takes = (peers[peer].features & CSUMS) != 0;
		struct port_setup setup = {.zero_copy = w.zero_copy,
					   .features = peers[peer].features,
					   .guest_mbufs = 2048,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = peers[peer].keeps};

		port_open(&p, &setup);
		pass_shapes(&p, &w, takes && (peers[peer].keeps || !w.to_host), peers[peer].ipv6);
		port_assert_works(&p, 40);
		port_close(&p);
	}
}

/* The headers may be cut anywhere. */
static void
test_cut_headers(void **state)
{
	static const struct tso_shape shape = {.tcp_options = 12, .payload = 500, .segsz = 99};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS; bits++) {
		const struct tso_way w = tso_way(bits);
		struct port_setup setup = {.zero_copy = w.zero_copy, .features = MRG};

		port_open(&p, &setup);
		tso_make(&shape);
		for (size_t room = 1; room < 80; room++)
			tso_pass(&p, &w, room, false);
		port_close(&p);
	}
}

/* Segments of several buffers, round and round the ring. */
static void
test_jumbo(void **state)
{
	static const struct tso_shape jumbo = {.payload = 65481, .segsz = 8948, .flags = 0x19};
	static const struct tso_shape other = {.ipv6 = true, .payload = 20001, .segsz = 2047};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS * 2; bits++) {
		const struct tso_way w = tso_way(bits % TSO_WAYS);
		const bool takes = bits >= TSO_WAYS;
		struct port_setup setup = {.zero_copy = w.zero_copy,
					   .features = MRG | (takes ? CSUMS : 0),
					   .rx_ring = 64,
					   .tx_ring = 64,
					   .mtu = 9000,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = true};

		port_open(&p, &setup);
		for (int round = 0; round < 20; round++) {
			tso_make(round % 3 == 0 ? &other : &jumbo);
			tso_pass(&p, &w, 1999, takes);
		}
		port_assert_works(&p, 100);
		port_close(&p);
	}
}

/* Sends `n` plain frames, or takes them back out. */
static void
plain(struct port *p, const struct tso_way *w, uint16_t n, bool in)
{
	uint8_t frame[80];
	struct rte_mbuf *m;

	for (uint16_t i = 0; i < n; i++) {
		port_frame(p, frame, sizeof(frame), i);
		if (in) {
			m = port_chain(tso_source(p, w), frame, sizeof(frame), 2048);
			assert_int_equal(tso_send(p, w, m), 1);
			continue;
		}
		assert_int_equal((w->to_host ? port_host_rx : port_guest_rx)(p, &m, 1), 1);
		port_assert_content(m, frame, sizeof(frame));
		rte_pktmbuf_free(m);
	}
}

/* No room for the last segment: nothing is sent, and the frame waits. */
static void
test_full_ring(void **state)
{
	static const struct tso_shape shape = {.payload = 2991, .segsz = 100, .flags = 0xd9};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS; bits++) {
		const struct tso_way w = tso_way(bits);
		struct port_setup setup = {
			.zero_copy = w.zero_copy, .features = MRG, .rx_ring = 64, .tx_ring = 64};
		struct rte_mbuf *m;

		port_open(&p, &setup);
		tso_make(&shape);
		assert_int_equal(tso.segments, 30);
		for (int round = 0; round < 5; round++) {
			plain(&p, &w, 35, true);
			m = tso_ask(tso_source(&p, &w), 2048);
			for (int again = 0; again < 3; again++)
				assert_int_equal(tso_send(&p, &w, m), 0);
			assert_int_equal(TSO_COUNTER(&p, &w, packets), round * 65 + 35);
			plain(&p, &w, 35, false);
			assert_int_equal(tso_send(&p, &w, m), 1);
			tso_assert_all_arrive(&p, &w, false);
		}
		assert_int_equal(total(&p, &w), 5 * 65);
		port_close(&p);
	}
}

/* As many segments as the ring has descriptors, and one more. */
static void
test_never_fits(void **state)
{
	struct tso_shape shape = {.payload = 64 * 50, .segsz = 50, .flags = 0x10};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS; bits++) {
		const struct tso_way w = tso_way(bits);
		struct port_setup setup = {
			.zero_copy = w.zero_copy, .features = MRG, .rx_ring = 64, .tx_ring = 64};

		port_open(&p, &setup);
		shape.payload = 64 * 50;
		tso_make(&shape);
		tso_pass(&p, &w, 2048, false);
		shape.payload++;
		tso_make(&shape);
		assert_int_equal(tso_send(&p, &w, tso_ask(tso_source(&p, &w), 2048)), 1);
		assert_int_equal(TSO_COUNTER(&p, &w, bad_offload), 1);
		assert_int_equal(TSO_COUNTER(&p, &w, packets), 64);
		assert_int_equal(total(&p, &w), 65);
		tso.segments = 0;
		tso_assert_all_arrive(&p, &w, false);
		port_assert_works(&p, 100);
		port_close(&p);
	}
}

/* Zero-copy with too few mbufs: the frame waits, and none is lost; too few for ever: dropped. */
static void
test_empty_pool(void **state)
{
	static const struct tso_shape shape = {.payload = 4000, .segsz = 100};
	static const struct tso_shape more = {.payload = 12900, .segsz = 100};
	static const struct tso_way w = {.zero_copy = true, .to_host = true};
	struct port_setup setup = {.zero_copy = true, .features = MRG, .guest_mbufs = 256};
	struct rte_mbuf *kept[256], *m;
	unsigned int n = 0, left;
	static struct port p;

	(void)state;
	setup.rx_ring = 64;
	port_open(&p, &setup);
	tso_make(&shape);
	while (rte_mempool_avail_count(p.guest_pool) > 39)
		kept[n++] = rte_pktmbuf_alloc(p.guest_pool);
	left = rte_mempool_avail_count(p.guest_pool);
	m = tso_ask(p.private_pool, 2048);
	assert_int_equal(tso_send(&p, &w, m), 0);
	assert_int_equal(rte_mempool_avail_count(p.guest_pool), left);
	assert_int_equal(total(&p, &w), 0);
	rte_pktmbuf_free(kept[--n]);
	assert_int_equal(tso_send(&p, &w, m), 1);
	assert_int_equal(p.gtx[0].stats.copied, 40);
	tso_assert_all_arrive(&p, &w, false);
	rte_pktmbuf_free_bulk(kept, n);
	tso_make(&more);
	assert_int_equal(tso_send(&p, &w, tso_ask(p.private_pool, 2048)), 1);
	assert_int_equal(p.gtx[0].stats.bad_offload, 1);
	port_assert_works(&p, 100);
	port_close(&p);
}

/* Segments that the MTU forbids, or that need several buffers of a guest that takes one. */
static void
test_long_segments(void **state)
{
	static const struct tso_shape fits = {.payload = 3000, .segsz = 1464};
	static const struct tso_shape over = {.payload = 3000, .segsz = 1465};
	static const struct tso_shape two = {.payload = 6000, .segsz = 2000};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS; bits++) {
		const struct tso_way w = tso_way(bits);
		struct port_setup setup = {.zero_copy = w.zero_copy};

		port_open(&p, &setup);
		tso_make(&fits);
		tso_pass(&p, &w, 2048, false);
		tso_make(&over);
		assert_int_equal(tso_send(&p, &w, tso_ask(tso_source(&p, &w), 2048)), 1);
		assert_int_equal(TSO_COUNTER(&p, &w, too_long), 1);
		p.htx[0].max_frame = p.gtx[0].max_frame = p.hrx[0].max_frame = 9018;
		tso_make(&two);
		assert_int_equal(tso_send(&p, &w, tso_ask(tso_source(&p, &w), 2048)), 1);
		assert_int_equal(TSO_COUNTER(&p, &w, too_long), w.to_host ? 1 : 2);
		assert_int_equal(TSO_COUNTER(&p, &w, packets), w.to_host ? 6 : 3);
		port_close(&p);
	}
}

/* Headers that are not what the mbuf says; right are 14, 20 or 40, 24, and 0x45 or 0x60. */
static const struct lie_about {
	bool ipv6;
	uint16_t l2, l3, l4;
	uint8_t version;
} lies[] = {
	{false, 14, 24, 24, 0x45},    {false, 14, 20, 28, 0x45},   {false, 14, 20, 20, 0x45},
	{false, 14, 20, 68, 0x45},    {false, 14, 24, 20, 0x45},   {false, 18, 20, 20, 0x45},
	{false, 14, 20, 24, 0x46},    {false, 14, 20, 24, 0x44},   {false, 14, 20, 24, 0x65},
	{true, 14, 40, 24, 0x40},     {true, 14, 48, 24, 0x60},	   {true, 14, 40, 20, 0x60},
	{false, 127, 511, 255, 0x45}, {true, 127, 511, 255, 0x60},
};

static struct rte_mbuf *
ask_wrongly(struct rte_mempool *pool, const struct lie_about *lie)
{
	const struct tso_shape shape = {
		.ipv6 = lie->ipv6, .tcp_options = 4, .payload = 1000, .segsz = 100};
	struct rte_mbuf *m;

	tso_make(&shape);
	tso.data[14] = lie->version;
	m = tso_ask(pool, 2048);
	m->l2_len = lie->l2;
	m->l3_len = lie->l3;
	m->l4_len = lie->l4;
	return m;
}

static void
test_bad_headers(void **state)
{
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < TSO_WAYS * 2; bits++) {
		const struct tso_way w = tso_way(bits % TSO_WAYS);
		struct port_setup setup = {.zero_copy = w.zero_copy,
					   .features = MRG | (bits >= TSO_WAYS ? CSUMS : 0)};

		port_open(&p, &setup);
		for (size_t i = 0; i < RTE_DIM(lies); i++) {
			assert_int_equal(
				tso_send(&p, &w, ask_wrongly(tso_source(&p, &w), &lies[i])), 1);
			assert_int_equal(TSO_COUNTER(&p, &w, bad_offload), i + 1);
		}
		tso.segments = 0;
		tso_assert_all_arrive(&p, &w, false);
		port_close(&p);
	}
}

/* From a guest that leaves segmentation to us to one that does not take it. */
static void
test_forwarded(void **state)
{
	static const struct tso_way w = {.to_host = false};
	static struct port p;

	(void)state;
	for (int takes = 0; takes < 2; takes++) {
		struct port_setup setup = {.features = MRG | CSUMS | TSO4 | TSO6,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = true};

		port_open(&p, &setup);
		p.htx[0].features = takes ? BIT(CSUM) : 0;
		for (size_t i = 0; i < RTE_DIM(shapes); i++) {
			struct rte_mbuf *m;

			tso_make(&shapes[i]);
			m = tso_ask(p.private_pool, 2048);
			assert_int_equal(port_guest_tx(&p, &m, 1), 1);
			assert_int_equal(port_host_rx(&p, &m, 1), 1);
			assert_int_equal(port_host_tx(&p, &m, 1), 1);
			tso_assert_all_arrive(&p, &w, takes);
		}
		port_close(&p);
	}
}

/* ---- a guest with small buffers ---- */

static void
post(uint32_t count, uint32_t len)
{
	hostile_begin();
	for (uint32_t i = 0; i < count; i++)
		raw_desc(&to_guest, i, AT(RX, 4096 + i * 1024), len, RAW_WRITE);
	raw_avail_set(&to_guest, (uint16_t)count);
}

/* Segments stand in the guest's buffers of `len` bytes, each with its number of buffers. */
static void
assert_spread(uint32_t len, bool hinted)
{
	uint32_t buf = 0;

	for (uint32_t i = 0; i < tso.segments; i++) {
		uint8_t flat[2048];
		uint32_t at = 0, bytes = tso.headers + tso_payload_of(i);
		uint32_t parts = (bytes + len - 1) / len;
		bool hdr = (raw_used_len(&to_guest, buf) & RAW_USED_HDR) != 0;

		assert_int_equal(hdr, hinted || parts > 1);
		if (hdr)
			assert_int_equal(raw_get16(hostile_page(RX, 4096 + buf * 1024) - 2), parts);
		for (; at < bytes; buf++) {
			uint32_t n = raw_used_len(&to_guest, buf) & ~RAW_USED_HDR;

			assert_int_equal(raw_used_id(&to_guest, buf), buf);
			assert_int_equal(n, RTE_MIN(len, bytes - at));
			memcpy(flat + at, hostile_page(RX, 4096 + buf * 1024), n);
			at += n;
		}
		tso_assert_segment(flat, bytes, i, hinted);
	}
	assert_int_equal(raw_used(&to_guest), buf);
}

static void
test_small_buffers(void **state)
{
	static const struct tso_shape shape = {.payload = 800, .segsz = 300, .flags = 0xd9};
	static const struct tso_way w = {.to_host = false};

	(void)state;
	for (int takes = 0; takes < 2; takes++) {
		struct port_setup setup = {.features = MRG | (takes ? CSUMS : 0)};

		hostile_open(&setup);
		tso_make(&shape);
		for (uint32_t len = 17; len < 400; len += 1 + len / 9) {
			uint32_t parts = 2 * ((354 + len - 1) / len) + (254 + len - 1) / len;

			if (parts > 1 && parts <= RING) {
				post(parts, len);
				assert_int_equal(
					tso_send(&hostile, &w, tso_ask(hostile.private_pool, 90)),
					1);
				assert_spread(len, takes);
			}
			hostile_assert_harmless();
		}
		hostile_close();
	}
}

/* Too few buffers now, too few for ever, too small ones, and one that is wrong. */
static void
test_too_few_buffers(void **state)
{
	static const struct port_setup setup = {.features = MRG};
	static const struct tso_shape shape = {.payload = 900, .segsz = 300};
	static const struct tso_way w = {.to_host = false};
	struct rte_mbuf *m;

	(void)state;
	hostile_open(&setup);
	tso_make(&shape);
	m = tso_ask(hostile.private_pool, 2048);
	post(11, 100); /* it needs 12 */
	assert_int_equal(tso_send(&hostile, &w, m), 0);
	post(RING, 100);
	raw_desc(&to_guest, 9, AT(TX, 4096), 100, RAW_WRITE);
	assert_int_equal(tso_send(&hostile, &w, m), 0);
	assert_int_equal(hostile.htx[0].stats.fault, 1);
	assert_int_equal(raw_used(&to_guest), 0);
	post(RING, 12); /* 30 for each segment */
	assert_int_equal(tso_send(&hostile, &w, m), 1);
	assert_int_equal(hostile.htx[0].stats.bad_offload, 1);
	assert_int_equal(raw_used(&to_guest), 0);
	post(RING, 10); /* more than a frame may have */
	assert_int_equal(tso_send(&hostile, &w, tso_ask(hostile.private_pool, 2048)), 1);
	assert_int_equal(hostile.htx[0].stats.too_long, 1);
	assert_int_equal(raw_used(&to_guest), 0);
	hostile_assert_harmless();
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_shapes),		 PORT_TEST(test_cut_headers),
		PORT_TEST(test_jumbo),		 PORT_TEST(test_full_ring),
		PORT_TEST(test_never_fits),	 PORT_TEST(test_empty_pool),
		PORT_TEST(test_long_segments),	 PORT_TEST(test_bad_headers),
		PORT_TEST(test_forwarded),	 PORT_TEST(test_small_buffers),
		PORT_TEST(test_too_few_buffers),
	};

	return PORT_RUN(tests);
}
