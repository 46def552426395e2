/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of a link. The ledger has a byte for each two cache lines of the region, and no
 * two elements of a mempool begin in the same two: whether one begins there, in which of the two,
 * and whether it is lent. What the guest says is an index into it, which needs no division and no
 * search; and a byte is written without being read before, so that neighbours in a burst do not
 * wait for each other, as they do with bits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "pvn_ivshmem_link.h"
#include "share.h"

/* A byte of the ledger. */
enum note {
	NONE, /* no element begins in this line */
	HOME,
	LENT,
};

/* What a burst needs of the link: the ledger's bytes may be anything for a compiler, which would
 * load all of it again after each.
 */
struct view {
	uint8_t *ledger;
	uint64_t base;
	uint32_t lines;
};

struct pvn_ivshmem_link {
	/* The burst's. */
	struct share *share;
	struct ivshmem_link *shared;
	pvn_le32 *lent, *given; /* slots */
	uint8_t *ledger;
	uint64_t base;
	uint32_t lines;
	uint32_t mask;
	uint64_t attachment;		 /* whose turn it is */
	uint32_t tail, head;		 /* of lent, of given: ours */
	uint32_t known_head, known_tail; /* the guest's, as seen last */
	uint32_t out;			 /* lent now; read by other threads */
	bool broken;			 /* until the next turn */
	struct pvn_ivshmem_link_stats stats;

	/* Control. */
	struct rte_mempool *pool;
	bool mbufs;
	char name[IVSHMEM_NAME_MAX];
	struct pvn_ivshmem_link *next; /* in the region */
};

/* ---- turns ---- */

static void
give_to_pool(struct pvn_ivshmem_link *l, uint32_t line)
{
	void *element = (void *)(uintptr_t)(l->base + (uint64_t)line * IVSHMEM_LINK_LINE);

	if (l->mbufs)
		rte_pktmbuf_init(l->pool, NULL, element, 0);
	rte_mempool_put(l->pool, element);
}

/* All of it, by our own notes. */
static uint32_t
reclaim(struct pvn_ivshmem_link *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->lines && l->out > n; i++) {
		if (l->ledger[i] != LENT)
			continue;
		l->ledger[i] = HOME;
		give_to_pool(l, i);
		n++;
	}
	STORE_ONCE(&l->out, 0);
	l->stats.reclaimed += n;
	return n;
}

/* Somebody came or went: all is set back. The guest before is gone, the new one waits until its
 * number is in the link.
 */
static uint32_t
turn(struct pvn_ivshmem_link *l, uint64_t attachment)
{
	struct ivshmem_link *to = l->shared;
	uint32_t n;

	STORE_RELEASE(&to->attachment, 0);
	n = reclaim(l);
	l->tail = l->head = l->known_head = l->known_tail = 0;
	l->broken = false;
	l->stats.turns++;
	STORE_ONCE(&to->lent_tail, 0);
	STORE_ONCE(&to->taken_head, 0);
	STORE_ONCE(&to->given_tail, 0);
	STORE_ONCE(&to->returned_head, 0);
	l->attachment = attachment;
	/* REL-TURN: the indices before whose they are. Pairs with ACQ-TURN. */
	STORE_RELEASE(&to->attachment, pvn_cpu_to_le64(attachment));
	return n;
}

static inline bool
can_move(struct pvn_ivshmem_link *l)
{
	uint64_t attachment = LOAD_ACQUIRE(&l->share->attachment);

	if (unlikely(attachment != l->attachment))
		turn(l, attachment);
	return attachment != 0 && !l->broken;
}

uint32_t
pvn_ivshmem_link_reclaim(struct pvn_ivshmem_link *l)
{
	uint64_t attachment = LOAD_ACQUIRE(&l->share->attachment);

	return attachment != l->attachment ? turn(l, attachment) : 0;
}

/* ---- bursts ---- */

/* The guest's counters cannot be: its turn is over, its buffers stay its own. */
static uint32_t
break_link(struct pvn_ivshmem_link *l)
{
	l->broken = true;
	l->stats.bad_index++;
	return 0;
}

/* Whether it can be lent; then it is. */
static inline bool
note_lent(const struct view *v, const void *element, uint32_t *line)
{
	uint64_t off = (uintptr_t)element - v->base;

	*line = off / IVSHMEM_LINK_LINE;
	if (unlikely(off % IVSHMEM_LINK_LINE != 0 || off / IVSHMEM_LINK_LINE >= v->lines))
		return false;
	if (unlikely(v->ledger[*line] != HOME))
		return false;
	v->ledger[*line] = LENT;
	return true;
}

uint32_t
pvn_ivshmem_link_lend(struct pvn_ivshmem_link *l, void *const *elements, uint32_t n)
{
	const struct view v = {l->ledger, l->base, l->lines};
	uint32_t size = l->mask + 1, mask = l->mask, tail, room, i;
	pvn_le32 *slots = l->lent;

	if (unlikely(!can_move(l)))
		return 0;
	tail = l->tail; /* a turn has set it back */
	room = size - (tail - l->known_head);
	if (room < n) {
		/* ACQ-TAKEN. Pairs with REL-TAKEN. */
		l->known_head = pvn_le32_to_cpu(LOAD_ACQUIRE(&l->shared->taken_head));
		room = size - (l->tail - l->known_head);
		if (unlikely(room > size))
			return break_link(l);
		n = RTE_MIN(n, room);
	}
	for (i = 0; i < n; i++) {
		uint32_t line;

		if (unlikely(!note_lent(&v, elements[i], &line))) {
			l->stats.refused++;
			break;
		}
		slots[(tail + i) & mask] = pvn_cpu_to_le32(line);
	}
	if (i == 0)
		return 0;
	l->tail += i;
	l->stats.lent += i;
	STORE_ONCE(&l->out, l->out + i);
	/* REL-LENT: slots, and buffers, before the index. Pairs with ACQ-LENT. */
	STORE_RELEASE(&l->shared->lent_tail, pvn_cpu_to_le32(l->tail));
	return i;
}

/* Copied once; it counts if it was lent. */
static inline bool
note_back(const struct view *v, uint32_t line)
{
	if (unlikely(line >= v->lines || v->ledger[line] != LENT))
		return false;
	v->ledger[line] = HOME;
	return true;
}

uint32_t
pvn_ivshmem_link_take(struct pvn_ivshmem_link *l, void **elements, uint32_t n)
{
	const struct view v = {l->ledger, l->base, l->lines};
	uint32_t mask = l->mask, head, ready, back = 0;
	const pvn_le32 *slots = l->given;

	if (unlikely(!can_move(l)))
		return 0;
	head = l->head; /* a turn has set it back */
	ready = l->known_tail - head;
	if (ready < n) {
		/* ACQ-GIVEN. Pairs with REL-GIVEN. */
		l->known_tail = pvn_le32_to_cpu(LOAD_ACQUIRE(&l->shared->given_tail));
		ready = l->known_tail - l->head;
		if (unlikely(ready > l->mask + 1))
			return break_link(l);
		n = RTE_MIN(n, ready);
	}
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t line = pvn_le32_to_cpu(LOAD_ONCE(&slots[(head + i) & mask]));

		if (likely(note_back(&v, line)))
			elements[back++] =
				(void *)(uintptr_t)(v.base + (uint64_t)line * IVSHMEM_LINK_LINE);
	}
	l->head += n;
	l->stats.foreign += n - back;
	l->stats.taken += back;
	STORE_ONCE(&l->out, l->out - back);
	/* REL-RETURNED: the slots are read. Pairs with ACQ-RETURNED. */
	STORE_RELEASE(&l->shared->returned_head, pvn_cpu_to_le32(l->head));
	return back;
}

uint32_t
pvn_ivshmem_link_out(const struct pvn_ivshmem_link *l)
{
	return LOAD_ONCE(&l->out);
}

void
pvn_ivshmem_link_stats(const struct pvn_ivshmem_link *l, struct pvn_ivshmem_link_stats *stats)
{
	*stats = l->stats;
}

/* ---- control ---- */

uint64_t
share_links_lent(const struct share *s)
{
	uint64_t n = 0;

	for (const struct pvn_ivshmem_link *l = s->links; l != NULL; l = l->next)
		n += LOAD_ONCE(&l->out);
	return n;
}

bool
share_link(const struct share *s, uint32_t i, struct share_link_view *v)
{
	const struct pvn_ivshmem_link *l = s->links;

	for (; l != NULL && i > 0; i--)
		l = l->next;
	if (l == NULL)
		return false;
	*v = (struct share_link_view){
		.name = l->name,
		.entries = l->mask + 1,
		.out = LOAD_ONCE(&l->out),
		.broken = LOAD_ONCE(&l->broken),
	};
	pvn_ivshmem_link_stats(l, &v->stats);
	return true;
}

struct survey {
	struct pvn_ivshmem_link *link;
	uint32_t strange;
};

static void
note_element(struct rte_mempool *mp, void *arg, void *element, unsigned int i)
{
	struct survey *s = arg;
	uint64_t off = (uintptr_t)element - s->link->base;

	(void)i;
	if (!share_has(s->link->share, element, mp->elt_size) || off % IVSHMEM_LINK_LINE != 0) {
		s->strange++;
		return;
	}
	s->link->ledger[off / IVSHMEM_LINK_LINE] = HOME;
}

static int
make_ledger(struct pvn_ivshmem_link *l)
{
	struct survey survey = {.link = l};

	l->ledger = calloc(l->lines, sizeof(*l->ledger));
	if (l->ledger == NULL)
		return ivs_fail(ENOMEM, "no memory for a ledger");
	rte_mempool_obj_iter(l->pool, note_element, &survey);
	if (survey.strange == 0)
		return 0;
	return ivs_fail(
		ERANGE,
		"%u elements of mempool '%s' do not lie in region '%s' at cache lines: create it"
		" with the socket that pvn_ivshmem_socket(\"%s\") gives, and aligned",
		survey.strange, l->pool->name, l->share->name, l->share->name);
}

static int
make_shared(struct pvn_ivshmem_link *l, uint32_t entries)
{
	uint64_t bytes = sizeof(*l->shared) + 2 * (uint64_t)entries * sizeof(pvn_le32);
	struct ivshmem_object o = {.type = pvn_cpu_to_le32(IVSHMEM_LINK)};
	int socket = share_heap(l->share), ret;

	if (socket < 0)
		return socket;
	l->shared = rte_zmalloc_socket(NULL, bytes, IVSHMEM_LINK_LINE, socket);
	if (l->shared == NULL)
		return ivs_fail(ENOMEM, "no room in region '%s' for a link of %u entries",
				l->share->name, entries);
	l->lent = (pvn_le32 *)(l->shared + 1);
	l->given = l->lent + entries;
	l->shared->entries = pvn_cpu_to_le32(entries);
	memcpy(o.name, l->name, sizeof(o.name));
	o.off = pvn_cpu_to_le64((uintptr_t)l->shared - l->base);
	o.len = pvn_cpu_to_le64(bytes);
	ret = pvn_ivshmem_host_add(&l->share->host, &o);
	if (ret < 0)
		rte_free(l->shared);
	return ret < 0 ? ret : 0;
}

static int
create(struct share *s, struct pvn_ivshmem_link *l, uint32_t entries)
{
	int ret;

	if (s->read_only)
		return ivs_fail(EROFS, "region '%s' can only be read by its guest", s->name);
	l->share = s;
	l->base = s->base;
	l->lines = s->size / IVSHMEM_LINK_LINE;
	l->mask = entries - 1;
	ret = make_ledger(l);
	if (ret == 0)
		ret = make_shared(l, entries);
	if (ret < 0)
		return ret;
	l->next = s->links;
	s->links = l;
	return 0;
}

static int
check_arguments(const char *name, const struct rte_mempool *pool, uint32_t entries)
{
	if (pvn_ivshmem_check_object_name(name) < 0)
		return -EINVAL;
	if (pool == NULL)
		return ivs_fail(EINVAL, "a link needs a mempool");
	if (entries == 0 || entries > IVSHMEM_LINK_ENTRIES_MAX || (entries & (entries - 1)) != 0)
		return ivs_fail(EINVAL, "a link of %u entries: expected a power of two up to %u",
				entries, IVSHMEM_LINK_ENTRIES_MAX);
	return 0;
}

int
pvn_ivshmem_link_create(const char *region, const char *name, struct rte_mempool *pool,
			uint32_t entries, bool mbufs, struct pvn_ivshmem_link **out)
{
	struct pvn_ivshmem_link *l;
	struct share *s;
	int ret = check_arguments(name, pool, entries);

	if (ret < 0)
		return ret;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ivs_fail(ENOMEM, "no memory");
	memcpy(l->name, name, strlen(name));
	l->pool = pool;
	l->mbufs = mbufs;
	pthread_mutex_lock(&share_lock);
	s = share_find(region);
	ret = s != NULL ? create(s, l, entries) : -errno;
	pthread_mutex_unlock(&share_lock);
	if (ret < 0) {
		free(l->ledger);
		free(l);
		return ret;
	}
	*out = l;
	return 0;
}

int
pvn_ivshmem_link_destroy(struct pvn_ivshmem_link *l)
{
	struct pvn_ivshmem_link **at;

	pvn_ivshmem_link_reclaim(l);
	if (l->out > 0)
		return ivs_fail(
			EBUSY,
			"link '%s' has lent %u buffers to a guest that is there: take them back",
			l->name, l->out);
	pthread_mutex_lock(&share_lock);
	for (at = &l->share->links; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	STORE_RELEASE(&l->shared->attachment, 0);
	pvn_ivshmem_host_remove(&l->share->host, IVSHMEM_LINK, l->name);
	rte_free(l->shared);
	pthread_mutex_unlock(&share_lock);
	free(l->ledger);
	free(l);
	return 0;
}
