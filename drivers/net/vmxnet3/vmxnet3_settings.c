/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Settings that may change while the port runs.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

/* The device reads the MTU at ACTIVATE only, and the rx buffers depend on it. */
int
vmxnet3_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	if (dev->data->dev_started) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "MTU %u: the port is started; stop it, set the MTU, start it", mtu);
		return -EBUSY;
	}
	return 0; /* ethdev has checked the range, and keeps the value */
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
