/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The pages that the back end may map: rings, slots, the control page. Shared when the port starts,
 * taken back when it stops; connections come and go on the same pages.
 */
#include <stdlib.h>

#include <rte_malloc.h>

#include "xenvirt_pmd.h"

static void
pages_unshare(struct pvn_xen *x, struct xenvirt_pages *pages)
{
	if (pages->addr != NULL)
		pvn_xen_unshare(x, pages->addr, pages->count);
	free(pages->refs);
	*pages = (struct xenvirt_pages){0};
}

static int
pages_share(struct pvn_xen *x, uint16_t back_id, uint64_t bytes, bool writable,
	    struct xenvirt_pages *pages, const char *name)
{
	pages->count = (bytes + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE;
	pages->refs = calloc(pages->count, sizeof(*pages->refs));
	if (pages->refs == NULL)
		return -ENOMEM;
	pages->addr = pvn_xen_share(x, back_id, pages->count, writable, pages->refs);
	if (pages->addr == NULL) {
		int error = errno;

		XENVIRT_LOG(ERR, name, "cannot share %u pages with domain %u: %s", pages->count,
			    back_id, pvn_xen_why());
		pages_unshare(x, pages);
		return -error;
	}
	return 0;
}

static void
write_directory(struct xenvirt_pool *pool)
{
	pvn_le32 *entries = (pvn_le32 *)(void *)pool->directory.addr;

	for (uint32_t i = 0; i < pool->data.count; i++)
		entries[i] = pvn_cpu_to_le32(pool->data.refs[i]);
}

int
xenvirt_pool_share(struct pvn_xen *x, uint16_t back_id, uint64_t bytes, bool writable,
		   struct xenvirt_pool *pool, const char *name)
{
	int ret = pages_share(x, back_id, bytes, writable, &pool->data, name);

	if (ret == 0)
		ret = pages_share(x, back_id, (uint64_t)pool->data.count * sizeof(pvn_le32), false,
				  &pool->directory, name);
	if (ret < 0) {
		xenvirt_pool_unshare(x, pool);
		return ret;
	}
	pool->map = (struct pvn_vring_pool){
		.base = pool->data.addr,
		.size = (uint64_t)pool->data.count * PVN_XEN_PAGE_SIZE,
		.writable = writable,
	};
	write_directory(pool);
	return 0;
}

void
xenvirt_pool_unshare(struct pvn_xen *x, struct xenvirt_pool *pool)
{
	pages_unshare(x, &pool->directory);
	pages_unshare(x, &pool->data);
	pool->map = (struct pvn_vring_pool){0};
}

static int
share_control(struct xenvirt_dev *dev)
{
	struct pvn_xen *x = xenvirt_xen(dev);
	struct xenvirt_pages *control = &dev->control;

	dev->event = pvn_xen_event_alloc(x, dev->back_id);
	if (dev->event < 0) {
		XENVIRT_LOG(ERR, xenvirt_name(dev), "no event channel: %s", pvn_xen_why());
		return dev->event;
	}
	dev->client.port = dev->event;
	control->count = 1;
	control->refs = calloc(1, sizeof(*control->refs));
	if (control->refs == NULL)
		return -ENOMEM;
	control->addr = pvn_xen_share_notify(x, dev->back_id, control->refs,
					     XENVIRT_CONTROL_FRONT_ALIVE, dev->event);
	if (control->addr != NULL)
		return 0;
	XENVIRT_LOG(ERR, xenvirt_name(dev), "cannot share the control page: %s", pvn_xen_why());
	return -errno;
}

static int
share_rings(struct xenvirt_dev *dev)
{
	int ret = 0;

	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues && ret == 0; i++) {
		struct pvn_guestdev_rxq *rxq = pvn_guestdev_rxq(&dev->g, i);
		struct pvn_guestdev_txq *txq = pvn_guestdev_txq(&dev->g, i);

		ret = pages_share(xenvirt_xen(dev), dev->back_id, VRING_BYTES(rxq->size), true,
				  &dev->rx_rings[i], xenvirt_name(dev));
		if (ret == 0)
			ret = pages_share(xenvirt_xen(dev), dev->back_id, VRING_BYTES(txq->size),
					  true, &dev->tx_rings[i], xenvirt_name(dev));
	}
	return ret;
}

/* Copying: a slot for each descriptor. The back end may only read what we transmit. */
static int
share_slots(struct xenvirt_dev *dev)
{
	uint64_t rx, tx;
	int ret;

	pvn_guestdev_slot_bytes(&dev->g, &rx, &tx);
	ret = xenvirt_pool_share(xenvirt_xen(dev), dev->back_id, tx, false,
				 &dev->pools[XENVIRT_POOL_TX], xenvirt_name(dev));
	if (ret == 0)
		ret = xenvirt_pool_share(xenvirt_xen(dev), dev->back_id, rx, true,
					 &dev->pools[XENVIRT_POOL_RX], xenvirt_name(dev));
	return ret;
}

int
xenvirt_share_all(struct xenvirt_dev *dev)
{
	int ret = share_control(dev);

	if (ret == 0)
		ret = share_rings(dev);
	if (ret == 0 && dev->zc == NULL)
		ret = share_slots(dev);
	if (ret < 0) {
		xenvirt_unshare_all(dev);
		return ret;
	}
	if (dev->zc == NULL)
		pvn_guestdev_use_slots(&dev->g, &dev->pools[XENVIRT_POOL_RX].map, XENVIRT_POOL_RX,
				       &dev->pools[XENVIRT_POOL_TX].map, XENVIRT_POOL_TX);
	else
		pvn_guestdev_use_pool(&dev->g, &dev->zc->pool.map, dev->zc->mempool);
	return 0;
}

void
xenvirt_unshare_all(struct xenvirt_dev *dev)
{
	struct pvn_xen *x = xenvirt_xen(dev);

	for (int i = 0; i < (int)XENVIRT_POOLS_MAX; i++)
		xenvirt_pool_unshare(x, &dev->pools[i]);
	for (uint32_t i = 0; i < XENVIRT_QUEUES_MAX; i++) {
		pages_unshare(x, &dev->rx_rings[i]);
		pages_unshare(x, &dev->tx_rings[i]);
	}
	pages_unshare(x, &dev->control);
	if (dev->event >= 0)
		pvn_xen_event_close(x, dev->event);
	dev->event = -1;
	dev->client.port = -1;
}
