/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Attach, detach, faults, and patience.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#include <rte_cycles.h>

#include <pvn_compat.h>

#include "pvn_hostend.h"

/* At once, and then one after so many milliseconds: offers to one guest, and lines about it. */
#define AT_ONCE 32
#define OFFER_MS 200
#define LINE_MS 1000

static bool
take_allowance(struct pvn_hostend_allowance *a, uint32_t ms)
{
	const uint64_t step = rte_get_timer_hz() * ms / 1000, now = rte_get_timer_cycles();
	const uint64_t more = (now - a->since) / step;

	if (a->since == 0 || a->left + more >= AT_ONCE) {
		a->left = AT_ONCE;
		a->since = now;
	} else {
		a->left += more;
		a->since += more * step;
	}
	if (a->left == 0)
		return false;
	a->left--;
	return true;
}

bool
pvn_hostend_may_offer(struct pvn_hostend *end)
{
	return take_allowance(&end->offers, OFFER_MS);
}

bool
pvn_hostend_may_tell(struct pvn_hostend *end)
{
	if (!take_allowance(&end->lines, LINE_MS)) {
		end->untold++;
		return false;
	}
	if (end->untold > 0)
		PVN_HOSTEND_LOG(NOTICE, end, "%llu lines about the guest were left out",
				(unsigned long long)end->untold);
	end->untold = 0;
	return true;
}

int
pvn_hostend_refuse(struct pvn_hostend *end, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(end->why, sizeof(end->why), fmt, args);
	va_end(args);
	return error;
}

static void
yield(void)
{
	sched_yield();
}

void
pvn_hostend_detach(struct pvn_hostend *end)
{
	end->up = false;
	for (uint16_t i = 0; i < end->rx_queues; i++)
		pvn_gate_shut(&end->rxq[i]->gate, yield);
	for (uint16_t i = 0; i < end->tx_queues; i++)
		pvn_gate_shut(&end->txq[i]->gate, yield);
}

void
pvn_hostend_attach(struct pvn_hostend *end, void *const *rx_rings, void *const *tx_rings)
{
	const bool mergeable = (end->agreed & RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)) != 0;
	const uint64_t takes = pvn_netbuf_mirror(end->agreed);

	for (uint16_t i = 0; i < end->queues; i++) {
		end->rxq[i]->policy = &end->policy;
		end->rxq[i]->features = end->agreed;
		end->rxq[i]->max_frame = PVN_HOSTEND_FRAME_MAX(end->mtu);
		pvn_vring_dev_reset(&end->rxq[i]->ring, tx_rings[i], end->tx_sizes[i], end->pools,
				    end->pool_count);
		pvn_gate_open(&end->rxq[i]->gate);
	}
	for (uint16_t i = 0; i < end->tx_queues; i++) {
		struct pvn_host_txq *q = end->txq[i];

		q->lead = i < end->queues ? NULL : end->txq[i % end->queues];
		q->shared = i < end->queues && i + end->queues < end->tx_queues;
		if (q->lead != NULL)
			continue;
		q->features = takes;
		q->mergeable = mergeable;
		q->max_frame = PVN_HOSTEND_FRAME_MAX(end->mtu);
		pvn_vring_dev_reset(&q->ring, rx_rings[i], end->rx_sizes[i], end->pools,
				    end->pool_count);
	}
	for (uint16_t i = 0; i < end->tx_queues; i++)
		pvn_gate_open(&end->txq[i]->gate);
	end->up = true;
	end->connects++;
}

bool
pvn_hostend_fault(struct pvn_hostend *end)
{
	for (uint16_t i = 0; i < end->queues; i++) {
		uint16_t fault = end->rxq[i]->ring.fault;

		if (fault == PVN_VRING_FAULT_NONE && i < end->tx_queues)
			fault = end->txq[i]->ring.fault;
		if (fault == PVN_VRING_FAULT_NONE)
			continue;
		pvn_hostend_refuse(end, 0, "queue %u: %s", i, pvn_vring_fault_text(fault));
		return true;
	}
	return false;
}
