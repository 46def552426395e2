/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames that tell whether they arrived whole: every byte follows from the sequence number.
 */
#ifndef PEER_FRAME_H
#define PEER_FRAME_H

#include <rte_ether.h>
#include <rte_mbuf.h>

#define PEER_ETHER_TYPE 0x88b5 /* IEEE: local experiments */
#define PEER_FRAME_MIN 60u
#define PEER_FRAME_MAX 9018u

/* Writes frame `seq` of `len` bytes into a mbuf chain from `pool`. NULL if the pool is empty. */
struct rte_mbuf *peer_frame_make(struct rte_mempool *pool, const struct rte_ether_addr *dst,
				 const struct rte_ether_addr *src, uint64_t seq, uint32_t len);

/* True if the frame is one of ours and whole; its number is then in *seq. */
bool peer_frame_check(const struct rte_mbuf *m, uint64_t *seq);

#endif /* PEER_FRAME_H */
