/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames as a switch passes them, into buffers of any length; and what becomes of those that do
 * not fit.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "port_forward.h"

#define MRG RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)

static const struct port_setup mergeable = {.features = MRG};
static const struct port_setup one_buffer = {0};

/* Buffers of any length: as many as it takes, at most 34; or one. */
static void
test_buffers(void **state)
{
	uint8_t frame[200];
	struct pvn_host_sent sent;
	const struct pvn_host_txq *q = &hostile.htx[0];

	(void)state;
	for (int merge = 0; merge < 2; merge++) {
		hostile_open(merge ? &mergeable : &one_buffer);
		port_frame(&hostile, frame, sizeof(frame), 3);
		for (uint32_t len = 1; len <= 210; len++) {
			const uint32_t parts = (200 + len - 1) / len;
			const bool fits = parts == 1 || (merge && parts <= 34);

			fwd_begin();
			fwd_post(64, len);
			hostile_put_frame(FWD_OFFSET, 200, 3);
			fwd_offer_parts(FWD_OFFSET, 200, 0, len % 140 + 10, 30, NULL);
			fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
			assert_true(sent.handled == 1 && !sent.down);
			assert_true(sent.sent == fits && sent.too_long == !fits);
			assert_int_equal(sent.bytes, fits ? 200 : 0);
			assert_int_equal(q->stats.bytes, fits ? 200 : 0);
			assert_int_equal(q->stats.too_long, !fits);
			assert_int_equal(port_host_tx_total(q), 1);
			assert_int_equal(raw_used(&to_guest), fits ? parts : 0);
			if (fits)
				fwd_assert_got(frame, 200);
		}
		hostile_close();
	}
}

/* Frames of 100 bytes and of 250, alternately, for buffers of 100: some, then the rest. */
static void
test_full_ring(void **state)
{
	static struct pvn_host_burst b;
	struct pvn_host_out outs[PVN_HOST_BURST];
	struct pvn_host_sent sent;
	uint8_t frame[250];

	(void)state;
	hostile_open(&mergeable);
	for (uint32_t there = 0; there <= 40; there++) {
		const uint16_t room = RTE_MIN(there / 4 * 2 + (there % 4 > 0), 20u);

		fwd_begin();
		fwd_post(there, 100);
		for (uint32_t i = 0; i < 20; i++) {
			hostile_put_frame(FWD_OFFSET + i * 512, 250, i);
			fwd_offer(FWD_OFFSET + i * 512, i % 2 == 0 ? 100 : 250);
		}
		assert_true(pvn_host_peek(&hostile.hrx[0], &b, 32));
		for (uint32_t i = 0; i < 20; i++)
			outs[i] = port_out(&b.frame[i]);
		pvn_host_put(&hostile.htx[0], outs, 20, &sent);
		assert_true(sent.handled == room && sent.sent == room && !sent.down);
		fwd_post(60 - there, 100);
		pvn_host_put(&hostile.htx[0], outs + room, 20 - room, &sent);
		assert_true(sent.handled == 20 - room && sent.sent == 20 - room);
		pvn_host_done(&hostile.hrx[0], &b);
		for (uint32_t i = 0; i < 20; i++) {
			port_frame(&hostile, frame, 250, i);
			fwd_assert_got(frame, i % 2 == 0 ? 100 : 250);
		}
		assert_int_equal(port_host_tx_total(&hostile.htx[0]), 20);
	}
	hostile_close();
}

/* No link, or a ring that the guest broke, before a burst or in the middle of one. */
static void
test_down(void **state)
{
	struct pvn_host_txq *q = &hostile.htx[0];
	struct pvn_host_sent sent;
	uint8_t frame[100];

	(void)state;
	hostile_open(&mergeable);
	port_frame(&hostile, frame, sizeof(frame), 1);
	hostile_put_frame(FWD_OFFSET, 100, 1);
	for (uint32_t good = 0; good < 12; good++) {
		fwd_begin();
		fwd_post(20, good % 2 == 0 ? 100 : 50);
		raw_desc(&to_guest, good, AT(9, 4096), 100, RAW_WRITE);
		for (int i = 0; i < 10; i++)
			fwd_offer(FWD_OFFSET, 100);
		fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
		if (good % 2 == 0)
			assert_int_equal(sent.sent, RTE_MIN(good, 10u));
		else
			assert_int_equal(sent.sent, good / 2);
		assert_int_equal(sent.handled, sent.sent);
		assert_int_equal(sent.down, sent.sent < 10);
		assert_int_equal(q->stats.fault, sent.sent < 10);
		for (uint16_t i = 0; i < sent.sent; i++)
			fwd_assert_got(frame, 100);
		fwd_assert_nothing();
		fwd_offer(FWD_OFFSET, 100);
		fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
		assert_int_equal(q->stats.fault, q->ring.fault != PVN_VRING_FAULT_NONE);
		assert_true(sent.down == (q->ring.fault != 0) && q->gate.inside == 0);
	}
	pvn_gate_shut(&q->gate, NULL);
	fwd_offer(FWD_OFFSET, 100);
	fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
	assert_true(sent.down && sent.handled == 0 && sent.sent == 0);
	hostile_close();
}

/* A tag makes a frame too long, or its loss too short. */
static void
test_tag_limits(void **state)
{
	struct pvn_host_sent sent;

	(void)state;
	hostile_open(&mergeable);
	for (int push = 0; push < 2; push++)
		for (uint32_t by = 0; by < 4; by++) {
			fwd_begin();
			fwd_post(64, FRAME_MAX + 10);
			hostile_put_frame(FWD_OFFSET, FRAME_MAX, 1);
			fwd_offer(FWD_OFFSET, push ? FRAME_MAX - by : 14 + by);
			fwd_all(push ? PVN_SWITCH_TAG_PUSH : PVN_SWITCH_TAG_POP, &sent);
			assert_true(sent.handled == 1 && sent.sent == 0 && sent.too_long == 1);
			assert_int_equal(hostile.htx[0].stats.too_long, 1);
			fwd_assert_nothing();
		}
	hostile_close();
}

/* ---- a ring for several queues ---- */

struct putter {
	struct pvn_host_txq queue;
	struct pvn_host_out out;
	struct pvn_host_sent sent;
};

static void *
put_once(void *arg)
{
	struct putter *p = arg;

	pvn_host_put(&p->queue, &p->out, 1, &p->sent);
	return NULL;
}

/* A queue that leads to another's ring waits for its lock, and leaves it open; its gate counts. */
static void
test_lead(void **state)
{
	struct pvn_host_txq *lead = &hostile.htx[0];
	struct putter p = {.queue.lead = lead};
	static struct pvn_host_burst b;
	uint8_t frame[100];
	pthread_t thread;

	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	fwd_post(10, 100);
	port_frame(&hostile, frame, sizeof(frame), 1);
	hostile_put_frame(FWD_OFFSET, 100, 1);
	fwd_offer(FWD_OFFSET, 100);
	lead->shared = true;
	assert_true(pvn_host_peek(&hostile.hrx[0], &b, 1));
	p.out = port_out(&b.frame[0]);
	put_once(&p);
	assert_true(p.sent.down && p.sent.handled == 0);
	pvn_gate_open(&p.queue.gate);
	rte_spinlock_lock(&lead->lock);
	assert_int_equal(pthread_create(&thread, NULL, put_once, &p), 0);
	usleep(20000);
	fwd_assert_nothing();
	rte_spinlock_unlock(&lead->lock);
	pthread_join(thread, NULL);
	assert_true(p.sent.sent == 1 && !p.sent.down);
	assert_true(!rte_spinlock_is_locked(&lead->lock) && p.queue.gate.inside == 0);
	pvn_host_done(&hostile.hrx[0], &b);
	fwd_assert_got(frame, sizeof(frame));
	assert_true(lead->stats.packets == 1 && p.queue.stats.packets == 0);
	lead->shared = false;
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_buffers),    PORT_TEST(test_full_ring), PORT_TEST(test_down),
		PORT_TEST(test_tag_limits), PORT_TEST(test_lead),
	};

	return PORT_RUN(tests);
}
