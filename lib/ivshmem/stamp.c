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

/* What either side reads or writes of these structs. Their sizes say little: an mbuf has 128 bytes
 * however its fields are arranged.
 */
static uint32_t
offsets(void)
{
#define AT(type, field) offsetof(struct type, field)
	const uint16_t at[] = {
		AT(rte_ring, name),	      AT(rte_ring, flags),
		AT(rte_ring, memzone),	      AT(rte_ring, size),
		AT(rte_ring, mask),	      AT(rte_ring, capacity),
		AT(rte_ring, prod.head),      AT(rte_ring, prod.tail),
		AT(rte_ring, prod.sync_type), AT(rte_ring, cons.head),
		AT(rte_ring, cons.tail),      AT(rte_ring, cons.sync_type),
		AT(rte_mempool, name),	      AT(rte_mempool, pool_data),
		AT(rte_mempool, flags),	      AT(rte_mempool, size),
		AT(rte_mempool, cache_size),  AT(rte_mempool, elt_size),
		AT(rte_mempool, header_size), AT(rte_mempool, trailer_size),
		AT(rte_mempool, ops_index),   AT(rte_mempool, local_cache),
		AT(rte_mempool, elt_list),    AT(rte_mempool, private_data_size),
		AT(rte_mempool_objhdr, next), AT(rte_mempool_objhdr, mp),
		AT(rte_mempool_objhdr, iova), AT(rte_pktmbuf_pool_private, mbuf_data_room_size),
		AT(rte_mbuf, buf_addr),	      AT(rte_pktmbuf_pool_private, mbuf_priv_size),
		AT(rte_mbuf, data_off),	      AT(rte_mbuf, refcnt),
		AT(rte_mbuf, nb_segs),	      AT(rte_mbuf, port),
		AT(rte_mbuf, ol_flags),	      AT(rte_mbuf, packet_type),
		AT(rte_mbuf, pkt_len),	      AT(rte_mbuf, data_len),
		AT(rte_mbuf, vlan_tci),	      AT(rte_mbuf, hash),
		AT(rte_mbuf, buf_len),	      AT(rte_mbuf, pool),
		AT(rte_mbuf, next),	      AT(rte_mbuf, tx_offload),
		AT(rte_mbuf, shinfo),	      AT(rte_mbuf, priv_size),
		AT(rte_mbuf, dynfield1),
	};
#undef AT
	pvn_le16 stored[RTE_DIM(at)];

	for (size_t i = 0; i < RTE_DIM(at); i++)
		stored[i] = pvn_cpu_to_le16(at[i]);
	return pvn_ivshmem_crc(stored, sizeof(stored));
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
		.offsets = pvn_cpu_to_le32(offsets()),
	};
}
