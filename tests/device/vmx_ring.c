/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Rings and who owns what in them [VMX3 7.2, 8.2].
 *
 * A descriptor becomes the device's when its generation bit equals the ring's current one, and the
 * driver's again with a completion. The device keeps a copy of each descriptor from the moment it
 * owns it; since driver and device run on one thread, any difference at the next look is a breach.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

int
vmx_ring_start(struct vmx_ring *ring, void *mem, uint32_t size, uint32_t gen_mask)
{
	ring->mem = mem;
	ring->size = size;
	ring->gen_mask = gen_mask;
	ring->clean = ring->take = ring->fill = 0;
	ring->owned = ring->ready = 0;
	ring->fill_gen = true;
	ring->shadow = calloc(size, sizeof(*ring->shadow));
	return ring->shadow == NULL ? -1 : 0;
}

void
vmx_ring_stop(struct vmx_ring *ring)
{
	free(ring->shadow);
	ring->shadow = NULL;
	ring->mem = NULL;
	ring->size = ring->owned = ring->ready = 0;
}

uint32_t
vmx_ring_next(const struct vmx_ring *ring, uint32_t index)
{
	return index + 1 == ring->size ? 0 : index + 1;
}

static bool
gen_at(const struct vmx_ring *ring, uint32_t index)
{
	/* The driver publishes with this word; the rest of the descriptor is older than it. */
	uint32_t word2 = __atomic_load_n(&ring->mem[index].word2, __ATOMIC_ACQUIRE);

	return (pvn_le32_to_cpu(word2) & ring->gen_mask) != 0;
}

static void
check_owned(struct vmx_device *dev, struct vmx_ring *ring)
{
	uint32_t index = ring->clean;

	for (uint32_t i = 0; i < ring->owned; i++, index = vmx_ring_next(ring, index)) {
		if (memcmp(&ring->mem[index], &ring->shadow[index], sizeof(*ring->mem)) == 0)
			continue;
		vmx_breach(dev, VMX_BREACH_DESC_REUSED, "%s descriptor %u of %u", ring->name, index,
			   ring->size);
		ring->shadow[index] = ring->mem[index];
	}
}

static void
accept_new(struct vmx_device *dev, struct vmx_ring *ring, vmx_accept_fn accept)
{
	while (gen_at(ring, ring->fill) == ring->fill_gen) {
		uint32_t index = ring->fill;

		if (ring->owned == ring->size - 1) {
			vmx_breach(dev, VMX_BREACH_RING_FULL_OVERRUN, "%s descriptor %u of %u",
				   ring->name, index, ring->size);
			return;
		}
		ring->shadow[index] = ring->mem[index];
		ring->owned++;
		ring->fill = vmx_ring_next(ring, index);
		if (ring->fill == 0)
			ring->fill_gen = !ring->fill_gen;
		accept(dev, ring, index);
	}
}

/* What is the driver's must not look handed over. */
static void
check_gap(struct vmx_device *dev, struct vmx_ring *ring)
{
	uint32_t index = ring->fill;
	bool gen = ring->fill_gen;

	for (uint32_t i = ring->owned; i < ring->size - 1; i++) {
		if (gen_at(ring, index) == gen) {
			vmx_breach(dev, VMX_BREACH_DESC_GAP, "%s descriptor %u, but not %u",
				   ring->name, index, ring->fill);
			return;
		}
		index = vmx_ring_next(ring, index);
		if (index == 0)
			gen = !gen;
	}
}

void
vmx_ring_scan(struct vmx_device *dev, struct vmx_ring *ring, vmx_accept_fn accept)
{
	if (ring->mem == NULL)
		return;
	check_owned(dev, ring);
	accept_new(dev, ring, accept);
	check_gap(dev, ring);
}

uint32_t
vmx_ring_waiting(const struct vmx_ring *ring)
{
	uint32_t taken = (ring->take + ring->size - ring->clean) % ring->size;

	return ring->owned - taken;
}

void
vmx_ring_announce(struct vmx_device *dev, struct vmx_ring *ring, uint32_t producer)
{
	uint32_t waiting = vmx_ring_waiting(ring);
	uint32_t announced;

	if (producer >= ring->size) {
		vmx_breach(dev, VMX_BREACH_DOORBELL_RANGE, "%s: %u of %u", ring->name, producer,
			   ring->size);
		return;
	}
	announced = (producer + ring->size - ring->take) % ring->size;
	if (announced > waiting) {
		vmx_breach(dev, VMX_BREACH_GEN_NOT_FLIPPED, "%s: doorbell %u, but only %u..%u",
			   ring->name, producer, ring->take, ring->fill);
		announced = waiting;
	}
	ring->ready = announced;
}

uint32_t
vmx_ring_take(struct vmx_ring *ring)
{
	uint32_t index = ring->take;

	ring->take = vmx_ring_next(ring, index);
	ring->ready--;
	return index;
}

void
vmx_ring_release(struct vmx_ring *ring, uint32_t index)
{
	uint32_t end = vmx_ring_next(ring, index);

	do {
		ring->clean = vmx_ring_next(ring, ring->clean);
		ring->owned--;
	} while (ring->clean != end);
}

int
vmx_comp_start(struct vmx_comp_ring *comp, void *mem, uint32_t size)
{
	comp->mem = mem;
	comp->size = size;
	comp->next = 0;
	comp->gen = true;
	comp->shadow = calloc(size, sizeof(*comp->shadow));
	if (comp->shadow == NULL)
		return -1;
	memcpy(comp->shadow, mem, size * sizeof(*comp->shadow));
	return 0;
}

void
vmx_comp_stop(struct vmx_comp_ring *comp)
{
	free(comp->shadow);
	comp->shadow = NULL;
	comp->mem = NULL;
	comp->size = 0;
}

/* Only the device writes here: everything must still be as it left it. */
void
vmx_comp_check(struct vmx_device *dev, struct vmx_comp_ring *comp)
{
	if (comp->mem == NULL ||
	    memcmp(comp->mem, comp->shadow, comp->size * sizeof(*comp->mem)) == 0)
		return;
	vmx_breach(dev, VMX_BREACH_COMP_RING_WRITTEN, "%s, next to be written is %u", comp->name,
		   comp->next);
	memcpy(comp->shadow, comp->mem, comp->size * sizeof(*comp->mem));
}

void
vmx_comp_write(struct vmx_comp_ring *comp, const uint32_t words[4])
{
	struct vmx_comp *entry = &comp->mem[comp->next];
	uint32_t last = words[3] & ~VMXNET3_RXC3_GEN;

	for (int i = 0; i < 3; i++)
		entry->word[i] = pvn_cpu_to_le32(words[i]);
	last |= pvn_field_put(VMXNET3_RXC3_GEN, comp->gen);
	__atomic_store_n(&entry->word[3], pvn_cpu_to_le32(last), __ATOMIC_RELEASE);
	comp->shadow[comp->next] = *entry;
	if (++comp->next == comp->size) {
		comp->next = 0;
		comp->gen = !comp->gen;
	}
}
