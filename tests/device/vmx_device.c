/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A device's life, its view of memory, link and events.
 */
#include "vmx_device.h"

#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

static void
set_defaults(struct vmx_device_opts *opts)
{
	static const uint8_t none[6];
	static const uint8_t mac[6] = {0x00, 0x50, 0x56, 0x00, 0x00, 0x01};

	if (opts->qemu) {
		opts->versions = 1;
		opts->max_queues_tx = opts->max_queues_rx = 8;
		opts->qemu_mac = true;
		opts->link_mbps = opts->link_mbps == 0 ? 1000 : opts->link_mbps;
	}
	if (opts->versions == 0)
		opts->versions = 1;
	if (memcmp(opts->mac, none, 6) == 0)
		memcpy(opts->mac, mac, 6);
	if (opts->link_mbps == 0)
		opts->link_mbps = 10000;
	if (opts->tx_data_slot == 0)
		opts->tx_data_slot = VMXNET3_TX_DATA_SLOT_OLD;
	if (opts->tx_threshold == 0)
		opts->tx_threshold = 1;
}

size_t
vmx_device_bar_size(const struct vmx_device *dev, unsigned int bar)
{
	bool large = bar == 0 && (dev->opts.capabilities & VMXNET3_CAP_LARGE_BAR) != 0;

	return large ? VMXNET3_LARGE_BAR0_SIZE : VMXNET3_BAR0_SIZE;
}

bool
vmx_is_version(const struct vmx_device *dev, unsigned int version)
{
	return version == 1 || dev->version >= version;
}

unsigned int
vmx_max_queues(const struct vmx_device *dev, bool tx)
{
	unsigned int option = tx ? dev->opts.max_queues_tx : dev->opts.max_queues_rx;

	if (option != 0)
		return option;
	if (dev->opts.queues_unknown)
		return 8;
	if (vmx_is_version(dev, 6))
		return VMXNET3_QUEUES_MAX_V6;
	return tx ? VMXNET3_QUEUES_MAX_TX_V1 : VMXNET3_QUEUES_MAX_RX_V1;
}

static int
create_bars(struct vmx_device *dev)
{
	dev->bar0 = vmx_bar_create(vmx_device_bar_size(dev, 0), &vmx_bar0_ops, dev);
	dev->bar1 = vmx_bar_create(VMXNET3_BAR1_SIZE, &vmx_bar1_ops, dev);
	if (dev->bar0 == NULL || dev->bar1 == NULL)
		return -1;
	memset(vmx_bar_device_view(dev->bar0), 0xFF, vmx_device_bar_size(dev, 0));
	vmx_bar_trap(dev->bar0, dev->opts.trap_bar0);
	vmx_bar_trap(dev->bar1, true);
	return 0;
}

struct vmx_device *
vmx_device_create(const struct vmx_device_opts *opts)
{
	struct vmx_device *dev = calloc(1, sizeof(*dev));

	if (dev == NULL)
		return NULL;
	if (opts != NULL)
		dev->opts = *opts;
	set_defaults(&dev->opts);
	if (create_bars(dev) < 0) {
		vmx_device_free(dev);
		return NULL;
	}
	memcpy(dev->mac, dev->opts.mac, 6);
	dev->link_up = true;
	dev->link_mbps = dev->opts.link_mbps;
	dev->sent_tail = &dev->sent_head;
	vmx_mask_all(dev);
	return dev;
}

void
vmx_device_detach(struct vmx_device *dev)
{
	vmx_check_all(dev, true);
	if (dev->active && !dev->gone)
		vmx_breach(dev, VMX_BREACH_STILL_ACTIVE, "%u activations", dev->activations);
	vmx_deactivate(dev);
}

void
vmx_device_free(struct vmx_device *dev)
{
	struct vmx_frame *frame;

	if (dev == NULL)
		return;
	if (dev->bar0 != NULL)
		vmx_deactivate(dev);
	while (dev->sent_head != NULL && (frame = vmx_device_sent(dev)) != NULL)
		free(frame);
	vmx_bar_free(dev->bar0);
	vmx_bar_free(dev->bar1);
	free(dev);
}

/* No DMA from here on; the rings are the driver's, whatever they hold. */
void
vmx_deactivate(struct vmx_device *dev)
{
	for (unsigned int q = 0; q < VMX_QUEUES_MAX; q++) {
		vmx_ring_stop(&dev->txq[q].ring);
		vmx_comp_stop(&dev->txq[q].comp);
		free(dev->txq[q].done);
		dev->txq[q].done = NULL;
		vmx_ring_stop(&dev->rxq[q].ring[0]);
		vmx_ring_stop(&dev->rxq[q].ring[1]);
		vmx_comp_stop(&dev->rxq[q].comp);
	}
	free(dev->posted);
	dev->posted = NULL;
	free(dev->filter.mcast);
	memset(&dev->filter, 0, sizeof(dev->filter));
	for (unsigned int v = 0; v < vmx_num_vectors(dev); v++)
		dev->imr_at_stop[v] = vmx_device_masked(dev, v);
	dev->active = false;
	dev->shared = NULL;
	dev->shared_intr = NULL;
	dev->num_tx = dev->num_rx = 0;
}

void
vmx_device_add_memory(struct vmx_device *dev, const void *addr, size_t len)
{
	if (dev->num_memory == VMX_MEMORY_MAX)
		abort();
	dev->memory[dev->num_memory].addr = (uintptr_t)addr;
	dev->memory[dev->num_memory].len = len;
	dev->num_memory++;
}

void *
vmx_dma(const struct vmx_device *dev, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < dev->num_memory; i++) {
		const struct vmx_memory *m = &dev->memory[i];

		if (addr >= m->addr && addr - m->addr <= m->len && len <= m->len - (addr - m->addr))
			return (void *)(uintptr_t)addr;
	}
	return NULL;
}

void *
vmx_device_bar(struct vmx_device *dev, unsigned int bar)
{
	return vmx_bar_driver_view(bar == 0 ? dev->bar0 : dev->bar1);
}

void
vmx_device_on_command(struct vmx_device *dev, vmx_command_fn fn, void *arg)
{
	dev->on_command = fn;
	dev->command_arg = arg;
}

void
vmx_device_on_interrupt(struct vmx_device *dev, vmx_interrupt_fn fn, void *arg)
{
	dev->on_interrupt = fn;
	dev->interrupt_arg = arg;
}

static void
check_active(struct vmx_device *dev, bool settled)
{
	if (settled && dev->mac_early) {
		vmx_breach(dev, VMX_BREACH_MAC_BEFORE_ACTIVATE, "not written since");
		dev->mac_early = false;
	}
	vmx_check_shared(dev);
	for (unsigned int q = 0; q < dev->num_tx; q++)
		vmx_tx_scan(dev, q, settled);
	for (unsigned int q = 0; q < dev->num_rx; q++)
		vmx_rx_scan(dev, q, settled);
	vmx_interrupt_pending(dev);
}

void
vmx_check_all(struct vmx_device *dev, bool settled)
{
	if (dev->gone)
		return;
	vmx_check_bar0(dev);
	if (dev->macl_pending)
		vmx_breach(dev, VMX_BREACH_MAC_HALF, "MACL = 0x%08x", dev->macl);
	dev->macl_pending = false;
	if (dev->active)
		check_active(dev, settled);
}

unsigned int
vmx_device_run(struct vmx_device *dev)
{
	unsigned int sent = 0;

	if (dev->gone)
		return 0;
	vmx_check_all(dev, true);
	for (unsigned int q = 0; q < dev->num_tx; q++)
		sent += vmx_tx_run(dev, q);
	return sent;
}

void
vmx_device_tx_hold(struct vmx_device *dev, bool hold)
{
	dev->tx_hold = hold;
}

struct vmx_frame *
vmx_device_sent(struct vmx_device *dev)
{
	struct vmx_frame *frame = dev->sent_head;

	if (frame == NULL)
		return NULL;
	dev->sent_head = frame->next;
	if (dev->sent_head == NULL)
		dev->sent_tail = &dev->sent_head;
	return frame;
}

static void
raise_events(struct vmx_device *dev, uint32_t events)
{
	dev->events |= events;
	dev->shared->events = pvn_cpu_to_le32(dev->events);
	vmx_interrupt(dev, dev->intr.event);
}

void
vmx_device_event(struct vmx_device *dev, uint32_t events, uint32_t stop_reason)
{
	if (!dev->active)
		return;
	vmx_check_all(dev, true);
	for (unsigned int q = 0; (events & VMXNET3_EVENT_TQERR) != 0 && q < dev->num_tx; q++) {
		dev->txq[q].stopped = true;
		dev->txq[q].stop_reason = stop_reason;
	}
	for (unsigned int q = 0; (events & VMXNET3_EVENT_RQERR) != 0 && q < dev->num_rx; q++) {
		dev->rxq[q].stopped = true;
		dev->rxq[q].stop_reason = stop_reason;
	}
	raise_events(dev, events);
}

void
vmx_device_stop_queue(struct vmx_device *dev, bool tx, unsigned int q, uint32_t reason)
{
	bool *stopped;

	if (!dev->active || q >= (tx ? dev->num_tx : dev->num_rx))
		return;
	stopped = tx ? &dev->txq[q].stopped : &dev->rxq[q].stopped;
	*stopped = true;
	*(tx ? &dev->txq[q].stop_reason : &dev->rxq[q].stop_reason) = reason;
	raise_events(dev, tx ? VMXNET3_EVENT_TQERR : VMXNET3_EVENT_RQERR);
}

void
vmx_device_link(struct vmx_device *dev, bool up, uint32_t mbps)
{
	dev->link_up = up;
	dev->link_mbps = mbps;
	vmx_device_event(dev, VMXNET3_EVENT_LINK, 0);
}

void
vmx_device_state(const struct vmx_device *dev, struct vmx_device_state *state)
{
	memset(state, 0, sizeof(*state));
	state->active = dev->active;
	state->version = dev->version;
	state->capabilities = dev->granted;
	memcpy(state->mac, dev->mac, 6);
	state->activations = dev->activations;
	state->doorbells_tx = dev->doorbells_tx;
	state->doorbells_rx = dev->doorbells_rx;
	state->frames_sent = dev->frames_sent;
	if (!dev->active)
		return;
	state->mtu = pvn_le32_to_cpu(dev->config.mtu);
	state->rx_mode = dev->filter.rx_mode;
	state->features = dev->features;
	state->max_rx_frags = pvn_le16_to_cpu(dev->config.max_rx_frags);
	state->num_tx_queues = dev->num_tx;
	state->num_rx_queues = dev->num_rx;
	state->num_intrs = dev->intr.num;
	state->rss_fields = dev->rss_fields;
	memcpy(state->coalesce, dev->coalesce, sizeof(state->coalesce));
	state->num_memory_regions = dev->num_regions;
	state->memory_tx = dev->regions_tx;
	state->memory_rx = dev->regions_rx;
	memcpy(state->ring_buffers, dev->ring_buffers, sizeof(state->ring_buffers));
}

unsigned int
vmx_device_ring_size(const struct vmx_device *dev, unsigned int q, unsigned int which)
{
	if (!dev->active)
		return 0;
	return which == 0 ? dev->txq[q].ring.size : dev->rxq[q].ring[which - 1].size;
}

const struct vmxnet3_shared *
vmx_device_shared(const struct vmx_device *dev)
{
	return dev->active ? dev->shared : NULL;
}
