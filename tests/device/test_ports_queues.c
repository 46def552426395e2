/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Several queues: those of a guest do not mix, several of the host's may lead to one ring, and the
 * gates keep bursts out of what the control thread changes. And what a guest may send in a second,
 * however many of the host's threads receive it.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <rte_cycles.h>

#include "port_fixture.h"

#define PER_THREAD 20000u

struct sender {
	struct port *port;
	struct pvn_host_txq *queue;
	uint8_t id;
	pthread_t thread;
};

static void *
send_numbered(void *arg)
{
	struct sender *s = arg;
	struct rte_mbuf *m;
	uint8_t frame[64];
	uint32_t i = 0;

	while (i < PER_THREAD) {
		port_frame(s->port, frame, sizeof(frame), i);
		frame[14] = s->id;
		memcpy(frame + 16, &i, sizeof(i));
		m = port_chain(s->port->private_pool, frame, sizeof(frame), 2048);
		if (m == NULL)
			continue;
		while (pvn_host_tx(s->queue, &m, 1) == 0)
			sched_yield();
		i++;
	}
	return NULL;
}

/* Frames of each thread come in order, whole, and all of them; and none while the ring's lock is
 * taken, since a race would show too seldom.
 */
static void
test_shared_ring(void **state)
{
	struct pvn_host_txq second = {0};
	struct sender senders[2];
	uint32_t next[2] = {0};
	struct rte_mbuf *early;
	static struct port p;

	(void)state;
	port_open(&p, NULL);
	second.lead = &p.htx[0];
	p.htx[0].shared = true;
	pvn_gate_open(&second.gate);
	rte_spinlock_lock(&p.htx[0].lock);
	for (uint8_t i = 0; i < 2; i++) {
		senders[i] = (struct sender){&p, i == 0 ? &p.htx[0] : &second, i, 0};
		assert_int_equal(
			pthread_create(&senders[i].thread, NULL, send_numbered, &senders[i]), 0);
	}
	rte_delay_us_sleep(20000);
	assert_int_equal(port_guest_rx(&p, &early, 1), 0);
	rte_spinlock_unlock(&p.htx[0].lock);
	while (next[0] + next[1] < 2 * PER_THREAD) {
		struct rte_mbuf *m[PORT_BURST];
		uint16_t n = port_guest_rx(&p, m, PORT_BURST);

		if (n == 0)
			sched_yield();
		for (uint16_t i = 0; i < n; i++) {
			const uint8_t *data = rte_pktmbuf_mtod(m[i], const uint8_t *);
			uint8_t expected[64];

			assert_true(data[14] < 2);
			port_frame(&p, expected, sizeof(expected), next[data[14]]);
			expected[14] = data[14];
			memcpy(expected + 16, &next[data[14]], 4);
			port_assert_content(m[i], expected, sizeof(expected));
			next[data[14]]++;
			rte_pktmbuf_free(m[i]);
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i].thread, NULL);
	assert_int_equal(p.htx[0].stats.packets, 2 * PER_THREAD);
	assert_int_equal(p.grx[0].stats.packets, 2 * PER_THREAD);
	port_close(&p);
}

/* Two queue pairs do not mix. */
static void
test_queues(void **state)
{
	static struct port p;

	(void)state;
	for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
		struct port_setup setup = {.zero_copy = zero_copy, .queues = 2};
		struct rte_mbuf *m;
		uint8_t frame[100];

		port_open(&p, &setup);
		for (uint16_t i = 0; i < 1000; i++) {
			uint16_t q = i % 2, other = 1 - q;

			port_frame(&p, frame, sizeof(frame), i);
			m = port_chain(zero_copy ? p.guest_pool : p.private_pool, frame,
				       sizeof(frame), 2048);
			assert_int_equal((zero_copy ? pvn_guest_tx_zero_copy
						    : pvn_guest_tx_copy)(&p.gtx[q], &m, 1),
					 1);
			assert_int_equal(pvn_host_rx(&p.hrx[other], &m, 1), 0);
			assert_int_equal(pvn_host_rx(&p.hrx[q], &m, 1), 1);
			port_assert_content(m, frame, sizeof(frame));
			assert_int_equal(pvn_host_tx(&p.htx[q], &m, 1), 1);
			assert_int_equal((zero_copy ? pvn_guest_rx_zero_copy
						    : pvn_guest_rx_copy)(&p.grx[other], &m, 1),
					 0);
			assert_int_equal((zero_copy ? pvn_guest_rx_zero_copy
						    : pvn_guest_rx_copy)(&p.grx[q], &m, 1),
					 1);
			port_assert_content(m, frame, sizeof(frame));
			rte_pktmbuf_free(m);
		}
		port_close(&p);
	}
}

/* ---- a connection that comes back with more or fewer rings ---- */

struct tireless {
	struct port *port;
	struct pvn_host_txq *queue;
	bool stop;
	uint64_t sent;
	pthread_t thread;
};

static void *
send_always(void *arg)
{
	struct tireless *s = arg;
	uint8_t frame[64];

	port_frame(s->port, frame, sizeof(frame), 3);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		struct rte_mbuf *m = port_chain(s->port->private_pool, frame, sizeof(frame), 2048);

		if (m == NULL)
			continue;
		if (pvn_host_tx(s->queue, &m, 1) == 1)
			s->sent++;
		else
			rte_pktmbuf_free(m);
	}
	return NULL;
}

static uint64_t
receive_some(struct port *p, unsigned int bursts)
{
	uint64_t got = 0;
	uint8_t frame[64];

	port_frame(p, frame, sizeof(frame), 3);
	for (unsigned int i = 0; i < bursts; i++) {
		struct rte_mbuf *m[PORT_BURST];
		uint16_t n = pvn_guest_rx_copy(&p->grx[i % 2], m, PORT_BURST);

		for (uint16_t k = 0; k < n; k++)
			port_assert_content(m[k], frame, sizeof(frame));
		rte_pktmbuf_free_bulk(m, n);
		got += n;
	}
	return got;
}

static void
test_reconnect(void **state)
{
	static const struct port_setup setup = {.queues = 2};
	static struct port p;
	struct tireless senders[2];
	uint64_t got = 0;

	(void)state;
	port_open(&p, &setup);
	for (int i = 0; i < 2; i++) {
		senders[i] = (struct tireless){.port = &p, .queue = &p.htx[i]};
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_always, &senders[i]),
				 0);
	}
	for (int round = 0; round < 200; round++) {
		got += receive_some(&p, 100);
		port_stop(&p);
		/* What is in the rings now was sent, and is lost. */
		for (int i = 0; i < 2; i++)
			got += (uint16_t)(p.htx[i].lead == NULL
						  ? p.htx[i].ring.used_idx - p.grx[i].ring.used_idx
						  : 0);
		p.htx[0].shared = round % 2 == 0;
		p.htx[1].lead = round % 2 == 0 ? &p.htx[0] : NULL;
		port_start(&p);
	}
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&senders[i].stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i].thread, NULL);
	got += receive_some(&p, 100);
	assert_int_equal(got, senders[0].sent + senders[1].sent);
	assert_int_equal(got, p.htx[0].stats.packets + p.htx[1].stats.packets);
	port_close(&p);
}

/* ---- rate ---- */

#define FRAME 1018u

/* One burst through queue `i`, of which the rate lets a part pass. To the meter, `ticks` have gone
 * by since the last one; 0: what the clock says.
 */
static void
offer_burst(struct port *p, uint16_t i, uint64_t ticks)
{
	struct rte_mbuf *m[PORT_BURST];
	uint8_t frame[FRAME];
	uint16_t n;

	port_frame(p, frame, sizeof(frame), i);
	for (n = 0; n < PORT_BURST; n++) {
		m[n] = port_chain(p->private_pool, frame, sizeof(frame), 2048);
		assert_non_null(m[n]);
	}
	assert_int_equal(pvn_guest_tx_copy(&p->gtx[i], m, n), n);
	if (ticks != 0)
		p->policy.meter.time = rte_get_tsc_cycles() - ticks;
	n = pvn_host_rx(&p->hrx[i], m, PORT_BURST);
	rte_pktmbuf_free_bulk(m, n);
}

/* Uses what may pass at once. */
static void
use_credit(struct port *p)
{
	for (int i = 0; i < 1000 && p->hrx[0].stats.over_rate == 0; i++)
		offer_burst(p, 0, 1);
	assert_true(p->hrx[0].stats.over_rate > 0);
}

/* A second of the meter's time. */
static void
test_rate(void **state)
{
	static const uint64_t rates[] = {1000000, 8000000, 200000000};
	static struct port p;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		const double rate = rates[i] / 8.0, hz = rte_get_tsc_hz();
		const uint64_t step = hz * PORT_BURST * FRAME / rate / 2;
		uint64_t bytes, time = 0;

		port_open(&p, NULL);
		assert_int_equal(pvn_host_policy_rate(&p.policy, rates[i]), 0);
		use_credit(&p);
		bytes = p.hrx[0].stats.bytes;
		for (; time < hz; time += step)
			offer_burst(&p, 0, step);
		bytes = p.hrx[0].stats.bytes - bytes;
		if (bytes < 0.9 * rate * time / hz || bytes > 1.1 * rate * time / hz)
			fail_msg("%.0f bytes/s: %.0f passed", rate, bytes * hz / time);
		assert_int_equal(port_host_rx_total(&p.hrx[0]), p.gtx[0].stats.packets);
		port_close(&p);
	}
}

/* A rate that is not possible leaves the one before in force; 0 ends it. */
static void
test_rate_changed(void **state)
{
	struct pvn_host_policy policy = {0};
	const uint32_t lens[2] = {65536, 65536};

	(void)state;
	assert_int_not_equal(pvn_host_policy_rate(&policy, 7), 0);
	assert_false(policy.limit_rate);
	assert_int_equal(pvn_host_policy_rate(&policy, 8000), 0);
	assert_int_not_equal(pvn_host_policy_rate(&policy, 7), 0);
	assert_true(policy.limit_rate);
	assert_int_equal(pvn_host_within_rate(&policy, lens, 2), 1);
	assert_int_equal(pvn_host_policy_rate(&policy, 0), 0);
	assert_false(policy.limit_rate);
}

/* A thread that looked at the clock earlier than another, but comes later, gains nothing. */
static void
test_rate_behind(void **state)
{
	static struct port p;
	uint64_t bytes;

	(void)state;
	port_open(&p, NULL);
	assert_int_equal(pvn_host_policy_rate(&p.policy, 8000), 0);
	use_credit(&p);
	bytes = p.hrx[0].stats.bytes;
	for (int i = 0; i < 10; i++) {
		p.policy.meter.time = rte_get_tsc_cycles() + rte_get_tsc_hz();
		offer_burst(&p, 0, 0);
	}
	assert_int_equal(p.hrx[0].stats.bytes, bytes);
	port_close(&p);
}

struct offerer {
	struct port *port;
	uint16_t queue;
	uint64_t until;
	pthread_t thread;
};

static void *
offer_always(void *arg)
{
	struct offerer *o = arg;

	while (rte_get_tsc_cycles() < o->until)
		offer_burst(o->port, o->queue, 0);
	return NULL;
}

/* Two threads of the host share the limit: together they let no more pass than one. */
static void
test_rate_threads(void **state)
{
	static const struct port_setup setup = {.queues = 2};
	const double rate = 50e6, hz = rte_get_tsc_hz();
	struct offerer offerers[2];
	static struct port p;
	uint64_t begin;
	double seconds, bytes;

	(void)state;
	port_open(&p, &setup);
	assert_int_equal(pvn_host_policy_rate(&p.policy, (uint64_t)rate * 8), 0);
	begin = rte_get_tsc_cycles();
	for (uint16_t i = 0; i < 2; i++) {
		offerers[i] = (struct offerer){&p, i, begin + (uint64_t)(0.4 * hz), 0};
		assert_int_equal(
			pthread_create(&offerers[i].thread, NULL, offer_always, &offerers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(offerers[i].thread, NULL);
	seconds = (rte_get_tsc_cycles() - begin) / hz;
	bytes = p.hrx[0].stats.bytes + p.hrx[1].stats.bytes;
	assert_true(p.hrx[0].stats.over_rate > 0 && p.hrx[1].stats.over_rate > 0);
	if (bytes > 1.1 * rate * seconds + rate / 100)
		fail_msg("%.0f bytes in %.2f s", bytes, seconds);
	port_close(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_queues),	      PORT_TEST(test_shared_ring),
		PORT_TEST(test_reconnect),    PORT_TEST(test_rate),
		PORT_TEST(test_rate_behind),  PORT_TEST(test_rate_changed),
		PORT_TEST(test_rate_threads),
	};

	return PORT_RUN(tests);
}
