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
 *
 * When the server is gone, all ports are down until somebody serves at the same path again, with as
 * much memory and at least as many vectors: then the hub connects, at most once in a tick and each
 * time for a second at most, puts the new memory where the old one was, and begins or attaches
 * anew. A device that is gone stays so.
 */
#ifndef PVN_IVSHMEM_HUB_H
#define PVN_IVSHMEM_HUB_H

#include <pvn_hub.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_region.h"

/* Net ports of one region. */
#define PVN_IVSHMEM_HUB_NETS_MAX 64u

struct pvn_ivshmem_hub;

/* A port, as part of the port's own struct. */
struct pvn_ivshmem_hub_client {
	/* Look at how things are; called with the hub locked. */
	void (*look)(struct pvn_ivshmem_hub_client *client);
	/* What must not be done under the lock; after each look, unlocked. May be NULL. */
	void (*after)(struct pvn_ivshmem_hub_client *client);
	struct pvn_hub_member member; /* the hub's, as all that follows */
	bool looked;
};

/* The hub of `spec` in this process, opened or found; each open needs a close. `name` is the
 * region's if we are the host, else NULL. 0 or -errno with pvn_ivshmem_why().
 */
int pvn_ivshmem_hub_open(const char *spec, const char *name, pvn_hub_spawn spawn,
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

/* The mapping; stays until close. What is in it is another one's when the server is. */
uint8_t *pvn_ivshmem_hub_mem(const struct pvn_ivshmem_hub *hub);

/* Of the server that there is: locked, or by a port that is connected. */
struct pvn_ivshmem_peer *pvn_ivshmem_hub_peer(const struct pvn_ivshmem_hub *hub);

/* Whether the server, or the device, is gone. */
bool pvn_ivshmem_hub_broken(const struct pvn_ivshmem_hub *hub);

/* Vectors that we can be rung on, and their eventfds, which stay until close; -1: there is none.
 * Not locked.
 */
uint32_t pvn_ivshmem_hub_vectors(struct pvn_ivshmem_hub *hub);
int pvn_ivshmem_hub_bell(struct pvn_ivshmem_hub *hub, uint32_t vector);

/* A part of the memory that holds buffers of an application: their content stays when the server is
 * another one. Not locked.
 */
void pvn_ivshmem_hub_keep(struct pvn_ivshmem_hub *hub, uint64_t off, uint64_t len);
void pvn_ivshmem_hub_forget(struct pvn_ivshmem_hub *hub, uint64_t off);

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
	char why[128];	     /* why there is no server yet, if broken */
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
