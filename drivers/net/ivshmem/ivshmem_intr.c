/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receive queues that sleep: the application waits on the doorbell's eventfd itself, so that a
 * wake-up passes through no other thread. [IVS 7] A queue can sleep if it has a vector of its own.
 */
#include <errno.h>
#include <unistd.h>

#include <rte_epoll.h>
#include <rte_interrupts.h>

#include "ivshmem_pmd.h"

uint32_t
ivshmem_intr_vectors(const struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub)
{
	if (eth->data->dev_conf.intr_conf.rxq == 0)
		return 0;
	return pvn_ivshmem_hub_vectors(hub);
}

/* The doorbell of queue q, or -1 if it shares one. */
static int
own_bell(struct pvn_ivshmem_hub *hub, uint16_t q, uint32_t vectors)
{
	if (vectors == 0 || q >= RTE_MAX(vectors - 1, 1u))
		return -1;
	return pvn_ivshmem_hub_bell(hub, IVSHMEM_NET_VECTOR(q, vectors));
}

static int
fill_handle(struct rte_intr_handle *handle, const struct ivshmem_sleeper *sleepers, uint16_t n)
{
	if (rte_intr_vec_list_alloc(handle, NULL, n) != 0 ||
	    rte_intr_efd_counter_size_set(handle, sizeof(uint64_t)) != 0 ||
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_VDEV) != 0 ||
	    rte_intr_nb_efd_set(handle, n) != 0 || rte_intr_max_intr_set(handle, n + 1) != 0)
		return -ENOMEM;
	for (uint16_t q = 0; q < n; q++)
		if (rte_intr_efds_index_set(handle, q, sleepers[q].bell) != 0 ||
		    rte_intr_vec_list_index_set(handle, q, RTE_INTR_VEC_RXTX_OFFSET + q) != 0)
			return -ENOMEM;
	return 0;
}

int
ivshmem_intr_start(struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub,
		   struct ivshmem_sleeper *sleepers, struct rte_intr_handle **handle)
{
	const uint32_t vectors = ivshmem_intr_vectors(eth, hub);
	const uint16_t n = eth->data->nb_rx_queues;

	for (uint16_t q = 0; q < n; q++)
		sleepers[q] = (struct ivshmem_sleeper){.bell = own_bell(hub, q, vectors)};
	if (eth->data->dev_conf.intr_conf.rxq == 0)
		return 0;
	if (n > RTE_MAX_RXTX_INTR_VEC_ID || sleepers[n - 1].bell < 0) {
		IVSHMEM_LOG(ERR, eth->data->name,
			    "receive interrupts for %u queues need %u doorbell vectors, there are "
			    "%u: have the region served with more, or take fewer queues",
			    n, n == 1 ? 1 : n + 1, pvn_ivshmem_hub_vectors(hub));
		return -ENOTSUP;
	}
	*handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (*handle == NULL || fill_handle(*handle, sleepers, n) < 0) {
		IVSHMEM_LOG(ERR, eth->data->name, "no memory for interrupts");
		return -ENOMEM;
	}
	eth->intr_handle = *handle;
	pvn_ivshmem_hub_lock(hub);
	pvn_ivshmem_hub_leave_bell(hub, true);
	pvn_ivshmem_hub_unlock(hub);
	return 0;
}

void
ivshmem_intr_stop(struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub,
		  struct ivshmem_sleeper *sleepers, struct rte_intr_handle **handle)
{
	if (*handle == NULL)
		return;
	if (eth->intr_handle == *handle) {
		pvn_ivshmem_hub_lock(hub);
		pvn_ivshmem_hub_leave_bell(hub, false);
		pvn_ivshmem_hub_unlock(hub);
	}
	eth->intr_handle = NULL;
	for (uint16_t q = 0; q < eth->data->nb_rx_queues; q++)
		sleepers[q] = (struct ivshmem_sleeper){.bell = -1};
	rte_intr_free_epoll_fd(*handle);
	rte_intr_vec_list_free(*handle);
	rte_intr_instance_free(*handle);
	*handle = NULL;
}

static void
ring_self(const struct ivshmem_sleeper *s)
{
	const uint64_t one = 1;

	(void)!write(s->bell, &one, sizeof(one)); /* a full one is rung already */
}

void
ivshmem_intr_wake_all(const struct ivshmem_sleeper *sleepers, uint16_t n)
{
	for (uint16_t q = 0; q < n; q++)
		if (sleepers[q].bell >= 0 && sleepers[q].asleep)
			ring_self(&sleepers[q]);
}

/* ---- operations: in the thread that receives ---- */

/* Which words are there is known inside the gate only. Without a connection the queue sleeps, and
 * is woken by the next one.
 */
int
ivshmem_guest_intr_enable(struct rte_eth_dev *eth, uint16_t i)
{
	struct ivshmem_sleeper *s = &ivshmem_guestdev(eth)->sleeper[i];
	struct pvn_guest_rxq *q = &pvn_guestdev_rxq(pvn_guestdev(eth), i)->q;

	if (s->bell < 0)
		return -ENOTSUP;
	s->asleep = true;
	if (!pvn_gate_enter(&q->gate))
		return 0;
	if (s->word != NULL) {
		pvn_wake_sleep(s->word);
		if (pvn_vring_drv_used(&q->ring, UINT16_MAX) > 0)
			ring_self(s);
	}
	pvn_gate_leave(&q->gate);
	return 0;
}

int
ivshmem_guest_intr_disable(struct rte_eth_dev *eth, uint16_t i)
{
	struct ivshmem_sleeper *s = &ivshmem_guestdev(eth)->sleeper[i];
	struct pvn_guest_rxq *q = &pvn_guestdev_rxq(pvn_guestdev(eth), i)->q;

	s->asleep = false;
	if (!pvn_gate_enter(&q->gate))
		return 0;
	if (s->word != NULL)
		pvn_wake_awake(s->word);
	pvn_gate_leave(&q->gate);
	return 0;
}

int
ivshmem_host_intr_enable(struct rte_eth_dev *eth, uint16_t i)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);
	struct ivshmem_sleeper *s = &dev->sleeper[i];
	struct pvn_host_rxq *q = eth->data->rx_queues[i];

	if (s->bell < 0)
		return -ENOTSUP;
	s->asleep = true;
	if (!pvn_gate_enter(&q->gate))
		return 0;
	pvn_wake_sleep((pvn_le32 *)(void *)(dev->host.mem + IVSHMEM_NET_WAKE_HOST(i)));
	if (pvn_vring_dev_avail(&q->ring, UINT16_MAX) > 0)
		ring_self(s);
	pvn_gate_leave(&q->gate);
	return 0;
}

int
ivshmem_host_intr_disable(struct rte_eth_dev *eth, uint16_t i)
{
	struct ivshmem_hostdev *dev = ivshmem_hostdev(eth);
	struct pvn_host_rxq *q = eth->data->rx_queues[i];

	dev->sleeper[i].asleep = false;
	if (!pvn_gate_enter(&q->gate))
		return 0;
	pvn_wake_awake((pvn_le32 *)(void *)(dev->host.mem + IVSHMEM_NET_WAKE_HOST(i)));
	pvn_gate_leave(&q->gate);
	return 0;
}
