/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a link costs: buffers go from one side to the other and back in bursts of 32; each side
 * reads and writes TOUCH bytes of each, 0 if not said. Two ways, in turns:
 *
 *   plain   two rte_rings of pointers, single producer and consumer, between two threads: the limit
 *   link    lent and given back, between two processes
 *
 *   ivshmem_link [SECONDS [ROUNDS [IN-FLIGHT [TOUCH]]]]
 *
 * Prints for each round "plain link" in millions of buffers per second that made the way there and
 * back.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "pvn_ivshmem.h"
#include "pvn_ivshmem_link.h"
#include "pvn_ivshmem_region.h"

#define BURST 32
#define ENTRIES 1024
#define BUFFERS 1023

static double seconds = 0.5;
static uint32_t in_flight = 512, touch;
static struct rte_mempool *pool;
static volatile bool stop;

static void __rte_noreturn
fail(const char *what)
{
	fprintf(stderr, "ivshmem_link: %s: %s\n", what, pvn_ivshmem_why());
	exit(1);
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static inline void
touch_all(void *const *m, uint32_t n)
{
	for (uint32_t k = 0; touch > 0 && k < n; k++) {
		uint64_t *data = rte_pktmbuf_mtod((struct rte_mbuf *)m[k], uint64_t *);

		for (uint32_t i = 0; i < touch / 8; i++)
			data[i]++;
	}
}

/* ---- plain ---- */

static struct rte_ring *there, *back;

static void *
echo_rings(void *arg)
{
	void *m[BURST];

	pin(1);
	while (!stop) {
		uint32_t n = rte_ring_sc_dequeue_burst(there, m, BURST, NULL);

		touch_all(m, n);
		if (n > 0)
			rte_ring_sp_enqueue_bulk(back, m, n, NULL);
	}
	return arg;
}

static uint64_t
turn_rings(void)
{
	void *m[BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(back, m, BURST, NULL);

	touch_all(m, n);
	if (n > 0)
		rte_ring_sp_enqueue_bulk(there, m, n, NULL);
	return n;
}

/* ---- link ---- */

static struct pvn_ivshmem_link *link_;

static void __rte_noreturn
echo_link(uint8_t *mem, uint64_t size)
{
	struct pvn_ivshmem_guest_link l;
	struct pvn_ivshmem_guest g;
	void *m[BURST];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	if (pvn_ivshmem_guest_attach(&g, mem, size, true, 0) < 0 ||
	    pvn_ivshmem_guest_link_open(&l, &g, "link") < 0)
		fail("the guest");
	for (;;) {
		uint32_t n = pvn_ivshmem_guest_link_take(&l, m, BURST);

		touch_all(m, n);
		if (n > 0 && pvn_ivshmem_guest_link_give(&l, m, n) != n)
			fail("no room to give back");
	}
}

static uint64_t
turn_link(void)
{
	void *m[BURST];
	uint32_t n = pvn_ivshmem_link_take(link_, m, BURST);

	touch_all(m, n);
	if (n > 0 && pvn_ivshmem_link_lend(link_, m, n) != n)
		fail("no room to lend");
	return n;
}

/* ---- both ---- */

static double
measure(uint64_t (*turn)(void))
{
	uint64_t hz = rte_get_tsc_hz(), begin = rte_rdtsc(), end = begin + hz * seconds, n = 0;

	while (rte_rdtsc() < end)
		for (int i = 0; i < 100; i++)
			n += turn();
	return n / ((rte_rdtsc() - begin) / (double)hz) / 1e6;
}

static double
run_plain(void)
{
	void *m[BUFFERS];
	pthread_t thread;
	double rate;

	stop = false;
	if (rte_mempool_get_bulk(pool, m, in_flight) < 0 ||
	    pthread_create(&thread, NULL, echo_rings, NULL) != 0)
		fail("plain");
	rte_ring_sp_enqueue_bulk(there, m, in_flight, NULL);
	rate = measure(turn_rings);
	stop = true;
	pthread_join(thread, NULL);
	while (rte_ring_sc_dequeue(there, m) == 0 || rte_ring_sc_dequeue(back, m) == 0)
		rte_mempool_put(pool, m[0]);
	return rate;
}

static double
run_link(const struct pvn_ivshmem_info *info)
{
	struct pvn_ivshmem_link_stats stats;
	void *m[BUFFERS];
	pid_t pid = fork();
	double rate;

	if (pid == 0)
		echo_link((uint8_t *)(uintptr_t)info->base, info->size);
	while (pvn_ivshmem_poll("bench") == 0)
		;
	if (rte_mempool_get_bulk(pool, m, in_flight) < 0 ||
	    pvn_ivshmem_link_lend(link_, m, in_flight) != in_flight)
		fail("link");
	rate = measure(turn_link);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pvn_ivshmem_gone("bench");
	pvn_ivshmem_link_reclaim(link_);
	pvn_ivshmem_link_stats(link_, &stats);
	if (stats.foreign + stats.refused + stats.bad_index != 0 ||
	    rte_mempool_avail_count(pool) != BUFFERS)
		fail("buffers were lost");
	return rate;
}

static void
start(const char *program)
{
	static const struct pvn_ivshmem_conf conf = {.size = UINT64_C(16) << 20};
	char prefix[32];
	char *argv[] = {(char *)(uintptr_t)program,
			"--no-huge",
			"-m",
			"64",
			"--no-pci",
			"--no-shconf",
			"--no-telemetry",
			"--log-level=4",
			"--iova-mode=va",
			"--lcores=0@0",
			"--file-prefix",
			prefix,
			NULL};
	int socket;

	snprintf(prefix, sizeof(prefix), "pvn-link-%d", (int)getpid());
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		fail("EAL");
	if (pvn_ivshmem_create("bench", &conf) < 0)
		fail("region");
	socket = pvn_ivshmem_socket("bench");
	pool = rte_pktmbuf_pool_create("bench", BUFFERS, 0, 0, 2048, socket);
	there = rte_ring_create("there", ENTRIES, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	back = rte_ring_create("back", ENTRIES, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (pool == NULL || there == NULL || back == NULL)
		fail("objects");
	if (pvn_ivshmem_link_create("bench", "link", pool, ENTRIES, true, &link_) < 0)
		fail("link");
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	struct pvn_ivshmem_info info;

	if (argc > 1)
		seconds = atof(argv[1]);
	if (argc > 3)
		in_flight = atoi(argv[3]);
	if (argc > 4)
		touch = atoi(argv[4]);
	if (touch > 2048 || seconds <= 0 || rounds < 1 || in_flight < BURST ||
	    in_flight > BUFFERS) {
		fprintf(stderr, "usage: ivshmem_link [SECONDS [ROUNDS [IN-FLIGHT %d..%d]]]\n",
			BURST, BUFFERS);
		return 2;
	}
	start(argv[0]);
	pvn_ivshmem_info("bench", &info);
	for (int i = 0; i < rounds; i++) {
		double plain = run_plain();

		printf("%.2f %.2f\n", plain, run_link(&info));
		fflush(stdout);
	}
	return 0;
}
