/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * BAR0 is plain memory unless a test asks otherwise. Where no doorbell has been rung its words hold
 * a mark, so that a doorbell is seen afterwards whatever its value, and a write elsewhere as well.
 */
#include "vmx_device_priv.h"

/* [VMX3 2] The first doorbell of a kind, with the small and the large BAR. */
static uint32_t
base(const struct vmx_device *dev, enum vmx_doorbell kind)
{
	static const uint32_t bases[2][VMX_DOORBELL_KINDS] = {
		{VMXNET3_BAR0_TXPROD(0), VMXNET3_BAR0_RXPROD(0), VMXNET3_BAR0_RXPROD2(0)},
		{VMXNET3_LARGE_BAR0_TXPROD(0), VMXNET3_LARGE_BAR0_RXPROD(0),
		 VMXNET3_LARGE_BAR0_RXPROD2(0)},
	};

	return bases[(dev->granted & VMXNET3_CAP_LARGE_BAR) != 0][kind];
}

uint32_t
vmx_doorbell_offset(const struct vmx_device *dev, enum vmx_doorbell kind, unsigned int q)
{
	return base(dev, kind) + 8 * q;
}

uint32_t
vmx_doorbell_take(struct vmx_device *dev, enum vmx_doorbell kind, unsigned int q)
{
	uint32_t *word = &vmx_bar_device_view(dev->bar0)[vmx_doorbell_offset(dev, kind, q) / 4];

	return __atomic_exchange_n(word, VMX_DOORBELL_IDLE, __ATOMIC_ACQUIRE);
}

bool
vmx_doorbell_at(const struct vmx_device *dev, uint32_t offset, enum vmx_doorbell *kind,
		unsigned int *q)
{
	for (int k = 0; k < VMX_DOORBELL_KINDS; k++) {
		uint32_t first = base(dev, (enum vmx_doorbell)k);

		if (offset % 8 == 0 && offset >= first && offset < first + 8 * VMX_QUEUES_MAX) {
			*kind = (enum vmx_doorbell)k;
			*q = (offset - first) / 8;
			return true;
		}
	}
	return false;
}

static bool
is_mask(const struct vmx_device *dev, uint32_t offset)
{
	return offset % 8 == 0 && offset < VMXNET3_BAR0_IMR(vmx_num_vectors(dev));
}

static unsigned int
num_queues(const struct vmx_device *dev, enum vmx_doorbell kind)
{
	return kind == VMX_TXPROD ? dev->num_tx : dev->num_rx;
}

static void
report_word(struct vmx_device *dev, uint32_t offset, uint32_t value)
{
	enum vmx_doorbell kind;
	unsigned int queue;

	if (!vmx_doorbell_at(dev, offset, &kind, &queue))
		vmx_breach(dev, VMX_BREACH_REG_UNKNOWN, "BAR0 offset 0x%x = 0x%x", offset, value);
	else if (!dev->active)
		vmx_breach(dev, VMX_BREACH_TOUCH_AFTER_STOP, "BAR0 offset 0x%x = %u", offset,
			   value);
	else
		vmx_breach(dev, VMX_BREACH_DOORBELL_UNCONFIGURED_QUEUE, "%s queue %u of %u",
			   kind == VMX_TXPROD ? "tx" : "rx", queue, num_queues(dev, kind));
}

void
vmx_check_bar0(struct vmx_device *dev)
{
	uint32_t *bar0 = vmx_bar_device_view(dev->bar0);
	size_t size = vmx_device_bar_size(dev, 0);

	for (uint32_t offset = 0; offset < size; offset += 4) {
		enum vmx_doorbell kind;
		unsigned int queue;

		if (bar0[offset / 4] == VMX_DOORBELL_IDLE || is_mask(dev, offset))
			continue;
		if (dev->active && vmx_doorbell_at(dev, offset, &kind, &queue) &&
		    queue < num_queues(dev, kind))
			continue;
		report_word(dev, offset, bar0[offset / 4]);
		bar0[offset / 4] = VMX_DOORBELL_IDLE;
	}
}
