/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A PCI memory BAR in the process that holds both the driver and the device.
 *
 * The page is mapped twice: the driver's view may be without access rights, so that every access
 * faults and is carried out by the device model; the device's view is always plain memory. A BAR
 * whose driver view is open costs nothing per access; the device looks at the memory later.
 *
 * Single-stepping over an opened page would be simpler than decoding, but it does not work under
 * valgrind.
 */
#ifndef VMX_BAR_H
#define VMX_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmx_bar;

/* What a trapped access does; offset is in bytes from the BAR's beginning. */
struct vmx_bar_ops {
	uint32_t (*read)(void *arg, uint32_t offset);
	void (*write)(void *arg, uint32_t offset, uint32_t value);
};

/* NULL when memory or one of the few places for BARs is missing. */
struct vmx_bar *vmx_bar_create(size_t size, const struct vmx_bar_ops *ops, void *arg);

void vmx_bar_free(struct vmx_bar *bar);

/*
 * Take the SIGSEGV handler again. Creating a BAR does it; a test framework that sets handlers of
 * its own around each function makes it necessary in between.
 */
void vmx_bar_arm(void);

/* From now on each access of the driver goes through the ops, or none does. */
void vmx_bar_trap(struct vmx_bar *bar, bool trapped);

/* The driver's view. */
void *vmx_bar_driver_view(const struct vmx_bar *bar);

/* The device's view, as 32-bit words. */
uint32_t *vmx_bar_device_view(const struct vmx_bar *bar);

#endif /* VMX_BAR_H */
