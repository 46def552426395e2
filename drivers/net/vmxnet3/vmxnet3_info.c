/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a port and its queues say of themselves: limits, sizes, burst functions, registers, a dump.
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

	info->dev_capa =
		RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP | RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP;
	info->max_rx_queues = caps->max_rx_queues;
	info->max_tx_queues = caps->max_tx_queues;
	info->min_mtu = VMXNET3_MTU_MIN;
	info->max_mtu = caps->max_mtu;
	info->max_rx_pktlen = caps->max_mtu + VMXNET3_FRAME_OVERHEAD;
	info->min_rx_bufsize = VMXNET3_RX_HEAD_MIN;
	info->max_mac_addrs = 1;
	info->err_handle_mode = RTE_ETH_ERROR_HANDLE_MODE_PASSIVE; /* INTR_RESET */
	info->flow_type_rss_offloads = vmxnet3_rss_types(vmxnet3_hw(dev));
	info->hash_key_size = info->flow_type_rss_offloads == 0 ? 0 : VMXNET3_RSS_KEY_LEN;
	info->reta_size = vmxnet3_rss_table_size(vmxnet3_hw(dev));
	info->rx_offload_capa = vmxnet3_rx_offloads(vmxnet3_hw(dev));
	info->tx_offload_capa = vmxnet3_tx_offloads(vmxnet3_hw(dev));
	if ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		info->max_lro_pkt_size = VMXNET3_LRO_FRAME_MAX;
	info->rx_desc_lim = rings;
	info->tx_desc_lim = rings;
	info->tx_desc_lim.nb_seg_max = VMXNET3_TSO_DESC_PER_PKT;
	info->tx_desc_lim.nb_mtu_seg_max = VMXNET3_TX_DESC_PER_PKT;
	info->default_rxportconf.ring_size = 512;
	info->default_txportconf.ring_size = 512;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf.nb_queues = 1;
	return 0;
}

void
vmxnet3_rxq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_rxq_info *info)
{
	const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[queue];

	info->mp = rxq->pool;
	info->conf.rx_free_thresh = vmxnet3_rx_refill_threshold(rxq->num_desc);
	info->conf.rx_drop_en = 1; /* the device drops what finds no buffer */
	info->conf.offloads = dev->data->dev_conf.rxmode.offloads;
	info->scattered_rx = dev->data->scattered_rx;
	info->nb_desc = rxq->num_desc;
	info->rx_buf_size = rxq->buf_len;
}

void
vmxnet3_txq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_txq_info *info)
{
	const struct vmxnet3_tx_queue *txq = dev->data->tx_queues[queue];

	info->conf.offloads = dev->data->dev_conf.txmode.offloads;
	info->nb_desc = txq->num_desc;
}

int
vmxnet3_rx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode)
{
	const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[queue];

	snprintf(mode->info, sizeof(mode->info), "%s%s%s", vmxnet3_rx_way(dev),
		 dev->data->scattered_rx ? " Scattered" : "",
		 rxq->data_slot != 0 ? ", data ring" : "");
	return 0;
}

int
vmxnet3_tx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode)
{
	const struct vmxnet3_tx_queue *txq = dev->data->tx_queues[queue];

	snprintf(mode->info, sizeof(mode->info), "Scalar%s",
		 txq->data_slot != 0 ? ", data ring" : "");
	return 0;
}

/* ---- registers and dump ---- */

/* Those that can be read without changing anything. */
static const uint32_t bar1_registers[] = {
	VMXNET3_BAR1_VRRS,
	VMXNET3_BAR1_UVRS,
	VMXNET3_BAR1_MACL,
	VMXNET3_BAR1_MACH,
};

#define NUM_REGISTERS (RTE_DIM(bar1_registers) + VMXNET3_INTR_MAX)

/* Version, UPT versions, MAC in two; then the mask of each interrupt vector. */
int
vmxnet3_get_reg(struct rte_eth_dev *dev, struct rte_dev_reg_info *regs)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	uint32_t *word = regs->data;

	regs->version = hw->caps.version;
	regs->width = sizeof(uint32_t);
	if (word == NULL) {
		regs->length = NUM_REGISTERS;
		return 0;
	}
	if (regs->offset != 0 || (regs->length != 0 && regs->length != NUM_REGISTERS)) {
		VMXNET3_LOG(ERR, hw->name, "registers %u to %u: only all %zu at once", regs->offset,
			    regs->offset + regs->length, NUM_REGISTERS);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < RTE_DIM(bar1_registers); i++)
		*word++ = vmxnet3_dev_register(hw, bar1_registers[i]);
	for (unsigned int v = 0; v < VMXNET3_INTR_MAX; v++)
		*word++ = vmxnet3_dev_mask_register(hw, v);
	return 0;
}

static void
dump_rxq(FILE *f, const struct vmxnet3_rx_queue *rxq)
{
	fprintf(f,
		"rx queue %u: %u descriptors, buffers of %u bytes, completions at %u of %u%s%s\n",
		rxq->queue_id, rxq->ring_size, rxq->buf_len, rxq->comp_next, rxq->comp_size,
		rxq->rings[0].starving || rxq->rings[1].starving ? ", starving" : "",
		rxq->head != NULL ? ", a frame is open" : "");
	for (int i = 0; i < VMXNET3_RX_RINGS; i++) {
		const struct vmxnet3_rx_ring *ring = &rxq->rings[i];

		fprintf(f, "  ring %d: %u entries, %u posted, next %u, fill %u, gen %d\n", i + 1,
			ring->size, ring->posted, ring->next, ring->fill, ring->gen != 0);
	}
}

static void
dump_txq(FILE *f, const struct vmxnet3_tx_queue *txq)
{
	fprintf(f,
		"tx queue %u: %u descriptors, %u in flight, clean %u, fill %u, gen %d, completions "
		"at %u, %u packets without doorbell\n",
		txq->queue_id, txq->size, txq->in_flight, txq->clean, txq->fill, txq->gen != 0,
		txq->comp_next, txq->deferred);
}

/* A snapshot without locks: what moves meanwhile may not fit together. */
int
vmxnet3_dump(struct rte_eth_dev *dev, FILE *f)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	fprintf(f, "device %s: version %u, %s, at most %u rx and %u tx queues\n", hw->name,
		hw->caps.version, hw->active ? "active" : "stopped", hw->caps.max_rx_queues,
		hw->caps.max_tx_queues);
	fprintf(f, "rx mode 0x%x, permanent MAC " RTE_ETHER_ADDR_PRT_FMT "\n", hw->rx_mode,
		RTE_ETHER_ADDR_BYTES(&hw->caps.perm_mac));
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		if (dev->data->rx_queues[q] != NULL)
			dump_rxq(f, dev->data->rx_queues[q]);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		if (dev->data->tx_queues[q] != NULL)
			dump_txq(f, dev->data->tx_queues[q]);
	return 0;
}
