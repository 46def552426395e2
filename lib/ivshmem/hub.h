/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The hub inside: hub.c has what the control thread does, hub_region.c what it does
 * with the region, hub_again.c how it comes back to a server, hub_show.c how it is.
 */
#ifndef IVSHMEM_HUB_H
#define IVSHMEM_HUB_H

#include "pvn_ivshmem_hub.h"

struct hub_net {
	char name[IVSHMEM_NAME_MAX];
	uint64_t off, len;
	bool published;
};

/* A part of the memory whose content stays when the server is another one. */
struct hub_kept {
	uint64_t off, len;
};

struct pvn_ivshmem_hub {
	struct pvn_hub core;
	bool is_host;
	char name[IVSHMEM_NAME_MAX]; /* the host's: of its region */
	struct pvn_ivshmem_peer *peer;
	uint8_t *mem;	    /* where it is, whoever serves it */
	bool broken;	    /* the server, or the device, is gone */
	bool let_go;	    /* and no client uses the memory any more */
	unsigned int turns; /* in this tick */

	/* Doorbells. */
	unsigned int bell_left; /* users that read the bell themselves */
	bool forwards;		/* ours are of a server that is gone: rung by those of the peer */
	int bell[IVSHMEM_VECTORS_MAX];
	uint32_t bells;
	unsigned int forwarded; /* in this tick */

	/* hub_again.c */
	uint32_t pause, paused; /* ticks from one attempt to the next */
	char why[128];		/* the last one was in vain */
	struct hub_kept kept[PVN_IVSHMEM_HUB_NETS_MAX];
	uint32_t kept_count;

	/* The host's. */
	struct pvn_ivshmem_host host;
	uint64_t data_off; /* and where ports may be, also while there is no server */
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
uint32_t hub_vectors(const struct pvn_ivshmem_hub *hub); /* doorbells that others have here */
int hub_region_open(struct pvn_ivshmem_hub *hub);
void hub_region_close(struct pvn_ivshmem_hub *hub);

/* Looks at peers and region; `tick`: time has passed. After it the clients look. */
void hub_region_look(struct pvn_ivshmem_hub *hub, bool tick);

/* After the clients: they have let go of what is lost. */
void hub_region_settle(struct pvn_ivshmem_hub *hub);

/* A tick, while the server is gone and all have let go: perhaps there is one again. The thread's;
 * it lets the lock go while it connects.
 */
void hub_again(struct pvn_ivshmem_hub *hub);

#endif /* IVSHMEM_HUB_H */
