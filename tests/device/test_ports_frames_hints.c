/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a guest leaves to others about its frames, passed on by a switch: for the head that the
 * frame has then, to guests that take it and to no others, and nothing of it that was not checked.
 */
#include <string.h>

#include "port_forward.h"

#define MRG RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)
#define CSUM RTE_BIT64(VIRTIO_NET_F_CSUM)
#define TSO4 RTE_BIT64(VIRTIO_NET_F_HOST_TSO4)
#define TSO6 RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)
#define GUEST_CSUM RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM)
#define GUEST_TSO4 RTE_BIT64(VIRTIO_NET_F_GUEST_TSO4)
#define GUEST_TSO6 RTE_BIT64(VIRTIO_NET_F_GUEST_TSO6)

static const struct port_setup takes_all = {.features = MRG | CSUM | TSO4 | TSO6 | GUEST_CSUM |
							GUEST_TSO4 | GUEST_TSO6};

static const struct packet_kind kinds[] = {
	{.payload = 9},
	{.payload = 1400, .vlan = true},
	{.tcp = true, .payload = 30},
	{.tcp = true, .payload = 1400, .vlan = true},
	{.ipv6 = true, .payload = 300},
	{.ipv6 = true, .tcp = true, .payload = 1300},
	{.ipv6 = true, .tcp = true, .payload = 2, .vlan = true},
};

static struct packet pk;
static struct fwd_got got;

/* A frame whose checksum is missing, and the header that says so. */
static struct raw_hdr
make(const struct packet_kind *kind, uint16_t segment)
{
	packet_make(&pk, kind);
	packet_blank(&pk);
	return (struct raw_hdr){
		.flags = RAW_NEEDS_CSUM,
		.gso_type = segment == 0 ? 0
			    : kind->ipv6 ? RAW_GSO_TCPV6
					 : RAW_GSO_TCPV4,
		.hdr_len = segment == 0 ? 0 : pk.l2_len + pk.l3_len + pk.l4_len,
		.gso_size = segment,
		.csum_start = pk.l2_len + pk.l3_len,
		.csum_offset = pk.csum_at - pk.l2_len - pk.l3_len,
	};
}

static void
offer(const struct raw_hdr *hdr, uint32_t first, uint32_t part)
{
	memcpy(hostile_page(TX, FWD_OFFSET), pk.data, pk.len);
	fwd_offer_parts(FWD_OFFSET, pk.len, 0, first, part, hdr);
}

static uint16_t
shift_of(enum pvn_switch_tag_op op)
{
	return op == PVN_SWITCH_TAG_PUSH ? 4 : op == PVN_SWITCH_TAG_POP ? -4 : 0;
}

/* One frame came, with this header moved by the tag. */
static void
assert_passed(const struct raw_hdr *hdr, enum pvn_switch_tag_op op)
{
	static uint8_t want[PORT_LONGEST + 64];
	const uint32_t len = fwd_expect(want, pk.data, pk.len, op);
	const uint16_t shift = shift_of(op);

	assert_true(fwd_collect(&got));
	assert_int_equal(got.len, len);
	assert_memory_equal(got.data, want, len);
	assert_true(got.has_hdr);
	assert_int_equal(got.hdr.flags, hdr->flags);
	assert_int_equal(got.hdr.gso_type, hdr->gso_type);
	assert_int_equal(got.hdr.gso_size, hdr->gso_size);
	assert_int_equal(got.hdr.hdr_len,
			 hdr->gso_type == 0 ? 0 : (uint16_t)(hdr->hdr_len + shift));
	assert_int_equal(got.hdr.csum_start, (uint16_t)(hdr->csum_start + shift));
	assert_int_equal(got.hdr.csum_offset, hdr->csum_offset);
	assert_int_equal(got.hdr.num_buffers, got.buffers);
	fwd_assert_nothing();
}

static void
pass_all_ways(const struct raw_hdr *hdr, bool vlan, uint32_t buffer)
{
	for (enum pvn_switch_tag_op op = PVN_SWITCH_TAG_KEEP; op <= PVN_SWITCH_TAG_REWRITE; op++)
		for (uint32_t first = 1; first < 300; first += 1 + first / 3) {
			struct pvn_host_sent sent;

			if (!vlan && (op == PVN_SWITCH_TAG_POP || op == PVN_SWITCH_TAG_REWRITE))
				continue;
			fwd_begin();
			fwd_post(64, buffer);
			offer(hdr, first, RTE_MAX(pk.len / 30, 30u));
			fwd_all(op, &sent);
			assert_true(sent.handled == 1 && sent.sent == 1);
			assert_passed(hdr, op);
			assert_int_equal(port_host_rx_total(&hostile.hrx[0]), 1);
			assert_int_equal(port_host_tx_total(&hostile.htx[0]), 1);
		}
}

static void
test_checksums(void **state)
{
	(void)state;
	hostile_open(&takes_all);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		const struct raw_hdr hdr = make(&kinds[i], 0);

		pass_all_ways(&hdr, kinds[i].vlan, 3000);
		pass_all_ways(&hdr, kinds[i].vlan, 61);
	}
	hostile_close();
}

static void
test_tso(void **state)
{
	(void)state;
	hostile_open(&takes_all);
	for (int way = 0; way < 8; way++) {
		const struct packet_kind kind = {.tcp = true,
						 .ipv6 = (way & 1) != 0,
						 .vlan = (way & 2) != 0,
						 .payload = (way & 4) != 0 ? 61000 : 3000};
		const struct raw_hdr hdr = make(&kind, 1000);

		pass_all_ways(&hdr, kind.vlan, 3000);
	}
	hostile_close();
}

/* 64 KiB to the byte: there is no room for a tag more. */
static void
test_longest_tso(void **state)
{
	(void)state;
	hostile_open(&takes_all);
	for (uint32_t len = PORT_LONGEST - 5; len <= PORT_LONGEST; len++) {
		const struct packet_kind kind = {.tcp = true, .payload = len - 54};
		const struct raw_hdr hdr = make(&kind, 1448);
		struct pvn_host_sent sent;

		for (int push = 0; push < 2; push++) {
			const bool fits = !push || len + 4 <= PORT_LONGEST;

			fwd_begin();
			fwd_post(64, 3000);
			offer(&hdr, 100, 2048);
			fwd_all(push ? PVN_SWITCH_TAG_PUSH : PVN_SWITCH_TAG_KEEP, &sent);
			assert_true(sent.handled == 1 && sent.sent == fits);
			assert_int_equal(sent.too_long, !fits);
			assert_int_equal(port_host_tx_total(&hostile.htx[0]), 1);
		}
	}
	hostile_close();
}

/* What the guest says besides is not passed on, and what says nothing is no hint. */
static void
test_only_what_was_checked(void **state)
{
	static const struct raw_hdr nothing[] = {
		{.flags = RAW_DATA_VALID},
		{.flags = 0xfe,
		 .hdr_len = 0xffff,
		 .gso_size = 7,
		 .csum_start = 9,
		 .csum_offset = 9},
		{.hdr_len = 54, .num_buffers = 999},
	};
	static const struct packet_kind kind = {.tcp = true, .payload = 2000};
	struct raw_hdr hdr, told;
	struct pvn_host_sent sent;

	(void)state;
	hostile_open(&takes_all);
	for (uint16_t segment = 0; segment <= 1000; segment += 1000) {
		hdr = told = make(&kind, segment);
		told.flags |= 0xfe;
		told.hdr_len = 0xfff0;
		told.num_buffers = 0x7777;
		told.gso_size = segment == 0 ? 1234 : segment;
		told.gso_type |= segment == 0 ? 0 : RAW_GSO_ECN;
		fwd_begin();
		fwd_post(64, 3000);
		offer(&told, 100, 2048);
		fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
		assert_passed(&hdr, PVN_SWITCH_TAG_KEEP);
	}
	for (size_t i = 0; i < RTE_DIM(nothing); i++) {
		fwd_begin();
		fwd_post(64, 3000);
		offer(&nothing[i], 100, 2048);
		fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
		fwd_assert_got(pk.data, pk.len);
	}
	hostile_close();
}

/* Headers that do not end in the head of the frame. */
static void
test_long_headers(void **state)
{
	static const struct packet_kind kind = {.ipv6 = true, .tcp = true, .payload = 1400};
	struct pvn_host_sent sent;

	(void)state;
	hostile_open(&takes_all);
	for (uint32_t extension = 8; extension <= 400; extension += 8)
		for (uint16_t segment = 0; segment <= 1000; segment += 1000) {
			const bool fits = 74 + extension <= PVN_HOST_HEAD - (segment > 0);
			struct raw_hdr hdr = make(&kind, segment);

			memmove(pk.data + 54 + extension, pk.data + 54, pk.len - 54);
			memset(pk.data + 54, 0, extension);
			pk.data[20] = 60; /* destination options, then TCP */
			pk.data[54] = 6;
			pk.data[55] = (uint8_t)(extension / 8 - 1);
			pk.len += extension;
			hdr.csum_start += extension;
			hdr.hdr_len += segment > 0 ? extension : 0;
			fwd_begin();
			fwd_post(64, 3000);
			offer(&hdr, 100, 2048);
			fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
			assert_true(sent.sent == fits && sent.handled == fits);
			assert_int_equal(hostile.hrx[0].stats.bad_hdr, !fits);
			if (fits)
				assert_passed(&hdr, PVN_SWITCH_TAG_KEEP);
		}
	hostile_close();
}

/* What was not agreed is dropped where it comes from, whoever would take it. */
static void
test_not_agreed(void **state)
{
	static const struct packet_kind kinds_of[] = {
		{.tcp = true, .payload = 1000},
		{.tcp = true, .payload = 1000, .ipv6 = true},
	};
	static const uint64_t agreed[] = {0, TSO6, TSO4, TSO4 | TSO6};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(agreed); i++) {
		const struct port_setup setup = {.features = MRG | CSUM | GUEST_CSUM | GUEST_TSO4 |
							     GUEST_TSO6 | agreed[i]};

		hostile_open(&setup);
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			const bool taken = (agreed[i] & (ipv6 ? TSO6 : TSO4)) != 0;
			const struct raw_hdr hdr = make(&kinds_of[ipv6], 500);
			struct pvn_host_sent sent;

			fwd_begin();
			fwd_post(64, 3000);
			offer(&hdr, 100, 2048);
			fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
			assert_true(sent.handled == taken && sent.sent == taken);
			assert_int_equal(hostile.hrx[0].stats.bad_hdr, !taken);
		}
		hostile_close();
	}
}

/* A guest gets no frame that it did not say it takes. */
static void
test_refused(void **state)
{
	static const struct {
		struct packet_kind kind;
		uint16_t segment;
		uint64_t needs;
	} cases[] = {
		{{.payload = 100}, 0, GUEST_CSUM},
		{{.tcp = true, .payload = 100, .ipv6 = true}, 0, GUEST_CSUM},
		{{.tcp = true, .payload = 2000}, 500, GUEST_CSUM | GUEST_TSO4},
		{{.tcp = true, .payload = 2000, .ipv6 = true}, 500, GUEST_CSUM | GUEST_TSO6},
	};

	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		const uint64_t takes = (bits & 1 ? GUEST_CSUM : 0) | (bits & 2 ? GUEST_TSO4 : 0) |
				       (bits & 4 ? GUEST_TSO6 : 0);
		const struct port_setup setup = {.features = MRG | CSUM | TSO4 | TSO6 | takes};

		hostile_open(&setup);
		for (size_t i = 0; i < RTE_DIM(cases); i++) {
			const struct raw_hdr hdr = make(&cases[i].kind, cases[i].segment);
			const bool taken = (takes & cases[i].needs) == cases[i].needs;
			struct pvn_host_sent sent;

			fwd_begin();
			fwd_post(64, 3000);
			offer(&hdr, 100, 2048);
			fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
			assert_true(sent.handled == 1 && sent.sent == taken && sent.too_long == 0);
			assert_int_equal(hostile.htx[0].stats.bad_offload, !taken);
			assert_int_equal(port_host_tx_total(&hostile.htx[0]), 1);
			if (taken)
				assert_passed(&hdr, PVN_SWITCH_TAG_KEEP);
			fwd_assert_nothing();
		}
		hostile_close();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_checksums),    PORT_TEST(test_tso),
		PORT_TEST(test_longest_tso),  PORT_TEST(test_only_what_was_checked),
		PORT_TEST(test_long_headers), PORT_TEST(test_not_agreed),
		PORT_TEST(test_refused),
	};

	return PORT_RUN(tests);
}
