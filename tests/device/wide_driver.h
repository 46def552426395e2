/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A scripted guest for testing the device model itself: any version, any number of queues, and as
 * little judgement as a driver can have. It keeps the rules; where a test wants one broken it
 * changes the memory before wide_activate(), or writes descriptors by itself.
 */
#ifndef WIDE_DRIVER_H
#define WIDE_DRIVER_H

#include "../../proto/vmxnet3.h"
#include "vmx_device.h"

#define WIDE_QUEUES 32
#define WIDE_FRAME_MAX 70000

struct wide_setup {
	struct vmx_device_opts device;
	unsigned int version;  /* 0 means 1 */
	unsigned int num_tx;   /* 0 means 1 */
	unsigned int num_rx;   /* the same */
	uint32_t ring_size;    /* each of tx, rx ring 1, rx ring 2; 0 means 32 */
	uint32_t head_len;     /* bytes of a head buffer; 0 means 2048 */
	uint32_t body_len;     /* of a body in ring 2; 0 means none are posted */
	uint16_t rx_data_slot; /* 0 means no data ring */
	uint16_t tx_data_slot; /* the same */
	uint16_t max_rx_frags; /* 0 means 1 */
	uint64_t features;     /* VMXNET3_FEATURE_* */
	uint32_t capabilities; /* asked for, v7+ */
	uint32_t mtu;	       /* 0 means 1500 */
};

struct wide_txq {
	struct vmxnet3_txd *ring;
	struct vmxnet3_txc *comp;
	uint8_t *data;
	struct vmxnet3_tx_queue_desc *table;
	uint32_t next;
	uint32_t gen;
	uint32_t comp_next;
	uint32_t comp_gen;
};

struct wide_rxq {
	struct vmxnet3_rxd *ring[2];
	struct vmxnet3_rxc *comp;
	uint8_t *buffers[2];
	uint8_t *data;
	struct vmxnet3_rx_queue_desc *table;
	uint32_t fill[2];
	uint32_t gen[2];
	uint32_t comp_next;
	uint32_t comp_gen;
};

/* A frame as the completions told of it. */
struct wide_frame {
	uint32_t len;
	unsigned int pieces;
	uint32_t first[4]; /* words of the first completion */
	uint32_t last[4];
	uint8_t data[WIDE_FRAME_MAX];
};

struct wide {
	struct wide_setup setup;
	struct vmx_device *dev;
	uint8_t *arena;
	size_t arena_used;
	struct vmxnet3_shared_v6 *shared;
	struct vmxnet3_rss_config *rss;
	uint8_t *side;	/* 4096 bytes for blocks that commands point to */
	uint8_t *table; /* the queue table */
	struct wide_txq tx[WIDE_QUEUES];
	struct wide_rxq rx[WIDE_QUEUES];
	struct wide_frame frame; /* what wide_receive() found */
};

/* Device made, version picked, memory filled in and buffers posted; not active yet. */
void wide_create(struct wide *w, const struct wide_setup *setup);

/* The result of ACTIVATE; then the MAC is written, and rx doorbells are rung if they are wanted. */
uint32_t wide_activate(struct wide *w);

void wide_command(struct wide *w, enum vmxnet3_command command);
uint32_t wide_ask(struct wide *w, enum vmxnet3_command command);

void wide_write(struct wide *w, unsigned int bar, uint32_t offset, uint32_t value);
uint32_t wide_read(struct wide *w, unsigned int bar, uint32_t offset);

/* The command argument: a block of `len` bytes at w->side. */
void wide_argument(struct wide *w, uint32_t len);

/* The next whole frame of a queue into w->frame, its buffers posted again; false if none. */
bool wide_receive(struct wide *w, unsigned int q);

/* One packet of these pieces; word2 and word3 are those of its first descriptor. */
struct wide_piece {
	const void *data;
	uint32_t len;
};
void wide_send(struct wide *w, unsigned int q, const struct wide_piece *pieces, unsigned int num,
	       uint32_t word2, uint32_t word3);

/* Completions of the queue seen since the last call. */
unsigned int wide_reap(struct wide *w, unsigned int q);

/* Memory for packets, that the device may read. */
void *wide_memory(struct wide *w, size_t len, size_t align);

/* QUIESCE, RESET, detach; returns the breaches, printed, and frees all. */
unsigned int wide_close(struct wide *w);

#endif /* WIDE_DRIVER_H */
