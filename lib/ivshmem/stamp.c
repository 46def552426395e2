/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the layouts of DPDK's structs depend on, in this build. [IVS 4]
 */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_version.h>

#include "pvn_compat.h"
#include "share.h"

static uint32_t
flags(void)
{
	uint32_t f = 0;

	if (PVN_IOVA_IN_MBUF)
		f |= IVSHMEM_STAMP_IOVA_IN_MBUF;
#ifdef RTE_MBUF_REFCNT_ATOMIC
	f |= IVSHMEM_STAMP_REFCNT_ATOMIC;
#endif
#if defined(RTE_LIBRTE_MEMPOOL_STATS) || defined(RTE_LIBRTE_MEMPOOL_DEBUG)
	f |= IVSHMEM_STAMP_MEMPOOL_STATS;
#endif
#ifdef RTE_LIBRTE_MEMPOOL_DEBUG
	f |= IVSHMEM_STAMP_MEMPOOL_DEBUG;
#endif
	return f;
}

void
share_stamp(struct ivshmem_stamp *stamp)
{
	*stamp = (struct ivshmem_stamp){
		.dpdk_version = pvn_cpu_to_le32(RTE_VERSION),
		.byte_order = 0x1234, /* as this machine stores it */
		.pointer_size = pvn_cpu_to_le16(sizeof(void *)),
		.cache_line = pvn_cpu_to_le16(RTE_CACHE_LINE_SIZE),
		.guard_lines = pvn_cpu_to_le16(PVN_CACHE_GUARD_LINES),
		.max_lcore = pvn_cpu_to_le16(RTE_MAX_LCORE),
		.headroom = pvn_cpu_to_le16(RTE_PKTMBUF_HEADROOM),
		.ring_size = pvn_cpu_to_le16(sizeof(struct rte_ring)),
		.mempool_size = pvn_cpu_to_le16(sizeof(struct rte_mempool)),
		.mempool_cache_size = pvn_cpu_to_le32(sizeof(struct rte_mempool_cache)),
		.mempool_objhdr_size = pvn_cpu_to_le16(sizeof(struct rte_mempool_objhdr)),
		.mbuf_size = pvn_cpu_to_le16(sizeof(struct rte_mbuf)),
		.flags = pvn_cpu_to_le32(flags()),
	};
}
