/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A device gone mad [VMX3 14]: completions that began as likely ones and were changed here and
 * there, by a generator that can be run again. Likely ones matter: noise alone would not get past
 * the first check. As with lies, what the driver does meanwhile proves nothing.
 */
#include <string.h>

#include "vmx_device_priv.h"

/* xorshift64*: good enough to choose, and the same everywhere. */
static uint32_t
draw(struct vmx_device *dev)
{
	uint64_t x = dev->storm;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	dev->storm = x;
	return (uint32_t)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

static uint32_t
below(struct vmx_device *dev, uint32_t n)
{
	return (uint32_t)((uint64_t)draw(dev) * n >> 32);
}

static void
set(uint32_t *word, uint32_t mask, uint32_t value)
{
	*word = (*word & ~mask) | pvn_field_put(mask, value);
}

/* An index: near the right one, of the ring, at its edges, or any. */
static uint32_t
odd_index(struct vmx_device *dev, uint32_t right, uint32_t size)
{
	switch (below(dev, 6)) {
	case 0:
		return right + below(dev, 5) - 2;
	case 1:
		return size - 1 + below(dev, 3);
	case 2:
		return 4095;
	case 3:
		return draw(dev);
	default:
		return size == 0 ? 0 : below(dev, size);
	}
}

static uint32_t
odd_rqid(struct vmx_device *dev, unsigned int q)
{
	uint32_t num = dev->num_rx;

	switch (below(dev, 5)) {
	case 0:
		return num + q;
	case 1:
		return 2 * num + q; /* the data ring, if there is one */
	case 2:
		return below(dev, 3 * num + 1);
	case 3:
		return 3 * num;
	default:
		return draw(dev);
	}
}

static uint32_t
odd_len(struct vmx_device *dev, uint32_t right)
{
	switch (below(dev, 6)) {
	case 0:
		return 0;
	case 1:
		return below(dev, 15); /* shorter than an Ethernet header */
	case 2:
		return VMXNET3_RXC2_LEN;
	case 3:
		return right + 1;
	case 4:
		return 2048 + below(dev, 2) + 128 * below(dev, 2);
	default:
		return draw(dev);
	}
}

static void
mutate_rx_once(struct vmx_device *dev, unsigned int q, uint32_t words[4])
{
	const struct vmx_ring *ring = &dev->rxq[q].ring[below(dev, 2)];
	uint32_t index = pvn_field_get(VMXNET3_RXC0_INDEX, words[0]);
	uint32_t len = pvn_field_get(VMXNET3_RXC2_LEN, words[2]);

	switch (below(dev, 10)) {
	case 0:
	case 1:
		set(&words[0], VMXNET3_RXC0_INDEX, odd_index(dev, index, ring->size));
		break;
	case 2:
		set(&words[0], VMXNET3_RXC0_RQID, odd_rqid(dev, q));
		break;
	case 3:
		set(&words[2], VMXNET3_RXC2_LEN, odd_len(dev, len));
		break;
	case 4:
		words[0] ^= VMXNET3_RXC0_SOP;
		break;
	case 5:
		words[0] ^= VMXNET3_RXC0_EOP;
		break;
	case 6:
		words[0] = draw(dev);
		break;
	case 7:
		words[1] = draw(dev);
		set(&words[3], VMXNET3_RXC3_TYPE, VMXNET3_RXC_TYPE_LRO);
		set(&words[3], VMXNET3_RXC3_LRO_MSS, draw(dev));
		break;
	case 8:
		words[2] ^= draw(dev);
		break;
	default:
		words[3] = draw(dev);
		break;
	}
}

void
vmx_storm_rx(struct vmx_device *dev, unsigned int q, uint32_t words[4])
{
	if (dev->storm == 0 || below(dev, 4) == 0)
		return;
	for (uint32_t n = 1 + below(dev, 3); n > 0; n--)
		mutate_rx_once(dev, q, words);
	dev->rxq[q].tainted = true;
	dev->mutated++;
}

void
vmx_storm_tx(struct vmx_device *dev, unsigned int q, uint32_t words[4])
{
	uint32_t index = pvn_field_get(VMXNET3_TXC0_INDEX, words[0]);

	if (dev->storm == 0 || below(dev, 4) == 0)
		return;
	words[0] = odd_index(dev, index, dev->txq[q].ring.size);
	if (below(dev, 2) == 0) {
		words[0] &= VMXNET3_TXC0_INDEX;
	} else {
		words[1] = draw(dev);
		words[3] = draw(dev);
	}
	dev->txq[q].tainted = true;
	dev->mutated++;
}

/* An entry with the wrong generation: written, and not there. */
static void
write_unborn(struct vmx_comp_ring *comp, const uint32_t words[4])
{
	struct vmx_comp *entry = &comp->mem[comp->next];

	for (int i = 0; i < 3; i++)
		entry->word[i] = pvn_cpu_to_le32(words[i]);
	entry->word[3] = pvn_cpu_to_le32((words[3] & ~VMXNET3_RXC3_GEN) |
					 pvn_field_put(VMXNET3_RXC3_GEN, !comp->gen));
	comp->shadow[comp->next] = *entry;
}

static void
write_one(struct vmx_device *dev, struct vmx_comp_ring *comp, const uint32_t words[4])
{
	if (below(dev, 16) == 0)
		write_unborn(comp, words);
	else
		vmx_comp_write(comp, words);
	dev->mutated++;
}

static void
forge_rx(struct vmx_device *dev, unsigned int q)
{
	struct vmx_rxq *rxq = &dev->rxq[q];
	uint32_t words[4];

	words[0] = pvn_field_put(VMXNET3_RXC0_INDEX, rxq->forged++ % rxq->ring[0].size) |
		   pvn_field_put(VMXNET3_RXC0_RQID, q) | VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP |
		   VMXNET3_RXC0_CNC;
	words[1] = 0;
	words[2] = 60 + below(dev, 1000);
	words[3] = pvn_field_put(VMXNET3_RXC3_TYPE, VMXNET3_RXC_TYPE_NORMAL);
	if (rxq->data_slot != 0 && below(dev, 2) == 0) {
		set(&words[0], VMXNET3_RXC0_RQID, 2 * dev->num_rx + q);
		words[2] = 14 + below(dev, rxq->data_slot);
	}
	if (below(dev, 4) == 0) { /* once more from about here */
		rxq->forged = below(dev, rxq->ring[0].size);
		words[0] ^= VMXNET3_RXC0_EOP;
	}
	for (uint32_t n = below(dev, 3); n > 0; n--)
		mutate_rx_once(dev, q, words);
	write_one(dev, &rxq->comp, words);
}

static void
forge_tx(struct vmx_device *dev, unsigned int q)
{
	struct vmx_txq *txq = &dev->txq[q];
	uint32_t words[4] = {0, 0, 0, 0};

	words[0] = odd_index(dev, txq->ring.clean, txq->ring.size) & VMXNET3_TXC0_INDEX;
	write_one(dev, &txq->comp, words);
}

void
vmx_device_storm_queue(struct vmx_device *dev, bool tx, unsigned int q, unsigned int n)
{
	if (!dev->active || q >= (tx ? dev->num_tx : dev->num_rx))
		return;
	*(tx ? &dev->txq[q].tainted : &dev->rxq[q].tainted) = true;
	for (; n > 0; n--) {
		if (tx)
			forge_tx(dev, q);
		else
			forge_rx(dev, q);
	}
}

/* Written by a device that may do so at any moment; the driver may have read half of it. */
void
vmx_device_storm_again(struct vmx_device *dev, bool tx, unsigned int q)
{
	struct vmx_comp_ring *comp = tx ? &dev->txq[q].comp : &dev->rxq[q].comp;
	uint32_t at = (comp->next + comp->size - 1 - below(dev, 8)) % comp->size;
	struct vmx_comp *entry = &comp->mem[at];
	uint32_t words[4];

	if (below(dev, 8) != 0) /* else nothing would ever be found in order */
		return;
	for (int i = 0; i < 4; i++)
		words[i] = pvn_le32_to_cpu(entry->word[i]);
	if (tx)
		words[0] = odd_index(dev, words[0], dev->txq[q].ring.size);
	else
		mutate_rx_once(dev, q, words);
	if (below(dev, 16) != 0) /* mostly it stays there */
		words[3] = (words[3] & ~VMXNET3_RXC3_GEN) |
			   (pvn_le32_to_cpu(entry->word[3]) & VMXNET3_RXC3_GEN);
	for (int i = 0; i < 4; i++)
		__atomic_store_n(&entry->word[i], pvn_cpu_to_le32(words[i]), __ATOMIC_RELAXED);
	comp->shadow[at] = *entry;
	dev->mutated++;
}

static uint32_t
extreme(struct vmx_device *dev)
{
	static const uint32_t values[] = {0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
	uint32_t i = below(dev, 8);

	return i < 6 ? values[i] : draw(dev);
}

void
vmx_device_storm_shared(struct vmx_device *dev)
{
	if (!dev->active)
		return;
	for (unsigned int q = 0; q < dev->num_tx; q++) {
		struct vmxnet3_tx_queue_desc *t = dev->txq[q].table;
		uint64_t *counters = (uint64_t *)&t->counters;

		dev->txq[q].tainted = true;
		t->threshold = pvn_cpu_to_le32(extreme(dev));
		t->stopped = (uint8_t)extreme(dev);
		t->stop_reason = pvn_cpu_to_le32(extreme(dev));
		counters[below(dev, 10)] = (uint64_t)extreme(dev) << 32 | extreme(dev);
	}
	for (unsigned int q = 0; q < dev->num_rx; q++) {
		struct vmxnet3_rx_queue_desc *r = dev->rxq[q].table;
		uint64_t *counters = (uint64_t *)&r->counters;

		dev->rxq[q].tainted = true;
		r->doorbells_wanted = (uint8_t)extreme(dev);
		r->stopped = (uint8_t)extreme(dev);
		r->stop_reason = pvn_cpu_to_le32(extreme(dev));
		counters[below(dev, 10)] = (uint64_t)extreme(dev) << 32 | extreme(dev);
	}
	dev->shared->events = pvn_cpu_to_le32(extreme(dev));
}

uint32_t
vmx_storm_result(struct vmx_device *dev, uint32_t result)
{
	return dev->storm == 0 || below(dev, 2) == 0 ? result : extreme(dev);
}

void
vmx_device_storm(struct vmx_device *dev, uint64_t seed)
{
	dev->storm = seed;
}

uint64_t
vmx_device_mutated(const struct vmx_device *dev)
{
	return dev->mutated;
}
