/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a port says of itself.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

int
vmxnet3_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct vmxnet3_caps *caps = &vmxnet3_hw(dev)->caps;
	const struct rte_eth_desc_lim rings = {
		.nb_max = RTE_MIN(VMXNET3_RX_RING_MAX, VMXNET3_TX_RING_MAX),
		.nb_min = VMXNET3_RING_STEP,
		.nb_align = VMXNET3_RING_STEP,
	};

	info->max_rx_queues = caps->max_rx_queues;
	info->max_tx_queues = caps->max_tx_queues;
	info->min_mtu = VMXNET3_MTU_MIN;
	info->max_mtu = caps->max_mtu;
	info->max_rx_pktlen = caps->max_mtu + VMXNET3_FRAME_OVERHEAD;
	info->min_rx_bufsize = VMXNET3_RX_HEAD_MIN;
	info->max_mac_addrs = 1;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->rx_desc_lim = rings;
	info->tx_desc_lim = rings;
	info->tx_desc_lim.nb_seg_max = VMXNET3_TX_DESC_PER_PKT;
	info->tx_desc_lim.nb_mtu_seg_max = VMXNET3_TX_DESC_PER_PKT;
	info->default_rxportconf.ring_size = 512;
	info->default_txportconf.ring_size = 512;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf.nb_queues = 1;
	return 0;
}
