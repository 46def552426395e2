/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Interrupts, and what is heard by them [VMX3 9]: the link, queues in error; and the removal of the
 * device, which the bus tells.
 *
 * Vector 0 is the event's. With rx queue interrupts queue q has vector 1 + q, as ethdev expects it,
 * whatever the number of tx queues. All others share the vector behind, which stays masked. Events
 * are heard even when the application did not ask for the link: a queue in error must not go
 * unnoticed. Which interrupts there are is decided at each start anew.
 *
 * The event word is read from the shared area: the register reads as 0 on QEMU. [VMX3 3]
 */
#include <errno.h>

#include <bus_pci_driver.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_interrupts.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

/* ---- link ---- */

/* The link as the device has it: its true speed; down while the port is stopped. Returns as
 * rte_eth_linkstatus_set(): 0 if it changed. */
int
vmxnet3_link_update(struct rte_eth_dev *dev, int wait_to_complete __rte_unused)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};
	uint32_t speed_mbps;

	if (hw->active && vmxnet3_dev_link(hw, &speed_mbps)) {
		link.link_status = RTE_ETH_LINK_UP;
		link.link_speed = speed_mbps;
	}
	return rte_eth_linkstatus_set(dev, &link);
}

static void
link_changed(struct rte_eth_dev *dev)
{
	if (vmxnet3_link_update(dev, 0) == 0 && dev->data->dev_conf.intr_conf.lsc != 0)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

/* ---- queues in error ---- */

static const char *
stop_reason(uint32_t code)
{
	switch (code) {
#define VMXNET3_X(name, number, meaning)                                                           \
	case number:                                                                               \
		return meaning;
		VMXNET3_STOP_REASONS(VMXNET3_X)
#undef VMXNET3_X
	default:
		return "no reason that is known";
	}
}

static void
log_stopped(const struct rte_eth_dev *dev, const char *direction, uint16_t q, uint32_t code)
{
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
		    "the device stopped %s queue %u: %s (0x%x); rte_eth_dev_reset() and set the "
		    "port up again",
		    direction, q, stop_reason(code), code);
}

/* Once until the next start, however often the device says it. */
static void
queue_failed(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (hw->failed)
		return;
	hw->failed = true;
	vmxnet3_dev_queue_status(hw);
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue_desc *d = vmxnet3_dev_rxq_desc(dev, q);

		if (d->stopped != 0)
			log_stopped(dev, "rx", q, pvn_le32_to_cpu(d->stop_reason));
	}
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		const struct vmxnet3_tx_queue_desc *d = vmxnet3_dev_txq_desc(dev, q);

		if (d->stopped != 0)
			log_stopped(dev, "tx", q, pvn_le32_to_cpu(d->stop_reason));
	}
	rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RESET, NULL);
}

/* ---- the event's interrupt ---- */

/* On EAL's interrupt thread. An event that comes meanwhile fires when the vector is unmasked. */
static void
on_interrupt(void *arg)
{
	struct rte_eth_dev *dev = arg;
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	uint32_t events;

	if (hw->intr.line)
		vmxnet3_dev_register(hw, VMXNET3_BAR1_ICR); /* lets go of the line */
	vmxnet3_dev_mask(hw, VMXNET3_VECTOR_EVENT, true);
	events = vmxnet3_dev_take_events(hw);
	if ((events & (VMXNET3_EVENT_RQERR | VMXNET3_EVENT_TQERR)) != 0)
		queue_failed(dev);
	if ((events & VMXNET3_EVENT_LINK) != 0)
		link_changed(dev);
	vmxnet3_dev_mask(hw, VMXNET3_VECTOR_EVENT, false);
	rte_intr_ack(dev->intr_handle);
}

/* ---- removal ---- */

static void
on_device_event(const char *name, enum rte_dev_event_type type, void *arg)
{
	struct rte_eth_dev *dev = arg;

	if (type != RTE_DEV_EVENT_REMOVE || !vmxnet3_is_ours(dev) ||
	    strcmp(name, dev->data->name) != 0)
		return;
	rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
}

/* All ones is what a register of a device that is gone reads as. */
int
vmxnet3_is_removed(struct rte_eth_dev *dev)
{
	return vmxnet3_dev_register(vmxnet3_hw(dev), VMXNET3_BAR1_VRRS) == UINT32_MAX;
}

/* ---- life ---- */

static bool
uses_line(const struct rte_eth_dev *dev)
{
	switch (rte_intr_type_get(dev->intr_handle)) {
	case RTE_INTR_HANDLE_UIO:
	case RTE_INTR_HANDLE_UIO_INTX:
	case RTE_INTR_HANDLE_VFIO_LEGACY:
		return true;
	default:
		return false;
	}
}

static bool
has_interrupts(const struct rte_eth_dev *dev)
{
	const enum rte_intr_handle_type type = rte_intr_type_get(dev->intr_handle);

	return uses_line(dev) || type == RTE_INTR_HANDLE_VFIO_MSI ||
	       type == RTE_INTR_HANDLE_VFIO_MSIX;
}

/* In probe and close. What cannot be registered is not heard, and start refuses when it is needed.
 */
void
vmxnet3_intr_init(struct rte_eth_dev *dev)
{
	if (has_interrupts(dev))
		rte_intr_callback_register(dev->intr_handle, on_interrupt, dev);
	rte_dev_event_callback_register(dev->data->name, on_device_event, dev);
}

void
vmxnet3_intr_fini(struct rte_eth_dev *dev)
{
	if (has_interrupts(dev))
		rte_intr_callback_unregister_sync(dev->intr_handle, on_interrupt, dev);
	rte_dev_event_callback_unregister(dev->data->name, on_device_event, dev);
}

/* Can the rx queues have interrupts? In configure. */
int
vmxnet3_intr_check(const struct rte_eth_dev *dev)
{
	const char *name = vmxnet3_hw(dev)->name;
	int vectors = rte_intr_nb_intr_get(dev->intr_handle);
	int needed = dev->data->nb_rx_queues + 2;

	if (dev->data->dev_conf.intr_conf.rxq == 0)
		return 0;
	if (!rte_intr_cap_multiple(dev->intr_handle)) {
		VMXNET3_LOG(ERR, name,
			    "rx queue interrupts need MSI-X: bind the device to vfio-pci");
		return -ENOTSUP;
	}
	if (needed > vectors) {
		VMXNET3_LOG(ERR, name,
			    "interrupts of %u rx queues need %d vectors, the device has %d: "
			    "configure fewer rx queues",
			    dev->data->nb_rx_queues, needed, vectors);
		return -ENOTSUP;
	}
	return 0;
}

static int
give_vectors(struct rte_eth_dev *dev)
{
	struct rte_intr_handle *handle = dev->intr_handle;
	uint16_t queues = dev->data->nb_rx_queues;
	int ret = rte_intr_efd_enable(handle, queues);

	if (ret == 0)
		ret = rte_intr_vec_list_alloc(handle, "vmxnet3_vectors", queues);
	for (uint16_t q = 0; q < queues && ret == 0; q++)
		ret = rte_intr_vec_list_index_set(handle, q, VMXNET3_VECTOR_RX(q));
	if (ret == 0)
		return 0;
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "no interrupts for %u rx queues: %s", queues,
		    rte_strerror(rte_errno));
	return -EIO;
}

static void
take_vectors(struct rte_eth_dev *dev)
{
	rte_intr_efd_disable(dev->intr_handle);
	rte_intr_vec_list_free(dev->intr_handle);
}

/* Before ACTIVATE: which vectors there are, and that the machine hears them. */
int
vmxnet3_intr_prepare(struct rte_eth_dev *dev)
{
	const struct rte_eth_intr_conf *conf = &dev->data->dev_conf.intr_conf;
	struct vmxnet3_intr *intr = &vmxnet3_hw(dev)->intr;
	int ret = 0;

	intr->line = uses_line(dev);
	intr->rx = conf->rxq != 0;
	intr->quiet = VMXNET3_VECTOR_RX(intr->rx ? dev->data->nb_rx_queues : 0);
	if (intr->rx)
		ret = give_vectors(dev);
	intr->events = ret == 0 && has_interrupts(dev) && rte_intr_enable(dev->intr_handle) == 0;
	if (ret == 0 && !intr->events && (intr->rx || conf->lsc != 0)) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "its interrupts cannot be had: do without those of the link and of rx "
			    "queues, or bind the device to vfio-pci");
		ret = -ENOTSUP;
	}
	if (ret < 0)
		take_vectors(dev);
	return ret;
}

/* After ACTIVATE: unmasked earlier, a vector stays masked. [VMX3 9.2] */
void
vmxnet3_intr_arm(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->intr.events)
		return;
	vmxnet3_dev_intr_enable(hw, true);
	vmxnet3_dev_mask(hw, VMXNET3_VECTOR_EVENT, false);
}

/* Before QUIESCE. */
void
vmxnet3_intr_disarm(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->intr.events)
		return;
	vmxnet3_dev_mask(hw, VMXNET3_VECTOR_EVENT, true);
	for (uint16_t q = 0; hw->intr.rx && q < dev->data->nb_rx_queues; q++)
		vmxnet3_dev_mask(hw, VMXNET3_VECTOR_RX(q), true);
	vmxnet3_dev_intr_enable(hw, false);
}

/* The reverse of prepare. */
void
vmxnet3_intr_release(struct rte_eth_dev *dev)
{
	struct vmxnet3_intr *intr = &vmxnet3_hw(dev)->intr;

	if (intr->events)
		rte_intr_disable(dev->intr_handle);
	if (intr->rx)
		take_vectors(dev);
	intr->events = intr->rx = false;
}

/* ---- rx queues ---- */

static int
rx_intr(struct rte_eth_dev *dev, uint16_t queue, bool mask)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->intr.rx)
		return -ENOTSUP;
	vmxnet3_dev_mask(hw, VMXNET3_VECTOR_RX(queue), mask);
	return 0;
}

/* A frame that came while it was disabled makes it fire at once. */
int
vmxnet3_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	return rx_intr(dev, queue, false);
}

int
vmxnet3_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	return rx_intr(dev, queue, true);
}
