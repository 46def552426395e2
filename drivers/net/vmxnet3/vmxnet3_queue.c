/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Queues: their rings, and who owns the mbufs in them. A queue lives in three states:
 *
 *   set up    rings allocated, nothing posted; the device knows nothing of them
 *   prepared  rings zeroed, generations at 1, rx buffers posted, queue table entry filled
 *   drained   after the device was quiesced: every mbuf back in its pool, as set up
 *
 * All rings of a queue are in one DMA zone, each aligned to 512 bytes by its size, a multiple of 32
 * entries of 16 bytes [VMX3 6.4]; behind them the slots of its data ring, if it has one.
 *
 * An rx queue has two rings. Ring 1 holds heads. Ring 2 holds bodies and is filled only if a frame
 * may need more than one buffer; else it is 32 zeroed entries, because the device may look at it
 * [VMX3 12.9]. So a port without scatter pins half the mbufs it would otherwise.
 */
#include <errno.h>

#include <rte_malloc.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

#define ENTRY_SIZE 16u

static_assert(VMXNET3_RING_STEP * ENTRY_SIZE == VMXNET3_RING_ALIGN, "rings stay aligned in a zone");

static void *
alloc_slots(unsigned int size, unsigned int socket)
{
	return rte_zmalloc_socket("vmxnet3_slots", (size + VMXNET3_SLOTS_BEHIND) * sizeof(void *),
				  RTE_CACHE_LINE_SIZE, (int)socket);
}

/* For as many entries of both rings. */
static unsigned int
comp_entries(const struct vmxnet3_rx_queue *rxq, unsigned int rings)
{
	return rxq->powers ? rte_align32pow2(rings) : rings;
}

static int
alloc_rx_memory(struct rte_eth_dev *dev, struct vmxnet3_rx_queue *rxq, unsigned int socket)
{
	unsigned int rings = rxq->ring_size + rxq->ring2_capacity;
	unsigned int entries = rings + comp_entries(rxq, rings);
	struct vmxnet3_rx_ring *r = rxq->rings;

	/* The completion ring holds both rings' worth: nobody detects its overflow. [VMX3 12.11] */
	rxq->zone = rte_eth_dma_zone_reserve(
		dev, "rxq", rxq->queue_id,
		entries * ENTRY_SIZE + rxq->ring_size * (size_t)rxq->data_slot, VMXNET3_RING_ALIGN,
		(int)socket);
	r[0].mbufs = alloc_slots(rxq->ring_size, socket);
	r[1].mbufs = alloc_slots(rxq->ring2_capacity, socket);
	if (rxq->zone == NULL || r[0].mbufs == NULL || r[1].mbufs == NULL) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "rx queue %u: no memory for %u descriptors",
			    rxq->queue_id, rings);
		return -ENOMEM;
	}
	r[0].desc = rxq->zone->addr;
	r[1].desc = r[0].desc + rxq->ring_size;
	rxq->comp = (struct vmxnet3_rxc *)(r[1].desc + rxq->ring2_capacity);
	rxq->data = (uint8_t *)(rxq->comp + comp_entries(rxq, rings));
	return 0;
}

static int
refuse_deferred_start(const struct rte_eth_dev *dev, const char *direction, uint16_t queue)
{
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
		    "%s queue %u: deferred start: the device starts all queues at once", direction,
		    queue);
	return -ENOTSUP;
}

static int
check_size(const struct rte_eth_dev *dev, const char *direction, uint16_t queue, uint16_t size)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!vmxnet3_needs_powers(hw) || rte_is_power_of_2(size))
		return 0;
	VMXNET3_LOG(ERR, hw->name,
		    "%s queue %u: %u descriptors: device version %u needs a power of two; use one, "
		    "or the device argument max_version=6",
		    direction, queue, size, hw->caps.version);
	return -EINVAL;
}

/* What fits the 14-bit length of a descriptor and leaves the headroom alone. */
static uint16_t
rx_buf_len(struct rte_mempool *pool)
{
	unsigned int room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

	return (uint16_t)RTE_MIN(room, VMXNET3_RX_BUF_MAX);
}

/* What the rearmed word of a received mbuf holds. */
static uint64_t
rearm_word(uint16_t port)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM, .refcnt = 1, .nb_segs = 1, .port = port};
	uint64_t word;

	static_assert(offsetof(struct rte_mbuf, ol_flags) - offsetof(struct rte_mbuf, rearm_data) ==
			      sizeof(word),
		      "four fields, one word");
	memcpy(&word, &m.rearm_data, sizeof(word));
	return word;
}

static bool
has_external_buffers(struct rte_mempool *pool)
{
	return (rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0;
}

static void
look_at_memory(struct rte_mempool *pool __rte_unused, void *opaque,
	       struct rte_mempool_memhdr *chunk, unsigned int number __rte_unused)
{
	bool *alike = opaque;

	*alike = *alike && chunk->iova == (uintptr_t)chunk->addr;
}

/* Where a mbuf's data is for the device, counted from the mbuf, if that is the same for all of the
 * pool: where device addresses are pointers and buffers lie behind their mbufs. */
static uint64_t
iova_offset(struct rte_mempool *pool)
{
	bool alike = rte_eal_iova_mode() == RTE_IOVA_VA && !has_external_buffers(pool);

	rte_mempool_mem_iter(pool, look_at_memory, &alike);
	if (!alike)
		return 0;
	return sizeof(struct rte_mbuf) + rte_pktmbuf_priv_size(pool) + RTE_PKTMBUF_HEADROOM;
}

static void
set_rx_doorbells(struct vmxnet3_rx_queue *rxq, bool large_bar)
{
	const uint16_t q = rxq->queue_id;

	rxq->rings[0].doorbell = large_bar ? VMXNET3_LARGE_BAR0_RXPROD(q) : VMXNET3_BAR0_RXPROD(q);
	rxq->rings[1].doorbell =
		large_bar ? VMXNET3_LARGE_BAR0_RXPROD2(q) : VMXNET3_BAR0_RXPROD2(q);
}

int
vmxnet3_rxq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc, unsigned int socket,
		  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct vmxnet3_rx_queue *rxq;

	if (conf->rx_deferred_start != 0)
		return refuse_deferred_start(dev, "rx", queue);
	if (check_size(dev, "rx", queue, nb_desc) < 0)
		return -EINVAL;
	vmxnet3_rxq_release(dev, queue);
	rxq = rte_zmalloc_socket("vmxnet3_rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE, (int)socket);
	if (rxq == NULL)
		return -ENOMEM;
	dev->data->rx_queues[queue] = rxq;
	rxq->queue_id = queue;
	rxq->rearm = rearm_word(dev->data->port_id);
	rxq->meanings = vmxnet3_adapter(dev)->meanings;
	rxq->plain_word0 =
		VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP | pvn_field_put(VMXNET3_RXC0_RQID, queue);
	rxq->pool = pool;
	rxq->iova_offset = iova_offset(pool);
	rxq->base_flags = has_external_buffers(pool) ? RTE_MBUF_F_EXTERNAL : 0;
	rxq->buf_len = rx_buf_len(pool);
	rxq->bar0 = vmxnet3_hw(dev)->bar0;
	set_rx_doorbells(rxq, vmxnet3_dev_has_large_bar(vmxnet3_hw(dev)));
	rxq->ring_size = nb_desc;
	rxq->powers = vmxnet3_needs_powers(vmxnet3_hw(dev));
	/* What comes in a slot has to find room in one buffer. */
	rxq->data_slot = vmxnet3_hw(dev)->rx_data_slot;
	if (rxq->data_slot > rxq->buf_len)
		rxq->data_slot = 0;
	rxq->ring2_capacity = RTE_MIN(nb_desc, VMXNET3_RX_RING2_MAX_OLD);
	if (alloc_rx_memory(dev, rxq, socket) < 0) {
		vmxnet3_rxq_release(dev, queue);
		return -ENOMEM;
	}
	return 0;
}

int
vmxnet3_txq_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc, unsigned int socket,
		  const struct rte_eth_txconf *conf)
{
	struct vmxnet3_tx_queue *txq;

	if (conf->tx_deferred_start != 0)
		return refuse_deferred_start(dev, "tx", queue);
	if (check_size(dev, "tx", queue, nb_desc) < 0)
		return -EINVAL;
	vmxnet3_txq_release(dev, queue);
	txq = rte_zmalloc_socket("vmxnet3_txq", sizeof(*txq), RTE_CACHE_LINE_SIZE, (int)socket);
	if (txq == NULL)
		return -ENOMEM;
	dev->data->tx_queues[queue] = txq;
	txq->queue_id = queue;
	txq->size = nb_desc;
	/* So late that any packet finds room before. */
	txq->reap_from = RTE_MIN(32, nb_desc - 1 - (int)VMXNET3_TSO_DESC_PER_PKT);
	txq->offloads = conf->offloads;
	txq->doorbell = vmxnet3_hw(dev)->bar0 + (vmxnet3_dev_has_large_bar(vmxnet3_hw(dev))
							 ? VMXNET3_LARGE_BAR0_TXPROD(queue)
							 : VMXNET3_BAR0_TXPROD(queue));
	txq->data_slot = vmxnet3_hw(dev)->tx_data_slot;
	txq->zone = rte_eth_dma_zone_reserve(dev, "txq", queue,
					     nb_desc * (2 * (size_t)ENTRY_SIZE + txq->data_slot),
					     VMXNET3_RING_ALIGN, (int)socket);
	txq->held = alloc_slots(nb_desc, socket);
	txq->tags = rte_zmalloc_socket("vmxnet3_tags", nb_desc, RTE_CACHE_LINE_SIZE, (int)socket);
	if (txq->zone == NULL || txq->held == NULL || txq->tags == NULL) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "tx queue %u: no memory for %u descriptors",
			    queue, nb_desc);
		vmxnet3_txq_release(dev, queue);
		return -ENOMEM;
	}
	txq->desc = txq->zone->addr;
	txq->comp = (struct vmxnet3_txc *)(txq->desc + nb_desc);
	txq->data = (uint8_t *)(txq->comp + nb_desc);
	txq->data_iova = txq->zone->iova + 2 * nb_desc * ENTRY_SIZE;
	return 0;
}

/* The device is quiesced; a queue that never was set up is no mistake. */
void
vmxnet3_rxq_release(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[queue];

	if (rxq == NULL)
		return;
	vmxnet3_rxq_drain(rxq);
	vmxnet3_stats_keep_rxq(dev, rxq);
	for (int i = 0; i < VMXNET3_RX_RINGS; i++)
		rte_free(rxq->rings[i].mbufs);
	if (rxq->zone != NULL)
		rte_eth_dma_zone_free(dev, "rxq", queue);
	rte_free(rxq);
	dev->data->rx_queues[queue] = NULL;
}

void
vmxnet3_txq_release(struct rte_eth_dev *dev, uint16_t queue)
{
	struct vmxnet3_tx_queue *txq = dev->data->tx_queues[queue];

	if (txq == NULL)
		return;
	vmxnet3_txq_drain(txq);
	vmxnet3_stats_keep_txq(dev, txq);
	rte_free(txq->held);
	rte_free(txq->tags);
	if (txq->zone != NULL)
		rte_eth_dma_zone_free(dev, "txq", queue);
	rte_free(txq);
	dev->data->tx_queues[queue] = NULL;
}

static void
reset_rx_ring(struct vmxnet3_rx_ring *ring, uint16_t size, uint32_t kind)
{
	ring->size = size;
	ring->fill = 0;
	ring->next = 0;
	ring->posted = 0;
	ring->gen = VMXNET3_RXD2_GEN;
	ring->kind = kind;
	ring->starving = false;
	ring->threshold = RTE_MAX(1, vmxnet3_rx_refill_threshold(size));
}

static void
describe_rxq(const struct vmxnet3_rx_queue *rxq, uint16_t ring2_size)
{
	struct vmxnet3_rx_queue_desc *d = rxq->shared;
	rte_iova_t ring2 = rxq->zone->iova + rxq->ring_size * ENTRY_SIZE;

	d->ring1_addr = pvn_cpu_to_le64(rxq->zone->iova);
	d->ring2_addr = pvn_cpu_to_le64(ring2);
	d->comp_ring_addr = pvn_cpu_to_le64(ring2 + rxq->ring2_capacity * ENTRY_SIZE);
	d->ring1_size = pvn_cpu_to_le32(rxq->ring_size);
	d->ring2_size = pvn_cpu_to_le32(ring2_size);
	d->comp_ring_size = pvn_cpu_to_le32(rxq->comp_size);
	if (rxq->data_slot == 0)
		return;
	d->data_ring_addr =
		pvn_cpu_to_le64(rxq->zone->iova + RTE_PTR_DIFF(rxq->data, rxq->zone->addr));
	d->data_slot_size = pvn_cpu_to_le16(rxq->data_slot);
}

/*
 * Before ACTIVATE, after the queue table was zeroed: rxq->shared points at the queue's entry.
 * Posts what the pool can give; the burst function goes on trying, so that is no error.
 */
void
vmxnet3_rxq_prepare(struct vmxnet3_rx_queue *rxq, bool scatter)
{
	uint16_t ring2_size = scatter ? rxq->ring2_capacity : VMXNET3_RING_STEP;

	memset(rxq->zone->addr, 0, rxq->zone->len);
	reset_rx_ring(&rxq->rings[0], rxq->ring_size, 0);
	reset_rx_ring(&rxq->rings[1], scatter ? ring2_size : 0, VMXNET3_RXD2_BODY);
	rxq->has_bodies = scatter;
	rxq->comp_size = (uint16_t)comp_entries(rxq, rxq->ring_size + ring2_size);
	rxq->comp_next = 0;
	rxq->comp_gen = VMXNET3_RXC3_GEN;
	describe_rxq(rxq, ring2_size);
	for (int i = 0; i < VMXNET3_RX_RINGS; i++)
		vmxnet3_rx_refill(rxq, &rxq->rings[i]);
}

/* Before version 3 all slots were of one size, and what is the size now was reserved. [VMX3 7.6] */
static void
describe_tx_data(const struct vmxnet3_tx_queue *txq, bool tell_size)
{
	struct vmxnet3_tx_queue_desc *d = txq->shared;

	if (txq->data_slot == 0)
		return;
	d->data_ring_addr = pvn_cpu_to_le64(txq->data_iova);
	d->data_ring_size = pvn_cpu_to_le32(txq->size);
	if (tell_size)
		d->data_slot_size = pvn_cpu_to_le16(txq->data_slot);
}

void
vmxnet3_txq_prepare(struct vmxnet3_tx_queue *txq, bool tell_size)
{
	struct vmxnet3_tx_queue_desc *d = txq->shared;

	memset(txq->zone->addr, 0, txq->zone->len);
	txq->fill = 0;
	txq->clean = 0;
	txq->in_flight = 0;
	txq->usable = txq->size - 1;
	txq->tagged = 0;
	txq->chained = 0;
	txq->holding = 0;
	txq->quiet = 0;
	txq->comp_next = 0;
	txq->deferred = 0;
	txq->gen = VMXNET3_TXD2_GEN;
	txq->comp_gen = VMXNET3_TXC3_GEN;
	d->threshold = pvn_cpu_to_le32(1);
	d->ring_addr = pvn_cpu_to_le64(txq->zone->iova);
	d->comp_ring_addr = pvn_cpu_to_le64(txq->zone->iova + txq->size * ENTRY_SIZE);
	d->ring_size = pvn_cpu_to_le32(txq->size);
	d->comp_ring_size = pvn_cpu_to_le32(txq->size);
	describe_tx_data(txq, tell_size);
}

/* The device owns nothing any more: posted buffers and the half-built frame go back. */
void
vmxnet3_rxq_drain(struct vmxnet3_rx_queue *rxq)
{
	for (int i = 0; i < VMXNET3_RX_RINGS; i++) {
		struct vmxnet3_rx_ring *ring = &rxq->rings[i];

		while (ring->posted > 0)
			rte_mbuf_raw_free(vmxnet3_rx_take_slot(ring));
		reset_rx_ring(ring, 0, 0);
	}
	rxq->comp_size = 0;
	rxq->comp_next = 0;
	rte_pktmbuf_free(rxq->head);
	rxq->head = NULL;
	rxq->dropping = false;
}

void
vmxnet3_txq_drain(struct vmxnet3_tx_queue *txq)
{
	vmxnet3_tx_free_all(txq);
	txq->usable = 0;
}
