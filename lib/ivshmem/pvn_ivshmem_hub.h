/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One connection to a region and one control thread for all net ports of a process in it. The
 * thread waits for doorbells, for peers that come and go, and for the tick, and then looks at every
 * port.
 *
 * Waking is level-triggered: a port looks at how things are now. A peer that rings without end is
 * taken a bounded number of times in a tick; what it rings after that waits for the next one.
 *
 * In the host's role the hub begins the region and publishes the ports that are added; in the
 * guest's it attaches, and does so again when the host comes back.
 */
#ifndef PVN_IVSHMEM_HUB_H
#define PVN_IVSHMEM_HUB_H

#include <pthread.h>
#include <sys/queue.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_region.h"

/* Between two looks without a reason, milliseconds. */
#define PVN_IVSHMEM_HUB_TICK_MS 100

/* Net ports of one region. */
#define PVN_IVSHMEM_HUB_NETS_MAX 64u

struct pvn_ivshmem_hub;

/* Starts a control thread; *thread is joined at the end. 0 or -errno. */
typedef int (*pvn_ivshmem_spawn)(pthread_t *thread, void *(*run)(void *), void *arg);

/* A port, as part of the port's own struct. */
struct pvn_ivshmem_hub_client {
	/* Look at how things are; called with the hub locked. */
	void (*look)(struct pvn_ivshmem_hub_client *client);
	/* What must not be done under the lock; after each look, unlocked. May be NULL. */
	void (*after)(struct pvn_ivshmem_hub_client *client);
	TAILQ_ENTRY(pvn_ivshmem_hub_client) next; /* the hub's, as all that follows */
	bool looked;
};

/* The hub of `spec` in this process, opened or found; each open needs a close. `name` is the
 * region's if we are the host, else NULL. 0 or -errno with pvn_ivshmem_why().
 */
int pvn_ivshmem_hub_open(const char *spec, const char *name, pvn_ivshmem_spawn spawn,
			 struct pvn_ivshmem_hub **hub);
void pvn_ivshmem_hub_close(struct pvn_ivshmem_hub *hub);

/* Recursive; every call of a client's state takes it. */
void pvn_ivshmem_hub_lock(struct pvn_ivshmem_hub *hub);
void pvn_ivshmem_hub_unlock(struct pvn_ivshmem_hub *hub);

void pvn_ivshmem_hub_add(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client);

/* Returns when no callback of this client runs (unless it is called from one); not locked. */
void pvn_ivshmem_hub_remove(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client);

/* One look at this client now, in the caller's thread; not locked. */
void pvn_ivshmem_hub_wake(struct pvn_ivshmem_hub *hub, struct pvn_ivshmem_hub_client *client);

/* The mapping; stays until close. */
uint8_t *pvn_ivshmem_hub_mem(const struct pvn_ivshmem_hub *hub);
struct pvn_ivshmem_peer *pvn_ivshmem_hub_peer(const struct pvn_ivshmem_hub *hub);

/* Whether the server, or the device, is gone: nothing comes back until all is closed. */
bool pvn_ivshmem_hub_broken(const struct pvn_ivshmem_hub *hub);

/* While a queue sleeps on the only vector that there is, its doorbells are not the hub's. */
void pvn_ivshmem_hub_leave_bell(struct pvn_ivshmem_hub *hub, bool leave);

/* How a hub is. */
struct pvn_ivshmem_hub_info {
	char spec[128];
	bool is_host, present, broken;
	uint64_t size, generation;
	uint64_t attachment; /* of the guest; 0: none */
	uint32_t guest;	     /* its number */
	uint32_t ports;	     /* the host's, published */
	uint32_t vectors;    /* that we can be rung on */
	uint64_t rung;	     /* how often we rang */
};

/* Hub number `i` of this process; false: there are fewer. Any thread, not locked. */
bool pvn_ivshmem_hub_info(uint32_t i, struct pvn_ivshmem_hub_info *info);

/* ---- host; locked ---- */

/* Plans a port of `len` bytes, or of all that is left if that is 0. 0, -ENOSPC, -EEXIST, -EINVAL.
 * It is published as soon as the region has begun.
 */
int pvn_ivshmem_hub_add_net(struct pvn_ivshmem_hub *hub, const char *name, uint64_t len);
void pvn_ivshmem_hub_remove_net(struct pvn_ivshmem_hub *hub, const char *name);

/* Where the port is, once it is published; NULL before. */
uint8_t *pvn_ivshmem_hub_net(struct pvn_ivshmem_hub *hub, const char *name, uint64_t *len);

/* The attachment of the guest that is there, and its number for doorbells; 0: there is none. */
uint64_t pvn_ivshmem_hub_guest(const struct pvn_ivshmem_hub *hub, uint32_t *peer);

/* ---- guest; locked ---- */

/* Our attachment; 0: no host is there. */
uint64_t pvn_ivshmem_hub_attachment(const struct pvn_ivshmem_hub *hub);

/* The port of that name, or number `nth` if it is NULL. 0, -ENOENT, -EPROTO. */
int pvn_ivshmem_hub_find_net(const struct pvn_ivshmem_hub *hub, const char *name, uint32_t nth,
			     struct ivshmem_object *out);

#endif /* PVN_IVSHMEM_HUB_H */
