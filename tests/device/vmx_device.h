/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A VMXNET3 device in software, for testing drivers of it in their own process.
 *
 * Written from the device notes [VMX3], independently of any driver. It works on the caller's
 * thread: registers are served when the driver touches them, packets are moved by
 * vmx_device_run() and vmx_device_rx(). Addresses are virtual ones (IOVA as VA), and only memory
 * told by vmx_device_add_memory() is touched. Each rule a driver breaks is counted by name.
 */
#ifndef VMX_DEVICE_H
#define VMX_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmx_breach.h"

struct vmx_device;
struct vmxnet3_shared;
struct vmx_watch;

/* For opts.versions: 1 to n. */
#define VMX_VERSIONS_TO(n) ((UINT32_C(1) << (n)) - 1)

/* Zero is the plain case: version 1, doorbell threshold 1, each packet completed, 10 Gbit/s. */
struct vmx_device_opts {
	uint32_t versions;  /* offered, bit 0 = v1; 0 means v1 only */
	uint8_t mac[6];	    /* permanent; all zero means 00:50:56:00:00:01 */
	uint32_t link_mbps; /* 0 means 10000 */
	/* ACTIVATE refuses more; 0 means what the version allows [VMX3 6.4]. */
	uint8_t max_queues_tx;
	uint8_t max_queues_rx;
	bool queues_unknown;	    /* GET_MAX_QUEUES_CONF gives -1, and 8 are allowed [VMX3 4] */
	uint8_t conf_intr;	    /* what GET_CONF_INTR answers */
	uint32_t capabilities;	    /* v7+, offered in DCR[0] and PTCR[0]: VMXNET3_CAP_* */
	uint32_t not_granted;	    /* of those, what is refused in the end all the same */
	uint32_t not_passed;	    /* of those, what PTCR[0] lacks */
	bool no_pass_through;	    /* PTCR[0] has the error bit and nothing else */
	uint16_t tx_data_slot;	    /* v3+, GET_TXDATA_DESC_SIZE; 0 means 128 */
	uint16_t rx_data_slot;	    /* v9, the high half of it; 0: no data ring is wanted */
	uint32_t rx_data_not;	    /* bit n % 32: small frame n comes in a buffer all the same */
	uint32_t rss_fields;	    /* v4+, those to be had; 0 means all of the version */
	bool rss_wants_queues;	    /* SET_RSS_FIELDS fails with one rx queue, as on ESXi 8 */
	uint32_t coalesce[4];	    /* v3+, the default scheme: mode, three values */
	bool refuse_memory;	    /* v3+, REGISTER_MEMREGS fails */
	bool stop_on_fault;	    /* a driver's fault in a ring stops that queue [VMX3 9.5] */
	uint32_t disabled_offloads; /* v9, VMXNET3_DISABLED_* */
	/*
	 * As QEMU's model is [VMX3 12]: version 1, 8 queues, ECR reads 0, the MAC reset by
	 * ACTIVATE, one rx queue, completions of type 0, no queue status. What it does at the
	 * doorbell needs trap_bar0 and doorbell_runs as well.
	 */
	bool qemu;
	uint32_t tx_threshold; /* packets that may wait for a doorbell; 0 means 1 */
	bool qemu_mac;	       /* ACTIVATE resets the MAC to the permanent one [VMX3 12.4] */
	bool cq_only;	       /* complete only packets that ask for it [VMX3 7.5] */
	bool rx_doorbells;     /* use rx buffers only when announced [VMX3 8.5] */
	bool trap_bar0;	       /* see each single access to BAR0 */
	bool doorbell_runs;    /* with trap_bar0: a tx doorbell is carried out at once */
	bool buffer_16k;       /* tx length 0 is meant as 16384, and no breach */
};

/* A frame the driver sent, with the offload fields of its first descriptor. Free with free(). */
struct vmx_frame {
	struct vmx_frame *next;
	uint16_t queue;
	uint16_t num_desc;
	uint8_t offload_mode;
	uint16_t header_len;
	uint16_t mss_or_offset;
	bool insert_tag;
	bool outer_csum; /* v4+, the outer UDP checksum of a tunnel is wanted */
	bool inner;	 /* v7+, the offload is the inner packet's */
	uint16_t tci;
	uint32_t len;
	uint8_t data[];
};

/*
 * What goes out on the wire for it: one frame, or the segments it was cut into, linked by `next`.
 * NULL when its offload fields make no sense. Free with vmx_frame_free().
 */
struct vmx_frame *vmx_frame_wire(const struct vmx_frame *frame);
void vmx_frame_free(struct vmx_frame *frame);

enum vmx_rx_result {
	VMX_RX_DELIVERED,
	VMX_RX_FILTERED,  /* by MAC, rx mode or VLAN bitmap */
	VMX_RX_NO_BUFFER, /* dropped, or cut short for want of bodies */
	VMX_RX_TRUNCATED, /* more pieces needed than the driver allows */
	VMX_RX_DOWN,	  /* not active, no such queue, or no link */
};

/* What the completion of a received frame says beyond what the device knows itself. */
struct vmx_rx_meta {
	uint32_t word3;	 /* checksum and protocol bits, VMXNET3_RXC3_* */
	bool csum_known; /* else "checksum not calculated" is set */
	uint8_t rss_type;
	uint32_t rss_hash;
	bool error; /* the frame is bad */
	bool inner; /* v4+: word3 is about the packet inside of a tunnel */
	/* From v2 on, of a frame that was several segments: their number (0 = it was none), MSS. */
	uint8_t lro_segments;
	uint16_t lro_mss;
};

/* How a frame comes to the device, beyond its bytes; NULL in place of it means plainly. */
struct vmx_arrival {
	bool bad;	  /* its frame check sequence is wrong */
	bool trusted;	  /* from a neighbour who left the checksum to hardware */
	uint8_t segments; /* merged already by the host, if not 0 */
	uint16_t mss;
};

struct vmx_train {
	const void *frame;
	size_t len;
};

/* Ways to lie, one-sided faults of a device: name, what it does. */
#define VMX_LIES(X)                                                                                \
	X(NONE, "honest")                                                                          \
	X(TX_INDEX_OUT, "tx completion names an index beyond the ring")                            \
	X(TX_INDEX_IDLE, "tx completion names a descriptor not in flight")                         \
	X(TX_INDEX_MIDDLE, "tx completion names the first descriptor of a longer packet")          \
	X(TX_NOTHING, "tx completions for packets never sent")                                     \
	X(TX_ALL_GEN, "the whole tx completion ring looks valid")                                  \
	X(RX_INDEX_OUT, "rx completion names an index beyond the ring")                            \
	X(RX_INDEX_IDLE, "rx completion names a descriptor that holds no buffer")                  \
	X(RX_RING_ID, "rx completion names a ring that does not exist")                            \
	X(RX_RING_OTHER, "rx completion names the other ring")                                     \
	X(RX_DATA_RING, "rx completion names the data ring, which does not exist")                 \
	X(RX_LEN, "rx completion with more bytes than the buffer has")                             \
	X(RX_NO_SOP, "frame without a beginning")                                                  \
	X(RX_NO_EOP, "frame without an end, again and again")                                      \
	X(RX_SOP_ONLY, "each piece begins a frame, none ends one")                                 \
	X(RX_ZERO_LEN, "a middle piece without bytes")                                             \
	X(RX_NOTHING, "rx completions for frames that never came")                                 \
	X(RX_ALL_GEN, "the whole rx completion ring looks valid")                                  \
	X(ACTIVATE_REFUSED, "ACTIVATE fails")                                                      \
	X(GONE, "every register reads all ones, writes are lost")

enum vmx_lie {
#define VMX_X(name, what) VMX_LIE_##name,
	VMX_LIES(VMX_X)
#undef VMX_X
		VMX_LIE_KINDS
};

/* Called before a command is carried out, so that a test can look at the driver's state then. */
typedef void (*vmx_command_fn)(void *arg, uint32_t command);
/* Called when an unmasked interrupt vector fires. */
typedef void (*vmx_interrupt_fn)(void *arg, unsigned int vector);

struct vmx_device *vmx_device_create(const struct vmx_device_opts *opts);

/* Checks once more, then frees all. The breaches are to be read before. */
void vmx_device_free(struct vmx_device *dev);

/* Last checks before the device is taken from its driver: it must be stopped by now. */
void vmx_device_detach(struct vmx_device *dev);

void vmx_device_add_memory(struct vmx_device *dev, const void *addr, size_t len);

/* The driver's view of BAR 0 or 1, and its size in bytes. */
void *vmx_device_bar(struct vmx_device *dev, unsigned int bar);
size_t vmx_device_bar_size(const struct vmx_device *dev, unsigned int bar);

void vmx_device_on_command(struct vmx_device *dev, vmx_command_fn fn, void *arg);

void vmx_device_on_interrupt(struct vmx_device *dev, vmx_interrupt_fn fn, void *arg);

/* Check all rings, send what the driver handed over, complete it. Returns frames sent. */
unsigned int vmx_device_run(struct vmx_device *dev);

/* While held, sent packets stay without completion, so that the ring fills up. */
void vmx_device_tx_hold(struct vmx_device *dev, bool hold);

/* Oldest frame sent and not yet fetched; NULL when there is none. To be freed by the caller. */
struct vmx_frame *vmx_device_sent(struct vmx_device *dev);

/*
 * Watch tx queue q while the driver sends (see vmx_step.h), from what is handed over next on: 1 a
 * whole packet has become visible, 0 nothing yet, -1 a part of one. Free with free().
 */
struct vmx_watch *vmx_watch_new(const struct vmx_device *dev, unsigned int q);
int vmx_watch_poll(struct vmx_watch *watch);

/* A frame arrives for queue q. meta may be NULL. */
enum vmx_rx_result vmx_device_rx(struct vmx_device *dev, unsigned int q, const void *frame,
				 size_t len, const struct vmx_rx_meta *meta);

/*
 * A frame arrives at the device, which finds out all else by itself: the queue (told in *queue when
 * that is not NULL), hash, protocols, whether checksums are right.
 */
enum vmx_rx_result vmx_device_arrive(struct vmx_device *dev, const void *frame, size_t len,
				     const struct vmx_arrival *how, unsigned int *queue);

/* Frames that arrive together: with LRO on, segments of a stream become one. Returns how many were
 * delivered. */
unsigned int vmx_device_arrive_train(struct vmx_device *dev, const struct vmx_train *train,
				     unsigned int num);

/* Pass over the next n descriptors of ring 1 without completions [VMX3 8.2]. Returns how many. */
unsigned int vmx_device_rx_skip(struct vmx_device *dev, unsigned int q, unsigned int n);

/* Give the next head buffer back unused: a completion of length 0 [VMX3 8.3]. */
bool vmx_device_rx_recycle(struct vmx_device *dev, unsigned int q);

void vmx_device_link(struct vmx_device *dev, bool up, uint32_t mbps);

/* One queue stops with this reason, until the next ACTIVATE, and its event is raised. */
void vmx_device_stop_queue(struct vmx_device *dev, bool tx, unsigned int q, uint32_t reason);

/* Raise events (VMXNET3_EVENT_*) and stop each queue with this reason when they are errors. */
void vmx_device_event(struct vmx_device *dev, uint32_t events, uint32_t stop_reason);

/* The next `count` completions, ACTIVATEs or the like are lies. See VMX_LIES. */
void vmx_device_lie(struct vmx_device *dev, enum vmx_lie lie, unsigned int count);

/* The same for a lie about rx pieces, after `wait` pieces told truly. */
void vmx_device_lie_later(struct vmx_device *dev, enum vmx_lie lie, unsigned int count,
			  unsigned int wait);

/* One completion of queue q, as given but for its generation. Until the next ACTIVATE the device
 * must not complete anything there by itself. */
void vmx_device_forge(struct vmx_device *dev, bool tx, unsigned int q, const uint32_t words[4],
		      bool wrong_gen);

/* Exchange the completion written `back` before the last one for these words; for while the driver
 * looks at it. */
void vmx_device_swap(struct vmx_device *dev, bool tx, unsigned int q, unsigned int back,
		     uint32_t words[3]);

/*
 * From now on completions and results of commands are changed here and there, by a generator with
 * this seed; 0 ends it. The driver must be stopped and started before it can be honest again.
 */
void vmx_device_storm(struct vmx_device *dev, uint64_t seed);

/* While it storms: n completions out of nowhere; all else that a device writes into memory. */
void vmx_device_storm_queue(struct vmx_device *dev, bool tx, unsigned int q, unsigned int n);
void vmx_device_storm_shared(struct vmx_device *dev);

/* Change one of the completions written last, now and then; for while the driver looks at it. */
void vmx_device_storm_again(struct vmx_device *dev, bool tx, unsigned int q);

/* Completions changed or forged since the device was made. */
uint64_t vmx_device_mutated(const struct vmx_device *dev);

/* A short look at the device's state. */
struct vmx_device_state {
	bool active;
	uint32_t version;      /* picked, 0 = none */
	uint32_t capabilities; /* granted */
	uint8_t mac[6];	       /* the one frames are compared with */
	uint32_t mtu;
	uint32_t rx_mode;
	uint64_t features;
	uint16_t max_rx_frags;
	unsigned int num_tx_queues;
	unsigned int num_rx_queues;
	unsigned int num_intrs;
	uint32_t rss_fields;		 /* applied, v4+ */
	uint32_t coalesce[4];		 /* v3+ */
	unsigned int num_memory_regions; /* v3+, taken */
	uint16_t memory_tx, memory_rx;	 /* queues named with them */
	uint16_t ring_buffers[3];	 /* v7+: ring 1 heads, bodies, ring 2 bodies */
	unsigned int activations;	 /* since the device was made */
	uint64_t doorbells_tx; /* seen; several between two runs count once unless trapped */
	uint64_t doorbells_rx;
	uint64_t frames_sent;
};

void vmx_device_state(const struct vmx_device *dev, struct vmx_device_state *state);

/* The shared area in the driver's memory; NULL unless active. */
const struct vmxnet3_shared *vmx_device_shared(const struct vmx_device *dev);

/* Rx descriptors the device holds of ring 0 (heads) or 1 of queue q. */
unsigned int vmx_device_rx_posted(struct vmx_device *dev, unsigned int q, unsigned int ring);

/* Entries of a ring: 0 tx, 1 rx ring 1, 2 rx ring 2. */
unsigned int vmx_device_ring_size(const struct vmx_device *dev, unsigned int q, unsigned int which);

/* Whether the vector is masked, as the driver last wrote it. */
bool vmx_device_masked(const struct vmx_device *dev, unsigned int vector);

/* Breaches: all of them, of one kind, the last one's text; forget those of one kind. */
unsigned int vmx_device_breaches(const struct vmx_device *dev);
unsigned int vmx_device_breach_count(const struct vmx_device *dev, enum vmx_breach_kind kind);
const char *vmx_device_last_breach(const struct vmx_device *dev);
void vmx_device_forgive(struct vmx_device *dev, enum vmx_breach_kind kind);
void vmx_device_print_breaches(const struct vmx_device *dev, FILE *out);
const char *vmx_breach_name(enum vmx_breach_kind kind);
const char *vmx_lie_name(enum vmx_lie lie);

#endif /* VMX_DEVICE_H */
