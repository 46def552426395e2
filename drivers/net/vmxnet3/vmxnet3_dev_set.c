/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The dialogue about settings: what the device is told while it runs, and remembered when it does
 * not.
 */
#include "vmxnet3_dev.h"
#include "vmxnet3_log.h"

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

/* ---- data rings ---- */

static bool
is_slot_size(uint32_t size, uint32_t least)
{
	return size >= least && size <= VMXNET3_DATA_SLOT_MAX && size % VMXNET3_DATA_SLOT_STEP == 0;
}

/* Of the rx data ring the driver says how large its slots are, until version 9 tells; a host that
 * tells none has no use for one. [VMX3 8.6] */
static uint16_t
rx_slot_size(const struct vmxnet3_hw *hw, uint32_t told)
{
	const uint32_t size = pvn_field_get(VMXNET3_DATA_SLOT_RX, told);

	if (hw->caps.version < 3)
		return 0;
	if (hw->caps.version < 9)
		return VMXNET3_RX_DATA_SLOT;
	return is_slot_size(size, VMXNET3_DATA_SLOT_STEP) ? (uint16_t)size : 0;
}

/* What told is nonsense is taken for the size of old. [VMX3 7.6] */
static uint16_t
tx_slot_size(uint32_t told)
{
	const uint32_t size = pvn_field_get(VMXNET3_DATA_SLOT_TX, told);

	return is_slot_size(size, VMXNET3_TX_DATA_SLOT_MIN) ? (uint16_t)size
							    : VMXNET3_TX_DATA_SLOT_OLD;
}

/* By itself the driver uses them where both are to be had, and never on QEMU, which has version 1
 * and no use for them. [VMX3 16] */
static bool
is_wanted(const struct vmxnet3_hw *hw, enum vmxnet3_choice choice)
{
	return choice == VMXNET3_AUTO ? hw->caps.version >= 3 : choice == VMXNET3_ON;
}

/* Which data rings are used, with slots of which size. */
void
vmxnet3_dev_data_slots(struct vmxnet3_hw *hw)
{
	uint32_t told = 0;

	if (hw->caps.version >= 3)
		told = ask(hw, VMXNET3_CMD_GET_TXDATA_DESC_SIZE);
	hw->tx_data_slot = is_wanted(hw, hw->tx_data) ? tx_slot_size(told) : 0;
	hw->rx_data_slot = is_wanted(hw, hw->rx_data) ? rx_slot_size(hw, told) : 0;
	if (hw->rx_data == VMXNET3_ON && hw->rx_data_slot == 0)
		VMXNET3_LOG(
			NOTICE, hw->name,
			"rx_data=on: device version %u, slots of %u bytes: there is a ring from "
			"version 3 on, of version 9 if the host tells a multiple of %u up to %u; "
			"none is used",
			hw->caps.version, pvn_field_get(VMXNET3_DATA_SLOT_RX, told),
			VMXNET3_DATA_SLOT_STEP, VMXNET3_DATA_SLOT_MAX);
}
