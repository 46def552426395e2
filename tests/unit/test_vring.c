/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Both ends of a ring, lib/vring, with each other: frames of one and of several buffers, in every
 * size, until each index has wrapped; and what belongs to neither end.
 */
#include "pvn_test.h"

#include <stdlib.h>
#include <string.h>

#include <pvn_vring.h>

static void
test_size_ok(void **state)
{
	(void)state;
	for (uint32_t size = 0; size <= 65536 + 2; size++) {
		bool good = false;

		for (int log2 = 1; log2 <= 15; log2++)
			good = good || size == UINT32_C(1) << log2;
		assert_int_equal(pvn_vring_size_ok(size), good);
	}
	assert_false(pvn_vring_size_ok(UINT32_C(1) << 31));
	assert_false(pvn_vring_size_ok(UINT32_MAX));
}

static void
test_fault_text(void **state)
{
	(void)state;
	assert_string_equal(pvn_vring_fault_text(PVN_VRING_FAULT_NONE), "no fault");
	assert_string_equal(pvn_vring_fault_text(PVN_VRING_FAULT_DESC_ADDR),
			    "descriptor address outside the pool");
	for (int i = 0; i < PVN_VRING_FAULT_COUNT; i++) {
		assert_non_null(pvn_vring_fault_text(i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(pvn_vring_fault_text(i), pvn_vring_fault_text(j));
	}
	assert_string_equal(pvn_vring_fault_text(PVN_VRING_FAULT_COUNT), "unknown fault");
	assert_string_equal(pvn_vring_fault_text((enum pvn_vring_fault)UINT16_MAX),
			    "unknown fault");
}

/* ---- both ends ---- */

#define SLOT 64u /* of which 12 bytes are header room */
#define DATA (SLOT - 12)

struct wire {
	struct pvn_vring_drv drv;
	struct pvn_vring_dev dev;
	struct pvn_vring_pool pool;
	void *mem;
	uint32_t size;
	uint32_t seed;	      /* both ends compute the frames from it */
	uint32_t sent, taken; /* frames */
	uint16_t lent;	      /* descriptors */
};

static void
wire_begin(struct wire *w, uint32_t size, bool writable)
{
	*w = (struct wire){.size = size, .mem = aligned_alloc(VRING_ALIGN, VRING_BYTES(size))};
	w->pool.size = (uint64_t)SLOT * size;
	w->pool.base = malloc(w->pool.size);
	w->pool.writable = writable;
	pvn_vring_drv_reset(&w->drv, w->mem, size);
	pvn_vring_dev_reset(&w->dev, w->mem, size, &w->pool, 1);
}

static void
wire_free(struct wire *w)
{
	free(w->mem);
	free(w->pool.base);
}

static uint64_t
slot_of(const struct wire *w, uint16_t pos)
{
	return (uint64_t)(pos & (w->size - 1)) * SLOT + 12;
}

/* Frame number `frame`: buffers, and the length of each. */
static uint16_t
buffers_of(const struct wire *w, uint32_t frame)
{
	return 1 + frame % 7 % (w->size < 5 ? w->size : 5);
}

static uint32_t
len_of(uint32_t frame, uint16_t i)
{
	return 1 + (frame * 13 + i * 5) % DATA;
}

/* The guest: sends while there is room. */
static void
send_all(struct wire *w)
{
	uint16_t frames = 0;

	while (w->lent + buffers_of(w, w->sent) <= w->size) {
		const uint16_t count = buffers_of(w, w->sent);

		for (uint16_t i = 0; i < count; i++, w->drv.pos++) {
			const uint64_t offset = slot_of(w, w->drv.pos);

			memset(w->pool.base + offset, w->sent + i, len_of(w->sent, i));
			pvn_vring_drv_fill(&w->drv, w->drv.pos, VRING_ADDR(0, offset),
					   len_of(w->sent, i),
					   i + 1 < count ? VRING_DESC_F_NEXT : 0);
		}
		w->lent += count;
		w->sent++;
		frames++;
	}
	pvn_vring_drv_publish(&w->drv, frames);
}

static void
check_frame(const struct pvn_vring_buf *bufs, uint16_t count, uint32_t frame)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(bufs[i].len, len_of(frame, i));
		for (uint32_t byte = 0; byte < bufs[i].len; byte++)
			if (bufs[i].addr[byte] != (uint8_t)(frame + i))
				assert_int_equal(bufs[i].addr[byte], (uint8_t)(frame + i));
	}
}

/* The host: takes at most `most` frames, and gives them back with one used element. */
static void
take_some(struct wire *w, uint16_t most)
{
	uint16_t frames = pvn_vring_dev_avail(&w->dev, most), descs = 0;

	frames = frames < most ? frames : most;
	for (uint16_t i = 0; i < frames; i++) {
		struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];
		uint16_t pos = w->dev.pos + descs, count;

		assert_true(pvn_vring_dev_buf(&w->dev, pos, false, &bufs[0]));
		count = pvn_vring_dev_chain(&w->dev, pos, bufs);
		assert_int_equal(count, buffers_of(w, w->taken));
		check_frame(bufs, count, w->taken++);
		descs += count;
	}
	if (frames > 0) {
		pvn_vring_dev_fill_used(&w->dev, frames - 1, w->dev.pos + descs - 1, 0);
		pvn_vring_dev_publish(&w->dev, frames, descs);
	}
}

/* The guest again: takes descriptors back. */
static void
reclaim(struct wire *w)
{
	uint16_t used = pvn_vring_drv_used(&w->drv, UINT16_MAX);

	for (uint16_t i = 0; i < used; i++)
		w->lent -= buffers_of(w, w->taken - used + i);
	w->drv.used_idx += used;
	assert_int_equal(w->drv.used_idx, (uint16_t)w->taken);
}

static void
test_to_host(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct wire w;

		wire_begin(&w, size, false);
		while (w.taken < 70000) {
			send_all(&w);
			take_some(&w, 1 + w.taken * 7 % (size + 3));
			reclaim(&w);
		}
		assert_int_equal(w.drv.fault, PVN_VRING_FAULT_NONE);
		assert_int_equal(w.dev.fault, PVN_VRING_FAULT_NONE);
		wire_free(&w);
	}
}

/* The host writes frame `frame` into the buffer at pos. */
static void
write_frame(struct wire *w, uint16_t n, uint32_t frame)
{
	struct pvn_vring_buf buf = {0};
	uint16_t pos = w->dev.pos + n;

	assert_true(pvn_vring_dev_buf(&w->dev, pos, true, &buf));
	assert_int_equal(buf.len, DATA);
	memset(buf.addr, frame, len_of(frame, 0));
	pvn_vring_dev_fill_used(&w->dev, n, pos, len_of(frame, 0));
}

static void
test_to_guest(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct wire w;
		uint16_t n;

		wire_begin(&w, size, true);
		for (uint32_t i = 0; i < size; i++)
			pvn_vring_drv_fill(&w.drv, i, VRING_ADDR(0, slot_of(&w, i)), DATA,
					   VRING_DESC_F_WRITE);
		pvn_vring_drv_publish(&w.drv, size);
		while (w.taken < 70000) {
			assert_int_equal(pvn_vring_dev_avail(&w.dev, UINT16_MAX), size);
			n = 1 + w.sent * 7 % size;
			for (uint16_t i = 0; i < n; i++)
				write_frame(&w, i, w.sent++);
			pvn_vring_dev_publish(&w.dev, n, n);
			assert_int_equal(pvn_vring_drv_used(&w.drv, 1), n);
			for (uint16_t i = 0; i < n; i++, w.taken++) {
				uint64_t at = slot_of(&w, w.drv.used_idx + i);

				assert_int_equal(pvn_vring_drv_used_len(&w.drv, i),
						 len_of(w.taken, 0));
				assert_int_equal(w.pool.base[at], (uint8_t)w.taken);
			}
			w.drv.used_idx += n;
			pvn_vring_drv_publish(&w.drv, n); /* the same buffers again */
		}
		wire_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_ok),
		cmocka_unit_test(test_fault_text),
		cmocka_unit_test(test_to_host),
		cmocka_unit_test(test_to_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
