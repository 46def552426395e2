/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Writing into a bucket, for learners and the control thread.
 */
#ifndef FDB_PRIV_H
#define FDB_PRIV_H

#include "pvn_fdb.h"

/* Takes the bucket: its sequence word becomes odd. The acquire pairs with the release in
 * bucket_unlock().
 */
static inline bool
bucket_trylock(struct pvn_fdb_bucket *b)
{
	uint32_t seq = __atomic_load_n(&b->seq, __ATOMIC_RELAXED);

	return (seq & 1) == 0 && __atomic_compare_exchange_n(&b->seq, &seq, seq + 1, false,
							     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void
bucket_unlock(struct pvn_fdb_bucket *b)
{
	__atomic_store_n(&b->seq, __atomic_load_n(&b->seq, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE);
}

/* FDB-WRITE: the odd sequence word before each of these (they are release stores), and they before
 * the even one (release); pairs with FDB-READ in pvn_fdb_find(). A reader that has loaded one of
 * them sees that the sequence word is not what it was.
 */
static inline void
bucket_put(struct pvn_fdb_bucket *b, uint32_t way, uint64_t key, uint16_t port, uint16_t seen)
{
	__atomic_store_n(&b->key[way], key, __ATOMIC_RELEASE);
	__atomic_store_n(&b->port[way], port, __ATOMIC_RELEASE);
	__atomic_store_n(&b->seen[way], seen, __ATOMIC_RELAXED);
}

static inline uint64_t
bucket_key(const struct pvn_fdb_bucket *b, uint32_t way)
{
	return __atomic_load_n(&b->key[way], __ATOMIC_ACQUIRE);
}

static inline uint16_t
bucket_port(const struct pvn_fdb_bucket *b, uint32_t way)
{
	return __atomic_load_n(&b->port[way], __ATOMIC_ACQUIRE);
}

static inline uint16_t
bucket_seen(const struct pvn_fdb_bucket *b, uint32_t way)
{
	return __atomic_load_n(&b->seen[way], __ATOMIC_RELAXED);
}

/* The way that holds `key`, PVN_FDB_WAYS if none does. 0 finds one that is free. */
static inline uint32_t
bucket_way(const struct pvn_fdb_bucket *b, uint64_t key)
{
	uint32_t way = 0;

	while (way < PVN_FDB_WAYS && bucket_key(b, way) != key)
		way++;
	return way;
}

/* Seconds since `seen`. Workers' clocks may be ahead of ours a little: that is 0. [SWITCH 2.5] */
static inline uint16_t
fdb_age(uint16_t now_s, uint16_t seen)
{
	const uint16_t age = now_s - seen;

	return age > UINT16_MAX - 64 ? 0 : age;
}

static inline void
fdb_forget(struct pvn_fdb *fdb, uint16_t port)
{
	__atomic_fetch_sub(&fdb->port[port].count, 1, __ATOMIC_RELAXED);
}

/* Clears a way, under the lock. */
static inline void
fdb_clear(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint32_t way)
{
	const uint16_t port = bucket_port(b, way);

	bucket_put(b, way, 0, 0, 0);
	if ((port & PVN_FDB_STATIC) == 0)
		fdb_forget(fdb, port);
}

/* The oldest dynamic entry of `port`, or of all ports for PVN_FDB_ANY; PVN_FDB_WAYS if there is
 * none. Under the lock.
 */
uint32_t fdb_oldest(const struct pvn_fdb_bucket *b, uint16_t port, uint16_t now_s);

#endif /* FDB_PRIV_H */
