/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_ivshmem in a virtual machine: each net port that the host has put into a Paravane region is
 * an ethdev. The device may be bound to any kernel driver, or to none: EAL maps nothing for us. One
 * that holds no region of ours is somebody else's, and passed over.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <bus_pci_driver.h>
#include <rte_devargs.h>
#include <rte_malloc.h>

#include "ivshmem_pmd.h"

#define PORT_NAME "%s_%u" /* the second and later ones of a device */

static void
port_name(const char *device, uint32_t nth, char *name, size_t size)
{
	if (nth == 0)
		snprintf(name, size, "%s", device);
	else
		snprintf(name, size, PORT_NAME, device, nth);
}

/* How many net ports there are: 0 if this is no region of ours. The hub stays open for the ports.
 */
static uint32_t
count_ports(struct pvn_ivshmem_hub *hub)
{
	struct ivshmem_object o;
	uint32_t n = 0;

	pvn_ivshmem_hub_lock(hub);
	while (pvn_ivshmem_hub_find_net(hub, NULL, n, &o) == 0)
		n++;
	pvn_ivshmem_hub_unlock(hub);
	return n;
}

static int
add_port(const struct ivshmem_bus_device *at, const char *spec, uint32_t nth,
	 const struct ivshmem_args *base)
{
	struct ivshmem_args args = *base;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *eth;
	int ret = -ENOMEM;

	port_name(at->name, nth, name, sizeof(name));
	args.name = name;
	eth = rte_eth_dev_allocate(name);
	if (eth == NULL)
		return -ENOMEM;
	eth->device = at->device;
	eth->data->numa_node = at->numa;
	eth->data->dev_private =
		rte_zmalloc("ivshmem_port", sizeof(struct ivshmem_guestdev), RTE_CACHE_LINE_SIZE);
	eth->data->mac_addrs = rte_zmalloc("ivshmem_mac", sizeof(struct rte_ether_addr), 0);
	if (eth->data->dev_private != NULL && eth->data->mac_addrs != NULL)
		ret = ivshmem_guest_init(eth, spec, nth, at->iova, &args);
	if (ret < 0) {
		rte_eth_dev_release_port(eth);
		return ret;
	}
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
probe_secondary(struct rte_pci_device *pci)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *eth;
	uint32_t nth = 0;

	for (;; nth++) {
		port_name(pci->device.name, nth, name, sizeof(name));
		eth = rte_eth_dev_attach_secondary(name);
		if (eth == NULL)
			return nth > 0 ? 0 : 1;
		ivshmem_secondary(eth);
		eth->device = &pci->device;
		rte_eth_dev_probing_finish(eth);
	}
}

int
ivshmem_ports_add(const struct ivshmem_bus_device *at, const char *spec,
		  const struct ivshmem_args *args)
{
	struct pvn_ivshmem_hub *hub;
	uint32_t ports, added = 0;

	if (pvn_ivshmem_hub_open(spec, NULL, ivshmem_spawn, &hub) < 0) {
		IVSHMEM_LOG(DEBUG, at->name, "passed over: %s", pvn_ivshmem_why());
		return 1;
	}
	ports = count_ports(hub);
	if (ports == 0)
		IVSHMEM_LOG(DEBUG, at->name, "passed over: %s", pvn_ivshmem_why());
	for (uint32_t nth = 0; nth < ports; nth++)
		added += add_port(at, spec, nth, args) == 0;
	pvn_ivshmem_hub_close(hub); /* each port has it open too */
	return added > 0 || ports > 0 ? (added > 0 ? 0 : -ENODEV) : 1;
}

void
ivshmem_ports_remove(const char *device)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	for (uint32_t nth = 0; nth < PVN_IVSHMEM_HUB_NETS_MAX; nth++) {
		struct rte_eth_dev *eth;

		port_name(device, nth, name, sizeof(name));
		eth = rte_eth_dev_allocated(name);
		if (eth == NULL)
			continue;
		ivshmem_guest_close(eth);
		rte_eth_dev_release_port(eth);
	}
}

static int
ivshmem_pci_probe(struct rte_pci_driver *driver __rte_unused, struct rte_pci_device *pci)
{
	const rte_iova_t bar = pci->mem_resource[IVSHMEM_BAR_MEMORY].phys_addr;
	const struct ivshmem_bus_device at = {
		.device = &pci->device,
		.name = pci->device.name,
		.iova = bar != 0 ? bar : RTE_BAD_IOVA,
		.numa = pci->device.numa_node,
	};
	const struct rte_devargs *devargs = pci->device.devargs;
	struct ivshmem_args args = {.name = pci->device.name};
	char spec[64];
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return probe_secondary(pci);
	snprintf(spec, sizeof(spec), "pci:" PCI_PRI_FMT, pci->addr.domain, pci->addr.bus,
		 pci->addr.devid, pci->addr.function);
	ret = ivshmem_args_parse_pci(devargs != NULL ? devargs->args : NULL, &args);
	if (ret == 0)
		ret = ivshmem_ports_add(&at, spec, &args);
	ivshmem_args_free(&args);
	return ret;
}

static int
ivshmem_pci_remove(struct rte_pci_device *pci)
{
	ivshmem_ports_remove(pci->device.name);
	return 0;
}

static const struct rte_pci_id ids[] = {
	{RTE_PCI_DEVICE(IVSHMEM_PCI_VENDOR, IVSHMEM_PCI_DEVICE)},
	{.vendor_id = 0},
};

static struct rte_pci_driver ivshmem_pci_driver = {
	.id_table = ids,
	.probe = ivshmem_pci_probe,
	.remove = ivshmem_pci_remove,
};

RTE_PMD_REGISTER_PCI(net_ivshmem_pci, ivshmem_pci_driver);
RTE_PMD_REGISTER_PCI_TABLE(net_ivshmem_pci, ids);
RTE_PMD_REGISTER_KMOD_DEP(net_ivshmem_pci, "* uio_pci_generic | vfio-pci");
