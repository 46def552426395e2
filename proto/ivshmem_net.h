/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A net port in a Paravane region: an object of type IVSHMEM_NET. [IVS n] is
 * docs/design/ivshmem.md, section n.
 *
 *   0         host half     written by the host
 *   4 KiB     guest half    written by the guest
 *   8 KiB     wake words    each written by the end that sleeps
 *   12 KiB    room          where the guest puts rings and buffers as it likes
 *
 * The guest is the driver of virtio rings, the host the device, as in proto/xenvirt.h: the host
 * offers a connection, the guest answers naming it, the host checks the answer and connects. All
 * offsets are from the object's beginning. The host copies the guest's half once and checks it; the
 * guest may be hostile. Nothing in here is a pointer.
 *
 * A guest answers an offer once. What is said about an answer names the attachment of who gave it,
 * so that a guest which comes into the place of a dead one takes nothing that was meant for that
 * one.
 */
#ifndef PVN_PROTO_IVSHMEM_NET_H
#define PVN_PROTO_IVSHMEM_NET_H

#include "ivshmem.h"
#include "virtio_ring.h"

#define IVSHMEM_NET_VERSION 1u
#define IVSHMEM_NET_GUEST_HALF 4096u
#define IVSHMEM_NET_WAKE_WORDS 8192u
#define IVSHMEM_NET_ROOM 12288u
#define IVSHMEM_NET_BYTES_MIN 65536u /* of a port */
#define IVSHMEM_NET_QUEUES_MAX 16u
#define IVSHMEM_NET_POOLS_MAX 2u
#define IVSHMEM_NET_MTU_MIN 68u
#define IVSHMEM_NET_MTU_MAX 9000u
#define IVSHMEM_NET_FRAME_MAX(mtu) ((mtu) + 18u)

/* Feature bits are VIRTIO_NET_F_* and VIRTIO_F_*, and this one: an end that wants to sleep says so
 * in its wake word and is rung. [IVS 7]
 */
#define IVSHMEM_NET_F_WAKE 40

enum ivshmem_net_host_state {
	IVSHMEM_NET_CLOSED,    /* no host, or its port is stopped */
	IVSHMEM_NET_OFFERED,   /* `connection` is to be answered */
	IVSHMEM_NET_CONNECTED, /* with the answer to `connection` */
	IVSHMEM_NET_REFUSED,   /* the answer, for `reason`; begin again to get a new offer */
};

/* Reasons: name, text. */
#define IVSHMEM_NET_REASONS(X)                                                                     \
	X(NONE, "none")                                                                            \
	X(VERSION, "protocol version not supported")                                               \
	X(FEATURES, "features that were not offered")                                              \
	X(QUEUES, "number of queues not allowed")                                                  \
	X(MTU, "MTU not allowed")                                                                  \
	X(RING_SIZE, "ring size is no power of two, or not allowed")                               \
	X(RING_PLACE, "a ring lies outside the room, or is not aligned")                           \
	X(POOLS, "number of pools not allowed")                                                    \
	X(POOL_PLACE, "a pool lies outside the room, or is not aligned")                           \
	X(OVERLAP, "rings and pools overlap")                                                      \
	X(FAULT, "a ring was broken by the guest")

#define IVSHMEM_NET_REASON_ENUM(name, text) IVSHMEM_NET_REASON_##name,
enum ivshmem_net_reason { IVSHMEM_NET_REASONS(IVSHMEM_NET_REASON_ENUM) IVSHMEM_NET_REASON_COUNT };
#undef IVSHMEM_NET_REASON_ENUM

struct ivshmem_net_host {
	pvn_le32 state; /* enum ivshmem_net_host_state; stored last */
	pvn_le32 version;
	pvn_le64 connection; /* new for each offer, never 0 */
	pvn_le64 features;
	pvn_le32 queues_max;
	pvn_le32 ring_size_max;
	pvn_le32 mtu;
	pvn_le32 reason; /* enum ivshmem_net_reason */
	uint8_t mac[6];
	uint8_t reserved[2];
	pvn_le32 vectors;    /* doorbell vectors that the host has for sleeping queues; 0: it never
				sleeps */
	pvn_le64 attachment; /* of the guest whose answer CONNECTED or REFUSED is about */
};

/* Which vector wakes queue q of an end with so many; vector 0 is rung when a state has changed. */
#define IVSHMEM_NET_VECTOR(q, vectors) ((vectors) > 1 ? 1 + (q) % ((vectors)-1) : 0)

enum ivshmem_net_guest_state {
	IVSHMEM_NET_AWAY,     /* nothing here is to be used */
	IVSHMEM_NET_ANSWERED, /* all of the guest's half is an answer to `connection` */
};

struct ivshmem_net_ring {
	pvn_le64 off; /* VRING_BYTES(size) bytes, aligned to IVSHMEM_PAGE */
	pvn_le32 size;
	pvn_le32 reserved;
};

struct ivshmem_net_pool {
	pvn_le64 off; /* aligned to IVSHMEM_PAGE */
	pvn_le64 len;
	pvn_le32 flags; /* IVSHMEM_NET_POOL_* */
	pvn_le32 reserved;
};

#define IVSHMEM_NET_POOL_WRITABLE PVN_BIT32(0) /* for the host */

struct ivshmem_net_guest {
	pvn_le32 state; /* enum ivshmem_net_guest_state; stored last */
	pvn_le32 version;
	pvn_le64 connection; /* the offer that this answers */
	pvn_le64 features;
	pvn_le32 queues;
	pvn_le32 mtu;
	pvn_le32 pools;
	pvn_le32 peer;	  /* to ring, or IVSHMEM_PEER_HOST: cannot be rung */
	pvn_le32 vectors; /* as the host's */
	pvn_le32 reserved;
	pvn_le64 attachment; /* the guest page's of the guest that answers */
	struct ivshmem_net_pool pool[IVSHMEM_NET_POOLS_MAX];
	struct ivshmem_net_ring rx[IVSHMEM_NET_QUEUES_MAX]; /* towards the guest */
	struct ivshmem_net_ring tx[IVSHMEM_NET_QUEUES_MAX]; /* from the guest */
};

/* Wake words: a line each. Not 0: the end that owns it sleeps, or is about to, and is to be rung
 * when there is something new. Whoever sees it sets it to 0 and rings once. [IVS 7]
 */
#define IVSHMEM_NET_WAKE_GUEST(q) (IVSHMEM_NET_WAKE_WORDS + 64u * (q))
#define IVSHMEM_NET_WAKE_HOST(q) (IVSHMEM_NET_WAKE_WORDS + 2048u + 64u * (q))

_Static_assert(sizeof(struct ivshmem_net_guest) <= 4096, "a half");

#endif /* PVN_PROTO_IVSHMEM_NET_H */
