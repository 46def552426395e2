/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the ethdevs over all host ends have in common; as pvn_guestdev.h is for guests. A driver has
 * a struct pvn_hostdev at the beginning of its private data.
 */
#ifndef PVN_HOSTDEV_H
#define PVN_HOSTDEV_H

#include <ethdev_driver.h>

#include <pvn_compat.h>

#include "pvn_hostend.h"

struct pvn_hostdev {
	struct rte_eth_dev_data *data;
	struct pvn_hostend *end; /* in the private data too */
	const char *driver;	 /* of the process that made the port */
	bool told_up;		 /* the link as the application has been told */
};

static inline struct pvn_hostdev *
pvn_hostdev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

/* ---- operations ---- */

int pvn_hostdev_rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
			  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int pvn_hostdev_txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
			  const struct rte_eth_txconf *conf);
void pvn_hostdev_rxq_release(struct rte_eth_dev *eth, uint16_t i);
void pvn_hostdev_txq_release(struct rte_eth_dev *eth, uint16_t i);
void pvn_hostdev_rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info);
void pvn_hostdev_txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info);
int pvn_hostdev_configure(struct rte_eth_dev *eth);
int pvn_hostdev_infos(struct rte_eth_dev *eth, struct rte_eth_dev_info *info);
int pvn_hostdev_link_update(struct rte_eth_dev *eth, int wait_to_complete);
int pvn_hostdev_mtu_set(struct rte_eth_dev *eth, uint16_t mtu);
int pvn_hostdev_all_frames(struct rte_eth_dev *eth);
int pvn_hostdev_mac_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac);
int pvn_hostdev_stats_get(PVN_STATS_ARGS(eth, stats));
int pvn_hostdev_stats_reset(struct rte_eth_dev *eth);
int pvn_hostdev_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n);
int pvn_hostdev_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
			     unsigned int n);

/* All of these in a driver's table, which adds start, stop and close. */
#define PVN_HOSTDEV_OPS                                                                            \
	.dev_configure = pvn_hostdev_configure, .dev_infos_get = pvn_hostdev_infos,                \
	.link_update = pvn_hostdev_link_update, .mtu_set = pvn_hostdev_mtu_set,                    \
	.mac_addr_set = pvn_hostdev_mac_set, .promiscuous_enable = pvn_hostdev_all_frames,         \
	.promiscuous_disable = pvn_hostdev_all_frames,                                             \
	.allmulticast_enable = pvn_hostdev_all_frames,                                             \
	.allmulticast_disable = pvn_hostdev_all_frames, .rx_queue_setup = pvn_hostdev_rxq_setup,   \
	.rx_queue_release = pvn_hostdev_rxq_release, .tx_queue_setup = pvn_hostdev_txq_setup,      \
	.tx_queue_release = pvn_hostdev_txq_release, .rxq_info_get = pvn_hostdev_rxq_info,         \
	.txq_info_get = pvn_hostdev_txq_info, .stats_get = pvn_hostdev_stats_get,                  \
	.stats_reset = pvn_hostdev_stats_reset, .xstats_get = pvn_hostdev_xstats_get,              \
	.xstats_get_names = pvn_hostdev_xstats_names, .xstats_reset = pvn_hostdev_stats_reset

/* What another process may ask of a port that this one did not make. */
extern const struct eth_dev_ops pvn_hostdev_secondary_ops;

/* ---- parts of operations ---- */

/* Before start: every queue is set up; tells the host's end what the application wants. 0 or
 * -EINVAL, logged.
 */
int pvn_hostdev_prepare(struct rte_eth_dev *eth);

void pvn_hostdev_queue_states(struct rte_eth_dev *eth, uint8_t state);
void pvn_hostdev_release_queues(struct rte_eth_dev *eth);

/* Tells the application of the link if it changed. Not under a lock that operations take. */
void pvn_hostdev_tell(struct pvn_hostdev *dev);

#endif /* PVN_HOSTDEV_H */
