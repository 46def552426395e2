/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest that rewrites its frames between the decision about them and the copy. What was decided
 * stands: the head, the length, the hints; the rest is whatever it made of it.
 */
#include <sched.h>
#include <string.h>

#include "port_forward.h"
#include "port_liar.h"

#define FEATURES                                                                                   \
	(RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) | RTE_BIT64(VIRTIO_NET_F_CSUM) |                        \
	 RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) | RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM) |                  \
	 RTE_BIT64(VIRTIO_NET_F_GUEST_TSO4))

static const struct port_setup setup = {.features = FEATURES};

/* ---- all at once ---- */

/* Everything that the guest can write of what it sends. */
static void
rewrite_all(uint8_t byte)
{
	memset(to_host.mem, byte, raw_bytes(to_host.size));
	memset(hostile_page(TX, 0), byte, POOL_BYTES);
}

static void
assert_spoilt_behind(const uint8_t *data, const uint8_t *frame, uint32_t len, uint8_t byte)
{
	assert_memory_equal(data, frame, RTE_MIN(len, PVN_HOST_HEAD));
	for (uint32_t i = PVN_HOST_HEAD; i < len; i++)
		assert_int_equal(data[i], byte);
}

/* Copied twice, with another rewrite between; and once more into a mbuf. */
static void
check_copies(struct pvn_host_burst *b, const uint8_t *frame, uint32_t len, bool hinted)
{
	static const uint8_t bytes[] = {0xff, 0x00};
	const struct pvn_host_out out = port_out(&b->frame[0]);
	static struct fwd_got got;
	struct pvn_host_sent sent;
	struct rte_mbuf *m;

	for (size_t i = 0; i < RTE_DIM(bytes); i++) {
		rewrite_all(bytes[i]);
		pvn_host_put(&hostile.htx[0], &out, 1, &sent);
		assert_true(sent.sent == 1 && sent.bytes == len);
		assert_true(fwd_collect(&got));
		assert_int_equal(got.len, len);
		assert_spoilt_behind(got.data, frame, len, bytes[i]);
		assert_int_equal(got.has_hdr, hinted);
		if (hinted)
			assert_true(got.hdr.flags == 1 && got.hdr.csum_start == 34 &&
				    got.hdr.csum_offset == 16);
	}
	rewrite_all(0xa5);
	m = pvn_host_frame_mbuf(&out, hostile.host_pool);
	assert_int_equal(m->pkt_len, len);
	assert_spoilt_behind(rte_pktmbuf_mtod(m, const uint8_t *), frame, RTE_MIN(len, 2048u),
			     0xa5);
	rte_pktmbuf_free(m);
}

static void
test_rewritten(void **state)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 1446};
	static const struct raw_hdr hdr = {.flags = 1, .csum_start = 34, .csum_offset = 16};
	static struct pvn_host_burst b;
	static struct packet pk;

	(void)state;
	packet_make(&pk, &kind);
	hostile_open(&setup);
	for (int hinted = 0; hinted < 2; hinted++)
		for (uint32_t ones = 0; ones < 30; ones++)
			for (uint32_t len = 60; len <= pk.len; len += 72) {
				fwd_begin();
				fwd_post(2, FRAME_MAX);
				memcpy(hostile_page(TX, FWD_OFFSET), pk.data, len);
				fwd_offer_parts(FWD_OFFSET, len, ones, 70, len / 2 + 1,
						hinted ? &hdr : NULL);
				assert_true(pvn_host_peek(&hostile.hrx[0], &b, 32));
				assert_int_equal(b.count, 1);
				check_copies(&b, pk.data, len, hinted);
				pvn_host_done(&hostile.hrx[0], &b);
				assert_int_equal(raw_used(&to_host), 1);
				assert_int_equal(raw_used_id(&to_host, 0), 0);
				assert_false(pvn_host_peek(&hostile.hrx[0], &b, 32));
				assert_int_equal(hostile.hrx[0].ring.fault, FAULT(AVAIL_IDX));
				assert_int_equal(port_host_rx_total(&hostile.hrx[0]), 2);
			}
	hostile_assert_harmless();
	hostile_close();
}

/* ---- all the time ---- */

static struct port sink;

struct tally {
	double longest;
	uint64_t frames, hinted, full, faults;
};

/* What the honest guest got are the first of the frames, each with the head it was decided by. */
static void
check_sink(uint8_t (*heads)[PVN_HOST_HEAD], const struct pvn_host_burst *b, uint16_t sent)
{
	struct rte_mbuf *m[PORT_BURST];
	uint16_t n = 0;

	for (int tries = 0; tries < 4; tries++)
		n += port_guest_rx(&sink, m + n, PORT_BURST - n);
	assert_int_equal(n, sent);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(m[i]->pkt_len, b->frame[i].len);
		assert_memory_equal(rte_pktmbuf_mtod(m[i], const void *), heads[i],
				    b->frame[i].head_len);
		assert_int_equal(m[i]->ol_flags & PVN_NETBUF_TX_HINTS,
				 b->frame[i].ol_flags & PVN_NETBUF_TX_HINTS);
	}
	rte_pktmbuf_free_bulk(m, n);
}

static void
check_mbuf(const struct pvn_host_out *out)
{
	struct rte_mbuf *m = pvn_host_frame_mbuf(out, hostile.host_pool);

	if (m == NULL)
		return;
	assert_int_equal(m->pkt_len, out->frame->len);
	assert_memory_equal(rte_pktmbuf_mtod(m, const void *), out->head, out->head_len);
	rte_pktmbuf_free(m);
}

/* All frames go to an honest guest, and to the liar itself, whose buffers change meanwhile too. */
static void
forward(struct tally *t)
{
	uint8_t heads[PVN_HOST_BURST][PVN_HOST_HEAD];
	struct pvn_host_out outs[PVN_HOST_BURST];
	static struct pvn_host_burst b;
	struct pvn_host_sent sent, back;
	const double begin = liar_cpu_seconds();

	if (!pvn_host_peek(&hostile.hrx[0], &b, PVN_HOST_BURST)) {
		sched_yield();
		return;
	}
	for (uint16_t i = 0; i < b.count; i++) {
		port_assert_frame(&hostile, &b.frame[i]);
		memcpy(heads[i], b.frame[i].head, PVN_HOST_HEAD);
		outs[i] = port_out(&b.frame[i]);
		assert_memory_equal(heads[i] + 6, &port_mac, sizeof(port_mac));
		t->hinted += b.frame[i].ol_flags != 0;
	}
	pvn_host_put(&sink.htx[0], outs, b.count, &sent);
	pvn_host_put(&hostile.htx[0], outs, b.count, &back);
	if (b.count > 0)
		check_mbuf(&outs[b.count - 1]);
	pvn_host_done(&hostile.hrx[0], &b);
	t->longest = RTE_MAX(t->longest, liar_cpu_seconds() - begin);
	assert_true(!sent.down && sent.sent == sent.handled);
	t->full += sent.handled < b.count;
	t->frames += b.count;
	check_sink(heads, &b, sent.sent);
}

static void
reconnect(struct tally *t)
{
	if (hostile.hrx[0].ring.fault == 0 && hostile.htx[0].ring.fault == 0)
		return;
	t->faults++;
	raw_used_set(&to_host, 0);
	raw_used_set(&to_guest, 0);
	port_start_host(&hostile);
}

static void
test_forwarded(void **state)
{
	static const struct port_setup honest = {
		.features = FEATURES, .guest_scatter = true, .mtu = 3000};
	struct tally t = {0};
	struct liar liar;
	double end;

	(void)state;
	hostile_open(&setup);
	port_open(&sink, &honest);
	hostile_begin();
	liar_start(&liar, liar_as_guest);
	for (end = liar_seconds() + LIAR_SECONDS; liar_seconds() < end; reconnect(&t))
		forward(&t);
	liar_stop(&liar);
	print_message("%u frames, %u with hints, %u full, %u faults, longest burst %.1f ms\n",
		      (unsigned int)t.frames, (unsigned int)t.hinted, (unsigned int)t.full,
		      (unsigned int)t.faults, t.longest * 1000);
	assert_true(t.frames > 0 && t.hinted > 0 && t.faults > 0);
	assert_int_equal(t.frames, hostile.hrx[0].stats.packets);
	assert_true(t.longest < LIAR_LONGEST_BURST);
	/* It never got a header that is not true, nor a length that cannot be. */
	assert_int_equal(port_guest_rx_total(&sink.grx[0]), sink.grx[0].stats.packets);
	assert_int_equal(sink.grx[0].stats.packets, sink.htx[0].stats.packets);
	hostile_assert_harmless();
	port_close(&sink);
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_rewritten),
		PORT_TEST(test_forwarded),
	};

	return PORT_RUN(tests);
}
