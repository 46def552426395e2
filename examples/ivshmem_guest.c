/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's end of a link: looks at each frame where the host has put it, swaps its addresses and
 * gives it back.
 *
 *	ivshmem_guest --no-huge --no-pci -- pci:0000:00:04.0               in a virtual machine
 *	ivshmem_guest --no-huge --no-pci -- socket:/run/pvn-ivshmem/r0     beside the host
 *
 * Ends when the host leaves; until then it says once a second what it has seen.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <pvn_ivshmem_attach.h>
#include <pvn_ivshmem_link.h>

#define BURST 32

static unsigned long frames, bad;

/* An IPv4 header is right when its words add up so. */
static bool
is_good(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(eth + 1);

	if (eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return true;
	return m->data_len >= sizeof(*eth) + rte_ipv4_hdr_len(ip) &&
	       rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) == 0xffff;
}

static void
answer(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ether_addr to = eth->dst_addr;

	frames++;
	bad += !is_good(m);
	eth->dst_addr = eth->src_addr;
	eth->src_addr = to;
}

/* What the host has no room for is given the next time. */
static void
move(struct pvn_ivshmem_guest_link *link)
{
	static void *held[BURST];
	static unsigned int n;
	unsigned int given;

	if (n == 0) {
		n = pvn_ivshmem_guest_link_take(link, held, BURST);
		for (unsigned int i = 0; i < n; i++)
			answer(held[i]);
	}
	given = pvn_ivshmem_guest_link_give(link, held, n);
	n -= given;
	for (unsigned int i = 0; i < n; i++)
		held[i] = held[i + given];
}

static void
tell(void)
{
	static time_t told;

	if (time(NULL) == told)
		return;
	told = time(NULL);
	printf("%lu frames, %lu with a bad header\n", frames, bad);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	struct pvn_ivshmem_guest_link link;
	struct pvn_ivshmem_attached *a;

	if (used < 0 || argc - used != 2)
		rte_exit(EXIT_FAILURE, "expected: ivshmem_guest EAL-OPTIONS -- PEER\n");
	if (pvn_ivshmem_attach(argv[used + 1], 0, &a) < 0 ||
	    pvn_ivshmem_guest_link_open(&link, pvn_ivshmem_attached_guest(a), "link") < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	while (pvn_ivshmem_attached_poll(a) >= 0) { /* until the host leaves */
		for (int i = 0; i < 1000; i++)
			move(&link);
		tell();
	}
	printf("%lu frames, %lu with a bad header; the host has left\n", frames, bad);
	pvn_ivshmem_detach(a);
	return rte_eal_cleanup() < 0;
}
