/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Exporting DPDK's objects. A ring's memzone pointer, which means nothing to the guest and would
 * make its rte_ring_free() follow it, is taken out while the ring is exported; that makes the
 * host's own rte_ring_free() refuse too.
 */
#include "share.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

/* Whether it can be exported. */
static bool
can_show(const struct share *s, const void *addr, uint64_t len)
{
	return share_has(s, addr, len) || share_whole_has(s, addr, len);
}

static struct ivshmem_object
describe(const struct share *s, enum ivshmem_type type, const char *name, const void *addr,
	 uint64_t len)
{
	bool in_heap = !share_has(s, addr, len);
	struct ivshmem_object o = {
		.type = pvn_cpu_to_le32(type),
		.flags = pvn_cpu_to_le32(in_heap ? IVSHMEM_OBJECT_IN_HEAP : 0),
		.off = pvn_cpu_to_le64((uintptr_t)addr - (in_heap ? s->whole_base : s->base)),
		.len = pvn_cpu_to_le64(len),
	};

	snprintf(o.name, sizeof(o.name), "%s", name);
	return o;
}

static int
publish(struct share *s, const struct ivshmem_object *o, const void *object, const void *addr)
{
	int i = pvn_ivshmem_host_add(&s->host, o);

	if (i < 0)
		return i;
	s->objects[i] = (struct share_object){.object = object, .addr = addr};
	s->object_count++;
	return i;
}

static int
elsewhere(const struct share *s, const char *what, const char *name, const char *how)
{
	if (s->whole_fd >= 0)
		return ivs_fail(ERANGE,
				"%s '%s' lies neither in region '%s' nor in the first %" PRIu64
				" bytes of this process's heap, which a device can show: start it"
				" with a power of two of memory (-m)",
				what, name, s->name, s->whole_bytes);
	return ivs_fail(ERANGE,
			"%s '%s' does not lie in region '%s': %s with the socket that"
			" pvn_ivshmem_socket(\"%s\") gives",
			what, name, s->name, how, s->name);
}

static int
writable(const struct share *s, const char *what)
{
	return s->read_only
		       ? ivs_fail(EROFS,
				  "region '%s' can only be read by its guest, who would have to"
				  " write to a %s: export memory zones",
				  s->name, what)
		       : 0;
}

/* ---- memory zones ---- */

static int
add_memzone(struct share *s, const struct rte_memzone *mz)
{
	struct ivshmem_object o;
	int ret;

	if (mz->addr == NULL || mz->len == 0)
		return ivs_fail(EINVAL, "memory zone '%.31s' is empty", mz->name);
	if (!can_show(s, mz->addr, mz->len))
		return elsewhere(s, "memory zone", mz->name, "reserve it");
	o = describe(s, IVSHMEM_MEMZONE, mz->name, mz->addr, mz->len);
	o.aux[0] = pvn_cpu_to_le64(mz->hugepage_sz);
	o.aux[1] = pvn_cpu_to_le64(mz->flags);
	ret = publish(s, &o, mz, mz->addr);
	return ret < 0 ? ret : 0;
}

/* ---- rings ---- */

static bool
single(const struct rte_ring *r)
{
	return r->prod.sync_type == RTE_RING_SYNC_ST && r->cons.sync_type == RTE_RING_SYNC_ST;
}

static int
add_ring(struct share *s, struct rte_ring *r)
{
	uint64_t len =
		r->memzone != NULL ? r->memzone->len : (uint64_t)rte_ring_get_memsize(r->size);
	struct ivshmem_object o;
	int i;

	if (!can_show(s, r, len))
		return elsewhere(s, "ring", r->name, "create it");
	if (writable(s, "ring") < 0)
		return -EROFS;
	o = describe(s, IVSHMEM_RING, r->name, r, len);
	o.flags |= pvn_cpu_to_le32(single(r) ? 0 : IVSHMEM_OBJECT_MULTI);
	i = publish(s, &o, r, r);
	if (i < 0)
		return i;
	s->objects[i].memzone = r->memzone;
	r->memzone = NULL;
	return 0;
}

/* ---- mempools ---- */

struct chunks {
	const struct share *s;
	bool outside;
};

static void
check_chunk(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *chunk, unsigned int n)
{
	struct chunks *c = arg;

	(void)mp;
	(void)n;
	if (!can_show(c->s, chunk->addr, chunk->len))
		c->outside = true;
}

static bool
lies_in(const struct share *s, struct rte_mempool *mp, uint64_t len)
{
	struct chunks c = {.s = s};

	if (!can_show(s, mp, len))
		return false;
	if (mp->pool_data != NULL && !can_show(s, mp->pool_data, 1))
		return false;
	rte_mempool_mem_iter(mp, check_chunk, &c);
	return !c.outside;
}

static int
add_mempool(struct share *s, struct rte_mempool *mp)
{
	uint64_t len = mp->mz != NULL ? mp->mz->len : sizeof(*mp);
	struct ivshmem_object o;
	int ret;

	if (!lies_in(s, mp, len))
		return elsewhere(s, "mempool", mp->name, "create it, and all of its memory,");
	if (writable(s, "mempool") < 0)
		return -EROFS;
	if (mp->cache_size != 0)
		return ivs_fail(
			ENOTSUP,
			"mempool '%s' has a cache of %u for each lcore, and lcores of the guest"
			" would use the same: create it with cache_size 0, and use"
			" rte_mempool_cache_create()",
			mp->name, mp->cache_size);
	o = describe(s, IVSHMEM_MEMPOOL, mp->name, mp, len);
	snprintf(o.ops, sizeof(o.ops), "%.31s", rte_mempool_get_ops(mp->ops_index)->name);
	o.aux[0] = pvn_cpu_to_le64(mp->populated_size);
	o.aux[1] = pvn_cpu_to_le64(mp->elt_size);
	ret = publish(s, &o, mp, mp);
	return ret < 0 ? ret : 0;
}

/* ---- out again ---- */

static int
find_object(const struct share *s, const void *object)
{
	for (uint32_t i = 0; i < s->host.objects_max; i++)
		if (s->objects[i].object == object)
			return i;
	return ivs_fail(ENOENT, "region '%s' does not export that object", s->name);
}

/* By our own copy: a freed object's words may be anything. */
static int
withdraw(struct share *s, int i)
{
	const struct ivshmem_object *o = &s->host.objects[i];
	enum ivshmem_type type = pvn_le32_to_cpu(o->type);
	char name[IVSHMEM_NAME_MAX];

	memcpy(name, o->name, sizeof(name));
	s->objects[i] = (struct share_object){0};
	s->object_count--;
	return pvn_ivshmem_host_remove(&s->host, type, name);
}

static int
was_freed(const struct share *s, const char *name)
{
	return ivs_fail(
		ESTALE,
		"'%s' was freed while region '%s' exported it: remove it before it is freed", name,
		s->name);
}

static int
remove_memzone(struct share *s, const struct rte_memzone *mz)
{
	char name[IVSHMEM_NAME_MAX];
	int i = find_object(s, mz);
	bool stale;

	if (i < 0)
		return i;
	memcpy(name, s->host.objects[i].name, sizeof(name));
	stale = rte_memzone_lookup(name) != mz || mz->addr != s->objects[i].addr;
	withdraw(s, i);
	return stale ? was_freed(s, name) : 0;
}

static int
remove_ring(struct share *s, struct rte_ring *r)
{
	int i = find_object(s, r);

	if (i < 0)
		return i;
	r->memzone = s->objects[i].memzone;
	return withdraw(s, i);
}

static int
remove_mempool(struct share *s, struct rte_mempool *mp)
{
	char name[IVSHMEM_NAME_MAX];
	int i = find_object(s, mp);

	if (i < 0)
		return i;
	memcpy(name, s->host.objects[i].name, sizeof(name));
	withdraw(s, i);
	return rte_mempool_lookup(name) != mp ? was_freed(s, name) : 0;
}

/* ---- the calls ---- */

/* Runs `call` on the region under the lock. */
#define IN_REGION(object, name, call)                                                              \
	struct share *s;                                                                           \
	int ret;                                                                                   \
                                                                                                   \
	if ((object) == NULL)                                                                      \
		return ivs_fail(EINVAL, "an object is needed");                                    \
	pthread_mutex_lock(&share_lock);                                                           \
	s = share_find(name);                                                                      \
	ret = s != NULL ? (call) : -errno;                                                         \
	pthread_mutex_unlock(&share_lock);                                                         \
	return ret

int
pvn_ivshmem_add_memzone(const struct rte_memzone *mz, const char *name)
{
	IN_REGION(mz, name, add_memzone(s, mz));
}

int
pvn_ivshmem_add_ring(struct rte_ring *r, const char *name)
{
	IN_REGION(r, name, add_ring(s, r));
}

int
pvn_ivshmem_add_mempool(struct rte_mempool *mp, const char *name)
{
	IN_REGION(mp, name, add_mempool(s, mp));
}

int
pvn_ivshmem_remove_memzone(const struct rte_memzone *mz, const char *name)
{
	IN_REGION(mz, name, remove_memzone(s, mz));
}

int
pvn_ivshmem_remove_ring(struct rte_ring *r, const char *name)
{
	IN_REGION(r, name, remove_ring(s, r));
}

int
pvn_ivshmem_remove_mempool(struct rte_mempool *mp, const char *name)
{
	IN_REGION(mp, name, remove_mempool(s, mp));
}

/* ---- freeing ---- */

struct search {
	const void *object;
	const struct share *found;
};

static void
look_in(struct share *s, void *arg)
{
	struct search *look = arg;

	for (uint32_t i = 0; i < s->host.objects_max; i++)
		if (s->objects[i].object == look->object)
			look->found = s;
}

static int
not_exported(const void *object)
{
	struct search look = {.object = object};

	if (object == NULL)
		return 0;
	share_each(look_in, &look);
	return look.found == NULL ? 0
				  : ivs_fail(EBUSY, "region '%s' exports it: remove it before",
					     look.found->name);
}

/* Frees under the lock, so that nobody exports it meanwhile. */
#define FREE_UNLESS_EXPORTED(object, call)                                                         \
	int ret;                                                                                   \
                                                                                                   \
	pthread_mutex_lock(&share_lock);                                                           \
	ret = not_exported(object);                                                                \
	if (ret == 0)                                                                              \
		call;                                                                              \
	pthread_mutex_unlock(&share_lock);                                                         \
	return ret

int
pvn_ivshmem_memzone_free(const struct rte_memzone *mz)
{
	FREE_UNLESS_EXPORTED(mz, ret = mz != NULL ? rte_memzone_free(mz) : 0);
}

int
pvn_ivshmem_ring_free(struct rte_ring *r)
{
	FREE_UNLESS_EXPORTED(r, rte_ring_free(r));
}

int
pvn_ivshmem_mempool_free(struct rte_mempool *mp)
{
	FREE_UNLESS_EXPORTED(mp, rte_mempool_free(mp));
}
