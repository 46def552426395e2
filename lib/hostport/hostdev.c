/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * An ethdev over a host's end: queues, checks, settings, counters.
 */
#include <rte_malloc.h>

#include <pvn_compat.h>
#include <pvn_portstats.h>

#include "pvn_hostdev.h"

#define HOSTDEV_LOG(level, dev, fmt, ...)                                                          \
	PVN_LOG_LINE(level, (dev)->end->logtype, "%s %s: " fmt, (dev)->driver, (dev)->data->name,  \
		     ##__VA_ARGS__)

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                               \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO)
#define TX_OFFLOADS                                                                                \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                           \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

#define RING_DEFAULT 256

/* ---- queues ---- */

void
pvn_hostdev_rxq_release(struct rte_eth_dev *eth, uint16_t i)
{
	rte_free(eth->data->rx_queues[i]);
	eth->data->rx_queues[i] = NULL;
	pvn_hostdev(eth)->end->rxq[i] = NULL;
}

void
pvn_hostdev_txq_release(struct rte_eth_dev *eth, uint16_t i)
{
	rte_free(eth->data->tx_queues[i]);
	eth->data->tx_queues[i] = NULL;
	pvn_hostdev(eth)->end->txq[i] = NULL;
}

int
pvn_hostdev_rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n __rte_unused,
		      unsigned int socket, const struct rte_eth_rxconf *conf __rte_unused,
		      struct rte_mempool *pool)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvn_host_rxq *q;

	pvn_hostdev_rxq_release(eth, i);
	q = rte_zmalloc_socket("pvn_host_rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, socket);
	if (q == NULL)
		return -ENOMEM;
	pvn_host_rxq_pool(q, pool, eth->data->port_id);
	q->scatter = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	q->keep_hints = (offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				     RTE_ETH_RX_OFFLOAD_TCP_LRO)) != 0;
	eth->data->rx_queues[i] = q;
	pvn_hostdev(eth)->end->rxq[i] = q;
	return 0;
}

int
pvn_hostdev_txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n __rte_unused,
		      unsigned int socket, const struct rte_eth_txconf *conf __rte_unused)
{
	struct pvn_host_txq *q;

	pvn_hostdev_txq_release(eth, i);
	q = rte_zmalloc_socket("pvn_host_txq", sizeof(*q), RTE_CACHE_LINE_SIZE, socket);
	if (q == NULL)
		return -ENOMEM;
	rte_spinlock_init(&q->lock);
	eth->data->tx_queues[i] = q;
	pvn_hostdev(eth)->end->txq[i] = q;
	return 0;
}

void
pvn_hostdev_rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info)
{
	const struct pvn_host_rxq *q = eth->data->rx_queues[i];

	info->mp = q->pool;
	info->nb_desc = pvn_hostdev(eth)->end->tx_sizes[i];
	info->scattered_rx = q->scatter;
}

void
pvn_hostdev_txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info)
{
	info->nb_desc = pvn_hostdev(eth)->end->rx_sizes[i];
}

void
pvn_hostdev_release_queues(struct rte_eth_dev *eth)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		pvn_hostdev_rxq_release(eth, i);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		pvn_hostdev_txq_release(eth, i);
}

/* ---- life ---- */

int
pvn_hostdev_link_update(struct rte_eth_dev *eth, int wait_to_complete __rte_unused)
{
	const struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_status = pvn_hostdev(eth)->end->up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(eth, &link);
}

void
pvn_hostdev_tell(struct pvn_hostdev *dev)
{
	struct rte_eth_dev *eth = &rte_eth_devices[dev->data->port_id];
	const bool up = dev->end->up;

	pvn_hostdev_link_update(eth, 0);
	if (up != dev->told_up && dev->data->dev_conf.intr_conf.lsc != 0)
		rte_eth_dev_callback_process(eth, RTE_ETH_EVENT_INTR_LSC, NULL);
	dev->told_up = up;
}

int
pvn_hostdev_configure(struct rte_eth_dev *eth)
{
	const struct rte_eth_dev_data *data = eth->data;

	if (data->nb_rx_queues > 0 && data->nb_tx_queues > 0)
		return 0;
	HOSTDEV_LOG(ERR, pvn_hostdev(eth), "needs at least one rx and one tx queue");
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

void
pvn_hostdev_queue_states(struct rte_eth_dev *eth, uint8_t state)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		eth->data->rx_queue_state[i] = state;
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		eth->data->tx_queue_state[i] = state;
}

int
pvn_hostdev_prepare(struct rte_eth_dev *eth)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvn_hostend *end = pvn_hostdev(eth)->end;

	if (!queues_set_up(eth)) {
		HOSTDEV_LOG(ERR, pvn_hostdev(eth), "a configured queue was not set up");
		return -EINVAL;
	}
	end->features = 0;
	if ((offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)) != 0)
		end->features |= RTE_BIT64(VIRTIO_NET_F_CSUM);
	if ((offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		end->features |= RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
				 RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);
	end->rx_queues = eth->data->nb_rx_queues;
	end->tx_queues = eth->data->nb_tx_queues;
	end->mtu = eth->data->mtu;
	eth->data->scattered_rx = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	return 0;
}

/* ---- settings ---- */

int
pvn_hostdev_infos(struct rte_eth_dev *eth __rte_unused, struct rte_eth_dev_info *info)
{
	info->max_rx_queues = PVN_HOSTEND_QUEUES_MAX;
	info->max_tx_queues = PVN_HOSTEND_QUEUES_MAX;
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_pktlen = PVN_HOSTEND_FRAME_MAX(PVN_HOSTEND_MTU_MAX);
	info->min_mtu = PVN_HOSTEND_MTU_MIN;
	info->max_mtu = PVN_HOSTEND_MTU_MAX;
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

int
pvn_hostdev_mtu_set(struct rte_eth_dev *eth, uint16_t mtu __rte_unused)
{
	if (eth->data->dev_started == 0)
		return 0;
	HOSTDEV_LOG(ERR, pvn_hostdev(eth), "the MTU can be set on a stopped port only");
	return -EBUSY;
}

/* Everything that the guest sends is received: there is nothing to switch on. */
int
pvn_hostdev_all_frames(struct rte_eth_dev *eth __rte_unused)
{
	return 0;
}

/* The port's own address is only for the application to look at. */
int
pvn_hostdev_mac_set(struct rte_eth_dev *eth __rte_unused, struct rte_ether_addr *mac __rte_unused)
{
	return 0;
}

/* ---- statistics ---- */

#define COUNTER_NAME(member, text) text,

static const char *const rx_names[] = {PVN_HOST_RX_STATS(COUNTER_NAME)};
static const char *const tx_names[] = {PVN_HOST_TX_STATS(COUNTER_NAME)};

/* The counters of a queue are an array of as many words as there are names. */
static_assert(sizeof(((struct pvn_host_rxq *)0)->stats) == sizeof(uint64_t) * RTE_DIM(rx_names),
	      "one counter a name");
static_assert(sizeof(((struct pvn_host_txq *)0)->stats) == sizeof(uint64_t) * RTE_DIM(tx_names),
	      "one counter a name");

static const struct pvn_portstats portstats = {
	.rx = {rx_names, RTE_DIM(rx_names), offsetof(struct pvn_host_rxq, stats)},
	.tx = {tx_names, RTE_DIM(tx_names), offsetof(struct pvn_host_txq, stats)},
};

int
pvn_hostdev_stats_get(PVN_STATS_ARGS(eth, stats))
{
	return pvn_portstats_get(eth, &portstats, stats, PVN_QUEUE_STATS(stats));
}

int
pvn_hostdev_stats_reset(struct rte_eth_dev *eth)
{
	return pvn_portstats_reset(eth, &portstats);
}

int
pvn_hostdev_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
			 unsigned int n __rte_unused)
{
	return pvn_portstats_xstats_names(eth, &portstats, names);
}

int
pvn_hostdev_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	return pvn_portstats_xstats_get(eth, &portstats, &pvn_hostdev(eth)->end->connects, xstats,
					n);
}

const struct eth_dev_ops pvn_hostdev_secondary_ops = {
	.dev_infos_get = pvn_hostdev_infos,
	.stats_get = pvn_hostdev_stats_get,
	.stats_reset = pvn_hostdev_stats_reset,
	.xstats_get = pvn_hostdev_xstats_get,
	.xstats_get_names = pvn_hostdev_xstats_names,
	.xstats_reset = pvn_hostdev_stats_reset,
};
