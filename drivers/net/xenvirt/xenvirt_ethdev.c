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
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <ethdev_vdev.h>
#include <rte_errno.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#include "pvn_xenvirt.h"
#include "xenvirt_pmd.h"

RTE_LOG_REGISTER_DEFAULT(xenvirt_logtype, NOTICE);

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                               \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO)
#define TX_OFFLOADS                                                                                \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                           \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

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

/* A number's devarg: where it goes and what is accepted. */
struct number_arg {
	const struct devargs *args;
	uint32_t *value;
	uint32_t min;
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
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || v < arg->min ||
	    v > arg->max) {
		XENVIRT_LOG(ERR, arg->args->name, "%s=%s: expected a number in %u..%u", key, text,
			    arg->min, arg->max);
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
parse_devargs(const char *text, struct devargs *args)
{
	struct number_arg handle = {args, &args->handle, 0, UINT16_MAX};
	struct number_arg pool_size = {args, &args->pool_size, 2 * XENVIRT_RING_MIN, 1u << 20};
	struct number_arg zero_copy = {args, &args->zero_copy, 0, 1};
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, devarg_keys);
	int ret;

	if (kvlist == NULL) {
		XENVIRT_LOG(ERR, args->name,
			    "devargs '%s': expected some of handle=N, xen=SPEC, zero_copy=0|1, "
			    "pool_size=N",
			    text);
		return -EINVAL;
	}
	ret = rte_kvargs_process(kvlist, ARG_HANDLE, parse_number, &handle);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_POOL_SIZE, parse_number, &pool_size);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_ZERO_COPY, parse_number, &zero_copy);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_XEN, parse_text, &args->xen);
	rte_kvargs_free(kvlist);
	return ret;
}

/* ---- queues ---- */

static void
rxq_release(struct rte_eth_dev *eth, uint16_t i)
{
	struct xenvirt_rxq *rxq = eth->data->rx_queues[i];

	if (rxq == NULL)
		return;
	rte_free(rxq->q.posted);
	rte_free(rxq);
	eth->data->rx_queues[i] = NULL;
}

static void
txq_release(struct rte_eth_dev *eth, uint16_t i)
{
	struct xenvirt_txq *txq = eth->data->tx_queues[i];

	if (txq == NULL)
		return;
	rte_free(txq->q.sent);
	rte_free(txq->q.chain);
	rte_free(txq);
	eth->data->tx_queues[i] = NULL;
}

static int
rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
	  const struct rte_eth_rxconf *conf __rte_unused, struct rte_mempool *pool)
{
	struct xenvirt_dev *dev = xenvirt_dev(eth);
	struct xenvirt_rxq *rxq;

	rxq_release(eth, i);
	rxq = rte_zmalloc_socket("xenvirt_rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE, socket);
	if (rxq == NULL)
		return -ENOMEM;
	rxq->size = rte_align32pow2(n);
	rxq->q.pool = pool;
	rxq->q.rearm = pvn_netbuf_rearm(pool, eth->data->port_id);
	rxq->q.scatter = (eth->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	eth->data->rx_queues[i] = rxq;
	if (dev->zc == NULL)
		return 0;
	rxq->q.posted = rte_calloc_socket("xenvirt_posted", rxq->size, sizeof(*rxq->q.posted),
					  RTE_CACHE_LINE_SIZE, socket);
	if (rxq->q.posted != NULL)
		return 0;
	rxq_release(eth, i);
	return -ENOMEM;
}

static int
txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
	  const struct rte_eth_txconf *conf)
{
	struct xenvirt_dev *dev = xenvirt_dev(eth);
	struct xenvirt_txq *txq;

	if (conf->tx_free_thresh > n) {
		XENVIRT_LOG(
			ERR, eth->data->name,
			"tx queue %u: tx_free_thresh is %u, expected 0 (half of the ring) to %u, "
			"the number of descriptors",
			i, conf->tx_free_thresh, n);
		return -EINVAL;
	}
	txq_release(eth, i);
	txq = rte_zmalloc_socket("xenvirt_txq", sizeof(*txq), RTE_CACHE_LINE_SIZE, socket);
	if (txq == NULL)
		return -ENOMEM;
	txq->size = rte_align32pow2(n);
	txq->q.free_thresh = conf->tx_free_thresh != 0 ? conf->tx_free_thresh : txq->size / 2;
	txq->q.chain = rte_zmalloc_socket("xenvirt_chain", txq->size, 0, socket);
	if (dev->zc != NULL)
		txq->q.sent = rte_calloc_socket("xenvirt_sent", txq->size, sizeof(*txq->q.sent),
						RTE_CACHE_LINE_SIZE, socket);
	eth->data->tx_queues[i] = txq;
	if (txq->q.chain != NULL && (dev->zc == NULL || txq->q.sent != NULL))
		return 0;
	txq_release(eth, i);
	return -ENOMEM;
}

static void
rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info)
{
	const struct xenvirt_rxq *rxq = eth->data->rx_queues[i];

	info->mp = rxq->q.pool;
	info->nb_desc = rxq->size;
	info->scattered_rx = eth->data->scattered_rx;
}

static void
txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info)
{
	const struct xenvirt_txq *txq = eth->data->tx_queues[i];

	info->nb_desc = txq->size;
	info->conf.tx_free_thresh = txq->q.free_thresh;
}

/* All that can be freed is: asked for less, a driver may free more. */
static int
tx_cleanup(void *txq, uint32_t free_cnt __rte_unused)
{
	return pvn_guest_tx_cleanup(txq);
}

static int
burst_mode(struct rte_eth_dev *eth, uint16_t i __rte_unused, struct rte_eth_burst_mode *mode)
{
	snprintf(mode->info, sizeof(mode->info), "Scalar %s",
		 xenvirt_dev(eth)->zc != NULL ? "zero-copy" : "copying");
	return 0;
}

/* ---- life ---- */

static int
link_update(struct rte_eth_dev *eth, int wait_to_complete __rte_unused)
{
	const struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_status = xenvirt_dev(eth)->phase == XENVIRT_CONNECTED ? RTE_ETH_LINK_UP
									    : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(eth, &link);
}

static int
dev_configure(struct rte_eth_dev *eth)
{
	const struct rte_eth_dev_data *data = eth->data;

	if (data->nb_rx_queues == data->nb_tx_queues && data->nb_rx_queues > 0)
		return 0;
	XENVIRT_LOG(
		ERR, data->name,
		"%u rx and %u tx queues: the wire has pairs of queues, ask for as many of one as "
		"of the other, at least one",
		data->nb_rx_queues, data->nb_tx_queues);
	return -EINVAL;
}

/* Frames of this MTU must fit into the mbufs, or be allowed to fill several. */
static int
check_room(struct rte_eth_dev *eth)
{
	const uint32_t frame = XENVIRT_FRAME_MAX(eth->data->mtu);

	eth->data->scattered_rx =
		(eth->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		const struct xenvirt_rxq *rxq = eth->data->rx_queues[i];
		uint32_t room;

		if (rxq == NULL || eth->data->tx_queues[i] == NULL) {
			XENVIRT_LOG(ERR, eth->data->name, "queue pair %u was not set up", i);
			return -EINVAL;
		}
		room = rte_pktmbuf_data_room_size(rxq->q.pool) - RTE_PKTMBUF_HEADROOM;
		if (frame <= room || eth->data->scattered_rx)
			continue;
		XENVIRT_LOG(ERR, eth->data->name,
			    "rx queue %u: with MTU %u a frame takes up to %u bytes, its mbufs hold "
			    "%u: use larger mbufs, or ask for RTE_ETH_RX_OFFLOAD_SCATTER",
			    i, eth->data->mtu, frame, room);
		return -EINVAL;
	}
	return 0;
}

static int
dev_start(struct rte_eth_dev *eth)
{
	int ret = check_room(eth);

	if (ret < 0)
		return ret;
	ret = xenvirt_conn_start(xenvirt_dev(eth));
	if (ret < 0)
		return ret;
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		eth->data->rx_queue_state[i] = RTE_ETH_QUEUE_STATE_STARTED;
		eth->data->tx_queue_state[i] = RTE_ETH_QUEUE_STATE_STARTED;
	}
	return 0;
}

static int
dev_stop(struct rte_eth_dev *eth)
{
	xenvirt_conn_stop(xenvirt_dev(eth));
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		eth->data->rx_queue_state[i] = RTE_ETH_QUEUE_STATE_STOPPED;
		eth->data->tx_queue_state[i] = RTE_ETH_QUEUE_STATE_STOPPED;
	}
	return 0;
}

static int
dev_close(struct rte_eth_dev *eth)
{
	struct xenvirt_dev *dev = xenvirt_dev(eth);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || dev->hub == NULL)
		return 0;
	dev_stop(eth);
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		rxq_release(eth, i);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		txq_release(eth, i);
	pvn_xen_hub_remove(dev->hub, &dev->client);
	if (xenvirt_zc_put(dev->zc))
		pvn_xen_hub_close(dev->hub);
	dev->zc = NULL;
	dev->hub = NULL;
	return 0;
}

/* ---- settings ---- */

static int
dev_infos(struct rte_eth_dev *eth, struct rte_eth_dev_info *info)
{
	const struct xenvirt_dev *dev = xenvirt_dev(eth);
	const struct rte_eth_desc_lim rings = {
		.nb_max = dev->max_ring,
		.nb_min = XENVIRT_RING_MIN,
		.nb_align = XENVIRT_RING_MIN,
	};

	info->max_rx_queues = dev->max_queues;
	info->max_tx_queues = dev->max_queues;
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_pktlen = XENVIRT_FRAME_MAX(dev->max_mtu);
	info->min_mtu = XENVIRT_MTU_MIN;
	info->max_mtu = dev->max_mtu;
	info->max_mac_addrs = 1;
	info->max_lro_pkt_size = UINT16_MAX;
	info->rx_desc_lim = rings;
	info->tx_desc_lim = rings;
	info->rx_offload_capa = RX_OFFLOADS;
	info->tx_offload_capa = TX_OFFLOADS;
	info->default_rxportconf.ring_size = XENVIRT_RING_DEFAULT;
	info->default_txportconf.ring_size = XENVIRT_RING_DEFAULT;
	info->default_rxportconf.burst_size = 32;
	info->default_txportconf.burst_size = 32;
	return 0;
}

static int
mtu_set(struct rte_eth_dev *eth, uint16_t mtu)
{
	const struct xenvirt_dev *dev = xenvirt_dev(eth);

	if (mtu < XENVIRT_MTU_MIN || mtu > dev->max_mtu) {
		XENVIRT_LOG(ERR, eth->data->name, "MTU %u: expected %u..%u", mtu, XENVIRT_MTU_MIN,
			    dev->max_mtu);
		return -EINVAL;
	}
	if (eth->data->dev_started != 0) {
		XENVIRT_LOG(ERR, eth->data->name, "the MTU can be set on a stopped port only");
		return -EBUSY;
	}
	return 0;
}

/* Everything that reaches the port is for it: there is nothing to switch on. */
static int
all_frames(struct rte_eth_dev *eth __rte_unused)
{
	return 0;
}

static int
mac_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac)
{
	if (rte_is_same_ether_addr(mac, eth->data->mac_addrs))
		return 0;
	XENVIRT_LOG(ERR, eth->data->name,
		    "the MAC address is given by the host (pvnctl xen attach --mac)");
	return -EPERM;
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
	.tx_done_cleanup = tx_cleanup,
	.rx_burst_mode_get = burst_mode,
	.tx_burst_mode_get = burst_mode,
	.stats_get = xenvirt_stats_get,
	.stats_reset = xenvirt_stats_reset,
	.xstats_get = xenvirt_xstats_get,
	.xstats_get_names = xenvirt_xstats_names,
	.xstats_reset = xenvirt_stats_reset,
};

/* What another process may ask of a port that this one did not make. */
static const struct eth_dev_ops secondary_ops = {
	.dev_infos_get = dev_infos,
	.stats_get = xenvirt_stats_get,
	.stats_reset = xenvirt_stats_reset,
	.xstats_get = xenvirt_xstats_get,
	.xstats_get_names = xenvirt_xstats_names,
	.xstats_reset = xenvirt_stats_reset,
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

	dev->data = eth->data;
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
		dev->zc = xenvirt_zc_get(dev->hub, dev->back_id, args->pool_size, args->name);
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
	eth->rx_pkt_burst =
		xenvirt_dev(eth)->zc != NULL ? pvn_guest_rx_zero_copy : pvn_guest_rx_copy;
	eth->tx_pkt_burst =
		xenvirt_dev(eth)->zc != NULL ? pvn_guest_tx_zero_copy : pvn_guest_tx_copy;
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
	eth->dev_ops = &secondary_ops;
	eth->device = &vdev->device;
	rte_eth_dev_probing_finish(eth);
	return 0;
}

static int
xenvirt_probe(struct rte_vdev_device *vdev)
{
	struct devargs args = {
		.name = rte_vdev_device_name(vdev),
		.pool_size = XENVIRT_ZC_BUFS_DEFAULT,
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
