/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of a net port in a Paravane region: offers, checks what the guest answers, and
 * attaches the host queues to its rings. [IVS 7] The guest's half is copied once and checked whole;
 * what the guest does later can end only its own connection.
 *
 * Threads: control. A port's calls are made by one thread at a time; its hub's thread does the
 * rest.
 */
#ifndef PVN_IVSHOST_H
#define PVN_IVSHOST_H

#include <pvn_ivshmem_hub.h>
#include <ivshmem_net.h>

#include "pvn_hostend.h"

enum pvn_ivshost_phase {
	PVN_IVSHOST_STOPPED,   /* nothing is offered */
	PVN_IVSHOST_WAITING,   /* the same, until the next offer may be made */
	PVN_IVSHOST_OFFERED,   /* for the guest's answer */
	PVN_IVSHOST_CONNECTED, /* gates are open */
	PVN_IVSHOST_REFUSED,   /* until the guest begins again */
};

struct pvn_ivshost {
	struct pvn_hostend end;
	uint32_t vectors; /* before start: doorbell vectors for queues that sleep; 0: none does */

	/* Inside. */
	struct pvn_ivshmem_hub *hub;
	struct pvn_ivshmem_hub_client client;
	char port[IVSHMEM_NAME_MAX];
	enum pvn_ivshost_phase phase;
	bool started;
	bool link_told;
	uint8_t *mem; /* of the port, once it is published */
	uint64_t len;
	uint64_t connection;
	uint64_t offered;    /* features */
	uint64_t attachment; /* of the guest that is connected, or was refused */
	struct pvn_wake wake[PVN_HOSTEND_QUEUES_MAX];
};

/* Plans the port `port` of `room` bytes (0: what is left) in the hub's region. The hub stays the
 * caller's, and open until pvn_ivshost_fini(). The end's policy and mtu are the caller's to set. 0
 * or -errno, logged.
 */
int pvn_ivshost_init(struct pvn_ivshost *host, struct pvn_ivshmem_hub *hub, const char *port,
		     uint64_t room);
void pvn_ivshost_fini(struct pvn_ivshost *host);

/* Makes an offer, and from then on connects and reconnects by itself. */
void pvn_ivshost_start(struct pvn_ivshost *host);

/* Ends the connection; all gates are shut when this returns. */
void pvn_ivshost_stop(struct pvn_ivshost *host);

/* Whether a guest is in the region, connected to this port or not. */
bool pvn_ivshost_guest_there(struct pvn_ivshost *host);

/* ---- ivshost_check.c ---- */

/* What a port's memory is to be checked against, and what the check finds: pointers to rings. */
struct ivshost_answer {
	uint64_t features; /* offered */
	uint64_t len;	   /* of the port */
	void *rx_rings[PVN_HOSTEND_QUEUES_MAX];
	void *tx_rings[PVN_HOSTEND_QUEUES_MAX];
};

/* Checks a private copy of a guest's half against `a` and the end, and notes what was agreed in
 * both. IVSHMEM_NET_REASON_NONE, or what is wrong.
 */
enum ivshmem_net_reason ivshost_check(struct pvn_hostend *end, uint8_t *mem,
				      const struct ivshmem_net_guest *half,
				      struct ivshost_answer *a);

const char *ivshost_reason_text(enum ivshmem_net_reason reason);

#endif /* PVN_IVSHOST_H */
