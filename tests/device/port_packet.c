/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_packet.h"

#include <string.h>

#define TCP 6
#define UDP 17

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* RFC 1071, without a trick. */
static uint32_t
add(uint32_t sum, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static uint32_t
pseudo_header(const struct packet *pk)
{
	const uint32_t l4_bytes = pk->l4_len + pk->kind.payload;
	const uint8_t *ip = pk->data + pk->l2_len;
	uint8_t tail[4] = {0, pk->kind.tcp ? TCP : UDP};
	uint32_t sum;

	put16(tail + 2, l4_bytes);
	sum = pk->kind.ipv6 ? add(0, ip + 8, 32) : add(0, ip + 12, 8);
	return add(sum, tail, sizeof(tail));
}

static void
put_csum(uint8_t *at, uint32_t sum)
{
	put16(at, sum == 0xffff ? 0xffff : ~sum);
}

static void
sum_l4(struct packet *pk)
{
	const uint8_t *l4 = pk->data + pk->l2_len + pk->l3_len;

	put16(pk->data + pk->csum_at, 0);
	put_csum(pk->data + pk->csum_at, add(pseudo_header(pk), l4, pk->l4_len + pk->kind.payload));
}

static void
make_ip(struct packet *pk)
{
	uint8_t *ip = pk->data + pk->l2_len;
	uint32_t bytes = pk->l4_len + pk->kind.payload;

	for (uint32_t i = 0; i < pk->l3_len; i++)
		ip[i] = (uint8_t)(i * 17 + 3);
	if (pk->kind.ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, bytes);
		ip[6] = pk->kind.tcp ? TCP : UDP;
		return;
	}
	ip[0] = 0x45;
	put16(ip + 2, pk->l3_len + bytes);
	put16(ip + 6, 0x4000); /* do not fragment */
	ip[9] = pk->kind.tcp ? TCP : UDP;
	put16(ip + 10, 0);
	put16(ip + 10, ~add(0, ip, 20));
}

static void
make_ethernet(struct packet *pk)
{
	memset(pk->data, 0x06, 6);
	memcpy(pk->data + 6, port_mac.addr_bytes, 6);
	put16(pk->data + 12, pk->kind.vlan ? 0x8100 : pk->kind.ipv6 ? 0x86dd : 0x0800);
	if (!pk->kind.vlan)
		return;
	put16(pk->data + 14, 42);
	put16(pk->data + 16, pk->kind.ipv6 ? 0x86dd : 0x0800);
}

void
packet_make(struct packet *pk, const struct packet_kind *kind)
{
	uint8_t *l4;

	pk->kind = *kind;
	pk->l2_len = kind->vlan ? 18 : 14;
	pk->l3_len = kind->ipv6 ? 40 : 20;
	pk->l4_len = kind->tcp ? 20 : 8;
	pk->csum_at = pk->l2_len + pk->l3_len + (kind->tcp ? 16 : 6);
	pk->len = pk->l2_len + pk->l3_len + pk->l4_len + kind->payload + kind->padding;
	assert_true(pk->len <= sizeof(pk->data));
	for (uint32_t i = 0; i < pk->len; i++)
		pk->data[i] = (uint8_t)(i * 73 + (i >> 8) + 0x81);
	make_ethernet(pk);
	make_ip(pk);
	l4 = pk->data + pk->l2_len + pk->l3_len;
	if (kind->tcp)
		l4[12] = 0x50;
	else
		put16(l4 + 4, 8u + kind->payload);
	sum_l4(pk);
}

void
packet_spoil(struct packet *pk)
{
	pk->data[pk->csum_at] ^= 0x5a;
	pk->data[pk->csum_at + 1] ^= 0xc3;
	if (!pk->kind.ipv6)
		pk->data[pk->l2_len + 10] ^= 0x99;
}

void
packet_blank(struct packet *pk)
{
	put16(pk->data + pk->csum_at, pseudo_header(pk));
}

void
packet_finish(uint8_t *frame, uint32_t len, uint32_t csum_start, uint32_t csum_offset)
{
	put_csum(frame + csum_start + csum_offset, add(0, frame + csum_start, len - csum_start));
}

void
packet_ask(const struct packet *pk, struct rte_mbuf *m)
{
	m->l2_len = pk->l2_len;
	m->l3_len = pk->l3_len;
	m->l4_len = pk->l4_len;
	m->ol_flags |= pk->kind.tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |=
		pk->kind.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
}

void
packet_ask_tso(const struct packet *pk, struct rte_mbuf *m, uint16_t segment)
{
	packet_ask(pk, m);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = segment;
}

/* ---- what arrived ---- */

static void
flatten(const struct rte_mbuf *m, uint8_t *to)
{
	for (; m != NULL; m = m->next) {
		memcpy(to, rte_pktmbuf_mtod(m, const void *), m->data_len);
		to += m->data_len;
	}
}

void
packet_assert_hinted(const struct rte_mbuf *m, const struct packet *pk)
{
	const uint64_t l4 = pk->kind.tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	static uint8_t flat[sizeof(pk->data)];

	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, l4);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	assert_true((m->ol_flags & (pk->kind.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)) != 0);
	assert_int_equal(m->l2_len, pk->l2_len);
	assert_int_equal(m->l3_len, pk->l3_len);
	assert_int_equal(m->l4_len, pk->l4_len);
	assert_int_equal(m->pkt_len, pk->len);
	flatten(m, flat);
	packet_finish(flat, pk->len, pk->l2_len + pk->l3_len,
		      pk->csum_at - pk->l2_len - pk->l3_len);
	assert_memory_equal(flat, pk->data, pk->len);
}

void
packet_assert_plain(const struct rte_mbuf *m, const struct packet *pk)
{
	port_assert_content(m, pk->data, pk->len);
	assert_int_equal(m->ol_flags & PVN_NETBUF_TX_HINTS, 0);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_BAD, 0); /* nor NONE */
}
