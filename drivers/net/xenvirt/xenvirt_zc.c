/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Mempools over shared pages: pinned external buffers, so that only frame data is shared and mbuf
 * headers stay private. [RING 5]
 */
#include <stdlib.h>

#include <rte_malloc.h>

#include "pvn_xenvirt.h"
#include "xenvirt_pmd.h"

static TAILQ_HEAD(, xenvirt_zc) zcs = TAILQ_HEAD_INITIALIZER(zcs);

static struct rte_mempool *
make_mempool(const struct pvn_guestdev *g, struct xenvirt_zc *zc, uint32_t bufs)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "xenvirt_%u_%u", zc->back_id,
		 pvn_xen_domid(pvn_xen_hub_xen(zc->hub)));
	return pvn_guestdev_mempool(g, name, zc->pool.data.addr, RTE_BAD_IOVA, bufs);
}

static struct xenvirt_zc *
zc_new(struct xenvirt_dev *dev, uint32_t bufs)
{
	struct xenvirt_zc *zc = calloc(1, sizeof(*zc));

	if (zc == NULL)
		return NULL;
	zc->hub = dev->hub;
	zc->back_id = dev->back_id;
	zc->users = 1;
	if (xenvirt_pool_share(xenvirt_xen(dev), zc->back_id,
			       (uint64_t)bufs * PVN_GUESTDEV_BUF_STRIDE, true, &zc->pool,
			       xenvirt_name(dev)) < 0)
		goto free_zc;
	zc->mempool = make_mempool(&dev->g, zc, bufs);
	if (zc->mempool == NULL)
		goto unshare;
	TAILQ_INSERT_TAIL(&zcs, zc, next);
	return zc;
unshare:
	xenvirt_pool_unshare(xenvirt_xen(dev), &zc->pool);
free_zc:
	free(zc);
	return NULL;
}

struct xenvirt_zc *
xenvirt_zc_get(struct xenvirt_dev *dev, uint32_t bufs)
{
	struct xenvirt_zc *zc;

	TAILQ_FOREACH (zc, &zcs, next) {
		if (zc->hub != dev->hub || zc->back_id != dev->back_id)
			continue;
		zc->users++;
		return zc;
	}
	return zc_new(dev, bufs);
}

bool
xenvirt_zc_put(struct xenvirt_zc *zc)
{
	unsigned int out;

	if (zc == NULL || --zc->users > 0)
		return true;
	TAILQ_REMOVE(&zcs, zc, next);
	out = rte_mempool_in_use_count(zc->mempool);
	if (out > 0) {
		/* Their data is in these pages. Better lost than read after they are gone. */
		XENVIRT_LOG(WARNING, zc->mempool->name,
			    "%u mbufs of the shared pool are still in use: its pages stay", out);
		free(zc);
		return false;
	}
	rte_mempool_free(zc->mempool);
	xenvirt_pool_unshare(pvn_xen_hub_xen(zc->hub), &zc->pool);
	free(zc);
	return true;
}
