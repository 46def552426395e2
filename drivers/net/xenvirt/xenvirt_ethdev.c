/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_xenvirt, the guest's end of a port over Xen grant tables: what DPDK and the application see
 * of it. As in vmxnet3, except:
 *
 *  - it is a virtual device: --vdev net_xenvirt0,handle=0
 *  - start does not wait for the back end. The link is up while one is connected, whenever that is,
 *    and bursts move nothing while none is.
 */
#include <errno.h>
#include <stdlib.h>

#include <ethdev_vdev.h>
#include <rte_errno.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#include <pvn_devargs.h>

#include "pvn_xenvirt.h"
#include "xenvirt_pmd.h"

RTE_LOG_REGISTER_DEFAULT(xenvirt_logtype, NOTICE);

#define DRIVER "net_xenvirt"

/* ---- devargs ---- */

#define ARG_HANDLE "handle"
#define ARG_POOL_SIZE "pool_size"
#define ARG_XEN "xen"
#define ARG_ZERO_COPY "zero_copy"

static const char *const devarg_keys[] = {ARG_HANDLE, ARG_POOL_SIZE, ARG_XEN, ARG_ZERO_COPY, NULL};

struct devargs {
	const char *name; /* of the port, for messages */
	char *xen;
	uint32_t handle;
	uint32_t pool_size;
	uint32_t zero_copy;
};

static int
parse_devargs(const char *text, struct devargs *args)
{
	struct pvn_devargs_number handle = {
		DRIVER, args->name, xenvirt_logtype, &args->handle, 0, UINT16_MAX,
	};
	struct pvn_devargs_number pool_size = {
		DRIVER,
		args->name,
		xenvirt_logtype,
		&args->pool_size,
		2 * PVN_GUESTDEV_RING_MIN,
		PVN_GUESTDEV_BUFS_MAX,
	};
	struct pvn_devargs_number zero_copy = {
		DRIVER, args->name, xenvirt_logtype, &args->zero_copy, 0, 1,
	};
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, devarg_keys);
	int ret;

	if (kvlist == NULL) {
		XENVIRT_LOG(ERR, args->name,
			    "devargs '%s': expected some of handle=N, xen=SPEC, zero_copy=0|1, "
			    "pool_size=N",
			    text);
		return -EINVAL;
	}
	ret = rte_kvargs_process(kvlist, ARG_HANDLE, pvn_devargs_number, &handle);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_POOL_SIZE, pvn_devargs_number, &pool_size);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_ZERO_COPY, pvn_devargs_number, &zero_copy);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_XEN, pvn_devargs_text, &args->xen);
	rte_kvargs_free(kvlist);
	return ret;
}

/* ---- life ---- */

static int
dev_start(struct rte_eth_dev *eth)
{
	int ret = pvn_guestdev_check(eth);

	if (ret < 0)
		return ret;
	ret = xenvirt_conn_start(xenvirt_dev(eth));
	if (ret < 0)
		return ret;
	pvn_guestdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STARTED);
	return 0;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	xenvirt_conn_stop(xenvirt_dev(eth));
	pvn_guestdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STOPPED);
	return 0;
}

static int
dev_close(struct rte_eth_dev *eth)
{
	struct xenvirt_dev *dev = xenvirt_dev(eth);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || dev->hub == NULL)
		return 0;
	dev_stop(eth);
	pvn_guestdev_release_queues(eth);
	pvn_xen_hub_remove(dev->hub, &dev->client);
	if (xenvirt_zc_put(dev->zc))
		pvn_xen_hub_close(dev->hub);
	dev->zc = NULL;
	dev->hub = NULL;
	return 0;
}

static const struct eth_dev_ops ops = {
	PVN_GUESTDEV_OPS,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
};

/* ---- probe ---- */

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvn-xenvirt", run, arg);
}

/* The MAC is the host's to give. */
static int
read_mac(struct xenvirt_dev *dev, struct rte_ether_addr *mac)
{
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	if (pvn_xenbus_read(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->back, "mac", text,
			    sizeof(text)) > 0 &&
	    rte_ether_unformat_addr(text, mac) == 0)
		return 0;
	XENVIRT_LOG(
		ERR, xenvirt_name(dev),
		"%s/mac holds no MAC address: on the host, detach the device and attach it again",
		dev->back);
	return -EINVAL;
}

static int
dev_init(struct rte_eth_dev *eth, const struct devargs *args)
{
	struct xenvirt_dev *dev = xenvirt_dev(eth);
	int ret;

	dev->g.data = eth->data;
	dev->g.driver = DRIVER;
	dev->g.logtype = xenvirt_logtype;
	dev->g.zero_copy = args->zero_copy != 0;
	dev->handle = args->handle;
	dev->event = -1;
	dev->client.look = xenvirt_conn_look;
	dev->client.after = xenvirt_conn_after;
	dev->client.port = -1;
	ret = pvn_xen_hub_open(args->xen != NULL ? args->xen : "xen", spawn, &dev->hub);
	if (ret < 0) {
		XENVIRT_LOG(ERR, args->name, "no Xen: %s", pvn_xen_why());
		return ret;
	}
	ret = xenvirt_conn_find(dev);
	if (ret == 0)
		ret = read_mac(dev, eth->data->mac_addrs);
	if (ret == 0 && args->zero_copy != 0) {
		dev->zc = xenvirt_zc_get(dev, args->pool_size);
		ret = dev->zc == NULL ? -ENOMEM : 0;
	}
	if (ret < 0) {
		pvn_xen_hub_close(dev->hub);
		dev->hub = NULL;
		return ret;
	}
	pvn_xen_hub_add(dev->hub, &dev->client);
	return 0;
}

static int
probe_primary(struct rte_vdev_device *vdev, const struct devargs *args)
{
	struct rte_eth_dev *eth = rte_eth_vdev_allocate(vdev, sizeof(struct xenvirt_dev));
	int ret;

	if (eth == NULL)
		return -ENOMEM;
	eth->data->mac_addrs = rte_zmalloc("xenvirt_mac", sizeof(struct rte_ether_addr), 0);
	ret = eth->data->mac_addrs == NULL ? -ENOMEM : dev_init(eth, args);
	if (ret < 0) {
		rte_eth_dev_release_port(eth);
		return ret;
	}
	eth->dev_ops = &ops;
	pvn_guestdev_set_bursts(eth);
	eth->data->dev_flags |= RTE_ETH_DEV_INTR_LSC;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
probe_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

	if (eth == NULL)
		return -ENODEV;
	eth->dev_ops = &pvn_guestdev_secondary_ops;
	eth->device = &vdev->device;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
xenvirt_probe(struct rte_vdev_device *vdev)
{
	struct devargs args = {
		.name = rte_vdev_device_name(vdev),
		.pool_size = PVN_GUESTDEV_BUFS_DEFAULT,
	};
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return probe_secondary(vdev);
	ret = parse_devargs(rte_vdev_device_args(vdev), &args);
	if (ret == 0)
		ret = probe_primary(vdev, &args);
	free(args.xen);
	return ret;
}

static int
xenvirt_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (eth == NULL)
		return 0;
	dev_close(eth);
	return rte_eth_dev_release_port(eth);
}

__attribute__((visibility("default"))) struct rte_mempool *
pvn_xenvirt_pool(uint16_t port_id)
{
	const struct rte_eth_dev *eth = &rte_eth_devices[RTE_MIN(port_id, RTE_MAX_ETHPORTS - 1)];

	if (!rte_eth_dev_is_valid_port(port_id) || eth->dev_ops != &ops) {
		rte_errno = ENODEV;
		return NULL;
	}
	if (xenvirt_dev(eth)->zc == NULL) {
		rte_errno = ENOTSUP;
		return NULL;
	}
	return xenvirt_dev(eth)->zc->mempool;
}

static struct rte_vdev_driver xenvirt_driver = {
	.probe = xenvirt_probe,
	.remove = xenvirt_remove,
};

RTE_PMD_REGISTER_VDEV(net_xenvirt, xenvirt_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_xenvirt,
			      ARG_HANDLE "=<0..65535> " ARG_POOL_SIZE "=<128..1048576> " ARG_XEN
					 "=<xen|local:PATH:DOMID> " ARG_ZERO_COPY "=<0|1>");
