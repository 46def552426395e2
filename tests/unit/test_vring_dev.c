/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The device's end of a ring, lib/vring: indices, used elements, and what becomes of a broken ring,
 * on a driver by hand: vring_peer.h. Descriptors and addresses are test_vring_desc.c.
 */
#include "pvn_test.h"

#include <pvn_vring.h>

#include "vring_peer.h"

static uint8_t pool_memory[4096];
static const struct pvn_vring_pool pools[] = {
	{.base = pool_memory, .size = sizeof(pool_memory), .writable = true},
};

/* A ring whose driver, by hand, has just begun it. */
static struct peer
begin(struct pvn_vring_dev *r, uint32_t size)
{
	struct peer p = peer_new(size);

	peer_driver_reset(&p);
	pvn_vring_dev_reset(r, p.mem, size, pools, PVN_DIM(pools));
	return p;
}

/* As if `start` frames had gone through. */
static void
begin_at(struct pvn_vring_dev *r, struct peer *p, uint16_t start)
{
	pvn_vring_dev_publish(r, start, start);
	peer_set_avail(p, start);
	r->avail_seen = start;
}

/* Empty, one, full, at every place of the 16-bit indices and in every size. */
static void
test_avail(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct pvn_vring_dev r;
		struct peer p = begin(&r, size);

		for (uint32_t total = 0; total < 3 * 65536; total += size) {
			assert_int_equal(pvn_vring_dev_avail(&r, 1), 0);
			peer_set_avail(&p, p.idx + 1);
			assert_int_equal(pvn_vring_dev_avail(&r, 1), 1);
			peer_set_avail(&p, p.idx + size - 1);
			assert_int_equal(pvn_vring_dev_avail(&r, UINT16_MAX), size);
			pvn_vring_dev_publish(&r, size, size);
			assert_int_equal(peer_used_idx(&p), p.idx);
		}
		assert_int_equal(r.pos, r.used_idx);
		assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
		free(p.mem);
	}
}

/* The index is loaded when more is wanted than is known, and only then. */
static void
test_avail_want(void **state)
{
	struct pvn_vring_dev r;
	struct peer p = begin(&r, 8);

	(void)state;
	peer_set_avail(&p, 3);
	assert_int_equal(pvn_vring_dev_avail(&r, 0), 0);
	assert_int_equal(pvn_vring_dev_avail(&r, 1), 3);
	peer_set_avail(&p, 5);
	assert_int_equal(pvn_vring_dev_avail(&r, 3), 3);
	assert_int_equal(pvn_vring_dev_avail(&r, 4), 5);
	pvn_vring_dev_publish(&r, 2, 2);
	assert_int_equal(pvn_vring_dev_avail(&r, 3), 3);
	free(p.mem);
}

/* avail.idx beyond what was given back: seen, and then this. In every size, from starts about to
 * wrap; a number of the ring's size is written as SIZE.
 */
#define SIZE 1000000
static const struct {
	const char *name;
	int first, then;
	bool good;
} lies[] = {
	{"nothing", 0, 0, true},
	{"one", 0, 1, true},
	{"full", 0, SIZE, true},
	{"one more than the ring", 0, SIZE + 1, false},
	{"half of all numbers and one", 0, 32769, false},
	{"one back", 0, -1, false},
	{"two seen, one back", 2, 1, false},
	{"two seen, all back", 2, 0, false},
	{"two seen, full", 2, SIZE, true},
	{"two seen, one more than the ring", 2, SIZE + 1, false},
};

static uint16_t
of_size(int number, uint32_t size)
{
	return number >= SIZE ? number - SIZE + size : (uint32_t)number;
}

static void
check_lie(size_t i, uint32_t size, uint16_t start)
{
	const uint16_t then = of_size(lies[i].then, size);
	struct pvn_vring_dev r;
	struct peer p = begin(&r, size);

	begin_at(&r, &p, start);
	peer_set_avail(&p, start + lies[i].first);
	assert_int_equal(pvn_vring_dev_avail(&r, 1), lies[i].first);
	peer_set_avail(&p, start + then);
	assert_int_equal(pvn_vring_dev_avail(&r, UINT16_MAX), lies[i].good ? then : 0);
	assert_int_equal(r.fault, lies[i].good ? PVN_VRING_FAULT_NONE : PVN_VRING_FAULT_AVAIL_IDX);
	free(p.mem);
}

static void
test_avail_lies(void **state)
{
	static const uint16_t starts[] = {0, 1, 32767, 32768, 65534, 65535};

	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		for (size_t i = 0; i < PVN_DIM(lies); i++) {
			print_message("size %u: %s\n", size, lies[i].name);
			for (size_t s = 0; s < PVN_DIM(starts); s++)
				check_lie(i, size, starts[s]);
		}
	}
}

/* Used elements in the bytes of virtio 2.7.8, visible as soon as the index is and no sooner; and
 * not one byte written that belongs to the driver.
 */
static void
test_used(void **state)
{
	static const uint8_t elem[] = {0x05, 0x00, 0x00, 0x00, 0xEA, 0x05, 0x00, 0x80};
	struct pvn_vring_dev r;
	struct peer p = begin(&r, 8);
	const size_t used_at = peer_used_at(8);
	uint8_t *want = malloc(peer_ring_bytes(8));

	(void)state;
	begin_at(&r, &p, 65535); /* the next two elements are 7 and 0 */
	memcpy(want, p.mem, peer_ring_bytes(8));
	memcpy(want + used_at + 4 + 8 * 7, elem, sizeof(elem));
	pvn_vring_dev_fill_used(&r, 0, 0xFFFD, PEER_USED_HDR | 1514);
	assert_memory_equal(p.mem, want, peer_ring_bytes(8));
	memcpy(want + used_at + 4, (const uint8_t[]){0, 0, 0, 0, 4, 3, 2, 1}, 8);
	pvn_vring_dev_fill_used(&r, 1, 8, 0x01020304);
	assert_memory_equal(p.mem, want, peer_ring_bytes(8));
	want[used_at + 2] = 0x01; /* 65535 + 2 */
	want[used_at + 3] = 0x00;
	pvn_vring_dev_publish(&r, 2, 5);
	assert_memory_equal(p.mem, want, peer_ring_bytes(8));
	assert_int_equal(r.pos, (uint16_t)(65535 + 5));
	free(want);
	free(p.mem);
}

/* In every size the last element ends with the ring: a sanitizer sees one byte more. */
static void
test_used_everywhere(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct pvn_vring_dev r;
		struct peer p = begin(&r, size);

		for (uint32_t i = 0; i < size; i++)
			pvn_vring_dev_fill_used(&r, i, i, i + 7);
		for (uint32_t i = 0; i < size; i++) {
			assert_int_equal(peer_get(peer_used_elem(&p, i), 4), i);
			assert_int_equal(peer_get(peer_used_elem(&p, i) + 4, 4), i + 7);
		}
		free(p.mem);
	}
}

/* ---- a broken ring ---- */

static void
lie_avail(struct pvn_vring_dev *r, struct peer *p)
{
	peer_set_avail(p, 9);
	pvn_vring_dev_avail(r, UINT16_MAX);
}

static void
lie_flags(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf buf = {0};

	peer_set_desc(p, 0, peer_addr(0, 64), 100, PEER_INDIRECT, 0);
	pvn_vring_dev_buf(r, 0, false, &buf);
}

static void
lie_next(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf buf = {0};

	peer_set_desc(p, 0, peer_addr(0, 64), 100, PEER_NEXT, 0);
	pvn_vring_dev_buf(r, 0, false, &buf);
}

static void
lie_chain(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];

	for (uint16_t i = 0; i < 8; i++)
		peer_set_desc(p, i, peer_addr(0, 64), 100, PEER_NEXT, (i + 1) % 8);
	pvn_vring_dev_buf(r, 0, false, &bufs[0]);
	pvn_vring_dev_chain(r, 0, bufs);
}

static void
lie_len(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf buf = {0};

	peer_set_desc(p, 0, peer_addr(0, 64), 0, PEER_WRITE, 0);
	pvn_vring_dev_buf(r, 0, true, &buf);
}

static void
lie_addr(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf buf = {0};

	peer_set_desc(p, 0, peer_addr(1, 64), 100, PEER_WRITE, 0);
	pvn_vring_dev_buf(r, 0, true, &buf);
}

static const struct {
	void (*lie)(struct pvn_vring_dev *r, struct peer *p);
	enum pvn_vring_fault fault;
} breaks[] = {
	{lie_avail, PVN_VRING_FAULT_AVAIL_IDX}, {lie_flags, PVN_VRING_FAULT_DESC_FLAGS},
	{lie_next, PVN_VRING_FAULT_DESC_NEXT},	{lie_chain, PVN_VRING_FAULT_DESC_CHAIN},
	{lie_len, PVN_VRING_FAULT_DESC_LEN},	{lie_addr, PVN_VRING_FAULT_DESC_ADDR},
};

/* Nothing comes out of a broken ring, from a driver that is honest again. */
static void
check_shut(struct pvn_vring_dev *r, struct peer *p)
{
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX] = {{.flags = PEER_NEXT}};

	for (uint16_t i = 0; i < 8; i++)
		peer_set_desc(p, i, peer_addr(0, 64), 100, 0, 0);
	peer_set_avail(p, 4);
	assert_int_equal(pvn_vring_dev_avail(r, 0), 0);
	assert_int_equal(pvn_vring_dev_avail(r, 1), 0);
	assert_int_equal(pvn_vring_dev_avail(r, UINT16_MAX), 0);
	assert_false(pvn_vring_dev_buf(r, 0, false, &bufs[1]));
	assert_int_equal(pvn_vring_dev_chain(r, 0, bufs), 0);
	peer_set_desc(p, 0, peer_addr(0, 64), 100, PEER_WRITE, 0);
	assert_false(pvn_vring_dev_buf(r, 0, true, &bufs[1]));
	assert_null(pvn_vring_dev_translate(r, peer_addr(0, 64), 100, false));
}

/* The first fault stays, through every other; frames under way may still be given back. */
static void
test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(breaks); i++) {
		struct pvn_vring_dev r;
		struct peer p = begin(&r, 8);

		print_message("%s\n", pvn_vring_fault_text(breaks[i].fault));
		peer_set_avail(&p, 2);
		assert_int_equal(pvn_vring_dev_avail(&r, 1), 2);
		breaks[i].lie(&r, &p);
		assert_int_equal(r.fault, breaks[i].fault);
		check_shut(&r, &p);
		for (size_t j = 0; j < PVN_DIM(breaks); j++) {
			breaks[j].lie(&r, &p);
			assert_int_equal(r.fault, breaks[i].fault);
		}
		check_shut(&r, &p);
		pvn_vring_dev_fill_used(&r, 1, 1, 60);
		pvn_vring_dev_publish(&r, 2, 2);
		assert_int_equal(peer_used_idx(&p), 2);
		check_shut(&r, &p);
		assert_int_equal(r.fault, breaks[i].fault);

		pvn_vring_dev_reset(&r, p.mem, 8, pools, PVN_DIM(pools)); /* what mends it */
		peer_set_avail(&p, 1);
		assert_int_equal(pvn_vring_dev_avail(&r, 1), 1);
		assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
		free(p.mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_avail),		cmocka_unit_test(test_avail_want),
		cmocka_unit_test(test_avail_lies),	cmocka_unit_test(test_used),
		cmocka_unit_test(test_used_everywhere), cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
