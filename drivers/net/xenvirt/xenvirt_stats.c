/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Statistics: the counters of the queues as they are, and their names.
 */
#include <pvn_portstats.h>

#include "xenvirt_pmd.h"

#define COUNTER_NAME(member, text) text,

static const char *const rx_names[] = {PVN_GUEST_RX_STATS(COUNTER_NAME)};
static const char *const tx_names[] = {PVN_GUEST_TX_STATS(COUNTER_NAME)};

/* The counters of a queue are an array of as many words as there are names. */
static_assert(sizeof(((struct xenvirt_rxq *)0)->q.stats) == sizeof(uint64_t) * RTE_DIM(rx_names),
	      "one counter a name");
static_assert(sizeof(((struct xenvirt_txq *)0)->q.stats) == sizeof(uint64_t) * RTE_DIM(tx_names),
	      "one counter a name");

static const struct pvn_portstats portstats = {
	.rx = {rx_names, RTE_DIM(rx_names), offsetof(struct xenvirt_rxq, q.stats)},
	.tx = {tx_names, RTE_DIM(tx_names), offsetof(struct xenvirt_txq, q.stats)},
};

int
xenvirt_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats)
{
	return pvn_portstats_get(eth, &portstats, stats);
}

int
xenvirt_stats_reset(struct rte_eth_dev *eth)
{
	return pvn_portstats_reset(eth, &portstats);
}

int
xenvirt_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
		     unsigned int n __rte_unused)
{
	return pvn_portstats_xstats_names(eth, &portstats, names);
}

int
xenvirt_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	return pvn_portstats_xstats_get(eth, &portstats, &xenvirt_dev(eth)->connects, xstats, n);
}
