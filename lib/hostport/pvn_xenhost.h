/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The back end of a xenvirt device: offers a connection in XenStore, maps what the guest answers
 * with, and attaches the host queues to its rings. [XEN 5] The guest's words are checked before
 * anything is mapped, and what it does later can end only its own connection.
 *
 * Threads: control. A port's calls are made by one thread at a time; its hub's thread does the
 * rest.
 */
#ifndef PVN_XENHOST_H
#define PVN_XENHOST_H

#include <time.h>

#include <pvn_xen_hub.h>
#include <pvn_xenbus.h>
#include <xenvirt.h>

#include "pvn_hostend.h"

#define PVN_XENHOST_DIR_MAX 80

enum pvn_xenhost_phase {
	PVN_XENHOST_STOPPED,   /* nothing is mapped, nothing offered */
	PVN_XENHOST_WAITING,   /* the same, until the next offer may be made */
	PVN_XENHOST_OFFERED,   /* InitWait: for the guest's answer */
	PVN_XENHOST_CONNECTED, /* gates are open */
	PVN_XENHOST_REFUSED,   /* until the guest begins again */
};

/* Pages of the guest, as we map them. */
struct pvn_xenhost_pages {
	void *addr;
	uint32_t count;
};

struct pvn_xenhost {
	struct pvn_hostend end;

	/* To be read. */
	uint16_t front_id;
	uint16_t handle;
	bool going; /* the toolstack wants the device to go: `online` is 0 or gone */

	/* Inside. */
	struct pvn_xen_hub *hub;
	struct pvn_xen_client client;
	enum pvn_xenhost_phase phase;
	bool started;
	bool link_told;
	uint8_t quiet; /* looks without a reason since the last at the store */
	char front[PVN_XENHOST_DIR_MAX];
	char back[PVN_XENHOST_DIR_MAX];
	char connection[20];
	int event;
	struct pvn_xenhost_pages control;
	struct pvn_xenhost_pages rx_rings[XENVIRT_QUEUES_MAX]; /* the guest's rx */
	struct pvn_xenhost_pages tx_rings[XENVIRT_QUEUES_MAX];
	struct pvn_xenhost_pages pool_pages[XENVIRT_POOLS_MAX];
	uint32_t page_count; /* of pools, mapped so far */
};

/* The device `handle` of guest `front_id`: reads what the toolstack wrote. 0 or -errno, logged. The
 * hub stays the caller's, and open until pvn_xenhost_fini().
 */
int pvn_xenhost_init(struct pvn_xenhost *host, struct pvn_xen_hub *hub, uint16_t front_id,
		     uint16_t handle);
void pvn_xenhost_fini(struct pvn_xenhost *host);

/* Makes an offer, and from then on connects and reconnects by itself. */
int pvn_xenhost_start(struct pvn_xenhost *host);

/* Ends the connection; all gates are shut when this returns. */
void pvn_xenhost_stop(struct pvn_xenhost *host);

static inline bool
pvn_xenhost_link(const struct pvn_xenhost *host)
{
	return host->end.up;
}

/* ---- xenhost_map.c, for xenhost.c ---- */

/* Reads and maps the guest's answer; 0, or a negative errno with end.why set. Whatever was mapped
 * is undone by xenhost_unmap().
 */
int xenhost_map(struct pvn_xenhost *host);
void xenhost_unmap(struct pvn_xenhost *host);

#endif /* PVN_XENHOST_H */
