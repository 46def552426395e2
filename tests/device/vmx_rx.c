/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Reception [VMX3 8]: a frame starts in the next head of ring 1 and goes on in bodies, of ring 1
 * if the next one there is a body, else of ring 2. Each piece gets a completion; what is known
 * about the whole frame stands in the last.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

#define RX_RESERVED2 (VMXNET3_RXD2_TYPE | PVN_MASK32(30, 16))
#define FRAME_MIN 60
#define HEAD_MIN 128

/* Where the bytes of a piece are; in the order of ring ids. */
enum source { HEAD_RING, BODY_RING, DATA_RING };

/* A frame on its way in. */
struct delivery {
	unsigned int q;
	const uint8_t *data;
	size_t len;
	size_t done;
	unsigned int pieces;
	bool bad;
	const struct vmx_rx_meta *meta;
	bool stripped;
	uint16_t tci;
};

static size_t
slot_of(const struct vmx_device *dev, uint64_t addr)
{
	return (addr * UINT64_C(0x9E3779B97F4A7C15)) >> 32 & (dev->posted_slots - 1);
}

/* False when it is in the set already. */
static bool
posted_add(struct vmx_device *dev, uint64_t addr)
{
	size_t i = slot_of(dev, addr);

	for (; dev->posted[i] != 0; i = (i + 1) & (dev->posted_slots - 1)) {
		if (dev->posted[i] == addr)
			return false;
	}
	dev->posted[i] = addr;
	return true;
}

/* Removes from an open-addressed table: what follows in the same run is put in again. */
static void
posted_remove(struct vmx_device *dev, uint64_t addr)
{
	size_t mask = dev->posted_slots - 1;
	size_t i = slot_of(dev, addr);

	while (dev->posted[i] != 0 && dev->posted[i] != addr)
		i = (i + 1) & mask;
	if (dev->posted[i] == 0)
		return;
	dev->posted[i] = 0;
	for (i = (i + 1) & mask; dev->posted[i] != 0; i = (i + 1) & mask) {
		uint64_t moved = dev->posted[i];

		dev->posted[i] = 0;
		posted_add(dev, moved);
	}
}

static uint32_t
desc_len(const struct vmx_desc *desc)
{
	return pvn_field_get(VMXNET3_RXD2_LEN, pvn_le32_to_cpu(desc->word2));
}

static bool
desc_body(const struct vmx_desc *desc)
{
	return (pvn_le32_to_cpu(desc->word2) & VMXNET3_RXD2_BODY) != 0;
}

static void *
slot_at(struct vmx_device *dev, const struct vmx_rxq *rxq, uint32_t index)
{
	return vmx_dma(
		dev, pvn_le64_to_cpu(rxq->config.data_ring_addr) + (uint64_t)index * rxq->data_slot,
		rxq->data_slot);
}

static void
check_kind(struct vmx_device *dev, const struct vmx_ring *ring, uint32_t index)
{
	const struct vmx_desc *desc = &ring->shadow[index];

	if (desc_body(desc))
		return;
	if (strstr(ring->name, "ring2") != NULL)
		vmx_breach(dev, VMX_BREACH_HEAD_IN_RING2, "%s descriptor %u", ring->name, index);
	else if (desc_len(desc) < HEAD_MIN)
		vmx_breach(dev, VMX_BREACH_HEAD_SMALL, "%s descriptor %u: %u bytes", ring->name,
			   index, desc_len(desc));
}

/* The data ring's slot belongs to the device again with its descriptor: what the driver has not
 * copied by then is lost. [VMX3 8.6] */
static void
spoil_slot(struct vmx_device *dev, const struct vmx_ring *ring, uint32_t index)
{
	for (unsigned int q = 0; q < dev->num_rx; q++) {
		const struct vmx_rxq *rxq = &dev->rxq[q];

		if (ring == &rxq->ring[0] && rxq->data_slot != 0)
			memset(slot_at(dev, rxq, index), 0xDB, rxq->data_slot);
	}
}

static void
accept_desc(struct vmx_device *dev, struct vmx_ring *ring, uint32_t index)
{
	const struct vmx_desc *desc = &ring->shadow[index];
	uint64_t addr = pvn_le64_to_cpu(desc->addr);
	uint32_t word2 = pvn_le32_to_cpu(desc->word2);

	if (desc_len(desc) == 0)
		vmx_breach(dev, VMX_BREACH_RX_LEN, "%s descriptor %u", ring->name, index);
	if (vmx_dma(dev, addr, desc_len(desc)) == NULL)
		vmx_breach(dev, VMX_BREACH_BUFFER_MEMORY, "%s descriptor %u: 0x%llx, %u bytes",
			   ring->name, index, (unsigned long long)addr, desc_len(desc));
	else if (!posted_add(dev, addr))
		vmx_breach(dev, VMX_BREACH_BUFFER_TWICE, "%s descriptor %u: 0x%llx", ring->name,
			   index, (unsigned long long)addr);
	if ((word2 & RX_RESERVED2) != 0 || desc->word3 != 0)
		vmx_breach(dev, VMX_BREACH_RESERVED_BITS, "%s descriptor %u: %08x %08x", ring->name,
			   index, word2, pvn_le32_to_cpu(desc->word3));
	check_kind(dev, ring, index);
	spoil_slot(dev, ring, index);
}

/* [VMX3 8.5] Drivers may gather a few; 32 is more than any is known to. */
#define UNANNOUNCED_MAX 32

static void
announce(struct vmx_device *dev, struct vmx_ring *ring, uint32_t producer, bool settled)
{
	if (producer != VMX_DOORBELL_IDLE) {
		dev->doorbells_rx++;
		vmx_ring_announce(dev, ring, producer);
	}
	if (!dev->opts.rx_doorbells)
		ring->ready = vmx_ring_waiting(ring);
	else if (settled && vmx_ring_waiting(ring) - ring->ready > UNANNOUNCED_MAX)
		vmx_breach(dev, VMX_BREACH_DOORBELL_MISSING, "%s: %u buffers not announced",
			   ring->name, vmx_ring_waiting(ring) - ring->ready);
}

void
vmx_rx_scan(struct vmx_device *dev, unsigned int q, bool settled)
{
	struct vmx_rxq *rxq = &dev->rxq[q];

	dev->muted = rxq->tainted;
	dev->fault = &rxq->fault;
	for (int r = 0; r < 2; r++) {
		vmx_ring_scan(dev, &rxq->ring[r], accept_desc);
		announce(dev, &rxq->ring[r],
			 vmx_doorbell_take(dev, r == 0 ? VMX_RXPROD : VMX_RXPROD2, q), settled);
	}
	vmx_comp_check(dev, &rxq->comp);
	dev->fault = NULL;
	dev->muted = false;
	if (settled && dev->opts.stop_on_fault && rxq->fault != 0 && !rxq->stopped)
		vmx_device_stop_queue(dev, false, q, rxq->fault);
}

/* Forget the buffers of what goes back to the driver, up to and including index. */
static void
release(struct vmx_device *dev, struct vmx_ring *ring, uint32_t index)
{
	uint32_t i = ring->clean;

	for (;; i = vmx_ring_next(ring, i)) {
		posted_remove(dev, pvn_le64_to_cpu(ring->shadow[i].addr));
		if (i == index)
			break;
	}
	vmx_ring_release(ring, index);
}

static void
complete(struct vmx_device *dev, unsigned int q, unsigned int source, uint32_t index,
	 uint32_t words[4])
{
	struct vmx_rxq *rxq = &dev->rxq[q];
	unsigned int ring = source == BODY_RING;
	uint32_t id = q + source * dev->num_rx;

	words[0] |= pvn_field_put(VMXNET3_RXC0_INDEX, index);
	words[0] |= pvn_field_put(VMXNET3_RXC0_RQID, id);
	if (!dev->opts.qemu && pvn_field_get(VMXNET3_RXC3_TYPE, words[3]) == 0)
		words[3] |= pvn_field_put(VMXNET3_RXC3_TYPE, VMXNET3_RXC_TYPE_NORMAL);
	vmx_lie_rx(dev, rxq, desc_len(&rxq->ring[ring].shadow[index]), words);
	vmx_storm_rx(dev, q, words);
	vmx_comp_write(&rxq->comp, words);
	release(dev, &rxq->ring[ring], index);
}

/* The next head; bodies before it in ring 1 are skipped. */
static bool
take_head(struct vmx_rxq *rxq, uint32_t *index)
{
	struct vmx_ring *ring = &rxq->ring[0];

	while (ring->ready > 0) {
		*index = vmx_ring_take(ring);
		if (!desc_body(&ring->shadow[*index]))
			return true;
	}
	return false;
}

/* The ring that has the next body, or -1. */
static int
body_ring(const struct vmx_rxq *rxq)
{
	const struct vmx_ring *first = &rxq->ring[0];

	if (first->ready > 0 && desc_body(&first->shadow[first->take]))
		return 0;
	return rxq->ring[1].ready > 0 ? 1 : -1;
}

static void
last_piece_words(const struct delivery *d, uint32_t words[4])
{
	const struct vmx_rx_meta *meta = d->meta;

	words[0] |= VMXNET3_RXC0_EOP;
	if (meta == NULL || !meta->csum_known)
		words[0] |= VMXNET3_RXC0_CNC;
	if (d->bad || (meta != NULL && meta->error))
		words[2] |= VMXNET3_RXC2_ERR;
	if (d->stripped)
		words[2] |= VMXNET3_RXC2_TS | pvn_field_put(VMXNET3_RXC2_TCI, d->tci);
	if (meta == NULL)
		return;
	if (meta->inner)
		words[0] |= VMXNET3_RXC0_INNER;
	words[0] |= pvn_field_put(VMXNET3_RXC0_RSS_TYPE, meta->rss_type);
	words[1] = meta->rss_hash;
	words[3] = meta->word3;
}

/* [VMX3 8.3] In place of the hash and of the raw checksum. */
static void
first_piece_words(const struct vmx_device *dev, const struct delivery *d, uint32_t words[4])
{
	const struct vmx_rx_meta *meta = d->meta;

	words[0] |= VMXNET3_RXC0_SOP;
	if (meta == NULL || meta->lro_segments == 0 || !vmx_is_version(dev, 2))
		return;
	words[1] = pvn_field_put(VMXNET3_RXC1_LRO_SEGMENTS, meta->lro_segments);
	words[3] |= pvn_field_put(VMXNET3_RXC3_LRO_MSS, meta->lro_mss) |
		    pvn_field_put(VMXNET3_RXC3_TYPE, VMXNET3_RXC_TYPE_LRO);
}

/* [VMX3 8.6] A small frame may go into a slot; which do, is the device's choice. */
static bool
is_for_slot(const struct vmx_device *dev, struct vmx_rxq *rxq, const struct delivery *d)
{
	if (d->len > rxq->data_slot || (d->meta != NULL && d->meta->lro_segments != 0))
		return false;
	return (dev->opts.rx_data_not >> (rxq->small++ % 32) & 1) == 0;
}

/* The slot of the head it would have taken. */
static bool
deliver_to_slot(struct vmx_device *dev, struct delivery *d)
{
	struct vmx_rxq *rxq = &dev->rxq[d->q];
	uint32_t words[4] = {0, 0, 0, 0};
	uint32_t index;

	if (!is_for_slot(dev, rxq, d) || !take_head(rxq, &index))
		return false;
	memcpy(slot_at(dev, rxq, index), d->data, d->len);
	words[2] = pvn_field_put(VMXNET3_RXC2_LEN, (uint32_t)d->len);
	last_piece_words(d, words);
	first_piece_words(dev, d, words);
	complete(dev, d->q, DATA_RING, index, words);
	return true;
}

static void
fill_piece(struct vmx_device *dev, struct delivery *d, const struct vmx_desc *desc)
{
	uint32_t room = desc_len(desc);
	uint8_t *buffer = vmx_dma(dev, pvn_le64_to_cpu(desc->addr), room);
	size_t n = d->len - d->done < room ? d->len - d->done : room;

	if (buffer != NULL && n > 0)
		memcpy(buffer, d->data + d->done, n);
	d->done += n;
	d->pieces++;
}

/* Whether the piece just filled ends the frame, and if so before its time why. */
static bool
is_last(struct vmx_device *dev, struct delivery *d, enum vmx_rx_result *result)
{
	unsigned int limit = pvn_le16_to_cpu(dev->config.max_rx_frags);
	const struct vmx_rxq *rxq = &dev->rxq[d->q];

	if (d->done == d->len)
		return true;
	if (d->pieces >= (limit == 0 ? 1 : limit)) /* [VMX3 8.4] */
		*result = VMX_RX_TRUNCATED;
	else if (body_ring(rxq) < 0)
		*result = VMX_RX_NO_BUFFER;
	else
		return false;
	d->bad = true;
	return true;
}

static enum vmx_rx_result
deliver(struct vmx_device *dev, struct delivery *d)
{
	struct vmx_rxq *rxq = &dev->rxq[d->q];
	enum vmx_rx_result result = VMX_RX_DELIVERED;
	unsigned int ring = HEAD_RING;
	uint32_t index;
	bool last;

	if (deliver_to_slot(dev, d))
		return VMX_RX_DELIVERED;
	if (!take_head(rxq, &index))
		return VMX_RX_NO_BUFFER;
	do {
		uint32_t words[4] = {0, 0, 0, 0};
		size_t before = d->done;

		fill_piece(dev, d, &rxq->ring[ring].shadow[index]);
		words[2] = pvn_field_put(VMXNET3_RXC2_LEN, (uint32_t)(d->done - before));
		last = is_last(dev, d, &result);
		if (last)
			last_piece_words(d, words);
		if (d->pieces == 1)
			first_piece_words(dev, d, words);
		complete(dev, d->q, ring, index, words);
		if (!last) {
			ring = (unsigned int)body_ring(rxq);
			index = vmx_ring_take(&rxq->ring[ring]);
		}
	} while (!last);
	return result;
}

/* What counts as LRO; QEMU goes by the length [VMX3 12.14]. */
static bool
is_special(const struct vmx_device *dev, const struct delivery *d)
{
	if (dev->opts.qemu)
		return d->len > pvn_le32_to_cpu(dev->config.mtu);
	return d->meta != NULL && d->meta->lro_segments != 0;
}

static void
count(struct vmx_device *dev, const struct delivery *d, enum vmx_rx_result result)
{
	struct vmx_rxq *rxq = &dev->rxq[d->q];

	if (result == VMX_RX_NO_BUFFER)
		rxq->counters.last[0]++;
	else if (result == VMX_RX_TRUNCATED || (d->meta != NULL && d->meta->error))
		rxq->counters.last[1]++;
	else
		vmx_count(&rxq->counters, d->data, d->len);
	if (result == VMX_RX_DELIVERED && is_special(dev, d)) {
		rxq->counters.special_packets++;
		rxq->counters.special_bytes += d->len;
	}
}

/* A copy of the frame as it is written: padded, and without its tag when that is to be stripped. */
static void
prepare(const struct vmx_device *dev, struct delivery *d, uint8_t *copy, const uint8_t *frame,
	size_t len)
{
	uint16_t type = len < 18 ? 0 : (uint16_t)(frame[12] << 8 | frame[13]);

	memset(copy, 0, FRAME_MIN);
	d->stripped =
		(dev->features & VMXNET3_FEATURE_RXVLAN) != 0 && (type == 0x8100 || type == 0x88A8);
	if (d->stripped) {
		d->tci = (uint16_t)(frame[14] << 8 | frame[15]);
		memcpy(copy, frame, 12);
		memcpy(copy + 12, frame + 16, len - 16);
		len -= 4;
	} else {
		memcpy(copy, frame, len);
	}
	d->data = copy;
	d->len = len < FRAME_MIN ? FRAME_MIN : len;
}

static bool
is_up(const struct vmx_device *dev, unsigned int q)
{
	return dev->active && dev->link_up && !dev->gone && q < dev->num_rx &&
	       (q == 0 || !dev->opts.qemu) && /* [VMX3 12.10] */
	       !dev->rxq[q].stopped;
}

enum vmx_rx_result
vmx_device_rx(struct vmx_device *dev, unsigned int q, const void *frame, size_t len,
	      const struct vmx_rx_meta *meta)
{
	struct delivery d = {.q = q, .meta = meta};
	enum vmx_rx_result result;
	uint8_t *copy;

	if (!is_up(dev, q) || len < 14)
		return VMX_RX_DOWN;
	vmx_check_all(dev, true);
	if (!vmx_filter_accepts(dev, frame, len))
		return VMX_RX_FILTERED;
	copy = malloc(len + FRAME_MIN);
	if (copy == NULL)
		abort();
	prepare(dev, &d, copy, frame, len);
	result = deliver(dev, &d);
	count(dev, &d, result);
	if (result == VMX_RX_DELIVERED)
		vmx_interrupt(dev, dev->rxq[q].config.intr);
	free(copy);
	return result;
}

unsigned int
vmx_device_rx_skip(struct vmx_device *dev, unsigned int q, unsigned int n)
{
	unsigned int skipped = 0;

	if (!is_up(dev, q))
		return 0;
	vmx_rx_scan(dev, q, true);
	for (; skipped < n && dev->rxq[q].ring[0].ready > 0; skipped++)
		vmx_ring_take(&dev->rxq[q].ring[0]);
	return skipped;
}

bool
vmx_device_rx_recycle(struct vmx_device *dev, unsigned int q)
{
	uint32_t words[4] = {VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP | VMXNET3_RXC0_CNC, 0, 0, 0};
	uint32_t index;

	if (!is_up(dev, q))
		return false;
	vmx_rx_scan(dev, q, true);
	if (!take_head(&dev->rxq[q], &index))
		return false;
	complete(dev, q, 0, index, words);
	return true;
}

unsigned int
vmx_device_rx_posted(struct vmx_device *dev, unsigned int q, unsigned int ring)
{
	if (!dev->active || q >= dev->num_rx)
		return 0;
	vmx_rx_scan(dev, q, true);
	return vmx_ring_waiting(&dev->rxq[q].ring[ring]);
}
