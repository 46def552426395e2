/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device finds out by itself about frames, as a driver hands it on: the queue and the hash
 * that DPDK's own software computes from the same key, and checksums good, bad and unknown. In each
 * version of the device.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_thash.h>

#include "device_frames.h"
#include "vmx_fixture.h"
#include "vmx_packet.h"

#define FLOWS 200

/* Any key will do; an uneven one shows mistakes of order. */
static uint8_t key[40];
static struct device_frame f; /* large */

static void
open_version(struct vmx_test *t, unsigned int version, uint16_t queues, uint64_t offloads)
{
	static struct rte_eth_rss_conf rss;
	struct vmx_setup setup = {
		.device = {.versions = VMX_VERSIONS_TO(version)},
		.num_rx_queues = queues,
		.num_tx_queues = queues,
		.rx_offloads = offloads,
	};

	for (unsigned int i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 11);
	rss.rss_key = key;
	rss.rss_key_len = sizeof(key);
	rss.rss_hf = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 |
		     RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	if (queues > 1)
		setup.rss = &rss;
	vmx_open(t, &setup);
}

static uint32_t
software_hash(bool with_ports)
{
	uint32_t tuple[9];
	struct vmx_packet p;
	unsigned int words;

	assert_true(vmx_parse(&p, f.data, f.len, 0));
	words = p.v6 ? 8 : 2;
	for (unsigned int i = 0; i < words; i++)
		tuple[i] = vmx_get32(f.data + p.l3 + (p.v6 ? 8 : 12) + 4 * i);
	if (with_ports)
		tuple[words++] = vmx_get32(f.data + p.l4);
	return rte_softrss(tuple, words, key);
}

/* One frame of a flow; comes out of the queue the device chose, with the hash. */
static unsigned int
check_flow(struct vmx_test *t, unsigned int i)
{
	const struct device_flow flow = {.src_port = (uint16_t)(1000 + i), .dst_port = 80};
	bool tcp = i % 4 < 2;
	struct rte_mbuf *m;
	unsigned int queue;

	device_frame(&f, tcp ? DEVICE_TCP : DEVICE_UDP, i % 2 != 0, 100, &flow);
	f.data[14 + (i % 2 != 0 ? 23 : 15)] = (uint8_t)i; /* another source, too */
	device_frame_seal(&f);
	assert_int_equal(vmx_device_arrive(t->dev, f.data, f.len, NULL, &queue), VMX_RX_DELIVERED);
	m = vmx_receive(t, (uint16_t)queue);
	assert_non_null(m);
	vmx_assert_content(m, f.data, f.len);
	assert_true((m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0);
	assert_int_equal(m->hash.rss, software_hash(tcp));
	rte_pktmbuf_free(m);
	return queue;
}

static bool
knows_rss(void)
{
	struct vmx_port *port = vmx_host_plug(NULL, NULL, NULL);
	struct rte_eth_dev_info info;

	assert_non_null(port);
	assert_int_equal(rte_eth_dev_info_get(vmx_host_port_id(port), &info), 0);
	vmx_host_unplug(port);
	return (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
}

static void
test_rss(void **state)
{
	(void)state;
	if (!knows_rss()) {
		print_message("skipped: the driver does not offer the RSS hash\n");
		skip();
	}
	for (unsigned int version = 1; version <= 9; version++) {
		unsigned int seen[4] = {0};
		struct vmx_test t;

		print_message("case: version %u\n", version);
		open_version(&t, version, 4, RTE_ETH_RX_OFFLOAD_RSS_HASH);
		for (unsigned int i = 0; i < FLOWS; i++)
			seen[check_flow(&t, i)]++;
		for (unsigned int q = 0; q < 4; q++)
			assert_true(seen[q] > FLOWS / 8);
		vmx_close(&t);
	}
}

static uint64_t
flags_of(struct vmx_test *t)
{
	struct rte_mbuf *m;
	uint64_t flags;

	assert_int_equal(vmx_device_arrive(t->dev, f.data, f.len, NULL, NULL), VMX_RX_DELIVERED);
	m = vmx_receive(t, 0);
	assert_non_null(m);
	vmx_assert_content(m, f.data, f.len);
	flags = m->ol_flags & (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK);
	rte_pktmbuf_free(m);
	return flags;
}

static void
test_checksums(void **state)
{
	const uint64_t good = RTE_MBUF_F_RX_L4_CKSUM_GOOD, bad = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 1; version <= 9; version += 2) {
		open_version(&t, version, 1,
			     RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
		for (unsigned int i = 0; i < 4; i++) {
			uint64_t ip = RTE_MBUF_F_RX_IP_CKSUM_MASK;

			print_message("case: version %u, kind %u\n", version, i);
			device_frame(&f, i % 2 != 0 ? DEVICE_TCP : DEVICE_UDP, i / 2 != 0, 100,
				     NULL);
			assert_int_equal(flags_of(&t) & ~ip, good);
			f.data[f.len - 1] ^= 1;
			assert_int_equal(flags_of(&t) & ~ip, bad);
		}
		device_frame(&f, DEVICE_TCP, false, 100, NULL);
		f.data[12] = 0x88; /* not IP */
		assert_int_equal(flags_of(&t), 0);
		vmx_close(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_rss),
		VMX_TEST(test_checksums),
	};

	return VMX_RUN(tests);
}
