/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest that lies about its receive buffers, or has none, or tiny ones.
 */
#include <string.h>

#include "port_hostile.h"

static const struct lie rx_lies[] = {
	{"right", {{AT(RX, 4096), 2048, RAW_WRITE, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"just enough", {{AT(RX, 4096), 100, RAW_WRITE, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"at the end", {{AT(RX, POOL_BYTES - 100), 100, RAW_WRITE, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"a byte too far",
	 {{AT(RX, POOL_BYTES - 99), 100, RAW_WRITE, 0}},
	 0,
	 FAULT(DESC_ADDR),
	 HOST_TX(fault)},
	{"no room before", {{AT(RX, 11), 100, RAW_WRITE, 0}}, 0, FAULT(DESC_ADDR), HOST_TX(fault)},
	{"where the host only reads",
	 {{AT(TX, 4096), 100, RAW_WRITE, 0}},
	 0,
	 FAULT(DESC_ADDR),
	 HOST_TX(fault)},
	{"no such pool", {{AT(2, 4096), 100, RAW_WRITE, 0}}, 0, FAULT(DESC_ADDR), HOST_TX(fault)},
	{"very far", {{AT(RX, FAR), 100, RAW_WRITE, 0}}, 0, FAULT(DESC_ADDR), HOST_TX(fault)},
	{"4 GiB", {{AT(RX, 4096), 0xffffffff, RAW_WRITE, 0}}, 0, FAULT(DESC_ADDR), HOST_TX(fault)},
	{"no bytes", {{AT(RX, 4096), 0, RAW_WRITE, 0}}, 0, FAULT(DESC_LEN), HOST_TX(fault)},
	{"not writable", {{AT(RX, 4096), 100, 0, 0}}, 0, FAULT(DESC_FLAGS), HOST_TX(fault)},
	{"chained",
	 {{AT(RX, 4096), 100, RAW_WRITE | RAW_NEXT, 0}},
	 0,
	 FAULT(DESC_FLAGS),
	 HOST_TX(fault)},
	{"with a header",
	 {{AT(RX, 4096), 100, RAW_WRITE | RAW_HDR, 0}},
	 0,
	 FAULT(DESC_FLAGS),
	 HOST_TX(fault)},
	{"too many",
	 {{AT(RX, 4096), 100, RAW_WRITE, 0}},
	 RING + 1,
	 FAULT(AVAIL_IDX),
	 HOST_TX(fault)},
	{"second part wrong",
	 {{AT(RX, 4096), 50, RAW_WRITE, 0}, {AT(TX, 4096), 50, RAW_WRITE, 0}},
	 2,
	 FAULT(DESC_ADDR),
	 HOST_TX(fault)},
};

static void
test_buffers(void **state)
{
	static const struct port_setup setup = {.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)};
	const struct pvn_host_txq *q = &hostile.htx[0];
	uint8_t frame[100];

	(void)state;
	hostile_open(&setup);
	for (size_t i = 0; i < RTE_DIM(rx_lies); i++) {
		const struct lie *lie = &rx_lies[i];
		struct rte_mbuf *m;
		uint16_t n;

		hostile_begin();
		for (uint32_t d = 0; d < 3; d++)
			raw_desc(&to_guest, d, lie->d[d].addr, lie->d[d].len, lie->d[d].flags);
		raw_avail_set(&to_guest, lie->avail == 0 ? 1 : lie->avail);
		port_frame(&hostile, frame, sizeof(frame), i);
		m = port_chain(hostile.private_pool, frame, sizeof(frame), 2048);
		n = port_host_tx(&hostile, &m, 1);
		if (n != (lie->fault == FAULT(NONE)) || q->ring.fault != lie->fault)
			fail_msg("%s: %u, %s", lie->name, n, pvn_vring_fault_text(q->ring.fault));
		if (port_host_tx_total(q) != 1 ||
		    (lie->counter != NO_COUNTER && hostile_counter(q, lie->counter) != 1))
			fail_msg("%s: counted wrong", lie->name);
		assert_int_equal(raw_used(&to_guest), n);
		if (n > 0)
			assert_memory_equal(hostile_page(RX, lie->d[0].addr & FAR), frame,
					    sizeof(frame));
		assert_int_equal(port_host_tx(&hostile, &m, n == 0), 0);
		if (n == 0)
			rte_pktmbuf_free(m);
		hostile_assert_harmless();
	}
	hostile_close();
}

static void
post(uint32_t count, uint32_t len)
{
	hostile_begin();
	for (uint32_t i = 0; i < count; i++)
		raw_desc(&to_guest, i, AT(RX, 4096 + i * 1024), len, RAW_WRITE);
	raw_avail_set(&to_guest, (uint16_t)count);
}

/* No buffers: frames wait at the caller. Tiny ones: spread over as many as may be, or dropped. */
static void
test_tiny_buffers(void **state)
{
	static const struct port_setup setup = {.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)};
	uint8_t frame[68], got[68];
	struct rte_mbuf *m;

	(void)state;
	hostile_open(&setup);
	port_frame(&hostile, frame, sizeof(frame), 5);
	for (uint32_t len = 0; len < 70; len++) {
		uint32_t parts = len == 0 ? 0 : (sizeof(frame) + len - 1) / len;

		post(len == 0 ? 0 : RING, len);
		m = port_chain(hostile.private_pool, frame, sizeof(frame), 30);
		assert_int_equal(port_host_tx(&hostile, &m, 1), len > 0);
		if (len == 0)
			rte_pktmbuf_free(m);
		assert_int_equal(hostile.htx[0].stats.too_long, len > 0 && parts > 34);
		assert_int_equal(raw_used(&to_guest), parts > 34 ? 0 : parts);
		assert_int_equal(port_host_tx_total(&hostile.htx[0]), len > 0);
		for (uint32_t i = 0; parts <= 34 && i < parts; i++)
			memcpy(got + i * len, hostile_page(RX, 4096 + i * 1024),
			       RTE_MIN(len, sizeof(frame) - i * len));
		if (parts > 0 && parts <= 34)
			assert_memory_equal(got, frame, sizeof(frame));
		if (parts > 1 && parts <= 34)
			assert_int_equal(raw_get16(hostile_page(RX, 4096) - 2), parts);
		hostile_assert_harmless();
	}
	hostile_close();
}

/* Too few tiny buffers now: wait; the whole ring too small: never; a fault among them: only that.
 */
static void
test_small_ring(void **state)
{
	static const struct port_setup setup = {.rx_ring = 4,
						.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)};
	uint8_t frame[68];
	struct rte_mbuf *m;

	(void)state;
	hostile_open(&setup);
	port_frame(&hostile, frame, sizeof(frame), 5);
	m = port_chain(hostile.private_pool, frame, sizeof(frame), 100);
	post(3, 10);
	assert_int_equal(port_host_tx(&hostile, &m, 1), 0);
	assert_int_equal(port_host_tx_total(&hostile.htx[0]), 0);
	post(4, 10);
	raw_desc(&to_guest, 2, AT(TX, 4096), 10, RAW_WRITE);
	assert_int_equal(port_host_tx(&hostile, &m, 1), 0);
	assert_int_equal(hostile.htx[0].stats.fault, 1);
	assert_int_equal(port_host_tx_total(&hostile.htx[0]), 1);
	post(4, 10);
	assert_int_equal(port_host_tx(&hostile, &m, 1), 1);
	assert_int_equal(hostile.htx[0].stats.too_long, 1);
	assert_int_equal(port_host_tx_total(&hostile.htx[0]), 1);
	hostile_assert_harmless();
	hostile_close();
}

/* A first buffer in which the checksum has no place. */
static void
test_tiny_first_buffer(void **state)
{
	static const struct packet_kind kind = {.payload = 20};
	static struct packet pk;

	(void)state;
	for (int takes = 0; takes < 2; takes++) {
		struct port_setup setup = {
			.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) |
				    (takes ? RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM) : 0)};

		hostile_open(&setup);
		packet_make(&pk, &kind);
		for (uint32_t len = 2; len < 60; len++) {
			struct rte_mbuf *m =
				port_chain(hostile.private_pool, pk.data, pk.len, 2048);
			bool fits = len >= 42;

			packet_ask(&pk, m);
			post(RING, len);
			assert_int_equal(port_host_tx(&hostile, &m, 1), 1);
			assert_int_equal(hostile.htx[0].stats.bad_offload, !fits);
			assert_int_equal(hostile.htx[0].stats.packets, fits);
			hostile_assert_harmless();
		}
		hostile_close();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_buffers),
		PORT_TEST(test_tiny_buffers),
		PORT_TEST(test_small_ring),
		PORT_TEST(test_tiny_first_buffer),
	};

	return PORT_RUN(tests);
}
