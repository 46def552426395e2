/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What goes out on the wire for a packet the driver handed over [VMX3 7.3]: checksums filled in, a
 * large packet cut into segments, a tag put in. Only the descriptor's fields and the driver's sums
 * are used, so that a wrong one shows in the result. Tunnels have their outer lengths brought up to
 * date.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"
#include "vmx_packet.h"

#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

static struct vmx_frame *
new_frame(const struct vmx_frame *from, size_t len)
{
	struct vmx_frame *frame = calloc(1, sizeof(*frame) + len + 4); /* room for a tag */

	if (frame == NULL)
		abort();
	frame->queue = from->queue;
	frame->len = (uint32_t)len;
	return frame;
}

/* Where the packet is that the offload is about: inside of a tunnel or not. */
static bool
locate(const struct vmx_frame *f, struct vmx_packet *outer, struct vmx_packet *p)
{
	size_t inner;

	if (!vmx_parse(outer, f->data, f->len, 0))
		return false;
	*p = *outer;
	if (!vmx_frame_tunneled(f))
		return true;
	inner = vmx_tunnel_inner(outer, f->data, f->len);
	return inner != 0 && vmx_parse(p, f->data, f->len, inner);
}

bool
vmx_frame_tunneled(const struct vmx_frame *f)
{
	return f->offload_mode == VMXNET3_OM_ENCAP || f->inner;
}

static bool
is_tso(const struct vmx_frame *f)
{
	return f->offload_mode == VMXNET3_OM_TSO ||
	       (f->offload_mode == VMXNET3_OM_ENCAP && f->mss_or_offset != 0);
}

/* The field holds the pseudo header's sum, so the sum over all from L4 on completes it. */
static void
complete_csum(uint8_t *data, size_t l4, size_t field, size_t end, bool udp)
{
	uint16_t sum = (uint16_t)~vmx_fold(vmx_sum(data + l4, end - l4, 0));

	vmx_put16(data + field, sum == 0 && udp ? 0xFFFF : sum);
}

static void
put_ip_len(uint8_t *data, const struct vmx_packet *p, size_t end, unsigned int segment)
{
	uint8_t *ip = data + p->l3;

	if (p->v6) {
		vmx_put16(ip + 4, (uint32_t)(end - p->l3 - 40));
		return;
	}
	vmx_put16(ip + 2, (uint32_t)(end - p->l3));
	vmx_put16(ip + 4, vmx_get16(ip + 4) + segment);
	vmx_put16(ip + 10, 0);
	vmx_put16(ip + 10, (uint16_t)~vmx_fold(vmx_sum(ip, p->l4 - p->l3, 0)));
}

/* The outer headers of a tunnel, around what has its final length and content. */
static void
finish_outer(struct vmx_frame *out, const struct vmx_frame *f, const struct vmx_packet *outer,
	     unsigned int segment)
{
	struct vmx_packet p = *outer;

	if (!vmx_frame_tunneled(f))
		return;
	put_ip_len(out->data, &p, out->len, segment);
	vmx_put16(out->data + p.l4 + 4, (uint32_t)(out->len - p.l4));
	if (!f->outer_csum)
		return;
	p.end = out->len;
	vmx_fill_csums(&p, out->data);
}

/* One segment of n bytes from `at` on; headers are those of the packet, brought up to date. */
static struct vmx_frame *
segment(const struct vmx_frame *f, const struct vmx_packet *outer, const struct vmx_packet *p,
	size_t at, size_t n, unsigned int number)
{
	size_t header = f->header_len;
	struct vmx_frame *out = new_frame(f, header + n);
	uint8_t *tcp = out->data + p->l4;
	bool last = at + n == f->len;
	size_t field = vmx_l4_csum_offset(p);
	uint32_t sum;

	memcpy(out->data, f->data, header);
	memcpy(out->data + header, f->data + at, n);
	put_ip_len(out->data, p, out->len, number);
	vmx_put32(tcp + 4, vmx_get32(tcp + 4) + (uint32_t)(at - header));
	if (!last)
		tcp[13] &= (uint8_t)~TCP_FIN_PSH;
	if (number > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
	/* The driver left the length out of its sum, since it differs. */
	sum = vmx_get16(out->data + field) + (uint32_t)(out->len - p->l4);
	vmx_put16(out->data + field, vmx_fold(sum));
	complete_csum(out->data, p->l4, field, out->len, false);
	finish_outer(out, f, outer, number);
	return out;
}

static struct vmx_frame *
cut(const struct vmx_frame *f, const struct vmx_packet *outer, const struct vmx_packet *p)
{
	struct vmx_frame *first = NULL, **tail = &first;
	unsigned int number = 0;

	for (size_t n, at = f->header_len; at < f->len || number == 0; at += n) {
		n = f->len - at < f->mss_or_offset ? f->len - at : f->mss_or_offset;
		*tail = segment(f, outer, p, at, n, number++);
		tail = &(*tail)->next;
	}
	return first;
}

/* [VMX3 12.19] An existing tag is replaced. */
static void
insert_tag(struct vmx_frame *out, uint16_t tci)
{
	if (vmx_get16(out->data + 12) != 0x8100) {
		memmove(out->data + 16, out->data + 12, out->len - 12);
		vmx_put16(out->data + 12, 0x8100);
		out->len += 4;
	}
	vmx_put16(out->data + 14, tci);
}

static struct vmx_frame *
with_csum(const struct vmx_frame *f, const struct vmx_packet *outer, const struct vmx_packet *p)
{
	struct vmx_frame *out = new_frame(f, f->len);
	bool told = f->offload_mode == VMXNET3_OM_CSUM;
	size_t l4 = told && !f->inner ? f->header_len : p->l4;
	size_t field = told ? f->mss_or_offset : vmx_l4_csum_offset(p);

	memcpy(out->data, f->data, f->len);
	complete_csum(out->data, l4, field, p->end, p->l4_type == VMX_L4_UDP);
	if (vmx_frame_tunneled(f) && f->outer_csum)
		finish_outer(out, f, outer, 0);
	return out;
}

struct vmx_frame *
vmx_frame_wire(const struct vmx_frame *f)
{
	struct vmx_packet outer, p;
	struct vmx_frame *out;

	if (f->offload_mode == VMXNET3_OM_NONE) {
		out = new_frame(f, f->len);
		memcpy(out->data, f->data, f->len);
	} else if (!locate(f, &outer, &p) || f->header_len > f->len || p.payload == 0 ||
		   (is_tso(f) && f->mss_or_offset == 0) ||
		   (!is_tso(f) && f->mss_or_offset + 2u > f->len)) {
		return NULL;
	} else if (is_tso(f)) {
		out = cut(f, &outer, &p);
	} else {
		out = with_csum(f, &outer, &p);
	}
	for (struct vmx_frame *each = out; f->insert_tag && each != NULL; each = each->next)
		insert_tag(each, f->tci);
	return out;
}

void
vmx_frame_free(struct vmx_frame *frame)
{
	while (frame != NULL) {
		struct vmx_frame *next = frame->next;

		free(frame);
		frame = next;
	}
}

/* ---- what the device has to say to the driver about it ---- */

static uint16_t
expected_pseudo(const struct vmx_frame *f, const struct vmx_packet *p)
{
	return vmx_fold(vmx_pseudo_sum(p, f->data, is_tso(f) ? 0 : (uint32_t)(p->end - p->l4)));
}

/* Sums that mean the same: 0 and 0xFFFF are one number. */
static bool
same_sum(uint16_t a, uint16_t b)
{
	return a % 0xFFFF == b % 0xFFFF;
}

static bool
fields_fit(const struct vmx_frame *f, const struct vmx_packet *p, uint32_t mtu)
{
	size_t field = vmx_l4_csum_offset(p);

	if (is_tso(f)) /* [VMX3 7.3] a segment must not be larger than a packet may be */
		return p->l4_type == VMX_L4_TCP && f->header_len == p->payload &&
		       f->header_len + f->mss_or_offset <= mtu + 14 + 4 * 2;
	if (p->l4_type != VMX_L4_TCP && p->l4_type != VMX_L4_UDP)
		return false;
	if (f->offload_mode == VMXNET3_OM_ENCAP)
		return f->header_len == p->payload;
	return f->header_len == (f->inner ? p->payload : p->l4) && f->mss_or_offset == field;
}

/* What the packet holds of all this: only for frames whose fields are possible at all. */
void
vmx_wire_check(struct vmx_device *dev, const char *ring, const struct vmx_frame *f)
{
	struct vmx_packet outer, p;
	struct vmx_frame *wire;
	uint16_t sum;

	if (!locate(f, &outer, &p) || p.payload == 0 ||
	    !fields_fit(f, &p, pvn_le32_to_cpu(dev->config.mtu))) {
		vmx_breach(dev, VMX_BREACH_OFFLOAD_FIELDS,
			   "%s: mode %u, header %u, value %u do not fit the packet", ring,
			   f->offload_mode, f->header_len, f->mss_or_offset);
		return;
	}
	sum = vmx_get16(f->data + vmx_l4_csum_offset(&p));
	if (!same_sum(sum, expected_pseudo(f, &p))) {
		vmx_breach(dev, VMX_BREACH_PSEUDO_SUM, "%s: 0x%04x instead of 0x%04x", ring, sum,
			   expected_pseudo(f, &p));
		return;
	}
	wire = vmx_frame_wire(f);
	for (const struct vmx_frame *each = wire; each != NULL; each = each->next) {
		const char *fault = vmx_wire_fault(each->data, each->len);

		if (fault == NULL)
			continue;
		vmx_breach(dev, VMX_BREACH_WIRE, "%s: %s", ring, fault);
		break;
	}
	vmx_frame_free(wire);
}

unsigned int
vmx_wire_segments(const struct vmx_frame *f)
{
	size_t payload = f->len - f->header_len;

	if (!is_tso(f) || f->mss_or_offset == 0 || f->len <= f->header_len)
		return 1;
	return (unsigned int)((payload + f->mss_or_offset - 1) / f->mss_or_offset);
}

/* [VMX3 11.5] What the tunnel's offload needs to have been granted, from version 7 on. */
uint32_t
vmx_wire_capabilities(const struct vmx_frame *f)
{
	struct vmx_packet outer;
	bool geneve;
	uint32_t caps;

	if (!vmx_parse(&outer, f->data, f->len, 0) || outer.l4_type != VMX_L4_UDP)
		return 0;
	geneve = vmx_get16(f->data + outer.l4 + 2) == VMX_PORT_GENEVE;
	if (is_tso(f))
		caps = geneve ? VMXNET3_CAP_GENEVE_TSO : VMXNET3_CAP_VXLAN_TSO;
	else
		caps = geneve ? VMXNET3_CAP_GENEVE_CSUM : VMXNET3_CAP_VXLAN_CSUM;
	if (f->outer_csum)
		caps |= geneve ? VMXNET3_CAP_GENEVE_OUTER_CSUM : VMXNET3_CAP_VXLAN_OUTER_CSUM;
	return caps;
}
