/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "naive_driver.h"

static uint64_t
addr_of(const void *p)
{
	return pvn_cpu_to_le64((uint64_t)(uintptr_t)p);
}

static void
fill_shared(struct naive_memory *m)
{
	struct vmxnet3_shared *s = &m->shared;

	s->magic = pvn_cpu_to_le32(VMXNET3_MAGIC);
	s->guest_os = pvn_cpu_to_le32(VMXNET3_GUEST_OS_LINUX64);
	s->device_revisions = pvn_cpu_to_le32(1);
	s->upt_versions = pvn_cpu_to_le32(1);
	s->queue_table_addr = addr_of(&m->table);
	s->queue_table_len = pvn_cpu_to_le32(sizeof(m->table));
	s->mtu = pvn_cpu_to_le32(1500);
	s->max_rx_frags = pvn_cpu_to_le16(1);
	s->num_tx_queues = s->num_rx_queues = 1;
	s->num_intrs = 2;
	s->intr_ctrl = pvn_cpu_to_le32(VMXNET3_INTR_CTRL_DISABLE_ALL);
	s->rx_mode = pvn_cpu_to_le32(VMXNET3_RXM_UCAST | VMXNET3_RXM_BCAST);
}

static void
fill_table(struct naive_memory *m)
{
	m->table.tx.ring_addr = addr_of(m->tx);
	m->table.tx.comp_ring_addr = addr_of(m->txc);
	m->table.tx.ring_size = m->table.tx.comp_ring_size = pvn_cpu_to_le32(NAIVE_RING);
	m->table.tx.intr = 1;
	m->table.rx.ring1_addr = addr_of(m->rx1);
	m->table.rx.ring2_addr = addr_of(m->rx2);
	m->table.rx.comp_ring_addr = addr_of(m->rxc);
	m->table.rx.ring1_size = m->table.rx.ring2_size = pvn_cpu_to_le32(NAIVE_RING);
	m->table.rx.comp_ring_size = pvn_cpu_to_le32(NAIVE_COMP);
	m->table.rx.intr = 1;
}

static void
post_rx(struct naive_memory *m)
{
	for (unsigned int i = 0; i < NAIVE_RING - 1; i++) {
		m->rx1[i].addr = addr_of(m->buffer[i]);
		m->rx1[i].word2 = pvn_cpu_to_le32(NAIVE_BUFFER | VMXNET3_RXD2_GEN);
	}
}

void
naive_create(struct naive *n, const struct vmx_device_opts *opts)
{
	memset(n, 0, sizeof(*n));
	n->dev = vmx_device_create(opts);
	n->mem = aligned_alloc(512, (sizeof(*n->mem) + 511) / 512 * 512);
	if (n->dev == NULL || n->mem == NULL)
		abort();
	memset(n->mem, 0, sizeof(*n->mem));
	vmx_device_add_memory(n->dev, n->mem, sizeof(*n->mem));
	fill_shared(n->mem);
	fill_table(n->mem);
	post_rx(n->mem);
}

uint32_t
naive_activate(struct naive *n)
{
	uint64_t shared = (uint64_t)(uintptr_t)&n->mem->shared;

	naive_write(n, 1, VMXNET3_BAR1_DSAL, (uint32_t)shared);
	naive_write(n, 1, VMXNET3_BAR1_DSAH, (uint32_t)(shared >> 32));
	naive_command(n, (uint32_t)VMXNET3_CMD_ACTIVATE);
	return naive_read(n, 1, VMXNET3_BAR1_CMD);
}

void
naive_fill_tx(struct naive *n, uint32_t len, uint32_t word2, uint32_t word3)
{
	struct vmxnet3_txd *d = &n->mem->tx[n->tx_next];

	d->addr = addr_of(n->mem->frame);
	d->word3 = pvn_cpu_to_le32(word3);
	d->word2 = pvn_cpu_to_le32(len | word2 | VMXNET3_TXD2_GEN);
	n->tx_next++; /* no test goes once round */
}

void
naive_ring_tx(struct naive *n)
{
	naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), n->tx_next);
}

void
naive_stop(struct naive *n)
{
	naive_command(n, (uint32_t)VMXNET3_CMD_QUIESCE);
	naive_write(n, 1, VMXNET3_BAR1_DSAL, 0);
	naive_write(n, 1, VMXNET3_BAR1_DSAH, 0);
	naive_command(n, (uint32_t)VMXNET3_CMD_RESET);
}

void
naive_free(struct naive *n)
{
	vmx_device_free(n->dev);
	free(n->mem);
}
