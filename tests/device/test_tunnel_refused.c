/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Packets in tunnels of which the device cannot do what is asked, or cannot be told: prepare says
 * why, burst gives them back, nothing is sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "tunnel_frames.h"
#include "vmx_packet.h"

static void
assert_refused(struct vmx_test *t, struct rte_mbuf *m, int error)
{
	const uint64_t errors = vmx_stats(t).oerrors;

	rte_errno = 0;
	assert_int_equal(rte_eth_tx_prepare(t->id, 0, &m, 1), 0);
	assert_int_equal(rte_errno, error);
	assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 0);
	assert_int_equal(vmx_stats(t).oerrors, errors + 1);
	assert_int_equal(vmx_device_run(t->dev), 0);
	rte_pktmbuf_free(m);
}

static uint32_t
needed(const struct tunnel_wish *w)
{
	uint32_t caps = w->mss != 0 ? VMXNET3_CAP_VXLAN_TSO : VMXNET3_CAP_VXLAN_CSUM;

	if (w->geneve)
		caps = w->mss != 0 ? VMXNET3_CAP_GENEVE_TSO : VMXNET3_CAP_GENEVE_CSUM;
	if (w->outer_csum)
		caps |= w->geneve ? VMXNET3_CAP_GENEVE_OUTER_CSUM : VMXNET3_CAP_VXLAN_OUTER_CSUM;
	return caps;
}

/* Each capability missing in turn: what needs it is refused, all else works. */
static void
test_not_granted(void **state)
{
	struct vmx_setup setup;
	struct vmx_test t;
	struct tunnel_wish w;

	(void)state;
	for (uint32_t cap = VMXNET3_CAP_GENEVE_CSUM; cap <= VMXNET3_CAP_VXLAN_OUTER_CSUM;
	     cap <<= 1) {
		tunnel_setup(&setup, 7, ALL_CAPS);
		setup.device.not_granted = cap;
		vmx_open(&t, &setup);
		for (unsigned int i = 0; tunnel_wish_at(&w, i); i++) {
			tunnel_frame(&w, 900);
			if ((needed(&w) & cap) != 0)
				assert_refused(&t, tunnel_mbuf(&t, &w, VMX_ROOM), ENOTSUP);
			else
				free(tunnel_send(&t, tunnel_mbuf(&t, &w, VMX_ROOM)));
		}
		vmx_close(&t);
	}
}

/* On devices that have no tunnels at all, QEMU's among them. */
static void
test_none(void **state)
{
	static const struct {
		unsigned int version;
		bool qemu;
		uint32_t not_granted;
	} cases[] = {{1, false, 0}, {1, true, 0}, {3, false, 0}, {7, false, ALL_CAPS}};
	struct rte_eth_dev_info info;
	struct vmx_setup setup;
	struct vmx_test t;
	struct tunnel_wish w;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		tunnel_setup(&setup, cases[c].version, ALL_CAPS);
		setup.device.qemu = cases[c].qemu;
		setup.device.not_granted = cases[c].not_granted;
		vmx_open(&t, &setup);
		assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
		assert_int_equal(info.tx_offload_capa & (TNL_TSO | OUTER), 0);
		assert_int_equal(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM, 0);
		for (unsigned int i = 0; tunnel_wish_at(&w, i); i++) {
			tunnel_frame(&w, 900);
			assert_refused(&t, tunnel_mbuf(&t, &w, VMX_ROOM), ENOTSUP);
		}
		vmx_assert_works(&t, 10);
		vmx_close(&t);
	}
}

/* What is offered, as granted, and as a host of version 9 forbids it. */
static void
test_offered(void **state)
{
	static const struct {
		unsigned int version;
		uint32_t caps, disabled;
		uint64_t tx;
	} cases[] = {
		{5, 0, 0, TNL_TSO | OUTER},
		{7, ALL_CAPS, 0, TNL_TSO | OUTER},
		{7, VXLAN_CAPS, 0, RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | OUTER},
		{7, GENEVE_CAPS, 0, RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO | OUTER},
		{8, VMXNET3_CAP_GENEVE_CSUM, 0, RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM},
		{9, ALL_CAPS, VMXNET3_DISABLED_TSO, OUTER},
	};
	struct rte_eth_dev_info info;
	struct vmx_setup setup;
	struct vmx_test t;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		tunnel_setup(&setup, cases[c].version, cases[c].caps);
		setup.device.disabled_offloads = cases[c].disabled;
		setup.tx_offloads = 0;
		vmx_open(&t, &setup);
		assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
		assert_true((info.tx_offload_capa & (TNL_TSO | OUTER)) == cases[c].tx);
		assert_true((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM) != 0);
		if (cases[c].disabled != 0) {
			tunnel_frame(&tunnel_usual_tso, 3000);
			assert_refused(&t, tunnel_mbuf(&t, &tunnel_usual_tso, VMX_ROOM), ENOTSUP);
		}
		vmx_close(&t);
	}
}

/* ---- one thing wrong ---- */

#define BAD(name)                                                                                  \
	static void name(struct rte_mbuf *m __rte_unused, uint8_t *outer_udp __rte_unused,         \
			 uint8_t *inner_ip __rte_unused)

BAD(tunnel_gre)
{
	m->ol_flags = (m->ol_flags & ~RTE_MBUF_F_TX_TUNNEL_MASK) | RTE_MBUF_F_TX_TUNNEL_GRE;
}

BAD(tunnel_unnamed)
{
	m->ol_flags &= ~RTE_MBUF_F_TX_TUNNEL_MASK;
}

BAD(sctp)
{
	m->ol_flags = (m->ol_flags & ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)) |
		      RTE_MBUF_F_TX_SCTP_CKSUM;
}

BAD(udp_segments)
{
	m->ol_flags |= RTE_MBUF_F_TX_UDP_SEG;
}

BAD(other_port)
{
	vmx_put16(outer_udp + 2, 4790);
}

BAD(other_tunnel)
{
	vmx_put16(outer_udp + 2, VMX_PORT_GENEVE);
}

BAD(outer_l2_short)
{
	m->outer_l2_len -= 2;
}

BAD(outer_l3_long)
{
	m->outer_l3_len += 4;
	m->l2_len -= 4;
}

BAD(outer_version)
{
	m->ol_flags ^= RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6;
}

BAD(outer_not_udp)
{
	outer_udp[9 - 20] = DEVICE_TCP;
}

BAD(l2_short)
{
	m->l2_len = 8 + 8 + 13;
}

BAD(inner_version)
{
	m->ol_flags ^= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6;
}

BAD(inner_l3_long)
{
	m->l3_len += 4;
}

BAD(inner_protocol)
{
	inner_ip[9] = DEVICE_UDP;
}

BAD(inner_no_ip)
{
	inner_ip[0] = 0x55;
}

BAD(tcp_short)
{
	inner_ip[20 + 12] = 0x40;
	m->l4_len = 16;
}

BAD(headers_cut)
{
	m->data_len = (uint16_t)(m->outer_l2_len + m->outer_l3_len + m->l2_len + 39);
}

BAD(outer_cut)
{
	m->data_len = 14 + 20 + 12;
}

BAD(no_mss)
{
	m->tso_segsz = 0;
}

BAD(mss_long)
{
	m->tso_segsz = 16384;
}

BAD(l4_long)
{
	m->l4_len += 4;
}

BAD(stale_outer)
{
	m->ol_flags &= ~RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
}

static const struct bad {
	const char *what;
	void (*spoil)(struct rte_mbuf *m, uint8_t *outer_udp, uint8_t *inner_ip);
	int error;
	bool tso_only;
} bads[] = {
	{"another tunnel than the device knows", tunnel_gre, ENOTSUP, false},
	{"outer wishes without a tunnel", tunnel_unnamed, ENOTSUP, false},
	{"SCTP inside", sctp, ENOTSUP, false},
	{"segments of UDP", udp_segments, ENOTSUP, false},
	{"a port by which no tunnel is known", other_port, EINVAL, false},
	{"the port of another tunnel", other_tunnel, EINVAL, false},
	{"outer_l2_len", outer_l2_short, EINVAL, false},
	{"outer_l3_len", outer_l3_long, EINVAL, false},
	{"outer IP version", outer_version, EINVAL, false},
	{"outer protocol", outer_not_udp, EINVAL, false},
	{"l2_len", l2_short, EINVAL, false},
	{"inner IP version", inner_version, EINVAL, false},
	{"l3_len", inner_l3_long, EINVAL, false},
	{"inner protocol", inner_protocol, EINVAL, false},
	{"no IP inside", inner_no_ip, EINVAL, false},
	{"TCP header too short", tcp_short, EINVAL, false},
	{"headers in two segments", headers_cut, EINVAL, false},
	{"outer headers in two segments", outer_cut, EINVAL, false},
	{"no segment size", no_mss, EINVAL, true},
	{"segment size beyond its field", mss_long, EINVAL, true},
	{"l4_len", l4_long, EINVAL, true},
	{"outer checksum that no segment can have", stale_outer, EINVAL, true},
};

static void
test_refused(void **state)
{
	struct vmx_setup setup;
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 4; version <= 7; version += 3) {
		tunnel_setup(&setup, version, ALL_CAPS);
		vmx_open(&t, &setup);
		for (size_t i = 0; i < 2 * RTE_DIM(bads); i++) {
			const struct bad *bad = &bads[i / 2];
			const struct tunnel_wish *w =
				i % 2 == 0 ? &tunnel_usual_tso : &tunnel_usual;
			struct rte_mbuf *m;

			if (bad->tso_only && w->mss == 0)
				continue;
			print_message("case: version %u, MSS %zu, %s\n", version, w->mss,
				      bad->what);
			tunnel_frame(w, 1400);
			m = tunnel_mbuf(&t, w, VMX_ROOM);
			bad->spoil(m, rte_pktmbuf_mtod_offset(m, uint8_t *, 34),
				   rte_pktmbuf_mtod_offset(m, uint8_t *, tunnel_sent.inner + 14));
			assert_refused(&t, m, bad->error);
		}
		vmx_assert_works(&t, 10);
		vmx_close(&t);
	}
}

/* Options, of which l2_len knows nothing. */
static void
test_geneve_options(void **state)
{
	const struct tunnel_wish w = {.protocol = DEVICE_TCP, .geneve = true};
	struct vmx_setup setup;
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	tunnel_setup(&setup, 7, ALL_CAPS);
	vmx_open(&t, &setup);
	tunnel_frame(&w, 100);
	tunnel_sent.data[42] += 1;
	m = tunnel_mbuf(&t, &w, VMX_ROOM);
	assert_refused(&t, m, EINVAL);
	vmx_close(&t);
}

/* Lengths that all are possible, whose sum is not. */
static void
test_headers_too_long(void **state)
{
	enum { LONG = 504 }; /* an IPv6 header with others behind it */
	struct vmx_setup setup;
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	tunnel_setup(&setup, 7, ALL_CAPS);
	vmx_open(&t, &setup);
	memset(&tunnel_sent, 0, sizeof(tunnel_sent));
	tunnel_sent.len = 1500;
	tunnel_sent.data[14] = 0x60;
	vmx_put16(tunnel_sent.data + 14 + LONG + 2, VMX_PORT_VXLAN);
	tunnel_sent.data[14 + LONG + 30] = 0x60;
	tunnel_sent.data[14 + LONG + 30 + LONG + 12] = 0x50;
	m = vmx_chain(t.rx_pool, tunnel_sent.data, tunnel_sent.len, VMX_ROOM);
	m->outer_l2_len = 14;
	m->outer_l3_len = LONG;
	m->l2_len = 30;
	m->l3_len = LONG;
	m->ol_flags = RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6;
	assert_refused(&t, m, EINVAL);
	vmx_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_not_granted),    VMX_TEST(test_none),
		VMX_TEST(test_offered),	       VMX_TEST(test_refused),
		VMX_TEST(test_geneve_options), VMX_TEST(test_headers_too_long),
	};

	return VMX_RUN(tests);
}
