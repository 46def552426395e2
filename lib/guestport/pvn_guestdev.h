/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the ethdevs of all guest ends have in common: queues as the application sets them up,
 * settings and their checks, statistics, and what a connection means to the queues. A driver has a
 * struct pvn_guestdev at the beginning of its private data, puts the calls that fit into its table
 * of operations, and adds how pages become shared and how the host is talked to.
 *
 * Threads: operations as ethdev's; what is marked [connection] is called by whoever holds the
 * driver's lock of the port.
 */
#ifndef PVN_GUESTDEV_H
#define PVN_GUESTDEV_H

#include <ethdev_driver.h>

#include <pvn_compat.h>

#include "pvn_guestport.h"

#define PVN_GUESTDEV_RING_MIN 64u
#define PVN_GUESTDEV_RING_DEFAULT 256u
#define PVN_GUESTDEV_MTU_MIN 68u
#define PVN_GUESTDEV_FRAME_MAX(mtu) ((mtu) + 18u)
#define PVN_GUESTDEV_QUEUES_MAX 16u

/* Mbufs of a zero-copy pool, and their distance in it: an odd number of cache lines, for the reason
 * told in pvn_guestport.h.
 */
#define PVN_GUESTDEV_BUFS_DEFAULT 1024u
#define PVN_GUESTDEV_BUFS_MAX (1u << 20)
#define PVN_GUESTDEV_BUF_STRIDE (RTE_MBUF_DEFAULT_BUF_SIZE + 64u)

struct pvn_guestdev {
	struct rte_eth_dev_data *data;
	const char *driver; /* for log lines; of the process that made the port */
	int logtype;
	bool zero_copy; /* before queues are set up */
	uint32_t max_queues;
	uint32_t max_ring;
	uint32_t max_mtu;

	uint64_t features; /* agreed with the host, while there is a connection */
	bool up;	   /* connected */
	bool told;	   /* the link as the application was told last */
	uint64_t connects; /* connections made, for xstats */
};

/* Descriptors of a queue, as the application set it up. */
struct pvn_guestdev_rxq {
	struct pvn_guest_rxq q;
	uint32_t size;
};

struct pvn_guestdev_txq {
	struct pvn_guest_txq q;
	uint32_t size;
};

static inline struct pvn_guestdev *
pvn_guestdev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

static inline struct pvn_guestdev_rxq *
pvn_guestdev_rxq(const struct pvn_guestdev *g, uint16_t i)
{
	return g->data->rx_queues[i];
}

static inline struct pvn_guestdev_txq *
pvn_guestdev_txq(const struct pvn_guestdev *g, uint16_t i)
{
	return g->data->tx_queues[i];
}

/* ---- operations ---- */

int pvn_guestdev_rxq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
			   const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int pvn_guestdev_txq_setup(struct rte_eth_dev *eth, uint16_t i, uint16_t n, unsigned int socket,
			   const struct rte_eth_txconf *conf);
void pvn_guestdev_rxq_release(struct rte_eth_dev *eth, uint16_t i);
void pvn_guestdev_txq_release(struct rte_eth_dev *eth, uint16_t i);
void pvn_guestdev_rxq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_rxq_info *info);
void pvn_guestdev_txq_info(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_txq_info *info);
int pvn_guestdev_tx_cleanup(void *txq, uint32_t free_cnt);
int pvn_guestdev_burst_mode(struct rte_eth_dev *eth, uint16_t i, struct rte_eth_burst_mode *mode);
int pvn_guestdev_configure(struct rte_eth_dev *eth);
int pvn_guestdev_infos(struct rte_eth_dev *eth, struct rte_eth_dev_info *info);
int pvn_guestdev_link_update(struct rte_eth_dev *eth, int wait_to_complete);
int pvn_guestdev_mtu_set(struct rte_eth_dev *eth, uint16_t mtu);
int pvn_guestdev_all_frames(struct rte_eth_dev *eth);
int pvn_guestdev_mac_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac);
int pvn_guestdev_stats_get(PVN_STATS_ARGS(eth, stats));
int pvn_guestdev_stats_reset(struct rte_eth_dev *eth);
int pvn_guestdev_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n);
int pvn_guestdev_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names,
			      unsigned int n);

/* All of these in a driver's table, which adds start, stop and close. */
#define PVN_GUESTDEV_OPS                                                                           \
	.dev_configure = pvn_guestdev_configure, .dev_infos_get = pvn_guestdev_infos,              \
	.link_update = pvn_guestdev_link_update, .mtu_set = pvn_guestdev_mtu_set,                  \
	.mac_addr_set = pvn_guestdev_mac_set, .promiscuous_enable = pvn_guestdev_all_frames,       \
	.promiscuous_disable = pvn_guestdev_all_frames,                                            \
	.allmulticast_enable = pvn_guestdev_all_frames,                                            \
	.allmulticast_disable = pvn_guestdev_all_frames, .rx_queue_setup = pvn_guestdev_rxq_setup, \
	.rx_queue_release = pvn_guestdev_rxq_release, .tx_queue_setup = pvn_guestdev_txq_setup,    \
	.tx_queue_release = pvn_guestdev_txq_release, .rxq_info_get = pvn_guestdev_rxq_info,       \
	.txq_info_get = pvn_guestdev_txq_info, .tx_done_cleanup = pvn_guestdev_tx_cleanup,         \
	.rx_burst_mode_get = pvn_guestdev_burst_mode,                                              \
	.tx_burst_mode_get = pvn_guestdev_burst_mode, .stats_get = pvn_guestdev_stats_get,         \
	.stats_reset = pvn_guestdev_stats_reset, .xstats_get = pvn_guestdev_xstats_get,            \
	.xstats_get_names = pvn_guestdev_xstats_names, .xstats_reset = pvn_guestdev_stats_reset

/* What another process may ask of a port that this one did not make. */
extern const struct eth_dev_ops pvn_guestdev_secondary_ops;

/* ---- parts of operations ---- */

/* Before start: frames of the MTU fit into the mbufs, every queue is set up. 0 or -EINVAL, logged.
 */
int pvn_guestdev_check(struct rte_eth_dev *eth);

void pvn_guestdev_queue_states(struct rte_eth_dev *eth, uint8_t state);
void pvn_guestdev_release_queues(struct rte_eth_dev *eth);
void pvn_guestdev_set_bursts(struct rte_eth_dev *eth);

/* ---- memory ---- */

/* A mempool whose data is in `bufs` * PVN_GUESTDEV_BUF_STRIDE bytes at `mem`; NULL and logged. */
struct rte_mempool *pvn_guestdev_mempool(const struct pvn_guestdev *g, const char *name, void *mem,
					 rte_iova_t iova, uint32_t bufs);

/* Copying: bytes for a slot for each descriptor. */
void pvn_guestdev_slot_bytes(const struct pvn_guestdev *g, uint64_t *rx, uint64_t *tx);

/* Copying: gives the queues their slots in the shared pools, which stay. */
void pvn_guestdev_use_slots(struct pvn_guestdev *g, const struct pvn_vring_pool *rx,
			    uint16_t rx_index, const struct pvn_vring_pool *tx, uint16_t tx_index);

/* Zero-copy: all queues use pool 0, of which `mempool` is made. */
void pvn_guestdev_use_pool(struct pvn_guestdev *g, const struct pvn_vring_pool *shared,
			   struct rte_mempool *mempool);

/* ---- [connection] ---- */

/* What of the host's offer the application wants. */
uint64_t pvn_guestdev_agree(const struct pvn_guestdev *g, uint64_t offered);

/* New rings with all buffers posted, for g->features. 0 or -ENOMEM, logged. */
int pvn_guestdev_start_queues(struct pvn_guestdev *g, void *const *rx_rings, void *const *tx_rings);

/* Opens the gates: the link is up, and counted. */
void pvn_guestdev_connect(struct pvn_guestdev *g);

/* Shuts the gates if they are open, takes every buffer back. */
void pvn_guestdev_disconnect(struct pvn_guestdev *g);

/* Why a ring is broken, or NULL. */
const char *pvn_guestdev_fault(const struct pvn_guestdev *g);

/* Tells the application of the link if it changed. Not under a lock that operations take. */
void pvn_guestdev_tell(struct pvn_guestdev *g);

#endif /* PVN_GUESTDEV_H */
