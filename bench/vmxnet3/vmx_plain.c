/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "vmx_plain.h"

#include <stdbool.h>
#include <string.h>

static struct vmx_plain_ring
ring(pvn_le64 addr, pvn_le32 size)
{
	return (struct vmx_plain_ring){
		.desc = (const uint32_t *)(uintptr_t)pvn_le64_to_cpu(addr),
		.size = pvn_le32_to_cpu(size),
		.gen = 1,
	};
}

static struct vmx_plain_comp
comp(pvn_le64 addr, pvn_le32 size)
{
	return (struct vmx_plain_comp){
		.entry = (uint32_t *)(uintptr_t)pvn_le64_to_cpu(addr),
		.size = pvn_le32_to_cpu(size),
		.gen = VMXNET3_RXC3_GEN,
	};
}

void
vmx_plain_begin(struct vmx_plain *p, const struct vmxnet3_shared *shared)
{
	const struct vmxnet3_tx_queue_desc *tx =
		(const void *)(uintptr_t)pvn_le64_to_cpu(shared->queue_table_addr);
	const struct vmxnet3_rx_queue_desc *rx = (const void *)(tx + shared->num_tx_queues);

	*p = (struct vmx_plain){
		.tx = ring(tx->ring_addr, tx->ring_size),
		.rx = {ring(rx->ring1_addr, rx->ring1_size), ring(rx->ring2_addr, rx->ring2_size)},
		.txc = comp(tx->comp_ring_addr, tx->comp_ring_size),
		.rxc = comp(rx->comp_ring_addr, rx->comp_ring_size),
		.slots = (uint8_t *)(uintptr_t)pvn_le64_to_cpu(rx->data_ring_addr),
		.slot_size = pvn_le16_to_cpu(rx->data_slot_size),
	};
}

static void
complete(struct vmx_plain_comp *c, uint32_t word0, uint32_t word2, uint32_t word3)
{
	uint32_t *e = &c->entry[4 * c->next];

	e[0] = word0;
	e[1] = 0;
	e[2] = word2;
	__atomic_store_n(&e[3], word3 | c->gen, __ATOMIC_RELEASE);
	if (++c->next == c->size) {
		c->next = 0;
		c->gen ^= VMXNET3_RXC3_GEN;
	}
}

static void
step(struct vmx_plain_ring *r)
{
	if (++r->next == r->size) {
		r->next = 0;
		r->gen ^= 1;
	}
}

int
vmx_plain_rx(struct vmx_plain *p, uint32_t pieces, uint32_t len)
{
	const bool in_slot = pieces == 1 && len <= p->slot_size;

	for (uint32_t i = 0; i < pieces; i++) {
		struct vmx_plain_ring *r = &p->rx[i > 0];
		const uint32_t word2 = __atomic_load_n(&r->desc[4 * r->next + 2], __ATOMIC_ACQUIRE);

		if (word2 >> 31 != r->gen)
			return -1;
		if (in_slot)
			memset(p->slots + r->next * (size_t)p->slot_size, (int)r->next, len);
		complete(&p->rxc,
			 r->next | pvn_field_put(VMXNET3_RXC0_RQID, in_slot ? 2 : i > 0) |
				 (i == 0 ? VMXNET3_RXC0_SOP : 0) |
				 (i + 1 == pieces ? VMXNET3_RXC0_EOP : 0),
			 len, p->word3);
		step(r);
	}
	return 0;
}

uint32_t
vmx_plain_tx(struct vmx_plain *p)
{
	uint32_t packets = 0;

	for (;; step(&p->tx)) {
		const uint32_t *d = &p->tx.desc[4 * p->tx.next];

		if (((__atomic_load_n(&d[2], __ATOMIC_ACQUIRE) & VMXNET3_TXD2_GEN) != 0) !=
		    p->tx.gen)
			return packets;
		if ((d[3] & VMXNET3_TXD3_EOP) == 0)
			continue;
		packets++;
		if ((d[3] & VMXNET3_TXD3_CQ) != 0)
			complete(&p->txc, p->tx.next, 0, 0);
	}
}
