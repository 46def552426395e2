/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The control thread: wait, look at the region, then let each port look.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "hub.h"

/* Turns in a tick; what comes after that waits for the next one. */
#define TURNS_PER_TICK 20

static TAILQ_HEAD(, pvn_ivshmem_hub) hubs = TAILQ_HEAD_INITIALIZER(hubs);
static pthread_mutex_t hubs_lock = PTHREAD_MUTEX_INITIALIZER;

void
pvn_ivshmem_hub_lock(struct pvn_ivshmem_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
}

void
pvn_ivshmem_hub_unlock(struct pvn_ivshmem_hub *hub)
{
	pthread_mutex_unlock(&hub->lock);
}

uint8_t *
pvn_ivshmem_hub_mem(const struct pvn_ivshmem_hub *hub)
{
	return hub->mem;
}

struct pvn_ivshmem_peer *
pvn_ivshmem_hub_peer(const struct pvn_ivshmem_hub *hub)
{
	return hub->peer;
}

bool
pvn_ivshmem_hub_broken(const struct pvn_ivshmem_hub *hub)
{
	return hub->broken;
}

void
pvn_ivshmem_hub_leave_bell(struct pvn_ivshmem_hub *hub, bool leave)
{
	hub->bell_left += leave ? 1 : -1;
}

/* ---- the thread ---- */

static struct pvn_ivshmem_hub_client *
next_looked(struct pvn_ivshmem_hub *hub)
{
	struct pvn_ivshmem_hub_client *client;

	TAILQ_FOREACH (client, &hub->clients, next)
		if (client->looked)
			return client;
	return NULL;
}

/* Locked. The lock is let go for the after() of each client, so the list may change meanwhile. */
static void
tell_after(struct pvn_ivshmem_hub *hub)
{
	struct pvn_ivshmem_hub_client *client;

	while ((client = next_looked(hub)) != NULL) {
		client->looked = false;
		if (client->after == NULL)
			continue;
		hub->calling = client;
		pvn_ivshmem_hub_unlock(hub);
		client->after(client);
		pvn_ivshmem_hub_lock(hub);
		hub->calling = NULL;
		pthread_cond_broadcast(&hub->idle);
	}
}

static void
turn(struct pvn_ivshmem_hub *hub, bool tick)
{
	struct pvn_ivshmem_hub_client *client;

	hub_region_look(hub, tick);
	TAILQ_FOREACH (client, &hub->clients, next) {
		client->look(client);
		client->looked = true;
	}
	hub_region_settle(hub);
	tell_after(hub);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
set_fds(struct pvn_ivshmem_hub *hub, struct pollfd *fds, unsigned int turns)
{
	const bool open = turns < TURNS_PER_TICK && !hub->broken;
	const uint32_t vectors = pvn_ivshmem_peer_vectors(hub->peer);
	const bool ours = vectors > 1 || (vectors == 1 && hub->bell_left == 0);

	fds[0] = (struct pollfd){.fd = hub->stop_fd, .events = POLLIN};
	fds[1] = (struct pollfd){
		.fd = open ? pvn_ivshmem_peer_event_fd(hub->peer) : -1,
		.events = POLLIN,
	};
	fds[2] = (struct pollfd){
		.fd = open && ours ? pvn_ivshmem_peer_bell(hub->peer, 0) : -1,
		.events = POLLIN,
	};
}

static void *
hub_run(void *arg)
{
	struct pvn_ivshmem_hub *hub = arg;
	unsigned int turns = 0;
	struct pollfd fds[3];
	int64_t tick = now_ms();
	uint64_t count;
	bool ticked;

	pvn_ivshmem_hub_lock(hub);
	while (!hub->stopping) {
		int64_t left = tick + PVN_IVSHMEM_HUB_TICK_MS - now_ms();

		set_fds(hub, fds, turns++);
		pvn_ivshmem_hub_unlock(hub);
		poll(fds, 3, left > 0 ? (int)left : 0);
		if (fds[2].revents != 0)
			(void)!read(fds[2].fd, &count, sizeof(count));
		pvn_ivshmem_hub_lock(hub);
		ticked = now_ms() >= tick + PVN_IVSHMEM_HUB_TICK_MS;
		if (ticked) {
			tick = now_ms();
			turns = 0;
		}
		if (!hub->stopping)
			turn(hub, ticked);
	}
	pvn_ivshmem_hub_unlock(hub);
	return NULL;
}

/* ---- open and close ---- */

static void
hub_free(struct pvn_ivshmem_hub *hub)
{
	hub_region_close(hub);
	pvn_ivshmem_peer_close(hub->peer);
	if (hub->stop_fd >= 0)
		close(hub->stop_fd);
	pthread_mutex_destroy(&hub->lock);
	pthread_cond_destroy(&hub->idle);
	free(hub->spec);
	free(hub);
}

static void
init_lock(struct pvn_ivshmem_hub *hub)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&hub->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_cond_init(&hub->idle, NULL);
}

static int
hub_begin(struct pvn_ivshmem_hub *hub, const char *name, pvn_ivshmem_spawn spawn)
{
	int ret;

	hub->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (hub->spec == NULL || hub->stop_fd < 0)
		return ivs_fail(ENOMEM, "out of memory");
	ret = pvn_ivshmem_peer_open(hub->spec, &hub->peer);
	if (ret < 0)
		return ret;
	hub->mem = pvn_ivshmem_peer_map(hub->peer, 0, true);
	if (hub->mem == NULL)
		return -errno;
	ret = hub_region_open(hub, name);
	if (ret < 0)
		return ret;
	hub_region_look(hub, false);
	ret = spawn(&hub->thread, hub_run, hub);
	return ret < 0 ? ivs_fail(-ret, "no thread for %s", hub->spec) : 0;
}

static int
hub_new(const char *spec, const char *name, pvn_ivshmem_spawn spawn, struct pvn_ivshmem_hub **out)
{
	struct pvn_ivshmem_hub *hub = calloc(1, sizeof(*hub));
	int ret;

	if (hub == NULL)
		return ivs_fail(ENOMEM, "out of memory");
	TAILQ_INIT(&hub->clients);
	init_lock(hub);
	hub->opens = 1;
	hub->is_host = name != NULL;
	hub->spec = strdup(spec);
	ret = hub_begin(hub, name, spawn);
	if (ret < 0) {
		hub_free(hub);
		return ret;
	}
	TAILQ_INSERT_TAIL(&hubs, hub, next);
	*out = hub;
	return 0;
}

int
pvn_ivshmem_hub_open(const char *spec, const char *name, pvn_ivshmem_spawn spawn,
		     struct pvn_ivshmem_hub **out)
{
	struct pvn_ivshmem_hub *hub;
	int ret = 0;

	pthread_mutex_lock(&hubs_lock);
	TAILQ_FOREACH (hub, &hubs, next)
		if (strcmp(hub->spec, spec) == 0 && hub->is_host == (name != NULL))
			break;
	if (hub != NULL) {
		hub->opens++;
		*out = hub;
	} else {
		ret = hub_new(spec, name, spawn, out);
	}
	pthread_mutex_unlock(&hubs_lock);
	return ret;
}

void
pvn_ivshmem_hub_close(struct pvn_ivshmem_hub *hub)
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
	pvn_ivshmem_hub_lock(hub);
	hub->stopping = true;
	pvn_ivshmem_hub_unlock(hub);
	(void)!write(hub->stop_fd, &one, sizeof(one)); /* else the next tick ends it */
	pthread_join(hub->thread, NULL);
	hub_free(hub);
}

void
pvn_ivshmem_hub_add(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client)
{
	pvn_ivshmem_hub_lock(hub);
	client->looked = false;
	TAILQ_INSERT_TAIL(&hub->clients, client, next);
	pvn_ivshmem_hub_unlock(hub);
}

void
pvn_ivshmem_hub_remove(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client)
{
	pvn_ivshmem_hub_lock(hub);
	TAILQ_REMOVE(&hub->clients, client, next);
	while (hub->calling == client && !pthread_equal(pthread_self(), hub->thread))
		pthread_cond_wait(&hub->idle, &hub->lock);
	pvn_ivshmem_hub_unlock(hub);
}

void
pvn_ivshmem_hub_wake(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client)
{
	pvn_ivshmem_hub_lock(hub);
	if (hub->is_host) /* a guest's hub may only let go when all clients have looked */
		hub_region_look(hub, false);
	client->look(client);
	pvn_ivshmem_hub_unlock(hub);
	if (client->after != NULL)
		client->after(client);
}

bool
pvn_ivshmem_hub_info(uint32_t i, struct pvn_ivshmem_hub_info *info)
{
	struct pvn_ivshmem_hub *hub;

	pthread_mutex_lock(&hubs_lock);
	TAILQ_FOREACH (hub, &hubs, next)
		if (i-- == 0)
			break;
	if (hub != NULL) {
		pvn_ivshmem_hub_lock(hub);
		hub_inform(hub, info);
		pvn_ivshmem_hub_unlock(hub);
	}
	pthread_mutex_unlock(&hubs_lock);
	return hub != NULL;
}
