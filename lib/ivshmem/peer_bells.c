/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Other peers and their eventfds, as the server tells of them.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

int
peer_others_init(struct peer_others *o)
{
	return -pthread_rwlock_init(&o->lock, NULL);
}

static void
free_other(struct peer_other *other)
{
	for (uint32_t i = 0; i < other->vectors; i++)
		close(other->bell[i]);
	free(other);
}

void
peer_others_free(struct peer_others *o)
{
	for (uint32_t i = 0; i < o->count; i++)
		free_other(o->v[i]);
	pthread_rwlock_destroy(&o->lock);
}

/* Where it is, or count. */
static uint32_t
find(const struct peer_others *o, uint32_t number)
{
	uint32_t i = 0;

	while (i < o->count && o->v[i]->number != number)
		i++;
	return i;
}

bool
peer_others_has(const struct peer_others *o, uint32_t number)
{
	return find(o, number) < o->count;
}

static int
add_other(struct peer_others *o, uint32_t number)
{
	struct peer_other *other;

	if (o->count == PEERS_MAX)
		return ivs_fail(EPROTO, "the server tells of more than %u peers", PEERS_MAX);
	other = calloc(1, sizeof(*other));
	if (other == NULL)
		return ivs_fail(ENOMEM, "no memory for peer %u", number);
	other->number = number;
	pthread_rwlock_wrlock(&o->lock);
	o->v[o->count++] = other;
	pthread_rwlock_unlock(&o->lock);
	return 0;
}

int
peer_others_add(struct peer_others *o, uint32_t number, int bell)
{
	uint32_t at = find(o, number);
	int came = at == o->count;
	int ret = came ? add_other(o, number) : 0;

	if (ret < 0) {
		close(bell);
		return ret;
	}
	pthread_rwlock_wrlock(&o->lock);
	if (o->v[at]->vectors < IVSHMEM_VECTORS_MAX)
		o->v[at]->bell[o->v[at]->vectors++] = bell;
	else
		close(bell); /* more than we can count */
	pthread_rwlock_unlock(&o->lock);
	return came;
}

int
peer_others_remove(struct peer_others *o, uint32_t number)
{
	uint32_t at = find(o, number);

	if (at == o->count)
		return 0;
	pthread_rwlock_wrlock(&o->lock);
	free_other(o->v[at]);
	o->v[at] = o->v[--o->count];
	pthread_rwlock_unlock(&o->lock);
	return 1;
}

bool
peer_is_bell(int fd)
{
	char name[32], target[32];
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* EAGAIN: it rings already, and more often than anybody could count. */
int
peer_ring_bell(int bell)
{
	const uint64_t one = 1;

	return write(bell, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN ? 0 : -errno;
}

int
peer_others_ring(struct peer_others *o, uint32_t number, uint32_t vector)
{
	int ret = -ENOENT;
	uint32_t at;

	pthread_rwlock_rdlock(&o->lock);
	at = find(o, number);
	if (at < o->count && vector < o->v[at]->vectors)
		ret = peer_ring_bell(o->v[at]->bell[vector]);
	pthread_rwlock_unlock(&o->lock);
	return ret;
}
