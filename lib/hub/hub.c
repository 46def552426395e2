/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Who shares a hub, its thread, and how it is taken apart.
 */
#include "pvn_hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pvn_clock.h"

static TAILQ_HEAD(, pvn_hub) hubs = TAILQ_HEAD_INITIALIZER(hubs);
static pthread_mutex_t hubs_lock = PTHREAD_MUTEX_INITIALIZER;

void
pvn_hub_lock(struct pvn_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
}

void
pvn_hub_unlock(struct pvn_hub *hub)
{
	pthread_mutex_unlock(&hub->lock);
}

bool
pvn_hub_stopping(const struct pvn_hub *hub)
{
	return hub->stopping;
}

/* ---- the thread ---- */

static void *
run(void *arg)
{
	struct pollfd fds[1 + PVN_HUB_FDS_MAX];
	int64_t tick = pvn_now_ms(), left;
	struct pvn_hub *hub = arg;
	unsigned int count;
	bool ticked;

	fds[0] = (struct pollfd){.fd = hub->stop_fd, .events = POLLIN};
	pvn_hub_lock(hub);
	while (!hub->stopping) {
		count = hub->kind->wait_for(hub, fds + 1);
		left = tick + PVN_HUB_TICK_MS - pvn_now_ms();
		pvn_hub_unlock(hub);
		poll(fds, 1 + count, left > 0 ? (int)left : 0);
		pvn_hub_lock(hub);
		ticked = pvn_now_ms() >= tick + PVN_HUB_TICK_MS;
		if (ticked)
			tick = pvn_now_ms();
		if (!hub->stopping)
			hub->kind->turn(hub, fds + 1, ticked);
	}
	pvn_hub_unlock(hub);
	return NULL;
}

void
pvn_hub_call_begin(struct pvn_hub *hub, struct pvn_hub_member *member)
{
	hub->called = member;
	pvn_hub_unlock(hub);
}

void
pvn_hub_call_end(struct pvn_hub *hub)
{
	pvn_hub_lock(hub);
	hub->called = NULL;
	pthread_cond_broadcast(&hub->idle);
}

/* ---- open and close ---- */

static void
hub_free(struct pvn_hub *hub)
{
	hub->kind->end(hub);
	if (hub->stop_fd >= 0)
		close(hub->stop_fd);
	pthread_mutex_destroy(&hub->lock);
	pthread_cond_destroy(&hub->idle);
	free(hub->spec);
	free(hub);
}

static void
init_lock(struct pvn_hub *hub)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&hub->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_cond_init(&hub->idle, NULL);
}

static int
hub_new(const struct pvn_hub_kind *kind, const char *spec, const void *arg, pvn_hub_spawn spawn,
	struct pvn_hub **out)
{
	struct pvn_hub *hub = calloc(1, kind->size);
	int ret;

	if (hub == NULL)
		return -ENOMEM;
	TAILQ_INIT(&hub->members);
	init_lock(hub);
	hub->kind = kind;
	hub->opens = 1;
	hub->spec = strdup(spec);
	hub->stop_fd = eventfd(0, EFD_CLOEXEC);
	ret = hub->spec == NULL || hub->stop_fd < 0 ? -ENOMEM : kind->begin(hub, arg);
	if (ret == 0)
		ret = spawn(&hub->thread, run, hub);
	if (ret != 0) {
		hub_free(hub);
		return ret;
	}
	TAILQ_INSERT_TAIL(&hubs, hub, next);
	*out = hub;
	return 0;
}

int
pvn_hub_open(const struct pvn_hub_kind *kind, const char *spec, const void *arg,
	     pvn_hub_spawn spawn, struct pvn_hub **out)
{
	struct pvn_hub *hub;
	int ret = 0;

	pthread_mutex_lock(&hubs_lock);
	TAILQ_FOREACH (hub, &hubs, next)
		if (hub->kind == kind && strcmp(hub->spec, spec) == 0)
			break;
	if (hub != NULL) {
		hub->opens++;
		*out = hub;
	} else {
		ret = hub_new(kind, spec, arg, spawn, out);
	}
	pthread_mutex_unlock(&hubs_lock);
	return ret;
}

void
pvn_hub_close(struct pvn_hub *hub)
{
	const uint64_t one = 1;

	if (hub == NULL)
		return;
	pthread_mutex_lock(&hubs_lock);
	if (--hub->opens > 0) {
		pthread_mutex_unlock(&hubs_lock);
		return;
	}
	TAILQ_REMOVE(&hubs, hub, next);
	pthread_mutex_unlock(&hubs_lock);
	pvn_hub_lock(hub);
	hub->stopping = true;
	pvn_hub_unlock(hub);
	(void)!write(hub->stop_fd, &one, sizeof(one)); /* else the next tick ends it */
	pthread_join(hub->thread, NULL);
	hub_free(hub);
}

void
pvn_hub_add(struct pvn_hub *hub, struct pvn_hub_member *member)
{
	pvn_hub_lock(hub);
	TAILQ_INSERT_TAIL(&hub->members, member, next);
	pvn_hub_unlock(hub);
}

void
pvn_hub_remove(struct pvn_hub *hub, struct pvn_hub_member *member)
{
	pvn_hub_lock(hub);
	TAILQ_REMOVE(&hub->members, member, next);
	while (hub->called == member && !pthread_equal(pthread_self(), hub->thread))
		pthread_cond_wait(&hub->idle, &hub->lock);
	pvn_hub_unlock(hub);
}

/* ---- for those who look on ---- */

struct pvn_hub *
pvn_hub_get(const char *wire, unsigned int i)
{
	struct pvn_hub *hub;

	pthread_mutex_lock(&hubs_lock);
	TAILQ_FOREACH (hub, &hubs, next)
		if (strcmp(hub->kind->wire, wire) == 0 && i-- == 0)
			break;
	if (hub == NULL)
		pthread_mutex_unlock(&hubs_lock);
	else
		pvn_hub_lock(hub);
	return hub;
}

void
pvn_hub_put(struct pvn_hub *hub)
{
	pvn_hub_unlock(hub);
	pthread_mutex_unlock(&hubs_lock);
}
