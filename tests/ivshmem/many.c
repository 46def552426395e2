/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A host of many regions, the first one with many links, for the test of telemetry:
 *	many EAL-OPTIONS -- REGIONS LINKS PREFIX
 * Names are as long as they may be: PREFIX, filled up with digits. Polls the first one until
 * stdin ends.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include <pvn_ivshmem.h>
#include <pvn_ivshmem_link.h>

static char first[IVSHMEM_NAME_MAX];
static struct rte_mempool *pool;

#define NEED(good)                                                                                 \
	do {                                                                                       \
		if (!(good))                                                                       \
			rte_exit(EXIT_FAILURE, "%s: %s\n", #good, pvn_ivshmem_why());              \
	} while (0)

static void
name(char *to, const char *prefix, unsigned int number)
{
	const int left = IVSHMEM_NAME_MAX - 1 - snprintf(to, IVSHMEM_NAME_MAX, "%.20s", prefix);

	snprintf(to + IVSHMEM_NAME_MAX - 1 - left, left + 1, "%0*u", left, number);
}

/* One link's name is one that JSON would not take as it is; one is what the example's guest opens.
 */
static void
make(unsigned int regions, unsigned int links, const char *prefix)
{
	struct pvn_ivshmem_conf conf = {.size = UINT64_C(4) << 20};
	char text[IVSHMEM_NAME_MAX];
	struct pvn_ivshmem_link *link;

	name(first, prefix, 0);
	for (unsigned int i = 0; i < regions; i++) {
		name(text, prefix, i);
		NEED(pvn_ivshmem_create(text, &conf) == 0);
	}
	pool = rte_pktmbuf_pool_create("pool", 255, 0, 0, 256, pvn_ivshmem_socket(first));
	NEED(pool != NULL);
	for (unsigned int i = 0; i < links; i++) {
		if (i == 1)
			strcpy(text, "link");
		else
			name(text, i == 0 ? "\"quoted\"" : "link", i);
		NEED(pvn_ivshmem_link_create(first, text, pool, 64, true, &link) == 0);
	}
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[64];

	NEED(used >= 0 && argc - used == 4);
	make(strtoul(argv[used + 1], NULL, 10), strtoul(argv[used + 2], NULL, 10), argv[used + 3]);
	printf("ready %s file:/proc/%d/fd/%d\n", first, (int)getpid(),
	       pvn_ivshmem_peer_fd(pvn_ivshmem_peer_of(first)));
	fflush(stdout);
	for (;;) {
		NEED(pvn_ivshmem_poll(first) >= 0);
		if (poll(&in, 1, 10) == 1 && read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return 0;
	}
}
