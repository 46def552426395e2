/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The forwarding database of the switch: (VLAN, MAC address) -> port. [SWITCH n] is
 * docs/design/switch.md, section n.
 *
 * A table of buckets, each one cache line with five entries, in memory that the caller gives. Any
 * number of worker threads look up and learn at once; a look-up takes no lock and writes nothing, a
 * learner that finds a bucket taken goes on without learning. One control thread has the calls at
 * the end: ports, static entries, ageing, flushing, listing. [SWITCH 2]
 *
 * The look-up is inline; fdb.c learns, fdb_control.c is the control thread's.
 */
#ifndef PVN_FDB_H
#define PVN_FDB_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pvn_field.h"

#define PVN_FDB_WAYS 5u
#define PVN_FDB_PORTS_MAX 1024u
#define PVN_FDB_BUCKETS_MAX (1u << 24)

/* A MAC address as a number: its first byte is the lowest. */
#define PVN_MAC_MASK UINT64_C(0xFFFFFFFFFFFF)
#define PVN_MAC_GROUP UINT64_C(1) /* a multicast address, or broadcast */

/* Reads two bytes more than the address has. */
static inline uint64_t
pvn_mac_load(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return pvn_le64_to_cpu(word) & PVN_MAC_MASK;
}

/* Reads and writes six bytes. */
uint64_t pvn_mac_from_bytes(const uint8_t *bytes);
void pvn_mac_to_bytes(uint64_t mac, uint8_t *bytes);

/* What is looked up. Never 0, so that 0 is an entry that is free. */
#define PVN_FDB_KEY_USED (UINT64_C(1) << 63)

static inline uint64_t
pvn_fdb_key(uint16_t vid, uint64_t mac)
{
	return PVN_FDB_KEY_USED | (uint64_t)vid << 48 | mac;
}

static inline uint16_t
pvn_fdb_key_vid(uint64_t key)
{
	return key >> 48 & 0xFFF;
}

/* One load or store also where pointers have 32 bits. */
typedef uint64_t pvn_fdb_word __attribute__((aligned(8)));

/* All fields are atomic: workers load and store them at the same time. */
struct pvn_fdb_bucket {
	pvn_fdb_word key[PVN_FDB_WAYS]; /* [under the lock] 0: free */
	uint32_t seq;			/* odd: a writer is inside, this is its lock */
	uint16_t port[PVN_FDB_WAYS];	/* [under the lock] PVN_FDB_STATIC | port */
	uint16_t seen[PVN_FDB_WAYS];	/* [any worker] second of the last frame from it */
} __attribute__((aligned(64)));

#define PVN_FDB_STATIC 0x8000u /* in a port word: an operator's entry */

_Static_assert(sizeof(struct pvn_fdb_bucket) == 64, "a bucket is one cache line");

struct pvn_fdb_port {
	uint32_t count;	  /* [atomic] dynamic entries now */
	uint32_t limit;	  /* [control] most of them */
	uint32_t secured; /* [control] addresses seen here are learned nowhere else */
	uint32_t unused;
};

/* Nothing in it changes after pvn_fdb_init(). */
struct pvn_fdb {
	uint64_t seed, mul1, mul2; /* secret, so that a guest cannot choose buckets [SWITCH 2.3] */
	uint32_t shift;		   /* 64 - log2(buckets) */
	uint32_t buckets;
	uint32_t ports;
	struct pvn_fdb_port *port;
	struct pvn_fdb_bucket *bucket;
};

/* What learning came to: name, what the administrator reads. */
#define PVN_FDB_COUNTS(X)                                                                          \
	X(learned, "addresses learned")                                                            \
	X(moved, "addresses seen on another port, and moved there")                                \
	X(evicted, "addresses that made room for new ones")                                        \
	X(over_limit, "not learned: the port has as many as it may")                               \
	X(held, "not moved: the entry is static")                                                  \
	X(secured, "not moved: the entry's port is secured")                                       \
	X(full, "not learned: only static entries where it belongs")                               \
	X(busy, "not learned this time: another worker was there")

/* One for each worker, which alone writes it; the reader adds them up. */
#define PVN_FDB_COUNT_FIELD(name, text) pvn_fdb_word name;
struct pvn_fdb_counts {
	PVN_FDB_COUNTS(PVN_FDB_COUNT_FIELD)
} __attribute__((aligned(64)));
#undef PVN_FDB_COUNT_FIELD

/* Adds to a counter that only this thread writes, and others read. */
static inline void
pvn_switch_add(pvn_fdb_word *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* ---- workers ---- */

static inline struct pvn_fdb_bucket *
pvn_fdb_bucket_of(const struct pvn_fdb *fdb, uint64_t key)
{
	uint64_t h = (key ^ fdb->seed) * fdb->mul1;

	h = (h ^ h >> 32) * fdb->mul2;
	return &fdb->bucket[h >> fdb->shift];
}

/* What pvn_fdb_find() says: the port word, the way above it; or that there is none. */
#define PVN_FDB_FOUND(way, port) ((uint32_t)(way) << 16 | (port))
#define PVN_FDB_FOUND_PORT(found) ((found) & (PVN_FDB_STATIC - 1))
#define PVN_FDB_FOUND_WAY(found) ((found) >> 16)
#define PVN_FDB_MISS 0xFFFF7FFFu /* its port is none, and it is not static */
#define PVN_FDB_BUSY 0xFFFE7FFFu /* writers were inside all the time: as good as a miss */
#define PVN_FDB_TRIES 16

/* Looks a key up in its bucket. FDB-READ: the sequence word before the entries (acquire), and the
 * entries before the sequence word (they are acquire loads); pairs with FDB-WRITE. So what is found
 * was in the bucket together. No fence, which ThreadSanitizer would not understand.
 */
static inline uint32_t
pvn_fdb_find(const struct pvn_fdb_bucket *b, uint64_t key)
{
	for (int try = 0; try < PVN_FDB_TRIES; try++) {
		const uint32_t seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE);
		uint32_t found = PVN_FDB_MISS;

		if (__builtin_expect((seq & 1) != 0, 0))
			continue;
		for (uint32_t way = 0; way < PVN_FDB_WAYS; way++) {
			if (__atomic_load_n(&b->key[way], __ATOMIC_ACQUIRE) != key)
				continue;
			found = PVN_FDB_FOUND(way,
					      __atomic_load_n(&b->port[way], __ATOMIC_ACQUIRE));
			break;
		}
		if (__builtin_expect(__atomic_load_n(&b->seq, __ATOMIC_RELAXED) == seq, 1))
			return found;
	}
	return PVN_FDB_BUSY;
}

/* What pvn_fdb_learn() does when the table must change, or must not. */
bool pvn_fdb_learn_new(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint64_t key, uint16_t port,
		       uint16_t now_s, uint32_t found, struct pvn_fdb_counts *counts);

/* A frame came from `key` into `port`; `b` is the key's bucket, now_s the second. Known there:
 * its age is made new, with one store and at most once a second. The store takes no lock: should
 * the entry be replaced meanwhile, the new one is as young, and no harm is done. True if an entry
 * was made or moved. No multicast or zero address is learned.
 */
static inline bool
pvn_fdb_learn(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint64_t key, uint16_t port,
	      uint16_t now_s, struct pvn_fdb_counts *counts)
{
	const uint32_t found = pvn_fdb_find(b, key);
	uint16_t *seen;

	if (__builtin_expect(PVN_FDB_FOUND_PORT(found) != port, 0))
		return pvn_fdb_learn_new(fdb, b, key, port, now_s, found, counts);
	seen = &b->seen[PVN_FDB_FOUND_WAY(found)];
	if (__atomic_load_n(seen, __ATOMIC_RELAXED) != now_s)
		__atomic_store_n(seen, now_s, __ATOMIC_RELAXED);
	return false;
}

/* ---- the control thread ---- */

/* Memory for a table; 0 if it cannot be: buckets a power of two from 2 to PVN_FDB_BUCKETS_MAX,
 * ports from 1 to PVN_FDB_PORTS_MAX.
 */
size_t pvn_fdb_size(uint32_t buckets, uint32_t ports);

/* Makes an empty table in pvn_fdb_size() bytes, aligned to 64. Ports may learn nothing yet. `seed`
 * is from a random source that guests cannot guess.
 */
struct pvn_fdb *pvn_fdb_init(void *mem, uint32_t buckets, uint32_t ports, uint64_t seed);

/* Limits apply to what is learned from now on; -EINVAL if there is no such port. */
int pvn_fdb_port_set(struct pvn_fdb *fdb, uint16_t port, uint32_t limit, bool secured);
uint32_t pvn_fdb_port_count(const struct pvn_fdb *fdb, uint16_t port);

/* Static entries: never aged, moved or displaced, and outside the port's limit. An address learned
 * before becomes static; in a full bucket the oldest learned one goes. -EINVAL: VLAN, address or
 * port cannot be; -ENOSPC: its bucket is full of static entries.
 */
int pvn_fdb_add(struct pvn_fdb *fdb, uint16_t vid, uint64_t mac, uint16_t port, uint16_t now_s);

/* Removes an entry of either kind; -ENOENT. */
int pvn_fdb_remove(struct pvn_fdb *fdb, uint16_t vid, uint64_t mac);

/* Longest ageing time: a second counter of 16 bits must tell old from new. [SWITCH 2.5] */
#define PVN_FDB_AGEING_MAX 60000u

/* Removes what was not seen for more than `ageing_s`, in the next `buckets` buckets from *pos on;
 * *pos starts anywhere and is kept between calls. All buckets must have their turn within an hour.
 * Returns how many entries went. A bucket that a worker is in is left for the next turn.
 */
uint32_t pvn_fdb_sweep(struct pvn_fdb *fdb, uint32_t *pos, uint32_t buckets, uint16_t now_s,
		       uint16_t ageing_s);

#define PVN_FDB_ANY 0xFFFFu

/* Removes the entries of a port, a VLAN, or both; PVN_FDB_ANY stands for all. Static ones stay
 * unless `and_static`. Of a port that goes: first no worker may use it any more, then flush.
 * Returns how many went.
 */
uint32_t pvn_fdb_flush(struct pvn_fdb *fdb, uint16_t port, uint16_t vid, bool and_static);

struct pvn_fdb_entry {
	uint64_t mac;
	uint16_t vid, port;
	uint16_t age_s; /* 0 for a static one */
	bool is_static;
};

#define PVN_FDB_END UINT32_MAX

/* Copies up to `max` entries from *pos on, 0 at first, and advances it, at last to PVN_FDB_END. An
 * entry that stays all the time is listed once.
 */
uint32_t pvn_fdb_list(const struct pvn_fdb *fdb, uint32_t *pos, uint16_t now_s,
		      struct pvn_fdb_entry *entries, uint32_t max);

/* The counters of several workers, added up. */
void pvn_fdb_counts_sum(struct pvn_fdb_counts *sum, const struct pvn_fdb_counts *workers,
			uint32_t count);

#endif /* PVN_FDB_H */
