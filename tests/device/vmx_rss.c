/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receive-side scaling [VMX3 10]: Toeplitz hash of addresses and ports, whose remainder picks an
 * entry of the indirection table. What has no hash goes to queue 0.
 */
#include <string.h>

#include "vmx_device_priv.h"
#include "vmx_packet.h"

#define TUPLE_MAX 36 /* two IPv6 addresses and two ports */

#define FIELDS_TCP (VMXNET3_RSS_FIELD_TCP_IPV4 | VMXNET3_RSS_FIELD_TCP_IPV6)
#define FIELDS_V4                                                                                  \
	(FIELDS_TCP | VMXNET3_RSS_FIELD_UDP_IPV4 | VMXNET3_RSS_FIELD_UDP_IPV6 |                    \
	 VMXNET3_RSS_FIELD_ESP_IPV4)
#define FIELDS_V5 (FIELDS_V4 | VMXNET3_RSS_FIELD_ESP_IPV6)

static const struct vmxnet3_rss_config *
block_of(const struct vmx_device *dev)
{
	return vmx_dma(dev, pvn_le64_to_cpu(dev->shared->rss.addr),
		       sizeof(struct vmxnet3_rss_config));
}

static void
check_table(struct vmx_device *dev)
{
	const struct vmxnet3_rss_config *rss = &dev->rss;
	unsigned int len = pvn_le16_to_cpu(rss->table_len);

	for (unsigned int i = 0; i < len && i < VMXNET3_RSS_TABLE_MAX; i++) {
		if (rss->table[i] >= dev->num_rx)
			vmx_breach(dev, VMX_BREACH_RSS_CONFIG, "entry %u: queue %u of %u", i,
				   rss->table[i], dev->num_rx);
	}
}

static void
check_values(struct vmx_device *dev)
{
	const struct vmxnet3_rss_config *rss = &dev->rss;
	unsigned int types = pvn_le16_to_cpu(rss->hash_types);
	unsigned int function = pvn_le16_to_cpu(rss->hash_function);
	unsigned int key_len = pvn_le16_to_cpu(rss->key_len);
	unsigned int table_len = pvn_le16_to_cpu(rss->table_len);

	if (types > 0xF || function > VMXNET3_RSS_FUNCTION_TOEPLITZ)
		vmx_breach(dev, VMX_BREACH_RSS_CONFIG, "hash types 0x%x, function %u", types,
			   function);
	if (key_len > VMXNET3_RSS_KEY_LEN || (function != 0 && key_len == 0))
		vmx_breach(dev, VMX_BREACH_RSS_CONFIG, "key of %u bytes", key_len);
	if (table_len == 0 || table_len > VMXNET3_RSS_TABLE_MAX)
		vmx_breach(dev, VMX_BREACH_RSS_CONFIG, "table of %u", table_len);
	check_table(dev);
}

void
vmx_rss_start(struct vmx_device *dev)
{
	const struct vmxnet3_rss_config *block;

	memset(&dev->rss, 0, sizeof(dev->rss));
	dev->rss_fields = vmx_is_version(dev, 4) ? FIELDS_TCP : 0;
	if ((dev->features & VMXNET3_FEATURE_RSS) == 0)
		return;
	block = dev->shared->rss.addr == 0 ? NULL : block_of(dev);
	if (block == NULL) {
		vmx_breach(dev, VMX_BREACH_SIDE_BLOCK, "RSS wanted without a block");
		return;
	}
	dev->rss = *block;
	check_values(dev);
}

/* [VMX3 10] The table may change while active, and nothing else. */
void
vmx_rss_update_table(struct vmx_device *dev)
{
	const struct vmxnet3_rss_config *block = block_of(dev);
	const size_t len = offsetof(struct vmxnet3_rss_config, table);

	if (block == NULL || (dev->features & VMXNET3_FEATURE_RSS) == 0) {
		vmx_breach(dev, VMX_BREACH_SIDE_BLOCK, "RSS table to be read without a block");
		return;
	}
	if (memcmp(&dev->rss, block, len) != 0)
		vmx_breach(dev, VMX_BREACH_SHARED_CHANGED, "RSS block, other than its table");
	memcpy(dev->rss.table, block->table, sizeof(dev->rss.table));
	check_table(dev);
}

static uint32_t
grantable(const struct vmx_device *dev)
{
	uint32_t fields = vmx_is_version(dev, 5) ? FIELDS_V5 : FIELDS_V4;

	return dev->opts.rss_fields == 0 ? fields : fields & dev->opts.rss_fields;
}

/* Refused without the TCP bits, without RSS, or as ESXi 8 does where there is nothing to spread
 * over. What this host does not have is left out without a word: GET_RSS_FIELDS tells. */
uint32_t
vmx_rss_set_fields(struct vmx_device *dev)
{
	uint32_t fields;

	memcpy(&fields, dev->shared->command_arg, sizeof(fields));
	fields = pvn_le32_to_cpu(fields);
	if ((fields & ~FIELDS_V5) != 0)
		vmx_breach(dev, VMX_BREACH_RSS_CONFIG, "fields 0x%x", fields);
	if ((fields & FIELDS_TCP) != FIELDS_TCP || (dev->features & VMXNET3_FEATURE_RSS) == 0 ||
	    (dev->opts.rss_wants_queues && dev->num_rx == 1))
		return 1;
	dev->rss_fields = fields & grantable(dev);
	return 0;
}

static uint32_t
toeplitz(const uint8_t key[VMXNET3_RSS_KEY_LEN], const uint8_t *data, size_t len)
{
	uint32_t window = vmx_get32(key);
	uint32_t hash = 0;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		size_t next = bit + 32;

		if ((data[bit / 8] & 0x80u >> bit % 8) != 0)
			hash ^= window;
		window <<= 1;
		if (next < 8 * VMXNET3_RSS_KEY_LEN)
			window |= (key[next / 8] >> (7 - next % 8)) & 1u;
	}
	return hash;
}

/* What may be hashed of a packet of this kind, most of all first. */
struct choice {
	bool with_l4;
	enum vmxnet3_rss_type type;
};

static struct choice
choose(const struct vmx_device *dev, const struct vmx_packet *p)
{
	static const enum vmxnet3_rss_type types[2][4] = {
		{VMXNET3_RSS_TYPE_IPV4, VMXNET3_RSS_TYPE_TCP_IPV4, VMXNET3_RSS_TYPE_UDP_IPV4,
		 VMXNET3_RSS_TYPE_ESP_IPV4},
		{VMXNET3_RSS_TYPE_IPV6, VMXNET3_RSS_TYPE_TCP_IPV6, VMXNET3_RSS_TYPE_UDP_IPV6,
		 VMXNET3_RSS_TYPE_ESP_IPV6},
	};
	uint32_t types_on = pvn_le16_to_cpu(dev->rss.hash_types);
	unsigned int v6 = p->v6;
	uint32_t tcp = v6 ? VMXNET3_RSS_HASH_TCP_IPV6 : VMXNET3_RSS_HASH_TCP_IPV4;
	uint32_t ip = v6 ? VMXNET3_RSS_HASH_IPV6 : VMXNET3_RSS_HASH_IPV4;
	uint32_t udp = v6 ? VMXNET3_RSS_FIELD_UDP_IPV6 : VMXNET3_RSS_FIELD_UDP_IPV4;
	uint32_t esp = v6 ? VMXNET3_RSS_FIELD_ESP_IPV6 : VMXNET3_RSS_FIELD_ESP_IPV4;
	bool told = vmx_is_version(dev, 6); /* UDP and ESP have types of their own */

	if (p->l4_type == VMX_L4_TCP && (types_on & tcp) != 0)
		return (struct choice){true, types[v6][VMX_L4_TCP]};
	if (p->l4_type == VMX_L4_UDP && (dev->rss_fields & udp) != 0)
		return (struct choice){true, types[v6][told ? VMX_L4_UDP : VMX_L4_NONE]};
	if (p->l4_type == VMX_L4_ESP && (dev->rss_fields & esp) != 0)
		return (struct choice){true, types[v6][told ? VMX_L4_ESP : VMX_L4_NONE]};
	return (struct choice){false, (types_on & ip) != 0 ? types[v6][VMX_L4_NONE]
							   : VMXNET3_RSS_TYPE_NONE};
}

unsigned int
vmx_rss_steer(const struct vmx_device *dev, const struct vmx_packet *p, const uint8_t *frame,
	      struct vmx_rx_meta *meta)
{
	unsigned int table_len = pvn_le16_to_cpu(dev->rss.table_len);
	size_t addresses = p->v6 ? 32 : 8;
	uint8_t tuple[TUPLE_MAX];
	struct choice c;

	if ((dev->features & VMXNET3_FEATURE_RSS) == 0 || table_len == 0 ||
	    table_len > VMXNET3_RSS_TABLE_MAX || dev->rss.hash_function == 0)
		return 0;
	c = choose(dev, p);
	if (c.type == VMXNET3_RSS_TYPE_NONE)
		return 0;
	memcpy(tuple, frame + p->l3 + (p->v6 ? 8 : 12), addresses);
	if (c.with_l4) /* ports, or the index of an ESP association */
		memcpy(tuple + addresses, frame + p->l4, 4);
	meta->rss_type = (uint8_t)c.type;
	meta->rss_hash = toeplitz(dev->rss.key, tuple, addresses + (c.with_l4 ? 4 : 0));
	return dev->rss.table[meta->rss_hash % table_len];
}
