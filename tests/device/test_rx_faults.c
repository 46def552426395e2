/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What receive does when something is wrong in the middle of it: a piece of a frame that was lost,
 * a pool that runs short, a set-up in which frames could not fit. Each test is a fault that a
 * driver of ours has had.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_fixture.h"

#define SMALL_ROOM 256 /* so that 700 bytes take three buffers */

static void
inject(struct vmx_test *t, size_t len)
{
	uint8_t frame[VMX_FRAME_MAX];

	vmx_frame(t, frame, len, (uint32_t)len);
	assert_int_equal(vmx_device_rx(t->dev, 0, frame, len, NULL), VMX_RX_DELIVERED);
}

/* `lies` pieces from piece `wait` on name an index that is none; nothing of their frames arrives.
 */
static void
lose_pieces(unsigned int wait, unsigned int lies, const size_t *lens, unsigned int num_lens,
	    uint64_t errors)
{
	struct vmx_setup setup = {.room = SMALL_ROOM, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct vmx_test t;

	vmx_skip_rival("believes the device");
	vmx_open(&t, &setup);
	vmx_device_lie_later(t.dev, VMX_LIE_RX_INDEX_OUT, lies, wait);
	for (unsigned int i = 0; i < num_lens; i++)
		inject(&t, lens[i]);
	assert_null(vmx_receive(&t, 0));
	assert_int_equal(vmx_stats(&t).ierrors, errors);
	vmx_assert_works(&t, 200);
	vmx_close_unchecked(&t);
}

/* The frame is lost as a whole, whichever piece is, and counted once. */
static void
test_piece_lost(void **state)
{
	const size_t len = 700;

	(void)state;
	for (unsigned int piece = 0; piece < 3; piece++)
		lose_pieces(piece, 1, &len, 1, 1);
}

/* The end of one frame and the beginning of the next: they must not become one. */
static void
test_frames_not_merged(void **state)
{
	const size_t lens[] = {500, 500};

	(void)state;
	lose_pieces(1, 2, lens, 2, 2);
}

/*
 * A bulk request that fails may leave pointers behind that are not the driver's. Here the pool has
 * more than half of what the ring wants, some of it in the core's cache; what the application holds
 * at the end must still be its own after stop.
 */
static void
test_short_pool_with_cache(void **state)
{
	struct vmx_setup setup = {.rx_ring = 128, .pool_cache = 256, .pool_size = 1023};
	struct rte_mbuf *held[1023], *mine[64], *got[64];
	unsigned int num_held = 0, num_mine = 0;
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("wants one buffer at a time");
	vmx_open(&t, &setup);
	while ((m = rte_pktmbuf_alloc(t.rx_pool)) != NULL)
		held[num_held++] = m;
	for (unsigned int i = 0; i < 40; i++)
		inject(&t, 100);
	for (unsigned int i = 0; i < 36; i++)
		rte_pktmbuf_free(held[--num_held]);
	/* In one burst: 40 buffers are wanted where 36 are to be had. */
	assert_int_equal(rte_eth_rx_burst(t.id, 0, got, RTE_DIM(got)), 40);
	while (num_mine < RTE_DIM(mine) && (m = rte_pktmbuf_alloc(t.rx_pool)) != NULL)
		mine[num_mine++] = m;
	vmx_stop(&t);
	assert_int_equal(rte_mempool_avail_count(t.rx_pool),
			 t.rx_pool->size - num_held - num_mine - 40);
	rte_pktmbuf_free_bulk(got, 40);
	rte_pktmbuf_free_bulk(mine, num_mine);
	rte_pktmbuf_free_bulk(held, num_held);
	vmx_start(&t);
	vmx_assert_works(&t, 200);
	vmx_close(&t);
}

/* An idle port that finds no mbufs says so once, not at each poll. */
static void
test_shortage_counted_once(void **state)
{
	struct vmx_setup setup = {.rx_ring = 128};
	struct rte_mbuf *held[2048];
	unsigned int num_held = 0;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("counts each poll");
	vmx_open(&t, &setup);
	while (num_held < RTE_DIM(held) && (held[num_held] = rte_pktmbuf_alloc(t.rx_pool)) != NULL)
		num_held++;
	for (unsigned int i = 0; i < 40; i++)
		inject(&t, 100);
	for (unsigned int i = 0; i < 40; i++) {
		assert_true(num_held < RTE_DIM(held));
		held[num_held] = vmx_receive(&t, 0);
		assert_non_null(held[num_held++]);
	}
	for (unsigned int i = 0; i < 1000; i++)
		assert_null(vmx_receive(&t, 0));
	assert_int_equal(vmx_stats(&t).rx_nombuf, 1);
	rte_pktmbuf_free_bulk(held, num_held);
	vmx_assert_works(&t, 200);
	vmx_close(&t);
}

/* An application that did not ask for scatter gets no chains: start refuses. */
static void
test_scatter_not_asked(void **state)
{
	struct vmx_setup setup = {.room = SMALL_ROOM, .stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("hands chains to everybody");
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_start(t.id), -EINVAL);
	assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
	vmx_close(&t);
}

/* 36 buffers for one frame, and a ring of 32: no such frame could ever arrive. */
static void
test_ring_too_small_for_frame(void **state)
{
	struct vmx_setup setup = {
		.room = SMALL_ROOM,
		.mtu = 9000,
		.rx_ring = 32,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.stay_stopped = true,
	};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("takes it");
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_start(t.id), -EINVAL);
	t.setup.rx_ring = 96;
	vmx_configure(&t);
	vmx_start(&t);
	for (uint32_t i = 0; i < 100; i++)
		vmx_assert_receives(&t, 0, 9014, i);
	vmx_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_piece_lost),
		VMX_TEST(test_frames_not_merged),
		VMX_TEST(test_short_pool_with_cache),
		VMX_TEST(test_shortage_counted_once),
		VMX_TEST(test_scatter_not_asked),
		VMX_TEST(test_ring_too_small_for_frame),
	};

	return VMX_RUN(tests);
}
