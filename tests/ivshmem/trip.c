/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host of the demo: sends the frames of a pcap file to a guest, over and over, and compares
 * what comes back, with its addresses swapped, byte by byte.
 *
 *	trip EAL-OPTIONS -- PCAP link PEER    pointer mode: a buffer is filled once and goes round
 *	trip EAL-OPTIONS -- PCAP port         over the first port, whose driver copies
 *
 * Says how things are ten times a second, and at once when a guest comes or goes, in lines
 *	at NS WORD NUMBER WORD NUMBER ...
 * NS being nanoseconds of CLOCK_MONOTONIC. Over a port, begins when there is a line on stdin; over
 * a link has no more than a port's buffers under way from then on. Ends when stdin does.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include <pvn_ivshmem.h>
#include <pvn_ivshmem_link.h>

#define BUFFERS 4095u
#define ENTRIES 1024u
#define UNDERWAY 192u /* over a port; less than any ring, so that nobody need drop */
#define BURST 32u
#define FRAMES_MAX 65536u
#define TELL_NS 100000000u
#define LOOK_NS 500000u
#define GIVE_UP_NS 200000000u

struct frame {
	uint8_t *data;
	uint32_t len;
};

/* A buffer, and which frame it holds. */
struct loaded {
	struct rte_mbuf *m;
	uint32_t frame;
};

static struct frame frames[FRAMES_MAX];
static uint32_t frame_count, next_frame;
static char region[32]; /* the name is the machine's: others may run this, too */
static struct rte_mempool *pool;
static struct pvn_ivshmem_link *link_;

/* Ours, loaded, in the order in which they will go; and the frames under way. Each holds all. */
static struct loaded home[BUFFERS + 1];
static uint32_t home_head, home_tail;
static uint32_t away[BUFFERS + 1];
static uint32_t away_head, away_tail;

static uint64_t moved, bytes, bad, lost, filled, reclaimed;
static bool begun;

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- frames ---- */

static void
read_frames(const char *path)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *file = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const uint8_t *data;

	while (file != NULL && frame_count < FRAMES_MAX &&
	       pcap_next_ex(file, &header, &data) == 1) {
		struct frame *f = &frames[frame_count];

		if (header->caplen != header->len || header->len < sizeof(struct rte_ether_hdr) ||
		    header->len > RTE_ETHER_MAX_LEN)
			continue;
		f->data = malloc(header->len);
		if (f->data == NULL)
			rte_exit(EXIT_FAILURE, "no memory\n");
		memcpy(f->data, data, header->len);
		f->len = header->len;
		frame_count++;
	}
	if (frame_count == 0)
		rte_exit(EXIT_FAILURE, "%s: no frames (%s)\n", path, why);
	pcap_close(file);
}

/* Fills a buffer with the next frame: the only copy of a link's frames. */
static struct loaded
load(struct rte_mbuf *m)
{
	const struct frame *f = &frames[next_frame];
	struct loaded l = {m, next_frame};

	next_frame = (next_frame + 1) % frame_count;
	memcpy(rte_pktmbuf_append(m, f->len), f->data, f->len);
	filled++;
	return l;
}

/* Every byte is as it was, but that the addresses have changed places. */
static bool
came_back(struct rte_mbuf *m, const struct frame *f)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	return m->nb_segs == 1 && m->data_len == f->len && memcmp(data, f->data + 6, 6) == 0 &&
	       memcmp(data + 6, f->data, 6) == 0 &&
	       memcmp(data + 12, f->data + 12, f->len - 12) == 0;
}

static void
swap_addresses(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ether_addr to = eth->dst_addr;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = to;
}

/* ---- over a link ---- */

static void
put_home(struct loaded l)
{
	home[home_tail++ & BUFFERS] = l;
}

static void
lend(void)
{
	uint32_t n = RTE_MIN(home_tail - home_head, BURST);
	void *m[BURST];

	if (begun)
		n = RTE_MIN(n, UNDERWAY - RTE_MIN(away_tail - away_head, UNDERWAY));

	for (uint32_t i = 0; i < n; i++)
		m[i] = home[(home_head + i) & BUFFERS].m;
	n = pvn_ivshmem_link_lend(link_, m, n);
	for (uint32_t i = 0; i < n; i++)
		away[away_tail++ & BUFFERS] = home[home_head++ & BUFFERS].frame;
}

static void
take(void)
{
	struct rte_mbuf *m[BURST];
	uint32_t n = pvn_ivshmem_link_take(link_, (void **)m, BURST);

	for (uint32_t i = 0; i < n; i++) {
		struct loaded l = {m[i], away[away_head++ & BUFFERS]};

		moved++;
		bytes += frames[l.frame].len;
		bad += !came_back(m[i], &frames[l.frame]);
		swap_addresses(m[i]);
		put_home(l);
	}
}

/* What a guest that is gone had is in the pool again, empty. */
static void
load_all(void)
{
	struct rte_mbuf *m;

	while ((m = rte_pktmbuf_alloc(pool)) != NULL)
		put_home(load(m));
}

static void
tell_link(const char *event)
{
	struct pvn_ivshmem_link_stats stats;

	pvn_ivshmem_link_stats(link_, &stats);
	printf("at %" PRIu64 " %s 1 frames %" PRIu64 " bytes %" PRIu64 " bad %" PRIu64
	       " lent %u home %u free %u buffers %u filled %" PRIu64 " reclaimed %" PRIu64
	       " foreign %" PRIu64 "\n",
	       now_ns(), event, moved, bytes, bad, pvn_ivshmem_link_out(link_),
	       home_tail - home_head, rte_mempool_avail_count(pool), BUFFERS, filled, reclaimed,
	       stats.foreign);
	fflush(stdout);
}

/* Who comes and goes. */
static void
look(void)
{
	uint32_t lent = pvn_ivshmem_link_out(link_), back;
	struct pvn_ivshmem_info info;
	int ret = pvn_ivshmem_poll(region);

	if (ret < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	if (ret == 0 || pvn_ivshmem_info(region, &info) < 0)
		return;
	back = pvn_ivshmem_link_reclaim(link_);
	reclaimed += back;
	away_head = away_tail;
	printf("at %" PRIu64 " had %u\n", now_ns(), lent);
	tell_link(info.attachment != 0 ? "came" : "gone");
	load_all();
}

static void
open_link(const char *where)
{
	const struct pvn_ivshmem_conf conf = {.where = where};

	snprintf(region, sizeof(region), "trip-%d", (int)getpid());
	if (pvn_ivshmem_create(region, &conf) < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	pool = rte_pktmbuf_pool_create("frames", BUFFERS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       pvn_ivshmem_socket(region));
	if (pool == NULL)
		rte_exit(EXIT_FAILURE, "no room for %u buffers in the region\n", BUFFERS);
	if (pvn_ivshmem_link_create(region, "link", pool, ENTRIES, true, &link_) < 0)
		rte_exit(EXIT_FAILURE, "%s\n", pvn_ivshmem_why());
	load_all();
}

static void
close_link(void)
{
	while (home_head != home_tail)
		rte_pktmbuf_free(home[home_head++ & BUFFERS].m);
	pvn_ivshmem_destroy(region); /* refused while a guest has buffers: the keeper tells it */
}

/* ---- over a port ---- */

static void
open_port(void)
{
	const struct rte_eth_conf conf = {0};

	pool = rte_pktmbuf_pool_create("frames", 2 * BUFFERS + 1, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       0);
	if (pool == NULL || rte_eth_dev_count_avail() != 1 ||
	    rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
	    rte_eth_rx_queue_setup(0, 0, 1024, 0, NULL, pool) < 0 ||
	    rte_eth_tx_queue_setup(0, 0, 1024, 0, NULL) < 0 || rte_eth_dev_start(0) < 0)
		rte_exit(EXIT_FAILURE, "no port, or it does not start\n");
	rte_eth_promiscuous_enable(0);
	for (uint32_t i = 0; i < BUFFERS; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL)
			rte_exit(EXIT_FAILURE, "no buffers\n");
		put_home(load(m));
	}
}

/* Until one frame has come back there is one under way, and another one when it takes too long: the
 * guest may only be starting. A frame that was given up may come back later.
 */
static bool met;
static uint32_t again;

static uint32_t
room(void)
{
	static uint64_t sent_ns;

	if (met)
		return UNDERWAY - (away_tail - away_head);
	if (now_ns() - sent_ns < GIVE_UP_NS)
		return 0;
	again += away_tail - away_head;
	away_head = away_tail;
	sent_ns = now_ns();
	return 1;
}

/* A buffer stays ours, filled, while the driver copies it: it drops its own reference. */
static void
send_burst(void)
{
	uint32_t n = RTE_MIN(room(), BURST);
	struct rte_mbuf *m[BURST];
	uint32_t ready = 0, sent;

	while (ready < n && rte_mbuf_refcnt_read(home[(home_head + ready) & BUFFERS].m) == 1) {
		m[ready] = home[(home_head + ready) & BUFFERS].m;
		rte_mbuf_refcnt_set(m[ready++], 2);
	}
	sent = rte_eth_tx_burst(0, 0, m, ready);
	for (uint32_t i = sent; i < ready; i++)
		rte_mbuf_refcnt_set(m[i], 1);
	for (uint32_t i = 0; i < sent; i++) {
		struct loaded l = home[home_head++ & BUFFERS];

		away[away_tail++ & BUFFERS] = l.frame;
		put_home(l);
	}
}

/* The frame that came back is the oldest one under way, or those before it were dropped; or it is
 * none of them.
 */
static void
match(struct rte_mbuf *m)
{
	uint32_t i = away_head;

	while (i != away_tail && !came_back(m, &frames[away[i & BUFFERS]]))
		i++;
	if (i == away_tail) {
		if (again > 0)
			again--;
		else
			bad++;
		return;
	}
	met = true;
	lost += i - away_head;
	moved++;
	bytes += m->pkt_len;
	away_head = i + 1;
}

static void
receive(void)
{
	struct rte_mbuf *m[BURST];
	uint32_t n = rte_eth_rx_burst(0, 0, m, BURST);

	for (uint32_t i = 0; i < n; i++)
		match(m[i]);
	rte_pktmbuf_free_bulk(m, n);
}

static bool
port_is_up(void)
{
	struct rte_eth_link l;

	return rte_eth_link_get_nowait(0, &l) == 0 && l.link_status == RTE_ETH_LINK_UP;
}

static void
tell_port(void)
{
	printf("at %" PRIu64 " now 1 up %d frames %" PRIu64 " bytes %" PRIu64 " bad %" PRIu64
	       " lost %" PRIu64 " lent %u\n",
	       now_ns(), port_is_up(), moved, bytes, bad, lost, away_tail - away_head);
	fflush(stdout);
}

/* ---- the loop ---- */

static bool
told_to_end(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[64];

	if (poll(&in, 1, 0) != 1)
		return false;
	begun = read(STDIN_FILENO, line, sizeof(line)) > 0;
	return !begun;
}

static void
run(bool over_link)
{
	uint64_t told = 0, looked = 0, now = 0;
	bool up = false;

	do {
		for (int i = 0; i < 16 && (over_link || up); i++) {
			over_link ? lend() : send_burst();
			over_link ? take() : receive();
		}
		now = now_ns();
		if (now - looked >= LOOK_NS) {
			looked = now;
			if (over_link)
				look();
			else if (!up && !(up = port_is_up()))
				poll(NULL, 0,
				     1); /* nobody is there: leave the processor to others */
		}
		if (now - told >= TELL_NS) {
			told = now;
			over_link ? tell_link("now") : tell_port();
		}
	} while (told != now || !told_to_end());
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	bool over_link;

	if (used < 0 || argc - used < 3)
		rte_exit(EXIT_FAILURE, "expected: trip EAL-OPTIONS -- PCAP link PEER|port\n");
	read_frames(argv[used + 1]);
	over_link = strcmp(argv[used + 2], "link") == 0 && argc - used == 4;
	if (over_link)
		open_link(argv[used + 3]);
	else
		open_port();
	printf("has %u frames\n", frame_count);
	run(over_link);
	if (over_link)
		close_link();
	else
		rte_eth_dev_stop(0);
	return 0;
}
