/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What is not hot of pvn_netbuf.h: chains, and hints between mbuf flags and the net header.
 */
#include <string.h>

#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pvn_netbuf.h"

struct pvn_netbuf_rearm
pvn_netbuf_rearm(struct rte_mempool *pool, uint16_t port_id)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = port_id,
	};
	struct pvn_netbuf_rearm rearm = {0};

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&rearm.rearm, RTE_PTR_ADD(&m, offsetof(struct rte_mbuf, rearm_data)),
	       sizeof(rearm.rearm));
	if ((rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0)
		rearm.ol_flags = RTE_MBUF_F_EXTERNAL;
	return rearm;
}

void
pvn_netbuf_copy_out(const struct rte_mbuf *m, uint32_t skip, void *to, uint32_t len)
{
	uint8_t *out = to;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t n;

		if (skip >= m->data_len) {
			skip -= m->data_len;
			continue;
		}
		n = RTE_MIN(m->data_len - skip, len);
		rte_memcpy(out, rte_pktmbuf_mtod_offset(m, const uint8_t *, skip), n);
		out += n;
		len -= n;
		skip = 0;
	}
}

bool
pvn_netbuf_append(struct rte_mbuf *m, struct rte_mbuf **last, struct rte_mempool *pool,
		  const uint8_t *from, uint32_t len)
{
	while (len > 0) {
		struct rte_mbuf *seg = *last;
		uint32_t n = RTE_MIN(len, rte_pktmbuf_tailroom(seg));

		if (n == 0) {
			if (m->nb_segs == RTE_MBUF_MAX_NB_SEGS)
				return false;
			seg->next = rte_pktmbuf_alloc(pool);
			if (seg->next == NULL)
				return false;
			*last = seg->next;
			m->nb_segs++;
			continue;
		}
		rte_memcpy(rte_pktmbuf_mtod_offset(seg, uint8_t *, seg->data_len), from, n);
		seg->data_len += n;
		m->pkt_len += n;
		from += n;
		len -= n;
	}
	return true;
}

/* Sum of the TCP or UDP pseudo header, as one's complement, not inverted. [RFC 9293 3.1] */
static uint16_t
pseudo_sum(const uint8_t *l3, bool ipv6, uint8_t proto, uint32_t l4_len)
{
	const size_t addr_offset = ipv6 ? offsetof(struct rte_ipv6_hdr, src_addr)
					: offsetof(struct rte_ipv4_hdr, src_addr);
	const size_t addr_len = ipv6 ? 32 : 8;
	const rte_be32_t tail[2] = {rte_cpu_to_be_32(l4_len), rte_cpu_to_be_32(proto)};
	uint8_t words[32 + sizeof(tail)];

	memcpy(words, l3 + addr_offset, addr_len);
	memcpy(words + addr_len, tail, sizeof(tail));
	return rte_raw_cksum(words, addr_len + sizeof(tail));
}

/* Where the checksum stands in the L4 header, 0 if there is none to compute. */
static uint16_t
l4_csum_offset(uint64_t ol_flags)
{
	if ((ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ||
	    (ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM)
		return offsetof(struct rte_tcp_hdr, cksum);
	if ((ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM)
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	return 0;
}

static void
ipv4_csum(uint8_t *l3, uint32_t l3_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, l3_len);
}

static bool
l3_ok(const struct rte_mbuf *m, uint32_t head_len)
{
	uint32_t least = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? sizeof(struct rte_ipv6_hdr)
								 : sizeof(struct rte_ipv4_hdr);

	return m->l2_len >= RTE_ETHER_HDR_LEN && m->l3_len >= least &&
	       (uint32_t)m->l2_len + m->l3_len <= RTE_MIN(head_len, m->pkt_len);
}

static bool
tso_to_hdr(const struct rte_mbuf *m, struct virtio_net_hdr *hdr)
{
	uint32_t headers = m->l2_len + m->l3_len + m->l4_len;

	if (m->tso_segsz == 0 || m->l4_len < sizeof(struct rte_tcp_hdr) || headers >= m->pkt_len)
		return false;
	hdr->gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? VIRTIO_NET_HDR_GSO_TCPV6
								: VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->gso_size = pvn_cpu_to_le16(m->tso_segsz);
	hdr->hdr_len = pvn_cpu_to_le16(headers);
	return true;
}

/* The checksum of everything from `start` on, for the place `at` inside it. What the frame has
 * there is taken out of the sum again, so it need not be zero and the frame is only read.
 */
static bool
l4_csum(const struct rte_mbuf *m, uint32_t start, uint32_t at, uint16_t pseudo, uint16_t *csum)
{
	uint16_t sum, there;

	pvn_netbuf_copy_out(m, at, &there, sizeof(there));
	if (rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) < 0)
		return false;
	*csum = (uint16_t)~__rte_raw_cksum_reduce((uint32_t)sum + pseudo + (uint16_t)~there);
	if (*csum == 0)
		*csum = 0xffff; /* 0 would mean "none" in UDP; both are the same number */
	return true;
}

/* Whether the peer segments such frames. */
static bool
tso_taken(const struct rte_mbuf *m, uint64_t features)
{
	uint64_t needs = RTE_BIT64(VIRTIO_NET_F_CSUM);

	needs |= (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)
							 : RTE_BIT64(VIRTIO_NET_F_HOST_TSO4);
	return (features & needs) == needs;
}

static enum pvn_netbuf_hints
l4_hints(const struct rte_mbuf *m, uint8_t *head, uint32_t head_len, uint64_t features,
	 struct virtio_net_hdr *hdr)
{
	const bool ipv6 = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0;
	uint16_t offset = l4_csum_offset(m->ol_flags);
	uint32_t start = m->l2_len + m->l3_len;
	uint16_t sum;

	if (start + offset + sizeof(sum) > RTE_MIN(head_len, m->pkt_len))
		return PVN_NETBUF_BAD;
	sum = pseudo_sum(head + m->l2_len, ipv6,
			 offset == offsetof(struct rte_udp_hdr, dgram_cksum) ? IPPROTO_UDP
									     : IPPROTO_TCP,
			 m->pkt_len - start);
	if ((features & RTE_BIT64(VIRTIO_NET_F_CSUM)) == 0) {
		if (!l4_csum(m, start, start + offset, sum, &sum))
			return PVN_NETBUF_BAD;
		memcpy(head + start + offset, &sum, sizeof(sum));
		return PVN_NETBUF_PLAIN;
	}
	memcpy(head + start + offset, &sum, sizeof(sum));
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = pvn_cpu_to_le16(start);
	hdr->csum_offset = pvn_cpu_to_le16(offset);
	return PVN_NETBUF_HDR;
}

enum pvn_netbuf_hints
pvn_netbuf_hints(const struct rte_mbuf *m, uint8_t *head, uint32_t head_len, uint64_t features,
		 struct virtio_net_hdr *hdr)
{
	const uint64_t flags = m->ol_flags;

	*hdr = (struct virtio_net_hdr){0};
	if ((flags & PVN_NETBUF_TX_HINTS) == 0)
		return PVN_NETBUF_PLAIN;
	if (!l3_ok(m, head_len))
		return PVN_NETBUF_BAD;
	if ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0 &&
	    (!tso_taken(m, features) || !tso_to_hdr(m, hdr)))
		return PVN_NETBUF_BAD;
	if ((flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV6)) == RTE_MBUF_F_TX_IP_CKSUM)
		ipv4_csum(head + m->l2_len, m->l3_len);
	if (l4_csum_offset(flags) != 0)
		return l4_hints(m, head, head_len, features, hdr);
	return (flags & RTE_MBUF_F_TX_L4_MASK) == 0 ? PVN_NETBUF_PLAIN : PVN_NETBUF_BAD;
}

/* The frame's layers, as found in it; false unless it is plain TCP or UDP over IP. */
static bool
parse(const struct rte_mbuf *m, struct rte_net_hdr_lens *lens, uint64_t *flags)
{
	uint32_t ptype = rte_net_get_ptype(
		m, lens, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);

	if (RTE_ETH_IS_IPV4_HDR(ptype))
		*flags = RTE_MBUF_F_TX_IPV4;
	else if (RTE_ETH_IS_IPV6_HDR(ptype))
		*flags = RTE_MBUF_F_TX_IPV6;
	else
		return false;
	if ((ptype & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP)
		*flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	else if ((ptype & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_UDP)
		*flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	else
		return false;
	return true;
}

/* Checks the header's segmentation request against the frame; adds the flags for it. */
static bool
gso_ok(const struct virtio_net_hdr *hdr, uint64_t *flags)
{
	uint8_t type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool tcp = (*flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;

	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (!tcp || hdr->gso_size == 0)
		return false;
	if (type == VIRTIO_NET_HDR_GSO_TCPV4 && (*flags & RTE_MBUF_F_TX_IPV4) == 0)
		return false;
	if (type == VIRTIO_NET_HDR_GSO_TCPV6 && (*flags & RTE_MBUF_F_TX_IPV6) == 0)
		return false;
	*flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_RX_LRO;
	return type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
}

bool
pvn_netbuf_from_hdr(struct rte_mbuf *m, const struct virtio_net_hdr *hdr)
{
	struct rte_net_hdr_lens lens = {0};
	uint64_t flags = 0;

	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
		if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
			return false;
		if ((hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0)
			m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return true;
	}
	if (!parse(m, &lens, &flags) || !gso_ok(hdr, &flags))
		return false;
	if (pvn_le16_to_cpu(hdr->csum_start) != lens.l2_len + lens.l3_len ||
	    pvn_le16_to_cpu(hdr->csum_offset) != l4_csum_offset(flags))
		return false;
	m->l2_len = lens.l2_len;
	m->l3_len = lens.l3_len;
	m->l4_len = lens.l4_len;
	m->tso_segsz = pvn_le16_to_cpu(hdr->gso_size);
	m->ol_flags |= flags | RTE_MBUF_F_RX_L4_CKSUM_NONE;
	return true;
}

bool
pvn_netbuf_checksum(struct rte_mbuf *m)
{
	struct virtio_net_hdr hdr;

	if (pvn_netbuf_hints(m, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, 0, &hdr) !=
	    PVN_NETBUF_PLAIN)
		return false;
	m->ol_flags &= ~PVN_NETBUF_TX_HINTS;
	return true;
}
