/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Checksums and checks that hints and software segmentation share.
 */
#ifndef NETBUF_PRIV_H
#define NETBUF_PRIV_H

#include "pvn_netbuf.h"

/* Sum of the TCP or UDP pseudo header, as one's complement, not inverted, for `len` bytes of L4 and
 * its data. [RFC 9293 3.1]
 */
uint16_t netbuf_pseudo_sum(const uint8_t *l3, bool ipv6, uint32_t proto, uint32_t len);

/* Sum of `len` bytes of a frame from `skip` on. */
uint16_t netbuf_sum(const struct rte_mbuf *m, uint32_t skip, uint32_t len);

/* Puts the checksum into an IPv4 header. */
void netbuf_ipv4_csum(uint8_t *l3, uint32_t l3_len);

/* Whether L2 and L3 lengths can be true, of a frame whose first `head_len` bytes are at hand. */
bool netbuf_l3_ok(const struct rte_mbuf *m, uint32_t head_len);

/* Whether the rest of a TSO frame's description can be. */
bool netbuf_tso_ok(const struct rte_mbuf *m);

#endif /* NETBUF_PRIV_H */
