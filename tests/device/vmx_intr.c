/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Interrupt vectors [VMX3 9]: masked by the registers in BAR0 and as a whole by a word of shared
 * memory. What fires while masked is remembered.
 */
#include <string.h>

#include "vmx_device_priv.h"

static uint32_t *
mask_of(const struct vmx_device *dev, unsigned int vector)
{
	return &vmx_bar_device_view(dev->bar0)[VMXNET3_BAR0_IMR(vector) / 4];
}

unsigned int
vmx_num_vectors(const struct vmx_device *dev)
{
	return dev->opts.versions >= PVN_BIT32(6 - 1) ? VMXNET3_INTR_MAX_V6 : VMXNET3_INTR_MAX;
}

void
vmx_mask_all(struct vmx_device *dev)
{
	for (unsigned int v = 0; v < vmx_num_vectors(dev); v++) {
		*mask_of(dev, v) = 1;
		dev->imr_at_stop[v] = true;
	}
	memset(dev->intr.pending, 0, sizeof(dev->intr.pending));
}

bool
vmx_device_masked(const struct vmx_device *dev, unsigned int vector)
{
	return *mask_of(dev, vector) != 0;
}

void
vmx_interrupt_pending(struct vmx_device *dev)
{
	if ((pvn_le32_to_cpu(*dev->intr.ctrl) & VMXNET3_INTR_CTRL_DISABLE_ALL) != 0)
		return;
	for (unsigned int v = 0; v < dev->intr.num; v++) {
		if (!dev->intr.pending[v] || vmx_device_masked(dev, v))
			continue;
		dev->intr.pending[v] = false;
		if (dev->intr.auto_mask)
			*mask_of(dev, v) = 1;
		if (dev->on_interrupt != NULL)
			dev->on_interrupt(dev->interrupt_arg, v);
	}
}

void
vmx_interrupt(struct vmx_device *dev, unsigned int vector)
{
	dev->intr.pending[vector] = true;
	vmx_interrupt_pending(dev);
}

void
vmx_check_masks(struct vmx_device *dev)
{
	for (unsigned int v = 0; v < vmx_num_vectors(dev); v++) {
		if (*mask_of(dev, v) != 0 || !dev->imr_at_stop[v])
			continue;
		vmx_breach(dev, VMX_BREACH_UNMASK_INACTIVE, "vector %u", v);
		*mask_of(dev, v) = 1;
	}
}
