/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device's end of a ring, lib/vring, makes of descriptors: flags, order, chains, lengths,
 * addresses. The driver is by hand: vring_peer.h.
 */
#include "pvn_test.h"

#include <pvn_vring.h>

#include "vring_peer.h"

/* What the guest shares. Bounds are checked by address only, so all pools may be the same bytes,
 * and a pool may be larger than any memory.
 */
static uint8_t pool_memory[4096];
static const struct pvn_vring_pool pools[] = {
	{.base = pool_memory, .size = sizeof(pool_memory)}, /* read-only */
	{.base = pool_memory, .size = sizeof(pool_memory), .writable = true},
	{.base = pool_memory, .size = 12, .writable = true}, /* header room, and nothing behind */
	{.base = pool_memory, .size = 13, .writable = true},
	{.base = pool_memory, .size = 0, .writable = true},
};

#define RING 64

static struct peer
begin(struct pvn_vring_dev *r, uint32_t size)
{
	struct peer p = peer_new(size);

	peer_driver_reset(&p);
	pvn_vring_dev_reset(r, p.mem, size, pools, PVN_DIM(pools));
	return p;
}

/* ---- addresses ---- */

static const struct {
	const char *name;
	uint32_t pool;
	uint64_t offset;
	uint32_t len;
	bool write, good;
} addresses[] = {
	{"first byte that leaves header room", 1, 12, 1, true, true},
	{"one byte before it", 1, 11, 1, true, false},
	{"one byte before it, read", 0, 11, 1, false, false},
	{"start of the pool", 1, 0, 100, true, false},
	{"all of the pool", 1, 12, 4084, true, true},
	{"one byte more", 1, 12, 4085, true, false},
	{"last byte", 1, 4095, 1, true, true},
	{"over the end", 1, 4095, 2, true, false},
	{"one past the end", 1, 4096, 1, true, false},
	{"far outside", 1, 65536, 1, true, false},
	{"longest length", 1, 12, UINT32_MAX, true, false},
	{"sum wraps in 32 bits", 1, 12, UINT32_MAX - 10, true, false},
	{"sum wraps to the end in 32 bits", 1, 4096, UINT32_MAX, true, false},
	{"offset right in 32 bits only", 1, UINT64_C(0x10000000C), 1, true, false},
	{"largest offset", 1, UINT64_C(0xFFFFFFFFFFFF), 1, true, false},
	{"largest offset and length", 1, UINT64_C(0xFFFFFFFFFFFF), UINT32_MAX, true, false},
	{"largest offset, right if it wrapped in 48 bits", 1, UINT64_C(0xFFFFFFFFFFFF), 100, true,
	 false},
	{"pool of header room only", 2, 12, 1, true, false},
	{"pool with one byte more", 3, 12, 1, true, true},
	{"pool with one byte more, two bytes", 3, 12, 2, true, false},
	{"pool of no bytes", 4, 12, 1, true, false},
	{"pool of no bytes, no offset", 4, 0, 1, true, false},
	{"one pool too many", 5, 64, 1, true, false},
	{"pool behind the largest table", 8, 64, 1, true, false},
	{"pool right in 8 bits only", 256, 64, 1, false, false},
	{"largest pool number", 65535, 64, 1, true, false},
	{"all bits", 65535, UINT64_C(0xFFFFFFFFFFFF), UINT32_MAX, false, false},
	{"read-only pool, read", 0, 64, 100, false, true},
	{"read-only pool, written", 0, 64, 100, true, false},
	{"writable pool, read", 1, 64, 100, false, true},
	{"length 0", 1, 64, 0, true, false},
	{"length 0, read", 0, 64, 0, false, false},
	{"length 0 at the end", 1, 4096, 0, false, false},
};

static void
test_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(addresses); i++) {
		struct pvn_vring_dev r;
		struct peer p = begin(&r, RING);
		struct pvn_vring_buf buf;

		print_message("%s\n", addresses[i].name);
		peer_set_desc(&p, 3, peer_addr(addresses[i].pool, addresses[i].offset),
			      addresses[i].len, addresses[i].write ? PEER_WRITE : 0, 0xABCD);
		assert_int_equal(pvn_vring_dev_buf(&r, 3, addresses[i].write, &buf),
				 addresses[i].good);
		if (addresses[i].good) {
			assert_ptr_equal(buf.addr, pool_memory + addresses[i].offset);
			assert_int_equal(buf.len, addresses[i].len);
			assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
		} else {
			assert_int_equal(r.fault, addresses[i].len == 0
							  ? PVN_VRING_FAULT_DESC_LEN
							  : PVN_VRING_FAULT_DESC_ADDR);
		}
		free(p.mem);
	}
}

/* A pool as large as an offset can say: nothing wraps on the way to its last byte. */
static void
test_largest_pool(void **state)
{
	const uint64_t size = UINT64_C(0xFFFFFFFFFFFF); /* last byte: offset 2^48 - 2 */
	const struct pvn_vring_pool largest = {.base = pool_memory, .size = size};
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);

	(void)state;
	if (sizeof(void *) < 8) {
		free(p.mem);
		return;
	}
	pvn_vring_dev_reset(&r, p.mem, RING, &largest, 1);
	assert_non_null(pvn_vring_dev_translate(&r, size - 1, 1, false));
	assert_null(pvn_vring_dev_translate(&r, size - 1, 2, false));
	assert_null(pvn_vring_dev_translate(&r, size - 1, UINT32_MAX, false));
	assert_null(pvn_vring_dev_translate(&r, size, 1, false));
	assert_non_null(pvn_vring_dev_translate(&r, size - UINT32_MAX, UINT32_MAX, false));
	assert_null(pvn_vring_dev_translate(&r, size - UINT32_MAX + 1, UINT32_MAX, false));
	free(p.mem);
}

/* A guest that shares nothing. */
static void
test_no_pools(void **state)
{
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);
	struct pvn_vring_buf buf = {0};

	(void)state;
	pvn_vring_dev_reset(&r, p.mem, RING, NULL, 0);
	peer_set_desc(&p, 0, peer_addr(0, 64), 100, 0, 0);
	assert_false(pvn_vring_dev_buf(&r, 0, false, &buf));
	assert_int_equal(r.fault, PVN_VRING_FAULT_DESC_ADDR);
	free(p.mem);
}

/* ---- flags and order ---- */

/* All 65536 flag words: to be read, a frame may go on and have a header; to be written, exactly
 * WRITE. INDIRECT and what nobody has defined is never right.
 */
static void
test_flags(void **state)
{
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);

	(void)state;
	for (uint32_t flags = 0; flags <= UINT16_MAX; flags++) {
		struct pvn_vring_buf buf;

		for (int write = 0; write <= 1; write++) {
			const bool good =
				write ? flags == PEER_WRITE
				      : (flags | PEER_NEXT | PEER_HDR) == (PEER_NEXT | PEER_HDR);

			pvn_vring_dev_reset(&r, p.mem, RING, pools, PVN_DIM(pools));
			peer_set_desc(&p, 5, peer_addr(1, 64), 100, flags, 6);
			assert_int_equal(pvn_vring_dev_buf(&r, 5, write, &buf), good);
			assert_int_equal(r.fault,
					 good ? PVN_VRING_FAULT_NONE : PVN_VRING_FAULT_DESC_FLAGS);
			if (good)
				assert_int_equal(buf.flags, flags);
		}
	}
	free(p.mem);
}

/* The only next that is right is the next in the table. All 65536, at places where it wraps. */
static void
test_next(void **state)
{
	static const uint16_t at[] = {0, 62, 63, 64, 65534, 65535};
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);

	(void)state;
	for (size_t i = 0; i < PVN_DIM(at); i++) {
		const uint32_t right = (at[i] % RING + 1) % RING;

		for (uint32_t next = 0; next <= UINT16_MAX; next++) {
			struct pvn_vring_buf buf;

			pvn_vring_dev_reset(&r, p.mem, RING, pools, PVN_DIM(pools));
			peer_set_desc(&p, at[i], peer_addr(0, 64), 100, PEER_NEXT, next);
			assert_int_equal(pvn_vring_dev_buf(&r, at[i], false, &buf), next == right);
			assert_int_equal(r.fault, next == right ? PVN_VRING_FAULT_NONE
								: PVN_VRING_FAULT_DESC_NEXT);
		}
	}
	free(p.mem);
}

/* ---- chains ---- */

/* `count` descriptors from `pos` on; with `endless` the last goes on too. */
static void
set_chain(struct peer *p, uint16_t pos, uint32_t count, uint16_t last_flags)
{
	for (uint32_t i = 0; i < count; i++)
		peer_set_desc(p, (uint16_t)(pos + i), peer_addr(0, 12 + 8 * i), 100 + i,
			      i + 1 < count ? PEER_NEXT : last_flags,
			      ((uint16_t)(pos + i) + 1) % p->size);
}

/* Takes the chain at pos into exactly as much memory as is documented. */
static uint16_t
take_chain(struct pvn_vring_dev *r, uint16_t pos, struct pvn_vring_buf **bufs)
{
	*bufs = malloc(PVN_VRING_CHAIN_MAX * sizeof(**bufs));
	assert_true(pvn_vring_dev_buf(r, pos, false, &(*bufs)[0]));
	return pvn_vring_dev_chain(r, pos, *bufs);
}

/* Every length up to the limit and one more, in rings shorter and longer than the limit, over the
 * end of the table and of the counter.
 */
static void
test_chain(void **state)
{
	(void)state;
	assert_int_equal(PVN_VRING_CHAIN_MAX, 34);
	for (uint32_t size = 2; size <= 128; size *= 2) {
		const uint32_t limit = size < 34 ? size : 34;

		for (uint32_t count = 1; count <= limit + 1 && count <= size; count++) {
			struct pvn_vring_dev r;
			struct peer p = begin(&r, size);
			const uint16_t pos = 65536 - count / 2;
			struct pvn_vring_buf *bufs;

			set_chain(&p, pos, count, 0);
			assert_int_equal(take_chain(&r, pos, &bufs), count <= limit ? count : 0);
			for (uint32_t i = 0; count <= limit && i < count; i++) {
				assert_ptr_equal(bufs[i].addr, pool_memory + 12 + 8 * i);
				assert_int_equal(bufs[i].len, 100 + i);
			}
			assert_int_equal(r.fault, count <= limit ? PVN_VRING_FAULT_NONE
								 : PVN_VRING_FAULT_DESC_CHAIN);
			free(bufs);
			free(p.mem);
		}
	}
}

/* Every descriptor goes on: the table is a circle. */
static void
test_endless_chain(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct pvn_vring_dev r;
		struct peer p = begin(&r, size);
		struct pvn_vring_buf *bufs;

		for (uint32_t i = 0; i < size; i++)
			peer_set_desc(&p, i, peer_addr(0, 64), 1, PEER_NEXT, (i + 1) % size);
		assert_int_equal(take_chain(&r, 1, &bufs), 0);
		assert_int_equal(r.fault, PVN_VRING_FAULT_DESC_CHAIN);
		free(bufs);
		free(p.mem);
	}
}

/* What is wrong in a later buffer of a chain. */
static const struct {
	const char *name;
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
	enum pvn_vring_fault fault;
} later[] = {
	{"right", 64, 100, 0, 0, PVN_VRING_FAULT_NONE},
	{"second header", 64, 100, PEER_HDR, 0, PVN_VRING_FAULT_DESC_FLAGS},
	{"header, and goes on", 64, 100, PEER_HDR | PEER_NEXT, 4, PVN_VRING_FAULT_DESC_FLAGS},
	{"receive buffer", UINT64_C(1) << 48 | 64, 100, PEER_WRITE, 0, PVN_VRING_FAULT_DESC_FLAGS},
	{"back to the first", 64, 100, PEER_NEXT, 1, PVN_VRING_FAULT_DESC_NEXT},
	{"to itself", 64, 100, PEER_NEXT, 3, PVN_VRING_FAULT_DESC_NEXT},
	{"empty", 64, 0, 0, 0, PVN_VRING_FAULT_DESC_LEN},
	{"outside", 4095, 2, 0, 0, PVN_VRING_FAULT_DESC_ADDR},
};

static void
test_later_buffer(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(later); i++) {
		const bool good = later[i].fault == PVN_VRING_FAULT_NONE;
		struct pvn_vring_dev r;
		struct peer p = begin(&r, RING);
		struct pvn_vring_buf *bufs;

		print_message("%s\n", later[i].name);
		set_chain(&p, 1, 3, 0);
		peer_set_desc(&p, 3, later[i].addr, later[i].len, later[i].flags, later[i].next);
		assert_int_equal(take_chain(&r, 1, &bufs), good ? 3 : 0);
		assert_int_equal(r.fault, later[i].fault);
		free(bufs);
		free(p.mem);
	}
}

/* The first buffer's flags are those that were copied, whatever the descriptor says by now. */
static void
test_copied_once(void **state)
{
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];

	(void)state;
	set_chain(&p, 0, 3, 0);
	assert_true(pvn_vring_dev_buf(&r, 0, false, &bufs[0]));
	peer_set_desc(&p, 0, peer_addr(9, 0), UINT32_MAX, PEER_INDIRECT, 0xFFFF);
	assert_int_equal(pvn_vring_dev_chain(&r, 0, bufs), 3);
	assert_ptr_equal(bufs[0].addr, pool_memory + 12);
	assert_int_equal(bufs[0].len, 100);
	assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
	free(p.mem);
}

/* ---- the net header ---- */

/* Twelve bytes, right before the buffer; also where the buffer begins as early as it may. */
static void
test_read_hdr(void **state)
{
	struct pvn_vring_dev r;
	struct peer p = begin(&r, RING);
	struct pvn_vring_buf buf = {0};
	struct virtio_net_hdr hdr;

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		pool_memory[i] = i;
	for (uint64_t offset = 12; offset <= 64; offset += 52) {
		peer_set_desc(&p, 0, peer_addr(0, offset), 60, PEER_HDR, 0);
		assert_true(pvn_vring_dev_buf(&r, 0, false, &buf));
		assert_int_equal(buf.flags, PEER_HDR);
		pvn_vring_dev_read_hdr(&buf, &hdr);
		assert_memory_equal(&hdr, pool_memory + offset - 12, 12);
	}
	free(p.mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),	      cmocka_unit_test(test_largest_pool),
		cmocka_unit_test(test_no_pools),      cmocka_unit_test(test_flags),
		cmocka_unit_test(test_next),	      cmocka_unit_test(test_chain),
		cmocka_unit_test(test_endless_chain), cmocka_unit_test(test_later_buffer),
		cmocka_unit_test(test_copied_once),   cmocka_unit_test(test_read_hdr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
