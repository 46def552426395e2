/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Statistics. The burst functions count packets, bytes and what they drop; the device counts in the
 * queue table. Neither is ever written from here, and both begin anew at times: the device's at
 * each ACTIVATE, a queue's when it is set up again. So for each queue number there is
 *
 *   past   what ended: counters of released queues, and of the device when it was stopped
 *   live   what counts now
 *   reset  past + live as it was at the last reset
 *
 * and past + live - reset is shown, which never falls and never wraps. A device that takes its own
 * counters back only makes them stand still.
 */
#include "vmxnet3_pmd.h"

static_assert(sizeof(struct vmxnet3_rx_counters) == VMXNET3_HW_COUNTERS * sizeof(uint64_t),
	      "[VMX3 6.3]");
static_assert(sizeof(struct vmxnet3_tx_counters) == VMXNET3_HW_COUNTERS * sizeof(uint64_t),
	      "[VMX3 6.3]");

/* All counters of a queue are 64-bit words in a row. */
static void
add_words(void *to, const void *from, size_t bytes)
{
	const uint64_t *f = from;
	uint64_t *t = to;

	for (size_t i = 0; i < bytes / sizeof(*t); i++)
		t[i] += f[i];
}

static void
subtract_words(void *to, const void *from, size_t bytes)
{
	const uint64_t *f = from;
	uint64_t *t = to;

	for (size_t i = 0; i < bytes / sizeof(*t); i++)
		t[i] -= RTE_MIN(f[i], t[i]);
}

static void
add_hw(uint64_t to[VMXNET3_HW_COUNTERS], const void *counters)
{
	const pvn_le64 *c = counters;

	for (unsigned int i = 0; i < VMXNET3_HW_COUNTERS; i++)
		to[i] += pvn_le64_to_cpu(__atomic_load_n(&c[i], __ATOMIC_RELAXED));
}

/* The device's counters since ACTIVATE. */
static void
add_device(struct rte_eth_dev *dev, struct vmxnet3_counts *sum)
{
	vmxnet3_dev_stats_refresh(vmxnet3_hw(dev));
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		add_hw(sum->rx[q].hw, &vmxnet3_dev_rxq_desc(dev, q)->counters);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		add_hw(sum->tx[q].hw, &vmxnet3_dev_txq_desc(dev, q)->counters);
}

/* To be called before the device is quiesced. */
void
vmxnet3_stats_save(struct rte_eth_dev *dev)
{
	add_device(dev, &vmxnet3_adapter(dev)->past);
}

void
vmxnet3_stats_keep_rxq(struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	add_words(&vmxnet3_adapter(dev)->past.rx[rxq->queue_id].sw, &rxq->stats,
		  sizeof(rxq->stats));
}

void
vmxnet3_stats_keep_txq(struct rte_eth_dev *dev, const struct vmxnet3_tx_queue *txq)
{
	add_words(&vmxnet3_adapter(dev)->past.tx[txq->queue_id].sw, &txq->stats,
		  sizeof(txq->stats));
}

/* Since the driver took the device over. */
static void
count_all(struct rte_eth_dev *dev, struct vmxnet3_counts *now)
{
	const struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);

	*now = adapter->past;
	if (adapter->hw.active)
		add_device(dev, now);
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq != NULL)
			add_words(&now->rx[q].sw, &rxq->stats, sizeof(rxq->stats));
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		if (txq != NULL)
			add_words(&now->tx[q].sw, &txq->stats, sizeof(txq->stats));
	}
}

/* Since the last reset. */
static void
count(struct rte_eth_dev *dev, struct vmxnet3_counts *now)
{
	count_all(dev, now);
	subtract_words(now, &vmxnet3_adapter(dev)->reset, sizeof(*now));
}

/*
 * A frame with the device's error bit is in one of the device's own counters already: rx error, or
 * no buffer if the bodies ran out.
 */
static uint64_t
rx_errors(const struct vmxnet3_rxq_counts *c)
{
	return c->hw[VMXNET3_HW_RX_ERROR] + c->sw.bad_piece + c->sw.bad_completion;
}

/* What the device took and then did not send. */
static uint64_t
tx_refused(const struct vmxnet3_txq_counts *c)
{
	return c->hw[VMXNET3_HW_TX_ERROR] + c->hw[VMXNET3_HW_TX_DISCARD];
}

/* Completions for nothing cost no packet, but there is no other place to show them. */
static uint64_t
tx_errors(const struct vmxnet3_txq_counts *c)
{
	return tx_refused(c) + c->sw.unsendable + c->sw.bad_completion;
}

int
vmxnet3_stats_get(PVN_STATS_ARGS(dev, stats))
{
	struct pvn_queue_stats *queues = PVN_QUEUE_STATS(stats);
	struct vmxnet3_counts now;

	count(dev, &now);
	for (uint16_t q = 0; q < VMXNET3_QUEUES_MAX_V6; q++) {
		const struct vmxnet3_rxq_counts *rx = &now.rx[q];
		const struct vmxnet3_txq_counts *tx = &now.tx[q];
		uint64_t sent = tx->sw.packets - RTE_MIN(tx_refused(tx), tx->sw.packets);

		stats->ipackets += rx->sw.packets;
		stats->ibytes += rx->sw.bytes;
		stats->imissed += rx->hw[VMXNET3_HW_RX_NO_BUFFER];
		stats->ierrors += rx_errors(rx);
		stats->rx_nombuf += rx->sw.nombuf;
		stats->opackets += sent;
		stats->obytes += tx->sw.bytes;
		stats->oerrors += tx_errors(tx);
		if (queues == NULL || q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		queues->q_ipackets[q] = rx->sw.packets;
		queues->q_ibytes[q] = rx->sw.bytes;
		queues->q_errors[q] = rx_errors(rx);
		queues->q_opackets[q] = sent;
		queues->q_obytes[q] = tx->sw.bytes;
	}
	return 0;
}

/* Counters of queues that are no more vanish with it. */
int
vmxnet3_stats_reset(struct rte_eth_dev *dev)
{
	struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);

	count_all(dev, &adapter->reset);
	adapter->shown_rx = dev->data->nb_rx_queues;
	adapter->shown_tx = dev->data->nb_tx_queues;
	return 0;
}

/* ---- xstats ---- */

#define NAME(member, name) name,
static const char *const rx_names[] = {VMXNET3_RX_STATS(NAME) VMXNET3_HW_RX_COUNTERS(NAME)};
static const char *const tx_names[] = {VMXNET3_TX_STATS(NAME) VMXNET3_HW_TX_COUNTERS(NAME)};
#undef NAME

static_assert(RTE_DIM(rx_names) == sizeof(struct vmxnet3_rxq_counts) / sizeof(uint64_t), "names");
static_assert(RTE_DIM(tx_names) == sizeof(struct vmxnet3_txq_counts) / sizeof(uint64_t), "names");

/* Each queue has a sum of its errors, then its counters. */
#define RX_PER_QUEUE (1 + RTE_DIM(rx_names))
#define TX_PER_QUEUE (1 + RTE_DIM(tx_names))

/* As many queues as the port has, or had since the last reset: what they counted is in the totals.
 */
static unsigned int
num_xstats(struct rte_eth_dev *dev)
{
	struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);

	adapter->shown_rx = RTE_MAX(adapter->shown_rx, dev->data->nb_rx_queues);
	adapter->shown_tx = RTE_MAX(adapter->shown_tx, dev->data->nb_tx_queues);
	return (unsigned int)(adapter->shown_rx * RX_PER_QUEUE + adapter->shown_tx * TX_PER_QUEUE);
}

static struct rte_eth_xstat_name *
name_queue(struct rte_eth_xstat_name *to, const char *direction, unsigned int q,
	   const char *const *names, size_t num)
{
	snprintf(to->name, sizeof(to->name), "%s_q%u_errors", direction, q);
	to++;
	for (size_t i = 0; i < num; i++, to++)
		snprintf(to->name, sizeof(to->name), "%s_q%u_%s", direction, q, names[i]);
	return to;
}

int
vmxnet3_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int size)
{
	const struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);
	unsigned int num = num_xstats(dev);

	if (names == NULL || size < num)
		return (int)num;
	for (uint16_t q = 0; q < adapter->shown_rx; q++)
		names = name_queue(names, "rx", q, rx_names, RTE_DIM(rx_names));
	for (uint16_t q = 0; q < adapter->shown_tx; q++)
		names = name_queue(names, "tx", q, tx_names, RTE_DIM(tx_names));
	return (int)num;
}

static unsigned int
show_queue(struct rte_eth_xstat *xstats, unsigned int id, uint64_t errors, const void *counts,
	   size_t num)
{
	const uint64_t *c = counts;

	xstats[id].id = id;
	xstats[id++].value = errors;
	for (size_t i = 0; i < num; i++, id++) {
		xstats[id].id = id;
		xstats[id].value = c[i];
	}
	return id;
}

int
vmxnet3_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int size)
{
	const struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);
	unsigned int num = num_xstats(dev), id = 0;
	struct vmxnet3_counts now;

	if (xstats == NULL || size < num)
		return (int)num;
	count(dev, &now);
	for (uint16_t q = 0; q < adapter->shown_rx; q++)
		id = show_queue(xstats, id, rx_errors(&now.rx[q]), &now.rx[q], RTE_DIM(rx_names));
	for (uint16_t q = 0; q < adapter->shown_tx; q++)
		id = show_queue(xstats, id, tx_errors(&now.tx[q]), &now.tx[q], RTE_DIM(tx_names));
	return (int)num;
}
