/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_ivshmem between processes: a virtual device for either end.
 *
 *	--vdev net_ivshmem0,path=/run/pvn/NAME		a guest
 *	--vdev net_ivshmem0,path=pci:0000:00:04.0	the same in a virtual machine
 *	--vdev net_ivshmem0,host=/run/pvn/NAME,mac=..	the host, with a keeper
 */
#include <errno.h>
#include <stdlib.h>

#include <ethdev_vdev.h>
#include <rte_malloc.h>

#include "ivshmem_pmd.h"

RTE_LOG_REGISTER_DEFAULT(ivshmem_logtype, NOTICE);

int
ivshmem_spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvn-ivshmem", run, arg);
}

static int
init_guest(struct rte_eth_dev *eth, const struct ivshmem_args *args)
{
	const bool plain = strncmp(args->path, "file:", strlen("file:")) == 0 ||
			   strncmp(args->path, "pci:", strlen("pci:")) == 0;
	char spec[PATH_MAX];

	snprintf(spec, sizeof(spec), "%s%s", plain ? "" : "socket:", args->path);
	return ivshmem_guest_init(eth, spec, 0, RTE_BAD_IOVA, args);
}

static int
probe_primary(struct rte_vdev_device *vdev, const struct ivshmem_args *args)
{
	const size_t size =
		RTE_MAX(sizeof(struct ivshmem_guestdev), sizeof(struct ivshmem_hostdev));
	struct rte_eth_dev *eth = rte_eth_vdev_allocate(vdev, size);
	int ret;

	if (eth == NULL)
		return -ENOMEM;
	eth->data->mac_addrs = rte_zmalloc("ivshmem_mac", sizeof(struct rte_ether_addr), 0);
	ret = eth->data->mac_addrs == NULL ? -ENOMEM : 0;
	if (ret == 0)
		ret = args->path != NULL ? init_guest(eth, args) : ivshmem_host_init(eth, args);
	if (ret < 0) {
		rte_eth_dev_release_port(eth);
		return ret;
	}
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
probe_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

	if (eth == NULL)
		return -ENODEV;
	ivshmem_secondary(eth);
	eth->device = &vdev->device;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
ivshmem_probe(struct rte_vdev_device *vdev)
{
	struct ivshmem_args args = {.name = rte_vdev_device_name(vdev)};
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return probe_secondary(vdev);
	ret = ivshmem_args_parse(rte_vdev_device_args(vdev), &args);
	if (ret == 0)
		ret = probe_primary(vdev, &args);
	ivshmem_args_free(&args);
	return ret;
}

static int
ivshmem_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (eth == NULL)
		return 0;
	if (eth->dev_ops == &ivshmem_guest_ops)
		ivshmem_guest_close(eth);
	else if (eth->dev_ops == &ivshmem_host_ops)
		ivshmem_host_close(eth);
	return rte_eth_dev_release_port(eth);
}

static struct rte_vdev_driver ivshmem_driver = {
	.probe = ivshmem_probe,
	.remove = ivshmem_remove,
};

RTE_PMD_REGISTER_VDEV(net_ivshmem, ivshmem_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_ivshmem,
			      "path=<PATH|file:PATH|pci:ADDRESS> port=<NAME> zero_copy=<0|1> "
			      "pool_size=<128..1048576> host=<PATH|file:PATH> serve=<PATH> "
			      "size=<BYTES> vectors=<1..32> room=<BYTES> mac=<MAC> "
			      "mac_check=<0|1> rate=<BITS> mtu=<68..9000>");
