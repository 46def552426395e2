/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A poll mode driver's surroundings, made up: EAL without root, hugepages or PCI; the driver's .so
 * from the environment variable PVN_PMD; and PCI devices that are software VMXNET3 devices.
 *
 * The executable defines the few PCI bus and interrupt functions a driver calls (and is linked with
 * -rdynamic, so that the driver's calls arrive here): registration is caught, config space is made
 * up, interrupts are delivered when a test says so, on its own thread.
 */
#ifndef VMX_HOST_H
#define VMX_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "vmx_device.h"

#define VMX_HOST_SKIP 77 /* exit code of a test that cannot run here */

struct rte_mempool;
struct vmx_port;

/* EAL and the driver; exits with a message when either fails, with 77 when PVN_PMD is not set. */
void vmx_host_init(void);

void vmx_host_exit(void);

/* The driver's name as it registered, e.g. "net_vmxnet3". */
const char *vmx_host_driver_name(void);

/* Whether it is DPDK's own driver, some of whose faults are known. */
bool vmx_host_is_rival(void);

/* Whether the driver says that it knows the link interrupt. */
bool vmx_host_has_lsc(void);

/*
 * A new device, and the driver probed on it; devargs ("key=value,...") may be NULL. NULL, with what
 * the probe returned in *error when that is not NULL, if there is no port: 0 would be a driver's
 * fault.
 */
struct vmx_port *vmx_host_plug(const struct vmx_device_opts *opts, const char *devargs, int *error);

struct vmx_device *vmx_host_device(const struct vmx_port *port);

uint16_t vmx_host_port_id(const struct vmx_port *port);

/* The driver's remove, as the bus calls it at the end or when the device is pulled out. */
int vmx_host_remove(struct vmx_port *port);

/* Remove if that has not been done, last checks; the device stays to be asked for breaches. */
void vmx_host_detach(struct vmx_port *port);

/* Detach, and free the device. */
void vmx_host_unplug(struct vmx_port *port);

/* For each interrupt that fired call the driver's handler (vector 0) or wake who sleeps on the
 * vector (all others that the driver has enabled); returns how many did. */
unsigned int vmx_host_deliver_interrupts(struct vmx_port *port);

#endif /* VMX_HOST_H */
