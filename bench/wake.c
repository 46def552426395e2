/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Waking a receiver that sleeps, on any port with receive interrupts.
 *
 *   wake EAL-ARGS -- sleep          port 0: sleeps until there is a frame, sends it back, sleeps
 *   wake EAL-ARGS -- ping COUNT US  port 0: sends a frame, waits for it, rests US microseconds
 *
 * Says "up" with the link. ping then says "rtt P50 P99 MAX" in nanoseconds, or "lost N" when a
 * frame has not come back within a second; sleep says, when stdin ends, "slept N".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#define BURST 32
#define RING 256

static struct rte_mempool *pool;

static void
say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static bool
stdin_ended(int timeout_ms)
{
	struct pollfd fd = {.fd = 0, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) > 0;
}

static int
set_up(bool interrupts)
{
	struct rte_eth_conf conf = {.intr_conf.rxq = interrupts};
	int ret = rte_eth_dev_configure(0, 1, 1, &conf);

	pool = rte_pktmbuf_pool_create("wake", 2047, 128, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL);
	return ret == 0 ? rte_eth_dev_start(0) : ret;
}

static void
wait_for_link(void)
{
	struct rte_eth_link link = {0};

	say("started");
	while (rte_eth_link_get_nowait(0, &link) == 0 && link.link_status != RTE_ETH_LINK_UP)
		if (stdin_ended(10))
			exit(1);
	say("up");
}

/* ---- the one that sleeps ---- */

static uint16_t
echo(void)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(0, 0, mbufs, BURST), sent;

	sent = rte_eth_tx_burst(0, 0, mbufs, n);
	rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	return n;
}

static int
sleep_role(void)
{
	struct rte_epoll_event event;
	uint64_t slept = 0;
	int ret = rte_eth_dev_rx_intr_ctl_q(0, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL);

	if (ret < 0) {
		printf("failed %s\n", strerror(-ret));
		return 1;
	}
	wait_for_link();
	while (!stdin_ended(0)) {
		rte_eth_dev_rx_intr_enable(0, 0);
		slept += rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 200) > 0;
		rte_eth_dev_rx_intr_disable(0, 0);
		while (echo() > 0)
			;
	}
	printf("slept %" PRIu64 "\n", slept);
	return 0;
}

/* ---- the one that wakes it ---- */

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Cycles until the frame is back; 0: it did not come. */
static uint64_t
ping(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *back[BURST];
	const uint64_t begin = rte_get_tsc_cycles(), limit = begin + rte_get_tsc_hz();

	memset(rte_pktmbuf_append(m, 64), 0xff, 64);
	while (rte_eth_tx_burst(0, 0, &m, 1) == 0)
		if (rte_get_tsc_cycles() > limit)
			return 0;
	for (;;) {
		uint16_t n = rte_eth_rx_burst(0, 0, back, BURST);

		rte_pktmbuf_free_bulk(back, n);
		if (n > 0)
			return rte_get_tsc_cycles() - begin;
		if (rte_get_tsc_cycles() > limit)
			return 0;
	}
}

static int
ping_role(uint32_t count, uint32_t rest_us)
{
	uint64_t *cycles = calloc(count, sizeof(*cycles));
	const double ns = 1e9 / rte_get_tsc_hz();
	uint32_t lost = 0;

	if (cycles == NULL || count == 0)
		return 1;
	wait_for_link();
	for (uint32_t i = 0; i < count && lost == 0; i++) {
		rte_delay_us_sleep(rest_us);
		cycles[i] = ping();
		lost += cycles[i] == 0;
	}
	qsort(cycles, count, sizeof(*cycles), compare);
	if (lost > 0)
		printf("lost %u\n", lost);
	else
		printf("rtt %.0f %.0f %.0f\n", cycles[count / 2] * ns,
		       cycles[(uint64_t)count * 99 / 100] * ns, cycles[count - 1] * ns);
	fflush(stdout);
	return lost > 0;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), ret;
	bool sleeps;

	if (used < 0 || argc - used < 2)
		return 2;
	sleeps = strcmp(argv[used + 1], "sleep") == 0;
	if (set_up(sleeps) < 0) {
		say("failed: the port");
		return 1;
	}
	ret = sleeps ? sleep_role()
		     : ping_role(argc - used > 2 ? atoi(argv[used + 2]) : 1000,
				 argc - used > 3 ? atoi(argv[used + 3]) : 1000);
	rte_eth_dev_stop(0);
	rte_eth_dev_close(0);
	rte_eal_cleanup();
	return ret;
}
