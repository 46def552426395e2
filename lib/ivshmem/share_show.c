/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region for people, and for QEMU.
 */
#include "share.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char *const type_names[] = {"free", "memzone", "ring", "mempool",
					 "link", "net",	    "heap"};

_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == IVSHMEM_TYPE_LAST + 1, "a name each");

static void
dump_object(FILE *f, const struct ivshmem_object *o)
{
	uint32_t flags = pvn_le32_to_cpu(o->flags);

	fprintf(f, "  %-8s %-31s off 0x%08" PRIx64 " len %-10" PRIu64 "%s%s%s\n",
		type_names[pvn_le32_to_cpu(o->type)], o->name, pvn_le64_to_cpu(o->off),
		pvn_le64_to_cpu(o->len), o->ops[0] != '\0' ? " ops " : "", o->ops,
		flags & IVSHMEM_OBJECT_MULTI ? " several producers or consumers: not crash-safe" : "");
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
			s->guest_peer, s->attachment, share_now_ms() - s->beat_ms);
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

/* QEMU's identifiers begin with a letter and have letters, digits, '-', '.' and '_'. */
static void
qemu_id(char id[IVSHMEM_NAME_MAX + 4], const char *name)
{
	size_t i = 0;

	memcpy(id, "pvn-", 4);
	for (; name[i] != '\0'; i++)
		id[4 + i] = strchr("-._", name[i]) != NULL || (name[i] >= '0' && name[i] <= '9') ||
					    ((name[i] | 32) >= 'a' && (name[i] | 32) <= 'z')
				    ? name[i]
				    : '_';
	id[4 + i] = '\0';
}

static int
plain(char *line, size_t room, const struct share *s)
{
	char id[IVSHMEM_NAME_MAX + 4];

	qemu_id(id, s->name);
	return snprintf(line, room,
			"-object memory-backend-file,id=%s,size=%" PRIu64
			",mem-path=/proc/%d/fd/%d,share=on%s -device ivshmem-plain,memdev=%s",
			id, s->size, (int)getpid(), pvn_ivshmem_peer_fd(s->peer),
			s->read_only ? ",readonly=on" : "", id);
}

static int
doorbell(char *line, size_t room, const struct share *s)
{
	char id[IVSHMEM_NAME_MAX + 4];
	const char *path = s->where + strlen("socket:");
	size_t len = strlen(path), host = strlen(".host");
	uint32_t vectors = pvn_ivshmem_peer_vectors(s->peer);

	if (strchr(path, ',') != NULL)
		return ivs_fail(EINVAL, "the path '%s' has a comma, which QEMU takes for its own",
				path);
	if (len > host && strcmp(path + len - host, ".host") == 0)
		len -= host; /* the guests' place */
	qemu_id(id, s->name);
	return snprintf(line, room,
			"-chardev socket,id=%s,path=%.*s -device ivshmem-doorbell,chardev=%s,vectors=%u",
			id, (int)len, path, id, vectors != 0 ? vectors : 1);
}

static int
cmdline(char *buffer, unsigned int size, const struct share *s)
{
	char line[512];
	int n = strncmp(s->where, "socket:", 7) == 0 ? doorbell(line, sizeof(line), s)
						     : plain(line, sizeof(line), s);

	if (n < 0)
		return n;
	if ((size_t)n >= sizeof(line) || (unsigned int)n >= size)
		return ivs_fail(ENOBUFS, "the arguments have %d bytes with the NUL, the buffer %u",
				n + 1, size);
	memcpy(buffer, line, n + 1);
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
