/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Regions of this virtual machine, found when EAL starts. [IVS 6, 7]
 *
 * EAL's PCI bus lists no device that no kernel driver has, and needs none of ours for the regions
 *of pointer mode, which are no ports. So each IVSHMEM device becomes a virtual device, too:
 *
 *	pvn_ivshmem_0000:00:04.0[,devargs of the PCI device]
 *
 * Rings, mempools and memory zones of its region are found by name from then on; if no kernel
 *driver has it, its net ports become ethdevs here, otherwise ivshmem_pci.c makes them. -a, -b and
 *--no-pci mean the same as for the PCI bus. A device with nothing of ours in it is passed over.
 *
 * One that is plugged in later: rte_eal_hotplug_add("vdev", "pvn_ivshmem_ADDRESS", ""); and to let
 * go of a region, as when its host has begun anew: rte_eal_hotplug_remove().
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bus_vdev_driver.h>
#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_pci.h>

#include "ivshmem_pmd.h"

#define DEVICES "/sys/bus/pci/devices"
#define PREFIX "pvn_ivshmem_"

/* ---- what there is ---- */

static unsigned long
read_number(const char *address, const char *file)
{
	char path[PATH_MAX], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", address, file);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	return strtoul(text, NULL, 0);
}

static bool
is_bound(const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/driver", address);
	return access(path, F_OK) == 0;
}

/* What the command line says of a PCI device: its devargs, or NULL if it is not to be used. */
static const char *
wanted(const char *address)
{
	const struct rte_devargs *d;
	struct rte_pci_addr ours, theirs;
	bool listed = false;

	if (rte_pci_addr_parse(address, &ours) != 0)
		return NULL;
	RTE_EAL_DEVARGS_FOREACH("pci", d)
	{
		listed |= d->policy == RTE_DEV_ALLOWED;
		if (rte_pci_addr_parse(d->name, &theirs) != 0 ||
		    rte_pci_addr_cmp(&ours, &theirs) != 0)
			continue;
		if (d->policy == RTE_DEV_BLOCKED)
			return NULL;
		return d->args != NULL ? d->args : "";
	}
	return listed ? NULL : "";
}

/* Whether a virtual device that was asked for by name takes this one. */
static bool
is_taken(const char *address)
{
	const struct rte_devargs *d;

	RTE_EAL_DEVARGS_FOREACH("vdev", d)
	if (strcmp(d->name + (strncmp(d->name, PREFIX, strlen(PREFIX)) == 0 ? strlen(PREFIX) : 0),
		   address) == 0 ||
	    (d->args != NULL && strstr(d->args, address) != NULL))
		return true;
	return false;
}

static void
add_device(const char *address, void *arg __rte_unused)
{
	const char *args = wanted(address);
	char text[512];

	if (is_taken(address))
		return;
	snprintf(text, sizeof(text), PREFIX "%s%s%s", address, args[0] != '\0' ? "," : "", args);
	if (rte_devargs_add(RTE_DEVTYPE_VIRTUAL, text) != 0)
		IVSHMEM_LOG(ERR, address, "devargs '%s' are too long", args);
}

void
ivshmem_find_each(void (*each)(const char *address, void *arg), void *arg)
{
	struct dirent *entry;
	DIR *dir = opendir(DEVICES);

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (read_number(entry->d_name, "vendor") == IVSHMEM_PCI_VENDOR &&
		    read_number(entry->d_name, "device") == IVSHMEM_PCI_DEVICE &&
		    wanted(entry->d_name) != NULL)
			each(entry->d_name, arg);
	if (dir != NULL)
		closedir(dir);
}

/* Called by the bus of virtual devices when it looks for its own. */
static void
scan(void *arg __rte_unused)
{
	if (rte_eal_has_pci() && rte_eal_process_type() == RTE_PROC_PRIMARY)
		ivshmem_find_each(add_device, NULL);
}

RTE_INIT(ivshmem_find_init)
{
	rte_vdev_add_custom_scan(scan, NULL);
}

/* ---- one device ---- */

static int
find_ports(struct rte_vdev_device *vdev, const char *address, const char *spec)
{
	const struct ivshmem_bus_device at = {
		.device = &vdev->device,
		.name = address,
		.iova = RTE_BAD_IOVA,
		.numa = SOCKET_ID_ANY,
	};
	struct ivshmem_args args = {.name = address};
	int ret = ivshmem_args_parse_pci(rte_vdev_device_args(vdev), &args);

	if (ret == 0)
		ret = ivshmem_ports_add(&at, spec, &args);
	ivshmem_args_free(&args);
	return ret < 0 ? ret : 0;
}

static int
find_probe(struct rte_vdev_device *vdev)
{
	const char *address = rte_vdev_device_name(vdev) + strlen(PREFIX);
	char spec[64];
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	snprintf(spec, sizeof(spec), "pci:%s", address);
	ret = ivshmem_share_attach(address, spec);
	if (ret != 0 || is_bound(address))
		return ret < 0 ? ret : 0;
	return find_ports(vdev, address, spec);
}

static int
find_remove(struct rte_vdev_device *vdev)
{
	const char *address = rte_vdev_device_name(vdev) + strlen(PREFIX);

	ivshmem_share_detach(address);
	if (!is_bound(address))
		ivshmem_ports_remove(address);
	return 0;
}

static struct rte_vdev_driver ivshmem_find_driver = {
	.probe = find_probe,
	.remove = find_remove,
};

RTE_PMD_REGISTER_VDEV(pvn_ivshmem, ivshmem_find_driver);
