/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One end of a wire, for tests: a DPDK application on port 0 that is told on stdin what to do and
 * says on stdout what happened, a line each. It runs natively and inside guests.
 *
 *   portpeer EAL-ARGS -- [--queues N] [--mtu N] [--mbufs N] [--mac MAC] [--offloads RX,TX]
 *     [--tx-pool NAME] [--ring N] [--plug ADDRESS] [--flood]
 *
 * With --plug it says "waiting" until the IVSHMEM device at this PCI address is there, then
 * "plugged", and takes it. With --flood it sends from the first moment on.
 *
 *   send COUNT MIN MAX   send COUNT frames of MIN..MAX bytes on each queue, then say "sent COUNT"
 *   flood MIN MAX        send until told otherwise
 *   to MAC               from now on send to this address; at first to all
 *   idle                 stop sending
 *   rx off|on|echo       receive and check frames; echo: send them back
 *   expect COUNT         say "received COUNT" when that many good frames have come since "reset"
 *   stats                "stats good=N bad=N gaps=N echoed=N sent=N"; gaps: numbers jumped over
 *   reset                zero those
 *   counters             "counters name=value ...": all xstats that are not zero
 *   pool                 "pool N": mbufs that are not in the pool
 *   stop, start          the port: "stopped" (rx is off then), "started" or "failed ERROR"
 *   quit
 *
 * By itself: "ports N", those there are when EAL has started, "ready MAC" once, "link up" or
 * "link down" at each change, and "removed" when the port's device is gone, or is to go.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_pdump.h>

#include "peer_frame.h"

#define PORT 0
#define BURST 32
#define QUEUES_MAX 16

enum rx_mode { RX_OFF, RX_ON, RX_ECHO };

static struct {
	uint16_t queues, mtu, ring; /* ring 0: the driver's default */
	uint32_t mbufs;
	uint64_t rx_offloads, tx_offloads;
	const char *tx_pool, *mac, *plug;
	bool flood;
} cfg = {.queues = 1, .mtu = 1500, .mbufs = 4095, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};

/* What one queue is at. */
struct queue {
	uint64_t seq;	       /* next to send */
	uint64_t expected;     /* next to receive; 0: whatever comes first */
	uint64_t left;	       /* to send; UINT64_MAX: without end */
	struct rte_mbuf *kept; /* made, but the port had no room */
};

/* Held by the worker for a turn, by the main thread for an order. A mutex is not fair: the worker
 * lets an order that waits go first.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static uint32_t order_waits;

static struct {
	struct queue queues[QUEUES_MAX];
	struct rte_mempool *pool, *tx_pool;
	struct rte_ether_addr mac, to;
	enum rx_mode rx;
	bool sending, quit;
	uint64_t count, expect;
	uint32_t min, max;
	uint64_t good, bad, gaps, echoed, sent;
} st = {.to.addr_bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static void __rte_format_printf(1, 2) say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static int
link_changed(uint16_t port, enum rte_eth_event_type type __rte_unused, void *arg __rte_unused,
	     void *ret __rte_unused)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(port, &link) == 0)
		say("link %s", link.link_status == RTE_ETH_LINK_UP ? "up" : "down");
	return 0;
}

static int
removed(uint16_t port __rte_unused, enum rte_eth_event_type type __rte_unused,
	void *arg __rte_unused, void *ret __rte_unused)
{
	say("removed");
	return 0;
}

/* ---- the worker ---- */

static void
check(struct queue *q, struct rte_mbuf **mbufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint64_t seq;

		if (!peer_frame_check(mbufs[i], &seq)) {
			st.bad++;
			continue;
		}
		st.good++;
		if (q->expected != 0 && seq > q->expected)
			st.gaps += seq - q->expected;
		q->expected = seq + 1;
		if (st.expect != 0 && st.good >= st.expect) {
			say("received %" PRIu64, st.expect);
			st.expect = 0;
		}
	}
}

static void
send_back(uint16_t i, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t sent;

	for (uint16_t k = 0; k < n; k++)
		rte_pktmbuf_mtod(mbufs[k], struct rte_ether_hdr *)->src_addr = st.mac;
	sent = rte_eth_tx_burst(PORT, i, mbufs, n);
	st.echoed += sent;
	rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
}

static void
receive(uint16_t i)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(PORT, i, mbufs, BURST);

	check(&st.queues[i], mbufs, n);
	if (st.rx == RX_ECHO)
		send_back(i, mbufs, n);
	else
		rte_pktmbuf_free_bulk(mbufs, n);
}

/* One frame; false if there is no room or no mbuf now. */
static bool
transmit(uint16_t i)
{
	struct queue *q = &st.queues[i];

	if (q->kept == NULL)
		q->kept = peer_frame_make(st.tx_pool, &st.to, &st.mac, q->seq,
					  st.min + q->seq % (st.max - st.min + 1));
	if (q->kept == NULL || rte_eth_tx_burst(PORT, i, &q->kept, 1) == 0)
		return false;
	q->kept = NULL;
	q->seq++;
	st.sent++;
	q->left -= q->left != UINT64_MAX;
	return true;
}

static void
one_turn(void)
{
	uint64_t left = 0;

	for (uint16_t i = 0; i < cfg.queues; i++) {
		if (st.rx != RX_OFF)
			receive(i);
		for (int k = 0; k < BURST && st.queues[i].left > 0 && transmit(i); k++)
			;
		left |= st.queues[i].left;
	}
	if (st.sending && left == 0) {
		st.sending = false;
		say("sent %" PRIu64, st.count);
	}
}

static int
work(void *arg __rte_unused)
{
	for (bool quit = false; !quit;) {
		while (__atomic_load_n(&order_waits, __ATOMIC_ACQUIRE) != 0)
			sched_yield();
		pthread_mutex_lock(&turn);
		one_turn();
		quit = st.quit;
		pthread_mutex_unlock(&turn);
		rte_pause();
	}
	return 0;
}

/* ---- orders; each holds the turn ---- */

static void
set_sending(uint64_t count, uint32_t min, uint32_t max)
{
	for (uint16_t i = 0; i < cfg.queues; i++) {
		struct queue *q = &st.queues[i];

		q->left = count;
		rte_pktmbuf_free(q->kept);
		q->kept = NULL;
	}
	st.count = count;
	st.sending = count != 0 && count != UINT64_MAX;
	st.min = RTE_MAX(min, PEER_FRAME_MIN);
	st.max = RTE_MIN(RTE_MAX(max, st.min), PEER_FRAME_MAX);
}

static void
tell_counters(void)
{
	static struct rte_eth_xstat_name names[1024];
	static struct rte_eth_xstat values[1024];
	int n = rte_eth_xstats_get_names(PORT, names, RTE_DIM(names));

	if (n < 0 || rte_eth_xstats_get(PORT, values, RTE_DIM(values)) != n)
		n = 0;
	printf("counters");
	for (int i = 0; i < n; i++)
		if (values[i].value != 0)
			printf(" %s=%" PRIu64, names[i].name, values[i].value);
	say("%s", "");
}

static void
tell_pool(void)
{
	unsigned int out = rte_mempool_in_use_count(st.pool);

	if (st.tx_pool != st.pool)
		out += rte_mempool_in_use_count(st.tx_pool);
	say("pool %u", out);
}

static void
set_port(bool start)
{
	int ret;

	if (!start)
		st.rx = RX_OFF;
	ret = start ? rte_eth_dev_start(PORT) : rte_eth_dev_stop(PORT);
	if (ret < 0)
		say("failed %s", strerror(-ret));
	else
		say(start ? "started" : "stopped");
}

static bool
obey_rx(const char *line)
{
	static const char *const modes[] = {"off", "on", "echo"};
	char mode[8];

	if (sscanf(line, "rx %7s", mode) != 1)
		return false;
	for (size_t i = 0; i < RTE_DIM(modes); i++)
		if (strcmp(mode, modes[i]) == 0)
			st.rx = (enum rx_mode)i;
	return true;
}

static void
reset(void)
{
	st.good = st.bad = st.gaps = st.echoed = st.sent = 0;
	for (uint16_t i = 0; i < cfg.queues; i++)
		st.queues[i].expected = 0;
}

static void
obey(const char *line)
{
	uint32_t min, max;
	uint64_t count;

	if (sscanf(line, "send %" SCNu64 " %u %u", &count, &min, &max) == 3)
		set_sending(count, min, max);
	else if (sscanf(line, "flood %u %u", &min, &max) == 2)
		set_sending(UINT64_MAX, min, max);
	else if (strcmp(line, "idle") == 0)
		set_sending(0, 0, 0);
	else if (sscanf(line, "expect %" SCNu64, &count) == 1)
		st.expect = count;
	else if (strcmp(line, "stats") == 0)
		say("stats good=%" PRIu64 " bad=%" PRIu64 " gaps=%" PRIu64 " echoed=%" PRIu64
		    " sent=%" PRIu64,
		    st.good, st.bad, st.gaps, st.echoed, st.sent);
	else if (strncmp(line, "to ", 3) == 0 && rte_ether_unformat_addr(line + 3, &st.to) == 0)
		say("to " RTE_ETHER_ADDR_PRT_FMT, RTE_ETHER_ADDR_BYTES(&st.to));
	else if (strcmp(line, "reset") == 0)
		reset();
	else if (strcmp(line, "counters") == 0)
		tell_counters();
	else if (strcmp(line, "pool") == 0)
		tell_pool();
	else if (strcmp(line, "stop") == 0 || strcmp(line, "start") == 0)
		set_port(strcmp(line, "start") == 0);
	else if (strcmp(line, "quit") == 0)
		st.quit = true;
	else if (!obey_rx(line))
		say("failed no such order: %s", line);
}

/* ---- set-up ---- */

static void
parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"queues", required_argument, NULL, 'q'},
		{"mtu", required_argument, NULL, 'm'},
		{"mbufs", required_argument, NULL, 'b'},
		{"offloads", required_argument, NULL, 'o'},
		{"tx-pool", required_argument, NULL, 'p'},
		{"mac", required_argument, NULL, 'a'},
		{"ring", required_argument, NULL, 'r'},
		{"plug", required_argument, NULL, 'g'},
		{"flood", no_argument, NULL, 'f'},
		{0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'q')
			cfg.queues = RTE_MIN(atoi(optarg), QUEUES_MAX);
		else if (opt == 'm')
			cfg.mtu = atoi(optarg);
		else if (opt == 'b')
			cfg.mbufs = atoi(optarg);
		else if (opt == 'p')
			cfg.tx_pool = optarg;
		else if (opt == 'a')
			cfg.mac = optarg;
		else if (opt == 'r')
			cfg.ring = atoi(optarg);
		else if (opt == 'g')
			cfg.plug = optarg;
		else if (opt == 'f')
			cfg.flood = true;
		else if (opt != 'o' || sscanf(optarg, "%" SCNx64 ",%" SCNx64, &cfg.rx_offloads,
					      &cfg.tx_offloads) != 2)
			rte_exit(2, "portpeer: unknown option\n");
	}
}

/* Waits until the device is there, which may be plugged in only now, and takes it. */
static int
take_plugged(const char *address)
{
	char path[128], name[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2", address);
	snprintf(name, sizeof(name), "pvn_ivshmem_%s", address);
	say("waiting");
	while (access(path, F_OK) != 0)
		usleep(1000);
	say("plugged");
	return rte_eal_hotplug_add("vdev", name, "");
}

static int
set_up_port(void)
{
	struct rte_eth_conf conf = {
		.intr_conf.lsc = 1,
		.rxmode = {.mtu = cfg.mtu, .offloads = cfg.rx_offloads},
		.txmode.offloads = cfg.tx_offloads | RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
	};
	int ret = rte_eth_dev_configure(PORT, cfg.queues, cfg.queues, &conf);

	for (uint16_t i = 0; i < cfg.queues && ret == 0; i++) {
		ret = rte_eth_rx_queue_setup(PORT, i, cfg.ring, SOCKET_ID_ANY, NULL, st.pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(PORT, i, cfg.ring, SOCKET_ID_ANY, NULL);
	}
	if (ret == 0)
		ret = rte_eth_dev_callback_register(PORT, RTE_ETH_EVENT_INTR_LSC, link_changed,
						    NULL);
	if (ret == 0)
		ret = rte_eth_dev_callback_register(PORT, RTE_ETH_EVENT_INTR_RMV, removed, NULL);
	if (ret == 0)
		ret = cfg.mac != NULL ? rte_ether_unformat_addr(cfg.mac, &st.mac)
				      : rte_eth_macaddr_get(PORT, &st.mac);
	if (ret == 0)
		say("ready " RTE_ETHER_ADDR_PRT_FMT, RTE_ETHER_ADDR_BYTES(&st.mac));
	return ret == 0 ? rte_eth_dev_start(PORT) : ret;
}

int
main(int argc, char **argv)
{
	char line[256];
	int ret = rte_eal_init(argc, argv);

	if (ret < 0)
		return 1;
	say("ports %u", rte_eth_dev_count_avail());
	parse_args(argc - ret, argv + ret);
	rte_pdump_init(); /* for those who want to look; without shared memory there is none */
	st.pool = rte_pktmbuf_pool_create("peer", cfg.mbufs, 128, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	st.tx_pool = cfg.tx_pool != NULL ? rte_mempool_lookup(cfg.tx_pool) : st.pool;
	if (st.pool == NULL || st.tx_pool == NULL)
		rte_exit(1, "portpeer: no pool\n");
	ret = cfg.plug != NULL ? take_plugged(cfg.plug) : 0;
	if (ret == 0)
		ret = set_up_port();
	if (ret < 0)
		rte_exit(1, "portpeer: port: %s\n", strerror(-ret));
	if (cfg.flood)
		set_sending(UINT64_MAX, 0, 0);
	rte_eal_remote_launch(work, NULL, rte_get_next_lcore(-1, 1, 0));
	while (!st.quit && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		__atomic_store_n(&order_waits, 1, __ATOMIC_RELEASE);
		pthread_mutex_lock(&turn);
		__atomic_store_n(&order_waits, 0, __ATOMIC_RELEASE);
		obey(line);
		pthread_mutex_unlock(&turn);
	}
	st.quit = true;
	rte_eal_mp_wait_lcore();
	rte_eth_dev_stop(PORT);
	rte_eth_dev_close(PORT);
	return rte_eal_cleanup() == 0 ? 0 : 1;
}
