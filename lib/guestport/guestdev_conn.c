/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest's ethdev: what a connection means to its queues, and its counters.
 */
#include <sched.h>

#include <pvn_compat.h>
#include <pvn_portstats.h>

#include "guestdev_priv.h"

/* ---- connection ---- */

uint64_t
pvn_guestdev_agree(const struct pvn_guestdev *g, uint64_t offered)
{
	const uint64_t rx_offloads = g->data->dev_conf.rxmode.offloads;
	uint64_t ours = RTE_BIT64(VIRTIO_F_VERSION_1) | RTE_BIT64(VIRTIO_F_IN_ORDER) |
			RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
			RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);

	if (g->data->scattered_rx)
		ours |= RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF);
	if ((rx_offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)) != 0)
		ours |= RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM);
	if ((rx_offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		ours |= RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM) | RTE_BIT64(VIRTIO_NET_F_GUEST_TSO4) |
			RTE_BIT64(VIRTIO_NET_F_GUEST_TSO6);
	return ours & offered;
}

int
pvn_guestdev_start_queues(struct pvn_guestdev *g, void *const *rx_rings, void *const *tx_rings)
{
	int ret;

	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(g, i);
		struct pvn_guestdev_txq *txq = pvn_guestdev_txq(g, i);

		txq->q.features = g->features;
		txq->q.max_frame = PVN_GUESTDEV_FRAME_MAX(g->data->mtu);
		pvn_guest_txq_start(&txq->q, tx_rings[i], txq->size);
		ret = pvn_guest_rxq_start(&rxq->q, rx_rings[i], rxq->size);
		if (ret < 0) {
			GUESTDEV_LOG(ERR, g,
				     "rx queue %u: the shared pool has too few free mbufs for %u "
				     "descriptors: raise the devarg pool_size",
				     i, rxq->size);
			return ret;
		}
	}
	return 0;
}

static void
yield(void)
{
	sched_yield();
}

void
pvn_guestdev_connect(struct pvn_guestdev *g)
{
	g->up = true;
	g->connects++;
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		pvn_gate_open(&pvn_guestdev_rxq(g, i)->q.gate);
		pvn_gate_open(&pvn_guestdev_txq(g, i)->q.gate);
	}
}

static void
shut_gates(struct pvn_guestdev *g)
{
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		pvn_gate_shut(&pvn_guestdev_rxq(g, i)->q.gate, yield);
		pvn_gate_shut(&pvn_guestdev_txq(g, i)->q.gate, yield);
	}
}

void
pvn_guestdev_disconnect(struct pvn_guestdev *g)
{
	if (g->up)
		shut_gates(g);
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		pvn_guest_rxq_stop(&pvn_guestdev_rxq(g, i)->q);
		pvn_guest_txq_stop(&pvn_guestdev_txq(g, i)->q);
	}
	g->up = false;
}

const char *
pvn_guestdev_fault(const struct pvn_guestdev *g)
{
	for (uint16_t i = 0; i < g->data->nb_rx_queues; i++) {
		const struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(g, i);
		const struct pvn_guestdev_txq *txq = pvn_guestdev_txq(g, i);

		if (rxq->q.ring.fault != PVN_VRING_FAULT_NONE)
			return pvn_vring_fault_text(rxq->q.ring.fault);
		if (txq->q.ring.fault != PVN_VRING_FAULT_NONE)
			return pvn_vring_fault_text(txq->q.ring.fault);
	}
	return NULL;
}

void
pvn_guestdev_tell(struct pvn_guestdev *g)
{
	struct rte_eth_dev *eth = &rte_eth_devices[g->data->port_id];
	const bool up = g->up;

	if (up == g->told)
		return;
	g->told = up;
	pvn_guestdev_link_update(eth, 0);
	if (g->data->dev_conf.intr_conf.lsc != 0)
		rte_eth_dev_callback_process(eth, RTE_ETH_EVENT_INTR_LSC, NULL);
}

/* ---- statistics ---- */

#define COUNTER_NAME(member, text) text,

static const char *const rx_names[] = {PVN_GUEST_RX_STATS(COUNTER_NAME)};
static const char *const tx_names[] = {PVN_GUEST_TX_STATS(COUNTER_NAME)};

/* The counters of a queue are an array of as many words as there are names. */
static_assert(sizeof(((struct pvn_guestdev_rxq *)0)->q.stats) ==
		      sizeof(uint64_t) * RTE_DIM(rx_names),
	      "one counter a name");
static_assert(sizeof(((struct pvn_guestdev_txq *)0)->q.stats) ==
		      sizeof(uint64_t) * RTE_DIM(tx_names),
	      "one counter a name");

static const struct pvn_portstats portstats = {
	.rx = {rx_names, RTE_DIM(rx_names), offsetof(struct pvn_guestdev_rxq, q.stats)},
	.tx = {tx_names, RTE_DIM(tx_names), offsetof(struct pvn_guestdev_txq, q.stats)},
};

int
pvn_guestdev_stats_get(PVN_STATS_ARGS(eth, stats))
{
	return pvn_portstats_get(eth, &portstats, stats, PVN_QUEUE_STATS(stats));
}

int
pvn_guestdev_stats_reset(struct rte_eth_dev *eth)
{
	return pvn_portstats_reset(eth, &portstats);
}

int
pvn_guestdev_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
			  unsigned int n __rte_unused)
{
	return pvn_portstats_xstats_names(eth, &portstats, names);
}

int
pvn_guestdev_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	return pvn_portstats_xstats_get(eth, &portstats, &pvn_guestdev(eth)->connects, xstats, n);
}
