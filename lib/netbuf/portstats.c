/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The same loops for both directions and for every driver.
 */
#include <string.h>

#include "pvn_portstats.h"

/* What the counters of a queue come to. */
struct sums {
	uint64_t packets, bytes, errors, nombuf;
};

static uint64_t *
counters_of(const struct pvn_portstats_side *side, void *queue)
{
	return queue == NULL ? NULL : (uint64_t *)((uint8_t *)queue + side->offset);
}

static struct sums
sum_up(const struct pvn_portstats_side *side, void *queue)
{
	const uint64_t *counters = counters_of(side, queue);
	struct sums s = {0};

	if (counters == NULL)
		return s;
	s.packets = counters[0];
	s.bytes = counters[1];
	for (size_t k = 2; k < side->count; k++) {
		if (strcmp(side->names[k], "nombuf_errors") == 0)
			s.nombuf += counters[k];
		else if (strstr(side->names[k], "_errors") != NULL)
			s.errors += counters[k];
	}
	return s;
}

int
pvn_portstats_get(struct rte_eth_dev *eth, const struct pvn_portstats *p,
		  struct rte_eth_stats *stats, struct pvn_queue_stats *queues)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		struct sums s = sum_up(&p->rx, eth->data->rx_queues[i]);

		stats->ipackets += s.packets;
		stats->ibytes += s.bytes;
		stats->ierrors += s.errors;
		stats->rx_nombuf += s.nombuf;
		if (queues == NULL || i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		queues->q_ipackets[i] = s.packets;
		queues->q_ibytes[i] = s.bytes;
		queues->q_errors[i] = s.errors;
	}
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++) {
		struct sums s = sum_up(&p->tx, eth->data->tx_queues[i]);

		stats->opackets += s.packets;
		stats->obytes += s.bytes;
		stats->oerrors += s.errors;
		if (queues == NULL || i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		queues->q_opackets[i] = s.packets;
		queues->q_obytes[i] = s.bytes;
	}
	return 0;
}

static void
reset_side(const struct pvn_portstats_side *side, void **queues, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (queues[i] != NULL)
			memset(counters_of(side, queues[i]), 0, side->count * sizeof(uint64_t));
}

int
pvn_portstats_reset(struct rte_eth_dev *eth, const struct pvn_portstats *p)
{
	reset_side(&p->rx, eth->data->rx_queues, eth->data->nb_rx_queues);
	reset_side(&p->tx, eth->data->tx_queues, eth->data->nb_tx_queues);
	return 0;
}

static unsigned int
xstats_count(const struct rte_eth_dev *eth, const struct pvn_portstats *p)
{
	return eth->data->nb_rx_queues * p->rx.count + eth->data->nb_tx_queues * p->tx.count + 1;
}

static unsigned int
put_names(struct rte_eth_xstat_name *names, unsigned int at, const char *direction,
	  const struct pvn_portstats_side *side, uint16_t queues)
{
	for (uint16_t i = 0; i < queues; i++)
		for (size_t k = 0; k < side->count; k++)
			snprintf(names[at++].name, sizeof(names[0].name), "%s_q%u_%s", direction, i,
				 side->names[k]);
	return at;
}

int
pvn_portstats_xstats_names(struct rte_eth_dev *eth, const struct pvn_portstats *p,
			   struct rte_eth_xstat_name *names)
{
	unsigned int at = 0;

	if (names == NULL)
		return xstats_count(eth, p);
	at = put_names(names, at, "rx", &p->rx, eth->data->nb_rx_queues);
	at = put_names(names, at, "tx", &p->tx, eth->data->nb_tx_queues);
	snprintf(names[at++].name, sizeof(names[0].name), "connects");
	return at;
}

static unsigned int
put_values(struct rte_eth_xstat *xstats, unsigned int at, const struct pvn_portstats_side *side,
	   void **queues, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint64_t *counters = counters_of(side, queues[i]);

		for (size_t k = 0; k < side->count; k++, at++) {
			xstats[at].id = at;
			xstats[at].value = counters != NULL ? counters[k] : 0;
		}
	}
	return at;
}

int
pvn_portstats_xstats_get(struct rte_eth_dev *eth, const struct pvn_portstats *p,
			 const uint64_t *connects, struct rte_eth_xstat *xstats, unsigned int n)
{
	unsigned int at = 0;

	if (n < xstats_count(eth, p))
		return xstats_count(eth, p);
	at = put_values(xstats, at, &p->rx, eth->data->rx_queues, eth->data->nb_rx_queues);
	at = put_values(xstats, at, &p->tx, eth->data->tx_queues, eth->data->nb_tx_queues);
	xstats[at].id = at;
	xstats[at].value = *connects;
	return at + 1;
}
