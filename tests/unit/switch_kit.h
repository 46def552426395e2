/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * For the tests of lib/switch: tables, configurations and frames in few words. Frames are made here
 * byte by byte, not with the library's own functions.
 */
#ifndef SWITCH_KIT_H
#define SWITCH_KIT_H

#include <stdlib.h>

#include <pvn_switch.h>

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

static inline struct pvn_switch_conf *
kit_conf(const struct pvn_switch_port *ports, uint32_t count, uint64_t hz)
{
	const size_t size = pvn_switch_conf_size(ports, count);
	enum pvn_switch_fault fault;
	struct pvn_switch_conf *conf;
	uint32_t at;

	conf = pvn_switch_conf_build(kit_memory(size), size, ports, count, hz, &fault, &at);
	assert_int_equal(fault, PVN_SWITCH_FAULT_NONE);
	assert_non_null(conf);
	return conf;
}

/* The head of a frame: addresses, a tag unless tci is KIT_UNTAGGED, the type of IPv4. */
#define KIT_UNTAGGED (-1)

static inline void
kit_frame(uint8_t *head, uint64_t dst, uint64_t src, int tci)
{
	const uint8_t tag[] = {0x81, 0x00, tci >> 8 & 0xFF, tci & 0xFF};
	const uint8_t rest[] = {0x08, 0x00, 0x45, 0x00, 0x12, 0x34};

	for (int i = 0; i < 6; i++) {
		head[i] = dst >> 8 * i & 0xFF;
		head[6 + i] = src >> 8 * i & 0xFF;
	}
	if (tci != KIT_UNTAGGED) {
		memcpy(head + 12, tag, 4);
		memcpy(head + 16, rest, 2);
	} else {
		memcpy(head + 12, rest, 6);
	}
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
