/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_tso.h"

#include <string.h>

#include "port_hostile.h"

struct tso tso;

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t
get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t
get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* One's complement sum as RFC 1071 has it. */
static uint32_t
sum16(uint64_t sum, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(data + i);
	if (len % 2 != 0)
		sum += (uint32_t)data[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

static void
put_ip(uint8_t *ip)
{
	const struct tso_shape *s = &tso.shape;

	if (!s->ipv6) {
		ip[0] = (uint8_t)(0x40 | tso.l3 / 4);
		put16(ip + 4, 0xfffe); /* so that it wraps */
		put16(ip + 6, 0x4000);
		ip[9] = 6;
		memset(ip + 20, 1, s->ip_options);
		return;
	}
	ip[0] = 0x60;
	ip[6] = s->ip_options > 0 ? 0 : 6;
	if (s->ip_options == 0)
		return;
	memset(ip + 40, 0, s->ip_options);
	ip[40] = 6;
	ip[41] = (uint8_t)(s->ip_options / 8 - 1);
	ip[42] = 1; /* PadN */
	ip[43] = (uint8_t)(s->ip_options - 4);
}

void
tso_make(const struct tso_shape *s)
{
	uint8_t *tcp;

	tso.shape = *s;
	tso.l2 = s->vlan ? 18 : 14;
	tso.l3 = (s->ipv6 ? 40 : 20) + s->ip_options;
	tso.l4 = 20u + s->tcp_options;
	tso.headers = tso.l2 + tso.l3 + tso.l4;
	tso.len = tso.headers + s->payload;
	tso.segments = (s->payload + s->segsz - 1u) / s->segsz;
	assert_true(tso.len <= sizeof(tso.data));
	for (uint32_t i = 0; i < tso.len; i++)
		tso.data[i] = (uint8_t)(i * 151 + (i >> 8) * 7 + 0x93);
	memset(tso.data, 0x06, 6);
	memcpy(tso.data + 6, port_mac.addr_bytes, 6);
	put16(tso.data + 12, 0x8100);
	put16(tso.data + tso.l2 - 2, s->ipv6 ? 0x86dd : 0x0800);
	put_ip(tso.data + tso.l2);
	tcp = tso.data + tso.l2 + tso.l3;
	put16(tcp + 4, 0xffff); /* so that it wraps */
	tcp[12] = (uint8_t)(tso.l4 / 4 << 4);
	tcp[13] = s->flags;
	memset(tcp + 20, 1, s->tcp_options);
}

struct rte_mbuf *
tso_ask(struct rte_mempool *pool, size_t room)
{
	struct rte_mbuf *m = port_chain(pool, tso.data, tso.len, room);

	assert_non_null(m);
	m->l2_len = tso.l2;
	m->l3_len = tso.l3;
	m->l4_len = tso.l4;
	m->tso_segsz = tso.shape.segsz;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->ol_flags |=
		tso.shape.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	return m;
}

/* ---- what must arrive ---- */

uint32_t
tso_payload_of(uint32_t i)
{
	return RTE_MIN((uint32_t)tso.shape.segsz, tso.shape.payload - i * tso.shape.segsz);
}

/* The headers of segment `i`; checksums are those of `got`. */
static void
expected_headers(uint8_t *want, uint32_t i, const uint8_t *got)
{
	uint8_t *ip = want + tso.l2, *tcp = ip + tso.l3;
	uint32_t seq, n = tso_payload_of(i);

	memcpy(want, tso.data, tso.headers);
	if (tso.shape.ipv6) {
		put16(ip + 4, tso.l3 - 40 + tso.l4 + n);
	} else {
		put16(ip + 2, tso.l3 + tso.l4 + n);
		put16(ip + 4, get16(ip + 4) + i);
		memcpy(ip + 10, got + tso.l2 + 10, 2);
	}
	seq = get32(tcp + 4) + i * tso.shape.segsz;
	put16(tcp + 4, seq >> 16);
	put16(tcp + 6, seq);
	if (i > 0)
		tcp[13] &= (uint8_t)~0x80; /* CWR */
	if (i + 1 < tso.segments)
		tcp[13] &= (uint8_t)~0x09; /* PSH and FIN */
	memcpy(tcp + 16, got + tso.l2 + tso.l3 + 16, 2);
}

/* Both checksums add up. `hinted`: TCP's is to be computed by whoever gets the frame. */
static void
assert_sums(uint8_t *got, uint32_t len, bool hinted)
{
	uint8_t *ip = got + tso.l2, *tcp = ip + tso.l3;
	uint32_t l4_bytes = len - tso.l2 - tso.l3, pseudo = l4_bytes + 6;

	if (hinted)
		put16(tcp + 16, ~sum16(0, tcp, l4_bytes));
	pseudo = tso.shape.ipv6 ? sum16(pseudo, ip + 8, 32) : sum16(pseudo, ip + 12, 8);
	assert_int_equal(sum16(pseudo, tcp, l4_bytes), 0xffff);
	if (!tso.shape.ipv6)
		assert_int_equal(sum16(0, ip, tso.l3), 0xffff);
}

void
tso_assert_segment(uint8_t *got, uint32_t len, uint32_t i, bool hinted)
{
	uint8_t want[256];

	assert_true(i < tso.segments);
	assert_int_equal(len, tso.headers + tso_payload_of(i));
	expected_headers(want, i, got);
	assert_memory_equal(got, want, tso.headers);
	assert_memory_equal(got + tso.headers, tso.data + tso.headers + (size_t)i * tso.shape.segsz,
			    tso_payload_of(i));
	assert_sums(got, len, hinted);
}

static void
assert_arrived(const struct rte_mbuf *m, uint32_t i, bool hinted)
{
	static uint8_t flat[PORT_FRAME_MAX];
	uint32_t at = 0;

	rte_mbuf_sanity_check(m, 1);
	assert_true(m->pkt_len <= sizeof(flat));
	for (const struct rte_mbuf *seg = m; seg != NULL; seg = seg->next) {
		memcpy(flat + at, rte_pktmbuf_mtod(seg, const void *), seg->data_len);
		at += seg->data_len;
	}
	assert_int_equal(at, m->pkt_len);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG, 0);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, hinted ? RTE_MBUF_F_TX_TCP_CKSUM : 0);
	tso_assert_segment(flat, m->pkt_len, i, hinted);
}

/* ---- ways ---- */

struct tso_way
tso_way(uint32_t bits)
{
	return (struct tso_way){(bits & 1) != 0, (bits & 3) == 3, (bits & 4) != 0};
}

uint16_t
tso_send(struct port *p, const struct tso_way *w, struct rte_mbuf *m)
{
	return (w->to_host ? port_guest_tx : port_host_tx)(p, &m, 1);
}

static uint16_t
receive(struct port *p, const struct tso_way *w, struct rte_mbuf **mbufs)
{
	return (w->to_host ? port_host_rx : port_guest_rx)(p, mbufs, PORT_BURST);
}

void
tso_assert_all_arrive(struct port *p, const struct tso_way *w, bool hinted)
{
	struct rte_mbuf *mbufs[PORT_BURST];
	uint32_t got = 0;
	uint16_t n;

	while ((n = receive(p, w, mbufs)) > 0) {
		for (uint16_t i = 0; i < n; i++)
			assert_arrived(mbufs[i], got + i, hinted);
		rte_pktmbuf_free_bulk(mbufs, n);
		got += n;
	}
	assert_int_equal(got, tso.segments);
}

struct rte_mempool *
tso_source(struct port *p, const struct tso_way *w)
{
	return w->own_pool && w->to_host ? p->guest_pool : p->private_pool;
}

uint64_t
tso_counter(const struct port *p, const struct tso_way *w, size_t guest, size_t host)
{
	return w->to_host ? hostile_counter(&p->gtx[0], guest) : hostile_counter(&p->htx[0], host);
}

void
tso_pass(struct port *p, const struct tso_way *w, size_t room, bool hinted)
{
	uint64_t packets = TSO_COUNTER(p, w, packets), bytes = TSO_COUNTER(p, w, bytes);

	assert_int_equal(tso_send(p, w, tso_ask(tso_source(p, w), room)), 1);
	tso_assert_all_arrive(p, w, hinted);
	assert_int_equal(TSO_COUNTER(p, w, packets) - packets, tso.segments);
	assert_int_equal(TSO_COUNTER(p, w, bytes) - bytes,
			 tso.segments * tso.headers + tso.shape.payload);
}
