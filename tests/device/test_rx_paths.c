/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Every way of receiving gives the same: two ports get the same random frames, with the same random
 * things told of them, one receives in a wide way, for each that this CPU can, the other frame by
 * frame, and each field of each mbuf is compared.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cpuflags.h>
#include <rte_vect.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define TURNS 3000
#define OFFLOADS                                                                                   \
	(RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_RSS_HASH)

static const struct rte_eth_rss_conf rss = {.rss_hf = RTE_ETH_RSS_IPV4};
static uint32_t seed;

/* How wide vectors may be, and what is then taken. */
struct way {
	uint16_t bits;
	const char *name;
};

#define WAYS_MAX 2

/* Those of this CPU; returns how many. */
static size_t
find_ways(struct way ways[WAYS_MAX])
{
	size_t n = 0;

#ifdef RTE_ARCH_X86_64
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0)
		ways[n++] = (struct way){RTE_VECT_SIMD_256, "Vector AVX2"};
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
	    rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
	    rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0)
		ways[n++] = (struct way){RTE_VECT_SIMD_512, "Vector AVX512"};
#endif
#ifdef RTE_ARCH_ARM64
	ways[n++] = (struct way){RTE_VECT_SIMD_128, "Vector Neon"};
#endif
	return n;
}

static uint32_t
some(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const char *
mode(const struct vmx_test *t)
{
	static struct rte_eth_burst_mode m;

	assert_int_equal(rte_eth_rx_burst_mode_get(t->id, 0, &m), 0);
	return m.info;
}

/* What may be told of a frame. For a while it is the same for all, as it mostly is. */
static struct vmx_rx_meta
some_meta(uint32_t turn)
{
	static struct vmx_rx_meta usual;
	struct vmx_rx_meta meta = {
		.word3 = some(0x80) << 16,
		.csum_known = some(2),
		.inner = some(3) == 0,
		.rss_type = some(5),
		.rss_hash = some(1u << 24),
		.error = some(50) == 0,
	};

	if (turn % 64 == 0)
		usual = meta;
	usual.error = some(100) == 0;
	return turn / 64 % 2 == 0 && some(100) != 0 ? usual : meta;
}

static void
arrive(struct vmx_test *wide, struct vmx_test *narrow, uint32_t turn, size_t longest)
{
	const struct vmx_rx_meta meta = some_meta(turn);
	const size_t len = some(3) == 0 ? VMX_SIZE_MIN + some(longest - VMX_SIZE_MIN) : 64;
	uint8_t frame[VMX_FRAME_MAX];

	vmx_frame(wide, frame, len, turn);
	memset(frame, 0xFF, 6); /* to both */
	if (some(4) == 0) {
		frame[12] = 0x81;
		frame[13] = 0;
	}
	assert_int_equal(vmx_device_rx(wide->dev, 0, frame, len, &meta),
			 vmx_device_rx(narrow->dev, 0, frame, len, &meta));
}

static void
assert_same(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	assert_int_equal(a->nb_segs, b->nb_segs);
	assert_int_equal(a->packet_type, b->packet_type);
	assert_int_equal(a->pkt_len, b->pkt_len);
	assert_int_equal(a->vlan_tci, b->vlan_tci);
	assert_int_equal(a->hash.rss, b->hash.rss);
	for (; a != NULL; a = a->next, b = b->next) {
		assert_non_null(b);
		assert_int_equal(a->data_off, b->data_off);
		assert_int_equal(rte_mbuf_refcnt_read(a), rte_mbuf_refcnt_read(b));
		assert_int_equal(a->ol_flags, b->ol_flags);
		if ((a->ol_flags & RTE_MBUF_F_RX_LRO) != 0)
			assert_int_equal(a->tso_segsz, b->tso_segsz);
		assert_int_equal(a->data_len, b->data_len);
		assert_memory_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *),
				    a->data_len);
	}
	assert_null(b);
}

/* The same lie to both, about one of the next completions. */
static void
lie(struct vmx_test *wide, struct vmx_test *narrow)
{
	static const enum vmx_lie lies[] = {VMX_LIE_RX_INDEX_OUT, VMX_LIE_RX_RING_ID,
					    VMX_LIE_RX_LEN, VMX_LIE_RX_NO_SOP};
	const enum vmx_lie one = lies[some(RTE_DIM(lies))];
	const unsigned int wait = some(8);

	vmx_device_lie_later(wide->dev, one, 1, wait);
	vmx_device_lie_later(narrow->dev, one, 1, wait);
}

/* Returns how many frames came. */
static uint32_t
receive(struct vmx_test *wide, struct vmx_test *narrow, uint16_t most)
{
	struct rte_mbuf *a[64], *b[64];
	const uint16_t n = rte_eth_rx_burst(wide->id, 0, a, most);

	assert_int_equal(rte_eth_rx_burst(narrow->id, 0, b, most), n);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(a[i]->port, wide->id);
		assert_int_equal(b[i]->port, narrow->id);
		assert_same(a[i], b[i]);
	}
	rte_pktmbuf_free_bulk(a, n);
	rte_pktmbuf_free_bulk(b, n);
	return n;
}

static void
compare_way(const struct vmx_setup *setup, size_t longest, bool lies, const struct way *way)
{
	struct vmx_setup other = *setup;
	struct vmx_test wide, narrow;
	uint32_t frames = 0;

	assert_int_equal(rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_DISABLED), 0);
	if (setup->devargs != NULL) /* it has data rings, the other one none */
		other.devargs = "tx_data=off,rx_data=off";
	vmx_open(&narrow, &other);
	assert_non_null(strstr(mode(&narrow), "Scalar"));
	assert_int_equal(rte_vect_set_max_simd_bitwidth(way->bits), 0);
	vmx_open(&wide, setup);
	print_message("comparing %s with the scalar way\n", mode(&wide));
	assert_int_equal(strncmp(mode(&wide), way->name, strlen(way->name)), 0);
	seed = 1;
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		if (lies && some(5) == 0)
			lie(&wide, &narrow);
		for (uint32_t i = some(50); i > 0; i--)
			arrive(&wide, &narrow, turn, longest);
		if (some(20) == 0)
			assert_int_equal(vmx_device_rx_skip(wide.dev, 0, 1),
					 vmx_device_rx_skip(narrow.dev, 0, 1));
		if (some(20) == 0)
			assert_int_equal(vmx_device_rx_recycle(wide.dev, 0),
					 vmx_device_rx_recycle(narrow.dev, 0));
		frames += receive(&wide, &narrow, 1 + some(64));
	}
	while (receive(&wide, &narrow, 64) > 0)
		frames++;
	print_message("%u frames\n", frames);
	assert_true(frames > (lies ? 1 : 10) * TURNS);
	assert_int_equal(vmx_stats(&wide).ibytes, vmx_stats(&narrow).ibytes);
	assert_int_equal(vmx_errors(&wide), vmx_errors(&narrow));
	vmx_close(&wide);
	vmx_close(&narrow);
}

static void
compare(const struct vmx_setup *setup, size_t longest, bool lies)
{
	struct way ways[WAYS_MAX];
	const size_t n = find_ways(ways);

	for (size_t i = 0; i < n; i++)
		compare_way(setup, longest, lies, &ways[i]);
}

static void
test_single(void **state)
{
	const struct vmx_setup setup = {
		.device.versions = 0x0F, .rss = &rss, .rx_ring = 512, .rx_offloads = OFFLOADS};

	(void)state;
	compare(&setup, 1518, false);
}

/* No tags and hashes asked for; a ring that ends often. */
static void
test_plain(void **state)
{
	const struct vmx_setup setup = {.rx_ring = 96, .rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};

	(void)state;
	compare(&setup, 1518, false);
}

/* Much of it in tunnels. */
static void
test_tunnels(void **state)
{
	const struct vmx_setup setup = {.device.versions = 0x0F,
					.rx_ring = 512,
					.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM |
						       RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM};

	(void)state;
	compare(&setup, 1518, false);
}

static void
test_pieces(void **state)
{
	const struct vmx_setup setup = {.device.versions = 0x0F,
					.rss = &rss,
					.rx_ring = 512,
					.mtu = 9000,
					.rx_offloads = OFFLOADS | RTE_ETH_RX_OFFLOAD_SCATTER};

	(void)state;
	compare(&setup, VMX_FRAME_MAX, false);
}

/* Of merged frames, by their length, more is to be told. */
static void
test_merged(void **state)
{
	const struct vmx_setup setup = {.room = 4096,
					.rx_ring = 128,
					.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM |
						       RTE_ETH_RX_OFFLOAD_TCP_LRO};

	(void)state;
	compare(&setup, 2000, false);
}

static void
test_lies(void **state)
{
	const struct vmx_setup setup = {.rx_ring = 128, .rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};

	(void)state;
	compare(&setup, 1518, true);
}

/* In slots of the data ring, in buffers, and both in turn, against buffers only. [VMX3 8.6] */
static void
test_data_ring(void **state)
{
	static const uint32_t inside[] = {0, 0x5555AAAA, 0xFF00FF00};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(inside); i++) {
		const struct vmx_setup setup = {.device.versions = 0x0F,
						.device.rx_data_not = inside[i],
						.devargs = "rx_data=on",
						.rss = &rss,
						.rx_ring = 512,
						.mtu = 9000,
						.rx_offloads =
							OFFLOADS | RTE_ETH_RX_OFFLOAD_SCATTER};

		compare(&setup, 3000, false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_data_ring), VMX_TEST(test_single), VMX_TEST(test_plain),
		VMX_TEST(test_tunnels),	  VMX_TEST(test_pieces), VMX_TEST(test_merged),
		VMX_TEST(test_lies),
	};

	return VMX_RUN(tests);
}
