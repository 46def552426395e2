/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's end of a port: bursts of frames into and out of virtio rings whose other end is the
 * host. A driver sets the queues up, makes pages shared, and tells the host; this moves the frames.
 *
 * Two ways, chosen for a port:
 *
 *  copying    Each descriptor has a slot of shared memory for ever, so a descriptor's address is
 *             written once, receive descriptors never again. Frames are copied between slots and
 *             mbufs of whatever pool the application likes; the host can write to receive slots
 * only. zero-copy  Descriptors point to mbufs of a pool over shared pages: receive hands them out,
 *             transmit takes them as they are and copies only foreign ones. The host can write to
 * the whole pool, as long as the port is connected. [RING 5]
 *
 * A queue belongs to one data path thread; each has a gate, and what is documented as control may
 * be called by the control thread while that gate is shut. Counters are written by the data path
 * only.
 */
#ifndef PVN_GUESTPORT_H
#define PVN_GUESTPORT_H

#include <rte_ethdev.h>

#include "pvn_gate.h"
#include "pvn_netbuf.h"
#include "pvn_vring.h"
#include "pvn_wake.h"

/* Copying: bytes before a slot's data, for the net header, and data bytes in a slot. One cache line
 * more than 2 KiB apart, so that the first lines of slots do not all fall into the same cache sets.
 */
#define PVN_GUEST_SLOT_HEADROOM 64u
#define PVN_GUEST_SLOT_ROOM 2048u
#define PVN_GUEST_SLOT_STRIDE (PVN_GUEST_SLOT_HEADROOM + PVN_GUEST_SLOT_ROOM)

/* Counters: member, name as in xstats. Every frame that is not delivered is in exactly one of those
 * after bytes; nombuf counts attempts, the frame stays in the ring. fault counts rings that the
 * host broke; lost counts frames that were among packets before.
 */
#define PVN_GUEST_RX_STATS(X)                                                                      \
	/* frames received */                                                                      \
	X(packets, "packets")                                                                      \
	/* of them, without net headers */                                                         \
	X(bytes, "bytes")                                                                          \
	/* turns in which the pool was empty; the frames wait in the ring */                       \
	X(nombuf, "nombuf_errors")                                                                 \
	/* frames whose net header says what cannot be */                                          \
	X(bad_hdr, "bad_hdr_errors")                                                               \
	/* frames of several mbufs on a port without scatter */                                    \
	X(too_long, "too_long_errors")                                                             \
	/* rings that the host broke; the connection ends */                                       \
	X(fault, "fault_errors")

#define PVN_GUEST_TX_STATS(X)                                                                      \
	/* frames put into the ring */                                                             \
	X(packets, "packets")                                                                      \
	/* of them */                                                                              \
	X(bytes, "bytes")                                                                          \
	/* zero-copy: of them, those not of the shared pool, and segments made here */             \
	X(copied, "copied_packets")                                                                \
	/* frames whose offload flags make no sense, or cannot be done */                          \
	X(bad_offload, "bad_offload_errors")                                                       \
	/* frames above the MTU, or below 14 bytes */                                              \
	X(too_long, "too_long_errors")                                                             \
	/* rings that the host broke; the connection ends */                                       \
	X(fault, "fault_errors")                                                                   \
	/* frames in the ring when the connection ended */                                         \
	X(lost, "disconnect_errors")

#define PVN_STAT_MEMBER(name, text) uint64_t name;

struct pvn_guest_rxq {
	struct pvn_gate gate;
	struct pvn_vring_drv ring;
	uint8_t *slots; /* copying: data of slot 0, else NULL */
	struct rte_mempool *pool;
	struct rte_mbuf **posted; /* zero-copy: mbuf of each descriptor */
	const struct pvn_vring_pool *shared;
	struct pvn_netbuf_rearm rearm;
	uint32_t buf_len;      /* bytes that the host may write to a buffer */
	uint32_t mbuf_room;    /* copying: data bytes in a mbuf of pool */
	uint16_t shared_index; /* pool number on the wire */
	bool scatter;	       /* frames may fill several mbufs */
	struct {
		PVN_GUEST_RX_STATS(PVN_STAT_MEMBER)
	} stats;
} __rte_cache_aligned;

struct pvn_guest_txq {
	struct pvn_gate gate;
	struct pvn_vring_drv ring;
	uint8_t *slots;		  /* copying: data of slot 0, else NULL */
	struct rte_mempool *pool; /* zero-copy: to copy foreign frames into */
	struct rte_mbuf **sent;	  /* zero-copy: mbuf of each descriptor, NULL where none ends */
	uint8_t *chain;		  /* descriptors of each frame, indexed like avail.ring */
	uint16_t desc_tail;	  /* oldest descriptor still lent, free-running */
	uint16_t chained;	  /* frames lent that have several descriptors */
	uint16_t free_thresh;  /* zero-copy: sent mbufs are freed when fewer descriptors are free */
	uint16_t shared_index; /* pool number on the wire */
	const struct pvn_vring_pool *shared;
	const struct pvn_wake *wake; /* of a host that may sleep, else NULL */
	uint64_t features;	     /* VIRTIO_NET_F_*: what the host takes */
	uint32_t max_frame;	     /* longest frame without segmentation, bytes */
	struct {
		PVN_GUEST_TX_STATS(PVN_STAT_MEMBER)
	} stats;
} __rte_cache_aligned;

/* ---- control: the gate is shut ---- */

/* Begins the ring in `mem` and posts its buffers. Everything that describes the queue is set. 0, or
 * -ENOMEM when the pool cannot fill a zero-copy ring at least by half.
 */
int pvn_guest_rxq_start(struct pvn_guest_rxq *q, void *mem, uint32_t size);
void pvn_guest_txq_start(struct pvn_guest_txq *q, void *mem, uint32_t size);

/* Takes every buffer back that the host had. Frames it had not taken are counted as lost. */
void pvn_guest_rxq_stop(struct pvn_guest_rxq *q);
void pvn_guest_txq_stop(struct pvn_guest_txq *q);

/* ---- data path ---- */

/* Bursts as ethdev wants them: `queue` is the struct above. */
uint16_t pvn_guest_rx_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pvn_guest_tx_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pvn_guest_rx_zero_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pvn_guest_tx_zero_copy(void *queue, struct rte_mbuf **mbufs, uint16_t n);

/* Frees the mbufs of all frames that the host has taken, in the thread that transmits; how many
 * frames. Copying there is nothing to free.
 */
uint16_t pvn_guest_tx_cleanup(struct pvn_guest_txq *q);

#endif /* PVN_GUESTPORT_H */
