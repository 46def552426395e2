/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A back end with two ports, for tests: one lcore that receives from both in turn, a burst each,
 * and measures what a frame of port 0 costs it while there are frames to receive.
 *
 *   turns EAL-ARGS -- FILL-US
 *
 *   window MS    one line about the next MS milliseconds: "window NAME=N ...", names as below
 *   quit
 *
 * By itself: "ready", "link N up" and "link N down".
 *
 * A run begins when port 0 has had FILL-US microseconds to fill its ring, and ends when the ring is
 * empty. So the cost of a frame does not depend on how much processor time the guest gets to send
 * it. It is processor time of the thread, so what else runs on the machine is not in it either.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "peer_frame.h"

#define BURST 32
#define PORTS 2
#define MBUFS 4095
#define RUN_MIN 256   /* frames: less is no run, but a guest that was not running itself */
#define RUN_MAX 4096u /* frames: so a guest that is faster than we are does not make it endless */

/* What a window tells. The first ones are written by the worker only. */
#define NUMBERS(X)                                                                                 \
	X(frames, "frames of port 0 taken in runs")                                                \
	X(ns, "processor time of these runs, nanoseconds")                                         \
	X(shared, "frames of those runs in which port 1 had a frame refused for each of them")     \
	X(shared_ns, "processor time of those")                                                    \
	X(unfair, "runs in which more frames of port 1 were taken than its turns are good for")    \
	X(bad, "frames of port 0 with wrong content; the first of each burst is looked at")        \
	X(lost, "frames of port 0 that are missing")                                               \
	X(other, "frames received from port 1")                                                    \
	X(refused, "frames of port 1 that policy refused")                                         \
	X(lcore, "processor time of the worker, nanoseconds")                                      \
	X(process, "processor time of all threads, nanoseconds")

#define MEMBER(name, text) uint64_t name;
#define TELL_DIFFERENCE(name, text) printf(" " #name "=%" PRIu64, b.name - a.name);

struct numbers {
	NUMBERS(MEMBER)
};

static volatile struct numbers count;

static pthread_t worker;
static uint32_t fill_us;
static uint64_t expected; /* number of the next frame of port 0 */
static volatile bool quit;

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
link_changed(uint16_t port, enum rte_eth_event_type type __rte_unused, void *arg __rte_unused,
	     void *ret __rte_unused)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(port, &link) == 0)
		printf("link %u %s\n", port, link.link_status == RTE_ETH_LINK_UP ? "up" : "down");
	return 0;
}

/* ---- the worker ---- */

/* Frames come in order; so the number of the first says whether those before it were all there. */
static void
check(const struct rte_mbuf *first, uint16_t n)
{
	uint64_t seq;

	if (!peer_frame_check(first, &seq)) {
		count.bad++;
		seq = expected;
	}
	if (expected != 0)
		count.lost += seq - expected;
	expected = seq + n;
}

static uint16_t
receive(uint16_t port)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(port, 0, mbufs, BURST);

	if (n == 0)
		return 0;
	if (port == 0)
		check(mbufs[0], n);
	else
		count.other += n;
	rte_pktmbuf_free_bulk(mbufs, n);
	return n;
}

static uint64_t
refused(void)
{
	struct rte_eth_stats stats = {0};

	rte_eth_stats_get(1, &stats);
	return stats.ierrors;
}

/* Until port 0 has no full burst any more. */
static void
one_run(void)
{
	uint64_t refused_before = refused(), refused_now;
	uint64_t ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	uint32_t frames = 0;
	uint16_t n;

	do {
		n = receive(0);
		frames += n;
		receive(1);
	} while (n == BURST && frames < RUN_MAX);
	ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ns;
	if (frames < RUN_MIN)
		return;
	count.ns += ns;
	count.frames += frames;
	refused_now = refused() - refused_before;
	count.unfair += refused_now > frames + BURST;
	if (refused_now < frames)
		return;
	count.shared_ns += ns;
	count.shared += frames;
}

static int
work(void *arg __rte_unused)
{
	const uint64_t fill = rte_get_tsc_hz() / 1000000 * fill_us;
	uint64_t next = 0;

	worker = pthread_self();
	while (!quit) {
		if (rte_rdtsc() >= next) {
			one_run();
			next = rte_rdtsc() + fill;
		} else {
			receive(1);
		}
	}
	return 0;
}

/* ---- orders ---- */

static struct numbers
sample(void)
{
	struct numbers now = count;
	clockid_t clock;

	pthread_getcpuclockid(worker, &clock);
	now.refused = refused();
	now.lcore = clock_ns(clock);
	now.process = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	return now;
}

static void
window(unsigned int ms)
{
	struct timespec length = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	struct numbers a = sample(), b;

	nanosleep(&length, NULL);
	b = sample();
	printf("window");
	NUMBERS(TELL_DIFFERENCE)
	puts("");
}

static void
set_up_port(uint16_t port, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {.intr_conf.lsc = 1};
	int ret = rte_eth_dev_configure(port, 1, 1, &conf);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port, 0, 0, SOCKET_ID_ANY, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port, 0, 0, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, link_changed,
						    NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(port);
	if (ret < 0)
		rte_exit(1, "turns: port %u: %s\n", port, strerror(-ret));
}

int
main(int argc, char **argv)
{
	struct rte_mempool *pool;
	unsigned int ms;
	char line[64];
	int used;

	setvbuf(stdout, NULL, _IOLBF, 0);
	used = rte_eal_init(argc, argv);
	if (used < 0 || argc - used != 2 || rte_eth_dev_count_avail() != PORTS)
		rte_exit(1, "turns: needs two ports and a time\n");
	fill_us = atoi(argv[used + 1]);
	pool = rte_pktmbuf_pool_create("turns", MBUFS, 250, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	for (uint16_t port = 0; port < PORTS && pool != NULL; port++)
		set_up_port(port, pool);
	if (pool == NULL || rte_eal_remote_launch(work, NULL, rte_get_next_lcore(-1, 1, 0)) < 0)
		rte_exit(1, "turns: no pool or no lcore\n");
	puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL && sscanf(line, "window %u", &ms) == 1)
		window(ms);
	quit = true;
	rte_eal_mp_wait_lcore();
	for (uint16_t port = 0; port < PORTS; port++)
		rte_eth_dev_close(port);
	return rte_eal_cleanup() == 0 ? 0 : 1;
}
