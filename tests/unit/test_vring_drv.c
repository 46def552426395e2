/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The driver's end of a ring, lib/vring, on a device by hand: vring_peer.h.
 */
#include "pvn_test.h"

#include <pvn_vring.h>

#include "vring_peer.h"

/* A ring that was just begun, its device beside it. */
static struct peer
begin(struct pvn_vring_drv *r, uint32_t size)
{
	struct peer p = peer_new(size);

	pvn_vring_drv_reset(r, p.mem, size);
	return p;
}

/* Cleared, but for the ring of descriptor numbers, which never changes. [RING 2] */
static void
test_reset(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct pvn_vring_drv r;
		struct peer p = begin(&r, size);
		uint8_t *want = calloc(1, peer_ring_bytes(size));

		for (uint32_t i = 0; i < size; i++)
			peer_put(want + peer_avail_at(size) + 4 + 2 * i, 2, i);
		assert_true(memcmp(p.mem, want, peer_ring_bytes(size)) == 0);
		assert_int_equal(pvn_vring_drv_used(&r, 1), 0);
		assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
		free(want);
		free(p.mem);
	}
}

/* Every byte of a descriptor, at positions before and after the table and the counter wrap. */
static void
test_fill(void **state)
{
	static const struct {
		uint16_t pos;
		uint8_t slot, next;
	} at[] = {{0, 0, 1}, {6, 6, 7}, {7, 7, 0}, {8, 0, 1}, {65534, 6, 7}, {65535, 7, 0}};
	static const uint8_t head[] = {
		0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12, 0x05, 0x00, /* pool 5, offset 0x123456789ABC */
		0x04, 0x03, 0x02, 0x01, 0x01, 0x80,
	};
	static const uint8_t refilled[] = {
		0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12, 0x05, 0x00, /* as it was */
		0xEA, 0x05, 0x00, 0x00, 0x02, 0x00,
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(at); i++) {
		struct pvn_vring_drv r;
		struct peer p = begin(&r, 8);
		const uint8_t *d = peer_desc(&p, at[i].slot);

		pvn_vring_drv_fill(&r, at[i].pos, UINT64_C(0x0005123456789ABC), 0x01020304,
				   PEER_HDR | PEER_NEXT);
		assert_memory_equal(d, head, sizeof(head));
		assert_int_equal(peer_get(d + 14, 2), at[i].next);
		pvn_vring_drv_fill_len(&r, at[i].pos, 1514, PEER_WRITE);
		assert_memory_equal(d, refilled, sizeof(refilled));
		assert_int_equal(peer_get(d + 14, 2), at[i].next);
		for (uint32_t other = 0; other < 8; other++)
			if (other != at[i].slot)
				assert_int_equal(peer_get(peer_desc(&p, other), 8), 0);
		assert_int_equal(peer_avail_idx(&p), 0); /* nothing is published yet */
		free(p.mem);
	}
}

/* The device must see two bytes change, in its byte order, and none of its own part. */
static void
test_publish(void **state)
{
	struct pvn_vring_drv r;
	struct peer p = begin(&r, 8);
	const uint8_t *avail = p.mem + peer_avail_at(8);

	(void)state;
	r.avail_idx = 0x12FD;
	pvn_vring_drv_publish(&r, 5);
	assert_int_equal(avail[2], 0x02);
	assert_int_equal(avail[3], 0x13);
	assert_int_equal(peer_get(avail, 2), 0);
	r.avail_idx = 0xFFFE;
	pvn_vring_drv_publish(&r, 3);
	assert_int_equal(peer_avail_idx(&p), 1);
	for (size_t i = peer_used_at(8); i < peer_ring_bytes(8); i++)
		assert_int_equal(p.mem[i], 0);
	free(p.mem);
}

/* Empty, one, full, at every place of the 16-bit indices and in every size. */
static void
test_used(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct pvn_vring_drv r;
		struct peer p = begin(&r, size);

		for (uint32_t total = 0; total < 3 * 65536; total += size) {
			pvn_vring_drv_publish(&r, size);
			assert_int_equal(peer_avail_idx(&p), (uint16_t)(total + size));
			assert_int_equal(pvn_vring_drv_used(&r, 1), 0);
			peer_set_used(&p, p.idx + 1);
			assert_int_equal(pvn_vring_drv_used(&r, 1), 1);
			peer_set_used(&p, p.idx + size - 1);
			assert_int_equal(pvn_vring_drv_used(&r, UINT16_MAX), size);
			r.used_idx += size;
			assert_int_equal(pvn_vring_drv_used(&r, 1), 0);
		}
		assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
		free(p.mem);
	}
}

/* The index is loaded when more is wanted than is known, and only then. */
static void
test_used_want(void **state)
{
	struct pvn_vring_drv r;
	struct peer p = begin(&r, 8);

	(void)state;
	pvn_vring_drv_publish(&r, 8);
	peer_set_used(&p, 3);
	assert_int_equal(pvn_vring_drv_used(&r, 0), 0);
	assert_int_equal(pvn_vring_drv_used(&r, 1), 3);
	peer_set_used(&p, 5);
	assert_int_equal(pvn_vring_drv_used(&r, 3), 3);
	assert_int_equal(pvn_vring_drv_used(&r, 4), 5);
	r.used_idx += 2;
	assert_int_equal(pvn_vring_drv_used(&r, 3), 3);
	free(p.mem);
}

/* A device that says what cannot be: the index, from a start that may be about to wrap. */
static const struct {
	const char *name;
	uint16_t outstanding; /* of 8 */
	uint16_t first, then; /* used.idx after the start: seen, and then this */
	bool good;
} lies[] = {
	{"nothing", 3, 0, 0, true},
	{"all", 3, 0, 3, true},
	{"one more than outstanding", 3, 0, 4, false},
	{"one, and nothing is outstanding", 0, 0, 1, false},
	{"a whole ring, and little is outstanding", 3, 0, 8, false},
	{"full ring", 8, 0, 8, true},
	{"one more than the ring", 8, 0, 9, false},
	{"half of all numbers", 8, 0, 32768, false},
	{"one back", 8, 0, 65535, false},
	{"on", 8, 2, 3, true},
	{"back, but never below what was taken", 8, 3, 2, false},
	{"back to the start", 8, 3, 0, false},
};

static void
check_lie(size_t i, uint16_t start)
{
	struct pvn_vring_drv r;
	struct peer p = begin(&r, 8);

	r.avail_idx = r.used_idx = r.used_seen = start;
	pvn_vring_drv_publish(&r, lies[i].outstanding);
	peer_set_used(&p, start + lies[i].first);
	assert_int_equal(pvn_vring_drv_used(&r, 1), lies[i].first);
	peer_set_used(&p, start + lies[i].then);
	assert_int_equal(pvn_vring_drv_used(&r, UINT16_MAX), lies[i].good ? lies[i].then : 0);
	assert_int_equal(r.fault, lies[i].good ? PVN_VRING_FAULT_NONE : PVN_VRING_FAULT_USED_IDX);
	free(p.mem);
}

static void
test_used_lies(void **state)
{
	static const uint16_t starts[] = {0, 1, 32767, 32768, 65529, 65534, 65535};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(lies); i++) {
		print_message("%s\n", lies[i].name);
		for (size_t s = 0; s < PVN_DIM(starts); s++)
			check_lie(i, starts[s]);
	}
}

/* Once broken, a ring hands out nothing, whatever the device does then; and what is still published
 * on it goes where it belongs.
 */
static void
test_broken(void **state)
{
	struct pvn_vring_drv r;
	struct peer p = begin(&r, 4);
	uint8_t *before = malloc(peer_ring_bytes(4));

	(void)state;
	pvn_vring_drv_publish(&r, 4);
	peer_set_used(&p, 2);
	assert_int_equal(pvn_vring_drv_used(&r, 1), 2);
	peer_set_used(&p, 5);
	assert_int_equal(pvn_vring_drv_used(&r, 3), 0);
	peer_set_used(&p, 4); /* penitent */
	assert_int_equal(pvn_vring_drv_used(&r, 0), 0);
	assert_int_equal(pvn_vring_drv_used(&r, 1), 0);
	assert_int_equal(pvn_vring_drv_used(&r, UINT16_MAX), 0);
	assert_int_equal(r.fault, PVN_VRING_FAULT_USED_IDX);
	assert_int_equal(r.used_seen, 2); /* what the device had said before its lie */

	memcpy(before, p.mem, peer_ring_bytes(4));
	pvn_vring_drv_publish(&r, 2);
	assert_int_equal(peer_avail_idx(&p), 6);
	peer_put(p.mem + peer_avail_at(4) + 2, 2, 4);
	assert_memory_equal(p.mem, before, peer_ring_bytes(4));

	pvn_vring_drv_reset(&r, p.mem, 4); /* what mends it */
	assert_int_equal(r.fault, PVN_VRING_FAULT_NONE);
	pvn_vring_drv_publish(&r, 1);
	peer_set_used(&p, 1);
	assert_int_equal(pvn_vring_drv_used(&r, 1), 1);
	free(before);
	free(p.mem);
}

/* The length word is that of the frame asked for, with its flag; the id is not looked at. */
static void
test_used_len(void **state)
{
	struct pvn_vring_drv r;
	struct peer p = begin(&r, 8);

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		peer_put(peer_used_elem(&p, i), 4, 0xDEADBEEF);
		peer_put(peer_used_elem(&p, i) + 4, 4, 0x01020300 + i);
	}
	peer_put(peer_used_elem(&p, 6) + 4, 4, PEER_USED_HDR | 1514);
	r.used_idx = 65532; /* element 4 */
	assert_int_equal(pvn_vring_drv_used_len(&r, 0), 0x01020304);
	assert_int_equal(pvn_vring_drv_used_len(&r, 2), 0x800005EA);
	assert_int_equal(pvn_vring_drv_used_len(&r, 3), 0x01020307);
	assert_int_equal(pvn_vring_drv_used_len(&r, 4), 0x01020300);
	assert_int_equal(pvn_vring_drv_used_len(&r, 65535), 0x01020303);
	free(p.mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),	  cmocka_unit_test(test_fill),
		cmocka_unit_test(test_publish),	  cmocka_unit_test(test_used),
		cmocka_unit_test(test_used_want), cmocka_unit_test(test_used_lies),
		cmocka_unit_test(test_broken),	  cmocka_unit_test(test_used_len),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
