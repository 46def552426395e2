/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What can go wrong on the way out: full rings, chains the device does not take, lazy devices.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "vmx_fixture.h"
#include "vmx_step.h"

static unsigned int
drain(struct vmx_test *t)
{
	struct vmx_frame *frame;
	unsigned int n = 0;

	while ((frame = vmx_device_sent(t->dev)) != NULL) {
		free(frame);
		n++;
	}
	return n;
}

/* A full ring returns the rest, drops nothing, counts nothing; then goes on. */
static void
test_full_ring(void **state)
{
	struct rte_mbuf *m[1024];
	uint8_t frame[64];
	uint16_t taken, want;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 3);
	want = (uint16_t)(t.setup.tx_ring + 20);
	for (unsigned int lap = 0; lap < 5; lap++) {
		vmx_device_tx_hold(t.dev, true);
		for (uint16_t i = 0; i < want; i++)
			m[i] = vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
		taken = 0;
		for (uint16_t n = 1; n > 0; taken = (uint16_t)(taken + n))
			n = rte_eth_tx_burst(t.id, 0, m + taken, (uint16_t)(want - taken));
		assert_int_equal(taken, t.setup.tx_ring - 1); /* [VMX3 7.2] all but one */
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m + taken, 5), 0);
		assert_int_equal(vmx_device_run(t.dev), taken);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m + taken, 5), 0);
		vmx_device_tx_hold(t.dev, false);
		vmx_device_run(t.dev);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m + taken, 20), 20);
		for (uint16_t i = (uint16_t)(taken + 20); i < want; i++)
			rte_pktmbuf_free(m[i]);
		vmx_device_run(t.dev);
		assert_int_equal(drain(&t), taken + 20);
	}
	if (!vmx_host_is_rival()) /* counts what it returned as dropped */
		assert_int_equal(vmx_stats(&t).oerrors, 0);
	vmx_close(&t);
}

/* A frame of several segments that does not fit the rest of the ring is returned whole. */
static void
test_full_ring_segments(void **state)
{
	uint8_t frame[10 * 64];
	struct rte_mbuf *m;
	unsigned int sent;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("frees a frame that does not fit and calls it sent");
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 3);
	for (size_t segs = 2; segs <= 10; segs++) {
		vmx_device_tx_hold(t.dev, true);
		sent = 0;
		m = vmx_chain(t.tx_pool, frame, segs * 64, 64);
		while (rte_eth_tx_burst(t.id, 0, &m, 1) == 1) {
			m = vmx_chain(t.tx_pool, frame, segs * 64, 64);
			sent++;
		}
		assert_int_equal(sent, (t.setup.tx_ring - 1) / segs);
		vmx_device_tx_hold(t.dev, false);
		assert_int_equal(vmx_device_run(t.dev), sent);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
		assert_int_equal(vmx_device_run(t.dev), 1);
		assert_int_equal(drain(&t), sent + 1);
	}
	vmx_close(&t);
}

/*
 * A packet the device cannot take as it stands: the driver may send it all the same, rightly; or
 * give it back; or drop and count it. It must not send it wrong, nor get stuck.
 */
static void
send_odd(struct vmx_test *t, struct rte_mbuf *m, const uint8_t *data, size_t len)
{
	uint64_t errors = vmx_errors(t);
	struct vmx_frame *sent;
	uint16_t prepared = rte_eth_tx_prepare(t->id, 0, &m, 1);
	uint16_t taken;

	if (prepared == 0)
		assert_true(rte_errno != 0);
	taken = rte_eth_tx_burst(t->id, 0, &m, 1);
	vmx_device_run(t->dev);
	sent = vmx_device_sent(t->dev);
	if (taken == 0)
		rte_pktmbuf_free(m);
	if (sent != NULL) {
		assert_int_equal(taken, 1);
		assert_int_equal(prepared, 1);
		assert_int_equal(sent->len, len);
		assert_memory_equal(sent->data, data, len);
		free(sent);
	} else if (taken == 1) {
		assert_true(vmx_errors(t) > errors);
	}
	vmx_assert_works(t, 3);
}

static void
test_many_segments(void **state)
{
	uint8_t frame[40 * 64];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (size_t segs = 10; segs <= 40; segs++) {
		vmx_frame(&t, frame, segs * 64, (uint32_t)segs);
		send_odd(&t, vmx_chain(t.tx_pool, frame, segs * 64, 64), frame, segs * 64);
	}
	vmx_close(&t);
}

/* One that is refused, in the middle of a burst, does not take its neighbours with it. */
static void
test_many_segments_in_burst(void **state)
{
	uint8_t frame[20 * 64];
	struct rte_mbuf *m[3];
	uint16_t done = 0;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	m[0] = vmx_chain(t.tx_pool, frame, 64, 64);
	m[1] = vmx_chain(t.tx_pool, frame, sizeof(frame), 64);
	m[2] = vmx_chain(t.tx_pool, frame, 64, 64);
	for (int i = 0; i < 3 && done < 3; i++)
		done += rte_eth_tx_burst(t.id, 0, m + done, (uint16_t)(3 - done));
	vmx_device_run(t.dev);
	assert_true(drain(&t) >= 1);
	assert_true(done >= 1);
	for (; done < 3; done++)
		rte_pktmbuf_free(m[done]);
	vmx_close(&t);
}

static struct rte_mbuf *
with_empty_segment(struct vmx_test *t, const uint8_t *data, size_t len, int where)
{
	struct rte_mbuf *empty = rte_pktmbuf_alloc(t->tx_pool);
	struct rte_mbuf *a = vmx_chain(t->tx_pool, data, len / 2, VMX_TX_ROOM);
	struct rte_mbuf *b = vmx_chain(t->tx_pool, data + len / 2, len - len / 2, VMX_TX_ROOM);
	struct rte_mbuf *order[3][3] = {{empty, a, b}, {a, empty, b}, {a, b, empty}};

	assert_non_null(empty);
	assert_int_equal(rte_pktmbuf_chain(order[where][0], order[where][1]), 0);
	assert_int_equal(rte_pktmbuf_chain(order[where][0], order[where][2]), 0);
	return order[where][0];
}

static void
test_empty_segment(void **state)
{
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 600; i++) {
		vmx_frame(&t, frame, sizeof(frame), i);
		send_odd(&t, with_empty_segment(&t, frame, sizeof(frame), (int)(i % 3)), frame,
			 sizeof(frame));
	}
	vmx_close(&t);
}

/* A packet, or one of its segments, that somebody else has too stays a chain for that owner. */
static void
test_shared(void **state)
{
	uint8_t frame[3 * VMX_TX_ROOM];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 0; i < 400; i++) {
		struct rte_mbuf *m = vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
		const bool before = (i & 1) != 0, middle = (i & 2) != 0;

		struct rte_mbuf *second = m->next;

		if (middle)
			rte_mbuf_refcnt_update(second, 1);
		else
			rte_pktmbuf_refcnt_update(m, 1);
		vmx_assert_sends(&t, 0, m, frame, sizeof(frame));
		if (middle) {
			if (!before)
				rte_eth_tx_done_cleanup(t.id, 0, 0);
			rte_pktmbuf_free_seg(second);
			continue;
		}
		if (!before)
			rte_eth_tx_done_cleanup(t.id, 0, 0);
		assert_int_equal(m->nb_segs, 3);
		vmx_assert_content(m, frame, sizeof(frame));
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

/* Nothing at all to send. */
static void
test_empty_packet(void **state)
{
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		m = rte_pktmbuf_alloc(t.tx_pool);
		assert_non_null(m);
		if (rte_eth_tx_burst(t.id, 0, &m, 1) == 0)
			rte_pktmbuf_free(m);
		vmx_device_run(t.dev);
		assert_int_equal(drain(&t), 0);
		vmx_assert_works(&t, 2);
	}
	vmx_close(&t);
}

/* One segment of 16383 bytes fits a descriptor, 16384 is written as 0, more needs two. */
static void
test_large_segment(void **state)
{
	static const size_t lens[] = {16382, 16383, 16384, 16385, 20000, 32768, 40000};
	struct vmx_setup setup = {.device.buffer_16k = true};
	struct rte_mempool *pool;
	uint8_t *frame;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("lets the length spill into the generation bit");
	vmx_open(&t, &setup);
	pool = rte_pktmbuf_pool_create("large", 8, 0, 0, 40000 + RTE_PKTMBUF_HEADROOM, 0);
	frame = malloc(40000);
	assert_non_null(pool);
	assert_non_null(frame);
	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		print_message("case: %zu\n", lens[i]);
		vmx_frame(&t, frame, lens[i], (uint32_t)i);
		send_odd(&t, vmx_chain(pool, frame, lens[i], 40000), frame, lens[i]);
	}
	vmx_stop(&t);
	assert_int_equal(rte_mempool_avail_count(pool), 8);
	rte_mempool_free(pool);
	free(frame);
	vmx_close(&t);
}

/* Completions only where asked for [VMX3 7.5]: a driver that asks seldom must ask often enough. */
static void
test_cq_only(void **state)
{
	struct vmx_setup setup = {.device.cq_only = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 3u * t.setup.tx_ring);
	vmx_close(&t);
}

/* The device is content with a doorbell now and then [VMX3 7.4]. */
static void
test_threshold(void **state)
{
	struct vmx_setup setup = {.device.tx_threshold = 8};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 3u * t.setup.tx_ring);
	vmx_close(&t);
}

/* No device can want more packets to wait than the ring has room for. */
static void
test_threshold_beyond(void **state)
{
	struct vmx_setup setup = {.device = {.tx_threshold = UINT32_MAX, .trap_bar0 = true}};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("never tells");
	vmx_open(&t, &setup);
	vmx_assert_works(&t, t.setup.tx_ring);
	vmx_device_state(t.dev, &seen);
	assert_int_equal(seen.doorbells_tx, 1);
	vmx_close(&t);
}

/* One doorbell per burst, however many packets; none without a packet [VMX3 12.6: they cost]. */
static void
test_one_doorbell_per_burst(void **state)
{
	struct vmx_setup setup = {.device.trap_bar0 = true};
	struct vmx_device_state before, after;
	struct rte_mbuf *m[24];
	uint8_t frame[64];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (size_t i = 0; i < RTE_DIM(m); i++)
		m[i] = vmx_chain(t.tx_pool, frame, sizeof(frame), 30);
	vmx_device_state(t.dev, &before);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, m, 16), 16);
	vmx_device_state(t.dev, &after);
	assert_int_equal(after.doorbells_tx, before.doorbells_tx + 1);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, m, 0), 0);
	vmx_device_state(t.dev, &after);
	assert_int_equal(after.doorbells_tx, before.doorbells_tx + 1);
	vmx_device_run(t.dev);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, m + 16, 4), 4);
	vmx_device_run(t.dev);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, m + 20, 4), 4);
	vmx_device_run(t.dev);
	assert_int_equal(drain(&t), 24);
	vmx_close(&t);
}

/* As QEMU does it: everything is sent and completed inside the doorbell's store. */
static void
test_doorbell_runs(void **state)
{
	struct vmx_setup setup = {.device = {.trap_bar0 = true, .doorbell_runs = true}};
	uint8_t frame[300];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int i = 0; i < 2000; i++) {
		struct rte_mbuf *m;
		struct vmx_frame *sent;

		vmx_frame(&t, frame, sizeof(frame), i);
		m = vmx_chain(t.tx_pool, frame, sizeof(frame), 100 + i % 28);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
		sent = vmx_device_sent(t.dev);
		assert_non_null(sent);
		assert_int_equal(sent->len, sizeof(frame));
		assert_memory_equal(sent->data, frame, sizeof(frame));
		free(sent);
	}
	vmx_close(&t);
}

/* A frame the network cannot take is completed like any other, and counted by the device. */
static void
test_tx_errors(void **state)
{
	uint8_t frame[60];
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	frame[12] = 0x08; /* IPv4, with a header of no length */
	frame[13] = 0x00;
	frame[14] = 0x40;
	for (unsigned int i = 0; i < 700; i++) {
		m = vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
		vmx_device_run(t.dev);
		assert_int_equal(drain(&t), 0);
	}
	vmx_assert_works(&t, 3);
	vmx_close(&t);
}

/* [VMX3 7.2] Never visible in part: looked at after each instruction of the driver. */
struct eyes {
	struct vmx_watch *watch;
	unsigned int seen;
	unsigned int partial;
};

static void
look(void *arg)
{
	struct eyes *eyes = arg;
	int seen = vmx_watch_poll(eyes->watch);

	eyes->seen += seen > 0;
	eyes->partial += seen < 0;
}

static void
test_never_partial(void **state)
{
	uint8_t frame[16 * VMX_TX_ROOM];
	struct eyes eyes = {0};
	unsigned int packets = 0;
	uint64_t steps = 0;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	eyes.watch = vmx_watch_new(t.dev, 0);
	for (; packets < t.setup.tx_ring / 4u + 30; packets++) {
		size_t segs =
			1 + packets % 9; /* 5 on average: the ring wraps in the middle of some */
		struct rte_mbuf *m = vmx_chain(t.tx_pool, frame, segs * 64, 64);
		uint16_t sent;

		vmx_step_begin(look, &eyes);
		sent = rte_eth_tx_burst(t.id, 0, &m, 1);
		steps += vmx_step_end();
		look(&eyes);
		assert_int_equal(sent, 1);
		vmx_device_run(t.dev);
	}
	print_message("%u packets, %llu steps\n", packets, (unsigned long long)steps);
	assert_int_equal(drain(&t), packets);
	assert_int_equal(eyes.partial, 0);
	assert_int_equal(eyes.seen, packets);
	free(eyes.watch);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_full_ring),
		VMX_TEST(test_full_ring_segments),
		VMX_TEST(test_many_segments),
		VMX_TEST(test_many_segments_in_burst),
		VMX_TEST(test_empty_segment),
		VMX_TEST(test_empty_packet),
		VMX_TEST(test_large_segment),
		VMX_TEST(test_cq_only),
		VMX_TEST(test_threshold),
		VMX_TEST(test_threshold_beyond),
		VMX_TEST(test_one_doorbell_per_burst),
		VMX_TEST(test_doorbell_runs),
		VMX_TEST(test_tx_errors),
		VMX_TEST(test_never_partial),
		VMX_TEST(test_shared),
	};

	return VMX_RUN(tests);
}
