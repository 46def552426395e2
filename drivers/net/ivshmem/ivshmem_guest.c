/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_ivshmem in the guest: what DPDK and the application see of it. As in xenvirt, except that the
 * shared memory is one piece which the host gives; where what is in it is ivshmem_room.c's.
 */
#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "ivshmem_pmd.h"
#include "pvn_net_ivshmem.h"

static int
dev_start(struct rte_eth_dev *eth)
{
	struct ivshmem_guestdev *dev = ivshmem_guestdev(eth);
	int ret = pvn_guestdev_check(eth);

	if (ret == 0)
		ret = ivshmem_intr_start(eth, dev->hub, dev->sleeper, &dev->intr);
	if (ret == 0)
		ret = ivshmem_conn_start(dev);
	if (ret < 0) {
		ivshmem_intr_stop(eth, dev->hub, dev->sleeper, &dev->intr);
		return ret;
	}
	pvn_guestdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STARTED);
	return 0;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	struct ivshmem_guestdev *dev = ivshmem_guestdev(eth);

	ivshmem_conn_stop(dev);
	ivshmem_intr_stop(eth, dev->hub, dev->sleeper, &dev->intr);
	pvn_guestdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STOPPED);
	return 0;
}

int
ivshmem_guest_close(struct rte_eth_dev *eth)
{
	struct ivshmem_guestdev *dev = ivshmem_guestdev(eth);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || dev->hub == NULL)
		return 0;
	dev_stop(eth);
	pvn_guestdev_release_queues(eth);
	pvn_ivshmem_hub_remove(dev->hub, &dev->client);
	if (ivshmem_room_zero_copy_end(dev))
		pvn_ivshmem_hub_close(dev->hub);
	dev->hub = NULL;
	return 0;
}

const struct eth_dev_ops ivshmem_guest_ops = {
	PVN_GUESTDEV_OPS,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = ivshmem_guest_close,
	.rx_queue_intr_enable = ivshmem_guest_intr_enable,
	.rx_queue_intr_disable = ivshmem_guest_intr_disable,
};

/* Only a host's private data begins with a pointer into itself. */
void
ivshmem_secondary(struct rte_eth_dev *eth)
{
	struct ivshmem_hostdev *host = ivshmem_hostdev(eth);

	eth->dev_ops = host->d.end == &host->host.end ? &pvn_hostdev_secondary_ops
						      : &pvn_guestdev_secondary_ops;
}

static int
find(struct rte_eth_dev *eth, const char *spec, const struct ivshmem_args *args)
{
	struct ivshmem_guestdev *dev = ivshmem_guestdev(eth);

	if (ivshmem_conn_find(dev, eth->data->mac_addrs) == 0)
		return 0;
	if (pvn_ivshmem_hub_attachment(dev->hub) == 0)
		IVSHMEM_LOG(ERR, args->name, "%s: no host is there: start the host's end first",
			    spec);
	else
		IVSHMEM_LOG(ERR, args->name, "%s: %s", spec,
			    dev->mem == NULL ? "the host has no such net port"
					     : "the host offers nothing: start its port first");
	return -ENODEV;
}

int
ivshmem_guest_init(struct rte_eth_dev *eth, const char *spec, uint32_t nth, rte_iova_t iova,
		   const struct ivshmem_args *args)
{
	struct ivshmem_guestdev *dev = ivshmem_guestdev(eth);
	int ret;

	dev->g = (struct pvn_guestdev){
		.data = eth->data,
		.driver = IVSHMEM_DRIVER,
		.logtype = ivshmem_logtype,
		.zero_copy = args->zero_copy != 0,
	};
	dev->nth = nth;
	dev->iova = iova;
	snprintf(dev->port, sizeof(dev->port), "%s", args->port != NULL ? args->port : "");
	dev->client.look = ivshmem_conn_look;
	dev->client.after = ivshmem_conn_after;
	ret = pvn_ivshmem_hub_open(spec, NULL, ivshmem_spawn, &dev->hub);
	if (ret < 0) {
		IVSHMEM_LOG(ERR, args->name, "%s", pvn_ivshmem_why());
		return ret;
	}
	ret = find(eth, spec, args);
	if (ret == 0 && dev->g.zero_copy)
		ret = ivshmem_room_zero_copy(dev, args->pool_size);
	if (ret < 0) {
		pvn_ivshmem_hub_close(dev->hub);
		dev->hub = NULL;
		return ret;
	}
	pvn_ivshmem_hub_add(dev->hub, &dev->client);
	eth->dev_ops = &ivshmem_guest_ops;
	pvn_guestdev_set_bursts(eth);
	eth->data->dev_flags |= RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV;
	return 0;
}

__attribute__((visibility("default"))) struct rte_mempool *
pvn_ivshmem_net_pool(uint16_t port_id)
{
	const struct rte_eth_dev *eth = &rte_eth_devices[RTE_MIN(port_id, RTE_MAX_ETHPORTS - 1)];

	if (!rte_eth_dev_is_valid_port(port_id) || eth->dev_ops != &ivshmem_guest_ops) {
		rte_errno = ENODEV;
		return NULL;
	}
	if (ivshmem_guestdev(eth)->zc_mempool == NULL) {
		rte_errno = ENOTSUP;
		return NULL;
	}
	return ivshmem_guestdev(eth)->zc_mempool;
}
