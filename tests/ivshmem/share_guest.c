/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * share_guest EAL-ARGS [-- occupy | port | attach SPEC]: an application that finds what
 * share_host.c exports. It makes no call of ours to get it: EAL has loaded the driver (-d), and the
 * driver has found the region. "occupy" maps something of its own at the host's address before EAL
 * starts; "port" makes an ethdev of the two rings and uses that, as one does who knows only ports;
 * "attach" does without a driver: the library attaches to that peer, or it says "refused WHY".
 *
 * Says "found ring=0xADDRESS pool=0|1 zone=TEXT", changes all mbufs that come on the ring, and
 * sends them back. Of those that are lent on the link it keeps all; "give N" on stdin gives N of
 * them back: "gave N". "kept": "kept N". "again ADDRESS" has EAL look at that device once more,
 * whose host has begun since, and says "found ..." again.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#ifdef WITH_PORT
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#endif
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "ivshmem.h"
#include "pvn_ivshmem_attach.h"
#include "pvn_ivshmem_link.h"

#define ENTRIES 256

static struct pvn_ivshmem_attached *attached; /* without a driver */
static struct pvn_ivshmem_guest_link border;
static bool linked;
static void *kept[ENTRIES];
static uint32_t n_kept;

/* EAL has loaded the driver for itself: it is asked for by its name. */
static void *
driver_call(const char *name, const char *arg)
{
	void *driver = dlopen("librte_net_ivshmem.so", RTLD_LAZY | RTLD_NOLOAD);
	void *(*call)(const char *) = driver != NULL ? dlsym(driver, name) : NULL;

	return call != NULL ? call(arg) : NULL;
}

static void
find(struct rte_ring **there, struct rte_ring **back)
{
	const struct rte_memzone *table = attached != NULL
						  ? pvn_ivshmem_memzone_lookup("table")
						  : driver_call("pvn_ivshmem_net_memzone", "table");
	const struct pvn_ivshmem_guest *region =
		attached != NULL ? pvn_ivshmem_attached_guest(attached)
				 : driver_call("pvn_ivshmem_net_region", "shared");

	*there = rte_ring_lookup("there");
	*back = rte_ring_lookup("back");
	linked = region != NULL && pvn_ivshmem_guest_link_open(&border, region, "border") == 0;
	printf("found ring=%p pool=%d zone=%s link=%d\n", (void *)*there,
	       rte_mempool_lookup("buffers") != NULL,
	       table != NULL ? (const char *)table->addr : "none", linked);
	fflush(stdout);
}

#ifdef WITH_PORT
static int port = -1; /* over the rings */

static void
make_port(struct rte_ring *there, struct rte_ring *back)
{
	const struct rte_eth_conf conf = {0};

	port = rte_eth_from_rings("shared", &there, 1, &back, 1, 0);
	if (port < 0 || rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, 0, 0, NULL, rte_mempool_lookup("buffers")) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, 0, 0, NULL) != 0 || rte_eth_dev_start(port) != 0)
		exit(6);
}

static bool
serve_port(void)
{
	struct rte_mbuf *m[32];
	uint16_t n;

	if (port < 0)
		return false;
	n = rte_eth_rx_burst(port, 0, m, RTE_DIM(m));
	for (uint16_t i = 0; i < n; i++)
		*rte_pktmbuf_mtod(m[i], uint32_t *) ^= UINT32_MAX;
	if (rte_eth_tx_burst(port, 0, m, n) != n)
		exit(3);
	return true;
}
#else
static bool
serve_port(void)
{
	return false;
}
#endif

static void
serve(struct rte_ring *there, struct rte_ring *back)
{
	struct rte_mbuf *m;

	while (!serve_port() && there != NULL && back != NULL &&
	       rte_ring_dequeue(there, (void **)&m) == 0) {
		*rte_pktmbuf_mtod(m, uint32_t *) ^= UINT32_MAX;
		if (rte_ring_enqueue(back, m) != 0)
			exit(3);
	}
	if (linked)
		n_kept += pvn_ivshmem_guest_link_take(&border, kept + n_kept, ENTRIES - n_kept);
}

static void
look_again(const char *address, struct rte_ring **there, struct rte_ring **back)
{
	char name[64];

	snprintf(name, sizeof(name), "pvn_ivshmem_%s", address);
	if (rte_eal_hotplug_remove("vdev", name) != 0 || rte_eal_hotplug_add("vdev", name, "") != 0)
		exit(5);
	find(there, back);
}

static void
obey(const char *line)
{
	uint32_t n, gave;

	if (sscanf(line, "give %u", &n) == 1 && linked) {
		n = RTE_MIN(n, n_kept);
		gave = pvn_ivshmem_guest_link_give(&border, kept + n_kept - n, n);
		printf("gave %u\n", gave);
		n_kept -= gave;
	} else if (strcmp(line, "kept") == 0) {
		printf("kept %u\n", n_kept);
	}
	fflush(stdout);
}

static void
occupy(int argc, char **argv)
{
	void *base = (void *)(uintptr_t)IVSHMEM_BASE_DEFAULT;

	if (strcmp(argv[argc - 1], "occupy") == 0 &&
	    mmap(base, IVSHMEM_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0) != base)
		exit(4);
}

static void
attach(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[argc - 2], "attach") != 0)
		return;
	if (pvn_ivshmem_attach(argv[argc - 1], 0, &attached) < 0) {
		printf("refused %s\n", pvn_ivshmem_why());
		exit(5);
	}
	pvn_ivshmem_attached_dump(stdout, attached);
}

int
main(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct rte_ring *there, *back;
	char line[64], address[32];

	occupy(argc, argv);
	if (rte_eal_init(argc, argv) < 0)
		return 2;
	attach(argc, argv);
	find(&there, &back);
#ifdef WITH_PORT
	if (strcmp(argv[argc - 1], "port") == 0)
		make_port(there, back);
#endif
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (attached != NULL && pvn_ivshmem_attached_poll(attached) < 0)
			return 6;
		serve(there, back);
		if (poll(&in, 1, 1) <= 0)
			continue;
		if (fgets(line, sizeof(line), stdin) == NULL)
			return 0;
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "quit") == 0)
			return 0;
		if (sscanf(line, "again %31s", address) == 1)
			look_again(address, &there, &back);
		else
			obey(line);
	}
}
