/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The dialogue about settings: what the device is told while it runs, and remembered when it does
 * not.
 */
#include "vmxnet3_dev.h"

/* Two registers: the second makes the address count. */
void
vmxnet3_dev_mac_write(struct vmxnet3_hw *hw, const struct rte_ether_addr *mac)
{
	const uint8_t *b = mac->addr_bytes;

	lock(hw);
	bar1_write(hw, VMXNET3_BAR1_MACL,
		   (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0]);
	bar1_write(hw, VMXNET3_BAR1_MACH, (uint32_t)b[5] << 8 | b[4]);
	unlock(hw);
}

/* Remembered when the device is stopped, told at once when it runs. */
void
vmxnet3_dev_rx_mode(struct vmxnet3_hw *hw, uint32_t set, uint32_t clear)
{
	lock(hw);
	hw->rx_mode = (hw->rx_mode & ~clear) | set;
	if (hw->active) {
		hw->shared->rx_mode = pvn_cpu_to_le32(hw->rx_mode);
		tell_locked(hw, VMXNET3_CMD_UPDATE_RX_MODE);
	}
	unlock(hw);
}

/* Told at once when the device runs. */
void
vmxnet3_dev_features(struct vmxnet3_hw *hw, uint64_t set, uint64_t clear)
{
	lock(hw);
	hw->shared->features =
		pvn_cpu_to_le64((pvn_le64_to_cpu(hw->shared->features) & ~clear) | set);
	if (hw->active)
		tell_locked(hw, VMXNET3_CMD_UPDATE_FEATURE);
	unlock(hw);
}

/* With filtering off every tag passes: QEMU takes an empty bitmap for "none". [VMX3 12.15] */
void
vmxnet3_dev_vlan_filter(struct vmxnet3_hw *hw, bool on)
{
	lock(hw);
	for (size_t i = 0; i < RTE_DIM(hw->dma->vlan_bitmap); i++)
		hw->shared->vlan_bitmap[i] =
			pvn_cpu_to_le32(on ? hw->dma->vlan_bitmap[i] : UINT32_MAX);
	tell_locked(hw, VMXNET3_CMD_UPDATE_VLAN_FILTERS);
	unlock(hw);
}

/* Remembered in any case; `filtering`: the device is to be told. */
void
vmxnet3_dev_vlan_set(struct vmxnet3_hw *hw, uint16_t vlan, bool accept, bool filtering)
{
	uint32_t *word = &hw->dma->vlan_bitmap[vlan / 32];
	uint32_t bit = PVN_BIT32(vlan % 32);

	lock(hw);
	*word = accept ? *word | bit : *word & ~bit;
	if (hw->active && filtering) {
		hw->shared->vlan_bitmap[vlan / 32] = pvn_cpu_to_le32(*word);
		tell_locked(hw, VMXNET3_CMD_UPDATE_VLAN_FILTERS);
	}
	unlock(hw);
}

/* The list as it stands in the zone. With the lock. */
static void
tell_mcast(struct vmxnet3_hw *hw)
{
	uint16_t num = hw->dma->num_mcast;

	hw->shared->mcast_list_addr = pvn_cpu_to_le64(num == 0 ? 0 : dma_iova(hw, hw->dma->mcast));
	hw->shared->mcast_list_len = pvn_cpu_to_le16((uint16_t)(num * RTE_ETHER_ADDR_LEN));
	tell_locked(hw, VMXNET3_CMD_UPDATE_MAC_FILTERS);
}

/* At most VMXNET3_MCAST_MAX. Remembered when the device is stopped. */
void
vmxnet3_dev_mcast(struct vmxnet3_hw *hw, const struct rte_ether_addr *list, uint32_t num)
{
	lock(hw);
	if (num > 0)
		memcpy(hw->dma->mcast, list, num * sizeof(*list));
	hw->dma->num_mcast = (uint16_t)num;
	if (hw->active)
		tell_mcast(hw);
	unlock(hw);
	vmxnet3_dev_rx_mode(hw, num > 0 ? VMXNET3_RXM_MCAST : 0, num > 0 ? 0 : VMXNET3_RXM_MCAST);
}

/* The list of before, at start. */
void
vmxnet3_dev_mcast_tell(struct vmxnet3_hw *hw)
{
	lock(hw);
	if (hw->dma->num_mcast > 0)
		tell_mcast(hw);
	unlock(hw);
}
