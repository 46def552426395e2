/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Attaching: look at the header wherever it can be mapped, map at the address that it names, check
 * again.
 */
#include "attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "fail.h"
#include "region.h"
#include "share.h"

static pthread_mutex_t attached_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pvn_ivshmem_attached *all;

/* A region without a stamp has no object of DPDK's. 1 if DPDK's structs mean the same here, 0 if
 * there is no stamp.
 */
static int
check_stamp(const struct ivshmem_stamp *theirs)
{
	static const struct ivshmem_stamp none;
	struct ivshmem_stamp ours;
	int ret;

	if (memcmp(theirs, &none, sizeof(none)) == 0)
		return 0;
	share_stamp(&ours);
	ret = pvn_ivshmem_stamp_compare(theirs, &ours);
	return ret < 0 ? ret : 1;
}

/* What is refused here has written nothing: not even the guest page, which may be another's. */
static int
map_at_host_address(struct pvn_ivshmem_peer *p, bool writable, uint8_t **mem)
{
	uint64_t size = pvn_ivshmem_peer_size(p);
	struct ivshmem_header header;
	uint64_t base;
	int ret;

	*mem = pvn_ivshmem_peer_map(p, 0, writable);
	if (*mem == NULL)
		return -errno;
	ret = pvn_ivshmem_header_check(*mem, size, &header);
	if (ret == 0)
		ret = check_stamp(&header.stamp);
	base = pvn_le64_to_cpu(header.base);
	if (ret < 0 || base == 0)
		return ret < 0 ? ret : 0;
	pvn_ivshmem_peer_unmap(p);
	*mem = pvn_ivshmem_peer_map(p, base, writable);
	return *mem != NULL ? 0 : -errno;
}

static int
attach_guest(struct pvn_ivshmem_attached *a, uint8_t *mem, bool writable)
{
	int ret = pvn_ivshmem_guest_attach(&a->guest, mem, pvn_ivshmem_peer_size(a->peer), writable,
					   pvn_ivshmem_peer_number(a->peer));

	if (ret < 0)
		return ret;
	if (a->guest.base != 0 && a->guest.base != (uintptr_t)mem)
		return ivs_fail(EAGAIN, "the host changes just now: try again");
	ret = check_stamp(&a->guest.header.stamp); /* it may have changed since */
	if (ret < 0)
		return ret;
	a->layouts = ret > 0;
	a->objects = calloc(a->guest.objects_max, sizeof(*a->objects));
	if (a->objects == NULL)
		return ivs_fail(ENOMEM, "no memory for %u objects", a->guest.objects_max);
	a->changes = pvn_ivshmem_guest_changes(&a->guest);
	attached_follow(a);
	return 0;
}

static int
attach(struct pvn_ivshmem_attached *a, const char *spec, bool writable)
{
	uint8_t *mem;
	int ret = pvn_ivshmem_peer_open(spec, &a->peer);

	if (ret == 0)
		ret = map_at_host_address(a->peer, writable, &mem);
	if (ret == 0)
		ret = attach_guest(a, mem, writable);
	return ret;
}

static void
let_go(struct pvn_ivshmem_attached *a)
{
	int error = errno;

	attached_forget(a);
	pvn_ivshmem_guest_leave(&a->guest);
	pvn_ivshmem_peer_close(a->peer);
	pvn_ivshmem_peer_close(a->heap_peer);
	free(a->objects);
	free(a);
	errno = error;
}

int
pvn_ivshmem_attach(const char *spec, unsigned int flags, struct pvn_ivshmem_attached **out)
{
	struct pvn_ivshmem_attached *a;
	int ret;

	if ((flags & ~PVN_IVSHMEM_ATTACH_READ_ONLY) != 0 || out == NULL)
		return ivs_fail(EINVAL, "flags 0x%x: expected 0 or PVN_IVSHMEM_ATTACH_READ_ONLY",
				flags);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return ivs_fail(ENOMEM, "no memory");
	pthread_mutex_lock(&attached_lock);
	ret = attach(a, spec, (flags & PVN_IVSHMEM_ATTACH_READ_ONLY) == 0);
	if (ret == 0) {
		a->next = all;
		all = a;
		*out = a;
	} else {
		let_go(a);
	}
	pthread_mutex_unlock(&attached_lock);
	return ret;
}

void
pvn_ivshmem_detach(struct pvn_ivshmem_attached *a)
{
	struct pvn_ivshmem_attached **at = &all;

	if (a == NULL)
		return;
	pthread_mutex_lock(&attached_lock);
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	let_go(a);
	pthread_mutex_unlock(&attached_lock);
}

int
pvn_ivshmem_attach_unsafe_heap(struct pvn_ivshmem_attached *a, const char *spec)
{
	int ret;

	if (a == NULL || spec == NULL)
		return ivs_fail(EINVAL, "a region and a specification are needed");
	pthread_mutex_lock(&attached_lock);
	ret = attached_heap(a, spec);
	pthread_mutex_unlock(&attached_lock);
	return ret;
}

static int
look(struct pvn_ivshmem_attached *a)
{
	uint32_t changes;
	int ret = pvn_ivshmem_peer_look(a->peer);

	if (ret >= 0 && a->heap_peer != NULL)
		ret = pvn_ivshmem_peer_look(a->heap_peer);
	if (ret >= 0)
		ret = pvn_ivshmem_guest_look(&a->guest);
	if (ret < 0)
		return ret;
	pvn_ivshmem_guest_beat(&a->guest);
	changes = pvn_ivshmem_guest_changes(&a->guest);
	if (changes == a->changes)
		return 0;
	a->changes = changes;
	return attached_follow(a);
}

int
pvn_ivshmem_attached_poll(struct pvn_ivshmem_attached *a)
{
	int ret;

	pthread_mutex_lock(&attached_lock);
	ret = look(a);
	pthread_mutex_unlock(&attached_lock);
	return ret;
}

const char *
pvn_ivshmem_attached_name(const struct pvn_ivshmem_attached *a)
{
	return a->guest.header.name;
}

struct pvn_ivshmem_peer *
pvn_ivshmem_attached_peer(const struct pvn_ivshmem_attached *a)
{
	return a->peer;
}

struct pvn_ivshmem_guest *
pvn_ivshmem_attached_guest(struct pvn_ivshmem_attached *a)
{
	return &a->guest;
}

const struct rte_memzone *
pvn_ivshmem_memzone_lookup(const char *name)
{
	const struct rte_memzone *found = NULL;

	if (name == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	pthread_mutex_lock(&attached_lock);
	for (struct pvn_ivshmem_attached *a = all; a != NULL; a = a->next)
		for (uint32_t i = 0; found == NULL && i < a->guest.objects_max; i++)
			if (pvn_le32_to_cpu(a->objects[i].object.type) == IVSHMEM_MEMZONE &&
			    strcmp(a->objects[i].object.name, name) == 0)
				found = &a->objects[i].memzone;
	pthread_mutex_unlock(&attached_lock);
	if (found == NULL)
		rte_errno = ENOENT;
	return found;
}

unsigned int
pvn_ivshmem_attached_left_out(const struct pvn_ivshmem_attached *a)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < a->guest.objects_max; i++)
		n += a->objects[i].left_out[0] != '\0';
	return n;
}

void
pvn_ivshmem_attached_dump(FILE *f, const struct pvn_ivshmem_attached *a)
{
	char version[PVN_IVSHMEM_VERSION_LEN];

	fprintf(f,
		"region '%s': %" PRIu64 " bytes at %p, generation 0x%" PRIx64
		", attachment 0x%" PRIx64 ", made with DPDK %s\n",
		a->guest.header.name, a->guest.size, a->guest.mem, a->guest.generation,
		a->guest.attachment,
		a->layouts ? pvn_ivshmem_stamp_version(&a->guest.header.stamp, version) : "-");
	for (uint32_t i = 0; i < a->guest.objects_max; i++) {
		const struct attached_object *o = &a->objects[i];

		if (o->object.type != IVSHMEM_FREE)
			fprintf(f, "  type %u %-31s off 0x%08" PRIx64 " len %" PRIu64 "%s%s\n",
				pvn_le32_to_cpu(o->object.type), o->object.name,
				pvn_le64_to_cpu(o->object.off), pvn_le64_to_cpu(o->object.len),
				o->left_out[0] != '\0' ? " left out: " : "", o->left_out);
	}
}
