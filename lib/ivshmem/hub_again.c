/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Back to a server, when the one before is gone. [IVS 7] Nobody uses the memory then, but what
 * points into it stays: the new memory comes to the same address, with the content of buffers that
 * an application may still hold. Our doorbells stay, too, for somebody may sleep on them: the new
 * ones ring them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "hub.h"
#include "ivshmem_net.h"
#include "peer.h"

/* Ticks between attempts, at first and at most. */
#define PAUSE_FIRST 1u
#define PAUSE_MOST 8u

/* For an attempt: a server that is stuck must not delay our end. */
#define AGAIN_MS 1000

/* ---- what is kept ---- */

void
pvn_ivshmem_hub_keep(struct pvn_ivshmem_hub *hub, uint64_t off, uint64_t len)
{
	pvn_ivshmem_hub_lock(hub);
	if (hub->kept_count < PVN_IVSHMEM_HUB_NETS_MAX) /* one for each port at most */
		hub->kept[hub->kept_count++] = (struct hub_kept){off, len};
	pvn_ivshmem_hub_unlock(hub);
}

void
pvn_ivshmem_hub_forget(struct pvn_ivshmem_hub *hub, uint64_t off)
{
	pvn_ivshmem_hub_lock(hub);
	for (uint32_t i = 0; i < hub->kept_count; i++)
		if (hub->kept[i].off == off) {
			hub->kept[i] = hub->kept[--hub->kept_count];
			break;
		}
	pvn_ivshmem_hub_unlock(hub);
}

/* Whether these bytes are a guest's in the new memory, as far as anybody has said yet: a host that
 * has laid it out otherwise may have its own there.
 */
static bool
is_ours(const struct pvn_ivshmem_peer *peer, const struct hub_kept *kept)
{
	struct pvn_ivshmem_guest reader;
	struct ivshmem_object o;
	bool any = false;

	if (pvn_ivshmem_guest_attach(&reader, peer->map, peer->size, false, 0) < 0)
		return true;
	for (uint32_t i = 0; i < reader.objects_max; i++) {
		uint64_t off, len;

		if (pvn_ivshmem_guest_object(&reader, i, &o) < 0)
			continue;
		any = true;
		off = pvn_le64_to_cpu(o.off);
		len = pvn_le64_to_cpu(o.len);
		if (kept->off >= off + IVSHMEM_NET_ROOM && kept->off + kept->len <= off + len)
			return true;
	}
	return !any;
}

static void
copy_kept(const struct pvn_ivshmem_hub *hub, const struct pvn_ivshmem_peer *peer)
{
	for (uint32_t i = 0; i < hub->kept_count; i++) {
		const struct hub_kept *kept = &hub->kept[i];

		if (is_ours(peer, kept))
			memcpy((uint8_t *)peer->map + kept->off, hub->mem + kept->off, kept->len);
	}
}

/* ---- another server ---- */

static int
check(const struct pvn_ivshmem_hub *hub, const struct pvn_ivshmem_peer *peer)
{
	const uint32_t vectors = hub_vectors(hub);

	if (peer->size != hub->peer->size)
		return ivs_fail(
			EINVAL, "the server has %llu bytes of memory now: expected %llu, as before",
			(unsigned long long)peer->size, (unsigned long long)hub->peer->size);
	if (peer->vectors < vectors)
		return ivs_fail(EINVAL, "the server gives %u vectors now: expected %u, as before",
				peer->vectors, vectors);
	return 0;
}

/* The memory of `peer` in the place of the old one's, and the bells of the first one still ours. */
static int
take_over(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_peer *peer)
{
	int ret = check(hub, peer);

	if (ret < 0)
		return ret;
	if (pvn_ivshmem_peer_map(peer, 0, true) == NULL)
		return -errno;
	copy_kept(hub, peer);
	ret = peer_take_place(peer, hub->peer);
	if (ret < 0)
		return ret;
	if (!hub->forwards)
		hub->bells = peer_give_bells(hub->peer, hub->bell);
	hub->forwards = true;
	pvn_ivshmem_peer_close(hub->peer);
	hub->peer = peer;
	hub->displaced = false;
	return hub_region_open(hub);
}

static void
came_back(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_peer *peer)
{
	int ret = take_over(hub, peer);

	if (ret == 0) {
		hub->broken = hub->let_go = false;
		hub->pause = 0;
		hub->why[0] = '\0';
		return;
	}
	snprintf(hub->why, sizeof(hub->why), "%s", pvn_ivshmem_why());
	if (hub->peer != peer)
		pvn_ivshmem_peer_close(peer);
}

void
hub_again(struct pvn_ivshmem_hub *hub)
{
	struct pvn_ivshmem_peer *peer;
	int ret;

	if (strncmp(hub->core.spec, "socket:", strlen("socket:")) != 0 ||
	    ++hub->paused < hub->pause)
		return;
	hub->paused = 0;
	hub->pause = hub->pause == 0 ? PAUSE_FIRST : 2 * hub->pause;
	if (hub->pause > PAUSE_MOST)
		hub->pause = PAUSE_MOST;
	pvn_ivshmem_hub_unlock(hub);
	ret = peer_open_within(hub->core.spec, AGAIN_MS, &peer);
	pvn_ivshmem_hub_lock(hub);
	if (ret == 0)
		came_back(hub, peer);
	else
		snprintf(hub->why, sizeof(hub->why), "%s", pvn_ivshmem_why());
}
