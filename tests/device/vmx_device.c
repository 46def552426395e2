/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A device's life, its view of memory, interrupts, link and events.
 *
 * BAR0 is plain memory unless a test asks otherwise. Where no doorbell has been rung its words hold
 * a mark, so that a doorbell is seen afterwards whatever its value, and a write elsewhere as well.
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

	if (opts->versions == 0)
		opts->versions = 1;
	if (memcmp(opts->mac, none, 6) == 0)
		memcpy(opts->mac, mac, 6);
	if (opts->link_mbps == 0)
		opts->link_mbps = 10000;
	if (opts->max_queues_rx == 0)
		opts->max_queues_rx = VMXNET3_QUEUES_MAX_RX_V1;
	if (opts->tx_threshold == 0)
		opts->tx_threshold = 1;
}

void
vmx_mask_all(struct vmx_device *dev)
{
	for (unsigned int v = 0; v < VMXNET3_INTR_MAX; v++) {
		vmx_bar_device_view(dev->bar0)[VMXNET3_BAR0_IMR(v) / 4] = 1;
		dev->imr_at_stop[v] = true;
	}
	dev->pending_intr = 0;
}

static int
create_bars(struct vmx_device *dev)
{
	dev->bar0 = vmx_bar_create(VMXNET3_BAR0_SIZE, &vmx_bar0_ops, dev);
	dev->bar1 = vmx_bar_create(VMXNET3_BAR1_SIZE, &vmx_bar1_ops, dev);
	if (dev->bar0 == NULL || dev->bar1 == NULL)
		return -1;
	memset(vmx_bar_device_view(dev->bar0), 0xFF, VMXNET3_BAR0_SIZE);
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
	for (unsigned int v = 0; v < VMXNET3_INTR_MAX; v++)
		dev->imr_at_stop[v] = vmx_device_masked(dev, v);
	dev->active = false;
	dev->shared = NULL;
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

bool
vmx_device_masked(const struct vmx_device *dev, unsigned int vector)
{
	return vmx_bar_device_view(dev->bar0)[VMXNET3_BAR0_IMR(vector) / 4] != 0;
}

static void
fire_pending(struct vmx_device *dev)
{
	for (unsigned int v = 0; dev->pending_intr != 0 && v < VMXNET3_INTR_MAX; v++) {
		if ((dev->pending_intr & PVN_BIT32(v)) == 0 || vmx_device_masked(dev, v))
			continue;
		dev->pending_intr &= ~PVN_BIT32(v);
		if (dev->config.auto_mask != 0)
			vmx_bar_device_view(dev->bar0)[VMXNET3_BAR0_IMR(v) / 4] = 1;
		if (dev->on_interrupt != NULL)
			dev->on_interrupt(dev->interrupt_arg, v);
	}
}

void
vmx_interrupt(struct vmx_device *dev, unsigned int vector)
{
	dev->pending_intr |= PVN_BIT32(vector);
	if ((pvn_le32_to_cpu(dev->shared->intr_ctrl) & VMXNET3_INTR_CTRL_DISABLE_ALL) == 0)
		fire_pending(dev);
}

/* The doorbell a word of BAR0 is, if it is one. */
static bool
is_doorbell(uint32_t offset, unsigned int *queue, bool *tx)
{
	if (offset % 8 != 0 || offset < VMXNET3_BAR0_TXPROD(0) ||
	    offset >= VMXNET3_BAR0_RXPROD2(VMX_QUEUES_MAX))
		return false;
	*tx = offset < VMXNET3_BAR0_RXPROD(0);
	*queue = offset % 0x200 / 8;
	return *queue < VMX_QUEUES_MAX;
}

static bool
is_mask(uint32_t offset)
{
	return offset % 8 == 0 && offset < VMXNET3_BAR0_IMR(VMXNET3_INTR_MAX);
}

static void
report_bar0_word(struct vmx_device *dev, uint32_t offset, uint32_t value)
{
	unsigned int queue;
	bool tx;

	if (!is_doorbell(offset, &queue, &tx))
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "BAR0 offset 0x%x = 0x%x", offset, value);
	else if (!dev->active)
		vmx_breach(dev, VMX_BREACH_TOUCH_AFTER_STOP, "BAR0 offset 0x%x = %u", offset,
			   value);
	else if (queue >= (tx ? dev->num_tx : dev->num_rx))
		vmx_breach(dev, VMX_BREACH_DOORBELL_UNCONFIGURED_QUEUE, "%s queue %u of %u",
			   tx ? "tx" : "rx", queue, tx ? dev->num_tx : dev->num_rx);
}

/* Doorbells of queues that exist are for vmx_tx.c and vmx_rx.c; all else must not be written. */
static void
check_bar0(struct vmx_device *dev)
{
	uint32_t *bar0 = vmx_bar_device_view(dev->bar0);

	for (uint32_t offset = 0; offset < VMXNET3_BAR0_SIZE; offset += 4) {
		unsigned int queue;
		bool tx;

		if (bar0[offset / 4] == VMX_DOORBELL_IDLE || is_mask(offset))
			continue;
		if (dev->active && is_doorbell(offset, &queue, &tx) &&
		    queue < (tx ? dev->num_tx : dev->num_rx))
			continue;
		report_bar0_word(dev, offset, bar0[offset / 4]);
		bar0[offset / 4] = VMX_DOORBELL_IDLE;
	}
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
	if ((pvn_le32_to_cpu(dev->shared->intr_ctrl) & VMXNET3_INTR_CTRL_DISABLE_ALL) == 0)
		fire_pending(dev);
}

void
vmx_check_all(struct vmx_device *dev, bool settled)
{
	if (dev->gone)
		return;
	check_bar0(dev);
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

void
vmx_device_event(struct vmx_device *dev, uint32_t events, uint32_t stop_reason)
{
	if (!dev->active)
		return;
	vmx_check_all(dev, true);
	dev->events |= events;
	dev->stopped |= events & (VMXNET3_EVENT_RQERR | VMXNET3_EVENT_TQERR);
	dev->stop_reason = stop_reason;
	dev->shared->events = pvn_cpu_to_le32(dev->events);
	vmx_interrupt(dev, dev->config.event_intr);
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
