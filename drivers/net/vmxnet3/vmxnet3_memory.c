/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Memory regions [VMX3 11.3], version 3 on: where the mbufs of each rx queue's pool are, so that
 * the host may keep that memory mapped instead of looking up each buffer. Packets to be sent mostly
 * come out of the same pools, so all tx queues are named with each region.
 *
 * It is a hint. There is room for 16 regions of a queue, 256 in all, for the first 16 queues;
 * memory beyond that is not named. Neighbouring chunks of a pool become one region.
 */
#include "vmxnet3_pmd.h"

static_assert(offsetof(struct vmxnet3_dma, regions) ==
		      offsetof(struct vmxnet3_dma, num_regions) +
			      sizeof(struct vmxnet3_memory_regions),
	      "[VMX3 11.3]");

#define QUEUES 16 /* bits of a region's bitmaps */

struct list {
	struct vmxnet3_memory_region *at;
	uint16_t num;
	uint16_t first; /* of this pool */
	uint16_t max;
	uint16_t tx_queues;
	uint16_t rx_queues;
};

/* Does the chunk lie right behind the region? Then it is part of it. */
static bool
extend(struct vmxnet3_memory_region *region, const struct rte_mempool_memhdr *chunk)
{
	uint64_t len = pvn_le32_to_cpu(region->len);

	if (pvn_le64_to_cpu(region->addr) + len != chunk->iova || len + chunk->len > UINT32_MAX)
		return false;
	region->len = pvn_cpu_to_le32((uint32_t)(len + chunk->len));
	return true;
}

static void
add_chunk(struct rte_mempool *pool __rte_unused, void *opaque, struct rte_mempool_memhdr *chunk,
	  unsigned int index __rte_unused)
{
	struct list *list = opaque;
	struct vmxnet3_memory_region *new = &list->at[list->num];

	if (chunk->iova == RTE_BAD_IOVA || chunk->len > UINT32_MAX)
		return;
	if (list->num > list->first && extend(new - 1, chunk))
		return;
	if (list->num == list->max)
		return;
	new->addr = pvn_cpu_to_le64(chunk->iova);
	new->len = pvn_cpu_to_le32((uint32_t)chunk->len);
	new->tx_queues =
		pvn_cpu_to_le16(list->num < VMXNET3_MEMORY_REGIONS_PER_QUEUE ? list->tx_queues : 0);
	new->rx_queues = pvn_cpu_to_le16(list->rx_queues);
	list->num++;
}

/* The queues that use this queue's pool, if it is the first of them; else 0. */
static uint16_t
users_of_pool(const struct rte_eth_dev *dev, uint16_t queue)
{
	const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[queue];
	uint16_t users = 0;

	for (uint16_t q = 0; q < RTE_MIN(dev->data->nb_rx_queues, QUEUES); q++) {
		const struct vmxnet3_rx_queue *other = dev->data->rx_queues[q];

		if (other->pool != rxq->pool)
			continue;
		if (q < queue)
			return 0;
		users |= (uint16_t)(1u << q);
	}
	return users;
}

void
vmxnet3_memory_tell(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct list list = {
		.at = hw->dma->regions,
		.tx_queues = (uint16_t)((1u << RTE_MIN(dev->data->nb_tx_queues, QUEUES)) - 1),
	};

	if (hw->caps.version < 3)
		return;
	for (uint16_t q = 0; q < RTE_MIN(dev->data->nb_rx_queues, QUEUES); q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		list.rx_queues = users_of_pool(dev, q);
		if (list.rx_queues == 0)
			continue;
		list.first = list.num;
		list.max = RTE_MIN(list.num + VMXNET3_MEMORY_REGIONS_PER_QUEUE,
				   VMXNET3_MEMORY_REGIONS_MAX);
		rte_mempool_mem_iter(rxq->pool, add_chunk, &list);
	}
	if (list.num == 0)
		return;
	hw->dma->num_regions.count = pvn_cpu_to_le16(list.num);
	vmxnet3_dev_memory_regions(
		hw, &hw->dma->num_regions,
		sizeof(hw->dma->num_regions) + list.num * (uint32_t)sizeof(*list.at));
}
