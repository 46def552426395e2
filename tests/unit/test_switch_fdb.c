/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The forwarding database, lib/switch/pvn_fdb.h, in one thread. [SWITCH 2]
 */
#include "pvn_test.h"

#include <errno.h>

#include "switch_kit.h"

#define GROUP_MAC 1

static void
test_size(void **state)
{
	static const struct {
		uint32_t buckets, ports;
		bool good;
	} cases[] = {
		{2, 1, true},	       {1, 1, false},	    {0, 1, false},    {3, 1, false},
		{1024, 1024, true},    {1024, 1025, false}, {1024, 0, false}, {1u << 24, 64, true},
		{1u << 25, 64, false}, {1000, 64, false},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++)
		assert_int_equal(pvn_fdb_size(cases[i].buckets, cases[i].ports) != 0,
				 cases[i].good);
	assert_true(pvn_fdb_size(1024, 64) >= 1024 * 64 + 64 * sizeof(struct pvn_fdb_port));
	assert_null(pvn_fdb_init((void *)64, 3, 1, 0));
	assert_null(pvn_fdb_init((void *)65, 2, 1, 0));
}

static void
test_mac(void **state)
{
	static const uint8_t bytes[8] = {0x01, 0x80, 0xC2, 0x44, 0x55, 0x66, 0x77, 0x88};
	uint8_t back[6];

	(void)state;
	assert_int_equal(pvn_mac_from_bytes(bytes), UINT64_C(0x665544C28001));
	assert_int_equal(pvn_mac_load(bytes), UINT64_C(0x665544C28001));
	pvn_mac_to_bytes(UINT64_C(0x665544C28001), back);
	assert_memory_equal(back, bytes, 6);
	assert_int_equal(pvn_fdb_key_vid(pvn_fdb_key(4094, PVN_MAC_MASK)), 4094);
	assert_true(pvn_fdb_key(0, 0) != 0);
}

/* Each line is one frame's source, after those before; then where the table has it. */
static const struct {
	const char *name;
	uint16_t vid, mac, port;
	bool changed;
	uint32_t where;
	uint32_t counts[3]; /* of ports 0 to 2 */
} learns[] = {
	{"new", 10, 1, 0, true, 0, {1, 0, 0}},
	{"again", 10, 1, 0, false, 0, {1, 0, 0}},
	{"another address", 10, 2, 0, true, 0, {2, 0, 0}},
	{"the same one in another VLAN is another", 11, 1, 1, true, 1, {2, 1, 0}},
	{"moves", 10, 1, 1, true, 1, {1, 2, 0}},
	{"moves back", 10, 1, 0, true, 0, {2, 1, 0}},
	{"up to the limit", 10, 3, 0, true, 0, {3, 1, 0}},
	{"over the limit", 10, 4, 0, false, KIT_NOWHERE, {3, 1, 0}},
	{"known is still known", 10, 3, 0, false, 0, {3, 1, 0}},
	{"other ports are not in the way", 10, 4, 1, true, 1, {3, 2, 0}},
	{"none moves to a port at its limit", 10, 4, 0, false, 1, {3, 2, 0}},
	{"one moves away", 10, 3, 2, true, 2, {2, 2, 1}},
	{"and one may come", 10, 4, 0, true, 0, {3, 1, 1}},
	{"from a secured port", 10, 3, 1, false, 2, {3, 1, 1}},
	{"on the secured port", 10, 3, 2, false, 2, {3, 1, 1}},
	{"to a secured port", 11, 1, 2, true, 2, {3, 0, 2}},
	{"static elsewhere", 10, 9, 1, false, KIT_STATIC | 0, {3, 0, 2}},
	{"static here", 10, 9, 0, false, KIT_STATIC | 0, {3, 0, 2}},
	{"no such port", 10, 20, 3, false, KIT_NOWHERE, {3, 0, 2}},
};

static void
test_learn(void **state)
{
	struct pvn_fdb *fdb = kit_fdb(64, 3, 3);
	struct pvn_fdb_counts counts = {0};

	(void)state;
	assert_int_equal(pvn_fdb_port_set(fdb, 2, 3, true), 0);
	assert_int_equal(pvn_fdb_add(fdb, 10, kit_mac(9), 0, 0), 0);
	for (size_t i = 0; i < PVN_DIM(learns); i++) {
		print_message("case: %s\n", learns[i].name);
		assert_int_equal(kit_learn(fdb, learns[i].vid, kit_mac(learns[i].mac),
					   learns[i].port, 5, &counts),
				 learns[i].changed);
		assert_int_equal(kit_where(fdb, learns[i].vid, kit_mac(learns[i].mac)),
				 learns[i].where);
		for (uint16_t port = 0; port < 3; port++)
			assert_int_equal(pvn_fdb_port_count(fdb, port), learns[i].counts[port]);
	}
	assert_int_equal(counts.learned, 5);
	assert_int_equal(counts.moved, 5);
	assert_int_equal(counts.over_limit, 2);
	assert_int_equal(counts.secured, 1);
	assert_int_equal(counts.held, 1);
	assert_int_equal(counts.evicted + counts.full + counts.busy, 0);
	assert_int_equal(pvn_fdb_port_set(fdb, 3, 1, false), -EINVAL);
	assert_int_equal(pvn_fdb_port_count(fdb, 3), 0);
	free(fdb);
}

static void
test_never_learned(void **state)
{
	const uint64_t never[] = {0, GROUP_MAC, PVN_MAC_MASK, UINT64_C(0x0000015E0001)};
	struct pvn_fdb *fdb = kit_fdb(2, 1, 100);
	struct pvn_fdb_counts counts = {0};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(never); i++) {
		assert_false(kit_learn(fdb, 1, never[i], 0, 0, &counts));
		assert_int_equal(kit_where(fdb, 1, never[i]), KIT_NOWHERE);
	}
	assert_int_equal(pvn_fdb_port_count(fdb, 0), 0);
	free(fdb);
}

/* The n-th address whose bucket is the first of two. */
static uint64_t
in_bucket_0(const struct pvn_fdb *fdb, uint32_t n)
{
	for (uint16_t i = 1;; i++)
		if (pvn_fdb_bucket_of(fdb, pvn_fdb_key(1, kit_mac(i))) == fdb->bucket && n-- == 0)
			return kit_mac(i);
}

/* A full bucket: ports, and seconds, of its five entries; then a sixth address. */
static const struct {
	const char *name;
	uint16_t port[5]; /* KIT_STATIC: static */
	uint16_t seen[5];
	uint16_t now, newcomer;
	int gone; /* which entry makes room, -1 for none */
} evictions[] = {
	{"the oldest", {0, 0, 0, 0, 0}, {5, 4, 3, 6, 7}, 9, 1, 2},
	{"the second wraps", {0, 0, 0, 0, 0}, {2, 65530, 1, 65531, 65535}, 3, 1, 1},
	{"a clock ahead is young", {0, 0, 0, 0, 0}, {11, 10, 12, 9, 13}, 10, 1, 3},
	{"static ones stay", {KIT_STATIC, KIT_STATIC, 0, 0, 0}, {0, 0, 7, 6, 5}, 9, 1, 4},
	{"its own first", {0, 0, 1, 1, 0}, {1, 2, 5, 4, 3}, 9, 1, 3},
	{"all are static",
	 {KIT_STATIC, KIT_STATIC, KIT_STATIC, KIT_STATIC, KIT_STATIC},
	 {0, 0, 0, 0, 0},
	 9,
	 1,
	 -1},
};

static void
check_eviction(size_t i)
{
	struct pvn_fdb *fdb = kit_fdb(2, 2, 100);
	struct pvn_fdb_counts counts = {0};
	const uint64_t mac = in_bucket_0(fdb, 5);
	uint32_t dynamic[2] = {0, 0};

	for (uint32_t e = 0; e < 5; e++) {
		if (evictions[i].port[e] == KIT_STATIC)
			assert_int_equal(pvn_fdb_add(fdb, 1, in_bucket_0(fdb, e), 0, 0), 0);
		else
			assert_true(kit_learn(fdb, 1, in_bucket_0(fdb, e), evictions[i].port[e],
					      evictions[i].seen[e], &counts));
	}
	assert_int_equal(kit_learn(fdb, 1, mac, evictions[i].newcomer, evictions[i].now, &counts),
			 evictions[i].gone >= 0);
	for (uint32_t e = 0; e < 5; e++) {
		const bool gone = (int)e == evictions[i].gone;

		assert_int_equal(kit_where(fdb, 1, in_bucket_0(fdb, e)),
				 gone ? KIT_NOWHERE : evictions[i].port[e]);
		if (!gone && evictions[i].port[e] != KIT_STATIC)
			dynamic[evictions[i].port[e]]++;
	}
	if (evictions[i].gone >= 0)
		dynamic[evictions[i].newcomer]++;
	assert_int_equal(pvn_fdb_port_count(fdb, 0), dynamic[0]);
	assert_int_equal(pvn_fdb_port_count(fdb, 1), dynamic[1]);
	assert_int_equal(counts.evicted, evictions[i].gone >= 0);
	assert_int_equal(counts.full, evictions[i].gone < 0);
	free(fdb);
}

static void
test_evict(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(evictions); i++) {
		print_message("case: %s\n", evictions[i].name);
		check_eviction(i);
	}
}

/* A bucket that another writer is in. */
static void
test_busy(void **state)
{
	struct pvn_fdb *fdb = kit_fdb(2, 2, 100);
	struct pvn_fdb_counts counts = {0};
	const uint64_t known = in_bucket_0(fdb, 0), key = pvn_fdb_key(1, known);
	uint32_t pos = 0;

	(void)state;
	assert_true(kit_learn(fdb, 1, known, 0, 0, &counts));
	fdb->bucket[0].seq++;
	assert_int_equal(pvn_fdb_find(&fdb->bucket[0], key), PVN_FDB_BUSY);
	assert_false(kit_learn(fdb, 1, known, 1, 0, &counts));
	assert_false(kit_learn(fdb, 1, in_bucket_0(fdb, 1), 0, 0, &counts));
	assert_int_equal(counts.busy, 2);
	assert_int_equal(pvn_fdb_sweep(fdb, &pos, 2, 1000, 300), 0); /* left for the next turn */
	fdb->bucket[0].seq++;
	/* Who could not look before has to look at everything now. */
	assert_int_equal(pvn_fdb_port_set(fdb, 1, 0, false), 0);
	assert_false(pvn_fdb_learn_new(fdb, &fdb->bucket[0], key, 1, 0, PVN_FDB_BUSY, &counts));
	assert_false(pvn_fdb_learn_new(fdb, &fdb->bucket[0], key, 0, 0, PVN_FDB_BUSY, &counts));
	assert_false(pvn_fdb_learn_new(fdb, &fdb->bucket[0], pvn_fdb_key(1, in_bucket_0(fdb, 1)), 1,
				       0, PVN_FDB_BUSY, &counts));
	assert_int_equal(counts.over_limit, 2);
	assert_int_equal(pvn_fdb_port_count(fdb, 1), 0);
	assert_int_equal(pvn_fdb_port_set(fdb, 1, 100, false), 0);
	assert_int_equal(kit_where(fdb, 1, known), 0);
	assert_true(kit_learn(fdb, 1, known, 1, 0, &counts));
	assert_int_equal(pvn_fdb_sweep(fdb, &pos, 2, 1000, 300), 1);
	free(fdb);
}

static void
test_static(void **state)
{
	static const struct {
		uint16_t vid;
		uint64_t mac;
		uint16_t port;
		int ret;
	} cases[] = {
		{1, 2, 0, 0},	    {4094, 2, 1, 0},
		{0, 2, 0, -EINVAL}, {4095, 2, 0, -EINVAL},
		{1, 2, 2, -EINVAL}, {1, 0, 0, -EINVAL},
		{1, 3, 0, -EINVAL}, {1, PVN_MAC_MASK + 3, 0, -EINVAL},
	};
	struct pvn_fdb *fdb = kit_fdb(2, 2, 100);
	struct pvn_fdb_counts counts = {0};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++)
		assert_int_equal(pvn_fdb_add(fdb, cases[i].vid, cases[i].mac, cases[i].port, 0),
				 cases[i].ret);
	assert_int_equal(pvn_fdb_flush(fdb, PVN_FDB_ANY, PVN_FDB_ANY, true), 2);
	/* Learned, then static at another port, then gone. */
	assert_true(kit_learn(fdb, 1, kit_mac(1), 0, 0, &counts));
	assert_int_equal(pvn_fdb_add(fdb, 1, kit_mac(1), 1, 0), 0);
	assert_int_equal(kit_where(fdb, 1, kit_mac(1)), KIT_STATIC | 1);
	assert_int_equal(pvn_fdb_port_count(fdb, 0), 0);
	assert_int_equal(pvn_fdb_remove(fdb, 1, kit_mac(1)), 0);
	assert_int_equal(pvn_fdb_remove(fdb, 1, kit_mac(1)), -ENOENT);
	assert_int_equal(kit_where(fdb, 1, kit_mac(1)), KIT_NOWHERE);
	/* A learned one may be removed as well; a static one displaces the oldest. */
	for (uint32_t e = 0; e < 5; e++)
		assert_true(kit_learn(fdb, 1, in_bucket_0(fdb, e), 1, 100 + e, &counts));
	assert_int_equal(pvn_fdb_add(fdb, 1, in_bucket_0(fdb, 5), 0, 200), 0);
	assert_int_equal(kit_where(fdb, 1, in_bucket_0(fdb, 0)), KIT_NOWHERE);
	assert_int_equal(pvn_fdb_port_count(fdb, 1), 4);
	assert_int_equal(pvn_fdb_remove(fdb, 1, in_bucket_0(fdb, 4)), 0);
	assert_int_equal(pvn_fdb_port_count(fdb, 1), 3);
	for (uint32_t e = 1; e < 5; e++)
		assert_int_equal(pvn_fdb_add(fdb, 1, in_bucket_0(fdb, e), 0, 200), 0);
	assert_int_equal(pvn_fdb_add(fdb, 1, in_bucket_0(fdb, 6), 0, 200), -ENOSPC);
	assert_int_equal(pvn_fdb_port_count(fdb, 1), 0);
	free(fdb);
}

/* Seen at one second, swept at another. */
static void
test_ageing(void **state)
{
	static const struct {
		const char *name;
		uint16_t seen, again, now, ageing;
		bool stays;
	} cases[] = {
		{"at once", 100, 100, 100, 300, true},
		{"just not", 100, 100, 400, 300, true},
		{"just", 100, 100, 401, 300, false},
		{"seen again", 100, 101, 401, 300, true},
		{"wraps", 65500, 65500, 300, 300, false},
		{"wraps, not yet", 65500, 65500, 200, 300, true},
		{"the worker's clock is ahead", 100, 110, 105, 3, true},
		{"longest", 0, 0, PVN_FDB_AGEING_MAX, PVN_FDB_AGEING_MAX, true},
		{"longest, and one", 0, 0, PVN_FDB_AGEING_MAX + 1, PVN_FDB_AGEING_MAX, false},
		{"an hour late", 0, 0, PVN_FDB_AGEING_MAX + 3600, PVN_FDB_AGEING_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_fdb *fdb = kit_fdb(4, 1, 100);
		struct pvn_fdb_counts counts = {0};
		uint32_t pos = 3, gone;

		print_message("case: %s\n", cases[i].name);
		assert_int_equal(pvn_fdb_add(fdb, 1, kit_mac(2), 0, 0), 0);
		assert_true(kit_learn(fdb, 1, kit_mac(1), 0, cases[i].seen, &counts));
		assert_false(kit_learn(fdb, 1, kit_mac(1), 0, cases[i].again, &counts));
		gone = pvn_fdb_sweep(fdb, &pos, 100, cases[i].now, cases[i].ageing);
		assert_int_equal(gone, !cases[i].stays);
		assert_int_equal(pvn_fdb_port_count(fdb, 0), cases[i].stays);
		assert_int_equal(kit_where(fdb, 1, kit_mac(1)), cases[i].stays ? 0 : KIT_NOWHERE);
		assert_int_equal(kit_where(fdb, 1, kit_mac(2)), KIT_STATIC | 0);
		free(fdb);
	}
}

/* Ports 0 to 3, VLANs 1 to 3, four addresses in each pair: learned, and one static. */
static struct pvn_fdb *
filled(void)
{
	struct pvn_fdb *fdb = kit_fdb(256, 4, 100);
	struct pvn_fdb_counts counts = {0};

	for (uint16_t port = 0; port < 4; port++)
		for (uint16_t vid = 1; vid <= 3; vid++) {
			for (uint16_t n = 0; n < 3; n++)
				assert_true(kit_learn(fdb, vid, kit_mac(100 * port + n), port, 50,
						      &counts));
			assert_int_equal(pvn_fdb_add(fdb, vid, kit_mac(100 * port + 3), port, 0),
					 0);
		}
	return fdb;
}

static void
test_flush(void **state)
{
	static const struct {
		uint16_t port, vid;
		bool and_static;
		uint32_t gone;
	} cases[] = {
		{1, PVN_FDB_ANY, false, 9},
		{1, PVN_FDB_ANY, true, 12},
		{PVN_FDB_ANY, 2, false, 12},
		{PVN_FDB_ANY, 2, true, 16},
		{3, 3, false, 3},
		{3, 3, true, 4},
		{1, 4, true, 0},
		{PVN_FDB_ANY, PVN_FDB_ANY, false, 36},
		{9, PVN_FDB_ANY, true, 0},
		{PVN_FDB_ANY, PVN_FDB_ANY, true, 48},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_fdb *fdb = filled();

		assert_int_equal(
			pvn_fdb_flush(fdb, cases[i].port, cases[i].vid, cases[i].and_static),
			cases[i].gone);
		for (uint16_t port = 0; port < 4; port++)
			for (uint16_t vid = 1; vid <= 3; vid++)
				for (uint16_t n = 0; n < 4; n++) {
					const bool hit = (cases[i].port == PVN_FDB_ANY ||
							  cases[i].port == port) &&
							 (cases[i].vid == PVN_FDB_ANY ||
							  cases[i].vid == vid) &&
							 (cases[i].and_static || n < 3);
					const uint32_t at = n < 3 ? port : KIT_STATIC | port;

					assert_int_equal(
						kit_where(fdb, vid, kit_mac(100 * port + n)),
						hit ? KIT_NOWHERE : at);
				}
		free(fdb);
	}
}

/* Every page size lists every entry once. */
static void
test_list(void **state)
{
	struct pvn_fdb *fdb = filled();

	(void)state;
	for (uint32_t page = 1; page < 60; page += 7) {
		uint32_t pos = 0, seen = 0, and_static = 0, n;
		struct pvn_fdb_entry e[60];
		uint64_t sum = 0;

		while (pos != PVN_FDB_END) {
			n = pvn_fdb_list(fdb, &pos, 57, e, page);
			assert_true(n <= page);
			for (uint32_t i = 0; i < n; i++) {
				assert_int_equal(kit_where(fdb, e[i].vid, e[i].mac),
						 e[i].port | (e[i].is_static ? KIT_STATIC : 0));
				assert_int_equal(e[i].age_s, e[i].is_static ? 0 : 7);
				and_static += e[i].is_static;
				sum += e[i].mac * e[i].vid;
			}
			seen += n;
		}
		assert_int_equal(pvn_fdb_list(fdb, &pos, 57, e, page), 0);
		assert_int_equal(seen, 48);
		assert_int_equal(and_static, 12);
		for (uint16_t port = 0; port < 4; port++)
			for (uint16_t n2 = 0; n2 < 4; n2++)
				sum -= 6 * kit_mac(100 * port + n2);
		assert_int_equal(sum, 0);
	}
	free(fdb);
}

/* Addresses that differ in few bits, as an operator or a guest numbers them: no bucket gets many
 * more than its share, whatever the seed.
 */
static void
test_hash(void **state)
{
	static const uint32_t shifts[] = {0, 8, 16, 24, 40};

	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		void *mem = kit_memory(pvn_fdb_size(1024, 1));
		struct pvn_fdb *fdb = pvn_fdb_init(mem, 1024, 1, seed);

		for (size_t s = 0; s < PVN_DIM(shifts); s++) {
			const uint32_t n = shifts[s] == 40 ? 128 : 4096;
			uint32_t share[1024] = {0}, most = 0;

			for (uint64_t i = 0; i < n; i++) {
				const uint64_t key = pvn_fdb_key(7, 2 + (i << shifts[s] << 1));
				const size_t at = pvn_fdb_bucket_of(fdb, key) - fdb->bucket;

				assert_true(at < 1024);
				most = ++share[at] > most ? share[at] : most;
			}
			assert_true(most <= (n == 128 ? 6 : 18));
		}
		free(mem);
	}
}

static void
test_sum(void **state)
{
	struct pvn_fdb_counts workers[2], sum;

	(void)state;
	memset(workers, 0, sizeof(workers));
	for (size_t i = 0; i < sizeof(workers[0]) / 8; i++) {
		((uint64_t *)&workers[0])[i] = i;
		((uint64_t *)&workers[1])[i] = 100;
	}
	pvn_fdb_counts_sum(&sum, workers, 2);
	assert_int_equal(sum.learned, 100);
	assert_int_equal(sum.moved, 101);
	assert_int_equal(sum.busy, 107);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),   cmocka_unit_test(test_mac),
		cmocka_unit_test(test_learn),  cmocka_unit_test(test_never_learned),
		cmocka_unit_test(test_evict),  cmocka_unit_test(test_busy),
		cmocka_unit_test(test_static), cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_flush),  cmocka_unit_test(test_list),
		cmocka_unit_test(test_hash),   cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
