/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a VMXNET3 driver costs a packet: its burst calls are timed one by one, and everything else
 * (the device, the application's share) is done between them.
 *
 *	PVN_PMD=DRIVER.so vmxnet3 CASE BURST RING CALLS [dirty]
 *
 * prints TSC cycles a packet (median of groups of calls) and packets in all calls. With `dirty`,
 * what the caches hold is replaced before each call. Instructions are counted by callgrind, told to
 * look at timed_rx() and timed_tx().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "vmx_host.h"
#include "vmx_plain.h"

#define BURST_MAX 64
#define GROUP 64 /* calls of which one number is taken */
#define GROUPS_MAX 4096
#define DIRT (3u << 20) /* more than the first two caches hold */

struct use {
	const char *name;
	uint16_t pieces; /* of a frame */
	uint16_t len;	 /* of a piece */
	bool rx, tx;
	uint64_t tx_offloads; /* asked for if the driver has them */
	bool data_rings;      /* the device has them, and the driver is told to use them */
};

/* The newest version that both drivers know and that has data rings. */
#define DATA_VERSION 3
#define DATA_DEVARGS "tx_data=on,rx_data=on" /* of ours; net_vmxnet3 uses them always */

static const struct use uses[] = {
	{"rx-64", 1, 64, true, false, 0, false},
	{"rx-1500", 1, 1514, true, false, 0, false},
	{"rx-4k", 2, 2048, true, false, 0, false},
	{"rx-64-data", 1, 64, true, false, 0, true},
	{"rx-1500-data", 1, 1514, true, false, 0, true},
	{"tx-64", 1, 64, false, true, 0, false},
	{"tx-64-fast", 1, 64, false, true, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE, false},
	{"tx-3", 3, 64, false, true, RTE_ETH_TX_OFFLOAD_MULTI_SEGS, false},
	{"tx-64-data", 1, 64, false, true, 0, true},
	{"tx-64-fast-data", 1, 64, false, true, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE, true},
	{"forward-64", 1, 64, true, true, 0, false},
	{"forward-64-data", 1, 64, true, true, 0, true},
};

struct bench {
	const struct use *use;
	uint16_t port, burst, ring;
	bool dirty;
	struct vmx_plain device;
	struct rte_mempool *pool;
	struct rte_mbuf *mbuf[BURST_MAX];
	uint64_t overhead; /* of reading the clock */
	uint64_t cycles, packets;
	uint8_t *dirt;
};

static void
die(const char *what)
{
	fprintf(stderr, "vmxnet3: %s\n", what);
	exit(EXIT_FAILURE);
}

static inline uint64_t
clock_now(void)
{
	_mm_lfence();
	const uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
}

/* Of their own for callgrind's sake. */
__attribute__((noinline)) static uint16_t
timed_rx(struct bench *b)
{
	return rte_eth_rx_burst(b->port, 0, b->mbuf, b->burst);
}

__attribute__((noinline)) static uint16_t
timed_tx(struct bench *b)
{
	return rte_eth_tx_burst(b->port, 0, b->mbuf, b->burst);
}

static void
make_dirty(struct bench *b)
{
	if (!b->dirty)
		return;
	for (uint32_t i = 0; i < DIRT; i += 64)
		b->dirt[i]++;
}

static void
one_call(struct bench *b, uint16_t (*call)(struct bench *))
{
	uint64_t begin, end;

	make_dirty(b);
	begin = clock_now();
	if (call(b) != b->burst)
		die("a burst was not taken whole");
	end = clock_now();
	b->cycles += end - begin - RTE_MIN(b->overhead, end - begin);
}

/* ---- between the calls ---- */

static void
frames_arrive(struct bench *b)
{
	for (uint16_t i = 0; i < b->burst; i++)
		if (vmx_plain_rx(&b->device, b->use->pieces, b->use->len) < 0)
			die("the driver posted too few buffers");
}

static struct rte_mbuf *
make_packet(struct bench *b)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(b->pool), *last = first;

	for (uint16_t i = 1; first != NULL && i < b->use->pieces; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(b->pool);

		if (m == NULL)
			die("no mbufs");
		last->next = m;
		last = m;
		first->nb_segs++;
	}
	if (first == NULL)
		die("no mbufs");
	for (struct rte_mbuf *m = first; m != NULL; m = m->next)
		m->data_len = b->use->len;
	first->pkt_len = b->use->pieces * b->use->len;
	return first;
}

static void
check_received(const struct bench *b)
{
	for (uint16_t i = 0; i < b->burst; i++)
		if (b->mbuf[i]->pkt_len != (uint32_t)b->use->pieces * b->use->len ||
		    b->mbuf[i]->nb_segs != b->use->pieces)
			die("a frame came out wrong");
}

static void
one_turn(struct bench *b)
{
	if (b->use->rx) {
		frames_arrive(b);
		one_call(b, timed_rx);
		check_received(b);
	} else {
		for (uint16_t i = 0; i < b->burst; i++)
			b->mbuf[i] = make_packet(b);
	}
	if (b->use->tx) {
		one_call(b, timed_tx);
		if (vmx_plain_tx(&b->device) != b->burst)
			die("a packet was not handed over");
	} else {
		rte_pktmbuf_free_bulk(b->mbuf, b->burst);
	}
	b->packets += b->burst;
}

/* ---- all of it ---- */

static void
calibrate(struct bench *b)
{
	b->overhead = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		const uint64_t begin = clock_now(), end = clock_now();

		b->overhead = RTE_MIN(b->overhead, end - begin);
	}
}

static void
open_port(struct bench *b)
{
	const struct vmx_device_opts opts = {
		.versions = b->use->data_rings ? VMX_VERSIONS_TO(DATA_VERSION) : 0};
	struct vmx_port *p = vmx_host_plug(
		&opts, b->use->data_rings && !vmx_host_is_rival() ? DATA_DEVARGS : NULL, NULL);
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {.rxmode.mtu =
					    b->use->pieces * b->use->len > 1518 ? 4096 : 1500};

	if (p == NULL)
		die("the driver does not take the device");
	b->port = vmx_host_port_id(p);
	b->pool = rte_pktmbuf_pool_create("bench", 16383, 256, 0, 2048 + RTE_PKTMBUF_HEADROOM, 0);
	if (b->pool == NULL || rte_eth_dev_info_get(b->port, &info) != 0)
		die("no pool");
	conf.txmode.offloads = b->use->tx_offloads & info.tx_offload_capa;
	if (b->use->rx && b->use->pieces > 1)
		conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	if (rte_eth_dev_configure(b->port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(b->port, 0, b->ring, 0, NULL, b->pool) != 0 ||
	    rte_eth_tx_queue_setup(b->port, 0, b->ring, 0, NULL) != 0 ||
	    rte_eth_dev_start(b->port) != 0)
		die("the port does not start");
	vmx_plain_begin(&b->device, vmx_device_shared(vmx_host_device(p)));
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure(struct bench *b, uint32_t calls)
{
	static double group[GROUPS_MAX];
	const uint32_t groups = RTE_MIN(calls / GROUP, (uint32_t)GROUPS_MAX);
	uint64_t packets = 0;

	for (uint32_t i = 0; i < 4u * b->ring / b->burst; i++)
		one_turn(b); /* every slot once at least */
	packets = b->packets;
	for (uint32_t g = 0; g < groups; g++) {
		b->cycles = 0;
		for (uint32_t i = 0; i < GROUP; i++)
			one_turn(b);
		group[g] = (double)b->cycles / GROUP / b->burst;
	}
	qsort(group, groups, sizeof(group[0]), by_value);
	printf("%.2f %.2f %.2f %lu %lu\n", group[groups / 2], group[groups / 10],
	       group[groups - 1 - groups / 10], (unsigned long)(b->packets - packets),
	       (unsigned long)b->packets);
}

int
main(int argc, char **argv)
{
	struct bench b = {.dirty = argc > 5 && strcmp(argv[5], "dirty") == 0};

	if (argc < 5)
		die("usage: vmxnet3 CASE BURST RING CALLS [dirty]");
	for (size_t i = 0; i < RTE_DIM(uses); i++)
		if (strcmp(argv[1], uses[i].name) == 0)
			b.use = &uses[i];
	b.burst = atoi(argv[2]);
	b.ring = atoi(argv[3]);
	b.dirt = calloc(1, DIRT);
	if (b.use == NULL || b.burst == 0 || b.burst > BURST_MAX || b.dirt == NULL ||
	    atoi(argv[4]) < GROUP)
		die("no such case, a burst out of 1..64, or fewer than 64 calls");
	vmx_host_init();
	open_port(&b);
	calibrate(&b);
	measure(&b, atoi(argv[4]));
	return EXIT_SUCCESS;
}
