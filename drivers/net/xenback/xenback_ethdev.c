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
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <ethdev_vdev.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#include "xenback_pmd.h"

RTE_LOG_REGISTER_DEFAULT(xenback_logtype, NOTICE);

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                               \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO)
#define TX_OFFLOADS                                                                                \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                           \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

#define RING_DEFAULT 256

/* ---- devargs ---- */

#define ARG_FRONTEND "frontend"
#define ARG_HANDLE "handle"
#define ARG_WATCH "watch"
#define ARG_XEN "xen"

static const char *const devarg_keys[] = {ARG_FRONTEND, ARG_HANDLE, ARG_WATCH, ARG_XEN, NULL};

/* A number's devarg: where it goes and what is accepted. */
struct number_arg {
	const char *name;
	uint32_t *value;
	uint32_t max;
};

static int
parse_number(const char *key, const char *text, void *opaque)
{
	struct number_arg *arg = opaque;
	unsigned long v;
	char *end;

	text = text == NULL ? "" : text;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || v > arg->max) {
		XENBACK_LOG(ERR, arg->name, "%s=%s: expected a number in 0..%u", key, text,
			    arg->max);
		return -EINVAL;
	}
	*arg->value = v;
	return 0;
}

static int
parse_text(const char *key __rte_unused, const char *text, void *opaque)
{
	char **copy = opaque;

	free(*copy);
	*copy = strdup(text == NULL ? "" : text);
	return *copy == NULL ? -ENOMEM : 0;
}

static int
parse_devargs(const char *text, struct xenback_args *args)
{
	struct number_arg frontend = {args->name, &args->frontend, UINT16_MAX};
	struct number_arg handle = {args->name, &args->handle, UINT16_MAX};
	struct number_arg watch = {args->name, &args->watch, 1};
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, devarg_keys);
	int ret = kvlist == NULL ? -EINVAL : 0;

	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_FRONTEND, parse_number, &frontend);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_HANDLE, parse_number, &handle);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_WATCH, parse_number, &watch);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_XEN, parse_text, &args->xen);
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

/* ---- queues ---- */

static void
rxq_release(struct rte_eth_dev *eth, uint16_t i)
{
	rte_free(eth->data->rx_queues[i]);
	eth->data->rx_queues[i] = NULL;
	xenback_dev(eth)->host.rxq[i] = NULL;
}

static void
txq_release(struct rte_eth_dev *eth, uint16_t i)
{
	rte_free(eth->data->tx_queues[i]);
	eth->data->tx_queues[i] = NULL;
	xenback_dev(eth)->host.txq[i] = NULL;
}

static int
rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n __rte_unused, unsigned int socket,
	  const struct rte_eth_rxconf *conf __rte_unused, struct rte_mempool *pool)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvn_host_rxq *q;

	rxq_release(eth, i);
	q = rte_zmalloc_socket("xenback_rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, socket);
	if (q == NULL)
		return -ENOMEM;
	pvn_host_rxq_pool(q, pool, eth->data->port_id);
	q->scatter = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	q->keep_hints = (offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				     RTE_ETH_RX_OFFLOAD_TCP_LRO)) != 0;
	eth->data->rx_queues[i] = q;
	xenback_dev(eth)->host.rxq[i] = q;
	return 0;
}

static int
txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n __rte_unused, unsigned int socket,
	  const struct rte_eth_txconf *conf __rte_unused)
{
	struct pvn_host_txq *q;

	txq_release(eth, i);
	q = rte_zmalloc_socket("xenback_txq", sizeof(*q), RTE_CACHE_LINE_SIZE, socket);
	if (q == NULL)
		return -ENOMEM;
	rte_spinlock_init(&q->lock);
	eth->data->tx_queues[i] = q;
	xenback_dev(eth)->host.txq[i] = q;
	return 0;
}

static void
rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info)
{
	const struct pvn_host_rxq *q = eth->data->rx_queues[i];

	info->mp = q->pool;
	info->nb_desc = xenback_dev(eth)->host.tx_sizes[i];
	info->scattered_rx = q->scatter;
}

static void
txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info)
{
	info->nb_desc = xenback_dev(eth)->host.rx_sizes[i];
}

/* ---- life ---- */

static int
link_update(struct rte_eth_dev *eth, int wait_to_complete __rte_unused)
{
	const struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_status = pvn_xenhost_link(&xenback_dev(eth)->host) ? RTE_ETH_LINK_UP
									 : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(eth, &link);
}

/* From the control thread, after a connection came or went. */
static void
host_changed(struct pvn_xenhost *host)
{
	struct xenback_dev *dev = container_of(host, struct xenback_dev, host);
	struct rte_eth_dev *eth = &rte_eth_devices[dev->data->port_id];
	bool up = pvn_xenhost_link(host);

	link_update(eth, 0);
	if (up != dev->told_up && dev->data->dev_conf.intr_conf.lsc != 0)
		rte_eth_dev_callback_process(eth, RTE_ETH_EVENT_INTR_LSC, NULL);
	dev->told_up = up;
	if (!host->going || dev->told_going)
		return;
	dev->told_going = true;
	rte_eth_dev_callback_process(eth, RTE_ETH_EVENT_INTR_RMV, NULL);
}

static int
dev_configure(struct rte_eth_dev *eth)
{
	const struct rte_eth_dev_data *data = eth->data;

	if (data->nb_rx_queues > 0 && data->nb_tx_queues > 0)
		return 0;
	XENBACK_LOG(ERR, data->name, "needs at least one rx and one tx queue");
	return -EINVAL;
}

static bool
queues_set_up(const struct rte_eth_dev *eth)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		if (eth->data->rx_queues[i] == NULL)
			return false;
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		if (eth->data->tx_queues[i] == NULL)
			return false;
	return true;
}

static void
set_queue_states(struct rte_eth_dev *eth, uint8_t state)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		eth->data->rx_queue_state[i] = state;
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		eth->data->tx_queue_state[i] = state;
}

static int
dev_start(struct rte_eth_dev *eth)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvn_xenhost *host = &xenback_dev(eth)->host;
	int ret;

	if (!queues_set_up(eth)) {
		XENBACK_LOG(ERR, eth->data->name, "a configured queue was not set up");
		return -EINVAL;
	}
	host->features = 0;
	if ((offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)) != 0)
		host->features |= RTE_BIT64(VIRTIO_NET_F_CSUM);
	if ((offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		host->features |= RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
				  RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);
	host->rx_queues = eth->data->nb_rx_queues;
	host->tx_queues = eth->data->nb_tx_queues;
	host->mtu = eth->data->mtu;
	eth->data->scattered_rx = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	ret = pvn_xenhost_start(host);
	if (ret == 0)
		set_queue_states(eth, RTE_ETH_QUEUE_STATE_STARTED);
	return ret;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	pvn_xenhost_stop(&xenback_dev(eth)->host);
	set_queue_states(eth, RTE_ETH_QUEUE_STATE_STOPPED);
	link_update(eth, 0);
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
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		rxq_release(eth, i);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		txq_release(eth, i);
	dev->host.hub = NULL;
	pvn_xen_hub_close(hub);
	return 0;
}

/* ---- settings ---- */

static int
dev_infos(struct rte_eth_dev *eth __rte_unused, struct rte_eth_dev_info *info)
{
	info->max_rx_queues = XENVIRT_QUEUES_MAX;
	info->max_tx_queues = XENVIRT_QUEUES_MAX;
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_pktlen = XENVIRT_FRAME_MAX(XENVIRT_MTU_MAX);
	info->min_mtu = XENVIRT_MTU_MIN;
	info->max_mtu = XENVIRT_MTU_MAX;
	info->max_mac_addrs = 1;
	info->max_lro_pkt_size = UINT16_MAX;
	info->rx_offload_capa = RX_OFFLOADS;
	info->tx_offload_capa = TX_OFFLOADS;
	info->default_rxportconf.ring_size = RING_DEFAULT;
	info->default_txportconf.ring_size = RING_DEFAULT;
	info->default_rxportconf.burst_size = 32;
	info->default_txportconf.burst_size = 32;
	return 0;
}

static int
mtu_set(struct rte_eth_dev *eth, uint16_t mtu __rte_unused)
{
	if (eth->data->dev_started == 0)
		return 0;
	XENBACK_LOG(ERR, eth->data->name, "the MTU can be set on a stopped port only");
	return -EBUSY;
}

/* Everything that the guest sends is received: there is nothing to switch on. */
static int
all_frames(struct rte_eth_dev *eth __rte_unused)
{
	return 0;
}

/* The port's own address is only for the application to look at. */
static int
mac_set(struct rte_eth_dev *eth __rte_unused, struct rte_ether_addr *mac __rte_unused)
{
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.dev_infos_get = dev_infos,
	.link_update = link_update,
	.mtu_set = mtu_set,
	.mac_addr_set = mac_set,
	.promiscuous_enable = all_frames,
	.promiscuous_disable = all_frames,
	.allmulticast_enable = all_frames,
	.allmulticast_disable = all_frames,
	.rx_queue_setup = rxq_setup,
	.rx_queue_release = rxq_release,
	.tx_queue_setup = txq_setup,
	.tx_queue_release = txq_release,
	.rxq_info_get = rxq_info,
	.txq_info_get = txq_info,
	.stats_get = xenback_stats_get,
	.stats_reset = xenback_stats_reset,
	.xstats_get = xenback_xstats_get,
	.xstats_get_names = xenback_xstats_names,
	.xstats_reset = xenback_stats_reset,
};

static const struct eth_dev_ops secondary_ops = {
	.dev_infos_get = dev_infos,
	.stats_get = xenback_stats_get,
	.stats_reset = xenback_stats_reset,
	.xstats_get = xenback_xstats_get,
	.xstats_get_names = xenback_xstats_names,
	.xstats_reset = xenback_stats_reset,
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
	dev->data = eth->data;
	dev->host.name = eth->data->name;
	dev->host.logtype = xenback_logtype;
	dev->host.changed = host_changed;
	ret = pvn_xenhost_init(&dev->host, hub, args->frontend, args->handle);
	if (ret < 0) {
		dev->host.hub = NULL;
		pvn_xen_hub_close(hub);
		return ret;
	}
	eth->data->mtu = dev->host.mtu;
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
	eth->dev_ops = &secondary_ops;
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
