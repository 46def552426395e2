/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The least that a driver of the device can be, in one process with it and without DPDK: one queue
 * each way, 32 descriptors, everything in one block of memory. Tests spoil it step by step.
 */
#ifndef NAIVE_DRIVER_H
#define NAIVE_DRIVER_H

#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_device.h"

#define NAIVE_RING 32
#define NAIVE_COMP 64
#define NAIVE_BUFFER 2048
#define NAIVE_FRAME 100

struct naive_memory {
	struct vmxnet3_txd tx[NAIVE_RING];
	struct vmxnet3_txc txc[NAIVE_RING];
	struct vmxnet3_rxd rx1[NAIVE_RING];
	struct vmxnet3_rxd rx2[NAIVE_RING];
	struct vmxnet3_rxc rxc[NAIVE_COMP];
	struct {
		struct vmxnet3_tx_queue_desc tx;
		struct vmxnet3_rx_queue_desc rx;
	} table;
	struct vmxnet3_shared shared;
	uint8_t rss[176 + 8];
	uint8_t frame[16384];
	uint8_t buffer[NAIVE_RING][NAIVE_BUFFER];
};

struct naive {
	struct vmx_device *dev;
	struct naive_memory *mem;
	uint32_t tx_next;
};

static inline void
naive_write(struct naive *n, unsigned int bar, uint32_t offset, uint32_t value)
{
	volatile uint8_t *base = vmx_device_bar(n->dev, bar);

	*(volatile uint32_t *)(base + offset) = value;
}

static inline uint32_t
naive_read(struct naive *n, unsigned int bar, uint32_t offset)
{
	const volatile uint8_t *base = vmx_device_bar(n->dev, bar);

	return *(const volatile uint32_t *)(base + offset);
}

static inline void
naive_command(struct naive *n, uint32_t code)
{
	naive_write(n, 1, VMXNET3_BAR1_CMD, code);
}

/* A device, and memory that holds what a driver would have prepared. */
void naive_create(struct naive *n, const struct vmx_device_opts *opts);

/* Version, shared area, ACTIVATE; the result of it. */
uint32_t naive_activate(struct naive *n);

/* One descriptor of the frame's `len` bytes; handed over, but no doorbell. */
void naive_fill_tx(struct naive *n, uint32_t len, uint32_t word2, uint32_t word3);

void naive_ring_tx(struct naive *n);

/* QUIESCE, the shared area taken back, RESET. */
void naive_stop(struct naive *n);

void naive_free(struct naive *n);

#endif /* NAIVE_DRIVER_H */
