/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "wide_driver.h"

#include <stdlib.h>
#include <string.h>

#define ARENA (32u << 20)
#define SIDE_LEN 4096

static uint64_t
addr_of(const void *p)
{
	return pvn_cpu_to_le64((uint64_t)(uintptr_t)p);
}

void *
wide_memory(struct wide *w, size_t len, size_t align)
{
	size_t at = (w->arena_used + align - 1) / align * align;

	if (at + len > ARENA)
		abort();
	w->arena_used = at + len;
	return w->arena + at;
}

void
wide_write(struct wide *w, unsigned int bar, uint32_t offset, uint32_t value)
{
	volatile uint8_t *base = vmx_device_bar(w->dev, bar);

	*(volatile uint32_t *)(base + offset) = value;
}

uint32_t
wide_read(struct wide *w, unsigned int bar, uint32_t offset)
{
	const volatile uint8_t *base = vmx_device_bar(w->dev, bar);

	return *(const volatile uint32_t *)(base + offset);
}

void
wide_command(struct wide *w, enum vmxnet3_command command)
{
	wide_write(w, 1, VMXNET3_BAR1_CMD, (uint32_t)command);
}

uint32_t
wide_ask(struct wide *w, enum vmxnet3_command command)
{
	wide_command(w, command);
	return wide_read(w, 1, VMXNET3_BAR1_CMD);
}

static void
set_defaults(struct wide_setup *s)
{
	s->version = s->version == 0 ? 1 : s->version;
	s->num_tx = s->num_tx == 0 ? 1 : s->num_tx;
	s->num_rx = s->num_rx == 0 ? 1 : s->num_rx;
	s->ring_size = s->ring_size == 0 ? 32 : s->ring_size;
	s->head_len = s->head_len == 0 ? 2048 : s->head_len;
	s->max_rx_frags = s->max_rx_frags == 0 ? 1 : s->max_rx_frags;
	s->mtu = s->mtu == 0 ? 1500 : s->mtu;
	if (s->device.versions == 0)
		s->device.versions = VMX_VERSIONS_TO(s->version);
}

static void
negotiate(struct wide *w)
{
	wide_write(w, 1, VMXNET3_BAR1_VRRS, PVN_BIT32(w->setup.version - 1));
	wide_write(w, 1, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	if (w->setup.capabilities != 0)
		wide_write(w, 1, VMXNET3_BAR1_DCR(0), w->setup.capabilities);
}

static void
fill_shared(struct wide *w)
{
	const struct wide_setup *s = &w->setup;
	struct vmxnet3_shared *v1 = &w->shared->v1;
	unsigned int num = s->num_tx + s->num_rx;
	bool extended = s->version >= 6 && (s->num_tx > 8 || s->num_rx > 16);

	v1->magic = pvn_cpu_to_le32(VMXNET3_MAGIC);
	v1->guest_os = pvn_cpu_to_le32(VMXNET3_GUEST_OS_LINUX64);
	v1->device_revisions = v1->upt_versions = pvn_cpu_to_le32(1);
	v1->features = pvn_cpu_to_le64(s->features);
	v1->queue_table_addr = addr_of(w->table);
	v1->queue_table_len = pvn_cpu_to_le32(num * 256);
	v1->mtu = pvn_cpu_to_le32(s->mtu);
	v1->max_rx_frags = pvn_cpu_to_le16(s->max_rx_frags);
	v1->num_tx_queues = (uint8_t)s->num_tx;
	v1->num_rx_queues = (uint8_t)s->num_rx;
	v1->num_intrs = 2;
	v1->rx_mode = pvn_cpu_to_le32(VMXNET3_RXM_UCAST | VMXNET3_RXM_BCAST);
	memset(v1->vlan_bitmap, 0xFF, sizeof(v1->vlan_bitmap));
	if (extended) {
		w->shared->intr.num_intrs = VMXNET3_INTR_MAX_V6;
		w->shared->intr.event_intr = VMXNET3_INTR_MAX_V6 - 1;
	}
	if ((s->features & VMXNET3_FEATURE_RSS) == 0)
		return;
	v1->rss.version = pvn_cpu_to_le32(1);
	v1->rss.len = pvn_cpu_to_le32(sizeof(*w->rss));
	v1->rss.addr = addr_of(w->rss);
}

/* All types, a key of the test's, each entry to the next queue in turn. */
static void
fill_rss(struct wide *w)
{
	w->rss->hash_types = pvn_cpu_to_le16(0xF);
	w->rss->hash_function = pvn_cpu_to_le16(VMXNET3_RSS_FUNCTION_TOEPLITZ);
	w->rss->key_len = pvn_cpu_to_le16(VMXNET3_RSS_KEY_LEN);
	w->rss->table_len = pvn_cpu_to_le16(VMXNET3_RSS_TABLE_MAX);
	for (unsigned int i = 0; i < VMXNET3_RSS_TABLE_MAX; i++)
		w->rss->table[i] = (uint8_t)(i % w->setup.num_rx);
}

static void
create_txq(struct wide *w, unsigned int q)
{
	uint32_t size = w->setup.ring_size;
	struct wide_txq *txq = &w->tx[q];

	txq->table = (void *)(w->table + 256 * q);
	txq->ring = wide_memory(w, size * sizeof(*txq->ring), VMXNET3_RING_ALIGN);
	txq->comp = wide_memory(w, size * sizeof(*txq->comp), VMXNET3_RING_ALIGN);
	txq->gen = VMXNET3_TXD2_GEN;
	txq->comp_gen = VMXNET3_TXC3_GEN;
	txq->table->ring_addr = addr_of(txq->ring);
	txq->table->comp_ring_addr = addr_of(txq->comp);
	txq->table->ring_size = txq->table->comp_ring_size = pvn_cpu_to_le32(size);
	if (w->setup.tx_data_slot == 0)
		return;
	txq->data = wide_memory(w, (size_t)size * w->setup.tx_data_slot, VMXNET3_RING_ALIGN);
	txq->table->data_ring_addr = addr_of(txq->data);
	txq->table->data_ring_size = pvn_cpu_to_le32(size);
	if (w->setup.version >= 3)
		txq->table->data_slot_size = pvn_cpu_to_le16(w->setup.tx_data_slot);
}

static uint32_t
buffer_len(const struct wide *w, int ring)
{
	return ring == 0 ? w->setup.head_len : w->setup.body_len;
}

static void
post(struct wide *w, struct wide_rxq *rxq, int ring)
{
	uint32_t len = buffer_len(w, ring);
	uint32_t at = rxq->fill[ring];
	struct vmxnet3_rxd *d = &rxq->ring[ring][at];
	uint32_t word2 = len | rxq->gen[ring] | (ring == 0 ? 0 : VMXNET3_RXD2_BODY);

	d->addr = addr_of(rxq->buffers[ring] + (size_t)at * len);
	__atomic_store_n(&d->word2, pvn_cpu_to_le32(word2), __ATOMIC_RELEASE);
	rxq->fill[ring] = at + 1;
	if (rxq->fill[ring] == w->setup.ring_size) {
		rxq->fill[ring] = 0;
		rxq->gen[ring] ^= VMXNET3_RXD2_GEN;
	}
}

static void
create_rxq(struct wide *w, unsigned int q)
{
	uint32_t size = w->setup.ring_size;
	struct wide_rxq *rxq = &w->rx[q];

	rxq->table = (void *)(w->table + 256 * (w->setup.num_tx + q));
	rxq->comp = wide_memory(w, 2 * size * sizeof(*rxq->comp), VMXNET3_RING_ALIGN);
	rxq->comp_gen = VMXNET3_RXC3_GEN;
	rxq->table->comp_ring_addr = addr_of(rxq->comp);
	rxq->table->comp_ring_size = pvn_cpu_to_le32(2 * size);
	rxq->table->ring1_size = rxq->table->ring2_size = pvn_cpu_to_le32(size);
	for (int r = 0; r < 2; r++) {
		rxq->gen[r] = VMXNET3_RXD2_GEN;
		rxq->ring[r] = wide_memory(w, size * sizeof(**rxq->ring), VMXNET3_RING_ALIGN);
		rxq->buffers[r] = wide_memory(w, (size_t)size * buffer_len(w, r), 64);
		for (uint32_t i = 0; buffer_len(w, r) != 0 && i < size - 1; i++)
			post(w, rxq, r);
	}
	rxq->table->ring1_addr = addr_of(rxq->ring[0]);
	rxq->table->ring2_addr = addr_of(rxq->ring[1]);
	if (w->setup.rx_data_slot == 0)
		return;
	rxq->data = wide_memory(w, (size_t)size * w->setup.rx_data_slot, VMXNET3_RING_ALIGN);
	rxq->table->data_ring_addr = addr_of(rxq->data);
	rxq->table->data_slot_size = pvn_cpu_to_le16(w->setup.rx_data_slot);
}

void
wide_create(struct wide *w, const struct wide_setup *setup)
{
	memset(w, 0, sizeof(*w));
	w->setup = *setup;
	set_defaults(&w->setup);
	w->dev = vmx_device_create(&w->setup.device);
	w->arena = aligned_alloc(4096, ARENA);
	if (w->dev == NULL || w->arena == NULL)
		abort();
	memset(w->arena, 0, ARENA);
	vmx_device_add_memory(w->dev, w->arena, ARENA);
	w->shared = wide_memory(w, sizeof(*w->shared), 128);
	w->table = wide_memory(w, (size_t)256 * (w->setup.num_tx + w->setup.num_rx), 128);
	w->rss = wide_memory(w, sizeof(*w->rss), 8);
	w->side = wide_memory(w, SIDE_LEN, 8);
	for (unsigned int q = 0; q < w->setup.num_tx; q++)
		create_txq(w, q);
	for (unsigned int q = 0; q < w->setup.num_rx; q++)
		create_rxq(w, q);
	negotiate(w);
	fill_shared(w);
	fill_rss(w);
}

static void
ring_rx(struct wide *w, unsigned int q)
{
	bool large = (w->setup.capabilities & VMXNET3_CAP_LARGE_BAR) != 0;
	struct wide_rxq *rxq = &w->rx[q];

	if (rxq->table->doorbells_wanted == 0)
		return;
	wide_write(w, 0, large ? VMXNET3_LARGE_BAR0_RXPROD(q) : VMXNET3_BAR0_RXPROD(q),
		   rxq->fill[0]);
	wide_write(w, 0, large ? VMXNET3_LARGE_BAR0_RXPROD2(q) : VMXNET3_BAR0_RXPROD2(q),
		   rxq->fill[1]);
}

uint32_t
wide_activate(struct wide *w)
{
	uint64_t shared = (uint64_t)(uintptr_t)w->shared;
	uint32_t result, low, high;

	wide_write(w, 1, VMXNET3_BAR1_DSAL, (uint32_t)shared);
	wide_write(w, 1, VMXNET3_BAR1_DSAH, (uint32_t)(shared >> 32));
	result = wide_ask(w, VMXNET3_CMD_ACTIVATE);
	if (result != 0)
		return result;
	low = wide_ask(w, VMXNET3_CMD_GET_PERM_MAC_LO);
	high = wide_ask(w, VMXNET3_CMD_GET_PERM_MAC_HI);
	wide_write(w, 1, VMXNET3_BAR1_MACL, low);
	wide_write(w, 1, VMXNET3_BAR1_MACH, high);
	for (unsigned int q = 0; q < w->setup.num_rx; q++)
		ring_rx(w, q);
	return 0;
}

void
wide_argument(struct wide *w, uint32_t len)
{
	struct vmxnet3_block_ptr arg = {
		.version = pvn_cpu_to_le32(1),
		.len = pvn_cpu_to_le32(len),
		.addr = addr_of(w->side),
	};

	memcpy(w->shared->v1.command_arg, &arg, sizeof(arg));
}

/* Bytes of the piece, from the ring its completion names; its buffer goes back. */
static void
take_piece(struct wide *w, unsigned int q, const uint32_t words[4])
{
	uint32_t id = pvn_field_get(VMXNET3_RXC0_RQID, words[0]);
	uint32_t index = pvn_field_get(VMXNET3_RXC0_INDEX, words[0]);
	uint32_t len = pvn_field_get(VMXNET3_RXC2_LEN, words[2]);
	struct wide_rxq *rxq = &w->rx[q];
	struct wide_frame *f = &w->frame;
	int ring = id == w->setup.num_rx + q;
	const uint8_t *from = rxq->buffers[ring] + (size_t)index * buffer_len(w, ring);

	if (id == 2 * w->setup.num_rx + q && rxq->data != NULL)
		from = rxq->data + (size_t)index * w->setup.rx_data_slot;
	else if (id % w->setup.num_rx != q || id >= 2 * w->setup.num_rx)
		abort();
	if (f->len + len > sizeof(f->data))
		abort();
	memcpy(f->data + f->len, from, len);
	f->len += len;
	f->pieces++;
	/* Skipped ones in between are of no use to any test that receives. */
	post(w, rxq, ring);
}

bool
wide_receive(struct wide *w, unsigned int q)
{
	struct wide_rxq *rxq = &w->rx[q];
	struct wide_frame *f = &w->frame;
	uint32_t words[4];

	f->len = f->pieces = 0;
	do {
		const struct vmxnet3_rxc *c = &rxq->comp[rxq->comp_next];

		memcpy(words, c, sizeof(words));
		if ((words[3] & VMXNET3_RXC3_GEN) != rxq->comp_gen)
			return false;
		if (++rxq->comp_next == 2 * w->setup.ring_size) {
			rxq->comp_next = 0;
			rxq->comp_gen ^= VMXNET3_RXC3_GEN;
		}
		if (f->pieces == 0)
			memcpy(f->first, words, sizeof(words));
		take_piece(w, q, words);
	} while ((words[0] & VMXNET3_RXC0_EOP) == 0);
	memcpy(f->last, words, sizeof(words));
	ring_rx(w, q);
	return true;
}

static uint32_t
tx_doorbell(const struct wide *w, unsigned int q)
{
	bool large = (w->setup.capabilities & VMXNET3_CAP_LARGE_BAR) != 0;

	return large ? VMXNET3_LARGE_BAR0_TXPROD(q) : VMXNET3_BAR0_TXPROD(q);
}

void
wide_send(struct wide *w, unsigned int q, const struct wide_piece *pieces, unsigned int num,
	  uint32_t word2, uint32_t word3)
{
	struct wide_txq *txq = &w->tx[q];
	struct vmxnet3_txd *first = &txq->ring[txq->next];
	uint32_t first2 = 0;

	for (unsigned int i = 0; i < num; i++) {
		struct vmxnet3_txd *d = &txq->ring[txq->next];
		uint32_t d2 = (pieces[i].len & VMXNET3_TXD2_LEN) | txq->gen | (i == 0 ? word2 : 0);
		uint32_t d3 = i == 0 ? word3 : 0;

		if (i + 1 == num)
			d3 |= VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ;
		d->addr = addr_of(pieces[i].data);
		d->word3 = pvn_cpu_to_le32(d3);
		if (i == 0)
			first2 = d2;
		else
			d->word2 = pvn_cpu_to_le32(d2);
		if (++txq->next == w->setup.ring_size) {
			txq->next = 0;
			txq->gen ^= VMXNET3_TXD2_GEN;
		}
	}
	__atomic_store_n(&first->word2, pvn_cpu_to_le32(first2), __ATOMIC_RELEASE);
	wide_write(w, 0, tx_doorbell(w, q), txq->next);
}

unsigned int
wide_reap(struct wide *w, unsigned int q)
{
	struct wide_txq *txq = &w->tx[q];
	unsigned int n = 0;

	for (;; n++) {
		uint32_t word3 = pvn_le32_to_cpu(txq->comp[txq->comp_next].word3);

		if ((word3 & VMXNET3_TXC3_GEN) != txq->comp_gen)
			return n;
		if (++txq->comp_next == w->setup.ring_size) {
			txq->comp_next = 0;
			txq->comp_gen ^= VMXNET3_TXC3_GEN;
		}
	}
}

unsigned int
wide_close(struct wide *w)
{
	unsigned int breaches;

	wide_command(w, VMXNET3_CMD_QUIESCE);
	wide_write(w, 1, VMXNET3_BAR1_DSAL, 0);
	wide_write(w, 1, VMXNET3_BAR1_DSAH, 0);
	wide_command(w, VMXNET3_CMD_RESET);
	vmx_device_detach(w->dev);
	breaches = vmx_device_breaches(w->dev);
	vmx_device_print_breaches(w->dev, stderr);
	vmx_device_free(w->dev);
	free(w->arena);
	return breaches;
}
