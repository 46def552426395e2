/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a device sees in a frame: its headers and whether its checksums are right. Also for tests,
 * which make and judge frames by it; it knows nothing of descriptors.
 */
#ifndef VMX_PACKET_H
#define VMX_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMX_PORT_VXLAN 4789
#define VMX_PORT_VXLAN_OLD 8472
#define VMX_PORT_GENEVE 6081

enum vmx_l4 { VMX_L4_NONE, VMX_L4_TCP, VMX_L4_UDP, VMX_L4_ESP };

/* Offsets from the frame's beginning; 0 where there is no such header. */
struct vmx_packet {
	size_t l3;	/* IP header */
	size_t l4;	/* its payload, also that of a fragment */
	size_t payload; /* behind the TCP or UDP header */
	size_t end;	/* of the IP packet, by its own length */
	bool v6;
	bool fragment;
	enum vmx_l4 l4_type; /* NONE for fragments */
	uint8_t protocol;
};

/* The Ethernet frame that begins at `from`; false when it holds no whole IP header. */
bool vmx_parse(struct vmx_packet *p, const uint8_t *frame, size_t len, size_t from);

/* The Ethernet frame inside of a VXLAN or Geneve packet, or 0. */
size_t vmx_tunnel_inner(const struct vmx_packet *outer, const uint8_t *frame, size_t len);

/* Ones' complement sums, not yet complemented: of bytes, of the pseudo header with this length. */
uint32_t vmx_sum(const uint8_t *data, size_t len, uint32_t sum);
uint32_t vmx_pseudo_sum(const struct vmx_packet *p, const uint8_t *frame, uint32_t l4_len);
uint16_t vmx_fold(uint32_t sum);

bool vmx_ip_csum_ok(const struct vmx_packet *p, const uint8_t *frame);
/* TCP or UDP; a UDP checksum of 0 says that there is none, which is no fault over IPv4, nor over
 * IPv6 around a tunnel (RFC 6935). */
bool vmx_l4_csum_ok(const struct vmx_packet *p, const uint8_t *frame);

/* Offset of the checksum field of the TCP or UDP header. */
size_t vmx_l4_csum_offset(const struct vmx_packet *p);

/* Fills in the checksums of IPv4 header, TCP and UDP as they must be. */
void vmx_fill_csums(const struct vmx_packet *p, uint8_t *frame);

/* A frame as it may go out on a wire: lengths and checksums, inside of tunnels too. NULL, or what
 * is wrong. */
const char *vmx_wire_fault(const uint8_t *frame, size_t len);

static inline uint16_t
vmx_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void
vmx_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t
vmx_get32(const uint8_t *at)
{
	return (uint32_t)vmx_get16(at) << 16 | vmx_get16(at + 2);
}

static inline void
vmx_put32(uint8_t *at, uint32_t value)
{
	vmx_put16(at, value >> 16);
	vmx_put16(at + 2, value);
}

#endif /* VMX_PACKET_H */
