/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What workers see: ports, and who polls what. The main thread builds a view, puts it in the place
 * of the one before, and frees that when no worker uses it any more. In between nothing in a view
 * changes but what says so. [SWITCH 8]
 */
#ifndef PVS_VIEW_H
#define PVS_VIEW_H

#include <rte_ethdev.h>

#include <pvn_hostframe.h>
#include <pvn_ivshost.h>
#include <pvn_xenhost.h>

#include "pvswitch.h"

#define PVS_NO_PORT 0xFFFFu
#define PVS_NO_WORKER 0xFFFFu
#define PVS_INSTANCE_MAX 20

/* What belongs to a receive queue, whichever worker polls it. */
struct pvs_source {
	uint16_t port;
	uint16_t queue;
	uint16_t worker; /* the main thread's choice; PVS_NO_WORKER: between two */
	struct pvn_switch_storm storm;
	uint64_t cycles; /* busy ones; its worker writes */
	uint64_t before; /* the main thread's: cycles when it looked last */
} __rte_cache_aligned;

struct pvs_guest {
	struct pvn_hostend *end; /* of whichever wire it is */
	bool ivshmem;
	struct pvn_xenhost host; /* Xen */
	struct pvn_xen_hub *hub;
	struct pvn_ivshost ivs; /* IVSHMEM */
	struct pvn_ivshmem_hub *ivs_hub;
	bool told_broken;
	char name[PVS_NAME_MAX];	 /* as the port's, which is forgotten first */
	char instance[PVS_INSTANCE_MAX]; /* another one at the same place is another device */
	char why[PVN_HOSTEND_WHY_MAX];	 /* a copy of the host's, to be shown */
	bool seen;
	uint32_t store_vlan; /* what the toolstack said; 0: nothing */
	struct pvn_host_rxq rxq[XENVIRT_QUEUES_MAX];
	struct pvn_host_txq txq[PVS_WORKERS_MAX];
	struct pvs_source source[XENVIRT_QUEUES_MAX];
};

struct pvs_eth {
	uint16_t id; /* DPDK's number */
	uint16_t rx_queues, tx_queues;
	bool ours;			      /* probed by us, to be removed by us */
	rte_spinlock_t lock[PVS_WORKERS_MAX]; /* of a tx queue that several workers use */
	struct pvn_host_policy policy;	      /* the rate */
	struct pvs_source source[PVS_WORKERS_MAX];
};

/* A port as workers see it. */
struct pvs_lane {
	enum pvs_kind kind;
	uint16_t mirror; /* port number, or PVS_NO_PORT */
	struct pvs_guest *guest;
	struct pvs_eth *eth;
};

struct pvs_view {
	struct pvn_switch_conf *conf;
	uint32_t sources[PVS_WORKERS_MAX];
	struct pvs_source **source[PVS_WORKERS_MAX];
	struct pvs_lane lane[PVS_PORTS_MAX];
};

/* ---- view.c ---- */

/* Builds a view of the ports there are and makes it everybody's. When it returns, no worker uses
 * anything that was only in the one before. 0, or -EINVAL and why: the settings do not fit.
 */
int pvs_view_publish(struct pvs *sw, char *why);

/* Frees the last one; no worker is there any more. */
void pvs_view_end(struct pvs *sw);

/* Spreads the sources over the workers by what they cost since the last call, one at a time. */
void pvs_view_rebalance(struct pvs *sw);

/* New sources, of queues 0 to n - 1 of a port, go to the workers with the least to do. */
void pvs_view_place(struct pvs *sw, struct pvs_source *source, uint16_t port, uint16_t n);

/* The sources of a port: their number. */
uint32_t pvs_port_sources(struct pvs_port *port, struct pvs_source **sources);

/* ---- worker.c, forward.c ---- */

struct pvs_worker {
	struct pvs *sw;
	uint32_t id;
	uint16_t now_s;
	uint64_t next_s; /* ticks */
	const struct pvs_view *view;
	struct pvn_switch_verdict verdict[PVN_HOST_BURST];
	const uint8_t *head[PVN_HOST_BURST];
	uint32_t len[PVN_HOST_BURST];
	struct rte_mbuf *mbuf[PVN_HOST_BURST]; /* of a burst of an ethdev */
	/* Sets of frames of the burst: */
	uint64_t kept;	   /* whose mbuf was not given away; none of a guest's */
	uint64_t unframed; /* that are in mbuf[] only, not in burst yet */
	uint64_t shared;   /* that go to more than one port */
	uint8_t scratch[PVN_HOST_BURST][PVN_HOST_HEAD_ROOM + PVN_HOST_HEAD];
	struct pvn_host_burst burst;
	struct pvn_switch_groups groups;
};

int pvs_worker_run(void *worker);

/* One burst of a source to where it goes; the number of frames received. */
uint32_t pvs_forward(struct pvs_worker *w, struct pvs_source *source, uint64_t now);

/* ---- watch.c ---- */

/* Begins to make ports of Xen's devices. 0 or -errno, and why. */
int pvs_guests_begin(struct pvs *sw, char *why);
void pvs_guests_end(struct pvs *sw);

/* Ports appear and go, as devices did. Called when the main thread was woken. */
void pvs_guests_look(struct pvs *sw);
void pvs_guests_tick(struct pvs *sw); /* once a second */

/* ---- guests.c ---- */

void pvs_guest_appear(struct pvs *sw, struct pvn_xen_hub *hub, uint16_t front_id, uint16_t handle,
		      const char *instance);
void pvs_guest_vanish(struct pvs_port *port);

/* Makes workers know of all guests that appeared or vanished, and lets go of the latter. */
void pvs_guests_settle(struct pvs *sw);
struct pvs_port *pvs_guest_find(struct pvs *sw, uint16_t front_id, uint16_t handle);

/* Whether a guest's port may have these settings. 0 or -EINVAL and why. */
int pvs_guest_check(const struct pvs_port *port, const struct pvs_settings *set, char *why);

/* Puts the port's rate into force, or the toolstack's if that is lower. */
void pvs_guest_rate(struct pvs_port *port);

/* Gives all guests' ports the settings that the options say now. */
void pvs_guests_set(struct pvs *sw);

/* Gives an end its queues; how many of them receive. */
uint32_t pvs_guest_queues(const struct pvs *sw, struct pvs_guest *guest);

/* ---- ivshmem.c ---- */

/* Whether a device's text means a region. */
bool pvs_ivshmem_is(const char *device);

/* Makes the port's guest and offers it a connection. 0 or -errno, and why. */
int pvs_ivshmem_open(struct pvs *sw, struct pvs_port *port, char *why);

/* No view has it. When this returns, no thread uses it. */
void pvs_ivshmem_close(struct pvs_guest *guest);
void pvs_ivshmem_tick(struct pvs *sw, struct pvs_port *port); /* once a second */

/* ---- eth.c ---- */

/* Finds or probes the device and starts it. 0 or -errno, and why. */
int pvs_eth_open(struct pvs *sw, struct pvs_port *port, char *why);
void pvs_eth_close(struct pvs_eth *eth);

/* ---- ports.c ---- */

static inline bool
pvs_port_is_xen(const struct pvs_port *port)
{
	return port->kind == PVS_GUEST && !port->guest->ivshmem;
}

/* Whether the operator made it, and can remove it. */
static inline bool
pvs_port_is_ours(const struct pvs_port *port)
{
	return port->kind == PVS_ETH || (port->kind == PVS_GUEST && port->guest->ivshmem);
}

/* A free place, with its counters at 0; NULL if there is none. */
struct pvs_port *pvs_port_new(struct pvs *sw, const char *name);

/* After a view with its new settings: what is not in views. */
void pvs_port_settled(struct pvs *sw, const struct pvs_port *port,
		      const struct pvs_settings *before);

/* Forgets a port that no view has. */
void pvs_port_free(struct pvs *sw, struct pvs_port *port);

#endif /* PVS_VIEW_H */
