/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transmit with a data ring [VMX3 7.6], whose slot i belongs to descriptor i: a small packet is
 * copied into the slot, and its mbuf is free at once. The host has that memory mapped, and need not
 * map a buffer for each packet.
 *
 * What is no single small segment, or asks for anything, goes the ordinary way; both may be in
 * flight together. A slot whose packet was copied holds nothing and has a tag that says so; while
 * only copied packets are in flight, their slots need not even be looked at.
 */
#include <rte_memcpy.h>

#include "vmxnet3_tx.h"

static inline bool
is_small(const struct vmxnet3_tx_queue *txq, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->data_len - 1u < txq->data_slot &&
	       (m->ol_flags & VMXNET3_TX_WISHES) == 0;
}

/* Most small packets are of 32 to 64 bytes: two copies of 32, which overlap. */
static inline void
copy_small(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (likely(len - 32 <= 32)) {
		rte_mov32(to, from);
		rte_mov32(to + len - 32, from + len - 32);
	} else {
		rte_memcpy(to, from, len);
	}
}

/* What the slots from `fill` on are afterwards: in flight, and they hold nothing. */
static inline void
filled_by_copies(struct vmxnet3_tx_queue *txq, uint16_t n, uint64_t bytes)
{
	memset(&txq->tags[txq->fill], VMXNET3_TX_NOTHING, n);
	filled(txq, n);
	txq->tagged = txq->in_flight;
	txq->stats.packets += n;
	txq->stats.data_ring += n;
	txq->stats.bytes += bytes;
}

/* Small packets, until one is not or the ring ends. Nobody waits for one of them: the device need
 * only tell when it is done with the last. */
static inline uint16_t
put_copied(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	struct vmxnet3_txd *d = &txq->desc[txq->fill];
	const uint32_t slot = txq->data_slot, gen = txq->gen;
	uint32_t at = txq->fill * slot;
	uint64_t bytes = 0;
	uint16_t i = 0;

	n = RTE_MIN(n, room(txq));
	n = RTE_MIN(n, (uint16_t)(txq->size - txq->fill));
	if (n == 0 || !is_small(txq, pkts[0]))
		return 0;
	for (;; at += slot) {
		const struct rte_mbuf *m = pkts[i];
		const uint32_t len = m->data_len;

		copy_small(txq->data + at, rte_pktmbuf_mtod(m, const uint8_t *), len);
		d[i].addr = pvn_cpu_to_le64(txq->data_iova + at);
		bytes += len;
		i++;
		if (i == n || !is_small(txq, pkts[i])) {
			hand_over(&d[i - 1], gen | len, VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ);
			break;
		}
		hand_over(&d[i - 1], gen | len, VMXNET3_TXD3_EOP);
	}
	filled_by_copies(txq, i, bytes);
	vmxnet3_tx_free_copied(txq, pkts, i);
	return i;
}

/* Slots from `clean` on, not over the ring's end, that hold nothing. */
static inline void
pass_slots(struct vmxnet3_tx_queue *txq, uint16_t n)
{
	memset(&txq->tags[txq->clean], 0, n);
	txq->tagged -= n;
	txq->in_flight -= n;
	txq->clean += n;
	if (txq->clean == txq->size)
		txq->clean = 0;
}

/* What is completed, of copied packets only. */
static inline void
pass_completed(struct vmxnet3_tx_queue *txq)
{
	const uint16_t n = vmxnet3_tx_take_copied(txq);
	const uint16_t to_end = RTE_MIN(n, (uint16_t)(txq->size - txq->clean));

	pass_slots(txq, to_end);
	if (n > to_end)
		pass_slots(txq, n - to_end);
}

static inline void
reap(struct vmxnet3_tx_queue *txq)
{
	const uint16_t before = txq->in_flight;

	if (likely(txq->holding == 0)) {
		if (before > 0)
			pass_completed(txq);
		return;
	}
	vmxnet3_tx_reap(txq);
	txq->holding -= RTE_MIN(txq->holding, (uint16_t)(before - txq->in_flight));
}

/* How many packets there are before the next small one. */
static inline uint16_t
count_others(const struct vmxnet3_tx_queue *txq, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint16_t i = 0;

	while (i < n && !is_small(txq, pkts[i]))
		i++;
	return i;
}

/* The ordinary way, but for the doorbell, which is rung once for all. */
static uint16_t
put_others(struct vmxnet3_tx_queue *txq, struct rte_mbuf **pkts, uint16_t n)
{
	txq->quiet = UINT32_MAX;
	n = vmxnet3_tx_burst(txq, pkts, n);
	txq->quiet = 0;
	if (n > 0)
		txq->holding = txq->in_flight;
	return n;
}

uint16_t
vmxnet3_tx_burst_data(void *tx_queue, struct rte_mbuf **pkts, uint16_t nb_pkts)
{
	struct vmxnet3_tx_queue *txq = tx_queue;
	uint16_t n = 0, copied = 0;

	if (txq->in_flight >= txq->reap_from || room(txq) < nb_pkts)
		reap(txq);
	while (n < nb_pkts) {
		uint16_t sent, others, row = put_copied(txq, pkts + n, nb_pkts - n);

		n += row;
		copied += row;
		if (row > 0)
			continue; /* perhaps the ring ended */
		others = count_others(txq, pkts + n, nb_pkts - n);
		if (others == 0)
			break; /* small, and no room */
		sent = put_others(txq, pkts + n, others);
		n += sent;
		if (sent < others)
			break;
	}
	if (n > 0)
		ring_doorbell(txq, copied);
	return n;
}

/* The same for all queues: the host has data rings, or it has not. */
void
vmxnet3_tx_choose(struct rte_eth_dev *dev)
{
	dev->tx_pkt_burst =
		vmxnet3_hw(dev)->tx_data_slot == 0 ? vmxnet3_tx_burst : vmxnet3_tx_burst_data;
}
