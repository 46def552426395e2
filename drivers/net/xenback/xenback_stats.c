/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Statistics: the counters of the queues as they are, and their names.
 */
#include <pvn_portstats.h>

#include "xenback_pmd.h"

#define COUNTER_NAME(member, text) text,

static const char *const rx_names[] = {PVN_HOST_RX_STATS(COUNTER_NAME)};
static const char *const tx_names[] = {PVN_HOST_TX_STATS(COUNTER_NAME)};

/* The counters of a queue are an array of as many words as there are names. */
static_assert(sizeof(((struct pvn_host_rxq *)0)->stats) == sizeof(uint64_t) * RTE_DIM(rx_names),
	      "one counter a name");
static_assert(sizeof(((struct pvn_host_txq *)0)->stats) == sizeof(uint64_t) * RTE_DIM(tx_names),
	      "one counter a name");

static const struct pvn_portstats portstats = {
	.rx = {rx_names, RTE_DIM(rx_names), offsetof(struct pvn_host_rxq, stats)},
	.tx = {tx_names, RTE_DIM(tx_names), offsetof(struct pvn_host_txq, stats)},
};

int
xenback_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats)
{
	return pvn_portstats_get(eth, &portstats, stats);
}

int
xenback_stats_reset(struct rte_eth_dev *eth)
{
	return pvn_portstats_reset(eth, &portstats);
}

int
xenback_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
		     unsigned int n __rte_unused)
{
	return pvn_portstats_xstats_names(eth, &portstats, names);
}

int
xenback_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	return pvn_portstats_xstats_get(eth, &portstats, &xenback_dev(eth)->host.connects, xstats,
					n);
}
