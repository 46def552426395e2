/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_pvn_vmxnet3, a poll mode driver for VMware's VMXNET3 device (QEMU has it too): what DPDK and
 * the application see of it. The device is in docs/design/vmxnet3-device.md, cited as [VMX3 n]; the
 * other files of the driver are listed in vmxnet3_pmd.h.
 *
 *   probed -> configured -> queues set up -> started <-> stopped -> closed
 *
 * Stop, close and remove do no harm when repeated, and none of them waits for the device, so they
 * also work on one that was unplugged. What a restart must keep (MAC, rx mode) is in software and
 * told to the device at each start, since QEMU forgets the MAC at ACTIVATE. [VMX3 12.4]
 *
 * The driver maps the BARs itself instead of leaving that to the PCI bus
 * (RTE_PCI_DRV_NEED_MAPPING): so it can say why a device cannot be used, for instance that a kernel
 * driver has it.
 */
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <ethdev_pci.h>
#include <rte_kvargs.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

RTE_LOG_REGISTER_DEFAULT(vmxnet3_logtype, NOTICE);

/* ---- devargs ---- */

struct devargs {
	const char *name; /* of the device, for messages */
	unsigned int max_version;
};

#define ARG_MAX_VERSION "max_version"

static const char *const devarg_keys[] = {ARG_MAX_VERSION, NULL};

static int
parse_max_version(const char *key, const char *value, void *opaque)
{
	struct devargs *args = opaque;
	char *end;
	unsigned long v;

	if (value == NULL)
		value = "";
	errno = 0;
	v = strtoul(value, &end, 10);
	if (errno != 0 || !isdigit((unsigned char)value[0]) || *end != '\0' || v < 1 ||
	    v > VMXNET3_VERSION_MAX) {
		VMXNET3_LOG(ERR, args->name, "%s=%s: expected a device version in 1..%u", key,
			    value, VMXNET3_VERSION_MAX);
		return -EINVAL;
	}
	args->max_version = (unsigned int)v;
	return 0;
}

static int
parse_devargs(const struct rte_pci_device *pci, struct devargs *args)
{
	const struct rte_devargs *da = pci->device.devargs;
	struct rte_kvargs *kvlist;
	int ret;

	args->name = pci->name;
	args->max_version = VMXNET3_VERSION_MAX;
	if (da == NULL || da->args == NULL || da->args[0] == '\0')
		return 0;
	kvlist = rte_kvargs_parse(da->args, devarg_keys);
	if (kvlist == NULL) {
		VMXNET3_LOG(ERR, pci->name,
			    "devargs '%s': not key=value, or an unknown key; accepted: %s",
			    da->args, ARG_MAX_VERSION "=1.." RTE_STR(VMXNET3_VERSION_MAX));
		return -EINVAL;
	}
	ret = rte_kvargs_process(kvlist, ARG_MAX_VERSION, parse_max_version, args);
	rte_kvargs_free(kvlist);
	return ret < 0 ? -EINVAL : 0;
}

/* ---- start and stop ---- */

/* Bytes of a frame that was merged: an IP packet's, its Ethernet header, a tag. */
#define LRO_FRAME_MAX (UINT16_MAX + VMXNET3_FRAME_OVERHEAD)

static uint32_t
max_frame(const struct rte_eth_dev *dev)
{
	if ((dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0)
		return LRO_FRAME_MAX;
	return dev->data->mtu + VMXNET3_FRAME_OVERHEAD;
}

/* Pieces a frame may take on this queue: the head buffer and bodies of the same size. */
static uint16_t
pieces_per_frame(const struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	return (uint16_t)((max_frame(dev) + rxq->buf_len - 1) / rxq->buf_len);
}

/* The device has one fragment limit for all queues: the largest that any of them needs. It is at
 * least 1, and never left 0, which QEMU takes for 1. [VMX3 8.4] */
static uint16_t
max_pieces(const struct rte_eth_dev *dev)
{
	uint16_t pieces = 1;

	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		pieces = RTE_MAX(pieces, pieces_per_frame(dev, dev->data->rx_queues[q]));
	return pieces;
}

static void
prepare_queues(struct rte_eth_dev *dev, uint16_t pieces)
{
	dev->data->scattered_rx = pieces > 1;
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++) {
		struct vmxnet3_tx_queue *txq = dev->data->tx_queues[q];

		txq->shared = vmxnet3_dev_txq_desc(dev, q);
		vmxnet3_txq_prepare(txq);
	}
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		rxq->shared = vmxnet3_dev_rxq_desc(dev, q);
		rxq->num_rx_queues = dev->data->nb_rx_queues;
		rxq->max_pieces = pieces;
		vmxnet3_rxq_prepare(rxq, pieces > 1);
	}
}

/* What was posted before ACTIVATE: whether the device wants to be told shows only afterwards. */
static void
announce_buffers(const struct rte_eth_dev *dev)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++) {
		const struct vmxnet3_rx_queue *rxq = dev->data->rx_queues[q];

		for (int i = 0; i < VMXNET3_RX_RINGS; i++)
			if (rxq->rings[i].size != 0)
				vmxnet3_rx_doorbell(rxq, &rxq->rings[i]);
	}
}

static void
drain_queues(struct rte_eth_dev *dev)
{
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		if (dev->data->tx_queues[q] != NULL)
			vmxnet3_txq_drain(dev->data->tx_queues[q]);
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		if (dev->data->rx_queues[q] != NULL)
			vmxnet3_rxq_drain(dev->data->rx_queues[q]);
}

/* May frames of this MTU come in pieces, and is there room for all pieces of one? Some slots may
 * wait for their refill. */
static int
check_pieces(const struct rte_eth_dev *dev, const struct vmxnet3_rx_queue *rxq)
{
	const char *name = vmxnet3_hw(dev)->name;
	uint16_t pieces = pieces_per_frame(dev, rxq);
	uint16_t bodies = rxq->ring2_capacity - vmxnet3_rx_refill_threshold(rxq->ring2_capacity);

	if (pieces == 1)
		return 0;
	if ((dev->data->dev_conf.rxmode.offloads &
	     (RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO)) == 0) {
		VMXNET3_LOG(ERR, name,
			    "rx queue %u: with MTU %u a frame takes up to %u bytes, its buffers "
			    "hold %u: use larger mbufs, or ask for RTE_ETH_RX_OFFLOAD_SCATTER",
			    rxq->queue_id, dev->data->mtu, max_frame(dev), rxq->buf_len);
		return -EINVAL;
	}
	if (pieces - 1 > bodies) {
		VMXNET3_LOG(
			ERR, name,
			"rx queue %u: with MTU %u a frame takes up to %u buffers of %u bytes, "
			"%u descriptors leave room for %u: use larger mbufs or more descriptors",
			rxq->queue_id, dev->data->mtu, pieces, rxq->buf_len, rxq->ring_size,
			bodies + 1);
		return -EINVAL;
	}
	return 0;
}

static int
check_queues(const struct rte_eth_dev *dev)
{
	bool all = true;
	int ret = 0;

	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		all = all && dev->data->tx_queues[q] != NULL;
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		all = all && dev->data->rx_queues[q] != NULL;
	if (!all) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "a configured queue was not set up: set up all before start");
		return -EINVAL;
	}
	for (uint16_t q = 0; q < dev->data->nb_rx_queues && ret == 0; q++)
		ret = check_pieces(dev, dev->data->rx_queues[q]);
	return ret;
}

static void
set_queue_states(struct rte_eth_dev *dev, uint8_t state)
{
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		dev->data->rx_queue_state[q] = state;
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		dev->data->tx_queue_state[q] = state;
}

/* The link as the device has it: its true speed; down while the port is stopped. */
static int
link_update(struct rte_eth_dev *dev, int wait_to_complete __rte_unused)
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

/* [VMX3 13], start. */
static int
dev_start(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	uint16_t pieces;
	int ret;

	ret = check_queues(dev);
	if (ret < 0)
		return ret;
	pieces = max_pieces(dev);
	vmxnet3_dev_shared_fill(dev, pieces);
	vmxnet3_offload_prepare(dev);
	prepare_queues(dev, pieces);
	ret = vmxnet3_dev_activate(hw);
	if (ret < 0) {
		drain_queues(dev);
		return ret;
	}
	announce_buffers(dev);
	vmxnet3_dev_mac_write(hw, dev->data->mac_addrs);
	vmxnet3_dev_tell(hw, VMXNET3_CMD_UPDATE_VLAN_FILTERS);
	vmxnet3_dev_rx_mode(hw, VMXNET3_RXM_UCAST | VMXNET3_RXM_BCAST, 0);
	set_queue_states(dev, RTE_ETH_QUEUE_STATE_STARTED);
	link_update(dev, 0);
	return 0;
}

static int
dev_stop(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (!hw->active)
		return 0;
	vmxnet3_stats_save(dev);
	vmxnet3_dev_quiesce(hw);
	drain_queues(dev);
	set_queue_states(dev, RTE_ETH_QUEUE_STATE_STOPPED);
	link_update(dev, 0);
	return 0;
}

static int
dev_close(struct rte_eth_dev *dev)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	dev_stop(dev);
	for (uint16_t q = 0; q < dev->data->nb_rx_queues; q++)
		vmxnet3_rxq_release(dev, q);
	for (uint16_t q = 0; q < dev->data->nb_tx_queues; q++)
		vmxnet3_txq_release(dev, q);
	vmxnet3_dev_shared_free(dev);
	return 0;
}

/* ---- settings ---- */

static int
refuse(const struct rte_eth_dev *dev, int error, const char *why)
{
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "%s", why);
	return error;
}

/* What ethdev does not check itself against dev_infos_get(). QEMU keeps the rings of a queue that
 * is not configured any more, and goes on filling them. */
static int
dev_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;

	if (dev->data->nb_rx_queues == 0 || dev->data->nb_tx_queues == 0)
		return refuse(dev, -EINVAL, "needs at least one rx and one tx queue");
	if (conf->intr_conf.rxq != 0)
		return refuse(dev, -ENOTSUP, "rx queue interrupts are not supported: poll");
	if (conf->lpbk_mode != 0)
		return refuse(dev, -ENOTSUP, "the device has no loopback mode");
	if ((conf->link_speeds & RTE_ETH_LINK_SPEED_FIXED) != 0)
		return refuse(dev, -ENOTSUP, "the host sets the link's speed: leave link_speeds 0");
	return 0;
}

static int
dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct vmxnet3_caps *caps = &vmxnet3_hw(dev)->caps;
	const struct rte_eth_desc_lim rings = {
		.nb_max = RTE_MIN(VMXNET3_RX_RING_MAX, VMXNET3_TX_RING_MAX),
		.nb_min = VMXNET3_RING_STEP,
		.nb_align = VMXNET3_RING_STEP,
	};

	info->max_rx_queues = caps->max_rx_queues;
	info->max_tx_queues = caps->max_tx_queues;
	info->min_mtu = VMXNET3_MTU_MIN;
	info->max_mtu = caps->max_mtu;
	info->max_rx_pktlen = caps->max_mtu + VMXNET3_FRAME_OVERHEAD;
	info->min_rx_bufsize = VMXNET3_RX_HEAD_MIN;
	info->max_mac_addrs = 1;
	info->max_lro_pkt_size = LRO_FRAME_MAX;
	info->rx_offload_capa = vmxnet3_rx_offloads();
	info->tx_offload_capa = vmxnet3_tx_offloads();
	info->rx_desc_lim = rings;
	info->tx_desc_lim = rings;
	info->tx_desc_lim.nb_seg_max = VMXNET3_TSO_DESC_PER_PKT;
	info->tx_desc_lim.nb_mtu_seg_max = VMXNET3_TX_DESC_PER_PKT;
	info->default_rxportconf.ring_size = 512;
	info->default_txportconf.ring_size = 512;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf.nb_queues = 1;
	return 0;
}

/* The device reads the MTU at ACTIVATE only, and the rx buffers depend on it. */
static int
mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	if (dev->data->dev_started) {
		VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name,
			    "MTU %u: the port is started; stop it, set the MTU, start it", mtu);
		return -EBUSY;
	}
	return 0; /* ethdev has checked the range, and keeps the value */
}

static int
mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	/* A stopped device is told at start, from data->mac_addrs. */
	if (hw->active)
		vmxnet3_dev_mac_write(hw, mac);
	return 0;
}

static int
promiscuous_enable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), VMXNET3_RXM_PROMISC, 0);
	return 0;
}

static int
promiscuous_disable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), 0, VMXNET3_RXM_PROMISC);
	return 0;
}

static int
allmulticast_enable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), VMXNET3_RXM_ALL_MULTI, 0);
	return 0;
}

static int
allmulticast_disable(struct rte_eth_dev *dev)
{
	vmxnet3_dev_rx_mode(vmxnet3_hw(dev), 0, VMXNET3_RXM_ALL_MULTI);
	return 0;
}

static const struct eth_dev_ops vmxnet3_dev_ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.dev_infos_get = dev_infos_get,
	.rx_queue_setup = vmxnet3_rxq_setup,
	.tx_queue_setup = vmxnet3_txq_setup,
	.rx_queue_release = vmxnet3_rxq_release,
	.tx_queue_release = vmxnet3_txq_release,
	.link_update = link_update,
	.dev_supported_ptypes_get = vmxnet3_ptypes_get,
	.vlan_filter_set = vmxnet3_vlan_filter_set,
	.vlan_offload_set = vmxnet3_vlan_offload_set,
	.stats_get = vmxnet3_stats_get,
	.stats_reset = vmxnet3_stats_reset,
	.mtu_set = mtu_set,
	.mac_addr_set = mac_addr_set,
	.promiscuous_enable = promiscuous_enable,
	.promiscuous_disable = promiscuous_disable,
	.allmulticast_enable = allmulticast_enable,
	.allmulticast_disable = allmulticast_disable,
};

/* ---- probe and remove ---- */

/* The kernel driver a PCI device is bound to, or "none". */
static const char *
kernel_driver(const struct rte_pci_device *pci, char *buf, size_t size)
{
	char path[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s/driver", rte_pci_get_sysfs_path(), pci->name);
	len = readlink(path, buf, size - 1);
	if (len < 0)
		return "none";
	buf[len] = '\0';
	return basename(buf);
}

/* 0, -errno, or 1 for "not ours". A device the application named is worth an error message; one
 * that only happens to be there, say the machine's management interface, is not. */
static int
map_bars(struct rte_pci_device *pci)
{
	char buf[PATH_MAX];
	int ret = rte_pci_map_device(pci);

	if (ret < 0)
		VMXNET3_LOG(
			ERR, pci->name,
			"its BARs cannot be mapped, EAL has said why; permission denied: run as "
			"root, or make the device's group in /dev/vfio this user's");
	if (ret <= 0)
		return ret;
	if (pci->device.devargs != NULL)
		VMXNET3_LOG(ERR, pci->name,
			    "kernel driver bound: %s; DPDK needs vfio-pci or uio_pci_generic: "
			    "dpdk-devbind.py --bind=vfio-pci %s",
			    kernel_driver(pci, buf, sizeof(buf)), pci->name);
	return ret;
}

static int
init_port(struct rte_eth_dev *dev, struct rte_pci_device *pci, const struct devargs *args)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	int ret;

	hw->name = pci->name;
	hw->bar0 = pci->mem_resource[0].addr;
	hw->bar1 = pci->mem_resource[1].addr;
	rte_spinlock_init(&hw->cmd_lock);
	if (hw->bar0 == NULL || hw->bar1 == NULL) {
		VMXNET3_LOG(ERR, hw->name, "it lacks the memory BARs 0 and 1 of a VMXNET3 device");
		return -ENODEV;
	}
	ret = vmxnet3_dev_negotiate(hw, args->max_version);
	if (ret < 0)
		return ret;
	dev->data->mac_addrs = rte_zmalloc("vmxnet3_mac", sizeof(struct rte_ether_addr), 0);
	if (dev->data->mac_addrs == NULL)
		return -ENOMEM;
	rte_ether_addr_copy(&hw->caps.perm_mac, dev->data->mac_addrs);
	return vmxnet3_dev_shared_alloc(dev);
}

static void
set_ops(struct rte_eth_dev *dev)
{
	dev->dev_ops = &vmxnet3_dev_ops;
	dev->rx_pkt_burst = vmxnet3_rx_burst;
	dev->tx_pkt_burst = vmxnet3_tx_burst;
	dev->tx_pkt_prepare = vmxnet3_tx_prepare;
	dev->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
}

static int
add_port(struct rte_pci_device *pci, const struct devargs *args)
{
	struct rte_eth_dev *dev = rte_eth_dev_pci_allocate(pci, sizeof(struct vmxnet3_adapter));
	const struct vmxnet3_caps *caps;
	int ret;

	if (dev == NULL)
		return -ENOMEM;
	ret = init_port(dev, pci, args);
	if (ret < 0) {
		rte_eth_dev_release_port(dev);
		return ret;
	}
	set_ops(dev);
	caps = &vmxnet3_hw(dev)->caps;
	rte_eth_dev_probing_finish(dev);
	VMXNET3_LOG(NOTICE, pci->name,
		    "port %u, " RTE_ETHER_ADDR_PRT_FMT
		    ", device version %u, at most %u rx and %u tx queues",
		    dev->data->port_id, RTE_ETHER_ADDR_BYTES(&caps->perm_mac), caps->version,
		    caps->max_rx_queues, caps->max_tx_queues);
	return 0;
}

static int
pci_probe(struct rte_pci_driver *drv __rte_unused, struct rte_pci_device *pci)
{
	struct devargs args;
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		VMXNET3_LOG(ERR, pci->name,
			    "secondary processes cannot use it: use the primary one");
		return -ENOTSUP;
	}
	ret = parse_devargs(pci, &args);
	if (ret < 0)
		return ret;
	ret = map_bars(pci);
	if (ret != 0)
		return ret;
	ret = add_port(pci, &args);
	if (ret < 0)
		rte_pci_unmap_device(pci);
	return ret;
}

static int
pci_remove(struct rte_pci_device *pci)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(pci->device.name);

	if (dev != NULL) {
		dev_close(dev);
		rte_eth_dev_release_port(dev);
	}
	rte_pci_unmap_device(pci);
	return 0;
}

static const struct rte_pci_id pci_ids[] = {
	{RTE_PCI_DEVICE(VMXNET3_PCI_VENDOR, VMXNET3_PCI_DEVICE)},
	{.vendor_id = 0},
};

static struct rte_pci_driver vmxnet3_driver = {
	.id_table = pci_ids,
	.probe = pci_probe,
	.remove = pci_remove,
};

RTE_PMD_REGISTER_PCI(net_pvn_vmxnet3, vmxnet3_driver);
RTE_PMD_REGISTER_PCI_TABLE(net_pvn_vmxnet3, pci_ids);
RTE_PMD_REGISTER_KMOD_DEP(net_pvn_vmxnet3, "* vfio-pci | uio_pci_generic");
RTE_PMD_REGISTER_PARAM_STRING(net_pvn_vmxnet3,
			      ARG_MAX_VERSION "=<1.." RTE_STR(VMXNET3_VERSION_MAX) ">");
