/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * ACTIVATE: read shared area and queue table [VMX3 5, 6], check every field that has a rule, take
 * over. Refused is what the device could not work with; the rest is a breach only.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_device_priv.h"

/* A rule; false where it is broken, so that the caller may refuse. */
#define RULE(dev, ok, kind, ...)                                                                   \
	((ok) ? true : (vmx_breach(dev, VMX_BREACH_##kind, __VA_ARGS__), false))

/* Memory of rings, queue table and shared area, to find overlaps. */
struct regions {
	struct {
		const char *name;
		uint64_t addr;
		uint64_t len;
	} item[7 * VMX_QUEUES_MAX];
	size_t num;
};

static bool
is_zero(const void *area, size_t len)
{
	const uint8_t *byte = area;

	for (size_t i = 0; i < len; i++) {
		if (byte[i] != 0)
			return false;
	}
	return true;
}

static void
check_overlap(struct vmx_device *dev, struct regions *regions, const char *name, uint64_t addr,
	      uint64_t len)
{
	for (size_t i = 0; i < regions->num; i++) {
		if (addr < regions->item[i].addr + regions->item[i].len &&
		    regions->item[i].addr < addr + len)
			vmx_breach(dev, VMX_BREACH_RING_OVERLAP, "%s and %s", name,
				   regions->item[i].name);
	}
	regions->item[regions->num].name = name;
	regions->item[regions->num].addr = addr;
	regions->item[regions->num].len = len;
	regions->num++;
}

/* The ring's memory, or NULL when there is none to use. */
static void *
check_ring(struct vmx_device *dev, struct regions *regions, const char *name, uint64_t addr,
	   uint32_t size, uint32_t max)
{
	void *mem;

	RULE(dev, addr % VMXNET3_RING_ALIGN == 0, RING_UNALIGNED, "%s: 0x%llx", name,
	     (unsigned long long)addr);
	RULE(dev, size % VMXNET3_RING_STEP == 0, SIZE_NOT_MULTIPLE, "%s: %u", name, size);
	RULE(dev, !vmx_is_version(dev, 7) || (size & (size - 1)) == 0, SIZE_NOT_POWER,
	     "%s: %u with version %u", name, size, dev->version);
	if (!RULE(dev, size > 0 && size <= max, SIZE_RANGE, "%s: %u, at most %u", name, size, max))
		return NULL;
	mem = vmx_dma(dev, addr, (size_t)size * sizeof(struct vmx_desc));
	if (RULE(dev, mem != NULL, RING_MEMORY, "%s: 0x%llx", name, (unsigned long long)addr))
		check_overlap(dev, regions, name, addr, (uint64_t)size * sizeof(struct vmx_desc));
	return mem;
}

static void
check_zeroed(struct vmx_device *dev, const char *name, const void *mem, uint32_t size)
{
	RULE(dev, is_zero(mem, (size_t)size * sizeof(struct vmx_desc)), RING_NOT_ZEROED, "%s",
	     name);
}

/* [VMX3 7.6, 8.6] Slots of a data ring; false when it cannot be used. */
static bool
check_data_ring(struct vmx_device *dev, struct regions *regions, const char *name, uint64_t addr,
		uint32_t entries, uint32_t slot)
{
	size_t len = (size_t)entries * slot;

	RULE(dev, addr % VMXNET3_RING_ALIGN == 0, RING_UNALIGNED, "%s data: 0x%llx", name,
	     (unsigned long long)addr);
	if (!RULE(dev,
		  slot % VMXNET3_DATA_SLOT_STEP == 0 && slot <= VMXNET3_DATA_SLOT_MAX && slot != 0,
		  DATA_RING, "%s: slots of %u bytes", name, slot) ||
	    !RULE(dev, vmx_dma(dev, addr, len) != NULL, RING_MEMORY, "%s data: 0x%llx", name,
		  (unsigned long long)addr))
		return false;
	check_overlap(dev, regions, name, addr, len);
	return true;
}

/* [VMX3 7.6] What the device said if that makes sense; before v3 it is not told. */
static uint32_t
tx_slot(const struct vmx_device *dev)
{
	uint32_t told = dev->opts.tx_data_slot;

	if (!vmx_is_version(dev, 3) || told < VMXNET3_TX_DATA_SLOT_MIN ||
	    told > VMXNET3_DATA_SLOT_MAX || told % VMXNET3_DATA_SLOT_STEP != 0)
		return VMXNET3_TX_DATA_SLOT_OLD;
	return told;
}

static void
check_tx_data_ring(struct vmx_device *dev, struct regions *regions, struct vmx_txq *txq)
{
	uint32_t entries = pvn_le32_to_cpu(txq->config.data_ring_size);
	uint64_t addr = pvn_le64_to_cpu(txq->config.data_ring_addr);
	uint32_t slot = tx_slot(dev);

	if (!RULE(dev, entries == 0 || entries == pvn_le32_to_cpu(txq->config.ring_size),
		  SIZE_RANGE, "%s data: %u", txq->ring.name, entries) ||
	    entries == 0 || dev->opts.qemu)
		return;
	RULE(dev, !vmx_is_version(dev, 3) || pvn_le16_to_cpu(txq->config.data_slot_size) == slot,
	     DATA_RING, "%s: slots of %u bytes instead of %u", txq->ring.name,
	     pvn_le16_to_cpu(txq->config.data_slot_size), slot);
	if (check_data_ring(dev, regions, txq->ring.name, addr, entries, slot))
		txq->data_slot = slot;
}

static void
check_rx_data_ring(struct vmx_device *dev, struct regions *regions, struct vmx_rxq *rxq)
{
	uint32_t slot = pvn_le16_to_cpu(rxq->config.data_slot_size);
	uint64_t addr = pvn_le64_to_cpu(rxq->config.data_ring_addr);

	if (slot == 0 || !vmx_is_version(dev, 3))
		return;
	RULE(dev, !vmx_is_version(dev, 9) || slot == dev->opts.rx_data_slot, DATA_RING,
	     "%s: slots of %u bytes instead of %u", rxq->comp.name, slot, dev->opts.rx_data_slot);
	if (check_data_ring(dev, regions, rxq->comp.name, addr,
			    pvn_le32_to_cpu(rxq->config.ring1_size), slot))
		rxq->data_slot = slot;
}

/* Behind the buffers posted before ACTIVATE there must be nothing yet. */
static void
check_zeroed_rx(struct vmx_device *dev, const char *name, const struct vmx_desc *mem, uint32_t size)
{
	uint32_t i = 0;

	while (i < size && (pvn_le32_to_cpu(mem[i].word2) & VMXNET3_RXD2_GEN) != 0)
		i++;
	check_zeroed(dev, name, mem + i, size - i);
}

static bool
check_vector(struct vmx_device *dev, const char *what, unsigned int vector)
{
	RULE(dev, vector < dev->intr.num, VECTOR_RANGE, "%s: %u of %u", what, vector,
	     dev->intr.num);
	return vector < (dev->shared_intr == NULL ? VMXNET3_INTR_MAX : VMXNET3_INTR_MAX_V6);
}

static bool
check_txq(struct vmx_device *dev, struct regions *regions, struct vmx_txq *txq)
{
	const struct vmxnet3_tx_queue_desc *c = &txq->config;
	uint32_t size = pvn_le32_to_cpu(c->ring_size);
	uint32_t comp_size = pvn_le32_to_cpu(c->comp_ring_size);
	void *mem, *comp;

	mem = check_ring(dev, regions, txq->ring.name, pvn_le64_to_cpu(c->ring_addr), size,
			 VMXNET3_TX_RING_MAX);
	comp = check_ring(dev, regions, txq->comp.name, pvn_le64_to_cpu(c->comp_ring_addr),
			  comp_size, VMXNET3_TXC_RING_MAX);
	RULE(dev, comp_size >= size, COMP_RING_SMALL, "%s: %u for %u", txq->comp.name, comp_size,
	     size);
	check_tx_data_ring(dev, regions, txq);
	if (!check_vector(dev, txq->ring.name, c->intr) || mem == NULL || comp == NULL)
		return false;
	check_zeroed(dev, txq->ring.name, mem, size);
	check_zeroed(dev, txq->comp.name, comp, comp_size);
	txq->done = calloc(size, sizeof(*txq->done));
	return txq->done != NULL && vmx_comp_start(&txq->comp, comp, comp_size) == 0 &&
	       vmx_ring_start(&txq->ring, mem, size, VMXNET3_TXD2_GEN) == 0;
}

static bool
check_rx_ring(struct vmx_device *dev, struct regions *regions, struct vmx_ring *ring, uint64_t addr,
	      uint32_t size)
{
	void *mem = check_ring(dev, regions, ring->name, addr, size, VMXNET3_RX_RING_MAX);

	if (mem == NULL)
		return false;
	check_zeroed_rx(dev, ring->name, mem, size);
	return vmx_ring_start(ring, mem, size, VMXNET3_RXD2_GEN) == 0;
}

static bool
check_rxq(struct vmx_device *dev, struct regions *regions, struct vmx_rxq *rxq)
{
	const struct vmxnet3_rx_queue_desc *c = &rxq->config;
	uint32_t size1 = pvn_le32_to_cpu(c->ring1_size);
	uint32_t size2 = pvn_le32_to_cpu(c->ring2_size);
	uint32_t comp_size = pvn_le32_to_cpu(c->comp_ring_size);
	void *comp;

	comp = check_ring(dev, regions, rxq->comp.name, pvn_le64_to_cpu(c->comp_ring_addr),
			  comp_size, VMXNET3_RXC_RING_MAX);
	RULE(dev, comp_size >= size1 + size2, COMP_RING_SMALL, "%s: %u for %u + %u", rxq->comp.name,
	     comp_size, size1, size2);
	check_rx_data_ring(dev, regions, rxq);
	if (!check_rx_ring(dev, regions, &rxq->ring[0], pvn_le64_to_cpu(c->ring1_addr), size1) ||
	    !check_rx_ring(dev, regions, &rxq->ring[1], pvn_le64_to_cpu(c->ring2_addr), size2) ||
	    !check_vector(dev, rxq->comp.name, c->intr) || comp == NULL)
		return false;
	check_zeroed(dev, rxq->comp.name, comp, comp_size);
	return vmx_comp_start(&rxq->comp, comp, comp_size) == 0;
}

/* What v1 says is reserved or padding; some of it has a meaning from v3 or v6 on. */
static void
check_reserved(struct vmx_device *dev)
{
	const struct vmxnet3_shared *c = &dev->config;

	RULE(dev, is_zero(c->reserved64, 16) && is_zero(c->reserved112, 8), RESERVED_AREA,
	     "shared area");
	if (dev->shared_intr != NULL)
		RULE(dev,
		     is_zero(dev->config_intr.reserved8, 4) &&
			     is_zero(dev->config_intr.reserved77, 3) &&
			     dev->config_intr.reserved3 == 0,
		     RESERVED_AREA, "extended interrupt block");
	RULE(dev, dev->version >= 3 || is_zero(c->command_arg, 16), RESERVED_AREA,
	     "command argument");
	for (unsigned int q = 0; q < dev->num_tx; q++) {
		const struct vmxnet3_tx_queue_desc *t = &dev->txq[q].config;

		RULE(dev,
		     is_zero(t->reserved8, 8) && is_zero(t->reserved48, 8) &&
			     (vmx_is_version(dev, 3) || t->data_slot_size == 0) &&
			     (vmx_is_version(dev, 9) ||
			      (t->ts_ring_addr == 0 && t->ts_slot_size == 0)),
		     RESERVED_AREA, "%s", dev->txq[q].ring.name);
	}
	for (unsigned int q = 0; q < dev->num_rx; q++) {
		const struct vmxnet3_rx_queue_desc *r = &dev->rxq[q].config;

		RULE(dev,
		     is_zero(r->reserved1 + 7, 8) &&
			     (vmx_is_version(dev, 3) ||
			      (r->data_ring_addr == 0 && r->data_slot_size == 0)) &&
			     (vmx_is_version(dev, 9) ||
			      (r->ts_ring_addr == 0 && r->ts_slot_size == 0)),
		     RESERVED_AREA, "%s", dev->rxq[q].comp.name);
	}
}

static void
check_block(struct vmx_device *dev, const char *name, const struct vmxnet3_block_ptr *block,
	    uint32_t len)
{
	uint64_t addr = pvn_le64_to_cpu(block->addr);
	const void *mem;

	if (addr == 0 && block->len == 0)
		return;
	mem = vmx_dma(dev, addr, len);
	RULE(dev,
	     pvn_le32_to_cpu(block->version) == 1 && pvn_le32_to_cpu(block->len) == len &&
		     mem != NULL,
	     SIDE_BLOCK, "%s: version %u, %u bytes at 0x%llx", name,
	     pvn_le32_to_cpu(block->version), pvn_le32_to_cpu(block->len),
	     (unsigned long long)addr);
}

static void
check_blocks(struct vmx_device *dev)
{
	const struct vmxnet3_shared *c = &dev->config;

	check_block(dev, "RSS", &c->rss, sizeof(struct vmxnet3_rss_config));
	check_block(dev, "wake-up", &c->wake_up, VMXNET3_WAKE_UP_LEN);
	RULE(dev, is_zero(&c->plug_in, sizeof(c->plug_in)), SIDE_BLOCK, "plug-in is not zero");
}

static bool
check_misc(struct vmx_device *dev)
{
	const struct vmxnet3_shared *c = &dev->config;
	uint32_t mtu = pvn_le32_to_cpu(c->mtu);
	uint32_t mtu_max = dev->version >= 6 ? VMXNET3_MTU_MAX_V6 : VMXNET3_MTU_MAX_V1;

	RULE(dev, dev->version != 0, VERSION, "ACTIVATE before a version was picked");
	RULE(dev, dev->upt_picked, UPT_VERSION, "ACTIVATE before it was picked");
	RULE(dev,
	     pvn_le32_to_cpu(c->device_revisions) == 1 && pvn_le32_to_cpu(c->upt_versions) == 1,
	     REVISIONS, "%u and %u", pvn_le32_to_cpu(c->device_revisions),
	     pvn_le32_to_cpu(c->upt_versions));
	RULE(dev,
	     (pvn_le32_to_cpu(c->guest_os) & 0x3F) == VMXNET3_GUEST_OS_LINUX64 ||
		     (pvn_le32_to_cpu(c->guest_os) & 0x3F) == VMXNET3_GUEST_OS_LINUX32,
	     GUEST_OS, "0x%x", pvn_le32_to_cpu(c->guest_os));
	return RULE(dev, mtu >= VMXNET3_MTU_MIN && mtu <= mtu_max, MTU_RANGE, "%u", mtu);
}

/* Beyond what the version allows is a breach; what this host allows beyond that is its business. */
static bool
check_queue_counts(struct vmx_device *dev)
{
	bool v6 = vmx_is_version(dev, 6);
	unsigned int tx_max = v6 ? VMXNET3_QUEUES_MAX_V6 : VMXNET3_QUEUES_MAX_TX_V1;
	unsigned int rx_max = v6 ? VMXNET3_QUEUES_MAX_V6 : VMXNET3_QUEUES_MAX_RX_V1;

	dev->num_tx = dev->config.num_tx_queues;
	dev->num_rx = dev->config.num_rx_queues;
	return RULE(dev,
		    dev->num_tx > 0 && dev->num_rx > 0 && dev->num_tx <= tx_max &&
			    dev->num_rx <= rx_max,
		    QUEUE_COUNT, "%u tx, %u rx", dev->num_tx, dev->num_rx) &&
	       dev->num_tx <= vmx_max_queues(dev, true) &&
	       dev->num_rx <= vmx_max_queues(dev, false);
}

/* [VMX3 6.4] Below v6, for the sake of RSS; a device without RSS does not mind. */
static void
check_queue_power(struct vmx_device *dev)
{
	RULE(dev,
	     vmx_is_version(dev, 6) || (dev->features & VMXNET3_FEATURE_RSS) == 0 ||
		     (dev->num_rx & (dev->num_rx - 1)) == 0,
	     QUEUES_NOT_POWER, "%u rx queues with version %u", dev->num_rx, dev->version);
}

/* [VMX3 9.4] With more queues than the old block was made for there is a second one. */
static bool
read_interrupts(struct vmx_device *dev)
{
	bool extended = vmx_is_version(dev, 6) && (dev->num_tx > VMXNET3_QUEUES_MAX_TX_V1 ||
						   dev->num_rx > VMXNET3_QUEUES_MAX_RX_V1);
	struct vmxnet3_shared_v6 *shared;

	dev->intr.auto_mask = dev->config.auto_mask != 0;
	dev->intr.num = dev->config.num_intrs;
	dev->intr.event = dev->config.event_intr;
	dev->intr.ctrl = &dev->shared->intr_ctrl;
	if (extended) {
		shared = vmx_dma(dev, dev->shared_addr, sizeof(*shared));
		if (!RULE(dev, shared != NULL, SHARED_MEMORY, "extended interrupt block"))
			return false;
		dev->shared_intr = &shared->intr;
		dev->config_intr = shared->intr;
		dev->intr.auto_mask = shared->intr.auto_mask != 0;
		dev->intr.num = shared->intr.num_intrs;
		dev->intr.event = shared->intr.event_intr;
		dev->intr.ctrl = &shared->intr.intr_ctrl;
	}
	RULE(dev,
	     dev->intr.num > 0 &&
		     dev->intr.num <= (extended ? VMXNET3_INTR_MAX_V6 : VMXNET3_INTR_MAX),
	     VECTOR_RANGE, "%u vectors", dev->intr.num);
	if (dev->intr.num > vmx_num_vectors(dev))
		dev->intr.num = vmx_num_vectors(dev);
	return check_vector(dev, "events", dev->intr.event);
}

static bool
read_queue_table(struct vmx_device *dev)
{
	uint64_t addr = pvn_le64_to_cpu(dev->config.queue_table_addr);
	size_t len = 256 * (dev->num_tx + dev->num_rx);
	uint8_t *table = vmx_dma(dev, addr, len);

	RULE(dev, addr % VMXNET3_QUEUE_TABLE_ALIGN == 0, QUEUE_TABLE, "at 0x%llx",
	     (unsigned long long)addr);
	RULE(dev, pvn_le32_to_cpu(dev->config.queue_table_len) == len, QUEUE_TABLE,
	     "%u bytes instead of %zu", pvn_le32_to_cpu(dev->config.queue_table_len), len);
	if (!RULE(dev, table != NULL, QUEUE_TABLE, "not in memory"))
		return false;
	for (unsigned int q = 0; q < dev->num_tx; q++, table += 256) {
		dev->txq[q].table = (void *)table;
		memcpy(&dev->txq[q].config, table, 256);
	}
	for (unsigned int q = 0; q < dev->num_rx; q++, table += 256) {
		dev->rxq[q].table = (void *)table;
		memcpy(&dev->rxq[q].config, table, 256);
	}
	return true;
}

static void
name_rings(struct vmx_device *dev)
{
	for (unsigned int q = 0; q < VMX_QUEUES_MAX; q++) {
		struct vmx_txq *txq = &dev->txq[q];
		struct vmx_rxq *rxq = &dev->rxq[q];

		snprintf(txq->ring.name, sizeof(txq->ring.name), "tx%u", q);
		snprintf(txq->comp.name, sizeof(txq->comp.name), "tx%u comp", q);
		snprintf(rxq->ring[0].name, sizeof(rxq->ring[0].name), "rx%u ring1", q);
		snprintf(rxq->ring[1].name, sizeof(rxq->ring[1].name), "rx%u ring2", q);
		snprintf(rxq->comp.name, sizeof(rxq->comp.name), "rx%u comp", q);
	}
}

static bool
check_queues(struct vmx_device *dev)
{
	struct regions *regions = calloc(1, sizeof(*regions));
	size_t descs = 0;
	bool ok = true;

	if (regions == NULL)
		abort();
	for (unsigned int q = 0; q < dev->num_tx; q++)
		ok &= check_txq(dev, regions, &dev->txq[q]);
	for (unsigned int q = 0; q < dev->num_rx; q++) {
		ok &= check_rxq(dev, regions, &dev->rxq[q]);
		descs += dev->rxq[q].ring[0].size + dev->rxq[q].ring[1].size;
	}
	free(regions);
	for (dev->posted_slots = 64; dev->posted_slots < 2 * descs;)
		dev->posted_slots *= 2;
	dev->posted = calloc(dev->posted_slots, sizeof(*dev->posted));
	return ok && dev->posted != NULL;
}

static void
begin(struct vmx_device *dev)
{
	dev->active = true;
	dev->activations++;
	dev->events = pvn_le32_to_cpu(dev->shared->events);
	memcpy(dev->coalesce, dev->opts.coalesce, sizeof(dev->coalesce));
	dev->num_regions = dev->regions_tx = dev->regions_rx = 0;
	memset(dev->ring_buffers, 0, sizeof(dev->ring_buffers));
	dev->mac_early = memcmp(dev->mac, dev->opts.mac, 6) != 0;
	if (dev->opts.qemu_mac)
		memcpy(dev->mac, dev->opts.mac, 6);
	vmx_check_masks(dev);
	vmx_filter_read_mode(dev);
	vmx_filter_read_vlans(dev);
	vmx_filter_read_mcast(dev);
	vmx_rss_start(dev);
	for (unsigned int q = 0; q < dev->num_tx; q++)
		dev->txq[q].table->threshold = pvn_cpu_to_le32(dev->opts.tx_threshold);
	for (unsigned int q = 0; q < dev->num_rx; q++)
		dev->rxq[q].table->doorbells_wanted = dev->opts.rx_doorbells;
	vmx_check_all(dev, false); /* buffers posted before are the device's from here on */
}

static bool
read_shared(struct vmx_device *dev)
{
	dev->shared = vmx_dma(dev, dev->shared_addr, sizeof(*dev->shared));
	if (!RULE(dev, dev->shared != NULL && dev->shared_addr % 8 == 0, SHARED_MEMORY, "0x%llx",
		  (unsigned long long)dev->shared_addr))
		return false;
	memcpy(&dev->config, dev->shared, sizeof(dev->config));
	dev->features = pvn_le64_to_cpu(dev->config.features);
	return RULE(dev, pvn_le32_to_cpu(dev->config.magic) == VMXNET3_MAGIC, MAGIC, "0x%08x",
		    pvn_le32_to_cpu(dev->config.magic));
}

uint32_t
vmx_activate(struct vmx_device *dev)
{
	if (!RULE(dev, !dev->active, ACTIVATE_TWICE, "%u activations so far", dev->activations))
		return 0;
	if (dev->lie == VMX_LIE_ACTIVATE_REFUSED && dev->lie_count > 0) {
		if (--dev->lie_count == 0)
			dev->lie = VMX_LIE_NONE;
		return 1;
	}
	memset(dev->txq, 0, sizeof(dev->txq));
	memset(dev->rxq, 0, sizeof(dev->rxq));
	name_rings(dev);
	if (!read_shared(dev) || !check_misc(dev) || !check_queue_counts(dev) ||
	    !read_interrupts(dev) || !read_queue_table(dev) || !check_queues(dev)) {
		vmx_deactivate(dev);
		return 1;
	}
	check_queue_power(dev);
	check_reserved(dev);
	check_blocks(dev);
	begin(dev);
	return 0;
}

/* Copy what the driver may change while the device is active, so that the rest can be compared. */
static void
copy_live_fields(struct vmxnet3_shared *to, const struct vmxnet3_shared *from)
{
	to->features = from->features;
	memcpy(to->mod_level, from->mod_level, sizeof(to->mod_level));
	to->intr_ctrl = from->intr_ctrl;
	to->rx_mode = from->rx_mode;
	to->mcast_list_len = from->mcast_list_len;
	to->mcast_list_addr = from->mcast_list_addr;
	memcpy(to->vlan_bitmap, from->vlan_bitmap, sizeof(to->vlan_bitmap));
	to->rss = from->rss;
	to->wake_up = from->wake_up;
	to->events = from->events;
	memcpy(to->command_arg, from->command_arg, sizeof(to->command_arg));
}

#define TXQ_CONFIG_FROM offsetof(struct vmxnet3_tx_queue_desc, ring_addr)
#define TXQ_CONFIG_LEN (offsetof(struct vmxnet3_tx_queue_desc, stopped) - TXQ_CONFIG_FROM)
#define RXQ_CONFIG_FROM offsetof(struct vmxnet3_rx_queue_desc, ring1_addr)
#define RXQ_CONFIG_LEN (offsetof(struct vmxnet3_rx_queue_desc, stopped) - RXQ_CONFIG_FROM)

static void
check_table(struct vmx_device *dev, const char *name, void *config, const void *table, size_t from,
	    size_t len)
{
	uint8_t *was = (uint8_t *)config + from;
	const uint8_t *is = (const uint8_t *)table + from;

	RULE(dev, memcmp(was, is, len) == 0, SHARED_CHANGED, "queue table, %s", name);
	memcpy(was, is, len);
}

static void
check_interrupts_unchanged(struct vmx_device *dev)
{
	struct vmxnet3_intr_ext *was = &dev->config_intr;

	if (dev->shared_intr == NULL)
		return;
	memcpy(was->mod_level, dev->shared_intr->mod_level, sizeof(was->mod_level));
	was->intr_ctrl = dev->shared_intr->intr_ctrl;
	RULE(dev, memcmp(was, dev->shared_intr, sizeof(*was)) == 0, SHARED_CHANGED,
	     "extended interrupt block");
	*was = *dev->shared_intr;
}

void
vmx_check_shared(struct vmx_device *dev)
{
	copy_live_fields(&dev->config, dev->shared);
	RULE(dev, memcmp(&dev->config, dev->shared, sizeof(dev->config)) == 0, SHARED_CHANGED,
	     "shared area");
	dev->config = *dev->shared;
	check_interrupts_unchanged(dev);
	for (unsigned int q = 0; q < dev->num_tx; q++)
		check_table(dev, dev->txq[q].ring.name, &dev->txq[q].config, dev->txq[q].table,
			    TXQ_CONFIG_FROM, TXQ_CONFIG_LEN);
	for (unsigned int q = 0; q < dev->num_rx; q++)
		check_table(dev, dev->rxq[q].comp.name, &dev->rxq[q].config, dev->rxq[q].table,
			    RXQ_CONFIG_FROM, RXQ_CONFIG_LEN);
}
