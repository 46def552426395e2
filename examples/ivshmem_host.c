/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of a link: lends frames to a guest, and takes them back, without a copy.
 *
 *	pvnctl ivshmem serve r0,size=16M
 *	ivshmem_host --no-huge --no-pci -- socket:/run/pvn-ivshmem/r0.host 10
 *
 * Ends when so many have come back. A guest may die meanwhile: what it had comes back to the pool,
 * and the next guest gets other frames.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include <pvn_ivshmem.h>
#include <pvn_ivshmem_link.h>

static const char *region = "r0"; /* no other process of this machine may have it */
static struct rte_mempool *pool;
static struct pvn_ivshmem_link *link_;

static int
set_up(const char *where)
{
	const struct pvn_ivshmem_conf conf = {.where = where};

	if (pvn_ivshmem_create(region, &conf) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("frames", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       pvn_ivshmem_socket(region));
	return pool != NULL ? pvn_ivshmem_link_create(region, "link", pool, 256, true, &link_) : -1;
}

static void
lend_one(void)
{
	const struct rte_ether_hdr eth = {
		.dst_addr = {{0x02, 0, 0, 0, 0, 0x01}},
		.src_addr = {{0x02, 0, 0, 0, 0, 0x02}},
		.ether_type = RTE_BE16(0x88b5), /* for experiments */
	};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return;
	*(struct rte_ether_hdr *)rte_pktmbuf_append(m, 60) = eth;
	if (pvn_ivshmem_link_lend(link_, (void **)&m, 1) == 0)
		rte_pktmbuf_free(m); /* there is no guest, or it has enough */
}

static unsigned int
take_some(void)
{
	struct rte_mbuf *m[32];
	unsigned int n = pvn_ivshmem_link_take(link_, (void **)m, RTE_DIM(m));

	for (unsigned int i = 0; i < n; i++) {
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m[i], struct rte_ether_hdr *);

		printf("back from " RTE_ETHER_ADDR_PRT_FMT "\n",
		       RTE_ETHER_ADDR_BYTES(&eth->src_addr));
	}
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	unsigned int wanted, back = 0;

	if (used < 0 || (argc - used != 3 && argc - used != 4))
		rte_exit(EXIT_FAILURE, "expected: ivshmem_host EAL-OPTIONS -- PEER COUNT [NAME]\n");
	if (argc - used == 4)
		region = argv[used + 3];
	wanted = strtoul(argv[used + 2], NULL, 10);
	if (set_up(argv[used + 1]) < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	printf("waiting for a guest\n");
	fflush(stdout);
	while (back < wanted) {
		if (pvn_ivshmem_poll(region) < 0) /* who comes and goes */
			rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
		if (back + pvn_ivshmem_link_out(link_) < wanted)
			lend_one();
		back += take_some();
	}
	if (pvn_ivshmem_link_destroy(link_) < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	rte_mempool_free(pool);
	pvn_ivshmem_destroy(region);
	return rte_eal_cleanup() < 0;
}
