/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Checksums and segmentation: left to the peer if it takes them, done here if it does not, refused
 * and counted if nobody can. What arrives is compared with checksums that port_packet.c computed.
 */
#include <string.h>

#include "port_packet.h"

#define BIT(name) RTE_BIT64(VIRTIO_NET_F_##name)
#define MRG BIT(MRG_RXBUF)
#define ALL_TSO                                                                                    \
	(MRG | BIT(CSUM) | BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(HOST_TSO4) |  \
	 BIT(HOST_TSO6))

static struct packet want, sent;

struct setting {
	bool zero_copy;
	bool own_pool;
	bool to_host;
	bool negotiated;
	bool keeps; /* to host: the application takes hints */
	size_t room;
};

/* One frame with spoilt checksums and the wish to have them right. */
static void
pass_one(struct port *p, const struct setting *s, const struct packet_kind *kind)
{
	const bool own = s->own_pool && s->to_host;
	struct rte_mbuf *m;

	packet_make(&want, kind);
	sent = want;
	packet_spoil(&sent);
	m = port_chain(own ? p->guest_pool : p->private_pool, sent.data, sent.len, s->room);
	packet_ask(&sent, m);
	assert_int_equal((s->to_host ? port_guest_tx : port_host_tx)(p, &m, 1), 1);
	assert_int_equal((s->to_host ? port_host_rx : port_guest_rx)(p, &m, 1), 1);
	if (s->negotiated && (s->keeps || !s->to_host) && kind->padding == 0)
		packet_assert_hinted(m, &want);
	else
		packet_assert_plain(m, &want);
	rte_pktmbuf_free(m);
}

static void
pass_kinds(struct port *p, const struct setting *s)
{
	static const uint16_t payloads[] = {0, 1, 2, 3, 63, 700, 1437};

	for (uint32_t bits = 0; bits < 8; bits++)
		for (size_t i = 0; i < RTE_DIM(payloads); i++)
			for (uint16_t padding = 0; padding < 4; padding++) {
				struct packet_kind kind = {.ipv6 = (bits & 1) != 0,
							   .tcp = (bits & 2) != 0,
							   .vlan = (bits & 4) != 0,
							   .payload = payloads[i],
							   .padding = padding};

				pass_one(p, s, &kind);
			}
}

/* Every kind of frame x both ways x what was negotiated x how the frame is cut. */
static void
test_checksums(void **state)
{
	static const size_t rooms[] = {2048, 81, 333};

	(void)state;
	for (uint32_t bits = 0; bits < 32; bits++) {
		struct setting s = {.zero_copy = (bits & 1) != 0,
				    .own_pool = (bits & 1) != 0 && (bits & 2) != 0,
				    .to_host = (bits & 4) != 0,
				    .negotiated = (bits & 8) != 0,
				    .keeps = (bits & 16) != 0};
		struct port_setup setup = {
			.zero_copy = s.zero_copy,
			.features = MRG | (s.negotiated ? BIT(CSUM) | BIT(GUEST_CSUM) : 0),
			.guest_scatter = true,
			.host_scatter = true,
			.host_keeps_hints = s.keeps};
		static struct port p;

		port_open(&p, &setup);
		for (size_t i = 0; i < RTE_DIM(rooms); i++) {
			s.room = rooms[i];
			pass_kinds(&p, &s);
		}
		port_close(&p);
	}
}

/* The headers may be cut anywhere. */
static void
test_cut_headers(void **state)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 100};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < 8; bits++) {
		struct setting s = {.zero_copy = (bits & 1) != 0,
				    .own_pool = (bits & 1) != 0,
				    .to_host = (bits & 2) != 0,
				    .negotiated = (bits & 4) != 0,
				    .keeps = true};
		struct port_setup setup = {
			.zero_copy = s.zero_copy,
			.features = MRG | (s.negotiated ? BIT(CSUM) | BIT(GUEST_CSUM) : 0),
			.host_scatter = true,
			.guest_scatter = true,
			.host_keeps_hints = true};

		port_open(&p, &setup);
		for (s.room = 5; s.room < 60; s.room++)
			pass_one(&p, &s, &kind);
		port_close(&p);
	}
}

/* A sum of 0 is sent as 0xffff, which means the same and is not "no checksum". */
static void
test_zero_sum(void **state)
{
	struct packet_kind kind = {.payload = 2};
	static struct port p;

	(void)state;
	for (int to_host = 0; to_host < 2; to_host++) {
		uint8_t *word;
		struct rte_mbuf *m;

		port_open(&p, NULL);
		packet_make(&want, &kind);
		word = want.data + want.len - 2;
		for (uint32_t i = 0; i < 65536; i++) {
			word[0] = (uint8_t)(i >> 8);
			word[1] = (uint8_t)i;
			packet_blank(&want);
			packet_finish(want.data, want.len, 34, 6);
			if (want.data[40] == 0xff && want.data[41] == 0xff)
				break;
		}
		assert_int_equal(want.data[40] << 8 | want.data[41], 0xffff);
		sent = want;
		packet_spoil(&sent);
		m = port_chain(p.private_pool, sent.data, sent.len, 2048);
		packet_ask(&sent, m);
		assert_int_equal((to_host ? port_guest_tx : port_host_tx)(&p, &m, 1), 1);
		assert_int_equal((to_host ? port_host_rx : port_guest_rx)(&p, &m, 1), 1);
		port_assert_content(m, want.data, want.len);
		rte_pktmbuf_free(m);
		port_close(&p);
	}
}

/* Only the IPv4 header's checksum. */
static void
test_ipv4_only(void **state)
{
	static const struct packet_kind kind = {.payload = 33};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < 8; bits++) {
		struct port_setup setup = {.zero_copy = (bits & 1) != 0,
					   .features = (bits & 2) != 0 ? ALL_TSO : 0};
		const bool to_host = (bits & 4) != 0;
		struct rte_mbuf *m;

		port_open(&p, &setup);
		packet_make(&want, &kind);
		m = port_chain(p.private_pool, want.data, want.len, 2048);
		rte_pktmbuf_mtod(m, uint8_t *)[24] ^= 0x77;
		m->l2_len = want.l2_len;
		m->l3_len = want.l3_len;
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		assert_int_equal((to_host ? port_guest_tx : port_host_tx)(&p, &m, 1), 1);
		assert_int_equal((to_host ? port_host_rx : port_guest_rx)(&p, &m, 1), 1);
		packet_assert_plain(m, &want);
		rte_pktmbuf_free(m);
		port_close(&p);
	}
}

/* Wishes that make no sense, or that nobody can fulfil: counted, and nothing is sent. */
static void
test_bad_wishes(void **state)
{
	static const struct {
		const char *name;
		uint64_t flags;
		uint16_t l2, l3, l4, segsz;
	} cases[] = {
		{"no lengths", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4, 0, 0, 0, 0},
		{"l2 too short", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4, 13, 20, 20, 0},
		{"l3 too short", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4, 14, 19, 20, 0},
		{"IPv6 too short", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6, 14, 39, 20, 0},
		{"l3 beyond the frame", RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4, 14, 511, 0, 0},
		{"sum beyond the frame", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4, 14, 136, 20,
		 0},
		{"SCTP", RTE_MBUF_F_TX_SCTP_CKSUM | RTE_MBUF_F_TX_IPV4, 14, 20, 12, 0},
		{"segments of 0", RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4, 14, 20, 20, 0},
		{"l4 too short", RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4, 14, 20, 19, 500},
		{"nothing to cut", RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4, 14, 100, 60, 500},
	};
	static const struct packet_kind kind = {.tcp = true, .payload = 100};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < 8; bits++) {
		struct port_setup setup = {.zero_copy = (bits & 1) != 0,
					   .features = (bits & 2) != 0 ? ALL_TSO : MRG};
		const bool to_host = (bits & 4) != 0;
		uint64_t *bad;

		port_open(&p, &setup);
		packet_make(&want, &kind);
		bad = to_host ? &p.gtx[0].stats.bad_offload : &p.htx[0].stats.bad_offload;
		for (size_t i = 0; i < RTE_DIM(cases); i++) {
			struct rte_mbuf *m = port_chain(p.private_pool, want.data, want.len, 2048);

			m->ol_flags |= cases[i].flags;
			m->l2_len = cases[i].l2;
			m->l3_len = cases[i].l3;
			m->l4_len = cases[i].l4;
			m->tso_segsz = cases[i].segsz;
			assert_int_equal((to_host ? port_guest_tx : port_host_tx)(&p, &m, 1), 1);
			if (*bad != i + 1)
				fail_msg("%s: not counted", cases[i].name);
			assert_int_equal((to_host ? port_host_rx : port_guest_rx)(&p, &m, 1), 0);
		}
		port_assert_works(&p, 100);
		port_close(&p);
	}
}

/* ---- segmentation ---- */

static struct rte_mbuf *
tso_frame(struct port *p, const struct packet_kind *kind, bool own)
{
	struct rte_mbuf *m;

	packet_make(&want, kind);
	sent = want;
	packet_spoil(&sent);
	m = port_chain(own ? p->guest_pool : p->private_pool, sent.data, sent.len, 2048);
	assert_non_null(m);
	packet_ask_tso(&sent, m, 1448);
	return m;
}

/* Long frames pass whole, with what the other side needs to cut them. */
static void
test_tso(void **state)
{
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < 16; bits++) {
		const bool zero_copy = (bits & 1) != 0, to_host = (bits & 2) != 0;
		struct port_setup setup = {.zero_copy = zero_copy,
					   .features = ALL_TSO,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = true};

		port_open(&p, &setup);
		for (uint32_t len = 2000; len <= PORT_LONGEST; len += 7061 - len % 13) {
			struct packet_kind kind = {.ipv6 = (bits & 4) != 0, .tcp = true};
			uint32_t headers = kind.ipv6 ? 74 : 54;
			struct rte_mbuf *m;

			len = len + 7061 > PORT_LONGEST ? PORT_LONGEST : len;
			kind.payload = len - headers;
			m = tso_frame(&p, &kind, zero_copy && (bits & 8) != 0);
			assert_int_equal((to_host ? port_guest_tx : port_host_tx)(&p, &m, 1), 1);
			assert_int_equal((to_host ? port_host_rx : port_guest_rx)(&p, &m, 1), 1);
			packet_assert_hinted(m, &want);
			assert_int_equal(m->tso_segsz, 1448);
			assert_true((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
			assert_true((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0);
			assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0, !kind.ipv6);
			rte_pktmbuf_free(m);
		}
		port_close(&p);
	}
}

/* Longer than an IP packet can be, and too long for a guest without mergeable buffers. */
static void
test_tso_too_long(void **state)
{
	static const struct packet_kind longer = {.tcp = true, .payload = PORT_LONGEST - 54 + 1};
	static const struct packet_kind kind = {.tcp = true, .payload = 20000};
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy,
					   .features = ALL_TSO,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = true};
		struct rte_mbuf *m;

		port_open(&p, &setup);
		m = tso_frame(&p, &longer, false);
		assert_int_equal(port_guest_tx(&p, &m, 1), 1);
		m = tso_frame(&p, &longer, false);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		assert_int_equal(p.gtx[0].stats.too_long, 1);
		assert_int_equal(p.htx[0].stats.too_long, 1);
		p.htx[0].mergeable = false;
		m = tso_frame(&p, &kind, false);
		assert_int_equal(port_host_tx(&p, &m, 1), 1);
		assert_int_equal(p.htx[0].stats.too_long, 2);
		port_assert_works(&p, 50);
		port_close(&p);
	}
}

/* From guest to guest: the hints go on as they came, or are fulfilled at the second hop; for
 * segmentation see test_ports_gso.c.
 */
static void
test_forwarded(void **state)
{
	static const struct packet_kind kinds[] = {
		{.tcp = true, .payload = 1000},
		{.payload = 99},
		{.tcp = true, .ipv6 = true, .payload = 30000},
		{.tcp = true, .payload = 30000},
	};
	static struct port p;

	(void)state;
	for (uint32_t bits = 0; bits < 6; bits++) {
		const bool takes = (bits & 2) == 0, tso = bits >> 2;
		struct port_setup setup = {.zero_copy = (bits & 1) != 0,
					   .features = ALL_TSO,
					   .guest_scatter = true,
					   .host_scatter = true,
					   .host_keeps_hints = true};

		port_open(&p, &setup);
		if (!takes)
			p.htx[0].features = 0;
		for (size_t i = tso ? 2 : 0; i < (tso ? 4 : 2); i++) {
			struct rte_mbuf *m;

			packet_make(&want, &kinds[i]);
			m = port_chain(p.private_pool, want.data, want.len, 2048);
			(tso ? packet_ask_tso(&want, m, 1000) : packet_ask(&want, m));
			assert_int_equal(port_guest_tx(&p, &m, 1), 1);
			assert_int_equal(port_host_rx(&p, &m, 1), 1);
			assert_int_equal(port_host_tx(&p, &m, 1), 1);
			assert_int_equal(port_guest_rx(&p, &m, 1), 1);
			(takes ? packet_assert_hinted : packet_assert_plain)(m, &want);
			rte_pktmbuf_free(m);
		}
		port_close(&p);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_checksums),    PORT_TEST(test_cut_headers), PORT_TEST(test_zero_sum),
		PORT_TEST(test_ipv4_only),    PORT_TEST(test_bad_wishes),  PORT_TEST(test_tso),
		PORT_TEST(test_tso_too_long), PORT_TEST(test_forwarded),
	};

	return PORT_RUN(tests);
}
