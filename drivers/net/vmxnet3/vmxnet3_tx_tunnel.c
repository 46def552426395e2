/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Packets inside of VXLAN or Geneve [VMX3 7.3]. The device reads the headers by itself: it knows a
 * tunnel by the UDP port, and is told where the inner headers end. What it would understand
 * otherwise than it was meant must not be handed to it, so these packets' headers are looked at.
 *
 *   | outer_l2_len | outer_l3_len |         l2_len         | l3_len | l4_len |
 *   | Ethernet     | IPv4/IPv6    | UDP, tunnel, Ethernet  | IP     | TCP    | payload
 */
#include <errno.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "vmxnet3_tx.h"

#define TUNNEL_HEADER_LEN 8u /* VXLAN's; Geneve's without options */

#define WISHES_OUTER                                                                               \
	(RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6 |         \
	 RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_UDP_CKSUM)

static const struct kind {
	uint64_t flag;
	uint32_t csum, tso, outer; /* capabilities */
	uint16_t ports[2];
} kinds[] = {
	{RTE_MBUF_F_TX_TUNNEL_VXLAN,
	 VMXNET3_CAP_VXLAN_CSUM,
	 VMXNET3_CAP_VXLAN_TSO,
	 VMXNET3_CAP_VXLAN_OUTER_CSUM,
	 {VMXNET3_PORT_VXLAN, VMXNET3_PORT_VXLAN_OLD}},
	{RTE_MBUF_F_TX_TUNNEL_GENEVE,
	 VMXNET3_CAP_GENEVE_CSUM,
	 VMXNET3_CAP_GENEVE_TSO,
	 VMXNET3_CAP_GENEVE_OUTER_CSUM,
	 {VMXNET3_PORT_GENEVE, VMXNET3_PORT_GENEVE}},
};

static const struct kind *
kind_of(uint64_t flags)
{
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if ((flags & RTE_MBUF_F_TX_TUNNEL_MASK) == kinds[i].flag)
			return &kinds[i];
	return NULL;
}

/* Offsets of headers, as the application says. */
static uint32_t
outer_l4(const struct rte_mbuf *m)
{
	return m->outer_l2_len + m->outer_l3_len;
}

static uint32_t
inner_l3(const struct rte_mbuf *m)
{
	return outer_l4(m) + m->l2_len;
}

static uint32_t
inner_l4(const struct rte_mbuf *m)
{
	return inner_l3(m) + m->l3_len;
}

static bool
is_tso(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
}

static bool
is_udp(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
}

/* Is something asked about the packet inside? About its TCP or UDP? */
static bool
asks_inner_l4(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_L4_MASK)) != 0;
}

static bool
asks_inner(const struct rte_mbuf *m)
{
	return asks_inner_l4(m) || (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0;
}

static bool
asks_outer(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_UDP_CKSUM)) != 0;
}

static uint32_t
inner_csum_field(const struct rte_mbuf *m)
{
	return inner_l4(m) + (is_udp(m) ? offsetof(struct rte_udp_hdr, dgram_cksum)
					: offsetof(struct rte_tcp_hdr, cksum));
}

/* What an IP header should be: as the application says. */
struct ip_claim {
	uint32_t at, len;
	uint64_t v4_flag, v6_flag; /* neither need be set */
	uint8_t protocol;	   /* 0: any; not looked for behind extension headers */
};

static bool
is_ip(const struct rte_mbuf *m, const struct ip_claim *c)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, c->at);
	uint8_t protocol = 0;

	if (c->at + c->len > m->data_len || c->len < sizeof(struct rte_ipv4_hdr))
		return false;
	if (ip[0] >> 4 == IPVERSION) {
		if ((m->ol_flags & c->v6_flag) != 0 || c->len != (ip[0] & 0x0Fu) * 4)
			return false;
		protocol = ip[offsetof(struct rte_ipv4_hdr, next_proto_id)];
	} else {
		if (ip[0] >> 4 != 6 || (m->ol_flags & c->v4_flag) != 0 ||
		    c->len < sizeof(struct rte_ipv6_hdr))
			return false;
		if (c->len == sizeof(struct rte_ipv6_hdr))
			protocol = ip[offsetof(struct rte_ipv6_hdr, proto)];
		else
			protocol = c->protocol;
	}
	return c->protocol == 0 || protocol == c->protocol;
}

/* The tunnel that the flags tell, by which the device finds the inner frame where l2_len has it. */
static bool
is_tunnel(const struct rte_mbuf *m, const struct kind *kind)
{
	const uint32_t at = outer_l4(m);
	const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, at);
	const uint8_t *tunnel = (const uint8_t *)(udp + 1);
	uint32_t len = sizeof(*udp) + TUNNEL_HEADER_LEN;
	uint16_t port;

	if (at + len > m->data_len)
		return false;
	port = rte_be_to_cpu_16(udp->dst_port);
	if (port != kind->ports[0] && port != kind->ports[1])
		return false;
	if (kind->flag == RTE_MBUF_F_TX_TUNNEL_GENEVE)
		len += (tunnel[0] & 0x3Fu) * 4; /* options */
	return m->l2_len >= len + RTE_ETHER_HDR_LEN;
}

/* Bytes up to the inner payload; 0 if the headers are not whole, or not as the application says. */
static uint32_t
inner_headers(const struct rte_mbuf *m)
{
	const uint32_t l4 = inner_l4(m);
	const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, l4);
	uint32_t len = sizeof(struct rte_udp_hdr);

	if (!is_udp(m)) {
		if (l4 + sizeof(*tcp) > m->data_len)
			return 0;
		len = (tcp->data_off >> 4) * 4u;
		if (len < sizeof(*tcp) || (is_tso(m) && len != m->l4_len))
			return 0;
	}
	return l4 + len <= m->data_len && l4 + len <= VMXNET3_TX_HEADERS_MAX ? l4 + len : 0;
}

static int
check_outer(const struct rte_mbuf *m, const struct kind *kind)
{
	const struct ip_claim claim = {
		.at = m->outer_l2_len,
		.len = m->outer_l3_len,
		.v4_flag = RTE_MBUF_F_TX_OUTER_IPV4,
		.v6_flag = RTE_MBUF_F_TX_OUTER_IPV6,
		.protocol = IPPROTO_UDP,
	};

	if (!asks_outer(m) && !asks_inner(m))
		return 0;
	return is_ip(m, &claim) && is_tunnel(m, kind) ? 0 : EINVAL;
}

/* Segments differ in length, so that no outer checksum of the application's can be right. */
static bool
has_stale_outer_csum(const struct rte_mbuf *m)
{
	const struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, outer_l4(m));

	return is_tso(m) && (m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) == 0 &&
	       udp->dgram_cksum != 0;
}

static int
check_inner(const struct rte_mbuf *m)
{
	const struct ip_claim claim = {
		.at = inner_l3(m),
		.len = m->l3_len,
		.v4_flag = RTE_MBUF_F_TX_IPV4,
		.v6_flag = RTE_MBUF_F_TX_IPV6,
		.protocol = !asks_inner_l4(m) ? 0
			    : is_udp(m)	      ? IPPROTO_UDP
					      : IPPROTO_TCP,
	};

	if (!asks_inner(m))
		return 0;
	if (!is_ip(m, &claim))
		return EINVAL;
	if (!asks_inner_l4(m))
		return 0;
	if (inner_headers(m) == 0 || has_stale_outer_csum(m))
		return EINVAL;
	return is_tso(m) && m->tso_segsz - 1u >= VMXNET3_MSS_MAX ? EINVAL : 0;
}

/* What the device must have been asked for. The checksum of the outer UDP alone is as any other. */
static uint32_t
needed_capabilities(const struct rte_mbuf *m, const struct kind *kind)
{
	uint32_t needed = is_tso(m) ? kind->tso : kind->csum;

	if (!asks_inner_l4(m))
		return 0;
	if ((m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) != 0)
		needed |= kind->outer;
	return needed;
}

static int
check(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m)
{
	const struct kind *kind = kind_of(m->ol_flags);
	int ret;

	if ((m->ol_flags & VMXNET3_TX_WISHES & ~(WISHES_WITHOUT_TUNNEL | WISHES_OUTER)) != 0 ||
	    (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM || kind == NULL ||
	    (needed_capabilities(m, kind) & ~txq->tunnels) != 0)
		return ENOTSUP;
	ret = check_outer(m, kind);
	return ret != 0 ? ret : check_inner(m);
}

static struct wish
inner_wish(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m)
{
	uint32_t mode = is_tso(m) ? VMXNET3_OM_TSO : VMXNET3_OM_CSUM;
	uint32_t value = is_tso(m) ? m->tso_segsz : inner_csum_field(m);
	struct wish w = {.headers = inner_headers(m)};

	if (txq->tunnels_by_mode) {
		mode = VMXNET3_OM_ENCAP;
		value = is_tso(m) ? value : 0;
	} else {
		w.word2 = VMXNET3_TXD2_INNER;
	}
	w.word2 |= pvn_field_put(VMXNET3_TXD2_MSSCOF, value);
	if ((m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) != 0)
		w.word2 |= VMXNET3_TXD2_OUTER_CSUM;
	w.word3 =
		pvn_field_put(VMXNET3_TXD3_OM, mode) | pvn_field_put(VMXNET3_TXD3_HLEN, w.headers);
	return w;
}

int
vmxnet3_tx_tunnel_wish(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m, struct wish *w)
{
	const int ret = check(txq, m);

	*w = (struct wish){0};
	if (ret != 0)
		return ret;
	if (asks_inner_l4(m))
		*w = inner_wish(txq, m);
	else if ((m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) !=
		 0) /* as if there were no tunnel */
		*w = checksum_wish(outer_l4(m),
				   outer_l4(m) + offsetof(struct rte_udp_hdr, dgram_cksum));
	w->word3 |= tag_wish(m);
	return 0;
}

/* ---- tx_prepare ---- */

/* The sum of a pseudo header, with this length of what follows the IP header, or without any. */
static rte_be16_t
pseudo_sum(const struct rte_mbuf *m, uint32_t l3, uint32_t l3_len, uint8_t protocol, bool with_len)
{
	const uint64_t no_len = with_len ? 0 : RTE_MBUF_F_TX_TCP_SEG;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l3);
	struct rte_ipv6_hdr ip6;

	if (ip->version_ihl >> 4 == IPVERSION)
		return rte_ipv4_phdr_cksum(ip, no_len);
	/* Extension headers are not part of what is summed up. */
	memcpy(&ip6, ip, sizeof(ip6));
	ip6.proto = protocol;
	ip6.payload_len = rte_cpu_to_be_16(
		(uint16_t)(rte_be_to_cpu_16(ip6.payload_len) - (l3_len - sizeof(ip6))));
	return rte_ipv6_phdr_cksum(&ip6, no_len);
}

/* The header checksum of IPv4, which the device has no offload for; for segments it is the
 * device's, and 0 here. */
static void
fill_ipv4(struct rte_mbuf *m, uint32_t l3, bool wanted, bool segments)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, l3);

	if (ip->version_ihl >> 4 != IPVERSION || (!wanted && !segments))
		return;
	ip->hdr_checksum = 0;
	if (!segments)
		ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* Of a packet that was checked. */
void
vmxnet3_tx_tunnel_fill(struct rte_mbuf *m)
{
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, outer_l4(m));

	if ((m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) != 0)
		udp->dgram_cksum =
			pseudo_sum(m, m->outer_l2_len, m->outer_l3_len, IPPROTO_UDP, true);
	if ((m->ol_flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM) != 0)
		fill_ipv4(m, m->outer_l2_len, true, false);
	if (asks_inner(m))
		fill_ipv4(m, inner_l3(m), (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0, is_tso(m));
	if (asks_inner_l4(m)) {
		rte_be16_t *field = rte_pktmbuf_mtod_offset(m, rte_be16_t *, inner_csum_field(m));

		*field = pseudo_sum(m, inner_l3(m), m->l3_len,
				    is_udp(m) ? IPPROTO_UDP : IPPROTO_TCP, !is_tso(m));
	}
}
