/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A port's life.
 *
 *   probed -> configured -> queues set up -> started <-> stopped -> closed
 *
 * Stop, close and remove do no harm when repeated, and none of them waits for the device, so they
 * also work on one that was unplugged. What a restart must keep (MAC, rx mode) is in software and
 * told to the device at each start, since QEMU forgets the MAC at ACTIVATE. [VMX3 12.4]
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

static bool
is_merging(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
}

/* May a frame come in pieces? Merged ones always do. */
static bool
is_scattering(const struct rte_eth_dev *dev)
{
	return is_merging(dev) ||
	       (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
}

/* The longest frame that may come. */
static uint32_t
longest_frame(const struct rte_eth_dev *dev, uint32_t mtu)
{
	return is_merging(dev) ? VMXNET3_LRO_FRAME_MAX : mtu + VMXNET3_FRAME_OVERHEAD;
}

/* Pieces that a frame of so many bytes comes in. */
static uint16_t
pieces_of(const struct vmxnet3_rx_queue *rxq, uint32_t bytes)
{
	return (uint16_t)((bytes + rxq->buf_len - 1) / rxq->buf_len);
}

/* Pieces of one frame that the queue has room for, the head included. Some slots may wait for
 * their refill. */
static uint16_t
pieces_room(const struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	if (!is_scattering(dev))
		return 1;
	return rxq->ring2_capacity - vmxnet3_rx_refill_threshold(rxq->ring2_capacity) + 1;
}

/*
 * The largest MTU whose frames fit the buffers of every queue. The device is told this one, and so
 * many pieces per frame, not the application's: so that needs no restart to change.
 */
uint32_t
vmxnet3_mtu_room(const struct rte_eth_dev *dev)
{
	uint32_t frame = vmxnet3_hw(dev)->caps.max_mtu + VMXNET3_FRAME_OVERHEAD;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		frame = RTE_MIN(frame, (uint32_t)pieces_room(dev, rxq) * rxq->buf_len);
	}
	return frame < VMXNET3_FRAME_OVERHEAD ? 0 : frame - VMXNET3_FRAME_OVERHEAD;
}

/* The device has one fragment limit for all queues: the largest that any of them needs. It is at
 * least 1, and never left 0, which QEMU takes for 1. [VMX3 8.4] */
static uint16_t
max_pieces(const struct rte_eth_dev *dev, uint32_t mtu)
{
	uint16_t pieces = 1;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		pieces = RTE_MAX(pieces,
				 pieces_of(dev->data->rx_queues[q], longest_frame(dev, mtu)));
	return pieces;
}

static void
prepare_queues(struct rte_eth_dev *dev, uint16_t pieces)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	dev->data->scattered_rx = pieces > 1;
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		txq->shared = vmxnet3_dev_txq_desc(dev, q);
		txq->shared->intr = hw->intr.quiet;
		txq->fast_free = ((txq->offloads | dev->data->dev_conf.txmode.offloads) &
				  RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
		vmxnet3_txq_prepare(txq, hw->caps.version >= 3);
	}
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		rxq->shared = vmxnet3_dev_rxq_desc(dev, q);
		rxq->shared->intr = hw->intr.rx ? VMXNET3_VECTOR_RX(q) : hw->intr.quiet;
		rxq->num_rx_queues = dev->data->nb_rx_queues;
		rxq->max_pieces = pieces;
		rxq->body_word0 = pvn_field_put(VMXNET3_RXC0_RQID, rxq->num_rx_queues + q);
		rxq->data_word0 = VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP |
				  pvn_field_put(VMXNET3_RXC0_RQID, 2u * rxq->num_rx_queues + q);
		vmxnet3_rxq_prepare(rxq, pieces > 1);
	}
}

/* What was posted before ACTIVATE: whether the device wants to be told shows only afterwards. */
static void
announce_buffers(const struct rte_eth_dev *dev)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		for (int i = 0; i < VMXNET3_RX_RINGS; i++)
			if (rxq->rings[i].size != 0)
				vmxnet3_rx_doorbell(rxq, &rxq->rings[i]);
	}
}

/* One size for all queues: where their pools differ it is left untold. */
static void
tell_buffer_sizes(struct rte_eth_dev *dev, bool bodies)
{
	const struct vmxnet3_rx_queue *first = dev->data->rx_queues[0];

	for (uint16_t q = 1; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		if (rxq->buf_len != first->buf_len)
			return;
	}
	vmxnet3_dev_buffer_sizes(vmxnet3_hw(dev), first->buf_len, bodies ? first->buf_len : 0);
}

static void
drain_queues(struct rte_eth_dev *dev)
{
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		if (dev->data->tx_queues[q] != NULL)
			vmxnet3_txq_drain(dev->data->tx_queues[q]);
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		if (dev->data->rx_queues[q] != NULL)
			vmxnet3_rxq_drain(dev->data->rx_queues[q]);
}

/* Do the buffers have room for frames of the MTU? */
static int
check_room(const struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	uint32_t frame = longest_frame(dev, dev->data->mtu);
	const char *name = vmxnet3_hw(dev)->name;
	uint16_t pieces = pieces_of(rxq, frame);
	uint16_t room = pieces_room(dev, rxq);

	if (pieces <= room)
		return 0;
	if (!is_scattering(dev))
		VMXNET3_LOG(ERR, name,
			    "rx queue %u: with MTU %u a frame takes up to %u bytes, its buffers "
			    "hold %u: use larger mbufs, or ask for RTE_ETH_RX_OFFLOAD_SCATTER",
			    rxq->queue_id, dev->data->mtu, frame, rxq->buf_len);
	else
		VMXNET3_LOG(
			ERR, name,
			"rx queue %u: with MTU %u a frame takes up to %u buffers of %u bytes, "
			"%u descriptors leave room for %u: use larger mbufs or more descriptors",
			rxq->queue_id, dev->data->mtu, pieces, rxq->buf_len, rxq->ring_size, room);
	return -EINVAL;
}

static int
check_queues(const struct rte_eth_dev *dev)
{
	bool all = true;
	int ret = 0;

	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		all = all && dev->data->tx_queues[q] != NULL;
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		all = all && dev->data->rx_queues[q] != NULL;
	if (!all) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "a configured queue was not set up: set up all before start");
		return -EINVAL;
	}
	for (uint16_t q = 0; q < dev->data->nb_rx_queues && ret == 0; q++)
		ret = check_room(dev, dev->data->rx_queues[q]);
	return ret;
}

static void
set_queue_states(struct rte_eth_dev *dev, uint8_t state)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		dev->data->rx_queue_state[q] = state;
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		dev->data->tx_queue_state[q] = state;
}

/* [VMX3 13], start. */
int
vmxnet3_start(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	uint16_t pieces;
	uint32_t mtu;
	int ret;

	ret = check_queues(dev);
	if (ret < 0)
		return ret;
	ret = vmxnet3_intr_prepare(dev);
	if (ret < 0)
		return ret;
	mtu = vmxnet3_mtu_room(dev);
	pieces = max_pieces(dev, mtu);
	vmxnet3_dev_shared_fill(dev, mtu, pieces);
	vmxnet3_offload_prepare(dev);
	vmxnet3_rx_choose(dev);
	vmxnet3_tx_choose(dev);
	vmxnet3_rss_fill(dev);
	prepare_queues(dev, pieces);
	ret = vmxnet3_dev_activate(hw);
	if (ret < 0) {
		drain_queues(dev);
		vmxnet3_intr_release(dev);
		return ret;
	}
	tell_buffer_sizes(dev, pieces > 1);
	vmxnet3_memory_tell(dev);
	vmxnet3_rss_start(dev);
	announce_buffers(dev);
	vmxnet3_dev_mac_write(hw, dev->data->mac_addrs);
	vmxnet3_dev_vlan_filter(
		hw, (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0);
	vmxnet3_dev_mcast_tell(hw);
	vmxnet3_dev_rx_mode(hw, VMXNET3_RXM_UCAST | VMXNET3_RXM_BCAST, 0);
	vmxnet3_intr_arm(dev);
	set_queue_states(dev, RTE_ETH_QUEUE_STATE_STARTED);
	vmxnet3_link_update(dev, 0);
	return 0;
}

int
vmxnet3_stop(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->active)
		return 0;
	vmxnet3_intr_disarm(dev);
	vmxnet3_stats_save(dev);
	vmxnet3_dev_quiesce(hw);
	drain_queues(dev);
	vmxnet3_intr_release(dev);
	set_queue_states(dev, RTE_ETH_QUEUE_STATE_STOPPED);
	vmxnet3_link_update(dev, 0);
	return 0;
}

static void
release_queues(struct rte_eth_dev *dev)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		vmxnet3_rxq_release(dev, q);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		vmxnet3_txq_release(dev, q);
}

int
vmxnet3_close(struct rte_eth_dev *dev)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	vmxnet3_stop(dev);
	vmxnet3_intr_fini(dev);
	release_queues(dev);
	vmxnet3_dev_shared_free(dev);
	return 0;
}

/* The device as after probe. Settings and counters stay, queues are to be set up again. */
int
vmxnet3_reset(struct rte_eth_dev *dev)
{
	vmxnet3_stop(dev);
	release_queues(dev);
	return vmxnet3_dev_negotiate(vmxnet3_hw(dev));
}

static int
refuse(const struct rte_eth_dev *dev, int error, const char *why)
{
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "%s", why);
	return error;
}

/* What ethdev does not check itself against dev_infos_get(). QEMU keeps the rings of a queue that
 * is not configured any more, and goes on filling them. */
int
vmxnet3_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;

	if (dev->data->nb_rx_queues == 0 || dev->data->nb_tx_queues == 0)
		return refuse(dev, -EINVAL, "needs at least one rx and one tx queue");
	if (conf->lpbk_mode != 0)
		return refuse(dev, -ENOTSUP, "the device has no loopback mode");
	if ((conf->link_speeds & RTE_ETH_LINK_SPEED_FIXED) != 0)
		return refuse(dev, -ENOTSUP, "the host sets the link's speed: leave link_speeds 0");
	if (vmxnet3_intr_check(dev) < 0)
		return -ENOTSUP;
	return vmxnet3_rss_configure(dev);
}
