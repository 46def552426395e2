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
add_rxq(struct rte_eth_stats *stats, uint16_t q, const struct vmxnet3_rx_stats *s)
{
	stats->ipackets += s->packets;
	stats->ibytes += s->bytes;
	stats->ierrors += s->bad_piece + s->bad_completion;
	stats->rx_nombuf += s->nombuf;
	if (q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		return;
	stats->q_ipackets[q] = s->packets;
	stats->q_ibytes[q] = s->bytes;
	stats->q_errors[q] = s->bad_frame + s->bad_piece + s->bad_completion;
}

static void
add_txq(struct rte_eth_stats *stats, uint16_t q, const struct vmxnet3_tx_stats *s)
{
	stats->opackets += s->packets;
	stats->obytes += s->bytes;
	stats->oerrors += s->bad_completion;
	if (q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		return;
	stats->q_opackets[q] = s->packets;
	stats->q_obytes[q] = s->bytes;
}

/* A frame with the device's error bit is in the device's rx error counter already. */
int
vmxnet3_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct vmxnet3_hw_counts *reset = &vmxnet3_adapter(dev)->reset;
	struct vmxnet3_hw_counts now = device_counts(dev);

	stats->imissed = now.rx_no_buffer - reset->rx_no_buffer;
	stats->ierrors = now.rx_error - reset->rx_error;
	stats->oerrors = now.tx_error + now.tx_discard - reset->tx_error - reset->tx_discard;
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq != NULL)
			add_rxq(stats, q, &rxq->stats);
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		if (txq != NULL)
			add_txq(stats, q, &txq->stats);
	}
	return 0;
}

int
vmxnet3_stats_reset(struct rte_eth_dev *dev)
{
	vmxnet3_adapter(dev)->reset = device_counts(dev);
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
