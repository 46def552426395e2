/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A device gone mad, at length: ten million mutated completions, a hundred with PVN_LONG=1, on
 * ports of many shapes. Each storm is followed by a stop, after which every mbuf must be there, and
 * a start, after which the port must work. PVN_SEED=n runs another storm; the one of a failure is
 * printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_vect.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"
#include "vmx_step.h"

#define COMPLETIONS UINT64_C(10000000)
#define SECONDS_MAX 60 /* without PVN_LONG; reached under valgrind only */
#define TORN_SECONDS 15
#define TORN_SECONDS_LONG 120
#define ROUNDS 150 /* of a storm */
#define HELD 96
#define IN_HAND 0x48454C44u
#define BURST 48

/* Bits of the widest registers a driver may use: it may have a path for each. */
static const uint16_t widths[] = {RTE_VECT_SIMD_DISABLED, RTE_VECT_SIMD_256, RTE_VECT_SIMD_512};

static struct rte_mbuf *held[HELD];
static unsigned int next_held;
static uint64_t delivered, storms;
static uint16_t max_pieces; /* of a frame, as the driver told the device */

static const struct shape {
	const char *name;
	unsigned int version;
	uint16_t rx_queues, tx_queues, rx_ring, tx_ring, room;
	uint32_t mtu;
	uint64_t rx_offloads;
	uint32_t capabilities;
	const char *devargs; /* from version 3 on there are data rings without */
} shapes[] = {
	{"plain", 1, 1, 1, 64, 64, 2048, 1500, 0, 0, NULL},
	{"scatter", 1, 1, 1, 128, 64, 256, 1500, RTE_ETH_RX_OFFLOAD_SCATTER, 0, NULL},
	{"two queues", 1, 2, 2, 64, 128, 2048, 1500, RTE_ETH_RX_OFFLOAD_CHECKSUM, 0, NULL},
	{"large rings", 2, 1, 1, 1024, 1024, 2048, 1500, 0, 0, NULL},
	{"tx data ring", 1, 1, 1, 64, 64, 2048, 1500, 0, 0, "tx_data=on"},
	{"data rings", 3, 1, 1, 64, 64, 2048, 1500, 0, 0, NULL},
	{"rx data ring", 4, 2, 1, 96, 64, 256, 1500, RTE_ETH_RX_OFFLOAD_SCATTER, 0, "tx_data=off"},
	{"no data rings", 4, 1, 1, 64, 64, 2048, 1500, 0, 0, "tx_data=off,rx_data=off"},
	{"jumbo", 3, 1, 2, 256, 64, 2048, 9000,
	 RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0, NULL},
	{"LRO", 3, 2, 1, 128, 64, 2048, 1500,
	 RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_CHECKSUM, 0,
	 NULL},
	{"many queues", 6, 8, 4, 64, 64, 2048, 1500, RTE_ETH_RX_OFFLOAD_RSS_HASH, 0, NULL},
	{"smallest", 1, 1, 1, 32, 32, 2048, 1500, 0, 0, NULL},
	{"version 7", 7, 4, 4, 128, 128, 1024, 1500,
	 RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_RSS_HASH,
	 VMXNET3_CAP_LARGE_BAR | VMXNET3_CAP_UDP_RSS, NULL},
	{"version 9", 9, 2, 2, 512, 512, 2048, 9000,
	 RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO, 0, NULL},
};

/* What the test has in hand is marked, in a field that is the application's. */
static uint32_t *
mark_of(struct rte_mbuf *m)
{
	return &m->dynfield1[RTE_DIM(m->dynfield1) - 1];
}

static void
let_go(struct rte_mbuf *m)
{
	for (struct rte_mbuf *seg = m; seg != NULL; seg = seg->next)
		*mark_of(seg) = 0;
	rte_pktmbuf_free(m);
}

static void
let_go_all(void)
{
	for (unsigned int i = 0; i < HELD; i++) {
		if (held[i] != NULL)
			let_go(held[i]);
		held[i] = NULL;
	}
}

/* The segments lie in their buffers, add up, and none of them is in hand already. */
static void
take_in_hand(const struct vmx_test *t, struct rte_mbuf *m)
{
	static volatile uint8_t touched;
	uint32_t len = 0;
	const char *reason;

	if (rte_mbuf_check(m, 1, &reason) != 0)
		fail_msg("bad mbuf: %s", reason);
	assert_int_equal(m->port, t->id);
	assert_true(m->nb_segs <= max_pieces);
	for (struct rte_mbuf *seg = m; seg != NULL; seg = seg->next) {
		if (*mark_of(seg) == IN_HAND)
			fail_msg("a buffer was delivered twice");
		*mark_of(seg) = IN_HAND;
		assert_int_equal(rte_mbuf_refcnt_read(seg), 1);
		assert_ptr_equal(seg->pool, t->rx_pool);
		assert_true(seg->data_len > 0);
		touched = (uint8_t)(touched +
				    *rte_pktmbuf_mtod_offset(seg, uint8_t *, seg->data_len - 1));
		len += seg->data_len;
	}
	assert_int_equal(len, m->pkt_len);
	if (held[next_held] != NULL)
		let_go(held[next_held]);
	held[next_held] = m;
	next_held = (next_held + 1) % HELD;
	delivered++;
}

static void
receive(struct vmx_test *t)
{
	struct rte_mbuf *m[32];

	for (uint16_t q = 0; q < t->setup.num_rx_queues; q++) {
		uint16_t n = rte_eth_rx_burst(t->id, q, m, RTE_DIM(m));

		assert_true(n <= RTE_DIM(m));
		for (uint16_t i = 0; i < n; i++)
			take_in_hand(t, m[i]);
	}
}

/* A frame that comes truly, unless its completions are changed. */
static void
arrive(struct vmx_test *t, unsigned int i)
{
	static uint8_t frame[VMX_FRAME_MAX];
	size_t len = VMX_SIZE_MIN + (i * 977) % t->setup.mtu;

	vmx_frame(t, frame, len, i);
	vmx_device_rx(t->dev, i % t->setup.num_rx_queues, frame, len, NULL);
}

static void
transmit(struct vmx_test *t, unsigned int i)
{
	static uint8_t frame[VMX_TX_ROOM * 4];
	struct rte_mbuf *m[8];
	struct vmx_frame *sent;
	uint16_t n;

	for (unsigned int k = 0; k < RTE_DIM(m); k++)
		m[k] = vmx_chain(t->tx_pool, frame, 60 + (i + k) * 61 % 400, VMX_TX_ROOM);
	n = rte_eth_tx_burst(t->id, (uint16_t)(i % t->setup.num_tx_queues), m, RTE_DIM(m));
	rte_pktmbuf_free_bulk(m + n, RTE_DIM(m) - n);
	vmx_device_run(t->dev);
	while ((sent = vmx_device_sent(t->dev)) != NULL)
		free(sent);
}

/* What an application asks a port now and then. */
static void
ask(struct vmx_test *t)
{
	struct rte_eth_xstat xstats[1024];
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	vmx_device_storm_shared(t->dev);
	rte_eth_stats_get(t->id, &stats);
	rte_eth_xstats_get(t->id, xstats, RTE_DIM(xstats));
	assert_int_equal(rte_eth_link_get_nowait(t->id, &link), 0);
	for (uint16_t q = 0; q < t->setup.num_rx_queues; q++)
		rte_eth_rx_queue_count(t->id, q);
	vmx_host_deliver_interrupts(t->port);
}

static void
storm(struct vmx_test *t, uint64_t seed)
{
	vmx_device_storm(t->dev, seed);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint16_t rxq = (uint16_t)(i % t->setup.num_rx_queues);
		uint16_t txq = (uint16_t)(i % t->setup.num_tx_queues);

		if (i % 3 == 0)
			arrive(t, i);
		vmx_device_storm_queue(t->dev, false, rxq, 1 + i * 7 % BURST);
		receive(t);
		if (i % 4 == 0)
			transmit(t, i);
		vmx_device_storm_queue(t->dev, true, txq, 1 + i * 5 % (BURST / 2));
		if (i % 32 == 31)
			ask(t);
	}
	receive(t);
	vmx_device_storm(t->dev, 0);
	storms++;
}

static void
recover(struct vmx_test *t, bool by_reset)
{
	let_go_all();
	vmx_assert_recovers(t, by_reset);
}

static uint64_t
offered(const struct shape *shape, uint64_t wanted)
{
	struct vmx_device_opts opts = {.versions = VMX_VERSIONS_TO(shape->version)};
	struct vmx_port *port = vmx_host_plug(&opts, NULL, NULL);
	struct rte_eth_dev_info info;

	assert_non_null(port);
	assert_int_equal(rte_eth_dev_info_get(vmx_host_port_id(port), &info), 0);
	vmx_host_unplug(port);
	return wanted & info.rx_offload_capa;
}

static void
open_shape(struct vmx_test *t, const struct shape *shape)
{
	static const struct rte_eth_rss_conf rss = {.rss_hf = RTE_ETH_RSS_IPV4};
	struct vmx_setup setup = {
		.device = {.versions = VMX_VERSIONS_TO(shape->version),
			   .capabilities = shape->capabilities,
			   .tx_data_slot = shape->version >= 9 ? 256 : 0,
			   .rx_data_slot = 512,
			   .rx_data_not = 0x11111111},
		.devargs = shape->devargs,
		.num_rx_queues = shape->rx_queues,
		.num_tx_queues = shape->tx_queues,
		.rx_ring = shape->rx_ring,
		.tx_ring = shape->tx_ring,
		.room = shape->room,
		.mtu = shape->mtu,
		.pool_cache = shape->rx_queues > 1 ? 32 : 0,
		.rx_offloads = offered(shape, shape->rx_offloads),
	};

	setup.lsc = vmx_host_has_lsc() && shape->version == 1;
	if ((setup.rx_offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0)
		setup.rss = &rss;
	setup.pool_size = shape->rx_queues * (2u * shape->rx_ring + 64) + 512;
	vmx_open(t, &setup);
}

/* `wanted` mutated completions on a port of this shape. Returns how many there were. */
static uint64_t
storms_on(const struct shape *shape, uint64_t seed, uint64_t wanted, time_t end)
{
	struct vmx_device_state seen;
	struct vmx_test t;
	uint64_t mutated;

	open_shape(&t, shape);
	vmx_device_state(t.dev, &seen);
	max_pieces = seen.max_rx_frags;
	vmx_assert_works(&t, 20);
	for (unsigned int n = 0; vmx_device_mutated(t.dev) < wanted && time(NULL) < end; n++) {
		storm(&t, seed + n);
		recover(&t, n % 8 == 7);
	}
	mutated = vmx_device_mutated(t.dev);
	vmx_close(&t);
	return mutated;
}

/* What is changed after each instruction of the driver's. */
struct eyes {
	struct vmx_device *dev;
	bool tx;
};

static void
change(void *arg)
{
	const struct eyes *eyes = arg;

	vmx_device_storm_again(eyes->dev, eyes->tx, 0);
}

/* Completions as they should be, for the driver to find. */
static void
complete_some(struct vmx_test *t, bool tx, unsigned int i)
{
	unsigned int bursts = tx ? t->setup.tx_ring / 12u : 3;

	for (unsigned int k = 0; k < bursts; k++) {
		if (tx)
			transmit(t, k * t->setup.num_tx_queues);
		else
			arrive(t, (i + k) * t->setup.num_rx_queues);
	}
}

/* A burst while its completions change under it. Returns how many instructions it took. */
static uint64_t
torn_burst(struct vmx_test *t, struct eyes *eyes)
{
	static uint8_t frame[VMX_SIZE_MIN];
	struct rte_mbuf *m[16];
	uint64_t steps;
	uint16_t n;

	if (eyes->tx)
		for (unsigned int i = 0; i < RTE_DIM(m); i++)
			m[i] = vmx_chain(t->tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
	vmx_step_begin(change, eyes);
	n = eyes->tx ? rte_eth_tx_burst(t->id, 0, m, RTE_DIM(m))
		     : rte_eth_rx_burst(t->id, 0, m, RTE_DIM(m));
	steps = vmx_step_end();
	if (eyes->tx)
		rte_pktmbuf_free_bulk(m + n, RTE_DIM(m) - n);
	for (uint16_t i = 0; !eyes->tx && i < n; i++)
		take_in_hand(t, m[i]);
	return steps;
}

/*
 * The device may write a completion again between any two instructions of the driver. Whoever reads
 * a word twice gets two answers: checked the one, used the other.
 */
static uint64_t
torn_on(const struct shape *shape, uint64_t seed, unsigned int turns)
{
	struct vmx_device_state seen;
	struct vmx_test t;
	uint64_t steps = 0;

	open_shape(&t, shape);
	vmx_device_state(t.dev, &seen);
	max_pieces = seen.max_rx_frags;
	for (unsigned int i = 0; i < turns; i++) {
		struct eyes eyes = {t.dev, i % 2 != 0};

		complete_some(&t, eyes.tx, i);
		vmx_device_storm(t.dev, seed + i);
		steps += torn_burst(&t, &eyes);
		vmx_device_storm_queue(t.dev, eyes.tx, 0, 8);
		steps += torn_burst(&t, &eyes);
		vmx_device_storm(t.dev, 0);
		recover(&t, false);
	}
	vmx_close(&t);
	return steps;
}

static bool
is_long(void)
{
	const char *value = getenv("PVN_LONG");

	return value != NULL && value[0] != '\0';
}

static void
test_storms(void **state)
{
	const char *given = getenv("PVN_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	uint64_t wanted = is_long() ? 10 * COMPLETIONS : COMPLETIONS;
	time_t end = time(NULL) + (is_long() ? 24 * 3600 : SECONDS_MAX);
	uint64_t mutated = 0;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(shapes) * RTE_DIM(widths); i++) {
		const struct shape *shape = &shapes[i / RTE_DIM(widths)];
		uint16_t width = widths[i % RTE_DIM(widths)];

		print_message("storms on a port of shape \"%s\", %u bits, PVN_SEED=%" PRIu64 "\n",
			      shape->name, width, seed);
		fflush(stdout);
		rte_vect_set_max_simd_bitwidth(width);
		mutated += storms_on(shape, (seed << 32) + i * UINT64_C(1000000) + 1,
				     wanted / RTE_DIM(shapes) / RTE_DIM(widths) + 1, end);
	}
	print_message("%" PRIu64 " mutated completions in %" PRIu64 " storms, %" PRIu64
		      " frames got through\n",
		      mutated, storms, delivered);
	assert_true(mutated >= wanted || time(NULL) >= end);
	assert_true(delivered > mutated / 1000); /* or the storm was too wild to test anything */
}

/* Two turns each, receive and transmit, on every small shape, until time is up. */
static void
test_torn(void **state)
{
	const char *given = getenv("PVN_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	time_t end = time(NULL) + (is_long() ? TORN_SECONDS_LONG : TORN_SECONDS);
	uint64_t steps = 0;
	unsigned int n;

	(void)state;
	for (n = 0; n == 0 || time(NULL) < end; n++) {
		const struct shape *shape = &shapes[n / RTE_DIM(widths) % RTE_DIM(shapes)];

		if (shape->rx_ring > 128 || shape->tx_ring > 128 || shape->rx_queues > 2)
			continue;
		print_message("torn, shape \"%s\", %u bits, number %u, PVN_SEED=%" PRIu64 "\n",
			      shape->name, widths[n % RTE_DIM(widths)], n, seed);
		fflush(stdout);
		rte_vect_set_max_simd_bitwidth(widths[n % RTE_DIM(widths)]);
		steps += torn_on(shape, (seed << 32) + n * UINT64_C(1000) + 1, 2);
		if (steps == 0) {
			print_message("no single steps here (valgrind)\n");
			skip();
		}
	}
	print_message("%" PRIu64 " instructions with changes in between\n", steps);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {VMX_TEST(test_storms), VMX_TEST(test_torn)};

	return VMX_RUN(tests);
}
