/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the hub does with its region: begins it and publishes ports in it, or attaches to it. [IVS
 * 5]
 */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "hub.h"
#include "ivshmem_net.h"

/* Ticks after which a guest that nobody can see, and whose heartbeat has stopped, is not waited for
 * and has no link. Net ports rely on nothing that it does afterwards.
 */
#define QUIET_TICKS 30

/* ---- host ---- */

static int
begin(struct pvn_ivshmem_hub *hub)
{
	const struct pvn_ivshmem_layout layout = {
		.name = hub->name,
		.size = pvn_ivshmem_peer_size(hub->peer),
		.objects_max = PVN_IVSHMEM_HUB_NETS_MAX,
	};
	int ret = pvn_ivshmem_host_begin(&hub->host, hub->mem, &layout);

	if (ret == 0)
		hub->data_off = hub->host.data_off;
	return ret;
}

/* Whoever is in the old memory hears that we are not. */
static void
leave(struct pvn_ivshmem_hub *hub)
{
	if (hub->host.mem != NULL)
		pvn_ivshmem_host_leave(&hub->host);
	hub->present = false;
	hub->seen = (struct pvn_ivshmem_guest_seen){0};
	hub->last_beat = hub->quiet = 0;
	for (uint32_t i = 0; i < hub->nets; i++)
		hub->net[i].published = false;
}

/* Looks at the guest's page; hub->quiet are the ticks since its heartbeat counted up. */
static void
look_at_guest(struct pvn_ivshmem_hub *hub, bool tick)
{
	pvn_ivshmem_host_look(&hub->host, &hub->seen);
	if (hub->seen.heartbeat != hub->last_beat)
		hub->quiet = 0;
	else if (tick && hub->quiet < QUIET_TICKS)
		hub->quiet++;
	hub->last_beat = hub->seen.heartbeat;
}

/* Whether a guest of the host before us may still use the memory. */
static bool
held(struct pvn_ivshmem_hub *hub, bool tick)
{
	uint32_t peer;

	if (!pvn_ivshmem_host_held(&hub->host, &peer))
		return false;
	if (peer != IVSHMEM_PEER_HOST && !pvn_ivshmem_peer_there(hub->peer, peer))
		return false;
	look_at_guest(hub, tick);
	return hub->quiet < QUIET_TICKS;
}

static void
publish(struct pvn_ivshmem_hub *hub)
{
	for (uint32_t i = 0; i < hub->nets; i++) {
		struct hub_net *net = &hub->net[i];
		struct ivshmem_object o = {
			.type = pvn_cpu_to_le32(IVSHMEM_NET),
			.off = pvn_cpu_to_le64(net->off),
			.len = pvn_cpu_to_le64(net->len),
		};

		if (net->published)
			continue;
		memcpy(o.name, net->name, sizeof(o.name));
		memset(hub->mem + net->off, 0, IVSHMEM_PAGE); /* the host's half: closed */
		net->published = pvn_ivshmem_host_add(&hub->host, &o) >= 0;
	}
}

static void
look_host(struct pvn_ivshmem_hub *hub, bool tick)
{
	if (!hub->present && !held(hub, tick)) {
		pvn_ivshmem_host_present(&hub->host);
		hub->present = true;
	}
	if (!hub->present)
		return;
	publish(hub);
	look_at_guest(hub, tick);
	if (tick)
		pvn_ivshmem_host_beat(&hub->host);
}

static uint64_t
round_up(uint64_t value)
{
	return (value + IVSHMEM_PAGE - 1) & ~(uint64_t)(IVSHMEM_PAGE - 1);
}

/* The first gap that is long enough; all there is if `len` is 0. */
static int
find_gap(const struct pvn_ivshmem_hub *hub, uint64_t len, struct hub_net *net)
{
	const uint64_t size = pvn_ivshmem_peer_size(hub->peer);
	uint64_t at = hub->data_off;

	for (;;) {
		const struct hub_net *after = NULL;
		uint64_t room;

		for (uint32_t i = 0; i < hub->nets; i++)
			if (hub->net[i].off >= at &&
			    (after == NULL || hub->net[i].off < after->off))
				after = &hub->net[i];
		room = (after != NULL ? after->off : size) - at;
		if (room >= (len != 0 ? len : IVSHMEM_NET_BYTES_MIN)) {
			net->off = at;
			net->len = len != 0 ? len : room;
			return 0;
		}
		if (after == NULL)
			return ivs_fail(ENOSPC,
					"the region of %llu bytes has no room for a port of %llu "
					"more: give each port its part (room=), or take a larger "
					"region",
					(unsigned long long)size, (unsigned long long)len);
		at = after->off + after->len;
	}
}

int
pvn_ivshmem_hub_add_net(struct pvn_ivshmem_hub *hub, const char *name, uint64_t len)
{
	const uint64_t size = pvn_ivshmem_peer_size(hub->peer);
	struct hub_net net = {0};
	int ret = pvn_ivshmem_check_object_name(name);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < hub->nets; i++)
		if (strcmp(hub->net[i].name, name) == 0)
			return ivs_fail(EEXIST, "the region has a port '%s' already", name);
	if (hub->nets == PVN_IVSHMEM_HUB_NETS_MAX)
		return ivs_fail(ENOSPC, "the region has %u ports, no more are possible", hub->nets);
	if (len != 0 && (len < IVSHMEM_NET_BYTES_MIN || len > size))
		return ivs_fail(EINVAL, "room for a port: %llu bytes, expected %u..%llu",
				(unsigned long long)len, IVSHMEM_NET_BYTES_MIN,
				(unsigned long long)size);
	strcpy(net.name, name);
	ret = find_gap(hub, round_up(len), &net);
	if (ret < 0)
		return ret;
	hub->net[hub->nets++] = net;
	if (hub->present)
		publish(hub);
	return 0;
}

void
pvn_ivshmem_hub_remove_net(struct pvn_ivshmem_hub *hub, const char *name)
{
	for (uint32_t i = 0; i < hub->nets; i++) {
		if (strcmp(hub->net[i].name, name) != 0)
			continue;
		if (hub->net[i].published)
			pvn_ivshmem_host_remove(&hub->host, IVSHMEM_NET, name);
		hub->net[i] = hub->net[--hub->nets];
		return;
	}
}

uint8_t *
pvn_ivshmem_hub_net(struct pvn_ivshmem_hub *hub, const char *name, uint64_t *len)
{
	for (uint32_t i = 0; i < hub->nets; i++) {
		if (strcmp(hub->net[i].name, name) != 0 || !hub->net[i].published)
			continue;
		*len = hub->net[i].len;
		return hub->broken ? NULL : hub->mem + hub->net[i].off;
	}
	return NULL;
}

uint64_t
pvn_ivshmem_hub_guest(const struct pvn_ivshmem_hub *hub, uint32_t *peer)
{
	*peer = hub->seen.peer;
	if (hub->broken || !hub->present || !hub->seen.present)
		return 0;
	if (hub->seen.peer == IVSHMEM_PEER_HOST
		    ? hub->quiet == QUIET_TICKS
		    : !pvn_ivshmem_peer_there(hub->peer, hub->seen.peer))
		return 0;
	return hub->seen.attachment;
}

/* ---- guest ---- */

/* Whether there is a region with a net port. Looked at without attaching: a region without one is
 * for others of this machine, who would lose their place by it.
 */
static bool
has_net(const struct pvn_ivshmem_hub *hub)
{
	struct pvn_ivshmem_guest reader;
	struct ivshmem_object o;

	if (pvn_ivshmem_guest_attach(&reader, hub->mem, pvn_ivshmem_peer_size(hub->peer), false,
				     0) < 0)
		return false;
	for (uint32_t i = 0; i < reader.objects_max; i++)
		if (pvn_ivshmem_guest_object(&reader, i, &o) == 0 &&
		    pvn_le32_to_cpu(o.type) == IVSHMEM_NET)
			return true;
	return false;
}

static void
look_guest(struct pvn_ivshmem_hub *hub, bool tick)
{
	int ret;

	if (hub->displaced)
		return;
	if (!hub->attached) {
		hub->attached = pvn_ivshmem_peer_there(hub->peer, IVSHMEM_PEER_HOST) &&
				has_net(hub) &&
				pvn_ivshmem_guest_attach(&hub->guest, hub->mem,
							 pvn_ivshmem_peer_size(hub->peer), true,
							 pvn_ivshmem_peer_number(hub->peer)) == 0;
		return;
	}
	ret = pvn_ivshmem_guest_look(&hub->guest);
	if (ret == 0 && !pvn_ivshmem_peer_there(hub->peer, IVSHMEM_PEER_HOST))
		ret = -ENOTCONN;
	hub->displaced = ret == -EOWNERDEAD;
	hub->attached = ret == 0;
	if (ret == 0 && tick)
		pvn_ivshmem_guest_beat(&hub->guest);
}

uint64_t
pvn_ivshmem_hub_attachment(const struct pvn_ivshmem_hub *hub)
{
	return hub->attached && !hub->broken ? hub->guest.attachment : 0;
}

int
pvn_ivshmem_hub_find_net(const struct pvn_ivshmem_hub *hub, const char *name, uint32_t nth,
			 struct ivshmem_object *out)
{
	int ret = -ENOENT;

	if (pvn_ivshmem_hub_attachment(hub) == 0)
		return ivs_fail(ENOENT, "no host is there");
	if (name != NULL) {
		ret = pvn_ivshmem_guest_find(&hub->guest, IVSHMEM_NET, name, out);
	} else {
		for (uint32_t i = 0; i < hub->guest.objects_max && ret < 0; i++)
			if (pvn_ivshmem_guest_object(&hub->guest, i, out) == 0 &&
			    pvn_le32_to_cpu(out->type) == IVSHMEM_NET && nth-- == 0)
				ret = 0;
		if (ret < 0)
			return ivs_fail(ENOENT, "the region has no net port");
	}
	if (ret == 0 && (pvn_le64_to_cpu(out->len) < IVSHMEM_NET_BYTES_MIN ||
			 pvn_le64_to_cpu(out->off) % IVSHMEM_PAGE != 0))
		return ivs_fail(EPROTO, "net port '%.31s' is too short, or not aligned", out->name);
	return ret;
}

/* ---- both ---- */

int
hub_region_open(struct pvn_ivshmem_hub *hub)
{
	return hub->is_host ? begin(hub) : 0;
}

void
hub_region_close(struct pvn_ivshmem_hub *hub)
{
	if (hub->mem == NULL)
		return;
	if (hub->is_host)
		leave(hub);
	else if (hub->guest.mem != NULL)
		pvn_ivshmem_guest_leave(&hub->guest);
}

void
hub_region_look(struct pvn_ivshmem_hub *hub, bool tick)
{
	if (!hub->broken && pvn_ivshmem_peer_look(hub->peer) < 0) {
		hub->broken = true;
		hub->attached = false;
	}
	if (hub->broken)
		return;
	if (hub->is_host)
		look_host(hub, tick);
	else
		look_guest(hub, tick);
}

void
hub_region_settle(struct pvn_ivshmem_hub *hub)
{
	if (hub->broken && !hub->let_go) {
		hub_region_close(hub);
		hub->let_go = true;
	}
	if (!hub->is_host && !hub->attached && hub->guest.mem != NULL)
		pvn_ivshmem_guest_leave(&hub->guest);
}
