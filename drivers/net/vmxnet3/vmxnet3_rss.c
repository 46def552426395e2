/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * RSS [VMX3 10]. What is wanted (key, types, table) is kept here, over restarts; start copies it
 * into the device's block. The table may change while the port runs, and so may, from version 4 on,
 * the types beyond IP and TCP; key and other types are read by the device at ACTIVATE only.
 *
 * A port with one rx queue never asks for RSS: ESXi 8 refuses it then.
 */
#include <errno.h>

#include "vmxnet3_log.h"
#include "vmxnet3_pmd.h"

#define TABLE_SIZE_OLD 64u /* before version 6 */

/* The one that NICs commonly begin with: its hashes are widely published. */
static const uint8_t default_key[VMXNET3_RSS_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* Types of the block, which need a restart; and fields of version 4, which do not. */
static const struct {
	uint64_t rte;
	uint32_t type;
	uint32_t field;
} kinds[] = {
	{RTE_ETH_RSS_IPV4, VMXNET3_RSS_HASH_IPV4, 0},
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, VMXNET3_RSS_HASH_TCP_IPV4, 0},
	{RTE_ETH_RSS_IPV6, VMXNET3_RSS_HASH_IPV6, 0},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, VMXNET3_RSS_HASH_TCP_IPV6, 0},
	{RTE_ETH_RSS_NONFRAG_IPV4_UDP, 0, VMXNET3_RSS_FIELD_UDP_IPV4},
	{RTE_ETH_RSS_NONFRAG_IPV6_UDP, 0, VMXNET3_RSS_FIELD_UDP_IPV6},
	{RTE_ETH_RSS_ESP, 0, VMXNET3_RSS_FIELD_ESP_IPV4 | VMXNET3_RSS_FIELD_ESP_IPV6},
};

/* The fields that the device's version and capabilities have. */
static uint32_t
known_fields(const struct vmxnet3_caps *caps)
{
	uint32_t fields = VMXNET3_RSS_FIELD_UDP_IPV4 | VMXNET3_RSS_FIELD_UDP_IPV6 |
			  VMXNET3_RSS_FIELD_ESP_IPV4;

	if (caps->version < 4)
		return 0;
	if (caps->version >= 5)
		fields |= VMXNET3_RSS_FIELD_ESP_IPV6;
	return fields;
}

/* QEMU alone offers version 1 only, and it has no RSS. [VMX3 12.10] */
uint64_t
vmxnet3_rss_types(const struct vmxnet3_hw *hw)
{
	uint32_t known = known_fields(&hw->caps);
	uint64_t types = 0;

	if (hw->caps.is_qemu)
		return 0;
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if (kinds[i].type != 0 || (kinds[i].field & known) != 0)
			types |= kinds[i].rte;
	return types;
}

uint16_t
vmxnet3_rss_table_size(const struct vmxnet3_hw *hw)
{
	if (hw->caps.is_qemu)
		return 0;
	return hw->caps.version >= 6 ? VMXNET3_RSS_TABLE_MAX : TABLE_SIZE_OLD;
}

static uint32_t
types_of(uint64_t hf)
{
	uint32_t types = 0;

	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if ((hf & kinds[i].rte) != 0)
			types |= kinds[i].type;
	return types;
}

static uint32_t
fields_of(const struct vmxnet3_hw *hw, uint64_t hf)
{
	uint32_t fields = 0;

	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		if ((hf & kinds[i].rte) != 0)
			fields |= kinds[i].field;
	fields &= known_fields(&hw->caps);
	/* Both are always wanted, for ESXi; which packets of TCP are hashed the block says. */
	return fields | VMXNET3_RSS_FIELD_TCP_IPV4 | VMXNET3_RSS_FIELD_TCP_IPV6;
}

static bool
is_wanted(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0 &&
	       dev->data->nb_rx_queues > 1 && vmxnet3_adapter(dev)->rss.hf != 0;
}

/* Over the queues that are set up, as far as that is known: all that are configured before start.
 */
static void
spread_evenly(const struct rte_eth_dev *dev, struct vmxnet3_rss *rss)
{
	const struct vmxnet3_adapter *adapter = vmxnet3_adapter(dev);
	uint16_t queue = dev->data->nb_rx_queues - 1;

	for (unsigned int i = 0; i < VMXNET3_RSS_TABLE_MAX; i++) {
		do
			queue = vmxnet3_slot_after(queue, dev->data->nb_rx_queues);
		while (adapter->late_rx[queue] != NULL);
		rss->table[i] = (uint8_t)queue;
	}
	rss->table_set = false;
}

/* ethdev looks at a key's length from 23.11 on only. */
static int
check_key(const struct rte_eth_dev *dev, const struct rte_eth_rss_conf *conf)
{
	if (conf->rss_key == NULL || conf->rss_key_len == VMXNET3_RSS_KEY_LEN)
		return 0;
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "RSS key of %u bytes: it must have %u",
		    conf->rss_key_len, VMXNET3_RSS_KEY_LEN);
	return -EINVAL;
}

void
vmxnet3_rss_init(struct rte_eth_dev *dev)
{
	struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;

	memcpy(rss->key, default_key, sizeof(rss->key));
}

/* A table that was never set spreads over the queues there are; one that was is kept, unless it
 * names queues that are no more. */
int
vmxnet3_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_rss_conf *conf = &dev->data->dev_conf.rx_adv_conf.rss_conf;
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;
	uint16_t queues = dev->data->nb_rx_queues;
	bool fits = rss->table_set;
	int ret = check_key(dev, conf);

	if (ret < 0)
		return ret;
	if ((dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0) {
		rss->hf = conf->rss_hf;
		if (conf->rss_key != NULL)
			memcpy(rss->key, conf->rss_key, sizeof(rss->key));
	}
	for (unsigned int i = 0; i < VMXNET3_RSS_TABLE_MAX; i++)
		fits = fits && rss->table[i] < queues;
	if (!fits)
		spread_evenly(dev, rss);
	if (is_wanted(dev) && hw->caps.version < 6 && !rte_is_power_of_2(queues)) {
		VMXNET3_LOG(ERR, hw->name,
			    "RSS over %u rx queues: device version %u needs a power of two of them",
			    queues, hw->caps.version);
		return -EINVAL;
	}
	return 0;
}

/* Before ACTIVATE. */
void
vmxnet3_rss_fill(struct rte_eth_dev *dev)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;
	struct vmxnet3_rss_config *block = &hw->dma->rss;

	rss->on = is_wanted(dev);
	if (!rss->on)
		return;
	if (!rss->table_set)
		spread_evenly(dev, rss);
	memset(block, 0, sizeof(*block));
	block->hash_types = pvn_cpu_to_le16((uint16_t)types_of(rss->hf));
	block->hash_function = pvn_cpu_to_le16(VMXNET3_RSS_FUNCTION_TOEPLITZ);
	block->key_len = pvn_cpu_to_le16(VMXNET3_RSS_KEY_LEN);
	block->table_len = pvn_cpu_to_le16(vmxnet3_rss_table_size(hw));
	memcpy(block->key, rss->key, sizeof(block->key));
	memcpy(block->table, rss->table, vmxnet3_rss_table_size(hw));
	vmxnet3_dev_rss_block(hw);
}

/* After ACTIVATE, and when the types change: what version 4 hashes beyond IP and TCP. What the
 * device does not take is not hashed, which hash_conf_get() shows. */
static void
apply_fields(struct vmxnet3_hw *hw, struct vmxnet3_rss *rss)
{
	rss->fields = 0;
	if (!rss->on || hw->caps.version < 4)
		return;
	rss->fields = vmxnet3_dev_rss_fields(hw, fields_of(hw, rss->hf));
	if ((fields_of(hw, rss->hf) & ~rss->fields) != 0)
		VMXNET3_LOG(WARNING, hw->name, "of the RSS fields 0x%x the device took 0x%x",
			    fields_of(hw, rss->hf), rss->fields);
}

void
vmxnet3_rss_start(struct rte_eth_dev *dev)
{
	apply_fields(vmxnet3_hw(dev), &vmxnet3_adapter(dev)->rss);
}

/* ---- dev_ops ---- */

static int
refuse_none(const struct rte_eth_dev *dev)
{
	VMXNET3_LOG(ERR, vmxnet3_hw(dev)->name, "the device has no RSS");
	return -ENOTSUP;
}

static int
check_table(const struct rte_eth_dev *dev, const struct rte_eth_rss_reta_entry64 *reta,
	    uint16_t size)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	if (vmxnet3_rss_table_size(hw) == 0)
		return refuse_none(dev);
	if (size != vmxnet3_rss_table_size(hw)) {
		VMXNET3_LOG(ERR, hw->name, "RSS table of %u entries: the device's has %u", size,
			    vmxnet3_rss_table_size(hw));
		return -EINVAL;
	}
	for (uint16_t i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		uint16_t queue = group->reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if ((group->mask & RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE)) == 0 ||
		    queue < dev->data->nb_rx_queues)
			continue;
		VMXNET3_LOG(ERR, hw->name, "RSS table entry %u: rx queue %u, there are %u", i,
			    queue, dev->data->nb_rx_queues);
		return -EINVAL;
	}
	return 0;
}

/* At once, also on a running port. */
int
vmxnet3_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;
	int ret = check_table(dev, reta, size);

	if (ret < 0)
		return ret;
	for (uint16_t i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		if ((group->mask & RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE)) != 0)
			rss->table[i] = (uint8_t)group->reta[i % RTE_ETH_RETA_GROUP_SIZE];
	}
	rss->table_set = true;
	if (rss->on)
		vmxnet3_dev_rss_table(vmxnet3_hw(dev), rss->table, size);
	return 0;
}

int
vmxnet3_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	const struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;

	if (vmxnet3_rss_table_size(vmxnet3_hw(dev)) == 0)
		return refuse_none(dev);
	if (size != vmxnet3_rss_table_size(vmxnet3_hw(dev)))
		return -EINVAL;
	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		if ((group->mask & RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE)) != 0)
			group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = rss->table[i];
	}
	return 0;
}

int
vmxnet3_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct vmxnet3_hw *hw = vmxnet3_hw(dev);
	struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;
	bool new_key;
	int ret = check_key(dev, conf);

	if (ret < 0)
		return ret;
	if ((conf->rss_hf & ~vmxnet3_rss_types(hw)) != 0) {
		VMXNET3_LOG(ERR, hw->name, "RSS types 0x%" PRIx64 ": the device has 0x%" PRIx64,
			    conf->rss_hf, vmxnet3_rss_types(hw));
		return -EINVAL;
	}
	new_key = conf->rss_key != NULL && memcmp(rss->key, conf->rss_key, sizeof(rss->key)) != 0;
	if (hw->active && (new_key || types_of(conf->rss_hf) != types_of(rss->hf) ||
			   (conf->rss_hf != 0) != rss->on)) {
		VMXNET3_LOG(ERR, hw->name,
			    "the device reads RSS key and types of IP and TCP at start only: stop "
			    "the port, set them, start it");
		return -EBUSY;
	}
	if (new_key)
		memcpy(rss->key, conf->rss_key, sizeof(rss->key));
	rss->hf = conf->rss_hf;
	if (hw->active)
		apply_fields(hw, rss);
	return 0;
}

/* What counts now: of a running port what the device took. */
int
vmxnet3_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct vmxnet3_rss *rss = &vmxnet3_adapter(dev)->rss;
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	conf->rss_hf = hw->active && !rss->on ? 0 : rss->hf;
	for (size_t i = 0; i < RTE_DIM(kinds) && rss->on; i++)
		if (kinds[i].field != 0 && (kinds[i].field & rss->fields) == 0)
			conf->rss_hf &= ~kinds[i].rte;
	if (conf->rss_key != NULL && conf->rss_key_len >= sizeof(rss->key))
		memcpy(conf->rss_key, rss->key, sizeof(rss->key));
	conf->rss_key_len = sizeof(rss->key);
	return 0;
}
