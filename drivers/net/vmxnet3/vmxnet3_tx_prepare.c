/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * tx_prepare: what is asked of the device is checked, and what it cannot do is done here.
 */
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_net.h>

#include "vmxnet3_tx.h"

static int
check_packet(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m)
{
	struct wish w;
	int ret = find_wish(txq, m, &w);

	return ret == 0 && descriptors_needed(m) == 0 ? EINVAL : ret;
}

/* The header checksum of IPv4, which the device has no offload for; in a TSO packet it is the
 * device's, and 0 here. [VMX3 7.3] */
static int
fill_checksums(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);

	if (asks_for_more(m)) {
		vmxnet3_tx_tunnel_fill(m);
		return 0;
	}
	if ((m->ol_flags &
	     (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_L4_MASK)) == 0)
		return 0;
	if ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 &&
	    m->data_len < (uint32_t)m->l2_len + m->l3_len)
		return EINVAL;
	if (rte_net_intel_cksum_prepare(m) < 0)
		return EINVAL;
	if ((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)) ==
	    RTE_MBUF_F_TX_IP_CKSUM)
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	return 0;
}

/* Stops at the first packet that tx_burst could never send. Writes checksums of IPv4 headers, and
 * of pseudo-headers where the device does the rest. */
uint16_t
vmxnet3_tx_prepare(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	for (uint16_t n = 0; n < nb_pkts; n++) {
		int ret = check_packet(tx_queue, pkts[n]);

		if (ret == 0)
			ret = fill_checksums(pkts[n]);
		if (ret == 0)
			continue;
		rte_errno = ret;
		return n;
	}
	return nb_pkts;
}
