/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Breaches: counted by kind, the last one kept as text. PVN_DEVICE_VERBOSE=1 prints each at once.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "vmx_device_priv.h"

static const struct {
	const char *name;
	const char *section;
	const char *meaning;
} kinds[] = {
#define VMX_X(name, section, meaning) {#name, section, meaning},
	VMX_BREACHES(VMX_X)
#undef VMX_X
};

static const char *const lies[] = {
#define VMX_X(name, what) #name,
	VMX_LIES(VMX_X)
#undef VMX_X
};

/* [VMX3 9.5] What a queue is stopped for, 0 if it is not. */
static uint32_t
stop_reason(enum vmx_breach_kind kind)
{
	switch (kind) {
	case VMX_BREACH_PARTIAL_PACKET_VISIBLE:
		return (uint32_t)VMXNET3_STOP_NO_EOP;
	case VMX_BREACH_DESC_REUSED:
	case VMX_BREACH_RING_FULL_OVERRUN:
		return (uint32_t)VMXNET3_STOP_TX_REUSED;
	case VMX_BREACH_TOO_MANY_DESC:
		return (uint32_t)VMXNET3_STOP_TOO_MANY_DESC;
	case VMX_BREACH_RESERVED_BITS:
		return (uint32_t)VMXNET3_STOP_BAD_TYPE;
	case VMX_BREACH_HEAD_SMALL:
		return (uint32_t)VMXNET3_STOP_SMALL_HEAD;
	case VMX_BREACH_OFFLOAD_MODE:
	case VMX_BREACH_OFFLOAD_FIELDS:
	case VMX_BREACH_BUFFER_MEMORY:
		return (uint32_t)VMXNET3_STOP_BAD_TXD;
	default:
		return 0;
	}
}

void
vmx_breach(struct vmx_device *dev, enum vmx_breach_kind kind, const char *format, ...)
{
	char detail[160];
	va_list args;

	if (dev->muted)
		return;
	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	snprintf(dev->last_breach, sizeof(dev->last_breach), "%s (%s) [VMX3 %s]: %s",
		 kinds[kind].name, kinds[kind].meaning, kinds[kind].section, detail);
	dev->breaches[kind]++;
	if (dev->fault != NULL && *dev->fault == 0)
		*dev->fault = stop_reason(kind);
	dev->breaches_total++;
	if (getenv("PVN_DEVICE_VERBOSE") != NULL)
		fprintf(stderr, "breach: %s\n", dev->last_breach);
}

unsigned int
vmx_device_breaches(const struct vmx_device *dev)
{
	return dev->breaches_total;
}

unsigned int
vmx_device_breach_count(const struct vmx_device *dev, enum vmx_breach_kind kind)
{
	return dev->breaches[kind];
}

const char *
vmx_device_last_breach(const struct vmx_device *dev)
{
	return dev->last_breach;
}

void
vmx_device_forgive(struct vmx_device *dev, enum vmx_breach_kind kind)
{
	dev->breaches_total -= dev->breaches[kind];
	dev->breaches[kind] = 0;
}

void
vmx_device_print_breaches(const struct vmx_device *dev, FILE *out)
{
	for (size_t i = 0; i < VMX_BREACH_KINDS; i++) {
		if (dev->breaches[i] != 0)
			fprintf(out, "%u x %s: %s [VMX3 %s]\n", dev->breaches[i], kinds[i].name,
				kinds[i].meaning, kinds[i].section);
	}
	if (dev->breaches_total != 0)
		fprintf(out, "last: %s\n", dev->last_breach);
}

const char *
vmx_breach_name(enum vmx_breach_kind kind)
{
	return kinds[kind].name;
}

const char *
vmx_lie_name(enum vmx_lie lie)
{
	return lies[lie];
}
