/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Receives on the first rx queue of port 0: asleep until an interrupt comes, then polling, then
 * asleep again, each time after the port was configured anew.
 *
 *	vmx_sleeper EAL... -- RXQUEUES TXQUEUES FRAMES
 *
 * Says "ready MODE" when frames may come, "frame" for each, and at the end of each part "woken N"
 * (times that the interrupt woke it). Its exit code is 0 if all went well.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#define PORT 0
#define TIMEOUT_MS 20000

static struct rte_mempool *pool;
static uint16_t rx_queues, tx_queues;
static unsigned int frames;

static int
start(bool sleeping)
{
	struct rte_eth_conf conf = {.intr_conf = {.rxq = sleeping, .lsc = 1}};
	int ret = rte_eth_dev_configure(PORT, rx_queues, tx_queues, &conf);

	for (uint16_t q = 0; q < rx_queues && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(PORT, q, 64, SOCKET_ID_ANY, NULL, pool);
	for (uint16_t q = 0; q < tx_queues && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(PORT, q, 64, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(PORT);
	if (ret == 0)
		printf("ready %s\n", sleeping ? "asleep" : "polling");
	return ret;
}

static unsigned int
fetch(void)
{
	struct rte_mbuf *m[32];
	uint16_t n = rte_eth_rx_burst(PORT, 0, m, RTE_DIM(m));

	for (uint16_t i = 0; i < n; i++)
		printf("frame\n");
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* Nothing but the interrupt may make it look again. Returns 0 when it came in time. */
static int
sleep_until_woken(void)
{
	struct rte_epoll_event event;
	unsigned int n;

	rte_eth_dev_rx_intr_enable(PORT, 0);
	n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, TIMEOUT_MS);
	rte_eth_dev_rx_intr_disable(PORT, 0);
	return n == 1 ? 0 : -1;
}

static int
asleep(void)
{
	unsigned int got = 0, woken = 0;

	if (start(true) < 0 ||
	    rte_eth_dev_rx_intr_ctl_q(PORT, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL) != 0)
		return -1;
	while (got < frames) {
		if (sleep_until_woken() < 0)
			return -1;
		woken++;
		got += fetch();
	}
	printf("woken %u\n", woken);
	rte_eth_dev_rx_intr_ctl_q(PORT, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_DEL, NULL);
	return rte_eth_dev_stop(PORT);
}

static int
polling(void)
{
	uint64_t deadline = rte_get_timer_cycles() + rte_get_timer_hz() * TIMEOUT_MS / 1000;
	unsigned int got = 0;

	if (start(false) < 0)
		return -1;
	if (rte_eth_dev_rx_intr_enable(PORT, 0) == 0)
		return -1; /* it was not asked for */
	while (got < frames && rte_get_timer_cycles() < deadline)
		got += fetch();
	printf("woken 0\n");
	return got < frames ? -1 : rte_eth_dev_stop(PORT);
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	setlinebuf(stdout);
	if (used < 0 || argc - used != 4 || rte_eth_dev_count_avail() == 0) {
		fprintf(stderr, "usage: %s EAL... -- RXQUEUES TXQUEUES FRAMES; needs a port\n",
			argv[0]);
		return EXIT_FAILURE;
	}
	rx_queues = (uint16_t)atoi(argv[used + 1]);
	tx_queues = (uint16_t)atoi(argv[used + 2]);
	frames = (unsigned int)atoi(argv[used + 3]);
	pool = rte_pktmbuf_pool_create("frames", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL || asleep() < 0 || polling() < 0 || asleep() < 0) {
		fprintf(stderr, "failed\n");
		return EXIT_FAILURE;
	}
	printf("done\n");
	rte_eth_dev_close(PORT);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
