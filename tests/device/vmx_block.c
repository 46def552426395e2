/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Commands with an argument [VMX3 11]: coalescing, memory regions, sizes of the rings' buffers.
 */
#include <string.h>

#include "vmx_device_priv.h"

/* The block an argument points to; NULL, with a breach, when it is not described rightly. */
static void *
argument(struct vmx_device *dev, const char *name, size_t min_len, size_t *len)
{
	struct vmxnet3_block_ptr arg;
	void *block;

	memcpy(&arg, dev->shared->command_arg, sizeof(arg));
	*len = pvn_le32_to_cpu(arg.len);
	block = vmx_dma(dev, pvn_le64_to_cpu(arg.addr), *len);
	if (pvn_le32_to_cpu(arg.version) == 1 && *len >= min_len && block != NULL)
		return block;
	vmx_breach(dev, VMX_BREACH_SIDE_BLOCK, "%s: version %u, %zu bytes at 0x%llx", name,
		   pvn_le32_to_cpu(arg.version), *len,
		   (unsigned long long)pvn_le64_to_cpu(arg.addr));
	return NULL;
}

static bool
coalesce_fits(const uint32_t v[4])
{
	switch (v[0]) {
	case VMXNET3_COALESCE_OFF:
	case VMXNET3_COALESCE_ADAPTIVE:
		return true;
	case VMXNET3_COALESCE_STATIC:
		return v[1] <= VMXNET3_COALESCE_DEPTH_MAX && v[2] <= VMXNET3_COALESCE_DEPTH_MAX &&
		       v[3] <= VMXNET3_COALESCE_DEPTH_MAX;
	case VMXNET3_COALESCE_RATE:
		return v[1] >= VMXNET3_COALESCE_RATE_MIN && v[1] <= VMXNET3_COALESCE_RATE_MAX;
	default:
		return false;
	}
}

uint32_t
vmx_set_coalesce(struct vmx_device *dev)
{
	struct vmxnet3_coalesce block;
	uint32_t v[4];
	size_t len;
	const void *mem = argument(dev, "coalescing", sizeof(block), &len);

	if (mem == NULL)
		return 1;
	memcpy(&block, mem, sizeof(block));
	v[0] = pvn_le32_to_cpu(block.mode);
	for (int i = 0; i < 3; i++)
		v[1 + i] = pvn_le32_to_cpu(block.param[i]);
	if (len != sizeof(block) || !coalesce_fits(v)) {
		vmx_breach(dev, VMX_BREACH_COALESCE, "mode %u, values %u %u %u, %zu bytes", v[0],
			   v[1], v[2], v[3], len);
		return 1;
	}
	memcpy(dev->coalesce, v, sizeof(dev->coalesce));
	return 0;
}

uint32_t
vmx_get_coalesce(struct vmx_device *dev)
{
	struct vmxnet3_coalesce block;
	size_t len;
	void *mem = argument(dev, "coalescing", sizeof(block), &len);

	if (mem == NULL)
		return 1;
	block.mode = pvn_cpu_to_le32(dev->opts.coalesce[0]);
	for (int i = 0; i < 3; i++)
		block.param[i] = pvn_cpu_to_le32(dev->opts.coalesce[1 + i]);
	memcpy(mem, &block, sizeof(block));
	return 0;
}

static uint32_t
queue_mask(unsigned int num)
{
	return num >= 16 ? 0xFFFF : PVN_BIT32(num) - 1;
}

/* Counts the region for each of its queues; false when there are too many. */
static bool
count_region(unsigned int counts[16], uint32_t queues)
{
	bool ok = true;

	for (unsigned int q = 0; q < 16; q++) {
		if ((queues & PVN_BIT32(q)) != 0)
			ok &= ++counts[q] <= VMXNET3_MEMORY_REGIONS_PER_QUEUE;
	}
	return ok;
}

static bool
region_fits(struct vmx_device *dev, const struct vmxnet3_memory_region *r, unsigned int tx[16],
	    unsigned int rx[16])
{
	uint32_t len = pvn_le32_to_cpu(r->len);
	uint32_t tx_queues = pvn_le16_to_cpu(r->tx_queues);
	uint32_t rx_queues = pvn_le16_to_cpu(r->rx_queues);

	return len != 0 && vmx_dma(dev, pvn_le64_to_cpu(r->addr), len) != NULL &&
	       (tx_queues | rx_queues) != 0 && (tx_queues & ~queue_mask(dev->num_tx)) == 0 &&
	       (rx_queues & ~queue_mask(dev->num_rx)) == 0 && count_region(tx, tx_queues) &&
	       count_region(rx, rx_queues);
}

/* [VMX3 11.3] A hint; a host that does not take it loses nothing. */
uint32_t
vmx_register_memory(struct vmx_device *dev)
{
	const struct vmxnet3_memory_regions *head;
	const struct vmxnet3_memory_region *regions;
	unsigned int tx[16] = {0}, rx[16] = {0};
	unsigned int count;
	size_t len;

	head = argument(dev, "memory regions", sizeof(*head), &len);
	if (head == NULL)
		return 1;
	regions = (const void *)(head + 1);
	count = pvn_le16_to_cpu(head->count);
	if (count == 0 || count > VMXNET3_MEMORY_REGIONS_MAX ||
	    len != sizeof(*head) + count * sizeof(*regions)) {
		vmx_breach(dev, VMX_BREACH_MEMORY_REGIONS, "%u regions in %zu bytes", count, len);
		return 1;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (region_fits(dev, &regions[i], tx, rx))
			continue;
		vmx_breach(dev, VMX_BREACH_MEMORY_REGIONS, "region %u: 0x%llx, %u bytes", i,
			   (unsigned long long)pvn_le64_to_cpu(regions[i].addr),
			   pvn_le32_to_cpu(regions[i].len));
		return 1;
	}
	if (dev->opts.refuse_memory)
		return 1;
	dev->num_regions = count;
	for (unsigned int q = 0; q < 16; q++) {
		dev->regions_tx |= (uint16_t)((tx[q] != 0) << q);
		dev->regions_rx |= (uint16_t)((rx[q] != 0) << q);
	}
	return 0;
}

/* [VMX3 11.4] What it says of heads must be true of those that are posted. */
uint32_t
vmx_set_ring_buffers(struct vmx_device *dev)
{
	struct vmxnet3_ring_buffer_size size;
	uint32_t head;

	memcpy(&size, dev->shared->command_arg, sizeof(size));
	head = pvn_le16_to_cpu(size.ring1_head);
	if (head < VMXNET3_RX_HEAD_MIN || head > VMXNET3_RX_BUF_MAX || size.reserved6 != 0)
		vmx_breach(dev, VMX_BREACH_RING_BUFFERS, "heads of %u bytes, reserved %u", head,
			   pvn_le16_to_cpu(size.reserved6));
	for (unsigned int q = 0; q < dev->num_rx; q++) {
		const struct vmx_ring *ring = &dev->rxq[q].ring[0];
		uint32_t word2 = ring->owned == 0 ? 0 : ring->shadow[ring->clean].word2;
		uint32_t posted = pvn_field_get(VMXNET3_RXD2_LEN, pvn_le32_to_cpu(word2));

		if (ring->owned != 0 && posted != head)
			vmx_breach(dev, VMX_BREACH_RING_BUFFERS, "%s: heads of %u bytes, not %u",
				   ring->name, posted, head);
	}
	dev->ring_buffers[0] = (uint16_t)head;
	dev->ring_buffers[1] = pvn_le16_to_cpu(size.ring1_body);
	dev->ring_buffers[2] = pvn_le16_to_cpu(size.ring2_body);
	return 0;
}
