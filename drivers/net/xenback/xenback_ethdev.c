/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_xenback, the host's end of a guest's port over Xen grant tables: what DPDK and the
 * application see of it. As in xenvirt, except:
 *
 *  - one port for each guest device: --vdev net_xenback0,frontend=3,handle=0; or all there are and
 *    will be: --vdev net_xenback,watch=1 (xenback_watch.c)
 *  - the rings are the guest's: the descriptor counts of queue set-up are not used
 *  - when the toolstack wants the device to go, the application gets RTE_ETH_EVENT_INTR_RMV
 */
#include <errno.h>
#include <stdlib.h>

#include <ethdev_vdev.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#include <pvn_devargs.h>

#include "xenback_pmd.h"

RTE_LOG_REGISTER_DEFAULT(xenback_logtype, NOTICE);

#define DRIVER "net_xenback"

/* ---- devargs ---- */

#define ARG_FRONTEND "frontend"
#define ARG_HANDLE "handle"
#define ARG_WATCH "watch"
#define ARG_XEN "xen"

static const char *const devarg_keys[] = {ARG_FRONTEND, ARG_HANDLE, ARG_WATCH, ARG_XEN, NULL};

static int
parse_devargs(const char *text, struct xenback_args *args)
{
	struct pvn_devargs_number frontend = {
		DRIVER, args->name, xenback_logtype, &args->frontend, 0, UINT16_MAX,
	};
	struct pvn_devargs_number handle = {
		DRIVER, args->name, xenback_logtype, &args->handle, 0, UINT16_MAX,
	};
	struct pvn_devargs_number watch = {
		DRIVER, args->name, xenback_logtype, &args->watch, 0, 1,
	};
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, devarg_keys);
	int ret = kvlist == NULL ? -EINVAL : 0;

	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_FRONTEND, pvn_devargs_number, &frontend);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_HANDLE, pvn_devargs_number, &handle);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_WATCH, pvn_devargs_number, &watch);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_XEN, pvn_devargs_text, &args->xen);
	if (kvlist != NULL) {
		args->has_frontend = rte_kvargs_count(kvlist, ARG_FRONTEND) > 0;
		rte_kvargs_free(kvlist);
	}
	if (ret == 0 && args->has_frontend == (args->watch != 0))
		ret = -EINVAL;
	if (ret < 0)
		XENBACK_LOG(
			ERR, args->name,
			"devargs '%s': expected frontend=DOMID[,handle=N] for one guest device, or "
			"watch=1 for all; and xen=SPEC if it is not Xen's own",
			text);
	return ret;
}

/* ---- life ---- */

/* From the control thread, after a connection came or went. */
static void
host_changed(struct pvn_hostend *end)
{
	struct xenback_dev *dev = container_of(end, struct xenback_dev, host.end);

	pvn_hostdev_tell(&dev->d);
	if (!dev->host.going || dev->told_going)
		return;
	dev->told_going = true;
	rte_eth_dev_callback_process(&rte_eth_devices[dev->d.data->port_id], RTE_ETH_EVENT_INTR_RMV,
				     NULL);
}

static int
dev_start(struct rte_eth_dev *eth)
{
	int ret = pvn_hostdev_prepare(eth);

	if (ret == 0)
		ret = pvn_xenhost_start(&xenback_dev(eth)->host);
	if (ret == 0)
		pvn_hostdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STARTED);
	return ret;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	pvn_xenhost_stop(&xenback_dev(eth)->host);
	pvn_hostdev_queue_states(eth, RTE_ETH_QUEUE_STATE_STOPPED);
	pvn_hostdev_link_update(eth, 0);
	return 0;
}

static int
dev_close(struct rte_eth_dev *eth)
{
	struct xenback_dev *dev = xenback_dev(eth);
	struct pvn_xen_hub *hub = dev->host.hub;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || hub == NULL)
		return 0;
	pvn_xenhost_fini(&dev->host);
	pvn_hostdev_release_queues(eth);
	dev->host.hub = NULL;
	pvn_xen_hub_close(hub);
	return 0;
}

static const struct eth_dev_ops ops = {
	PVN_HOSTDEV_OPS,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
};

/* ---- probe ---- */

int
xenback_spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvn-xenback", run, arg);
}

static int
dev_init(struct rte_eth_dev *eth, const struct xenback_args *args)
{
	struct xenback_dev *dev = xenback_dev(eth);
	struct pvn_xen_hub *hub;
	int ret = pvn_xen_hub_open(args->xen != NULL ? args->xen : "xen", xenback_spawn, &hub);

	if (ret < 0) {
		XENBACK_LOG(ERR, args->name, "no Xen: %s", pvn_xen_why());
		return ret;
	}
	dev->d.data = eth->data;
	dev->d.driver = DRIVER;
	dev->d.end = &dev->host.end;
	dev->host.end.name = eth->data->name;
	dev->host.end.logtype = xenback_logtype;
	dev->host.end.changed = host_changed;
	ret = pvn_xenhost_init(&dev->host, hub, args->frontend, args->handle);
	if (ret < 0) {
		dev->host.hub = NULL;
		pvn_xen_hub_close(hub);
		return ret;
	}
	eth->data->mtu = dev->host.end.mtu;
	rte_eth_random_addr(eth->data->mac_addrs->addr_bytes);
	return 0;
}

static int
probe_port(struct rte_vdev_device *vdev, const struct xenback_args *args)
{
	struct rte_eth_dev *eth = rte_eth_vdev_allocate(vdev, sizeof(struct xenback_dev));
	int ret;

	if (eth == NULL)
		return -ENOMEM;
	eth->data->mac_addrs = rte_zmalloc("xenback_mac", sizeof(struct rte_ether_addr), 0);
	ret = eth->data->mac_addrs == NULL ? -ENOMEM : dev_init(eth, args);
	if (ret < 0) {
		rte_eth_dev_release_port(eth);
		return ret;
	}
	eth->dev_ops = &ops;
	eth->rx_pkt_burst = pvn_host_rx;
	eth->tx_pkt_burst = pvn_host_tx;
	eth->data->dev_flags |= RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
probe_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

	if (eth == NULL)
		return -ENODEV;
	eth->dev_ops = &pvn_hostdev_secondary_ops;
	eth->device = &vdev->device;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
xenback_probe(struct rte_vdev_device *vdev)
{
	struct xenback_args args = {.name = rte_vdev_device_name(vdev)};
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return probe_secondary(vdev);
	ret = parse_devargs(rte_vdev_device_args(vdev), &args);
	if (ret == 0)
		ret = args.watch != 0 ? xenback_watch_start(vdev, &args) : probe_port(vdev, &args);
	free(args.xen);
	return ret;
}

static int
xenback_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (xenback_watch_stop(vdev) || eth == NULL)
		return 0;
	dev_close(eth);
	return rte_eth_dev_release_port(eth);
}

static struct rte_vdev_driver xenback_driver = {
	.probe = xenback_probe,
	.remove = xenback_remove,
};

RTE_PMD_REGISTER_VDEV(net_xenback, xenback_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_xenback,
			      ARG_FRONTEND "=<0..65535> " ARG_HANDLE "=<0..65535> " ARG_WATCH
					   "=<0|1> " ARG_XEN "=<xen|local:PATH:DOMID>");
