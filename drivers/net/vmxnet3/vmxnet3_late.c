/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Queues that are set up after the port was started.
 *
 * The device takes rings at ACTIVATE only, and starts and stops all queues at once. So a configured
 * queue that nobody has set up by then is started as a late one: with rings as large as the largest
 * of its direction, in which nothing is posted and nothing can be sent. Set-up gives it a pool and
 * a number of descriptors of its own, of those there are, and rte_eth_dev_rx_queue_start() posts
 * buffers. A queue that runs cannot be set up again: the device gives no buffer back before
 * QUIESCE.
 *
 * ethdev releases a queue before it is set up, and then forgets it; what the device works with must
 * stay, so late queues are remembered here until the port stops.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

/* One that is set up, with the most descriptors; NULL if none is. */
static struct vmxnet3_rx_queue *
largest_rxq(const struct rte_eth_dev *dev)
{
	struct vmxnet3_rx_queue *largest = NULL;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq != NULL && (largest == NULL || rxq->ring_size > largest->ring_size))
			largest = rxq;
	}
	return largest;
}

static struct vmxnet3_tx_queue *
largest_txq(const struct rte_eth_dev *dev)
{
	struct vmxnet3_tx_queue *largest = NULL;

	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		if (txq != NULL && (largest == NULL || txq->size > largest->size))
			largest = txq;
	}
	return largest;
}

/* Its buffers will hold no less than those of the model, whose pool stands for its own till then.
 */
static int
make_rxq(struct rte_eth_dev *dev, uint16_t queue, const struct vmxnet3_rx_queue *model)
{
	const struct rte_eth_rxconf conf = {0};
	struct vmxnet3_rx_queue *rxq;
	int ret;

	ret = vmxnet3_rxq_setup(dev, queue, model->ring_size, rte_socket_id(), &conf, model->pool);
	if (ret < 0)
		return ret;
	rxq = dev->data->rx_queues[queue];
	rxq->num_desc = 0;
	vmxnet3_adapter(dev)->late_rx[queue] = rxq;
	return 0;
}

static int
make_txq(struct rte_eth_dev *dev, uint16_t queue, const struct vmxnet3_tx_queue *model)
{
	const struct rte_eth_txconf conf = {0};
	struct vmxnet3_tx_queue *txq;
	int ret;

	ret = vmxnet3_txq_setup(dev, queue, model->size, rte_socket_id(), &conf);
	if (ret < 0)
		return ret;
	txq = dev->data->tx_queues[queue];
	txq->num_desc = 0;
	vmxnet3_adapter(dev)->late_tx[queue] = txq;
	return 0;
}

/* Before anything of start. */
int
vmxnet3_late_make(struct rte_eth_dev *dev)
{
	const struct vmxnet3_rx_queue *rx_model = largest_rxq(dev);
	const struct vmxnet3_tx_queue *tx_model = largest_txq(dev);
	int ret = 0;

	if (rx_model == NULL || tx_model == NULL) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "no %s queue was set up: set up one at least before start",
			    rx_model == NULL ? "rx" : "tx");
		return -EINVAL;
	}
	for (uint16_t q = 0; q < dev->data->nb_rx_queues && ret == 0; q++)
		if (dev->data->rx_queues[q] == NULL)
			ret = make_rxq(dev, q, rx_model);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues && ret == 0; q++)
		if (dev->data->tx_queues[q] == NULL)
			ret = make_txq(dev, q, tx_model);
	if (ret < 0)
		vmxnet3_late_drop(dev);
	return ret;
}

/* After anything of stop: what was never started is as it was before start, not set up. */
void
vmxnet3_late_drop(struct rte_eth_dev *dev)
{
	struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		if (adapter->late_rx[q] == NULL)
			continue;
		dev->data->rx_queues[q] = adapter->late_rx[q];
		vmxnet3_rxq_release(dev, q);
		adapter->late_rx[q] = NULL;
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		if (adapter->late_tx[q] == NULL)
			continue;
		dev->data->tx_queues[q] = adapter->late_tx[q];
		vmxnet3_txq_release(dev, q);
		adapter->late_tx[q] = NULL;
	}
}

/* ---- dev_ops ---- */

void
vmxnet3_rx_queue_release(struct rte_eth_dev *dev, uint16_t queue)
{
	if (!vmxnet3_hw(dev)->active)
		vmxnet3_rxq_release(dev, queue);
}

void
vmxnet3_tx_queue_release(struct rte_eth_dev *dev, uint16_t queue)
{
	if (!vmxnet3_hw(dev)->active)
		vmxnet3_txq_release(dev, queue);
}

static int
refuse_descriptors(const struct rte_eth_dev *dev, const char *direction, uint16_t queue,
		   uint16_t num, uint16_t most)
{
	VMXNET3_LOG(
		ERR, vmxnet3_hw(dev)->name,
		"%s queue %u: %u descriptors: the port is started, and the largest queue set up "
		"before has %u: use as many at most, or stop it",
		direction, queue, num, most);
	return -EINVAL;
}

/* The device was told how many pieces a frame has, of buffers as they were known at start. */
static int
check_buffers(const struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq, uint16_t num,
	      struct rte_mempool *pool)
{
	if (num > rxq->ring_size)
		return refuse_descriptors(dev, "rx", rxq->queue_id, num, rxq->ring_size);
	if (vmxnet3_rx_buf_len(pool) < rxq->buf_len) {
		VMXNET3_LOG(
			ERR, vmxnet3_hw(dev)->name,
			"rx queue %u: buffers of %u bytes: the port is started, and those known "
			"then hold %u: use no smaller ones, or stop it",
			rxq->queue_id, vmxnet3_rx_buf_len(pool), rxq->buf_len);
		return -EINVAL;
	}
	if (rxq->max_pieces <= num / 2)
		return 0;
	VMXNET3_LOG(
		ERR, vmxnet3_hw(dev)->name,
		"rx queue %u: %u descriptors: a frame takes up to %u: use twice as many at least",
		rxq->queue_id, num, rxq->max_pieces);
	return -EINVAL;
}

int
vmxnet3_rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		       unsigned int socket, const struct rte_eth_rxconf *conf,
		       struct rte_mempool *pool)
{
	struct vmxnet3_rx_queue *rxq = vmxnet3_adapter(dev)->late_rx[queue];
	int ret;

	if (!vmxnet3_hw(dev)->active)
		return vmxnet3_rxq_setup(dev, queue, nb_desc, socket, conf, pool);
	dev->data->rx_queues[queue] = rxq;
	if (rxq == NULL)
		return -EBUSY;
	ret = check_buffers(dev, rxq, nb_desc, pool);
	if (ret == 0)
		vmxnet3_rxq_set_pool(rxq, pool, nb_desc);
	return ret;
}

int
vmxnet3_tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		       unsigned int socket, const struct rte_eth_txconf *conf)
{
	struct vmxnet3_tx_queue *txq = vmxnet3_adapter(dev)->late_tx[queue];

	if (!vmxnet3_hw(dev)->active)
		return vmxnet3_txq_setup(dev, queue, nb_desc, socket, conf);
	dev->data->tx_queues[queue] = txq;
	if (txq == NULL)
		return -EBUSY;
	if (nb_desc > txq->size)
		return refuse_descriptors(dev, "tx", queue, nb_desc, txq->size);
	txq->num_desc = nb_desc;
	vmxnet3_txq_set_offloads(dev, txq, conf->offloads);
	return 0;
}

/* Of queues that run already ethdev does not even ask. */
int
vmxnet3_rx_queue_start(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_rx_queue *rxq = vmxnet3_adapter(dev)->late_rx[queue];

	if (rxq == NULL || rxq->num_desc == 0) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "rx queue %u: is not set up", queue);
		return -EINVAL;
	}
	vmxnet3_rxq_fill(rxq);
	vmxnet3_adapter(dev)->late_rx[queue] = NULL;
	dev->data->rx_queue_state[queue] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int
vmxnet3_tx_queue_start(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_tx_queue *txq = vmxnet3_adapter(dev)->late_tx[queue];

	if (txq == NULL || txq->num_desc == 0) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "tx queue %u: is not set up", queue);
		return -EINVAL;
	}
	vmxnet3_txq_open(txq);
	vmxnet3_adapter(dev)->late_tx[queue] = NULL;
	dev->data->tx_queue_state[queue] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}
