/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * proto/virtio_ring.h against bytes and numbers written down from virtio 1.2, sections 2.7 and
 * 5.1.6, and docs/design/ring.md: never from our own encoder.
 */
#include "pvn_test.h"

#include <string.h>

#include <virtio_ring.h>

/* Bytes 01 02 03 ... as they stand in memory: every field has a value of its own. */
static const uint8_t bytes[16] = {
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10,
};

/* 2.7.5: le64 addr, le32 len, le16 flags, le16 next. */
static void
test_desc(void **state)
{
	struct vring_desc d;

	(void)state;
	assert_int_equal(sizeof(d), 16);
	memcpy(&d, bytes, sizeof(d));
	assert_true(pvn_le64_to_cpu(d.addr) == UINT64_C(0x0807060504030201));
	assert_int_equal(pvn_le32_to_cpu(d.len), 0x0C0B0A09);
	assert_int_equal(pvn_le16_to_cpu(d.flags), 0x0E0D);
	assert_int_equal(pvn_le16_to_cpu(d.next), 0x100F);
}

/* 2.7.6: le16 flags, le16 idx, le16 ring[]. */
static void
test_avail(void **state)
{
	union {
		struct vring_avail avail;
		uint8_t bytes[16];
	} u;

	(void)state;
	memcpy(&u, bytes, sizeof(u));
	assert_int_equal(pvn_le16_to_cpu(u.avail.flags), 0x0201);
	assert_int_equal(pvn_le16_to_cpu(u.avail.idx), 0x0403);
	assert_int_equal(pvn_le16_to_cpu(u.avail.ring[0]), 0x0605);
	assert_int_equal(pvn_le16_to_cpu(u.avail.ring[5]), 0x100F);
}

/* 2.7.8: le16 flags, le16 idx, then le32 id, le32 len. */
static void
test_used(void **state)
{
	union {
		struct vring_used used;
		uint8_t bytes[20];
	} u;

	(void)state;
	memcpy(&u, bytes, sizeof(bytes));
	memcpy(u.bytes + 16, (const uint8_t[]){0x11, 0x12, 0x13, 0x14}, 4);
	assert_int_equal(pvn_le16_to_cpu(u.used.flags), 0x0201);
	assert_int_equal(pvn_le16_to_cpu(u.used.idx), 0x0403);
	assert_int_equal(pvn_le32_to_cpu(u.used.ring[0].id), 0x08070605);
	assert_int_equal(pvn_le32_to_cpu(u.used.ring[0].len), 0x0C0B0A09);
	assert_int_equal(pvn_le32_to_cpu(u.used.ring[1].id), 0x100F0E0D);
	assert_int_equal(pvn_le32_to_cpu(u.used.ring[1].len), 0x14131211);
}

/* 5.1.6: u8 flags, u8 gso_type, le16 hdr_len, gso_size, csum_start, csum_offset, num_buffers. */
static void
test_net_hdr(void **state)
{
	struct virtio_net_hdr h;

	(void)state;
	assert_int_equal(sizeof(h), 12);
	memcpy(&h, bytes, sizeof(h));
	assert_int_equal(h.flags, 0x01);
	assert_int_equal(h.gso_type, 0x02);
	assert_int_equal(pvn_le16_to_cpu(h.hdr_len), 0x0403);
	assert_int_equal(pvn_le16_to_cpu(h.gso_size), 0x0605);
	assert_int_equal(pvn_le16_to_cpu(h.csum_start), 0x0807);
	assert_int_equal(pvn_le16_to_cpu(h.csum_offset), 0x0A09);
	assert_int_equal(pvn_le16_to_cpu(h.num_buffers), 0x0C0B);
}

/* Where the parts begin, by hand: 16 n, 4 + 2 n and 4 + 8 n bytes, each rounded up to 64. */
static const struct {
	uint32_t size, avail, used, bytes;
} offsets[] = {
	/* clang-format off */
	{     2,     64,    128,    192 },
	{     4,     64,    128,    192 },
	{     8,    128,    192,    320 },
	{    16,    256,    320,    512 },
	{    32,    512,    640,    960 },
	{    64,   1024,   1216,   1792 },
	{   128,   2048,   2368,   3456 },
	{   256,   4096,   4672,   6784 },
	{   512,   8192,   9280,  13440 },
	{  1024,  16384,  18496,  26752 },
	{  2048,  32768,  36928,  53376 },
	{  4096,  65536,  73792, 106624 },
	{  8192, 131072, 147520, 213120 },
	{ 16384, 262144, 294976, 426112 },
	{ 32768, 524288, 589888, 852096 },
	/* clang-format on */
};

static void
test_offsets(void **state)
{
	(void)state;
	assert_int_equal(VRING_SIZE_MIN, 2);
	assert_int_equal(VRING_SIZE_MAX, 32768);
	for (size_t i = 0; i < PVN_DIM(offsets); i++) {
		const uint32_t size = offsets[i].size;

		assert_int_equal(VRING_AVAIL_OFFSET(size), offsets[i].avail);
		assert_int_equal(VRING_USED_OFFSET(size), offsets[i].used);
		assert_int_equal(VRING_BYTES(size), offsets[i].bytes);
		/* The same with a narrow size: nothing is computed in its type. */
		assert_int_equal(VRING_BYTES((uint16_t)size), offsets[i].bytes);
	}
}

/* [RING 3]: pool number in bits 63..48, offset below. */
static const struct {
	uint32_t pool;
	uint64_t offset, addr;
} addresses[] = {
	{0, 0, 0},
	{0, 1, 1},
	{1, 0, UINT64_C(0x0001000000000000)},
	{7, UINT64_C(0x123456789ABC), UINT64_C(0x0007123456789ABC)},
	{0x8000, 12, UINT64_C(0x800000000000000C)},
	{0xFFFF, UINT64_C(0xFFFFFFFFFFFF), UINT64_C(0xFFFFFFFFFFFFFFFF)},
};

static void
test_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(addresses); i++) {
		const uint64_t addr = addresses[i].addr;

		assert_true(VRING_ADDR(addresses[i].pool, addresses[i].offset) == addr);
		assert_int_equal(VRING_ADDR_POOL(addr), addresses[i].pool);
		assert_true(VRING_ADDR_OFFSET(addr) == addresses[i].offset);
	}
	/* A narrow pool number is not shifted out of its type. */
	assert_true(VRING_ADDR((uint16_t)3, 5) == UINT64_C(0x0003000000000005));
}

/* Flags and feature bits: 2.7.5, 5.1.6, 5.1.3, 6; those that are ours: [RING 4]. */
static void
test_numbers(void **state)
{
	(void)state;
	assert_int_equal(VRING_DESC_F_NEXT, 1);
	assert_int_equal(VRING_DESC_F_WRITE, 2);
	assert_int_equal(VRING_DESC_F_HDR, 0x8000);
	assert_int_equal(VRING_USED_LEN_HDR, 0x80000000);
	assert_int_equal(VIRTIO_NET_HDR_F_NEEDS_CSUM, 1);
	assert_int_equal(VIRTIO_NET_HDR_F_DATA_VALID, 2);
	assert_int_equal(VIRTIO_NET_HDR_GSO_NONE, 0);
	assert_int_equal(VIRTIO_NET_HDR_GSO_TCPV4, 1);
	assert_int_equal(VIRTIO_NET_HDR_GSO_TCPV6, 4);
	assert_int_equal(VIRTIO_NET_HDR_GSO_ECN, 0x80);
	assert_int_equal(VIRTIO_NET_F_CSUM, 0);
	assert_int_equal(VIRTIO_NET_F_GUEST_CSUM, 1);
	assert_int_equal(VIRTIO_NET_F_GUEST_TSO4, 7);
	assert_int_equal(VIRTIO_NET_F_GUEST_TSO6, 8);
	assert_int_equal(VIRTIO_NET_F_HOST_TSO4, 11);
	assert_int_equal(VIRTIO_NET_F_HOST_TSO6, 12);
	assert_int_equal(VIRTIO_NET_F_MRG_RXBUF, 15);
	assert_int_equal(VIRTIO_F_VERSION_1, 32);
	assert_int_equal(VIRTIO_F_IN_ORDER, 35);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_desc),	cmocka_unit_test(test_avail),
		cmocka_unit_test(test_used),	cmocka_unit_test(test_net_hdr),
		cmocka_unit_test(test_offsets), cmocka_unit_test(test_address),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
