/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Memory that changes while it is read: a second thread rewrites descriptors, indices, headers and
 * data at random, as fast as it can. Whatever comes out of a burst must be sound by itself, since
 * whoever gets it looks at no shared page any more; no burst may take long; and the neighbour goes
 * on.
 */
#include <sched.h>
#include <string.h>

#include "port_liar.h"

/* ---- a guest ---- */

/* What a driver, a switch or a network card would believe. */
static void
assert_sound(const struct rte_mbuf *m)
{
	const uint32_t headers = m->l2_len + m->l3_len + m->l4_len;
	const uint64_t wishes = m->ol_flags & PVN_NETBUF_TX_HINTS;
	struct rte_ether_hdr eth;
	const char *reason;

	if (rte_mbuf_check(m, 1, &reason) != 0)
		fail_msg("bad mbuf: %s", reason);
	assert_non_null(rte_pktmbuf_read(m, 0, sizeof(eth), &eth));
	memcpy(&eth, rte_pktmbuf_mtod(m, const void *), sizeof(eth));
	assert_memory_equal(&eth.src_addr, &port_mac, sizeof(port_mac));
	assert_true(m->pkt_len <= ((wishes & RTE_MBUF_F_TX_TCP_SEG) != 0 ? 65535 : FRAME_MAX));
	if (wishes == 0)
		return;
	assert_true(m->l2_len >= 14 && m->l3_len >= 20 && headers <= m->pkt_len);
	if ((wishes & RTE_MBUF_F_TX_TCP_SEG) != 0)
		assert_true(m->tso_segsz > 0 && m->l4_len >= 20 && headers < m->pkt_len);
}

struct tally {
	double longest;
	uint64_t received, faults, hinted;
};

static void
receive(struct tally *t)
{
	struct rte_mbuf *m[PORT_BURST];
	double begin = liar_cpu_seconds();
	uint16_t n = port_host_rx(&hostile, m, PORT_BURST);

	t->longest = RTE_MAX(t->longest, liar_cpu_seconds() - begin);
	for (uint16_t i = 0; i < n; i++) {
		assert_sound(m[i]);
		t->hinted += (m[i]->ol_flags & PVN_NETBUF_TX_HINTS) != 0;
	}
	rte_pktmbuf_free_bulk(m, n);
	t->received += n;
	if (n == 0)
		sched_yield();
}

static void
transmit(struct tally *t, const struct packet *pk)
{
	struct rte_mbuf *m[PORT_BURST];
	uint16_t n = PORT_BURST, sent;
	double begin;

	for (uint16_t i = 0; i < n; i++) {
		m[i] = port_chain(hostile.private_pool, pk->data, pk->len, 500);
		if (i % 2 == 0)
			packet_ask(pk, m[i]);
	}
	begin = liar_cpu_seconds();
	sent = port_host_tx(&hostile, m, n);
	t->longest = RTE_MAX(t->longest, liar_cpu_seconds() - begin);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
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
run_guest_lies(const struct port_setup *setup, struct tally *t)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 1200};
	static struct packet pk;
	struct liar liar;
	double end;

	*t = (struct tally){0};
	packet_make(&pk, &kind);
	hostile_open(setup);
	hostile_begin();
	liar_start(&liar, liar_as_guest);
	end = liar_seconds() + LIAR_SECONDS;
	for (unsigned int i = 0; liar_seconds() < end; i++) {
		receive(t);
		transmit(t, &pk);
		reconnect(t);
		if (i % 64 == 0)
			port_assert_works(&neighbour, 4);
	}
	liar_stop(&liar);
	print_message("%u received, %u with hints, %u spoofed, %u faults, longest burst %.1f ms\n",
		      (unsigned int)t->received, (unsigned int)t->hinted,
		      (unsigned int)hostile.hrx[0].stats.spoofed, (unsigned int)t->faults,
		      t->longest * 1000);
	assert_true(t->received > 0 && hostile.hrx[0].stats.spoofed > 0);
	assert_int_equal(t->received, hostile.hrx[0].stats.packets);
	assert_true(t->longest < LIAR_LONGEST_BURST);
	hostile_assert_harmless();
	hostile_close();
}

static void
test_guest_lies(void **state)
{
	static const struct port_setup setup = {.host_scatter = true,
						.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)};
	struct tally t;

	(void)state;
	run_guest_lies(&setup, &t);
}

static void
test_guest_lies_hints(void **state)
{
	static const struct port_setup setup = {
		.host_scatter = true,
		.host_keeps_hints = true,
		.features = RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF) | RTE_BIT64(VIRTIO_NET_F_CSUM) |
			    RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4)};
	struct tally t;

	(void)state;
	run_guest_lies(&setup, &t);
	assert_true(t.hinted > 0);
}

/* ---- a host ---- */

static struct port cheated;
static struct raw_ring cheated_rx, cheated_tx;

static uint32_t
any_word(struct liar *l)
{
	if (liar_draw(l, 3000) == 0)
		return liar_draw(l, UINT32_MAX);
	return (liar_draw(l, 2) == 0 ? RAW_USED_HDR : 0) | (14 + liar_draw(l, 2035));
}

/* Data of a receive buffer; NULL while the guest begins anew. */
static uint8_t *
any_buffer(struct liar *l)
{
	const uint64_t addr = raw_desc_addr(&cheated_rx, liar_draw(l, RING)), offset = addr & FAR;

	if (offset < RAW_HDR_BYTES || (addr >> 48) >= cheated.pool_count ||
	    !cheated.host_view[addr >> 48].writable || offset >= cheated.pools[addr >> 48].size)
		return NULL;
	return cheated.pools[addr >> 48].host + offset;
}

/* Mostly what may be: as many as there are, or fewer. */
static void
use_some(struct liar *l, struct raw_ring *r)
{
	const uint16_t used = raw_used(r), there = raw_avail(r) - used;

	raw_used_set(r, used + (liar_draw(l, 20000) == 0 ? liar_draw(l, 65536)
							 : liar_draw(l, there + 1u)));
}

static void *
lie_as_host(void *arg)
{
	struct liar *l = arg;

	while (liar_go_on(l)) {
		uint8_t *data = any_buffer(l);
		struct raw_hdr hdr = {.flags = liar_draw(l, 3),
				      .num_buffers = liar_draw(l, 3000) == 0 ? liar_draw(l, 65536)
									     : liar_draw(l, 2),
				      .csum_start = 34,
				      .csum_offset = liar_draw(l, 2) * 16};

		if (data != NULL)
			raw_hdr_put(data, &hdr);
		raw_used_put(&cheated_rx, liar_draw(l, RING), liar_draw(l, UINT32_MAX),
			     any_word(l));
		use_some(l, &cheated_rx);
		use_some(l, &cheated_tx);
	}
	return NULL;
}

static void
assert_plausible(const struct rte_mbuf *m)
{
	const char *reason;

	if (rte_mbuf_check(m, 1, &reason) != 0)
		fail_msg("bad mbuf: %s", reason);
	assert_true(m->pkt_len >= 14 && m->nb_segs <= 34);
	for (; m != NULL; m = m->next) {
		assert_true(m->data_len > 0 && m->data_len <= 2048);
		assert_true(!cheated.setup.zero_copy || RTE_MBUF_HAS_EXTBUF(m));
	}
}

static void
guest_bursts(struct tally *t)
{
	struct rte_mbuf *m[PORT_BURST];
	double begin = liar_cpu_seconds();
	uint16_t n = port_guest_rx(&cheated, m, PORT_BURST), sent;

	t->longest = RTE_MAX(t->longest, liar_cpu_seconds() - begin);
	for (uint16_t i = 0; i < n; i++)
		assert_plausible(m[i]);
	t->received += n;
	if (n == 0)
		sched_yield();
	sent = port_guest_tx(&cheated, m, n); /* what came goes back */
	rte_pktmbuf_free_bulk(m + sent, n - sent);
}

static void
run_host_lies(bool zero_copy)
{
	const struct port_setup setup = {.no_host = true,
					 .zero_copy = zero_copy,
					 .guest_scatter = true,
					 .rx_ring = RING,
					 .tx_ring = RING};
	struct tally t = {0};
	struct liar liar;
	double end;

	port_open(&cheated, &setup);
	port_open(&neighbour, NULL);
	cheated_rx = (struct raw_ring){
		cheated.rx_rings[0].host + cheated.rx_rings[0].size - raw_bytes(RING), RING};
	cheated_tx = (struct raw_ring){
		cheated.tx_rings[0].host + cheated.tx_rings[0].size - raw_bytes(RING), RING};
	liar_start(&liar, lie_as_host);
	end = liar_seconds() + LIAR_SECONDS;
	for (unsigned int i = 0; liar_seconds() < end; i++) {
		guest_bursts(&t);
		if (cheated.grx[0].ring.fault != 0 || cheated.gtx[0].ring.fault != 0) {
			t.faults++;
			port_stop(&cheated);
			port_assert_all_back(&cheated);
			port_start(&cheated);
		}
		if (i % 64 == 0)
			port_assert_works(&neighbour, 4);
	}
	liar_stop(&liar);
	print_message("%u received, %u faults, longest burst %.1f ms\n", (unsigned int)t.received,
		      (unsigned int)t.faults, t.longest * 1000);
	assert_true(t.received > 0);
	assert_int_equal(t.received, cheated.grx[0].stats.packets);
	assert_true(t.longest < LIAR_LONGEST_BURST);
	port_close(&cheated);
	port_close(&neighbour);
}

static void
test_host_lies_copy(void **state)
{
	(void)state;
	run_host_lies(false);
}

static void
test_host_lies_zero_copy(void **state)
{
	(void)state;
	run_host_lies(true);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_guest_lies),
		PORT_TEST(test_guest_lies_hints),
		PORT_TEST(test_host_lies_copy),
		PORT_TEST(test_host_lies_zero_copy),
	};

	return PORT_RUN(tests);
}
