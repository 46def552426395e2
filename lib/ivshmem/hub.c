/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the control thread does: look at the region, then let each port look.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "hub.h"

/* Turns in a tick; what comes after that waits for the next one. */
#define TURNS_PER_TICK 20

/* Doorbells handed on in a tick. */
#define FORWARDS_PER_TICK 2000

static struct pvn_ivshmem_hub *
hub_of(struct pvn_hub *core)
{
	return PVN_HUB_OF(core, struct pvn_ivshmem_hub, core);
}

static struct pvn_ivshmem_hub_client *
client_of(struct pvn_hub_member *member)
{
	return PVN_HUB_OF(member, struct pvn_ivshmem_hub_client, member);
}

void
pvn_ivshmem_hub_lock(struct pvn_ivshmem_hub *hub)
{
	pvn_hub_lock(&hub->core);
}

void
pvn_ivshmem_hub_unlock(struct pvn_ivshmem_hub *hub)
{
	pvn_hub_unlock(&hub->core);
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

/* ---- doorbells ---- */

void
pvn_ivshmem_hub_leave_bell(struct pvn_ivshmem_hub *hub, bool leave)
{
	hub->bell_left += leave ? 1 : -1;
}

uint32_t
hub_vectors(const struct pvn_ivshmem_hub *hub)
{
	return hub->forwards ? hub->bells : pvn_ivshmem_peer_vectors(hub->peer);
}

/* Whether vector 0 is ours to read; the others never are. */
static bool
reads_bell(const struct pvn_ivshmem_hub *hub)
{
	return hub_vectors(hub) > 1 || (hub_vectors(hub) == 1 && hub->bell_left == 0);
}

uint32_t
pvn_ivshmem_hub_vectors(struct pvn_ivshmem_hub *hub)
{
	uint32_t n;

	pvn_ivshmem_hub_lock(hub);
	n = hub_vectors(hub);
	pvn_ivshmem_hub_unlock(hub);
	return n;
}

int
pvn_ivshmem_hub_bell(struct pvn_ivshmem_hub *hub, uint32_t vector)
{
	int bell = -1;

	pvn_ivshmem_hub_lock(hub);
	if (!hub->forwards)
		bell = pvn_ivshmem_peer_bell(hub->peer, vector);
	else if (vector < hub->bells)
		bell = hub->bell[vector];
	pvn_ivshmem_hub_unlock(hub);
	return bell;
}

/* One that rings. True if there is a reason to look. */
static bool
take_bell(struct pvn_ivshmem_hub *hub, uint32_t vector, int bell)
{
	uint64_t count;

	if (read(bell, &count, sizeof(count)) < 0)
		return false;
	if (!hub->forwards || (vector == 0 && reads_bell(hub)))
		return true;
	hub->forwarded++;
	(void)!write(hub->bell[vector], &count, sizeof(count)); /* a full one rings already */
	return false;
}

/* ---- the thread ---- */

static unsigned int
wait_for(struct pvn_hub *core, struct pollfd *fds)
{
	struct pvn_ivshmem_hub *hub = hub_of(core);
	const bool open = hub->turns++ < TURNS_PER_TICK && !hub->broken;
	const bool rings = hub->forwarded < FORWARDS_PER_TICK && !hub->broken;
	const uint32_t bells = hub->forwards ? hub->bells : 1;

	fds[0] = (struct pollfd){
		.fd = open ? pvn_ivshmem_peer_event_fd(hub->peer) : -1,
		.events = POLLIN,
	};
	for (uint32_t v = 0; v < bells; v++) {
		const bool ours = v == 0 && reads_bell(hub);
		const bool wanted = ours ? open : hub->forwards && rings;

		fds[1 + v] = (struct pollfd){
			.fd = wanted ? pvn_ivshmem_peer_bell(hub->peer, v) : -1,
			.events = POLLIN,
		};
	}
	return 1 + bells;
}

static struct pvn_ivshmem_hub_client *
next_looked(struct pvn_ivshmem_hub *hub)
{
	struct pvn_hub_member *member;

	TAILQ_FOREACH (member, &hub->core.members, next)
		if (client_of(member)->looked)
			return client_of(member);
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
		pvn_hub_call_begin(&hub->core, &client->member);
		client->after(client);
		pvn_hub_call_end(&hub->core);
	}
}

static void
look(struct pvn_ivshmem_hub *hub, bool tick)
{
	struct pvn_hub_member *member;

	hub_region_look(hub, tick);
	TAILQ_FOREACH (member, &hub->core.members, next) {
		client_of(member)->look(client_of(member));
		client_of(member)->looked = true;
	}
	hub_region_settle(hub);
	tell_after(hub);
}

static void
turn(struct pvn_hub *core, const struct pollfd *fds, bool tick)
{
	struct pvn_ivshmem_hub *hub = hub_of(core);
	const uint32_t bells = hub->forwards ? hub->bells : 1;
	bool reason = tick || fds[0].revents != 0;

	for (uint32_t v = 0; v < bells; v++)
		if (fds[1 + v].revents != 0)
			reason |= take_bell(hub, v, fds[1 + v].fd);
	if (!reason) {
		hub->turns--;
		return;
	}
	if (tick)
		hub->turns = hub->forwarded = 0;
	look(hub, tick);
	if (tick && hub->let_go)
		hub_again(hub);
}

/* ---- open and close ---- */

struct begin_args {
	const char *name; /* NULL: a guest */
	bool begun;
};

static int
begin(struct pvn_hub *core, const void *arg)
{
	struct begin_args *args = (struct begin_args *)(uintptr_t)arg;
	struct pvn_ivshmem_hub *hub = hub_of(core);
	int ret;

	args->begun = true;
	hub->is_host = args->name != NULL;
	snprintf(hub->name, sizeof(hub->name), "%s", hub->is_host ? args->name : "");
	ret = pvn_ivshmem_peer_open(core->spec, &hub->peer);
	if (ret < 0)
		return ret;
	hub->mem = pvn_ivshmem_peer_map(hub->peer, 0, true);
	if (hub->mem == NULL)
		return -errno;
	ret = hub_region_open(hub);
	if (ret < 0)
		return ret;
	hub_region_look(hub, false);
	ivs_fail(EAGAIN, "no thread for %s", core->spec); /* in case */
	return 0;
}

static void
end(struct pvn_hub *core)
{
	struct pvn_ivshmem_hub *hub = hub_of(core);

	hub_region_close(hub);
	pvn_ivshmem_peer_close(hub->peer);
	for (uint32_t v = 0; hub->forwards && v < hub->bells; v++)
		close(hub->bell[v]);
}

#define KIND                                                                                       \
	{                                                                                          \
		.wire = "ivshmem", .size = sizeof(struct pvn_ivshmem_hub), .begin = begin,         \
		.end = end, .wait_for = wait_for, .turn = turn,                                    \
	}

/* Two that differ in nothing but their addresses: one process may be both, in a file. */
static const struct pvn_hub_kind host_kind = KIND, guest_kind = KIND;

int
pvn_ivshmem_hub_open(const char *spec, const char *name, pvn_hub_spawn spawn,
		     struct pvn_ivshmem_hub **out)
{
	struct begin_args args = {.name = name};
	struct pvn_hub *core;
	int ret = pvn_hub_open(name != NULL ? &host_kind : &guest_kind, spec, &args, spawn, &core);

	if (ret == 0)
		*out = hub_of(core);
	else if (!args.begun)
		ivs_fail(-ret, "no memory, or no descriptor, for %s", spec);
	return ret;
}

void
pvn_ivshmem_hub_close(struct pvn_ivshmem_hub *hub)
{
	pvn_hub_close(hub != NULL ? &hub->core : NULL);
}

void
pvn_ivshmem_hub_add(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client)
{
	client->looked = false;
	pvn_hub_add(&hub->core, &client->member);
}

void
pvn_ivshmem_hub_remove(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client)
{
	pvn_hub_remove(&hub->core, &client->member);
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
	struct pvn_hub *core = pvn_hub_get(host_kind.wire, i);

	if (core == NULL)
		return false;
	hub_inform(hub_of(core), info);
	pvn_hub_put(core);
	return true;
}
