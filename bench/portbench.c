/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What an application gets out of a port, any port: the same loops for our drivers and for the
 * peers they are compared with. One process is one side, one lcore each.
 *
 *   portbench EAL-ARGS -- --role ROLE [--size N] [--flight N] [--whole] [--read] [--touch N]
 *             [--ring N] [--window MS]
 *
 *   send     port 0: as many frames as it takes
 *   receive  port 0: counts; says the rate of one window after the first frames
 *   ping     port 0: keeps --flight frames on the way; counts those that come back
 *   echo     port 0: sends back what it gets
 *   forward  between ports 0 and 1, both ways
 *   through  sends on port 0, counts on port 1
 *
 * --whole writes the whole payload of each frame, as an application does that has something to say;
 * otherwise its first 64 bytes are written. Whoever counts reads 8 bytes of each frame, or, with
 * --read, all of it, as an application does that the frame is for. With --touch, who sends back
 * reads and writes N bytes of each frame. Prints "started" when its ports are, "up" when the links
 * are, and "rate FRAMES-PER-SECOND" once; ends when stdin ends.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#define BURST 32
#define WARM_UP_MS 300

static struct {
	const char *role;
	const char *tx_pool;
	uint32_t size, flight, ring, window_ms, touch;
	bool whole, read;
} cfg = {.role = "", .size = 64, .flight = 128, .ring = 256, .window_ms = 1000};

static struct rte_mempool *pool, *tx_pool;
static volatile bool quit;
static uint64_t seen_data; /* so that reading frames is not optimized away */

/* ---- frames ---- */

static inline void
write_frame(struct rte_mbuf *m, uint64_t number)
{
	uint64_t *data = rte_pktmbuf_mtod(m, uint64_t *);
	uint32_t words = (cfg.whole ? cfg.size : RTE_MIN(cfg.size, 64u)) / 8;

	m->data_len = cfg.size;
	m->pkt_len = cfg.size;
	data[0] = UINT64_C(0x0002ffffffffffff); /* to all, from 02:00:00:00:01:00 */
	data[1] = UINT64_C(0xb58800010000);
	for (uint32_t i = 2; i < words; i++)
		data[i] = number + i;
}

/* Frames not yet taken by the port. */
struct outbox {
	struct rte_mbuf *mbufs[BURST];
	uint16_t first, count;
};

static inline uint16_t
push(uint16_t port, struct outbox *box, uint16_t fresh)
{
	static uint64_t number;
	uint16_t sent;

	if (box->first == box->count) {
		box->first = box->count = 0;
		if (fresh > 0 && rte_pktmbuf_alloc_bulk(tx_pool, box->mbufs, fresh) == 0)
			box->count = fresh;
		for (uint16_t i = 0; i < box->count; i++)
			write_frame(box->mbufs[i], number++);
	}
	sent = rte_eth_tx_burst(port, 0, &box->mbufs[box->first], box->count - box->first);
	box->first += sent;
	return sent;
}

static inline uint64_t
read_frame(const struct rte_mbuf *m)
{
	const uint64_t *data = rte_pktmbuf_mtod(m, const uint64_t *);
	uint64_t sum = data[3];

	if (cfg.read)
		for (uint32_t i = 0; i < m->data_len / 8u; i++)
			sum += data[i];
	return sum;
}

static inline uint16_t
pull(uint16_t port)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(port, 0, mbufs, BURST);

	for (uint16_t i = 0; i < n; i++)
		seen_data += read_frame(mbufs[i]);
	if (n > 0)
		rte_pktmbuf_free_bulk(mbufs, n);
	return n;
}

static inline void
touch_frame(struct rte_mbuf *m)
{
	uint64_t *data = rte_pktmbuf_mtod(m, uint64_t *);

	for (uint32_t i = 0; i < RTE_MIN(cfg.touch, (uint32_t)m->data_len) / 8; i++)
		data[i]++;
}

static inline void
move(uint16_t from, uint16_t to)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(from, 0, mbufs, BURST), sent = 0;

	for (uint16_t i = 0; cfg.touch > 0 && i < n; i++)
		touch_frame(mbufs[i]);
	for (int tries = 0; sent < n && tries < 1000; tries++)
		sent += rte_eth_tx_burst(to, 0, mbufs + sent, n - sent);
	if (sent < n)
		rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
}

/* ---- counting ---- */

struct count {
	uint64_t begin, end, frames;
};

/* Counts after the warm-up, and says the rate at the end of the window. */
static inline void
count(struct count *c, uint16_t n)
{
	uint64_t now;

	if (n == 0 || c->end == UINT64_MAX)
		return;
	now = rte_rdtsc();
	if (c->begin == 0) {
		c->begin = now + rte_get_tsc_hz() * WARM_UP_MS / 1000;
		c->end = c->begin + rte_get_tsc_hz() * cfg.window_ms / 1000;
	}
	if (now < c->begin)
		return;
	c->frames += n;
	if (now < c->end)
		return;
	printf("rate %.0f\n", (double)c->frames * rte_get_tsc_hz() / (now - c->begin));
	fflush(stdout);
	c->end = UINT64_MAX;
}

/* ---- roles ---- */

static void
role_ping(void)
{
	struct outbox box = {0};
	struct count c = {0};
	uint32_t out = 0;
	uint16_t n;

	while (!quit) {
		if (out < cfg.flight || box.first != box.count)
			out += push(0, &box, RTE_MIN((uint32_t)BURST, cfg.flight - out));
		n = pull(0);
		out -= RTE_MIN(out, n);
		count(&c, n);
	}
}

static void
role_through(void)
{
	struct outbox box = {0};
	struct count c = {0};

	while (!quit) {
		push(0, &box, BURST);
		count(&c, pull(1));
	}
}

static int
run_role(void *arg __rte_unused)
{
	struct outbox box = {0};
	struct count c = {0};

	if (strcmp(cfg.role, "send") == 0)
		while (!quit)
			push(0, &box, BURST);
	else if (strcmp(cfg.role, "receive") == 0)
		while (!quit)
			count(&c, pull(0));
	else if (strcmp(cfg.role, "echo") == 0)
		while (!quit)
			move(0, 0);
	else if (strcmp(cfg.role, "ping") == 0)
		role_ping();
	else if (strcmp(cfg.role, "through") == 0)
		role_through();
	else
		while (!quit) {
			move(0, 1);
			move(1, 0);
		}
	return 0;
}

/* ---- set-up ---- */

static void
parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"role", required_argument, NULL, 'r'},	   {"size", required_argument, NULL, 's'},
		{"flight", required_argument, NULL, 'f'},  {"whole", no_argument, NULL, 'w'},
		{"ring", required_argument, NULL, 'n'},	   {"window", required_argument, NULL, 'm'},
		{"tx-pool", required_argument, NULL, 'p'}, {"read", no_argument, NULL, 'e'},
		{"touch", required_argument, NULL, 't'},   {0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			cfg.role = optarg;
		else if (opt == 's')
			cfg.size = atoi(optarg);
		else if (opt == 'f')
			cfg.flight = atoi(optarg);
		else if (opt == 'w')
			cfg.whole = true;
		else if (opt == 'e')
			cfg.read = true;
		else if (opt == 't')
			cfg.touch = atoi(optarg);
		else if (opt == 'n')
			cfg.ring = atoi(optarg);
		else if (opt == 'm')
			cfg.window_ms = atoi(optarg);
		else if (opt == 'p')
			cfg.tx_pool = optarg;
		else
			rte_exit(2, "portbench: unknown option\n");
	}
}

static void
set_up_port(uint16_t port)
{
	struct rte_eth_conf conf = {0};
	uint16_t rx = cfg.ring, tx = cfg.ring;
	int ret = rte_eth_dev_configure(port, 1, 1, &conf);

	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port, 0, rx, SOCKET_ID_ANY, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port, 0, tx, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(port);
	if (ret < 0)
		rte_exit(1, "portbench: port %u: %s\n", port, strerror(-ret));
}

/* Until all links are up, or stdin ends. */
static void
wait_for_links(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct rte_eth_link link;
	uint16_t port;
	bool up = false;

	while (!up && poll(&in, 1, 5) == 0) {
		up = true;
		RTE_ETH_FOREACH_DEV (port)
			up = up && rte_eth_link_get_nowait(port, &link) == 0 &&
			     link.link_status == RTE_ETH_LINK_UP;
	}
	puts("up");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	uint16_t port;
	int ret = rte_eal_init(argc, argv);

	if (ret < 0)
		return 1;
	parse_args(argc - ret, argv + ret);
	pool = rte_pktmbuf_pool_create("bench", 4095, 250, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	tx_pool = cfg.tx_pool != NULL ? rte_mempool_lookup(cfg.tx_pool) : pool;
	if (pool == NULL || tx_pool == NULL)
		rte_exit(1, "portbench: no pool\n");
	RTE_ETH_FOREACH_DEV (port)
		set_up_port(port);
	puts("started");
	fflush(stdout);
	wait_for_links();
	rte_eal_remote_launch(run_role, NULL, rte_get_next_lcore(-1, 1, 0));
	while (getchar() != EOF)
		;
	quit = true;
	rte_eal_mp_wait_lcore();
	return (int)(seen_data & 0);
}
