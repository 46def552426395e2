/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Settings that may change while the port runs.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

/* What receive takes for the length of a segment when the device does not tell it. */
static void
set_queue_mtu(const struct rte_eth_dev *dev, uint16_t mtu)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		__atomic_store_n(&rxq->mtu, mtu, __ATOMIC_RELAXED);
	}
}

/*
 * A running port needs no restart for a new MTU, as long as its buffers have room for the frames:
 * the device was told that room at start, not the MTU (see vmxnet3_mtu_room()).
 */
int
vmxnet3_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	uint32_t room;

	if (!dev->data->dev_started)
		return 0; /* ethdev has checked the range, and keeps the value */
	room = vmxnet3_mtu_room(dev);
	if (mtu <= room) {
		set_queue_mtu(dev, mtu);
		return 0;
	}
	VMXNET3_LOG(
		ERR, vmxnet3_hw(dev)->name,
		"MTU %u: the port is started, and its buffers hold frames up to MTU %u; stop it, "
		"set the MTU, start it; with larger mbufs or RTE_ETH_RX_OFFLOAD_SCATTER it need "
		"not stop",
		mtu, room);
	return -EBUSY;
}

static bool
is_filtering(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
}

int
vmxnet3_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on)
{
	vmxnet3_dev_vlan_set(vmxnet3_hw(dev), vlan, on != 0, is_filtering(dev));
	return 0;
}

/* ethdev has changed the port's offloads already. */
int
vmxnet3_vlan_offload_set(struct rte_eth_dev *dev, int mask)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->active)
		return 0;
	if ((mask & RTE_ETH_VLAN_STRIP_MASK) != 0)
		vmxnet3_offload_strip(dev);
	if ((mask & RTE_ETH_VLAN_FILTER_MASK) != 0)
		vmxnet3_dev_vlan_filter(hw, is_filtering(dev));
	return 0;
}

/* The device compares whole addresses and hashes nothing, so there is an end to the list. */
int
vmxnet3_mc_addr_list(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t num)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (num > VMXNET3_MCAST_MAX) {
		VMXNET3_LOG(ERR, hw->name,
			    "%u multicast addresses: the list holds %u; use all-multicast mode",
			    num, VMXNET3_MCAST_MAX);
		return -ENOSPC;
	}
	for (uint32_t i = 0; i < num; i++) {
		if (rte_is_multicast_ether_addr(&list[i]))
			continue;
		VMXNET3_LOG(ERR, hw->name, RTE_ETHER_ADDR_PRT_FMT " is no multicast address",
			    RTE_ETHER_ADDR_BYTES(&list[i]));
		return -EINVAL;
	}
	vmxnet3_dev_mcast(hw, list, num);
	return 0;
}

int
vmxnet3_mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	/* A stopped device is told at start, from data->mac_addrs. */
	if (hw->active)
		vmxnet3_dev_mac_write(hw, mac);
	return 0;
}

int
vmxnet3_promiscuous_enable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), VMXNET3_RXM_PROMISC, 0);
	return 0;
}

int
vmxnet3_promiscuous_disable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), 0, VMXNET3_RXM_PROMISC);
	return 0;
}

int
vmxnet3_allmulticast_enable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), VMXNET3_RXM_ALL_MULTI, 0);
	return 0;
}

int
vmxnet3_allmulticast_disable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), 0, VMXNET3_RXM_ALL_MULTI);
	return 0;
}
