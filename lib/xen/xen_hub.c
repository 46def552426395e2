/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The control thread: wait, find out whom it concerns, wake each once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "pvn_xen_hub.h"

/* Looks at one client in a tick; what comes after that waits for the next tick. */
#define LOOKS_PER_TICK 20

/* Watches and events taken in one turn, so that nothing else waits long behind a flood. */
#define TAKEN_PER_TURN 256

struct pvn_xen_hub {
	TAILQ_ENTRY(pvn_xen_hub) next;
	char *spec;
	unsigned int opens;
	struct pvn_xen *x;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;		/* `calling` became NULL */
	struct pvn_xen_client *calling; /* its after() runs in the thread */
	TAILQ_HEAD(, pvn_xen_client) clients;
	uint64_t tokens; /* given out so far */
	int stop_fd;
	bool stopping;
};

static TAILQ_HEAD(, pvn_xen_hub) hubs = TAILQ_HEAD_INITIALIZER(hubs);
static pthread_mutex_t hubs_lock = PTHREAD_MUTEX_INITIALIZER;

void
pvn_xen_hub_lock(struct pvn_xen_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
}

void
pvn_xen_hub_unlock(struct pvn_xen_hub *hub)
{
	pthread_mutex_unlock(&hub->lock);
}

struct pvn_xen *
pvn_xen_hub_xen(struct pvn_xen_hub *hub)
{
	return hub->x;
}

static void
mark_watches(struct pvn_xen_hub *hub)
{
	struct pvn_xen_client *client;
	char *token, *path;

	for (int i = 0; i < TAKEN_PER_TURN; i++) {
		if (pvn_xen_watch_next(hub->x, &token, &path) != 0)
			return;
		TAILQ_FOREACH (client, &hub->clients, next) {
			if (strcmp(client->token, token) != 0)
				continue;
			client->dirty = client->told = true;
			if (client->heard != NULL)
				client->heard(client, path);
		}
		free(token);
		free(path);
	}
}

static void
mark_events(struct pvn_xen_hub *hub)
{
	struct pvn_xen_client *client;

	for (int i = 0; i < TAKEN_PER_TURN; i++) {
		int port = pvn_xen_event_next(hub->x);

		if (port < 0)
			return;
		/* Unmasked at the next tick: an event only means "look now". */
		TAILQ_FOREACH (client, &hub->clients, next)
			if (client->port == port)
				client->dirty = client->told = true;
	}
}

/* Nothing more of this client until the next tick, which looks at all of them. A store's events
 * have to be taken as fast as they come, whoever they are for, so taking those of a peer that makes
 * them without end would be the most that it can cost us.
 */
static void
mute(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	for (int i = 0; i < PVN_XEN_HUB_WATCHES_MAX; i++)
		if (client->paths[i] != NULL)
			pvn_xen_unwatch(hub->x, client->paths[i], client->token);
	client->muted = true;
}

/* What cannot be watched again now is tried again at the next tick. */
static void
unmute(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	int ret;

	client->muted = false;
	for (int i = 0; i < PVN_XEN_HUB_WATCHES_MAX; i++) {
		ret = client->paths[i] == NULL
			      ? 0
			      : pvn_xen_watch(hub->x, client->paths[i], client->token);
		client->muted |= ret < 0 && ret != -EEXIST;
	}
}

static void
mark_tick(struct pvn_xen_hub *hub)
{
	struct pvn_xen_client *client;

	TAILQ_FOREACH (client, &hub->clients, next) {
		client->looks = 0;
		client->dirty = true;
		if (client->muted)
			unmute(hub, client);
		if (client->port >= 0)
			pvn_xen_event_unmask(hub->x, client->port);
	}
}

static struct pvn_xen_client *
next_dirty(struct pvn_xen_hub *hub)
{
	struct pvn_xen_client *client;

	TAILQ_FOREACH (client, &hub->clients, next)
		if (client->dirty && client->looks < LOOKS_PER_TICK)
			return client;
	return NULL;
}

static void
look_at(struct pvn_xen_client *client)
{
	client->look(client);
	client->told = false;
}

/* Locked. The lock is let go for the after() of each client, so the list may change meanwhile. */
static void
look_at_dirty(struct pvn_xen_hub *hub)
{
	struct pvn_xen_client *client;

	while ((client = next_dirty(hub)) != NULL) {
		client->dirty = false;
		client->looks++;
		look_at(client);
		if (client->looks == LOOKS_PER_TICK && !client->muted)
			mute(hub, client);
		if (client->after == NULL)
			continue;
		hub->calling = client;
		pvn_xen_hub_unlock(hub);
		client->after(client);
		pvn_xen_hub_lock(hub);
		hub->calling = NULL;
		pthread_cond_broadcast(&hub->idle);
	}
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The first three descriptors may be -1 (no events on this Xen): poll() leaves those out. */
static void *
hub_run(void *arg)
{
	struct pvn_xen_hub *hub = arg;
	struct pollfd fds[3] = {
		{.fd = hub->stop_fd, .events = POLLIN},
		{.fd = pvn_xen_watch_fd(hub->x), .events = POLLIN},
		{.fd = pvn_xen_event_fd(hub->x), .events = POLLIN},
	};
	int64_t tick = now_ms();

	for (;;) {
		int64_t left = tick + PVN_XEN_HUB_TICK_MS - now_ms();

		poll(fds, 3, left > 0 ? (int)left : 0);
		pvn_xen_hub_lock(hub);
		if (hub->stopping)
			break;
		if (fds[1].revents != 0)
			mark_watches(hub);
		if (fds[2].revents != 0)
			mark_events(hub);
		if (now_ms() >= tick + PVN_XEN_HUB_TICK_MS) {
			tick = now_ms();
			mark_tick(hub);
		}
		look_at_dirty(hub);
		pvn_xen_hub_unlock(hub);
	}
	pvn_xen_hub_unlock(hub);
	return NULL;
}

static void
hub_free(struct pvn_xen_hub *hub)
{
	pvn_xen_close(hub->x);
	if (hub->stop_fd >= 0)
		close(hub->stop_fd);
	pthread_mutex_destroy(&hub->lock);
	pthread_cond_destroy(&hub->idle);
	free(hub->spec);
	free(hub);
}

static void
hub_init_lock(struct pvn_xen_hub *hub)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&hub->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_cond_init(&hub->idle, NULL);
}

static int
hub_new(const char *spec, pvn_xen_spawn spawn, struct pvn_xen_hub **out)
{
	struct pvn_xen_hub *hub = calloc(1, sizeof(*hub));
	int ret;

	if (hub == NULL)
		return -ENOMEM;
	TAILQ_INIT(&hub->clients);
	hub_init_lock(hub);
	hub->opens = 1;
	hub->spec = strdup(spec);
	hub->stop_fd = eventfd(0, EFD_CLOEXEC);
	ret = hub->spec == NULL || hub->stop_fd < 0 ? -ENOMEM : pvn_xen_open(spec, &hub->x);
	if (ret == 0)
		ret = spawn(&hub->thread, hub_run, hub);
	if (ret != 0) {
		hub_free(hub);
		return ret;
	}
	TAILQ_INSERT_TAIL(&hubs, hub, next);
	*out = hub;
	return 0;
}

int
pvn_xen_hub_open(const char *spec, pvn_xen_spawn spawn, struct pvn_xen_hub **out)
{
	struct pvn_xen_hub *hub;
	int ret = 0;

	pthread_mutex_lock(&hubs_lock);
	TAILQ_FOREACH (hub, &hubs, next)
		if (strcmp(hub->spec, spec) == 0)
			break;
	if (hub != NULL) {
		hub->opens++;
		*out = hub;
	} else {
		ret = hub_new(spec, spawn, out);
	}
	pthread_mutex_unlock(&hubs_lock);
	return ret;
}

void
pvn_xen_hub_close(struct pvn_xen_hub *hub)
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
	pvn_xen_hub_lock(hub);
	hub->stopping = true;
	pvn_xen_hub_unlock(hub);
	(void)!write(hub->stop_fd, &one, sizeof(one)); /* else the next tick ends it */
	pthread_join(hub->thread, NULL);
	hub_free(hub);
}

void
pvn_xen_hub_add(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	pvn_xen_hub_lock(hub);
	snprintf(client->token, sizeof(client->token), "pvn-%llu",
		 (unsigned long long)++hub->tokens);
	TAILQ_INSERT_TAIL(&hub->clients, client, next);
	pvn_xen_hub_unlock(hub);
}

void
pvn_xen_hub_remove(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	pvn_xen_hub_lock(hub);
	TAILQ_REMOVE(&hub->clients, client, next);
	while (hub->calling == client && !pthread_equal(pthread_self(), hub->thread))
		pthread_cond_wait(&hub->idle, &hub->lock);
	pvn_xen_hub_unlock(hub);
}

int
pvn_xen_hub_watch(struct pvn_xen_hub *hub, struct pvn_xen_client *client, const char *path)
{
	int i = 0, ret;

	while (i < PVN_XEN_HUB_WATCHES_MAX && client->paths[i] != NULL)
		i++;
	if (i == PVN_XEN_HUB_WATCHES_MAX)
		return -ENOSPC;
	client->paths[i] = strdup(path);
	if (client->paths[i] == NULL)
		return -ENOMEM;
	ret = pvn_xen_watch(hub->x, path, client->token);
	if (ret < 0) {
		free(client->paths[i]);
		client->paths[i] = NULL;
	}
	return ret;
}

void
pvn_xen_hub_unwatch(struct pvn_xen_hub *hub, struct pvn_xen_client *client, const char *path)
{
	for (int i = 0; i < PVN_XEN_HUB_WATCHES_MAX; i++) {
		if (client->paths[i] == NULL || strcmp(client->paths[i], path) != 0)
			continue;
		free(client->paths[i]);
		client->paths[i] = NULL;
		pvn_xen_unwatch(hub->x, path, client->token); /* a muted one: ENOENT */
	}
}

void
pvn_xen_hub_wake(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	pvn_xen_hub_lock(hub);
	client->told = true;
	look_at(client);
	pvn_xen_hub_unlock(hub);
	if (client->after != NULL)
		client->after(client);
}
