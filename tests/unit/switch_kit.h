/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * For the tests of lib/switch: tables and addresses in few words.
 */
#ifndef SWITCH_KIT_H
#define SWITCH_KIT_H

#include <stdlib.h>

#include <pvn_fdb.h>

/* The address 02:00:00:00:xx:xx, by its last two bytes. */
static inline uint64_t
kit_mac(uint16_t n)
{
	const uint8_t bytes[] = {0x02, 0, 0, 0, n >> 8, n & 0xFF};

	return pvn_mac_from_bytes(bytes);
}

static inline void *
kit_memory(size_t size)
{
	void *mem = aligned_alloc(64, (size + 63) & ~(size_t)63);

	assert_non_null(mem);
	memset(mem, 0xA5, size); /* nobody may count on zeroes */
	return mem;
}

/* An empty table whose ports may learn `limit` addresses each. */
static inline struct pvn_fdb *
kit_fdb(uint32_t buckets, uint32_t ports, uint32_t limit)
{
	void *mem = kit_memory(pvn_fdb_size(buckets, ports));
	struct pvn_fdb *fdb = pvn_fdb_init(mem, buckets, ports, 4711);

	assert_non_null(fdb);
	for (uint32_t port = 0; port < ports; port++)
		assert_int_equal(pvn_fdb_port_set(fdb, port, limit, false), 0);
	return fdb;
}

/* The port that the table has for an address, or one of these. */
#define KIT_NOWHERE 0xFFFF
#define KIT_STATIC 0x8000

static inline uint32_t
kit_where(const struct pvn_fdb *fdb, uint16_t vid, uint64_t mac)
{
	const uint64_t key = pvn_fdb_key(vid, mac);
	const uint32_t found = pvn_fdb_find(pvn_fdb_bucket_of(fdb, key), key);

	assert_true(found != PVN_FDB_BUSY); /* nobody else is there */
	return found == PVN_FDB_MISS ? KIT_NOWHERE : found & 0xFFFF;
}

static inline bool
kit_learn(struct pvn_fdb *fdb, uint16_t vid, uint64_t mac, uint16_t port, uint16_t now_s,
	  struct pvn_fdb_counts *counts)
{
	const uint64_t key = pvn_fdb_key(vid, mac);

	return pvn_fdb_learn(fdb, pvn_fdb_bucket_of(fdb, key), key, port, now_s, counts);
}

/* xorshift: the same numbers on every machine. */
static inline uint32_t
kit_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

#endif /* SWITCH_KIT_H */
