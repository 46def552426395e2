/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * How a hub is, for those who look on.
 */
#include <stdio.h>

#include "hub.h"

static void
inform_host(const struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_info *info)
{
	info->present = hub->present;
	info->generation = hub->host.generation;
	info->attachment = hub->seen.attachment;
	info->guest = hub->seen.attachment != 0 ? hub->seen.peer : IVSHMEM_PEER_HOST;
	for (uint32_t i = 0; i < hub->nets; i++)
		info->ports += hub->net[i].published;
}

static void
inform_guest(const struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_info *info)
{
	info->present = hub->attached;
	if (!hub->attached)
		return;
	info->generation = hub->guest.generation;
	info->attachment = hub->guest.attachment;
	info->guest = pvn_ivshmem_peer_number(hub->peer);
}

void
hub_inform(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_info *info)
{
	*info = (struct pvn_ivshmem_hub_info){
		.is_host = hub->is_host,
		.broken = hub->broken,
		.size = pvn_ivshmem_peer_size(hub->peer),
		.vectors = pvn_ivshmem_hub_vectors(hub),
		.rung = pvn_ivshmem_peer_rung(hub->peer),
	};
	snprintf(info->spec, sizeof(info->spec), "%s", hub->core.spec);
	snprintf(info->why, sizeof(info->why), "%s", hub->broken ? hub->why : "");
	if (hub->is_host)
		inform_host(hub, info);
	else
		inform_guest(hub, info);
}
