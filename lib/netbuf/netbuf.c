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

#include "netbuf_priv.h"
#include "pvn_gso.h"

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
pvn_netbuf_copy_long(const struct pvn_netbuf_long *put_off, bool shared)
{
	for (uint32_t i = 0; i < put_off->count; i++) {
		if (shared && i + 1 < put_off->count)
			pvn_netbuf_prefetch_write(put_off->copies[i + 1].to,
						  put_off->copies[i + 1].len);
		memcpy(put_off->copies[i].to, put_off->copies[i].from, put_off->copies[i].len);
	}
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
		pvn_netbuf_copy(out, rte_pktmbuf_mtod_offset(m, const uint8_t *, skip), n);
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
		pvn_netbuf_copy(rte_pktmbuf_mtod_offset(seg, uint8_t *, seg->data_len), from, n);
		seg->data_len += n;
		m->pkt_len += n;
		from += n;
		len -= n;
	}
	return true;
}

/* What the checksum of a frame is about. */
struct l4_part {
	uint32_t start; /* of TCP or UDP in the frame */
	uint32_t len;	/* of it with its data */
	uint16_t offset;
	bool padded; /* there are bytes behind it that do not belong to it */
	bool ipv6;
};

uint16_t
netbuf_pseudo_sum(const uint8_t *l3, bool ipv6, uint32_t proto, uint32_t len)
{
	const size_t addr_offset = ipv6 ? offsetof(struct rte_ipv6_hdr, src_addr)
					: offsetof(struct rte_ipv4_hdr, src_addr);
	const size_t addr_len = ipv6 ? 32 : 8;
	const rte_be32_t tail[2] = {rte_cpu_to_be_32(len), rte_cpu_to_be_32(proto)};
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

void
netbuf_ipv4_csum(uint8_t *l3, uint32_t l3_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, l3_len);
}

bool
netbuf_l3_ok(const struct rte_mbuf *m, uint32_t head_len)
{
	uint32_t least = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? sizeof(struct rte_ipv6_hdr)
								 : sizeof(struct rte_ipv4_hdr);

	return m->l2_len >= RTE_ETHER_HDR_LEN && m->l3_len >= least &&
	       (uint32_t)m->l2_len + m->l3_len <= RTE_MIN(head_len, m->pkt_len);
}

bool
netbuf_tso_ok(const struct rte_mbuf *m)
{
	uint32_t headers = m->l2_len + m->l3_len + m->l4_len;

	return m->tso_segsz != 0 && m->l4_len >= sizeof(struct rte_tcp_hdr) && headers < m->pkt_len;
}

static bool
tso_to_hdr(const struct rte_mbuf *m, struct virtio_net_hdr *hdr)
{
	if (!netbuf_tso_ok(m))
		return false;
	hdr->gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? VIRTIO_NET_HDR_GSO_TCPV6
								: VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->gso_size = pvn_cpu_to_le16(m->tso_segsz);
	hdr->hdr_len = pvn_cpu_to_le16(m->l2_len + m->l3_len + m->l4_len);
	return true;
}

/* DPDK 22.11's own loses carries where a segment begins at an odd byte. */
uint16_t
netbuf_sum(const struct rte_mbuf *m, uint32_t skip, uint32_t len)
{
	uint32_t sum = 0, done = 0;

	for (; m != NULL && done < len; m = m->next) {
		uint16_t part;
		uint32_t n;

		if (skip >= m->data_len) {
			skip -= m->data_len;
			continue;
		}
		n = RTE_MIN(m->data_len - skip, len - done);
		part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const void *, skip), n);
		sum = __rte_raw_cksum_reduce(sum + (done % 2 == 0 ? part : rte_bswap16(part)));
		done += n;
		skip = 0;
	}
	return (uint16_t)sum;
}

/* The checksum. What the frame has in its place is taken out of the sum again, so it need not be
 * zero and the frame is only read.
 */
static uint16_t
l4_csum(const struct rte_mbuf *m, const struct l4_part *l4, uint16_t pseudo)
{
	uint16_t there, csum;

	pvn_netbuf_copy_out(m, l4->start + l4->offset, &there, sizeof(there));
	csum = ~__rte_raw_cksum_reduce((uint32_t)netbuf_sum(m, l4->start, l4->len) + pseudo +
				       (uint16_t)~there);
	return csum == 0 ? 0xffff : csum; /* 0 would mean "none" in UDP; both are the same number */
}

/* Where TCP or UDP ends, by the IP header: what follows pads the frame and is not in the sum. For
 * segmentation the header's length does not matter.
 */
static struct l4_part
find_l4(const struct rte_mbuf *m)
{
	struct l4_part l4 = {
		.start = m->l2_len + m->l3_len,
		.offset = l4_csum_offset(m->ol_flags),
		.ipv6 = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0,
	};
	const size_t at = l4.ipv6 ? offsetof(struct rte_ipv6_hdr, payload_len)
				  : offsetof(struct rte_ipv4_hdr, total_length);
	const uint32_t least = l4.offset + (uint32_t)sizeof(uint16_t);
	uint32_t before = l4.ipv6 ? m->l3_len - sizeof(struct rte_ipv6_hdr) : m->l3_len;
	rte_be16_t told;

	pvn_netbuf_copy_out(m, m->l2_len + at, &told, sizeof(told));
	l4.len = m->pkt_len - l4.start;
	l4.padded = (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) == 0 &&
		    rte_be_to_cpu_16(told) >= before + least &&
		    rte_be_to_cpu_16(told) - before < l4.len;
	if (l4.padded)
		l4.len = rte_be_to_cpu_16(told) - before;
	return l4;
}

static enum pvn_netbuf_hints
l4_hints(const struct rte_mbuf *m, uint8_t *head, uint32_t head_len, uint64_t features,
	 struct virtio_net_hdr *hdr)
{
	const struct l4_part l4 = find_l4(m);
	const uint32_t proto =
		l4.offset == offsetof(struct rte_udp_hdr, dgram_cksum) ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t sum;

	if (l4.start + l4.offset + sizeof(sum) > RTE_MIN(head_len, m->pkt_len))
		return PVN_NETBUF_BAD;
	sum = netbuf_pseudo_sum(head + m->l2_len, l4.ipv6, proto, l4.len);
	/* A peer would sum up to the end of the frame. */
	if ((features & RTE_BIT64(VIRTIO_NET_F_CSUM)) == 0 || l4.padded) {
		sum = l4_csum(m, &l4, sum);
		memcpy(head + l4.start + l4.offset, &sum, sizeof(sum));
		return PVN_NETBUF_PLAIN;
	}
	memcpy(head + l4.start + l4.offset, &sum, sizeof(sum));
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = pvn_cpu_to_le16(l4.start);
	hdr->csum_offset = pvn_cpu_to_le16(l4.offset);
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
	if (!netbuf_l3_ok(m, head_len))
		return PVN_NETBUF_BAD;
	if ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0 &&
	    (pvn_gso_needed(m, features) || !tso_to_hdr(m, hdr)))
		return PVN_NETBUF_BAD;
	if ((flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV6)) == RTE_MBUF_F_TX_IP_CKSUM)
		netbuf_ipv4_csum(head + m->l2_len, m->l3_len);
	if (l4_csum_offset(flags) != 0)
		return l4_hints(m, head, head_len, features, hdr);
	return (flags & RTE_MBUF_F_TX_L4_MASK) == 0 ? PVN_NETBUF_PLAIN : PVN_NETBUF_BAD;
}

/* The frame's layers, as found in it; false unless it is plain TCP or UDP over IP, with its header
 * whole.
 */
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
	/* A mbuf has few bits for them. */
	return lens->l2_len < RTE_BIT32(RTE_MBUF_L2_LEN_BITS) &&
	       lens->l3_len < RTE_BIT32(RTE_MBUF_L3_LEN_BITS) &&
	       lens->l4_len >= l4_csum_offset(*flags) + sizeof(uint16_t) &&
	       (uint32_t)lens->l2_len + lens->l3_len + lens->l4_len <= m->pkt_len;
}

/* Checks the header's segmentation request against the frame; adds the flags for it. */
static bool
gso_ok(const struct virtio_net_hdr *hdr, const struct rte_net_hdr_lens *lens, uint32_t pkt_len,
       uint64_t *flags)
{
	const uint32_t headers = lens->l2_len + lens->l3_len + lens->l4_len;
	uint8_t type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool tcp = (*flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;

	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (!tcp || hdr->gso_size == 0 || headers >= pkt_len)
		return false;
	if (type == VIRTIO_NET_HDR_GSO_TCPV4 && (*flags & RTE_MBUF_F_TX_IPV4) == 0)
		return false;
	if (type == VIRTIO_NET_HDR_GSO_TCPV6 && (*flags & RTE_MBUF_F_TX_IPV6) == 0)
		return false;
	*flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_RX_LRO;
	if (type == VIRTIO_NET_HDR_GSO_TCPV4)
		*flags |= RTE_MBUF_F_TX_IP_CKSUM; /* each segment gets a header of its own */
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
	if (!parse(m, &lens, &flags) || !gso_ok(hdr, &lens, m->pkt_len, &flags))
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
	m->ol_flags &= ~(PVN_NETBUF_TX_HINTS | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return true;
}
