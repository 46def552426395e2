/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_pvn_vmxnet3, a poll mode driver for VMware's VMXNET3 device (QEMU has it too): what DPDK and
 * the application see of it. The device is in docs/design/vmxnet3-device.md, cited as [VMX3 n]; the
 * other files of the driver are listed in vmxnet3_pmd.h.
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
	enum vmxnet3_choice tx_data;
	enum vmxnet3_choice rx_data;
};

#define ARG_MAX_VERSION "max_version"
#define ARG_TX_DATA "tx_data"
#define ARG_RX_DATA "rx_data"
#define ARGS(open, close)                                                                          \
	ARG_MAX_VERSION "=" open "1.." RTE_STR(VMXNET3_DRIVER_VERSION_MAX) close ARG_TX_DATA       \
		"=" open "auto|on|off" close ARG_RX_DATA "=" open "auto|on|off"

static const char *const devarg_keys[] = {ARG_MAX_VERSION, ARG_TX_DATA, ARG_RX_DATA, NULL};

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
	    v > VMXNET3_DRIVER_VERSION_MAX) {
		VMXNET3_LOG(ERR, args->name, "%s=%s: expected a device version in 1..%u", key,
			    value, VMXNET3_DRIVER_VERSION_MAX);
		return -EINVAL;
	}
	args->max_version = (unsigned int)v;
	return 0;
}

static int
parse_choice(const char *key, const char *value, void *opaque)
{
	static const char *const words[] = {
		[VMXNET3_AUTO] = "auto", [VMXNET3_ON] = "on", [VMXNET3_OFF] = "off"};
	struct devargs *args = opaque;

	for (size_t i = 0; value != NULL && i < RTE_DIM(words); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		*(strcmp(key, ARG_TX_DATA) == 0 ? &args->tx_data : &args->rx_data) =
			(enum vmxnet3_choice)i;
		return 0;
	}
	VMXNET3_LOG(ERR, args->name, "%s=%s: expected auto, on or off", key,
		    value == NULL ? "" : value);
	return -EINVAL;
}

static int
parse_devargs(const struct rte_pci_device *pci, struct devargs *args)
{
	const struct rte_devargs *da = pci->device.devargs;
	struct rte_kvargs *kvlist;
	int ret;

	*args = (struct devargs){.name = pci->name, .max_version = VMXNET3_DRIVER_VERSION_MAX};
	if (da == NULL || da->args == NULL || da->args[0] == '\0')
		return 0;
	kvlist = rte_kvargs_parse(da->args, devarg_keys);
	if (kvlist == NULL) {
		VMXNET3_LOG(ERR, pci->name,
			    "devargs '%s': not key=value, or an unknown key; accepted: %s",
			    da->args, ARGS("", ", "));
		return -EINVAL;
	}
	ret = rte_kvargs_process(kvlist, ARG_MAX_VERSION, parse_max_version, args);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_TX_DATA, parse_choice, args);
	if (ret == 0)
		ret = rte_kvargs_process(kvlist, ARG_RX_DATA, parse_choice, args);
	rte_kvargs_free(kvlist);
	return ret < 0 ? -EINVAL : 0;
}

/* What works in any process: it needs memory that all share, and the device's registers. */
#define ANY_PROCESS                                                                                \
	.dev_close = vmxnet3_close, .dev_infos_get = vmxnet3_infos_get,                            \
	.link_update = vmxnet3_link_update, .is_removed = vmxnet3_is_removed,                      \
	.stats_get = vmxnet3_stats_get, .stats_reset = vmxnet3_stats_reset,                        \
	.xstats_get = vmxnet3_xstats_get, .xstats_get_names = vmxnet3_xstats_names,                \
	.xstats_reset = vmxnet3_stats_reset, .mtu_set = vmxnet3_mtu_set,                           \
	.vlan_filter_set = vmxnet3_vlan_filter_set, .vlan_offload_set = vmxnet3_vlan_offload_set,  \
	.mac_addr_set = vmxnet3_mac_addr_set, .set_mc_addr_list = vmxnet3_mc_addr_list,            \
	.promiscuous_enable = vmxnet3_promiscuous_enable,                                          \
	.promiscuous_disable = vmxnet3_promiscuous_disable,                                        \
	.allmulticast_enable = vmxnet3_allmulticast_enable,                                        \
	.allmulticast_disable = vmxnet3_allmulticast_disable, .reta_update = vmxnet3_reta_update,  \
	.reta_query = vmxnet3_reta_query, .rss_hash_update = vmxnet3_rss_hash_update,              \
	.rss_hash_conf_get = vmxnet3_rss_hash_conf_get, .rxq_info_get = vmxnet3_rxq_info,          \
	.txq_info_get = vmxnet3_txq_info, .rx_burst_mode_get = vmxnet3_rx_burst_mode,              \
	.tx_burst_mode_get = vmxnet3_tx_burst_mode, .tx_done_cleanup = vmxnet3_tx_done_cleanup,    \
	.dev_supported_ptypes_get = vmxnet3_ptypes_get, .get_monitor_addr = vmxnet3_monitor_addr,  \
	.get_reg = vmxnet3_get_reg, .eth_dev_priv_dump = vmxnet3_dump

static const struct eth_dev_ops vmxnet3_dev_ops = {
	ANY_PROCESS,
	.dev_configure = vmxnet3_configure,
	.dev_start = vmxnet3_start,
	.dev_stop = vmxnet3_stop,
	.dev_reset = vmxnet3_reset,
	.rx_queue_setup = vmxnet3_rxq_setup,
	.tx_queue_setup = vmxnet3_txq_setup,
	.rx_queue_release = vmxnet3_rxq_release,
	.tx_queue_release = vmxnet3_txq_release,
	.rx_queue_intr_enable = vmxnet3_rx_intr_enable,
	.rx_queue_intr_disable = vmxnet3_rx_intr_disable,
};

static const struct eth_dev_ops vmxnet3_secondary_ops = {ANY_PROCESS};

bool
vmxnet3_is_ours(const struct rte_eth_dev *dev)
{
	return dev->dev_ops == &vmxnet3_dev_ops || dev->dev_ops == &vmxnet3_secondary_ops;
}

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

	snprintf(hw->name, sizeof(hw->name), "%s", pci->name);
	hw->max_version = args->max_version;
	hw->tx_data = args->tx_data;
	hw->rx_data = args->rx_data;
	hw->bar0 = pci->mem_resource[0].addr;
	hw->bar0_size = pci->mem_resource[0].len;
	hw->bar1 = pci->mem_resource[1].addr;
	if (hw->bar0 == NULL || hw->bar1 == NULL) {
		VMXNET3_LOG(ERR, hw->name, "it lacks the memory BARs 0 and 1 of a VMXNET3 device");
		return -ENODEV;
	}
	ret = vmxnet3_dev_init(hw);
	if (ret == 0)
		ret = vmxnet3_dev_negotiate(hw);
	if (ret < 0)
		return ret;
	dev->data->mac_addrs = rte_zmalloc("vmxnet3_mac", sizeof(struct rte_ether_addr), 0);
	if (dev->data->mac_addrs == NULL)
		return -ENOMEM;
	rte_ether_addr_copy(&hw->caps.perm_mac, dev->data->mac_addrs);
	return vmxnet3_dev_shared_alloc(dev);
}

static void
set_ops(struct rte_eth_dev *dev, const struct eth_dev_ops *ops)
{
	dev->dev_ops = ops;
	vmxnet3_rx_choose(dev);
	vmxnet3_tx_choose(dev);
	dev->tx_pkt_prepare = vmxnet3_tx_prepare;
	dev->rx_queue_count = vmxnet3_rx_queue_count;
	dev->rx_descriptor_status = vmxnet3_rx_descriptor_status;
	dev->tx_descriptor_status = vmxnet3_tx_descriptor_status;
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
	set_ops(dev, &vmxnet3_dev_ops);
	vmxnet3_intr_init(dev);
	vmxnet3_rss_init(dev);
	caps = &vmxnet3_hw(dev)->caps;
	rte_eth_dev_probing_finish(dev);
	VMXNET3_LOG(NOTICE, pci->name,
		    "port %u, " RTE_ETHER_ADDR_PRT_FMT
		    ", device version %u, at most %u rx and %u tx queues",
		    dev->data->port_id, RTE_ETHER_ADDR_BYTES(&caps->perm_mac), caps->version,
		    caps->max_rx_queues, caps->max_tx_queues);
	return 0;
}

/* The BARs are mapped where the primary process has them, which EAL sees to. */
static int
attach_port(struct rte_pci_device *pci)
{
	struct rte_eth_dev *dev = rte_eth_dev_pci_allocate(pci, 0);

	if (dev == NULL)
		return -ENODEV;
	set_ops(dev, &vmxnet3_secondary_ops);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
pci_probe(struct rte_pci_driver *drv __rte_unused, struct rte_pci_device *pci)
{
	bool primary = rte_eal_process_type() == RTE_PROC_PRIMARY;
	struct devargs args;
	int ret;

	ret = parse_devargs(pci, &args);
	if (ret < 0)
		return ret;
	ret = map_bars(pci);
	if (ret != 0)
		return ret;
	ret = primary ? add_port(pci, &args) : attach_port(pci);
	if (ret < 0)
		rte_pci_unmap_device(pci);
	return ret;
}

static int
pci_remove(struct rte_pci_device *pci)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(pci->device.name);

	if (dev != NULL) {
		vmxnet3_close(dev);
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
	.drv_flags = RTE_PCI_DRV_INTR_LSC | RTE_PCI_DRV_INTR_RMV,
	.probe = pci_probe,
	.remove = pci_remove,
};

RTE_PMD_REGISTER_PCI(net_pvn_vmxnet3, vmxnet3_driver);
RTE_PMD_REGISTER_PCI_TABLE(net_pvn_vmxnet3, pci_ids);
RTE_PMD_REGISTER_KMOD_DEP(net_pvn_vmxnet3, "* vfio-pci | uio_pci_generic");
RTE_PMD_REGISTER_PARAM_STRING(net_pvn_vmxnet3, ARGS("<", "> ") ">");
