/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of a guest's port: bursts of frames out of and into virtio rings whose other end
 * is a guest that may be hostile. Drivers wrap it as an ethdev, the switch uses it as it is.
 *
 * Every frame is copied from the guest's pages before anything is decided about it, and nothing of
 * the guest's is held longer than a burst. A guest that breaks the rules stops its own ring, with a
 * reason; what an honest guest may do wrong costs the frame and is counted.
 *
 * A queue belongs to one data path thread; each has a gate, and what is documented as control may
 * be called by the control thread while that gate is shut. Counters are written by the data path
 * only.
 */
#ifndef PVN_HOSTPORT_H
#define PVN_HOSTPORT_H

#include <rte_ether.h>
#include <rte_meter.h>
#include <rte_spinlock.h>

#include "pvn_gate.h"
#include "pvn_netbuf.h"
#include "pvn_vring.h"
#include "pvn_wake.h"

/* Counters: member, name as in xstats. Every frame that is not delivered is in exactly one of those
 * after bytes; nombuf counts attempts, the frame stays in the ring. fault counts rings that the
 * guest broke, with the frame that did it.
 */
#define PVN_HOST_RX_STATS(X)                                                                       \
	/* frames received */                                                                      \
	X(packets, "packets")                                                                      \
	/* of them, without net headers */                                                         \
	X(bytes, "bytes")                                                                          \
	/* turns in which the pool was empty; the frames wait in the ring */                       \
	X(nombuf, "nombuf_errors")                                                                 \
	/* frames whose net header says what cannot be */                                          \
	X(bad_hdr, "bad_hdr_errors")                                                               \
	/* frames above the MTU, or of several mbufs on a port without scatter */                  \
	X(too_long, "too_long_errors")                                                             \
	/* frames below 14 bytes */                                                                \
	X(runt, "runt_errors")                                                                     \
	/* frames from another address than the device's */                                        \
	X(spoofed, "spoofed_errors")                                                               \
	/* frames above the rate */                                                                \
	X(over_rate, "over_rate_errors")                                                           \
	/* rings that the guest broke; the connection ends */                                      \
	X(fault, "fault_errors")

#define PVN_HOST_TX_STATS(X)                                                                       \
	/* frames put into the ring */                                                             \
	X(packets, "packets")                                                                      \
	/* of them */                                                                              \
	X(bytes, "bytes")                                                                          \
	/* frames whose offload flags make no sense, or cannot be done */                          \
	X(bad_offload, "bad_offload_errors")                                                       \
	/* frames above the MTU or the room of the guest, or below 14 bytes */                     \
	X(too_long, "too_long_errors")                                                             \
	/* rings that the guest broke; the connection ends */                                      \
	X(fault, "fault_errors")

#define PVN_HOST_STAT_MEMBER(name, text) uint64_t name;

/* What the operator lets a guest send; one for all queues of a port. */
struct pvn_host_policy {
	bool check_mac;		   /* only frames from `mac` */
	bool limit_rate;	   /* only as much as `meter` lets through */
	struct rte_ether_addr mac; /* the port's */
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm meter;
	rte_spinlock_t meter_lock;
};

/* Limits to `bits_per_s`, 0: not at all, with bursts of 10 ms but at least 64 KiB. Any thread's, at
 * any time; the policy was zeroed at first. 0, or -errno and nothing has changed.
 */
int pvn_host_policy_rate(struct pvn_host_policy *policy, uint64_t bits_per_s);

/* Which frames the rate lets through: bit i is for one of lens[i] bytes; n is at most 64. Any
 * thread's; `limit_rate` is set.
 */
uint64_t pvn_host_within_rate(struct pvn_host_policy *policy, const uint32_t *lens, uint16_t n);

/* Frames from the guest. */
struct pvn_host_rxq {
	struct pvn_gate gate;
	struct pvn_vring_dev ring;
	struct rte_mempool *pool;
	struct pvn_host_policy *policy;
	struct pvn_netbuf_rearm rearm;
	uint64_t features;  /* VIRTIO_NET_F_*: what was negotiated */
	uint32_t mbuf_room; /* data bytes in a mbuf of pool */
	uint32_t max_frame; /* longest frame without segmentation, bytes */
	bool scatter;	    /* frames may fill several mbufs */
	bool keep_hints;    /* the application takes frames whose checksum is missing */
	struct {
		PVN_HOST_RX_STATS(PVN_HOST_STAT_MEMBER)
	} stats;
} __rte_cache_aligned;

/* Frames to the guest. A guest may have fewer rings than the host has threads: then several queues
 * lead to the same ring, and its lock is taken. Each of these queues has its own gate open; `lead`
 * and `shared` change while all of them are shut.
 */
struct pvn_host_txq {
	struct pvn_gate gate;
	struct pvn_host_txq *lead; /* NULL: itself */
	bool shared;		   /* others lead here */
	rte_spinlock_t lock;
	struct pvn_vring_dev ring;
	uint64_t features; /* what the guest takes: pvn_netbuf_mirror() of what was negotiated */
	uint32_t max_frame;
	bool mergeable;		     /* a frame may fill several buffers */
	const struct pvn_wake *wake; /* of a guest that may sleep, else NULL; its ring's */
	struct {
		PVN_HOST_TX_STATS(PVN_HOST_STAT_MEMBER)
	} stats;
} __rte_cache_aligned;

/* Control. Sets what follows from the mempool; the other members are the caller's to set. */
void pvn_host_rxq_pool(struct pvn_host_rxq *q, struct rte_mempool *pool, uint16_t port_id);

/* Data path; bursts as ethdev wants them: `queue` is the struct above. */
uint16_t pvn_host_rx(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pvn_host_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n);

#endif /* PVN_HOSTPORT_H */
