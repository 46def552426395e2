/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the host's ends of all wires have in common: the queues, what is offered and agreed, how
 * queues are attached to a guest's rings, and how often a guest may cause work or lines. A wire's
 * own struct has this one in it; whoever uses a port (an ethdev, the switch) needs only this.
 *
 * Threads: control; under the lock of the wire that the end belongs to.
 */
#ifndef PVN_HOSTEND_H
#define PVN_HOSTEND_H

#include "pvn_hostport.h"

#define PVN_HOSTEND_QUEUES_MAX 16u
#define PVN_HOSTEND_POOLS_MAX 2u
#define PVN_HOSTEND_WHY_MAX 160
#define PVN_HOSTEND_MTU_MIN 68u
#define PVN_HOSTEND_MTU_DEFAULT 1500u
#define PVN_HOSTEND_MTU_MAX 9000u
#define PVN_HOSTEND_RING_MAX 4096u
#define PVN_HOSTEND_FRAME_MAX(mtu) ((mtu) + 18u)

/* What every host end takes from a guest, whatever its own application wants. */
#define PVN_HOSTEND_FEATURES                                                                       \
	(RTE_BIT64(VIRTIO_F_VERSION_1) | RTE_BIT64(VIRTIO_F_IN_ORDER) |                            \
	 RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) | RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM) |                  \
	 RTE_BIT64(VIRTIO_NET_F_GUEST_TSO4) | RTE_BIT64(VIRTIO_NET_F_GUEST_TSO6))

/* How often something may be done that a guest can cause: `left` times, and once more after a
 * while.
 */
struct pvn_hostend_allowance {
	uint32_t left;
	uint64_t since; /* of the last addition to `left`, in timer cycles; 0: never used */
};

struct pvn_hostend {
	/* The owner sets: before anything else, */
	const char *name; /* for log lines */
	int logtype;
	void (*changed)(struct pvn_hostend *end); /* after a change of the link, unlocked */
	/* and before the port is started. */
	uint64_t features; /* VIRTIO_NET_F_* to offer */
	uint16_t rx_queues;
	uint16_t tx_queues;
	struct pvn_host_rxq *rxq[PVN_HOSTEND_QUEUES_MAX];
	struct pvn_host_txq *txq[PVN_HOSTEND_QUEUES_MAX];

	/* To be read. */
	bool up; /* connected: gates are open */
	uint32_t mtu;
	uint32_t queues; /* queue pairs in use while connected */
	struct pvn_host_policy policy;
	uint64_t rate; /* what the guest may send at most, bits per second; 0: any */
	char why[PVN_HOSTEND_WHY_MAX]; /* why the last connection was refused or ended */
	uint64_t connects;

	/* The wire's: what was agreed, checked. Pools stay while connected. */
	uint64_t agreed;
	uint32_t rx_sizes[PVN_HOSTEND_QUEUES_MAX]; /* descriptors; rx is the guest's */
	uint32_t tx_sizes[PVN_HOSTEND_QUEUES_MAX];
	struct pvn_vring_pool pools[PVN_HOSTEND_POOLS_MAX];
	uint32_t pool_count;

	/* Inside. */
	struct pvn_hostend_allowance offers;
	struct pvn_hostend_allowance lines;
	uint64_t untold; /* lines left out since the last one */
};

/* Attaches the queues to the rings of a checked answer and opens the gates: the end is up. */
void pvn_hostend_attach(struct pvn_hostend *end, void *const *rx_rings, void *const *tx_rings);

/* Shuts the gates; when it returns, nothing of the guest's is touched any more. */
void pvn_hostend_detach(struct pvn_hostend *end);

/* Whether the guest has broken a ring; `why` says which, and how. */
bool pvn_hostend_fault(struct pvn_hostend *end);

/* Whether another offer may be made now; a start resets the count. */
bool pvn_hostend_may_offer(struct pvn_hostend *end);

/* Whether a line may be written that the guest can cause; the lines that were left out before it
 * are told first.
 */
bool pvn_hostend_may_tell(struct pvn_hostend *end);

/* "queues: expected ..." into `why`; returns `error`. */
int pvn_hostend_refuse(struct pvn_hostend *end, int error, const char *fmt, ...)
	__rte_format_printf(3, 4);

#define PVN_HOSTEND_LOG(level, end, fmt, ...)                                                      \
	PVN_LOG_LINE(level, (end)->logtype, "%s: " fmt, (end)->name, ##__VA_ARGS__)

/* A line that the guest can cause. */
#define PVN_HOSTEND_TELL(level, end, fmt, ...)                                                     \
	do {                                                                                       \
		if (pvn_hostend_may_tell(end))                                                     \
			PVN_HOSTEND_LOG(level, end, fmt, ##__VA_ARGS__);                           \
	} while (0)

#endif /* PVN_HOSTEND_H */
