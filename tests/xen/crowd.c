/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Hundreds of guests in one process, for tests of a switch: front ends over lib/xen and
 * lib/guestport, without a driver, of which DPDK has 32 at most.
 *
 *   crowd EAL-ARGS -- SOCKET DOMAINS HANDLES
 *
 * Domains 1 to DOMAINS have devices 0 to HANDLES - 1 each; devices of one handle are in one VLAN.
 *
 *   attach        as the toolstack, all of them; "attached"
 *   connect       all of them; "connected N"
 *   exchange N    each sends to all of its VLAN once, then N frames to the next one of it:
 *                 "exchanged good=N bad=N foreign=N"; ends when all have come or 20 s went by
 *   detach        as the toolstack, all of them at once: "detached"
 *   quit
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include <pvn_guestport.h>
#include <pvn_xen.h>
#include <pvn_xenbus.h>
#include <xenvirt.h>

#include "peer_frame.h"

#define SIZE 32u /* of rings */
#define POOL_BYTES ((size_t)SIZE * PVN_GUEST_SLOT_STRIDE)
#define POOL_PAGES ((POOL_BYTES + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE)
#define RING_PAGES ((VRING_BYTES(SIZE) + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE)
#define BACK 0 /* the switch's domain */
#define DEADLINE_S 20
#define FRAME 200

struct pages {
	void *addr;
	uint32_t refs[POOL_PAGES];
	uint32_t directory;
};

struct guest {
	struct pvn_xen *x;
	uint16_t domid, handle;
	char front[64], back[64];
	struct rte_ether_addr mac;
	uint8_t *control;
	uint32_t control_ref;
	int event;
	struct pages rx_ring, tx_ring, pool[2]; /* 0: tx, 1: rx */
	struct pvn_vring_pool map[2];
	uint8_t chain[SIZE];
	struct pvn_guest_rxq rxq;
	struct pvn_guest_txq txq;
	bool answered, connected;
};

static struct guest *guests;
static uint32_t domains, handles, count;
static struct rte_mempool *pool;
static uint64_t good, bad, foreign;

static void
need(bool good_, const char *what)
{
	if (!good_)
		rte_exit(1, "crowd: %s: %s\n", what, pvn_xen_why());
}

/* ---- sharing ---- */

static void
share(struct guest *g, struct pages *p, uint32_t pages, bool writable)
{
	p->addr = pvn_xen_share(g->x, BACK, pages, writable, p->refs);
	need(p->addr != NULL, "share");
}

static void
share_pool(struct guest *g, unsigned int k)
{
	struct pages *p = &g->pool[k];
	pvn_le32 *entries;

	share(g, p, POOL_PAGES, k == 1);
	entries = pvn_xen_share(g->x, BACK, 1, false, &p->directory);
	need(entries != NULL, "share a directory");
	for (uint32_t i = 0; i < POOL_PAGES; i++)
		entries[i] = pvn_cpu_to_le32(p->refs[i]);
	g->map[k] = (struct pvn_vring_pool){
		.base = p->addr,
		.size = POOL_PAGES * PVN_XEN_PAGE_SIZE,
		.writable = k == 1,
	};
}

static void
begin(struct guest *g, struct pvn_xen *x, uint16_t domid, uint16_t handle)
{
	g->x = x;
	g->domid = domid;
	g->handle = handle;
	g->mac = (struct rte_ether_addr){{2, 0, 0, 0, domid, handle}};
	snprintf(g->front, sizeof(g->front), XENVIRT_FRONT_DIR, domid, handle);
	snprintf(g->back, sizeof(g->back), XENVIRT_BACK_DIR, BACK, domid, handle);
	g->event = pvn_xen_event_alloc(x, BACK);
	need(g->event >= 0, "event channel");
	g->control = pvn_xen_share_notify(x, BACK, &g->control_ref, XENVIRT_CONTROL_FRONT_ALIVE,
					  g->event);
	need(g->control != NULL, "control page");
	g->control[XENVIRT_CONTROL_FRONT_ALIVE] = 1;
	share(g, &g->rx_ring, RING_PAGES, true);
	share(g, &g->tx_ring, RING_PAGES, true);
	share_pool(g, 0);
	share_pool(g, 1);
	g->txq.slots = (uint8_t *)g->pool[0].addr + PVN_GUEST_SLOT_HEADROOM;
	g->txq.shared = &g->map[0];
	g->txq.chain = g->chain;
	g->rxq.slots = (uint8_t *)g->pool[1].addr + PVN_GUEST_SLOT_HEADROOM;
	g->rxq.shared = &g->map[1];
	g->rxq.shared_index = 1;
	g->rxq.pool = pool;
	g->rxq.rearm = pvn_netbuf_rearm(pool, 0);
}

/* ---- the answer ---- */

static int
put(struct guest *g, uint32_t txn, const char *node, uint64_t value)
{
	return pvn_xenbus_write(g->x, txn, g->front, node, "%" PRIu64, value);
}

static int
put_pool(struct guest *g, uint32_t txn, unsigned int k)
{
	char node[32];
	int ret;

	snprintf(node, sizeof(node), "pool-%u/pages", k);
	ret = put(g, txn, node, POOL_PAGES);
	snprintf(node, sizeof(node), "pool-%u/access", k);
	if (ret >= 0)
		ret = pvn_xenbus_write(g->x, txn, g->front, node, "%s", k == 1 ? "write" : "read");
	snprintf(node, sizeof(node), "pool-%u/directory-ref", k);
	return ret < 0 ? ret : put(g, txn, node, g->pool[k].directory);
}

static int
put_ring(struct guest *g, uint32_t txn, const char *name, struct pages *ring)
{
	char node[32];
	int ret;

	snprintf(node, sizeof(node), "queue-0/%s-ring-size", name);
	ret = put(g, txn, node, SIZE);
	snprintf(node, sizeof(node), "queue-0/%s-ring-ref", name);
	return ret < 0 ? ret
		       : pvn_xenbus_write_refs(g->x, txn, g->front, node, ring->refs, RING_PAGES);
}

static int
write_answer(struct pvn_xen *x, uint32_t txn, void *arg)
{
	struct guest *g = arg;
	char connection[32];
	const uint64_t numbers[] = {XENVIRT_VERSION, 1, 2, g->event, g->control_ref};
	const char *const nodes[] = {"version", "queues", "pools", "event-channel", "control-ref"};
	int ret = pvn_xenbus_read(x, txn, g->back, "connection", connection, sizeof(connection));

	for (size_t i = 0; i < RTE_DIM(nodes) && ret >= 0; i++)
		ret = put(g, txn, nodes[i], numbers[i]);
	if (ret >= 0)
		ret = put_ring(g, txn, "rx", &g->rx_ring);
	if (ret >= 0)
		ret = put_ring(g, txn, "tx", &g->tx_ring);
	for (unsigned int k = 0; k < 2 && ret >= 0; k++)
		ret = put_pool(g, txn, k);
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->front, "features", "%" PRIx64,
				       RTE_BIT64(VIRTIO_F_VERSION_1) |
					       RTE_BIT64(VIRTIO_F_IN_ORDER));
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->front, "connection", "%s", connection);
	return ret < 0 ? ret : put(g, txn, "state", PVN_XENBUS_INITIALISED);
}

/* A step on the way to a connection, if there is one now. */
static void
step(struct guest *g)
{
	const enum pvn_xenbus_state back = pvn_xenbus_state(g->x, g->back);

	if (!g->answered && back == PVN_XENBUS_INIT_WAIT) {
		g->txq.features = 0;
		g->txq.max_frame = XENVIRT_FRAME_MAX(XENVIRT_MTU_DEFAULT);
		pvn_guest_txq_start(&g->txq, g->tx_ring.addr, SIZE);
		need(pvn_guest_rxq_start(&g->rxq, g->rx_ring.addr, SIZE) == 0, "rx ring");
		g->answered = pvn_xenbus_transact(g->x, write_answer, g) >= 0;
	} else if (g->answered && back == PVN_XENBUS_CONNECTED) {
		need(put(g, PVN_XEN_NO_TXN, "state", PVN_XENBUS_CONNECTED) >= 0, "state");
		pvn_gate_open(&g->rxq.gate);
		pvn_gate_open(&g->txq.gate);
		g->connected = true;
	}
}

static void
connect_all(void)
{
	uint32_t connected = 0;

	while (connected < count) {
		connected = 0;
		for (uint32_t i = 0; i < count; i++) {
			if (!guests[i].connected)
				step(&guests[i]);
			connected += guests[i].connected;
		}
		sched_yield();
	}
	printf("connected %u\n", connected);
}

/* ---- frames ---- */

/* guests[] is by domain, then by handle; the number of a frame says who sent it. */
static void
receive(struct guest *g)
{
	struct rte_mbuf *mbufs[SIZE];
	uint16_t n = pvn_guest_rx_copy(&g->rxq, mbufs, SIZE);
	uint64_t seq;

	for (uint16_t i = 0; i < n; i++) {
		if (!peer_frame_check(mbufs[i], &seq))
			bad++;
		else if ((seq >> 32) >= count || guests[seq >> 32].handle != g->handle ||
			 &guests[seq >> 32] == g)
			foreign++;
		else
			good++;
	}
	rte_pktmbuf_free_bulk(mbufs, n);
}

static void
send_one(struct guest *g, const struct rte_ether_addr *to, uint32_t number)
{
	const uint64_t seq = (uint64_t)(g - guests) << 32 | number;
	struct rte_mbuf *m = peer_frame_make(pool, to, &g->mac, seq, FRAME);

	need(m != NULL, "mbuf");
	while (pvn_guest_tx_copy(&g->txq, &m, 1) == 0)
		sched_yield();
}

/* Until all frames are there. False: it takes too long. */
static bool
await(uint64_t wanted)
{
	const uint64_t end = rte_get_timer_cycles() + DEADLINE_S * rte_get_timer_hz();

	while (good + bad + foreign < wanted) {
		if (rte_get_timer_cycles() > end)
			return false;
		for (uint32_t i = 0; i < count; i++)
			receive(&guests[i]);
		sched_yield();
	}
	return true;
}

/* The rings hold what a turn brings, so nothing is dropped for want of room. */
static void
exchange(uint32_t frames)
{
	const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint64_t wanted = 0;
	bool well = true;

	good = bad = foreign = 0;
	for (uint32_t i = 0; i < count && well; i++) {
		send_one(&guests[i], &all, 0);
		wanted += domains - 1;
		if (i % handles == handles - 1)
			well = await(wanted);
	}
	for (uint32_t k = 1; k <= frames && well; k++) {
		for (uint32_t i = 0; i < count; i++)
			send_one(&guests[i], &guests[(i + handles) % count].mac, k);
		wanted += count;
		well = await(wanted);
	}
	printf("exchanged good=%" PRIu64 " bad=%" PRIu64 " foreign=%" PRIu64 "\n", good, bad,
	       foreign);
}

/* ---- the rest ---- */

/* A directory of one end, which the other may read. */
static int
make_dir(struct pvn_xen *x, uint32_t txn, const char *dir, uint16_t owner, uint16_t reader)
{
	const struct pvn_xen_perm perms[] = {{.domid = owner}, {.domid = reader, .read = true}};
	int ret = pvn_xen_mkdir(x, txn, dir);

	return ret < 0 ? ret : pvn_xen_set_perms(x, txn, dir, perms, RTE_DIM(perms));
}

static int
write_device(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct guest *g = arg;
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	int ret = make_dir(x, txn, g->front, g->domid, BACK);

	rte_ether_format_addr(mac, sizeof(mac), &g->mac);
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->front, "state", "1");
	if (ret >= 0)
		ret = make_dir(x, txn, g->back, BACK, g->domid);
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->back, "state", "1");
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->back, "mac", "%s", mac);
	if (ret >= 0)
		ret = pvn_xenbus_write(x, txn, g->back, "vlan", "%u", 100u + g->handle);
	return ret < 0 ? ret : pvn_xenbus_write(x, txn, g->back, "online", "1");
}

static int
write_offline(struct pvn_xen *x, uint32_t txn, void *arg)
{
	return pvn_xenbus_write(x, txn, ((const struct guest *)arg)->back, "online", "0");
}

/* For each device, what a toolstack does. */
static void
manage(const char *socket, int (*what)(struct pvn_xen *, uint32_t, void *), const char *done)
{
	struct pvn_xen *x;
	char spec[160];
	int ret = 0;

	snprintf(spec, sizeof(spec), "local:%s:%u", socket, BACK);
	need(pvn_xen_open(spec, &x) == 0, spec);
	for (uint32_t i = 0; i < count; i++) {
		/* Others write too. */
		while ((ret = pvn_xenbus_transact(x, what, &guests[i])) == -EAGAIN)
			sched_yield();
		need(ret >= 0, guests[i].back);
	}
	pvn_xen_close(x);
	printf("%s\n", done);
}

static void
set_up(const char *socket)
{
	char spec[160];

	pool = rte_pktmbuf_pool_create("crowd", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	count = domains * handles;
	guests = calloc(count, sizeof(*guests));
	need(pool != NULL && guests != NULL, "memory");
	for (uint32_t d = 0; d < domains; d++) {
		struct pvn_xen *x;

		snprintf(spec, sizeof(spec), "local:%s:%u", socket, d + 1);
		need(pvn_xen_open(spec, &x) == 0, spec);
		for (uint32_t h = 0; h < handles; h++)
			begin(&guests[d * handles + h], x, d + 1, h);
	}
	printf("ready %u\n", count);
}

int
main(int argc, char **argv)
{
	char line[64];
	uint32_t frames;
	int ret = rte_eal_init(argc, argv);

	if (ret < 0 || argc - ret != 4)
		rte_exit(2, "usage: crowd EAL-ARGS -- SOCKET DOMAINS HANDLES\n");
	argv += ret;
	setlinebuf(stdout);
	domains = atoi(argv[2]);
	handles = atoi(argv[3]);
	set_up(argv[1]);
	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "quit\n") != 0) {
		if (strcmp(line, "connect\n") == 0)
			connect_all();
		else if (sscanf(line, "exchange %u", &frames) == 1)
			exchange(frames);
		else if (strcmp(line, "attach\n") == 0)
			manage(argv[1], write_device, "attached");
		else if (strcmp(line, "detach\n") == 0)
			manage(argv[1], write_offline, "detached");
	}
	return 0;
}
