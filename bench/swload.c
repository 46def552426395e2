/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guests of a switch, all on one core: frames go out on each port and come back on others. Any
 * port of DPDK's will do, so the same loop loads our switch and those it is compared with.
 *
 *   swload EAL-ARGS -- [--total N] [--first N] [--addresses N] [--pairs] [--size N|imix]
 *          [--ring N] [--pool PREFIX] [--share FILE --turn N --turns N]
 *
 * This process' ports are guests FIRST and up of TOTAL. Each address belongs to one guest and
 * talks to one other address, of the next guests in turn, or with --pairs of guest^1: as many flows
 * as addresses, and the flows of a guest take turns frame by frame. Every byte of a frame is
 * written by its sender and read by its receiver. At most WINDOW frames are on their way to a
 * guest, fewer than its ring holds, so a switch loses none for want of buffers.
 *
 * EAL has 32 ports at most. More guests are several processes on the core, which take turns, a
 * round over all their ports each (--share: what they share, of which --turn N is this one's).
 *
 * Orders on stdin, and answers:
 *   learn     each address sends a frame to all: "learned"
 *
 *   go RATE   frames go, RATE a second, or as many as possible if it is 0; counts from now on
 *
 *   stop      "result FRAMES SECONDS LOST STRAYS P50 P99 MAX", times in ns from before a frame is
 *             written to after it is received; strays came to a guest that they were not for
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#define BURST 32
#define GUESTS_MAX 256
#define WINDOW 192
#define STALL_MS 200
#define DRAIN_MS 100
#define LEARN_US 20
#define LEARN_PASSES 2
#define BUCKET_NS 10u
#define BUCKETS 200000u

static struct {
	uint32_t total, first, addresses, size, ring, turn, turns;
	bool pairs;
	const char *pool, *share;
} cfg = {.total = 2, .addresses = 2, .size = 64, .ring = 256, .turns = 1};

/* What several processes share. Only whose turn it is touches the rest. */
struct shared {
	uint32_t turn;
	int32_t under_way[GUESTS_MAX]; /* frames to each guest */
};

struct flow {
	uint64_t head[2]; /* addresses and type */
	uint16_t to;
};

struct guest {
	uint16_t port, number;
	uint16_t first, count; /* of box */
	uint32_t flows, at, size_at;
	struct flow *flow;
	struct rte_mempool *pool;
	struct rte_mbuf *box[BURST]; /* not yet taken by the port */
	uint64_t next;		     /* when a frame is due */
	uint64_t heard;		     /* when a frame came last */
};

enum state { STOPPED, LEARN, GO, DRAIN };

static struct guest guests[RTE_MAX_ETHPORTS];
static uint32_t guest_count;
static struct shared *shared;
static struct rte_mempool *pool;
static volatile bool quit;
static uint64_t seen_data; /* so that reading frames is not optimized away */

/* An order from the main thread: the number is written last. */
static struct {
	enum state state;
	double rate;
	uint32_t number;
} order;

static struct {
	enum state state;
	uint32_t order;
	uint64_t begin, end,
		gap; /* ticks; gap between two frames of a guest, 0: as many as possible */
	uint64_t frames, lost, strays, longest;
	uint32_t learn_at;
} now_;

static uint32_t latency[BUCKETS];

/* ---- addresses and flows ---- */

static uint32_t
owner(uint32_t address)
{
	return address % cfg.total;
}

static void
put_mac(uint8_t *to, uint32_t address)
{
	const uint32_t index = address / cfg.total, guest = owner(address);
	const uint8_t mac[] = {2, 0, guest >> 8, guest, index >> 8, index};

	memcpy(to, mac, sizeof(mac));
}

/* The one that an address talks to: each is talked to by one. */
static uint32_t
partner(uint32_t address)
{
	const uint32_t index = address / cfg.total, guest = owner(address);
	const uint32_t to =
		cfg.pairs ? guest ^ 1 : (guest + 1 + index % (cfg.total - 1)) % cfg.total;

	return index * cfg.total + to;
}

static void
make_flows(struct guest *g)
{
	g->flows = cfg.addresses / cfg.total;
	g->flow = calloc(g->flows, sizeof(*g->flow));
	for (uint32_t i = 0; i < g->flows; i++) {
		const uint32_t address = i * cfg.total + g->number;
		uint8_t head[16] = {[12] = 0x88, [13] = 0xb5};

		put_mac(head, partner(address));
		put_mac(head + 6, address);
		memcpy(g->flow[i].head, head, sizeof(head));
		g->flow[i].to = owner(partner(address));
	}
}

/* ---- frames ---- */

/* 7:4:1, spread; 1514 bytes are 1518 on a wire. */
static const uint16_t imix[] = {64, 594, 64, 64, 594, 64, 1514, 64, 594, 64, 64, 594};

static uint32_t
next_size(struct guest *g)
{
	if (cfg.size != 0)
		return cfg.size;
	g->size_at = g->size_at + 1 == RTE_DIM(imix) ? 0 : g->size_at + 1;
	return imix[g->size_at];
}

static inline void
write_frame(struct rte_mbuf *m, const struct flow *flow, uint32_t size, uint64_t now)
{
	uint64_t *data = rte_pktmbuf_mtod(m, uint64_t *);

	m->data_len = size;
	m->pkt_len = size;
	data[0] = flow->head[0];
	data[1] = flow->head[1];
	data[2] = now;
	for (uint32_t i = 3; i < size / 8; i++)
		data[i] = now + i;
}

/* Frames that are due and whose guest has room for them: how many. */
static inline uint16_t
count_due(struct guest *g, uint64_t now)
{
	uint32_t at = g->at;
	uint16_t n = 0;

	while (n < BURST && (now_.gap == 0 || g->next <= now)) {
		if (shared->under_way[g->flow[at].to] >= WINDOW)
			break;
		shared->under_way[g->flow[at].to]++;
		at = at + 1 == g->flows ? 0 : at + 1;
		g->next += now_.gap;
		n++;
	}
	return n;
}

static inline void
fill_box(struct guest *g, uint64_t now)
{
	uint16_t n = count_due(g, now);

	g->first = g->count = 0;
	if (n == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(g->pool, g->box, n) == 0)
		g->count = n;
	for (uint16_t i = 0; i < n; i++) {
		const struct flow *flow = &g->flow[g->at];

		g->at = g->at + 1 == g->flows ? 0 : g->at + 1;
		if (g->count > 0)
			write_frame(g->box[i], flow, next_size(g), now);
		else
			shared->under_way[flow->to]--;
	}
}

static inline void
push(struct guest *g)
{
	if (g->first == g->count)
		fill_box(g, rte_rdtsc());
	if (g->first < g->count)
		g->first += rte_eth_tx_burst(g->port, 0, &g->box[g->first], g->count - g->first);
}

static inline void
count_latency(uint64_t ticks)
{
	uint64_t bucket = ticks * (UINT64_C(1000000000) / BUCKET_NS) / rte_get_tsc_hz();

	latency[RTE_MIN(bucket, (uint64_t)BUCKETS - 1)]++;
	now_.longest = RTE_MAX(now_.longest, ticks);
}

/* Reads a frame; whether it is this guest's. */
static inline bool
read_frame(const struct guest *g, const struct rte_mbuf *m)
{
	const uint64_t *data = rte_pktmbuf_mtod(m, const uint64_t *);
	const uint8_t *bytes = (const uint8_t *)data;
	uint64_t sum = 0;

	for (uint32_t i = 2; i < m->data_len / 8u; i++)
		sum += data[i];
	seen_data += sum;
	return (bytes[2] << 8 | bytes[3]) == g->number && bytes[0] == 2;
}

static inline void
pull(struct guest *g)
{
	struct rte_mbuf *mbufs[BURST];
	const uint16_t n = rte_eth_rx_burst(g->port, 0, mbufs, BURST);
	int32_t *under_way = &shared->under_way[g->number];
	uint64_t now;
	uint16_t mine = 0;

	if (n == 0)
		return;
	now = rte_rdtsc();
	g->heard = now;
	for (uint16_t i = 0; i < n; i++) {
		if (!read_frame(g, mbufs[i]))
			continue;
		mine++;
		if (now_.gap != 0)
			count_latency(now - rte_pktmbuf_mtod(mbufs[i], const uint64_t *)[2]);
	}
	rte_pktmbuf_free_bulk(mbufs, n);
	*under_way = RTE_MAX(*under_way - mine, 0);
	now_.frames += mine;
	now_.strays += n - mine;
}

/* Nothing came for a while though frames are under way: they are lost. */
static inline void
look_for_lost(struct guest *g, uint64_t now, uint64_t patience)
{
	int32_t *under_way = &shared->under_way[g->number];

	if (*under_way == 0)
		g->heard = now;
	if (likely(*under_way < WINDOW || now - g->heard < patience))
		return;
	now_.lost += *under_way;
	*under_way = 0;
}

/* ---- learning ---- */

static void
send_learning(uint64_t now)
{
	const uint32_t mine = guest_count * guests[0].flows;
	struct guest *g = &guests[now_.learn_at % guest_count];
	struct flow flow = g->flow[now_.learn_at % mine / guest_count];
	struct rte_mbuf *m;

	if (now < now_.end)
		return;
	now_.end = now + rte_get_tsc_hz() * LEARN_US / 1000000;
	if (now_.learn_at == LEARN_PASSES * mine) {
		puts("learned");
		fflush(stdout);
		now_.state = STOPPED;
		return;
	}
	memset(&flow, 0xff, 6);
	m = rte_pktmbuf_alloc(g->pool);
	if (m == NULL)
		return;
	write_frame(m, &flow, 64, now);
	if (rte_eth_tx_burst(g->port, 0, &m, 1) == 1)
		now_.learn_at++;
	else
		rte_pktmbuf_free(m);
}

/* ---- orders ---- */

static uint32_t
percentile(uint64_t all, double part)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		sum += latency[i];
		if (sum > all * part)
			return i * BUCKET_NS;
	}
	return 0;
}

static void
say_result(void)
{
	const double hz = rte_get_tsc_hz();
	uint64_t all = 0;

	for (uint32_t i = 0; i < BUCKETS; i++)
		all += latency[i];
	for (uint32_t i = 0; i < guest_count; i++) {
		now_.lost += shared->under_way[guests[i].number];
		shared->under_way[guests[i].number] = 0;
	}
	printf("result %" PRIu64 " %.6f %" PRIu64 " %" PRIu64 " %u %u %.0f\n", now_.frames,
	       (now_.end - now_.begin) / hz, now_.lost, now_.strays, percentile(all, 0.5),
	       percentile(all, 0.99), now_.longest * 1e9 / hz);
	fflush(stdout);
}

static void
begin_counting(uint64_t now)
{
	now_.frames = now_.lost = now_.strays = now_.longest = 0;
	memset(latency, 0, sizeof(latency));
	now_.begin = now;
	now_.gap = order.rate > 0 ? guest_count * rte_get_tsc_hz() / order.rate : 0;
	for (uint32_t i = 0; i < guest_count; i++) {
		guests[i].next = now + now_.gap * i / guest_count;
		guests[i].heard = now;
	}
}

static void
take_order(uint64_t now)
{
	/* ACQ-ORDER: the order after its number. Pairs with REL-ORDER in give_order(). */
	const uint32_t number = __atomic_load_n(&order.number, __ATOMIC_ACQUIRE);

	if (likely(number == now_.order))
		return;
	now_.order = number;
	now_.state = order.state;
	now_.end = now;
	now_.learn_at = 0;
	if (order.state == GO)
		begin_counting(now);
}

static void
give_order(enum state state, double rate)
{
	order.state = state;
	order.rate = rate;
	/* REL-ORDER */
	__atomic_store_n(&order.number, order.number + 1, __ATOMIC_RELEASE);
}

/* ---- the loop ---- */

static inline void
wait_for_turn(void)
{
	while (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) % cfg.turns != cfg.turn && !quit)
		sched_yield();
}

static int
run(void *arg __rte_unused)
{
	const uint64_t patience = rte_get_tsc_hz() * STALL_MS / 1000;
	const uint64_t drain = rte_get_tsc_hz() * DRAIN_MS / 1000;

	while (!quit) {
		uint64_t now;

		if (cfg.turns > 1)
			wait_for_turn();
		now = rte_rdtsc();
		take_order(now);
		for (uint32_t i = 0; i < guest_count; i++) {
			pull(&guests[i]);
			if (now_.state != GO)
				continue;
			push(&guests[i]);
			look_for_lost(&guests[i], now, patience);
		}
		if (now_.state == LEARN)
			send_learning(now);
		if (now_.state == DRAIN && now > now_.end + drain) {
			say_result();
			now_.state = STOPPED;
		}
		if (cfg.turns > 1)
			__atomic_store_n(&shared->turn, shared->turn + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

/* ---- set-up ---- */

static void
parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"total", required_argument, NULL, 't'},
		{"first", required_argument, NULL, 'f'},
		{"addresses", required_argument, NULL, 'a'},
		{"pairs", no_argument, NULL, 'p'},
		{"size", required_argument, NULL, 's'},
		{"ring", required_argument, NULL, 'r'},
		{"pool", required_argument, NULL, 'z'},
		{"share", required_argument, NULL, 'S'},
		{"turn", required_argument, NULL, 'u'},
		{"turns", required_argument, NULL, 'U'},
		{0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 't')
			cfg.total = atoi(optarg);
		else if (opt == 'f')
			cfg.first = atoi(optarg);
		else if (opt == 'a')
			cfg.addresses = atoi(optarg);
		else if (opt == 'p')
			cfg.pairs = true;
		else if (opt == 's')
			cfg.size = strcmp(optarg, "imix") == 0 ? 0 : atoi(optarg);
		else if (opt == 'r')
			cfg.ring = atoi(optarg);
		else if (opt == 'z')
			cfg.pool = optarg;
		else if (opt == 'S')
			cfg.share = optarg;
		else if (opt == 'u')
			cfg.turn = atoi(optarg);
		else if (opt == 'U')
			cfg.turns = atoi(optarg);
		else
			rte_exit(2, "swload: unknown option\n");
	}
	if (cfg.total < 2 || cfg.total > GUESTS_MAX || cfg.addresses < cfg.total)
		rte_exit(2, "swload: expected 2..%d guests, and an address for each\n", GUESTS_MAX);
}

static void
open_shared(void)
{
	const int flags = cfg.share != NULL ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS;
	int fd = cfg.share != NULL ? open(cfg.share, O_RDWR | O_CREAT, 0600) : -1;

	if (cfg.share != NULL && (fd < 0 || ftruncate(fd, sizeof(*shared)) < 0))
		rte_exit(1, "swload: cannot make %s\n", cfg.share);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (shared == MAP_FAILED)
		rte_exit(1, "swload: no shared memory\n");
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
		rte_exit(1, "swload: port %u: %s\n", port, strerror(-ret));
	rte_eth_promiscuous_enable(port);
}

/* The pool that a guest's own port shares with its host is named after the guest's domain. */
static void
set_up_guest(struct guest *g, uint16_t port)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	set_up_port(port);
	g->port = port;
	g->number = cfg.first + guest_count++;
	g->pool = pool;
	if (cfg.pool != NULL) {
		snprintf(name, sizeof(name), "%s%u", cfg.pool, g->number + 1);
		g->pool = rte_mempool_lookup(name);
	}
	if (g->pool == NULL)
		rte_exit(1, "swload: there is no pool %s\n", name);
	make_flows(g);
}

/* Until all links are up, or stdin ends. */
static void
wait_for_links(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct rte_eth_link link;
	bool up = false;

	while (!up && poll(&in, 1, 5) == 0) {
		up = true;
		for (uint32_t i = 0; i < guest_count; i++)
			up = up && rte_eth_link_get_nowait(guests[i].port, &link) == 0 &&
			     link.link_status == RTE_ETH_LINK_UP;
	}
	puts("up");
	fflush(stdout);
}

static void
take_orders(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "learn\n") == 0)
			give_order(LEARN, 0);
		else if (strncmp(line, "go ", 3) == 0)
			give_order(GO, atof(line + 3));
		else if (strcmp(line, "stop\n") == 0)
			give_order(DRAIN, 0);
		else
			fprintf(stderr, "swload: expected learn, go RATE or stop: %s", line);
	}
}

int
main(int argc, char **argv)
{
	uint16_t port;
	int ret = rte_eal_init(argc, argv);

	if (ret < 0)
		return 1;
	parse_args(argc - ret, argv + ret);
	open_shared();
	pool = rte_pktmbuf_pool_create("swload", rte_eth_dev_count_avail() * 3 * cfg.ring + 2047,
				       250, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		rte_exit(1, "swload: no memory for a pool\n");
	RTE_ETH_FOREACH_DEV (port)
		set_up_guest(&guests[guest_count], port);
	wait_for_links();
	rte_eal_remote_launch(run, NULL, rte_get_next_lcore(-1, 1, 0));
	take_orders();
	quit = true;
	rte_eal_mp_wait_lcore();
	return (int)(seen_data & 0);
}
