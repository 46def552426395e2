/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Statistics. Packets and bytes are counted by the burst functions; what only the device knows
 * (frames that found no buffer, frames it refused) comes from its counters. Those begin at zero at
 * each ACTIVATE, so what they held is saved when the port stops.
 */
#include "vmxnet3_pmd.h"

static void
add_device_counts(struct rte_eth_dev *dev, struct vmxnet3_hw_counts *sum)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_counters *c = &vmxnet3_dev_rxq_desc(dev, q)->counters;

		sum->rx_no_buffer += pvn_le64_to_cpu(c->no_buffer_packets);
		sum->rx_error += pvn_le64_to_cpu(c->error_packets);
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct vmxnet3_tx_counters *c = &vmxnet3_dev_txq_desc(dev, q)->counters;

		sum->tx_error += pvn_le64_to_cpu(c->error_packets);
		sum->tx_discard += pvn_le64_to_cpu(c->discard_packets);
	}
}

/* Since the driver took the device over. */
static struct vmxnet3_hw_counts
device_counts(struct rte_eth_dev *dev)
{
	struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);
	struct vmxnet3_hw_counts sum = adapter->past;

	if (adapter->hw.active) {
		vmxnet3_dev_stats_refresh(&adapter->hw);
		add_device_counts(dev, &sum);
	}
	return sum;
}

/* To be called before the device is quiesced. */
void
vmxnet3_stats_save(struct rte_eth_dev *dev)
{
	vmxnet3_adapter(dev)->past = device_counts(dev);
}

static void
sum_rx(struct vmxnet3_rx_stats *sum, const struct vmxnet3_rx_stats *s)
{
	sum->packets += s->packets;
	sum->bytes += s->bytes;
	sum->bad_frame += s->bad_frame;
	sum->bad_piece += s->bad_piece;
	sum->bad_completion += s->bad_completion;
	sum->nombuf += s->nombuf;
}

static void
sum_tx(struct vmxnet3_tx_stats *sum, const struct vmxnet3_tx_stats *s)
{
	sum->packets += s->packets;
	sum->bytes += s->bytes;
	sum->unsendable += s->unsendable;
	sum->bad_completion += s->bad_completion;
}

/* The port's totals go on when a queue is released; its own counters end with it. */
void
vmxnet3_stats_keep_rxq(struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	sum_rx(&vmxnet3_adapter(dev)->gone_rx, &rxq->stats);
}

void
vmxnet3_stats_keep_txq(struct rte_eth_dev *dev, const struct vmxnet3_tx_queue *txq)
{
	sum_tx(&vmxnet3_adapter(dev)->gone_tx, &txq->stats);
}

static struct vmxnet3_rx_stats
rx_totals(const struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	struct vmxnet3_rx_stats sum = vmxnet3_adapter(dev)->gone_rx;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq == NULL)
			continue;
		sum_rx(&sum, &rxq->stats);
		if (q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		stats->q_ipackets[q] = rxq->stats.packets;
		stats->q_ibytes[q] = rxq->stats.bytes;
		stats->q_errors[q] =
			rxq->stats.bad_frame + rxq->stats.bad_piece + rxq->stats.bad_completion;
	}
	return sum;
}

static struct vmxnet3_tx_stats
tx_totals(const struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	struct vmxnet3_tx_stats sum = vmxnet3_adapter(dev)->gone_tx;

	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		if (txq == NULL)
			continue;
		sum_tx(&sum, &txq->stats);
		if (q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		stats->q_opackets[q] = txq->stats.packets;
		stats->q_obytes[q] = txq->stats.bytes;
	}
	return sum;
}

/*
 * A frame with the device's error bit is in one of the device's own counters already: rx error, or
 * no buffer if the bodies ran out. A packet that the device took and refused was no success after
 * all. Completions for nothing cost no packet, but there is no other place to show them.
 */
int
vmxnet3_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct vmxnet3_hw_counts *reset = &vmxnet3_adapter(dev)->reset;
	struct vmxnet3_hw_counts now = device_counts(dev);
	struct vmxnet3_rx_stats rx = rx_totals(dev, stats);
	struct vmxnet3_tx_stats tx = tx_totals(dev, stats);
	uint64_t refused = now.tx_error + now.tx_discard - reset->tx_error - reset->tx_discard;

	stats->ipackets = rx.packets;
	stats->ibytes = rx.bytes;
	stats->imissed = now.rx_no_buffer - reset->rx_no_buffer;
	stats->ierrors = now.rx_error - reset->rx_error + rx.bad_piece + rx.bad_completion;
	stats->rx_nombuf = rx.nombuf;
	stats->opackets = tx.packets - RTE_MIN(refused, tx.packets);
	stats->obytes = tx.bytes;
	stats->oerrors = refused + tx.unsendable + tx.bad_completion;
	return 0;
}

int
vmxnet3_stats_reset(struct rte_eth_dev *dev)
{
	struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);

	adapter->reset = device_counts(dev);
	memset(&adapter->gone_rx, 0, sizeof(adapter->gone_rx));
	memset(&adapter->gone_tx, 0, sizeof(adapter->gone_tx));
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq != NULL)
			memset(&rxq->stats, 0, sizeof(rxq->stats));
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		if (txq != NULL)
			memset(&txq->stats, 0, sizeof(txq->stats));
	}
	return 0;
}
