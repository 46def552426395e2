/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * BAR1: registers [VMX3 3] and commands [VMX3 4]; BAR0 when it is trapped [VMX3 2].
 */
#include <string.h>

#include "vmx_device_priv.h"

#define ALL_ONES 0xFFFFFFFFu

/* Known to the device, but of later versions or of no use to our driver: not in proto/. */
enum {
	CMD_UPDATE_IML = (int)0xCAFE0007u,
	CMD_UPDATE_PMCFG = (int)0xCAFE0008u,
	CMD_SET_COALESCE = (int)0xCAFE000Eu,
	CMD_REGISTER_MEMREGS = (int)0xCAFE000Fu,
	CMD_SET_RSS_FIELDS = (int)0xCAFE0010u,
	CMD_SET_RING_BUFFER_SIZE = (int)0xCAFE0013u,
	CMD_GET_DID_LO = (int)0xF00D0005u,
	CMD_GET_DID_HI = (int)0xF00D0006u,
	CMD_GET_ADAPTIVE_RING_INFO = (int)0xF00D0009u,
	CMD_GET_TXDATA_DESC_SIZE = (int)0xF00D000Au,
	CMD_GET_COALESCE = (int)0xF00D000Bu,
	CMD_GET_RSS_FIELDS = (int)0xF00D000Cu,
	CMD_GET_MAX_CAPABILITIES = (int)0xF00D0011u,
	CMD_GET_DCR0_REG = (int)0xF00D0012u,
	CMD_GET_TSRING_DESC_SIZE = (int)0xF00D0013u,
	CMD_GET_DISABLED_OFFLOADS = (int)0xF00D0014u,
};

struct command {
	uint32_t code;
	unsigned int version; /* the first that has it */
	bool shared;	      /* reads the shared area */
	bool result;	      /* to be read back */
	uint32_t (*run)(struct vmx_device *dev);
};

static uint32_t
mac_low(const uint8_t mac[6])
{
	return mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
}

static uint32_t
mac_high(const uint8_t mac[6])
{
	return mac[4] | (uint32_t)mac[5] << 8;
}

static uint32_t
run_nothing(struct vmx_device *dev)
{
	(void)dev;
	return 0;
}

static uint32_t
run_activate(struct vmx_device *dev)
{
	return vmx_activate(dev);
}

static uint32_t
run_quiesce(struct vmx_device *dev)
{
	vmx_deactivate(dev);
	return 0;
}

/* [VMX3 12.5] The shared area is forgotten and all vectors are masked; the MAC stays. */
static uint32_t
run_reset(struct vmx_device *dev)
{
	vmx_deactivate(dev);
	dev->shared_set = dev->dsal_written = false;
	dev->dsal = 0;
	dev->shared_addr = 0;
	vmx_mask_all(dev);
	return 0;
}

static uint32_t
run_update_rx_mode(struct vmx_device *dev)
{
	if (dev->active)
		vmx_filter_read_mode(dev);
	return 0;
}

static uint32_t
run_update_vlans(struct vmx_device *dev)
{
	if (dev->active)
		vmx_filter_read_vlans(dev);
	return 0;
}

static uint32_t
run_update_mcast(struct vmx_device *dev)
{
	if (dev->active)
		vmx_filter_read_mcast(dev);
	return 0;
}

static uint32_t
run_update_feature(struct vmx_device *dev)
{
	if (dev->active)
		dev->features = pvn_le64_to_cpu(dev->shared->features);
	return 0;
}

static uint32_t
run_get_queue_status(struct vmx_device *dev)
{
	for (unsigned int q = 0; dev->active && q < dev->num_tx; q++) {
		bool stopped = (dev->stopped & VMXNET3_EVENT_TQERR) != 0;

		dev->txq[q].table->stopped = stopped;
		dev->txq[q].table->stop_reason = pvn_cpu_to_le32(stopped ? dev->stop_reason : 0);
	}
	for (unsigned int q = 0; dev->active && q < dev->num_rx; q++) {
		bool stopped = (dev->stopped & VMXNET3_EVENT_RQERR) != 0;

		dev->rxq[q].table->stopped = stopped;
		dev->rxq[q].table->stop_reason = pvn_cpu_to_le32(stopped ? dev->stop_reason : 0);
	}
	return 0;
}

/* Both counter blocks are ten words in the same order; only the last two differ in meaning. */
static void
write_block(void *block, const struct vmx_counters *c)
{
	pvn_le64 words[10] = {
		pvn_cpu_to_le64(c->special_packets),
		pvn_cpu_to_le64(c->special_bytes),
	};

	for (int i = 0; i < 3; i++) {
		words[2 + 2 * i] = pvn_cpu_to_le64(c->packets[i]);
		words[3 + 2 * i] = pvn_cpu_to_le64(c->bytes[i]);
	}
	words[8] = pvn_cpu_to_le64(c->last[0]);
	words[9] = pvn_cpu_to_le64(c->last[1]);
	memcpy(block, words, sizeof(words));
}

static uint32_t
run_get_stats(struct vmx_device *dev)
{
	for (unsigned int q = 0; dev->active && q < dev->num_tx; q++)
		write_block(&dev->txq[q].table->counters, &dev->txq[q].counters);
	for (unsigned int q = 0; dev->active && q < dev->num_rx; q++)
		write_block(&dev->rxq[q].table->counters, &dev->rxq[q].counters);
	return 0;
}

static uint32_t
run_get_link(struct vmx_device *dev)
{
	return pvn_field_put(VMXNET3_LINK_SPEED, dev->link_mbps) | dev->link_up;
}

static uint32_t
run_get_mac_low(struct vmx_device *dev)
{
	return mac_low(dev->opts.mac);
}

static uint32_t
run_get_mac_high(struct vmx_device *dev)
{
	return mac_high(dev->opts.mac);
}

static uint32_t
run_get_did_low(struct vmx_device *dev)
{
	(void)dev;
	return VMXNET3_PCI_DEVICE;
}

static uint32_t
run_get_one(struct vmx_device *dev)
{
	(void)dev;
	return 1;
}

static uint32_t
run_get_conf_intr(struct vmx_device *dev)
{
	return dev->opts.conf_intr;
}

static uint32_t
run_get_max_queues(struct vmx_device *dev)
{
	return pvn_field_put(VMXNET3_MAX_QUEUES_TX, VMXNET3_QUEUES_MAX_TX_V1) |
	       pvn_field_put(VMXNET3_MAX_QUEUES_RX, dev->opts.max_queues_rx);
}

/* clang-format off */
static const struct command commands[] = {
	/* code, version, shared, result, run */
	{ (uint32_t)VMXNET3_CMD_ACTIVATE, 1, true, true, run_activate },
	{ (uint32_t)VMXNET3_CMD_QUIESCE, 1, false, false, run_quiesce },
	{ (uint32_t)VMXNET3_CMD_RESET, 1, false, false, run_reset },
	{ (uint32_t)VMXNET3_CMD_UPDATE_RX_MODE, 1, true, false, run_update_rx_mode },
	{ (uint32_t)VMXNET3_CMD_UPDATE_MAC_FILTERS, 1, true, false, run_update_mcast },
	{ (uint32_t)VMXNET3_CMD_UPDATE_VLAN_FILTERS, 1, true, false, run_update_vlans },
	{ (uint32_t)VMXNET3_CMD_UPDATE_RSSIDT, 1, true, false, run_nothing },
	{ (uint32_t)CMD_UPDATE_IML, 1, true, false, run_nothing },
	{ (uint32_t)CMD_UPDATE_PMCFG, 1, true, false, run_nothing },
	{ (uint32_t)VMXNET3_CMD_UPDATE_FEATURE, 1, true, false, run_update_feature },
	{ (uint32_t)CMD_SET_COALESCE, 3, true, false, run_nothing },
	{ (uint32_t)CMD_REGISTER_MEMREGS, 3, true, false, run_nothing },
	{ (uint32_t)CMD_SET_RSS_FIELDS, 4, true, false, run_nothing },
	{ (uint32_t)CMD_SET_RING_BUFFER_SIZE, 7, true, false, run_nothing },
	{ (uint32_t)VMXNET3_CMD_GET_QUEUE_STATUS, 1, true, false, run_get_queue_status },
	{ (uint32_t)VMXNET3_CMD_GET_STATS, 1, false, false, run_get_stats },
	{ (uint32_t)VMXNET3_CMD_GET_LINK, 1, false, true, run_get_link },
	{ (uint32_t)VMXNET3_CMD_GET_PERM_MAC_LO, 1, false, true, run_get_mac_low },
	{ (uint32_t)VMXNET3_CMD_GET_PERM_MAC_HI, 1, false, true, run_get_mac_high },
	{ (uint32_t)CMD_GET_DID_LO, 1, false, true, run_get_did_low },
	{ (uint32_t)CMD_GET_DID_HI, 1, false, true, run_get_one },
	{ (uint32_t)VMXNET3_CMD_GET_CONF_INTR, 1, false, true, run_get_conf_intr },
	{ (uint32_t)CMD_GET_ADAPTIVE_RING_INFO, 1, false, true, run_get_one },
	{ (uint32_t)CMD_GET_TXDATA_DESC_SIZE, 3, false, true, run_nothing },
	{ (uint32_t)CMD_GET_COALESCE, 3, true, false, run_nothing },
	{ (uint32_t)CMD_GET_RSS_FIELDS, 4, true, true, run_nothing },
	{ (uint32_t)VMXNET3_CMD_GET_MAX_QUEUES_CONF, 6, false, true, run_get_max_queues },
	{ (uint32_t)CMD_GET_MAX_CAPABILITIES, 7, false, true, run_nothing },
	{ (uint32_t)CMD_GET_DCR0_REG, 7, false, true, run_nothing },
	{ (uint32_t)CMD_GET_TSRING_DESC_SIZE, 9, false, true, run_nothing },
	{ (uint32_t)CMD_GET_DISABLED_OFFLOADS, 9, false, true, run_nothing },
};
/* clang-format on */

static const struct command *
find_command(uint32_t code)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].code == code)
			return &commands[i];
	}
	return NULL;
}

static void
run_command(struct vmx_device *dev, uint32_t code)
{
	const struct command *command = find_command(code);

	dev->result = 0;
	if (command == NULL) {
		vmx_breach(dev, VMX_BREACH_CMD_UNKNOWN, "0x%08x", code);
		return;
	}
	dev->result_wanted = command->result;
	dev->command = code;
	if (dev->on_command != NULL)
		dev->on_command(dev->command_arg, code);
	if (command->version > (dev->version == 0 ? 1 : dev->version)) {
		vmx_breach(dev, VMX_BREACH_CMD_VERSION, "0x%08x is of version %u", code,
			   command->version);
		return;
	}
	if (command->shared && !dev->shared_set) {
		vmx_breach(dev, VMX_BREACH_CMD_BEFORE_SHARED, "0x%08x", code);
		dev->result = code == (uint32_t)VMXNET3_CMD_ACTIVATE;
		return;
	}
	vmx_check_all(dev, false);
	dev->result = command->run(dev);
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
		run_command(dev, value);
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
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "write of BAR1 offset 0x%x", offset);
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
		return dev->result;
	}
	check_result_read(dev, offset);
	switch (offset) {
	case VMXNET3_BAR1_VRRS:
		return dev->opts.versions;
	case VMXNET3_BAR1_UVRS:
		return VMXNET3_UPT_VERSION;
	case VMXNET3_BAR1_MACL:
		return mac_low(dev->mac);
	case VMXNET3_BAR1_MACH:
		return mac_high(dev->mac);
	case VMXNET3_BAR1_DSAL: /* [VMX3 12.2] these read 0, as does ECR [VMX3 3] */
	case VMXNET3_BAR1_DSAH:
	case VMXNET3_BAR1_ICR:
	case VMXNET3_BAR1_ECR:
		return 0;
	default:
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "read of BAR1 offset 0x%x", offset);
		return 0;
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
	bool tx = offset >= VMXNET3_BAR0_TXPROD(0) && offset < VMXNET3_BAR0_TXPROD(VMX_QUEUES_MAX);

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
