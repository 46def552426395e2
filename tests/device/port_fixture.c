/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#define _GNU_SOURCE
#include "port_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define PAGE 4096u
#define OPEN_MAX 4
#define STRIDE (RTE_MBUF_DEFAULT_BUF_SIZE + 64u)
#define MOAT 64u /* nobody's bytes behind each of the host's buffers */

const struct rte_ether_addr port_mac = {{0x02, 0x50, 0x56, 0x4e, 0x00, 0x01}};

static struct port *open_ports[OPEN_MAX];

/* ---- pages ---- */

/* A mapping with a page before and behind it that may not be touched. */
static uint8_t *
map_guarded(int fd, size_t size, int prot)
{
	uint8_t *area = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(area, MAP_FAILED);
	assert_ptr_equal(mmap(area + PAGE, size, prot, MAP_SHARED | MAP_FIXED, fd, 0), area + PAGE);
	return area + PAGE;
}

static void
pages_make(struct port_pages *pages, size_t bytes, bool host_writes)
{
	int fd = memfd_create("port", MFD_CLOEXEC);

	assert_true(fd >= 0);
	pages->size = RTE_ALIGN_CEIL(bytes, PAGE);
	assert_int_equal(ftruncate(fd, pages->size), 0);
	pages->guest = map_guarded(fd, pages->size, PROT_READ | PROT_WRITE);
	pages->host =
		map_guarded(fd, pages->size, host_writes ? PROT_READ | PROT_WRITE : PROT_READ);
	close(fd);
}

static void
pages_free(struct port_pages *pages)
{
	if (pages->guest != NULL)
		munmap(pages->guest - PAGE, pages->size + 2 * PAGE);
	if (pages->host != NULL)
		munmap(pages->host - PAGE, pages->size + 2 * PAGE);
	*pages = (struct port_pages){0};
}

/* Where a ring stands in its pages: so that it ends with them. */
static size_t
ring_offset(const struct port_pages *pages, uint32_t size)
{
	return pages->size - VRING_BYTES(size);
}

/* ---- pools ---- */

static const char *
next_name(const char *kind)
{
	static unsigned int number;
	static char name[32];

	snprintf(name, sizeof(name), "%s%u", kind, number++);
	return name;
}

static struct rte_mempool *
plain_pool(const char *kind, uint32_t mbufs, uint16_t room)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		next_name(kind), mbufs, 0, 0, (uint16_t)(room + RTE_PKTMBUF_HEADROOM), 0);

	assert_non_null(pool);
	return pool;
}

static struct rte_mempool *
pinned_pool(const char *kind, void *memory, uint32_t mbufs, uint16_t stride, uint16_t buf)
{
	const struct rte_pktmbuf_extmem mem = {
		.buf_ptr = memory,
		.buf_iova = RTE_BAD_IOVA,
		.buf_len = (size_t)mbufs * stride,
		.elt_size = stride,
	};
	struct rte_mempool *pool = rte_pktmbuf_pool_create_extbuf(next_name(kind), mbufs, 0, 0, buf,
								  SOCKET_ID_ANY, &mem, 1);

	assert_non_null(pool);
	return pool;
}

/* The host's mbufs have their data in memory that a sanitizer watches, with moats between. */
static void
make_host_pool(struct port *p)
{
	const uint32_t buf = p->setup.host_room + RTE_PKTMBUF_HEADROOM;
	const uint32_t stride = RTE_ALIGN_CEIL(buf, 64) + MOAT;
	uint8_t *at;

	p->host_memory = aligned_alloc(64, (size_t)stride * p->setup.host_mbufs);
	assert_non_null(p->host_memory);
	at = p->host_memory;
	for (uint32_t i = 0; i < p->setup.host_mbufs; i++, at += stride)
		ASAN_POISON_MEMORY_REGION(at + buf, stride - buf);
	p->host_pool = pinned_pool("host", p->host_memory, p->setup.host_mbufs, stride, buf);
}

static void
make_pools(struct port *p)
{
	const struct port_setup *s = &p->setup;

	p->private_pool = plain_pool("private", 1024, 2048);
	if (!s->no_host)
		make_host_pool(p);
	if (s->no_guest)
		return;
	if (s->zero_copy)
		p->guest_pool = pinned_pool("guest", p->pools[0].guest, s->guest_mbufs, STRIDE,
					    RTE_MBUF_DEFAULT_BUF_SIZE);
	else
		p->guest_pool = plain_pool("guest", s->guest_mbufs, s->guest_room);
}

/* ---- set-up ---- */

static void
set_defaults(struct port_setup *s)
{
	s->queues = s->queues == 0 ? 1 : s->queues;
	s->rx_ring = s->rx_ring == 0 ? 256 : s->rx_ring;
	s->tx_ring = s->tx_ring == 0 ? 256 : s->tx_ring;
	s->mtu = s->mtu == 0 ? 1500 : s->mtu;
	s->host_mbufs = s->host_mbufs == 0 ? 1024 : s->host_mbufs;
	s->guest_room = s->guest_room == 0 ? 2048 : s->guest_room;
	s->host_room = s->host_room == 0 ? 2048 : s->host_room;
	if (s->guest_mbufs == 0)
		s->guest_mbufs = s->queues * (s->zero_copy ? s->rx_ring + s->tx_ring : 0) + 512;
}

static size_t
pool_bytes(const struct port *p, int pool)
{
	const struct port_setup *s = &p->setup;

	if (s->no_guest)
		return (size_t)PAGE * (pool == PORT_POOL_TX ? s->tx_pages : s->rx_pages);
	if (s->zero_copy)
		return (size_t)s->guest_mbufs * STRIDE;
	return (size_t)s->queues * PVN_GUEST_SLOT_STRIDE *
	       (pool == PORT_POOL_TX ? s->tx_ring : s->rx_ring);
}

static void
make_pages(struct port *p)
{
	const struct port_setup *s = &p->setup;

	p->pool_count = s->zero_copy ? 1 : PORT_POOLS;
	for (uint16_t i = 0; i < p->pool_count; i++) {
		const bool host_writes = s->zero_copy || i == PORT_POOL_RX;
		struct port_pages *pages = &p->pools[i];

		pages_make(pages, pool_bytes(p, i), host_writes);
		p->guest_view[i] = (struct pvn_vring_pool){pages->guest, pages->size, true};
		p->host_view[i] = (struct pvn_vring_pool){pages->host, pages->size, host_writes};
	}
	for (uint16_t i = 0; i < s->queues; i++) {
		pages_make(&p->rx_rings[i], VRING_BYTES(s->rx_ring), true);
		pages_make(&p->tx_rings[i], VRING_BYTES(s->tx_ring), true);
	}
}

static void
make_guest_queue(struct port *p, uint16_t i)
{
	const struct port_setup *s = &p->setup;
	struct pvn_guest_rxq *rxq = &p->grx[i];
	struct pvn_guest_txq *txq = &p->gtx[i];

	rxq->pool = p->guest_pool;
	rxq->rearm = pvn_netbuf_rearm(p->guest_pool, 7);
	rxq->scatter = s->guest_scatter;
	rxq->shared_index = s->zero_copy ? 0 : PORT_POOL_RX;
	rxq->shared = &p->guest_view[rxq->shared_index];
	txq->shared_index = PORT_POOL_TX;
	txq->shared = &p->guest_view[PORT_POOL_TX];
	txq->features = s->features;
	txq->max_frame = s->mtu + 18;
	txq->chain = calloc(s->tx_ring, 1);
	assert_non_null(txq->chain);
	if (s->zero_copy) {
		txq->pool = p->guest_pool;
		rxq->posted = calloc(s->rx_ring, sizeof(*rxq->posted));
		txq->sent = calloc(s->tx_ring, sizeof(*txq->sent));
		assert_true(rxq->posted != NULL && txq->sent != NULL);
		return;
	}
	rxq->slots = p->pools[PORT_POOL_RX].guest + PVN_GUEST_SLOT_HEADROOM +
		     (size_t)i * s->rx_ring * PVN_GUEST_SLOT_STRIDE;
	txq->slots = p->pools[PORT_POOL_TX].guest + PVN_GUEST_SLOT_HEADROOM +
		     (size_t)i * s->tx_ring * PVN_GUEST_SLOT_STRIDE;
}

static void
make_host_queue(struct port *p, uint16_t i)
{
	const struct port_setup *s = &p->setup;
	struct pvn_host_rxq *rxq = &p->hrx[i];
	struct pvn_host_txq *txq = &p->htx[i];

	pvn_host_rxq_pool(rxq, p->host_pool, PORT_HOST_ID);
	rxq->policy = &p->policy;
	rxq->max_frame = s->mtu + 18;
	rxq->features = s->features;
	rxq->scatter = s->host_scatter;
	rxq->keep_hints = s->host_keeps_hints;
	rte_spinlock_init(&txq->lock);
	txq->features = pvn_netbuf_mirror(s->features);
	txq->max_frame = s->mtu + 18;
	txq->mergeable = (s->features & RTE_BIT64(VIRTIO_NET_F_MRG_RXBUF)) != 0;
}

void
port_open(struct port *p, const struct port_setup *setup)
{
	size_t place = 0;

	while (place < OPEN_MAX && open_ports[place] != NULL)
		place++;
	assert_true(place < OPEN_MAX);
	memset(p, 0, sizeof(*p));
	if (setup != NULL)
		p->setup = *setup;
	set_defaults(&p->setup);
	open_ports[place] = p;
	make_pages(p);
	make_pools(p);
	p->policy.check_mac = true;
	p->policy.mac = port_mac;
	assert_int_equal(pvn_host_policy_rate(&p->policy, 0), 0);
	for (uint16_t i = 0; i < p->setup.queues; i++) {
		if (!p->setup.no_guest)
			make_guest_queue(p, i);
		if (!p->setup.no_host)
			make_host_queue(p, i);
	}
	port_start(p);
}

/* ---- start and stop ---- */

static void
yield(void)
{
	sched_yield();
}

static void
start_guest(struct port *p)
{
	for (uint16_t i = 0; i < p->setup.queues; i++) {
		uint8_t *rx = p->rx_rings[i].guest + ring_offset(&p->rx_rings[i], p->setup.rx_ring);
		uint8_t *tx = p->tx_rings[i].guest + ring_offset(&p->tx_rings[i], p->setup.tx_ring);

		assert_int_equal(pvn_guest_rxq_start(&p->grx[i], rx, p->setup.rx_ring), 0);
		pvn_guest_txq_start(&p->gtx[i], tx, p->setup.tx_ring);
		pvn_gate_open(&p->grx[i].gate);
		pvn_gate_open(&p->gtx[i].gate);
	}
}

void
port_start_host(struct port *p)
{
	for (uint16_t i = 0; i < p->setup.queues; i++) {
		uint8_t *rx = p->rx_rings[i].host + ring_offset(&p->rx_rings[i], p->setup.rx_ring);
		uint8_t *tx = p->tx_rings[i].host + ring_offset(&p->tx_rings[i], p->setup.tx_ring);

		pvn_vring_dev_reset(&p->hrx[i].ring, tx, p->setup.tx_ring, p->host_view,
				    p->pool_count);
		pvn_vring_dev_reset(&p->htx[i].ring, rx, p->setup.rx_ring, p->host_view,
				    p->pool_count);
		pvn_gate_open(&p->hrx[i].gate);
		pvn_gate_open(&p->htx[i].gate);
	}
}

void
port_start(struct port *p)
{
	if (!p->setup.no_guest)
		start_guest(p);
	if (!p->setup.no_host)
		port_start_host(p);
}

void
port_stop(struct port *p)
{
	for (uint16_t i = 0; i < p->setup.queues; i++) {
		pvn_gate_shut(&p->hrx[i].gate, yield);
		pvn_gate_shut(&p->htx[i].gate, yield);
		pvn_gate_shut(&p->grx[i].gate, yield);
		pvn_gate_shut(&p->gtx[i].gate, yield);
		if (p->setup.no_guest)
			continue;
		pvn_guest_rxq_stop(&p->grx[i]);
		pvn_guest_txq_stop(&p->gtx[i]);
	}
}

static void
assert_full(const struct rte_mempool *pool)
{
	if (pool != NULL)
		assert_int_equal(rte_mempool_avail_count(pool), pool->size);
}

void
port_assert_all_back(const struct port *p)
{
	assert_full(p->host_pool);
	assert_full(p->guest_pool);
	assert_full(p->private_pool);
}

static void
free_all(struct port *p)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (open_ports[i] == p)
			open_ports[i] = NULL;
	rte_mempool_free(p->host_pool);
	rte_mempool_free(p->guest_pool);
	rte_mempool_free(p->private_pool);
	free(p->host_memory);
	for (uint16_t i = 0; i < PORT_POOLS; i++)
		pages_free(&p->pools[i]);
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++) {
		pages_free(&p->rx_rings[i]);
		pages_free(&p->tx_rings[i]);
		free(p->gtx[i].chain);
		free(p->gtx[i].sent);
		free(p->grx[i].posted);
	}
}

void
port_close(struct port *p)
{
	port_stop(p);
	port_assert_all_back(p);
	free_all(p);
}

int
port_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (open_ports[i] != NULL)
			free_all(open_ports[i]);
	return 0;
}

int
port_run(const char *name, const struct CMUnitTest *tests, size_t num)
{
	char prefix[32];
	char *argv[] = {"port-test",	 "--no-huge",	   "-m",
			"512",		 "--no-pci",	   "--no-telemetry",
			"--no-shconf",	 "--iova-mode=va", "--lcores=0@0-1",
			"--file-prefix", prefix,	   "--log-level=lib.eal:error"};
	int failed;

	snprintf(prefix, sizeof(prefix), "pvn-port-%d", (int)getpid());
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[8] = "--lcores=0@0";
	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		return EXIT_FAILURE;
	failed = _cmocka_run_group_tests(name, tests, num, NULL, NULL);
	rte_eal_cleanup();
	return failed;
}
