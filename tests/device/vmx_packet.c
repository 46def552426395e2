/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "vmx_packet.h"

#include <string.h>

#define ETH_LEN 14
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86DD
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88A8
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ESP 50
#define IPV6_LEN 40
#define IPV6_EXTENSIONS 8 /* more than so many are not looked at */

uint32_t
vmx_sum(const uint8_t *data, size_t len, uint32_t sum)
{
	uint64_t total = sum;

	for (size_t i = 0; i + 1 < len; i += 2)
		total += vmx_get16(data + i);
	if (len % 2 != 0)
		total += (uint32_t)data[len - 1] << 8;
	while (total >> 32 != 0)
		total = (total & UINT32_MAX) + (total >> 32);
	return (uint32_t)total;
}

uint16_t
vmx_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t
vmx_pseudo_sum(const struct vmx_packet *p, const uint8_t *frame, uint32_t l4_len)
{
	uint32_t sum = (uint32_t)p->protocol + (l4_len >> 16) + (l4_len & 0xFFFF);

	return p->v6 ? vmx_sum(frame + p->l3 + 8, 32, sum) : vmx_sum(frame + p->l3 + 12, 8, sum);
}

static bool
parse_ipv4(struct vmx_packet *p, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + p->l3;
	size_t header, total;

	if (len - p->l3 < 20 || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 0xFu) * 4;
	total = vmx_get16(ip + 2);
	if (header < 20 || total < header || total > len - p->l3)
		return false;
	p->l4 = p->l3 + header;
	p->end = p->l3 + total;
	p->protocol = ip[9];
	p->fragment = (vmx_get16(ip + 6) & 0x3FFF) != 0;
	return true;
}

static bool
is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 60;
}

static bool
parse_ipv6(struct vmx_packet *p, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + p->l3;
	uint8_t next;

	if (len - p->l3 < IPV6_LEN || ip[0] >> 4 != 6 || vmx_get16(ip + 4) > len - p->l3 - IPV6_LEN)
		return false;
	p->v6 = true;
	p->l4 = p->l3 + IPV6_LEN;
	p->end = p->l4 + vmx_get16(ip + 4);
	next = ip[6];
	for (int i = 0; i < IPV6_EXTENSIONS && is_extension(next) && p->end - p->l4 >= 8; i++) {
		const uint8_t *extension = frame + p->l4;
		size_t size = next == 44 ? 8 : (extension[1] + 1u) * 8;

		if (next == 44)
			p->fragment = (vmx_get16(extension + 2) & 0xFFF9) != 0;
		if (size > p->end - p->l4)
			return false;
		next = extension[0];
		p->l4 += size;
	}
	p->protocol = next;
	return true;
}

static void
parse_l4(struct vmx_packet *p, const uint8_t *frame)
{
	size_t room = p->end - p->l4;
	const uint8_t *l4 = frame + p->l4;

	if (p->fragment)
		return;
	if (p->protocol == PROTO_TCP && room >= 20 && (l4[12] >> 4) >= 5 &&
	    (l4[12] >> 4) * 4u <= room) {
		p->l4_type = VMX_L4_TCP;
		p->payload = p->l4 + (l4[12] >> 4) * 4u;
	} else if (p->protocol == PROTO_UDP && room >= 8) {
		p->l4_type = VMX_L4_UDP;
		p->payload = p->l4 + 8;
	} else if (p->protocol == PROTO_ESP && room >= 8) {
		p->l4_type = VMX_L4_ESP;
		p->payload = p->l4 + 8;
	}
}

bool
vmx_parse(struct vmx_packet *p, const uint8_t *frame, size_t len, size_t from)
{
	size_t at = from + 12;
	uint16_t type;
	bool ok;

	memset(p, 0, sizeof(*p));
	if (len < from + ETH_LEN)
		return false;
	type = vmx_get16(frame + at);
	for (int tags = 0; tags < 2 && (type == TYPE_VLAN || type == TYPE_QINQ); tags++) {
		if (len < at + 6)
			return false;
		at += 4;
		type = vmx_get16(frame + at);
	}
	p->l3 = at + 2;
	if (type == TYPE_IPV4)
		ok = parse_ipv4(p, frame, len);
	else
		ok = type == TYPE_IPV6 && parse_ipv6(p, frame, len);
	if (ok)
		parse_l4(p, frame);
	return ok;
}

size_t
vmx_tunnel_inner(const struct vmx_packet *outer, const uint8_t *frame, size_t len)
{
	uint16_t port;
	size_t inner;

	if (outer->l4_type != VMX_L4_UDP || outer->end - outer->payload < 8)
		return 0;
	port = vmx_get16(frame + outer->l4 + 2);
	if (port == VMX_PORT_VXLAN || port == VMX_PORT_VXLAN_OLD)
		inner = outer->payload + 8;
	else if (port == VMX_PORT_GENEVE)
		inner = outer->payload + 8 + (frame[outer->payload] & 0x3Fu) * 4;
	else
		return 0;
	return inner + ETH_LEN <= len && inner <= outer->end ? inner : 0;
}

bool
vmx_ip_csum_ok(const struct vmx_packet *p, const uint8_t *frame)
{
	return p->v6 || vmx_fold(vmx_sum(frame + p->l3, p->l4 - p->l3, 0)) == 0xFFFF;
}

size_t
vmx_l4_csum_offset(const struct vmx_packet *p)
{
	return p->l4 + (p->l4_type == VMX_L4_TCP ? 16 : 6);
}

static uint16_t
l4_sum(const struct vmx_packet *p, const uint8_t *frame)
{
	uint32_t len = (uint32_t)(p->end - p->l4);

	return vmx_fold(vmx_sum(frame + p->l4, len, vmx_pseudo_sum(p, frame, len)));
}

static bool
is_tunnel_port(uint16_t port)
{
	return port == VMX_PORT_VXLAN || port == VMX_PORT_VXLAN_OLD || port == VMX_PORT_GENEVE;
}

bool
vmx_l4_csum_ok(const struct vmx_packet *p, const uint8_t *frame)
{
	if (p->l4_type != VMX_L4_TCP && p->l4_type != VMX_L4_UDP)
		return true;
	if (p->l4_type == VMX_L4_UDP && vmx_get16(frame + p->l4 + 6) == 0 &&
	    (!p->v6 || is_tunnel_port(vmx_get16(frame + p->l4 + 2))))
		return true;
	return l4_sum(p, frame) == 0xFFFF;
}

void
vmx_fill_csums(const struct vmx_packet *p, uint8_t *frame)
{
	uint8_t *field = frame + vmx_l4_csum_offset(p);
	uint16_t sum;

	if (!p->v6) {
		vmx_put16(frame + p->l3 + 10, 0);
		sum = vmx_fold(vmx_sum(frame + p->l3, p->l4 - p->l3, 0));
		vmx_put16(frame + p->l3 + 10, (uint16_t)~sum);
	}
	if (p->l4_type != VMX_L4_TCP && p->l4_type != VMX_L4_UDP)
		return;
	vmx_put16(field, 0);
	sum = (uint16_t)~l4_sum(p, frame);
	vmx_put16(field, sum == 0 && p->l4_type == VMX_L4_UDP ? 0xFFFF : sum);
}

static const char *
fault_at(const uint8_t *frame, size_t len, size_t from)
{
	struct vmx_packet p;
	size_t inner;

	if (!vmx_parse(&p, frame, len, from))
		return NULL; /* not IP: nothing to be wrong */
	if (p.end != len && len > 60)
		return "IP length is not that of the frame";
	if (!vmx_ip_csum_ok(&p, frame))
		return "IPv4 header checksum is wrong";
	if (p.l4_type == VMX_L4_UDP && vmx_get16(frame + p.l4 + 4) != p.end - p.l4)
		return "UDP length is not that of the packet";
	if (!vmx_l4_csum_ok(&p, frame))
		return from == 0 ? "checksum is wrong" : "inner checksum is wrong";
	inner = from == 0 ? vmx_tunnel_inner(&p, frame, len) : 0;
	return inner == 0 ? NULL : fault_at(frame, len, inner);
}

const char *
vmx_wire_fault(const uint8_t *frame, size_t len)
{
	return fault_at(frame, len, 0);
}
