/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Views of pvswitch, with this test as the worker: what it may still use is not freed, and a queue
 * never has two workers.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "view.h"

#define PATIENCE_MS 50 /* for what must not happen */

static struct pvs sw;
static struct pvs_eth eth[3];

/* The rest of the switch. */
struct pvs_port *
pvs_port_find(struct pvs *s, const char *name)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (s->port[i].kind != PVS_FREE && strcmp(s->port[i].name, name) == 0)
			return &s->port[i];
	return NULL;
}

static const struct pvs_view *
view_now(void)
{
	return __atomic_load_n(&sw.view, __ATOMIC_ACQUIRE);
}

/* How often a worker polls a port's queue in a view. */
static uint32_t
polls(const struct pvs_view *view, uint32_t worker, uint16_t port)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < view->sources[worker]; i++)
		n += view->source[worker][i]->port == port;
	return n;
}

static void
add_port(uint16_t number, const char *name, uint16_t queues)
{
	struct pvs_port *port = &sw.port[number];

	snprintf(port->name, sizeof(port->name), "%s", name);
	pvs_settings_default(&port->set, false);
	eth[number] = (struct pvs_eth){.rx_queues = queues, .tx_queues = 1};
	pvs_view_place(&sw, eth[number].source, number, queues);
	port->eth = &eth[number];
	port->kind = PVS_ETH;
}

/* Two workers, of which this thread is the first; the second is never there. */
static int
set_up(void **state)
{
	char why[PVS_WHY_MAX];

	(void)state;
	memset(&sw, 0, sizeof(sw));
	sw.workers = 2;
	sw.rcu = rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(2), RTE_CACHE_LINE_SIZE);
	assert_non_null(sw.rcu);
	assert_int_equal(rte_rcu_qsbr_init(sw.rcu, 2), 0);
	add_port(0, "a", 1);
	add_port(1, "b", 1);
	add_port(2, "c", 1);
	assert_int_equal(pvs_view_publish(&sw, why), 0);
	rte_rcu_qsbr_thread_register(sw.rcu, 0);
	rte_rcu_qsbr_thread_online(sw.rcu, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rte_rcu_qsbr_thread_offline(sw.rcu, 0);
	rte_rcu_qsbr_thread_unregister(sw.rcu, 0);
	pvs_view_end(&sw);
	rte_free(sw.rcu);
	return 0;
}

static void *
rebalance(void *arg)
{
	(void)arg;
	pvs_view_rebalance(&sw);
	return NULL;
}

static const struct pvs_view *
next_view(const struct pvs_view *before)
{
	while (view_now() == before)
		sched_yield();
	return view_now();
}

/* Whoever waits for this worker gets no further, for a while at least. */
static void
expect_waits(const struct pvs_view *view)
{
	usleep(PATIENCE_MS * 1000);
	assert_ptr_equal(view_now(), view);
}

/* A worker that has not ended its round is waited for before another gets its queue. */
static void
test_handed_over(void **state)
{
	const struct pvs_view *before = view_now(), *between, *after;
	pthread_t thread;

	(void)state;
	assert_int_equal(polls(before, 0, 0), 1);
	assert_int_equal(polls(before, 1, 1), 1);
	assert_int_equal(polls(before, 0, 2), 1);
	/* Both queues of worker 0 are busy, the one of worker 1 is not. */
	eth[0].source[0].cycles = rte_get_tsc_hz() / 2;
	eth[2].source[0].cycles = rte_get_tsc_hz() / 3;
	assert_int_equal(pthread_create(&thread, NULL, rebalance, NULL), 0);
	between = next_view(before);
	assert_int_equal(polls(between, 0, 0), 1);
	assert_int_equal(polls(between, 0, 2) + polls(between, 1, 2), 0);
	expect_waits(between);
	rte_rcu_qsbr_quiescent(sw.rcu, 0);
	after = next_view(between);
	assert_int_equal(polls(after, 0, 2), 0);
	assert_int_equal(polls(after, 1, 2), 1);
	rte_rcu_qsbr_quiescent(sw.rcu, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Where the difference is small, or one queue makes all of it, nothing moves. */
static void
test_left_alone(void **state)
{
	const struct pvs_view *view = view_now();

	(void)state;
	eth[0].source[0].cycles = rte_get_tsc_hz() / 20;
	eth[2].source[0].cycles = rte_get_tsc_hz() / 30;
	pvs_view_rebalance(&sw);
	assert_ptr_equal(view_now(), view);
	eth[0].source[0].cycles += rte_get_tsc_hz();
	pvs_view_rebalance(&sw);
	assert_ptr_equal(view_now(), view);
}

/* Queues of one port go to different workers. */
static void
test_placed(void **state)
{
	struct pvs_source source[2];

	(void)state;
	pvs_view_place(&sw, source, 9, 2);
	assert_int_equal(source[0].worker + source[1].worker, 1);
	assert_int_equal(source[1].queue, 1);
	assert_int_equal(source[1].port, 9);
}

/* A mirror is a port that is there, and never oneself. */
static void
test_mirror(void **state)
{
	static const struct {
		const char *to;
		uint16_t want;
	} cases[] = {{"b", 1}, {"a", PVS_NO_PORT}, {"nobody", PVS_NO_PORT}, {"", PVS_NO_PORT}};
	char why[PVS_WHY_MAX];

	(void)state;
	rte_rcu_qsbr_thread_offline(sw.rcu, 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		snprintf(sw.port[0].set.mirror, sizeof(sw.port[0].set.mirror), "%s", cases[i].to);
		assert_int_equal(pvs_view_publish(&sw, why), 0);
		assert_int_equal(view_now()->lane[0].mirror, cases[i].want);
	}
	rte_rcu_qsbr_thread_online(sw.rcu, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_placed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mirror, set_up, tear_down),
	};
	char prefix[32];
	char *argv[] = {
		"pvs-view",	  "--no-huge",	    "-m",	   "64",
		"--no-pci",	  "--no-telemetry", "--no-shconf", "--iova-mode=va",
		"--lcores=0@0-1", "--file-prefix",  prefix,	   "--log-level=lib.eal:error"};

	snprintf(prefix, sizeof(prefix), "pvn-view-%d", (int)getpid());
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[8] = "--lcores=0@0";
	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		return 1;
	return cmocka_run_group_tests_name("pvswitch views", tests, NULL, NULL);
}
