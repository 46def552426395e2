/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the ethdevs over all host ends have in common; as pvn_guestdev.h is for guests. A driver has
 * a struct pvn_hostdev at the beginning of its private data.
 */
#ifndef PVN_HOSTDEV_H
#define PVN_HOSTDEV_H

#include <ethdev_driver.h>

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
int pvn_hostdev_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats);
int pvn_hostdev_stats_reset(struct rte_eth_dev *eth);
int pvn_hostdev_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n);
int pvn_hostdev_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
			     unsigned int n);

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
