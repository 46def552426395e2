/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest that lies in net headers and in the headers of its frames.
 */
#include <string.h>

#include "port_frames.h"
#include "port_hostile.h"

static const struct {
	const char *name;
	struct packet_kind kind;
	struct raw_hdr hdr;
	bool right;
} headers[] = {
	{"nothing", {.payload = 9}, {0}, true},
	{"right UDP", {.payload = 9}, {.flags = 1, .csum_start = 34, .csum_offset = 6}, true},
	{"right TCP", {.tcp = true}, {.flags = 1, .csum_start = 34, .csum_offset = 16}, true},
	{"right TSO",
	 {.tcp = true, .payload = 2000},
	 {1, RAW_GSO_TCPV4, 54, 1000, 34, 16, 0},
	 true},
	{"right TSO with ECN",
	 {.tcp = true, .payload = 2000},
	 {1, RAW_GSO_TCPV4 | RAW_GSO_ECN, 54, 1000, 34, 16, 0},
	 true},
	{"start beyond the frame",
	 {.payload = 9},
	 {.flags = 1, .csum_start = 60, .csum_offset = 6},
	 false},
	{"start far beyond",
	 {.payload = 9},
	 {.flags = 1, .csum_start = 0xffff, .csum_offset = 6},
	 false},
	{"start at 0", {.payload = 9}, {.flags = 1, .csum_start = 0, .csum_offset = 6}, false},
	{"start a byte off",
	 {.payload = 9},
	 {.flags = 1, .csum_start = 35, .csum_offset = 6},
	 false},
	{"offset of the other",
	 {.payload = 9},
	 {.flags = 1, .csum_start = 34, .csum_offset = 16},
	 false},
	{"offset beyond",
	 {.payload = 9},
	 {.flags = 1, .csum_start = 34, .csum_offset = 0xffff},
	 false},
	{"sum wraps", {.payload = 9}, {.flags = 1, .csum_start = 0xfff0, .csum_offset = 56}, false},
	{"segments of 0",
	 {.tcp = true, .payload = 2000},
	 {1, RAW_GSO_TCPV4, 54, 0, 34, 16, 0},
	 false},
	{"TSO without checksum",
	 {.tcp = true, .payload = 2000},
	 {0, RAW_GSO_TCPV4, 54, 1000, 34, 16, 0},
	 false},
	{"TSO of UDP", {.payload = 2000}, {1, RAW_GSO_TCPV4, 42, 1000, 34, 6, 0}, false},
	{"TSO of the other IP",
	 {.tcp = true, .payload = 2000},
	 {1, RAW_GSO_TCPV6, 54, 1000, 34, 16, 0},
	 false},
	{"UFO", {.payload = 2000}, {1, RAW_GSO_UDP, 42, 1000, 34, 6, 0}, false},
	{"unknown GSO", {.tcp = true, .payload = 2000}, {1, 0x7f, 54, 1000, 34, 16, 0}, false},
	{"only ECN", {.tcp = true, .payload = 2000}, {1, RAW_GSO_ECN, 54, 1000, 34, 16, 0}, false},
	{"nothing to cut",
	 {.tcp = true, .payload = 0},
	 {1, RAW_GSO_TCPV4, 54, 1000, 34, 16, 0},
	 false},
};

static void
offer_header(const uint8_t *frame, uint32_t len, const struct raw_hdr *hdr)
{
	hostile_begin();
	memcpy(hostile_page(TX, 4096), frame, len);
	raw_hdr_put(hostile_page(TX, 4096), hdr);
	raw_desc(&to_host, 0, GOOD, len, RAW_HDR);
	raw_avail_set(&to_host, 1);
}

static const struct port_setup takes_all = {
	.host_scatter = true,
	.host_keeps_hints = true,
	.features = RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
		    RTE_BIT64(VIRTIO_NET_F_HOST_TSO6),
};

static void
test_headers(void **state)
{
	static struct packet pk;

	(void)state;
	hostile_open(&takes_all);
	for (size_t i = 0; i < RTE_DIM(headers); i++) {
		packet_make(&pk, &headers[i].kind);
		packet_blank(&pk);
		offer_header(pk.data, pk.len, &headers[i].hdr);
		hostile_check_rx(headers[i].name, FAULT(NONE),
				 headers[i].right ? NO_COUNTER : HOST_RX(bad_hdr));
	}
	hostile_close();
}

/* A frame whose own headers end too early, or tell lengths that are not there. */
static void
test_cut_frames(void **state)
{
	static const struct packet_kind kinds[] = {
		{.payload = 0}, {.tcp = true}, {.ipv6 = true}, {.ipv6 = true, .tcp = true}};
	static struct packet pk;

	(void)state;
	hostile_open(&takes_all);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		packet_make(&pk, &kinds[i]);
		for (uint32_t len = 14; len < pk.len; len++) {
			struct raw_hdr hdr = {.flags = RAW_NEEDS_CSUM,
					      .csum_start = pk.l2_len + pk.l3_len,
					      .csum_offset = kinds[i].tcp ? 16 : 6};

			offer_header(pk.data, len, &hdr);
			hostile_check_rx("cut frame", FAULT(NONE), HOST_RX(bad_hdr));
		}
	}
	hostile_close();
}

/* The TCP header says how long it is: what a network card would believe. */
static void
test_tcp_header_length(void **state)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 30};
	static const struct raw_hdr tso = {1, RAW_GSO_TCPV4, 54, 10, 34, 16, 0};
	static struct packet pk;

	(void)state;
	hostile_open(&takes_all);
	packet_make(&pk, &kind);
	for (uint8_t words = 0; words < 16; words++) {
		pk.data[46] = (uint8_t)(words << 4);
		offer_header(pk.data, pk.len, &tso);
		hostile_check_rx("TCP header", FAULT(NONE),
				 words >= 5 && words * 4 < 50 ? NO_COUNTER : HOST_RX(bad_hdr));
	}
	hostile_close();
}

/* Whether extension headers of so many bytes may be: a mbuf can tell of no more; and a switch wants
 * all headers in the head of a frame.
 */
static bool
extension_ok(uint32_t bytes)
{
	return port_by_frames() ? 74 + bytes <= PVN_HOST_HEAD : 40 + bytes < 512;
}

/* IPv6 with more extension headers than there may be. */
static void
test_long_ipv6(void **state)
{
	static const struct packet_kind kind = {.ipv6 = true, .tcp = true};
	static struct packet pk;
	static uint8_t frame[1500];

	(void)state;
	hostile_open(&takes_all);
	packet_make(&pk, &kind);
	for (uint32_t extension = 8; extension <= 1024; extension += 8) {
		struct raw_hdr hdr = {.flags = 1, .csum_offset = 16};

		memset(frame, 0, sizeof(frame));
		memcpy(frame, pk.data, 54);
		frame[20] = 60; /* destination options */
		frame[54] = 6;
		frame[55] = (uint8_t)(extension / 8 - 1);
		memcpy(frame + 54 + extension, pk.data + 54, 20);
		hdr.csum_start = (uint16_t)(54 + extension);
		offer_header(frame, 74 + extension, &hdr);
		hostile_check_rx("extension headers", FAULT(NONE),
				 extension_ok(extension) ? NO_COUNTER : HOST_RX(bad_hdr));
	}
	hostile_close();
}

/* Nobody promised to take long frames, or any with hints. */
static void
test_not_negotiated(void **state)
{
	static const struct packet_kind kinds[] = {{.tcp = true, .payload = 1000},
						   {.tcp = true, .payload = 5000}};
	static const struct raw_hdr tso = {1, RAW_GSO_TCPV4, 54, 500, 34, 16, 0};
	static struct packet pk;

	(void)state;
	for (int keeps = 0; keeps < 2; keeps++) {
		struct port_setup setup = {.host_scatter = true,
					   .host_keeps_hints = keeps,
					   .features = RTE_BIT64(VIRTIO_NET_F_CSUM)};

		hostile_open(&setup);
		packet_make(&pk, &kinds[0]);
		offer_header(pk.data, pk.len, &tso);
		hostile_check_rx("TSO", FAULT(NONE), HOST_RX(bad_hdr));
		packet_make(&pk, &kinds[1]);
		offer_header(pk.data, pk.len, &tso);
		hostile_check_rx("long TSO", FAULT(NONE), HOST_RX(too_long));
		hostile_close();
	}
}

/* Headers over as many tiny parts as there may be. */
static void
test_tiny_parts(void **state)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 14};
	static const struct raw_hdr hdr = {.flags = 1, .csum_start = 34, .csum_offset = 16};
	static struct packet pk, right;

	(void)state;
	for (int keeps = 0; keeps < 2; keeps++) {
		struct port_setup setup = takes_all;

		setup.host_keeps_hints = keeps;
		hostile_open(&setup);
		packet_make(&right, &kind);
		for (uint32_t part = 2; part < 40; part++) {
			struct rte_mbuf *m;
			uint32_t i = 0;

			pk = right;
			packet_blank(&pk);
			hostile_begin();
			memcpy(hostile_page(TX, 4096), pk.data, pk.len);
			raw_hdr_put(hostile_page(TX, 4096), &hdr);
			for (uint32_t at = 0; at < pk.len; at += part, i++)
				raw_desc(&to_host, i, AT(TX, 4096 + at), RTE_MIN(part, pk.len - at),
					 (at == 0 ? RAW_HDR : 0) |
						 (at + part < pk.len ? RAW_NEXT : 0));
			raw_avail_set(&to_host, 1);
			assert_int_equal(port_host_rx(&hostile, &m, 1), 1);
			if (keeps)
				packet_finish(rte_pktmbuf_mtod(m, uint8_t *), pk.len, 34, 16);
			port_assert_content(m, right.data, right.len);
			rte_pktmbuf_free(m);
			hostile_assert_harmless();
		}
		hostile_close();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_headers),	   PORT_TEST(test_cut_frames),
		PORT_TEST(test_tcp_header_length), PORT_TEST(test_long_ipv6),
		PORT_TEST(test_not_negotiated),	   PORT_TEST(test_tiny_parts),
	};

	return PORT_RUN(tests);
}
