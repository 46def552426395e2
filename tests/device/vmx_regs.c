/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * BAR1: registers [VMX3 3]; BAR0 when it is trapped [VMX3 2].
 */
#include <string.h>

#include "vmx_device_priv.h"

#define ALL_ONES 0xFFFFFFFFu

uint32_t
vmx_mac_low(const uint8_t mac[6])
{
	return mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
}

uint32_t
vmx_mac_high(const uint8_t mac[6])
{
	return mac[4] | (uint32_t)mac[5] << 8;
}

/* [VMX3 3] Exactly one bit, of those offered. */
static void
pick_version(struct vmx_device *dev, uint32_t value)
{
	if (value == 0 || (value & (value - 1)) != 0 || (value & dev->opts.versions) == 0) {
		vmx_breach(dev, VMX_BREACH_VERSION, "picked 0x%x of 0x%x", value,
			   dev->opts.versions);
		return;
	}
	dev->version = (unsigned int)__builtin_ctz(value) + 1;
}

static void
pick_upt(struct vmx_device *dev, uint32_t value)
{
	dev->upt_picked = value == VMXNET3_UPT_VERSION;
	if (!dev->upt_picked)
		vmx_breach(dev, VMX_BREACH_UPT_VERSION, "picked 0x%x", value);
}

static void
write_dsal(struct vmx_device *dev, uint32_t value)
{
	dev->dsal = value;
	dev->dsal_written = true;
	if (value == 0)
		vmx_deactivate(dev);
}

static void
write_dsah(struct vmx_device *dev, uint32_t value)
{
	if (!dev->dsal_written)
		vmx_breach(dev, VMX_BREACH_DSAH_MISSING, "DSAH written before DSAL");
	dev->dsal_written = false;
	dev->shared_addr = (uint64_t)value << 32 | dev->dsal;
	dev->shared_set = dev->shared_addr != 0;
}

/* The address counts from here on. [VMX3 3] bits 16-31 are ignored. */
static void
write_mach(struct vmx_device *dev, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		dev->mac[i] = (uint8_t)(dev->macl >> (8 * i));
	dev->mac[4] = (uint8_t)value;
	dev->mac[5] = (uint8_t)(value >> 8);
	dev->macl_pending = false;
	dev->mac_early = false; /* if inactive, ACTIVATE decides */
}

static void
write_ecr(struct vmx_device *dev, uint32_t value)
{
	dev->events &= ~value;
	if (dev->shared != NULL)
		dev->shared->events = pvn_cpu_to_le32(dev->events);
}

static bool
is_word_of(uint32_t offset, uint32_t first, uint32_t num)
{
	return offset % 8 == 0 && offset >= first && offset < first + 8 * num;
}

/* [VMX3 11.5] What was not offered cannot be had. */
static void
write_dcr0(struct vmx_device *dev, uint32_t value)
{
	if ((value & ~dev->opts.capabilities) != 0)
		vmx_breach(dev, VMX_BREACH_CAPABILITY, "0x%x of 0x%x", value,
			   dev->opts.capabilities);
	dev->granted = value & dev->opts.capabilities & ~dev->opts.not_granted;
}

static void
write_other(struct vmx_device *dev, uint32_t offset, uint32_t value)
{
	bool dcr =
		vmx_is_version(dev, 7) && is_word_of(offset, VMXNET3_BAR1_DCR(0), VMXNET3_NUM_DCR);

	if (dcr && offset == VMXNET3_BAR1_DCR(0))
		write_dcr0(dev, value);
	else if (dcr && value != 0)
		vmx_breach(dev, VMX_BREACH_CAPABILITY, "0x%x in a word without any", value);
	else if (!dcr)
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "write of BAR1 offset 0x%x", offset);
}

/* [VMX3 11.5] */
static uint32_t
pass_through(const struct vmx_device *dev)
{
	if (dev->opts.no_pass_through)
		return VMXNET3_CAP_ERROR;
	return dev->opts.capabilities & ~dev->opts.not_passed;
}

static uint32_t
read_other(struct vmx_device *dev, uint32_t offset)
{
	if (!vmx_is_version(dev, 7) ||
	    (!is_word_of(offset, VMXNET3_BAR1_DCR(0), VMXNET3_NUM_DCR) &&
	     !is_word_of(offset, VMXNET3_BAR1_PTCR(0), VMXNET3_NUM_PTCR)))
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "read of BAR1 offset 0x%x", offset);
	else if (offset == VMXNET3_BAR1_DCR(0))
		return dev->opts.capabilities;
	else if (offset == VMXNET3_BAR1_PTCR(0))
		return pass_through(dev);
	return 0;
}

static void
check_result_read(struct vmx_device *dev, uint32_t offset)
{
	if (dev->result_wanted)
		vmx_breach(dev, VMX_BREACH_CMD_RESULT_UNREAD, "0x%08x, then offset 0x%x",
			   dev->command, offset);
	dev->result_wanted = false;
}

static void
bar1_write(void *arg, uint32_t offset, uint32_t value)
{
	struct vmx_device *dev = arg;

	if (dev->gone)
		return;
	check_result_read(dev, offset);
	switch (offset) {
	case VMXNET3_BAR1_VRRS:
		pick_version(dev, value);
		break;
	case VMXNET3_BAR1_UVRS:
		pick_upt(dev, value);
		break;
	case VMXNET3_BAR1_DSAL:
		write_dsal(dev, value);
		break;
	case VMXNET3_BAR1_DSAH:
		write_dsah(dev, value);
		break;
	case VMXNET3_BAR1_CMD:
		vmx_run_command(dev, value);
		break;
	case VMXNET3_BAR1_MACL:
		dev->macl = value;
		dev->macl_pending = true;
		break;
	case VMXNET3_BAR1_MACH:
		write_mach(dev, value);
		break;
	case VMXNET3_BAR1_ECR:
		write_ecr(dev, value);
		break;
	case VMXNET3_BAR1_ICR:
		vmx_breach(dev, VMX_BREACH_REG_READ_ONLY, "ICR = 0x%x", value);
		break;
	default:
		write_other(dev, offset, value);
		break;
	}
}

static uint32_t
bar1_read(void *arg, uint32_t offset)
{
	struct vmx_device *dev = arg;

	if (dev->gone)
		return ALL_ONES;
	if (offset == VMXNET3_BAR1_CMD) {
		dev->result_wanted = false;
		return vmx_storm_result(dev, dev->result);
	}
	check_result_read(dev, offset);
	switch (offset) {
	case VMXNET3_BAR1_VRRS:
		return dev->opts.versions;
	case VMXNET3_BAR1_UVRS:
		return VMXNET3_UPT_VERSION;
	case VMXNET3_BAR1_MACL:
		return vmx_mac_low(dev->mac);
	case VMXNET3_BAR1_MACH:
		return vmx_mac_high(dev->mac);
	case VMXNET3_BAR1_ECR: /* [VMX3 3] */
		return dev->opts.qemu ? 0 : dev->events;
	case VMXNET3_BAR1_DSAL: /* [VMX3 12.2] these read 0 */
	case VMXNET3_BAR1_DSAH:
	case VMXNET3_BAR1_ICR:
		return 0;
	default:
		return read_other(dev, offset);
	}
}

static uint32_t
bar0_read(void *arg, uint32_t offset)
{
	struct vmx_device *dev = arg;

	return dev->gone ? ALL_ONES : vmx_bar_device_view(dev->bar0)[offset / 4];
}

static void
bar0_write(void *arg, uint32_t offset, uint32_t value)
{
	struct vmx_device *dev = arg;
	enum vmx_doorbell kind;
	unsigned int queue;
	bool tx = vmx_doorbell_at(dev, offset, &kind, &queue) && kind == VMX_TXPROD;

	if (dev->gone)
		return;
	vmx_bar_device_view(dev->bar0)[offset / 4] = value;
	if (tx && dev->active && dev->opts.doorbell_runs)
		vmx_device_run(dev);
	else
		vmx_check_all(dev, false);
}

const struct vmx_bar_ops vmx_bar0_ops = {.read = bar0_read, .write = bar0_write};
const struct vmx_bar_ops vmx_bar1_ops = {.read = bar1_read, .write = bar1_write};
