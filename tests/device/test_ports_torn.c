/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Memory that changes while it is read: a second thread rewrites descriptors, indices, headers and
 * data at random, as fast as it can. Whatever comes out of a burst must be sound by itself, since
 * whoever gets it looks at no shared page any more; no burst may take long; and the neighbour goes
 * on.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "port_hostile.h"

#define SECONDS 0.4
#define LONGEST_BURST 0.1 /* of CPU time; a burst moves 2 MiB at most */
#define PLACES 64u	  /* where frames begin, a KiB apart */

struct liar {
	uint32_t random;
	bool stop;
	pthread_t thread;
};

static uint32_t
draw(struct liar *l, uint32_t below)
{
	l->random = l->random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)l->random * below >> 32);
}

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool
go_on(const struct liar *l)
{
	return !__atomic_load_n(&l->stop, __ATOMIC_RELAXED);
}

static void
start(struct liar *l, void *(*run)(void *))
{
	*l = (struct liar){.random = 4711};
	assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
}

static void
stop(struct liar *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	pthread_join(l->thread, NULL);
}

/* ---- a guest ---- */

static uint64_t
any_addr(struct liar *l, int pool)
{
	if (draw(l, 20000) == 0)
		return (uint64_t)draw(l, UINT32_MAX) << 20;
	return AT(pool, 4096 + draw(l, PLACES) * 1024);
}

static uint32_t
any_len(struct liar *l)
{
	switch (draw(l, 8)) {
	case 0:
		return 14 + draw(l, 4);
	case 1:
		return draw(l, 8192);
	case 2:
		return draw(l, 5000) == 0 ? draw(l, UINT32_MAX) : 1;
	default:
		return 60 + draw(l, 1000);
	}
}

/* What a frame says of itself: its sender, its protocols, its lengths, its net header. */
static void
spoil_frame(struct liar *l)
{
	uint8_t *frame = hostile_page(TX, 4096 + draw(l, PLACES) * 1024);
	struct raw_hdr hdr = {
		.flags = draw(l, 3),
		.gso_type = draw(l, 3) == 0 ? RAW_GSO_TCPV4 : 0,
		.gso_size = draw(l, 2) * 1000,
		.csum_start = draw(l, 9) == 0 ? draw(l, 65536) : 34,
		.csum_offset = draw(l, 9) == 0 ? draw(l, 65536) : 16,
	};

	frame[11] ^= draw(l, 2);
	frame[12 + draw(l, 40)] = (uint8_t)draw(l, 256);
	frame[46] = (uint8_t)draw(l, 256);
	frame[14] = draw(l, 4) == 0 ? (uint8_t)draw(l, 256) : 0x45;
	raw_hdr_put(frame, &hdr);
}

static void
heal_frame(struct liar *l)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 900};
	static struct packet pk;

	if (pk.len == 0)
		packet_make(&pk, &kind);
	memcpy(hostile_page(TX, 4096 + draw(l, PLACES) * 1024), pk.data, pk.len);
}

static uint16_t
any_flags(struct liar *l)
{
	if (draw(l, 20000) == 0)
		return (uint16_t)draw(l, 65536);
	return (draw(l, 4) == 0 ? RAW_NEXT : 0) | (draw(l, 2) == 0 ? RAW_HDR : 0);
}

static void *
lie_as_guest(void *arg)
{
	struct liar *l = arg;

	while (go_on(l)) {
		uint32_t i = draw(l, RING);

		raw_desc(&to_host, i, any_addr(l, TX), any_len(l), any_flags(l));
		raw_desc(&to_guest, draw(l, RING), any_addr(l, RX), any_len(l),
			 draw(l, 20000) == 0 ? 0 : RAW_WRITE);
		spoil_frame(l);
		heal_frame(l);
		heal_frame(l);
		raw_avail_set(&to_host, raw_used(&to_host) + draw(l, RING + 1) +
						(draw(l, 3000) == 0 ? 0x4000 : 0));
		raw_avail_set(&to_guest, raw_used(&to_guest) + draw(l, RING + 1));
	}
	return NULL;
}

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
	double begin = cpu_seconds();
	uint16_t n = port_host_rx(&hostile, m, PORT_BURST);

	t->longest = RTE_MAX(t->longest, cpu_seconds() - begin);
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
	begin = cpu_seconds();
	sent = port_host_tx(&hostile, m, n);
	t->longest = RTE_MAX(t->longest, cpu_seconds() - begin);
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
	start(&liar, lie_as_guest);
	end = seconds() + SECONDS;
	for (unsigned int i = 0; seconds() < end; i++) {
		receive(t);
		transmit(t, &pk);
		reconnect(t);
		if (i % 64 == 0)
			port_assert_works(&neighbour, 4);
	}
	stop(&liar);
	print_message("%u received, %u with hints, %u spoofed, %u faults, longest burst %.1f ms\n",
		      (unsigned int)t->received, (unsigned int)t->hinted,
		      (unsigned int)hostile.hrx[0].stats.spoofed, (unsigned int)t->faults,
		      t->longest * 1000);
	assert_true(t->received > 0 && hostile.hrx[0].stats.spoofed > 0);
	assert_int_equal(t->received, hostile.hrx[0].stats.packets);
	assert_true(t->longest < LONGEST_BURST);
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
	if (draw(l, 3000) == 0)
		return draw(l, UINT32_MAX);
	return (draw(l, 2) == 0 ? RAW_USED_HDR : 0) | (14 + draw(l, 2035));
}

/* Data of a receive buffer; NULL while the guest begins anew. */
static uint8_t *
any_buffer(struct liar *l)
{
	const uint64_t addr = raw_desc_addr(&cheated_rx, draw(l, RING)), offset = addr & FAR;

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

	raw_used_set(r, used + (draw(l, 20000) == 0 ? draw(l, 65536) : draw(l, there + 1u)));
}

static void *
lie_as_host(void *arg)
{
	struct liar *l = arg;

	while (go_on(l)) {
		uint8_t *data = any_buffer(l);
		struct raw_hdr hdr = {.flags = draw(l, 3),
				      .num_buffers =
					      draw(l, 3000) == 0 ? draw(l, 65536) : draw(l, 2),
				      .csum_start = 34,
				      .csum_offset = draw(l, 2) * 16};

		if (data != NULL)
			raw_hdr_put(data, &hdr);
		raw_used_put(&cheated_rx, draw(l, RING), draw(l, UINT32_MAX), any_word(l));
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
	double begin = cpu_seconds();
	uint16_t n = port_guest_rx(&cheated, m, PORT_BURST), sent;

	t->longest = RTE_MAX(t->longest, cpu_seconds() - begin);
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
	start(&liar, lie_as_host);
	end = seconds() + SECONDS;
	for (unsigned int i = 0; seconds() < end; i++) {
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
	stop(&liar);
	print_message("%u received, %u faults, longest burst %.1f ms\n", (unsigned int)t.received,
		      (unsigned int)t.faults, t.longest * 1000);
	assert_true(t.received > 0);
	assert_int_equal(t.received, cheated.grx[0].stats.packets);
	assert_true(t.longest < LONGEST_BURST);
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
