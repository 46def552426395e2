/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The counters of a port's queues as ethdev statistics and xstats, for drivers whose queues keep
 * them as an array of uint64_t: packets and bytes first, then what the names say. What ends in
 * "_errors" is an error of the port, but for "nombuf_errors": those frames wait. Secondary
 * processes may call all of this; queues are in memory that they have mapped.
 */
#ifndef PVN_PORTSTATS_H
#define PVN_PORTSTATS_H

#include <ethdev_driver.h>

#include <pvn_compat.h>

/* One direction: the counters' names, and where they stand in a queue's struct. */
struct pvn_portstats_side {
	const char *const *names;
	size_t count;
	size_t offset;
};

/* Both directions. After the queues' xstats comes the one counter of the port itself, `connects`.
 */
struct pvn_portstats {
	struct pvn_portstats_side rx, tx;
};

/* `queues` may be NULL. */
int pvn_portstats_get(struct rte_eth_dev *eth, const struct pvn_portstats *p,
		      struct rte_eth_stats *stats, struct pvn_queue_stats *queues);
int pvn_portstats_reset(struct rte_eth_dev *eth, const struct pvn_portstats *p);
int pvn_portstats_xstats_names(struct rte_eth_dev *eth, const struct pvn_portstats *p,
			       struct rte_eth_xstat_name *names);
int pvn_portstats_xstats_get(struct rte_eth_dev *eth, const struct pvn_portstats *p,
			     const uint64_t *connects, struct rte_eth_xstat *xstats,
			     unsigned int n);

#endif /* PVN_PORTSTATS_H */
