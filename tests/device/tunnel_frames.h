/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Packets in tunnels to be sent: made by hand, with all that is to be filled in spoilt.
 */
#ifndef TUNNEL_FRAMES_H
#define TUNNEL_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "../../proto/vmxnet3.h"
#include "device_frames.h"
#include "vmx_fixture.h"

#define VXLAN_CAPS (VMXNET3_CAP_VXLAN_CSUM | VMXNET3_CAP_VXLAN_TSO | VMXNET3_CAP_VXLAN_OUTER_CSUM)
#define GENEVE_CAPS                                                                                \
	(VMXNET3_CAP_GENEVE_CSUM | VMXNET3_CAP_GENEVE_TSO | VMXNET3_CAP_GENEVE_OUTER_CSUM)
#define ALL_CAPS (VXLAN_CAPS | GENEVE_CAPS)

#define TNL_TSO (RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO)
#define OUTER (RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM)
#define PLAIN                                                                                      \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                               \
	 RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* What is asked for. */
struct tunnel_wish {
	bool outer6, inner6, geneve, outer_csum;
	uint8_t protocol;
	size_t mss; /* 0: checksums only */
};

/* The frame as it is handed over, and as it must go out. */
extern struct device_frame tunnel_sent, tunnel_wanted;

extern const struct tunnel_wish tunnel_usual, tunnel_usual_tso;

/* All of them, one after the other; false when there are no more. */
bool tunnel_wish_at(struct tunnel_wish *w, unsigned int i);

/* A port on a device of this version, which offers these capabilities if it has any. */
void tunnel_setup(struct vmx_setup *setup, unsigned int version, uint32_t caps);

size_t tunnel_outer_l4(const struct tunnel_wish *w);
size_t tunnel_inner_l4(const struct tunnel_wish *w);

/* Makes tunnel_sent and tunnel_wanted. */
void tunnel_frame(const struct tunnel_wish *w, size_t payload);

/* tunnel_sent as a mbuf that asks for all of it, in segments of `room` bytes. */
struct rte_mbuf *tunnel_mbuf(const struct vmx_test *t, const struct tunnel_wish *w, size_t room);

/* Prepares and sends it; the frame that the device got. */
struct vmx_frame *tunnel_send(struct vmx_test *t, struct rte_mbuf *m);

#endif /* TUNNEL_FRAMES_H */
