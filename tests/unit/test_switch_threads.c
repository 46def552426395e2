/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The forwarding database with learners, readers and a control thread at once. The table is far too
 * small for the addresses, so entries are displaced and moved all the time. An address is only ever
 * learned at ports that its number allows, so a reader that puts a key and another's port together
 * is found out. For ThreadSanitizer as well, by hand. [SWITCH 7]
 */
#include "pvn_test.h"

#include <pthread.h>
#include <time.h>

#include "switch_kit.h"

#define LEARNERS 3
#define READERS 2
#define BUCKETS 4
#define MACS 64
#define PORTS 32
#define LIMIT 3
#define TIME_MS (getenv("PVN_LONG") != NULL && getenv("PVN_LONG")[0] != '\0' ? 5000 : 300)

static struct pvn_fdb *fdb;
static struct pvn_fdb_counts counts[LEARNERS];
static uint64_t hits[READERS], wrong[READERS];
static uint32_t finished;

/* One of the two ports that an address may be at. */
static uint16_t
port_of(uint32_t n, uint32_t which)
{
	return (n * 7 + which * 13) % PORTS;
}

static void *
learner(void *arg)
{
	const uint32_t id = (uint32_t)(uintptr_t)arg;
	uint64_t random = 1 + id;

	while (!__atomic_load_n(&finished, __ATOMIC_RELAXED)) {
		const uint32_t r = kit_random(&random), n = r % MACS;

		kit_learn(fdb, 1, kit_mac(n), port_of(n, r >> 16 & 1), r >> 20 & 7, &counts[id]);
	}
	return NULL;
}

static void *
reader(void *arg)
{
	const uint32_t id = (uint32_t)(uintptr_t)arg;

	for (uint32_t n = 0; !__atomic_load_n(&finished, __ATOMIC_RELAXED); n = (n + 1) % MACS) {
		const uint64_t key = pvn_fdb_key(1, kit_mac(n));
		const uint32_t found = pvn_fdb_find(pvn_fdb_bucket_of(fdb, key), key);

		if (found == PVN_FDB_MISS || found == PVN_FDB_BUSY)
			continue;
		hits[id]++;
		if ((found & 0xFFFF) != port_of(n, 0) && (found & 0xFFFF) != port_of(n, 1) &&
		    (found & 0xFFFF) != (KIT_STATIC | port_of(n, 2)))
			wrong[id]++;
	}
	return NULL;
}

static void
check_listed(const struct pvn_fdb_entry *e)
{
	uint8_t mac[6];
	uint32_t n;

	pvn_mac_to_bytes(e->mac, mac);
	n = (uint32_t)mac[4] << 8 | mac[5];
	assert_true(n < MACS);
	assert_int_equal(e->vid, 1);
	assert_true(e->is_static ? e->port == port_of(n, 2)
				 : e->port == port_of(n, 0) || e->port == port_of(n, 1));
}

static void
check_list(void)
{
	struct pvn_fdb_entry entries[8];
	uint32_t pos = 0;

	while (pos != PVN_FDB_END) {
		const uint32_t count = pvn_fdb_list(fdb, &pos, 7, entries, PVN_DIM(entries));

		for (uint32_t i = 0; i < count; i++)
			check_listed(&entries[i]);
	}
}

/* A turn of what the control thread may do. */
static void
control(uint32_t turn)
{
	uint32_t pos = 0, n = turn % MACS;

	pvn_fdb_add(fdb, 1, kit_mac(n), port_of(n, 2), 7);
	pvn_fdb_sweep(fdb, &pos, BUCKETS, 7, turn % 8);
	for (int i = 0; i < 50; i++)
		check_list();
	if (turn % 16 == 0)
		pvn_fdb_flush(fdb, turn / 16 % PORTS, PVN_FDB_ANY, false);
	pvn_fdb_remove(fdb, 1, kit_mac(n));
}

/* What the ports' counters say is what there is, and no more than the limit. */
static void
check_counts(void)
{
	uint32_t have[PORTS] = {0}, pos = 0, n;
	struct pvn_fdb_entry entries[BUCKETS * PVN_FDB_WAYS];

	n = pvn_fdb_list(fdb, &pos, 0, entries, PVN_DIM(entries));
	for (uint32_t i = 0; i < n; i++) {
		assert_false(entries[i].is_static);
		have[entries[i].port]++;
	}
	for (uint16_t port = 0; port < PORTS; port++) {
		assert_int_equal(pvn_fdb_port_count(fdb, port), have[port]);
		assert_true(have[port] <= LIMIT);
	}
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
test_threads(void **state)
{
	const int64_t end = now_ms() + TIME_MS;
	pthread_t threads[LEARNERS + READERS];
	struct pvn_fdb_counts sum;

	(void)state;
	fdb = kit_fdb(BUCKETS, PORTS, LIMIT);
	for (uint32_t i = 0; i < LEARNERS + READERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, i < LEARNERS ? learner : reader,
				       (void *)(uintptr_t)(i < LEARNERS ? i : i - LEARNERS)),
			0);
	for (uint32_t turn = 0; now_ms() < end; turn++)
		control(turn);
	__atomic_store_n(&finished, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < LEARNERS + READERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	pvn_fdb_counts_sum(&sum, counts, LEARNERS);
	for (uint32_t i = 0; i < READERS; i++) {
		assert_int_equal(wrong[i], 0);
		assert_true(hits[i] > 0);
	}
	assert_true(sum.learned > 0 && sum.moved > 0 && sum.evicted > 0);
	check_counts();
	free(fdb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
