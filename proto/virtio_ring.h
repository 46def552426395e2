/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The virtio split ring and the virtio-net header, as Paravane's guest ports use them: virtio 1.2,
 * sections 2.7 (split virtqueues), 2.7.9 (in-order use) and 5.1.6 (the net header). [RING n] is
 * docs/design/ring.md, section n. No DPDK header is needed.
 *
 * One ring carries frames one way. The driver is the guest, the device is the host:
 *
 *      written by the driver                            written by the device
 *   +------------+--------+-------+---------------+   +-------+-----+-----------------------+
 *   | desc[size] | flags  | idx   | ring[size]    |   | flags | idx | ring[size] of id, len |
 *   +------------+--------+-------+---------------+   +-------+-----+-----------------------+
 *     descriptor table      available ring              used ring
 *
 * What this adds to virtio, all of it part of the protocol version that both ends agree on:
 *
 *  - in order: descriptors are used in table order, so the device never reads avail.ring[]. [RING
 * 2]
 *  - an address is no pointer but (pool, offset). [RING 3]
 *  - the net header is there by exception: it stands in the 12 bytes before the frame's first
 * buffer, and only if VRING_DESC_F_HDR (driver) or VRING_USED_LEN_HDR (device) says so. A frame
 * that needs neither checksum nor segmentation nor several receive buffers has none, so that a
 * small frame is one cache line. [RING 4]
 */
#ifndef PVN_PROTO_VIRTIO_RING_H
#define PVN_PROTO_VIRTIO_RING_H

#include <assert.h>
#include <stddef.h>

#include "pvn_field.h"

/* [driver] */
struct vring_desc {
	pvn_le64 addr;
	pvn_le32 len;
	pvn_le16 flags;
	pvn_le16 next;
};

#define VRING_DESC_F_NEXT 0x0001u  /* the frame goes on in the next descriptor of the table */
#define VRING_DESC_F_WRITE 0x0002u /* the device writes here: a receive buffer */
#define VRING_DESC_F_HDR 0x8000u   /* ours: a net header stands before this buffer [RING 4] */

/* [driver] */
struct vring_avail {
	pvn_le16 flags;
	pvn_le16 idx; /* stored last: frames made available since the start, modulo 65536 */
	pvn_le16 ring[];
};

struct vring_used_elem {
	pvn_le32 id;  /* index of the first descriptor */
	pvn_le32 len; /* bytes written by the device, VRING_USED_LEN_HDR */
};

#define VRING_USED_LEN_HDR 0x80000000u /* ours: a net header stands before this buffer [RING 4] */

/* [device] */
struct vring_used {
	pvn_le16 flags;
	pvn_le16 idx; /* stored last: frames used since the start, modulo 65536 */
	struct vring_used_elem ring[];
};

static_assert(sizeof(struct vring_desc) == 16, "virtio 2.7.5");
static_assert(offsetof(struct vring_desc, len) == 8, "virtio 2.7.5");
static_assert(offsetof(struct vring_desc, flags) == 12, "virtio 2.7.5");
static_assert(offsetof(struct vring_desc, next) == 14, "virtio 2.7.5");
static_assert(offsetof(struct vring_avail, ring) == 4, "virtio 2.7.6");
static_assert(sizeof(struct vring_used_elem) == 8, "virtio 2.7.8");
static_assert(offsetof(struct vring_used, ring) == 4, "virtio 2.7.8");

/* A power of two; virtio's largest. */
#define VRING_SIZE_MIN 2u
#define VRING_SIZE_MAX 32768u

/* Each part begins on a cache line of its own: the driver writes the first two, the device the
 * third, and no line is written by both. [RING 2]
 */
#define VRING_ALIGN 64u
#define VRING_ROUND(bytes) (((bytes) + VRING_ALIGN - 1) & ~(size_t)(VRING_ALIGN - 1))
#define VRING_AVAIL_OFFSET(size) VRING_ROUND((size_t)(size) * sizeof(struct vring_desc))
#define VRING_USED_OFFSET(size)                                                                    \
	(VRING_AVAIL_OFFSET(size) + VRING_ROUND(sizeof(struct vring_avail) + 2 * (size_t)(size)))
#define VRING_BYTES(size)                                                                          \
	(VRING_USED_OFFSET(size) +                                                                 \
	 VRING_ROUND(sizeof(struct vring_used) + (size_t)(size) * sizeof(struct vring_used_elem)))

/* An address on the wire: number of a pool in bits 63..48, byte offset into it below. [RING 3] */
#define VRING_ADDR_POOL_SHIFT 48
#define VRING_ADDR(pool, offset) (((uint64_t)(pool) << VRING_ADDR_POOL_SHIFT) | (uint64_t)(offset))
#define VRING_ADDR_POOL(addr) ((uint32_t)((addr) >> VRING_ADDR_POOL_SHIFT))
#define VRING_ADDR_OFFSET(addr) ((addr) & ((UINT64_C(1) << VRING_ADDR_POOL_SHIFT) - 1))

/* virtio 5.1.6, the form with num_buffers. */
struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	pvn_le16 hdr_len;
	pvn_le16 gso_size;
	pvn_le16 csum_start;
	pvn_le16 csum_offset;
	pvn_le16 num_buffers; /* receive buffers that the frame fills; 0 or 1 means one */
};

static_assert(sizeof(struct virtio_net_hdr) == 12, "virtio 5.1.6");

#define VIRTIO_NET_HDR_F_NEEDS_CSUM                                                                \
	1u /* csum_start and csum_offset say which checksum is missing */
#define VIRTIO_NET_HDR_F_DATA_VALID 2u /* checksums were found good */
#define VIRTIO_NET_HDR_GSO_NONE 0u
#define VIRTIO_NET_HDR_GSO_TCPV4 1u
#define VIRTIO_NET_HDR_GSO_TCPV6 4u
#define VIRTIO_NET_HDR_GSO_ECN 0x80u

/* Feature bits, virtio 5.1.3 and 6. */
#define VIRTIO_NET_F_CSUM 0	  /* the device takes frames whose checksum is missing */
#define VIRTIO_NET_F_GUEST_CSUM 1 /* the driver does */
#define VIRTIO_NET_F_GUEST_TSO4 7 /* the driver takes frames longer than the MTU */
#define VIRTIO_NET_F_GUEST_TSO6 8
#define VIRTIO_NET_F_HOST_TSO4 11 /* the device does */
#define VIRTIO_NET_F_HOST_TSO6 12
#define VIRTIO_NET_F_MRG_RXBUF 15 /* a frame may fill several receive buffers */
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_IN_ORDER 35

#endif /* PVN_PROTO_VIRTIO_RING_H */
