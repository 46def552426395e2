/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The device model's inside, shared by its files:
 *
 *	vmx_device.c	life of a device, memory, link
 *	vmx_doorbell.c	BAR0 as memory: where doorbells are, what else was written
 *	vmx_intr.c	interrupt vectors and their masks
 *	vmx_regs.c	BAR1 registers
 *	vmx_command.c	commands
 *	vmx_activate.c	what ACTIVATE reads, checked and taken over
 *	vmx_ring.c	who owns which descriptor; completion rings
 *	vmx_block.c	commands with an argument
 *	vmx_tx.c	doorbells, sending, tx completions
 *	vmx_wire.c	what is sent, as it goes out on a wire
 *	vmx_rx.c	delivery of frames, rx completions
 *	vmx_arrive.c	what the device finds out about a frame
 *	vmx_rss.c	the hash, and the queue it leads to
 *	vmx_packet.c	headers and checksums, for all who need to know
 *	vmx_filter.c	which frames are for this device
 *	vmx_lie.c	completions no honest device writes
 *	vmx_storm.c	the same at random, in great numbers
 *	vmx_watch.c	a tx ring looked at while the driver sends
 *	vmx_report.c	breaches
 */
#ifndef VMX_DEVICE_PRIV_H
#define VMX_DEVICE_PRIV_H

#include "vmx_device.h"

#include "../../proto/vmxnet3.h"
#include "vmx_bar.h"

#define VMX_QUEUES_MAX 32
#define VMX_MEMORY_MAX 64
#define VMX_INTR_MAX VMXNET3_INTR_MAX_V6
#define VMX_DOORBELL_IDLE 0xFFFFFFFFu /* in BAR0 where no doorbell has been rung */

/* A descriptor of any ring: the same shape for tx, rx and completions. */
struct vmx_desc {
	pvn_le64 addr;
	pvn_le32 word2;
	pvn_le32 word3;
};

/* A completion of either direction, as four words. */
struct vmx_comp {
	pvn_le32 word[4];
};

/*
 * A command ring, as the device sees it:
 *
 *	clean .. take	taken by the device, not yet completed: owned by the device
 *	take .. fill	handed over, not yet taken: owned by the device
 *	fill .. clean	the driver's
 */
struct vmx_ring {
	char name[16];
	struct vmx_desc *mem;
	struct vmx_desc *shadow; /* what owned descriptors held when handed over */
	uint32_t gen_mask;	 /* in word2 */
	uint32_t size;
	uint32_t clean;
	uint32_t take;
	uint32_t fill;
	uint32_t owned; /* clean .. fill */
	uint32_t ready; /* take .. what a doorbell announced */
	bool fill_gen;
};

struct vmx_comp_ring {
	char name[16];
	struct vmx_comp *mem;
	struct vmx_comp *shadow;
	uint32_t size;
	uint32_t next;
	bool gen;
};

struct vmx_counters {
	uint64_t special_packets; /* TSO or LRO */
	uint64_t special_bytes;
	uint64_t packets[3]; /* by enum vmx_cast */
	uint64_t bytes[3];
	uint64_t last[2]; /* tx: error, discarded; rx: out of buffer, error */
};

enum vmx_cast { VMX_UCAST, VMX_MCAST, VMX_BCAST };

struct vmx_txq {
	struct vmx_ring ring;
	struct vmx_comp_ring comp;
	struct vmxnet3_tx_queue_desc *table; /* in the driver's memory */
	struct vmxnet3_tx_queue_desc config; /* as it was at ACTIVATE */
	struct vmx_counters counters;
	uint16_t *done; /* EOP indexes that wait for their completion */
	uint32_t num_done;
	bool stopped;
	uint32_t stop_reason;
	uint32_t fault;	    /* of the driver's: what the queue will be stopped for */
	uint32_t data_slot; /* bytes, 0 = no data ring */
	bool tainted;	    /* lied to: what the driver does now proves nothing */
};

struct vmx_rxq {
	struct vmx_ring ring[2];
	struct vmx_comp_ring comp;
	struct vmxnet3_rx_queue_desc *table;
	struct vmxnet3_rx_queue_desc config;
	struct vmx_counters counters;
	bool stopped;
	uint32_t stop_reason;
	uint32_t fault;
	uint32_t data_slot; /* bytes, 0 = no data ring */
	uint32_t small;	    /* frames that would have fitted a slot */
	uint32_t forged;    /* where forged completions have got to */
	bool tainted;
};

struct vmx_memory {
	uintptr_t addr;
	size_t len;
};

struct vmx_filter {
	uint32_t rx_mode;
	uint32_t vlan_bitmap[128];
	uint8_t (*mcast)[6];
	size_t num_mcast;
};

/* Interrupts as set up at ACTIVATE, whichever block they stood in [VMX3 5, 9.4]. */
struct vmx_intr {
	bool auto_mask;
	unsigned int num;
	unsigned int event;
	const pvn_le32 *ctrl;	    /* in the driver's memory */
	bool pending[VMX_INTR_MAX]; /* fired while masked */
};

enum vmx_doorbell { VMX_TXPROD, VMX_RXPROD, VMX_RXPROD2, VMX_DOORBELL_KINDS };

struct vmx_device {
	struct vmx_device_opts opts;
	struct vmx_bar *bar0;
	struct vmx_bar *bar1;
	struct vmx_memory memory[VMX_MEMORY_MAX];
	size_t num_memory;

	/* Registers. */
	uint32_t version;
	bool upt_picked;
	uint32_t dsal;
	uint64_t shared_addr;
	bool dsal_written;
	bool shared_set;
	uint32_t granted; /* capabilities, v7+ */
	uint32_t command;
	uint32_t result;
	bool result_wanted;
	uint32_t macl;
	uint32_t mach;
	bool macl_pending;
	bool mac_early; /* MAC other than the permanent one, not written since ACTIVATE */
	uint8_t mac[6];
	bool imr_at_stop[VMX_INTR_MAX]; /* masks when last active, or after RESET */

	/* Active state. */
	bool active;
	struct vmxnet3_shared *shared; /* in the driver's memory */
	struct vmxnet3_shared config;
	struct vmxnet3_intr_ext *shared_intr; /* NULL while the block of v1 is the one in use */
	struct vmxnet3_intr_ext config_intr;
	struct vmx_intr intr;
	uint64_t features;
	unsigned int num_tx;
	unsigned int num_rx;
	struct vmx_txq txq[VMX_QUEUES_MAX];
	struct vmx_rxq rxq[VMX_QUEUES_MAX];
	struct vmx_filter filter;
	struct vmxnet3_rss_config rss; /* as last read */
	uint32_t rss_fields;
	uint64_t *posted; /* hash of addresses of posted rx buffers */
	size_t posted_slots;

	uint32_t events; /* as in the shared area */
	uint32_t coalesce[4];
	unsigned int num_regions;
	uint16_t regions_tx, regions_rx; /* queues named with them */
	uint16_t ring_buffers[3];
	uint32_t *fault; /* of the queue being looked at; see vmx_breach() */

	bool link_up;
	uint32_t link_mbps;
	bool tx_hold;
	bool gone;

	enum vmx_lie lie;
	unsigned int lie_count;
	unsigned int lie_wait;
	uint64_t storm; /* the generator's state, 0 = no storm */
	uint64_t mutated;

	struct vmx_frame *sent_head;
	struct vmx_frame **sent_tail;
	unsigned int activations;
	uint64_t doorbells_tx;
	uint64_t doorbells_rx;
	uint64_t frames_sent;

	vmx_command_fn on_command;
	void *command_arg;
	vmx_interrupt_fn on_interrupt;
	void *interrupt_arg;

	bool muted; /* breaches do not count now */
	unsigned int breaches[VMX_BREACH_KINDS];
	unsigned int breaches_total;
	char last_breach[256];
};

/* vmx_report.c */
void vmx_breach(struct vmx_device *dev, enum vmx_breach_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* vmx_device.c */
/* The memory at a device address, or NULL when not all of it may be touched. */
void *vmx_dma(const struct vmx_device *dev, uint64_t addr, size_t len);
void vmx_deactivate(struct vmx_device *dev);
/* Whether the picked version is this one or a later one; before any is picked it is 1. */
bool vmx_is_version(const struct vmx_device *dev, unsigned int version);
unsigned int vmx_max_queues(const struct vmx_device *dev, bool tx);
/*
 * Everything that can be checked at any time; and when the driver has settled, that is, it is not
 * in the middle of something, also what it must have done by then, such as ringing doorbells.
 */
void vmx_check_all(struct vmx_device *dev, bool settled);

/* vmx_doorbell.c */
/* Offset in BAR0. */
uint32_t vmx_doorbell_offset(const struct vmx_device *dev, enum vmx_doorbell kind, unsigned int q);
/* Its value if it has been rung since the last look, else VMX_DOORBELL_IDLE. */
uint32_t vmx_doorbell_take(struct vmx_device *dev, enum vmx_doorbell kind, unsigned int q);
/* Which one a word of BAR0 is, if it is one. */
bool vmx_doorbell_at(const struct vmx_device *dev, uint32_t offset, enum vmx_doorbell *kind,
		     unsigned int *q);
/* Doorbells of queues that exist are for vmx_tx.c and vmx_rx.c; all else must not be written. */
void vmx_check_bar0(struct vmx_device *dev);

/* vmx_intr.c */
unsigned int vmx_num_vectors(const struct vmx_device *dev);
void vmx_mask_all(struct vmx_device *dev);
void vmx_interrupt(struct vmx_device *dev, unsigned int vector);
/* What fired while masked and no longer is. */
void vmx_interrupt_pending(struct vmx_device *dev);
/* An interrupt unmasked while the device was not active stays masked [VMX3 9.2]. */
void vmx_check_masks(struct vmx_device *dev);

/* vmx_regs.c */
extern const struct vmx_bar_ops vmx_bar0_ops;
extern const struct vmx_bar_ops vmx_bar1_ops;
uint32_t vmx_mac_low(const uint8_t mac[6]);
uint32_t vmx_mac_high(const uint8_t mac[6]);

/* vmx_command.c */
void vmx_run_command(struct vmx_device *dev, uint32_t code);

/* vmx_activate.c */
/* 0 or 1, what CMD reads after ACTIVATE. */
uint32_t vmx_activate(struct vmx_device *dev);
void vmx_check_shared(struct vmx_device *dev);

/* vmx_block.c; results of the commands */
uint32_t vmx_set_coalesce(struct vmx_device *dev);
uint32_t vmx_get_coalesce(struct vmx_device *dev);
uint32_t vmx_register_memory(struct vmx_device *dev);
uint32_t vmx_set_ring_buffers(struct vmx_device *dev);

/* vmx_ring.c */
int vmx_ring_start(struct vmx_ring *ring, void *mem, uint32_t size, uint32_t gen_mask);
void vmx_ring_stop(struct vmx_ring *ring);
uint32_t vmx_ring_next(const struct vmx_ring *ring, uint32_t index);
/* Check what the device owns, then take over what was newly handed to it. */
typedef void (*vmx_accept_fn)(struct vmx_device *dev, struct vmx_ring *ring, uint32_t index);
void vmx_ring_scan(struct vmx_device *dev, struct vmx_ring *ring, vmx_accept_fn accept);
/* Descriptors handed over and not yet taken. */
uint32_t vmx_ring_waiting(const struct vmx_ring *ring);
/* Use a doorbell's value: how much of what waits is announced. */
void vmx_ring_announce(struct vmx_device *dev, struct vmx_ring *ring, uint32_t producer);
/* Take the next ready descriptor; its copy is in shadow. */
uint32_t vmx_ring_take(struct vmx_ring *ring);
/* All up to and including index are the driver's again. */
void vmx_ring_release(struct vmx_ring *ring, uint32_t index);
int vmx_comp_start(struct vmx_comp_ring *comp, void *mem, uint32_t size);
void vmx_comp_stop(struct vmx_comp_ring *comp);
void vmx_comp_check(struct vmx_device *dev, struct vmx_comp_ring *comp);
/* Append an entry; the generation goes into word 3. */
void vmx_comp_write(struct vmx_comp_ring *comp, const uint32_t words[4]);

/* vmx_tx.c */
void vmx_tx_scan(struct vmx_device *dev, unsigned int q, bool settled);
unsigned int vmx_tx_run(struct vmx_device *dev, unsigned int q);

/* vmx_wire.c */
bool vmx_frame_tunneled(const struct vmx_frame *f);
/* Offload fields against the packet they came with, and what becomes of it. */
void vmx_wire_check(struct vmx_device *dev, const char *ring, const struct vmx_frame *f);
/* Packets it becomes. */
unsigned int vmx_wire_segments(const struct vmx_frame *f);
/* Capabilities a tunnel's offload needs. */
uint32_t vmx_wire_capabilities(const struct vmx_frame *f);

/* vmx_rx.c */
void vmx_rx_scan(struct vmx_device *dev, unsigned int q, bool settled);

/* vmx_rss.c */
struct vmx_packet;
void vmx_rss_start(struct vmx_device *dev);
void vmx_rss_update_table(struct vmx_device *dev);
/* 0, or 1 for refused. */
uint32_t vmx_rss_set_fields(struct vmx_device *dev);
/* The packet's queue; fills in hash and type. */
unsigned int vmx_rss_steer(const struct vmx_device *dev, const struct vmx_packet *p,
			   const uint8_t *frame, struct vmx_rx_meta *meta);

/* vmx_filter.c */
void vmx_filter_read_mode(struct vmx_device *dev);
void vmx_filter_read_vlans(struct vmx_device *dev);
void vmx_filter_read_mcast(struct vmx_device *dev);
bool vmx_filter_accepts(const struct vmx_device *dev, const uint8_t *frame, size_t len);
enum vmx_cast vmx_cast_of(const uint8_t *frame);
void vmx_count(struct vmx_counters *counters, const uint8_t *frame, size_t len);

/* vmx_storm.c */
/* Change the completion, or a command's result, if it storms. */
void vmx_storm_rx(struct vmx_device *dev, unsigned int q, uint32_t words[4]);
void vmx_storm_tx(struct vmx_device *dev, unsigned int q, uint32_t words[4]);
uint32_t vmx_storm_result(struct vmx_device *dev, uint32_t result);

/* vmx_lie.c */
/* Change the completion, if a lie of this direction is due. */
void vmx_lie_tx(struct vmx_device *dev, struct vmx_txq *txq, uint32_t first, uint32_t words[4]);
void vmx_lie_rx(struct vmx_device *dev, struct vmx_rxq *rxq, uint32_t buffer_len,
		uint32_t words[4]);

#endif /* VMX_DEVICE_PRIV_H */
