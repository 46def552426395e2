/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Learning, as far as it changes the table. [SWITCH 2.4]
 *
 * A guest that invents source addresses is what this must bear: above its limit it is refused
 * before any lock is taken, so it writes no line that other workers read.
 */
#include "fdb_priv.h"

static bool
at_limit(const struct pvn_fdb_port *p)
{
	return __atomic_load_n(&p->count, __ATOMIC_RELAXED) >=
	       __atomic_load_n(&p->limit, __ATOMIC_RELAXED);
}

/* One more entry for the port. Another worker may be at it for the same port, so the last word is
 * what the counter was.
 */
static bool
reserve(struct pvn_fdb_port *p)
{
	if (__atomic_fetch_add(&p->count, 1, __ATOMIC_RELAXED) <
	    __atomic_load_n(&p->limit, __ATOMIC_RELAXED))
		return true;
	__atomic_fetch_sub(&p->count, 1, __ATOMIC_RELAXED);
	return false;
}

uint32_t
fdb_oldest(const struct pvn_fdb_bucket *b, uint16_t port, uint16_t now_s)
{
	uint32_t oldest = PVN_FDB_WAYS;
	uint16_t most = 0;

	for (uint32_t way = 0; way < PVN_FDB_WAYS; way++) {
		const uint16_t word = bucket_port(b, way);
		const uint16_t age = fdb_age(now_s, bucket_seen(b, way));

		if ((word & PVN_FDB_STATIC) != 0 || (port != PVN_FDB_ANY && word != port))
			continue;
		if (oldest == PVN_FDB_WAYS || age > most) {
			oldest = way;
			most = age;
		}
	}
	return oldest;
}

/* Where a new entry goes: a free way; or in a full bucket the port's own oldest, so that a port
 * displaces its own addresses first; or the oldest of all. PVN_FDB_WAYS: all are static.
 */
static uint32_t
place(const struct pvn_fdb_bucket *b, uint16_t port, uint16_t now_s)
{
	uint32_t way = bucket_way(b, 0);

	if (way == PVN_FDB_WAYS)
		way = fdb_oldest(b, port, now_s);
	if (way == PVN_FDB_WAYS)
		way = fdb_oldest(b, PVN_FDB_ANY, now_s);
	return way;
}

static bool
insert(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint64_t key, uint16_t port, uint16_t now_s,
       struct pvn_fdb_counts *counts)
{
	const uint32_t way = place(b, port, now_s);

	if (way == PVN_FDB_WAYS) {
		pvn_switch_add(&counts->full, 1);
		return false;
	}
	if (!reserve(&fdb->port[port])) {
		pvn_switch_add(&counts->over_limit, 1);
		return false;
	}
	if (bucket_key(b, way) != 0) {
		fdb_forget(fdb, bucket_port(b, way));
		pvn_switch_add(&counts->evicted, 1);
	}
	bucket_put(b, way, key, port, now_s);
	pvn_switch_add(&counts->learned, 1);
	return true;
}

/* Whether an entry with this port word may move to `port`; counts why not. */
static bool
may_move(const struct pvn_fdb *fdb, uint16_t word, uint16_t port, struct pvn_fdb_counts *counts)
{
	if ((word & PVN_FDB_STATIC) != 0)
		pvn_switch_add(&counts->held, 1);
	else if (__atomic_load_n(&fdb->port[word].secured, __ATOMIC_RELAXED) != 0)
		pvn_switch_add(&counts->secured, 1);
	else if (at_limit(&fdb->port[port]))
		pvn_switch_add(&counts->over_limit, 1);
	else
		return true;
	return false;
}

static bool
move(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint32_t way, uint16_t port, uint16_t now_s,
     struct pvn_fdb_counts *counts)
{
	const uint16_t word = bucket_port(b, way);

	if (word == port || word == (port | PVN_FDB_STATIC))
		return false; /* another worker was faster */
	if (!may_move(fdb, word, port, counts))
		return false;
	if (!reserve(&fdb->port[port])) {
		pvn_switch_add(&counts->over_limit, 1);
		return false;
	}
	fdb_forget(fdb, word);
	bucket_put(b, way, bucket_key(b, way), port, now_s);
	pvn_switch_add(&counts->moved, 1);
	return true;
}

/* Whether it is worth taking the lock: what was found without it says no as surely. */
static bool
worth_it(const struct pvn_fdb *fdb, uint64_t key, uint16_t port, uint32_t found,
	 struct pvn_fdb_counts *counts)
{
	if ((key & PVN_MAC_GROUP) != 0 || (key & PVN_MAC_MASK) == 0 || port >= fdb->ports)
		return false;
	if (found == PVN_FDB_BUSY)
		return true;
	if (found != PVN_FDB_MISS)
		return may_move(fdb, (uint16_t)found, port, counts);
	if (!at_limit(&fdb->port[port]))
		return true;
	pvn_switch_add(&counts->over_limit, 1);
	return false;
}

bool
pvn_fdb_learn_new(struct pvn_fdb *fdb, struct pvn_fdb_bucket *b, uint64_t key, uint16_t port,
		  uint16_t now_s, uint32_t found, struct pvn_fdb_counts *counts)
{
	uint32_t way;
	bool changed;

	if (!worth_it(fdb, key, port, found, counts))
		return false;
	if (!bucket_trylock(b)) {
		pvn_switch_add(&counts->busy, 1);
		return false;
	}
	way = bucket_way(b, key);
	if (way < PVN_FDB_WAYS)
		changed = move(fdb, b, way, port, now_s, counts);
	else
		changed = insert(fdb, b, key, port, now_s, counts);
	bucket_unlock(b);
	return changed;
}
