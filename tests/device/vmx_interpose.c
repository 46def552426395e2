/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Functions of DPDK that a PCI driver calls and that must reach our made-up bus instead. The
 * dynamic linker takes the executable's symbols first. What concerns other devices is passed on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <rte_bus_pci.h>

#include <pvn_compat.h>

#include "vmx_host_priv.h"

bool vmx_loading;
struct rte_pci_driver *vmx_driver;
struct vmx_port *vmx_ports[VMX_PORTS_MAX];

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/*
 * EAL loads every driver there is when it finds itself to be a shared library, which it learns by
 * asking for itself. Only the driver under test shall be loaded, so it does not find itself.
 */
void *
dlopen(const char *name, int mode)
{
	void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");

	if (name != NULL && (mode & RTLD_NOLOAD) != 0 && strncmp(name, "librte_eal.so", 13) == 0)
		return NULL;
	return next(name, mode);
}

void
rte_pci_register(struct rte_pci_driver *driver)
{
	if (vmx_loading)
		vmx_driver = driver;
}

void
rte_pci_unregister(struct rte_pci_driver *driver)
{
	(void)driver;
}

static struct vmx_port *
port_of_pci(const struct rte_pci_device *pci)
{
	for (size_t i = 0; i < VMX_PORTS_MAX; i++) {
		if (vmx_ports[i] != NULL && &vmx_ports[i]->pci == pci)
			return vmx_ports[i];
	}
	return NULL;
}

static struct vmx_port *
port_of_handle(const struct rte_intr_handle *handle)
{
	for (size_t i = 0; i < VMX_PORTS_MAX && handle != NULL; i++) {
		if (vmx_ports[i] != NULL && vmx_ports[i]->pci.intr_handle == handle)
			return vmx_ports[i];
	}
	return NULL;
}

/* The BARs have been in place from the beginning. */
int
rte_pci_map_device(struct rte_pci_device *pci)
{
	return port_of_pci(pci) == NULL ? -ENODEV : 0;
}

void
rte_pci_unmap_device(struct rte_pci_device *pci)
{
	(void)pci;
}

int
rte_pci_read_config(const struct rte_pci_device *pci, void *buf, size_t len, off_t offset)
{
	const struct vmx_port *port = port_of_pci(pci);

	if (port == NULL || offset < 0 || (size_t)offset + len > sizeof(port->config))
		return -1;
	memcpy(buf, port->config + offset, len);
	return (int)len;
}

int
rte_pci_write_config(const struct rte_pci_device *pci, const void *buf, size_t len, off_t offset)
{
	struct vmx_port *port = port_of_pci(pci);

	if (port == NULL || offset < 0 || (size_t)offset + len > sizeof(port->config))
		return -1;
	memcpy(port->config + offset, buf, len);
	return (int)len;
}

int
rte_pci_set_bus_master(PVN_BUS_MASTER_CONST struct rte_pci_device *pci, bool enable)
{
	struct vmx_port *port = port_of_pci(pci);

	if (port == NULL)
		return -1;
	port->config[4] = (uint8_t)((port->config[4] & ~4u) | (enable ? 4u : 0));
	return 0;
}

int
rte_intr_callback_register(const struct rte_intr_handle *handle, rte_intr_callback_fn fn, void *arg)
{
	struct vmx_port *port = port_of_handle(handle);

	if (port == NULL)
		return NEXT(rte_intr_callback_register)(handle, fn, arg);
	port->callback = fn;
	port->callback_arg = arg;
	return 0;
}

static int
unregister(struct vmx_port *port, rte_intr_callback_fn fn, void *arg)
{
	if (port->callback != fn || (arg != (void *)-1 && port->callback_arg != arg))
		return -ENOENT;
	port->callback = NULL;
	return 1;
}

int
rte_intr_callback_unregister(const struct rte_intr_handle *handle, rte_intr_callback_fn fn,
			     void *arg)
{
	struct vmx_port *port = port_of_handle(handle);

	if (port == NULL)
		return NEXT(rte_intr_callback_unregister)(handle, fn, arg);
	return unregister(port, fn, arg);
}

int
rte_intr_callback_unregister_sync(const struct rte_intr_handle *handle, rte_intr_callback_fn fn,
				  void *arg)
{
	struct vmx_port *port = port_of_handle(handle);

	if (port == NULL)
		return NEXT(rte_intr_callback_unregister_sync)(handle, fn, arg);
	return unregister(port, fn, arg);
}

int
rte_intr_enable(const struct rte_intr_handle *handle)
{
	struct vmx_port *port = port_of_handle(handle);

	if (port == NULL)
		return NEXT(rte_intr_enable)(handle);
	port->intr_enabled = true;
	return 0;
}

int
rte_intr_disable(const struct rte_intr_handle *handle)
{
	struct vmx_port *port = port_of_handle(handle);

	if (port == NULL)
		return NEXT(rte_intr_disable)(handle);
	port->intr_enabled = false;
	return 0;
}

int
rte_intr_ack(const struct rte_intr_handle *handle)
{
	return port_of_handle(handle) == NULL ? NEXT(rte_intr_ack)(handle) : 0;
}

static void
put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* [VMX3 1, 12.23] Identity, and the capability list: MSI-X at 0x9C, MSI at 0x84. */
void
vmx_config_space(uint8_t config[256])
{
	memset(config, 0, 256);
	put16(config, 0x15AD);
	put16(config + 2, 0x07B0);
	put16(config + 4, 0x0006); /* command: memory space, bus master */
	put16(config + 6, 0x0010); /* status: capability list */
	config[8] = 1;		   /* revision */
	config[11] = 0x02;	   /* class: network controller */
	put16(config + 0x2C, 0x15AD);
	put16(config + 0x2E, 0x07B0);
	config[0x34] = 0x9C;
	config[0x3D] = 1; /* INTx pin A */
	config[0x84] = 0x05;
	put16(config + 0x86, 0x0080); /* MSI: 64 bit, 1 vector */
	config[0x9C] = 0x11;
	config[0x9D] = 0x84;
	put16(config + 0x9E, 24); /* MSI-X: vectors - 1 */
	config[0xA0] = 2;	  /* table in BAR2 at 0 */
	put16(config + 0xA4, 0x1002);
}
