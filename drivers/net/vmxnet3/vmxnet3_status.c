/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * How far the rings of a queue have got, for an application that wants to know without receiving or
 * sending: descriptor states, counts, the address to sleep on. All but tx_done_cleanup only look,
 * and all are for the thread that the queue belongs to.
 *
 * The device completes in order, so that the completions not yet fetched are a row: its end is
 * found by halving. A device that lies about it only makes a number wrong.
 */
#include <errno.h>

#include "vmxnet3_pmd.h"

/* Entries from `next` on whose generation is the expected one, `gen` up to the ring's end and its
 * opposite behind. word3(ring, i) is a completion's last word. */
static uint16_t
count_completions(const void *ring, uint32_t (*word3)(const void *ring, uint16_t i), uint16_t size,
		  uint16_t next, uint32_t gen, uint32_t gen_mask)
{
	uint16_t low = 0, high = size;

	while (low < high) {
		uint16_t middle = (uint16_t)((low + high) / 2);
		uint32_t i = (uint32_t)next + middle;
		bool wrapped = i >= size;
		uint32_t word = word3(ring, (uint16_t)(wrapped ? i - size : i));

		if (((word ^ gen) & gen_mask) == (wrapped ? gen_mask : 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t
rx_word3(const void *ring, uint16_t i)
{
	const struct vmxnet3_rxc *comp = ring;

	return pvn_le32_to_cpu(__atomic_load_n(&comp[i].word3, __ATOMIC_ACQUIRE));
}

static uint32_t
tx_word3(const void *ring, uint16_t i)
{
	const struct vmxnet3_txc *comp = ring;

	return pvn_le32_to_cpu(__atomic_load_n(&comp[i].word3, __ATOMIC_ACQUIRE));
}

/* A stopped port's rings still show what the device wrote last. */
static uint16_t
rx_completions(const struct vmxnet3_rx_queue *rxq)
{
	if (rxq->rings[0].size == 0)
		return 0;
	return count_completions(rxq->comp, rx_word3, rxq->comp_size, rxq->comp_next, rxq->comp_gen,
				 VMXNET3_RXC3_GEN);
}

/* Buffers that the device has filled. */
PVN_QUEUE_COUNT_TYPE
vmxnet3_rx_queue_count(void *rx_queue)
{
	return rx_completions(rx_queue);
}

/* Offset 0 is the descriptor that is received from next. */
int
vmxnet3_rx_descriptor_status(void *rx_queue, uint16_t offset)
{
	const struct vmxnet3_rx_queue *rxq = rx_queue;

	if (offset >= rxq->num_desc)
		return -EINVAL;
	if (offset < rx_completions(rxq))
		return RTE_ETH_RX_DESC_DONE;
	return offset < rxq->rings[0].posted ? RTE_ETH_RX_DESC_AVAIL : RTE_ETH_RX_DESC_UNAVAIL;
}

/* Descriptors of tx_queue that the device is done with and the driver has not freed. */
static uint16_t
tx_completed(const struct vmxnet3_tx_queue *txq)
{
	uint16_t n = txq->in_flight == 0
			     ? 0
			     : count_completions(txq->comp, tx_word3, txq->size, txq->comp_next,
						 txq->comp_gen, VMXNET3_TXC3_GEN);
	uint32_t last, index, distance;

	if (n == 0)
		return 0;
	last = ((uint32_t)txq->comp_next + n - 1) % txq->size;
	index = pvn_le32_to_cpu(__atomic_load_n(&txq->comp[last].word0, __ATOMIC_RELAXED));
	index = pvn_field_get(VMXNET3_TXC0_INDEX, index);
	if (index >= txq->size)
		return 0;
	distance = vmxnet3_slots_between(txq->clean, index, txq->size);
	return distance < txq->in_flight ? (uint16_t)(distance + 1) : 0;
}

/* Offset 0 is the descriptor that is filled next; the last free one never is. [VMX3 7.2] */
int
vmxnet3_tx_descriptor_status(void *tx_queue, uint16_t offset)
{
	const struct vmxnet3_tx_queue *txq = tx_queue;
	uint16_t unused = txq->num_desc - txq->in_flight;

	if (offset >= txq->num_desc)
		return -EINVAL;
	if (offset < unused - 1)
		return RTE_ETH_TX_DESC_DONE;
	if (offset == unused - 1)
		return RTE_ETH_TX_DESC_UNAVAIL;
	return offset - unused < tx_completed(txq) ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL;
}

static int
packets_in_flight(const struct vmxnet3_tx_queue *txq)
{
	uint16_t slot = txq->clean;
	int n = 0;

	for (uint16_t i = 0; i < txq->in_flight; i++, slot = vmxnet3_slot_after(slot, txq->size))
		n += (pvn_le32_to_cpu(txq->desc[slot].word3) & VMXNET3_TXD3_EOP) != 0;
	return n;
}

/* All that is completed is freed, even when fewer would do. Returns how many packets. */
int
vmxnet3_tx_done_cleanup(void *tx_queue, uint32_t free_cnt __rte_unused)
{
	int before = packets_in_flight(tx_queue);

	vmxnet3_tx_reap(tx_queue);
	return before - packets_in_flight(tx_queue);
}

/* Has the completion come that the core went to sleep for? */
static int
completion_came(const uint64_t word3, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ])
{
	return (word3 & VMXNET3_RXC3_GEN) == opaque[0] ? -1 : 0;
}

int
vmxnet3_monitor_addr(void *rx_queue, struct rte_power_monitor_cond *pmc)
{
	struct vmxnet3_rx_queue *rxq = rx_queue;
	uint32_t gen = rxq->comp_gen;

	pmc->addr = &rxq->comp[rxq->comp_next].word3;
	pmc->size = sizeof(rxq->comp->word3);
	pmc->fn = completion_came;
	pmc->opaque[0] = gen;
	return 0;
}
