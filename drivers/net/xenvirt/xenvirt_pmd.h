/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_xenvirt inside. What it does and in which order is told at the top of xenvirt_conn.c.
 */
#ifndef XENVIRT_PMD_H
#define XENVIRT_PMD_H

#include <ethdev_driver.h>

#include <pvn_guestdev.h>
#include <pvn_xen_hub.h>
#include <pvn_xenbus.h>
#include <xenvirt.h>

#include "xenvirt_log.h"

#define XENVIRT_DIR_MAX 80	  /* path of a device directory */
#define XENVIRT_CONNECTION_MAX 40 /* text of a connection */

/* Pages that we share with the back end, and their grants. */
struct xenvirt_pages {
	uint8_t *addr;
	uint32_t count;
	uint32_t *refs;
};

/* Pages, and the pages that list their grants. */
struct xenvirt_pool {
	struct pvn_vring_pool map; /* map.writable: for the back end */
	struct xenvirt_pages data;
	struct xenvirt_pages directory;
};

/* A mempool over shared pages: one for all ports of the process towards one back end. */
struct xenvirt_zc {
	TAILQ_ENTRY(xenvirt_zc) next;
	unsigned int users;
	uint16_t back_id;
	struct pvn_xen_hub *hub; /* its connection shares the pages */
	struct xenvirt_pool pool;
	struct rte_mempool *mempool;
};

/* Where a port is in its life with the back end. [XEN 5] */
enum xenvirt_phase {
	XENVIRT_STOPPED,   /* nothing is shared */
	XENVIRT_WAITING,   /* for an offer that we have not answered */
	XENVIRT_ANSWERED,  /* for the back end to map it all */
	XENVIRT_CONNECTED, /* gates are open */
};

struct xenvirt_dev {
	struct pvn_guestdev g;
	struct pvn_xen_hub *hub;
	struct pvn_xen_client client;
	char front[XENVIRT_DIR_MAX];
	char back[XENVIRT_DIR_MAX];
	uint16_t back_id;
	uint16_t handle;

	/* From devargs. */
	struct xenvirt_zc *zc; /* NULL: copying */

	/* While started. */
	enum xenvirt_phase phase;
	char connection[XENVIRT_CONNECTION_MAX]; /* the offer that we answered last */
	struct xenvirt_pages control;
	int event;
	struct xenvirt_pages rx_rings[XENVIRT_QUEUES_MAX];
	struct xenvirt_pages tx_rings[XENVIRT_QUEUES_MAX];
	struct xenvirt_pool pools[XENVIRT_POOLS_MAX]; /* copying: tx and rx slots */
	bool told_refusal;
};

/* Which pool is which when copying. */
#define XENVIRT_POOL_TX 0
#define XENVIRT_POOL_RX 1

static inline struct xenvirt_dev *
xenvirt_dev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

static inline const char *
xenvirt_name(const struct xenvirt_dev *dev)
{
	return dev->g.data->name;
}

static inline struct pvn_xen *
xenvirt_xen(const struct xenvirt_dev *dev)
{
	return pvn_xen_hub_xen(dev->hub);
}

/* ---- xenvirt_share.c: pages ---- */

/* Shares and unshares; 0 or -errno, which has been logged. */
int xenvirt_pool_share(struct pvn_xen *x, uint16_t back_id, uint64_t bytes, bool writable,
		       struct xenvirt_pool *pool, const char *name);
void xenvirt_pool_unshare(struct pvn_xen *x, struct xenvirt_pool *pool);

/* All that a started port needs, for its queues as they are set up. */
int xenvirt_share_all(struct xenvirt_dev *dev);
void xenvirt_unshare_all(struct xenvirt_dev *dev);

/* ---- xenvirt_conn.c: the life of a port ---- */

int xenvirt_conn_find(struct xenvirt_dev *dev);
int xenvirt_conn_start(struct xenvirt_dev *dev);
void xenvirt_conn_stop(struct xenvirt_dev *dev);
void xenvirt_conn_look(struct pvn_xen_client *client);
void xenvirt_conn_after(struct pvn_xen_client *client);

/* ---- xenvirt_answer.c: the store nodes of an answer ---- */

int xenvirt_answer(struct xenvirt_dev *dev);

/* ---- xenvirt_zc.c ---- */

struct xenvirt_zc *xenvirt_zc_get(struct xenvirt_dev *dev, uint32_t bufs);

/* False if mbufs are still in use: pages, pool and the hub they came from must stay then. */
bool xenvirt_zc_put(struct xenvirt_zc *zc);

#endif /* XENVIRT_PMD_H */
