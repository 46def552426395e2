/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest that lies in its indices and descriptors, of frames to the host.
 */
#include <string.h>

#include "port_frames.h"
#include "port_hostile.h"

static const struct lie lies[] = {
	{"right", {{GOOD, 60, 0, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"as long as may be", {{GOOD, FRAME_MAX, 0, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"as short as may be", {{GOOD, 14, 0, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"at the end of the pool",
	 {{AT(TX, POOL_BYTES - 60), 60, 0, 0}},
	 0,
	 FAULT(NONE),
	 NO_COUNTER},
	{"at its beginning", {{AT(TX, 12), 60, 0, 0}}, 0, FAULT(NONE), NO_COUNTER},
	{"in the other pool", {{AT(RX, 4096), 60, 0, 0}}, 0, FAULT(NONE), NO_COUNTER},

	{"a byte too far",
	 {{AT(TX, POOL_BYTES - 59), 60, 0, 0}},
	 0,
	 FAULT(DESC_ADDR),
	 HOST_RX(fault)},
	{"behind the pool", {{AT(TX, POOL_BYTES), 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"no room before", {{AT(TX, 11), 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"nil", {{0, 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"no such pool", {{AT(2, 4096), 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"no pool at all", {{AT(0xffff, 4096), 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"very far", {{AT(TX, FAR), 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"far, and longer", {{AT(TX, FAR), 0xffffffff, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"all ones", {{UINT64_MAX, 60, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"4 GiB long", {{GOOD, 0xffffffff, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"wraps", {{GOOD, 0xfffff000, 0, 0}}, 0, FAULT(DESC_ADDR), HOST_RX(fault)},
	{"second part too far",
	 {{GOOD, 60, RAW_NEXT, 0}, {AT(TX, POOL_BYTES - 1), 2, 0, 0}},
	 0,
	 FAULT(DESC_ADDR),
	 HOST_RX(fault)},

	{"no bytes", {{GOOD, 0, 0, 0}}, 0, FAULT(DESC_LEN), HOST_RX(fault)},
	{"no bytes in the second",
	 {{GOOD, 60, RAW_NEXT, 0}, {GOOD, 0, 0, 0}},
	 0,
	 FAULT(DESC_LEN),
	 HOST_RX(fault)},
	{"no bytes anywhere",
	 {{GOOD, 0, RAW_NEXT, 0}, {GOOD, 0, RAW_NEXT, 0}, {GOOD, 0, 0, 0}},
	 0,
	 FAULT(DESC_LEN),
	 HOST_RX(fault)},
	{"a byte too short", {{GOOD, 13, 0, 0}}, 0, FAULT(NONE), HOST_RX(runt)},
	{"one byte", {{GOOD, 1, 0, 0}}, 0, FAULT(NONE), HOST_RX(runt)},
	{"short in parts",
	 {{GOOD, 6, RAW_NEXT, 0}, {GOOD, 6, RAW_NEXT, 0}, {GOOD, 1, 0, 0}},
	 0,
	 FAULT(NONE),
	 HOST_RX(runt)},
	{"a byte too long", {{GOOD, FRAME_MAX + 1, 0, 0}}, 0, FAULT(NONE), HOST_RX(too_long)},
	{"the whole pool",
	 {{AT(TX, 12), POOL_BYTES - 12, 0, 0}},
	 0,
	 FAULT(NONE),
	 HOST_RX(too_long)},
	{"too long in parts",
	 {{GOOD, FRAME_MAX, RAW_NEXT, 0}, {GOOD, 1, 0, 0}},
	 0,
	 FAULT(NONE),
	 HOST_RX(too_long)},
	{"lengths that add up to 0 in 16 bits",
	 {{GOOD, 0x8000, RAW_NEXT, 0}, {GOOD, 0x8000, RAW_NEXT, 0}, {GOOD, 60, 0, 0}},
	 0,
	 FAULT(NONE),
	 HOST_RX(too_long)},

	{"writable", {{GOOD, 60, RAW_WRITE, 0}}, 0, FAULT(DESC_FLAGS), HOST_RX(fault)},
	{"indirect", {{GOOD, 64, 4, 0}}, 0, FAULT(DESC_FLAGS), HOST_RX(fault)},
	{"all flags", {{GOOD, 60, 0xffff, 0}}, 0, FAULT(DESC_FLAGS), HOST_RX(fault)},
	{"header in the second",
	 {{GOOD, 60, RAW_NEXT, 0}, {GOOD, 60, RAW_HDR, 0}},
	 0,
	 FAULT(DESC_FLAGS),
	 HOST_RX(fault)},
	{"points to itself",
	 {{GOOD, 60, RAW_NEXT, NEXT_IS(0)}},
	 0,
	 FAULT(DESC_NEXT),
	 HOST_RX(fault)},
	{"skips one", {{GOOD, 60, RAW_NEXT, NEXT_IS(2)}}, 0, FAULT(DESC_NEXT), HOST_RX(fault)},
	{"behind the ring",
	 {{GOOD, 60, RAW_NEXT, NEXT_IS(RING)}},
	 0,
	 FAULT(DESC_NEXT),
	 HOST_RX(fault)},
	{"right modulo the ring",
	 {{GOOD, 60, RAW_NEXT, NEXT_IS(RING + 1)}},
	 0,
	 FAULT(DESC_NEXT),
	 HOST_RX(fault)},
	{"very far behind",
	 {{GOOD, 60, RAW_NEXT, NEXT_IS(0xffff)}},
	 0,
	 FAULT(DESC_NEXT),
	 HOST_RX(fault)},
	{"back to the first",
	 {{GOOD, 60, RAW_NEXT, 0}, {GOOD, 60, RAW_NEXT, NEXT_IS(0)}},
	 0,
	 FAULT(DESC_NEXT),
	 HOST_RX(fault)},

	{"one more than the ring", {{GOOD, 60, 0, 0}}, RING + 1, FAULT(AVAIL_IDX), HOST_RX(fault)},
	{"far ahead", {{GOOD, 60, 0, 0}}, 0x8000, FAULT(AVAIL_IDX), HOST_RX(fault)},
	{"back", {{GOOD, 60, 0, 0}}, 0xffff, FAULT(AVAIL_IDX), HOST_RX(fault)},
};

static void
tell(const struct lie *lie)
{
	for (uint32_t i = 0; i < RTE_DIM(lie->d); i++) {
		raw_desc(&to_host, i, lie->d[i].addr, lie->d[i].len, lie->d[i].flags);
		if (lie->d[i].next != 0)
			raw_desc_next(&to_host, i, (uint16_t)lie->d[i].next);
	}
	raw_avail_set(&to_host, lie->avail == 0 ? 1 : lie->avail);
}

static void
test_descriptors(void **state)
{
	static const struct port_setup setup = {.host_scatter = true};

	(void)state;
	hostile_open(&setup);
	hostile_put_frame(4096, FRAME_MAX, 1);
	hostile_put_frame(POOL_BYTES - 60, 60, 2);
	hostile_put_frame(12, 60, 3);
	port_frame(&hostile, hostile_page(RX, 4096), 60, 4);
	for (size_t i = 0; i < RTE_DIM(lies); i++) {
		hostile_begin();
		tell(&lies[i]);
		hostile_check_rx(lies[i].name, lies[i].fault, lies[i].counter);
	}
	hostile_close();
}

/* Each bit that has no meaning. */
static void
test_flag_bits(void **state)
{
	static const struct port_setup setup = {0};

	(void)state;
	hostile_open(&setup);
	hostile_put_frame(4096, 100, 1);
	for (int bit = 1; bit < 15; bit++) {
		hostile_begin();
		raw_desc(&to_host, 0, GOOD, 100, (uint16_t)(1 << bit));
		raw_avail_set(&to_host, 1);
		hostile_check_rx("flag bit", FAULT(DESC_FLAGS), HOST_RX(fault));
	}
	hostile_close();
}

/* The longest chain there may be, one more, and one that never ends; in small rings and large. */
static void
test_chains(void **state)
{
	uint8_t frame[FRAME_MAX];

	(void)state;
	for (uint32_t size = 2; size <= 128; size *= 2) {
		const struct port_setup setup = {.host_scatter = true, .tx_ring = size};
		const uint32_t most = RTE_MIN(size, 34u);

		hostile_open(&setup);
		hostile_put_frame(4096, sizeof(frame), 7);
		port_frame(&hostile, frame, sizeof(frame), 7);
		for (uint32_t parts = most - 1; parts <= size + 1; parts++) {
			struct rte_mbuf *m;

			if (parts == 0)
				continue;
			hostile_begin();
			for (uint32_t i = 0; i < RTE_MIN(parts, size); i++)
				raw_desc(&to_host, i, AT(TX, 4096 + i * 7), 7,
					 i + 1 == parts ? 0 : RAW_NEXT);
			raw_avail_set(&to_host, 1);
			if (parts > most) {
				hostile_check_rx("chain", FAULT(DESC_CHAIN), HOST_RX(fault));
				continue;
			}
			if (parts < 2) {
				hostile_check_rx("short chain", FAULT(NONE), HOST_RX(runt));
				continue;
			}
			assert_int_equal(port_host_rx(&hostile, &m, 1), 1);
			port_assert_content(m, frame, parts * 7);
			assert_int_equal(raw_used_id(&to_host, 0), 0);
			rte_pktmbuf_free(m);
		}
		hostile_close();
	}
}

/* Wrong frames between right ones: only they are missing. */
static void
test_between(void **state)
{
	static const struct port_setup setup = {0};
	struct rte_mbuf *m[RING];
	uint8_t frame[100];
	uint16_t n;

	(void)state;
	hostile_open(&setup);
	hostile_begin();
	for (uint16_t i = 0; i < RING; i++) {
		hostile_put_frame(4096 + i * 128, 100, i);
		raw_desc(&to_host, i, AT(TX, 4096 + i * 128), i % 4 == 1 ? 10 : 100, 0);
		if (i % 4 == 2)
			hostile_page(TX, 4096 + i * 128)[11] ^= 1; /* another's address */
	}
	raw_avail_set(&to_host, RING);
	n = port_host_rx(&hostile, m, RING);
	assert_int_equal(n, RING / 2);
	for (uint16_t i = 0; i < n; i++) {
		port_frame(&hostile, frame, 100, i / 2 * 4 + (i % 2) * 3);
		port_assert_content(m[i], frame, 100);
	}
	rte_pktmbuf_free_bulk(m, n);
	assert_int_equal(hostile.hrx[0].stats.runt, RING / 4);
	assert_int_equal(hostile.hrx[0].stats.spoofed, RING / 4);
	assert_int_equal(port_host_rx_total(&hostile.hrx[0]), RING);
	assert_int_equal(raw_used(&to_host), RING);
	hostile_assert_harmless();
	hostile_close();
}

/* A port whose guest may send from any address. */
static void
test_any_mac(void **state)
{
	static const struct port_setup setup = {0};
	struct rte_mbuf *m;

	(void)state;
	hostile_open(&setup);
	for (int check = 0; check < 2; check++)
		for (int byte = 6; byte < 12; byte++) {
			hostile_begin();
			hostile_put_frame(4096, 100, 1);
			hostile_page(TX, 4096)[byte] ^= 0x80;
			raw_desc(&to_host, 0, GOOD, 100, 0);
			raw_avail_set(&to_host, 1);
			hostile.policy.check_mac = check;
			assert_int_equal(port_host_rx(&hostile, &m, 1), !check);
			assert_int_equal(hostile.hrx[0].stats.spoofed, check);
			if (!check)
				rte_pktmbuf_free(m);
		}
	hostile_close();
}

/* A fault behind right frames: those come, it is counted once, and nothing comes after it. */
static void
test_fault_behind(void **state)
{
	static const struct port_setup setup = {0};
	const uint16_t batch = port_by_frames() ? PVN_HOST_BURST : RING;

	(void)state;
	hostile_open(&setup);
	for (uint16_t good = 0; good < 40; good++) {
		struct rte_mbuf *m[RING];

		hostile_begin();
		for (uint16_t i = 0; i < RING; i++) {
			hostile_put_frame(4096 + i * 128, 100, i);
			raw_desc(&to_host, i, i == good ? AT(9, 0) : AT(TX, 4096 + i * 128), 100,
				 0);
		}
		raw_avail_set(&to_host, RING);
		assert_int_equal(port_host_rx(&hostile, m, RING), good);
		rte_pktmbuf_free_bulk(m, good);
		assert_int_equal(port_host_rx(&hostile, m, RING), 0);
		assert_int_equal(hostile.hrx[0].ring.fault, FAULT(DESC_ADDR));
		assert_int_equal(hostile.hrx[0].stats.fault, 1);
		assert_int_equal(port_host_rx_total(&hostile.hrx[0]), good + 1);
		assert_int_equal(raw_used(&to_host), good);
		/* One element for all of a batch, which names the last. */
		assert_int_equal(raw_used_id(&to_host, 0),
				 good == 0 ? 0 : RTE_MIN(good, batch) - 1);
		port_assert_all_back(&hostile);
	}
	hostile_assert_harmless();
	hostile_close();
}

/* Refused frames cost no more than others: a burst looks at as many as it may return. */
static void
test_bounded(void **state)
{
	static const struct port_setup setup = {.tx_ring = 1024};
	struct rte_mbuf *m[PORT_BURST];

	(void)state;
	hostile_open(&setup);
	hostile_begin();
	hostile_put_frame(4096, 100, 1);
	hostile_page(TX, 4096)[11] ^= 1;
	for (uint16_t i = 0; i < 1024; i++)
		raw_desc(&to_host, i, GOOD, 100, 0);
	raw_avail_set(&to_host, 1024);
	for (uint16_t i = 1; i <= 1024 / PORT_BURST; i++) {
		assert_int_equal(port_host_rx(&hostile, m, PORT_BURST), 0);
		assert_int_equal(hostile.hrx[0].stats.spoofed, i * PORT_BURST);
	}
	hostile_assert_harmless();
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_descriptors), PORT_TEST(test_flag_bits),
		PORT_TEST(test_chains),	     PORT_TEST(test_between),
		PORT_TEST(test_any_mac),     PORT_TEST(test_fault_behind),
		PORT_TEST(test_bounded),
	};

	return PORT_RUN(tests);
}
