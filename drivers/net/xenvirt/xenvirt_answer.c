/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The nodes of an answer, written in one transaction: the back end sees all of them or none.
 */
#include <stdio.h>

#include "xenvirt_pmd.h"

/* One node after the other, until one fails. */
struct writer {
	struct pvn_xen *x;
	uint32_t txn;
	const char *dir;
	int ret;
};

static void
put(struct writer *w, const char *node, uint64_t value)
{
	if (w->ret >= 0)
		w->ret = pvn_xenbus_write(w->x, w->txn, w->dir, node, "%" PRIu64, value);
}

static void
put_refs(struct writer *w, const char *node, const struct xenvirt_pages *pages)
{
	if (w->ret >= 0)
		w->ret = pvn_xenbus_write_refs(w->x, w->txn, w->dir, node, pages->refs,
					       pages->count);
}

static void
put_queue(struct writer *w, const struct xenvirt_dev *dev, uint16_t i)
{
	const struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(&dev->g, i);
	const struct pvn_guestdev_txq *txq = pvn_guestdev_txq(&dev->g, i);
	char node[32];

	snprintf(node, sizeof(node), "queue-%u/rx-ring-size", i);
	put(w, node, rxq->size);
	snprintf(node, sizeof(node), "queue-%u/rx-ring-ref", i);
	put_refs(w, node, &dev->rx_rings[i]);
	snprintf(node, sizeof(node), "queue-%u/tx-ring-size", i);
	put(w, node, txq->size);
	snprintf(node, sizeof(node), "queue-%u/tx-ring-ref", i);
	put_refs(w, node, &dev->tx_rings[i]);
}

static void
put_pool(struct writer *w, const struct xenvirt_pool *pool, unsigned int k)
{
	char node[32];

	snprintf(node, sizeof(node), "pool-%u/pages", k);
	put(w, node, pool->data.count);
	snprintf(node, sizeof(node), "pool-%u/access", k);
	if (w->ret >= 0)
		w->ret = pvn_xenbus_write(w->x, w->txn, w->dir, node, "%s",
					  pool->map.writable ? "write" : "read");
	snprintf(node, sizeof(node), "pool-%u/directory-ref", k);
	put_refs(w, node, &pool->directory);
}

static int
write_answer(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct xenvirt_dev *dev = arg;
	struct writer w = {.x = x, .txn = txn, .dir = dev->front};

	put(&w, "version", XENVIRT_VERSION);
	put(&w, "queues", dev->g.data->nb_rx_queues);
	put(&w, "pools", dev->zc != NULL ? 1 : XENVIRT_POOLS_MAX);
	put(&w, "event-channel", dev->event);
	put_refs(&w, "control-ref", &dev->control);
	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++)
		put_queue(&w, dev, i);
	if (dev->zc != NULL)
		put_pool(&w, &dev->zc->pool, 0);
	for (unsigned int k = 0; dev->zc == NULL && k < XENVIRT_POOLS_MAX; k++)
		put_pool(&w, &dev->pools[k], k);
	if (w.ret >= 0)
		w.ret = pvn_xenbus_write(x, txn, dev->front, "features", "%" PRIx64,
					 dev->g.features);
	if (w.ret >= 0)
		w.ret = pvn_xenbus_write(x, txn, dev->front, "connection", "%s", dev->connection);
	put(&w, "state", PVN_XENBUS_INITIALISED);
	return w.ret;
}

int
xenvirt_answer(struct xenvirt_dev *dev)
{
	return pvn_xenbus_transact(xenvirt_xen(dev), write_answer, dev);
}
