/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * TCP segmentation in software, for IPv4 and IPv6.
 *
 * Not rte_gso_segment(): that of DPDK 22.11 has no TCP over IPv6, leaves checksums to its caller,
 * and hands out chains of mbufs from two pools, which we would only copy into the ring and free
 * again. What it would save here is a dozen lines about the IPv4 header.
 */
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "netbuf_priv.h"
#include "pvn_gso.h"

/* Whether the headers, of which we have a copy, are what the mbuf says: a wrong length would cut
 * payload off, or make it a header of every segment.
 */
static bool
headers_ok(const struct pvn_gso *g)
{
	const struct rte_mbuf *m = g->m;
	const struct rte_tcp_hdr *tcp =
		(const struct rte_tcp_hdr *)(g->head + m->l2_len + m->l3_len);
	const uint8_t version_ihl = g->head[m->l2_len];

	if ((tcp->data_off >> 4) * 4 != m->l4_len)
		return false;
	return g->ipv6 ? version_ihl >> 4 == 6
		       : version_ihl >> 4 == 4 && (version_ihl & 0xf) * 4 == m->l3_len;
}

static void
leave_csum(struct pvn_gso *g)
{
	g->hinted = true;
	g->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	g->hdr.csum_start = pvn_cpu_to_le16(g->m->l2_len + g->m->l3_len);
	g->hdr.csum_offset = pvn_cpu_to_le16(offsetof(struct rte_tcp_hdr, cksum));
}

bool
pvn_gso_begin(struct pvn_gso *g, const struct rte_mbuf *m, uint64_t features)
{
	const struct rte_tcp_hdr *tcp;

	if (m->pkt_len > UINT16_MAX || !netbuf_l3_ok(m, m->pkt_len) || !netbuf_tso_ok(m) ||
	    m->l4_len > 60)
		return false;
	g->m = g->at = m;
	g->ipv6 = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0;
	g->headers = g->at_skip = g->len = m->l2_len + m->l3_len + m->l4_len;
	pvn_netbuf_copy_out(m, 0, g->head, g->headers);
	if (!headers_ok(g))
		return false;
	tcp = (const struct rte_tcp_hdr *)(g->head + m->l2_len + m->l3_len);
	g->tcp_flags = tcp->tcp_flags;
	g->left = m->pkt_len - g->headers;
	g->segsz = m->tso_segsz;
	g->segments = (g->left + g->segsz - 1) / g->segsz;
	g->longest = g->headers + RTE_MIN(g->left, g->segsz);
	g->total = g->segments * g->headers + g->left;
	g->hinted = false;
	g->hdr = (struct virtio_net_hdr){0};
	if ((features & RTE_BIT64(VIRTIO_NET_F_CSUM)) != 0)
		leave_csum(g);
	return true;
}

uint32_t
pvn_gso_buffers(const struct pvn_gso *g, uint32_t room)
{
	const uint32_t last = g->total - (g->segments - 1) * g->longest;

	return (g->segments - 1) * ((g->longest + room - 1) / room) + (last + room - 1) / room;
}

/* Moves on by the payload of the segment before. Each mbuf of the frame is passed once. */
static void
seek(struct pvn_gso *g, uint32_t before)
{
	g->at_skip += before;
	while (g->at != NULL && g->at_skip >= g->at->data_len) {
		g->at_skip -= g->at->data_len;
		g->at = g->at->next;
	}
}

static void
write_ip(struct pvn_gso *g, uint32_t payload, bool first)
{
	const struct rte_mbuf *m = g->m;
	uint8_t *l3 = g->head + m->l2_len;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)l3;

	if (g->ipv6) {
		ip6->payload_len = rte_cpu_to_be_16(m->l3_len - sizeof(*ip6) + m->l4_len + payload);
		return;
	}
	ip->total_length = rte_cpu_to_be_16(m->l3_len + m->l4_len + payload);
	if (!first)
		ip->packet_id = rte_cpu_to_be_16(rte_be_to_cpu_16(ip->packet_id) + 1);
	netbuf_ipv4_csum(l3, m->l3_len);
}

/* As a sender that had made the segments itself: FIN and PSH are about what comes last, CWR is said
 * once. [RFC 3168 6.1.2]
 */
static uint8_t
flags_of(const struct pvn_gso *g, bool first)
{
	uint8_t flags = g->tcp_flags;

	if (g->left > 0)
		flags &= ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (!first)
		flags &= ~RTE_TCP_CWR_FLAG;
	return flags;
}

static void
write_csum(const struct pvn_gso *g, struct rte_tcp_hdr *tcp, uint32_t payload)
{
	const struct rte_mbuf *m = g->m;
	uint32_t sum =
		netbuf_pseudo_sum(g->head + m->l2_len, g->ipv6, IPPROTO_TCP, m->l4_len + payload);

	tcp->cksum = 0;
	if (!g->hinted) {
		sum += rte_raw_cksum(tcp, m->l4_len);
		sum += netbuf_sum(g->at, g->at_skip, payload);
		sum = (uint16_t)~__rte_raw_cksum_reduce(sum);
	}
	tcp->cksum = (uint16_t)sum;
}

bool
pvn_gso_next(struct pvn_gso *g)
{
	const uint32_t before = g->len - g->headers; /* 0: there was none */
	const uint32_t payload = RTE_MIN(g->left, g->segsz);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(g->head + g->m->l2_len + g->m->l3_len);

	if (g->left == 0)
		return false;
	seek(g, before);
	g->left -= payload;
	g->len = g->headers + payload;
	write_ip(g, payload, before == 0);
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + before);
	tcp->tcp_flags = flags_of(g, before == 0);
	write_csum(g, tcp, payload);
	return true;
}

void
pvn_gso_copy_out(const struct pvn_gso *g, uint32_t skip, void *to, uint32_t len)
{
	const uint32_t head = skip < g->headers ? RTE_MIN(len, g->headers - skip) : 0;

	memcpy(to, g->head + (head > 0 ? skip : 0), head);
	pvn_netbuf_copy_out(g->at, g->at_skip + skip + head - g->headers, RTE_PTR_ADD(to, head),
			    len - head);
}
