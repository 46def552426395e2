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

#define TX_RESERVED3 PVN_BIT32(14)
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

/* Bits of word 2 that mean nothing in the version picked. */
static uint32_t
reserved2(const struct vmx_device *dev)
{
	return VMXNET3_TXD2_TYPE | (vmx_is_version(dev, 4) ? 0 : VMXNET3_TXD2_OUTER_CSUM) |
	       (vmx_is_version(dev, 7) ? 0 : VMXNET3_TXD2_INNER);
}

/* [VMX3 7.6] What lies in the data ring lies in the descriptor's own slot. */
static void
check_slot(struct vmx_device *dev, const struct vmx_ring *ring, uint32_t index, uint64_t addr,
	   uint32_t len)
{
	for (unsigned int q = 0; q < dev->num_tx; q++) {
		const struct vmx_txq *txq = &dev->txq[q];
		uint64_t base = pvn_le64_to_cpu(txq->config.data_ring_addr);
		uint64_t slot = txq->data_slot;

		if (ring != &txq->ring || addr - base >= slot * ring->size)
			continue;
		if (addr != base + index * slot || len > slot)
			vmx_breach(dev, VMX_BREACH_DATA_SLOT,
				   "%s descriptor %u: %u bytes at %llu of the data ring",
				   ring->name, index, len, (unsigned long long)(addr - base));
	}
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
	check_slot(dev, ring, index, addr, desc_len(desc));
	if ((word2 & reserved2(dev)) != 0 || (pvn_le32_to_cpu(desc->word3) & TX_RESERVED3) != 0)
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
	dev->fault = &txq->fault;
	vmx_ring_scan(dev, &txq->ring, accept_desc);
	vmx_comp_check(dev, &txq->comp);
	if (producer != VMX_DOORBELL_IDLE) {
		dev->doorbells_tx++;
		vmx_ring_announce(dev, &txq->ring, producer);
	}
	if (settled && txq->ring.ready < vmx_ring_waiting(&txq->ring))
		check_unannounced(dev, txq);
	dev->fault = NULL;
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
	frame->outer_csum = (word2 & VMXNET3_TXD2_OUTER_CSUM) != 0;
	frame->inner = (word2 & VMXNET3_TXD2_INNER) != 0;
	frame->insert_tag = (word3 & VMXNET3_TXD3_TI) != 0;
	frame->tci = (uint16_t)pvn_field_get(VMXNET3_TXD3_TCI, word3);
}

/* [VMX3 7.3] Tunnels were a mode of their own before version 7, then a bit, and a thing to be
 * granted. */
static bool
mode_known(const struct vmx_device *dev, const struct vmx_frame *f)
{
	if (f->offload_mode == VMXNET3_OM_ENCAP)
		return vmx_is_version(dev, 4) && !vmx_is_version(dev, 7);
	if (f->inner)
		return f->offload_mode != VMXNET3_OM_NONE &&
		       (vmx_wire_capabilities(f) & ~dev->granted) == 0;
	return !f->outer_csum;
}

static void
check_offload(struct vmx_device *dev, const char *ring, const struct vmx_frame *f, uint32_t first)
{
	bool ok = true;

	if (!mode_known(dev, f)) {
		vmx_breach(dev, VMX_BREACH_OFFLOAD_MODE, "%s: mode %u%s with version %u", ring,
			   f->offload_mode, f->inner ? ", inner" : "", dev->version);
		return;
	}
	switch (f->offload_mode) {
	case VMXNET3_OM_NONE:
		ok = f->header_len == 0 && f->mss_or_offset == 0;
		break;
	case VMXNET3_OM_ENCAP: /* all headers in the first buffer */
		ok = f->header_len > ETH_LEN && f->header_len <= first;
		break;
	case VMXNET3_OM_CSUM: /* the two bytes of the checksum lie in the frame's L4 header */
		ok = f->header_len >= ETH_LEN && (f->inner || f->mss_or_offset > f->header_len) &&
		     f->mss_or_offset + 2u <= f->len && f->mss_or_offset <= VMXNET3_CSUM_OFFSET_MAX;
		break;
	case VMXNET3_OM_TSO:
		ok = f->header_len > ETH_LEN && f->mss_or_offset > 0 && f->header_len <= first;
		break;
	}
	if (!ok)
		vmx_breach(dev, VMX_BREACH_OFFLOAD_FIELDS,
			   "%s: mode %u, header %u, value %u, first buffer %u, frame %u", ring,
			   f->offload_mode, f->header_len, f->mss_or_offset, first, f->len);
	else if (f->offload_mode != VMXNET3_OM_NONE)
		vmx_wire_check(dev, ring, f);
}

static void
check_num_desc(struct vmx_device *dev, const char *ring, const struct vmx_frame *frame)
{
	bool tso = frame->offload_mode == VMXNET3_OM_TSO ||
		   (frame->offload_mode == VMXNET3_OM_ENCAP && frame->mss_or_offset != 0);
	uint32_t max = tso ? VMXNET3_TSO_DESC_PER_PKT : VMXNET3_TX_DESC_PER_PKT;

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

/* [VMX3 6.3] Segments count one by one, except by QEMU, which counts before it cuts. */
static void
count(const struct vmx_device *dev, struct vmx_counters *counters, const struct vmx_frame *f)
{
	uint64_t packets = dev->opts.qemu ? 1 : vmx_wire_segments(f);
	uint64_t bytes = f->len + (packets - 1) * f->header_len;
	enum vmx_cast cast = vmx_cast_of(f->data);

	counters->packets[cast] += packets;
	counters->bytes[cast] += bytes;
	if (packets == 1 && f->offload_mode != VMXNET3_OM_TSO)
		return;
	counters->special_packets += packets;
	counters->special_bytes += bytes;
}

/* Without a link it goes nowhere, and is completed all the same. */
static void
keep(struct vmx_device *dev, struct vmx_txq *txq, struct vmx_frame *frame)
{
	if (!is_sendable(frame) || !dev->link_up) {
		txq->counters.last[is_sendable(frame)]++;
		free(frame);
		return;
	}
	count(dev, &txq->counters, frame);
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
complete(struct vmx_device *dev, struct vmx_txq *txq, unsigned int q)
{
	for (uint32_t i = 0; i < txq->num_done; i++) {
		uint32_t words[4] = {txq->done[i], 0, 0, 0};

		vmx_lie_tx(dev, txq, txq->ring.clean, words);
		vmx_storm_tx(dev, q, words);
		vmx_comp_write(&txq->comp, words);
		vmx_ring_release(&txq->ring, txq->done[i]);
	}
	if (txq->num_done > 0)
		vmx_interrupt(dev, txq->config.intr);
	txq->num_done = 0;
}

static void
stop_if_faulty(struct vmx_device *dev, struct vmx_txq *txq, unsigned int q)
{
	if (dev->opts.stop_on_fault && txq->fault != 0 && !txq->stopped)
		vmx_device_stop_queue(dev, true, q, txq->fault);
}

unsigned int
vmx_tx_run(struct vmx_device *dev, unsigned int q)
{
	struct vmx_txq *txq = &dev->txq[q];
	unsigned int sent = 0;

	vmx_tx_scan(dev, q, true);
	stop_if_faulty(dev, txq, q);
	if (txq->stopped)
		return 0;
	dev->muted = txq->tainted;
	dev->fault = &txq->fault;
	while ((txq->fault == 0 || !dev->opts.stop_on_fault) && send_packet(dev, txq, q))
		sent++;
	dev->fault = NULL;
	if (!dev->tx_hold)
		complete(dev, txq, q);
	dev->muted = false;
	stop_if_faulty(dev, txq, q);
	return sent;
}
