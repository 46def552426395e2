/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest's ethdev: queues, checks, settings.
 */
#include <rte_errno.h>
#include <rte_malloc.h>

#include <pvn_compat.h>

#include "guestdev_priv.h"

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                               \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO)
#define TX_OFFLOADS                                                                                \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                           \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

/* ---- queues ---- */

void
pvn_guestdev_rxq_release(struct rte_eth_dev *eth, uint16_t i)
{
	struct pvn_guestdev_rxq *rxq = eth->data->rx_queues[i];

	if (rxq == NULL)
		return;
	rte_free(rxq->q.posted);
	rte_free(rxq);
	eth->data->rx_queues[i] = NULL;
}

void
pvn_guestdev_txq_release(struct rte_eth_dev *eth, uint16_t i)
{
	struct pvn_guestdev_txq *txq = eth->data->tx_queues[i];

	if (txq == NULL)
		return;
	rte_free(txq->q.sent);
	rte_free(txq->q.chain);
	rte_free(txq);
	eth->data->tx_queues[i] = NULL;
}

void
pvn_guestdev_release_queues(struct rte_eth_dev *eth)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		pvn_guestdev_rxq_release(eth, i);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		pvn_guestdev_txq_release(eth, i);
}

int
pvn_guestdev_rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
		       const struct rte_eth_rxconf *conf __rte_unused, struct rte_mempool *pool)
{
	struct pvn_guestdev_rxq *rxq;

	pvn_guestdev_rxq_release(eth, i);
	rxq = rte_zmalloc_socket("pvn_guest_rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE, socket);
	if (rxq == NULL)
		return -ENOMEM;
	rxq->size = rte_align32pow2(n);
	rxq->q.pool = pool;
	rxq->q.rearm = pvn_netbuf_rearm(pool, eth->data->port_id);
	rxq->q.scatter = (eth->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	eth->data->rx_queues[i] = rxq;
	if (!pvn_guestdev(eth)->zero_copy)
		return 0;
	rxq->q.posted = rte_calloc_socket("pvn_guest_posted", rxq->size, sizeof(*rxq->q.posted),
					  RTE_CACHE_LINE_SIZE, socket);
	if (rxq->q.posted != NULL)
		return 0;
	pvn_guestdev_rxq_release(eth, i);
	return -ENOMEM;
}

int
pvn_guestdev_txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
		       const struct rte_eth_txconf *conf)
{
	const struct pvn_guestdev *g = pvn_guestdev(eth);
	struct pvn_guestdev_txq *txq;

	if (conf->tx_free_thresh > n) {
		GUESTDEV_LOG(
			ERR, g,
			"tx queue %u: tx_free_thresh is %u, expected 0 (half of the ring) to %u, "
			"the number of descriptors",
			i, conf->tx_free_thresh, n);
		return -EINVAL;
	}
	pvn_guestdev_txq_release(eth, i);
	txq = rte_zmalloc_socket("pvn_guest_txq", sizeof(*txq), RTE_CACHE_LINE_SIZE, socket);
	if (txq == NULL)
		return -ENOMEM;
	txq->size = rte_align32pow2(n);
	txq->q.free_thresh = conf->tx_free_thresh != 0 ? conf->tx_free_thresh : txq->size / 2;
	txq->q.chain = rte_zmalloc_socket("pvn_guest_chain", txq->size, 0, socket);
	if (g->zero_copy)
		txq->q.sent = rte_calloc_socket("pvn_guest_sent", txq->size, sizeof(*txq->q.sent),
						RTE_CACHE_LINE_SIZE, socket);
	eth->data->tx_queues[i] = txq;
	if (txq->q.chain != NULL && (!g->zero_copy || txq->q.sent != NULL))
		return 0;
	pvn_guestdev_txq_release(eth, i);
	return -ENOMEM;
}

void
pvn_guestdev_rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info)
{
	const struct pvn_guestdev_rxq *rxq = eth->data->rx_queues[i];

	info->mp = rxq->q.pool;
	info->nb_desc = rxq->size;
	info->scattered_rx = eth->data->scattered_rx;
}

void
pvn_guestdev_txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info)
{
	const struct pvn_guestdev_txq *txq = eth->data->tx_queues[i];

	info->nb_desc = txq->size;
	info->conf.tx_free_thresh = txq->q.free_thresh;
}

/* All that can be freed is: asked for less, a driver may free more. */
int
pvn_guestdev_tx_cleanup(void *txq, uint32_t free_cnt __rte_unused)
{
	return pvn_guest_tx_cleanup(txq);
}

int
pvn_guestdev_burst_mode(struct rte_eth_dev *eth, uint16_t i __rte_unused,
			struct rte_eth_burst_mode *mode)
{
	snprintf(mode->info, sizeof(mode->info), "Scalar %s",
		 pvn_guestdev(eth)->zero_copy ? "zero-copy" : "copying");
	return 0;
}

void
pvn_guestdev_set_bursts(struct rte_eth_dev *eth)
{
	const bool zero_copy = pvn_guestdev(eth)->zero_copy;

	eth->rx_pkt_burst = zero_copy ? pvn_guest_rx_zero_copy : pvn_guest_rx_copy;
	eth->tx_pkt_burst = zero_copy ? pvn_guest_tx_zero_copy : pvn_guest_tx_copy;
}

void
pvn_guestdev_queue_states(struct rte_eth_dev *eth, uint8_t state)
{
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		eth->data->rx_queue_state[i] = state;
		eth->data->tx_queue_state[i] = state;
	}
}

/* ---- checks ---- */

int
pvn_guestdev_configure(struct rte_eth_dev *eth)
{
	const struct rte_eth_dev_data *data = eth->data;

	if (data->nb_rx_queues == data->nb_tx_queues && data->nb_rx_queues > 0)
		return 0;
	GUESTDEV_LOG(
		ERR, pvn_guestdev(eth),
		"%u rx and %u tx queues: the wire has pairs of queues, ask for as many of one as "
		"of the other, at least one",
		data->nb_rx_queues, data->nb_tx_queues);
	return -EINVAL;
}

int
pvn_guestdev_check(struct rte_eth_dev *eth)
{
	const struct pvn_guestdev *g = pvn_guestdev(eth);
	const uint32_t frame = PVN_GUESTDEV_FRAME_MAX(eth->data->mtu);

	eth->data->scattered_rx =
		(eth->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++) {
		const struct pvn_guestdev_rxq *rxq = eth->data->rx_queues[i];
		uint32_t room;

		if (rxq == NULL || eth->data->tx_queues[i] == NULL) {
			GUESTDEV_LOG(ERR, g, "queue pair %u was not set up", i);
			return -EINVAL;
		}
		room = rte_pktmbuf_data_room_size(rxq->q.pool) - RTE_PKTMBUF_HEADROOM;
		if (frame <= room || eth->data->scattered_rx)
			continue;
		GUESTDEV_LOG(
			ERR, g,
			"rx queue %u: with MTU %u a frame takes up to %u bytes, its mbufs hold "
			"%u: use larger mbufs, or ask for RTE_ETH_RX_OFFLOAD_SCATTER",
			i, eth->data->mtu, frame, room);
		return -EINVAL;
	}
	return 0;
}

/* ---- settings ---- */

int
pvn_guestdev_infos(struct rte_eth_dev *eth, struct rte_eth_dev_info *info)
{
	const struct pvn_guestdev *g = pvn_guestdev(eth);
	const struct rte_eth_desc_lim rings = {
		.nb_max = g->max_ring,
		.nb_min = PVN_GUESTDEV_RING_MIN,
		.nb_align = PVN_GUESTDEV_RING_MIN,
	};

	info->max_rx_queues = g->max_queues;
	info->max_tx_queues = g->max_queues;
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_pktlen = PVN_GUESTDEV_FRAME_MAX(g->max_mtu);
	info->min_mtu = PVN_GUESTDEV_MTU_MIN;
	info->max_mtu = g->max_mtu;
	info->max_mac_addrs = 1;
	info->max_lro_pkt_size = UINT16_MAX;
	info->rx_desc_lim = rings;
	info->tx_desc_lim = rings;
	info->rx_offload_capa = RX_OFFLOADS;
	info->tx_offload_capa = TX_OFFLOADS;
	info->default_rxportconf.ring_size = PVN_GUESTDEV_RING_DEFAULT;
	info->default_txportconf.ring_size = PVN_GUESTDEV_RING_DEFAULT;
	info->default_rxportconf.burst_size = 32;
	info->default_txportconf.burst_size = 32;
	return 0;
}

int
pvn_guestdev_link_update(struct rte_eth_dev *eth, int wait_to_complete __rte_unused)
{
	const struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_status = pvn_guestdev(eth)->up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(eth, &link);
}

int
pvn_guestdev_mtu_set(struct rte_eth_dev *eth, uint16_t mtu)
{
	const struct pvn_guestdev *g = pvn_guestdev(eth);

	if (mtu < PVN_GUESTDEV_MTU_MIN || mtu > g->max_mtu) {
		GUESTDEV_LOG(ERR, g, "MTU %u: expected %u..%u", mtu, PVN_GUESTDEV_MTU_MIN,
			     g->max_mtu);
		return -EINVAL;
	}
	if (eth->data->dev_started != 0) {
		GUESTDEV_LOG(ERR, g, "the MTU can be set on a stopped port only");
		return -EBUSY;
	}
	return 0;
}

/* Everything that reaches the port is for it: there is nothing to switch on. */
int
pvn_guestdev_all_frames(struct rte_eth_dev *eth __rte_unused)
{
	return 0;
}

int
pvn_guestdev_mac_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac)
{
	if (rte_is_same_ether_addr(mac, eth->data->mac_addrs))
		return 0;
	GUESTDEV_LOG(ERR, pvn_guestdev(eth), "the MAC address is given by the host");
	return -EPERM;
}

/* ---- memory ---- */

struct rte_mempool *
pvn_guestdev_mempool(const struct pvn_guestdev *g, const char *name, void *mem, rte_iova_t iova,
		     uint32_t bufs)
{
	const struct rte_pktmbuf_extmem ext = {
		.buf_ptr = mem,
		.buf_iova = iova,
		.buf_len = (size_t)bufs * PVN_GUESTDEV_BUF_STRIDE,
		.elt_size = PVN_GUESTDEV_BUF_STRIDE,
	};
	struct rte_mempool *mempool =
		rte_pktmbuf_pool_create_extbuf(name, bufs, RTE_MIN(256u, bufs / 4), 0,
					       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, &ext, 1);

	if (mempool == NULL)
		GUESTDEV_LOG(ERR, g, "cannot make a pool of %u mbufs: %s", bufs,
			     rte_strerror(rte_errno));
	return mempool;
}

void
pvn_guestdev_slot_bytes(const struct pvn_guestdev *g, uint64_t *rx, uint64_t *tx)
{
	*rx = *tx = 0;
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		*rx += (uint64_t)pvn_guestdev_rxq(g, i)->size * PVN_GUEST_SLOT_STRIDE;
		*tx += (uint64_t)pvn_guestdev_txq(g, i)->size * PVN_GUEST_SLOT_STRIDE;
	}
}

void
pvn_guestdev_use_slots(struct pvn_guestdev *g, const struct pvn_vring_pool *rx_pool,
		       uint16_t rx_index, const struct pvn_vring_pool *tx_pool, uint16_t tx_index)
{
	uint8_t *rx = rx_pool->base + PVN_GUEST_SLOT_HEADROOM;
	uint8_t *tx = tx_pool->base + PVN_GUEST_SLOT_HEADROOM;

	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(g, i);
		struct pvn_guestdev_txq *txq = pvn_guestdev_txq(g, i);

		rxq->q.slots = rx;
		rxq->q.shared = rx_pool;
		rxq->q.shared_index = rx_index;
		rx += (size_t)rxq->size * PVN_GUEST_SLOT_STRIDE;
		txq->q.slots = tx;
		txq->q.shared = tx_pool;
		txq->q.shared_index = tx_index;
		tx += (size_t)txq->size * PVN_GUEST_SLOT_STRIDE;
	}
}

void
pvn_guestdev_use_pool(struct pvn_guestdev *g, const struct pvn_vring_pool *shared,
		      struct rte_mempool *mempool)
{
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(g, i);
		struct pvn_guestdev_txq *txq = pvn_guestdev_txq(g, i);

		rxq->q.shared = txq->q.shared = shared;
		rxq->q.shared_index = txq->q.shared_index = 0;
		rxq->q.pool = txq->q.pool = mempool;
		rxq->q.rearm = pvn_netbuf_rearm(mempool, g->data->port_id);
	}
}

const struct eth_dev_ops pvn_guestdev_secondary_ops = {
	.dev_infos_get = pvn_guestdev_infos,
	.stats_get = pvn_guestdev_stats_get,
	.stats_reset = pvn_guestdev_stats_reset,
	.xstats_get = pvn_guestdev_xstats_get,
	.xstats_get_names = pvn_guestdev_xstats_names,
	.xstats_reset = pvn_guestdev_stats_reset,
};
