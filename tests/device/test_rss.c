/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * RSS: where frames go by key, types and table; what the driver says of them; and that they last.
 * The device hashes by itself, and the hashes expected here are Microsoft's published ones.
 */
#include <errno.h>
#include <string.h>

#include <rte_thash.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define TYPES_V1                                                                                   \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 |                      \
	 RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define TYPES_V4                                                                                   \
	(TYPES_V1 | RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_ESP)
#define TABLE_MAX 128

enum { TCP = 6, UDP = 17, ESP = 50 };

/* An IPv4 packet of a flow; `spi` of ESP stands where the ports are. */
static size_t
make_frame(const struct vmx_test *t, uint8_t frame[100], uint8_t protocol, uint32_t flow)
{
	vmx_frame(t, frame, 100, flow);
	frame[12] = 0x08;
	frame[13] = 0x00;
	memset(frame + 14, 0, 20);
	frame[14] = 0x45;
	frame[17] = 86;
	frame[22] = 64;
	frame[23] = protocol;
	frame[26] = 10;
	frame[29] = 1;
	frame[30] = 10;
	frame[33] = 2;
	frame[34] = (uint8_t)(flow >> 24);
	frame[35] = (uint8_t)(flow >> 16);
	frame[36] = (uint8_t)(flow >> 8);
	frame[37] = (uint8_t)flow;
	if (protocol == TCP)
		frame[46] = 0x50;
	if (protocol == UDP)
		frame[39] = 66;
	return 100;
}

/* The queue that a packet of this flow comes out of. */
static unsigned int
queue_of(struct vmx_test *t, uint8_t protocol, uint32_t flow)
{
	uint8_t frame[100];
	size_t len = make_frame(t, frame, protocol, flow);
	unsigned int queue;
	struct rte_mbuf *m;

	assert_int_equal(vmx_device_arrive(t->dev, frame, len, NULL, &queue), VMX_RX_DELIVERED);
	m = vmx_receive(t, (uint16_t)queue);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	return queue;
}

/* By the key, and with or without what follows the addresses. */
static uint32_t
hash_of(struct vmx_test *t, uint8_t key[40], uint8_t protocol, uint32_t flow, bool with_l4)
{
	uint8_t frame[100];
	uint32_t tuple[3];

	make_frame(t, frame, protocol, flow);
	for (int i = 0; i < 3; i++) {
		const uint8_t *b = frame + 26 + 4 * i;

		tuple[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	}
	return rte_softrss(tuple, with_l4 ? 3 : 2, key);
}

static void
get_conf(const struct vmx_test *t, struct rte_eth_rss_conf *conf, uint8_t key[40])
{
	memset(conf, 0, sizeof(*conf));
	memset(key, 0, 40);
	conf->rss_key = key;
	conf->rss_key_len = 40;
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(t->id, conf), 0);
}

static uint16_t
table_size(const struct vmx_test *t)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(t->id, &info), 0);
	assert_true(info.reta_size == 64 || info.reta_size == TABLE_MAX);
	return info.reta_size;
}

static void
get_table(const struct vmx_test *t, uint16_t table[TABLE_MAX])
{
	struct rte_eth_rss_reta_entry64 reta[2];
	uint16_t size = table_size(t);

	memset(reta, 0, sizeof(reta));
	reta[0].mask = reta[1].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_query(t->id, reta, size), 0);
	for (uint16_t i = 0; i < size; i++)
		table[i] = reta[i / 64].reta[i % 64];
}

/* Entry i of those in `mask` gets (i * factor + offset) % queues. */
static int
set_table(const struct vmx_test *t, uint64_t mask, unsigned int factor, unsigned int offset,
	  unsigned int queues)
{
	struct rte_eth_rss_reta_entry64 reta[2];
	uint16_t size = table_size(t);

	for (unsigned int i = 0; i < TABLE_MAX; i++)
		reta[i / 64].reta[i % 64] = (uint16_t)((i * factor + offset) % queues);
	reta[0].mask = reta[1].mask = mask;
	return rte_eth_dev_rss_reta_update(t->id, reta, size);
}

/* Every flow goes where key and table, as the driver tells them, say. */
static void
assert_steers(struct vmx_test *t, uint8_t protocol, bool with_l4)
{
	uint16_t table[TABLE_MAX], size = table_size(t);
	struct rte_eth_rss_conf conf;
	uint8_t key[40];

	get_conf(t, &conf, key);
	get_table(t, table);
	for (uint32_t flow = 0; flow < 64; flow++) {
		uint32_t id = flow * 2654435761u;
		uint32_t hash = hash_of(t, key, protocol, id, with_l4);

		assert_int_equal(queue_of(t, protocol, id), table[hash % size]);
	}
}

static void
test_steering(void **state)
{
	static const unsigned int versions[] = {2, 4, 5, 6, 7, 9};
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(versions); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(versions[i]),
					  .num_rx_queues = 4,
					  .rss = &rss};

		print_message("case: version %u\n", versions[i]);
		vmx_open(&t, &setup);
		assert_int_equal(table_size(&t), versions[i] >= 6 ? 128 : 64);
		assert_steers(&t, TCP, true);
		assert_steers(&t, UDP, false);
		vmx_close(&t);
	}
}

/* The hash comes with the frame, if asked for. */
static void
test_hash_in_mbuf(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1}, conf;
	struct vmx_test t;
	uint8_t key[40];

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct vmx_setup setup = {
			.device.versions = VMX_VERSIONS_TO(6),
			.num_rx_queues = 4,
			.rss = &rss,
			.rx_offloads = asked ? RTE_ETH_RX_OFFLOAD_RSS_HASH : 0,
		};

		vmx_open(&t, &setup);
		get_conf(&t, &conf, key);
		for (uint32_t flow = 1; flow < 50; flow++) {
			uint8_t frame[100];
			size_t len = make_frame(&t, frame, TCP, flow << 20);
			unsigned int queue;
			struct rte_mbuf *m;

			assert_int_equal(vmx_device_arrive(t.dev, frame, len, NULL, &queue),
					 VMX_RX_DELIVERED);
			m = vmx_receive(&t, (uint16_t)queue);
			assert_non_null(m);
			assert_int_equal((m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0, asked);
			if (asked)
				assert_int_equal(m->hash.rss,
						 hash_of(&t, key, TCP, flow << 20, true));
			rte_pktmbuf_free(m);
		}
		vmx_close(&t);
	}
}

/* Sizes are right before the port was ever configured. */
static void
test_sizes_before_start(void **state)
{
	struct vmx_device_opts opts = {.versions = VMX_VERSIONS_TO(6)};
	struct vmx_port *port = vmx_host_plug(&opts, NULL, NULL);
	struct rte_eth_dev_info info;

	(void)state;
	assert_non_null(port);
	assert_int_equal(rte_eth_dev_info_get(vmx_host_port_id(port), &info), 0);
	assert_int_equal(info.reta_size, 128);
	assert_int_equal(info.hash_key_size, 40);
	assert_int_equal(info.flow_type_rss_offloads, TYPES_V4);
	vmx_host_unplug(port);
}

/* [VMX3 12.10] */
static void
test_qemu_has_none(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1};
	struct vmx_setup setup = {.num_rx_queues = 2};
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	assert_int_equal(info.reta_size, 0);
	assert_int_equal(info.flow_type_rss_offloads, 0);
	vmx_stop(&t);
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf = rss;
	assert_true(rte_eth_dev_configure(t.id, 2, 1, &conf) < 0);
	vmx_configure(&t);
	vmx_start(&t);
	vmx_close(&t);
}

/* A key of one's own is taken, shown, and kept; one of another length is not even read. */
static void
test_custom_key(void **state)
{
	uint8_t key[52], shown[40];
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1, .rss_key = key, .rss_key_len = 40};
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(4), .num_rx_queues = 4, .rss = &rss};
	struct rte_eth_rss_conf conf;
	struct rte_eth_conf bad;
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 11);
	vmx_open(&t, &setup);
	for (int round = 0; round < 3; round++) {
		get_conf(&t, &conf, shown);
		assert_memory_equal(shown, key, 40);
		assert_int_equal(conf.rss_key_len, 40);
		assert_steers(&t, TCP, true);
		vmx_stop(&t);
		rss.rss_key = NULL; /* configured again without one: it stays */
		if (round == 1)
			vmx_configure(&t);
		vmx_start(&t);
	}
	vmx_stop(&t);
	memset(&bad, 0, sizeof(bad));
	bad.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	bad.rx_adv_conf.rss_conf =
		(struct rte_eth_rss_conf){.rss_hf = TYPES_V1, .rss_key = key, .rss_key_len = 16};
	assert_int_equal(rte_eth_dev_configure(t.id, 4, 1, &bad), -EINVAL);
	bad.rx_adv_conf.rss_conf.rss_key_len = 52;
	assert_int_equal(rte_eth_dev_configure(t.id, 4, 1, &bad), -EINVAL);
	vmx_configure(&t);
	vmx_start(&t);
	assert_steers(&t, TCP, true);
	vmx_close(&t);
}

/* Key and base types change on a stopped port; on a running one that is refused, not half done. */
static void
test_hash_update(void **state)
{
	uint8_t key[40], shown[40];
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1}, conf;
	struct rte_eth_rss_conf update = {
		.rss_hf = RTE_ETH_RSS_IPV4, .rss_key = key, .rss_key_len = 40};
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(3), .num_rx_queues = 2, .rss = &rss};
	struct vmx_test t;

	(void)state;
	memset(key, 0xA5, sizeof(key));
	key[7] = 1;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_rss_hash_update(t.id, &update), -EBUSY);
	get_conf(&t, &conf, shown);
	assert_int_equal(conf.rss_hf, TYPES_V1);
	assert_memory_not_equal(shown, key, 40);
	assert_steers(&t, TCP, true);
	vmx_stop(&t);
	assert_int_equal(rte_eth_dev_rss_hash_update(t.id, &update), 0);
	vmx_start(&t);
	get_conf(&t, &conf, shown);
	assert_int_equal(conf.rss_hf, RTE_ETH_RSS_IPV4);
	assert_memory_equal(shown, key, 40);
	assert_steers(&t, TCP, false); /* hashed by its addresses only now */
	assert_int_equal(rte_eth_dev_rss_hash_update(t.id, &update), 0); /* nothing new */
	update.rss_key_len = 41;
	assert_int_equal(rte_eth_dev_rss_hash_update(t.id, &update), -EINVAL);
	vmx_close(&t);
}

/* [VMX3 10] UDP and ESP, from version 4 on; switched while the port runs. Both bits of TCP are
 * always told. */
static void
test_fields_v4(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1 | RTE_ETH_RSS_NONFRAG_IPV4_UDP}, conf;
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(5), .num_rx_queues = 4, .rss = &rss};
	struct vmx_device_state seen;
	uint8_t key[40];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &seen);
	assert_int_equal(seen.rss_fields & 3, 3);
	assert_steers(&t, UDP, true);
	assert_steers(&t, ESP, false);
	conf = (struct rte_eth_rss_conf){.rss_hf = TYPES_V1 | RTE_ETH_RSS_ESP};
	assert_int_equal(rte_eth_dev_rss_hash_update(t.id, &conf), 0);
	for (int round = 0; round < 2; round++) {
		assert_steers(&t, UDP, false);
		assert_steers(&t, ESP, true);
		assert_steers(&t, TCP, true);
		get_conf(&t, &conf, key);
		assert_int_equal(conf.rss_hf, TYPES_V1 | RTE_ETH_RSS_ESP);
		vmx_stop(&t);
		vmx_start(&t);
	}
	vmx_close(&t);
}

/* What the host does not have is not claimed. */
static void
test_fields_not_granted(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V4}, conf;
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(5),
				  .device.rss_fields = 0x07, /* TCP, UDP over IPv4 */
				  .num_rx_queues = 4,
				  .rss = &rss};
	uint8_t key[40];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	get_conf(&t, &conf, key);
	assert_int_equal(conf.rss_hf, TYPES_V1 | RTE_ETH_RSS_NONFRAG_IPV4_UDP);
	assert_steers(&t, UDP, true);
	vmx_close(&t);
}

/* ESXi 8 fails a port with one queue that asks for RSS. */
static void
test_one_queue_never_asks(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V4};
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(6),
				  .device.rss_wants_queues = true,
				  .num_rx_queues = 1,
				  .rss = &rss};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &seen);
	assert_int_equal(seen.features & VMXNET3_FEATURE_RSS, 0);
	vmx_assert_works(&t, 10);
	vmx_stop(&t);
	t.setup.num_rx_queues = 2;
	vmx_configure(&t);
	vmx_start(&t);
	assert_steers(&t, TCP, true);
	vmx_close(&t);
}

/* In one piece or in part, on a running port, kept over restarts and configuring. */
static void
test_table_live(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1};
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(6), .num_rx_queues = 4, .rss = &rss};
	uint16_t table[TABLE_MAX];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	get_table(&t, table);
	for (unsigned int i = 0; i < 128; i++)
		assert_int_equal(table[i], i % 4);
	assert_int_equal(set_table(&t, UINT64_MAX, 3, 1, 4), 0);
	assert_steers(&t, TCP, true);
	assert_int_equal(set_table(&t, UINT64_C(0xFFFF0001), 0, 2, 4), 0);
	for (int round = 0; round < 3; round++) {
		get_table(&t, table);
		for (unsigned int i = 0; i < 128; i++) {
			bool changed = (UINT64_C(0xFFFF0001) >> (i % 64) & 1) != 0;

			assert_int_equal(table[i], changed ? 2 : (i * 3 + 1) % 4);
		}
		assert_steers(&t, TCP, true);
		vmx_stop(&t);
		if (round == 1)
			vmx_configure(&t);
		vmx_start(&t);
	}
	vmx_close(&t);
}

/* Queues that do not exist are refused, and nothing is changed; a table that no longer fits when
 * there are fewer queues is made anew. */
static void
test_table_checked(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1};
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(6), .num_rx_queues = 4, .rss = &rss};
	uint16_t before[TABLE_MAX], after[TABLE_MAX];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	get_table(&t, before);
	assert_int_equal(set_table(&t, UINT64_MAX, 1, 0, 5), -EINVAL);
	assert_int_equal(set_table(&t, UINT64_MAX, 1, 200, 201), -EINVAL);
	get_table(&t, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(set_table(&t, UINT64_MAX, 0, 3, 4), 0);
	vmx_stop(&t);
	t.setup.num_rx_queues = 2;
	vmx_configure(&t);
	vmx_start(&t);
	get_table(&t, after);
	for (unsigned int i = 0; i < 128; i++)
		assert_int_equal(after[i], i % 2);
	assert_steers(&t, TCP, true);
	vmx_close(&t);
}

/* [VMX3 6.4] */
static void
test_power_of_two_below_v6(void **state)
{
	struct rte_eth_rss_conf rss = {.rss_hf = TYPES_V1};
	struct rte_eth_conf conf;
	struct vmx_test t;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf = rss;
	for (unsigned int version = 5; version <= 6; version++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(version),
					  .num_rx_queues = 4,
					  .rss = &rss};

		vmx_open(&t, &setup);
		vmx_stop(&t);
		assert_int_equal(rte_eth_dev_configure(t.id, 3, 1, &conf),
				 version < 6 ? -EINVAL : 0);
		t.setup.num_rx_queues = 3;
		if (version < 6) /* without RSS any number will do */
			t.setup.rss = NULL;
		vmx_configure(&t);
		vmx_start(&t);
		if (version >= 6)
			assert_steers(&t, TCP, true);
		else
			vmx_assert_works(&t, 30);
		vmx_close(&t);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_steering),
		VMX_TEST(test_hash_in_mbuf),
		VMX_TEST(test_sizes_before_start),
		VMX_TEST(test_qemu_has_none),
		VMX_TEST(test_custom_key),
		VMX_TEST(test_hash_update),
		VMX_TEST(test_fields_v4),
		VMX_TEST(test_fields_not_granted),
		VMX_TEST(test_one_queue_never_asks),
		VMX_TEST(test_table_live),
		VMX_TEST(test_table_checked),
		VMX_TEST(test_power_of_two_below_v6),
	};

	return VMX_RUN(tests);
}
