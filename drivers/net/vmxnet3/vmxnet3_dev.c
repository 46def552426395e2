/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The dialogue with the device: registers, commands and the shared area; the only user of MMIO but
 * for the doorbells of the burst functions. The order of the steps is that of [VMX3 13]:
 *
 *   probe      negotiate: version, UPT; take the device out of whatever state it was left in
 *   start      shared_fill, DSAL/DSAH, ACTIVATE, MAC (QEMU resets it at ACTIVATE), rx mode, VLANs
 *   stop       QUIESCE, forget the shared area, RESET: the device owns no buffer afterwards
 *
 * Nothing here waits: each command is done when its result can be read. A device that was unplugged
 * reads as all ones or zeros and makes every step fail or do nothing, never loop.
 */
#include <errno.h>

#include <rte_io.h>

#include "vmxnet3_log.h"
#include "vmxnet3_dev.h"

#define QUEUES_UNKNOWN 8 /* of either kind, when the device does not say */

/* Once in the life of a port; hw->name and the BARs are set. */
int
vmxnet3_dev_init(struct vmxnet3_hw *hw)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (ret == 0) {
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
		ret = pthread_mutex_init(&hw->lock, &attr);
		pthread_mutexattr_destroy(&attr);
	}
	return -ret;
}

/* 0 or less, as a signed number, means that nobody knows. [VMX3 4] */
static uint8_t
clamp_queues(uint32_t queues, uint32_t conf)
{
	if ((int32_t)conf <= 0 || queues == 0)
		return QUEUES_UNKNOWN;
	return (uint8_t)RTE_MIN(queues, VMXNET3_QUEUES_MAX_V6);
}

static int
pick_version(struct vmxnet3_hw *hw)
{
	uint32_t offered = bar1_read(hw, VMXNET3_BAR1_VRRS);
	uint32_t usable = offered & PVN_MASK32(hw->max_version - 1, 0);

	if (offered == UINT32_MAX || usable == 0) {
		VMXNET3_LOG(ERR, hw->name,
			    "device offers versions 0x%x, this driver knows 1 to %u: no common one",
			    offered, hw->max_version);
		return -ENODEV;
	}
	hw->caps.version = (uint8_t)rte_fls_u32(usable);
	bar1_write(hw, VMXNET3_BAR1_VRRS, PVN_BIT32(hw->caps.version - 1));

	hw->caps.is_qemu = offered == 1; /* only QEMU offers version 1 alone [VMX3 12.24] */
	return 0;
}

/* Before version 6 nobody tells; but QEMU refuses more than 8 rx queues. [VMX3 12.3] */
static void
find_limits(struct vmxnet3_hw *hw)
{
	struct vmxnet3_caps *caps = &hw->caps;
	uint32_t conf;

	caps->max_tx_queues = VMXNET3_QUEUES_MAX_TX_V1;
	caps->max_rx_queues = caps->is_qemu ? QUEUES_UNKNOWN : VMXNET3_QUEUES_MAX_RX_V1;
	caps->max_mtu = VMXNET3_MTU_MAX_V1;
	if (caps->version < 6)
		return;
	caps->max_mtu = VMXNET3_MTU_MAX_V6;
	conf = ask(hw, VMXNET3_CMD_GET_MAX_QUEUES_CONF);
	caps->max_tx_queues = clamp_queues(pvn_field_get(VMXNET3_MAX_QUEUES_TX, conf), conf);
	caps->max_rx_queues = clamp_queues(pvn_field_get(VMXNET3_MAX_QUEUES_RX, conf), conf);
}

/*
 * Of what is offered, what is wanted. Nothing that pass-through mode lacks: asking for it would
 * keep the device out of that mode; with the error bit there is no such mode. The large BAR is
 * needed for it, and counts as soon as it is granted: the BAR must be that large. [VMX3 11.5]
 */
static uint32_t
wanted_capabilities(const struct vmxnet3_hw *hw)
{
	uint32_t offered = bar1_read(hw, VMXNET3_BAR1_DCR(0));
	uint32_t pass_through = bar1_read(hw, VMXNET3_BAR1_PTCR(0));
	uint32_t wanted = VMXNET3_CAPS_WANTED;

	if ((offered & VMXNET3_CAP_ERROR) != 0)
		return 0;
	if ((pass_through & VMXNET3_CAP_ERROR) == 0)
		wanted &= pass_through;
	if (hw->bar0_size >= VMXNET3_LARGE_BAR0_SIZE)
		wanted |= VMXNET3_CAP_LARGE_BAR;
	return wanted & offered;
}

/* Of what is wanted, what is granted. */
static void
negotiate_capabilities(struct vmxnet3_hw *hw)
{
	uint32_t wanted, granted;

	hw->caps.granted = 0;
	hw->caps.disabled_offloads = 0;
	if (hw->caps.version >= 7) {
		wanted = wanted_capabilities(hw);
		bar1_write(hw, VMXNET3_BAR1_DCR(0), wanted);
		granted = ask(hw, VMXNET3_CMD_GET_DCR0_REG);
		if ((granted & VMXNET3_CAP_ERROR) == 0)
			hw->caps.granted = granted & wanted;
	}
	if (hw->caps.version >= 9)
		hw->caps.disabled_offloads = ask(hw, VMXNET3_CMD_GET_DISABLED_OFFLOADS);
}

/* Where the doorbells are. */
bool
vmxnet3_dev_has_large_bar(const struct vmxnet3_hw *hw)
{
	return (hw->caps.granted & VMXNET3_CAP_LARGE_BAR) != 0;
}

/* The permanent one: MACL and MACH may still hold what an earlier process set. */
static void
read_perm_mac(struct vmxnet3_hw *hw)
{
	uint32_t lo = ask(hw, VMXNET3_CMD_GET_PERM_MAC_LO);
	uint32_t hi = ask(hw, VMXNET3_CMD_GET_PERM_MAC_HI);
	uint8_t *b = hw->caps.perm_mac.addr_bytes;

	for (int i = 0; i < 4; i++)
		b[i] = (uint8_t)(lo >> (8 * i));
	for (int i = 0; i < 2; i++)
		b[4 + i] = (uint8_t)(hi >> (8 * i));
}

/* Steps 2, 3, 5 and 6 of the probe. [VMX3 13] */
int
vmxnet3_dev_negotiate(struct vmxnet3_hw *hw)
{
	uint32_t upt;
	int ret;

	ret = pick_version(hw);
	if (ret < 0)
		return ret;
	upt = bar1_read(hw, VMXNET3_BAR1_UVRS);
	if ((upt & VMXNET3_UPT_VERSION) == 0) {
		VMXNET3_LOG(ERR, hw->name, "device offers UPT versions 0x%x, 1 is needed", upt);
		return -ENODEV;
	}
	bar1_write(hw, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	negotiate_capabilities(hw);
	find_limits(hw);
	vmxnet3_dev_data_slots(hw);
	read_perm_mac(hw);
	/* The firmware, or a process that died, may have left it running. */
	vmxnet3_dev_quiesce(hw);
	return 0;
}

int
vmxnet3_dev_shared_alloc(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	hw->zone = rte_eth_dma_zone_reserve(dev, "shared", 0, sizeof(struct vmxnet3_dma),
					    VMXNET3_QUEUE_TABLE_ALIGN, dev->data->numa_node);
	if (hw->zone == NULL) {
		VMXNET3_LOG(ERR, hw->name, "no %zu contiguous bytes for the shared area: %s",
			    sizeof(struct vmxnet3_dma), rte_strerror(rte_errno));
		return -ENOMEM;
	}
	hw->dma = hw->zone->addr;
	hw->shared = &hw->dma->shared.v1;
	memset(hw->dma, 0, sizeof(*hw->dma));
	return 0;
}

void
vmxnet3_dev_shared_free(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (hw->zone != NULL)
		rte_eth_dma_zone_free(dev, "shared", 0);
	hw->zone = NULL;
	hw->dma = NULL;
	hw->shared = NULL;
}

struct vmxnet3_tx_queue_desc *
vmxnet3_dev_txq_desc(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_tx_queue_desc *table = (void *)vmxnet3_hw(dev)->dma->queue_table;

	return &table[queue];
}

/* The rx queues' entries begin where those of the tx queues in use end. [VMX3 6] */
struct vmxnet3_rx_queue_desc *
vmxnet3_dev_rxq_desc(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_rx_queue_desc *table =
		(void *)vmxnet3_dev_txq_desc(dev, dev->data->nb_tx_queues);

	return &table[queue];
}

/* With more queues than the block was made for, another one counts. [VMX3 9.4] */
static bool
has_many_queues(const struct rte_eth_dev *dev)
{
	return dev->data->nb_tx_queues > VMXNET3_QUEUES_MAX_TX_V1 ||
	       dev->data->nb_rx_queues > VMXNET3_QUEUES_MAX_RX_V1;
}

/* All disabled, until vmxnet3_dev_intr_enable(). */
static void
fill_interrupts(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_intr_ext *ext = &hw->dma->shared.intr;
	uint32_t conf = ask(hw, VMXNET3_CMD_GET_CONF_INTR);
	uint8_t auto_mask = pvn_field_get(VMXNET3_CONF_INTR_MASK_MODE, conf) == 0;
	uint8_t num = hw->intr.quiet + 1;

	if (has_many_queues(dev)) {
		ext->auto_mask = auto_mask;
		ext->num_intrs = num;
		ext->event_intr = VMXNET3_VECTOR_EVENT;
		hw->intr_ctrl = &ext->intr_ctrl;
	} else {
		hw->shared->auto_mask = auto_mask;
		hw->shared->num_intrs = num;
		hw->shared->event_intr = VMXNET3_VECTOR_EVENT;
		hw->intr_ctrl = &hw->shared->intr_ctrl;
	}
	*hw->intr_ctrl = pvn_cpu_to_le32(VMXNET3_INTR_CTRL_DISABLE_ALL);
}

/* Start, step 2: all but what the queues write into their own entries. Zeroes those entries. */
void
vmxnet3_dev_shared_fill(struct rte_eth_dev *dev, uint32_t mtu, uint16_t max_rx_pieces)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_shared *sh = hw->shared;
	unsigned int queues = dev->data->nb_tx_queues + dev->data->nb_rx_queues;

	memset(&hw->dma->shared, 0, sizeof(hw->dma->shared));
	memset(hw->dma->queue_table, 0, sizeof(hw->dma->queue_table));
	sh->magic = pvn_cpu_to_le32(VMXNET3_MAGIC);
	sh->guest_os = pvn_cpu_to_le32(sizeof(void *) == 8 ? VMXNET3_GUEST_OS_LINUX64
							   : VMXNET3_GUEST_OS_LINUX32);
	sh->device_revisions = pvn_cpu_to_le32(VMXNET3_DEVICE_REVISION);
	sh->upt_versions = pvn_cpu_to_le32(VMXNET3_UPT_VERSION);
	sh->queue_table_addr = pvn_cpu_to_le64(dma_iova(hw, hw->dma->queue_table));
	sh->queue_table_len =
		pvn_cpu_to_le32(queues * (uint32_t)sizeof(struct vmxnet3_tx_queue_desc));
	sh->mtu = pvn_cpu_to_le32(mtu);
	sh->max_rx_frags = pvn_cpu_to_le16(max_rx_pieces);
	sh->num_tx_queues = (uint8_t)dev->data->nb_tx_queues;
	sh->num_rx_queues = (uint8_t)dev->data->nb_rx_queues;
	fill_interrupts(dev);
}

static void
set_shared_address(const struct vmxnet3_hw *hw, rte_iova_t iova)
{
	bar1_write(hw, VMXNET3_BAR1_DSAL, (uint32_t)iova);
	bar1_write(hw, VMXNET3_BAR1_DSAH, (uint32_t)(iova >> 32));
}

/* With the lock: nobody may tell the device to look at a shared area that is gone. */
static void
quiesce_locked(struct vmxnet3_hw *hw)
{
	hw->active = false;
	tell_locked(hw, VMXNET3_CMD_QUIESCE);
	set_shared_address(hw, 0);
	tell_locked(hw, VMXNET3_CMD_RESET);
}

/* Start, steps 4 and 5. */
int
vmxnet3_dev_activate(struct vmxnet3_hw *hw)
{
	uint32_t result;

	lock(hw);
	set_shared_address(hw, dma_iova(hw, hw->shared));
	result = ask_locked(hw, VMXNET3_CMD_ACTIVATE);
	if (result == 0)
		hw->active = true;
	else
		quiesce_locked(hw); /* it may have begun all the same */
	hw->failed = false;
	unlock(hw);
	if (result == 0)
		return 0;
	VMXNET3_LOG(ERR, hw->name,
		    "device refused to start (result 0x%x) with %u tx and %u rx queues, MTU %u",
		    result, hw->shared->num_tx_queues, hw->shared->num_rx_queues,
		    pvn_le32_to_cpu(hw->shared->mtu));
	return -EIO;
}

/* Stop: after it the device touches no memory of ours. Does no harm when it was stopped. */
void
vmxnet3_dev_quiesce(struct vmxnet3_hw *hw)
{
	lock(hw);
	quiesce_locked(hw);
	unlock(hw);
}

uint32_t
vmxnet3_dev_register(const struct vmxnet3_hw *hw, uint32_t bar1_offset)
{
	return bar1_read(hw, bar1_offset);
}

uint32_t
vmxnet3_dev_mask_register(const struct vmxnet3_hw *hw, unsigned int vector)
{
	return rte_read32(hw->bar0 + VMXNET3_BAR0_IMR(vector));
}

/* After ACTIVATE: how large the buffers of ring 1 are, and those of ring 2. [VMX3 11.4] */
void
vmxnet3_dev_buffer_sizes(struct vmxnet3_hw *hw, uint16_t head, uint16_t body)
{
	struct vmxnet3_ring_buffer_size arg = {
		.ring1_head = pvn_cpu_to_le16(head),
		.ring2_body = pvn_cpu_to_le16(body),
	};

	if (hw->caps.version < 7)
		return;
	lock(hw);
	memcpy(hw->shared->command_arg, &arg, sizeof(arg));
	tell_locked(hw, VMXNET3_CMD_SET_RING_BUFFER_SIZE);
	memset(hw->shared->command_arg, 0, sizeof(hw->shared->command_arg));
	unlock(hw);
}

/* A hint only, so that the host may keep this memory mapped; nobody asks whether it was taken. The
 * argument and the regions (a header and its entries) are read while the command runs. */
void
vmxnet3_dev_memory_regions(struct vmxnet3_hw *hw, const void *regions, uint32_t len)
{
	struct vmxnet3_block_ptr arg = {
		.version = pvn_cpu_to_le32(1),
		.len = pvn_cpu_to_le32(len),
		.addr = pvn_cpu_to_le64(dma_iova(hw, regions)),
	};

	static_assert(sizeof(arg) == sizeof(hw->shared->command_arg), "[VMX3 11.3]");
	lock(hw);
	memcpy(hw->shared->command_arg, &arg, sizeof(arg));
	ask_locked(hw, VMXNET3_CMD_REGISTER_MEMREGS);
	memset(hw->shared->command_arg, 0, sizeof(hw->shared->command_arg));
	unlock(hw);
}

/* Before ACTIVATE, with the block filled: RSS is wanted. */
void
vmxnet3_dev_rss_block(struct vmxnet3_hw *hw)
{
	struct vmxnet3_shared *sh = hw->shared;

	sh->features |= pvn_cpu_to_le64(VMXNET3_FEATURE_RSS);
	sh->rss.version = pvn_cpu_to_le32(1);
	sh->rss.len = pvn_cpu_to_le32(sizeof(hw->dma->rss));
	sh->rss.addr = pvn_cpu_to_le64(dma_iova(hw, &hw->dma->rss));
}

void
vmxnet3_dev_rss_table(struct vmxnet3_hw *hw, const uint8_t *table, uint16_t size)
{
	lock(hw);
	if (hw->active) {
		memcpy(hw->dma->rss.table, table, size);
		tell_locked(hw, VMXNET3_CMD_UPDATE_RSSIDT);
	}
	unlock(hw);
}

/* Returns those that count from now on. Version 4. */
uint32_t
vmxnet3_dev_rss_fields(struct vmxnet3_hw *hw, uint32_t fields)
{
	pvn_le32 arg = pvn_cpu_to_le32(fields);
	uint32_t applied;

	lock(hw);
	memcpy(hw->shared->command_arg, &arg, sizeof(arg));
	ask_locked(hw, VMXNET3_CMD_SET_RSS_FIELDS);
	memset(hw->shared->command_arg, 0, sizeof(hw->shared->command_arg));
	applied = ask_locked(hw, VMXNET3_CMD_GET_RSS_FIELDS);
	unlock(hw);
	return applied & fields;
}

/* Nothing while the device is stopped: QEMU ignores it then, and nobody knows what others do. */
void
vmxnet3_dev_mask(struct vmxnet3_hw *hw, unsigned int vector, bool mask)
{
	lock(hw);
	if (hw->active)
		rte_write32(mask, hw->bar0 + VMXNET3_BAR0_IMR(vector));
	unlock(hw);
}

void
vmxnet3_dev_intr_enable(struct vmxnet3_hw *hw, bool enable)
{
	__atomic_store_n(hw->intr_ctrl, pvn_cpu_to_le32(enable ? 0 : VMXNET3_INTR_CTRL_DISABLE_ALL),
			 __ATOMIC_RELEASE);
}

/* The events since the last call, acknowledged. [VMX3 9.3] */
uint32_t
vmxnet3_dev_take_events(struct vmxnet3_hw *hw)
{
	uint32_t events = 0;

	lock(hw);
	if (hw->active)
		events = pvn_le32_to_cpu(__atomic_load_n(&hw->shared->events, __ATOMIC_ACQUIRE));
	if (events != 0)
		bar1_write(hw, VMXNET3_BAR1_ECR, events);
	unlock(hw);
	return events;
}

/* Each queue's stopped flag and reason are current afterwards. */
void
vmxnet3_dev_queue_status(struct vmxnet3_hw *hw)
{
	tell(hw, VMXNET3_CMD_GET_QUEUE_STATUS);
	rte_mb();
}

/* All ones is what a device that is gone reads as. */
bool
vmxnet3_dev_link(struct vmxnet3_hw *hw, uint32_t *speed_mbps)
{
	uint32_t link = ask(hw, VMXNET3_CMD_GET_LINK);

	if (link == UINT32_MAX || (link & VMXNET3_LINK_UP) == 0)
		return false;
	*speed_mbps = pvn_field_get(VMXNET3_LINK_SPEED, link);
	return true;
}

/* The counters in the queue table are current afterwards: the command is synchronous. No counter
 * may be read ahead of it. */
void
vmxnet3_dev_stats_refresh(struct vmxnet3_hw *hw)
{
	tell(hw, VMXNET3_CMD_GET_STATS);
	rte_mb();
}
