/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_ivshmem on the host, as xenback: one port for each net port of a region. The region is the
 * keeper's (host=PATH) or this process's own (serve=PATH).
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_malloc.h>

#include <pvn_ivshmem_server.h>

#include "ivshmem_pmd.h"

#define PORT_DEFAULT "net0"

static void
host_changed(struct pvn_hostend *end)
{
	struct ivshmem_hostdev *dev = container_of(end, struct ivshmem_hostdev, host.end);

	ivshmem_intr_wake_all(dev->sleeper, dev->d.data->nb_rx_queues);
	pvn_hostdev_tell(&dev->d);
}

static int
dev_start(struct rte_eth_dev *eth)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);
	int ret = pvn_hostdev_prepare(eth);

	if (ret == 0)
		ret = ivshmem_intr_start(eth, dev->hub, dev->sleeper, &dev->intr);
	if (ret < 0) {
		ivshmem_intr_stop(eth, dev->hub, dev->sleeper, &dev->intr);
		return ret;
	}
	dev->host.vectors = ivshmem_intr_vectors(eth, dev->hub);
	pvn_ivshost_start(&dev->host);
	pvn_hostdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STARTED);
	return 0;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);

	pvn_ivshost_stop(&dev->host);
	ivshmem_intr_stop(eth, dev->hub, dev->sleeper, &dev->intr);
	pvn_hostdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STOPPED);
	pvn_hostdev_link_update(eth, 0);
	return 0;
}

static void
let_go(struct ivshmem_hostdev *dev)
{
	pvn_ivshmem_hub_close(dev->hub);
	pvn_ivshmem_server_free(dev->server);
	dev->hub = NULL;
	dev->server = NULL;
}

int
ivshmem_host_close(struct rte_eth_dev *eth)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || dev->hub == NULL)
		return 0;
	pvn_ivshost_fini(&dev->host);
	pvn_hostdev_release_queues(eth);
	let_go(dev);
	return 0;
}

const struct eth_dev_ops ivshmem_host_ops = {
	PVN_HOSTDEV_OPS,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = ivshmem_host_close,
	.rx_queue_intr_enable = ivshmem_host_intr_enable,
	.rx_queue_intr_disable = ivshmem_host_intr_disable,
};

/* ---- set-up ---- */

static int
serve(struct ivshmem_hostdev *dev, const struct ivshmem_args *args)
{
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "net",
		.path = args->serve,
		.vectors = args->vectors,
	};
	int ret = ivshmem_args_amount(args, "size", args->size, 1024, &cfg.size);

	if (ret < 0)
		return ret;
	ret = pvn_ivshmem_server_new(&cfg, &dev->server);
	if (ret == 0)
		ret = pvn_ivshmem_server_start(dev->server);
	if (ret < 0)
		IVSHMEM_LOG(ERR, args->name, "%s", pvn_ivshmem_why());
	return ret;
}

static int
open_region(struct ivshmem_hostdev *dev, const struct ivshmem_args *args)
{
	const char *path = args->serve != NULL ? args->serve : args->host;
	const bool plain = strncmp(path, "file:", strlen("file:")) == 0;
	char spec[PATH_MAX];
	int ret = args->serve != NULL ? serve(dev, args) : 0;

	if (ret < 0)
		return ret;
	snprintf(spec, sizeof(spec), "%s%s%s", plain ? "" : "socket:", path, plain ? "" : ".host");
	ret = pvn_ivshmem_hub_open(spec, "net", ivshmem_spawn, &dev->hub);
	if (ret < 0)
		IVSHMEM_LOG(ERR, args->name, "%s", pvn_ivshmem_why());
	return ret;
}

static int
set_policy(struct pvn_hostend *end, const struct ivshmem_args *args)
{
	struct rte_ether_addr *mac = &end->policy.mac;
	int ret = 0;

	rte_eth_random_addr(mac->addr_bytes);
	if (args->mac != NULL)
		ret = ivshmem_args_mac(args, mac);
	end->policy.check_mac = args->mac_check != 0;
	end->mtu = args->mtu != 0 ? args->mtu : PVN_HOSTEND_MTU_DEFAULT;
	if (ret == 0 && args->rate != NULL)
		ret = ivshmem_args_amount(args, "rate", args->rate, 1000, &end->rate);
	if (ret == 0 && pvn_host_policy_rate(&end->policy, end->rate) < 0) {
		IVSHMEM_LOG(ERR, args->name, "rate=%s: not possible", args->rate);
		ret = -EINVAL;
	}
	return ret;
}

int
ivshmem_host_init(struct rte_eth_dev *eth, const struct ivshmem_args *args)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);
	struct pvn_hostend *end = &dev->host.end;
	uint64_t room = 0;
	int ret;

	dev->d = (struct pvn_hostdev){.data = eth->data, .end = end, .driver = IVSHMEM_DRIVER};
	end->name = eth->data->name;
	end->logtype = ivshmem_logtype;
	end->changed = host_changed;
	ret = set_policy(end, args);
	if (ret == 0 && args->room != NULL)
		ret = ivshmem_args_amount(args, "room", args->room, 1024, &room);
	if (ret == 0)
		ret = open_region(dev, args);
	if (ret == 0)
		ret = pvn_ivshost_init(&dev->host, dev->hub,
				       args->port != NULL ? args->port : PORT_DEFAULT, room);
	if (ret < 0) {
		let_go(dev);
		return ret;
	}
	eth->data->mtu = end->mtu;
	rte_eth_random_addr(eth->data->mac_addrs->addr_bytes);
	eth->dev_ops = &ivshmem_host_ops;
	eth->rx_pkt_burst = pvn_host_rx;
	eth->tx_pkt_burst = pvn_host_tx;
	eth->data->dev_flags |= RTE_ETH_DEV_INTR_LSC;
	return 0;
}
