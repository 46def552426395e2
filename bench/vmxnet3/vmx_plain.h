/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a VMXNET3 device does with its rings and nothing else: no checks, no frames, no counters.
 * For measuring drivers, whose caches it disturbs as little as can be. The dialogue (registers,
 * ACTIVATE) is left to the tests' device; this takes over one tx and one rx queue after it.
 *
 * Written from the device notes [VMX3 7, 8].
 */
#ifndef VMX_PLAIN_H
#define VMX_PLAIN_H

#include <stdint.h>

#include <vmxnet3.h>

struct vmx_plain_ring {
	const uint32_t *desc; /* four words each */
	uint32_t size;
	uint32_t next;
	uint32_t gen; /* 1 or 0: of what the driver hands over at `next` */
};

struct vmx_plain_comp {
	uint32_t *entry;
	uint32_t size;
	uint32_t next;
	uint32_t gen; /* VMXNET3_RXC3_GEN, which is VMXNET3_TXC3_GEN, or 0 */
};

struct vmx_plain {
	struct vmx_plain_ring tx, rx[2];
	struct vmx_plain_comp txc, rxc;
	uint8_t *slots; /* of the rx data ring, or NULL */
	uint32_t slot_size;
	uint32_t word3; /* what rx completions say of checksums and protocols */
};

/* The queues of an active device; addresses are pointers. */
void vmx_plain_begin(struct vmx_plain *p, const struct vmxnet3_shared *shared);

/*
 * A frame of `pieces` buffers arrives, `len` bytes in each; in a slot of the data ring if the
 * driver has set one up and it fits, and there it is written, since the driver is to read it. 0, or
 * -1 if the driver posted too few buffers.
 */
int vmx_plain_rx(struct vmx_plain *p, uint32_t pieces, uint32_t len);

/* Takes every packet that was handed over, and completes those of which that is asked; how many. */
uint32_t vmx_plain_tx(struct vmx_plain *p);

#endif
