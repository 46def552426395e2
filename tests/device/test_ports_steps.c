/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A driver that rewrites a descriptor between any two instructions of the device's end: whatever
 * comes out of the check must be good, whichever words were seen before and which after. Nothing is
 * left to luck, as it is in test_ports_torn: the change is made after the first instruction, then,
 * the whole anew, after the second, and so on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pvn_vring.h>

#include "port_raw.h"
#include "vmx_step.h"

#define RING 8u
#define BYTES 4096u
#define ROOM 12u /* for a header, before each buffer */
#define AT(pool, offset) ((uint64_t)(pool) << 48 | (offset))

static uint8_t pages[2][BYTES];
static const struct pvn_vring_pool pools[] = {
	{.base = pages[0], .size = BYTES},
	{.base = pages[1], .size = BYTES, .writable = true},
};

struct words {
	uint64_t addr;
	uint32_t len;
};

/* The first, and each of the others: one is there before the change, the other one afterwards. */
static const struct words words[] = {
	{AT(1, 64), 100},	 /* right */
	{AT(1, 64), BYTES},	 /* too long there */
	{AT(1, BYTES - 60), 60}, /* right, if it is no longer */
	{AT(1, 2 * BYTES), 60},	 /* outside */
	{AT(0, 64), 60},	 /* not to be written to */
};

static uint8_t ring_memory[1024] __attribute__((aligned(64)));
static struct raw_ring ring = {ring_memory, RING};

/* What becomes of the descriptor, and when. */
static struct {
	const struct words *now;
	uint16_t flags;
	uint64_t steps, at;
} change;

static void
after_instruction(void *arg)
{
	(void)arg;
	if (change.steps++ == change.at)
		raw_desc(&ring, 0, change.now->addr, change.now->len, change.flags);
}

static __attribute__((noinline)) bool
look(struct pvn_vring_dev *r, bool write, struct pvn_vring_buf *buf)
{
	return pvn_vring_dev_buf(r, 0, write, buf);
}

static void
assert_inside(const struct pvn_vring_buf *buf, bool write)
{
	const struct pvn_vring_pool *pool = &pools[write];
	uintptr_t begin = (uintptr_t)pool->base, addr = (uintptr_t)buf->addr;

	if (!write && addr >= (uintptr_t)pools[1].base && addr < (uintptr_t)pools[1].base + BYTES)
		begin = (uintptr_t)pools[1].base;
	assert_in_range(addr, begin + ROOM, begin + BYTES - 1);
	assert_in_range(buf->len, 1, begin + BYTES - addr);
}

/* One look, with the change after instruction `at`. False if it came too late to matter. */
static bool
look_at(const struct words *before, const struct words *now, bool write, uint64_t at)
{
	struct pvn_vring_buf buf;
	struct pvn_vring_dev r;
	bool good;

	change.now = now;
	change.flags = write ? RAW_WRITE : 0;
	change.steps = 0;
	change.at = at;
	raw_desc(&ring, 0, before->addr, before->len, change.flags);
	pvn_vring_dev_reset(&r, ring.mem, RING, pools, 2);
	vmx_step_begin(after_instruction, NULL);
	good = look(&r, write, &buf);
	vmx_step_end();
	if (good)
		assert_inside(&buf, write);
	return change.steps > at;
}

static void
test_changes(void **state)
{
	const size_t count = sizeof(words) / sizeof(words[0]);
	uint64_t looks = 0;

	(void)state;
	for (size_t i = 4; i < count * 4; i++) {
		const struct words *other = &words[i / 4];
		const struct words *before = i & 2 ? words : other, *now = i & 2 ? other : words;

		for (uint64_t at = 0; look_at(before, now, i & 1, at); at++)
			looks++;
	}
	print_message("%u looks\n", (unsigned int)looks);
	if (looks == 0)
		skip(); /* valgrind has no trap flag */
	assert_true(looks > 80 * (count - 1));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
