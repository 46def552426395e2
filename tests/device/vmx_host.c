/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#define _GNU_SOURCE
#include "vmx_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_memory.h>

#include "vmx_host_priv.h"

#define EAL_ARGS_MAX 24

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* Before EAL, so that the bus and driver constructors run as they do for a built-in driver. */
static void
load_driver(void)
{
	const char *path = getenv("PVN_PMD");

	if (path == NULL || path[0] == '\0') {
		fprintf(stderr, "PVN_PMD is not set: it must name the driver's .so\n");
		exit(VMX_HOST_SKIP);
	}
	vmx_loading = true;
	if (dlopen(path, RTLD_NOW | RTLD_GLOBAL) == NULL)
		die(path, dlerror());
	vmx_loading = false;
	if (vmx_driver == NULL)
		die(path, "no PCI driver registered");
}

void
vmx_host_init(void)
{
	char prefix[32], simd_arg[48];
	char *argv[EAL_ARGS_MAX] = {
		"device-test",
		"--no-huge",
		"-m",
		"256",
		"--no-pci",
		"--no-telemetry",
		"--no-shconf",
		"--iova-mode=va",
		"--lcores=0@0-1",
		"--log-level=lib.eal:error",
		"--file-prefix",
		prefix,
		"--log-level=pmd.net.*:error",
	};
	int argc = 13;
	const char *simd = getenv("PVN_DEVICE_SIMD"); /* bits */

	load_driver();
	snprintf(prefix, sizeof(prefix), "pvn-device-%d", (int)getpid());
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[8] = "--lcores=0@0";
	if (getenv("PVN_DEVICE_VERBOSE") != NULL)
		argv[12] = "--log-level=pmd.net.*:debug";
	if (getenv("PVN_DEVICE_HUGE") != NULL)
		argv[1] = "--in-memory";
	if (getenv("PVN_DEVICE_TELEMETRY") != NULL)
		argv[5] = "--telemetry";
	if (getenv("PVN_DEVICE_HUGE") != NULL)
		argv[1] = "--in-memory"; /* 256 MiB of hugepages, of which no file is left */
	if (simd != NULL) {
		snprintf(simd_arg, sizeof(simd_arg), "--force-max-simd-bitwidth=%s", simd);
		argv[argc++] = simd_arg;
	}
	if (rte_eal_init(argc, argv) < 0)
		die("EAL", "initialisation failed");
}

void
vmx_host_exit(void)
{
	rte_eal_cleanup();
}

const char *
vmx_host_driver_name(void)
{
	return vmx_driver->driver.name;
}

bool
vmx_host_is_rival(void)
{
	return strcmp(vmx_host_driver_name(), "net_vmxnet3") == 0;
}

bool
vmx_host_has_lsc(void)
{
	return (vmx_driver->drv_flags & RTE_PCI_DRV_INTR_LSC) != 0;
}

static int
add_memory(const struct rte_memseg_list *list, const struct rte_memseg *seg, size_t len, void *arg)
{
	(void)list;
	vmx_device_add_memory(arg, seg->addr, len);
	return 0;
}

static void
on_interrupt(void *arg, unsigned int vector)
{
	struct vmx_port *port = arg;

	if (vector < 64)
		port->fired |= UINT64_C(1) << vector;
}

static int
make_intr_handle(struct vmx_port *port)
{
	struct rte_intr_handle *handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	port->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (handle == NULL || port->event_fd < 0)
		return -1;
	port->pci.intr_handle = handle;
	if (rte_intr_type_set(handle, RTE_INTR_HANDLE_VFIO_MSIX) != 0 ||
	    rte_intr_fd_set(handle, port->event_fd) != 0 ||
	    rte_intr_dev_fd_set(handle, port->event_fd) != 0 ||
	    rte_intr_max_intr_set(handle, 25) != 0)
		return -1;
	return 0;
}

static void
set_bar(struct vmx_port *port, unsigned int bar)
{
	struct rte_mem_resource *resource = &port->pci.mem_resource[bar];

	resource->addr = vmx_device_bar(port->dev, bar);
	resource->phys_addr = 0xFE000000u + 0x10000u * bar;
	resource->len = vmx_device_bar_size(port->dev, bar);
}

static int
set_devargs(struct vmx_port *port, const char *devargs)
{
	if (devargs == NULL)
		return 0;
	port->args = calloc(1, sizeof(*port->args));
	if (port->args == NULL)
		return -1;
	snprintf(port->devargs, sizeof(port->devargs), "%s,%s", port->pci.name, devargs);
	if (rte_devargs_parse(port->args, port->devargs) != 0)
		return -1;
	port->pci.device.devargs = port->args;
	return 0;
}

static int
make_pci_device(struct vmx_port *port, unsigned int slot, const char *devargs)
{
	struct rte_pci_device *pci = &port->pci;

	snprintf(pci->name, sizeof(pci->name), "0000:00:%02x.0", slot + 3);
	pci->addr.devid = (uint8_t)(slot + 3);
	pci->id.class_id = 0x020000;
	pci->id.vendor_id = pci->id.subsystem_vendor_id = 0x15AD;
	pci->id.device_id = pci->id.subsystem_device_id = 0x07B0;
	pci->kdrv = RTE_PCI_KDRV_VFIO;
	pci->device.name = pci->name;
	pci->device.bus = rte_bus_find_by_name("pci");
	pci->device.numa_node = 0;
	pci->driver = vmx_driver;
	pci->device.driver = &vmx_driver->driver;
	vmx_config_space(port->config);
	set_bar(port, 0);
	set_bar(port, 1);
	if (set_devargs(port, devargs) < 0)
		return -1;
	return make_intr_handle(port);
}

static void
free_port(struct vmx_port *port)
{
	for (size_t i = 0; i < VMX_PORTS_MAX; i++) {
		if (vmx_ports[i] == port)
			vmx_ports[i] = NULL;
	}
	if (port->event_fd > 0)
		close(port->event_fd);
	rte_intr_instance_free(port->pci.intr_handle);
	if (port->args != NULL) {
		rte_devargs_reset(port->args);
		free(port->args);
	}
	vmx_device_free(port->dev);
	free(port);
}

static struct vmx_port *
new_port(const struct vmx_device_opts *opts, const char *devargs)
{
	struct vmx_port *port = calloc(1, sizeof(*port));
	unsigned int slot = 0;

	while (slot < VMX_PORTS_MAX && vmx_ports[slot] != NULL)
		slot++;
	if (port == NULL || slot == VMX_PORTS_MAX)
		die("plug", "no room for one more port");
	vmx_ports[slot] = port;
	port->dev = vmx_device_create(opts);
	if (port->dev == NULL || make_pci_device(port, slot, devargs) < 0)
		die("plug", "no device");
	rte_memseg_contig_walk(add_memory, port->dev);
	vmx_device_on_interrupt(port->dev, on_interrupt, port);
	return port;
}

struct vmx_port *
vmx_host_plug(const struct vmx_device_opts *opts, const char *devargs, int *error)
{
	struct vmx_port *port = new_port(opts, devargs);
	int ret = vmx_driver->probe(vmx_driver, &port->pci);

	if (error != NULL)
		*error = ret;
	if (ret == 0)
		ret = rte_eth_dev_get_port_by_name(port->pci.name, &port->port_id);
	if (ret != 0) {
		free_port(port);
		return NULL;
	}
	port->probed = true;
	return port;
}

struct vmx_device *
vmx_host_device(const struct vmx_port *port)
{
	return port->dev;
}

uint16_t
vmx_host_port_id(const struct vmx_port *port)
{
	return port->port_id;
}

int
vmx_host_remove(struct vmx_port *port)
{
	port->probed = false;
	return vmx_driver->remove(&port->pci);
}

void
vmx_host_detach(struct vmx_port *port)
{
	if (port->probed)
		vmx_host_remove(port);
	vmx_device_detach(port->dev);
}

void
vmx_host_unplug(struct vmx_port *port)
{
	vmx_host_detach(port);
	free_port(port);
}

unsigned int
vmx_host_deliver_interrupts(struct vmx_port *port)
{
	unsigned int delivered = 0;

	for (unsigned int v = 0; v < 64; v++) {
		if ((port->fired & UINT64_C(1) << v) == 0)
			continue;
		port->fired &= ~(UINT64_C(1) << v);
		if (!port->intr_enabled)
			continue;
		if (v == 0 && port->callback != NULL) {
			port->callback(port->callback_arg);
			delivered++;
		} else if (v > 0 && (int)v <= rte_intr_nb_efd_get(port->pci.intr_handle)) {
			eventfd_write(rte_intr_efds_index_get(port->pci.intr_handle, (int)v - 1),
				      1);
			delivered++;
		}
	}
	return delivered;
}
