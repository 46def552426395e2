/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Statistics: the counters of the queues as they are, and their names. Secondary processes read
 * them too; they are in memory that those have mapped.
 */
#include "xenvirt_pmd.h"

#define COUNTER_NAME(member, text) text,

static const char *const rx_names[] = {PVN_GUEST_RX_STATS(COUNTER_NAME)};
static const char *const tx_names[] = {PVN_GUEST_TX_STATS(COUNTER_NAME)};

/* The counters of a queue are an array of as many words as there are names. */
static_assert(sizeof(((struct pvn_guest_rxq *)0)->stats) == RTE_DIM(rx_names) * sizeof(uint64_t),
	      "one counter a name");
static_assert(sizeof(((struct pvn_guest_txq *)0)->stats) == RTE_DIM(tx_names) * sizeof(uint64_t),
	      "one counter a name");

/* Those of the port itself, after the queues'. */
#define PORT_COUNTERS 1

static uint64_t
rx_errors(const struct pvn_guest_rxq *q)
{
	return q->stats.bad_hdr + q->stats.too_long + q->stats.fault;
}

static uint64_t
tx_errors(const struct pvn_guest_txq *q)
{
	return q->stats.bad_offload + q->stats.too_long + q->stats.fault + q->stats.lost;
}

int
xenvirt_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		const struct xenvirt_rxq *rxq = eth->data->rx_queues[i];

		if (rxq == NULL)
			continue;
		stats->ipackets += rxq->q.stats.packets;
		stats->ibytes += rxq->q.stats.bytes;
		stats->ierrors += rx_errors(&rxq->q);
		stats->rx_nombuf += rxq->q.stats.nombuf;
		if (i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		stats->q_ipackets[i] = rxq->q.stats.packets;
		stats->q_ibytes[i] = rxq->q.stats.bytes;
		stats->q_errors[i] = rx_errors(&rxq->q);
	}
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++) {
		const struct xenvirt_txq *txq = eth->data->tx_queues[i];

		if (txq == NULL)
			continue;
		stats->opackets += txq->q.stats.packets;
		stats->obytes += txq->q.stats.bytes;
		stats->oerrors += tx_errors(&txq->q);
		if (i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		stats->q_opackets[i] = txq->q.stats.packets;
		stats->q_obytes[i] = txq->q.stats.bytes;
	}
	return 0;
}

int
xenvirt_stats_reset(struct rte_eth_dev *eth)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		struct xenvirt_rxq *rxq = eth->data->rx_queues[i];

		if (rxq != NULL)
			memset(&rxq->q.stats, 0, sizeof(rxq->q.stats));
	}
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++) {
		struct xenvirt_txq *txq = eth->data->tx_queues[i];

		if (txq != NULL)
			memset(&txq->q.stats, 0, sizeof(txq->q.stats));
	}
	return 0;
}

static unsigned int
xstats_count(const struct rte_eth_dev *eth)
{
	return PORT_COUNTERS + eth->data->nb_rx_queues * RTE_DIM(rx_names) +
	       eth->data->nb_tx_queues * RTE_DIM(tx_names);
}

int
xenvirt_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
		     unsigned int n __rte_unused)
{
	unsigned int at = 0;

	if (names == NULL)
		return xstats_count(eth);
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		for (size_t k = 0; k < RTE_DIM(rx_names); k++)
			snprintf(names[at++].name, sizeof(names[0].name), "rx_q%u_%s", i,
				 rx_names[k]);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		for (size_t k = 0; k < RTE_DIM(tx_names); k++)
			snprintf(names[at++].name, sizeof(names[0].name), "tx_q%u_%s", i,
				 tx_names[k]);
	snprintf(names[at++].name, sizeof(names[0].name), "connects");
	return at;
}

static unsigned int
put_counters(struct rte_eth_xstat *xstats, unsigned int at, const void *stats, size_t count)
{
	const uint64_t *counters = stats;

	for (size_t k = 0; k < count; k++, at++) {
		xstats[at].id = at;
		xstats[at].value = counters[k];
	}
	return at;
}

int
xenvirt_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	static const uint64_t none[RTE_DIM(rx_names) + RTE_DIM(tx_names)];
	unsigned int at = 0;

	if (n < xstats_count(eth))
		return xstats_count(eth);
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		const struct xenvirt_rxq *rxq = eth->data->rx_queues[i];

		at = put_counters(xstats, at, rxq != NULL ? (const void *)&rxq->q.stats : none,
				  RTE_DIM(rx_names));
	}
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++) {
		const struct xenvirt_txq *txq = eth->data->tx_queues[i];

		at = put_counters(xstats, at, txq != NULL ? (const void *)&txq->q.stats : none,
				  RTE_DIM(tx_names));
	}
	return put_counters(xstats, at, &xenvirt_dev(eth)->connects, PORT_COUNTERS);
}
