/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Completions no honest device writes [VMX3 14]. A queue that was lied to is tainted until the next
 * ACTIVATE: what its driver hands over from then on proves nothing, so breaches there do not count.
 */
#include <string.h>

#include "vmx_device_priv.h"

static bool
due(struct vmx_device *dev, enum vmx_lie first, enum vmx_lie last)
{
	return dev->lie >= first && dev->lie <= last && dev->lie_count > 0;
}

/* To be called when the lie has been told. */
static void
told(struct vmx_device *dev)
{
	if (--dev->lie_count == 0)
		dev->lie = VMX_LIE_NONE;
}

void
vmx_lie_tx(struct vmx_device *dev, struct vmx_txq *txq, uint32_t first, uint32_t words[4])
{
	const struct vmx_ring *ring = &txq->ring;

	if (!due(dev, VMX_LIE_TX_INDEX_OUT, VMX_LIE_TX_INDEX_MIDDLE))
		return;
	txq->tainted = true;
	switch (dev->lie) {
	case VMX_LIE_TX_INDEX_OUT:
		words[0] = ring->size < 4095 ? ring->size : 4095;
		break;
	case VMX_LIE_TX_INDEX_IDLE:
		words[0] = ring->fill;
		break;
	default:
		words[0] = first;
		break;
	}
	told(dev);
}

static void
set_ring_id(const struct vmx_device *dev, uint32_t words[4])
{
	uint32_t id = pvn_field_get(VMXNET3_RXC0_RQID, words[0]);

	if (dev->lie == VMX_LIE_RX_RING_ID)
		id = 1023;
	else if (dev->lie == VMX_LIE_RX_DATA_RING)
		id = id % dev->num_rx + 2 * dev->num_rx;
	else
		id = id < dev->num_rx ? id + dev->num_rx : id - dev->num_rx;
	words[0] &= ~VMXNET3_RXC0_RQID;
	words[0] |= pvn_field_put(VMXNET3_RXC0_RQID, id);
}

static void
set_index(const struct vmx_device *dev, const struct vmx_rxq *rxq, uint32_t words[4])
{
	const struct vmx_ring *ring = &rxq->ring[0];

	words[0] &= ~VMXNET3_RXC0_INDEX;
	words[0] |= dev->lie == VMX_LIE_RX_INDEX_IDLE ? ring->fill : VMXNET3_RXC0_INDEX;
}

/* Some lies are the truth about some pieces; they wait for another. */
static bool
would_be_true(enum vmx_lie lie, const uint32_t words[4])
{
	bool sop = (words[0] & VMXNET3_RXC0_SOP) != 0;
	bool eop = (words[0] & VMXNET3_RXC0_EOP) != 0;

	return (lie == VMX_LIE_RX_NO_SOP && !sop) || (lie == VMX_LIE_RX_NO_EOP && !eop) ||
	       (lie == VMX_LIE_RX_SOP_ONLY && sop && !eop);
}

void
vmx_lie_rx(struct vmx_device *dev, struct vmx_rxq *rxq, uint32_t buffer_len, uint32_t words[4])
{
	if (!due(dev, VMX_LIE_RX_INDEX_OUT, VMX_LIE_RX_ZERO_LEN) || would_be_true(dev->lie, words))
		return;
	if (dev->lie_wait > 0) {
		dev->lie_wait--;
		return;
	}
	rxq->tainted = true;
	switch (dev->lie) {
	case VMX_LIE_RX_INDEX_OUT:
	case VMX_LIE_RX_INDEX_IDLE:
		set_index(dev, rxq, words);
		break;
	case VMX_LIE_RX_RING_ID:
	case VMX_LIE_RX_RING_OTHER:
	case VMX_LIE_RX_DATA_RING:
		set_ring_id(dev, words);
		break;
	case VMX_LIE_RX_LEN:
		words[2] &= ~VMXNET3_RXC2_LEN;
		words[2] |= buffer_len + 1 > VMXNET3_RXC2_LEN ? VMXNET3_RXC2_LEN : buffer_len + 1;
		break;
	case VMX_LIE_RX_NO_SOP:
		words[0] &= ~VMXNET3_RXC0_SOP;
		break;
	case VMX_LIE_RX_NO_EOP:
		words[0] &= ~VMXNET3_RXC0_EOP;
		break;
	case VMX_LIE_RX_SOP_ONLY:
		words[0] |= VMXNET3_RXC0_SOP;
		words[0] &= ~VMXNET3_RXC0_EOP;
		break;
	default: /* a middle piece without bytes */
		words[0] &= ~(VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP);
		words[2] &= ~VMXNET3_RXC2_LEN;
		break;
	}
	told(dev);
}

/* `count` entries; the n-th names descriptor `index` + n. */
static void
write_many(struct vmx_comp_ring *comp, uint32_t index, uint32_t word0, uint32_t word2,
	   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint32_t words[4] = {((index + i) & VMXNET3_RXC0_INDEX) | word0, 0, word2, 0};

		vmx_comp_write(comp, words);
	}
}

static void
lie_to_txq(struct vmx_txq *txq, bool whole_ring, unsigned int count)
{
	txq->tainted = true;
	/* Half a ring away, so that the next packets sent do not make it true. */
	write_many(&txq->comp, txq->ring.fill + txq->ring.size / 2, 0, 0,
		   whole_ring ? txq->comp.size - 1 : count);
}

static void
lie_to_rxq(struct vmx_rxq *rxq, unsigned int q, bool whole_ring, unsigned int count)
{
	uint32_t word0 = VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP | VMXNET3_RXC0_CNC;

	rxq->tainted = true;
	word0 |= pvn_field_put(VMXNET3_RXC0_RQID, q);
	write_many(&rxq->comp, rxq->ring[0].fill, word0, 60,
		   whole_ring ? rxq->comp.size - 1 : count);
}

static void
lie_now(struct vmx_device *dev, enum vmx_lie lie, unsigned int count)
{
	if (lie == VMX_LIE_TX_NOTHING || lie == VMX_LIE_TX_ALL_GEN) {
		for (unsigned int q = 0; q < dev->num_tx; q++)
			lie_to_txq(&dev->txq[q], lie == VMX_LIE_TX_ALL_GEN, count);
	}
	if (lie == VMX_LIE_RX_NOTHING || lie == VMX_LIE_RX_ALL_GEN) {
		for (unsigned int q = 0; q < dev->num_rx; q++)
			lie_to_rxq(&dev->rxq[q], q, lie == VMX_LIE_RX_ALL_GEN, count);
	}
}

void
vmx_device_lie(struct vmx_device *dev, enum vmx_lie lie, unsigned int count)
{
	bool gone = lie == VMX_LIE_GONE;

	if (gone != dev->gone) {
		dev->gone = gone;
		vmx_bar_trap(dev->bar0, gone || dev->opts.trap_bar0);
	}
	if (dev->active && !gone) {
		vmx_check_all(dev, true);
		lie_now(dev, lie, count);
	}
	dev->lie = lie;
	dev->lie_count = count;
	dev->lie_wait = 0;
}

void
vmx_device_lie_later(struct vmx_device *dev, enum vmx_lie lie, unsigned int count,
		     unsigned int wait)
{
	vmx_device_lie(dev, lie, count);
	dev->lie_wait = wait;
}

/* The generation is made right, unless it is to be wrong. */
void
vmx_device_forge(struct vmx_device *dev, bool tx, unsigned int q, const uint32_t words[4],
		 bool wrong_gen)
{
	struct vmx_comp_ring *comp = tx ? &dev->txq[q].comp : &dev->rxq[q].comp;
	const struct vmx_comp_ring before = *comp;

	*(tx ? &dev->txq[q].tainted : &dev->rxq[q].tainted) = true;
	comp->gen ^= wrong_gen;
	vmx_comp_write(comp, words);
	if (wrong_gen) { /* it is not there: the next one goes to its place */
		comp->next = before.next;
		comp->gen = before.gen;
	}
}

/* The word that holds the generation stays as it is. */
void
vmx_device_swap(struct vmx_device *dev, bool tx, unsigned int q, unsigned int back,
		uint32_t words[3])
{
	struct vmx_comp_ring *comp = tx ? &dev->txq[q].comp : &dev->rxq[q].comp;
	const uint32_t at = (comp->next + comp->size - 1 - back) % comp->size;
	const struct vmx_comp before = comp->mem[at];

	*(tx ? &dev->txq[q].tainted : &dev->rxq[q].tainted) = true;
	for (int i = 0; i < 3; i++) {
		__atomic_store_n(&comp->mem[at].word[i], pvn_cpu_to_le32(words[i]),
				 __ATOMIC_RELAXED);
		words[i] = pvn_le32_to_cpu(before.word[i]);
	}
	comp->shadow[at] = comp->mem[at];
}
