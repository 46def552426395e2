/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Link and interrupts.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

/* The link as the device has it: its true speed; down while the port is stopped. */
int
vmxnet3_link_update(struct rte_eth_dev *dev, int wait_to_complete __rte_unused)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};
	uint32_t speed_mbps;

	if (hw->active && vmxnet3_dev_link(hw, &speed_mbps)) {
		link.link_status = RTE_ETH_LINK_UP;
		link.link_speed = speed_mbps;
	}
	return rte_eth_linkstatus_set(dev, &link);
}
