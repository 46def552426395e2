/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "device_frames.h"

#include <stdlib.h>
#include <string.h>

#include "vmx_packet.h"

#define GENEVE_OPTIONS 8

static const uint8_t addresses[12] = {0x00, 0x50, 0x56, 0, 0, 1, 2, 0, 0, 0, 0, 9};

static void
put_ipv4(uint8_t *ip, uint8_t protocol, size_t l4_len)
{
	static const uint8_t ends[8] = {10, 0, 0, 1, 10, 0, 0, 2};

	memset(ip, 0, 20);
	ip[0] = 0x45;
	vmx_put16(ip + 2, (uint32_t)(20 + l4_len));
	vmx_put16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, ends, sizeof(ends));
}

static void
put_ipv6(uint8_t *ip, uint8_t protocol, size_t l4_len)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	vmx_put16(ip + 4, (uint32_t)l4_len);
	ip[6] = protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xFD;
	ip[23] = 1;
	ip[39] = 2;
}

static size_t
put_l4(uint8_t *l4, uint8_t protocol, size_t payload, const struct device_flow *flow)
{
	size_t len = protocol == DEVICE_TCP ? 20 : 8;

	memset(l4, 0, len);
	vmx_put16(l4, flow->src_port);
	vmx_put16(l4 + 2, flow->dst_port);
	if (protocol == DEVICE_TCP) {
		vmx_put32(l4 + 4, flow->seq);
		l4[12] = 0x50;
		l4[13] = flow->tcp_flags == 0 ? 0x10 : flow->tcp_flags;
		vmx_put16(l4 + 14, 0x4000);
	} else if (protocol == DEVICE_UDP) {
		vmx_put16(l4 + 4, (uint32_t)(8 + payload));
	}
	return len;
}

void
device_frame(struct device_frame *f, uint8_t protocol, bool ipv6, size_t payload,
	     const struct device_flow *flow)
{
	static const struct device_flow plain = {.src_port = 1000, .dst_port = 2000};
	size_t l4 = ipv6 ? 54 : 34;
	size_t header;

	flow = flow == NULL ? &plain : flow;
	memcpy(f->data, addresses, 12);
	vmx_put16(f->data + 12, ipv6 ? 0x86DD : 0x0800);
	header = put_l4(f->data + l4, protocol, payload, flow);
	if (ipv6)
		put_ipv6(f->data + 14, protocol, header + payload);
	else
		put_ipv4(f->data + 14, protocol, header + payload);
	for (size_t i = 0; i < payload; i++)
		f->data[l4 + header + i] = (uint8_t)((flow->seq + i) * 167 >> 3);
	f->len = l4 + header + payload;
	f->inner = 0;
	device_frame_seal(f);
}

void
device_frame_seal(struct device_frame *f)
{
	struct vmx_packet p;

	if (!vmx_parse(&p, f->data, f->len, 0))
		abort();
	vmx_fill_csums(&p, f->data);
}

void
device_frame_tag(struct device_frame *f, uint16_t tci)
{
	memmove(f->data + 16, f->data + 12, f->len - 12);
	vmx_put16(f->data + 12, 0x8100);
	vmx_put16(f->data + 14, tci);
	f->len += 4;
}

void
device_frame_wrap(struct device_frame *f, bool ipv6, bool geneve, bool outer_csum)
{
	size_t l4 = ipv6 ? 54 : 34;
	size_t tunnel = 8 + (geneve ? GENEVE_OPTIONS : 0);
	const struct device_flow flow = {
		.src_port = 50000,
		.dst_port = geneve ? VMX_PORT_GENEVE : VMX_PORT_VXLAN,
	};

	f->inner = l4 + 8 + tunnel;
	memmove(f->data + f->inner, f->data, f->len);
	memcpy(f->data, addresses, 12);
	vmx_put16(f->data + 12, ipv6 ? 0x86DD : 0x0800);
	put_l4(f->data + l4, DEVICE_UDP, tunnel + f->len, &flow);
	if (ipv6)
		put_ipv6(f->data + 14, DEVICE_UDP, 8 + tunnel + f->len);
	else
		put_ipv4(f->data + 14, DEVICE_UDP, 8 + tunnel + f->len);
	memset(f->data + l4 + 8, 0, tunnel);
	if (geneve) {
		f->data[l4 + 8] = GENEVE_OPTIONS / 4;
		vmx_put16(f->data + l4 + 10, 0x6558);
	} else {
		f->data[l4 + 8] = 0x08;
	}
	f->len += f->inner;
	device_frame_seal(f);
	if (!outer_csum)
		vmx_put16(f->data + l4 + 6, 0);
}

void
device_frame_for_csum(struct device_frame *f, size_t from)
{
	struct vmx_packet p;

	if (!vmx_parse(&p, f->data, f->len, from))
		abort();
	vmx_put16(f->data + vmx_l4_csum_offset(&p),
		  vmx_fold(vmx_pseudo_sum(&p, f->data, (uint32_t)(p.end - p.l4))));
}

void
device_frame_for_tso(struct device_frame *f, size_t from)
{
	struct vmx_packet p;

	if (!vmx_parse(&p, f->data, f->len, from))
		abort();
	vmx_put16(f->data + vmx_l4_csum_offset(&p), vmx_fold(vmx_pseudo_sum(&p, f->data, 0)));
	if (!p.v6)
		vmx_put16(f->data + p.l3 + 10, 0);
}
