/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A link whose guest is in this process, over the same memory: what it may write there, and what
 * the host makes of it.
 */
#include "share_kit.h"

#include <errno.h>

#include "region.h"

#define ENTRIES 8u
#define BUFFERS 63u

static struct rte_mempool *pool;
static struct pvn_ivshmem_link *l;
static struct pvn_ivshmem_guest guest;
static struct pvn_ivshmem_guest_link gl;
static struct rte_mbuf *m[BUFFERS];

static uint8_t *
memory(void)
{
	struct pvn_ivshmem_info info;

	assert_ok(pvn_ivshmem_info("link", &info));
	return (uint8_t *)(uintptr_t)info.base;
}

/* A new guest, which the host has seen. */
static void
come(void)
{
	assert_ok(pvn_ivshmem_guest_attach(&guest, memory(), KIT_SIZE, true, 0));
	assert_ok(pvn_ivshmem_guest_link_open(&gl, &guest, "link"));
	assert_int_equal(pvn_ivshmem_poll("link"), 1);
}

static int
setup(void **state)
{
	(void)state;
	kit_create("link");
	pool = kit_pool("link", BUFFERS, 0, "link");
	assert_ok(pvn_ivshmem_link_create("link", "link", pool, ENTRIES, true, &l));
	come();
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, m, 16), 0);
	return 0;
}

/* Whatever has been, every buffer comes back, and none twice. */
static int
teardown(void **state)
{
	struct pvn_ivshmem_link_stats stats;

	(void)state;
	assert_ok(pvn_ivshmem_gone("link"));
	pvn_ivshmem_link_reclaim(l);
	pvn_ivshmem_link_stats(l, &stats);
	assert_int_equal(stats.lent, stats.taken + stats.reclaimed);
	assert_int_equal(pvn_ivshmem_link_out(l), 0);
	assert_ok(pvn_ivshmem_link_destroy(l));
	for (uint32_t i = 0; i < 16; i++)
		if (m[i] != NULL)
			rte_pktmbuf_free(m[i]);
	assert_int_equal(rte_mempool_avail_count(pool), BUFFERS);
	rte_mempool_free(pool);
	assert_ok(pvn_ivshmem_destroy("link"));
	return 0;
}

static uint32_t
lend(uint32_t from, uint32_t n)
{
	uint32_t lent = pvn_ivshmem_link_lend(l, (void **)m + from, n);

	memset(m + from, 0, lent * sizeof(m[0])); /* not the host's now */
	return lent;
}

static uint64_t
foreign(void)
{
	struct pvn_ivshmem_link_stats stats;

	pvn_ivshmem_link_stats(l, &stats);
	return stats.foreign;
}

static void
test_lends_what_is_its_own(void **state)
{
	struct rte_mbuf *first = m[0];
	void *const bad[] = {
		(uint8_t *)first + IVSHMEM_LINK_LINE, /* in the middle */
		(uint8_t *)m[1] + 1,
		memory() + KIT_SIZE,
		memory() - IVSHMEM_LINK_LINE,
		NULL,
		first, /* lent already */
	};
	struct pvn_ivshmem_link_stats stats;
	void *got[2];

	(void)state;
	assert_int_equal(lend(0, 1), 1);
	for (size_t i = 0; i < PVN_DIM(bad); i++)
		assert_int_equal(pvn_ivshmem_link_lend(l, &bad[i], 1), 0);
	pvn_ivshmem_link_stats(l, &stats);
	assert_int_equal(stats.refused, PVN_DIM(bad));
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, got, 2), 1);
	assert_ptr_equal(got[0], first);
	assert_int_equal(pvn_ivshmem_guest_link_give(&gl, got, 1), 1);
	assert_int_equal(pvn_ivshmem_link_take(l, (void **)m, 2), 1);
	assert_int_equal(lend(0, 1), 1); /* and once more */
}

/* Only what was lent comes back, and that once. */
static void
test_what_was_never_lent(void **state)
{
	struct rte_mbuf *kept = m[8];
	void *got[ENTRIES], *back[ENTRIES];
	pvn_le32 *given = gl.given;

	(void)state;
	assert_int_equal(lend(0, 2), 2);
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, got, ENTRIES), 2);
	got[2] = got[0];				/* twice */
	got[3] = kept;					/* the host's */
	got[4] = (uint8_t *)got[1] + IVSHMEM_LINK_LINE; /* in the middle */
	got[5] = memory() + KIT_SIZE;
	got[6] = memory();
	got[7] = got[1];
	assert_int_equal(pvn_ivshmem_guest_link_give(&gl, got, ENTRIES), ENTRIES);
	given[6] = UINT32_MAX;
	assert_int_equal(pvn_ivshmem_link_take(l, back, ENTRIES), 2);
	assert_ptr_equal(back[0], got[0]);
	assert_ptr_equal(back[1], got[1]);
	assert_int_equal(foreign(), 6);
	m[0] = back[0];
	m[1] = back[1];
	assert_int_equal(pvn_ivshmem_link_out(l), 0);
}

/* Counters that cannot be end its turn; the next guest finds all set back. */
static void
test_counters_that_lie(void **state)
{
	struct pvn_ivshmem_link_stats stats;
	void *got[ENTRIES];

	(void)state;
	assert_int_equal(lend(0, 4), 4);
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, got, 4), 4);
	gl.shared->given_tail = pvn_cpu_to_le32(ENTRIES + 1);
	assert_int_equal(pvn_ivshmem_link_take(l, got, ENTRIES), 0);
	gl.shared->given_tail = pvn_cpu_to_le32(4); /* too late */
	assert_int_equal(pvn_ivshmem_link_take(l, got, ENTRIES), 0);
	assert_int_equal(lend(4, 1), 0);
	come();
	assert_int_equal(lend(4, 1), 1);
	gl.shared->taken_head = pvn_cpu_to_le32(2);
	assert_int_equal(lend(5, ENTRIES), 0);
	pvn_ivshmem_link_stats(l, &stats);
	assert_int_equal(stats.bad_index, 2);
	assert_int_equal(stats.reclaimed, 4);
}

/* All indices begin at 0 for each guest; who has been before finds nothing. */
static void
test_turns(void **state)
{
	struct pvn_ivshmem_guest_link before;
	void *got[ENTRIES];

	(void)state;
	assert_int_equal(lend(0, 5), 5);
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, got, 3), 3);
	assert_int_equal(pvn_ivshmem_guest_link_give(&gl, got, 2), 2);
	assert_int_equal(pvn_ivshmem_link_take(l, (void **)m, 2), 2);
	before = gl;
	come();
	assert_int_equal(lend(5, ENTRIES), ENTRIES); /* room for all: this saw the turn */
	assert_int_equal(pvn_ivshmem_link_out(l), ENTRIES);
	assert_int_equal(pvn_ivshmem_guest_link_take(&before, got, ENTRIES), 0);
	assert_int_equal(pvn_ivshmem_guest_link_give(&before, got, 1), 0);
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, got, ENTRIES), ENTRIES);
	assert_int_equal(pvn_ivshmem_guest_link_give(&gl, got, ENTRIES), ENTRIES);
	assert_int_equal(pvn_ivshmem_link_take(l, (void **)m + 5, ENTRIES), ENTRIES);
	assert_int_equal(foreign(), 0);
}

/* What a guest has left in a buffer's header stays nowhere. */
static void
test_reclaimed_as_made(void **state)
{
	struct rte_mbuf *b = m[0];
	void *got;

	(void)state;
	assert_int_equal(lend(0, 1), 1);
	assert_int_equal(pvn_ivshmem_guest_link_take(&gl, &got, 1), 1);
	assert_ptr_equal(got, b);
	memset(b, 0xee, sizeof(*b));
	assert_ok(pvn_ivshmem_gone("link"));
	assert_int_equal(pvn_ivshmem_link_reclaim(l), 1);
	assert_int_equal(b->refcnt, 1);
	assert_null(b->next);
	assert_ptr_equal(b->pool, pool);
	assert_int_equal(b->buf_len, 2048);
	assert_int_equal(b->ol_flags, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lends_what_is_its_own), TEST(test_what_was_never_lent),
		TEST(test_counters_that_lie),	  TEST(test_turns),
		TEST(test_reclaimed_as_made),
	};

	(void)argc;
	kit_eal(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
