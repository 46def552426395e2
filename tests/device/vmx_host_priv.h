/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Between vmx_host.c (ports) and vmx_interpose.c (the calls a driver makes).
 */
#ifndef VMX_HOST_PRIV_H
#define VMX_HOST_PRIV_H

#include <rte_interrupts.h>

#include <bus_pci_driver.h>

#include "vmx_host.h"

#define VMX_PORTS_MAX 16

struct vmx_port {
	struct vmx_device *dev;
	struct rte_pci_device pci;
	uint8_t config[256];
	uint16_t port_id;
	bool probed;
	char devargs[256];
	struct rte_devargs *args;
	int event_fd;

	/* What the driver registered for its interrupt. */
	rte_intr_callback_fn callback;
	void *callback_arg;
	bool intr_enabled;
	uint64_t fired; /* vectors, not yet delivered */
};

/* Set while the PMD is being loaded; what registers then is the driver. */
extern bool vmx_loading;
extern struct rte_pci_driver *vmx_driver;
extern struct vmx_port *vmx_ports[VMX_PORTS_MAX];

void vmx_config_space(uint8_t config[256]);

#endif /* VMX_HOST_PRIV_H */
