/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Several threads, as several processes would, tell and ask the device at once. A command and its
 * result share one register, so the device sees it when one comes between another and its result;
 * and a port that is stopped meanwhile must not be told to look at what is gone.
 */
#include <pthread.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define TURNS 3000

static uint16_t port;
static volatile bool stopping;
static unsigned int wrong;

/* Asks: a result that is another command's shows as a link that is down or has another speed. */
static void *
ask(void *arg)
{
	struct rte_eth_link link;

	while (!stopping) {
		if (rte_eth_link_get_nowait(port, &link) != 0 ||
		    (arg != NULL &&
		     (link.link_status != RTE_ETH_LINK_UP || link.link_speed != 25000)))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Tells, with and without shared memory. */
static void *
tell(void *arg)
{
	struct rte_eth_stats stats;

	(void)arg;
	while (!stopping) {
		rte_eth_promiscuous_enable(port);
		rte_eth_stats_get(port, &stats);
		rte_eth_promiscuous_disable(port);
	}
	return NULL;
}

static void
run_threads(void *ask_arg, void (*meanwhile)(struct vmx_test *t), struct vmx_test *t)
{
	pthread_t threads[2];

	port = t->id;
	stopping = false;
	wrong = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, ask, ask_arg), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, tell, NULL), 0);
	meanwhile(t);
	stopping = true;
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	assert_int_equal(wrong, 0);
}

static void
set_addresses(struct vmx_test *t)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 0}};

	for (unsigned int i = 0; i < TURNS; i++) {
		mac.addr_bytes[5] = (uint8_t)i;
		assert_int_equal(rte_eth_dev_default_mac_addr_set(t->id, &mac), 0);
		assert_int_equal(rte_eth_dev_set_mc_addr_list(t->id, NULL, 0), 0);
	}
}

static void
test_settings(void **state)
{
	struct vmx_setup setup = {.device.link_mbps = 25000};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	run_threads(&t, set_addresses, &t);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

static void
restart(struct vmx_test *t)
{
	for (unsigned int i = 0; i < TURNS / 30; i++) {
		vmx_stop(t);
		vmx_start(t);
	}
}

static void
test_restarts(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	run_threads(NULL, restart, &t);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_settings),
		VMX_TEST(test_restarts),
	};

	return VMX_RUN(tests);
}
