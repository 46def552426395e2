/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "vmx_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "vmx_bar.h"

#define OPEN_MAX 8
#define RIVAL_RX_RING_MIN 128 /* what DPDK's own driver takes */
#define RIVAL_TX_RING_MIN 512

/* Copies: a failed test leaves its function, and its struct vmx_test is gone with it. */
static struct vmx_test open_tests[OPEN_MAX];

static uint16_t
ring_or_default(uint16_t wanted, uint16_t rival_min)
{
	if (wanted == 0)
		wanted = VMX_SIZE_MIN + 4;
	if (vmx_host_is_rival() && wanted < rival_min)
		return rival_min;
	return wanted;
}

/* With PVN_DATA_RINGS=1 tests that ask for nothing else are tests of data rings. */
static void
use_data_rings(struct vmx_setup *s)
{
	if (getenv("PVN_DATA_RINGS") == NULL || vmx_host_is_rival())
		return;
	if (s->device.versions == 0 && !s->device.qemu)
		s->device.versions = VMX_VERSIONS_TO(3);
	if (s->devargs == NULL)
		s->devargs = "tx_data=on,rx_data=on";
}

static void
set_defaults(struct vmx_setup *s)
{
	use_data_rings(s);
	if (s->num_rx_queues == 0)
		s->num_rx_queues = 1;
	if (s->num_tx_queues == 0)
		s->num_tx_queues = 1;
	s->rx_ring = ring_or_default(s->rx_ring, RIVAL_RX_RING_MIN);
	s->tx_ring = ring_or_default(s->tx_ring, RIVAL_TX_RING_MIN);
	if (s->room == 0)
		s->room = VMX_ROOM;
	if (s->mtu == 0)
		s->mtu = RTE_ETHER_MTU;
	/* Both rings of each queue and the hands of the application. */
	if (s->pool_size == 0)
		s->pool_size = s->num_rx_queues * 2u * s->rx_ring + 256;
}

static struct rte_mempool *
make_pool(const char *kind, uint32_t size, uint32_t cache, uint16_t room)
{
	static unsigned int number;
	struct rte_mempool *pool;
	char name[32];

	snprintf(name, sizeof(name), "%s%u", kind, number++);
	pool = rte_pktmbuf_pool_create(name, size, cache, 0,
				       (uint16_t)(room + RTE_PKTMBUF_HEADROOM), 0);
	assert_non_null(pool);
	return pool;
}

static void
remember(struct vmx_test *t)
{
	for (size_t i = 0; i < OPEN_MAX; i++) {
		if (open_tests[i].port == NULL) {
			open_tests[i] = *t;
			return;
		}
	}
	fail_msg("too many open ports");
}

static void
forget(const struct vmx_port *port)
{
	for (size_t i = 0; i < OPEN_MAX; i++) {
		if (open_tests[i].port == port)
			open_tests[i].port = NULL;
	}
}

void
vmx_configure(struct vmx_test *t)
{
	const struct vmx_setup *s = &t->setup;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mtu = s->mtu;
	conf.rxmode.offloads = s->rx_offloads;
	conf.txmode.offloads = s->tx_offloads;
	conf.intr_conf.lsc = s->lsc;
	conf.intr_conf.rxq = s->rxq;
	conf.intr_conf.rmv = s->rmv;
	if (s->rss != NULL) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf = *s->rss;
		/* DPDK's own driver tells no length of keys, and since 23.11 ethdev demands the one
		 * told. It reads a whole key all the same.
		 */
		assert_int_equal(rte_eth_dev_info_get(t->id, &info), 0);
		if (info.hash_key_size == 0)
			conf.rx_adv_conf.rss_conf.rss_key_len = 0;
	}
	assert_int_equal(rte_eth_dev_configure(t->id, s->num_rx_queues, s->num_tx_queues, &conf),
			 0);
	for (uint16_t q = 0; q < s->num_rx_queues; q++)
		assert_int_equal(rte_eth_rx_queue_setup(t->id, q, s->rx_ring, 0, NULL, t->rx_pool),
				 0);
	for (uint16_t q = 0; q < s->num_tx_queues; q++)
		assert_int_equal(rte_eth_tx_queue_setup(t->id, q, s->tx_ring, 0, NULL), 0);
}

void
vmx_start(struct vmx_test *t)
{
	assert_int_equal(rte_eth_dev_start(t->id), 0);
}

void
vmx_stop(struct vmx_test *t)
{
	assert_int_equal(rte_eth_dev_stop(t->id), 0);
}

void
vmx_open(struct vmx_test *t, const struct vmx_setup *setup)
{
	memset(t, 0, sizeof(*t));
	if (setup != NULL)
		t->setup = *setup;
	set_defaults(&t->setup);
	t->port = vmx_host_plug(&t->setup.device, t->setup.devargs, NULL);
	assert_non_null(t->port);
	t->dev = vmx_host_device(t->port);
	t->id = vmx_host_port_id(t->port);
	t->rx_pool = make_pool("rx", t->setup.pool_size, t->setup.pool_cache, t->setup.room);
	t->tx_pool = make_pool("tx", 16384, 0, VMX_TX_ROOM);
	remember(t);
	vmx_configure(t);
	if (!t->setup.stay_stopped)
		vmx_start(t);
}

static void
free_all(struct vmx_test *t)
{
	forget(t->port);
	vmx_host_unplug(t->port);
	rte_mempool_free(t->rx_pool);
	rte_mempool_free(t->tx_pool);
}

static void
assert_nothing_lost(const struct vmx_test *t)
{
	assert_int_equal(rte_mempool_avail_count(t->rx_pool), t->rx_pool->size);
	assert_int_equal(rte_mempool_avail_count(t->tx_pool), t->tx_pool->size);
}

static void
shut(struct vmx_test *t)
{
	assert_int_equal(rte_eth_dev_stop(t->id), 0);
	assert_int_equal(rte_eth_dev_close(t->id), 0);
	vmx_host_detach(t->port);
	assert_nothing_lost(t);
}

void
vmx_finish(struct vmx_test *t)
{
	vmx_host_detach(t->port);
	assert_nothing_lost(t);
	vmx_assert_clean(t);
	free_all(t);
}

void
vmx_close(struct vmx_test *t)
{
	shut(t);
	vmx_finish(t);
}

void
vmx_close_unchecked(struct vmx_test *t)
{
	shut(t);
	free_all(t);
}

int
vmx_teardown(void **state)
{
	(void)state;
	vmx_bar_arm();
	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct vmx_test t = open_tests[i];

		if (t.port == NULL)
			continue;
		vmx_device_print_breaches(t.dev, stderr);
		if (rte_eth_dev_is_valid_port(t.id)) {
			rte_eth_dev_stop(t.id);
			rte_eth_dev_close(t.id);
		}
		free_all(&t);
	}
	return 0;
}

void
vmx_assert_clean(struct vmx_test *t)
{
	if (vmx_host_is_rival()) {
		/* test_rival.c shows these. */
		vmx_device_forgive(t->dev, VMX_BREACH_CMD_BEFORE_SHARED);
		vmx_device_forgive(t->dev, VMX_BREACH_CMD_VERSION);
		vmx_device_forgive(t->dev, VMX_BREACH_RESERVED_AREA);
	}
	if (vmx_device_breaches(t->dev) == 0)
		return;
	vmx_device_print_breaches(t->dev, stderr);
	fail_msg("%u breaches, last: %s", vmx_device_breaches(t->dev),
		 vmx_device_last_breach(t->dev));
}

void
vmx_skip_rival(const char *reason)
{
	if (!vmx_host_is_rival())
		return;
	print_message("skipped with %s: %s\n", vmx_host_driver_name(), reason);
	skip();
}

void
vmx_frame(const struct vmx_test *t, uint8_t *frame, size_t len, uint32_t seed)
{
	struct vmx_device_state state;
	uint32_t x = seed * 2654435761u + 1;

	vmx_device_state(t->dev, &state);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		frame[i] = (uint8_t)(x >> 24);
	}
	memcpy(frame, state.mac, 6);
	frame[6] = 0x02;
	frame[12] = 0x88; /* an EtherType for experiments: no header follows */
	frame[13] = 0xB5;
}

struct rte_mbuf *
vmx_chain(struct rte_mempool *pool, const void *data, size_t len, size_t room)
{
	const uint8_t *from = data;
	struct rte_mbuf *head = NULL;

	do {
		size_t n = len < room ? len : room;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		char *to;

		assert_non_null(m);
		to = rte_pktmbuf_append(m, (uint16_t)n);
		assert_non_null(to);
		memcpy(to, from, n);
		from += n;
		len -= n;
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	} while (len > 0);
	return head;
}

void
vmx_assert_content(const struct rte_mbuf *m, const void *data, size_t len)
{
	const uint8_t *expected = data;
	size_t done = 0;

	assert_int_equal(m->pkt_len, len);
	for (; m != NULL; m = m->next) {
		assert_true(done + m->data_len <= len);
		assert_memory_equal(rte_pktmbuf_mtod(m, const void *), expected + done,
				    m->data_len);
		done += m->data_len;
	}
	assert_int_equal(done, len);
}

struct rte_mbuf *
vmx_receive(struct vmx_test *t, uint16_t queue)
{
	struct rte_mbuf *m;
	const char *reason;

	if (rte_eth_rx_burst(t->id, queue, &m, 1) == 0)
		return NULL;
	if (rte_mbuf_check(m, 1, &reason) != 0)
		fail_msg("bad mbuf: %s", reason);
	assert_int_equal(m->port, t->id);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	return m;
}

void
vmx_assert_receives(struct vmx_test *t, uint16_t queue, size_t len, uint32_t seed)
{
	uint8_t frame[VMX_FRAME_MAX];
	struct rte_mbuf *m;

	vmx_frame(t, frame, len, seed);
	assert_int_equal(vmx_device_rx(t->dev, queue, frame, len, NULL), VMX_RX_DELIVERED);
	m = vmx_receive(t, queue);
	assert_non_null(m);
	vmx_assert_content(m, frame, len);
	rte_pktmbuf_free(m);
}

void
vmx_assert_sends(struct vmx_test *t, uint16_t queue, struct rte_mbuf *m, const void *data,
		 size_t len)
{
	struct vmx_frame *frame;

	assert_int_equal(rte_eth_tx_burst(t->id, queue, &m, 1), 1);
	assert_int_equal(vmx_device_run(t->dev), 1);
	frame = vmx_device_sent(t->dev);
	assert_non_null(frame);
	assert_int_equal(frame->queue, queue);
	assert_int_equal(frame->len, len);
	assert_memory_equal(frame->data, data, len);
	free(frame);
}

void
vmx_assert_works(struct vmx_test *t, unsigned int n)
{
	uint8_t frame[256];

	for (unsigned int i = 0; i < n; i++) {
		size_t len = VMX_SIZE_MIN + i % 100;

		vmx_assert_receives(t, (uint16_t)(i % t->setup.num_rx_queues), len, i);
		vmx_frame(t, frame, len, i);
		vmx_assert_sends(t, (uint16_t)(i % t->setup.num_tx_queues),
				 vmx_chain(t->tx_pool, frame, len, VMX_TX_ROOM), frame, len);
	}
}

void
vmx_assert_recovers(struct vmx_test *t, bool by_reset)
{
	vmx_stop(t);
	assert_nothing_lost(t);
	if (by_reset) {
		assert_int_equal(rte_eth_dev_reset(t->id), 0);
		vmx_configure(t);
	}
	vmx_start(t);
	vmx_assert_works(t, 20);
}

struct rte_eth_stats
vmx_stats(const struct vmx_test *t)
{
	struct rte_eth_stats stats;

	assert_int_equal(rte_eth_stats_get(t->id, &stats), 0);
	return stats;
}

uint64_t
vmx_xstat(const struct vmx_test *t, const char *name)
{
	uint64_t id, value;

	if (rte_eth_xstats_get_id_by_name(t->id, name, &id) != 0)
		fail_msg("no counter %s", name);
	assert_int_equal(rte_eth_xstats_get_by_id(t->id, &id, &value, 1), 1);
	return value;
}

static bool
is_error_name(const char *name)
{
	return strstr(name, "err") != NULL || strstr(name, "drop") != NULL ||
	       strstr(name, "bad") != NULL || strstr(name, "nombuf") != NULL;
}

uint64_t
vmx_errors(const struct vmx_test *t)
{
	struct rte_eth_xstat_name names[1024];
	struct rte_eth_xstat values[1024];
	int n = rte_eth_xstats_get_names(t->id, names, RTE_DIM(names));
	uint64_t sum = 0;

	assert_true(n > 0 && n <= (int)RTE_DIM(names));
	assert_int_equal(rte_eth_xstats_get(t->id, values, RTE_DIM(values)), n);
	for (int i = 0; i < n; i++) {
		if (is_error_name(names[i].name))
			sum += values[i].value;
	}
	return sum;
}

int
vmx_run(const char *name, const struct CMUnitTest *tests, size_t num)
{
	int failed;

	vmx_host_init();
	failed = _cmocka_run_group_tests(name, tests, num, NULL, NULL);
	vmx_host_exit();
	return failed;
}
