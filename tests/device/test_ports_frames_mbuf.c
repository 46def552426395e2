/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames of a switch that come from a mbuf, or become one: in any number of segments, with a tag
 * more or less, with what is still to be done about them.
 */
#include <stdlib.h>
#include <string.h>

#include "port_forward.h"

#define MRG RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)
#define CSUM RTE_BIT64(VIRTIO_NET_F_CSUM)
#define TSO4 RTE_BIT64(VIRTIO_NET_F_HOST_TSO4)
#define TSO6 RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)
#define GUEST_CSUM RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM)

static const struct port_setup mergeable = {.features = MRG | CSUM | TSO4 | TSO6 | GUEST_CSUM};
static uint8_t frame[PORT_LONGEST], want[PORT_LONGEST + 4];
static struct pvn_host_burst burst;
static struct packet pk;

/* The frame of a burst as a mbuf with another tag. */
static struct rte_mbuf *
as_mbuf(struct pvn_host_frame *f, struct rte_mempool *pool, enum pvn_switch_tag_op op)
{
	const struct pvn_host_out out = fwd_retag(f, op);

	return pvn_host_frame_mbuf(&out, pool);
}

/* ---- to mbufs ---- */

static void
test_to_mbuf(void **state)
{
	static const uint16_t rooms[] = {64, 100, 2048};

	(void)state;
	for (size_t r = 0; r < RTE_DIM(rooms); r++) {
		struct port_setup setup = mergeable;

		setup.host_room = rooms[r];
		hostile_open(&setup);
		fwd_begin();
		port_frame(&hostile, frame, FRAME_MAX, 1);
		memcpy(hostile_page(TX, FWD_OFFSET), frame, FRAME_MAX);
		for (uint32_t len = 18; len <= FRAME_MAX; len += 1 + len / 60)
			for (uint32_t op = 0; op < 4; op++) {
				struct rte_mbuf *m;

				fwd_offer_parts(FWD_OFFSET, len, len % 4, len % 150 + 1,
						len / 29 + 1, NULL);
				assert_true(pvn_host_peek(&hostile.hrx[0], &burst, 32));
				assert_int_equal(burst.count, 1);
				port_assert_frame(&hostile, &burst.frame[0]);
				m = as_mbuf(&burst.frame[0], hostile.host_pool, op);
				pvn_host_done(&hostile.hrx[0], &burst);
				assert_non_null(m);
				port_assert_content(m, want, fwd_expect(want, frame, len, op));
				assert_int_equal(m->ol_flags & PVN_NETBUF_TX_HINTS, 0);
				rte_pktmbuf_free(m);
			}
		port_assert_all_back(&hostile);
		hostile_close();
	}
}

/* With too few mbufs there is none, and those that were taken are back. */
static void
test_empty_pool(void **state)
{
	struct port_setup setup = mergeable;
	struct rte_mbuf *held[256];

	(void)state;
	setup.host_room = 100;
	hostile_open(&setup);
	fwd_begin();
	hostile_put_frame(FWD_OFFSET, 1000, 1);
	fwd_offer_parts(FWD_OFFSET, 1000, 5, 40, 100, NULL);
	assert_true(pvn_host_peek(&hostile.hrx[0], &burst, 32));
	for (uint32_t leave = 0; leave < 12; leave++) {
		const uint32_t n = rte_mempool_avail_count(hostile.host_pool) - leave;
		struct rte_mbuf *m;

		assert_int_equal(rte_pktmbuf_alloc_bulk(hostile.host_pool, held, n), 0);
		m = as_mbuf(&burst.frame[0], hostile.host_pool, PVN_SWITCH_TAG_KEEP);
		assert_int_equal(m != NULL, leave >= 10);
		rte_pktmbuf_free(m);
		assert_int_equal(rte_mempool_avail_count(hostile.host_pool), leave);
		rte_pktmbuf_free_bulk(held, n);
	}
	pvn_host_done(&hostile.hrx[0], &burst);
	hostile_close();
}

/* Flags and lengths for the head it has then: whoever follows them gets the frame right. */
static void
assert_asks(struct rte_mbuf *m, uint16_t segment, enum pvn_switch_tag_op op)
{
	const uint32_t len = fwd_expect(want, pk.data, pk.len, op);
	const uint32_t l2 = pk.l2_len + len - pk.len;
	static struct packet whole;

	assert_int_equal(m->l2_len, l2);
	assert_int_equal(m->l3_len, pk.l3_len);
	assert_int_equal(m->l4_len, pk.l4_len);
	assert_int_equal(m->tso_segsz, segment);
	assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0, segment != 0);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK,
			 pk.kind.tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	assert_int_equal(m->ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6),
			 pk.kind.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	port_assert_content(m, want, len);
	if (segment != 0)
		return;
	assert_true(pvn_netbuf_checksum(m));
	packet_make(&whole, &pk.kind);
	port_assert_content(m, want, fwd_expect(want, whole.data, whole.len, op));
}

static void
test_hints_to_mbuf(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	for (int way = 0; way < 16; way++) {
		const struct packet_kind kind = {.tcp = (way & 1) != 0,
						 .ipv6 = (way & 2) != 0,
						 .vlan = (way & 4) != 0,
						 .payload = 1200};
		const uint16_t segment = kind.tcp && (way & 8) != 0 ? 700 : 0;

		packet_make(&pk, &kind);
		packet_blank(&pk);
		for (uint32_t op = 0; op < 4; op++) {
			const struct raw_hdr hdr = {
				.flags = RAW_NEEDS_CSUM,
				.gso_type = segment == 0 ? 0
					    : kind.ipv6	 ? 4
							 : 1,
				.gso_size = segment,
				.csum_start = pk.l2_len + pk.l3_len,
				.csum_offset = kind.tcp ? 16 : 6,
			};
			struct rte_mbuf *m;

			if (!kind.vlan && op != PVN_SWITCH_TAG_KEEP && op != PVN_SWITCH_TAG_PUSH)
				continue;
			fwd_begin();
			memcpy(hostile_page(TX, FWD_OFFSET), pk.data, pk.len);
			fwd_offer_parts(FWD_OFFSET, pk.len, 3, 80, 300, &hdr);
			assert_true(pvn_host_peek(&hostile.hrx[0], &burst, 32));
			assert_int_equal(burst.count, 1);
			m = as_mbuf(&burst.frame[0], hostile.host_pool, op);
			pvn_host_done(&hostile.hrx[0], &burst);
			assert_asks(m, segment, op);
			rte_pktmbuf_free(m);
		}
	}
	hostile_close();
}

/* ---- from mbufs ---- */

static void
put_mbuf(struct rte_mbuf *m, const uint8_t *data, uint32_t len, enum pvn_switch_tag_op op)
{
	struct pvn_vring_buf pieces[40];
	struct pvn_host_sent sent;
	struct pvn_host_frame f;
	struct pvn_host_out out;

	memset(&f, 0xa5, sizeof(f));
	assert_true(pvn_host_frame_from_mbuf(&f, m, pieces, RTE_DIM(pieces)));
	assert_ptr_equal(f.m, m);
	assert_int_equal(f.len, len);
	out = fwd_retag(&f, op);
	fwd_post(1, FRAME_MAX);
	pvn_host_put(&hostile.htx[0], &out, 1, &sent);
	assert_true(sent.handled == 1 && sent.sent == 1);
	fwd_assert_got(want, fwd_expect(want, data, len, op));
}

static void
test_from_mbuf(void **state)
{
	static const size_t rooms[] = {1, 2, 13, 60, 127, 128, 129, 500, 2048};

	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	for (size_t r = 0; r < RTE_DIM(rooms); r++)
		for (uint32_t len = 18; len <= RTE_MIN(FRAME_MAX - 4, rooms[r] * 40); len++) {
			struct rte_mbuf *m;

			port_frame(&hostile, frame, len, len);
			m = port_chain(hostile.private_pool, frame, len, rooms[r]);
			put_mbuf(m, frame, len, len % 4);
			port_assert_content(m, frame, len);
			rte_pktmbuf_free(m);
		}
	port_assert_all_back(&hostile);
	hostile_close();
}

/* Segments without bytes, at any place. */
static void
test_empty_segments(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	port_frame(&hostile, frame, 300, 1);
	for (uint32_t which = 0; which < 256; which++) {
		struct rte_mbuf *m = port_chain(hostile.private_pool, frame, 300, 38), *seg = m;
		uint32_t len = 0;

		for (int bit = 0; seg != NULL; seg = seg->next, bit++) {
			if ((which >> bit & 1) != 0)
				seg->data_len = 0;
			memcpy(frame + len, rte_pktmbuf_mtod(seg, void *), seg->data_len);
			len += seg->data_len;
		}
		if (len >= 18)
			put_mbuf(m, frame, len, which % 4);
		rte_pktmbuf_free(m);
		port_frame(&hostile, frame, 300, 1);
	}
	hostile_close();
}

/* No more pieces are written than there is room for. */
static void
test_most_segments(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	port_frame(&hostile, frame, 400, 1);
	for (uint16_t segs = 1; segs <= 40; segs++)
		for (uint16_t max = 1; max <= 40; max++) {
			struct pvn_vring_buf *pieces = malloc(max * sizeof(*pieces));
			struct rte_mbuf *m =
				port_chain(hostile.private_pool, frame, segs * 10u, 10);
			struct pvn_host_frame f;

			assert_int_equal(m->nb_segs, segs);
			assert_int_equal(pvn_host_frame_from_mbuf(&f, m, pieces, max), segs <= max);
			if (segs <= max)
				assert_int_equal(f.len, segs * 10);
			rte_pktmbuf_free(m);
			free(pieces);
		}
	hostile_close();
}

/* Clones, and parts of other mbufs. */
static void
test_indirect(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	fwd_begin();
	port_frame(&hostile, frame, 2000, 1);
	for (size_t room = 40; room <= 2048; room += 251) {
		struct rte_mbuf *m, *clone;
		uint32_t len = RTE_MIN(room * 30, 2000u);

		m = port_chain(hostile.private_pool, frame, len, room);
		clone = rte_pktmbuf_clone(m, hostile.private_pool);
		put_mbuf(clone, frame, len, PVN_SWITCH_TAG_PUSH);
		rte_pktmbuf_free(m);
		rte_pktmbuf_adj(clone, 20);
		memmove(frame, frame + 20, len - 20);
		put_mbuf(clone, frame, len - 20, PVN_SWITCH_TAG_KEEP);
		rte_pktmbuf_free(clone);
		port_frame(&hostile, frame, 2000, 1);
	}
	port_assert_all_back(&hostile);
	hostile_close();
}

/* Below 14 bytes it is no frame. */
static void
test_too_short(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	port_frame(&hostile, frame, 60, 1);
	for (uint32_t len = 0; len < 14; len++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(hostile.private_pool);
		struct pvn_vring_buf pieces[2];
		struct pvn_host_sent sent;
		struct pvn_host_frame f;
		struct pvn_host_out out;

		memcpy(rte_pktmbuf_append(m, len), frame, len);
		fwd_begin();
		fwd_post(4, 200);
		assert_true(pvn_host_frame_from_mbuf(&f, m, pieces, 2));
		out = port_out(&f);
		pvn_host_put(&hostile.htx[0], &out, 1, &sent);
		assert_true(sent.handled == 1 && sent.sent == 0 && sent.too_long == 1);
		assert_int_equal(hostile.htx[0].stats.too_long, 1);
		fwd_assert_nothing();
		rte_pktmbuf_free(m);
	}
	hostile_close();
}

/* The wishes of a mbuf are not put but go on with it. */
static void
test_hints_from_mbuf(void **state)
{
	(void)state;
	hostile_open(&mergeable);
	for (int way = 0; way < 16; way++) {
		const struct packet_kind kind = {.tcp = (way & 1) != 0,
						 .ipv6 = (way & 2) != 0,
						 .vlan = (way & 4) != 0,
						 .payload = 1200};
		const uint16_t segment = kind.tcp && (way & 8) != 0 ? 700 : 0;
		struct pvn_vring_buf pieces[8];
		struct pvn_host_sent sent;
		struct pvn_host_frame f;
		struct pvn_host_out out;
		struct rte_mbuf *m, *copy;

		packet_make(&pk, &kind);
		packet_blank(&pk);
		m = port_chain(hostile.private_pool, pk.data, pk.len, 500);
		packet_ask(&pk, m);
		if (segment != 0)
			packet_ask_tso(&pk, m, segment);
		memset(&f, 0xa5, sizeof(f));
		assert_true(pvn_host_frame_from_mbuf(&f, m, pieces, 8));
		assert_false(pvn_host_takes(UINT64_MAX, &f));
		out = port_out(&f);
		fwd_begin();
		fwd_post(4, FRAME_MAX);
		pvn_host_put(&hostile.htx[0], &out, 1, &sent);
		assert_true(sent.handled == 1 && sent.sent == 0 && sent.too_long == 0);
		assert_int_equal(hostile.htx[0].stats.bad_offload, 1);
		fwd_assert_nothing();
		copy = as_mbuf(&f, hostile.host_pool, PVN_SWITCH_TAG_PUSH);
		assert_asks(copy, segment, PVN_SWITCH_TAG_PUSH);
		rte_pktmbuf_free(copy);
		rte_pktmbuf_free(m);
	}
	port_assert_all_back(&hostile);
	hostile_close();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_to_mbuf),	 PORT_TEST(test_empty_pool),
		PORT_TEST(test_hints_to_mbuf),	 PORT_TEST(test_from_mbuf),
		PORT_TEST(test_empty_segments),	 PORT_TEST(test_most_segments),
		PORT_TEST(test_indirect),	 PORT_TEST(test_too_short),
		PORT_TEST(test_hints_from_mbuf),
	};

	return PORT_RUN(tests);
}
