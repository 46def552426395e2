/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Which frames are for this device [VMX3 12.15], and counting them by destination [VMX3 6.3].
 * Rx mode, VLAN bitmap and multicast list count as they were when a command said to read them.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

#define TYPE_VLAN 0x8100
#define VLAN_ID_MAX 4095

void
vmx_filter_read_mode(struct vmx_device *dev)
{
	dev->filter.rx_mode = pvn_le32_to_cpu(dev->shared->rx_mode);
}

void
vmx_filter_read_vlans(struct vmx_device *dev)
{
	for (size_t i = 0; i < 128; i++)
		dev->filter.vlan_bitmap[i] = pvn_le32_to_cpu(dev->shared->vlan_bitmap[i]);
}

void
vmx_filter_read_mcast(struct vmx_device *dev)
{
	size_t len = pvn_le16_to_cpu(dev->shared->mcast_list_len);
	uint64_t addr = pvn_le64_to_cpu(dev->shared->mcast_list_addr);
	const void *list = len == 0 ? NULL : vmx_dma(dev, addr, len);

	free(dev->filter.mcast);
	dev->filter.mcast = NULL;
	dev->filter.num_mcast = 0;
	if (len == 0)
		return;
	if (list == NULL || len % 6 != 0) {
		vmx_breach(dev, VMX_BREACH_SIDE_BLOCK, "multicast list of %zu bytes at 0x%llx", len,
			   (unsigned long long)addr);
		return;
	}
	dev->filter.mcast = malloc(len);
	if (dev->filter.mcast == NULL)
		abort();
	memcpy(dev->filter.mcast, list, len);
	dev->filter.num_mcast = len / 6;
}

enum vmx_cast
vmx_cast_of(const uint8_t *frame)
{
	static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	if (memcmp(frame, broadcast, 6) == 0)
		return VMX_BCAST;
	return (frame[0] & 1) != 0 ? VMX_MCAST : VMX_UCAST;
}

static bool
vlan_accepted(const struct vmx_device *dev, const uint8_t *frame, size_t len)
{
	unsigned int vlan;

	if (len < 18 || ((frame[12] << 8) | frame[13]) != TYPE_VLAN)
		return true;
	vlan = ((frame[14] << 8) | frame[15]) & VLAN_ID_MAX;
	if (vlan == 0 || vlan == VLAN_ID_MAX)
		return true;
	return (dev->filter.vlan_bitmap[vlan / 32] & PVN_BIT32(vlan % 32)) != 0;
}

static bool
in_mcast_list(const struct vmx_device *dev, const uint8_t *frame)
{
	for (size_t i = 0; i < dev->filter.num_mcast; i++) {
		if (memcmp(dev->filter.mcast[i], frame, 6) == 0)
			return true;
	}
	return false;
}

bool
vmx_filter_accepts(const struct vmx_device *dev, const uint8_t *frame, size_t len)
{
	uint32_t mode = dev->filter.rx_mode;

	if ((mode & VMXNET3_RXM_PROMISC) != 0)
		return true;
	if (!vlan_accepted(dev, frame, len))
		return false;
	switch (vmx_cast_of(frame)) {
	case VMX_BCAST:
		return (mode & VMXNET3_RXM_BCAST) != 0;
	case VMX_MCAST:
		if ((mode & VMXNET3_RXM_ALL_MULTI) != 0)
			return true;
		return (mode & VMXNET3_RXM_MCAST) != 0 && in_mcast_list(dev, frame);
	default:
		return (mode & VMXNET3_RXM_UCAST) != 0 && memcmp(frame, dev->mac, 6) == 0;
	}
}

void
vmx_count(struct vmx_counters *counters, const uint8_t *frame, size_t len)
{
	enum vmx_cast cast = vmx_cast_of(frame);

	counters->packets[cast]++;
	counters->bytes[cast] += len;
}
