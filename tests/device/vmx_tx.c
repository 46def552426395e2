/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transmission [VMX3 7]: look at the doorbell, gather each announced packet up to its EOP, check
 * it, keep its bytes for the test, complete it. A packet that breaks a rule is still sent if its
 * memory can be read, so that one fault does not hide the next.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

#define TX_RESERVED2 (VMXNET3_TXD2_OUTER_CSUM | VMXNET3_TXD2_TYPE | VMXNET3_TXD2_INNER)
#define TX_RESERVED3 PVN_BIT32(14)
#define CSUM_OFFSET_MAX 1024
#define ETH_LEN 14

static uint32_t
desc_len(const struct vmx_desc *desc)
{
	uint32_t len = pvn_field_get(VMXNET3_TXD2_LEN, pvn_le32_to_cpu(desc->word2));

	return len == 0 ? VMXNET3_TX_BUF_MAX : len;
}

static bool
desc_eop(const struct vmx_desc *desc)
{
	return (pvn_le32_to_cpu(desc->word3) & VMXNET3_TXD3_EOP) != 0;
}

static void
accept_desc(struct vmx_device *dev, struct vmx_ring *ring, uint32_t index)
{
	const struct vmx_desc *desc = &ring->shadow[index];
	uint64_t addr = pvn_le64_to_cpu(desc->addr);
	uint32_t word2 = pvn_le32_to_cpu(desc->word2);

	if ((word2 & VMXNET3_TXD2_LEN) == 0 && !dev->opts.buffer_16k)
		vmx_breach(dev, VMX_BREACH_LEN_ZERO, "%s descriptor %u", ring->name, index);
	else if (vmx_dma(dev, addr, desc_len(desc)) == NULL)
		vmx_breach(dev, VMX_BREACH_BUFFER_MEMORY, "%s descriptor %u: 0x%llx, %u bytes",
			   ring->name, index, (unsigned long long)addr, desc_len(desc));
	if ((word2 & TX_RESERVED2) != 0 || (pvn_le32_to_cpu(desc->word3) & TX_RESERVED3) != 0)
		vmx_breach(dev, VMX_BREACH_RESERVED_BITS, "%s descriptor %u: %08x %08x", ring->name,
			   index, word2, pvn_le32_to_cpu(desc->word3));
}

/* Packets that wait without having been announced. */
static uint32_t
unannounced(const struct vmx_ring *ring)
{
	uint32_t index = (ring->take + ring->ready) % ring->size;
	uint32_t packets = 0;

	for (; index != ring->fill; index = vmx_ring_next(ring, index))
		packets += desc_eop(&ring->shadow[index]);
	return packets;
}

/*
 * With a threshold of 1 each burst ends in a doorbell. Above that, fewer packets may wait: the
 * device finds them itself.
 */
static void
check_unannounced(struct vmx_device *dev, struct vmx_txq *txq)
{
	uint32_t threshold = pvn_le32_to_cpu(txq->table->threshold);
	struct vmx_ring *ring = &txq->ring;
	uint32_t packets = unannounced(ring);

	if (packets >= threshold)
		vmx_breach(dev, VMX_BREACH_DOORBELL_MISSING, "%s: %u packets, threshold %u",
			   ring->name, packets, threshold);
	else
		ring->ready = vmx_ring_waiting(ring);
}

void
vmx_tx_scan(struct vmx_device *dev, unsigned int q, bool settled)
{
	struct vmx_txq *txq = &dev->txq[q];
	uint32_t producer = vmx_doorbell_take(dev, VMX_TXPROD, q);

	dev->muted = txq->tainted;
	vmx_ring_scan(dev, &txq->ring, accept_desc);
	vmx_comp_check(dev, &txq->comp);
	if (producer != VMX_DOORBELL_IDLE) {
		dev->doorbells_tx++;
		vmx_ring_announce(dev, &txq->ring, producer);
	}
	if (settled && txq->ring.ready < vmx_ring_waiting(&txq->ring))
		check_unannounced(dev, txq);
	dev->muted = false;
}

/* Descriptors of the packet that is next, or 0 when its end has not been announced. */
static uint32_t
packet_descs(struct vmx_device *dev, const struct vmx_ring *ring, uint32_t *bytes)
{
	uint32_t index = ring->take;

	*bytes = 0;
	for (uint32_t n = 1; n <= ring->ready; n++, index = vmx_ring_next(ring, index)) {
		*bytes += desc_len(&ring->shadow[index]);
		if (desc_eop(&ring->shadow[index]))
			return n;
	}
	if (ring->ready > 0)
		vmx_breach(dev, VMX_BREACH_PARTIAL_PACKET_VISIBLE, "%s: %u descriptors from %u on",
			   ring->name, ring->ready, ring->take);
	return 0;
}

static void
read_offload(struct vmx_frame *frame, const struct vmx_desc *first)
{
	uint32_t word2 = pvn_le32_to_cpu(first->word2);
	uint32_t word3 = pvn_le32_to_cpu(first->word3);

	frame->offload_mode = (uint8_t)pvn_field_get(VMXNET3_TXD3_OM, word3);
	frame->header_len = (uint16_t)pvn_field_get(VMXNET3_TXD3_HLEN, word3);
	frame->mss_or_offset = (uint16_t)pvn_field_get(VMXNET3_TXD2_MSSCOF, word2);
	frame->insert_tag = (word3 & VMXNET3_TXD3_TI) != 0;
	frame->tci = (uint16_t)pvn_field_get(VMXNET3_TXD3_TCI, word3);
}

static void
check_offload(struct vmx_device *dev, const char *ring, const struct vmx_frame *f, uint32_t first)
{
	bool ok = true;

	switch (f->offload_mode) {
	case VMXNET3_OM_ENCAP:
		vmx_breach(dev, VMX_BREACH_OFFLOAD_MODE, "%s: mode 1 with version %u", ring,
			   dev->version);
		return;
	case VMXNET3_OM_CSUM: /* the two bytes of the checksum lie in the frame's L4 header */
		ok = f->header_len >= ETH_LEN && f->mss_or_offset > f->header_len &&
		     f->mss_or_offset + 2u <= f->len && f->mss_or_offset <= CSUM_OFFSET_MAX;
		break;
	case VMXNET3_OM_TSO: /* all headers in the first buffer */
		ok = f->header_len > ETH_LEN && f->mss_or_offset > 0 && f->header_len <= first;
		break;
	}
	if (!ok)
		vmx_breach(dev, VMX_BREACH_OFFLOAD_FIELDS,
			   "%s: mode %u, header %u, value %u, first buffer %u, frame %u", ring,
			   f->offload_mode, f->header_len, f->mss_or_offset, first, f->len);
}

static void
check_num_desc(struct vmx_device *dev, const char *ring, const struct vmx_frame *frame)
{
	uint32_t max = frame->offload_mode == VMXNET3_OM_TSO ? VMXNET3_TSO_DESC_PER_PKT
							     : VMXNET3_TX_DESC_PER_PKT;

	if (frame->num_desc > max)
		vmx_breach(dev, VMX_BREACH_TOO_MANY_DESC, "%s: %u", ring, frame->num_desc);
}

/* [VMX3 12.17] Such frames are dropped, and completed like others. */
static bool
is_sendable(const struct vmx_frame *frame)
{
	const uint8_t *ip = frame->data + ETH_LEN;
	uint16_t type;

	if (frame->len < ETH_LEN)
		return false;
	type = (uint16_t)(frame->data[12] << 8 | frame->data[13]);
	if (type == 0x0800)
		return frame->len >= ETH_LEN + 20 && (ip[0] & 0xF) >= 5 &&
		       frame->len >= ETH_LEN + (ip[0] & 0xFu) * 4;
	return type != 0x86DD || frame->len >= ETH_LEN + 40;
}

static void
keep(struct vmx_device *dev, struct vmx_txq *txq, struct vmx_frame *frame)
{
	if (!is_sendable(frame)) {
		txq->counters.last[0]++;
		free(frame);
		return;
	}
	if (frame->offload_mode == VMXNET3_OM_TSO) {
		txq->counters.special_packets++;
		txq->counters.special_bytes += frame->len;
	} else {
		vmx_count(&txq->counters, frame->data, frame->len);
	}
	dev->frames_sent++;
	frame->next = NULL;
	*dev->sent_tail = frame;
	dev->sent_tail = &frame->next;
}

static void
copy_buffer(struct vmx_device *dev, struct vmx_frame *frame, const struct vmx_desc *desc)
{
	uint32_t len = desc_len(desc);
	const void *src = vmx_dma(dev, pvn_le64_to_cpu(desc->addr), len);

	if (src != NULL)
		memcpy(frame->data + frame->len, src, len);
	frame->len += len;
}

/* False when no whole packet is ready. */
static bool
send_packet(struct vmx_device *dev, struct vmx_txq *txq, unsigned int q)
{
	struct vmx_ring *ring = &txq->ring;
	uint32_t bytes, first, eop = 0;
	uint32_t num_desc = packet_descs(dev, ring, &bytes);
	struct vmx_frame *frame;

	if (num_desc == 0)
		return false;
	frame = calloc(1, sizeof(*frame) + bytes);
	if (frame == NULL)
		abort();
	frame->queue = (uint16_t)q;
	frame->num_desc = (uint16_t)num_desc;
	first = desc_len(&ring->shadow[ring->take]);
	read_offload(frame, &ring->shadow[ring->take]);
	for (uint32_t i = 0; i < num_desc; i++) {
		eop = vmx_ring_take(ring);
		copy_buffer(dev, frame, &ring->shadow[eop]);
	}
	check_offload(dev, ring->name, frame, first);
	check_num_desc(dev, ring->name, frame);
	if (!dev->opts.cq_only || (pvn_le32_to_cpu(ring->shadow[eop].word3) & VMXNET3_TXD3_CQ) != 0)
		txq->done[txq->num_done++] = (uint16_t)eop;
	keep(dev, txq, frame);
	return true;
}

static void
complete(struct vmx_device *dev, struct vmx_txq *txq)
{
	for (uint32_t i = 0; i < txq->num_done; i++) {
		uint32_t words[4] = {txq->done[i], 0, 0, 0};

		vmx_lie_tx(dev, txq, txq->ring.clean, words);
		vmx_comp_write(&txq->comp, words);
		vmx_ring_release(&txq->ring, txq->done[i]);
	}
	if (txq->num_done > 0)
		vmx_interrupt(dev, txq->config.intr);
	txq->num_done = 0;
}

unsigned int
vmx_tx_run(struct vmx_device *dev, unsigned int q)
{
	struct vmx_txq *txq = &dev->txq[q];
	unsigned int sent = 0;

	vmx_tx_scan(dev, q, true);
	if ((dev->stopped & VMXNET3_EVENT_TQERR) != 0)
		return 0;
	dev->muted = txq->tainted;
	while (send_packet(dev, txq, q))
		sent++;
	if (!dev->tx_hold)
		complete(dev, txq);
	dev->muted = false;
	return sent;
}
