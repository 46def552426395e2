/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A completion that changes while the driver looks at it [VMX3 14]: between single instructions of
 * a burst it becomes one that cannot be, and right again. Whoever reads a word twice checks the one
 * value and uses the other. A frame is delivered as it came or not at all, a packet is freed whole
 * or not at all, and afterwards no mbuf is missing. (test_storm.c does the same by chance.)
 */
#include <stdlib.h>
#include <string.h>

#include <rte_vect.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"
#include "vmx_step.h"

#define RING 64u
#define FRAMES_MAX 8

/* What becomes of a completion: bits of these words are taken away, others added. */
struct change {
	const char *name;
	uint32_t clear[3], set[3];
};

/* A way of receiving, by what is needed for it to be chosen. */
struct way {
	const char *name;
	uint16_t width, room;
	uint64_t offloads;
	unsigned int frames;
	size_t len;
	unsigned int back; /* the completion that changes, counted from the last one */
};

/*
 * It changes, and changes back, every so many instructions. Two looks at it that are up to one
 * period apart, one at the right and then one at the wrong, are met at one of the phases; so are
 * those of a longer period, if they are not closer than its phases.
 */
static const unsigned int periods[] = {8, 32};
#define PHASES 8u /* in two periods */

struct eyes {
	struct vmx_device *dev;
	bool tx;
	unsigned int back, period, phase;
	uint32_t other[3];
	bool changed;
	unsigned int steps;
};

static void
on_step(void *arg)
{
	struct eyes *e = arg;

	if ((e->steps++ + e->phase) / e->period % 2 == (unsigned int)e->changed)
		return;
	vmx_device_swap(e->dev, e->tx, 0, e->back, e->other);
	e->changed = !e->changed;
}

/* The completion is there already. */
static void
watch(struct eyes *e, const struct change *c, unsigned int turn)
{
	e->period = periods[turn / PHASES];
	e->phase = turn % PHASES * (2 * e->period / PHASES);
	e->changed = false;
	e->steps = 0;
	vmx_device_swap(e->dev, e->tx, 0, e->back, e->other); /* a look at it */
	vmx_device_swap(e->dev, e->tx, 0, e->back, e->other);
	for (int i = 0; i < 3; i++)
		e->other[i] = (e->other[i] & ~c->clear[i]) | c->set[i];
	vmx_step_begin(on_step, e);
}

static void
check_steps(const char *what, unsigned int steps)
{
	print_message("%s: %u instructions\n", what, steps);
	if (steps != 0)
		return;
	print_message("no single steps here (valgrind)\n");
	skip();
}

/* ---- receive ---- */

static const struct change rx_changes[] = {
	{.name = "a length that no buffer has", .set = {0, 0, VMXNET3_RXC2_LEN}},
	{.name = "no ring and no slot", .set = {VMXNET3_RXC0_RQID | VMXNET3_RXC0_INDEX}},
	{.name = "neither beginning nor end", .clear = {VMXNET3_RXC0_SOP | VMXNET3_RXC0_EOP}},
};

static const struct way ways[] = {
	{"one by one", RTE_VECT_SIMD_DISABLED, 2048, 0, 2, 100, 1},
	{"in a row", RTE_VECT_SIMD_512, 2048, 0, FRAMES_MAX, 100, 5},
	{"chains", RTE_VECT_SIMD_512, 256, RTE_ETH_RX_OFFLOAD_SCATTER, 2, 700, 1},
	{"chains, their heads", RTE_VECT_SIMD_512, 256, RTE_ETH_RX_OFFLOAD_SCATTER, 2, 700, 2},
	{"pieces", RTE_VECT_SIMD_512, 2048, RTE_ETH_RX_OFFLOAD_TCP_LRO, 2, 5000, 1},
};

/* The frames that came out are among those that came in, in order. */
static void
assert_came(const struct vmx_test *t, const struct way *w, struct rte_mbuf **m, uint16_t n)
{
	uint8_t frame[VMX_FRAME_MAX], copy[VMX_FRAME_MAX];
	unsigned int next = 0;
	const char *reason;

	for (uint16_t i = 0; i < n; i++) {
		const void *data;

		if (rte_mbuf_check(m[i], 1, &reason) != 0)
			fail_msg("bad mbuf: %s", reason);
		assert_int_equal(m[i]->pkt_len, w->len);
		data = rte_pktmbuf_read(m[i], 0, (uint32_t)w->len, copy);
		assert_non_null(data);
		do {
			assert_true(next < w->frames);
			vmx_frame(t, frame, w->len, next++);
		} while (memcmp(data, frame, w->len) != 0);
	}
}

static void
receive_torn(struct vmx_test *t, const struct way *w, const struct change *c, struct eyes *e,
	     unsigned int turn)
{
	struct rte_mbuf *m[FRAMES_MAX * 2];
	uint8_t frame[VMX_FRAME_MAX];
	uint16_t n;

	for (unsigned int i = 0; i < w->frames; i++) {
		vmx_frame(t, frame, w->len, i);
		assert_int_equal(vmx_device_rx(t->dev, 0, frame, w->len, NULL), VMX_RX_DELIVERED);
	}
	watch(e, c, turn);
	n = rte_eth_rx_burst(t->id, 0, m, RTE_DIM(m));
	vmx_step_end();
	assert_came(t, w, m, n);
	rte_pktmbuf_free_bulk(m, n);
	vmx_stop(t);
	assert_int_equal(rte_mempool_avail_count(t->rx_pool), t->rx_pool->size);
	vmx_start(t);
}

/* Returns how many instructions there were. */
static unsigned int
receive_in_way(const struct way *w)
{
	const struct vmx_setup setup = {
		.rx_ring = RING, .room = w->room, .pool_size = 511, .rx_offloads = w->offloads};
	unsigned int steps = 0;
	struct vmx_test t;

	rte_vect_set_max_simd_bitwidth(w->width);
	vmx_open(&t, &setup);
	for (size_t c = 0; c < RTE_DIM(rx_changes); c++) {
		struct eyes e = {.dev = t.dev, .back = w->back};

		for (unsigned int turn = 0; turn < RTE_DIM(periods) * PHASES; turn++) {
			receive_torn(&t, w, &rx_changes[c], &e, turn);
			steps += e.steps;
		}
	}
	vmx_assert_recovers(&t, true);
	vmx_close_unchecked(&t);
	return steps;
}

static void
test_rx_torn(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++)
		check_steps(ways[i].name, receive_in_way(&ways[i]));
}

/* ---- transmit ---- */

static const struct change tx_changes[] = {
	{.name = "an index beyond the ring", .set = {VMXNET3_TXC0_INDEX}},
	{.name = "the middle of a packet", .clear = {VMXNET3_TXC0_INDEX}, .set = {2}},
};

/* Packets of 1, 3 (if `chains`) and 1 descriptors; the completion of the second changes, that of
 * the third is right. What is in flight afterwards is whole packets. */
static void
complete_torn(struct vmx_test *t, bool chains, const struct change *c, struct eyes *e,
	      unsigned int turn)
{
	static const uint8_t frame[60];
	struct vmx_frame *sent;
	unsigned int in_use;

	for (unsigned int i = 0; i < 3; i++) {
		const size_t room = chains && i == 1 ? sizeof(frame) / 3 : sizeof(frame);
		struct rte_mbuf *m = vmx_chain(t->tx_pool, frame, sizeof(frame), room);

		assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
	}
	vmx_device_run(t->dev);
	watch(e, c, turn);
	rte_eth_tx_done_cleanup(t->id, 0, 0);
	vmx_step_end();
	in_use = rte_mempool_in_use_count(t->tx_pool);
	assert_true(in_use == 0 || in_use == 1 || in_use == (chains ? 4 : 2));
	while ((sent = vmx_device_sent(t->dev)) != NULL)
		free(sent);
	vmx_stop(t);
	assert_int_equal(rte_mempool_avail_count(t->tx_pool), t->tx_pool->size);
	vmx_start(t);
}

static void
test_tx_torn(void **state)
{
	const struct vmx_setup setup = {.tx_ring = RING};
	unsigned int steps = 0;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t c = 0; c < 2 * RTE_DIM(tx_changes); c++) {
		struct eyes e = {.dev = t.dev, .tx = true, .back = 1};

		for (unsigned int turn = 0; turn < RTE_DIM(periods) * PHASES; turn++) {
			complete_torn(&t, c % 2 == 0, &tx_changes[c / 2], &e, turn);
			steps += e.steps;
		}
	}
	vmx_assert_recovers(&t, true);
	vmx_close_unchecked(&t);
	check_steps("completions", steps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_rx_torn),
		VMX_TEST(test_tx_torn),
	};

	return VMX_RUN(tests);
}
