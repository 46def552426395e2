/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device finds out by itself about a frame that arrives: queue and hash [VMX3 10],
 * protocols and checksums [VMX3 8.3], of the inner packet where a tunnel's offload is on; and
 * segments of one TCP stream that become one frame (LRO).
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"
#include "vmx_packet.h"

#define LRO_MAX 65535
#define TCP_FIN_PSH 0x09
#define TCP_NOT_MERGED 0x27 /* URG, RST, SYN, FIN: what ends a train before it begins */

static bool
has(const struct vmx_device *dev, uint64_t feature)
{
	return (dev->features & feature) != 0;
}

/* The packet the bits shall be about. */
static bool
look_inside(const struct vmx_device *dev, struct vmx_packet *p, const uint8_t *frame, size_t len)
{
	struct vmx_packet inner;
	size_t at;

	if (!vmx_is_version(dev, 4) || !has(dev, VMXNET3_FEATURE_RXINNEROFLD))
		return false;
	at = vmx_tunnel_inner(p, frame, len);
	if (at == 0 || !vmx_parse(&inner, frame, len, at))
		return false;
	*p = inner;
	return true;
}

static void
set_l4_bits(struct vmx_rx_meta *meta, const struct vmx_packet *p, const uint8_t *frame,
	    bool trusted)
{
	if (p->l4_type != VMX_L4_TCP && p->l4_type != VMX_L4_UDP)
		return;
	meta->word3 |= p->l4_type == VMX_L4_TCP ? VMXNET3_RXC3_TCP : VMXNET3_RXC3_UDP;
	if (trusted || vmx_l4_csum_ok(p, frame))
		meta->word3 |= VMXNET3_RXC3_TUC;
}

/* A checksum that the sender left to hardware counts as right [VMX3 12.13]. */
static void
judge(const struct vmx_device *dev, struct vmx_packet p, const uint8_t *frame, size_t len,
      bool trusted, struct vmx_rx_meta *meta)
{
	bool outer_ok = vmx_ip_csum_ok(&p, frame) && (trusted || vmx_l4_csum_ok(&p, frame));

	meta->inner = look_inside(dev, &p, frame, len);
	meta->csum_known = true;
	meta->word3 |= p.v6 ? VMXNET3_RXC3_V6 : VMXNET3_RXC3_V4;
	if (!p.v6 && vmx_ip_csum_ok(&p, frame) && (outer_ok || !meta->inner))
		meta->word3 |= VMXNET3_RXC3_IPC;
	if (p.fragment)
		meta->word3 |= VMXNET3_RXC3_FRG;
	else if (outer_ok || !meta->inner)
		set_l4_bits(meta, &p, frame, trusted);
}

/* [VMX3 12.13] With QEMU only what the backend vouches for, and then always all of it. */
static bool
is_judged(const struct vmx_device *dev, const struct vmx_packet *p, bool trusted)
{
	bool l4 = p->l4_type == VMX_L4_TCP || p->l4_type == VMX_L4_UDP;

	return has(dev, VMXNET3_FEATURE_RXCSUM) && (!dev->opts.qemu || (trusted && l4));
}

static void
judge_qemu(struct vmx_rx_meta *meta)
{
	meta->word3 |= VMXNET3_RXC3_FCS | VMXNET3_RXC3_TUC | VMXNET3_RXC3_IPC;
}

enum vmx_rx_result
vmx_device_arrive(struct vmx_device *dev, const void *frame, size_t len,
		  const struct vmx_arrival *how, unsigned int *queue)
{
	static const struct vmx_arrival plain;
	struct vmx_rx_meta meta = {0};
	struct vmx_packet p;
	unsigned int q = 0;

	how = how == NULL ? &plain : how;
	meta.error = how->bad;
	meta.lro_segments = how->segments;
	meta.lro_mss = how->mss;
	vmx_check_all(dev, true); /* the driver may have changed features or table */
	if (dev->active && vmx_parse(&p, frame, len, 0)) {
		if (!dev->opts.qemu)
			q = vmx_rss_steer(dev, &p, frame, &meta);
		if (is_judged(dev, &p, how->trusted))
			judge(dev, p, frame, len, how->trusted, &meta);
	}
	if (dev->opts.qemu && meta.csum_known)
		judge_qemu(&meta);
	else if (!dev->opts.qemu && !how->bad)
		meta.word3 |= VMXNET3_RXC3_FCS;
	if (queue != NULL)
		*queue = q;
	return vmx_device_rx(dev, q < dev->num_rx ? q : 0, frame, len, &meta);
}

/* Whether both have the same ends, and headers as long. */
static bool
same_flow(const uint8_t *a, const struct vmx_packet *pa, const uint8_t *b,
	  const struct vmx_packet *pb)
{
	size_t from = pa->l3 + (pa->v6 ? 8 : 12);

	return pa->l3 == pb->l3 && pa->payload == pb->payload && pa->v6 == pb->v6 &&
	       memcmp(a + from, b + from, pa->v6 ? 32 : 8) == 0 &&
	       memcmp(a + pa->l4, b + pb->l4, 4) == 0;
}

/* Whether the second frame is the next segment of the first's stream. */
static bool
continues(const uint8_t *a, const struct vmx_packet *pa, size_t payload, const uint8_t *b,
	  const struct vmx_packet *pb)
{
	return pb->l4_type == VMX_L4_TCP && (b[pb->l4 + 13] & (TCP_NOT_MERGED & ~1)) == 0 &&
	       same_flow(a, pa, b, pb) &&
	       vmx_get32(b + pb->l4 + 4) == vmx_get32(a + pa->l4 + 4) + payload;
}

static bool
may_begin(const uint8_t *frame, const struct vmx_packet *p)
{
	return p->l4_type == VMX_L4_TCP && (frame[p->l4 + 13] & TCP_NOT_MERGED) == 0 &&
	       p->end > p->payload;
}

/* Lengths and the IPv4 checksum become the merged frame's; the TCP one stays the first segment's,
 * as nobody is to look at it any more. */
static void
put_merged_len(uint8_t *frame, const struct vmx_packet *p, size_t len)
{
	if (p->v6) {
		vmx_put16(frame + p->l3 + 4, (uint32_t)(len - p->l3 - 40));
		return;
	}
	vmx_put16(frame + p->l3 + 2, (uint32_t)(len - p->l3));
	vmx_put16(frame + p->l3 + 10, 0);
	vmx_put16(frame + p->l3 + 10,
		  (uint16_t)~vmx_fold(vmx_sum(frame + p->l3, p->l4 - p->l3, 0)));
}

/* The same around it; a tunnel's outer checksum goes. */
static void
finish_merged(uint8_t *frame, const struct vmx_packet *outer, const struct vmx_packet *p,
	      size_t len)
{
	put_merged_len(frame, p, len);
	if (outer->l3 == p->l3)
		return;
	put_merged_len(frame, outer, len);
	vmx_put16(frame + outer->l4 + 4, (uint32_t)(len - outer->l4));
	vmx_put16(frame + outer->l4 + 6, 0);
}

/* A whole packet with right checksums; of a tunnel, the one inside. */
static bool
parse_segment(const struct vmx_device *dev, struct vmx_packet *outer, struct vmx_packet *p,
	      const uint8_t *frame, size_t len)
{
	if (!vmx_parse(outer, frame, len, 0) || !vmx_ip_csum_ok(outer, frame) ||
	    !vmx_l4_csum_ok(outer, frame))
		return false;
	*p = *outer;
	return !look_inside(dev, p, frame, len) ||
	       (vmx_ip_csum_ok(p, frame) && vmx_l4_csum_ok(p, frame));
}

/* As many frames as make one; merged holds it. Returns how many. */
static unsigned int
merge(const struct vmx_device *dev, const struct vmx_train *train, unsigned int num,
      uint8_t *merged, size_t *len, struct vmx_arrival *how)
{
	struct vmx_packet outer, first, next_outer, next;
	unsigned int n = 1;

	memcpy(merged, train[0].frame, train[0].len);
	*len = train[0].len;
	if (!parse_segment(dev, &outer, &first, merged, *len) || !may_begin(merged, &first))
		return 1;
	*len = first.end;
	for (; n < num && n < UINT8_MAX; n++) {
		const uint8_t *frame = train[n].frame;
		size_t payload;

		if (!parse_segment(dev, &next_outer, &next, frame, train[n].len) ||
		    !same_flow(merged, &outer, frame, &next_outer) ||
		    !continues(merged, &first, *len - first.payload, frame, &next))
			break;
		payload = next.end - next.payload;
		if (*len + payload > LRO_MAX)
			break;
		memcpy(merged + *len, frame + next.payload, payload);
		*len += payload;
		merged[first.l4 + 13] |= frame[next.l4 + 13] & TCP_FIN_PSH;
	}
	if (n == 1)
		return 1;
	finish_merged(merged, &outer, &first, *len);
	how->trusted = true;
	how->segments = (uint8_t)n;
	how->mss = (uint16_t)(first.end - first.payload);
	return n;
}

unsigned int
vmx_device_arrive_train(struct vmx_device *dev, const struct vmx_train *train, unsigned int num)
{
	uint8_t *merged = malloc(2 * LRO_MAX);
	unsigned int delivered = 0;

	if (merged == NULL)
		abort();
	vmx_check_all(dev, true);
	for (unsigned int n, i = 0; i < num; i += n) {
		struct vmx_arrival how = {0};
		size_t len = train[i].len;

		n = 1;
		if (has(dev, VMXNET3_FEATURE_LRO))
			n = merge(dev, &train[i], num - i, merged, &len, &how);
		else
			memcpy(merged, train[i].frame, len);
		delivered += vmx_device_arrive(dev, merged, len, &how, NULL) == VMX_RX_DELIVERED;
	}
	free(merged);
	return delivered;
}
