/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * share_host EAL-ARGS -- WHERE|heap: the host of a region of pointer mode, for tests with a virtual
 * machine; share_guest.c is its guest. WHERE is a peer, socket:PATH.host. In region "shared" are
 * the rings "there" and "back", the mempool "buffers", the memory zone "table" and the link
 * "border". "heap": all but the link are in this process's own heap, which is shared, and the
 * region's memory is its own.
 *
 * Told on stdin, says on stdout, a line each:
 *
 *   pass N    N mbufs there and back: "passed N" if the same addresses came back, in order, changed
 *   lend N    "lent N"
 *   take N    waits for N that are given back: "took N"
 *   out       "out N": lent now
 *   whole     waits until all mbufs are in the pool again: "whole N"
 *   guest     waits for a guest: "guest here"
 *   alone     waits until there is none: "guest gone"
 *   sum       "sum N": of all that is in the region, but the host's page, where its heart beats
 *   args      "args TEXT": QEMU's arguments for it
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "pvn_ivshmem.h"
#include "pvn_ivshmem_link.h"
#include "pvn_ivshmem_region.h"

#define REGION "shared"
#define MBUFS 255
#define ENTRIES 256
#define WAIT_S 20

static struct rte_ring *there, *back;
static struct rte_mempool *pool;
static struct pvn_ivshmem_link *border;
static bool whole_heap;

static void
die(const char *what)
{
	printf("failed %s: %s\n", what, pvn_ivshmem_why());
	exit(1);
}

static void
make_objects(void)
{
	int socket = whole_heap ? SOCKET_ID_ANY : pvn_ivshmem_socket(REGION);
	const struct rte_memzone *table;

	if (!whole_heap && socket < 0)
		die("heap");
	there = rte_ring_create("there", ENTRIES, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	back = rte_ring_create("back", ENTRIES, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	pool = rte_pktmbuf_pool_create("buffers", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, socket);
	table = rte_memzone_reserve("table", 64, socket, 0);
	if (there == NULL || back == NULL || pool == NULL || table == NULL)
		die("objects");
	strcpy(table->addr, "from-the-host");
	if (pvn_ivshmem_add_ring(there, REGION) < 0 || pvn_ivshmem_add_ring(back, REGION) < 0 ||
	    pvn_ivshmem_add_mempool(pool, REGION) < 0 || pvn_ivshmem_add_memzone(table, REGION) < 0)
		die("export");
	if (!whole_heap &&
	    pvn_ivshmem_link_create(REGION, "border", pool, ENTRIES, true, &border) < 0)
		die("link");
}

static time_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static bool
guest_is_here(void)
{
	struct pvn_ivshmem_info info;

	pvn_ivshmem_poll(REGION);
	return pvn_ivshmem_info(REGION, &info) == 0 && info.attachment != 0;
}

static bool
no_guest(void)
{
	return !guest_is_here();
}

static bool
is_whole(void)
{
	pvn_ivshmem_poll(REGION);
	pvn_ivshmem_link_reclaim(border);
	return pvn_ivshmem_link_out(border) == 0 && rte_mempool_avail_count(pool) == MBUFS;
}

static bool
await(bool (*condition)(void))
{
	time_t end = now() + WAIT_S;

	while (!condition())
		if (now() > end)
			return false;
	return true;
}

static const char *
pass(uint32_t n)
{
	struct rte_mbuf *m[ENTRIES], *got;
	time_t end = now() + WAIT_S;

	if (rte_pktmbuf_alloc_bulk(pool, m, n) != 0)
		return "no mbufs";
	for (uint32_t i = 0; i < n; i++)
		*(uint32_t *)rte_pktmbuf_append(m[i], sizeof(i)) = i;
	if (rte_ring_enqueue_bulk(there, (void **)m, n, NULL) != n)
		return "no room";
	for (uint32_t i = 0; i < n; i++) {
		while (rte_ring_dequeue(back, (void **)&got) < 0)
			if (now() > end)
				return "they do not come back";
		if (got != m[i])
			return "another mbuf came back";
		if (*rte_pktmbuf_mtod(got, uint32_t *) != ~i)
			return "it has not been changed";
	}
	rte_pktmbuf_free_bulk(m, n);
	return NULL;
}

static uint32_t
lend(uint32_t n)
{
	struct rte_mbuf *m[ENTRIES];
	uint32_t lent;

	if (rte_pktmbuf_alloc_bulk(pool, m, n) != 0)
		return 0;
	lent = pvn_ivshmem_link_lend(border, (void **)m, n);
	rte_pktmbuf_free_bulk(m + lent, n - lent);
	return lent;
}

static uint32_t
take(uint32_t n)
{
	time_t end = now() + WAIT_S;
	void *m[ENTRIES];
	uint32_t took = 0;

	while (took < n && now() <= end)
		took += pvn_ivshmem_link_take(border, m + took, n - took);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)m, took);
	return took;
}

static uint32_t
sum(void)
{
	struct pvn_ivshmem_info info;
	const uint8_t *mem;
	uint32_t sums[2];

	if (pvn_ivshmem_info(REGION, &info) < 0)
		die("info");
	mem = (const uint8_t *)(uintptr_t)info.base;
	sums[0] = pvn_ivshmem_crc(mem, IVSHMEM_HOST_PAGE);
	sums[1] = pvn_ivshmem_crc(mem + IVSHMEM_GUEST_PAGE, info.size - IVSHMEM_GUEST_PAGE);
	return pvn_ivshmem_crc(sums, sizeof(sums));
}

static const char *
args(void)
{
	static char text[2048];

	if (pvn_ivshmem_cmdline_generate(text, sizeof(text), REGION) < 0)
		die("arguments");
	return text;
}

static void
obey(const char *line)
{
	uint32_t n = 0;

	if (sscanf(line, "pass %u", &n) == 1 && n <= MBUFS) {
		const char *why = pass(n);

		printf("%s %s\n", why == NULL ? "passed" : "failed", why == NULL ? line + 5 : why);
	} else if (sscanf(line, "lend %u", &n) == 1 && n <= MBUFS) {
		printf("lent %u\n", lend(n));
	} else if (sscanf(line, "take %u", &n) == 1 && n <= MBUFS) {
		printf("took %u\n", take(n));
	} else if (strcmp(line, "out") == 0) {
		printf("out %u\n", pvn_ivshmem_link_out(border));
	} else if (strcmp(line, "whole") == 0) {
		bool whole = await(is_whole);

		printf("%s %u\n", whole ? "whole" : "missing",
		       whole ? MBUFS : MBUFS - rte_mempool_avail_count(pool));
	} else if (strcmp(line, "guest") == 0) {
		printf("guest %s\n", await(guest_is_here) ? "here" : "missing");
	} else if (strcmp(line, "sum") == 0) {
		printf("sum %u\n", sum());
	} else if (strcmp(line, "args") == 0) {
		printf("args %s\n", args());
	} else if (strcmp(line, "alone") == 0) {
		printf("guest %s\n", await(no_guest) ? "gone" : "still here");
	} else {
		printf("failed no such order: %s\n", line);
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct pvn_ivshmem_conf conf = {0};
	char line[64];
	int used = rte_eal_init(argc, argv);

	if (used < 0 || argc - used != 2)
		return 2;
	whole_heap = strcmp(argv[used + 1], "heap") == 0;
	conf.unsafe_whole_heap = whole_heap;
	conf.size = whole_heap ? UINT64_C(1) << 20 : 0;
	conf.where = whole_heap ? NULL : argv[used + 1];
	if (pvn_ivshmem_create(REGION, &conf) < 0)
		die("region");
	make_objects();
	printf("ready %p\n", (void *)there);
	fflush(stdout);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (poll(&in, 1, 100) > 0) {
			if (fgets(line, sizeof(line), stdin) == NULL)
				return 0;
			line[strcspn(line, "\n")] = '\0';
			obey(line);
		}
		pvn_ivshmem_poll(REGION);
	}
}
