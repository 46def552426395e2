/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The control thread's part of the forwarding database: set-up, static entries, ageing, flushing,
 * listing. Not for the forwarding path: some of it waits for a learner to leave a bucket, which is
 * a few dozen instructions, or a time slice if the kernel has put that thread aside.
 */
#include <errno.h>
#include <sched.h>

#include "fdb_priv.h"

uint64_t
pvn_mac_from_bytes(const uint8_t *bytes)
{
	uint64_t word = 0;

	memcpy(&word, bytes, 6);
	return pvn_le64_to_cpu(word) & PVN_MAC_MASK;
}

void
pvn_mac_to_bytes(uint64_t mac, uint8_t *bytes)
{
	const uint64_t word = pvn_cpu_to_le64(mac);

	memcpy(bytes, &word, 6);
}

static size_t
ports_bytes(uint32_t ports)
{
	return (ports * sizeof(struct pvn_fdb_port) + 63) & ~(size_t)63;
}

size_t
pvn_fdb_size(uint32_t buckets, uint32_t ports)
{
	const size_t head = (sizeof(struct pvn_fdb) + 63) & ~(size_t)63;

	if (buckets < 2 || buckets > PVN_FDB_BUCKETS_MAX || (buckets & (buckets - 1)) != 0)
		return 0;
	if (ports == 0 || ports > PVN_FDB_PORTS_MAX)
		return 0;
	return head + ports_bytes(ports) + (size_t)buckets * sizeof(struct pvn_fdb_bucket);
}

/* A step of a generator that spreads a seed over several words. */
static uint64_t
spread(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ x >> 31) * UINT64_C(0xD6E8FEB86659FD93);
	x = (x ^ x >> 29) * UINT64_C(0xD6E8FEB86659FD93);
	return x ^ x >> 32;
}

struct pvn_fdb *
pvn_fdb_init(void *mem, uint32_t buckets, uint32_t ports, uint64_t seed)
{
	const size_t size = pvn_fdb_size(buckets, ports);
	struct pvn_fdb *fdb = mem;
	uint8_t *tail = (uint8_t *)mem + size;

	if (size == 0 || (uintptr_t)mem % 64 != 0)
		return NULL;
	memset(mem, 0, size);
	fdb->seed = spread(&seed);
	fdb->mul1 = spread(&seed) | 1;
	fdb->mul2 = spread(&seed) | 1;
	fdb->shift = 64 - (uint32_t)__builtin_ctz(buckets);
	fdb->buckets = buckets;
	fdb->ports = ports;
	tail -= (size_t)buckets * sizeof(struct pvn_fdb_bucket);
	fdb->bucket = (struct pvn_fdb_bucket *)tail;
	fdb->port = (struct pvn_fdb_port *)(tail - ports_bytes(ports));
	return fdb;
}

int
pvn_fdb_port_set(struct pvn_fdb *fdb, uint16_t port, uint32_t limit, bool secured)
{
	if (port >= fdb->ports)
		return -EINVAL;
	__atomic_store_n(&fdb->port[port].limit, limit, __ATOMIC_RELAXED);
	__atomic_store_n(&fdb->port[port].secured, secured, __ATOMIC_RELAXED);
	return 0;
}

uint32_t
pvn_fdb_port_count(const struct pvn_fdb *fdb, uint16_t port)
{
	return port < fdb->ports ? __atomic_load_n(&fdb->port[port].count, __ATOMIC_RELAXED) : 0;
}

/* Learners hold a bucket for a moment and are threads of this process: no peer is waited for. */
static void
bucket_lock(struct pvn_fdb_bucket *b)
{
	while (!bucket_trylock(b))
		sched_yield();
}

/* The way for a static entry: its own, a free one, or that of the oldest dynamic one. */
static uint32_t
static_way(const struct pvn_fdb_bucket *b, uint64_t key, uint16_t now_s)
{
	uint32_t way = bucket_way(b, key);

	if (way == PVN_FDB_WAYS)
		way = bucket_way(b, 0);
	if (way == PVN_FDB_WAYS)
		way = fdb_oldest(b, PVN_FDB_ANY, now_s);
	return way;
}

int
pvn_fdb_add(struct pvn_fdb *fdb, uint16_t vid, uint64_t mac, uint16_t port, uint16_t now_s)
{
	const uint64_t key = pvn_fdb_key(vid, mac);
	struct pvn_fdb_bucket *b = pvn_fdb_bucket_of(fdb, key);
	uint32_t way;

	if (vid == 0 || vid >= 4095 || port >= fdb->ports || mac == 0 ||
	    (mac & ~PVN_MAC_MASK) != 0 || (mac & PVN_MAC_GROUP) != 0)
		return -EINVAL;
	bucket_lock(b);
	way = static_way(b, key, now_s);
	if (way < PVN_FDB_WAYS) {
		if (bucket_key(b, way) != 0)
			fdb_clear(fdb, b, way);
		bucket_put(b, way, key, port | PVN_FDB_STATIC, 0);
	}
	bucket_unlock(b);
	return way < PVN_FDB_WAYS ? 0 : -ENOSPC;
}

int
pvn_fdb_remove(struct pvn_fdb *fdb, uint16_t vid, uint64_t mac)
{
	const uint64_t key = pvn_fdb_key(vid & 0xFFF, mac & PVN_MAC_MASK);
	struct pvn_fdb_bucket *b = pvn_fdb_bucket_of(fdb, key);
	uint32_t way;

	bucket_lock(b);
	way = bucket_way(b, key);
	if (way < PVN_FDB_WAYS)
		fdb_clear(fdb, b, way);
	bucket_unlock(b);
	return way < PVN_FDB_WAYS ? 0 : -ENOENT;
}

/* Whether an entry is dynamic and too old. */
static bool
aged(const struct pvn_fdb_bucket *b, uint32_t way, uint16_t now_s, uint16_t ageing_s)
{
	return bucket_key(b, way) != 0 && (bucket_port(b, way) & PVN_FDB_STATIC) == 0 &&
	       fdb_age(now_s, bucket_seen(b, way)) > ageing_s;
}

static uint32_t
sweep_bucket(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint16_t now_s, uint16_t ageing_s)
{
	uint32_t gone = 0, way = 0;

	/* Mostly nothing is too old; then the line is only read. */
	while (way < PVN_FDB_WAYS && !aged(b, way, now_s, ageing_s))
		way++;
	if (way == PVN_FDB_WAYS || !bucket_trylock(b))
		return 0;
	for (; way < PVN_FDB_WAYS; way++) {
		if (!aged(b, way, now_s, ageing_s))
			continue;
		fdb_clear(fdb, b, way);
		gone++;
	}
	bucket_unlock(b);
	return gone;
}

uint32_t
pvn_fdb_sweep(struct pvn_fdb *fdb, uint32_t *pos, uint32_t buckets, uint16_t now_s,
	      uint16_t ageing_s)
{
	uint32_t gone = 0;

	if (buckets > fdb->buckets)
		buckets = fdb->buckets;
	for (; buckets > 0; buckets--) {
		*pos &= fdb->buckets - 1;
		gone += sweep_bucket(fdb, &fdb->bucket[*pos], now_s, ageing_s);
		(*pos)++;
	}
	return gone;
}

static bool
matches(const struct pvn_fdb_bucket *b, uint32_t way, uint16_t port, uint16_t vid, bool and_static)
{
	const uint64_t key = bucket_key(b, way);
	const uint16_t word = bucket_port(b, way);

	return key != 0 && (and_static || (word & PVN_FDB_STATIC) == 0) &&
	       (port == PVN_FDB_ANY || PVN_FDB_FOUND_PORT(word) == port) &&
	       (vid == PVN_FDB_ANY || pvn_fdb_key_vid(key) == vid);
}

uint32_t
pvn_fdb_flush(struct pvn_fdb *fdb, uint16_t port, uint16_t vid, bool and_static)
{
	uint32_t gone = 0;

	for (uint32_t i = 0; i < fdb->buckets; i++) {
		struct pvn_fdb_bucket *b = &fdb->bucket[i];

		bucket_lock(b);
		for (uint32_t way = 0; way < PVN_FDB_WAYS; way++) {
			if (!matches(b, way, port, vid, and_static))
				continue;
			fdb_clear(fdb, b, way);
			gone++;
		}
		bucket_unlock(b);
	}
	return gone;
}

/* A way as an entry, read as a look-up would; false if it is free. */
static bool
copy_entry(const struct pvn_fdb_bucket *b, uint32_t way, uint16_t now_s, struct pvn_fdb_entry *e)
{
	uint16_t word, seen;
	uint32_t seq;
	uint64_t key;

	for (;;) {
		seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE);
		key = bucket_key(b, way);
		word = bucket_port(b, way);
		seen = __atomic_load_n(&b->seen[way], __ATOMIC_ACQUIRE);
		if ((seq & 1) == 0 && __atomic_load_n(&b->seq, __ATOMIC_RELAXED) == seq)
			break;
		sched_yield();
	}
	*e = (struct pvn_fdb_entry){
		.mac = key & PVN_MAC_MASK,
		.vid = pvn_fdb_key_vid(key),
		.port = PVN_FDB_FOUND_PORT(word),
		.is_static = (word & PVN_FDB_STATIC) != 0,
	};
	e->age_s = e->is_static ? 0 : fdb_age(now_s, seen);
	return key != 0;
}

/* A position is the number of a way: the first of bucket 1 is PVN_FDB_WAYS. */
uint32_t
pvn_fdb_list(const struct pvn_fdb *fdb, uint32_t *pos, uint16_t now_s,
	     struct pvn_fdb_entry *entries, uint32_t max)
{
	const uint32_t end = fdb->buckets * PVN_FDB_WAYS;
	uint32_t count = 0, at = *pos;

	for (; at < end && count < max; at++)
		if (copy_entry(&fdb->bucket[at / PVN_FDB_WAYS], at % PVN_FDB_WAYS, now_s,
			       &entries[count]))
			count++;
	*pos = at < end ? at : PVN_FDB_END;
	return count;
}

void
pvn_fdb_counts_sum(struct pvn_fdb_counts *sum, const struct pvn_fdb_counts *workers, uint32_t count)
{
	*sum = (struct pvn_fdb_counts){0};
	for (uint32_t i = 0; i < count; i++) {
#define SUM(name, text) sum->name += __atomic_load_n(&workers[i].name, __ATOMIC_RELAXED);
		PVN_FDB_COUNTS(SUM)
#undef SUM
	}
}
