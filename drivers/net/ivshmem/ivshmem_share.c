/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Regions of pointer mode that EAL's start has found: attached, followed, and let go when their
 * device is removed from EAL. [IVS 6] What is in them belongs to the application, so nothing is
 * unmapped under its feet: a region whose host is gone stays mapped, and is said to be gone.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_version.h>

#include <pvn_ivshmem_attach.h>

#include "ivshmem_pmd.h"
#include "pvn_net_ivshmem.h"

#define TICK_MS 100

struct shared_region {
	struct pvn_ivshmem_attached *at;
	char *device;
	bool heap; /* it is here, or it was tried and cannot be */
	pthread_t thread;
	int stop_fd;
	bool gone;
	TAILQ_ENTRY(shared_region) next;
};

static TAILQ_HEAD(, shared_region) regions = TAILQ_HEAD_INITIALIZER(regions);
static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;

/* Follows what the host adds and removes, and lets it see that we live. */
static void *
follow(void *arg)
{
	struct shared_region *r = arg;
	struct pollfd fds[2] = {
		{.fd = r->stop_fd, .events = POLLIN},
		{.fd = pvn_ivshmem_peer_event_fd(pvn_ivshmem_attached_peer(r->at)),
		 .events = POLLIN},
	};

	while (poll(fds, RTE_DIM(fds), TICK_MS) <= 0 || fds[0].revents == 0) {
		if (r->gone || pvn_ivshmem_attached_poll(r->at) >= 0)
			continue;
		IVSHMEM_LOG(WARNING, r->device,
			    "%s: nothing of it may be used any more; remove the device from EAL, "
			    "and add it again",
			    pvn_ivshmem_why());
		pthread_mutex_lock(&regions_lock);
		r->gone = true;
		pthread_mutex_unlock(&regions_lock);
		fds[1].fd = -1;
	}
	return NULL;
}

static void
tell(const struct shared_region *r)
{
	const struct ivshmem_stamp *stamp = &pvn_ivshmem_attached_guest(r->at)->header.stamp;
	const unsigned int left = pvn_ivshmem_attached_left_out(r->at);
	char version[PVN_IVSHMEM_VERSION_LEN];
	size_t size;
	char *text;
	FILE *f;

	IVSHMEM_LOG(NOTICE, r->device, "region '%s' is here: its objects are found by name",
		    pvn_ivshmem_attached_name(r->at));
	if (stamp->dpdk_version != 0 && stamp->dpdk_version != pvn_cpu_to_le32(RTE_VERSION))
		IVSHMEM_LOG(NOTICE, r->device,
			    "its host has DPDK %s, this is %s: their layouts are the same",
			    pvn_ivshmem_stamp_version(stamp, version), rte_version());
	f = left > 0 ? open_memstream(&text, &size) : NULL;
	if (f == NULL)
		return;
	pvn_ivshmem_attached_dump(f, r->at);
	fclose(f);
	IVSHMEM_LOG(WARNING, r->device, "%u of them are not:\n%s", left, text);
	free(text);
}

/* ---- the whole heap of the host's EAL: another device, which nothing names ---- */

static void
try_heap(struct shared_region *r, const char *device)
{
	char spec[64];
	int ret;

	snprintf(spec, sizeof(spec), "pci:%s", device);
	ret = pvn_ivshmem_attach_unsafe_heap(r->at, spec);
	r->heap = ret == 0 || ret == -EEXIST;
	if (ret == 0)
		IVSHMEM_LOG(NOTICE, r->device,
			    "%s is the whole heap of the host of region '%s': it is here too",
			    device, pvn_ivshmem_attached_name(r->at));
	else if (r->heap)
		IVSHMEM_LOG(ERR, r->device, "the host's heap is not here: %s", pvn_ivshmem_why());
	else
		IVSHMEM_LOG(DEBUG, r->device, "%s is not its heap: %s", device, pvn_ivshmem_why());
}

static bool
wants_heap(const struct shared_region *r)
{
	const struct ivshmem_header *header = &pvn_ivshmem_attached_guest(r->at)->header;

	return !r->heap && (header->flags & pvn_cpu_to_le32(IVSHMEM_F_WHOLE_HEAP)) != 0;
}

static void
find_heap(const char *device, void *arg)
{
	struct shared_region *r = arg;

	if (wants_heap(r) && strcmp(device, r->device) != 0)
		try_heap(r, device);
}

/* A device that has no region may be the heap of one that is here already. */
static void
offer_as_heap(const char *device)
{
	struct shared_region *r;

	pthread_mutex_lock(&regions_lock);
	TAILQ_FOREACH (r, &regions, next)
		if (!r->gone && wants_heap(r))
			try_heap(r, device);
	pthread_mutex_unlock(&regions_lock);
}

/* ---- regions ---- */

static void
region_free(struct shared_region *r)
{
	pvn_ivshmem_detach(r->at);
	if (r->stop_fd >= 0)
		close(r->stop_fd);
	free(r->device);
	free(r);
}

static int
region_start(struct shared_region *r)
{
	int ret;

	r->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (r->device == NULL || r->stop_fd < 0)
		return -ENOMEM;
	ret = ivshmem_spawn(&r->thread, follow, r);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&regions_lock);
	TAILQ_INSERT_TAIL(&regions, r, next);
	pthread_mutex_unlock(&regions_lock);
	tell(r);
	return 0;
}

/* 1 if what the device has is a region of pointer mode, 0 if not. A region of net ports has neither
 * an address nor a stamp.
 */
static int
look_inside(const char *device, const char *spec)
{
	static const struct ivshmem_stamp none;
	struct ivshmem_header header;
	struct pvn_ivshmem_peer *peer;
	const void *mem;
	int ret = pvn_ivshmem_peer_open(spec, &peer);

	if (ret < 0) {
		IVSHMEM_LOG(DEBUG, device, "passed over: %s", pvn_ivshmem_why());
		return 0;
	}
	mem = pvn_ivshmem_peer_map(peer, 0, false);
	ret = mem == NULL ? -errno
			  : pvn_ivshmem_header_check(mem, pvn_ivshmem_peer_size(peer), &header);
	pvn_ivshmem_peer_close(peer);
	if (ret == 0)
		return header.base != 0 || memcmp(&header.stamp, &none, sizeof(none)) != 0;
	if (ret == -ENODEV)
		IVSHMEM_LOG(DEBUG, device, "passed over: %s", pvn_ivshmem_why());
	else
		IVSHMEM_LOG(WARNING, device, "passed over: %s", pvn_ivshmem_why());
	return 0;
}

int
ivshmem_share_attach(const char *device, const char *spec)
{
	struct shared_region *r;
	int ret;

	if (look_inside(device, spec) == 0) {
		offer_as_heap(device);
		return 0;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->stop_fd = -1;
	r->device = strdup(device);
	ret = pvn_ivshmem_attach(spec, 0, &r->at);
	if (ret < 0)
		IVSHMEM_LOG(ERR, device, "its region is not attached: %s", pvn_ivshmem_why());
	else
		ivshmem_find_each(find_heap, r);
	if (ret == 0)
		ret = region_start(r);
	if (ret < 0)
		region_free(r);
	return ret < 0 ? ret : 1;
}

static struct shared_region *
find_device(const char *device)
{
	struct shared_region *r;

	TAILQ_FOREACH (r, &regions, next)
		if (strcmp(r->device, device) == 0)
			return r;
	return NULL;
}

void
ivshmem_share_detach(const char *device)
{
	const uint64_t one = 1;
	struct shared_region *r;

	pthread_mutex_lock(&regions_lock);
	r = find_device(device);
	if (r != NULL)
		TAILQ_REMOVE(&regions, r, next);
	pthread_mutex_unlock(&regions_lock);
	if (r == NULL)
		return;
	(void)!write(r->stop_fd, &one, sizeof(one)); /* the eventfd is never full */
	pthread_join(r->thread, NULL);
	region_free(r);
}

/* ---- for applications ---- */

__attribute__((visibility("default"))) const struct rte_memzone *
pvn_ivshmem_net_memzone(const char *name)
{
	return pvn_ivshmem_memzone_lookup(name);
}

__attribute__((visibility("default"))) const struct pvn_ivshmem_guest *
pvn_ivshmem_net_region(const char *name)
{
	const struct pvn_ivshmem_guest *guest = NULL;
	struct shared_region *r;

	pthread_mutex_lock(&regions_lock);
	TAILQ_FOREACH (r, &regions, next)
		if (!r->gone && strcmp(pvn_ivshmem_attached_name(r->at), name) == 0)
			guest = pvn_ivshmem_attached_guest(r->at);
	pthread_mutex_unlock(&regions_lock);
	return guest;
}
