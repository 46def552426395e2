/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "tunnel_frames.h"

#include <string.h>

#include <rte_errno.h>

struct device_frame tunnel_sent, tunnel_wanted; /* large, as these are */

const struct tunnel_wish tunnel_usual = {.protocol = DEVICE_TCP, .outer_csum = true};
const struct tunnel_wish tunnel_usual_tso = {
	.protocol = DEVICE_TCP, .outer_csum = true, .mss = 1000};

bool
tunnel_wish_at(struct tunnel_wish *w, unsigned int i)
{
	*w = (struct tunnel_wish){
		.outer6 = i % 2 != 0,
		.inner6 = i / 2 % 2 != 0,
		.geneve = i / 4 % 2 != 0,
		.outer_csum = i / 8 % 2 != 0,
		.protocol = i / 16 == 2 ? DEVICE_UDP : DEVICE_TCP,
		.mss = i / 16 == 1 ? 1000 : 0,
	};
	return i < 48;
}

void
tunnel_setup(struct vmx_setup *setup, unsigned int version, uint32_t caps)
{
	*setup = (struct vmx_setup){.device.versions = VMX_VERSIONS_TO(version),
				    .device.capabilities = version >= 7 ? caps : 0,
				    .tx_offloads = PLAIN,
				    .tx_ring = 64,
				    .pool_size = 2048};
}

size_t
tunnel_outer_l4(const struct tunnel_wish *w)
{
	return w->outer6 ? 54 : 34;
}

size_t
tunnel_inner_l4(const struct tunnel_wish *w)
{
	return tunnel_sent.inner + (w->inner6 ? 54 : 34);
}

void
tunnel_frame(const struct tunnel_wish *w, size_t payload)
{
	device_frame(&tunnel_sent, w->protocol, w->inner6, payload, NULL);
	device_frame_wrap(&tunnel_sent, w->outer6, w->geneve, w->outer_csum);
	tunnel_wanted = tunnel_sent;
	memset(tunnel_sent.data + tunnel_inner_l4(w) + (w->protocol == DEVICE_TCP ? 16 : 6), 0xA5,
	       2);
	if (!w->inner6)
		memset(tunnel_sent.data + tunnel_sent.inner + 24, 0x5A, 2);
	if (!w->outer6)
		memset(tunnel_sent.data + 24, 0x5A, 2);
	if (w->outer_csum)
		memset(tunnel_sent.data + tunnel_outer_l4(w) + 6, 0xC3, 2);
}

struct rte_mbuf *
tunnel_mbuf(const struct vmx_test *t, const struct tunnel_wish *w, size_t room)
{
	struct rte_mbuf *m = vmx_chain(t->rx_pool, tunnel_sent.data, tunnel_sent.len, room);

	m->outer_l2_len = 14;
	m->outer_l3_len = w->outer6 ? 40 : 20;
	m->l2_len = tunnel_sent.inner + 14 - tunnel_outer_l4(w);
	m->l3_len = w->inner6 ? 40 : 20;
	m->l4_len = w->protocol == DEVICE_TCP ? 20 : 8;
	m->ol_flags |= w->geneve ? RTE_MBUF_F_TX_TUNNEL_GENEVE : RTE_MBUF_F_TX_TUNNEL_VXLAN;
	m->ol_flags |= w->outer6 ? RTE_MBUF_F_TX_OUTER_IPV6
				 : RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IP_CKSUM;
	m->ol_flags |= w->inner6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	m->ol_flags |=
		w->protocol == DEVICE_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if (w->outer_csum)
		m->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
	if (w->mss != 0)
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = (uint16_t)w->mss;
	return m;
}

struct vmx_frame *
tunnel_send(struct vmx_test *t, struct rte_mbuf *m)
{
	struct vmx_frame *sent;

	rte_errno = 0;
	if (rte_eth_tx_prepare(t->id, 0, &m, 1) != 1)
		fail_msg("refused: %s", strerror(rte_errno));
	assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
	assert_int_equal(vmx_device_run(t->dev), 1);
	sent = vmx_device_sent(t->dev);
	assert_non_null(sent);
	return sent;
}
