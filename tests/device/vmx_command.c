/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Commands [VMX3 4].
 */
#include <string.h>

#include "vmx_device_priv.h"

struct command {
	uint32_t code;
	unsigned int version; /* the first that has it */
	bool shared;	      /* reads the shared area */
	bool result;	      /* to be read back */
	uint32_t (*run)(struct vmx_device *dev);
};

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
run_update_rss_table(struct vmx_device *dev)
{
	if (dev->active && !dev->opts.qemu)
		vmx_rss_update_table(dev);
	return 0;
}

static uint32_t
run_set_rss_fields(struct vmx_device *dev)
{
	return dev->active ? vmx_rss_set_fields(dev) : 1;
}

static uint32_t
run_get_rss_fields(struct vmx_device *dev)
{
	return dev->active ? dev->rss_fields : 0;
}

/* Those with an argument, which only an active device can take. */
#define RUN_ACTIVE(fn)                                                                             \
	static uint32_t run_##fn(struct vmx_device *dev)                                           \
	{                                                                                          \
		return dev->active ? vmx_##fn(dev) : 1;                                            \
	}

RUN_ACTIVE(set_coalesce)
RUN_ACTIVE(get_coalesce)
RUN_ACTIVE(register_memory)
RUN_ACTIVE(set_ring_buffers)

static uint32_t
run_get_queue_status(struct vmx_device *dev)
{
	if (dev->opts.qemu) /* [VMX3 12.2] */
		return 0;
	for (unsigned int q = 0; dev->active && q < dev->num_tx; q++) {
		dev->txq[q].table->stopped = dev->txq[q].stopped;
		dev->txq[q].table->stop_reason = pvn_cpu_to_le32(dev->txq[q].stop_reason);
	}
	for (unsigned int q = 0; dev->active && q < dev->num_rx; q++) {
		dev->rxq[q].table->stopped = dev->rxq[q].stopped;
		dev->rxq[q].table->stop_reason = pvn_cpu_to_le32(dev->rxq[q].stop_reason);
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
	return vmx_mac_low(dev->opts.mac);
}

static uint32_t
run_get_mac_high(struct vmx_device *dev)
{
	return vmx_mac_high(dev->opts.mac);
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
	if (dev->opts.queues_unknown)
		return UINT32_MAX;
	return pvn_field_put(VMXNET3_MAX_QUEUES_TX, vmx_max_queues(dev, true)) |
	       pvn_field_put(VMXNET3_MAX_QUEUES_RX, vmx_max_queues(dev, false));
}

/* [VMX3 4] The rx half of it came with version 9. */
static uint32_t
run_get_data_slots(struct vmx_device *dev)
{
	uint32_t rx = vmx_is_version(dev, 9) ? dev->opts.rx_data_slot : 0;

	return pvn_field_put(VMXNET3_DATA_SLOT_TX, dev->opts.tx_data_slot) |
	       pvn_field_put(VMXNET3_DATA_SLOT_RX, rx);
}

static uint32_t
run_get_capabilities(struct vmx_device *dev)
{
	return dev->opts.capabilities;
}

static uint32_t
run_get_granted(struct vmx_device *dev)
{
	return dev->granted;
}

static uint32_t
run_get_disabled_offloads(struct vmx_device *dev)
{
	return dev->opts.disabled_offloads;
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
	{ (uint32_t)VMXNET3_CMD_UPDATE_RSSIDT, 1, true, false, run_update_rss_table },
	{ (uint32_t)VMXNET3_CMD_UPDATE_IML, 1, true, false, run_nothing },
	{ (uint32_t)VMXNET3_CMD_UPDATE_PMCFG, 1, true, false, run_nothing },
	{ (uint32_t)VMXNET3_CMD_UPDATE_FEATURE, 1, true, false, run_update_feature },
	{ (uint32_t)VMXNET3_CMD_SET_COALESCE, 3, true, false, run_set_coalesce },
	{ (uint32_t)VMXNET3_CMD_REGISTER_MEMREGS, 3, true, false, run_register_memory },
	{ (uint32_t)VMXNET3_CMD_SET_RSS_FIELDS, 4, true, false, run_set_rss_fields },
	{ (uint32_t)VMXNET3_CMD_SET_RING_BUFFER_SIZE, 7, true, false, run_set_ring_buffers },
	{ (uint32_t)VMXNET3_CMD_GET_QUEUE_STATUS, 1, true, false, run_get_queue_status },
	{ (uint32_t)VMXNET3_CMD_GET_STATS, 1, false, false, run_get_stats },
	{ (uint32_t)VMXNET3_CMD_GET_LINK, 1, false, true, run_get_link },
	{ (uint32_t)VMXNET3_CMD_GET_PERM_MAC_LO, 1, false, true, run_get_mac_low },
	{ (uint32_t)VMXNET3_CMD_GET_PERM_MAC_HI, 1, false, true, run_get_mac_high },
	{ (uint32_t)VMXNET3_CMD_GET_DID_LO, 1, false, true, run_get_did_low },
	{ (uint32_t)VMXNET3_CMD_GET_DID_HI, 1, false, true, run_get_one },
	{ (uint32_t)VMXNET3_CMD_GET_CONF_INTR, 1, false, true, run_get_conf_intr },
	{ (uint32_t)VMXNET3_CMD_GET_ADAPTIVE_RING_INFO, 1, false, true, run_get_one },
	{ (uint32_t)VMXNET3_CMD_GET_TXDATA_DESC_SIZE, 3, false, true, run_get_data_slots },
	{ (uint32_t)VMXNET3_CMD_GET_COALESCE, 3, true, false, run_get_coalesce },
	{ (uint32_t)VMXNET3_CMD_GET_RSS_FIELDS, 4, true, true, run_get_rss_fields },
	{ (uint32_t)VMXNET3_CMD_GET_MAX_QUEUES_CONF, 6, false, true, run_get_max_queues },
	{ (uint32_t)VMXNET3_CMD_GET_MAX_CAPABILITIES, 7, false, true, run_get_capabilities },
	{ (uint32_t)VMXNET3_CMD_GET_DCR0_REG, 7, false, true, run_get_granted },
	{ (uint32_t)VMXNET3_CMD_GET_TSRING_DESC_SIZE, 9, false, true, run_nothing },
	{ (uint32_t)VMXNET3_CMD_GET_DISABLED_OFFLOADS, 9, false, true, run_get_disabled_offloads },
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

void
vmx_run_command(struct vmx_device *dev, uint32_t code)
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
	if (!vmx_is_version(dev, command->version)) {
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
