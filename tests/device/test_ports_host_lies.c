/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A host that lies, against the guest's end: in used indices, lengths and net headers. What it says
 * about a frame costs at most that frame; what cannot be costs the ring, until the port starts
 * again, and never a mbuf.
 */
#include <string.h>

#include "port_packet.h"
#include "port_raw.h"

#define RING 64u
#define ROOM 2048u
#define FAULT(name) PVN_VRING_FAULT_##name
#define RX(name) offsetof(struct pvn_guest_rxq, stats.name)
#define NO_COUNTER 0

static struct port cheated, neighbour;
static struct raw_ring to_host, to_guest;

static void
open_pair(bool zero_copy, bool scatter)
{
	const struct port_setup setup = {.no_host = true,
					 .zero_copy = zero_copy,
					 .guest_scatter = scatter,
					 .rx_ring = RING,
					 .tx_ring = RING};

	port_open(&cheated, &setup);
	port_open(&neighbour, NULL);
	to_host = (struct raw_ring){
		cheated.tx_rings[0].host + cheated.tx_rings[0].size - raw_bytes(RING), RING};
	to_guest = (struct raw_ring){
		cheated.rx_rings[0].host + cheated.rx_rings[0].size - raw_bytes(RING), RING};
}

/* A new connection, and counters from 0. */
static void
begin(void)
{
	port_stop(&cheated);
	port_assert_all_back(&cheated);
	port_start(&cheated);
	memset(&cheated.grx[0].stats, 0, sizeof(cheated.grx[0].stats));
	memset(&cheated.gtx[0].stats, 0, sizeof(cheated.gtx[0].stats));
	assert_int_equal(raw_avail(&to_guest), RING);
}

static void
close_pair(void)
{
	port_close(&cheated);
	port_assert_works(&neighbour, 8);
	port_close(&neighbour);
}

/* Where the host writes the data of receive buffer `i`. */
static uint8_t *
buffer(uint32_t i)
{
	uint64_t addr = raw_desc_addr(&to_guest, i);

	assert_int_equal(raw_desc_len(&to_guest, i), ROOM);
	assert_int_equal(raw_desc_flags(&to_guest, i), RAW_WRITE);
	return cheated.pools[addr >> 48].host + (addr & 0xffffffffffff);
}

struct lie {
	const char *name;
	uint32_t first;	 /* length word of the first buffer */
	uint32_t others; /* and of those behind it */
	uint16_t used;
	uint16_t buffers; /* of the header, if the first word has one */
	uint16_t frames;  /* that come out */
	enum pvn_vring_fault fault;
	size_t counter;
};

#define HDR(len) ((len) | RAW_USED_HDR)

static const struct lie lies[] = {
	{"right", 60, 0, 1, 0, 1, FAULT(NONE), NO_COUNTER},
	{"full", ROOM, 0, 1, 0, 1, FAULT(NONE), NO_COUNTER},
	{"shortest", 14, 0, 1, 0, 1, FAULT(NONE), NO_COUNTER},
	{"all at once", 60, 60, RING, 0, RING, FAULT(NONE), NO_COUNTER},
	{"header of one", HDR(60), 0, 1, 1, 1, FAULT(NONE), NO_COUNTER},
	{"header of none", HDR(60), 0, 1, 0, 1, FAULT(NONE), NO_COUNTER},
	{"two buffers", HDR(ROOM), 60, 2, 2, 1, FAULT(NONE), NO_COUNTER},
	{"most buffers", HDR(100), 1, 34, 34, 1, FAULT(NONE), NO_COUNTER},
	{"two, then another", HDR(ROOM), 60, 3, 2, 2, FAULT(NONE), NO_COUNTER},

	{"a byte too long", ROOM + 1, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"a byte too short", 13, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"nothing", 0, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"2 GiB", 0x7fffffff, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"2 GiB with header", UINT32_MAX, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"short with header", HDR(13), 0, 1, 1, 0, FAULT(USED_LEN), RX(fault)},
	{"64 KiB and right below", 0x10000 + 60, 0, 1, 0, 0, FAULT(USED_LEN), RX(fault)},
	{"second too long", HDR(ROOM), ROOM + 1, 2, 2, 0, FAULT(USED_LEN), RX(fault)},
	{"second empty", HDR(ROOM), 0, 2, 2, 0, FAULT(USED_LEN), RX(fault)},
	{"second with header", HDR(ROOM), HDR(60), 2, 2, 0, FAULT(USED_LEN), RX(fault)},

	{"more buffers than used", HDR(60), 60, 1, 2, 0, FAULT(HDR), RX(fault)},
	{"far more", HDR(60), 60, RING, 65535, 0, FAULT(HDR), RX(fault)},
	{"more than a frame has", HDR(60), 60, RING, 35, 0, FAULT(HDR), RX(fault)},

	{"one too many", 60, 60, RING + 1, 0, 0, FAULT(USED_IDX), RX(fault)},
	{"far ahead", 60, 60, 0x8000, 0, 0, FAULT(USED_IDX), RX(fault)},
	{"back", 60, 60, 0xffff, 0, 0, FAULT(USED_IDX), RX(fault)},
};

static void
tell(const struct lie *lie)
{
	const struct raw_hdr hdr = {.num_buffers = lie->buffers};
	uint8_t frame[ROOM];

	for (uint32_t i = 0; i < RING; i++) {
		port_frame(&neighbour, frame, sizeof(frame), i);
		memcpy(buffer(i), frame, sizeof(frame));
		raw_hdr_put(buffer(i), &hdr);
		raw_used_put(&to_guest, i, 0xdead0000 + i, i == 0 ? lie->first : lie->others);
	}
	raw_used_set(&to_guest, lie->used);
}

static void
check(const struct lie *lie)
{
	const struct pvn_guest_rxq *q = &cheated.grx[0];
	struct rte_mbuf *m[RING];
	uint16_t n = port_guest_rx(&cheated, m, RING);
	const char *reason;
	uint64_t count;

	for (uint16_t i = 0; i < n; i++)
		if (rte_mbuf_check(m[i], 1, &reason) != 0)
			fail_msg("%s: %s", lie->name, reason);
	rte_pktmbuf_free_bulk(m, n);
	assert_int_equal(port_guest_rx(&cheated, m, RING), 0);
	if (n != lie->frames)
		fail_msg("%s: %u frames", lie->name, n);
	if (q->ring.fault != lie->fault)
		fail_msg("%s: %s", lie->name, pvn_vring_fault_text(q->ring.fault));
	memcpy(&count, (const uint8_t *)q + lie->counter, sizeof(count));
	if (lie->counter != NO_COUNTER && count != 1)
		fail_msg("%s: not in its counter", lie->name);
	if (port_guest_rx_total(q) != lie->frames + (lie->counter != NO_COUNTER ? 1u : 0u))
		fail_msg("%s: counted wrong", lie->name);
}

static void
test_used(void **state)
{
	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		open_pair(zero_copy, true);
		for (size_t i = 0; i < RTE_DIM(lies); i++) {
			begin();
			tell(&lies[i]);
			check(&lies[i]);
			port_assert_works(&neighbour, 8);
		}
		close_pair();
	}
}

/* A right frame, the lie, and another: the first comes; the last only if the lie was about a frame.
 */
static void
test_behind(void **state)
{
	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		open_pair(zero_copy, true);
		for (uint32_t word = 0; word < 20; word++) {
			struct rte_mbuf *m[RING];
			uint16_t n;

			begin();
			for (uint32_t i = 0; i < 3; i++) {
				memset(buffer(i) - RAW_HDR_BYTES, 0, RAW_HDR_BYTES + ROOM);
				raw_used_put(&to_guest, i, i, i == 1 ? word : 60);
			}
			raw_used_set(&to_guest, 3);
			n = port_guest_rx(&cheated, m, RING);
			assert_int_equal(n, word < 14 ? 1 : 3);
			assert_int_equal(m[0]->pkt_len, 60);
			rte_pktmbuf_free_bulk(m, n);
			assert_int_equal(port_guest_rx_total(&cheated.grx[0]), word < 14 ? 2 : 3);
		}
		close_pair();
	}
}

/* Headers that cannot be true: each costs its frame, and the ring goes on. */
static void
test_headers(void **state)
{
	static const struct raw_hdr headers[] = {
		{.flags = 1, .csum_start = 60, .csum_offset = 6},
		{.flags = 1, .csum_start = 34, .csum_offset = 16},
		{.flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff},
		{.flags = 0, .gso_type = RAW_GSO_TCPV4, .gso_size = 100},
		{.flags = 1, .gso_type = RAW_GSO_ECN, .csum_start = 34, .csum_offset = 6},
		{.flags = 1,
		 .gso_type = RAW_GSO_UDP,
		 .gso_size = 1,
		 .csum_start = 34,
		 .csum_offset = 6},
		{0xff, 0xff, 0xffff, 0xffff, 0xffff, 0xffff, 1},
	};
	static const struct packet_kind kind = {.payload = 100};
	static struct packet pk;

	(void)state;
	packet_make(&pk, &kind);
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct rte_mbuf *m[RING];

		open_pair(zero_copy, true);
		begin();
		for (uint32_t i = 0; i < 2 * RTE_DIM(headers); i++) {
			memcpy(buffer(i), pk.data, pk.len);
			raw_used_put(&to_guest, i, i, i % 2 == 0 ? pk.len : HDR(pk.len));
			raw_hdr_put(buffer(i), &headers[i / 2]);
		}
		raw_used_set(&to_guest, 2 * RTE_DIM(headers));
		assert_int_equal(port_guest_rx(&cheated, m, RING), RTE_DIM(headers));
		rte_pktmbuf_free_bulk(m, RTE_DIM(headers));
		assert_int_equal(cheated.grx[0].stats.bad_hdr, RTE_DIM(headers));
		assert_int_equal(port_guest_rx_total(&cheated.grx[0]), 2 * RTE_DIM(headers));
		assert_int_equal(cheated.grx[0].ring.fault, FAULT(NONE));
		close_pair();
	}
}

/* A frame of several buffers for a guest that did not agree to any. */
static void
test_no_scatter(void **state)
{
	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		static const struct lie lie = {"", HDR(ROOM), ROOM,	   4,
					       3,  1,	      FAULT(NONE), RX(too_long)};

		open_pair(zero_copy, false);
		begin();
		tell(&lie);
		check(&lie);
		close_pair();
	}
}

static uint16_t
send_all(uint16_t n)
{
	uint8_t frame[100];
	uint16_t sent = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m;

		port_frame(&neighbour, frame, sizeof(frame), i);
		m = port_chain(cheated.setup.zero_copy ? cheated.guest_pool : cheated.private_pool,
			       frame, sizeof(frame), 2048);
		if (port_guest_tx(&cheated, &m, 1) == 0)
			rte_pktmbuf_free(m);
		else
			sent++;
	}
	return sent;
}

/* Frames that were sent, and an index that says more of them were used, or fewer than before. */
static void
test_transmit(void **state)
{
	static const struct {
		uint16_t before, then;
	} cases[] = {{0, RING + 1}, {0, 0xffff}, {0, 0x8000}, {10, RING + 11}, {10, 9}};

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		open_pair(zero_copy, true);
		for (size_t i = 0; i < RTE_DIM(cases); i++) {
			begin();
			assert_int_equal(send_all(RING), RING);
			raw_used_set(&to_host, cases[i].before);
			assert_int_equal(send_all(RING), cases[i].before);
			raw_used_set(&to_host, cases[i].then);
			assert_int_equal(send_all(RING), 0);
			assert_int_equal(cheated.gtx[0].ring.fault, FAULT(USED_IDX));
			assert_int_equal(cheated.gtx[0].stats.fault, 1);
			assert_int_equal(cheated.gtx[0].stats.packets, RING + cases[i].before);
			port_stop(&cheated);
			assert_int_equal(cheated.gtx[0].stats.lost, RING);
			port_assert_all_back(&cheated);
			port_start(&cheated);
			port_assert_works(&neighbour, 8);
		}
		close_pair();
	}
}

/* A host that takes nothing and gives nothing: nothing happens, and everything comes back. */
static void
test_idle(void **state)
{
	struct rte_mbuf *m[RING];

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		open_pair(zero_copy, true);
		begin();
		assert_int_equal(send_all(3 * RING), RING);
		assert_int_equal(port_guest_rx(&cheated, m, RING), 0);
		port_stop(&cheated);
		assert_int_equal(cheated.gtx[0].stats.lost, RING);
		port_start(&cheated);
		close_pair();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_used),	    PORT_TEST(test_behind),   PORT_TEST(test_headers),
		PORT_TEST(test_no_scatter), PORT_TEST(test_transmit), PORT_TEST(test_idle),
	};

	return PORT_RUN(tests);
}
