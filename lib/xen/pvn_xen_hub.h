/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One connection and one control thread for all ports of a process that use the same Xen. The
 * thread waits for watches and events, and wakes the ports they belong to.
 *
 * Waking is level-triggered: a port looks at how things are now and does what follows, so it does
 * not matter how many changes one look covers. A peer that makes changes without end is looked at a
 * bounded number of times in each tick, and only its own port is late: until the tick its event
 * channel stays masked, and its watches are taken away, so that what it does costs nothing here.
 */
#ifndef PVN_XEN_HUB_H
#define PVN_XEN_HUB_H

#include <pvn_hub.h>

#include "pvn_xen.h"

struct pvn_xen_hub;

/* Paths that one client watches. */
#define PVN_XEN_HUB_WATCHES_MAX 2

/* A port, as part of the port's own struct. */
struct pvn_xen_client {
	/* Look at how things are. Called with the hub locked, by its thread or by
	 * pvn_xen_hub_wake(). If not `told`, it is only the tick: what is in reach may be looked
	 * at each time, the store, which all domains share, now and then.
	 */
	void (*look)(struct pvn_xen_client *client);
	/* A watch of this client fired; called before the look at it, locked. May be NULL. */
	void (*heard)(struct pvn_xen_client *client, const char *path);
	/* What must not be done under the lock (callbacks of the application); may be NULL. Called
	 * after each look, with the hub unlocked.
	 */
	void (*after)(struct pvn_xen_client *client);
	int port; /* event channel that wakes this client, or -1 */

	/* The hub's. */
	struct pvn_hub_member member;
	char token[24];
	char *paths[PVN_XEN_HUB_WATCHES_MAX]; /* watched; NULL: none */
	uint32_t looks;			      /* in this tick */
	bool dirty;
	bool muted; /* no more looks in this tick, and no watch in the store */
	bool told;  /* there is a reason to look: a watch, an event, or pvn_xen_hub_wake() */
};

/* The hub of `spec` in this process, opened or found; each open needs a close. */
int pvn_xen_hub_open(const char *spec, pvn_hub_spawn spawn, struct pvn_xen_hub **hub);
void pvn_xen_hub_close(struct pvn_xen_hub *hub);
struct pvn_xen *pvn_xen_hub_xen(struct pvn_xen_hub *hub);

/* Recursive; every call of a client's state takes it. */
void pvn_xen_hub_lock(struct pvn_xen_hub *hub);
void pvn_xen_hub_unlock(struct pvn_xen_hub *hub);

void pvn_xen_hub_add(struct pvn_xen_hub *hub, struct pvn_xen_client *client);

/* Returns when no callback of this client runs (unless it is called from one). Not locked by the
 * caller.
 */
void pvn_xen_hub_remove(struct pvn_xen_hub *hub, struct pvn_xen_client *client);

/* Watches a path for a client, at most PVN_XEN_HUB_WATCHES_MAX; locked by the caller. */
int pvn_xen_hub_watch(struct pvn_xen_hub *hub, struct pvn_xen_client *client, const char *path);
void pvn_xen_hub_unwatch(struct pvn_xen_hub *hub, struct pvn_xen_client *client, const char *path);

/* One look now, in the caller's thread; not locked by the caller. */
void pvn_xen_hub_wake(struct pvn_xen_hub *hub, struct pvn_xen_client *client);

#endif /* PVN_XEN_HUB_H */
