/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The hub inside: hub.c has the thread, hub_region.c what it does with the region,
 * hub_show.c how it is.
 */
#ifndef IVSHMEM_HUB_H
#define IVSHMEM_HUB_H

#include "pvn_ivshmem_hub.h"

struct hub_net {
	char name[IVSHMEM_NAME_MAX];
	uint64_t off, len;
	bool published;
};

struct pvn_ivshmem_hub {
	TAILQ_ENTRY(pvn_ivshmem_hub) next;
	char *spec;
	bool is_host;
	unsigned int opens;
	struct pvn_ivshmem_peer *peer;
	uint8_t *mem;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;			/* `calling` became NULL */
	struct pvn_ivshmem_hub_client *calling; /* its after() runs in the thread */
	TAILQ_HEAD(, pvn_ivshmem_hub_client) clients;
	int stop_fd;
	bool stopping;
	bool broken;
	unsigned int bell_left; /* users that read the bell themselves */

	/* The host's. */
	struct pvn_ivshmem_host host;
	bool present;
	struct hub_net net[PVN_IVSHMEM_HUB_NETS_MAX];
	uint32_t nets;
	struct pvn_ivshmem_guest_seen seen;
	uint64_t last_beat; /* of a guest that holds the region, and how many ticks it is old */
	uint32_t quiet;

	/* The guest's. */
	struct pvn_ivshmem_guest guest;
	bool attached;
	bool displaced; /* another guest has our place, for good */
};

/* All locked. */
void hub_inform(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_info *info);
int hub_region_open(struct pvn_ivshmem_hub *hub, const char *name);
void hub_region_close(struct pvn_ivshmem_hub *hub);

/* Looks at peers and region; `tick`: time has passed. After it the clients look. */
void hub_region_look(struct pvn_ivshmem_hub *hub, bool tick);

/* After the clients: they have let go of what is lost. */
void hub_region_settle(struct pvn_ivshmem_hub *hub);

#endif /* IVSHMEM_HUB_H */
