/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Mempools over shared pages: pinned external buffers, so that only frame data is shared and mbuf
 * headers stay private. [RING 5]
 */
#include <rte_errno.h>
#include <rte_malloc.h>

#include "pvn_xenvirt.h"
#include "xenvirt_pmd.h"

/* Distance of two buffers: an odd number of cache lines, for the reason told in pvn_guestport.h. */
#define BUF_STRIDE (RTE_MBUF_DEFAULT_BUF_SIZE + 64u)

#define CACHE_MAX 256u

static TAILQ_HEAD(, xenvirt_zc) zcs = TAILQ_HEAD_INITIALIZER(zcs);

static struct rte_mempool *
make_mempool(struct xenvirt_zc *zc, uint32_t bufs)
{
	const struct rte_pktmbuf_extmem mem = {
		.buf_ptr = zc->pool.data.addr,
		.buf_iova = RTE_BAD_IOVA,
		.buf_len = (size_t)bufs * BUF_STRIDE,
		.elt_size = BUF_STRIDE,
	};
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "xenvirt_%u_%u", zc->back_id,
		 pvn_xen_domid(pvn_xen_hub_xen(zc->hub)));
	return rte_pktmbuf_pool_create_extbuf(name, bufs, RTE_MIN(CACHE_MAX, bufs / 4), 0,
					      RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, &mem, 1);
}

static struct xenvirt_zc *
zc_new(struct pvn_xen_hub *hub, uint16_t back_id, uint32_t bufs, const char *name)
{
	struct xenvirt_zc *zc = calloc(1, sizeof(*zc));

	if (zc == NULL)
		return NULL;
	zc->hub = hub;
	zc->back_id = back_id;
	zc->users = 1;
	if (xenvirt_pool_share(pvn_xen_hub_xen(hub), back_id, (uint64_t)bufs * BUF_STRIDE, true,
			       &zc->pool, name) < 0)
		goto free_zc;
	zc->mempool = make_mempool(zc, bufs);
	if (zc->mempool == NULL) {
		XENVIRT_LOG(ERR, name, "cannot make a pool of %u mbufs: %s", bufs,
			    rte_strerror(rte_errno));
		goto unshare;
	}
	TAILQ_INSERT_TAIL(&zcs, zc, next);
	return zc;
unshare:
	xenvirt_pool_unshare(pvn_xen_hub_xen(hub), &zc->pool);
free_zc:
	free(zc);
	return NULL;
}

struct xenvirt_zc *
xenvirt_zc_get(struct pvn_xen_hub *hub, uint16_t back_id, uint32_t bufs, const char *name)
{
	struct xenvirt_zc *zc;

	TAILQ_FOREACH (zc, &zcs, next) {
		if (zc->hub != hub || zc->back_id != back_id)
			continue;
		zc->users++;
		return zc;
	}
	return zc_new(hub, back_id, bufs, name);
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
