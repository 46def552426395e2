/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The private structures of net_pvn_vmxnet3 and the calls between its files:
 *
 *   vmxnet3_ethdev.c    devargs, probe and remove, the table of dev_ops
 *   vmxnet3_life.c      configure, start, stop, close
 *   vmxnet3_late.c      queues that are set up after start
 *   vmxnet3_settings.c  what may change while the port runs: MTU, MAC, filters
 *   vmxnet3_rss.c       key, types and table of RSS
 *   vmxnet3_info.c      what a port and its queues say of themselves
 *   vmxnet3_telemetry.c the same for telemetry
 *   vmxnet3_intr.c      interrupts: link, queues in error, rx queues; removal
 *   vmxnet3_stats.c     statistics, continuous over restarts
 *   vmxnet3_memory.c    the pools' memory, for the host to keep mapped
 *   vmxnet3_queue.c     rings and the mbufs in them: set-up, start, stop, release
 *   vmxnet3_offload.c   offloads, as far as they are settings
 *   vmxnet3_rx.c, _rx_avx2.c, _rx_avx512.c, _rx_neon.c, _rx_data.c  receive
 *   vmxnet3_rx_ways.c   which of them
 *   vmxnet3_tx.c, _tx_data.c, _tx_reap.c, _tx_prepare.c, _tx_tunnel.c  transmit
 *   vmxnet3_status.c    how far a queue's rings have got
 *   vmxnet3_dev.c       the dialogue with the device: registers, commands, shared area
 *   vmxnet3_dev_set.c   the same about settings
 *
 * Calls go down this list, but for queue, which calls stats when a queue goes. What the wire looks
 * like is in proto/vmxnet3.h.
 */
#ifndef VMXNET3_PMD_H
#define VMXNET3_PMD_H

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <ethdev_driver.h>
#include <rte_mbuf.h>

#include <pvn_compat.h>
#include <vmxnet3.h>

/* The newest device version this driver was written for [VMX3 11]: all there are. */
#define VMXNET3_DRIVER_VERSION_MAX 9

/* Bytes of a slot of the rx data ring, before version 9, which tells. [VMX3 8.6] */
#define VMXNET3_RX_DATA_SLOT 128

/* What a tunnel may need of a device. [VMX3 11.5] */
#define VMXNET3_CAPS_TUNNEL_TSO (VMXNET3_CAP_GENEVE_TSO | VMXNET3_CAP_VXLAN_TSO)
#define VMXNET3_CAPS_TUNNEL_OUTER (VMXNET3_CAP_GENEVE_OUTER_CSUM | VMXNET3_CAP_VXLAN_OUTER_CSUM)
#define VMXNET3_CAPS_TUNNEL                                                                        \
	(VMXNET3_CAP_GENEVE_CSUM | VMXNET3_CAP_VXLAN_CSUM | VMXNET3_CAPS_TUNNEL_TSO |              \
	 VMXNET3_CAPS_TUNNEL_OUTER)

/* Of what version 7 offers, what is asked for; and the large BAR. [VMX3 11.5] */
#define VMXNET3_CAPS_WANTED                                                                        \
	(VMXNET3_CAP_UDP_RSS | VMXNET3_CAP_ESP_RSS_IPV4 | VMXNET3_CAP_ESP_RSS_IPV6 |               \
	 VMXNET3_CAPS_TUNNEL)

/* Longest header in front of the MTU: Ethernet and two VLAN tags. */
#define VMXNET3_FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

/* Bytes of a frame that was merged: of an IP packet and what is before it. */
#define VMXNET3_LRO_FRAME_MAX (UINT16_MAX + VMXNET3_FRAME_OVERHEAD)

/* Addresses that the multicast list holds; more need all-multicast mode. */
#define VMXNET3_MCAST_MAX 512

/* What the device says of itself, found out once in probe, and again by a reset. */
struct vmxnet3_caps {
	uint8_t version; /* the one picked */
	uint8_t max_tx_queues;
	uint8_t max_rx_queues; /* QEMU takes fewer than the specification allows [VMX3 12.3] */
	bool is_qemu;
	uint16_t max_mtu;
	uint32_t granted;	    /* VMXNET3_CAP_*, version 7 */
	uint32_t disabled_offloads; /* VMXNET3_DISABLED_*, version 9 */
	struct rte_ether_addr perm_mac;
};

/* Of a device argument. */
enum vmxnet3_choice { VMXNET3_AUTO, VMXNET3_ON, VMXNET3_OFF };

/* Interrupt vectors. [VMX3 9.1] */
#define VMXNET3_VECTOR_EVENT 0
#define VMXNET3_VECTOR_RX(q) ((uint8_t)(1 + (q)))

/* Decided at start. */
struct vmxnet3_intr {
	bool events;   /* somebody hears the event's interrupt */
	bool rx;       /* each rx queue has a vector */
	bool line;     /* INTx, or perhaps */
	uint8_t quiet; /* the vector that stays masked, behind all others */
};

/* All that the device reads or writes but rings and buffers. One DMA zone for its lifetime. */
struct vmxnet3_dma {
	struct vmxnet3_shared_v6 shared;
	alignas(VMXNET3_QUEUE_TABLE_ALIGN) uint8_t
		queue_table[2 * VMXNET3_QUEUES_MAX_V6 * sizeof(struct vmxnet3_tx_queue_desc)];
	struct vmxnet3_rss_config rss;
	struct vmxnet3_memory_regions num_regions;
	struct vmxnet3_memory_region regions[VMXNET3_MEMORY_REGIONS_MAX]; /* behind num_regions */
	struct rte_ether_addr mcast[VMXNET3_MCAST_MAX]; /* kept over restarts, as what follows */
	uint16_t num_mcast;
	uint32_t vlan_bitmap[128]; /* of the filter, if that is asked for */
};

/*
 * The dialogue. Everything but the burst functions goes through it. It lies in memory shared with
 * secondary processes, so it has pointers only into what all of them have mapped at one address.
 */
struct vmxnet3_hw {
	char name[RTE_DEV_NAME_MAX_LEN]; /* for log lines */
	uint8_t *bar0;
	uint8_t *bar1;
	uint64_t bar0_size;
	/* A command, its argument and its result, and changes of the shared area, of all processes.
	 * Robust: the holder may be killed. */
	pthread_mutex_t lock;
	bool active; /* between ACTIVATE and QUIESCE */
	bool failed; /* a queue is in error; until the next start */
	struct vmxnet3_intr intr;
	pvn_le32 *intr_ctrl; /* in the shared area */

	struct vmxnet3_caps caps;
	unsigned int max_version; /* devarg, as what follows */
	enum vmxnet3_choice tx_data;
	enum vmxnet3_choice rx_data;
	uint16_t tx_data_slot; /* bytes; 0: no data ring is used */
	uint16_t rx_data_slot;
	uint32_t rx_mode; /* VMXNET3_RXM_*, kept over restarts */

	const struct rte_memzone *zone;
	struct vmxnet3_dma *dma; /* in it */
	struct vmxnet3_shared *shared;
};

/* One of the two rings of an rx queue. Slots are posted at `fill`, and come back at `next`. */
struct vmxnet3_rx_ring {
	struct vmxnet3_rxd *desc;
	struct rte_mbuf **mbufs; /* by slot, of those that are posted */
	uint16_t size;		 /* 0 = this ring is not used */
	uint16_t fill;		 /* next slot to post */
	uint16_t next;		 /* oldest slot posted */
	uint16_t posted;
	uint16_t most; /* to be posted: size - 1 at most [VMX3 8.2], 0 while there is no pool */
	uint16_t threshold; /* free slots worth a refill */
	uint32_t gen;	    /* VMXNET3_RXD2_GEN or 0: of the slot at `fill` */
	uint32_t kind;	    /* VMXNET3_RXD2_BODY or 0 */
	uint32_t doorbell;  /* BAR0 offset */
	bool starving;	    /* the last refill found the pool short */
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
#define VMXNET3_RX_MEANING_INNER 0x100u
#define VMXNET3_RX_MEANING_UNKNOWN 0x200u
#define VMXNET3_RX_MEANINGS 0x400u

/*
 * The bits of words 0 and 3 that tell, and with nothing else in those words the place in the table.
 * Of the factor bits 0 and 16 count, which put the two bits of word 0 side by side; what the others
 * make falls off at either end, but with them it is one multiplication, and no row of shifts.
 */
#define VMXNET3_RXC0_TELLING (VMXNET3_RXC0_CNC | VMXNET3_RXC0_INNER)
#define VMXNET3_RXC3_TELLING 0x00FF0000u
#define VMXNET3_RX_MEANING(telling0, telling3) ((telling3) >> 16 | (telling0)*0x100B5u >> 21)
static_assert(VMXNET3_RX_MEANING(VMXNET3_RXC0_INNER, 0) == VMXNET3_RX_MEANING_INNER, "[VMX3 8.3]");
static_assert(VMXNET3_RX_MEANING(VMXNET3_RXC0_CNC, 0) == VMXNET3_RX_MEANING_UNKNOWN, "[VMX3 8.3]");
static_assert(VMXNET3_RX_MEANING(VMXNET3_RXC0_TELLING, 0x00FF0000u) == 0x3FF, "[VMX3 8.3]");

#define VMXNET3_MEMBER(member, name) uint64_t member;

/*
 * Counters of an rx queue: member, name in xstats. A frame is counted once: as a packet, or under
 * the first cause that made it unfit: error_bit (which the device has counted too), or one of those
 * that end in _errors. Names never change.
 */
#define VMXNET3_RX_STATS(X)                                                                        \
	X(packets, "packets")                                                                      \
	X(bytes, "bytes")                                                                          \
	/* of them, those that came by the data ring */                                            \
	X(data_ring, "data_ring_packets")                                                          \
	/* the device set the error bit */                                                         \
	X(bad_frame, "error_bit_packets")                                                          \
	/* piece longer than its buffer, or too many, or out of order */                           \
	X(bad_piece, "bad_piece_errors")                                                           \
	/* names a ring or a slot that cannot be meant */                                          \
	X(bad_completion, "bad_completion_errors")                                                 \
	/* times the pool ran short */                                                             \
	X(nombuf, "nombuf")

struct vmxnet3_rx_stats {
	VMXNET3_RX_STATS(VMXNET3_MEMBER)
};

/* For each burst, three lines: this one, ring 1's, and that of the counters. */
struct vmxnet3_rx_queue {
	struct vmxnet3_rxc *comp;
	uint64_t rearm; /* first word of a received mbuf that changes */
	const struct vmxnet3_rx_meaning *meanings;
	struct rte_mbuf *head; /* the frame being put together, or NULL */
	uint32_t plain_word0;  /* as VMXNET3_RXC0_PLAIN, without the index */
	uint32_t comp_gen;     /* VMXNET3_RXC3_GEN or 0: what a new completion carries */
	uint64_t base_flags;   /* of every mbuf: where its buffer is */
	uint16_t tag_flags;    /* of a frame whose tag was stripped; 0 unless asked for */
	uint16_t hash_flags;   /* likewise with a hash */
	uint16_t plain_max;    /* bytes of a plain frame */
	uint16_t comp_size;
	uint16_t comp_next;
	uint16_t buf_len; /* bytes the device may write into one buffer */
	bool has_bodies;  /* ring 2 is used */
	bool dropping;	  /* pieces of a bad frame are still to come */
	bool lro;

	/* Heads, and bodies. */
	alignas(RTE_CACHE_LINE_SIZE) struct vmxnet3_rx_ring rings[VMXNET3_RX_RINGS];
	alignas(RTE_CACHE_LINE_SIZE) struct vmxnet3_rx_stats stats;

	/* Touched for every refill. */
	alignas(RTE_CACHE_LINE_SIZE) struct rte_mempool *pool;
	uint64_t iova_offset; /* from a mbuf to its data; 0: it must be looked at */
	uint8_t *bar0;
	struct vmxnet3_rx_queue_desc *shared;

	/* For frames in pieces. */
	uint32_t body_word0; /* as plain_word0, of a body, which is not the first piece */
	uint16_t queue_id;
	uint16_t num_rx_queues;
	uint16_t max_pieces;
	uint16_t mtu;
	uint16_t merged_mss; /* of the frame being put together; 0: not told */
	struct rte_mbuf *tail;

	/* Of the data ring: by slot of ring 1, what came for it and is not in its buffer. */
	const uint8_t *data;
	uint32_t data_word0;  /* as plain_word0 */
	uint16_t data_slot;   /* bytes of a slot; 0: no data ring */
	uint16_t data_posted; /* since the device was told last */

	/* Set up once. */
	const struct rte_memzone *zone;
	uint16_t ring_size;
	uint16_t num_desc; /* as asked for by the application; 0: not yet, see vmxnet3_late.c */
	uint16_t ring2_capacity;
	bool powers; /* all rings are powers of two, see vmxnet3_needs_powers() */
};

/* Counters of a tx queue: member, name in xstats. */
#define VMXNET3_TX_STATS(X)                                                                        \
	X(packets, "packets")                                                                      \
	X(bytes, "bytes")                                                                          \
	/* of them, those that were copied into the data ring */                                   \
	X(data_ring, "data_ring_packets")                                                          \
	/* returned unsent: no number of free descriptors would do */                              \
	X(unsendable, "unsendable_errors")                                                         \
	/* names a descriptor that is not in flight */                                             \
	X(bad_completion, "bad_completion_errors")

struct vmxnet3_tx_stats {
	VMXNET3_TX_STATS(VMXNET3_MEMBER)
};

/* What a packet may ask the device for. */
#define VMXNET3_TX_WISHES RTE_MBUF_F_TX_OFFLOAD_MASK

/* What a tx slot holds: a segment, which is free to go when its descriptor is done, or (tagged) */
#define VMXNET3_TX_NOTHING 1u
#define VMXNET3_TX_WHOLE 2u /* a packet with all its segments, held by its last descriptor */

struct vmxnet3_tx_queue {
	struct vmxnet3_txd *desc;
	struct vmxnet3_txc *comp;
	struct rte_mbuf **held; /* by slot: the mbuf of the descriptor */
	uint8_t *tags;		/* likewise; 0, or VMXNET3_TX_NOTHING or _WHOLE */
	uint32_t gen;		/* VMXNET3_TXD2_GEN or 0: of the slot at `fill` */
	uint32_t comp_gen;	/* VMXNET3_TXC3_GEN or 0: what a new completion carries */
	uint16_t size;
	uint16_t fill;	    /* next slot to fill */
	uint16_t clean;	    /* oldest slot in flight */
	uint16_t in_flight; /* at most `usable` */
	uint16_t usable;    /* size - 1, and 0 while the port is stopped */
	uint16_t comp_next;
	uint16_t reap_from; /* so many in flight are worth a look at completions */
	uint16_t tagged;    /* slots in flight up to the last one with a tag */
	uint16_t chained;   /* likewise, of a packet of several */
	bool fast_free;	    /* all packets are of one pool and of nobody else */
	uint32_t quiet;	    /* 0, or all ones: the doorbell is left to who called */
	uint32_t deferred;  /* packets since the last doorbell */
	uint8_t *doorbell;  /* TXPROD */
	struct vmxnet3_tx_queue_desc *shared;
	struct vmxnet3_tx_stats stats;

	/* Of the data ring, see vmxnet3_tx_data.c. */
	uint8_t *data;
	rte_iova_t data_iova;
	uint16_t data_slot; /* bytes of a slot; 0: no data ring */
	uint16_t holding;   /* oldest slots in flight, up to the last that holds a mbuf, or more */

	const struct rte_memzone *zone;
	uint16_t queue_id;
	uint16_t num_desc;    /* as asked for by the application; 0: not yet, see vmxnet3_late.c */
	uint64_t offloads;    /* of this queue; the port's come on top */
	uint32_t tunnels;     /* VMXNET3_CAPS_TUNNEL that may be used */
	bool tunnels_by_mode; /* a mode of their own, before version 7 */
};

static inline uint16_t
vmxnet3_slot_after(uint16_t slot, uint16_t size)
{
	return slot + 1 == size ? 0 : slot + 1;
}

/* Slots from `from` on up to `to`, both in the ring. */
static inline uint32_t
vmxnet3_slots_between(uint32_t from, uint32_t to, uint32_t size)
{
	return to - from + (to < from ? size : 0);
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

/* What the device counts for a queue, in its order [VMX3 6.3]: constant, name in xstats. */
#define VMXNET3_HW_RX_COUNTERS(X)                                                                  \
	X(RX_LRO_PACKETS, "hw_lro_packets")                                                        \
	X(RX_LRO_BYTES, "hw_lro_bytes")                                                            \
	X(RX_UCAST_PACKETS, "hw_unicast_packets")                                                  \
	X(RX_UCAST_BYTES, "hw_unicast_bytes")                                                      \
	X(RX_MCAST_PACKETS, "hw_multicast_packets")                                                \
	X(RX_MCAST_BYTES, "hw_multicast_bytes")                                                    \
	X(RX_BCAST_PACKETS, "hw_broadcast_packets")                                                \
	X(RX_BCAST_BYTES, "hw_broadcast_bytes")                                                    \
	X(RX_NO_BUFFER, "hw_no_buffer_missed")                                                     \
	X(RX_ERROR, "hw_errors")

#define VMXNET3_HW_TX_COUNTERS(X)                                                                  \
	X(TX_TSO_PACKETS, "hw_tso_packets")                                                        \
	X(TX_TSO_BYTES, "hw_tso_bytes")                                                            \
	X(TX_UCAST_PACKETS, "hw_unicast_packets")                                                  \
	X(TX_UCAST_BYTES, "hw_unicast_bytes")                                                      \
	X(TX_MCAST_PACKETS, "hw_multicast_packets")                                                \
	X(TX_MCAST_BYTES, "hw_multicast_bytes")                                                    \
	X(TX_BCAST_PACKETS, "hw_broadcast_packets")                                                \
	X(TX_BCAST_BYTES, "hw_broadcast_bytes")                                                    \
	X(TX_ERROR, "hw_errors")                                                                   \
	X(TX_DISCARD, "hw_discard_errors")

#define VMXNET3_CONSTANT(constant, name) VMXNET3_HW_##constant,
enum { VMXNET3_HW_RX_COUNTERS(VMXNET3_CONSTANT) VMXNET3_HW_COUNTERS };
enum { VMXNET3_HW_TX_COUNTERS(VMXNET3_CONSTANT) };
#undef VMXNET3_CONSTANT

struct vmxnet3_rxq_counts {
	struct vmxnet3_rx_stats sw;
	uint64_t hw[VMXNET3_HW_COUNTERS];
};

struct vmxnet3_txq_counts {
	struct vmxnet3_tx_stats sw;
	uint64_t hw[VMXNET3_HW_COUNTERS];
};

struct vmxnet3_counts {
	struct vmxnet3_rxq_counts rx[VMXNET3_QUEUES_MAX_V6];
	struct vmxnet3_txq_counts tx[VMXNET3_QUEUES_MAX_V6];
};

/* What is wanted of RSS, and what the device does. */
struct vmxnet3_rss {
	uint64_t hf; /* RTE_ETH_RSS_*, as configured */
	uint8_t key[VMXNET3_RSS_KEY_LEN];
	uint8_t table[VMXNET3_RSS_TABLE_MAX];
	bool table_set;	 /* by the application */
	bool on;	 /* asked for at the last start */
	uint32_t fields; /* VMXNET3_RSS_FIELD_*, as the device took them */
};

struct vmxnet3_adapter {
	struct vmxnet3_hw hw;
	struct vmxnet3_rss rss;
	struct vmxnet3_counts past;  /* of queues released, and of the device before ACTIVATE */
	struct vmxnet3_counts reset; /* at the last reset, to be taken off */
	uint16_t shown_rx;	     /* queues that xstats have */
	uint16_t shown_tx;
	struct vmxnet3_rx_meaning meanings[VMXNET3_RX_MEANINGS];
	/* While the port is started: queues that are not, NULL for all others. */
	struct vmxnet3_rx_queue *late_rx[VMXNET3_QUEUES_MAX_V6];
	struct vmxnet3_tx_queue *late_tx[VMXNET3_QUEUES_MAX_V6];
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

/* From version 7 on, the completion ring too. [VMX3 6.4] */
static inline bool
vmxnet3_needs_powers(const struct vmxnet3_hw *hw)
{
	return hw->caps.version >= 7;
}

/* vmxnet3_dev.c. Control thread only, but for stats and link; 0 or -errno, logged where known. */
int vmxnet3_dev_init(struct vmxnet3_hw *hw);
int vmxnet3_dev_negotiate(struct vmxnet3_hw *hw);
int vmxnet3_dev_shared_alloc(struct rte_eth_dev *dev);
void vmxnet3_dev_shared_free(struct rte_eth_dev *dev);
void vmxnet3_dev_shared_fill(struct rte_eth_dev *dev, uint32_t mtu, uint16_t max_rx_pieces);
int vmxnet3_dev_activate(struct vmxnet3_hw *hw);
void vmxnet3_dev_quiesce(struct vmxnet3_hw *hw);
void vmxnet3_dev_mac_write(struct vmxnet3_hw *hw, const struct rte_ether_addr *mac);
void vmxnet3_dev_rx_mode(struct vmxnet3_hw *hw, uint32_t set, uint32_t clear);
void vmxnet3_dev_features(struct vmxnet3_hw *hw, uint64_t set, uint64_t clear);
void vmxnet3_dev_vlan_filter(struct vmxnet3_hw *hw, bool on);
void vmxnet3_dev_vlan_set(struct vmxnet3_hw *hw, uint16_t vlan, bool accept, bool filtering);
void vmxnet3_dev_mcast(struct vmxnet3_hw *hw, const struct rte_ether_addr *list, uint32_t num);
void vmxnet3_dev_mcast_tell(struct vmxnet3_hw *hw);
void vmxnet3_dev_data_slots(struct vmxnet3_hw *hw);
uint32_t vmxnet3_dev_register(const struct vmxnet3_hw *hw, uint32_t bar1_offset);
uint32_t vmxnet3_dev_mask_register(const struct vmxnet3_hw *hw, unsigned int vector);
bool vmxnet3_dev_has_large_bar(const struct vmxnet3_hw *hw);
void vmxnet3_dev_buffer_sizes(struct vmxnet3_hw *hw, uint16_t head, uint16_t body);
void vmxnet3_dev_memory_regions(struct vmxnet3_hw *hw, const void *regions, uint32_t len);
void vmxnet3_dev_rss_block(struct vmxnet3_hw *hw);
void vmxnet3_dev_rss_table(struct vmxnet3_hw *hw, const uint8_t *table, uint16_t size);
uint32_t vmxnet3_dev_rss_fields(struct vmxnet3_hw *hw, uint32_t fields);
void vmxnet3_dev_mask(struct vmxnet3_hw *hw, unsigned int vector, bool mask);
void vmxnet3_dev_intr_enable(struct vmxnet3_hw *hw, bool enable);
uint32_t vmxnet3_dev_take_events(struct vmxnet3_hw *hw);
void vmxnet3_dev_queue_status(struct vmxnet3_hw *hw);
bool vmxnet3_dev_link(struct vmxnet3_hw *hw, uint32_t *speed_mbps);
void vmxnet3_dev_stats_refresh(struct vmxnet3_hw *hw);
struct vmxnet3_tx_queue_desc *vmxnet3_dev_txq_desc(struct rte_eth_dev *dev, uint16_t queue);
struct vmxnet3_rx_queue_desc *vmxnet3_dev_rxq_desc(struct rte_eth_dev *dev, uint16_t queue);

/* vmxnet3_life.c, vmxnet3_settings.c, vmxnet3_info.c, vmxnet3_intr.c: dev_ops. */
int vmxnet3_configure(struct rte_eth_dev *dev);
int vmxnet3_start(struct rte_eth_dev *dev);
int vmxnet3_stop(struct rte_eth_dev *dev);
int vmxnet3_close(struct rte_eth_dev *dev);
int vmxnet3_reset(struct rte_eth_dev *dev);
uint32_t vmxnet3_mtu_room(const struct rte_eth_dev *dev);
int vmxnet3_mtu_set(struct rte_eth_dev *dev, uint16_t mtu);
int vmxnet3_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on);
int vmxnet3_vlan_offload_set(struct rte_eth_dev *dev, int mask);
int vmxnet3_mc_addr_list(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t num);
int vmxnet3_mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
int vmxnet3_promiscuous_enable(struct rte_eth_dev *dev);
int vmxnet3_promiscuous_disable(struct rte_eth_dev *dev);
int vmxnet3_allmulticast_enable(struct rte_eth_dev *dev);
int vmxnet3_allmulticast_disable(struct rte_eth_dev *dev);
int vmxnet3_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info);
void vmxnet3_rxq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_rxq_info *info);
void vmxnet3_txq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_txq_info *info);
int vmxnet3_rx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode);
int vmxnet3_tx_burst_mode(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_burst_mode *mode);
int vmxnet3_get_reg(struct rte_eth_dev *dev, struct rte_dev_reg_info *regs);
int vmxnet3_dump(struct rte_eth_dev *dev, FILE *f);
int vmxnet3_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue);
int vmxnet3_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue);
int vmxnet3_is_removed(struct rte_eth_dev *dev);
int vmxnet3_link_update(struct rte_eth_dev *dev, int wait_to_complete);

/* vmxnet3_intr.c. Start calls prepare, arm; stop disarm, release. */
void vmxnet3_intr_init(struct rte_eth_dev *dev);
void vmxnet3_intr_fini(struct rte_eth_dev *dev);
int vmxnet3_intr_check(const struct rte_eth_dev *dev);
int vmxnet3_intr_prepare(struct rte_eth_dev *dev);
void vmxnet3_intr_arm(struct rte_eth_dev *dev);
void vmxnet3_intr_disarm(struct rte_eth_dev *dev);
void vmxnet3_intr_release(struct rte_eth_dev *dev);

/* vmxnet3_memory.c. After ACTIVATE. */
void vmxnet3_memory_tell(struct rte_eth_dev *dev);

/* vmxnet3_rss.c. Start calls fill, then start. */
uint64_t vmxnet3_rss_types(const struct vmxnet3_hw *hw);
uint16_t vmxnet3_rss_table_size(const struct vmxnet3_hw *hw);
void vmxnet3_rss_init(struct rte_eth_dev *dev);
int vmxnet3_rss_configure(struct rte_eth_dev *dev);
void vmxnet3_rss_fill(struct rte_eth_dev *dev);
void vmxnet3_rss_start(struct rte_eth_dev *dev);
int vmxnet3_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta,
			uint16_t size);
int vmxnet3_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta,
		       uint16_t size);
int vmxnet3_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int vmxnet3_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);

/* vmxnet3_ethdev.c */
bool vmxnet3_is_ours(const struct rte_eth_dev *dev);

/* vmxnet3_status.c. The thread that the queue belongs to. */
PVN_QUEUE_COUNT_TYPE vmxnet3_rx_queue_count(void *rx_queue);
int vmxnet3_rx_descriptor_status(void *rx_queue, uint16_t offset);
int vmxnet3_tx_descriptor_status(void *tx_queue, uint16_t offset);
int vmxnet3_tx_done_cleanup(void *tx_queue, uint32_t free_cnt);
int vmxnet3_monitor_addr(void *rx_queue, struct rte_power_monitor_cond *pmc);

/* vmxnet3_late.c: dev_ops, and what start begins and stop ends with. */
int vmxnet3_late_make(struct rte_eth_dev *dev);
void vmxnet3_late_drop(struct rte_eth_dev *dev);
void vmxnet3_rx_queue_release(struct rte_eth_dev *dev, uint16_t queue);
void vmxnet3_tx_queue_release(struct rte_eth_dev *dev, uint16_t queue);
int vmxnet3_rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
			   unsigned int socket, const struct rte_eth_rxconf *conf,
			   struct rte_mempool *pool);
int vmxnet3_tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
			   unsigned int socket, const struct rte_eth_txconf *conf);
int vmxnet3_rx_queue_start(struct rte_eth_dev *dev, uint16_t queue);
int vmxnet3_tx_queue_start(struct rte_eth_dev *dev, uint16_t queue);

/* vmxnet3_queue.c */
int vmxnet3_rxq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		      unsigned int socket, const struct rte_eth_rxconf *conf,
		      struct rte_mempool *pool);
int vmxnet3_txq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
		      unsigned int socket, const struct rte_eth_txconf *conf);
uint16_t vmxnet3_rx_buf_len(struct rte_mempool *pool);
void vmxnet3_rxq_set_pool(struct vmxnet3_rx_queue *rxq, struct rte_mempool *pool, uint16_t nb_desc);
void vmxnet3_rxq_fill(struct vmxnet3_rx_queue *rxq);
void vmxnet3_txq_open(struct vmxnet3_tx_queue *txq);
void vmxnet3_txq_set_offloads(const struct rte_eth_dev *dev, struct vmxnet3_tx_queue *txq,
			      uint64_t offloads);
void vmxnet3_rxq_release(struct rte_eth_dev *dev, uint16_t queue);
void vmxnet3_txq_release(struct rte_eth_dev *dev, uint16_t queue);
void vmxnet3_rxq_prepare(struct vmxnet3_rx_queue *rxq, bool scatter);
void vmxnet3_txq_prepare(struct vmxnet3_tx_queue *txq, bool tell_size);
void vmxnet3_rxq_drain(struct vmxnet3_rx_queue *rxq);
void vmxnet3_txq_drain(struct vmxnet3_tx_queue *txq);

/* vmxnet3_offload.c. prepare: the shared area and the queues, before ACTIVATE. */
uint32_t vmxnet3_tunnels(const struct vmxnet3_hw *hw);
uint64_t vmxnet3_rx_offloads(const struct vmxnet3_hw *hw);
uint64_t vmxnet3_tx_offloads(const struct vmxnet3_hw *hw);
const uint32_t *vmxnet3_ptypes_get(PVN_PTYPES_ARGS(dev));
void vmxnet3_offload_prepare(struct rte_eth_dev *dev);
void vmxnet3_offload_strip(struct rte_eth_dev *dev);

/* vmxnet3_rx.c, vmxnet3_tx.c and what belongs to them. One thread per queue at a time. */
void vmxnet3_tx_choose(struct rte_eth_dev *dev);
uint16_t vmxnet3_tx_burst_data(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
uint16_t vmxnet3_tx_prepare(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts);
void vmxnet3_tx_reap(struct vmxnet3_tx_queue *txq);
void vmxnet3_tx_free_all(struct vmxnet3_tx_queue *txq);
uint16_t vmxnet3_tx_take_copied(struct vmxnet3_tx_queue *txq);
void vmxnet3_tx_free_copied(const struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n);
void vmxnet3_rx_doorbell(const struct vmxnet3_rx_queue *rxq, const struct vmxnet3_rx_ring *ring);
uint16_t vmxnet3_rx_refill_threshold(uint16_t ring_size);
void vmxnet3_rx_refill(struct vmxnet3_rx_queue *rxq, struct vmxnet3_rx_ring *ring);

/* vmxnet3_rx_ways.c */
void vmxnet3_rx_choose(struct rte_eth_dev *dev);
const char *vmxnet3_rx_way(const struct rte_eth_dev *dev);

/* vmxnet3_stats.c */
int vmxnet3_stats_get(PVN_STATS_ARGS(dev, stats));
int vmxnet3_stats_reset(struct rte_eth_dev *dev);
int vmxnet3_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
			 unsigned int size);
int vmxnet3_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int size);
void vmxnet3_stats_save(struct rte_eth_dev *dev);
void vmxnet3_stats_keep_rxq(struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq);
void vmxnet3_stats_keep_txq(struct rte_eth_dev *dev, const struct vmxnet3_tx_queue *txq);

#endif /* VMXNET3_PMD_H */
