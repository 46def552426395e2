/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the control thread does: find out whom it concerns, wake each once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pvn_xen_hub.h"

/* Looks at one client in a tick; what comes after that waits for the next tick. */
#define LOOKS_PER_TICK 20

/* Watches and events taken in one turn, so that nothing else waits long behind a flood. */
#define TAKEN_PER_TURN 256

struct pvn_xen_hub {
	struct pvn_hub core;
	struct pvn_xen *x;
	uint64_t tokens; /* given out so far */
};

void
pvn_xen_hub_lock(struct pvn_xen_hub *hub)
{
	pvn_hub_lock(&hub->core);
}

void
pvn_xen_hub_unlock(struct pvn_xen_hub *hub)
{
	pvn_hub_unlock(&hub->core);
}

struct pvn_xen *
pvn_xen_hub_xen(struct pvn_xen_hub *hub)
{
	return hub->x;
}

static struct pvn_xen_client *
client_of(struct pvn_hub_member *member)
{
	return PVN_HUB_OF(member, struct pvn_xen_client, member);
}

static void
mark_watches(struct pvn_xen_hub *hub)
{
	struct pvn_hub_member *member;
	char *token, *path;

	for (int i = 0; i < TAKEN_PER_TURN; i++) {
		if (pvn_xen_watch_next(hub->x, &token, &path) != 0)
			return;
		TAILQ_FOREACH (member, &hub->core.members, next) {
			struct pvn_xen_client *client = client_of(member);

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
	struct pvn_hub_member *member;

	for (int i = 0; i < TAKEN_PER_TURN; i++) {
		int port = pvn_xen_event_next(hub->x);

		if (port < 0)
			return;
		/* Unmasked at the next tick: an event only means "look now". */
		TAILQ_FOREACH (member, &hub->core.members, next) {
			struct pvn_xen_client *client = client_of(member);

			if (client->port == port)
				client->dirty = client->told = true;
		}
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
	struct pvn_hub_member *member;

	TAILQ_FOREACH (member, &hub->core.members, next) {
		struct pvn_xen_client *client = client_of(member);

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
	struct pvn_hub_member *member;

	TAILQ_FOREACH (member, &hub->core.members, next) {
		struct pvn_xen_client *client = client_of(member);

		if (client->dirty && client->looks < LOOKS_PER_TICK)
			return client;
	}
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
		pvn_hub_call_begin(&hub->core, &client->member);
		client->after(client);
		pvn_hub_call_end(&hub->core);
	}
}

/* ---- what the core asks for ---- */

/* Either descriptor may be -1 (no events on this Xen): poll() leaves it out. */
static unsigned int
wait_for(struct pvn_hub *core, struct pollfd *fds)
{
	struct pvn_xen_hub *hub = (struct pvn_xen_hub *)core;

	fds[0] = (struct pollfd){.fd = pvn_xen_watch_fd(hub->x), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = pvn_xen_event_fd(hub->x), .events = POLLIN};
	return 2;
}

static void
turn(struct pvn_hub *core, const struct pollfd *fds, bool tick)
{
	struct pvn_xen_hub *hub = (struct pvn_xen_hub *)core;

	if (fds[0].revents != 0)
		mark_watches(hub);
	if (fds[1].revents != 0)
		mark_events(hub);
	if (tick)
		mark_tick(hub);
	look_at_dirty(hub);
}

static int
begin(struct pvn_hub *core, const void *arg)
{
	(void)arg;
	return pvn_xen_open(core->spec, &((struct pvn_xen_hub *)core)->x);
}

static void
end(struct pvn_hub *core)
{
	pvn_xen_close(((struct pvn_xen_hub *)core)->x);
}

static const struct pvn_hub_kind xen_kind = {
	.wire = "xen",
	.size = sizeof(struct pvn_xen_hub),
	.begin = begin,
	.end = end,
	.wait_for = wait_for,
	.turn = turn,
};

int
pvn_xen_hub_open(const char *spec, pvn_hub_spawn spawn, struct pvn_xen_hub **out)
{
	struct pvn_hub *core;
	int ret = pvn_hub_open(&xen_kind, spec, NULL, spawn, &core);

	if (ret == 0)
		*out = (struct pvn_xen_hub *)core;
	return ret;
}

void
pvn_xen_hub_close(struct pvn_xen_hub *hub)
{
	pvn_hub_close((struct pvn_hub *)hub);
}

void
pvn_xen_hub_add(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	pvn_xen_hub_lock(hub);
	snprintf(client->token, sizeof(client->token), "pvn-%llu",
		 (unsigned long long)++hub->tokens);
	pvn_hub_add(&hub->core, &client->member);
	pvn_xen_hub_unlock(hub);
}

void
pvn_xen_hub_remove(struct pvn_xen_hub *hub, struct pvn_xen_client *client)
{
	pvn_hub_remove(&hub->core, &client->member);
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
