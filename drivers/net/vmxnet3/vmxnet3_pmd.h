/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The private structures of net_pvn_vmxnet3 and the calls between its files:
 *
 *   vmxnet3_ethdev.c  what the application sees: probe, devargs, dev_ops
 *   vmxnet3_dev.c     the dialogue with the device: registers, commands, shared area
 *   vmxnet3_queue.c   rings and the mbufs in them: set-up, start, stop, release
 *   vmxnet3_offload.c offloads, as far as they are settings
 *   vmxnet3_rx.c      receive
 *   vmxnet3_tx.c      transmit
 *   vmxnet3_stats.c   statistics, continuous over restarts
 *
 * ethdev calls all others; queue calls rx for the first buffers, and stats when a queue goes;
 * stats calls dev. What the wire looks like is in proto/vmxnet3.h.
 */
#ifndef VMXNET3_PMD_H
#define VMXNET3_PMD_H

#include <stdbool.h>
#include <stdint.h>

#include <ethdev_driver.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include <vmxnet3.h>

/* The newest device version this driver was written for [VMX3 11]. Versions 2 to 4 only add
 * features that are off unless asked for, so picking them is safe. */
#define VMXNET3_VERSION_MAX 4

/* Longest header in front of the MTU: Ethernet and two VLAN tags. */
#define VMXNET3_FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

/* What the device says of itself, found out once in probe. */
struct vmxnet3_caps {
	uint8_t version; /* the one picked */
	uint8_t max_tx_queues;
	uint8_t max_rx_queues; /* QEMU takes fewer than the specification allows [VMX3 12.3] */
	uint16_t max_mtu;
	struct rte_ether_addr perm_mac;
};

/*
 * The dialogue. Everything but the burst functions goes through it; commands of several threads
 * are serialised, since a command and its result share one register.
 */
struct vmxnet3_hw {
	const char *name; /* for log lines */
	uint8_t *bar0;
	uint8_t *bar1;
	rte_spinlock_t cmd_lock;
	bool active; /* between ACTIVATE and QUIESCE */

	struct vmxnet3_caps caps;
	uint32_t rx_mode; /* VMXNET3_RXM_*, kept over restarts */

	/* One DMA zone for the device's lifetime: shared area, then the queue table. */
	const struct rte_memzone *zone;
	struct vmxnet3_shared *shared;
	void *queue_table;
	rte_iova_t shared_iova;
	rte_iova_t queue_table_iova;
};

/* One of the two rings of an rx queue. Slots are posted at `fill`, and come back at `next`. */
struct vmxnet3_rx_ring {
	struct vmxnet3_rxd *desc;
	struct rte_mbuf **mbufs; /* by slot, of those that are posted */
	uint16_t size;		 /* 0 = this ring is not used */
	uint16_t fill;		 /* next slot to post */
	uint16_t next;		 /* oldest slot posted */
	uint16_t posted;	 /* at most size - 1 */
	uint16_t threshold;	 /* free slots worth a refill */
	uint32_t gen;		 /* VMXNET3_RXD2_GEN or 0: of the slot at `fill` */
	uint32_t kind;		 /* VMXNET3_RXD2_BODY or 0 */
	uint32_t doorbell;	 /* BAR0 offset */
};

#define VMXNET3_RX_RINGS 2

/* Entries behind the last one of an array of slots, so that a look ahead reads nothing else. */
#define VMXNET3_SLOTS_BEHIND 8

/* A whole frame in a buffer of ring 1 has these bits of a completion's word 0 as expected. */
#define VMXNET3_RXC0_PLAIN                                                                         \
	(VMXNET3_RXC0_INDEX | VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP | VMXNET3_RXC0_RQID)

/* What the checksum and protocol bits of a completion mean to a mbuf: all combinations, as a table,
 * made at start of what was asked for. */
struct vmxnet3_rx_meaning {
	uint32_t flags;
	uint32_t ptype;
};
#define VMXNET3_RX_MEANING(word0, word3)                                                           \
	(((word3) >> 16 & 0xFF) | (((word0)&VMXNET3_RXC0_CNC) != 0 ? 0x100u : 0))
#define VMXNET3_RX_MEANINGS 0x200u

/* A frame is counted once: as a packet, or under the first cause that made it unfit. */
struct vmxnet3_rx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t bad_frame;	 /* the device set the error bit */
	uint64_t bad_piece;	 /* piece longer than its buffer, or too many, or out of order */
	uint64_t bad_completion; /* names a ring or a slot that cannot be meant */
	uint64_t nombuf;	 /* times the pool ran short */
};

struct vmxnet3_rx_queue {
	/* Touched for every frame. */
	struct vmxnet3_rxc *comp;
	uint64_t rearm; /* first word of a received mbuf that changes */
	const struct vmxnet3_rx_meaning *meanings;
	uint32_t plain_word0; /* as VMXNET3_RXC0_PLAIN, without the index */
	uint32_t comp_gen;    /* VMXNET3_RXC3_GEN or 0: what a new completion carries */
	uint32_t tag_flags;   /* of a frame whose tag was stripped; 0 unless asked for */
	uint32_t hash_flags;  /* likewise with a hash */
	uint16_t comp_size;
	uint16_t comp_next;
	uint16_t buf_len; /* bytes the device may write into one buffer */
	uint16_t queue_id;
	bool dropping; /* pieces of a bad frame are still to come */
	bool starving; /* the last refill found the pool short */
	uint16_t num_rx_queues;
	uint16_t max_pieces;
	bool lro;
	uint16_t mtu;
	uint16_t merged_mss;   /* of the frame being put together; 0: not told */
	struct rte_mbuf *head; /* the frame being put together, or NULL */
	struct rte_mbuf *tail;
	struct vmxnet3_rx_ring rings[VMXNET3_RX_RINGS];
	struct vmxnet3_rx_stats stats;

	/* Touched for every refill. */
	struct rte_mempool *pool;
	uint64_t iova_offset; /* from a mbuf to its data; 0: it must be looked at */
	uint8_t *bar0;
	struct vmxnet3_rx_queue_desc *shared;

	/* Set up once. */
	const struct rte_memzone *zone;
	uint16_t ring_size; /* as asked for by the application */
	uint16_t ring2_capacity;
};

struct vmxnet3_tx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t unsendable;	 /* returned unsent: no number of free descriptors would do */
	uint64_t bad_completion; /* names a descriptor that is not in flight */
};

/* What a packet may ask the device for. */
#define VMXNET3_TX_WISHES RTE_MBUF_F_TX_OFFLOAD_MASK

struct vmxnet3_tx_queue {
	struct vmxnet3_txd *desc;
	struct vmxnet3_txc *comp;
	struct rte_mbuf **mbufs; /* by slot: the packet whose EOP is there, else NULL */
	uint32_t gen;		 /* VMXNET3_TXD2_GEN or 0: of the slot at `fill` */
	uint32_t comp_gen;	 /* VMXNET3_TXC3_GEN or 0: what a new completion carries */
	uint16_t size;
	uint16_t fill;	    /* next slot to fill */
	uint16_t clean;	    /* oldest slot in flight */
	uint16_t in_flight; /* at most size - 1 */
	uint16_t comp_next;
	uint16_t reap_from; /* so many in flight are worth a look at completions */
	uint16_t chains;    /* packets in flight of more than one segment */
	bool fast_free;	    /* all packets are of one pool and of nobody else */
	uint32_t deferred;  /* packets since the last doorbell */
	uint8_t *doorbell;  /* TXPROD */
	struct vmxnet3_tx_queue_desc *shared;
	struct vmxnet3_tx_stats stats;

	const struct rte_memzone *zone;
	uint16_t queue_id;
};

static inline uint16_t
vmxnet3_slot_after(uint16_t slot, uint16_t size)
{
	return slot + 1 == size ? 0 : slot + 1;
}

/* Takes the oldest posted buffer out of its ring; the caller owns it. Something must be posted. */
static inline struct rte_mbuf *
vmxnet3_rx_take_slot(struct vmxnet3_rx_ring *ring)
{
	struct rte_mbuf *m = ring->mbufs[ring->next];

	ring->next = vmxnet3_slot_after(ring->next, ring->size);
	ring->posted--;
	return m;
}

/* Takes the oldest slot in flight: its packet, the caller's to free, or NULL where no EOP is. */
static inline struct rte_mbuf *
vmxnet3_tx_take_slot(struct vmxnet3_tx_queue *txq)
{
	struct rte_mbuf *m = txq->mbufs[txq->clean];

	txq->clean = vmxnet3_slot_after(txq->clean, txq->size);
	txq->in_flight--;
	return m;
}

/* What the device counts: its totals over all queues. */
struct vmxnet3_hw_counts {
	uint64_t rx_no_buffer;
	uint64_t rx_error;
	uint64_t tx_error;
	uint64_t tx_discard;
};

/* Counters go on when the device or a queue begins anew: what these had counted is kept here. */
struct vmxnet3_adapter {
	struct vmxnet3_hw hw;
	struct vmxnet3_hw_counts past;	 /* before the last ACTIVATE */
	struct vmxnet3_hw_counts reset;	 /* at the last reset, to be taken off */
	struct vmxnet3_rx_stats gone_rx; /* of queues released since the last reset */
	struct vmxnet3_tx_stats gone_tx;
	struct vmxnet3_rx_meaning meanings[VMXNET3_RX_MEANINGS];
	uint32_t vlans[128]; /* to be let through when VLANs are filtered, kept over restarts */
};

static inline struct vmxnet3_adapter *
vmxnet3_adapter(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

static inline struct vmxnet3_hw *
vmxnet3_hw(const struct rte_eth_dev *dev)
{
	return &vmxnet3_adapter(dev)->hw;
}

/* vmxnet3_dev.c. Control thread only, but for stats and link; 0 or -errno, logged where known. */
int vmxnet3_dev_negotiate(struct vmxnet3_hw *hw, unsigned int max_version);
int vmxnet3_dev_shared_alloc(struct rte_eth_dev *dev);
void vmxnet3_dev_shared_free(struct rte_eth_dev *dev);
void vmxnet3_dev_shared_fill(struct rte_eth_dev *dev, uint16_t max_rx_pieces);
int vmxnet3_dev_activate(struct vmxnet3_hw *hw);
void vmxnet3_dev_quiesce(struct vmxnet3_hw *hw);
void vmxnet3_dev_mac_write(struct vmxnet3_hw *hw, const struct rte_ether_addr *mac);
void vmxnet3_dev_rx_mode(struct vmxnet3_hw *hw, uint32_t set, uint32_t clear);
void vmxnet3_dev_tell(struct vmxnet3_hw *hw, enum vmxnet3_command command);
bool vmxnet3_dev_link(struct vmxnet3_hw *hw, uint32_t *speed_mbps);
void vmxnet3_dev_stats_refresh(struct vmxnet3_hw *hw);
struct vmxnet3_tx_queue_desc *vmxnet3_dev_txq_desc(struct rte_eth_dev *dev, uint16_t queue);
struct vmxnet3_rx_queue_desc *vmxnet3_dev_rxq_desc(struct rte_eth_dev *dev, uint16_t queue);

/* vmxnet3_queue.c */
int vmxnet3_rxq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		      unsigned int socket, const struct rte_eth_rxconf *conf,
		      struct rte_mempool *pool);
int vmxnet3_txq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		      unsigned int socket, const struct rte_eth_txconf *conf);
void vmxnet3_rxq_release(struct rte_eth_dev *dev, uint16_t queue);
void vmxnet3_txq_release(struct rte_eth_dev *dev, uint16_t queue);
void vmxnet3_rxq_prepare(struct vmxnet3_rx_queue *rxq, bool scatter);
void vmxnet3_txq_prepare(struct vmxnet3_tx_queue *txq);
void vmxnet3_rxq_drain(struct vmxnet3_rx_queue *rxq);
void vmxnet3_txq_drain(struct vmxnet3_tx_queue *txq);

/* vmxnet3_offload.c. prepare: the shared area and the queues, before ACTIVATE. */
uint64_t vmxnet3_rx_offloads(void);
uint64_t vmxnet3_tx_offloads(void);
const uint32_t *vmxnet3_ptypes_get(struct rte_eth_dev *dev);
void vmxnet3_offload_prepare(struct rte_eth_dev *dev);
int vmxnet3_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vid, int on);
int vmxnet3_vlan_offload_set(struct rte_eth_dev *dev, int mask);

/* vmxnet3_rx.c, vmxnet3_tx.c. One thread per queue at a time. */
uint16_t vmxnet3_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_tx_prepare(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
void vmxnet3_tx_reap(struct vmxnet3_tx_queue *txq);
void vmxnet3_rx_doorbell(const struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rx_ring *ring);
uint16_t vmxnet3_rx_refill_threshold(uint16_t ring_size);
void vmxnet3_rx_refill(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring);

/* vmxnet3_stats.c */
int vmxnet3_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int vmxnet3_stats_reset(struct rte_eth_dev *dev);
void vmxnet3_stats_save(struct rte_eth_dev *dev);
void vmxnet3_stats_keep_rxq(struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq);
void vmxnet3_stats_keep_txq(struct rte_eth_dev *dev, const struct vmxnet3_tx_queue *txq);

#endif /* VMXNET3_PMD_H */
