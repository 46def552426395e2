/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Any port of DPDK's: a NIC, VMXNET3, af_packet, af_xdp, tap, vhost-user, pcap. One that the EAL
 * has already is used as it is; any other is probed, and removed with its port.
 */
#include <errno.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_malloc.h>

#include <pvn_compat.h>

#include "view.h"

#define RING 1024

/* The device's name: what stands before its first comma. */
static void
device_name(const char *device, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(device, ","), device);
}

/* A device that another port has would be stopped under that one's hands. */
static int
check_free(const struct pvs *sw, uint16_t id, const char *device, char *why)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		const struct pvs_port *port = &sw->port[i];

		if (port->kind != PVS_ETH || port->eth->id != id)
			continue;
		snprintf(why, PVS_WHY_MAX, "device %s is port %s already", device, port->name);
		return -EBUSY;
	}
	return 0;
}

static int
find_or_probe(struct pvs *sw, struct pvs_eth *eth, const char *device, char *why)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	int ret;

	device_name(device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &eth->id) == 0)
		return check_free(sw, eth->id, device, why);
	ret = rte_dev_probe(device);
	if (ret == 0 && rte_eth_dev_get_port_by_name(name, &eth->id) == 0) {
		eth->ours = true;
		return 0;
	}
	snprintf(why, PVS_WHY_MAX,
		 "device %s: %s; expected the name of a device of DPDK's and its arguments, as "
		 "0000:03:00.0 or net_tap0,iface=tap0, with its driver loaded (-d)",
		 device, ret < 0 ? rte_strerror(-ret) : "it is no network port");
	return ret < 0 ? ret : -ENODEV;
}

/* As many transmit queues as workers, if there are; else workers share them. Some devices (tap)
 * want as many in both directions.
 */
static int
configure(struct pvs *sw, struct pvs_eth *eth, const struct pvs_settings *set)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int ret = rte_eth_dev_info_get(eth->id, &info);

	if (ret < 0)
		return ret;
	eth->rx_queues = RTE_MIN(RTE_MAX(set->queues, 1u), info.max_rx_queues);
	eth->rx_queues = RTE_MIN(eth->rx_queues, RTE_DIM(eth->source));
	eth->tx_queues = RTE_MIN(sw->workers, info.max_tx_queues);
	if (eth->rx_queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);
	}
	conf.rxmode.mtu = set->mtu;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	ret = rte_eth_dev_configure(eth->id, eth->rx_queues, eth->tx_queues, &conf);
	if (ret == 0 || eth->tx_queues == eth->rx_queues)
		return ret;
	eth->tx_queues = eth->rx_queues;
	return rte_eth_dev_configure(eth->id, eth->rx_queues, eth->tx_queues, &conf);
}

static int
set_queues_up(struct pvs *sw, struct pvs_eth *eth)
{
	const int socket = rte_eth_dev_socket_id(eth->id);
	uint16_t rx = RING, tx = RING;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(eth->id, &rx, &tx);

	for (uint16_t q = 0; q < eth->rx_queues && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(eth->id, q, rx, socket, NULL, sw->pool);
	for (uint16_t q = 0; q < eth->tx_queues && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(eth->id, q, tx, socket, NULL);
	for (uint32_t i = 0; i < RTE_DIM(eth->lock); i++)
		rte_spinlock_init(&eth->lock[i]);
	return ret;
}

static int
start(struct pvs *sw, struct pvs_port *port, struct pvs_eth *eth, char *why)
{
	int ret = configure(sw, eth, &port->set);

	if (ret == 0)
		ret = set_queues_up(sw, eth);
	if (ret == 0 && port->set.mtu != 0)
		ret = rte_eth_dev_set_mtu(eth->id, port->set.mtu);
	if (ret == 0)
		ret = rte_eth_dev_start(eth->id);
	if (ret < 0) {
		snprintf(why, PVS_WHY_MAX, "device %s cannot be started with %u queues, MTU %u: %s",
			 port->set.device, eth->rx_queues, port->set.mtu, rte_strerror(-ret));
		return ret;
	}
	/* A switch takes what is for others; a device that cannot be told so does it anyway. */
	rte_eth_promiscuous_enable(eth->id);
	return 0;
}

int
pvs_eth_open(struct pvs *sw, struct pvs_port *port, char *why)
{
	const uint16_t number = pvs_port_number(sw, port);
	struct pvs_eth *eth = rte_zmalloc("pvs_eth", sizeof(*eth), RTE_CACHE_LINE_SIZE);
	struct rte_ether_addr mac;
	int ret;

	if (eth == NULL) {
		snprintf(why, PVS_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	ret = find_or_probe(sw, eth, port->set.device, why);
	if (ret < 0) {
		rte_free(eth);
		return ret;
	}
	ret = start(sw, port, eth, why);
	if (ret < 0) {
		pvs_eth_close(eth);
		return ret;
	}
	if (pvn_host_policy_rate(&eth->policy, port->set.rate) < 0)
		PVS_LOG(ERR, "port %s: rate %" PRIu64 " is not possible: no limit", port->name,
			port->set.rate);
	if (rte_eth_macaddr_get(eth->id, &mac) == 0)
		port->mac = pvn_mac_from_bytes(mac.addr_bytes);
	pvs_view_place(sw, eth->source, number, eth->rx_queues);
	port->eth = eth;
	return 0;
}

void
pvs_eth_close(struct pvs_eth *eth)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(eth->id, &info) == 0) {
		rte_eth_dev_stop(eth->id);
		if (eth->ours) {
			rte_eth_dev_close(eth->id);
			rte_dev_remove(info.device);
		}
	}
	rte_free(eth);
}
