/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What can go wrong on the way in, with an honest device: no mbufs, frames with errors, buffers
 * that come back unused or not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define JUMBO_MTU 9000

/* Inject up to n frames; how many the device could deliver. */
static unsigned int
inject(struct vmx_test *t, unsigned int n, size_t len)
{
	uint8_t frame[VMX_FRAME_MAX];
	unsigned int delivered = 0;

	vmx_frame(t, frame, len, 1);
	for (unsigned int i = 0; i < n; i++)
		delivered += vmx_device_rx(t->dev, 0, frame, len, NULL) == VMX_RX_DELIVERED;
	return delivered;
}

static unsigned int
receive_all(struct vmx_test *t)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	/* A burst may come out empty while the driver looks for buffers, so ask more than once. */
	for (unsigned int empty = 0; empty < 3; empty++) {
		for (; (m = vmx_receive(t, 0)) != NULL; n++)
			rte_pktmbuf_free(m);
	}
	return n;
}

/* Without mbufs nothing is lost but frames; with mbufs again all is as before. */
static void
test_starvation(void **state)
{
	struct rte_mbuf **held;
	unsigned int posted, num_held;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	posted = vmx_device_rx_posted(t.dev, 0, 0);
	held = calloc(t.rx_pool->size, sizeof(*held));
	assert_non_null(held);
	for (unsigned int lap = 0; lap < 4; lap++) {
		num_held = 0;
		while (num_held < t.rx_pool->size &&
		       (held[num_held] = rte_pktmbuf_alloc(t.rx_pool)) != NULL)
			num_held++;
		/* More than the ring holds: all that come must be delivered or counted. */
		for (unsigned int i = 0; i < 3; i++) {
			inject(&t, t.setup.rx_ring, 100);
			receive_all(&t);
		}
		for (unsigned int i = 0; i < num_held; i++)
			rte_pktmbuf_free(held[i]);
		receive_all(&t);
		for (unsigned int i = 0; i < 3; i++)
			inject(&t, 1, 100), receive_all(&t);
		vmx_assert_works(&t, 3u * t.setup.rx_ring);
		assert_true(vmx_device_rx_posted(t.dev, 0, 0) + 32 >= posted);
	}
	free(held);
	assert_true(vmx_errors(&t) > 0);
	vmx_close(&t);
}

/* A pool too small to fill the ring is an error at start, or works with what there is. */
static void
test_small_pool(void **state)
{
	struct vmx_setup setup = {.rx_ring = 256, .pool_size = 100, .stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("leaves a half started port behind");
	vmx_open(&t, &setup);
	if (rte_eth_dev_start(t.id) == 0) {
		vmx_assert_works(&t, 100);
		vmx_stop(&t);
	}
	assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
	vmx_close(&t);
}

/* More frames than buffers: the device drops and counts, the driver says so, then all goes on. */
static void
test_out_of_buffers(void **state)
{
	struct vmx_test t;
	unsigned int posted;

	(void)state;
	vmx_open(&t, NULL);
	posted = vmx_device_rx_posted(t.dev, 0, 0);
	for (unsigned int lap = 1; lap <= 3; lap++) {
		assert_true(inject(&t, posted + 10, 100) >= posted / 2);
		assert_true(receive_all(&t) >= posted / 2);
		vmx_assert_works(&t, 10);
	}
	if (!vmx_host_is_rival())
		assert_true(vmx_stats(&t).imissed + vmx_stats(&t).ierrors > 0);
	vmx_close(&t);
}

/* [VMX3 8.2] Descriptors passed over must be posted again, or the ring dries up. */
static void
test_skipped(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("does not post skipped buffers again");
	vmx_open(&t, NULL);
	for (unsigned int n = 1; n <= 20; n++) {
		for (unsigned int i = 0; i < t.setup.rx_ring; i++) {
			assert_int_equal(vmx_device_rx_skip(t.dev, 0, n), n);
			vmx_assert_receives(&t, 0, 100, i);
		}
	}
	vmx_assert_works(&t, 3u * t.setup.rx_ring);
	vmx_close(&t);
}

/* [VMX3 8.3] A buffer that comes back unused is posted again, and is no frame. */
static void
test_recycled(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int n = 1; n <= 10; n++) {
		for (unsigned int i = 0; i < t.setup.rx_ring; i++) {
			for (unsigned int k = 0; k < n; k++)
				assert_true(vmx_device_rx_recycle(t.dev, 0));
			assert_null(vmx_receive(&t, 0));
			vmx_assert_receives(&t, 0, 100, i);
		}
	}
	vmx_assert_works(&t, 3u * t.setup.rx_ring);
	assert_int_equal(vmx_stats(&t).ierrors, 0);
	vmx_close(&t);
}

/* A bad frame, of one buffer or of several, is dropped and counted once. */
static void
test_errors(void **state)
{
	struct vmx_setup setup = {.mtu = JUMBO_MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	const struct vmx_rx_meta meta = {.error = true};
	uint8_t frame[VMX_FRAME_MAX];
	unsigned int bad = 0;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("cannot be asked for several buffers");
	vmx_open(&t, &setup);
	for (unsigned int i = 0; i < 4u * t.setup.rx_ring; i++) {
		size_t len = 100 + i % 4 * VMX_ROOM;

		vmx_frame(&t, frame, len, i);
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, len, &meta), VMX_RX_DELIVERED);
		bad++;
		assert_null(vmx_receive(&t, 0));
		vmx_assert_receives(&t, 0, len, i);
	}
	assert_int_equal(vmx_stats(&t).ierrors, bad);
	vmx_close(&t);
}

/* A frame that does not fit one buffer, with a driver that did not say it takes several. */
static void
test_too_long_without_scatter(void **state)
{
	struct vmx_device_state seen;
	uint8_t frame[5000];
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_device_state(t.dev, &seen);
	for (unsigned int i = 0; i < 3u * t.setup.rx_ring; i++) {
		vmx_frame(&t, frame, sizeof(frame), i);
		vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL);
		m = vmx_receive(&t, 0);
		if (m != NULL) { /* whole, or not at all */
			vmx_assert_content(m, frame, sizeof(frame));
			rte_pktmbuf_free(m);
		}
		vmx_assert_receives(&t, 0, 1000, i);
	}
	vmx_close(&t);
}

/* Bodies run out in the middle of a frame: what came is dropped, nothing is lost. */
static void
test_bodies_run_out(void **state)
{
	struct vmx_setup setup = {
		.mtu = JUMBO_MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .room = 1024};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("leaves the fragment limit 0");
	vmx_open(&t, &setup);
	for (unsigned int lap = 0; lap < 5; lap++) {
		unsigned int delivered = inject(&t, t.setup.rx_ring, 9000);

		assert_true(delivered < t.setup.rx_ring);
		assert_int_equal(receive_all(&t), delivered);
		vmx_assert_receives(&t, 0, 9000, lap);
		vmx_assert_works(&t, 10);
	}
	vmx_close(&t);
}

/* What MTU and buffer size need must be allowed: the limit has to fit [VMX3 8.4]. */
static void
test_fragment_limit(void **state)
{
	static const struct {
		uint16_t room;
		uint32_t mtu;
	} cases[] = {{2048, 1500}, {2048, 9000}, {1024, 9000}, {1024, 1500},
		     {512, 9000},  {256, 1500},	 {4096, 9000}};

	(void)state;
	vmx_skip_rival("leaves the fragment limit 0");
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {.room = cases[i].room,
					  .mtu = cases[i].mtu,
					  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
		struct vmx_test t;

		print_message("case: room %u, MTU %u\n", cases[i].room, cases[i].mtu);
		vmx_open(&t, &setup);
		for (unsigned int k = 0; k < 100; k++)
			vmx_assert_receives(&t, 0, cases[i].mtu + 18 - k % 3, k);
		vmx_close(&t);
	}
}

/* [VMX3 8.1] The length of a descriptor has 14 bits, and 16384 in them is 0. */
static void
test_large_buffers(void **state)
{
	static const uint16_t rooms[] = {16383, 16384, 16385, 20000, 40000};

	(void)state;
	vmx_skip_rival("cuts the length to 14 bits");
	for (size_t i = 0; i < RTE_DIM(rooms); i++) {
		struct vmx_setup setup = {.room = rooms[i], .mtu = JUMBO_MTU, .pool_size = 255};
		struct vmx_test t;

		print_message("case: %u\n", rooms[i]);
		vmx_open(&t, &setup);
		for (uint32_t k = 0; k < 100; k++)
			vmx_assert_receives(&t, 0, VMX_FRAME_MAX - k, k);
		vmx_close(&t);
	}
}

/* A device that wants to be told about buffers is told [VMX3 8.5], of many at once: not for each
 * frame. */
static void
test_rx_doorbells(void **state)
{
	struct vmx_setup setup = {.device = {.rx_doorbells = true, .trap_bar0 = true}};
	struct vmx_device_state seen;
	unsigned int frames;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	frames = 10u * t.setup.rx_ring;
	vmx_assert_works(&t, frames);
	vmx_device_state(t.dev, &seen);
	assert_true(seen.doorbells_rx > 0);
	if (!vmx_host_is_rival()) /* tells of each frame */
		assert_true(seen.doorbells_rx <= frames / 8);
	vmx_close(&t);
}

/* One that does not want it is spared [VMX3 8.5]. */
static void
test_no_rx_doorbells(void **state)
{
	struct vmx_setup setup = {.device.trap_bar0 = true};
	struct vmx_device_state before, after;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &before);
	vmx_assert_works(&t, 5u * t.setup.rx_ring);
	vmx_device_state(t.dev, &after);
	assert_int_equal(after.doorbells_rx, before.doorbells_rx);
	vmx_close(&t);
}

/* Checksum bits become flags, and nothing is claimed where the device knows nothing. */
static void
test_checksum_flags(void **state)
{
	static const struct {
		const char *name;
		bool known;
		uint32_t word3;
		uint64_t ip;
		uint64_t l4;
	} cases[] = {
		{"unknown", false, 0xFFu << 16, RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN,
		 RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN},
		{"TCP/IPv4 good", true,
		 VMXNET3_RXC3_V4 | VMXNET3_RXC3_TCP | VMXNET3_RXC3_IPC | VMXNET3_RXC3_TUC,
		 RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_GOOD},
		{"TCP/IPv4, TCP bad", true, VMXNET3_RXC3_V4 | VMXNET3_RXC3_TCP | VMXNET3_RXC3_IPC,
		 RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD},
		{"UDP/IPv4 good", true,
		 VMXNET3_RXC3_V4 | VMXNET3_RXC3_UDP | VMXNET3_RXC3_IPC | VMXNET3_RXC3_TUC,
		 RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_GOOD},
	};
	struct vmx_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};
	struct rte_eth_dev_info info;
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	setup.stay_stopped = true;
	vmx_skip_rival("does not announce the IPv4 checksum, but reports it");
	setup.rx_offloads = 0;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	t.setup.rx_offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
	if (t.setup.rx_offloads != 0)
		vmx_configure(&t);
	vmx_start(&t);
	for (size_t i = 0; t.setup.rx_offloads != 0 && i < RTE_DIM(cases); i++) {
		struct vmx_rx_meta meta = {.csum_known = cases[i].known, .word3 = cases[i].word3};
		struct rte_mbuf *m;

		print_message("case: %s\n", cases[i].name);
		vmx_frame(&t, frame, sizeof(frame), 1);
		vmx_device_rx(t.dev, 0, frame, sizeof(frame), &meta);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, cases[i].l4);
		if ((t.setup.rx_offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0)
			assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, cases[i].ip);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_starvation),
		VMX_TEST(test_small_pool),
		VMX_TEST(test_out_of_buffers),
		VMX_TEST(test_skipped),
		VMX_TEST(test_recycled),
		VMX_TEST(test_errors),
		VMX_TEST(test_too_long_without_scatter),
		VMX_TEST(test_bodies_run_out),
		VMX_TEST(test_fragment_limit),
		VMX_TEST(test_large_buffers),
		VMX_TEST(test_rx_doorbells),
		VMX_TEST(test_no_rx_doorbells),
		VMX_TEST(test_checksum_flags),
	};

	return VMX_RUN(tests);
}
