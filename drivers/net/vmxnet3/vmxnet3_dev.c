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
#include "vmxnet3_pmd.h"

#define SHARED_SIZE RTE_ALIGN(sizeof(struct vmxnet3_shared), VMXNET3_QUEUE_TABLE_ALIGN)
#define QUEUE_TABLE_SIZE                                                                           \
	(VMXNET3_QUEUES_MAX_TX_V1 * sizeof(struct vmxnet3_tx_queue_desc) +                         \
	 VMXNET3_QUEUES_MAX_RX_V1 * sizeof(struct vmxnet3_rx_queue_desc))

static uint32_t
bar1_read(const struct vmxnet3_hw *hw, uint32_t reg)
{
	return rte_read32(hw->bar1 + reg);
}

static void
bar1_write(const struct vmxnet3_hw *hw, uint32_t reg, uint32_t value)
{
	rte_write32(value, hw->bar1 + reg);
}

/* A command without a result. */
void
vmxnet3_dev_tell(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	rte_spinlock_lock(&hw->cmd_lock);
	bar1_write(hw, VMXNET3_BAR1_CMD, (uint32_t)cmd);
	rte_spinlock_unlock(&hw->cmd_lock);
}

/* A command and its result: one register, so no other command may come between. [VMX3 4] */
static uint32_t
ask(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	uint32_t result;

	rte_spinlock_lock(&hw->cmd_lock);
	bar1_write(hw, VMXNET3_BAR1_CMD, (uint32_t)cmd);
	result = bar1_read(hw, VMXNET3_BAR1_CMD);
	rte_spinlock_unlock(&hw->cmd_lock);
	return result;
}

static int
pick_version(struct vmxnet3_hw *hw, unsigned int max_version)
{
	uint32_t offered = bar1_read(hw, VMXNET3_BAR1_VRRS);
	uint32_t usable = offered & PVN_MASK32(max_version - 1, 0);

	if (offered == UINT32_MAX || usable == 0) {
		VMXNET3_LOG(ERR, hw->name,
			    "device offers versions 0x%x, this driver knows 1 to %u: no common one",
			    offered, max_version);
		return -ENODEV;
	}
	hw->caps.version = (uint8_t)rte_fls_u32(usable);
	bar1_write(hw, VMXNET3_BAR1_VRRS, PVN_BIT32(hw->caps.version - 1));

	/* Only QEMU offers version 1 alone, and it refuses more than 8 rx queues. [VMX3 12.24] */
	hw->caps.max_tx_queues = VMXNET3_QUEUES_MAX_TX_V1;
	hw->caps.max_rx_queues = offered == 1 ? 8 : VMXNET3_QUEUES_MAX_RX_V1;
	hw->caps.max_mtu = VMXNET3_MTU_MAX_V1;
	return 0;
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
vmxnet3_dev_negotiate(struct vmxnet3_hw *hw, unsigned int max_version)
{
	uint32_t upt;
	int ret;

	ret = pick_version(hw, max_version);
	if (ret < 0)
		return ret;
	upt = bar1_read(hw, VMXNET3_BAR1_UVRS);
	if ((upt & VMXNET3_UPT_VERSION) == 0) {
		VMXNET3_LOG(ERR, hw->name, "device offers UPT versions 0x%x, 1 is needed", upt);
		return -ENODEV;
	}
	bar1_write(hw, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	read_perm_mac(hw);
	/* The firmware, or a process that died, may have left it running. */
	vmxnet3_dev_quiesce(hw);
	return 0;
}

int
vmxnet3_dev_shared_alloc(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	hw->zone = rte_eth_dma_zone_reserve(dev, "shared", 0, SHARED_SIZE + QUEUE_TABLE_SIZE,
					    VMXNET3_QUEUE_TABLE_ALIGN, dev->data->numa_node);
	if (hw->zone == NULL) {
		VMXNET3_LOG(ERR, hw->name, "no %zu contiguous bytes for the shared area: %s",
			    SHARED_SIZE + QUEUE_TABLE_SIZE, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	hw->shared = hw->zone->addr;
	hw->shared_iova = hw->zone->iova;
	hw->queue_table = RTE_PTR_ADD(hw->zone->addr, SHARED_SIZE);
	hw->queue_table_iova = hw->zone->iova + SHARED_SIZE;
	return 0;
}

void
vmxnet3_dev_shared_free(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (hw->zone != NULL)
		rte_eth_dma_zone_free(dev, "shared", 0);
	hw->zone = NULL;
	hw->shared = NULL;
	hw->queue_table = NULL;
}

struct vmxnet3_tx_queue_desc *
vmxnet3_dev_txq_desc(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_tx_queue_desc *table = vmxnet3_hw(dev)->queue_table;

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

/* Polled operation: one vector for everything, masked for good. [VMX3 9.2] */
static void
fill_interrupts(struct vmxnet3_hw *hw)
{
	uint32_t conf = ask(hw, VMXNET3_CMD_GET_CONF_INTR);

	hw->shared->auto_mask = pvn_field_get(VMXNET3_CONF_INTR_MASK_MODE, conf) == 0;
	hw->shared->num_intrs = 1;
	hw->shared->event_intr = 0;
	hw->shared->intr_ctrl = pvn_cpu_to_le32(VMXNET3_INTR_CTRL_DISABLE_ALL);
}

/* Start, step 2: all but what the queues write into their own entries. Zeroes those entries. */
void
vmxnet3_dev_shared_fill(struct rte_eth_dev *dev, uint16_t max_rx_pieces)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_shared *sh = hw->shared;
	unsigned int queues = dev->data->nb_tx_queues + dev->data->nb_rx_queues;

	memset(sh, 0, SHARED_SIZE + QUEUE_TABLE_SIZE);
	sh->magic = pvn_cpu_to_le32(VMXNET3_MAGIC);
	sh->guest_os = pvn_cpu_to_le32(sizeof(void *) == 8 ? VMXNET3_GUEST_OS_LINUX64
							   : VMXNET3_GUEST_OS_LINUX32);
	sh->device_revisions = pvn_cpu_to_le32(VMXNET3_DEVICE_REVISION);
	sh->upt_versions = pvn_cpu_to_le32(VMXNET3_UPT_VERSION);
	sh->queue_table_addr = pvn_cpu_to_le64(hw->queue_table_iova);
	sh->queue_table_len =
		pvn_cpu_to_le32(queues * (uint32_t)sizeof(struct vmxnet3_tx_queue_desc));
	sh->mtu = pvn_cpu_to_le32(dev->data->mtu);
	sh->max_rx_frags = pvn_cpu_to_le16(max_rx_pieces);
	sh->num_tx_queues = (uint8_t)dev->data->nb_tx_queues;
	sh->num_rx_queues = (uint8_t)dev->data->nb_rx_queues;
	fill_interrupts(hw);
}

static void
set_shared_address(const struct vmxnet3_hw *hw, rte_iova_t iova)
{
	bar1_write(hw, VMXNET3_BAR1_DSAL, (uint32_t)iova);
	bar1_write(hw, VMXNET3_BAR1_DSAH, (uint32_t)(iova >> 32));
}

/* Start, steps 4 and 5. */
int
vmxnet3_dev_activate(struct vmxnet3_hw *hw)
{
	uint32_t result;

	set_shared_address(hw, hw->shared_iova);
	result = ask(hw, VMXNET3_CMD_ACTIVATE);
	if (result != 0) {
		VMXNET3_LOG(ERR, hw->name,
			    "device refused to start (result 0x%x) with %u tx and %u rx queues, "
			    "MTU %u",
			    result, hw->shared->num_tx_queues, hw->shared->num_rx_queues,
			    pvn_le32_to_cpu(hw->shared->mtu));
		vmxnet3_dev_quiesce(hw); /* it may have begun all the same */
		return -EIO;
	}
	hw->active = true;
	return 0;
}

/* Stop: after it the device touches no memory of ours. Does no harm when it was stopped. */
void
vmxnet3_dev_quiesce(struct vmxnet3_hw *hw)
{
	hw->active = false;
	vmxnet3_dev_tell(hw, VMXNET3_CMD_QUIESCE);
	set_shared_address(hw, 0);
	vmxnet3_dev_tell(hw, VMXNET3_CMD_RESET);
}

void
vmxnet3_dev_mac_write(struct vmxnet3_hw *hw, const struct rte_ether_addr *mac)
{
	const uint8_t *b = mac->addr_bytes;

	bar1_write(hw, VMXNET3_BAR1_MACL,
		   (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0]);
	bar1_write(hw, VMXNET3_BAR1_MACH, (uint32_t)b[5] << 8 | b[4]);
}

/* Remembered when the device is stopped, told at once when it runs. */
void
vmxnet3_dev_rx_mode(struct vmxnet3_hw *hw, uint32_t set, uint32_t clear)
{
	hw->rx_mode = (hw->rx_mode & ~clear) | set;
	if (!hw->active)
		return;
	hw->shared->rx_mode = pvn_cpu_to_le32(hw->rx_mode);
	vmxnet3_dev_tell(hw, VMXNET3_CMD_UPDATE_RX_MODE);
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
	vmxnet3_dev_tell(hw, VMXNET3_CMD_GET_STATS);
	rte_mb();
}
