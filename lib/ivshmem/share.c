/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Regions of this process by name. A name is held for all of the machine (of the network namespace)
 * by an abstract socket, which ends with the process however that ends.
 */
#include "share.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pvn_clock.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_server.h"

#define WAIT_MS_DEFAULT 2000

pthread_mutex_t share_lock = PTHREAD_MUTEX_INITIALIZER;
static struct share *shares[PVN_IVSHMEM_REGIONS_MAX];

static struct share **
slot_of(const char *name)
{
	for (uint32_t i = 0; i < PVN_IVSHMEM_REGIONS_MAX; i++)
		if (name == NULL ? shares[i] == NULL
				 : shares[i] != NULL && strcmp(shares[i]->name, name) == 0)
			return &shares[i];
	return NULL;
}

struct share *
share_find(const char *name)
{
	struct share **slot;

	if (name == NULL) {
		ivs_fail(EINVAL, "a region's name is needed");
		return NULL;
	}
	slot = slot_of(name);
	if (slot == NULL) {
		ivs_fail(ENOENT,
			 "this process has no region '%.40s': pvn_ivshmem_create() makes it", name);
		return NULL;
	}
	return *slot;
}

struct share *
share_at(uint32_t i)
{
	return shares[i];
}

void
share_each(void (*each)(struct share *s, void *arg), void *arg)
{
	for (uint32_t i = 0; i < PVN_IVSHMEM_REGIONS_MAX; i++)
		if (shares[i] != NULL)
			each(shares[i], arg);
}

/* One process at a time: of a name, for memory of its own; of a place, for memory that is there. */
static int
hold_name(struct share *s, const char *where)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const size_t room = sizeof(a.sun_path) - sizeof("/pvn_ivshmem/");
	const char *what = where == NULL ? s->name : where;
	size_t skip = strlen(what) > room ? strlen(what) - room : 0; /* the end tells them apart */
	int len = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "pvn_ivshmem/%s", what + skip);

	s->lock_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->lock_fd < 0)
		return ivs_fail(errno, "no socket: %s", strerror(errno));
	if (bind(s->lock_fd, (struct sockaddr *)&a,
		 offsetof(struct sockaddr_un, sun_path) + 1 + len) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return ivs_fail(errno, "the name '%s': %s", what, strerror(errno));
	return where == NULL ? ivs_fail(EEXIST,
					"a running process has a region '%s': choose another name",
					s->name)
			     : ivs_fail(EEXIST, "a running process is the host at %s", where);
}

/* Whether a guest of the host before still has the memory. */
static bool
held(struct share *s, uint32_t *number)
{
	if (!pvn_ivshmem_host_held(&s->host, number))
		return false;
	pvn_ivshmem_peer_look(s->peer);
	return *number == IVSHMEM_PEER_HOST || pvn_ivshmem_peer_there(s->peer, *number);
}

static int
wait_until_free(struct share *s, uint32_t wait_ms)
{
	int64_t end = pvn_now_ms() + (wait_ms != 0 ? wait_ms : WAIT_MS_DEFAULT);
	uint32_t number;

	while (held(s, &number)) {
		if (pvn_now_ms() >= end)
			return ivs_fail(
				EBUSY,
				"guest %u still uses region '%s' of the host before: it lets"
				" go when it polls, or ends; then try again",
				number, s->name);
		poll(NULL, 0, 1); /* inside a virtual machine nothing can tell us */
	}
	return 0;
}

static int
begin(struct share *s, const struct pvn_ivshmem_conf *conf)
{
	struct pvn_ivshmem_layout l = {
		.name = s->name,
		.size = s->size,
		.base = s->base,
		.flags = (s->read_only ? IVSHMEM_F_READ_ONLY : 0) |
			 (conf->unsafe_whole_heap ? IVSHMEM_F_WHOLE_HEAP : 0),
		.objects_max = conf->objects_max,
	};
	int ret;

	share_stamp(&l.stamp);
	ret = pvn_ivshmem_host_begin(&s->host, s->mem, &l);
	if (ret < 0)
		return ret;
	ret = wait_until_free(s, conf->wait_ms);
	if (ret < 0)
		return ret;
	s->objects = calloc(s->host.objects_max, sizeof(*s->objects));
	if (s->objects == NULL)
		return ivs_fail(ENOMEM, "no memory for %u objects", s->host.objects_max);
	pvn_ivshmem_host_present(&s->host);
	return conf->unsafe_whole_heap ? share_whole_publish(s) : 0;
}

static void
end(struct share *s)
{
	int error = errno;

	pvn_ivshmem_host_leave(&s->host);
	share_unmap(s);
	share_whole_end(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->objects);
	free(s);
	errno = error;
}

static int
make(const char *name, const struct pvn_ivshmem_conf *conf, struct share **slot)
{
	struct share *s = calloc(1, sizeof(*s));
	int ret;

	if (s == NULL)
		return ivs_fail(ENOMEM, "no memory");
	memcpy(s->name, name, strlen(name));
	s->lock_fd = s->socket = s->whole_fd = -1;
	s->read_only = conf->read_only;
	ret = hold_name(s, conf->where);
	if (ret == 0 && conf->unsafe_whole_heap)
		ret = share_whole_find(s);
	if (ret == 0)
		ret = share_map(s, conf);
	if (ret == 0)
		ret = begin(s, conf);
	if (ret < 0)
		end(s);
	else
		*slot = s;
	return ret;
}

int
pvn_ivshmem_create(const char *name, const struct pvn_ivshmem_conf *conf)
{
	static const struct pvn_ivshmem_conf defaults;
	struct share **slot;
	int ret = pvn_ivshmem_check_name(name);

	if (ret < 0)
		return ret;
	pthread_mutex_lock(&share_lock);
	share_telemetry_open();
	slot = slot_of(NULL);
	if (slot_of(name) != NULL)
		ret = ivs_fail(EEXIST, "this process has a region '%s' already", name);
	else if (slot == NULL)
		ret = ivs_fail(ENOSPC, "a process can have %u regions, and has them",
			       PVN_IVSHMEM_REGIONS_MAX);
	else
		ret = make(name, conf != NULL ? conf : &defaults, slot);
	pthread_mutex_unlock(&share_lock);
	return ret;
}

static int
destroy(struct share *s)
{
	int ret;

	if (s->object_count > 0)
		return ivs_fail(EBUSY, "region '%s' exports %u objects: remove them before",
				s->name, s->object_count);
	if (s->links != NULL)
		return ivs_fail(EBUSY, "region '%s' has links: destroy them before", s->name);
	ret = share_heap_end(s);
	if (ret < 0)
		return ret;
	*slot_of(s->name) = NULL;
	end(s);
	return 0;
}

int
pvn_ivshmem_destroy(const char *name)
{
	struct share *s;
	int ret;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	ret = s != NULL ? destroy(s) : -errno;
	pthread_mutex_unlock(&share_lock);
	return ret;
}

int
pvn_ivshmem_socket(const char *name)
{
	struct share *s;
	int ret;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	ret = s != NULL ? share_heap(s) : -errno;
	pthread_mutex_unlock(&share_lock);
	return ret;
}

struct pvn_ivshmem_peer *
pvn_ivshmem_peer_of(const char *name)
{
	struct share *s;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	pthread_mutex_unlock(&share_lock);
	return s != NULL ? s->peer : NULL;
}

/* ---- who is there ---- */

static int
guest_is(struct share *s, const struct pvn_ivshmem_guest_seen *seen)
{
	const int64_t now = pvn_now_ms();
	uint64_t attachment = seen->attachment;

	if (seen->present && (seen->heartbeat != s->guest_beat || attachment != s->attachment))
		s->beat_ms = now;
	s->guest_beat = seen->heartbeat;
	s->guest_peer = seen->present ? seen->peer : IVSHMEM_PEER_HOST;
	if (attachment == s->attachment)
		return 0;
	STORE_RELEASE(&s->attachment, attachment);
	return 1;
}

static void
give_up(struct share *s, struct pvn_ivshmem_guest_seen *seen)
{
	pvn_ivshmem_host_gone(&s->host);
	seen->present = false;
	seen->attachment = 0;
}

static int
look(struct share *s)
{
	struct pvn_ivshmem_guest_seen seen;
	int ret = pvn_ivshmem_peer_look(s->peer), changed;

	pvn_ivshmem_host_beat(&s->host);
	pvn_ivshmem_host_look(&s->host, &seen);
	if (seen.present && seen.peer != IVSHMEM_PEER_HOST &&
	    !pvn_ivshmem_peer_there(s->peer, seen.peer))
		give_up(s, &seen);
	changed = guest_is(s, &seen);
	return ret < 0 ? ret : changed;
}

int
pvn_ivshmem_poll(const char *name)
{
	struct share *s;
	int ret;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	ret = s != NULL ? look(s) : -errno;
	pthread_mutex_unlock(&share_lock);
	return ret;
}

int
pvn_ivshmem_gone(const char *name)
{
	struct pvn_ivshmem_guest_seen seen;
	struct share *s;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	if (s != NULL) {
		pvn_ivshmem_host_look(&s->host, &seen);
		give_up(s, &seen);
		guest_is(s, &seen);
	}
	pthread_mutex_unlock(&share_lock);
	return s != NULL ? 0 : -errno;
}

static void
inform(const struct share *s, struct pvn_ivshmem_info *info)
{
	*info = (struct pvn_ivshmem_info){
		.size = s->size,
		.base = s->base,
		.generation = s->host.generation,
		.attachment = s->attachment,
		.peer = s->guest_peer,
		.objects = s->object_count,
		.lent = share_links_lent(s),
		.silent_ms = s->attachment != 0 ? pvn_now_ms() - s->beat_ms : 0,
	};
}

int
pvn_ivshmem_info(const char *name, struct pvn_ivshmem_info *info)
{
	struct share *s;

	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	if (s != NULL)
		inform(s, info);
	pthread_mutex_unlock(&share_lock);
	return s != NULL ? 0 : -errno;
}
