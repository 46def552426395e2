/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames from one guest to another as a switch passes them: each size, cut in any way, with a tag
 * more or less.
 */
#include <string.h>

#include "port_forward.h"

#define MRG RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)

static const struct port_setup mergeable = {.features = MRG};

/* ---- two guests ---- */

static void
pass(struct port *from, struct port *to, const uint8_t *frame, uint32_t len, size_t room,
     enum pvn_switch_tag_op op)
{
	static uint8_t want[PORT_FRAME_MAX + 4];
	const uint32_t want_len = fwd_expect(want, frame, len, op);
	struct rte_mempool *pool = from->setup.zero_copy ? from->guest_pool : from->private_pool;
	struct rte_mbuf *m = port_chain(pool, frame, len, room);
	static struct pvn_host_burst b;
	struct pvn_host_sent sent;
	struct pvn_host_out out;

	assert_int_equal(port_guest_tx(from, &m, 1), 1);
	assert_true(pvn_host_peek(&from->hrx[0], &b, 32));
	assert_int_equal(b.count, 1);
	port_assert_frame(from, &b.frame[0]);
	out = fwd_retag(&b.frame[0], op);
	pvn_host_put(&to->htx[0], &out, 1, &sent);
	pvn_host_done(&from->hrx[0], &b);
	assert_true(sent.handled == 1 && sent.sent == 1 && sent.bytes == want_len);
	assert_int_equal(port_guest_rx(to, &m, 1), 1);
	port_assert_content(m, want, want_len);
	rte_pktmbuf_free(m);
}

/* Any size, from and to guests of both kinds. */
static void
test_sizes(void **state)
{
	static uint8_t frame[PORT_FRAME_MAX];
	static struct port from, to;

	(void)state;
	for (int ways = 0; ways < 4; ways++) {
		struct port_setup setup = {.mtu = 9000, .features = MRG, .guest_scatter = true};

		setup.zero_copy = (ways & 1) != 0;
		port_open(&from, &setup);
		setup.zero_copy = (ways & 2) != 0;
		port_open(&to, &setup);
		for (uint32_t len = 14; len <= PORT_FRAME_MAX; len++) {
			enum pvn_switch_tag_op op = len % 4;

			if (len < 18 || len > PORT_FRAME_MAX - 4)
				op = PVN_SWITCH_TAG_KEEP;
			port_frame(&from, frame, len, len);
			pass(&from, &to, frame, len, len % 3 == 0 ? 300 + len % 1748 : 2048, op);
		}
		assert_int_equal(from.hrx[0].stats.packets, PORT_FRAME_MAX - 13);
		assert_int_equal(to.htx[0].stats.packets, PORT_FRAME_MAX - 13);
		assert_int_equal(port_host_rx_total(&from.hrx[0]), PORT_FRAME_MAX - 13);
		port_close(&from);
		port_close(&to);
	}
}

/* ---- parts ---- */

/* One frame in parts, with every operation on its tag. */
static void
pass_parts(uint32_t len, uint32_t ones, uint32_t first, uint32_t part, uint32_t buffer)
{
	uint8_t frame[FRAME_MAX], want[FRAME_MAX + 4];
	struct pvn_host_sent sent;

	port_frame(&hostile, frame, len, len + ones);
	for (enum pvn_switch_tag_op op = PVN_SWITCH_TAG_KEEP; op <= PVN_SWITCH_TAG_REWRITE; op++) {
		uint32_t want_len, parts;

		if (op != PVN_SWITCH_TAG_KEEP && (len < 18 || len > FRAME_MAX - 4))
			continue;
		memcpy(hostile_page(TX, FWD_OFFSET), frame, len);
		want_len = fwd_expect(want, frame, len, op);
		parts = (want_len + buffer - 1) / buffer;
		fwd_post(parts, buffer);
		fwd_offer_parts(FWD_OFFSET, len, ones, first, part, NULL);
		fwd_all(op, &sent);
		assert_true(sent.handled == 1 && sent.sent == 1 && sent.bytes == want_len);
		fwd_assert_got(want, want_len);
		fwd_assert_nothing();
	}
}

/* The head ends anywhere in a part: before, at and behind its end. */
static void
test_first_part(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	for (uint32_t first = 1; first <= 150; first++)
		for (uint32_t len = RTE_MAX(first, 14u); len <= first + 150; len += 1 + len % 5) {
			pass_parts(len, 0, first, 150, FRAME_MAX);
			pass_parts(len, 0, first, RTE_MAX(len / 32, 5u), 64);
		}
	assert_int_equal(port_host_rx_total(&hostile.hrx[0]), hostile.hrx[0].stats.packets);
	assert_int_equal(port_host_tx_total(&hostile.htx[0]), hostile.htx[0].stats.packets);
	hostile_close();
}

/* Parts of a byte in front, as many as there may be, and frames in nothing else. */
static void
test_tiny_parts(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	for (uint32_t ones = 1; ones <= 33; ones++) {
		for (uint32_t len = RTE_MAX(ones + 1, 14u); len <= 400; len += 7)
			pass_parts(len, ones, 0, len, 1024);
		for (uint32_t first = 60; ones <= 31 && first <= 128; first++)
			pass_parts(ones + first + 30, ones, first, 15, 40);
		pass_parts(FRAME_MAX, ones, 0, FRAME_MAX, 100);
	}
	for (uint32_t len = 14; len <= 34; len++)
		pass_parts(len, 34, 0, 1, 10);
	hostile_close();
}

/* A frame that is not what it should be, in parts of a byte: its sender is found nevertheless. */
static void
test_sender_in_parts(void **state)
{
	static struct pvn_host_burst b;

	(void)state;
	hostile_open(&mergeable);
	for (size_t byte = 6; byte < 12; byte++) {
		fwd_begin();
		hostile_put_frame(FWD_OFFSET, 60, 1);
		hostile_page(TX, FWD_OFFSET)[byte] ^= 4;
		fwd_offer_parts(FWD_OFFSET, 60, 30, 0, 60, NULL);
		assert_true(pvn_host_peek(&hostile.hrx[0], &b, 32));
		assert_true(b.count == 0 && b.seen == 1);
		pvn_host_done(&hostile.hrx[0], &b);
		assert_int_equal(hostile.hrx[0].stats.spoofed, 1);
		assert_int_equal(port_host_rx_total(&hostile.hrx[0]), 1);
		assert_int_equal(raw_used(&to_host), 1);
	}
	hostile_close();
}

/* A pool so large that the lengths of a frame's parts add up to a small one in 32 bits. */
static void
test_length_wraps(void **state)
{
	static struct pvn_host_burst b;

	(void)state;
	hostile_open(&mergeable);
	for (uint32_t len = 0xffffff80; len != 0; len += 8) {
		fwd_begin();
		hostile_put_frame(FWD_OFFSET, 300, 1);
		hostile.host_view[TX].size = UINT64_C(1) << 40; /* the rest is never looked at */
		fwd_offer_parts(FWD_OFFSET, 256, 0, 128, 128, NULL);
		raw_desc(&to_host, 0, AT(TX, FWD_OFFSET), len, RAW_NEXT);
		assert_true(pvn_host_peek(&hostile.hrx[0], &b, 32));
		assert_int_equal(b.count, 0);
		pvn_host_done(&hostile.hrx[0], &b);
		assert_int_equal(hostile.hrx[0].stats.too_long, 1);
		hostile.host_view[TX].size = POOL_BYTES;
	}
	hostile_close();
}

/* ---- bursts ---- */

/* More parts in the ring than a burst has places for: what is left comes with the next one. */
static void
test_many_chains(void **state)
{
	static const struct port_setup setup = {.features = MRG, .tx_ring = 2048, .rx_ring = 64};
	struct pvn_host_sent sent;
	uint8_t frame[400];

	(void)state;
	hostile_open(&setup);
	for (uint32_t parts = 1; parts <= 34; parts++) {
		fwd_begin();
		fwd_post(64, 400);
		for (uint32_t i = 0; i < 50; i++) {
			const uint32_t len = 200 + i, n = i % 5 == 4 ? 1 : parts;

			hostile_put_frame(FWD_OFFSET + i * 512, len, i);
			fwd_offer_parts(FWD_OFFSET + i * 512, len, n - 1, 0, len, NULL);
		}
		fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
		assert_true(sent.handled == 50 && sent.sent == 50);
		for (uint32_t i = 0; i < 50; i++) {
			port_frame(&hostile, frame, 200 + i, i);
			fwd_assert_got(frame, 200 + i);
		}
		assert_int_equal(raw_used(&to_host), 50);
		fwd_assert_nothing();
	}
	hostile_close();
}

/* No more frames than were asked for, nor than a burst holds; the gate is shut in between. */
static void
test_counts(void **state)
{
	static struct pvn_host_burst b;
	struct pvn_host_rxq *q = &hostile.hrx[0];

	(void)state;
	hostile_open(&mergeable);
	for (uint16_t n = 0; n <= 60; n++) {
		fwd_begin();
		hostile_put_frame(FWD_OFFSET, 60, 1);
		for (int i = 0; i < 60; i++)
			fwd_offer(FWD_OFFSET, 60);
		assert_int_equal(pvn_host_peek(q, &b, n), n > 0);
		assert_int_equal(b.count, RTE_MIN(n, PVN_HOST_BURST));
		assert_int_equal(q->gate.inside, n > 0);
		assert_int_equal(raw_used(&to_host), 0);
		if (n > 0)
			pvn_host_done(q, &b);
		assert_int_equal(q->gate.inside, 0);
		assert_int_equal(raw_used(&to_host), RTE_MIN(n, PVN_HOST_BURST));
		port_stop(&hostile);
		assert_false(pvn_host_peek(q, &b, 32));
		assert_true(b.count == 0 && q->gate.inside == 0);
		assert_int_equal(port_host_rx_total(q), RTE_MIN(n, PVN_HOST_BURST));
	}
	hostile_close();
}

/* Long frames until the rate is used up but for a little, then short ones. */
static uint32_t
rate_len(uint32_t i)
{
	return i < 23 ? FRAME_MAX - i : 150 + i % 3 * 20;
}

/* A rate that refuses frames in the middle of a burst: those behind them move up, each with what
 * belongs to it, whether in one part or in several.
 */
static void
test_rate(void **state)
{
	const struct port_setup setup = {.features = MRG, .tx_ring = 256};
	const struct pvn_host_rxq *q = &hostile.hrx[0];
	uint8_t frame[FRAME_MAX];
	struct pvn_host_sent sent;
	uint32_t got = 0;

	(void)state;
	hostile_open(&setup);
	fwd_begin();
	assert_int_equal(pvn_host_policy_rate(&hostile.policy, 8), 0);
	fwd_post(64, FRAME_MAX);
	for (uint32_t i = 0; i < 50; i++) {
		hostile_put_frame(FWD_OFFSET + i * FWD_STRIDE, rate_len(i), i);
		fwd_offer_parts(FWD_OFFSET + i * FWD_STRIDE, rate_len(i), 0, i % 4 == 0 ? 140 : 0,
				FRAME_MAX, NULL);
	}
	fwd_all(PVN_SWITCH_TAG_KEEP, &sent);
	for (uint32_t i = 0; i < 50; i++) {
		if (got + rate_len(i) > 65536)
			continue;
		got += rate_len(i);
		port_frame(&hostile, frame, rate_len(i), i);
		fwd_assert_got(frame, rate_len(i));
	}
	fwd_assert_nothing();
	assert_true(q->stats.over_rate > 5 && q->stats.packets > 30);
	assert_int_equal(q->stats.over_rate + q->stats.packets, 50);
	assert_int_equal(q->stats.bytes, sent.bytes);
	assert_int_equal(raw_used(&to_host), 50);
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_sizes),	      PORT_TEST(test_first_part),
		PORT_TEST(test_tiny_parts),   PORT_TEST(test_sender_in_parts),
		PORT_TEST(test_length_wraps), PORT_TEST(test_many_chains),
		PORT_TEST(test_counts),	      PORT_TEST(test_rate),
	};

	return PORT_RUN(tests);
}
