/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What driver and device agree on before anything else: version, capabilities, limits. [VMX3 13]
 */
#include "vmxnet3_dev.h"
#include "vmxnet3_log.h"

#define QUEUES_UNKNOWN 8 /* of either kind, when the device does not say */

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

/* Of what is offered, what is wanted; of that, what is granted. [VMX3 11.5] */
static void
negotiate_capabilities(struct vmxnet3_hw *hw)
{
	uint32_t wanted;

	hw->caps.granted = 0;
	hw->caps.disabled_offloads = 0;
	if (hw->caps.version >= 7) {
		wanted = bar1_read(hw, VMXNET3_BAR1_DCR(0)) & bar1_read(hw, VMXNET3_BAR1_PTCR(0)) &
			 VMXNET3_CAPS_WANTED;
		bar1_write(hw, VMXNET3_BAR1_DCR(0), wanted);
		hw->caps.granted = ask(hw, VMXNET3_CMD_GET_DCR0_REG) & wanted;
	}
	if (hw->caps.version >= 9)
		hw->caps.disabled_offloads = ask(hw, VMXNET3_CMD_GET_DISABLED_OFFLOADS);
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
	read_perm_mac(hw);
	/* The firmware, or a process that died, may have left it running. */
	vmxnet3_dev_quiesce(hw);
	return 0;
}
