/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region for people, and for QEMU.
 */
#include "pvn_ivshmem_qemu.h"
#include "share.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <pvn_clock.h>

static const char *const type_names[] = {"free", "memzone", "ring", "mempool",
					 "link", "net",	    "heap"};

_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == IVSHMEM_TYPE_LAST + 1, "a name each");

static void
dump_object(FILE *f, const struct ivshmem_object *o)
{
	uint32_t flags = pvn_le32_to_cpu(o->flags);

	fprintf(f, "  %-8s %-31s off 0x%08" PRIx64 " len %-10" PRIu64 "%s%s%s%s\n",
		type_names[pvn_le32_to_cpu(o->type)], o->name, pvn_le64_to_cpu(o->off),
		pvn_le64_to_cpu(o->len), o->ops[0] != '\0' ? " ops " : "", o->ops,
		flags & IVSHMEM_OBJECT_IN_HEAP ? " in the whole heap" : "",
		flags & IVSHMEM_OBJECT_MULTI ? " several producers or consumers: not crash-safe"
					     : "");
}

static void
dump(FILE *f, const struct share *s)
{
	fprintf(f, "region '%s': %" PRIu64 " bytes at 0x%" PRIx64 ", generation 0x%" PRIx64 "%s\n",
		s->name, s->size, s->base, s->host.generation,
		s->read_only ? ", read-only for the guest" : "");
	if (s->attachment == 0)
		fprintf(f, "  no guest\n");
	else
		fprintf(f, "  guest %u, attachment 0x%" PRIx64 ", silent for %" PRIu64 " ms\n",
			s->guest_peer, s->attachment, pvn_now_ms() - s->beat_ms);
	if (s->whole_fd >= 0)
		fprintf(f, "  the whole heap, unsafe: %" PRIu64 " bytes at 0x%" PRIx64 "\n",
			s->whole_bytes, s->whole_base);
	fprintf(f, "  %u of %u objects, %" PRIu64 " buffers lent\n", s->object_count,
		s->host.objects_max, share_links_lent(s));
	for (uint32_t i = 0; i < s->host.objects_max; i++)
		if (s->host.objects[i].type != IVSHMEM_FREE)
			dump_object(f, &s->host.objects[i]);
}

void
pvn_ivshmem_dump(FILE *f, const char *name)
{
	struct share *s;

	if (f == NULL)
		return;
	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	if (s != NULL)
		dump(f, s);
	pthread_mutex_unlock(&share_lock);
}

/* ---- QEMU ---- */

/* A keeper's guests have their own place beside the host's. */
static int
region_args(char *buffer, unsigned int size, const struct share *s)
{
	char path[sizeof(s->where)];
	size_t len, host = strlen(".host");
	struct pvn_ivshmem_qemu_cfg cfg = {.name = s->name, .size = s->size};
	int ret;

	if (strncmp(s->where, "socket:", strlen("socket:")) == 0) {
		snprintf(path, sizeof(path), "%s", s->where + strlen("socket:"));
		len = strlen(path);
		if (len > host && strcmp(path + len - host, ".host") == 0)
			path[len - host] = '\0';
		cfg.socket = path;
		cfg.vectors = pvn_ivshmem_peer_vectors(s->peer);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(),
			 pvn_ivshmem_peer_fd(s->peer));
		cfg.file = path;
		cfg.read_only = s->read_only;
	}
	ret = pvn_ivshmem_qemu_args(&cfg, buffer, size);
	return ret < 0 ? ret : 0;
}

/* The heap is a device of its own. */
static int
heap_args(char *buffer, unsigned int size, const struct share *s)
{
	char name[IVSHMEM_NAME_MAX], path[64];
	struct pvn_ivshmem_qemu_cfg cfg = {
		.name = name, .size = s->whole_bytes, .file = path, .read_only = s->read_only};
	int ret;

	if (snprintf(name, sizeof(name), "%s-heap", s->name) >= (int)sizeof(name))
		return ivs_fail(EINVAL,
				"the name '%s' is too long for a region with a heap: expected"
				" up to %zu characters",
				s->name, sizeof(name) - sizeof("-heap"));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), s->whole_fd);
	ret = pvn_ivshmem_qemu_args(&cfg, buffer, size);
	return ret < 0 ? ret : 0;
}

/* Both, or nothing. */
static int
cmdline(char *buffer, unsigned int size, const struct share *s)
{
	char region[1024], heap[512];
	size_t len;
	int ret;

	if (s->whole_fd < 0)
		return region_args(buffer, size, s);
	ret = region_args(region, sizeof(region), s);
	if (ret == 0)
		ret = heap_args(heap, sizeof(heap), s);
	if (ret < 0)
		return ret;
	len = strlen(region) + 1 + strlen(heap);
	if (len >= size)
		return ivs_fail(ENOSPC, "the text takes %zu bytes, there are %u", len + 1, size);
	snprintf(buffer, size, "%s %s", region, heap);
	return 0;
}

int
pvn_ivshmem_cmdline_generate(char *buffer, unsigned int size, const char *name)
{
	struct share *s;
	int ret;

	if (buffer == NULL || size == 0)
		return ivs_fail(EINVAL, "a buffer is needed");
	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	ret = s != NULL ? cmdline(buffer, size, s) : -errno;
	pthread_mutex_unlock(&share_lock);
	return ret;
}
