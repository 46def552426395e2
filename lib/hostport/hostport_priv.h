/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the parts of receive, and those of transmit, share.
 */
#ifndef HOSTPORT_PRIV_H
#define HOSTPORT_PRIV_H

#include "pvn_hostport.h"

/* Whether the guest was promised that what its header asks for is done. */
bool host_hdr_taken(uint64_t features, const struct virtio_net_hdr *hdr);

/* The longest frame with this header: longer ones than the MTU's are taken only to be segmented. */
static inline uint32_t
host_longest(const struct pvn_host_rxq *q, const struct virtio_net_hdr *hdr)
{
	return hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE && host_hdr_taken(q->features, hdr)
		       ? UINT16_MAX
		       : q->max_frame;
}

/* A frame's head: two parts that overlap in the middle cost less than finding out how many parts of
 * which size it takes, and a frame of 64 bytes is one part.
 */
static inline void
host_copy_head(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (unlikely(len < 64 || len > 128)) {
		rte_memcpy(to, from, len);
		return;
	}
	rte_mov64(to, from);
	if (len > 64)
		rte_mov64(to + len - 64, from + len - 64);
}

/* The queue whose ring is meant, locked if others write to it too. The gate is open, so lead and
 * shared stay as they are.
 */
static inline struct pvn_host_txq *
host_tx_lock(struct pvn_host_txq *q)
{
	if (unlikely(q->lead != NULL))
		q = q->lead;
	if (unlikely(q->shared))
		rte_spinlock_lock(&q->lock);
	return q;
}

/* After frames were published; wakes the guest too if it sleeps. */
static inline void
host_tx_unlock(struct pvn_host_txq *q)
{
	if (unlikely(q->wake != NULL))
		pvn_wake_other(q->wake);
	if (unlikely(q->shared))
		rte_spinlock_unlock(&q->lock);
}

/* The buffers that a frame of `len` bytes fills: taken from ring.pos + used on until it fits, or
 * until there are PVN_VRING_CHAIN_MAX. Their number; 0 if there are too few among the `known` ones,
 * or a fault.
 */
uint16_t host_tx_collect(struct pvn_host_txq *q, uint16_t used, uint16_t known, uint32_t len,
			 struct pvn_vring_buf *bufs);

/* A frame for which pvn_gso_needed() is true, as the segments it is to become. False if it must
 * wait; otherwise it is done with: *used counts the buffers it took, 0 if it can never be sent.
 */
bool host_tx_cut(struct pvn_host_txq *q, const struct rte_mbuf *m, uint16_t *used, uint16_t *known);

#endif /* HOSTPORT_PRIV_H */
