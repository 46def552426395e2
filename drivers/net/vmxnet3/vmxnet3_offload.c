/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Offloads, as far as they are settings: which there are, what the device is told of them at start
 * and afterwards, what its bits mean to a mbuf. What is done for each packet is in vmxnet3_rx.c and
 * vmxnet3_tx.c.
 */
#include "vmxnet3_pmd.h"

/* ---- which there are ---- */

/* What may be asked for packets in tunnels: all of it in versions 4 to 6, from version 7 on what
 * was granted. [VMX3 7.3, 11.5] */
uint32_t
vmxnet3_tunnels(const struct vmxnet3_hw *hw)
{
	uint32_t tunnels = hw->caps.granted & VMXNET3_CAPS_TUNNEL;

	if (hw->caps.version < 7)
		tunnels = hw->caps.version >= 4 ? VMXNET3_CAPS_TUNNEL : 0;
	if ((hw->caps.disabled_offloads & VMXNET3_DISABLED_TSO) != 0)
		tunnels &= ~VMXNET3_CAPS_TUNNEL_TSO;
	return tunnels;
}

uint64_t
vmxnet3_rx_offloads(const struct vmxnet3_hw *hw)
{
	uint64_t offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER |
			    RTE_ETH_RX_OFFLOAD_VLAN_FILTER | RTE_ETH_RX_OFFLOAD_VLAN_STRIP;

	if ((hw->caps.disabled_offloads & VMXNET3_DISABLED_LRO) == 0)
		offloads |= RTE_ETH_RX_OFFLOAD_TCP_LRO;
	if (vmxnet3_rss_types(hw) != 0)
		offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	if (vmxnet3_tunnels(hw) != 0)
		offloads |= RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM;
	return offloads;
}

/* The header checksums of IPv4 are done by tx_prepare. */
uint64_t
vmxnet3_tx_offloads(const struct vmxnet3_hw *hw)
{
	const uint32_t tunnels = vmxnet3_tunnels(hw);
	uint64_t offloads = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE |
			    RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			    RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_VLAN_INSERT;

	if ((hw->caps.disabled_offloads & VMXNET3_DISABLED_TSO) == 0)
		offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
	if (tunnels != 0)
		offloads |= RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM;
	if ((tunnels & VMXNET3_CAPS_TUNNEL_OUTER) != 0)
		offloads |= RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM;
	if ((tunnels & VMXNET3_CAP_VXLAN_TSO) != 0)
		offloads |= RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO;
	if ((tunnels & VMXNET3_CAP_GENEVE_TSO) != 0)
		offloads |= RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO;
	return offloads;
}

const uint32_t *
vmxnet3_ptypes_get(PVN_PTYPES_ARGS(dev))
{
	static const uint32_t tunneled[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L3_IPV4_EXT_UNKNOWN,
		RTE_PTYPE_L3_IPV6_EXT_UNKNOWN,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_FRAG,
		RTE_PTYPE_TUNNEL_GRENAT,
		RTE_PTYPE_INNER_L3_IPV4_EXT_UNKNOWN,
		RTE_PTYPE_INNER_L3_IPV6_EXT_UNKNOWN,
		RTE_PTYPE_INNER_L4_TCP,
		RTE_PTYPE_INNER_L4_UDP,
		RTE_PTYPE_INNER_L4_FRAG,
		RTE_PTYPE_UNKNOWN,
	};
	static const uint32_t ptypes[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L3_IPV4_EXT_UNKNOWN,
		RTE_PTYPE_L3_IPV6_EXT_UNKNOWN,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_FRAG,
		RTE_PTYPE_UNKNOWN,
	};

	return vmxnet3_tunnels(vmxnet3_hw(dev)) != 0 ? PVN_PTYPES(tunneled) : PVN_PTYPES(ptypes);
}

/* ---- what bits mean ---- */

/* Words for the headers that the device looked at: those of a frame, or those in its tunnel. */
struct words {
	uint32_t none, any, v4, v6, frag, tcp, udp;
};

static const struct words outer_words = {
	.none = RTE_PTYPE_UNKNOWN,
	.any = RTE_PTYPE_L2_ETHER,
	.v4 = RTE_PTYPE_L3_IPV4_EXT_UNKNOWN,
	.v6 = RTE_PTYPE_L3_IPV6_EXT_UNKNOWN,
	.frag = RTE_PTYPE_L4_FRAG,
	.tcp = RTE_PTYPE_L4_TCP,
	.udp = RTE_PTYPE_L4_UDP,
};

/* Which tunnel it is the device does not tell, nor what is around it. */
static const struct words inner_words = {
	.none = RTE_PTYPE_L2_ETHER | RTE_PTYPE_TUNNEL_GRENAT,
	.any = RTE_PTYPE_L2_ETHER | RTE_PTYPE_TUNNEL_GRENAT,
	.v4 = RTE_PTYPE_INNER_L3_IPV4_EXT_UNKNOWN,
	.v6 = RTE_PTYPE_INNER_L3_IPV6_EXT_UNKNOWN,
	.frag = RTE_PTYPE_INNER_L4_FRAG,
	.tcp = RTE_PTYPE_INNER_L4_TCP,
	.udp = RTE_PTYPE_INNER_L4_UDP,
};

/* The type as the device found it; without its bits (all of QEMU's frames that did not come from
 * the host itself) none. [VMX3 8.3] */
static uint32_t
ptype_of(uint32_t word3, const struct words *w)
{
	uint32_t ptype = w->any;

	if ((word3 & VMXNET3_RXC3_V4) != 0)
		ptype |= w->v4;
	else if ((word3 & VMXNET3_RXC3_V6) != 0)
		ptype |= w->v6;
	else
		return w->none;
	if ((word3 & VMXNET3_RXC3_FRG) != 0)
		return ptype | w->frag;
	if ((word3 & VMXNET3_RXC3_TCP) != 0)
		return ptype | w->tcp;
	if ((word3 & VMXNET3_RXC3_UDP) != 0)
		return ptype | w->udp;
	return ptype;
}

/* The offload that the checksum of TCP or UDP belongs to; 0 for others. */
static uint64_t
l4_offload(uint32_t word3)
{
	if ((word3 & VMXNET3_RXC3_FRG) != 0)
		return 0;
	if ((word3 & VMXNET3_RXC3_TCP) != 0)
		return RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	return (word3 & VMXNET3_RXC3_UDP) != 0 ? RTE_ETH_RX_OFFLOAD_UDP_CKSUM : 0;
}

/*
 * In a tunnel: what is said to be right is right; what is not may be so because of the outer
 * headers, so that nothing is known to be bad. With all right inside, the outer UDP checksum was,
 * or was none. [VMX3 8.3]
 */
static uint32_t
inner_checksums_of(uint32_t word3, uint64_t offloads)
{
	const bool ip = (word3 & VMXNET3_RXC3_V4) != 0 && (word3 & VMXNET3_RXC3_IPC) != 0;
	const bool l4 = l4_offload(word3) != 0 && (word3 & VMXNET3_RXC3_TUC) != 0;
	uint32_t flags = 0;

	if (ip && (offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (l4 && (offloads & l4_offload(word3)) != 0)
		flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (l4 && (ip || (word3 & VMXNET3_RXC3_V6) != 0) &&
	    (offloads & RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM) != 0)
		flags |= RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD;
	return flags;
}

/* A checksum is good, bad, or (of what the device did not look at) not known. */
static uint32_t
checksums_of(uint32_t word3, uint64_t offloads)
{
	uint32_t flags = 0;

	if ((word3 & VMXNET3_RXC3_V4) != 0 && (offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0)
		flags |= (word3 & VMXNET3_RXC3_IPC) != 0 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD
							 : RTE_MBUF_F_RX_IP_CKSUM_BAD;
	if ((offloads & l4_offload(word3)) != 0)
		flags |= (word3 & VMXNET3_RXC3_TUC) != 0 ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
							 : RTE_MBUF_F_RX_L4_CKSUM_BAD;
	return flags;
}

static void
fill_meanings(struct vmxnet3_rx_meaning *meanings, uint64_t offloads)
{
	for (uint32_t i = 0; i < VMXNET3_RX_MEANINGS; i++) {
		const uint32_t word3 = (i & 0xFF) << 16;
		const bool inner = (i & VMXNET3_RX_MEANING_INNER) != 0;

		meanings[i].ptype = ptype_of(word3, inner ? &inner_words : &outer_words);
		if ((i & VMXNET3_RX_MEANING_UNKNOWN) != 0)
			meanings[i].flags = 0;
		else
			meanings[i].flags = inner ? inner_checksums_of(word3, offloads)
						  : checksums_of(word3, offloads);
	}
}

/* ---- what the device is told ---- */

static uint64_t
rx_features(uint64_t offloads)
{
	uint64_t features = 0;

	if ((offloads & (RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM)) != 0)
		features |= VMXNET3_FEATURE_RXCSUM;
	if ((offloads & RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM) != 0)
		features |= VMXNET3_FEATURE_RXINNEROFLD;
	if ((offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) != 0)
		features |= VMXNET3_FEATURE_RXVLAN;
	if ((offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		features |= VMXNET3_FEATURE_LRO;
	return features;
}

#define RX_FEATURES                                                                                \
	(VMXNET3_FEATURE_RXCSUM | VMXNET3_FEATURE_RXVLAN | VMXNET3_FEATURE_LRO |                   \
	 VMXNET3_FEATURE_RXINNEROFLD)

static void
set_features(struct rte_eth_dev *dev)
{
	vmxnet3_dev_features(vmxnet3_hw(dev), rx_features(dev->data->dev_conf.rxmode.offloads),
			     RX_FEATURES);
}

static void
set_queue_flags(struct rte_eth_dev *dev)
{
	const uint64_t offloads = dev->data->dev_conf.rxmode.offloads;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		rxq->tag_flags = (offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) == 0
					 ? 0
					 : RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		rxq->hash_flags =
			(offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) == 0 ? 0 : RTE_MBUF_F_RX_RSS_HASH;
		rxq->lro = (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
		rxq->mtu = dev->data->mtu;
		/* A longer one was merged: it is not plain. */
		rxq->plain_max = rxq->lro ? RTE_MIN(rxq->buf_len, rxq->mtu + VMXNET3_FRAME_OVERHEAD)
					  : rxq->buf_len;
	}
}

static void
set_tunnels(struct rte_eth_dev *dev)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		txq->tunnels = vmxnet3_tunnels(hw);
		txq->tunnels_by_mode = hw->caps.version < 7;
	}
}

/* ethdev has changed dev_conf before. Frames under way may still come as before. */
void
vmxnet3_offload_strip(struct rte_eth_dev *dev)
{
	set_features(dev);
	set_queue_flags(dev);
}

void
vmxnet3_offload_prepare(struct rte_eth_dev *dev)
{
	fill_meanings(vmxnet3_adapter(dev)->meanings, dev->data->dev_conf.rxmode.offloads);
	vmxnet3_offload_strip(dev);
	set_tunnels(dev);
}
