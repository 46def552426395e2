/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A second pair of eyes on a tx ring while the driver sends: a real device may look at any moment,
 * so when the first descriptor of a packet is there all others must be.
 */
#include <stdlib.h>

#include "vmx_device_priv.h"

struct vmx_watch {
	const struct vmx_desc *mem;
	uint32_t size;
	uint32_t index;
	bool gen;
};

struct vmx_watch *
vmx_watch_new(const struct vmx_device *dev, unsigned int q)
{
	const struct vmx_ring *ring = &dev->txq[q].ring;
	struct vmx_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		abort();
	watch->mem = ring->mem;
	watch->size = ring->size;
	watch->index = ring->fill;
	watch->gen = ring->fill_gen;
	return watch;
}

/* Whether the descriptor at the watch's place is handed over. ACQ: the rest of it is older. */
static bool
is_there(const struct vmx_watch *watch)
{
	uint32_t word2 = __atomic_load_n(&watch->mem[watch->index].word2, __ATOMIC_ACQUIRE);

	return ((pvn_le32_to_cpu(word2) & VMXNET3_TXD2_GEN) != 0) == watch->gen;
}

static bool
is_eop(const struct vmx_watch *watch)
{
	uint32_t word3 = __atomic_load_n(&watch->mem[watch->index].word3, __ATOMIC_RELAXED);

	return (pvn_le32_to_cpu(word3) & VMXNET3_TXD3_EOP) != 0;
}

static void
step(struct vmx_watch *watch)
{
	if (++watch->index == watch->size) {
		watch->index = 0;
		watch->gen = !watch->gen;
	}
}

int
vmx_watch_poll(struct vmx_watch *watch)
{
	bool last;

	if (!is_there(watch))
		return 0;
	do {
		if (!is_there(watch))
			return -1;
		last = is_eop(watch);
		step(watch);
	} while (!last);
	return 1;
}
