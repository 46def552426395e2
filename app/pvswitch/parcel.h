/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames on their way to one port. forward.c fills parcels; those for ports of DPDK's go by
 * to_eth.c.
 */
#ifndef PVS_PARCEL_H
#define PVS_PARCEL_H

#include "view.h"

/* The frames of a burst on their way to one port. */
struct parcel {
	uint16_t port;
	uint16_t count;
	const struct pvs_lane *lane;
	struct pvn_switch_counts *counts;
	struct pvn_host_out out[PVN_HOST_BURST];
	uint8_t frame[PVN_HOST_BURST]; /* which of the burst */
};

static inline void
drop(struct parcel *p, enum pvn_switch_cause cause, uint64_t n)
{
	if (n > 0)
		pvn_switch_add(&p->counts->drop[cause], n);
}

/* Sends a parcel to its port, which is an ethdev. */
void pvs_to_eth(struct pvs_worker *w, struct parcel *p);

/* The way of most frames from one ethdev to another: these of the burst, as the mbufs that they
 * are. False, and nothing done, unless all can go so.
 */
bool pvs_give_mbufs(struct pvs_worker *w, struct parcel *p, uint64_t frames);

#endif
